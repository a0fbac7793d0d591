"""What a decision is shown of time and conversation, and only where the policy asks."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import orjson

from capture.exchange import Mode
from gateway.chat_request import parse
from gateway.conversation_modes import ConversationModes
from gateway.policy import build_policy
from gateway.seeing import NOTHING, Sight, is_turn, minute_of_day, see
from gateway.settings import Escalation
from routers.features import Features

NOON = 1_790_000_000.0 // 86_400 * 86_400 + 12 * 3600
"""Unix seconds of a noon in UTC."""
ASK = {"role": "user", "content": "Rewrite the invoice parser for Swiss dates"}
CALL: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": []}
RESULT = {"role": "tool", "tool_call_id": "c", "content": "3 files"}
DONE = {"role": "assistant", "content": "The invoice parser reads Swiss dates now."}
DINNER = {"role": "user", "content": [{"type": "text", "text": "What about dinner on Friday?"}]}


def sight(escalation: dict[str, Any]) -> Sight:
    made = Escalation.model_validate(escalation)
    return Sight.of(build_policy(made), made.timezone)


def seen(
    what: Sight, memory: ConversationModes, *messages: dict[str, Any], now: float = NOON
) -> tuple[Features, bytes | None]:
    request = parse(orjson.dumps({"model": "auto", "messages": messages}), "id")
    return see(what, memory, request, {}, None, None, now)


def test_a_policy_that_asks_nothing_is_shown_nothing() -> None:
    assert sight({}) == NOTHING
    features, conversation = seen(NOTHING, ConversationModes(), ASK)
    assert (features.minute, features.latched, conversation) == (None, None, None)


def test_the_minute_is_that_of_the_household_s_time_zone() -> None:
    what = sight({"quiet": {"from": "22:00", "to": "07:00"}, "timezone": "Asia/Tokyo"})
    assert seen(what, ConversationModes(), ASK)[0].minute == 21 * 60
    assert minute_of_day(NOON, ZoneInfo("UTC")) == 12 * 60
    rules = [{"name": "a", "when": {"between": "9:00-17:00"}, "then": "active"}]
    assert sight({"rules": rules}).time


def test_a_task_is_latched_from_burst_s_answer_until_it_is_done() -> None:
    what, memory = sight({"latch": True}), ConversationModes()
    features, conversation = seen(what, memory, ASK)
    assert features.latched is None
    assert conversation is not None
    memory.answered(conversation, Mode.BURST, NOON, turn=True)
    assert seen(what, memory, ASK, CALL, RESULT)[0].latched is not None
    assert seen(what, memory, ASK, CALL, RESULT, DONE, DINNER)[0].latched is None
    assert seen(what, memory, ASK)[0].latched is None, "it begins anew"
    memory.answered(conversation, Mode.RESTING, NOON, turn=True)
    assert seen(what, memory, ASK, CALL, RESULT)[0].latched is None


def test_a_latch_counts_the_user_s_turns_and_the_time_since_burst_took_over() -> None:
    memory = ConversationModes()
    for now, turn in ((0.0, True), (60.0, False), (120.0, True)):
        memory.answered(b"c", Mode.BURST, now, turn=turn)
    answered = memory.get(b"c")
    assert answered == (Mode.BURST, 0.0, 2)
    memory.answered(b"c", Mode.ACTIVE, 180.0, turn=False)
    assert memory.get(b"c") == (Mode.ACTIVE, 180.0, 0)
    assert is_turn([ASK])
    assert not is_turn([ASK, CALL, RESULT])


def test_looking_remembers_nothing() -> None:
    what, memory = sight({"latch": True}), ConversationModes()
    _, conversation = seen(what, memory, ASK)
    assert conversation is not None
    assert memory.get(conversation) is None
