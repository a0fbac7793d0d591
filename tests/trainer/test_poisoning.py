"""A planted run of twenty, from the journal to the dataset: it waits until a person has looked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from capture.anomalies import Sample
from capture.exports import Filters, Format, Made, Source, made
from capture.ids import new_id
from capture.journal import Journal
from capture.provenance import USUAL
from capture.store import Store
from tests.support import poison
from tests.support.browsing import Json, call, result, says, user
from tests.support.journals import attempt, begin, capturing, decision, end
from tests.support.kitchen import CLOUD
from tests.support.ordinary_traffic import traffic
from tests.support.sayings import said
from tests.support.turns import REDACTOR
from trainer import curate

pytestmark = pytest.mark.slow
ORDINARY = [each for each in traffic(5, 160) if each.id.endswith("-00")]
"""The first of each conversation."""


def put(journal: Journal, samples: Sequence[Sample]) -> list[str]:
    """Each as an exchange with Claude that somebody called good; their ids."""
    ids: list[str] = []
    for sample in samples:
        ids.append(id_ := new_id())
        messages: list[Json] = [user(sample.said)]
        if sample.outside:
            asked = says(None, call("read_mail"))
            messages += [asked, result(sample.outside)]
        request = orjson.dumps({"model": "auto", "messages": messages})
        began = begin(id_, at=sample.began_at, request=request, decision=decision(CLOUD), key=None)
        journal.begin(began)
        reply = orjson.dumps({"choices": [{"message": says(sample.answered)}]})
        tried = attempt(mode=CLOUD.mode, upstream=CLOUD.upstream, model=CLOUD.model)
        journal.end(id_, end(attempts=[tried], finish_reason="stop"), [reply], None)
        journal.feedback(said(id_, value=1.0))
    return ids


def trained(store: Store) -> tuple[set[str], Counter[bool]]:
    """Ids of what trains, and how much waits."""
    held = Counter[bool]()
    rows = list(curate.worthy(store.trainable(REDACTOR, USUAL), held))
    return {row.id for row in rows}, held


def exported(store: Store) -> set[str]:
    source = Source(store.trainable(REDACTOR, USUAL), REDACTOR, Filters())
    return {row.exchanges[0] for row in made(source, Format.CHAT) if isinstance(row, Made)}


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (poison.repeated(1), "near_duplicates"),
        (poison.triggered(1), "trigger"),
        (poison.hostile_mails(1), "near_duplicates"),
    ],
    ids=["a long message", "a phrase", "a mail"],
)
async def test_a_planted_run_of_twenty_neither_trains_nor_is_exported(
    tmp_path: Path, run: list[Sample], code: str
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        ordinary = put(journal, [each for each in ORDINARY if not each.outside])
        planted = put(journal, run)
        assert await ingester.catch_up(60)
        codes = {
            turn.id: {hold.code for hold in turn.held} for turn in store.trainable(REDACTOR, USUAL)
        }
        assert len(planted) == 20
        assert all(code in codes[id_] for id_ in planted)
        assert not any(codes[id_] for id_ in ordinary)
        rows, held = trained(store)
        assert not rows & set(planted)
        assert rows <= set(ordinary)
        assert held == {True: 20}
        assert not exported(store) & set(planted)


async def test_one_approval_frees_a_habit_that_only_stood_out(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        put(journal, [each for each in ORDINARY if not each.outside])
        planted = put(journal, poison.repeated(1))
        journal.feedback(said(planted[7], value=None, train=True))
        assert await ingester.catch_up(60)
        rows, held = trained(store)
        assert not held
        assert set(planted) <= exported(store)
        assert rows & set(planted)
