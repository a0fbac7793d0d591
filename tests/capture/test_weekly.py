"""The weeks: what belongs to which, what counts as home, and what is unknown rather than zero."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from capture.exchange import Attempt, Mode
from capture.ids import new_id
from capture.ingest import Ingester
from capture.journal import Journal
from capture.messages import Usage
from capture.store.weeks import count_one, count_weeks
from capture.weekly import (
    FIRST_MONDAY,
    WEEK_SECONDS,
    Made,
    Week,
    WeekCounts,
    counts_of,
    figures,
    plain_counts,
    week_name,
    week_number,
)
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
        all_cloud_cost_usd=None,
        sovereignty_index=0.75,
        sovereignty_by_tokens=0.75,
        sovereignty_by_successes=None,
        task_success=None,
        corrections=0,
        correction_rate=0.0,
        tool_call_accuracy=None,
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
    assert len(plans) == 6
    assert all("exchanges USING COVERING INDEX ix_exchanges_weeks" in plan for plan in plans)


async def test_home_s_part_is_told_by_tokens_and_by_successes_too(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        put(journal, "2026-11-16", attempt(), usage=Usage(100, 20))
        thanked = put(journal, "2026-11-16", cloud(), usage=Usage(1000, 80))
        put(journal, "2026-11-17", cloud(), usage=None)
        told = [user(f"about {thanked}"), assistant(f"of {thanked}"), user("Perfect, thank you!")]
        put(journal, "2026-11-23", said=told)
        assert await ingester.catch_up(30)
        week, _ = store.weeks(lambda asked, answered: asked * 0.01 + answered * 0.1)
    assert week.sovereignty_by_tokens == 120 / 1200
    assert week.sovereignty_by_successes == 0.0
    assert week.all_cloud_cost_usd == pytest.approx(0.5 + 0.5 + 100 * 0.01 + 20 * 0.1)


def test_what_all_cloud_would_have_cost_is_unknown_with_any_part_of_it() -> None:
    counts = WeekCounts(3000, requests=1, conversations=1, input_tokens={Mode.RESTING: 10})
    known, unpriced = (
        figures([counts], lambda _asked, _answered: 2.0),
        figures([counts], lambda _asked, _answered: None),
    )
    lost = figures([replace(counts, cost_unknown=1)], lambda _asked, _answered: 2.0)
    costs = [weeks[0].all_cloud_cost_usd for weeks in (known, unpriced, lost)]
    assert costs == [2.0, None, None]


async def test_home_s_replies_with_calls_fit_their_tools_or_were_not_handed_over(
    tmp_path: Path,
) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
    calls = [orjson.dumps({"choices": [{"message": {"role": "assistant", "tool_calls": [call]}}]})]
    with capturing(tmp_path) as (journal, ingester, store):
        for tried in ([attempt()], [cloud()], [attempt(status="unfit"), cloud()]):
            id_ = new_id()
            journal.begin(begin(id_, at=at("2026-11-16"), decision=decision()))
            raw = [b""] * (len(tried) - 1) + calls
            journal.end(id_, end(attempts=tried), raw, None)
        put(journal, "2026-11-16")
        assert await ingester.catch_up(30)
        (week,) = store.weeks()
    assert week.tool_call_accuracy == 0.5


def test_a_week_tells_what_was_trained_in_it() -> None:
    weeks = [WeekCounts(3000, 1, 1), WeekCounts(3001, 1, 1)]
    first = FIRST_MONDAY + 3000 * WEEK_SECONDS
    made = [Made(first, 7, passed=True), Made(first + 5, 3, passed=None), Made(0.0, 1, passed=True)]
    before, after = figures(weeks, made=[*made, Made(first + WEEK_SECONDS, 2, passed=False)])
    assert (before.training_examples, before.gates_passed, before.gates_rejected) == (10, 1, 0)
    assert (after.training_examples, after.gates_passed, after.gates_rejected) == (2, 0, 1)


@given(st.builds(WeekCounts, cost_usd=st.floats(0, 1e9)))
def test_counts_are_read_as_they_were_kept(counts: WeekCounts) -> None:
    assert counts_of(json.loads(json.dumps(plain_counts(counts)))) == counts


async def test_a_week_that_is_over_is_counted_once_until_something_of_it_changes(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        asked = [user("What is the capital of Australia?")]
        first = put(journal, "2026-11-09", said=asked)
        put(journal, "2026-11-16")
        assert await ingester.catch_up(30)
        fresh = store.weeks()
        assert await keep(ingester, at("2026-11-18")) == 1
        assert kept_weeks(tmp_path) == ["2026-W46"]
        assert store.weeks() == fresh

        # what came next tells of the week before, too
        wrong = [*asked, assistant(f"of {first}"), user("No, that's wrong. It is Canberra.")]
        put(journal, "2026-11-18", said=wrong)
        assert await ingester.catch_up(30)
        assert kept_weeks(tmp_path) == []
        assert [week.corrections for week in store.weeks()] == [1, 0]

        assert await keep(ingester, at("2026-11-30")) == 2
        put(journal, "2026-11-17")
        assert await ingester.catch_up(30)
        assert kept_weeks(tmp_path) == ["2026-W46"]
        assert [week.requests for week in store.weeks()] == [1, 3]

        await ingester.do(lambda writer: writer.forget([first]))
        assert kept_weeks(tmp_path) == []
        assert [week.requests for week in store.weeks()] == [3]


async def test_what_was_counted_another_way_is_counted_again(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        put(journal, "2026-11-09")
        assert await ingester.catch_up(30)
        fresh = store.weeks()
        assert await keep(ingester, at("2026-11-18")) == 1
        with sqlite3.connect(tmp_path / "majordomo.db") as connection:
            connection.execute("UPDATE week_counts SET version = 0, counts = '{}'")
        connection.close()
        assert store.weeks() == fresh
        assert await keep(ingester, at("2026-11-18")) == 1


async def keep(ingester: Ingester, now: float) -> int:
    """How many weeks were counted that were over by then."""
    count = 0
    while await ingester.do(lambda writer: writer.keep_week(now)):
        count += 1
    return count


def kept_weeks(home: Path) -> list[str]:
    connection = sqlite3.connect(home / "majordomo.db")
    kept = connection.execute("SELECT number FROM week_counts ORDER BY number").fetchall()
    connection.close()
    return [week_name(number) for (number,) in kept]
