"""The data export of claude.ai: `conversations.json`, or the zip file that it comes in.

    [{"uuid", "name", "created_at", "chat_messages": [{"uuid", "sender": "human" | "assistant",
      "text", "content": [...], "created_at", "attachments": [{"file_name", "extracted_content"}],
      "files": [{"file_name"}]}, ...]}, ...]

A message of Claude's holds what it did, calls and their results between its words; each stretch up
to results is a reply of its own. The text of attachments stands in the user's message; of other
files only the name is known, and what was asked with one trains nobody. Which model answered is
mostly not told, nor is which tools were offered once one was called.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from capture.imports import anthropic
from capture.imports.conversation import Conversation, Found, Skipped, Turn, Unreadable
from capture.imports.reading import Read
from capture.imports.times import moment
from capture.imports.tree import Node, Tree
from capture.messages import ContentPart, Message
from capture.narrowing import Json, list_of, object_of, text_of

_NOWHERE = "00000000-0000-4000-8000-000000000000"
"""The parent of a first message."""


def looks_like(value: Json) -> bool:
    """Whether a value is a conversation of such an export."""
    return "chat_messages" in value and ("uuid" in value or "name" in value)


def parse(read: Read) -> Iterator[Found]:
    """One conversation, each way it went. Raises Unreadable."""
    row = object_of(read.value) or {}
    tree: Tree[tuple[Turn, ...]] = Tree()
    before: str | None = None
    for number, each in enumerate(list_of(row.get("chat_messages"))):
        message = object_of(each)
        if message is None or message.get("sender") not in ("human", "assistant"):
            raise Unreadable(f"chat_messages[{number}] is not a message")
        id_ = text_of(message.get("uuid")) or f"message {number}"
        parent = text_of(message.get("parent_message_uuid")) or before
        parent = None if parent == _NOWHERE else parent
        turns = tuple(_turns(message, id_))
        tree.add(Node(id_, parent, read.line, turns))
        before = id_
    session, model = text_of(row.get("uuid")), text_of(row.get("model"))
    for path in tree.paths():
        if isinstance(path, Skipped):
            yield path
            continue
        said = tuple(turn for node in path for turn in node.said or ())
        if not any(turn.message.role == "assistant" for turn in said):
            yield Skipped(read.line, "it has no reply")
            continue
        called = any(turn.message.tool_calls for turn in said)
        yield Conversation(said, read.line, session, model, None if called else ())


def _turns(message: Json, id_: str) -> Iterator[Turn]:
    at = moment(message.get("created_at"))
    content = list_of(message.get("content"))
    told = text_of(message.get("text")) or ""
    if message["sender"] == "human":
        spoken = anthropic.user_messages(content or told)
        yield from (Turn(each, at) for each in _with_files(spoken, message))
        return
    for said in _stretches(content or [{"type": "text", "text": told}], id_):
        yield Turn(said, at, text_of(message.get("model")))


def _with_files(spoken: Sequence[Message], message: Json) -> Sequence[Message]:
    """A message with what was attached to it."""
    parts: list[ContentPart] = []
    for each in list_of(message.get("attachments")):
        file = object_of(each) or {}
        name, text = text_of(file.get("file_name")), text_of(file.get("extracted_content"))
        if text:
            parts.append(ContentPart("text", f"\n\n[{name or 'attachment'}]\n{text}"))
    for each in [*list_of(message.get("files")), *list_of(message.get("files_v2"))]:
        name = text_of((object_of(each) or {}).get("file_name")) or "file"
        parts.append(ContentPart("document", data={"type": "file", "file": {"filename": name}}))
    if not parts or not spoken:
        return spoken
    return [*spoken[:-1], replace(spoken[-1], content=(*spoken[-1].content, *parts))]


def _stretches(content: Sequence[object], id_: str) -> Iterator[Message]:
    """A message of Claude's as the replies and results it is made of."""
    said: list[Any] = []
    results: list[Any] = []
    called = 0
    for each in content:
        block = dict(object_of(each) or {"type": "other"})
        if block.get("type") == "tool_result":
            block["tool_use_id"] = text_of(block.get("tool_use_id")) or _id(id_, len(results), said)
            results.append(block)
            continue
        if results:
            yield from _done(said, results)
            said, results = [], []
        if block.get("type") == "tool_use":
            block["id"] = text_of(block.get("id")) or f"call_{id_}_{called}"
            called += 1
        said.append(block)
    yield from _done(said, results)


def _id(id_: str, number: int, said: Sequence[Any]) -> str:
    """The id of the call that a result without one answers, by position."""
    ids = [str(block["id"]) for block in said if block.get("type") == "tool_use"]
    return ids[number] if number < len(ids) else f"call_{id_}_unknown"


def _done(said: Sequence[Any], results: Sequence[Any]) -> Iterator[Message]:
    if said:
        yield anthropic.assistant_message(said)
    if results:
        yield from anthropic.user_messages(results)
