"""Process rewards: a conversation's replies as steps, with what came of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from capture.exports import Format, Left, Made, Source, made, write_export
from capture.exports.rewards import text
from capture.trainable import TrainableTurn
from tests.support.journals import capturing
from tests.support.kitchen import SYSTEM, answer, call, evening, quarrel, result, user
from tests.support.turns import REDACTOR, turn


def conversation(*outcomes: str) -> list[TrainableTurn]:
    """Turns of one conversation: user 0, reply 0, user 1, reply 1 ... with these outcomes."""
    turns: list[TrainableTurn] = []
    messages: list[dict[str, Any]] = []
    for number, outcome in enumerate(outcomes):
        messages = [*messages, user(f"user {number}")]
        request = {"messages": messages}
        reply = answer(f"reply {number}")
        about = {"conversation": "c", "outcome": outcome, "evidence": ("tool_ok",)}
        turns.append(turn(str(number), request=request, reply=reply, **about))
        messages = [*messages, reply]
    return turns


def row_of(*outcomes: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    (row,) = made(Source(conversation(*outcomes), REDACTOR), Format.REWARDS)
    assert isinstance(row, Made)
    return json.loads(row.line), row.exchanges


def said(*names: str) -> str:
    """Messages of `conversation` in ChatML."""
    roles = {"user": "user", "reply": "assistant"}
    lines = [f"<|im_start|>{roles[name.split()[0]]}\n{name}<|im_end|>" for name in names]
    return "\n".join(lines)


async def test_a_conversation_is_a_prompt_and_a_labelled_text_for_each_reply(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path / "home") as (journal, ingester, store):
        evening(journal)
        ids = quarrel(journal)
        assert await ingester.catch_up(30)
        write_export(
            Source(store.trainable(REDACTOR), REDACTOR), Format.REWARDS, tmp_path / "out", "0.1.0"
        )
    lines = (tmp_path / "out" / "rewards.jsonl").read_bytes().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["labels"] for row in rows] == [[True, True], [False, False, True], [True]]
    row = rows[1]
    assert row["prompt"] == (
        f"<|im_start|>system\n{SYSTEM}<|im_end|>\n"
        "<|im_start|>user\nHow large is the file notes.txt?<|im_end|>\n"
    )
    assert row["completions"][:2] == [
        (
            "<|im_start|>assistant\n<tool_call>\n"
            '{"name":"terminal","arguments":{"command":"ls notes"}}\n</tool_call><|im_end|>'
        ),
        (
            '<|im_start|>tool\n{"error": "no such file"}<|im_end|>\n'
            "<|im_start|>assistant\nIt is empty.<|im_end|>"
        ),
    ]
    assert [step["exchange"] for step in row["steps"]] == ids[:4]
    assert [step["reward"] for step in row["steps"]] == [-1, -1, 1, None]
    assert row["steps"][0] == {
        "exchange": ids[0],
        "reward": -1,
        "confidence": 0.9,
        "evidence": ["tool_error", "later_correction"],
    }


def test_a_reply_of_which_nothing_is_known_is_no_step_but_leads_to_the_next() -> None:
    row, exchanges = row_of("unknown", "success", "unknown", "failure", "unknown")
    assert row["prompt"] == said("user 0", "reply 0", "user 1") + "\n"
    assert row["completions"] == [said("reply 1"), said("user 2", "reply 2", "user 3", "reply 3")]
    assert row["labels"] == [True, False]
    assert [step["reward"] for step in row["steps"]] == [None, 1, None, -1, None]
    assert exchanges == ("1", "3")


def test_prompt_and_completions_joined_by_line_ends_are_the_conversation() -> None:
    row, _ = row_of("failure", "success", "success")
    whole = said("user 0", "reply 0", "user 1", "reply 1", "user 2", "reply 2")
    assert row["prompt"] + "\n".join(row["completions"]) == whole


def test_a_conversation_of_which_nothing_is_known_makes_no_row() -> None:
    assert list(made(Source(conversation("unknown", "unknown"), REDACTOR), Format.REWARDS)) == [
        Left("1", "unknown")
    ]


def test_a_message_is_chatml_with_thinking_and_calls_as_hermes_writes_them() -> None:
    reply = {**call("c1", '{"b": 1, "a": 2}', "One moment."), "reasoning_content": "Hm."}
    assert text(reply) == (
        "<|im_start|>assistant\n<think>\nHm.\n</think>\nOne moment.\n<tool_call>\n"
        '{"name":"terminal","arguments":{"b":1,"a":2}}\n</tool_call><|im_end|>'
    )
    assert text(result("c1", "2")) == "<|im_start|>tool\n2<|im_end|>"


def test_an_image_in_a_conversation_leaves_it_out() -> None:
    asked = [{"role": "user", "content": [{"type": "image_url"}]}]
    given = turn("1", request={"messages": asked}, reply=answer("A cat."), outcome="success")
    assert list(made(Source([given], REDACTOR), Format.REWARDS)) == [Left("1", "content")]
