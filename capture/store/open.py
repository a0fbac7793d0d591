"""The store: opened once, migrated, asked from any thread; written through one connection.

    Store.open(path)          for the gateway: migrates, may write
    Store.open_reader(path)   for everyone else, while the gateway runs or not: only reads

Readers have connections of their own that cannot write, and in WAL mode neither wait for the writer
nor make it wait.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from capture.exchange import Mode
from capture.feedback import Feedback
from capture.followed import Followed
from capture.groups import Group
from capture.outcomes import OutcomeName
from capture.pairs import Pair
from capture.private import make_private_directory
from capture.provenance import USUAL, Trust
from capture.redact import Redactor
from capture.review import Queue
from capture.store import (
    feedback,
    groups,
    next_states,
    pairs,
    queries,
    seen,
    trainable,
    waiting,
    weeks,
)
from capture.store.asked import Asked, asked_since
from capture.store.forget import find_conversation
from capture.store.latest import Newest, PlaceOfSkill, last_outcomes
from capture.store.migrate import HEAD, StoreDamaged, StoreError, migrate, schema_of
from capture.store.rows import Conversation, ExchangeDetail, ExchangeSummary, Loss, SkillCount
from capture.store.skills import SkillSeen, skills_seen
from capture.store.trainable import Damaged, Wanted
from capture.store.vetting import vet
from capture.store.weighings import newest_weighed, weighed
from capture.store.words import Words, words_of
from capture.store.writer import Writer
from capture.trainable import TrainableTurn
from capture.weekly import Made, Price, Week, figures, unpriced
from capture.weighing import Weighed

_BUSY_SECONDS = 5.0
_READERS = 4
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

T = TypeVar("T")


class Store:
    """Exchanges, as they are kept. Methods may be called from any thread; all of them block."""

    def __init__(self, path: Path, readers: sa.Engine, writer: Writer | None) -> None:
        self.path = path
        self.writer = writer
        """For the ingester alone; None in a store opened for reading."""
        self._readers = readers

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open for serving; makes the database when there is none, migrates an older one.

        Raises StoreError (StoreTooNew when a newer Majordomo has used it).
        """
        try:
            make_private_directory(path.parent)
            _make_private(path)
            connection = _writing_engine(path).connect()
        except (OSError, sqlite3.Error, SQLAlchemyError) as error:
            raise _cannot("open", path, error) from error
        writer = Writer(connection)
        try:
            migrate(connection, path)
        except SQLAlchemyError as error:
            writer.close()
            raise _cannot("open", path, error) from error
        except StoreError:
            writer.close()
            raise
        return cls(path, _reading_engine(path), writer)

    @classmethod
    def open_reader(cls, path: Path) -> Self:
        """Open for reading only; nothing is made or migrated. Raises StoreError."""
        if not path.exists():
            raise StoreError(f"there is no store at {path} yet: nothing has been served")
        readers = _reading_engine(path)
        try:
            with readers.connect() as connection:
                found = schema_of(connection)
        except SQLAlchemyError as error:
            raise _cannot("read", path, error) from error
        if found != HEAD:
            raise StoreError(f"{path} has schema {found}, this Majordomo reads {HEAD}")
        return cls(path, readers, None)

    def exchanges(self, limit: int = 50, before: str | None = None) -> list[ExchangeSummary]:
        """The newest first; only those older than the exchange `before` when it is given."""
        return self._ask(lambda c: queries.list_exchanges(c, limit, before))

    def exchange(self, id: str) -> ExchangeDetail | None:
        """All of one exchange; None when there is none of that id. Raises BodyDamaged."""
        return self._ask(lambda c: queries.find_exchange(c, id))

    def summaries(self, ids: Sequence[str]) -> list[ExchangeSummary]:
        """Those of these exchanges that there are, in this order."""
        return self._ask(lambda c: queries.summaries(c, ids))

    def words(self, id: str) -> Words:
        """What was said in an exchange, as far as it is searched."""
        return self._ask(lambda c: words_of(c, id))

    def summary(self, id: str) -> ExchangeSummary | None:
        """One exchange's line in the list; None when there is none of that id."""
        return self._ask(lambda c: queries.find_summary(c, id))

    def feedback(
        self, *, exchange: str | None = None, conversation: str | None = None, limit: int = 500
    ) -> list[Feedback]:
        """What was said of one of these two, the newest first. A conversation may be named by any
        exchange of it."""
        if conversation is None:
            assert exchange is not None, "feedback is about something"
            return self._ask(lambda c: feedback.about_exchange(c, exchange, limit))
        return self._ask(lambda c: feedback.about_conversation(c, conversation, limit))

    def said_once(self, key: str | None, idempotency_key: str) -> Feedback | None:
        """The feedback that a speaker called so; None when there is none."""
        return self._ask(lambda c: feedback.said_once(c, key, idempotency_key))

    def conversation(self, id: str) -> Conversation | None:
        """The conversation an exchange is part of; None when there is no exchange of that id."""
        return self._ask(lambda c: find_conversation(c, id))

    def spent(self, since: float) -> float:
        """US dollars BURST took since then (Unix seconds), unknown costs at what was reserved."""
        return self._ask(lambda c: queries.spent(c, since))

    def counts(self) -> dict[str, Any]:
        """`total`, `by_status`, `by_mode` and `lost_bytes`."""
        return self._ask(queries.counts)

    def skill_counts(self, since: float | None = None) -> list[SkillCount]:
        """What came of each skill at each place, by adapter: how many outcomes of either side."""
        return self._ask(lambda connection: queries.skill_counts(connection, since))

    def skills_seen(self) -> list[SkillSeen]:
        """Every skill that was asked for, the most asked first."""
        return self._ask(skills_seen)

    def last_outcomes(self, most: int) -> dict[PlaceOfSkill, Newest]:
        """Of each skill at each place, by adapter: its last outcomes and whether they were
        successes, the newest first, so many at most."""
        return self._ask(lambda connection: last_outcomes(connection, most))

    def newest_weighed(self, most: int) -> str:
        """The id after which lie so many weighed requests; empty where there are fewer."""
        return self._ask(lambda connection: newest_weighed(connection, most))

    def weighed(self, after: str, seen: str = "", changed_at: float = 0.0) -> list[Weighed]:
        """Requests weighed after that one, in the order in which they came, with what came of them.
        Of those up to `seen` only the ones whose outcome changed at `changed_at` or later."""
        return self._ask(lambda connection: weighed(connection, after, seen, changed_at))

    def trainable(
        self,
        redactor: Redactor,
        trust: Trust = USUAL,
        *,
        outcome: OutcomeName | None = None,
        modes: Collection[Mode] | None = None,
        skill: str | None = None,
        since: float | None = None,
        until: float | None = None,
        damaged: Damaged | None = None,
    ) -> Iterator[TrainableTurn]:
        """Whole exchanges with what was asked and answered, redacted, by id; each says what holds
        it under these rules of trust.

        None is no filter; `since` (included) and `until` (excluded) are Unix seconds. One
        consistent view of the store is read, however long the iteration takes. `damaged` gets the
        ids of exchanges that are left out on the way because a body of theirs is.
        """
        wanted = Wanted(outcome, modes, skill, since, until)
        with self._view() as connection:
            vetting = vet(connection, trust, redactor)
            yield from trainable.turns(connection, wanted, redactor, vetting, _given(damaged))

    def trainable_count(self, wanted: Wanted) -> int:
        """How many exchanges `trainable` looks at."""
        return self._ask(lambda connection: trainable.count(connection, wanted))

    def pairs(
        self,
        redactor: Redactor,
        wanted: Wanted,
        trust: Trust = USUAL,
        damaged: Damaged | None = None,
    ) -> Iterator[Pair]:
        """Two replies to one request, of which one is better, redacted; what is wanted is wanted of
        that one. One consistent view, and `damaged`, as with `trainable`."""
        with self._view() as connection:
            vetting = vet(connection, trust, redactor)
            yield from pairs.pairs(connection, wanted, redactor, vetting, _given(damaged))

    def unsettled(
        self,
        redactor: Redactor,
        wanted: Wanted,
        trust: Trust = USUAL,
        damaged: Damaged | None = None,
    ) -> Iterator[tuple[TrainableTurn, TrainableTurn]]:
        """Two replies to one request of which no outcome says which is better, redacted. One
        consistent view, and `damaged`, as with `trainable`."""
        with self._view() as connection:
            vetting = vet(connection, trust, redactor)
            yield from pairs.unsettled(connection, wanted, redactor, vetting, _given(damaged))

    def named(
        self,
        preferred: Iterable[tuple[str, str]],
        redactor: Redactor,
        wanted: Wanted,
        trust: Trust = USUAL,
        damaged: Damaged | None = None,
    ) -> Iterator[Pair]:
        """The pairs that judges made, (chosen, rejected) ids, as far as they are there and wanted,
        redacted. One consistent view, and `damaged`, as with `trainable`."""
        with self._view() as connection:
            vetting = vet(connection, trust, redactor)
            yield from pairs.named(
                connection, preferred, wanted, redactor, vetting, _given(damaged)
            )

    def groups(
        self,
        redactor: Redactor,
        wanted: Wanted,
        trust: Trust = USUAL,
        damaged: Damaged | None = None,
    ) -> Iterator[Group]:
        """Replies to one request whose outcomes are known, redacted; what is wanted is wanted of
        each. One consistent view, and `damaged`, as with `trainable`."""
        with self._view() as connection:
            vetting = vet(connection, trust, redactor)
            yield from groups.groups(connection, wanted, redactor, vetting, _given(damaged))

    def next_states(
        self,
        redactor: Redactor,
        wanted: Wanted,
        trust: Trust = USUAL,
        damaged: Damaged | None = None,
    ) -> Iterator[Followed]:
        """Replies that failed, by exchange id, each with what came next, redacted. One consistent
        view, and `damaged`, as with `trainable`."""
        with self._view() as connection:
            vetting = vet(connection, trust, redactor)
            yield from next_states.next_states(
                connection, wanted, redactor, vetting, _given(damaged)
            )

    def waiting(self, redactor: Redactor, trust: Trust = USUAL, limit: int = 50) -> Queue:
        """What waits for a person's word, redacted: the newest so many, and how many there are. One
        consistent view."""
        with self._view() as connection:
            return waiting.waiting(connection, trust, redactor, limit)

    def weeks(self, price: Price = unpriced, made: Iterable[Made] = ()) -> tuple[Week, ...]:
        """Each week's figures, oldest first; `made` are the adapters there are."""
        return figures(self._ask(weeks.count_weeks), price, made)

    def known(self, ids: Collection[str]) -> set[str]:
        """Those of these exchanges that there are."""
        return self._ask(lambda c: seen.known(c, ids))

    def endings(self, tails: Collection[bytes]) -> set[bytes]:
        """Those of these transcripts, by their names, that some exchange ends in."""
        return self._ask(lambda c: seen.endings(c, tails))

    def keys(self) -> list[str | None]:
        """The names of all API keys that exchanges have; None for those without."""
        return self._ask(seen.keys)

    def asked(self, since: float, most: int, *, bodies: bool = True) -> Iterator[Asked]:
        """The newest requests that were served since then (Unix seconds), so many at most, newest
        first; without their bytes where `bodies` says so. One consistent view."""
        with self._readers.connect() as connection, connection.begin():
            yield from asked_since(connection, since, most, bodies=bodies)

    def losses(self) -> list[Loss]:
        """Every stretch of the journal that could not be read."""
        return self._ask(queries.losses)

    def close(self) -> None:
        """Close every connection."""
        self._readers.dispose()
        if self.writer is not None:
            self.writer.close()

    @contextmanager
    def _view(self) -> Generator[sa.Connection]:
        """One consistent view; what is noted beside the store while it is read goes with it."""
        with self._readers.connect() as connection:
            transaction = connection.begin()
            try:
                yield connection
            finally:
                transaction.rollback()

    def _ask(self, question: Callable[[sa.Connection], T]) -> T:
        with self._readers.connect() as connection:
            return question(connection)


def _given(damaged: Damaged | None) -> Damaged:
    return set() if damaged is None else damaged


def _cannot(what: str, path: Path, error: Exception) -> StoreError:
    """Why the store cannot be opened, and what to do when it is damaged."""
    cause = getattr(error, "orig", None) or error
    if getattr(cause, "sqlite_errorcode", None) in _DAMAGED:
        return StoreDamaged(
            f"the store {path} is damaged: {cause}. `majordomo restore FILE --force` puts a backup "
            f"back; without one move {path.name}* away: the next start makes a store of what the "
            "journal still has"
        )
    return StoreError(f"cannot {what} the store {path}: {cause}")


def _make_private(path: Path) -> None:
    """Have the file there, for its owner alone, before SQLite makes it for everyone: SQLite gives
    the log and its index the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)


def _writing_engine(path: Path) -> sa.Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        return connection

    engine = _engine(connect, sa.pool.StaticPool)
    # the driver would begin late and commit early around DDL: SQLAlchemy says when instead
    event.listen(engine, "begin", _begin_writing)
    return engine


def _reading_engine(path: Path) -> sa.Engine:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )

    engine = _engine(connect, sa.pool.QueuePool, pool_size=_READERS, max_overflow=_READERS)
    event.listen(engine, "begin", _begin_reading)
    return engine


def _engine(
    connect: Callable[[], sqlite3.Connection], pool: type[sa.Pool], **options: int
) -> sa.Engine:
    return sa.create_engine(
        "sqlite://",
        creator=connect,
        poolclass=pool,
        hide_parameters=True,  # what people said does not belong in logs
        json_serializer=_json,
        json_deserializer=orjson.loads,
        **options,
    )


def _begin_writing(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_reading(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
