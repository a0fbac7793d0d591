"""What `majordomo export` counts tokens with, and who writes the summaries of what it compresses.

Summaries come from the running gateway's local models, asked as every client asks and marked
private, so that no word of them leaves home. A model that fails is asked no more after a few times,
and summaries are extracted instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from capture.compression import SUMMARY_TOKENS, Limits, Turn
from capture.exports.compressing import Compressor, estimate
from capture.exports.tokenizer import Tokenizer, TokenizerError, load_tokenizer
from capture.narrowing import list_of, object_of, text_of
from gateway.client import ClientTrouble, running, tell
from gateway.commands.console import fail
from gateway.features import PRIVATE_HEADER, SKILL_HEADER
from gateway.home import Home
from gateway.keys import KeysError
from gateway.settings import Settings
from gateway.upstreams.house_model import HOUSE_MODEL_DIR

LocalMode = Literal["resting", "active"]
"""Where a summary may be written; never in the cloud."""
SECONDS = 180.0
"""A local model may have to be loaded first."""
_MOST_FAILURES = 3
_WHOLE, _HEAD, _TAIL = 3000, 1500, 500
"""Characters of a turn that a model is shown: all up to the first, else these of both ends."""
_TASK = (
    "Summarize these turns of a conversation between a user and an agent with tools: what was "
    "asked, what was done with which results, what is still open. Keep names, paths and numbers. "
    "Reply with the summary alone, in at most {tokens} tokens.\n\n{turns}"
)


def tokenizer_of(directory: Path) -> Tokenizer:
    """The tokenizer in a directory; ends the command when there is none."""
    try:
        return load_tokenizer(directory)
    except TokenizerError as error:
        fail(str(error))


def base_of(settings: Settings) -> Path:
    """The directory of the model that trains here: its tokens are what rows are made of."""
    base = settings.trainer.base
    return HOUSE_MODEL_DIR if base is None else Path(base).expanduser().absolute()


def compressor_of(
    home: Home, tokens: int, tokenizer: Tokenizer | None, mode: LocalMode | None
) -> Compressor:
    """What makes rows fit `tokens`; ends the command when that cannot be."""
    if mode is not None and running(home) is None:
        fail(f"Majordomo is not running for {home.root}: start it, or leave `--summarise-with` out")
    summarise = None if mode is None else LocalSummaries(home, mode)
    limits = Limits(tokens, summary=min(SUMMARY_TOKENS, tokens // 4))
    if tokenizer is None:
        return Compressor(limits, estimate, summarise=summarise)
    return Compressor(limits, tokenizer.count, tokenizer.name, summarise)


class LocalSummaries:
    """Summaries by a local model of the gateway that serves a home."""

    def __init__(self, home: Home, mode: LocalMode) -> None:
        self._home = home
        self._mode = mode
        self._failed = 0

    def __call__(self, turns: Sequence[Turn], tokens: int) -> str | None:
        """These turns in at most so many tokens; None where the model gives nothing."""
        if self._failed >= _MOST_FAILURES:
            return None
        written = self._asked("\n\n".join(map(_shown, turns)), tokens)
        self._failed = 0 if written else self._failed + 1
        return written

    def _asked(self, turns: str, tokens: int) -> str | None:
        task = _TASK.format(tokens=tokens, turns=turns)
        body = {
            "model": self._mode,
            "messages": [{"role": "user", "content": task}],
            "max_tokens": tokens,
            "temperature": 0.3,
        }
        headers = {PRIVATE_HEADER: "true", SKILL_HEADER: "summary"}
        try:
            reply = tell(self._home, "/v1/chat/completions", body, headers=headers, seconds=SECONDS)
        except (ClientTrouble, KeysError, OSError):
            return None
        choices = [object_of(choice) for choice in list_of(reply.get("choices"))]
        message = object_of(choices[0].get("message")) if choices and choices[0] else None
        return None if message is None else text_of(message.get("content"))


def _shown(turn: Turn) -> str:
    """One turn as the model is shown it."""
    text = turn.text
    if len(text) > _WHOLE:
        text = f"{text[:_HEAD]}\n...\n{text[-_TAIL:]}"
    return f"[{turn.role}]\n{text}"
