from __future__ import annotations

import time

import pytest

from capture.messages import Usage
from gateway import pricing
from gateway.pricing import cost_usd, worst_case_usd


def test_a_known_model_is_priced_with_its_cache_reads_and_writes_apart() -> None:
    usage = Usage(1000, 100, cache_read_tokens=500, cache_write_tokens=200)
    # $5 input, $25 output, $0.50 cache read, $6.25 cache write per million tokens
    assert cost_usd("anthropic", "claude-opus-4-5", usage) == pytest.approx(
        (300 * 5 + 100 * 25 + 500 * 0.5 + 200 * 6.25) / 1e6
    )


@pytest.mark.parametrize("tokens", [1_000, 150_000, 250_000, 900_000])
def test_prices_agree_with_the_library_at_every_length(tokens: int) -> None:
    from genai_prices import Usage as Priced
    from genai_prices import calc_price

    for model in ("claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5-20251001"):
        usage = Usage(tokens, 321, tokens // 2, tokens // 4)
        priced = Priced(
            input_tokens=tokens,
            output_tokens=321,
            cache_read_tokens=tokens // 2,
            cache_write_tokens=tokens // 4,
        )
        expected = float(calc_price(priced, model, provider_id="anthropic").total_price)
        assert cost_usd("anthropic", model, usage) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("provider", "model"), [("anthropic", "no-such-model"), ("no-such-provider", "claude-opus-4-5")]
)
def test_an_unknown_price_is_none_not_zero(provider: str, model: str) -> None:
    assert cost_usd(provider, model, Usage(10, 10)) is None
    assert worst_case_usd(provider, model, 10, 10) is None


@pytest.mark.parametrize(
    "usage",
    [Usage(), Usage(10, None), Usage(None, 10), Usage(10, 5, cache_read_tokens=11)],
)
def test_unknown_or_contradictory_usage_has_no_price(usage: Usage) -> None:
    assert cost_usd("anthropic", "claude-opus-4-5", usage) is None


def test_the_worst_case_is_never_below_what_any_use_of_the_cache_costs() -> None:
    for model in ("claude-opus-4-5", "claude-sonnet-4-5"):
        worst = worst_case_usd("anthropic", model, 250_000, 4_000)
        assert worst is not None
        for read, write in ((0, 0), (250_000, 0), (0, 250_000), (100_000, 150_000)):
            cost = cost_usd("anthropic", model, Usage(250_000, 4_000, read, write))
            assert cost is not None
            assert cost <= worst


def test_a_price_known_already_is_cheap_to_ask_again() -> None:
    assert worst_case_usd("anthropic", "claude-opus-4-5", 1000, 1000) is not None
    began = time.process_time()
    for _ in range(1000):
        worst_case_usd("anthropic", "claude-opus-4-5", 1000, 1000)
    assert (time.process_time() - began) / 1000 < 50e-6


def test_nothing_updates_the_prices() -> None:
    from genai_prices import data_snapshot

    pricing.warm()
    assert not data_snapshot.get_snapshot().from_auto_update
