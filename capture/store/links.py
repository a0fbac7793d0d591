"""What linking reads and writes: turns, outcomes, and what they are made from.

On the writing connection, inside the caller's transaction; SQL goes straight to SQLite's driver,
because this runs for every exchange: SQLAlchemy takes four times as long over a look-up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from capture.exchange import ExchangeStatus
from capture.feedback import Feedback
from capture.messages import FinishReason
from capture.outcomes import Outcome, OutcomeName
from capture.side_calls import Purpose
from capture.weekly import week_of

DAY_SECONDS = 86_400
AT_TAIL = 4
"""Exchanges that end in one transcript which are looked at: the latest."""
CONTINUING = 8
"""Continuations of one exchange which are looked at: the latest."""
_IDS_AT_ONCE = 500

_MISSED = "SELECT id FROM exchanges EXCEPT SELECT exchange_id FROM turns"
_OPEN = "SELECT id FROM exchanges WHERE status = 'open'"
_ENDED_COLUMNS = (
    "id, key, status, finish_reason, request_messages, "
    "coalesce(substr(reply_messages, 1, 16), x''), skill, upstream, model, adapter, attempts, "
    "began_at, total_s, session, tools != '[]', status != 'ok' OR http_status IS NOT NULL"
)
_ENDED = (
    f"SELECT {_ENDED_COLUMNS} FROM exchanges "  # noqa: S608 - names of ours
    "WHERE id IN ({}) AND status != 'open'"
)
_UNFIT = (
    "SELECT e.skill, a.upstream, a.model, coalesce(a.adapter, ''), e.began_at FROM attempts AS a "
    "JOIN exchanges AS e ON e.id = a.exchange_id "
    "WHERE a.exchange_id IN ({}) AND a.status = 'unfit' AND e.skill IS NOT NULL"
)
_MESSAGES = "SELECT id, body FROM messages WHERE id IN ({})"
_CALLERS = (
    "SELECT c.exchange_id, coalesce(t.conversation, c.exchange_id), c.name, c.arguments "
    "FROM tool_calls AS c JOIN exchanges AS e ON e.id = c.exchange_id "
    "LEFT JOIN turns AS t ON t.exchange_id = c.exchange_id "
    "WHERE c.call_id = ? AND c.exchange_id < ? AND e.key IS ? "
    "ORDER BY c.exchange_id DESC LIMIT 8"
)
_OFFER = "SELECT alias, tools FROM exchanges WHERE id = ?"
_TURN_COLUMNS = "t.exchange_id, t.conversation, t.continues, t.tail, t.spot, t.purpose, t.parent"
_OUTCOME_COLUMNS = "o.outcome, o.confidence, o.evidence, o.corrected"
_ENDING_IN = (
    "WITH wanted (number, tail, before) AS (VALUES {}) "  # noqa: S608 - names of ours
    f"SELECT number, {_TURN_COLUMNS}, {_ENDED_COLUMNS}, {_OUTCOME_COLUMNS}, "
    "(SELECT group_concat(later) FROM (SELECT n.exchange_id AS later FROM turns AS n "
    "WHERE n.continues = t.exchange_id AND n.exchange_id < before "
    f"ORDER BY n.exchange_id DESC LIMIT {CONTINUING})) "
    "FROM wanted CROSS JOIN turns AS t ON t.exchange_id IN (SELECT exchange_id FROM turns "
    "WHERE turns.tail = wanted.tail AND exchange_id < before "
    f"ORDER BY exchange_id DESC LIMIT {AT_TAIL}) "
    "CROSS JOIN exchanges ON id = t.exchange_id "
    "LEFT JOIN outcomes AS o ON o.exchange_id = t.exchange_id "
    "ORDER BY number, t.exchange_id DESC"
)
_ASKED_AT = (
    "SELECT exchange_id FROM turns WHERE spot = ? AND exchange_id < ? AND exchange_id > ? "
    "ORDER BY exchange_id DESC LIMIT ?"
)
_IN_SESSION = (
    "SELECT e.id FROM exchanges AS e JOIN turns AS t ON t.exchange_id = e.id "
    "WHERE e.session = ? AND e.key IS ? AND e.id < ? AND t.purpose IS NULL "
    "ORDER BY e.id DESC LIMIT 1"
)
_NAMED_AGAIN = (
    "SELECT 1 FROM exchanges WHERE session = ? AND key IS ? AND id <= ? AND id != ? LIMIT 1"
)
_CALLED_LATELY = (
    "SELECT c.exchange_id, c.arguments FROM tool_calls AS c "
    "JOIN exchanges AS e ON e.id = c.exchange_id "
    "WHERE c.exchange_id < ? AND c.exchange_id > ? AND e.key IS ? "
    "ORDER BY c.exchange_id DESC LIMIT 64"
)
_SAID_LATELY = (
    "SELECT e.id, t.conversation, e.asked, e.answered FROM exchanges AS e "
    "JOIN turns AS t ON t.exchange_id = e.id "
    "WHERE e.id < ? AND e.id > ? AND e.key IS ? AND t.purpose IS NULL "
    "ORDER BY e.id DESC LIMIT 64"
)
_CONTINUED = "SELECT 1 FROM turns WHERE continues = ? LIMIT 1"
_CONTINUING = (
    "SELECT exchange_id FROM turns "  # noqa: S608 - a number of ours
    "WHERE continues = ? AND exchange_id < ? "
    f"ORDER BY exchange_id DESC LIMIT {CONTINUING}"
)
_TURN = f"SELECT {_TURN_COLUMNS} FROM turns AS t WHERE exchange_id = ?"  # noqa: S608 - names of ours
_OUTCOME = f"SELECT {_OUTCOME_COLUMNS} FROM outcomes AS o WHERE exchange_id = ?"  # noqa: S608 - as above
_SAVE_TURN = (
    "INSERT INTO turns (exchange_id, conversation, continues, tail, spot, purpose, parent) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_TO_VET = "INSERT INTO to_vet (exchange_id) VALUES (?) ON CONFLICT DO NOTHING"
_SAVE_OUTCOME = (
    "INSERT INTO outcomes (exchange_id, outcome, confidence, evidence, corrected, at) "
    "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (exchange_id) DO UPDATE SET outcome=excluded.outcome, "
    "confidence=excluded.confidence, evidence=excluded.evidence, corrected=excluded.corrected, "
    "at=excluded.at"
)
_SUPERSEDE = (
    "INSERT INTO superseded (exchange_id, until, outcome, confidence, since) "
    "SELECT exchange_id, ?, outcome, confidence, at FROM outcomes WHERE exchange_id = ? "
    "ON CONFLICT DO NOTHING"
)
_ABANDONED = (
    "SELECT DISTINCT c.exchange_id FROM tool_calls AS c "
    "JOIN exchanges AS e ON e.id = c.exchange_id "
    "JOIN turns AS t ON t.exchange_id = c.exchange_id "
    "WHERE c.exchange_id > ? AND c.exchange_id < ? AND e.status = 'ok' "
    "AND NOT EXISTS (SELECT 1 FROM turns AS n WHERE n.continues = c.exchange_id) "
    "AND NOT EXISTS (SELECT 1 FROM outcomes AS o WHERE o.exchange_id = c.exchange_id) "
    "ORDER BY c.exchange_id LIMIT ?"
)
_ANY_ASKED = "SELECT 1 FROM tallies WHERE status = 'asked' LIMIT 1"
_TOUCH = "DELETE FROM week_counts WHERE number = ?"
_ADD_UP = (
    "INSERT INTO skill_tallies (skill, upstream, model, adapter, day, successes, failures) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (skill, upstream, model, adapter, day) DO UPDATE SET "
    "successes = successes + excluded.successes, failures = failures + excluded.failures"
)
_FEEDBACK = (
    "id, exchange_id, conversation, at, nullif(key, ''), source, value, comment, demonstration, "
    "idempotency_key, train"
)
_WAITING = (
    "SELECT f.id, f.exchange_id, t.conversation FROM feedback AS f "
    "JOIN turns AS t ON t.exchange_id = coalesce(f.exchange_id, f.conversation) "
    "WHERE f.counted_for IS NULL ORDER BY f.id LIMIT ?"
)
_LAST_REPLY = (
    "SELECT max(t.exchange_id), "
    "max(CASE WHEN e.reply_messages != x'' AND e.status != 'asked' THEN t.exchange_id END) "
    "FROM turns AS t JOIN exchanges AS e ON e.id = t.exchange_id "
    "WHERE t.conversation = ? AND t.exchange_id < ?"
)
_COUNT_FOR = "UPDATE feedback SET counted_for = ? WHERE id = ?"
_SAID = f"SELECT counted_for, {_FEEDBACK} FROM feedback WHERE counted_for IN ({{}}) ORDER BY id"  # noqa: S608 - our own words


class Ended(NamedTuple):
    """An exchange that ended, as far as linking looks at it."""

    id: str
    key: str | None
    """Name of the API key; None when the gateway ran without keys."""
    status: ExchangeStatus
    finish_reason: FinishReason | None
    asked: bytes
    """Ids of the request's messages, joined."""
    reply: bytes
    """Id of the first choice's message; empty when there was none."""
    skill: str | None
    upstream: str | None
    model: str | None
    adapter: str | None
    """As `ExchangeSummary` has these four."""
    attempts: int
    """How many tries at upstreams it took."""
    began_at: float
    """Unix seconds."""
    total_s: float | None
    """How long it took; None when its end was lost."""
    session: str | None
    """As its client names it."""
    tools: bool
    """Whether any were offered."""
    served: bool
    """By this gateway; what was imported is not, and says nothing of how our places do."""

    @property
    def day(self) -> int:
        """The day it began on, in days since 1970-01-01 UTC."""
        return _day(self.began_at)


class Turn(NamedTuple):
    """An exchange's place in its conversation."""

    exchange_id: str
    conversation: str
    """Id of the conversation's first exchange."""
    continues: str | None
    """None for a conversation's first."""
    tail: bytes | None = None
    """Name of the conversation up to and including the reply; None without one."""
    spot: bytes | None = None
    """How the conversation began and what was asked; None when nothing was."""
    purpose: Purpose | None = None
    """What an agent asked on the side; None for a turn of a conversation."""
    parent: str | None = None
    """The exchange it was asked for, of another conversation; None when there is none, or none is
    known."""


class Before(NamedTuple):
    """An exchange that a request may go on from, with all that is known of it."""

    turn: Turn
    """Its place."""
    ended: Ended
    """Itself."""
    outcome: Outcome | None
    """What came of it so far; None while nothing is known."""
    continuing: list[str]
    """The latest exchanges, older than the request, that continue it."""


class Caller(NamedTuple):
    """An exchange whose reply made a tool call."""

    id: str
    """Of the exchange."""
    conversation: str
    """Its own id before it is linked."""
    name: str
    """Of the tool."""
    arguments: str
    """As the model wrote them."""


_TURN_END = len(Turn._fields)
_ENDED_END = _TURN_END + len(Ended._fields)
"""Where in a row of `_ENDING_IN` each ends."""


class Waiting(NamedTuple):
    """Feedback that can come to bear now."""

    id: str
    """Of the feedback."""
    exchange: str | None
    """What it is about; None for a conversation."""
    conversation: str
    """What it is about, or the conversation of that exchange."""


class Links:
    """One connection's view. Not thread-safe."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        self._driver = driver

    def transaction(self) -> sa.RootTransaction:
        """All or nothing of what is asked and saved inside."""
        return self._connection.begin()

    def missed(self) -> list[str]:
        """Every exchange that ended and has no turn, by id. Reads one index of each table whole."""
        going_on = {row[0] for row in self._ask(_OPEN)}
        return sorted(row[0] for row in self._ask(_MISSED) if row[0] not in going_on)

    def ended(self, ids: Sequence[str]) -> dict[str, Ended]:
        """Those of these exchanges that ended."""
        return {row[0]: Ended(*row) for row in self._among(_ENDED, ids)}

    def messages(self, ids: Collection[bytes]) -> dict[bytes, Mapping[str, Any]]:
        """Messages as `capture.plain` writes them."""
        rows = self._among(_MESSAGES, sorted(ids))
        return {id_: orjson.loads(body) for id_, body in rows}

    def callers(self, call_id: str, key: str | None, before: str) -> list[Caller]:
        """Exchanges older than `before` of that API key that made a call of this id, the latest
        first."""
        return [Caller(*row) for row in self._ask(_CALLERS, call_id, before, key)]

    def offer(self, id_: str) -> tuple[str, str]:
        """The model name an exchange asked for, and the names of the tools it offered, as JSON."""
        ((alias, tools),) = self._ask(_OFFER, id_)
        return alias, tools

    def ending_in(self, wanted: Sequence[tuple[bytes, str]]) -> list[list[Before]]:
        """For each of these, a few at a time: the latest exchanges older than that id that end in
        that transcript."""
        found: list[list[Before]] = [[] for _ in range(len(wanted))]
        values = [value for n, (tail, before) in enumerate(wanted) for value in (n, tail, before)]
        sql = _ENDING_IN.format(",".join(["(?,?,?)"] * len(wanted)))
        for row in self._ask(sql, *values) if wanted else ():
            number: int = row[0]
            found[number].append(_before(row[1:]))
        return found

    def asked_at(self, spot: bytes, before: str, since: str = "", limit: int = 8) -> list[str]:
        """The latest exchanges between two ids that were asked at this spot."""
        return [row[0] for row in self._ask(_ASKED_AT, spot, before, since, limit)]

    def any_asked(self) -> bool:
        """Whether a request was ever answered with a question of our own."""
        return bool(self._ask(_ANY_ASKED))

    def in_session(self, session: str, key: str | None, before: str) -> str | None:
        """The latest turn older than `before` of a session that a client of that API key named."""
        return next((row[0] for row in self._ask(_IN_SESSION, session, key, before)), None)

    def is_named_again(self, ended: Ended, until: str) -> bool:
        """Whether an exchange's session has others, up to that id."""
        return bool(self._ask(_NAMED_AGAIN, ended.session, ended.key, until, ended.id))

    def called_lately(self, key: str | None, before: str, since: str) -> list[tuple[str, str]]:
        """The latest calls between two ids, of that API key: exchange and arguments."""
        return self._ask(_CALLED_LATELY, before, since, key)

    def said_lately(
        self, key: str | None, before: str, since: str
    ) -> list[tuple[str, str, str | None, str | None]]:
        """The latest turns between two ids, of that API key: exchange, conversation, and how what
        the user said and the reply begin."""
        return self._ask(_SAID_LATELY, before, since, key)

    def continuing(self, id_: str, before: str) -> list[str]:
        """The latest exchanges older than `before` that continue this one."""
        return [row[0] for row in self._ask(_CONTINUING, id_, before)]

    def is_continued(self, id_: str) -> bool:
        """Whether an exchange has been linked that continues this one."""
        return bool(self._ask(_CONTINUED, id_))

    def turn(self, id_: str) -> Turn | None:
        """An exchange's place; None before it is linked."""
        return next((Turn(*row) for row in self._ask(_TURN, id_)), None)

    def outcome(self, id_: str) -> Outcome | None:
        """What came of an exchange, as far as is known."""
        return next((_outcome(*row) for row in self._ask(_OUTCOME, id_)), None)

    def save_turns(self, turns: Sequence[Turn]) -> None:
        """Keep places, for vetting to look at; one that is there already stays."""
        if turns:
            self._driver.executemany(_SAVE_TURN, turns)
            self._driver.executemany(_TO_VET, [(turn.exchange_id,) for turn in turns])

    def supersede(self, ids: Sequence[str], at: float) -> None:
        """Note what came of these exchanges as far as was known until then, in Unix seconds, for
        another is about to be saved."""
        if ids:
            self._driver.executemany(_SUPERSEDE, [(at, id_) for id_ in ids])

    def abandoned(self, since: str, until: str, limit: int) -> list[str]:
        """The oldest exchanges between two ids whose calls nobody has answered, and of which
        nothing else is known."""
        return [row[0] for row in self._ask(_ABANDONED, since, until, limit)]

    def save_outcomes(self, outcomes: Mapping[str, Outcome], at: float) -> None:
        """Keep what came of exchanges, in place of what was known."""
        if outcomes:
            rows = [
                (id_, o.outcome, o.confidence, orjson.dumps(o.evidence).decode(), o.corrected, at)
                for id_, o in outcomes.items()
            ]
            self._driver.executemany(_SAVE_OUTCOME, rows)

    def touch(self, began: Sequence[float]) -> None:
        """Have the weeks of exchanges that began then, in Unix seconds, counted anew."""
        changed = {week_of(at) for at in began}
        self._driver.executemany(_TOUCH, [(number,) for number in changed])

    def add_up(self, changes: Sequence[tuple[Ended, Outcome, Outcome]]) -> None:
        """Move the tallies of exchanges from the outcomes they had to those they have now."""
        self.touch([ended.began_at for ended, before, after in changes if before != after])
        self._driver.executemany(
            _ADD_UP,
            [
                (
                    ended.skill,
                    ended.upstream,
                    ended.model,
                    ended.adapter or "",
                    ended.day,
                    after.count("success") - before.count("success"),
                    after.count("failure") - before.count("failure"),
                )
                for ended, before, after in changes
                if ended.served and ended.skill and ended.upstream and ended.model
                if before != after
            ],
        )

    def add_up_unfit(self, ids: Sequence[str]) -> None:
        """Count every reply of these exchanges that was not handed over as a failure of whoever
        gave it: such a reply has no next state to be known by."""
        self._count_unfit(ids, 1)

    def take_back_unfit(self, ids: Sequence[str]) -> None:
        """Undo `add_up_unfit` for these exchanges."""
        self._count_unfit(ids, -1)

    def _count_unfit(self, ids: Sequence[str], each: int) -> None:
        unfit = [(*place, _day(at), 0, each) for *place, at in self._among(_UNFIT, ids)]
        self._driver.executemany(_ADD_UP, unfit)

    def waiting(self, limit: int) -> list[Waiting]:
        """The oldest feedback that has not come to bear, about what is linked. Needs no
        transaction."""
        return [Waiting(*row) for row in self._ask(_WAITING, limit)]

    def last_reply(self, conversation: str, before: str) -> str:
        """A conversation's last exchange older than `before` that has a reply; where none has one,
        its last."""
        ((last, replied),) = self._ask(_LAST_REPLY, conversation, before)
        return replied or last or conversation

    def count_for(self, exchanges: Mapping[str, str]) -> None:
        """Note, by id of feedback, on which exchange's outcome it comes to bear."""
        self._driver.executemany(_COUNT_FOR, [(to, id_) for id_, to in exchanges.items()])

    def said(self, ids: Sequence[str]) -> dict[str, list[Feedback]]:
        """All that came to bear on these exchanges, in the order it was said."""
        found: dict[str, list[Feedback]] = {id_: [] for id_ in ids}
        for exchange, *said, train in self._among(_SAID, ids):
            found[exchange].append(Feedback(*said, train=None if train is None else bool(train)))
        return found

    def _among(self, sql: str, ids: Sequence[str] | Sequence[bytes]) -> list[Any]:
        """Rows for so many ids at a time: a statement takes a limited number of parameters."""
        rows: list[Any] = []
        for at in range(0, len(ids), _IDS_AT_ONCE):
            some = ids[at : at + _IDS_AT_ONCE]
            rows += self._ask(sql.format(",".join("?" * len(some))), *some)
        return rows

    def _ask(self, sql: str, *values: object) -> list[Any]:
        return self._driver.execute(sql, values).fetchall()


def _before(row: Sequence[Any]) -> Before:
    turn, ended, outcome = row[:_TURN_END], row[_TURN_END:_ENDED_END], row[_ENDED_END:-1]
    return Before(
        Turn(*turn),
        Ended(*ended),
        None if outcome[0] is None else _outcome(*outcome),
        row[-1].split(",") if row[-1] else [],
    )


def _outcome(outcome: OutcomeName, confidence: float, evidence: str, corrected: object) -> Outcome:
    seen = tuple((code, text) for code, text in orjson.loads(evidence))
    return Outcome(outcome, confidence, seen, bool(corrected))


def _day(at: float) -> int:
    """The day of a time in Unix seconds, in days since 1970-01-01 UTC."""
    return int(at // DAY_SECONDS)
