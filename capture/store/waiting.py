"""Reading what waits for a person's word out of the store, as `capture.review` has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import sqlalchemy as sa

from capture.holds import without_earlier
from capture.narrowing import Json, list_of, object_of
from capture.provenance import Span, Trust, read
from capture.redact import Redactor
from capture.replies import read_message
from capture.review import Part, Queue, Waiting
from capture.store import tables as t
from capture.store.linked import LINKED, WHOLE, known_outcome
from capture.store.trainable import request_body, turn
from capture.store.vetting import Vetting, vet
from capture.synthetic import is_synthetic
from capture.trainable import TrainableTurn

_SHOWN = 2_000
"""Characters of each text."""
_exchanges = t.exchanges.c

_shown_better = sa.exists().where(
    t.feedback.c.counted_for == _exchanges.id, t.feedback.c.demonstration.is_not(None)
)
_asked = sa.exists().where(t.bodies.c.exchange_id == _exchanges.id, t.bodies.c.kind == "request")
_COULD_TRAIN = (
    sa.select(_exchanges.id)
    .select_from(LINKED)
    .where(
        _exchanges.id.in_(sa.bindparam("ids", expanding=True)),
        *WHOLE,
        sa.or_(known_outcome != "failure", _shown_better),
        _asked,
    )
)
"""A known failure teaches nothing, unless somebody said what it should have been."""
_MODELS = sa.select(_exchanges.id, _exchanges.model, _exchanges.adapter).where(
    _exchanges.id.in_(sa.bindparam("ids", expanding=True))
)


def waiting(connection: sa.Connection, trust: Trust, redactor: Redactor, limit: int) -> Queue:
    """What waits, the newest `limit` of it whole."""
    vetting = vet(connection, trust, redactor)
    found: list[Waiting] = []
    total = 0
    for page in vetting.waiting():
        ids = sorted(connection.scalars(_COULD_TRAIN, {"ids": page}), reverse=True)
        total += len(ids)
        for id_ in ids:
            if len(found) == limit:
                break
            if (held := turn(connection, redactor, vetting, set(), id_)) is not None:
                found.append(_one(connection, redactor, vetting, held))
    return Queue(tuple(found), total)


def _one(
    connection: sa.Connection, redactor: Redactor, vetting: Vetting, held: TrainableTurn
) -> Waiting:
    spans = _spans(connection, vetting, held)
    outside = next((at for at, span in spans if span.cause == "tool" and not span.trusted), None)
    messages = list_of(held.request.get("messages"))
    verdict = vetting.verdict(held.id)
    alike = vetting.alike(held.id)
    return Waiting(
        id=held.id,
        conversation=held.conversation,
        began_at=held.began_at,
        model=_named(held.model, held.adapter),
        outcome=held.outcome,
        held=held.held,
        like=without_earlier(held.held[0]) if alike == held.id else alike,
        parts=tuple(_parts(connection, redactor, [span for _, span in spans])),
        asked=_asked_last(messages),
        outside="" if outside is None else _text(messages[outside]),
        answered=_answered(held.reply),
        verdict=None if verdict is None else verdict.id,
    )


def _spans(
    connection: sa.Connection, vetting: Vetting, held: TrainableTurn
) -> list[tuple[int, Span]]:
    """Who caused each message of its request, with the message's number there. Of the request as it
    was sent: what is redacted is nobody's words any more."""
    body = request_body(connection, set(), held.id) or {}
    entries = enumerate(map(read_message, list_of(body.get("messages"))))
    numbered = [(at, read(message)) for at, message in entries if message is not None]
    spans = vetting.spans(held.conversation, [said for _, said in numbered])
    return [(at, span) for (at, _), span in zip(numbered, spans, strict=True)]


def _parts(connection: sa.Connection, redactor: Redactor, spans: Sequence[Span]) -> Iterator[Part]:
    """Spans, those of one cause that stand side by side together."""
    ids = {span.name for span in spans if span.cause == "model" and span.name is not None}
    rows = connection.execute(_MODELS, {"ids": sorted(ids)})
    models = {row.id: _named(row.model or "", row.adapter) for row in rows}
    told = [
        span._replace(name=models.get(span.name or "")) if span.cause == "model" else span
        for span in spans
    ]
    for (cause, name, _, why), same in groupby(told):
        yield Part(
            cause,
            None if name is None else redactor.text(name),
            None if why is None else redactor.text(why),
            len(list(same)),
        )


def _named(model: str, adapter: str | None) -> str:
    return model if adapter is None else f"{model} with {adapter}"


def _asked_last(messages: Sequence[object]) -> str:
    """What a person said last."""
    for entry in reversed(messages):
        message = read_message(entry)
        if message is not None and message.role == "user" and not is_synthetic(message.text):
            return message.text[:_SHOWN]
    return ""


def _text(entry: object) -> str:
    message = read_message(entry)
    return "" if message is None else message.text[:_SHOWN]


def _answered(reply: Json) -> str:
    """A reply's text and calls."""
    parts = [reply.get("content") or ""]
    for call in list_of(reply.get("tool_calls")):
        function = object_of((object_of(call) or {}).get("function")) or {}
        parts.append(f"{function.get('name')} {function.get('arguments')}")
    return "\n".join(part for part in parts if part)[:_SHOWN]
