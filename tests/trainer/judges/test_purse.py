"""Money for judges: the limit holds, however many questions are asked at once."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.judges.purse import Purse

amounts = st.floats(0, 0.5)


@settings(max_examples=40)
@given(
    st.floats(0, 2),
    st.lists(st.tuples(amounts, st.floats(0, 1) | st.none()), max_size=20),
    st.integers(1, 5),
)
def test_what_is_spent_never_passes_the_limit(
    limit: float, asked: list[tuple[float, float | None]], workers: int
) -> None:
    """Each is set aside its worst case, and costs a share of it, or nobody knows what."""
    purse = Purse(limit, 0.0)
    waiting = iter(asked)

    async def work() -> None:
        for worst, share in waiting:
            if await purse.reserve(worst):
                await asyncio.sleep(0)  # the others come to ask for theirs
                purse.settle(worst, None if share is None else worst * share)

    async def all_of_them() -> None:
        await asyncio.gather(*(work() for _ in range(workers)))

    asyncio.run(all_of_them())
    assert purse.spent_usd <= limit


async def test_whoever_finds_the_rest_set_aside_waits_until_it_is_settled() -> None:
    purse = Purse(1.0, 0.0)
    assert await purse.reserve(0.9)
    second = asyncio.create_task(purse.reserve(0.9))
    await asyncio.sleep(0)
    assert not second.done()
    purse.settle(0.9, 0.05)
    assert await second
    purse.settle(0.9, None)
    assert not await purse.reserve(0.1)
    assert purse.spent_usd == 0.95


async def test_an_unknown_price_is_there_only_where_there_is_no_limit() -> None:
    assert not await Purse(100.0, 0.0).reserve(None)
    assert await Purse(None, 0.0).reserve(None)


async def test_what_was_spent_before_counts() -> None:
    assert not await Purse(1.0, 0.95).reserve(0.1)
