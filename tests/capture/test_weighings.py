"""How requests were weighed is kept, and told with what came of them."""

from __future__ import annotations

from pathlib import Path

from capture.exchange import Mode
from capture.store import Store
from capture.weighing import Weighing
from tests.support.journals import REPLY, attempt, begin, capturing, end, weighing
from tests.support.sayings import said


def kept(store: Store, id_: str) -> Weighing | None:
    found = store.exchange(id_)
    assert found is not None
    return found.weighing


async def test_a_weighing_is_kept_with_its_exchange_and_told_with_its_outcome(
    tmp_path: Path,
) -> None:
    home = weighing(choice="accept", who=Mode.RESTING)
    plain, left, blamed = (begin().id for _ in range(3))
    with capturing(tmp_path) as (journal, ingester, store):
        for id_, what in ((plain, None), (left, weighing()), (blamed, home)):
            journal.begin(begin(id_))
            journal.end(id_, end(attempts=[attempt()], weighing=what), [REPLY], None)
        journal.feedback(said(blamed, value=0.0))
        assert await ingester.catch_up(30)
        assert [kept(store, id_) for id_ in (plain, left, blamed)] == [None, weighing(), home]
        first, second = store.weighed("")
        assert (first.id, first.right, first.answered) == (left, None, Mode.RESTING)
        assert (second.id, second.right, second.key) == (blamed, False, "laptop")
        changed = store.weighed("", seen=blamed, changed_at=second.at)
        assert [each.id for each in changed] == [blamed]
        assert store.weighed("", seen=blamed, changed_at=second.at + 1) == []
        assert (store.newest_weighed(1), store.newest_weighed(2)) == (left, "")
