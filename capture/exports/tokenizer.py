"""A model's own tokenizer and chat template, read from a directory on this machine.

Nothing is downloaded, and no code that lies beside a model is run. Needs transformers, which is
looked for when a tokenizer is asked for: serving never loads it. (mlx-lm brings it along.)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from capture.exports.chat import Json

INSTALL = "pip install transformers, into majordomo's environment"


class TokenizerError(Exception):
    """There is no tokenizer to be had. Says why and what to do, for people."""


class Tokenizer:
    """Text and messages as the tokens of one model."""

    def __init__(self, loaded: Any, name: str) -> None:
        self._loaded = loaded
        self.name = name
        """Of its directory."""

    def count(self, text: str) -> int:
        """How many tokens a text has."""
        return len(self._loaded.encode(text, add_special_tokens=False))

    def prompt(self, messages: Sequence[Json], tools: Sequence[Json]) -> list[int]:
        """What a model is given to reply to these messages. Raises what templates raise."""
        return self._rendered(messages, tools, add_generation_prompt=True)

    def whole(self, messages: Sequence[Json], tools: Sequence[Json]) -> list[int]:
        """Messages of which the last is a reply. Raises what templates raise."""
        return self._rendered(messages, tools, add_generation_prompt=False)

    def text(self, tokens: Sequence[int]) -> str:
        """What tokens say, but for those that only mark where a message begins and ends. Raises
        what tokenizers raise for ids that are not theirs."""
        return self._loaded.decode(list(tokens), skip_special_tokens=True)

    def _rendered(
        self, messages: Sequence[Json], tools: Sequence[Json], *, add_generation_prompt: bool
    ) -> list[int]:
        return list(
            self._loaded.apply_chat_template(
                list(messages),
                tools=list(tools) or None,
                add_generation_prompt=add_generation_prompt,
                tokenize=True,
                return_dict=False,
            )
        )


def load_tokenizer(directory: Path) -> Tokenizer:
    """The one in a model's directory. Raises TokenizerError."""
    if not (directory / "tokenizer_config.json").is_file():
        raise TokenizerError(f"there is no tokenizer in {directory}: name a model's directory")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # it would miss PyTorch, aloud
    try:
        transformers: Any = import_module("transformers")
    except ImportError:
        raise TokenizerError(f"a tokenizer needs transformers: {INSTALL}") from None
    try:
        loaded = transformers.AutoTokenizer.from_pretrained(
            str(directory), local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # whatever may be wrong with somebody's files
        raise TokenizerError(f"the tokenizer in {directory} cannot be read: {error}") from error
    return Tokenizer(loaded, directory.name)
