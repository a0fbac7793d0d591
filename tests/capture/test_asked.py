"""Requests to decide anew, and the last outcomes of each skill, as the store gives them."""

from __future__ import annotations

from pathlib import Path

import orjson

from capture.exchange import Mode
from tests.support.journals import capturing
from tests.support.kitchen import (
    BEGAN,
    HOME,
    answer,
    call,
    evening,
    exchange,
    result,
    user,
)


async def test_requests_come_newest_first_with_who_answered_before(tmp_path: Path) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        ids = evening(journal)
        late = exchange(journal, [user("Later")], answer("Yes."), at=BEGAN + 60)
        assert await ingester.catch_up(30)
        found = list(store.asked(BEGAN, 10))
        assert [each.id for each in found] == [late, *reversed(ids)]
        assert [each.before for each in found] == [None, Mode.BURST, Mode.BURST, None]
        assert found[0].request is not None
        assert orjson.loads(found[0].request)["messages"] == [user("Later")]
        assert (found[0].key, found[0].headers) == ("laptop", {"user-agent": "hermes"})
        assert [each.id for each in store.asked(BEGAN + 1, 10)] == [late]
        assert [each.id for each in store.asked(BEGAN, 2)] == [late, ids[2]]


async def test_the_last_outcomes_of_a_skill_are_the_newest_first_and_so_many(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        for n, output in enumerate(('{"exit_code": 0}', '{"error": "no"}', '{"exit_code": 0}')):
            asked = [user(f"Count the files of box {n}")]
            calls = call(f"call_{n}", '{"command": "ls"}')
            exchange(journal, asked, calls, place=HOME, skill="shell", at=BEGAN + n)
            told = [*asked, calls, result(f"call_{n}", output)]
            exchange(journal, told, answer("Seven."), skill="talk", at=BEGAN + n)
        assert await ingester.catch_up(30)
        place = ("shell", HOME.upstream, HOME.model, None)
        newest = store.last_outcomes(2)[place]
        assert [good for _, good in newest] == [True, False]
        assert newest == tuple(sorted(newest, reverse=True)), "ids sort by time"
        unfit = call("call_u", "{}")
        asked = [user("Count the files of the shed")]
        exchange(journal, asked, answer("Nine."), unfit=unfit, skill="shell", at=BEGAN + 9)
        assert await ingester.catch_up(30)
        (newest,) = store.last_outcomes(9).values()
        assert [good for _, good in newest] == [False, True, False, True]
