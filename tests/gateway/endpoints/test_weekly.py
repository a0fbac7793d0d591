"""The weeks as data: under the plan's names, oldest first, null where nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_type_hints

from capture.weekly import Week
from gateway.wire import WeekView
from tests.support.standing import CLOUD, REPLY, Standing, attempt

if TYPE_CHECKING:
    import httpx2

PLAN = (
    "week",
    "total_conversations",
    "cloud_routed",
    "local_14b_routed",
    "local_8b_routed",
    "cloud_percentage",
    "cloud_cost_usd",
    "cloud_cost_prev_week",
    "sovereignty_index",
)


def test_a_week_on_the_wire_has_the_fields_that_were_counted_and_the_plan_s_names() -> None:
    assert list(WeekView.model_fields) == list(get_type_hints(Week))
    assert set(PLAN) <= set(WeekView.model_fields)


async def test_weeks_come_oldest_first(runtime: Standing, client: httpx2.AsyncClient) -> None:
    assert (await client.get("/v1/weekly")).json() == {"weeks": []}
    for at, place, cost in ((1_790_000_000.0, CLOUD, None), (1_789_000_000.0, CLOUD, 0.5)):
        id_ = runtime.begin(at=at)
        runtime.end(id_, attempt(place, cost_usd=cost), raw=[REPLY])
    await runtime.ingester.catch_up(30)
    response = await client.get("/v1/weekly")
    assert response.headers["cache-control"] == "no-store"
    before, after = response.json()["weeks"]
    assert (before["week"], after["week"]) == ("2026-W37", "2026-W39")
    assert (before["cloud_cost_usd"], before["cloud_cost_prev_week"]) == (0.5, None)
    assert (after["cloud_cost_usd"], after["cost_unknown"], after["cloud_cost_prev_week"]) == (
        None,
        1,
        0.0,
    )
    assert after["sovereignty_index"] == 0.0
    assert after["task_success"] is None
