"""What a model wrote, read as the message it is."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from trainer.backends.answer_child import _message  # pyright: ignore[reportPrivateUsage]


def parsed(text: str, _: list[Any]) -> Any:
    return json.loads(text)


def tokenizer(*, thinks: bool = True) -> Any:
    """What is asked of mlx-lm's."""
    return SimpleNamespace(
        has_thinking=thinks,
        think_start="<think>" if thinks else None,
        think_end="</think>" if thinks else None,
        has_tool_calling=True,
        tool_call_start="<tool_call>",
        tool_call_end="</tool_call>",
        tool_parser=parsed,
    )


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("<think>\nIt is four.\n</think>\n\nFour.", "Four."),
        ("It is four.</think>Four.", "Four."),
        ("Four.", "Four."),
        ("<think>It goes on and on", ""),
        ("<think></think>Four.", "Four."),
    ],
)
def test_thinking_is_no_part_of_the_answer(text: str, content: str) -> None:
    assert _message(tokenizer(), text, [])["content"].strip() == content


def test_a_call_that_was_only_thought_of_is_none() -> None:
    thought = '<think>Maybe <tool_call>{"name": "no"}</tool_call></think>'
    said = _message(tokenizer(), thought + '<tool_call>{"name": "yes"}</tool_call>', [])
    assert [call["function"]["name"] for call in said["tool_calls"]] == ["yes"]


def test_a_model_that_does_not_think_may_write_of_thinking() -> None:
    assert _message(tokenizer(thinks=False), "a</think>b", [])["content"] == "a</think>b"
