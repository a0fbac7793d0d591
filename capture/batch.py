"""Journal records into table rows. Pure: the store writes what a batch gathered.

A batch holds records of one segment, in order. Rows are tuples in the order of the `..._COLUMNS`
here, with JSON columns already written, so that thousands go to the database in one call.

An exchange whose begin and end are in one batch becomes one row; one that ends later is first
written with status `open` and filled in by the batch that has its end.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from capture.feedback import Feedback, feedback_of
from capture.framing import Kind, Record
from capture.imported import END
from capture.replies import ReplyReader
from capture.said import (
    Answered,
    MessageRow,
    answered,
    json_text,
    read_answered,
    read_asked,
)

Row = tuple[Any, ...]
Json = Mapping[str, Any]

BEGIN_COLUMNS = (
    "id",
    "epoch",
    "began_at",
    "path",
    "key",
    "alias",
    "stream",
    "private",
    "config_generation",
    "headers",
    "decision",
    "reserve_usd",
    "tools",
    "asked",
    "request_bytes",
    "request_messages",
    "skill",
    "session",
)
END_COLUMNS = (
    "status",
    "mode",
    "upstream",
    "model",
    "http_status",
    "finish_reason",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_usd",
    "queue_s",
    "connect_s",
    "first_token_s",
    "total_s",
    "attempts",
    "error",
    "notes",
    "delivered_bytes",
    "answered",
    "called",
    "adapter",
    "reply_messages",
)
ATTEMPT_COLUMNS = (
    "exchange_id",
    "position",
    "mode",
    "upstream",
    "model",
    "started_at",
    "status",
    "http_status",
    "error",
    "upstream_request_id",
    "connect_s",
    "first_byte_s",
    "total_s",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_usd",
    "reserve_usd",
    "adapter",
)
BODY_COLUMNS = ("exchange_id", "kind", "attempt", "encoding", "data")
MESSAGE_COLUMNS = ("id", "role", "body")
WEIGHING_COLUMNS = ("exchange_id", "weighing")
CALL_COLUMNS = ("exchange_id", "position", "call_id", "name", "arguments")
FEEDBACK_COLUMNS = (
    "id",
    "exchange_id",
    "conversation",
    "at",
    "key",
    "source",
    "value",
    "comment",
    "demonstration",
    "idempotency_key",
    "train",
)

_BEGAN_AT = BEGIN_COLUMNS.index("began_at")

COMPRESS_BYTES = 32 * 1024
"""Bodies shorter than this are kept as they are. Packing an agent's prompt halves it and takes
25 us per KB, twice all else that is done for it; only large ones are worth that."""
EXCERPT = 240


class Unreadable(ValueError):
    """A record that verifies but does not say what its kind must."""


@dataclass(slots=True)
class Batch:
    """Rows for one transaction."""

    epoch: str
    """Of the segment the records come from."""
    known: Mapping[str, str]
    """Status of those of these exchanges that the store has already. What is there already is not
    taken again."""
    earlier: Callable[[str], Iterable[bytes]]
    """An exchange's parts that the store has from earlier batches, in order."""
    begun: dict[str, Row] = field(default_factory=dict[str, Row])
    ended: dict[str, Row] = field(default_factory=dict[str, Row])
    attempts: list[Row] = field(default_factory=list[Row])
    bodies: list[Row] = field(default_factory=list[Row])
    messages: dict[bytes, MessageRow] = field(default_factory=dict[bytes, MessageRow])
    calls: list[Row] = field(default_factory=list[Row])
    feedback: list[Row] = field(default_factory=list[Row])
    weighings: list[Row] = field(default_factory=list[Row])
    imported: set[str] = field(default_factory=set[str])
    """Of those that ended, what somebody else served: not counted with ours."""
    _parts: dict[str, list[bytes]] = field(default_factory=dict[str, list[bytes]])
    _chosen: dict[str, Json] = field(default_factory=dict[str, Json])

    def take(self, record: Record) -> None:
        """Add one record. Raises Unreadable for one that makes no sense; nothing is added then."""
        kind, id_, meta, body, _ = record
        try:
            if kind == Kind.BEGIN:
                self._begin(id_, orjson.loads(meta), body)
            elif kind == Kind.PART:
                self._part(id_, body)
            elif kind == Kind.END:
                self._end(id_, orjson.loads(meta), body)
            elif kind == Kind.FEEDBACK:
                self.feedback.append(_feedback_row(feedback_of(orjson.loads(meta))))
            elif kind == Kind.IMPORTED:
                self._imported(id_, orjson.loads(meta), body)
            elif kind not in (Kind.SEGMENT, Kind.FORGOTTEN):
                raise Unreadable(f"records of kind {kind} are not known to this version")
        except (KeyError, TypeError, ValueError) as error:
            raise Unreadable(f"{type(error).__name__}: {error}") from error

    def new_rows(self) -> list[Row]:
        """Exchanges that began here, whether or not they ended here too."""
        ended = self.ended
        return [row + (ended.get(id_) or self._open(id_)) for id_, row in self.begun.items()]

    @property
    def began(self) -> list[float]:
        """When the exchanges that began here did, in Unix seconds."""
        return [row[_BEGAN_AT] for row in self.begun.values()]

    def tally(self) -> Counter[tuple[str, str]]:
        """How many of ours ended here, by status and mode (empty: none)."""
        ours = (row for id_, row in self.ended.items() if id_ not in self.imported)
        return Counter((row[0], row[1] or "") for row in ours)

    def late_rows(self) -> list[Row]:
        """Ends of exchanges that began in earlier batches; their id comes last."""
        return [(*row, id_) for id_, row in self.ended.items() if id_ not in self.begun]

    def _begin(self, id_: str, meta: Json, body: bytes) -> None:
        if id_ in self.known or id_ in self.begun:
            return
        headers, decision = meta["sizes"]
        request = body[headers + decision :]
        asked = read_asked(request)
        self.begun[id_] = (
            id_,
            self.epoch,
            meta["at"],
            meta["path"],
            meta["key"],
            meta["alias"],
            meta["stream"],
            meta["private"],
            meta["config_generation"],
            body[:headers].decode(),
            body[headers : headers + decision].decode(),
            meta["reserve_usd"],
            json_text(asked.tools) if asked.tools else "[]",
            excerpt(asked.text),
            len(request),
            self._said(asked.messages),
            meta.get("skill"),
            meta.get("session"),
        )
        self._chosen[id_] = meta["chosen"] or {}
        self._body(id_, "request", None, request)

    def _part(self, id_: str, data: bytes) -> None:
        if self.known.get(id_, "open") != "open":
            return
        self._parts.setdefault(id_, []).append(data)
        self._body(id_, "response", None, data)

    def _end(self, id_: str, meta: Json, body: bytes) -> None:
        if self.known.get(id_, "open") != "open" or id_ in self.ended:
            return
        end: Json = meta["end"]
        raw, delivered = _cut(body, meta["raw"], meta["delivered"])
        attempts: list[Json] = end["attempts"]
        counted = end["usage"] is not None
        answer = self._read_answer(id_, raw[-1] if raw else b"", delivered, counted=counted)
        last: Json = attempts[-1] if attempts else {}
        tried = [_attempt_row(id_, position, each) for position, each in enumerate(attempts)]
        if id_ not in self.known and id_ not in self.begun:
            self.begun[id_] = self._lost_begin(id_, last)
            end = {**end, "notes": [*end["notes"], "the record of its beginning is lost"]}
        self.ended[id_] = (*end_row(end, answer, last, attempts), self.answer(id_, answer))
        self.attempts += tried
        for position, data in enumerate(raw):
            self._body(id_, "response", position if position < len(raw) - 1 else None, data)
        if delivered is not None:
            self._body(id_, "delivered", None, delivered)
        weighing = end.get("weighing")
        if weighing is not None:
            self.weighings.append((id_, json_text(weighing)))

    def _imported(self, id_: str, meta: Json, body: bytes) -> None:
        if id_ in self.known or id_ in self.begun:
            return
        request, reply = body[: -meta["reply"]], body[-meta["reply"] :]
        answer = read_answered(reply)
        self._begin(id_, meta, request)
        self.ended[id_] = (*end_row(END, answer, meta["chosen"], []), self.answer(id_, answer))
        self.imported.add(id_)
        self._body(id_, "delivered", None, reply)

    def answer(self, id_: str, answer: Answered) -> bytes:
        """Add what was answered; returns the ids of its messages, joined."""
        for position, call in enumerate(answer.calls):
            self.calls.append((id_, position, call.id, call.name, call.arguments))
        return self._said(answer.messages)

    def _read_answer(
        self, id_: str, rest: bytes, delivered: bytes | None, *, counted: bool
    ) -> Answered:
        parts = self._parts.pop(id_, ())
        if delivered is not None:
            return read_answered(delivered, counted=counted)
        if id_ in self.begun and not parts:
            return read_answered(rest, counted=counted)
        reader = ReplyReader()
        if id_ not in self.begun:
            for data in self.earlier(id_):
                reader.feed(data)
        for data in parts:
            reader.feed(data)
        reader.feed(rest)
        return answered(reader.finish())

    def _lost_begin(self, id_: str, first: Json) -> Row:
        """What can be said of an exchange of which only the end is left."""
        at = first.get("started_at", 0.0)
        return (
            id_,
            self.epoch,
            at,
            "",
            None,
            "",
            False,
            False,
            0,
            "{}",
            "{}",
            None,
            "[]",
            None,
            0,
            b"",
            None,
            None,
        )

    def _open(self, id_: str) -> Row:
        place = self._chosen[id_]
        where = (place.get("mode"), place.get("upstream"), place.get("model"))
        return ("open", *where, *(None,) * 12, 0, None, "[]", None, None, "[]", None, b"")

    def _body(self, id_: str, kind: str, attempt: int | None, data: bytes) -> None:
        if data:
            self.bodies.append((id_, kind, attempt, *pack(data)))

    def _said(self, messages: list[MessageRow]) -> bytes:
        """Add what was said; returns the messages' ids, joined."""
        for row in messages:
            self.messages[row[0]] = row
        return messages[0][0] if len(messages) == 1 else b"".join([row[0] for row in messages])


def end_row(end: Json, answer: Answered, last: Json, attempts: list[Json]) -> Row:
    """How an exchange ended, in the order of END_COLUMNS, all but the last. What the gateway did
    not read from the reply itself (finish reason, usage) is taken from the reply here."""
    usage: Json | None = end["usage"]
    error = end["error"]
    return (
        end["status"],
        last.get("mode"),
        last.get("upstream"),
        last.get("model"),
        end["http_status"],
        end["finish_reason"] or answer.finish_reason,
        *(answer.counts if usage is None and answer.counts is not None else _tokens(usage)),
        end["cost_usd"],
        end["queue_s"],
        last.get("connect_s"),
        end["first_token_s"],
        end["total_s"],
        len(attempts),
        None if error is None else json_text(error),
        json_text(end["notes"]) if end["notes"] else "[]",
        end["delivered_bytes"],
        excerpt(answer.text),
        json_text([call.name for call in answer.calls]) if answer.calls else "[]",
        last.get("adapter"),
    )


def pack(data: bytes) -> tuple[str | None, bytes]:
    """Encoding and bytes to store for a body."""
    if len(data) < COMPRESS_BYTES:
        return None, data
    packed = zlib.compress(data, 1)
    return ("zlib", packed) if len(packed) < len(data) * 0.9 else (None, data)


def unpack(encoding: str | None, data: bytes) -> bytes:
    """The body that `pack` packed."""
    return zlib.decompress(data) if encoding == "zlib" else data


def _cut(body: bytes, sizes: list[int], delivered: int | None) -> tuple[list[bytes], bytes | None]:
    """An end record's body, cut into the attempts' responses and what was delivered."""
    raw: list[bytes] = []
    at = 0
    for size in sizes:
        raw.append(body[at : at + size])
        at += size
    if at + (delivered or 0) != len(body):
        raise Unreadable("the sizes in an end record do not add up to its body")
    return raw, None if delivered is None else body[at:]


def _attempt_row(id_: str, position: int, attempt: Json) -> Row:
    return (
        id_,
        position,
        attempt["mode"],
        attempt["upstream"],
        attempt["model"],
        attempt["started_at"],
        attempt["status"],
        attempt["http_status"],
        attempt["error"],
        attempt["upstream_request_id"],
        attempt["connect_s"],
        attempt["first_byte_s"],
        attempt["total_s"],
        *_tokens(attempt["usage"]),
        attempt["cost_usd"],
        attempt.get("reserve_usd"),
        attempt.get("adapter"),
    )


def _feedback_row(said: Feedback) -> Row:
    return (
        said.id,
        said.exchange,
        said.conversation,
        said.at,
        said.key or "",
        said.source,
        said.value,
        said.comment,
        said.demonstration,
        said.idempotency_key,
        said.train,
    )


def _tokens(usage: Json | None) -> Row:
    """The five counts of a usage, unknown where there is none."""
    if usage is None:
        return (None, None, None, None, None)
    return (
        usage["input_tokens"],
        usage["output_tokens"],
        usage["cache_read_tokens"],
        usage["cache_write_tokens"],
        usage["reasoning_tokens"],
    )


def excerpt(text: str | None) -> str | None:
    """The beginning of what a message says, or None when it says nothing."""
    return None if text is None else text.strip()[:EXCERPT] or None
