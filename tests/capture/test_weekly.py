"""The weeks: what belongs to which, what counts as home, and what is unknown rather than zero."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import event

from capture.exchange import Attempt, Mode
from capture.ids import new_id
from capture.journal import Journal
from capture.store.weeks import count_one, count_weeks
from capture.weekly import Week, WeekCounts, figures, week_name, week_number
from tests.support.journals import BURST, attempt, begin, capturing, decision, end


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def number_of(text: str) -> int:
    return week_number(week_name_of(text))


def week_name_of(text: str) -> str:
    year, week, _ = datetime.fromisoformat(text).isocalendar()
    return f"{year}-W{week:02}"


def cloud(**changes: Any) -> Attempt:
    place = {"mode": Mode.BURST, "upstream": "claude", "model": BURST.model, "cost_usd": 0.5}
    return attempt(**place | changes)


def put(
    journal: Journal, when: str, *attempts: Attempt, said: list[Any] | None = None, **ended: Any
) -> str:
    """An exchange that began then and ended ok, unless told otherwise."""
    id_ = new_id()
    request = orjson.dumps({"model": "auto", "messages": said or [user(f"about {id_}")]})
    journal.begin(begin(id_, at=at(when), request=request, decision=decision(), key=None))
    tried = list(attempts) or [attempt()]
    reply = orjson.dumps({"choices": [{"message": {"role": "assistant", "content": f"of {id_}"}}]})
    raw = [b""] * (len(tried) - 1) + [reply]
    journal.end(id_, end(attempts=tried, finish_reason="stop", **ended), raw, None)
    return id_


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def test_weeks_are_named_as_iso_8601_names_them_also_around_new_year() -> None:
    for day in ("2026-11-20", "2026-12-31", "2027-01-03", "2027-01-04", "2020-12-31", "1970-01-01"):
        assert week_name(number_of(day)) == week_name_of(day)
    assert week_name(number_of("2027-01-03")) == "2026-W53"


def test_shares_are_of_answered_requests_and_nothing_is_divided_by_nothing() -> None:
    (week,) = figures([WeekCounts(3000, requests=4, conversations=1)])
    assert (week.requests, week.cloud_routed) == (4, 0)
    shares = (week.sovereignty_index, week.cloud_percentage, week.task_success)
    assert shares == (None, None, None)
    assert week.correction_rate is None
    assert week.cloud_cost_usd == 0.0


def test_the_cost_of_the_week_before_is_the_calendar_week_s() -> None:
    def costing(number: int, usd: float) -> WeekCounts:
        return WeekCounts(number, requests=1, conversations=1, cost_usd=usd, cost_known=1)

    weeks = figures([costing(3001, 2.0), costing(3000, 1.0), costing(3004, 3.0)])
    assert [week.cloud_cost_usd for week in weeks] == [1.0, 2.0, 3.0]
    assert [week.cloud_cost_prev_week for week in weeks] == [None, 1.0, 0.0]


def test_a_week_whose_costs_are_all_unknown_has_an_unknown_cost() -> None:
    (week,) = figures([WeekCounts(3000, requests=1, conversations=1, cost_unknown=1)])
    assert (week.cloud_cost_usd, week.cost_unknown) == (None, 1)


async def test_a_week_begins_on_monday_at_midnight_utc(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        put(journal, "2026-11-22T23:59:59.999")
        put(journal, "2026-11-23T00:00:00")
        put(journal, "2026-11-29T23:59:59")
        assert await ingester.catch_up(30)
        weeks = store.weeks()
    assert [(week.week, week.requests) for week in weeks] == [("2026-W47", 1), ("2026-W48", 2)]


async def test_home_is_where_the_last_attempt_answered(tmp_path: Path) -> None:
    broken = attempt(status="broken", cost_usd=0.0)
    with capturing(tmp_path) as (journal, ingester, store):
        put(journal, "2026-11-16", attempt(adapter="20261115-020000-a1b2c3"))
        put(journal, "2026-11-16", attempt(mode=Mode.ACTIVE))
        put(journal, "2026-11-17", broken, cloud())
        put(journal, "2026-11-17", cloud(status="http_error", cost_usd=0.25), attempt())
        put(journal, "2026-11-18", attempt(), status="client_gone")
        put(journal, "2026-11-18", cloud(), status="truncated", cost_usd=0.5)
        assert await ingester.catch_up(30)
        (week,) = store.weeks()
    assert week == Week(
        week="2026-W47",
        requests=6,
        total_conversations=6,
        cloud_routed=1,
        local_14b_routed=1,
        local_8b_routed=2,
        cloud_percentage=25.0,
        cloud_cost_usd=1.25,
        cloud_cost_prev_week=None,
        cost_unknown=0,
        sovereignty_index=0.75,
        task_success=None,
        corrections=0,
        correction_rate=0.0,
        adapters=("20261115-020000-a1b2c3",),
    )


async def test_an_unknown_cost_stays_out_of_the_sum_and_is_counted(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        put(journal, "2026-11-16", cloud())
        put(journal, "2026-11-16", cloud(cost_usd=None), cost_usd=None)
        put(journal, "2026-11-16", attempt(cost_usd=None), cost_usd=None)
        assert await ingester.catch_up(30)
        (week,) = store.weeks()
    assert (week.cloud_cost_usd, week.cost_unknown) == (0.5, 1)


async def test_what_died_on_its_way_to_burst_has_an_unknown_cost(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, _):
        journal.begin(begin(at=at("2026-11-16"), decision=decision(BURST)))
        journal.begin(begin(at=at("2026-11-16"), decision=decision()))
        assert await ingester.catch_up(30)
    with capturing(tmp_path) as (_, ingester, store):
        assert await ingester.catch_up(30)
        (week,) = store.weeks()
    assert (week.requests, week.cost_unknown, week.cloud_cost_usd) == (2, 1, None)


async def test_a_cost_that_an_orderly_stop_left_unknown_is_counted_once(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        cut = cloud(status="cancelled", cost_usd=None)
        put(journal, "2026-11-16", cut, status="interrupted", cost_usd=None)
        assert await ingester.catch_up(30)
        (week,) = store.weeks()
    assert (week.requests, week.cost_unknown) == (1, 1)


async def test_a_conversation_counts_once_a_week_and_its_outcomes_where_it_was_asked(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        first = put(journal, "2026-11-21", said=[user("What is the capital of Australia?")])
        told = [user("What is the capital of Australia?"), assistant(f"of {first}")]
        wrong = [*told, user("No, that's wrong. It is Canberra.")]
        second = put(journal, "2026-11-22", said=wrong)
        thanks = [*wrong, assistant(f"of {second}"), user("Perfect, thank you!")]
        put(journal, "2026-11-23", said=thanks)
        assert await ingester.catch_up(30)
        before, after = store.weeks()
    assert (before.requests, before.total_conversations) == (2, 1)
    assert (after.requests, after.total_conversations) == (1, 1)
    assert (before.corrections, before.correction_rate, before.task_success) == (1, 0.5, 0.5)
    assert (after.corrections, after.task_success) == (0, None)


async def test_weeks_are_counted_without_touching_an_exchange_s_row(tmp_path: Path) -> None:
    with capturing(tmp_path):
        pass
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'majordomo.db'}")
    statements = list[str]()
    event.listen(engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    with engine.connect() as connection:
        count_weeks(connection)
        count_one(connection, number_of("2026-11-21"))
        asked = [each for each in statements if "FROM exchanges" in each]
        plans = [
            str(
                connection.exec_driver_sql(
                    f"EXPLAIN QUERY PLAN {each}", (0.0,) * each.count("?")
                ).all()
            )
            for each in asked
        ]
    engine.dispose()
    assert len(plans) == 4
    assert all("exchanges USING COVERING INDEX ix_exchanges_weeks" in plan for plan in plans)
