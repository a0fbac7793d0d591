from __future__ import annotations

from dataclasses import fields
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.exchange import Mode, Reason
from capture.messages import ContentPart, Message, ToolCall, Usage
from capture.plain import (
    message_of,
    plain_attempt,
    plain_candidate,
    plain_decision,
    plain_end,
    plain_message,
    plain_reason,
    plain_rule,
    plain_usage,
)
from capture.weighing import Weighing, plain_weighing, weighing_of
from tests.support.journals import attempt, decision, end, weighing

VALUES: list[tuple[Any, Any]] = [
    (decision(), plain_decision),
    (decision().candidates[0], plain_candidate),
    (Reason("default", "nothing else applied"), plain_reason),
    (decision().rules[0], plain_rule),
    (Usage(1, 2, 3, 4, 5), plain_usage),
    (attempt(), plain_attempt),
    (end(weighing=weighing()), plain_end),
    (weighing(), plain_weighing),
]


@pytest.mark.parametrize(("value", "plain"), VALUES, ids=lambda v: getattr(v, "__name__", ""))
def test_every_field_is_written_and_as_orjson_itself_would(value: Any, plain: Any) -> None:
    assert set(plain(value)) == {field.name for field in fields(value)}
    itself = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    assert orjson.loads(orjson.dumps(plain(value))) == orjson.loads(itself)


texts = st.text(max_size=20)
parts = st.one_of(
    st.builds(ContentPart, st.sampled_from(["text", "thinking", "refusal"]), texts),
    st.builds(ContentPart, st.just("image"), st.none(), st.dictionaries(texts, texts, max_size=2)),
)
messages = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "tool"]),
    st.lists(parts, max_size=3).map(tuple),
    st.lists(st.builds(ToolCall, texts, texts, texts), max_size=2).map(tuple),
    st.none() | texts,
    st.none() | texts,
)


@given(messages)
def test_a_message_comes_back_as_it_was(message: Message) -> None:
    assert message_of(orjson.loads(orjson.dumps(plain_message(message)))) == message


def test_modes_are_written_as_their_names() -> None:
    assert plain_candidate(decision().candidates[0])["mode"] is Mode.RESTING
    assert orjson.dumps(Mode.RESTING) == b'"resting"'


@pytest.mark.parametrize("weighed", [weighing(), weighing(agreement=None, who=Mode.ACTIVE)])
def test_a_weighing_comes_back_as_it_was(weighed: Weighing) -> None:
    assert weighing_of(orjson.loads(orjson.dumps(plain_weighing(weighed)))) == weighed
