from __future__ import annotations

from typing import Any

import pytest

from tests.support.turns import calls, says
from trainer.scoring import is_right, usable

WANTED = calls("add", {"a": 1, "b": {"x": [1, 2], "y": None}})


@pytest.mark.parametrize(
    "answer",
    [
        calls("add", {"b": {"y": None, "x": [1, 2]}, "a": 1.0}),
        calls("add", '{"a": 1, "b": {"x": [1, 2], "y": null}}'),
        calls("add", {"a": 1, "b": {"x": [1, 2], "y": None}}, "I will add them."),
    ],
    ids=["other-order", "as-text", "with-words"],
)
def test_a_call_is_right_by_name_and_arguments(answer: dict[str, Any]) -> None:
    assert is_right(answer, WANTED)


@pytest.mark.parametrize(
    "answer",
    [
        calls("sub", {"a": 1, "b": {"x": [1, 2], "y": None}}),
        calls("add", {"a": "1", "b": {"x": [1, 2], "y": None}}),
        calls("add", {"a": 1, "b": {"x": [2, 1], "y": None}}),
        calls("add", None),
        calls("add", "{broken"),
        says("add 1"),
        {**WANTED, "tool_calls": WANTED["tool_calls"] * 2},
    ],
)
def test_another_call_is_wrong(answer: dict[str, Any]) -> None:
    assert not is_right(answer, WANTED)


def test_text_is_right_but_for_space_case_and_the_closing_mark() -> None:
    assert is_right(says("  done.\n"), says("Done"))
    assert not is_right(says("Done it"), says("Done"))
    assert not is_right(calls("add", {}, "Done"), says("Done"))


def test_a_reference_that_no_answer_equals_is_no_use() -> None:
    assert usable(WANTED)
    assert usable(says("Done"))
    assert not usable(says("word " * 100))
    assert not usable(says("..."))
