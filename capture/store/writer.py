"""The one writing connection of a SQLite database.

SQLite up to 3.51.2 can corrupt a write-ahead log that two connections write or checkpoint at the
same instant; so there is one, used by one thread at a time. `synchronous=NORMAL` is right here: the
journal is the truth, and its position is committed with the rows, so after a power cut the store
rolls back and takes the rest again. Checkpoints are explicit, never inside a COMMIT.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from capture import batch as rows
from capture.batch import Batch, Unreadable
from capture.clock import now
from capture.framing import HEAD_BYTES, Position, Record
from capture.provenance import Trust
from capture.replies import ReplyReader
from capture.said import answered, json_text
from capture.store import bodies, forget, vetter, weeks
from capture.store import tables as t
from capture.store.links import Links
from capture.store.rows import Loss

# The driver looks for somebody's adapter for each None, bytes and bool of each row, and not finding
# one takes three times as long as binding the value: so it finds these, which change nothing.
sqlite3.register_adapter(type(None), lambda none: none)
sqlite3.register_adapter(bytes, bytes)
sqlite3.register_adapter(bool, int)

_STORED = 20_000
_STORED_ONES = (
    "SELECT id, status, began_at FROM exchanges WHERE id IN (SELECT value FROM json_each(?))"
)
_BREATHE_EVERY = 16
"""Records between two pauses: half a millisecond of work."""

_log = logging.getLogger(__name__)


class Writer:
    """Takes batches. Not thread-safe."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        dialect = connection.dialect
        self._sql = {
            table.name: _positional(statement, dialect, columns)
            for table, columns, statement in (
                (t.exchanges, rows.BEGIN_COLUMNS + rows.END_COLUMNS, t.exchanges.insert()),
                (t.attempts, rows.ATTEMPT_COLUMNS, t.attempts.insert()),
                (t.bodies, rows.BODY_COLUMNS, t.bodies.insert()),
                (t.messages, rows.MESSAGE_COLUMNS, insert(t.messages).on_conflict_do_nothing()),
                (t.tool_calls, rows.CALL_COLUMNS, t.tool_calls.insert()),
                (t.feedback, rows.FEEDBACK_COLUMNS, insert(t.feedback).on_conflict_do_nothing()),
                (t.weighings, rows.WEIGHING_COLUMNS, t.weighings.insert()),
            )
        }
        ended = t.exchanges.update().where(t.exchanges.c.id == sa.bindparam("id_"))
        count = insert(t.tallies)
        count = count.on_conflict_do_update(
            index_elements=["status", "mode"],
            set_={"exchanges": t.tallies.c.exchanges + count.excluded.exchanges},
        )
        move = insert(t.journal_position)
        move = move.on_conflict_do_update(
            index_elements=["id"],
            set_={name: move.excluded[name] for name in ("segment", "epoch", "offset")},
        )
        self._stored: set[bytes] = set()
        """Ids of messages that are in the store for certain: long conversations say them again with
        every exchange."""
        self._damaged: set[str] = set()
        """Exchanges of which it was said that a body is damaged."""
        self._late = _positional(ended, dialect, (*rows.END_COLUMNS, "id_"))
        self._tally = _positional(count, dialect, ("status", "mode", "exchanges"))
        self._moved = _positional(move, dialect, ("id", "segment", "epoch", "offset"))

    def links(self) -> Links:
        """What linking reads and writes, on this connection."""
        return Links(self._connection)

    def position(self) -> tuple[Position, str] | None:
        """How far the journal is in here, and that segment's epoch; None before anything is."""
        with self._connection.begin():
            row = self._connection.execute(sa.select(t.journal_position)).first()
        return None if row is None else (Position(row.segment, row.offset), row.epoch)

    def take(
        self,
        epoch: str,
        records: Sequence[Record],
        position: Position,
        losses: Sequence[Loss] = (),
        breathe: Callable[[], None] = lambda: None,
    ) -> Collection[str]:
        """Commit records of one segment and the position they reach, all or nothing. Returns the
        ids of the exchanges that ended in them.

        `breathe` is called every few records, for whoever else wants the interpreter. A record that
        makes no sense is noted as a loss.
        """
        losses = list(losses)
        with self._connection.begin():
            stored = self._stored_of({record.id for record in records})
            statuses = {row.id: row.status for row in stored}
            batch = Batch(epoch, statuses, self._parts)
            for number, record in enumerate(records):
                try:
                    batch.take(record)
                except Unreadable as error:
                    losses.append(record_loss(position.segment, record, str(error)))
                if number % _BREATHE_EVERY == _BREATHE_EVERY - 1:
                    breathe()
            self._insert(batch)
            self._count(batch.tally())
            weeks.touch(self._connection, [*batch.began, *[row.began_at for row in stored]])
            self._lose(losses)
            self._move(position, epoch)
        if len(self._stored) > _STORED:
            self._stored.clear()
        self._stored.update(batch.messages)
        return batch.ended.keys()

    def lose(self, losses: Sequence[Loss]) -> None:
        """Note what could not be read, each once."""
        with self._connection.begin():
            self._lose(losses)

    def _lose(self, losses: Sequence[Loss]) -> None:
        for loss in losses:
            statement = insert(t.journal_losses).values(
                segment=loss.segment,
                offset=loss.offset,
                bytes=loss.bytes,
                reason=loss.reason,
                found_at=loss.found_at,
            )
            self._connection.execute(statement.on_conflict_do_nothing())

    def close_open(self, epoch: str) -> int:
        """Close what processes other than `epoch` left open, as `interrupted`, with as much of the
        reply as they recorded. Returns how many there were."""
        chosen = (t.exchanges.c.id, t.exchanges.c.mode, t.exchanges.c.began_at)
        select = sa.select(*chosen).where(
            t.exchanges.c.status == "open", t.exchanges.c.epoch != epoch
        )
        with self._connection.begin():
            found = self._connection.execute(select).all()
            for row in found:
                self._interrupt(row.id)
            self._count(Counter(("interrupted", row.mode or "") for row in found))
            weeks.touch(self._connection, [row.began_at for row in found])
        return len(found)

    def checkpoint(self, *, truncate: bool = False) -> bool:
        """Move the log into the database and sync it. True when all of it was moved, so that every
        commit until now survives a power cut. With `truncate` the log is also emptied."""
        mode = "TRUNCATE" if truncate else "PASSIVE"
        # straight to the driver: a checkpoint cannot run inside a transaction
        checkpoint = f"PRAGMA wal_checkpoint({mode})"
        busy, logged, moved = self._driver().execute(checkpoint).fetchone()
        return not busy and logged == moved

    def shrink(self) -> None:
        """Give back the memory that holds pages of the database; they are read again when asked."""
        self._driver().execute("PRAGMA shrink_memory")

    def forget(self, ids: Sequence[str], breathe: Callable[[], None] = lambda: None) -> int:
        """Remove exchanges that have ended, all or nothing, and overwrite what they said. Returns
        how many messages went with them. `written_anew` makes it certain that no byte is left."""
        driver = self._driver()
        forget.secure(driver, on=True)
        try:
            with self._connection.begin():
                count = forget.forget(self._connection, self.links(), ids, breathe)
        finally:
            self._stored.clear()  # some of these messages are there no more
            forget.secure(driver, on=False)
        return count

    def drop_bodies(
        self, before: str, after: str, spared: AbstractSet[str], most: int
    ) -> tuple[int, str | None]:
        """Remove the raw bytes of old exchanges, as `capture.store.forget.drop_bodies` says, and
        overwrite them. The file does not shrink; its room is used again."""
        driver = self._driver()
        forget.secure(driver, on=True)
        try:
            with self._connection.begin():
                return forget.drop_bodies(self._connection, before, after, spared, most)
        finally:
            forget.secure(driver, on=False)

    def pack_bodies(self, before: str, most: int) -> int:
        """Pack the bodies of old exchanges, as `capture.store.bodies.pack_old` says."""
        with self._connection.begin():
            return bodies.pack_old(self._connection, before, most, self._tell)

    def vet(self, trust: Trust, most: int) -> int:
        """Vet some of what was linked since, as `capture.store.vetter.keep_up` says."""
        with self._connection.begin():
            return vetter.keep_up(self._connection, trust, most)

    def keep_week(self, at: float) -> bool:
        """Count a week that was over at that time, in Unix seconds, for good, and keep what it came
        to. False when there is none left to count."""
        with self._connection.begin():
            return weeks.keep_one(self._connection, at)

    def write_anew(self) -> bool:
        """Write the database anew, without what deleted rows left behind in it or in its log.
        False when readers keep some of it in use, or there is no room: it goes on as it is."""
        try:
            forget.write_anew(self._driver())
        except sqlite3.Error as error:
            _log.warning("the store cannot be written anew: %s", error)
            self.checkpoint(truncate=True)
            return False
        return self.checkpoint(truncate=True)

    def damaged_segments(self) -> set[int]:
        """Numbers of the segments of which something could not be read."""
        with self._connection.begin():
            found = self._connection.execute(sa.select(t.journal_losses.c.segment).distinct())
            return {row.segment for row in found}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        self._connection.engine.dispose()

    def _driver(self) -> sqlite3.Connection:
        driver = self._connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        return driver

    def _insert(self, batch: Batch) -> None:
        for table, values in (
            (t.exchanges, batch.new_rows()),
            (t.attempts, batch.attempts),
            (t.bodies, batch.bodies),
            (t.messages, [r for id_, r in batch.messages.items() if id_ not in self._stored]),
            (t.tool_calls, batch.calls),
            (t.feedback, batch.feedback),
            (t.weighings, batch.weighings),
        ):
            self._many(self._sql[table.name], values)
        self._many(self._late, batch.late_rows())

    def _interrupt(self, id_: str) -> None:
        reader = ReplyReader()
        for data in self._parts(id_):
            reader.feed(data)
        answer = answered(reader.finish())
        batch = Batch("", {}, self._parts)
        said = batch.answer(id_, answer)
        self._insert(batch)
        self._connection.execute(
            t.exchanges.update()
            .where(t.exchanges.c.id == id_)
            .values(
                status="interrupted",
                answered=rows.excerpt(answer.text),
                called=[call.name for call in answer.calls],
                reply_messages=said,
            )
        )

    def _count(self, tally: Mapping[tuple[str, str], int]) -> None:
        counted = [(status, mode, number) for (status, mode), number in tally.items()]
        if counted:
            self._connection.exec_driver_sql(self._tally, counted)

    def _many(self, sql: str, values: Sequence[tuple[Any, ...]]) -> None:
        if values:
            self._connection.exec_driver_sql(sql, list(values))

    def _move(self, position: Position, epoch: str) -> None:
        row = (1, position.segment, epoch, position.offset)
        self._connection.exec_driver_sql(self._moved, row)

    def _stored_of(self, ids: Collection[str]) -> Sequence[sa.Row[Any]]:
        # one parameter for however many ids: the statement is never compiled again
        return self._connection.exec_driver_sql(_STORED_ONES, (json_text(list(ids)),)).all()

    def _parts(self, id_: str) -> Iterator[bytes]:
        select = (
            sa.select(*bodies.COLUMNS)
            .where(t.bodies.c.exchange_id == id_, t.bodies.c.kind == "response")
            .order_by(t.bodies.c.id)
        )
        for row in self._connection.execute(select):
            try:
                part = bodies.read_body(self._connection, row)
            except bodies.BodyDamaged as error:
                self._tell(error)
            else:
                yield part

    def _tell(self, error: bodies.BodyDamaged) -> None:
        """Say once of each exchange that a body of it is damaged."""
        if error.exchange not in self._damaged:
            self._damaged.add(error.exchange)
            _log.warning("%s; %s", error, bodies.REMEDY)


def _positional(
    statement: sa.Insert | sa.Update, dialect: sa.Dialect, columns: Sequence[str]
) -> str:
    """SQL that takes tuples in the order of `columns`: SQLAlchemy's own handling of parameters
    costs more per row than the insert itself."""
    keys = [name for name in columns if name != "id_"]
    compiled = statement.compile(dialect=dialect, column_keys=keys)
    assert compiled.positiontup == list(columns)  # pyright: ignore[reportAttributeAccessIssue]
    return str(compiled)


def record_loss(segment: int, record: Record, reason: str) -> Loss:
    """A record that is whole but cannot be taken."""
    size = HEAD_BYTES + len(record.id) + len(record.meta) + len(record.body)
    return Loss(segment, record.end - size, size, reason, now())
