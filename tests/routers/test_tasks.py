from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routers.skills import spoken
from routers.tasks import Tasks, task_text

LONG = " ".join(f"word{number} of the task" for number in range(60))


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_the_same_text_is_the_same_task_and_another_is_another(one: str, two: str) -> None:
    tasks = Tasks()
    met = tasks.meet(one)
    assert tasks.find(one, kinds=False).near == met.near
    assert (tasks.find(two).exact == met.exact) is (one == two)


def test_a_task_with_a_few_other_words_is_nearly_the_same() -> None:
    tasks = Tasks()
    met = tasks.meet(LONG)
    like = tasks.find(LONG.replace("word30", "another"))
    assert like.near == met.near
    assert like.exact != met.exact
    assert tasks.find(" ".join(reversed(LONG.split()))).near != met.near


def test_looking_a_task_up_takes_nothing_in() -> None:
    tasks = Tasks()
    tasks.find(LONG)
    assert tasks.find(LONG.replace("word30", "another")).near != Tasks().find(LONG).near


def test_requests_with_telling_words_in_common_are_of_a_kind() -> None:
    tasks = Tasks()
    for number in range(20):
        tasks.meet(f"please turn the kitchen light off, number {number}")
        tasks.meet(f"how many apples are left when Tom eats {number} apples")
    light = tasks.find("turn off the light in the kitchen please").kind
    sums = tasks.find("how many apples are left when Tom eats some apples").kind
    assert light
    assert sums
    assert light != sums
    assert tasks.find("light", kinds=False).kind == ""


def test_a_task_is_what_the_user_said_before_the_first_reply() -> None:
    messages = [
        {"role": "system", "content": "You are an agent."},
        {"role": "user", "content": [{"type": "text", "text": "Do it"}, {"type": "image_url"}, 3]},
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "Again"},
    ]
    assert task_text(messages) == "Do it"


@pytest.mark.parametrize(
    ("messages", "skill"),
    [
        ([], None),
        ([{"role": "user", "content": "hello"}], None),
        (
            [{"role": "user", "content": '[IMPORTANT: The user has invoked the "tidy" skill, x'}],
            "tidy",
        ),
        (
            [
                {"role": "user", "content": "hello"},
                {
                    "role": "assistant",
                    "tool_calls": [
                        {"function": {"name": "skill_view", "arguments": '{"name":"deploy"}'}}
                    ],
                },
                {"role": "tool", "content": "{}"},
            ],
            "deploy",
        ),
        (
            [
                {
                    "role": "assistant",
                    "tool_calls": [{"function": {"name": "skill_view", "arguments": "{"}}],
                }
            ],
            None,
        ),
        (
            [
                {"role": "assistant", "tool_calls": [3, {"function": 4}]},
                {"role": "user", "content": 5},
            ],
            None,
        ),
    ],
)
def test_a_skill_in_use_is_read_off_the_conversation(
    messages: list[dict[str, object]], skill: str | None
) -> None:
    assert spoken(messages) == skill
