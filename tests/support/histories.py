"""A store in memory, and exchanges put into it as linking leaves them, in any order."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.sqlite import insert

from capture.feedback import Feedback
from capture.messages import Message
from capture.replies import read_message
from capture.said import message_row
from capture.store import tables as t
from capture.store.links import Links, Turn
from tests.support.browsing import Json, says, user

QUIET = (user("Hi"),)


@contextmanager
def memory_store() -> Generator[sa.Connection]:
    """A store without a file. Transactions are the caller's."""
    engine = sa.create_engine(
        "sqlite://",
        poolclass=sa.pool.StaticPool,
        creator=lambda: sqlite3.connect(":memory:", isolation_level=None),
        json_serializer=_json,
        json_deserializer=orjson.loads,
    )
    event.listen(engine, "begin", _begin)
    with engine.connect() as connection:
        with connection.begin():
            t.metadata.create_all(connection)
        yield connection
    engine.dispose()


@contextmanager
def looked_at(connection: sa.Connection) -> Generator[None]:
    """A reader's transaction."""
    transaction = connection.begin()
    try:
        yield
    finally:
        transaction.rollback()


def put(
    connection: sa.Connection,
    id_: str,
    messages: Iterable[Json] = QUIET,
    *,
    conversation: str | None = None,
    parent: str | None = None,
    aside: bool = False,
    whole: bool = True,
    reply: Json | None = None,
    feedback: Iterable[Feedback] = (),
    **changes: Any,
) -> None:
    """Put one exchange there. `parent` is an exchange; `changes` are those of its row."""
    asked = [message for message in map(read_message, messages) if message is not None]
    answer = read_message(says(f"This is {id_}.") if reply is None else reply)
    assert answer is not None
    row = _ROW | {
        "id": id_,
        "request_messages": b"".join([_keep(connection, each) for each in asked]),
        "reply_messages": _keep(connection, answer),
        "status": "ok" if whole else "client_gone",
    }
    connection.execute(t.exchanges.insert().values(row | changes))
    turn = Turn(id_, conversation or id_, None, parent=parent, purpose="side" if aside else None)
    Links(connection).save_turns([turn])
    for said in feedback:
        tell(connection, id_, said)


def tell(connection: sa.Connection, id_: str, said: Feedback) -> None:
    """Have something said of an exchange, and counted for it."""
    row = {name: getattr(said, name) for name in ("id", "at", "source", "value", "comment")}
    row |= {"demonstration": said.demonstration, "train": said.train, "key": said.key or ""}
    told = insert(t.feedback).values(row | {"exchange_id": said.exchange, "counted_for": id_})
    connection.execute(told)


def contents(connection: sa.Connection, *tables: sa.Table) -> Mapping[str, list[Any]]:
    """All rows of these tables."""
    return {
        table.name: sorted(map(tuple, connection.execute(table.select())), key=repr)
        for table in tables
    }


def _keep(connection: sa.Connection, message: Message) -> bytes:
    id_, role, body = message_row(message)
    row = {"id": id_, "role": role, "body": orjson.loads(body)}
    connection.execute(insert(t.messages).values(row).on_conflict_do_nothing())
    return id_


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


_ROW: dict[str, Any] = {
    "epoch": "e",
    "began_at": 1_790_000_000.0,
    "path": "/v1/chat/completions",
    "key": "laptop",
    "alias": "auto",
    "stream": False,
    "private": False,
    "config_generation": 1,
    "headers": {},
    "decision": {},
    "tools": [],
    "request_bytes": 100,
    "mode": "resting",
    "upstream": "house",
    "http_status": 200,
    "attempts": 1,
    "notes": [],
    "called": [],
}
