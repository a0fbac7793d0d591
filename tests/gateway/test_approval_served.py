"""Approval in a whole gateway, short of its socket: who is asked, what models see, what is kept."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio

from capture.exchange import Mode
from capture.store.rows import ExchangeDetail
from gateway.chat_call import ChatCall
from gateway.config import ConfigWatcher
from gateway.door import Visitor
from gateway.endpoints.explaining import decision_of, sentence
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.hotpath import HotPath
from gateway.runtime import Runtime
from gateway.wire_decision import decision_view
from tests.blackbox.house import House
from tests.gateway.test_questions import says
from tests.support import fake_scripts as fake

pytestmark = pytest.mark.asyncio

ASK_FIRST: dict[str, Any] = {"default": "burst", "fallback": ["resting"], "approval": "ask"}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


class Asked:
    """A chat request as the hot path meets it, and the response to it."""

    writable, disconnected, response_complete = True, False, False
    on_gone: Callable[[], None] | None = None
    path = "/v1/chat/completions"

    def __init__(self, body: dict[str, Any], headers: dict[str, str]) -> None:
        self.body = json.dumps(body).encode()
        nobody = cast("Any", None)
        self.visitor = Visitor([], nobody, nobody, None, headers, expects=False)
        self.lines, self.said, self.status = b"", b"", 0

    async def drain(self) -> None:
        raise AssertionError("nobody reads slowly here")

    def head(self, status: int, lines: bytes, length: int | None) -> None:
        del length
        self.status, self.lines = status, lines

    def send(self, data: bytes, *, more: bool) -> None:
        self.said += data
        self.response_complete = not more

    def refuse(self, error: GatewayError, request_id: str) -> None:
        self.head(error.status, b"", None)
        self.send(error.body(request_id), more=False)

    def over(self) -> None:
        raise AssertionError("the response was left open")

    def header(self, name: str) -> str | None:
        found = re.search(rf"^{name}: (.*)\r$", self.lines.decode(), re.MULTILINE)
        return found[1] if found else None

    @property
    def text(self) -> str:
        """What the assistant said."""
        if not self.said.startswith(b"data: "):
            return json.loads(self.said)["choices"][0]["message"]["content"]
        events = [json.loads(e[6:]) for e in self.said.split(b"\n\n") if e.startswith(b"data: {")]
        deltas = [choice["delta"] for event in events for choice in event["choices"]]
        return "".join(delta.get("content") or "" for delta in deltas)


class Household:
    """A gateway of this house, and its client."""

    def __init__(self, house: House, runtime: Runtime) -> None:
        self.house = house
        self.runtime = runtime
        self._hot = HotPath(runtime.seats, runtime)

    async def ask(
        self,
        *messages: dict[str, Any],
        headers: dict[str, str] | None = None,
        **body: Any,
    ) -> Asked:
        self.runtime.seats.enter()
        call = Asked({"model": "auto", "messages": messages, **body}, headers or {})
        await self._hot.answer(cast("ChatCall", call))
        assert call.response_complete
        return call

    async def kept(self, reply: Asked) -> ExchangeDetail:
        """What the store has of it."""
        assert await self.runtime.ingester.catch_up(10)
        detail = self.runtime.store.exchange(reply.header("x-request-id") or "")
        assert detail is not None
        return detail

    def asked_of(self, upstream: str) -> list[list[dict[str, Any]]]:
        """The messages that it saw, request by request."""
        calls = next(each for each in self.house.upstreams if each.name == upstream).calls
        return [call.json["messages"] for call in calls]


@pytest_asyncio.fixture
async def household(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Household]:
    house = House()
    await house.start()
    home = Home(tmp_path / "home")
    home.create()
    escalation = ASK_FIRST | getattr(request, "param", {})
    home.settings.write_text(json.dumps(house.settings(escalation=escalation)))
    runtime = await Runtime.start(home, ConfigWatcher(home.settings), listening_on="127.0.0.1")
    yield Household(house, runtime)
    await runtime.stop()
    await house.stop()


def reply(asked: Asked) -> dict[str, Any]:
    return {"role": "assistant", "content": asked.text}


@pytest.mark.parametrize("stream", [False, True])
async def test_a_question_is_a_reply_of_nobody_and_a_yes_sends_what_was_asked(
    household: Household, stream: bool
) -> None:
    book = says("Read this book")
    first = await household.ask(book, stream=stream, stream_options={"include_usage": True})
    assert (first.status, first.header("x-majordomo-reason")) == (200, "asked")
    assert first.header("x-majordomo-mode") is None
    assert "would go to cloud-1 at cloud (BURST) at a price that is not known" in first.text
    assert first.text.endswith("Yes or no?")
    if stream:
        assert first.said.endswith(b"data: [DONE]\n\n")
        assert b'"usage":{"prompt_tokens":0' in first.said
    assert household.asked_of("cloud") == household.asked_of("small") == []

    detail = await household.kept(first)
    assert (detail.summary.status, detail.summary.cost_usd) == ("asked", 0)
    assert (detail.attempts, detail.outcome, detail.summary.mode) == ((), None, None)
    assert [each.text for each in detail.replies] == [first.text]
    assert detail.delivered == first.said
    assert sentence(detail, decision_of(detail.decision)) == (
        "Asked about before it would be answered by cloud-1 at cloud (BURST): "
        "no rule decides and the default is burst."
    )

    second = await household.ask(book, reply(first), says("yes"), stream=stream)
    assert second.header("x-majordomo-mode") == "burst"
    assert household.asked_of("cloud") == [[book]]
    detail = await household.kept(second)
    assert [each.text for each in detail.messages] == ["Read this book"]
    assert any("left out" in note for note in detail.notes)
    assert detail.summary.conversation == first.header("x-request-id"), "it is one conversation"


async def test_a_no_keeps_it_home_and_says_so(household: Household) -> None:
    book = says("Read this book")
    first = await household.ask(book)
    second = await household.ask(book, reply(first), says("No, thanks"))
    assert second.header("x-majordomo-mode") == "resting"
    assert household.asked_of("small") == [[book]]
    detail = await household.kept(second)
    assert "but the user said no" in sentence(detail, decision_of(detail.decision))
    assert {each["mode"] for each in detail.decision["candidates"]} == {"resting", "active"}


async def test_what_is_neither_yes_nor_no_is_asked_about_anew(household: Household) -> None:
    first = await household.ask(says("Read this book"))
    second = await household.ask(says("Read this book"), reply(first), says("And the other?"))
    assert second.header("x-majordomo-reason") == "asked"
    detail = await household.kept(second)
    assert [each.text for each in detail.messages] == ["Read this book\n\nAnd the other?"]


async def test_inside_a_tool_loop_nobody_is_asked(household: Household) -> None:
    loop = [
        says("Weather?"),
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "c", "content": "Rain"},
    ]
    home = await household.ask(*loop, tools=TOOLS)
    assert home.header("x-majordomo-mode") == "resting"
    allowed = await household.ask(*loop, tools=TOOLS, headers={"x-majordomo-approve": "yes"})
    assert allowed.header("x-majordomo-mode") == "burst"


async def test_the_command_and_the_header_ask_for_no_question(household: Household) -> None:
    command = await household.ask(says("/escalate Read this book"))
    assert command.header("x-majordomo-reason") == "escalated"
    program = await household.ask(says("Read that book"), headers={"x-majordomo-approve": "yes"})
    assert program.header("x-majordomo-mode") == "burst"
    assert household.asked_of("cloud") == [[says("Read this book")], [says("Read that book")]]
    bad = await household.ask(says("Read"), headers={"x-majordomo-approve": "perhaps"})
    assert bad.status == 400


async def test_a_client_that_asks_for_burst_by_name_gets_it(household: Household) -> None:
    assert (await household.ask(says("Hi"), model="burst")).header("x-majordomo-mode") == "burst"


@pytest.mark.parametrize(
    "household", [{"default": "resting", "fallback": ["burst"]}], indirect=True
)
@pytest.mark.parametrize("stream", [False, True])
async def test_what_home_fails_at_is_asked_about_before_the_fallback_costs_money(
    household: Household, stream: bool
) -> None:
    household.house.small.on("Read", fake.failing(500))
    first = await household.ask(says("Read this book"), stream=stream)
    assert first.header("x-majordomo-reason") == "asked"
    assert "and tiny-1 answered with HTTP 500" in first.text
    assert household.asked_of("cloud") == []
    detail = await household.kept(first)
    assert detail.summary.status == "asked"
    assert {attempt.status for attempt in detail.attempts} == {"http_error"}
    assert [each.text for each in detail.replies] == [first.text]


@pytest.mark.parametrize(
    "household", [{"default": "resting", "fallback": ["burst"]}], indirect=True
)
async def test_what_stays_home_is_not_asked_about(household: Household) -> None:
    assert (await household.ask(says("Hi"))).header("x-majordomo-mode") == "resting"


async def test_private_requests_are_not_asked_about_and_never_leave(household: Household) -> None:
    private = {"x-majordomo-private": "1"}
    reply = await household.ask(says("/escalate My diary"), headers=private)
    assert reply.header("x-majordomo-mode") == "resting"
    assert household.asked_of("cloud") == []


async def test_a_dry_run_says_that_it_would_ask_and_remembers_nothing(household: Household) -> None:
    from gateway.chat_request import parse

    body = {"model": "auto", "messages": [says("Read this book")]}
    runtime = household.runtime
    view = decision_view(runtime.rehearse(parse(json.dumps(body).encode(), "x"), {}, None))
    assert (view.mode, view.asks) == (Mode.BURST, True)
    body["messages"] = [says("/escalate Read this book")]
    view = decision_view(runtime.rehearse(parse(json.dumps(body).encode(), "x"), {}, None))
    assert (view.asks, view.reasons[-1].code) == (False, "escalated")
    assert (await household.ask(says("Read this book"))).header("x-majordomo-reason") == "asked"


async def test_questions_are_no_requests_of_a_week_and_train_nothing(household: Household) -> None:
    book = says("Read this book")
    first = await household.ask(book)
    second = await household.ask(book, reply(first), says("yes"))
    await household.kept(second)
    (week,) = household.runtime.weeks()
    assert (week.requests, week.total_conversations) == (1, 1)
    assert (week.cloud_routed, week.sovereignty_index) == (1, 0.0)
    ids = [each.header("x-request-id") or "" for each in (first, second)]
    store = household.runtime.store
    assert [turn.id for turn in store.trainable(household.runtime.redactor)] == ids[1:]
    forgotten = store.conversation(ids[1])
    assert forgotten is not None
    assert list(forgotten.exchanges) == ids, "what is forgotten together"


@pytest.mark.parametrize("household", [{"approval": "off"}], indirect=True)
async def test_without_approval_nothing_is_asked_and_nothing_taken_out(
    household: Household,
) -> None:
    reply = await household.ask(says("/escalate Read this book"))
    assert reply.header("x-majordomo-mode") == "burst"
    assert household.asked_of("cloud") == [[says("/escalate Read this book")]]
