"""Turns and rows as the trainer gets them, made of thin air."""

from __future__ import annotations

from typing import Any

from capture.exchange import Mode
from capture.redact import Redactor
from capture.trainable import TrainableTurn
from trainer.rows import Row

REDACTOR = Redactor("secrets", b"the salt of a test")


def says(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def calls(name: str, arguments: Any, text: str | None = None) -> dict[str, Any]:
    call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": text, "tool_calls": [call]}


def turn(id_: str, **changes: Any) -> TrainableTurn:
    """A successful BURST turn, different in what `changes` says."""
    fields: dict[str, Any] = {
        "id": id_,
        "conversation": f"conversation of {id_}",
        "began_at": 1_790_000_000.0,
        "private": False,
        "skill": "tool:read_file",
        "mode": Mode.BURST,
        "upstream": "claude",
        "model": "claude-opus-4-5",
        "adapter": None,
        "outcome": "success",
        "confidence": 0.6,
        "corrected": False,
        "request": {"messages": [{"role": "user", "content": f"read {id_}"}], "tools": []},
        "reply": calls("read_file", f'{{"path": "{id_}"}}'),
    }
    return TrainableTurn(**fields | changes)


def row(id_: str, skill: str = "tool:read_file", conversation: str | None = None) -> Row:
    messages = [{"role": "user", "content": id_}, says(f"this is {id_}")]
    return Row(id_, conversation or f"conversation of {id_}", skill, messages, [])
