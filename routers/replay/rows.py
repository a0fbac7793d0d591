"""Rows of a replay: one recorded request each, with what every model answered. Pure.

A row is a line of JSON: `id`, `skill` (or null), `messages`, `tools`, `replies` by mode (empty
where only verdicts were recorded) and `success` by mode. Looks and comparisons are made once for
each row and kept, since they depend on nothing but the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, cast

from capture.exchange import Mode
from capture.messages import ContentPart, Message, ToolCall
from capture.narrowing import Malformed, list_of, object_of, read_object
from routers.agreement import Agreement, agree
from routers.checks import Asked, Looked, look
from routers.tasks import task_text

Json = Mapping[str, Any]


class BadRow(Exception):
    """A line that is no row. Says which, and what is wrong with it."""

    def __init__(self, line: int, wrong: str) -> None:
        super().__init__(f"line {line}: {wrong}")
        self.line = line


class Row:
    """One recorded request."""

    def __init__(
        self,
        id: str,
        skill: str | None,
        asked: Asked,
        replies: Mapping[Mode, Message],
        success: Mapping[Mode, float],
    ) -> None:
        self.id, self.skill, self.asked = id, skill, asked
        self.replies, self.success = replies, success
        self._looks: dict[Mode, Looked] = {}
        self._agreements: dict[tuple[Mode, Mode], Agreement] = {}

    @cached_property
    def text(self) -> str:
        """What is asked."""
        return task_text(self.asked.messages)

    def look(self, mode: Mode) -> Looked:
        """The look at what `mode` answered."""
        if mode not in self._looks:
            self._looks[mode] = look(self.asked, self.replies[mode])
        return self._looks[mode]

    def agreement(self, one: Mode, other: Mode) -> Agreement:
        """Whether two replies say the same."""
        if (one, other) not in self._agreements:
            self._agreements[one, other] = agree(self.asked, self.replies[one], self.replies[other])
        return self._agreements[one, other]


def read_rows(lines: Iterable[bytes]) -> Iterator[Row]:
    """The rows of a file, blank lines left out. Raises BadRow at the first that is none."""
    modes: frozenset[Mode] | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row = _row(number, line)
        if modes is None:
            modes = frozenset(row.success)
        elif modes != frozenset(row.success):
            raise BadRow(number, "`success` names other modes than the rows before")
        yield row


def _row(number: int, line: bytes) -> Row:
    try:
        held = read_object(line)
    except Malformed as error:
        raise BadRow(number, str(error)) from None
    name, skill = held.get("id"), held.get("skill")
    if not isinstance(name, str):
        raise BadRow(number, "`id` must be a text")
    if skill is not None and not isinstance(skill, str):
        raise BadRow(number, "`skill` must be a text or null")
    messages = _objects(number, held, "messages")
    if not messages:
        raise BadRow(number, "`messages` is empty")
    asked = Asked(messages, _objects(number, held, "tools"))
    return Row(name, skill, asked, _replies(number, held), _success(number, held))


def _objects(number: int, held: Json, name: str) -> Sequence[Json]:
    found = held.get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in list_of(found)):
        raise BadRow(number, f"`{name}` must be a list of objects")
    return cast("Sequence[Json]", found)


def _by_mode(number: int, held: Json, name: str) -> Iterator[tuple[Mode, Any]]:
    found = object_of(held.get(name))
    if found is None:
        raise BadRow(number, f"`{name}` must be an object by mode")
    for mode, one in found.items():
        if mode not in list(Mode):
            raise BadRow(number, f"`{name}` names no mode: {mode[:40]!r}")
        yield Mode(mode), one


def _success(number: int, held: Json) -> Mapping[Mode, float]:
    success = dict(_by_mode(number, held, "success"))
    if any(isinstance(s, bool) or s not in (0, 1) for s in success.values()):
        raise BadRow(number, "`success` must be 0 or 1 for each mode")
    if Mode.BURST not in success or len(success) < 2:
        raise BadRow(number, "`success` must name burst and a local mode")
    return {mode: float(right) for mode, right in success.items()}


def _replies(number: int, held: Json) -> Mapping[Mode, Message]:
    return {mode: _reply(number, one) for mode, one in _by_mode(number, held, "replies")}


def _reply(number: int, held: Any) -> Message:
    reply = object_of(held)
    content = None if reply is None else reply.get("content")
    if reply is None or (content is not None and not isinstance(content, str)):
        raise BadRow(number, "a reply must have `content`, a text or null, and `tool_calls`")
    calls: list[ToolCall] = []
    for one in list_of(reply.get("tool_calls")) or ():
        call = object_of(one) or {}
        function = object_of(call.get("function")) or {}
        name, arguments = function.get("name"), function.get("arguments")
        if not isinstance(name, str) or not isinstance(arguments, str):
            raise BadRow(number, "a tool call must have a function with `name` and `arguments`")
        calls.append(ToolCall(str(call.get("id") or ""), name, arguments))
    parts = (ContentPart("text", content),) if content else ()
    return Message("assistant", parts, tuple(calls))
