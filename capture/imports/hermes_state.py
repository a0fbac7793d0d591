"""Hermes Agent's `state.db`: its sessions, out of a private copy of the file.

No statement writes the copy (`query_only`), its schema is checked before anything is asked of it,
and only plain reads of two plain tables are let through: no view, no virtual table, no function and
no trigger of the file's ever runs. What was taken back (`/undo`) stays out. Of a session that was
compacted, what was said before its first compaction is one conversation and what stands now
another, in which replies from before are no exchanges again; what lay between two compactions is
left out and told.

The tools offered are not in this file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from capture.conversations import know
from capture.imports.conversation import (
    MOST_MESSAGES,
    Conversation,
    Found,
    NotThisFormat,
    Skipped,
    Turn,
    Unreadable,
)
from capture.imports.times import moment
from capture.messages import ContentPart, Message
from capture.narrowing import Json, Malformed, list_of, loads, object_of, text_of
from capture.plain import plain_message
from capture.replies import FINISHES, read_message
from capture.synthetic import is_synthetic

_NEEDED = {
    "sessions": ("id", "model", "started_at"),
    "messages": ("id", "session_id", "role", "content", "tool_call_id", "tool_calls", "timestamp"),
}
_WANTED = {
    "sessions": ("system_prompt", "source", "billing_base_url"),
    "messages": (
        "tool_name",
        "finish_reason",
        "reasoning",
        "reasoning_content",
        "active",
        "compacted",
    ),
}
"""Columns that older versions do not have."""
_JSON = "\x00json:"
"""What content that is no text begins with."""
_VALUE_BYTES = 64 << 20
_ALLOWED = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE))


def conversations(copy: Path) -> Iterator[Found]:
    """Every session of a copy of the file, by when it began. Raises NotThisFormat."""
    try:
        with closing(_opened(copy)) as db:
            columns = _columns(db)
            _guard(db)
            for session in db.execute(_select("sessions", columns, "", "started_at, id")):
                yield from _session(db, columns, session)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        # SQLite's own words may quote what is in the file
        why = getattr(error, "sqlite_errorname", None) or type(error).__name__
        raise NotThisFormat(f"it is not a whole SQLite database ({why})") from error


def _opened(copy: Path) -> sqlite3.Connection:
    # a log that was copied with it is taken in, so the copy is written; nothing else ever is
    db = sqlite3.connect(f"{copy.absolute().as_uri()}?mode=rw", uri=True)
    db.row_factory = sqlite3.Row
    db.text_factory = _text
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _VALUE_BYTES)
    db.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    for pragma in ("trusted_schema=OFF", "query_only=ON", "cell_size_check=ON", "mmap_size=0"):
        db.execute(f"PRAGMA {pragma}").close()
    return db


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _columns(db: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    """The columns to ask for. Raises NotThisFormat for another schema."""
    found: dict[str, tuple[str, ...]] = {}
    for table, needed in _NEEDED.items():
        row = db.execute(
            "SELECT type, sql FROM sqlite_master WHERE name = ? COLLATE NOCASE", (table,)
        ).fetchone()
        told = "" if row is None else str(row["sql"]).lstrip().upper()
        if row is None or row["type"] != "table" or not told.startswith("CREATE TABLE"):
            raise NotThisFormat(f"it has no table {table}, so it is no state.db of Hermes Agent")
        # hidden: 0 is a plain column, all else is of a virtual table or made by an expression
        plain = {
            str(each["name"])
            for each in db.execute(f"PRAGMA table_xinfo({table})")
            if each["hidden"] == 0
        }
        if missing := [name for name in needed if name not in plain]:
            raise NotThisFormat(f"its table {table} has no column {missing[0]}")
        found[table] = (*needed, *(name for name in _WANTED[table] if name in plain))
    return found


def _guard(db: sqlite3.Connection) -> None:
    """From here on, only these two tables can be read, and nothing else done."""

    def allow(action: int, first: str | None, *_: str | None) -> int:
        read = action == sqlite3.SQLITE_READ and first in _NEEDED
        return sqlite3.SQLITE_OK if read or action in _ALLOWED else sqlite3.SQLITE_DENY

    db.set_authorizer(allow)


def _select(table: str, columns: dict[str, tuple[str, ...]], where: str, order: str) -> str:
    names = ", ".join(columns[table])
    return f"SELECT {names} FROM {table} {where} ORDER BY {order}"  # noqa: S608 - names of ours


def _session(
    db: sqlite3.Connection, columns: dict[str, tuple[str, ...]], session: sqlite3.Row
) -> Iterator[Found]:
    id_ = text_of(session["id"]) or "?"
    asked = _select("messages", columns, "WHERE session_id = ?", "id LIMIT ?")
    rows = db.execute(asked, (session["id"], MOST_MESSAGES + 1)).fetchall()
    if len(rows) > MOST_MESSAGES:
        yield Skipped(None, f"session {id_[:64]} has more than {MOST_MESSAGES:,} messages")
        return
    try:
        parts, between = _parts(rows, columns["messages"])
        for part in parts:
            made = _conversation(session, columns["sessions"], part)
            if any(turn.message.role == "assistant" for turn in made.turns):
                yield made
    except Unreadable as error:
        yield Skipped(None, f"session {id_[:64]}: {error}")
        return
    if between:
        why = "was compacted more than once: what lay between is out"
        yield Skipped(None, f"session {id_[:64]} {why}")


def _parts(rows: Sequence[sqlite3.Row], columns: Sequence[str]) -> tuple[list[list[Turn]], bool]:
    """What was said before the first compaction, what stands now; and whether there was more."""
    said = [(row, _turn(row, columns)) for row in rows]
    kept = [(row, turn) for row, turn in said if turn is not None]
    if "compacted" not in columns or not any(row["compacted"] for row, _ in kept):
        return [[turn for row, turn in kept if _is_active(row, columns)]], False
    earlier = [turn for row, turn in kept if row["compacted"] and not _is_active(row, columns)]
    first: list[Turn] = []
    for turn in earlier:
        if _is_summary(turn.message) or (first and _name(turn) == _name(first[0])):
            break
        first.append(turn)
    known = {_name(turn) for turn in earlier}
    now = [turn for row, turn in kept if _is_active(row, columns)]
    later = [replace(turn, taken=_name(turn) not in known) for turn in now]
    return [first, later], len(first) < len(earlier)


def _name(turn: Turn) -> bytes:
    """What a message is known by: without its thinking, which a compaction may drop."""
    return know(plain_message(turn.message)).digest


def _is_active(row: sqlite3.Row, columns: Sequence[str]) -> bool:
    return "active" not in columns or bool(row["active"])


def _is_summary(message: Message) -> bool:
    return message.text.lstrip().startswith("[CONTEXT COMPACTION") and is_synthetic(message.text)


def _conversation(
    session: sqlite3.Row, columns: Sequence[str], turns: Sequence[Turn]
) -> Conversation:
    told = {name: session[name] for name in columns}
    system = text_of(told.get("system_prompt"))
    if system and not any(turn.message.role == "system" for turn in turns):
        turns = [Turn(Message("system", (ContentPart("text", system),))), *turns]
    return Conversation(
        tuple(turns),
        None,
        text_of(told["id"]),
        text_of(told["model"]),
        local=_is_local(text_of(told.get("billing_base_url"))),
    )


def _is_local(url: str | None) -> bool:
    """Whether an address is of one's own network."""
    try:
        host = urlsplit(url or "").hostname or "."
    except ValueError:
        return False
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".internal"))


def _turn(row: sqlite3.Row, columns: Sequence[str]) -> Turn | None:
    """One message; None for what is none of a conversation's. Raises Unreadable."""
    told: dict[str, Any] = {name: row[name] for name in columns}
    calls = told["tool_calls"]
    entry: Json = {
        "role": told["role"],
        "content": _content(told["content"]),
        "tool_calls": _json(calls) if calls else None,
        "tool_call_id": told["tool_call_id"],
        "name": told.get("tool_name"),
        "reasoning_content": told.get("reasoning_content") or told.get("reasoning"),
    }
    if told["role"] in ("session_meta", "event", None):
        return None
    message = read_message(entry)
    if message is None:
        raise Unreadable("it has a message of no known role")
    if calls and not message.tool_calls:
        raise Unreadable("it has tool calls that cannot be read")
    finish = FINISHES.get(text_of(told.get("finish_reason")) or "")
    return Turn(message, moment(told["timestamp"]), finish_reason=finish)


def _content(value: object) -> object:
    """Content, also where it is parts and not text."""
    if isinstance(value, str) and value.startswith(_JSON):
        return _json(value.removeprefix(_JSON))
    if value is not None and not isinstance(value, str):
        raise Unreadable("it has a message whose content is not text")
    return value


def _json(value: object) -> object:
    if not isinstance(value, str):
        raise Unreadable("it has a message that is not text")
    try:
        found = loads(value.encode(errors="replace"))
    except Malformed:
        raise Unreadable("it has a message whose JSON cannot be read") from None
    return [object_of(each) or each for each in list_of(found)] or found
