"""OpenClaw's session files, which are those of the pi coding agent: an entry per line.

    {"type": "session", "version": 3, "id", "timestamp", "cwd"}
    {"type": "message", "id", "parentId", "timestamp", "message": {"role": "user" | "assistant" |
     "toolResult" | ..., "content": [...], "model", "usage", "stopReason", "timestamp": ms}}
    {"type": "compaction", "id", "parentId", "summary", "firstKeptEntryId"}, and others

Entries without ids (version 1) follow each other. A compaction ends a conversation and begins one
with its summary and what was kept. What OpenClaw put into a session itself (`delivery-mirror`) and
replies that failed or were stopped are said, but are nobody's replies to learn. The system prompt
and the tools offered are not in these files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from capture.imports.anthropic import failed, written
from capture.imports.conversation import Conversation, Found, Skipped, Turn, Unreadable
from capture.imports.reading import Read
from capture.imports.times import moment
from capture.imports.tree import Node, Tree
from capture.messages import ContentPart, FinishReason, Message, ToolCall, Usage
from capture.narrowing import Json, count_of, list_of, object_of, text_of
from capture.values import value

_FINISHES: dict[str, FinishReason] = {
    "stop": "stop",
    "toolUse": "tool_calls",
    "length": "length",
}
_OURS = frozenset(("delivery-mirror", "gateway-injected"))
"""Models of what OpenClaw said itself."""
_SUMMARY = (
    "The conversation history before this point was compacted into the following summary:\n\n"
    "<summary>\n%s\n</summary>"
)


@value
class _Entry:
    """What an entry says."""

    turn: Turn
    """Of a compaction: its summary."""
    kept_from: str | None = None
    """Of a compaction: the first entry that was kept before it."""


def looks_like(value: Json) -> bool:
    """Whether a value is an entry of such a file."""
    kind = value.get("type")
    if kind == "session":
        return "id" in value and ("cwd" in value or "version" in value)
    message = object_of(value.get("message")) or {}
    return kind == "message" and "role" in message and "uuid" not in value


def parse(reads: Iterable[Read]) -> Iterator[Found]:
    """A whole file, which may hold more than one session."""
    tree: Tree[_Entry] = Tree()
    session: str | None = None
    last: str | None = None
    for read in reads:
        entry = object_of(read.value)
        if read.fault is not None or entry is None:
            tree.unreadable(last)
            last = f"unreadable {read.line}"
            yield Skipped(read.line, read.fault or "not an object")
            continue
        if entry.get("type") == "session":
            yield from _conversations(tree, session)
            tree, last = Tree(), None
            session = text_of(entry.get("id"))
            continue
        id_ = text_of(entry.get("id")) or f"line {read.line}"
        parent = text_of(entry.get("parentId")) if "parentId" in entry else last
        last = id_
        try:
            tree.add(Node(id_, parent, read.line, _entry(entry)))
        except Unreadable as error:
            tree.add(Node(id_, parent, read.line, None, broken=True))
            yield Skipped(read.line, str(error))
    yield from _conversations(tree, session)


def _conversations(tree: Tree[_Entry], session: str | None) -> Iterator[Found]:
    for path in tree.paths():
        if isinstance(path, Skipped):
            yield path
        else:
            yield from _between(path, session)


def _between(path: Sequence[Node[_Entry]], session: str | None) -> Iterator[Conversation]:
    """The conversations between the compactions of a way."""
    turns: list[Turn] = []
    ids: list[str] = []
    for node in path:
        entry = node.said
        if entry is None:
            continue
        if entry.kept_from is not None:
            yield Conversation(tuple(turns), path[0].line, session)
            at = ids.index(entry.kept_from) if entry.kept_from in ids else len(ids)
            turns, ids = [replace(turn, taken=False) for turn in turns[at:]], ids[at:]
            turns.insert(0, entry.turn)
            ids.insert(0, node.id)
            continue
        turns.append(entry.turn)
        ids.append(node.id)
    if turns:
        yield Conversation(tuple(turns), path[0].line, session)


def _entry(entry: Json) -> _Entry | None:
    """What an entry says; None when that is nothing. Raises Unreadable."""
    kind, at = entry.get("type"), moment(entry.get("timestamp"))
    if kind == "compaction":
        said = _user(_SUMMARY % (text_of(entry.get("summary")) or ""))
        return _Entry(Turn(said, at), text_of(entry.get("firstKeptEntryId")) or "")
    if kind in ("branch_summary", "custom_message"):
        told = entry.get("summary") if kind == "branch_summary" else entry.get("content")
        return _Entry(Turn(Message("user", _parts(told)), at))
    if kind != "message":
        return None
    message = object_of(entry.get("message"))
    if message is None:
        raise Unreadable("it has no message")
    turn = _turn(message, moment(message.get("timestamp")) or at)
    return None if turn is None else _Entry(turn)


def _turn(message: Json, at: float | None) -> Turn | None:
    role = message.get("role")
    if role == "assistant":
        return _reply(message, at)
    if role == "toolResult":
        parts = _parts(message.get("content"))
        parts = failed(parts) if message.get("isError") is True else parts
        id_ = text_of(message.get("toolCallId"))
        return Turn(
            Message("tool", parts, tool_call_id=id_, name=text_of(message.get("toolName"))), at
        )
    if role == "bashExecution":
        if message.get("excludeFromContext") is True:
            return None
        ran, told = text_of(message.get("command")), text_of(message.get("output"))
        return Turn(_user(f"Ran `{ran or ''}`\n```\n{told or ''}\n```"), at)
    if role in ("user", "custom"):
        return Turn(Message("user", _parts(message.get("content"))), at)
    if role in ("branchSummary", "compactionSummary"):
        return Turn(Message("user", _parts(message.get("summary"))), at)
    raise Unreadable("it is a message of no known role")


def _reply(message: Json, at: float | None) -> Turn | None:
    parts = _parts(message.get("content"))
    calls = tuple(_calls(message.get("content")))
    stopped = text_of(message.get("stopReason")) or ""
    said = Message("assistant", parts, calls)
    if not said.says_something:
        return None
    model = text_of(message.get("model"))
    return Turn(
        said,
        at,
        model,
        _FINISHES.get(stopped),
        _usage(message.get("usage")),
        taken=stopped not in ("error", "aborted") and model not in _OURS,
    )


def _parts(content: object) -> tuple[ContentPart, ...]:
    if isinstance(content, str):
        return (ContentPart("text", text_of(content)),) if content else ()
    blocks = (object_of(each) or {"value": each} for each in list_of(content))
    return tuple(part for block in blocks if (part := _part(block)) is not None)


def _part(block: Json) -> ContentPart | None:
    kind = block.get("type")
    if kind == "toolCall":
        return None
    if kind == "text" and (said := text_of(block.get("text"))) is not None:
        return ContentPart("text", said) if said else None
    if kind == "thinking" and (said := text_of(block.get("thinking"))) is not None:
        return ContentPart("thinking", said) if said else None
    told, data = text_of(block.get("mimeType")), text_of(block.get("data"))
    if kind == "image" and told and data:
        url = f"data:{told};base64,{data}"
        return ContentPart("image", data={"type": "image_url", "image_url": {"url": url}})
    return ContentPart("other", data=block)


def _calls(content: object) -> Iterator[ToolCall]:
    for each in list_of(content):
        block = object_of(each) or {}
        if block.get("type") == "toolCall":
            given = block.get("arguments")
            yield ToolCall(
                text_of(block.get("id")) or "",
                text_of(block.get("name")) or "",
                given if isinstance(given, str) else written({} if given is None else given),
            )


def _usage(value: object) -> Usage | None:
    said = object_of(value)
    if said is None:
        return None
    fresh, read, wrote = (count_of(said.get(n)) for n in ("input", "cacheRead", "cacheWrite"))
    whole = None if fresh is None else fresh + (read or 0) + (wrote or 0)
    told = Usage(whole, count_of(said.get("output")), read, wrote)
    return None if told == Usage() else told


def _user(text: str) -> Message:
    return Message("user", (ContentPart("text", text),))
