from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from capture.exchange import ExchangeStatus, Mode
from capture.ids import new_id
from capture.ingest import Ingester
from capture.journal import Journal
from capture.linking import Linker
from capture.observing import observe
from capture.outcomes import Outcome
from capture.store import Store
from capture.store.links import Links
from tests.support.journals import BURST, REPLY, attempt, begin, capturing, decision, end

Json = dict[str, Any]


def user(text: str) -> Json:
    return {"role": "user", "content": text}


def assistant(text: str | None = None, *calls: str, arguments: str = '{"b":1,"a":2}') -> Json:
    message: Json = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [
            {
                "id": id_,
                "type": "function",
                "function": {"name": "ls", "arguments": arguments},
            }
            for id_ in calls
        ]
    return message


def tool(call_id: str, text: str) -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


SYSTEM: Json = {"role": "system", "content": "You are Hermes.\nModel: a"}


class Home:
    """A journal, ingester and store, and exchanges put through them."""

    def __init__(self, journal: Journal, ingester: Ingester, store: Store) -> None:
        self.journal = journal
        self.ingester = ingester
        self.store = store
        self._now = 1_790_000_000.0

    def exchange(
        self,
        messages: list[Json],
        reply: Json | None,
        *,
        id_: str | None = None,
        key: str | None = "laptop",
        session: str | None = None,
        status: ExchangeStatus = "ok",
        finish_reason: str | None = "stop",
        alias: str = "auto",
        tools: Sequence[str] = (),
        skill: str = "tool:ls",
        at: float | None = None,
        **tried: Any,
    ) -> str:
        """One exchange, begun when the one before it had ended, and ended; returns its id."""
        id_ = id_ or new_id()
        self._now += 1.0
        at = self._now if at is None else at
        offered = [{"type": "function", "function": {"name": name}} for name in tools]
        request = orjson.dumps({"model": alias, "messages": messages, "tools": offered})
        decided = replace(decision(BURST), skill=skill, alias=alias)
        self.journal.begin(
            begin(id_, at=at, request=request, key=key, session=session, decision=decided)
        )
        raw = orjson.dumps({"choices": [{"index": 0, "message": reply}]}) if reply else b""
        ended = end(status=status, finish_reason=finish_reason, attempts=[attempt(**tried)])
        self.journal.end(id_, ended, [raw], None)
        return id_

    async def turn(self, id_: str) -> tuple[str | None, str | None]:
        """Which conversation an exchange belongs to, and what it continues."""
        assert await self.ingester.catch_up(30)
        found = self.store.exchange(id_)
        assert found is not None
        return found.summary.conversation, found.continues

    async def aside(self, id_: str) -> tuple[str | None, str | None]:
        """What an agent asked on the side, and for which exchange."""
        assert await self.ingester.catch_up(30)
        found = self.store.exchange(id_)
        assert found is not None
        return found.purpose, found.parent

    async def outcome(self, id_: str) -> Outcome | None:
        """What came of an exchange."""
        assert await self.ingester.catch_up(30)
        found = self.store.exchange(id_)
        assert found is not None
        return found.outcome

    async def codes(self, id_: str) -> list[str]:
        """What was seen to come of an exchange."""
        outcome = await self.outcome(id_)
        return [] if outcome is None else [code for code, _ in outcome.evidence]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with capturing(tmp_path) as run:
        yield Home(*run)


async def test_an_exchange_that_repeats_what_another_ended_with_continues_it(home: Home) -> None:
    first = home.exchange([SYSTEM, user("Weather?")], assistant(" 14 degrees.\n"))
    said = [user("Weather?"), assistant("14 degrees.")]
    changed = {"role": "system", "content": "You are Hermes.\nModel: b"}
    second = home.exchange([changed, *said, user("And in Oslo?")], assistant("12."))
    said += [
        user("And in Oslo?"),
        {"role": "assistant", "content": [{"type": "text", "text": "12."}]},
    ]
    third = home.exchange([SYSTEM, *said, user("Thanks!")], assistant("You are welcome."))
    assert await home.turn(first) == (first, None)
    assert await home.turn(second) == (first, first)
    assert await home.turn(third) == (first, second)
    assert await home.codes(first) == ["moved_on"]
    assert await home.codes(second) == ["approval"]
    assert await home.outcome(third) is None
    listed = {each.id: each for each in home.store.exchanges()}
    assert [listed[id_].outcome for id_ in (first, second, third)] == ["success", "success", None]
    assert listed[third].conversation == first
    assert listed[third].skill == "tool:ls"


async def test_reasoning_never_decides_what_continues_what(home: Home) -> None:
    first = home.exchange([user("Hi")], assistant("<think>A greeting.</think>\n\nHello!"))
    thought = {**assistant("Hello!"), "reasoning_content": "Something else."}
    second = home.exchange([user("Hi"), thought, user("Bye")], assistant("Bye!"))
    assert await home.turn(second) == (first, first)


async def test_an_answered_tool_call_continues_its_exchange_whatever_else_changed(
    home: Home,
) -> None:
    first = home.exchange([user("List")], assistant("Let me see. ", "call_1", "call_2"))
    compacted = [user("[CONTEXT SUMMARY]: a list is wanted"), assistant(None, "call_1", "call_2")]
    results = [tool("call_1", "a.txt"), tool("call_2", "b.txt")]
    second = home.exchange([*compacted, *results], assistant("a.txt and b.txt"))
    assert await home.turn(second) == (first, first)
    assert await home.codes(first) == ["tool_ok"]


async def test_of_several_exchanges_that_made_a_call_the_one_with_this_transcript_goes_first(
    home: Home,
) -> None:
    asked = [user("List"), assistant(None, "functions.ls:0"), tool("functions.ls:0", "a")]
    mine = home.exchange([user("List")], assistant(None, "functions.ls:0"))
    latest = home.exchange([user("Other")], assistant(None, "functions.ls:0"))
    same = home.exchange(asked, assistant("a"))
    unlike = home.exchange([user("Changed"), *asked[1:]], assistant("a"))
    assert await home.turn(same) == (mine, mine)
    assert await home.turn(latest) == (latest, None)
    assert await home.turn(unlike) == (unlike, None)


async def test_a_call_id_that_two_conversations_use_links_by_what_was_called(home: Home) -> None:
    """Models that number their calls from nought give every conversation the same ids."""
    call = "functions.search:0"
    one = home.exchange([user("Cats?")], assistant(None, call, arguments='{"q":"cats","n":1}'))
    two = home.exchange([user("Dogs?")], assistant(None, call, arguments='{"q":"dogs"}'))
    written_anew = assistant(None, call, arguments='{"n": 1, "q": "cats"}')
    summary = user("[CONTEXT SUMMARY]: cats are wanted")
    after = home.exchange([summary, written_anew, tool(call, "Error: no net")], assistant("No."))
    unknown = assistant(None, call, arguments='{"q":"cows"}')
    other = home.exchange([summary, unknown, tool(call, "Error: no net")], assistant("No."))
    assert await home.turn(after) == (one, one)
    assert await home.codes(one) == ["tool_error"]
    assert await home.turn(other) == (other, None)
    assert await home.outcome(two) is None


async def test_what_different_keys_say_never_meets(home: Home) -> None:
    home.exchange([user("Hi")], assistant("Hello!", "call_1"), key="laptop")
    after = [user("Hi"), assistant("Hello!", "call_1")]
    for key in ("phone", None, ""):
        by_prefix = home.exchange([*after, user("Bye")], assistant("Bye!"), key=key)
        by_call = home.exchange([*after, tool("call_1", "x")], assistant("Bye!"), key=key)
        assert await home.turn(by_prefix) == (by_prefix, None)
        assert await home.turn(by_call) == (by_call, None)


async def test_a_retry_is_a_sibling_and_counts_against_the_answer_it_replaces(home: Home) -> None:
    first = home.exchange([user("Hi")], assistant("Hello!"))
    again = [user("Hi"), assistant("Hello!"), user("Tell a joke")]
    bad = home.exchange(again, assistant("No."))
    failed = home.exchange(again, None, status="upstream_error")
    good = home.exchange(again, assistant("A horse enters a bar."))
    last = home.exchange(
        [*again, assistant("A horse enters a bar."), user("Great!")], assistant(":)")
    )
    for sibling in (bad, failed, good):
        assert await home.turn(sibling) == (first, first)
    assert await home.turn(last) == (first, good)
    assert await home.codes(bad) == ["retry"]
    assert await home.codes(failed) == []
    assert await home.codes(good) == ["approval"]
    assert await home.codes(first) == ["moved_on"]


@pytest.mark.parametrize(
    "side",
    [
        {"system": "Write a title for this conversation."},
        {"system": None},
        {"alias": "house"},
        {"tools": ()},
    ],
)
async def test_the_same_messages_for_another_purpose_are_no_retry(
    home: Home, side: dict[str, Any]
) -> None:
    said = [user("Hi"), assistant("Hello!"), user("Tell a joke")]
    home.exchange([SYSTEM, user("Hi")], assistant("Hello!"))
    usual: dict[str, Any] = {"alias": "auto", "tools": ("ls", "cat")}
    good = home.exchange([SYSTEM, *said], assistant("A horse enters a bar."), **usual)
    asked = {**usual, **side}
    system = asked.pop("system", SYSTEM["content"])
    messages = said if system is None else [{"role": "system", "content": system}, *said]
    home.exchange(messages, assistant("Joke"), **asked)
    assert await home.outcome(good) is None
    home.exchange([SYSTEM, *said], assistant("Two horses enter a bar."), **usual)
    assert await home.codes(good) == ["retry"]


@pytest.mark.parametrize("status", ["interrupted", "refused", "upstream_error"])
async def test_what_has_no_reply_gets_a_turn_and_is_never_continued(
    home: Home, status: ExchangeStatus
) -> None:
    first = home.exchange([user("Hi")], None, status=status)
    second = home.exchange([user("Hi"), assistant("..."), user("Hello?")], assistant("Yes?"))
    assert await home.turn(first) == (first, None)
    assert await home.turn(second) == (second, None)
    assert await home.outcome(first) is None


async def test_a_reply_that_is_empty_or_cut_is_a_failure_at_once(home: Home) -> None:
    empty = home.exchange([user("Hi")], assistant(""))
    cut = home.exchange([user("Ho")], assistant("Hel"), finish_reason="length")
    assert await home.codes(empty) == ["empty"]
    assert await home.codes(cut) == ["cut"]


async def test_what_the_user_says_after_tools_reaches_back_to_the_whole_user_turn(
    home: Home,
) -> None:
    said = [user("Hi")]
    greeting = home.exchange(said, assistant("Hello!"))
    said = [*said, assistant("Hello!"), user("How many files?")]
    calling = home.exchange(said, assistant(None, "call_1"))
    said = [*said, assistant(None, "call_1"), tool("call_1", "a b c")]
    calling_more = home.exchange(said, assistant(None, "call_2"))
    said = [*said, assistant(None, "call_2"), tool("call_2", "Error: no such directory")]
    answering = home.exchange(said, assistant("Four."))
    said = [*said, assistant("Four."), user("No, that's wrong.")]
    home.exchange(said, assistant("Three."))
    assert await home.codes(greeting) == ["moved_on"]
    assert await home.codes(calling) == ["tool_ok", "later_correction"]
    assert await home.codes(calling_more) == ["tool_error", "later_correction"]
    assert await home.codes(answering) == ["correction"]
    kept = await home.outcome(calling)
    assert kept is not None
    assert (kept.outcome, kept.corrected) == ("success", False)
    wrong = await home.outcome(answering)
    assert wrong is not None
    assert (wrong.outcome, wrong.confidence, wrong.corrected) == ("failure", 0.8, True)


async def test_a_review_by_the_agent_itself_is_a_conversation_of_its_own_and_no_next_state(
    home: Home,
) -> None:
    first = home.exchange([user("Hi")], assistant("Hello!"))
    after = [user("Hi"), assistant("Hello!")]
    review = user("Review the conversation above and update the skill library")
    branch = home.exchange([*after, review], assistant(None, "call_1"))
    said = [*after, review, assistant(None, "call_1"), tool("call_1", "{}")]
    more = home.exchange(said, assistant("Nothing to save."))
    assert await home.turn(branch) == (branch, None)
    assert await home.turn(more) == (branch, branch)
    assert await home.aside(branch) == ("review", first)
    assert await home.aside(more) == ("review", None)
    assert await home.codes(branch) == ["tool_ok"]
    assert await home.outcome(first) is None
    home.exchange([*after, user("thanks")], assistant(":)"))
    assert await home.codes(first) == ["approval"]


async def test_a_first_request_sent_again_soon_counts_a_little_against_its_answer(
    home: Home,
) -> None:
    bad = home.exchange([SYSTEM, user("Hi")], assistant("Bah."), at=1000.0)
    good = home.exchange([SYSTEM, user("Hi")], assistant("Hello!"), at=1030.0)
    later = home.exchange([SYSTEM, user("Hi")], assistant("Hello again!"), at=5000.0)
    assert await home.codes(bad) == ["sent_again"]
    assert await home.codes(good) == []
    assert await home.turn(good) == (good, None)
    assert await home.turn(later) == (later, None)


async def test_what_is_asked_side_by_side_or_every_minute_or_was_gone_on_with_is_no_second_try(
    home: Home,
) -> None:
    for number in range(3):
        at_once = home.exchange([user("Roll a die")], assistant(str(number)), at=1000.0)
        assert await home.codes(at_once) == []
    minutes = [
        home.exchange([user("Any mail?")], assistant("No."), at=2000.0 + 60 * n) for n in range(6)
    ]
    seen = [await home.codes(id_) for id_ in minutes]
    assert seen == [["sent_again"], ["sent_again"], [], [], [], []]
    first = home.exchange([user("Hi")], assistant("Hello!"), at=3000.0)
    said = [user("Hi"), assistant("Hello!")]
    home.exchange([*said, user("Thanks")], assistant(":)"), at=3010.0)
    home.exchange([user("Hi")], assistant("Hello!"), at=3020.0)
    assert await home.codes(first) == ["approval"]


async def test_a_session_joins_what_no_transcript_does(home: Home) -> None:
    first = home.exchange([user("Hi")], assistant("Hello!"), session="s")
    anew = home.exchange([user("Ho")], assistant("Hello!"), session="s")
    rewritten = [user("(what was said)"), assistant("(and answered)"), user("Go on")]
    second = home.exchange(rewritten, assistant("Yes."), session="s")
    assert await home.turn(anew) == (first, None)
    assert await home.turn(second) == (first, anew)
    others: tuple[dict[str, Any], ...] = (
        {"session": "t"},
        {"key": "phone", "session": "s"},
        {"session": None},
    )
    for other in others:
        alone = home.exchange([user("Ho")], assistant("Hello!"), **other)
        assert await home.turn(alone) == (alone, None)
    assert await home.outcome(first) is None


async def test_a_transcript_taken_into_another_session_is_a_conversation_of_its_own(
    home: Home,
) -> None:
    first = home.exchange([user("Hi")], assistant("Hello!"), session="s")
    said = [user("Hi"), assistant("Hello!"), user("wrong")]
    copy = home.exchange(said, assistant("Sorry."), session="t")
    assert await home.turn(copy) == (copy, None)
    assert await home.aside(copy) == (None, first)
    assert await home.outcome(first) is None
    more = home.exchange([*said, assistant("Sorry."), user("ok")], assistant(":)"), session="t")
    assert await home.turn(more) == (copy, copy)


async def test_a_session_named_anew_with_every_request_is_one_where_its_agent_s_steps_prove_it(
    home: Home,
) -> None:
    said = [user("What is here?")]
    ids: list[str] = []
    for step in range(3):
        reply = assistant(None, f"call_{step}")
        ids.append(home.exchange(said, reply, session=f"request {step}"))
        said += [reply, tool(f"call_{step}", "a file")]
    ids.append(home.exchange(said, assistant("A file."), session="request 3"))
    said += [assistant("A file."), user("And there?")]
    ids.append(home.exchange(said, assistant("None."), session="request 4"))
    assert [await home.turn(id_) for id_ in ids] == [
        (ids[0], before) for before in (None, *ids[:-1])
    ]


@pytest.mark.parametrize(
    ("says", "again"),
    [
        pytest.param([tool("call_1", "a file"), user("Now this.")], "", id="a person goes on"),
        pytest.param([tool("call_1", "a file")], "s", id="the first name is used again"),
        pytest.param([tool("call_1", "a file")], "t", id="the second was used before"),
        pytest.param([tool("call_9", "a file")], "", id="its step is another's"),
    ],
)
async def test_a_copy_of_a_session_stays_apart_however_early_it_was_made(
    home: Home, says: list[Json], again: str
) -> None:
    if again:
        home.exchange([user("Who are you?")], assistant("Hermes."), session=again)
    reply = assistant(None, "call_1")
    first = home.exchange([user("What is here?")], reply, session="s")
    copy = home.exchange([user("What is here?"), reply, *says], assistant("This."), session="t")
    assert await home.turn(copy) == (copy, None)
    assert await home.aside(copy) == (None, first)


async def test_of_two_with_the_same_opening_each_goes_on_with_its_own(home: Home) -> None:
    """No keys, no sessions: what their agents are told, or who was not gone on with, says which."""
    terse = {"role": "system", "content": "Be terse."}
    said = [user("Hi"), assistant("Hello!")]
    mine = home.exchange([terse, user("Hi")], assistant("Hello!"), key=None)
    yours = home.exchange([SYSTEM, user("Hi")], assistant("Hello!"), key=None)
    hers = home.exchange([SYSTEM, user("Hi")], assistant("Hello!"), key=None)
    one = home.exchange([terse, *said, user("A?")], assistant("A."), key=None)
    two = home.exchange([SYSTEM, *said, user("B?")], assistant("B."), key=None)
    three = home.exchange([SYSTEM, *said, user("C?")], assistant("C."), key=None)
    assert await home.turn(one) == (mine, mine)
    assert {await home.turn(two), await home.turn(three)} == {(yours, yours), (hers, hers)}


async def test_a_look_back_without_tools_under_other_instructions_is_an_aside(home: Home) -> None:
    said = [user("Hi"), assistant("Hello!")]
    first = home.exchange([SYSTEM, user("Hi")], assistant("Hello!"), tools=("ls",))
    asks = {"role": "system", "content": "Write three follow-up questions."}
    aside = home.exchange([asks, *said, user("Now.")], assistant("1. 2. 3."))
    assert await home.turn(aside) == (aside, None)
    assert await home.aside(aside) == ("side", first)
    assert await home.outcome(first) is None


async def test_a_labelled_side_call_is_no_turn_and_a_skill_of_that_sound_is_one(
    home: Home,
) -> None:
    first = home.exchange([user("Look at the moon")], assistant("It is full."))
    told = "User: Look at the moon\n\nAssistant: It is full."
    labelled = home.exchange([user(told)], assistant("The moon"), skill="title_generation")
    named = home.exchange([user("Is the lamp on?")], assistant("Yes."), skill="monitor")
    assert await home.aside(labelled) == ("title", first)
    assert await home.aside(named) == (None, None)


async def test_a_delegated_task_is_a_conversation_of_its_own_with_a_parent(home: Home) -> None:
    goal = '{"goal":"count the  files in it"}'
    first = home.exchange([user("Do it")], assistant(None, "call_1", arguments=goal), tools=("ls",))
    task = [user("count the files in it")]
    child = home.exchange(task, assistant(None, "call_2"), tools=("ls",))
    said = [*task, assistant(None, "call_2"), tool("call_2", "a b")]
    more = home.exchange(said, assistant("Two."), tools=("ls",))
    without_tools = home.exchange(task, assistant("Two."))
    another = home.exchange(task, assistant("Two."), tools=("ls",), key="phone")
    assert await home.aside(child) == ("subagent", first)
    assert await home.turn(child) == (child, None)
    assert await home.turn(more) == (child, child)
    assert await home.aside(more) == ("subagent", None)
    assert await home.aside(without_tools) == (None, None)
    assert await home.aside(another) == (None, None)


async def test_words_between_that_are_not_ours_do_not_hide_what_a_request_continues(
    home: Home,
) -> None:
    first = home.exchange([user("Hi")], assistant("Hello!"))
    said = [user("Hi"), assistant("Hello!"), user("Thanks"), assistant("(answered elsewhere)")]
    second = home.exchange([*said, user("No, wrong")], assistant("?"))
    assert await home.turn(second) == (first, first)
    assert await home.codes(first) == ["approval"]


async def test_an_older_exchange_that_ends_late_breaks_nothing(home: Home) -> None:
    older = new_id()
    home.journal.begin(begin(older, request=orjson.dumps({"messages": [user("Hi")]})))
    newer = home.exchange([user("Hi"), assistant("Hello!"), user("Bye")], assistant("Bye!"))
    assert await home.turn(newer) == (newer, None)
    said = orjson.dumps({"choices": [{"index": 0, "message": assistant("Hello!")}]})
    home.journal.end(older, end(), [said], None)
    assert await home.turn(older) == (older, None)
    newest = home.exchange([user("Hi"), assistant("Hello!"), user("Ciao")], assistant("Ciao!"))
    assert await home.turn(newest) == (older, older)


def everything(store: Store) -> list[tuple[Any, ...]]:
    """All that linking writes, but for when."""
    details = [store.exchange(each.id) for each in store.exchanges(1000)]
    return [
        (each.summary.id, each.summary.conversation, each.continues, each.outcome)
        for each in details
        if each is not None
    ]


class Died(BaseException):
    """As if the process were killed here."""


async def test_a_death_anywhere_in_the_pass_leaves_nothing_half_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with capturing(tmp_path) as run:
        home = Home(*run)
        said: list[Json] = []
        for number in range(12):
            said.append(user(f"Question {number}"))
            home.exchange(said, assistant(f"Answer {number}"))
            said.append(assistant(f"Answer {number}"))
            home.exchange([user(f"Single {number}")], assistant("Yes."))
        assert await home.ingester.catch_up(30)
        wanted = everything(home.store)
    store = Store.open(tmp_path / "majordomo.db")
    assert store.writer is not None
    links = store.writer.links()
    monkeypatch.setattr("capture.linking._AT_ONCE", 5)
    counts = home.store.skill_counts()
    assert counts
    for method in ("save_turns", "save_outcomes", "add_up", "add_up_unfit"):
        forget(store)
        for dies_at in range(1, 60):
            with monkeypatch.context() as patch:
                dying(patch, method, dies_at)
                try:
                    Linker(links).run()
                except Died:
                    continue
            break
        Linker(links).run()
        assert everything(store) == wanted
        assert store.skill_counts() == counts
    store.close()


def forget(store: Store) -> None:
    """Take all links out again."""
    assert store.writer is not None
    with store.writer.links().transaction() as transaction:
        for table in ("turns", "outcomes", "skill_tallies"):
            transaction.connection.exec_driver_sql(f"DELETE FROM {table}")


def dying(patch: pytest.MonkeyPatch, method: str, at: int) -> None:
    """Have a method of Links do its work and then die, the `at`th time."""
    calls = iter(range(1, 10_000))
    real = getattr(Links, method)

    def dies(links: Links, *values: Any) -> None:
        real(links, *values)
        if next(calls) == at:
            raise Died

    patch.setattr(Links, method, dies)


def unlinkable(*_: object) -> int:
    """For what nobody has thought of."""
    raise ValueError("unlinkable")


async def test_an_exchange_that_cannot_be_linked_stands_alone_and_holds_up_no_other(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = home.exchange([user("Hi")], assistant("Hello!"))
    assert await home.turn(first) == (first, None)
    with monkeypatch.context() as patch:
        patch.setattr("capture.linking.next_state", unlinkable)
        bad = home.exchange([user("Hi"), assistant("Hello!"), user("No")], assistant("?"))
        good = home.exchange([user("Else")], assistant("Yes."))
        assert await home.turn(bad) == (bad, None)
        assert await home.turn(good) == (good, None)
    assert home.ingester.failure is None


async def test_a_place_is_counted_by_skill_and_adapter(
    home: Home,
) -> None:
    def ask(reply: str, then: str, **tried: Any) -> None:
        home.exchange([user(reply)], assistant(reply), **tried)
        home.exchange([user(reply), assistant(reply), user(then)], None, status="refused")

    ask("a", "thanks", adapter="a1")
    ask("b", "Something else", adapter="a1")
    ask("c", "wrong", adapter="a1")
    ask("d", "[System: nothing]", adapter="a1")
    ask("e", "wrong", mode=Mode.BURST, upstream="claude", model="opus")
    assert await home.ingester.catch_up(30)
    found = [
        (c.skill, c.upstream, c.model, c.adapter, round(c.successes, 6), round(c.failures, 6))
        for c in home.store.skill_counts()
    ]
    assert found == [
        ("tool:ls", "claude", "opus", None, 0, 1),
        ("tool:ls", "house", "house-small", "a1", 2, 1),
    ]


async def test_what_came_of_a_skill_is_counted_by_the_day_it_was_asked(home: Home) -> None:
    midnight = 20_000 * 86_400.0
    for number, at in enumerate((midnight - 1.0, midnight, midnight + 86_400.0)):
        asked = user(f"Question {number}")
        home.exchange([asked], assistant("Yes."), at=at)
        said = [asked, assistant("Yes."), user("Thanks!")]
        home.exchange(said, None, status="refused", at=midnight + 9e6)
    unfit = end(attempts=[attempt(status="unfit"), attempt()])
    id_ = new_id()
    home.journal.begin(begin(id_, at=midnight - 1.0, decision=replace(decision(), skill="tool:ls")))
    home.journal.end(id_, unfit, [b"", REPLY], None)
    assert await home.ingester.catch_up(30)

    def found(since: float | None = None) -> tuple[float, float]:
        (count,) = home.store.skill_counts(since)
        return count.successes, count.failures

    assert found() == (3.0, 1.0)
    assert found(midnight - 1.0) == (3.0, 1.0)
    assert found(midnight + 3600.0) == (2.0, 0.0)
    assert home.store.skill_counts(midnight + 10 * 86_400) == []


async def test_evidence_from_elsewhere_changes_an_outcome_and_its_tally_together(
    home: Home,
) -> None:
    first = home.exchange([user("Hi")], assistant("Hello!"))
    home.exchange([user("Hi"), assistant("Hello!"), user("Bye")], assistant("Bye!"))
    assert await home.codes(first) == ["moved_on"]
    home.ingester.stop()
    assert home.store.writer is not None
    links = home.store.writer.links()
    for _ in range(2):  # the same again changes nothing
        with links.transaction():
            assert observe(links, first, [("correction", "a thumb down")])
        (count,) = home.store.skill_counts()
        assert (count.successes, count.failures) == (0.0, 1.0)
    found = home.store.exchange(first)
    assert found is not None
    assert found.outcome == Outcome(
        "failure",
        0.8,
        (("moved_on", "the user went on"), ("correction", "a thumb down")),
        corrected=True,
    )
    with links.transaction():
        assert not observe(links, new_id(), [("approval", "")])


async def test_a_reply_that_was_not_handed_over_counts_as_a_failure_of_who_gave_it(
    home: Home,
) -> None:
    id_ = new_id()
    decided = replace(decision(BURST), skill="tool:ls")
    home.journal.begin(begin(id_, decision=decided))
    tried = [
        attempt(status="unfit", adapter="a1"),
        attempt(mode=Mode.BURST, upstream="claude", model="opus"),
    ]
    raw = orjson.dumps({"choices": [{"index": 0, "message": assistant("Done.")}]})
    home.journal.end(id_, end(attempts=tried), [b"", raw], None)
    assert await home.ingester.catch_up(30)
    (count,) = home.store.skill_counts()
    assert (count.upstream, count.adapter, count.successes, count.failures) == (
        "house",
        "a1",
        0.0,
        1.0,
    )
