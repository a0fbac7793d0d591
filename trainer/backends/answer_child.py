# pyright: basic
"""Answers requests with one model, in a child process: loaded once, greedy, as a server would.

Arguments: the base's directory, an adapter's directory or `-`, a file of requests (a JSON object a
line: `key`, `messages`, `tools`, `max_tokens`), and the file for the answers (`key`, `message`; the
message as `mlx_lm.server` gives it). Each answer is written as it comes, so what a killed child has
answered need not be asked again. (Basic type checking: mlx_lm has no types.)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BATCH = 32
"""Requests answered at once."""
THINKING = 2048
"""Tokens more for a model that thinks before it answers."""


def main(arguments: list[str]) -> None:
    """Answer all of them."""
    from mlx_lm import batch_generate, load

    base, adapter, asked, answered = arguments
    model, tokenizer = load(base, adapter_path=None if adapter == "-" else adapter)[:2]
    room = THINKING if tokenizer.has_thinking else 0
    requests = [json.loads(line) for line in Path(asked).read_text("utf-8").splitlines()]
    prompts = [_prompt(tokenizer, request) for request in requests]
    order = sorted(range(len(requests)), key=lambda at: len(prompts[at]))
    with Path(answered).open("a", encoding="utf-8") as file:
        for batch in _batches(order):
            said = batch_generate(
                model,
                tokenizer,
                [prompts[at] for at in batch],
                max_tokens=[requests[at]["max_tokens"] + room for at in batch],
            )
            for at, text in zip(batch, said.texts, strict=True):
                message = _message(tokenizer, text, requests[at]["tools"])
                print(json.dumps({"key": requests[at]["key"], "message": message}), file=file)
            file.flush()
            print(f"answered {len(batch)}", flush=True)  # noqa: T201 - how far it is


def _prompt(tokenizer: Any, request: dict[str, Any]) -> list[int]:
    return tokenizer.apply_chat_template(
        request["messages"],
        tools=request["tools"] or None,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=False,
    )


def _batches(order: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]


def _message(tokenizer: Any, text: str, tools: list[Any]) -> dict[str, Any]:
    """What was said after thinking, and the calls in it apart. A call that cannot be read has no
    arguments."""
    text = _spoken(tokenizer, text)
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if not tokenizer.has_tool_calling or tokenizer.tool_call_start not in text:
        return message
    content, *calls = text.split(tokenizer.tool_call_start)
    texts = [call.partition(tokenizer.tool_call_end)[0] for call in calls]
    found = [call for each in texts for call in _calls(tokenizer, each, tools)]
    return message | {"content": content, "tool_calls": found}


def _spoken(tokenizer: Any, text: str) -> str:
    """The text without the thinking before it. Some templates begin the thinking in the prompt, so
    its end alone may be there; thinking that never ended was followed by nothing."""
    if not tokenizer.has_thinking:
        return text
    thought, ended, after = text.rpartition(tokenizer.think_end)
    if not ended:
        return text.partition(tokenizer.think_start)[0]
    before, begun, _ = thought.partition(tokenizer.think_start)
    return before + after if begun else after


def _calls(tokenizer: Any, text: str, tools: list[Any]) -> list[dict[str, Any]]:
    try:
        parsed = tokenizer.tool_parser(text, tools)
        calls = parsed if isinstance(parsed, list) else [parsed]
        return [
            {"function": {"name": call["name"], "arguments": call.get("arguments") or {}}}
            for call in calls
        ]
    except Exception:  # whatever a model may write, in any parser of mlx-lm's
        return [{"function": {"name": "", "arguments": None}}]


if __name__ == "__main__":
    main(sys.argv[1:])
