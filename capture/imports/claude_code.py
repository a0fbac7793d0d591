"""Claude Code's session files: `~/.claude/projects/PROJECT/SESSION.jsonl`, an entry per line.

    {"type": "user" | "assistant" | ..., "uuid", "parentUuid", "sessionId", "isSidechain",
     "timestamp", "message": {...}}

Messages are those of Anthropic's API. One reply stands on several lines, a line for each of its
blocks, all with the message's id; the results of its calls may stand between them. They are put
together again. Rewinds make a tree (`capture.imports.tree`); a compaction begins anew, with its
summary. What is no message (snapshots, titles, progress) is passed over, and so is what Claude Code
said itself when the API failed.

The system prompt and the tools offered are not in these files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from capture.imports import anthropic
from capture.imports.conversation import Conversation, Found, Skipped, Turn, Unreadable
from capture.imports.reading import Read
from capture.imports.times import moment
from capture.imports.tree import Node, Tree
from capture.messages import Message
from capture.narrowing import Json, list_of, object_of, text_of

_SYNTHETIC = "<synthetic>"
"""The model of what Claude Code says itself."""
_MOST_BLOCKS = 1000
"""In one message."""
_TYPES = frozenset(
    ("user", "assistant", "system", "summary", "progress", "attachment", "queue-operation")
)


def looks_like(value: Json) -> bool:
    """Whether a value is an entry of such a file."""
    kind = text_of(value.get("type"))
    if kind in ("file-history-snapshot", "queue-operation"):
        return True
    if kind == "summary":
        return "leafUuid" in value
    return kind in _TYPES and "uuid" in value and ("sessionId" in value or "parentUuid" in value)


@dataclass(slots=True)
class _Entry:
    """A reply, the results of its calls, or what a person said."""

    message: Json | None
    """As its line has it; of several lines the first's, with all their blocks."""
    at: float | None
    """Unix seconds; None when its line does not say."""
    session: str | None
    """As the file names it; a sub-agent's has a name of its own."""
    results: list[Json] = field(default_factory=list[Json])
    """Of results: each line's message."""


def parse(reads: Iterable[Read]) -> Iterator[Found]:
    """A whole file."""
    session = _Session()
    for read in reads:
        entry = object_of(read.value)
        if read.fault is not None or entry is None:
            session.tree.unreadable(session.last)
            yield Skipped(read.line, read.fault or "not an object")
            continue
        try:
            session.take(read.line, entry)
        except Unreadable as error:
            session.broken(read.line, entry)
            yield Skipped(read.line, str(error))
    for path in session.tree.paths():
        try:
            yield path if isinstance(path, Skipped) else _conversation(path)
        except Unreadable as error:
            assert not isinstance(path, Skipped)
            yield Skipped(path[0].line, str(error))


class _Session:
    """The entries of a file, put together."""

    def __init__(self) -> None:
        self.tree: Tree[_Entry] = Tree()
        self.last: str | None = None
        """The entry that the last line is part of."""
        self._same: dict[str, str] = {}
        """Entries that are part of another, by its id."""
        self._replies: dict[str, str] = {}
        """By id of Anthropic's message: its entry."""

    def take(self, line: int, entry: Json) -> None:
        """Add one line. Raises Unreadable for a message that is none."""
        id_ = text_of(entry.get("uuid"))
        if id_ is None:
            return
        parent = self._known(text_of(entry.get("parentUuid")))
        message, kind = object_of(entry.get("message")), entry.get("type")
        if kind not in ("user", "assistant"):
            self.tree.add(Node(id_, parent, line, None))
            return
        if message is None:
            raise Unreadable("it has no message")
        if kind == "assistant" and message.get("model") == _SYNTHETIC:
            self.tree.add(Node(id_, parent, line, None))
        elif kind == "assistant":
            self._reply(Node(id_, parent, line, self._entry(entry, message)), message)
        elif _results(message):
            self._result(Node(id_, parent, line, self._entry(entry, message)), message)
        else:
            self.tree.add(Node(id_, parent, line, self._entry(entry, message)))
        self.last = self._known(id_)

    def broken(self, line: int, entry: Json) -> None:
        """Add a line that could not be taken: nothing that follows it is whole."""
        id_ = text_of(entry.get("uuid"))
        if id_ is not None:
            parent = self._known(text_of(entry.get("parentUuid")))
            self.tree.add(Node(id_, parent, line, None, broken=True))

    def _known(self, id_: str | None) -> str | None:
        """The entry that one is part of, or itself."""
        return id_ if id_ is None else self._same.get(id_, id_)

    def _entry(self, entry: Json, message: Json) -> _Entry:
        session = text_of(entry.get("sessionId"))
        if session is not None and entry.get("isSidechain") is True:
            # a sub-agent's words are in its parent's session, and no part of that conversation
            session = f"{session}/{text_of(entry.get('agentId')) or 'sidechain'}"
        return _Entry(message, moment(entry.get("timestamp")), session)

    def _reply(self, node: Node[_Entry], message: Json) -> None:
        named = text_of(message.get("id"))
        first = None if named is None else self._replies.get(named)
        if first is None:
            self.tree.add(node)
            if named is not None:
                self._replies[named] = node.id
            return
        entry = self.tree.nodes[first].said
        assert entry is not None
        assert entry.message is not None
        known = list_of(entry.message.get("content"))
        if len(known) > _MOST_BLOCKS:
            raise Unreadable(f"its message has more than {_MOST_BLOCKS:,} blocks")
        added = [each for each in list_of(message.get("content")) if each not in known]
        told = {k: v for k, v in message.items() if v is not None}
        entry.message = {**entry.message, **told, "content": [*known, *added]}
        self._same[node.id] = first

    def _result(self, node: Node[_Entry], message: Json) -> None:
        """Results of one reply's calls are one entry, however many lines they take."""
        above = None if node.parent is None else self.tree.nodes.get(node.parent)
        if above is not None and above.said is not None and above.said.results:
            first = above.id
        else:
            first = f"{node.parent}/results"
        if first not in self.tree.nodes:
            entry = replace(node.said, results=[]) if node.said is not None else None
            self.tree.add(replace(node, id=first, said=entry))
        found = self.tree.nodes[first].said
        assert found is not None
        found.results.append(message)
        self._same[node.id] = first


def _results(message: Json) -> bool:
    """Whether a message has results of tools."""
    blocks = (object_of(block) or {} for block in list_of(message.get("content")))
    return any(block.get("type") == "tool_result" for block in blocks)


def _conversation(path: Sequence[Node[_Entry]]) -> Conversation:
    turns: list[Turn] = []
    session: str | None = None
    for node in path:
        entry = node.said
        if entry is None:
            continue
        session = entry.session or session
        turns += _turns(entry, turns)
    return Conversation(tuple(turns), path[0].line, session)


def _turns(entry: _Entry, before: Sequence[Turn]) -> Iterator[Turn]:
    message: dict[str, Any] = dict(entry.message or {})
    if entry.results:
        for said in _in_order(entry.results, before):
            yield Turn(said, entry.at)
    elif message.get("role") == "assistant":
        yield Turn(
            anthropic.assistant_message(message.get("content")),
            entry.at,
            text_of(message.get("model")),
            anthropic.FINISHES.get(text_of(message.get("stop_reason")) or ""),
            anthropic.usage(message.get("usage")),
        )
    else:
        for said in anthropic.user_messages(message.get("content")):
            yield Turn(said, entry.at)


def _in_order(results: Sequence[Json], before: Sequence[Turn]) -> list[Message]:
    """Results in the order of their calls, each once, then what was said beside them."""
    found: dict[str | None, Message] = {}
    spoken: list[Message] = []
    for each in results:
        for said in anthropic.user_messages(each.get("content")):
            if said.role == "tool":
                found.setdefault(said.tool_call_id, said)
            else:
                spoken.append(said)
    calls = before[-1].message.tool_calls if before else ()
    ordered = [found.pop(call.id) for call in calls if call.id in found]
    return [*ordered, *found.values(), *spoken]
