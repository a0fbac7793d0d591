"""The weeks with what only a household knows: prices, adapters, and which weeks are over."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.adapters import GATE, MANIFEST, GateResult, Manifest
from capture.ids import new_id
from capture.weekly import FIRST_MONDAY, WEEK_SECONDS
from gateway import weeks
from gateway.home import Home
from gateway.settings import Modes, Settings, Target, UpstreamSettings
from tests.support.journals import REPLY, begin, capturing, end

MONDAY = float(FIRST_MONDAY + 2960 * WEEK_SECONDS)
CLAUDE = Target(upstream="claude", model="claude-opus-4-5")


def settings(upstream: UpstreamSettings, burst: Target | None = CLAUDE) -> Settings:
    return Settings(upstreams={"claude": upstream}, modes=Modes(burst=burst))


def test_tokens_cost_what_burst_s_model_takes_for_them() -> None:
    claude = UpstreamSettings(kind="anthropic")
    cost = weeks.burst_price(settings(claude))(1_000_000, 100_000)
    # $5 a million asked, $25 a million answered; a short request's price, however many there were
    assert cost == pytest.approx(5 + 2.5)
    other = settings(claude, Target(upstream="claude", model="no-such-model"))
    assert weeks.burst_price(other)(10, 10) is None
    assert weeks.burst_price(settings(claude, None))(10, 10) is None
    assert weeks.burst_price(settings(claude.model_copy(update={"free": True})))(10, 10) == 0.0


async def test_a_week_tells_of_the_adapters_made_in_it_and_their_gates(tmp_path: Path) -> None:
    home = Home(tmp_path)
    made = {"20260921-020000-aaaaaa": True, "20260922-020000-bbbbbb": False}
    for day, (id_, passed) in enumerate(made.items()):
        directory = home.adapters / id_
        directory.mkdir(parents=True)
        manifest = Manifest(
            id=id_,
            created_at=MONDAY + day * 86_400,
            base="house",
            base_sha256="0",
            weights_sha256="0",
            dataset_sha256="0",
            dataset_exchanges=("a", "b", "c"),
        )
        gate = GateResult(at=MONDAY, passed=passed, reasons=("so",), incumbent=None, skills=())
        (directory / MANIFEST).write_text(manifest.model_dump_json())
        (directory / GATE).write_text(gate.model_dump_json())
    with capturing(tmp_path) as (journal, ingester, store):
        journal.begin(begin(id_ := new_id(), at=MONDAY))
        journal.end(id_, end(), [REPLY], None)
        assert await ingester.catch_up(30)
        (week,) = weeks.weeks_of(store, home, Settings())
    assert (week.training_examples, week.gates_passed, week.gates_rejected) == (6, 1, 1)
    assert week.all_cloud_cost_usd is None


async def test_every_week_that_is_over_is_kept_and_then_there_is_none(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, _):
        for week in range(3):
            journal.begin(begin(id_ := new_id(), at=MONDAY + week * WEEK_SECONDS))
            journal.end(id_, end(), [REPLY], None)
        assert await ingester.catch_up(30)
        assert await weeks.keep(ingester, pause=0) == 3
        assert await weeks.keep(ingester, pause=0) == 0
