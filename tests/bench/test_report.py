"""Ratios and verdicts of the bench: pure, so no load is sent here."""

from __future__ import annotations

import pytest

from bench.load import Sample
from bench.report import Promise, as_text, promises, table, verdicts
from bench.scenarios import SCENARIOS


def sample(target: str, scenario: str, cpu_us: float, round: int = 0, failures: int = 0) -> Sample:
    return Sample(
        target=target,
        scenario=scenario,
        round=round,
        served=1000,
        failures=failures,
        first_failure="",
        per_second=500.0,
        p50=120.0 if target == "direct" else 400.0,
        p99=900.0,
        first_event_p50=None,
        delay_p50=None,
        delay_p99=None,
        cpu_s=cpu_us * 1000 / 1e6,
        peak_mb=60.0 + round,
    )


def test_a_row_is_the_median_of_its_rounds_and_the_sum_of_its_failures() -> None:
    rounds = [sample("majordomo", "json64", us, i, i) for i, us in enumerate((90.0, 500.0, 100.0))]
    row = table(rounds)["json64"]["majordomo"]

    assert row.cpu_us == pytest.approx(100.0)
    assert row.failures == 3
    assert row.peak_mb == 62.0


def test_ratios_compare_majordomo_with_the_others_under_the_same_load() -> None:
    found = table(
        [
            sample("nginx", "json64", 25.0),
            sample("majordomo", "json64", 200.0),
            sample("litellm", "json64", 10_000.0),
            sample("direct", "json1", 10.0),
            sample("majordomo", "json1", 300.0),
        ]
    )
    nginx, litellm, _, added, *_ = promises(found)

    assert nginx.measured == pytest.approx(8.0)
    assert nginx.holds
    assert litellm.measured == pytest.approx(50.0)
    assert litellm.holds
    assert added.measured == pytest.approx(0.28)


def test_what_was_not_measured_is_not_known_to_hold() -> None:
    assert [promise.holds for promise in promises({})] == [None] * 6
    assert "not measured" in verdicts(promises({}))


def test_a_single_failed_stream_among_a_thousand_breaks_the_promise() -> None:
    streams = promises(table([sample("majordomo", "paced1000", 40.0, failures=1)]))[-1]
    assert streams.holds is False


def test_floors_and_ceilings_are_told_apart() -> None:
    assert Promise("", 41.0, 40.0, "x", at_least=True).holds
    assert not Promise("", 41.0, 40.0, "x").holds


def test_every_load_has_a_name_of_its_own_and_a_table() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)
    found = table([sample("majordomo", name, 50.0) for name in names])
    assert all(f"\n{name}\n" in as_text(found, SCENARIOS) for name in names)
