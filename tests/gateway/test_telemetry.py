"""The gateway's metrics: true, bounded, cheap."""

import timeit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from capture.exchange import Attempt, Candidate, ExchangeEnd, Mode, RouteDecision
from capture.messages import Usage
from gateway.telemetry import MAX_SERIES, PlaceVitals, Telemetry, Vitals

HOME = Candidate(Mode.RESTING, "ollama", "qwen3:8b")
CLOUD = Candidate(Mode.BURST, "claude", "claude-opus-4-5")
DECISION = RouteDecision(candidates=(HOME, CLOUD), reasons=(), rules=())
QUIET = Vitals(
    draining=False,
    in_flight=0,
    config_generation=1,
    config_error=None,
    journal_failure=None,
    ingest_failure=None,
    ingest_lag_bytes=0,
    refuses_unrecorded=True,
    places=(),
)


def attempt(place: Candidate = HOME, **more: object) -> Attempt:
    made = Attempt(place.mode, place.upstream, place.model, started_at=0.0)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def end(*attempts: Attempt, **more: object) -> ExchangeEnd:
    made = ExchangeEnd("ok", 200, list(attempts), first_token_s=0.2, total_s=1.5)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def samples(telemetry: Telemetry, vitals: Vitals = QUIET) -> dict[tuple[str, ...], float]:
    """Every sample by its name and label values: place first, then the rest."""
    text = telemetry.render(vitals).decode()
    order = ("mode", "upstream", "status", "kind", "code", "period", "le")
    return {
        (
            sample.name,
            *(sample.labels[name] for name in order if name in sample.labels),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_an_exchange_is_counted_with_every_attempt_and_token() -> None:
    telemetry = Telemetry()
    usage = Usage(input_tokens=1200, output_tokens=80, cache_read_tokens=1000)
    telemetry.exchange(
        end(attempt(HOME, status="connect_error"), attempt(CLOUD, usage=usage, cost_usd=0.02)),
        DECISION,
    )
    found = samples(telemetry)
    assert found["majordomo_requests_total", "burst", "claude", "ok"] == 1
    assert found["majordomo_attempts_total", "resting", "ollama", "connect_error"] == 1
    assert found["majordomo_attempts_total", "burst", "claude", "ok"] == 1
    assert found["majordomo_tokens_total", "burst", "claude", "input"] == 1200
    assert found["majordomo_tokens_total", "burst", "claude", "output"] == 80
    assert found["majordomo_tokens_total", "burst", "claude", "cache_read"] == 1000
    assert found["majordomo_cost_usd_total", "burst", "claude"] == 0.02
    assert found["majordomo_first_token_seconds_count", "burst"] == 1
    assert found["majordomo_total_seconds_sum", "burst"] == 1.5


def test_unknown_usage_and_cost_are_counted_as_unknown_and_not_as_zero() -> None:
    telemetry = Telemetry()
    telemetry.exchange(end(attempt(CLOUD)), DECISION)
    found = samples(telemetry)
    assert found["majordomo_usage_unknown_total", "burst", "claude"] == 1
    assert found["majordomo_cost_unknown_total", "burst", "claude"] == 1
    assert not any(
        name[0] in {"majordomo_tokens_total", "majordomo_cost_usd_total"} for name in found
    )


def test_an_exchange_without_attempts_counts_where_it_was_meant_to_go() -> None:
    telemetry = Telemetry()
    telemetry.exchange(end(status="refused"), DECISION)
    telemetry.exchange(end(status="refused"), RouteDecision((), (), ()))
    found = samples(telemetry)
    assert found["majordomo_requests_total", "resting", "ollama", "refused"] == 1
    assert found["majordomo_requests_total", "none", "none", "refused"] == 1


@pytest.mark.parametrize("nonsense", [-5, 10**18, float("nan"), float("inf")])
def test_nonsense_amounts_from_an_upstream_are_not_added_up(nonsense: float) -> None:
    telemetry = Telemetry()
    usage = Usage(input_tokens=nonsense)  # pyright: ignore[reportArgumentType]  # an upstream's lie
    telemetry.exchange(end(attempt(CLOUD, usage=usage, cost_usd=nonsense)), DECISION)
    assert not any(
        name[0] in {"majordomo_tokens_total", "majordomo_cost_usd_total"}
        for name in samples(telemetry)
    )


def test_the_number_of_label_sets_is_bounded() -> None:
    telemetry = Telemetry()
    for number in range(MAX_SERIES + 50):
        telemetry.exchange(end(attempt(Candidate(Mode.BURST, f"u{number}", "m"))), DECISION)
    counted = [name for name in samples(telemetry) if name[0] == "majordomo_requests_total"]
    assert len(counted) == MAX_SERIES + 1
    assert samples(telemetry)["majordomo_requests_total", "other", "other", "other"] == 50


def test_the_gauges_show_what_is_wrong_now_and_forget_what_was() -> None:
    telemetry = Telemetry()
    bad = Vitals(
        draining=False,
        in_flight=3,
        config_generation=7,
        config_error="majordomo.yaml:3:1: unknown field",
        journal_failure="No space left on device",
        ingest_failure="database is locked",
        ingest_lag_bytes=4096,
        refuses_unrecorded=True,
        places=(PlaceVitals("resting", "ollama", "m", healthy=False),),
        day_left_usd=1.25,
    )
    found = samples(telemetry, bad)
    assert found["majordomo_in_flight",] == 3
    assert found["majordomo_config_generation",] == 7
    assert found["majordomo_config_error",] == 1
    assert found["majordomo_journal_failure",] == 1
    assert found["majordomo_ingest_failure",] == 1
    assert found["majordomo_ingest_lag_bytes",] == 4096
    assert found["majordomo_circuit_open", "resting", "ollama"] == 1
    assert found["majordomo_burst_left_usd", "day"] == 1.25
    assert ("majordomo_burst_left_usd", "month") not in found
    found = samples(telemetry, QUIET)
    assert found["majordomo_config_error",] == 0
    assert found["majordomo_journal_failure",] == 0
    assert ("majordomo_circuit_open", "resting", "ollama") not in found


def test_a_request_refused_before_it_was_an_exchange_is_counted_by_its_code() -> None:
    telemetry = Telemetry()
    telemetry.rejected("invalid_api_key")
    assert samples(telemetry)["majordomo_rejected_total", "invalid_api_key"] == 1


def test_counting_an_exchange_takes_microseconds() -> None:
    telemetry = Telemetry()
    usage = Usage(input_tokens=1200, output_tokens=80)
    ended = end(attempt(CLOUD, usage=usage, cost_usd=0.02))
    times = timeit.repeat(lambda: telemetry.exchange(ended, DECISION), number=2000, repeat=5)
    per_exchange = min(times) / 2000
    print(f"{per_exchange * 1e6:.1f} us per exchange")
    assert per_exchange < 100e-6, "ten times what it takes on a quiet machine"
