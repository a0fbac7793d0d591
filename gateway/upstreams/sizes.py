"""How large a model is, and whether it chats or embeds, as far as names and listings tell. Pure."""

from __future__ import annotations

import re

_TIMES = re.compile(r"(?<![a-z0-9.])(\d+)x(\d+(?:\.\d+)?)b(?![a-z0-9])")
"""`8x7b`: a mixture counted by its experts."""
_SIZE = re.compile(r"(?<![a-z0-9.])e?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")
"""`8b`, `0.6B`, `270m`; `e2b` is how some say effective size. `a3b`, the active part of a mixture,
and `4bit` are none."""
_UNITS = {"b": 1e9, "m": 1e6, "k": 1e3, "t": 1e12}
_NO_CHAT = re.compile(
    r"embed|rerank|minilm|(?:^|[/:_-])(?:bge|gte|e5|clip|whisper|parakeet|kokoro|tts|asr)(?=[-_:./]|$)"
)


_EMBEDS = re.compile(r"embed|minilm|(?:^|[/:_-])(?:bge|gte|e5)(?=[-_:./]|$)")
_RERANKS = re.compile(r"rerank|cross-encoder")


def parameters_in_name(name: str) -> int | None:
    """Parameters a model's name claims; the largest claim counts. None when it claims nothing."""
    text = name.lower()
    found = [round(int(times) * float(each) * 1e9) for times, each in _TIMES.findall(text)]
    found += [round(float(number) * _UNITS[unit]) for number, unit in _SIZE.findall(text)]
    return max(found, default=None)


def parameters_in_label(label: str) -> int | None:
    """`8.2B` or `137M`, as Ollama writes sizes; None for anything else."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmbt])\s*", label.lower())
    return round(float(match[1]) * _UNITS[match[2]]) if match else None


def chats(name: str) -> bool:
    """False for names of models that embed, rerank, transcribe or speak."""
    return _NO_CHAT.search(name.lower()) is None


def embeds(name: str) -> bool:
    """True for names of models that make vectors of texts."""
    text = name.lower()
    return _EMBEDS.search(text) is not None and _RERANKS.search(text) is None
