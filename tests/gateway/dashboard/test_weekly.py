"""The weeks' page: its words are true of its figures, and its picture is drawn to scale."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from capture.exchange import Mode
from capture.weekly import Week, WeekCounts, figures
from gateway.dashboard.weekly import HEIGHT, TOP, weekly_page
from tests.support.standing import CLOUD, REPLY, Standing, attempt

if TYPE_CHECKING:
    import httpx2

LAST = 2968
"""Number of 2026-W47."""


def weeks(*homes: int | None, last: int = LAST) -> tuple[Week, ...]:
    """Weeks of a hundred answers each, so many of them at home; None: a week without requests."""
    return figures(
        WeekCounts(
            last - len(homes) + 1 + position,
            requests=100,
            conversations=40,
            answered={Mode.RESTING: home, Mode.BURST: 100 - home},
        )
        for position, home in enumerate(homes)
        if home is not None
    )


def test_the_last_week_is_told_in_words_and_held_against_the_one_before() -> None:
    page = weekly_page(weeks(20, 57))
    assert page.sentence == "In 2026-W47 home took care of 57% of 100 answered requests."
    assert page.aside == "37 points more than in 2026-W46."
    assert weekly_page(weeks(20, 19)).aside == "1 point less than in 2026-W46."
    assert weekly_page(weeks(20, 20)).aside == "As much as in 2026-W46."
    assert weekly_page(weeks(20)).aside is None
    assert weekly_page(()).sentence == "Nothing has been asked yet."
    unanswered = figures([WeekCounts(LAST, requests=3, conversations=1)])
    assert weekly_page(unanswered).sentence == "In 2026-W47 nothing was answered."
    assert weekly_page(unanswered).columns == ()


def test_more_is_told_of_the_last_week_where_it_is_known() -> None:
    assert weekly_page(weeks(20)).facts == ()
    (week,) = weeks(20)
    told = replace(
        week,
        sovereignty_by_tokens=0.4,
        sovereignty_by_successes=0.25,
        cloud_cost_usd=0.5,
        all_cloud_cost_usd=2.0,
        tool_call_accuracy=0.9,
        training_examples=1200,
        gates_passed=1,
        gates_rejected=2,
    )
    assert weekly_page([told]).facts == (
        "Home's part was 40% by tokens and 25% by successes.",
        (
            "BURST took $0.50; for all of it, at its prices now and without its cache, it would "
            "have taken $2.00."
        ),
        "90% of home's replies with calls fit their tools.",
        "1,200 exchanges were trained on.",
        "At the gate: 1 passed, 2 rejected.",
    )


def test_a_column_is_as_high_as_its_share_and_stands_on_the_ground() -> None:
    page = weekly_page(weeks(0, 25, 100))
    assert [column.height for column in page.columns] == [0, HEIGHT / 4, HEIGHT]
    assert {column.y + column.height for column in page.columns} == {page.base}
    assert all(column.figure_y < page.base for column in page.columns)
    assert page.columns[-1].figure_y < TOP


def test_columns_stand_in_calendar_order_with_gaps_and_within_the_picture() -> None:
    for homes in ((50,), (50, None, 60), (50,) * 30, (50,) * 200):
        columns = weekly_page(weeks(*homes)).columns
        edges = [edge for column in columns for edge in (column.x, column.x + column.width)]
        assert edges == sorted(edges)
        assert edges[0] >= 0
        assert edges[-1] <= 100
        assert len(columns) <= 52
        assert columns[-1].label == "W47"
        assert 1 <= sum(column.label is not None for column in columns) <= 9
    first, last = weekly_page(weeks(50, None, 60)).columns
    assert last.x - first.x == 50


def test_the_table_has_the_newest_first_and_every_week_there_is() -> None:
    rows = weekly_page(weeks(*[50] * 60)).rows
    assert len(rows) == 60
    assert (rows[0].week, rows[0].home, rows[0].burst) == ("2026-W47", "50%", "50")


async def test_the_page_shows_picture_and_table_and_is_reached_from_every_page(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    assert "Nothing has been asked yet." in (await client.get("/weekly")).text
    id_ = runtime.exchange()
    runtime.end(runtime.begin(), attempt(CLOUD, cost_usd=None), raw=[REPLY])
    await runtime.ingester.catch_up(30)
    response = await client.get("/weekly")
    assert response.headers["content-security-policy"].startswith("default-src 'none'; ")
    html = response.text
    assert "home took care of 50% of 2 answered requests" in html
    assert 'class="home"' in html
    assert not re.search(r"\sstyle=|\son[a-z]+=|<script>", html)
    assert re.search(r"unknown</span></td>", html), "a cost nobody knows is not zero"
    for path in ("/", f"/exchanges/{id_}", "/exchanges/none", "/weekly"):
        assert '<a href="/weekly"' in (await client.get(path)).text
    assert 'href="/weekly" aria-current="page"' in html
