"""What the learning router knows is read from the store, and each API key has its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from capture.exchange import Candidate, Mode
from capture.ingest import Ingester
from capture.journal import Journal
from capture.store import Store
from gateway.brains import Brains
from gateway.chat_request import parse
from gateway.weighing import Weigher
from routers.escalation import AUTO
from routers.features import Features, Fleet, Place
from routers.thresholds import Aim
from tests.support.journals import (
    REPLY,
    REQUEST,
    attempt,
    begin,
    capturing,
    decision,
    end,
    weighing,
)

HOMES = (Mode.RESTING,)
FLEET = Fleet((Place(Mode.RESTING, "house", "house-small", local=True),))
DECISION = replace(
    decision(), weighs=True, checked=(Candidate(Mode.RESTING, "house", "house-small"),)
)


def brains(store: Store) -> Brains:
    return Brains(store, HOMES, Aim(max_loss=0.05), lambda: FLEET)


def keep(journal: Journal, key: str, *, same: bool, times: int) -> None:
    """So many weighed requests of one key, each held against the cloud's."""
    for _ in range(times):
        each = begin(key=key)
        journal.begin(each)
        beside = {Mode.RESTING: replace(weighing().beside[Mode.RESTING], same=same)}
        said = weighing(stays=True, beside=beside, home={Mode.RESTING: 0.6})
        journal.end(each.id, end(attempts=[attempt(mode=Mode.BURST)], weighing=said), [REPLY], None)


def begun(known: Brains, key: str) -> Weigher:
    features = Features(AUTO, input_tokens=10, output_tokens=None, key=key)
    return known.weigher(parse(REQUEST, begin().id), DECISION, features)


def home(known: Brains, key: str) -> float:
    """P(right) at home of what this key asks."""
    weigher = begun(known, key)
    weigher.settle()
    assert weigher.weighing is not None
    return weigher.weighing.home[Mode.RESTING]


async def taught(ingester: Ingester, known: Brains) -> Brains:
    assert await ingester.catch_up(30)
    await known.refresh()
    return known


async def test_what_is_in_the_store_is_learned_once_by_this_life_and_by_the_next(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        known = await taught(ingester, brains(store))
        nothing = home(known, "laptop")
        keep(journal, "laptop", same=True, times=30)
        learned = home(await taught(ingester, known), "laptop")
        assert learned > nothing
        assert home(await taught(ingester, known), "laptop") == learned
        assert home(await taught(ingester, brains(store)), "laptop") == learned


async def test_no_key_teaches_another_however_much_it_says(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        known = await taught(ingester, brains(store))
        nothing = home(known, "laptop")
        keep(journal, "flood", same=True, times=200)
        await taught(ingester, known)
        assert home(known, "laptop") == nothing
        assert home(known, "flood") > nothing
