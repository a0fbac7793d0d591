"""Linking against a truth that is known: many agents at once, each with its own habits."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from capture.ids import new_id
from capture.linking import Linker
from capture.store import Store
from capture.store.links import Links
from tests.support.clients import ALL, WORDS, Asked, Client, Habits
from tests.support.journals import attempt, begin, capturing, end
from tests.support.recordings import Recording, recordings

Json = dict[str, Any]
KEYS = ("laptop", "phone", None)
_REPLY_RETOLD = "openai/mirascope__test_structured_output_resume_tool_openai_gpt_4o_completions__01"
"""Its client tells the call that was the reply as a text of its own making: not linked."""
Found = dict[str, tuple[str | None, str | None, str | None, str | None]]
"""By exchange: conversation, what it continues, purpose, parent."""


async def lived(
    tmp_path: Path, seed: int, habits: tuple[Habits, ...], turns: int
) -> tuple[list[Asked], Found]:
    """The truth, and what was found."""
    chance = random.Random(seed)
    truth: list[Asked] = []
    now = [1_790_000_000.0]
    with capturing(tmp_path) as (journal, ingester, store):

        def sender(key: str | None) -> Any:
            def send(messages: list[Json], reply: Json, tools: bool, session: str | None) -> str:
                id_, now[0] = new_id(), now[0] + chance.uniform(1, 400)
                offered = [{"type": "function", "function": {"name": "run"}}] if tools else []
                request = orjson.dumps({"model": "auto", "messages": messages, "tools": offered})
                journal.begin(begin(id_, at=now[0], key=key, request=request, session=session))
                raw = orjson.dumps({"choices": [{"index": 0, "message": reply}]})
                journal.end(id_, end(attempts=[attempt()], finish_reason="stop"), [raw], None)
                return id_

            return send

        clients: list[Client] = []
        for turn in range(turns):
            if len(clients) < 4 or chance.random() < 0.1:
                name, key = f"{seed}-{turn}", chance.choice(KEYS)
                made = Client(name, chance.choice(habits), sender(key), chance, truth)
                clients.append(made)
                made.say(chance.choice(WORDS))
                continue
            act(chance.choice(clients[-12:]), chance)
        assert await ingester.catch_up(120)
        return truth, found(store, truth)


def act(client: Client, chance: random.Random) -> None:
    """One thing that a person or an agent does."""
    kind = chance.random()
    if kind < 0.06:
        client.retry()
    elif kind < 0.11:
        client.undo()
    elif kind < 0.16:
        client.compact()
    elif kind < 0.20:
        client.review()
    elif kind < 0.25:
        client.delegate()
    elif kind < 0.29:
        client.model, client.resumed = f"model {chance.random()}", True
    else:
        secret = " sk-secret" if chance.random() < 0.1 else ""
        client.say(f"{chance.choice(WORDS)}{secret}")


def found(store: Store, truth: list[Asked]) -> Found:
    """What was linked."""
    details = [store.exchange(asked.id) for asked in truth]
    return {
        each.summary.id: (each.summary.conversation, each.continues, each.purpose, each.parent)
        for each in details
        if each is not None
    }


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_nearly_all_links_of_many_agents_are_right_and_none_joins_two_conversations(
    tmp_path: Path, seed: int
) -> None:
    truth, linked = await lived(tmp_path, seed, ALL, 200)
    talks = {asked.id: asked.conversation for asked in truth}
    wrong = Counter[str]()
    for asked in truth:
        _, continues, purpose, parent = linked[asked.id]
        assert continues is None or talks[continues] == asked.conversation
        wrong["continues"] += continues != asked.continues
        wrong["purpose"] += purpose != asked.purpose
        wrong["parent"] += parent != asked.parent
    assert len(truth) > 250
    assert {asked.purpose for asked in truth} == {None, "title", "summary", "review", "subagent"}
    assert wrong.total() <= len(truth) // 100


async def test_what_is_linked_does_not_depend_on_how_many_are_linked_at_once(
    tmp_path: Path,
) -> None:
    truth, _ = await lived(tmp_path, 7, ALL, 100)
    ids = sorted(asked.id for asked in truth)
    store = Store.open(tmp_path / "majordomo.db")
    assert store.writer is not None
    alone, *others = [anew(store.writer.links(), ids, size) for size in (1, 7, 100)]
    store.close()
    assert len(alone[0]) == len(ids)
    assert alone[1]
    assert others == [alone, alone]


def anew(links: Links, ids: list[str], size: int) -> tuple[list[Any], list[Any]]:
    """All turns and outcomes of these exchanges, linked anew, so many at a time."""
    linker = Linker(links)
    linker.run()
    with links.transaction() as transaction:
        for table in ("turns", "outcomes", "superseded", "skill_tallies"):
            transaction.connection.exec_driver_sql(f"DELETE FROM {table}")
    for at in range(0, len(ids), size):
        linker.add(ids[at : at + size])
        linker.run()
    with links.transaction() as transaction:
        ask = transaction.connection.exec_driver_sql
        outcomes = "SELECT exchange_id, outcome, evidence FROM outcomes ORDER BY exchange_id"
        turns = ask("SELECT * FROM turns ORDER BY exchange_id").all()
        return list(turns), list(ask(outcomes).all())


async def test_recorded_conversations_are_linked_by_where_they_were_recorded(
    tmp_path: Path,
) -> None:
    taken = [each for each in recordings("openai", "compat/*", "local/*") if asks_chat(each)]
    if not taken:
        pytest.skip("MAJORDOMO_RECORDINGS is not set")
    ids: dict[str, str] = {}
    wanted: dict[str, str | None] = {}
    latest: dict[str, str] = {}
    with capturing(tmp_path) as (journal, ingester, store):
        for each in sorted(taken, key=lambda each: (each.source, each.index)):
            id_ = ids[each.name] = new_id()
            request = orjson.dumps(each.sent)
            journal.begin(begin(id_, request=request, key=None))
            raw = each.sse if each.streamed else each.body
            journal.end(id_, end(attempts=[attempt()], finish_reason="stop"), [raw], None)
            goes_on = any(said["role"] == "assistant" for said in each.sent["messages"])
            wanted[id_] = latest.get(each.source) if goes_on else None
            latest[each.source] = id_
        assert await ingester.catch_up(120)
        linked = {id_: store.exchange(id_) for id_ in ids.values()}
    found = {id_: detail and detail.continues for id_, detail in linked.items()}
    names = {id_: name for name, id_ in ids.items()}
    wrong = {names[id_] for id_, link in wanted.items() if found[id_] != link}
    assert sum(link is not None for link in wanted.values()) >= 10
    assert wrong <= {_REPLY_RETOLD}


def asks_chat(recording: Recording) -> bool:
    """Whether it is an answered request of OpenAI's chat dialect."""
    return (
        recording.path.endswith("/chat/completions")
        and isinstance(recording.sent.get("messages"), list)
        and recording.status == 200
        and bool({"body", "sse"} & recording.response.keys())
    )
