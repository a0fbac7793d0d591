"""What tokens cost, from the prices that came with genai-prices: never downloaded, never updated.

An unknown provider, model or token count has an unknown price: None, never zero. What is free (a
model at home) is for the caller to know; nothing here is.

The library takes 150 us for a price, and a request's worst case is asked for whether or not it
leaves home. So a model's prices are probed once an hour and, where they are the same at any length,
multiplied here; a model whose prices rise with length is priced by the library each time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from capture.messages import Usage
from gateway.settings import UpstreamSettings

_HOUR = 3600
_SHORT = 1_000
_LONG = 10_000_000
"""Tokens of a prompt longer than any model takes: whatever tier there is, this is in it."""


@dataclass(frozen=True, slots=True)
class _Rates:
    """US dollars per token, at one length of prompt."""

    input: float
    output: float
    cache_read: float
    cache_write: float

    def cost(self, input_: int, output: int, read: int, write: int) -> float:
        """Of so many tokens; `input_` includes those read from and written to the cache."""
        fresh = input_ - read - write
        return (
            fresh * self.input
            + output * self.output
            + read * self.cache_read
            + write * self.cache_write
        )


def cost_usd(provider: str, model: str, usage: Usage) -> float | None:
    """What a finished request cost in US dollars, or None when that cannot be known.

    Tokens that are not said to come from or go to the cache are priced as fresh.
    """
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    read, write = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    if read + write > usage.input_tokens:
        return None
    return _price(provider, model, usage.input_tokens, usage.output_tokens, read, write)


def many_usd(provider: str, model: str, input_tokens: int, output_tokens: int) -> float | None:
    """What so many tokens of short requests cost together, none of them cached. None when the price
    is unknown."""
    short, _ = _rates(provider, model, int(time.time() // _HOUR))
    return None if short is None else short.cost(input_tokens, output_tokens, 0, 0)


def worst_case_usd(
    provider: str, model: str, input_tokens: int, output_tokens: int
) -> float | None:
    """The most a request can cost: all of its prompt fresh or, where that is dearer, written to the
    cache, and its whole output used. None when the price is unknown."""
    fresh = _price(provider, model, input_tokens, output_tokens, 0, 0)
    written = _price(provider, model, input_tokens, output_tokens, 0, input_tokens)
    return None if fresh is None or written is None else max(fresh, written)


def provider_of(name: str, upstream: UpstreamSettings) -> str:
    """Who is paid for an upstream's answers: a kind that has one price list, else its host."""
    return "anthropic" if upstream.kind == "anthropic" else upstream.host or name


def warm() -> None:
    """Load the price list now (half a second), so that no request waits for it."""
    _rates("anthropic", "", int(time.time() // _HOUR))


def _price(
    provider: str, model: str, input_: int, output: int, read: int, write: int
) -> float | None:
    short, long = _rates(provider, model, int(time.time() // _HOUR))
    if short is None or short == long:
        return None if short is None else short.cost(input_, output, read, write)
    return _ask(provider, model, input_, output, read, write)


@lru_cache(maxsize=256)
def _rates(
    provider: str,
    model: str,
    hour: int,  # noqa: ARG001 - it ages the cache
) -> tuple[_Rates | None, _Rates | None]:
    """Prices for a short and a very long prompt, None where unknown. Asked anew each hour: prices
    have dates in them."""
    return _probe(provider, model, _SHORT), _probe(provider, model, _LONG)


def _probe(provider: str, model: str, tokens: int) -> _Rates | None:
    prices = (
        _ask(provider, model, tokens, 0, 0, 0),
        _ask(provider, model, tokens, tokens, 0, 0),
        _ask(provider, model, tokens, 0, tokens, 0),
        _ask(provider, model, tokens, 0, 0, tokens),
    )
    fresh, with_output, read, written = prices
    if fresh is None or with_output is None or read is None or written is None:
        return None
    return _Rates(
        input=round(fresh / tokens, 15),
        output=round((with_output - fresh) / tokens, 15),
        cache_read=round(read / tokens, 15),
        cache_write=round(written / tokens, 15),
    )


def _ask(
    provider: str, model: str, input_: int, output: int, read: int, write: int
) -> float | None:
    from genai_prices import Usage as Priced
    from genai_prices import calc_price

    try:
        price = calc_price(
            Priced(
                input_tokens=input_,
                output_tokens=output,
                cache_read_tokens=read,
                cache_write_tokens=write,
            ),
            model,
            provider_id=provider,
            genai_request_timestamp=datetime.now(tz=UTC),
        )
    except LookupError:
        return None
    return float(price.total_price)
