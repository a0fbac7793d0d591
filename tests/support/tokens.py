"""A tokenizer of which every test can say what it makes: a token is a byte of ChatML."""

from __future__ import annotations

import json
from typing import Any

from capture.exports.tokenizer import Tokenizer


class _Bytes:
    """What transformers would have loaded."""

    def encode(self, text: str, **_: Any) -> list[int]:
        return list(text.encode())

    def decode(self, tokens: list[int], **_: Any) -> str:
        return bytes(tokens).decode()

    def apply_chat_template(
        self, messages: list[Any], *, tools: Any, add_generation_prompt: bool, **_: Any
    ) -> list[int]:
        text = f"tools {json.dumps(tools)}\n" if tools else ""
        for message in messages:
            if message["content"] == "refused":
                raise ValueError("no such content")
            text += f"<{message['role']}>{said(message)}\n"
        return self.encode(text + ("<assistant>" if add_generation_prompt else ""))


def said(message: dict[str, Any]) -> str:
    """A message's text, as the template has it."""
    calls = [call["function"] for call in message.get("tool_calls", ())]
    return message["content"] + (json.dumps(calls) if calls else "")


BYTES = Tokenizer(_Bytes(), "bytes")
