"""Files of other programs, to import.

The samples are written by hand, in the form in which each program writes, but for the trajectories:
those Hermes Agent 0.19.0 wrote itself, asking a stand-in for a model; their list of tools is cut.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
from hypothesis import strategies as st

from capture.imports import Conversation, Format, Found, Skipped, conversations
from capture.imports.source import opened

SAMPLES = Path(__file__).parents[1] / "capture" / "imports" / "samples"
FILES = {
    Format.CLAUDE_API: "claude-api.jsonl",
    Format.CLAUDE_CODE: "claude-code.jsonl",
    Format.CLAUDE_EXPORT: "claude-export.json",
    Format.HELICONE: "helicone.json",
    Format.LITELLM: "litellm.jsonl",
    Format.OPENAI: "openai.jsonl",
    Format.OPENCLAW: "openclaw.jsonl",
    Format.TRAJECTORIES: "trajectories.jsonl",
}

CALL = [
    {
        "id": "call_1",
        "call_id": "call_1",
        "response_item_id": "fc_1",
        "type": "function",
        "function": {"name": "terminal", "arguments": '{"command": "echo hello"}'},
    }
]
"""As Hermes keeps a call."""
SESSION: tuple[dict[str, Any], ...] = (
    {"role": "user", "content": "Please echo hello"},
    {
        "role": "assistant",
        "content": "Running it.",
        "tool_calls": orjson.dumps(CALL).decode(),
        "finish_reason": "tool_calls",
        "reasoning": "A command.",
    },
    {
        "role": "tool",
        "content": '{"output": "hello", "exit_code": 0}',
        "tool_call_id": "call_1",
        "tool_name": "terminal",
    },
    {"role": "assistant", "content": "It says hello.", "finish_reason": "stop"},
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def read(path: Path, format: Format) -> tuple[list[Conversation], list[Skipped]]:
    """What a file holds, and what is left out."""
    found: list[Found] = []
    with opened(path) as source:
        found += conversations(source, format)
    held = [each for each in found if isinstance(each, Conversation)]
    return held, [each for each in found if isinstance(each, Skipped)]


def said(conversation: Conversation) -> list[tuple[str, str]]:
    """Who said what; of calls, their names."""
    return [
        (
            turn.message.role,
            " ".join([turn.message.text, *(call.name for call in turn.message.tool_calls)]).strip(),
        )
        for turn in conversation.turns
    ]


def lines(path: Path, *values: object) -> Path:
    """A file of JSON lines; bytes are written as they are."""
    made = (each if isinstance(each, bytes) else orjson.dumps(each) for each in values)
    path.write_bytes(b"".join(line + b"\n" for line in made))
    return path


def hermes_state(
    path: Path,
    sessions: Sequence[tuple[str, Sequence[dict[str, Any]]]] = (("20261120_1", SESSION),),
    **about: Any,
) -> Path:
    """A `state.db` in Hermes' own schema, of sessions by id."""
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript((SAMPLES / "hermes-state.sql").read_text())
        for number, (id_, messages) in enumerate(sessions):
            fields = {"model": "claude-opus-4-5", "system_prompt": "You are Hermes.", **about}
            fields = {"id": id_, "source": "cli", "started_at": 1.795e9 + number * 3600} | fields
            _insert(db, "sessions", fields)
            for at, message in enumerate(messages):
                stamp = 1.795e9 + number * 3600 + at
                _insert(db, "messages", {"session_id": id_, "timestamp": stamp, **message})
    return path


def _insert(db: sqlite3.Connection, table: str, fields: dict[str, Any]) -> None:
    marks = ",".join("?" * len(fields))
    db.execute(f"INSERT INTO {table} ({','.join(fields)}) VALUES ({marks})", tuple(fields.values()))
