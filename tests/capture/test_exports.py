"""Exports: what a row is, what is none, and that the same store gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from capture.exchange import Mode
from capture.exports import (
    FILES,
    Export,
    Filters,
    Format,
    Left,
    Made,
    Source,
    made,
    parquet,
    write_export,
)
from capture.exports.chat import row
from capture.exports.sharegpt import trajectory
from capture.followed import Followed
from capture.groups import Group, GroupReply
from capture.ids import new_id
from capture.pairs import Pair
from capture.store import Wanted
from capture.trainable import TrainableTurn
from tests.support.journals import capturing
from tests.support.kitchen import (
    HOME,
    TOOLS,
    answer,
    call,
    evening,
    exchange,
    quarrel,
    result,
    user,
)
from tests.support.memory import peak
from tests.support.tokens import BYTES
from tests.support.turns import REDACTOR

Rows = list[dict[str, Any]]
JSON_FILES = {kind: file for kind, file in FILES.items() if kind is not Format.PARQUET}


NEEDS_ARROW = pytest.mark.skipif(not parquet.available(), reason="pyarrow is not installed")
ALL = [
    *JSON_FILES,
    pytest.param(Format.PARQUET, marks=NEEDS_ARROW),
]


def said_of(asked: TrainableTurn) -> dict[str, Any]:
    return row(asked.request, asked.reply)


def turn(
    messages: Any, reply: dict[str, Any], id_: str | None = None, **changes: Any
) -> TrainableTurn:
    id_ = id_ or new_id()
    fields: dict[str, Any] = {
        "id": id_,
        "conversation": id_,
        "began_at": 1_790_000_000.25,
        "private": False,
        "skill": None,
        "mode": Mode.BURST,
        "upstream": "claude",
        "model": "claude-opus-4-5",
        "adapter": None,
        "outcome": "success",
        "confidence": 0.8,
        "corrected": False,
        "request": {"messages": messages, "tools": TOOLS},
        "reply": reply,
    }
    return TrainableTurn(**fields | changes)


def rows_of(directory: Path, name: str) -> Rows:
    return [json.loads(line) for line in (directory / name).read_bytes().splitlines()]


def export(turns: Any, format: Format, directory: Path, **filters: Any) -> Export:
    return write_export(source(turns, **filters), format, directory, "0.1.0")


def source(given: Iterable[TrainableTurn], **filters: Any) -> Source:
    """These turns, also as pairs, as replies that were corrected, and as groups, for formats of
    such."""
    turns = iter(given)
    said = user("No, that is wrong.")

    def pairs() -> Iterator[Pair]:
        return (Pair(each, replace(each, reply=answer("No.")), "outcome") for each in turns)

    def replies() -> Iterator[Followed]:
        evidence = (("correction", "the user said so"),)
        return (Followed(each, (said,), evidence, private=False) for each in turns)

    def groups() -> Iterator[Group]:
        for each in turns:
            other = replace(each, reply=answer("No."), outcome="failure")
            yield Group((GroupReply(each, None), GroupReply(other, None)))

    return Source(
        turns, REDACTOR, Filters(**filters), pairs(), replies(), groups(), tokenizer=BYTES
    )


async def test_chat_has_a_row_per_turn_that_ends_with_that_turn_s_reply(tmp_path: Path) -> None:
    with capturing(tmp_path / "home") as (journal, ingester, store):
        evening(journal)
        assert await ingester.catch_up(30)
        export(store.trainable(REDACTOR), Format.CHAT, tmp_path / "out")
    rows = rows_of(tmp_path / "out", "train.jsonl")
    assert [len(each["messages"]) for each in rows] == [3, 5, 7]
    assert [list(each) for each in rows] == [["messages", "tools"]] * 3
    assert all(each["tools"] == TOOLS for each in rows)
    last = [each["messages"][-1] for each in rows]
    assert [each["role"] for each in last] == ["assistant"] * 3
    assert last[2] == {"role": "assistant", "content": "You are welcome."}


def test_a_reply_that_somebody_corrected_is_exported_as_it_should_have_been(
    tmp_path: Path,
) -> None:
    asked = [{"role": "user", "content": "When?"}]
    wrong = {"role": "assistant", "content": "At noon."}
    export([turn(asked, wrong, demonstration="Half past six.")], Format.CHAT, tmp_path / "out")
    (made_row,) = rows_of(tmp_path / "out", "train.jsonl")
    right = {"role": "assistant", "content": "Half past six."}
    assert made_row["messages"] == [*asked, right]


async def test_a_call_s_arguments_are_an_object_in_the_order_the_model_wrote(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path / "home") as (journal, ingester, store):
        evening(journal)
        assert await ingester.catch_up(30)
        first, second, _ = list(store.trainable(REDACTOR))
    (said,) = said_of(first)["messages"][-1]["tool_calls"]
    assert said == {
        "id": "call_000024",
        "type": "function",
        "function": {
            "name": "terminal",
            "arguments": {"command": "echo hello", "background": False},
        },
    }
    assert list(said["function"]["arguments"]) == ["command", "background"]
    again = said_of(second)["messages"][2]["tool_calls"][0]["function"]["arguments"]
    assert list(again) == ["background", "command"]


def test_messages_are_said_as_the_server_says_them_to_the_template() -> None:
    parts = [{"type": "text", "text": "Is it "}, {"type": "text", "text": "ready?"}]
    messages = [
        {"role": "developer", "content": "Be brief.", "name": None},
        {"role": "user", "content": parts, "cache_control": {"type": "ephemeral"}},
        {**call("c1", ""), "refusal": None, "reasoning": "mine"},
        result("c1", "yes"),
    ]
    assert said_of(turn(messages, answer("Yes.", "short")))["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Is it ready?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "terminal", "arguments": {}},
                }
            ],
        },
        {"role": "tool", "content": "yes", "name": "terminal", "tool_call_id": "c1"},
        {"role": "assistant", "content": "Yes.", "reasoning_content": "short"},
    ]


def test_tools_are_absent_when_there_were_none_and_when_the_client_forbade_them() -> None:
    without: list[dict[str, Any]] = [{}, {"tools": []}, {"tools": None}]
    for request in (*without, {"tools": TOOLS, "tool_choice": "none"}):
        asked = turn([], answer("Yes."), request={"messages": [user("?")], **request})
        assert "tools" not in said_of(asked)


@pytest.mark.parametrize(
    ("messages", "reply", "why"),
    [
        ([user("?")], call("c1", "{bad"), "arguments"),
        ([user("?")], call("c1", "[1]"), "arguments"),
        ([user("?")], answer("  "), "messages"),
        ([], answer("Yes."), "messages"),
        ("hello", answer("Yes."), "messages"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], answer("A cat."), "content"),
        ([user("?"), call("c1", "nonsense"), result("c1", "")], answer("Yes."), "arguments"),
    ],
)
def test_what_no_row_can_hold_is_left_out_and_counted_by_why(
    messages: Any, reply: dict[str, Any], why: str, tmp_path: Path
) -> None:
    odd, good = turn(messages, reply), turn([user("?")], answer("Yes."))
    assert export([odd, good], Format.CHAT, tmp_path).left_out == {why: 1}
    assert len(rows_of(tmp_path, "train.jsonl")) == 1


def test_half_a_surrogate_pair_and_a_huge_number_are_no_obstacle(tmp_path: Path) -> None:
    said = [user("half \ud800 of it"), call("c1", '{"n": 123456789012345678901234567890}')]
    for kind, file in JSON_FILES.items():
        if kind is Format.ATROPOS:
            continue  # no tokenizer takes half a pair
        export([turn([*said, result("c1", "")], answer("Yes."))], kind, tmp_path)
        text = (tmp_path / file).read_text()
        assert "half ? of it" in text
        assert "123456789012345678901234567890" in text


@pytest.mark.parametrize("format", ALL)
async def test_the_same_store_gives_the_same_bytes(format: Format, tmp_path: Path) -> None:
    with capturing(tmp_path / "home") as (journal, ingester, store):
        evening(journal)
        quarrel(journal)
        assert await ingester.catch_up(30)
        for name in ("one", "two"):
            made_of = Source(
                store.trainable(REDACTOR),
                REDACTOR,
                pairs=store.pairs(REDACTOR, Wanted()),
                replies=store.next_states(REDACTOR, Wanted()),
                groups=store.groups(REDACTOR, Wanted()),
                tokenizer=BYTES,
            )
            write_export(made_of, format, tmp_path / name, "0.1.0")
    one, two = (
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()}
        for name in ("one", "two")
    )
    assert one == two
    assert len(one) == 2
    assert json.loads(one["manifest.json"])["rows"] > 0


async def test_the_manifest_names_filters_rows_exchanges_and_the_file_s_hash(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path / "home") as (journal, ingester, store):
        ids = evening(journal)
        exchange(journal, [user("And my diary?")], answer("Dear diary"), private=True)
        assert await ingester.catch_up(30)
        turns = store.trainable(REDACTOR, modes=[Mode.BURST])
        written = export(turns, Format.CHAT, tmp_path / "out", mode="burst")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    data = (tmp_path / "out" / "train.jsonl").read_bytes()
    assert manifest == {
        "majordomo": "0.1.0",
        "format": "chat",
        "file": "train.jsonl",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "rows": 3,
        "filters": {
            "outcome": None,
            "mode": "burst",
            "skill": None,
            "since": None,
            "until": None,
            "private": False,
            "trust": "trusted",
        },
        "redact": "secrets",
        "soul": None,
        "compression": None,
        "left_out": {"private": 1},
        "made_of": {},
        "exchanges": [[id_] for id_ in ids],
    }
    assert written.rows == 3


async def test_what_is_private_is_exported_only_when_that_is_asked_for(tmp_path: Path) -> None:
    secret = turn([user("My diary?")], answer("Dear diary"), private=True)
    assert export([secret], Format.SHAREGPT, tmp_path).rows == 0
    assert export([secret], Format.SHAREGPT, tmp_path, private=True).rows == 1


def test_files_are_their_owner_s_alone_and_a_directory_s_mode_is_left_alone(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o755)
    old = os.umask(0)
    try:
        export([turn([user("?")], answer("Yes."))], Format.CHAT, tmp_path)
        export([], Format.CHAT, tmp_path / "new")
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"train.jsonl": 0o600, "manifest.json": 0o600, "new": 0o700}
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_an_export_that_fails_half_way_leaves_the_one_before_it(tmp_path: Path) -> None:
    export([turn([user("?")], answer("Yes."))], Format.CHAT, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def failing() -> Iterator[TrainableTurn]:
        yield turn([user("?")], answer("No."))
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        export(failing(), Format.CHAT, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.slow
@pytest.mark.parametrize("format", JSON_FILES)
def test_memory_does_not_grow_with_the_number_of_turns(format: Format, tmp_path: Path) -> None:
    length = 500 if format is Format.ATROPOS else 20_000  # a token is a number, twice

    def many(number: int) -> Iterator[TrainableTurn]:
        for position in range(number):
            asked = [user(f"{position} " + "x" * length)]
            yield turn(asked, answer("Yes."), f"{position:026}")

    def memory(number: int) -> int:
        return peak(lambda: export(many(number), format, tmp_path))

    memory(10)  # what is imported and cached once
    assert memory(160) < memory(20) + 400_000


# sharegpt


SYSTEM_BEGINS = (
    "You are a function calling AI model. You are provided with function signatures within <tools> "
    "</tools> XML tags. You may call one or more functions to assist with the user query. If "
    "available tools are not relevant in assisting with user query, just respond in natural "
    "conversational language. Don't make assumptions about what values to plug into functions. "
    "After calling & executing the functions, you will be provided with function results within "
    "<tool_response> </tool_response> XML tags. Here are the available tools:\n<tools>\n"
    '[{"name": "terminal", "description": "Run a command", "parameters": {"type": "object", '
)
SYSTEM_ENDS = (
    '}, "required": null}]\n</tools>\n'
    "For each function call return a JSON object, with the following pydantic model json schema "
    "for each:\n{'title': 'FunctionCall', 'type': 'object', 'properties': {'name': {'title': "
    "'Name', 'type': 'string'}, 'arguments': {'title': 'Arguments', 'type': 'object'}}, "
    "'required': ['name', 'arguments']}\nEach function call should be enclosed within <tool_call> "
    "</tool_call> XML tags.\nExample:\n<tool_call>\n{'name': <function-name>,'arguments': "
    "<args-dict>}\n</tool_call>"
)
"""From a trajectory that Hermes Agent 0.19 wrote (`save_trajectories`)."""


async def test_a_conversation_is_one_row_as_hermes_writes_it(tmp_path: Path) -> None:
    with capturing(tmp_path / "home") as (journal, ingester, store):
        ids = evening(journal)
        assert await ingester.catch_up(30)
        export(store.trainable(REDACTOR), Format.SHAREGPT, tmp_path / "out")
    (line,) = (tmp_path / "out" / "trajectories.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert line == json.dumps(entry, ensure_ascii=False)
    assert list(entry) == ["conversations", "timestamp", "model", "completed"]
    system, *turns = entry["conversations"]
    assert system["value"].startswith(SYSTEM_BEGINS)
    assert system["value"].endswith(SYSTEM_ENDS)
    assert [(each["from"], each["value"]) for each in turns] == [
        ("human", "Please echo hello in the shell"),
        (
            "gpt",
            (
                "<think>\nThe terminal will tell.\n</think>\nRunning it.\n<tool_call>\n"
                '{"name": "terminal", "arguments": {"background": false, "command": '
                '"echo hello"}}\n'
                "</tool_call>"
            ),
        ),
        (
            "tool",
            (
                '<tool_response>\n{"tool_call_id": "call_000024", "name": "terminal", "content": '
                '{"output": "hello", "exit_code": 0, "error": null}}\n</tool_response>'
            ),
        ),
        ("gpt", "<think>\nDone, I think.\n</think>\nThe command printed: hello"),
        ("human", "Thank you, perfect!"),
        ("gpt", "<think>\n</think>\nYou are welcome."),
    ]
    assert entry["timestamp"] == "2026-09-21T14:13:20.250000"
    assert entry["model"] == "claude-opus-4-5"
    assert entry["completed"] is True
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert manifest["exchanges"] == [ids]


async def test_a_filter_ends_a_conversation_at_its_last_turn_that_passes(tmp_path: Path) -> None:
    with capturing(tmp_path / "home") as (journal, ingester, store):
        evening(journal)
        exchange(journal, [user("Good night?")], answer("Good night."), place=HOME)
        assert await ingester.catch_up(30)
        turns = store.trainable(REDACTOR, outcome="success")
        export(turns, Format.SHAREGPT, tmp_path / "out", outcome="success")
    (entry,) = rows_of(tmp_path / "out", "trajectories.jsonl")
    assert entry["conversations"][-1]["value"].endswith("The command printed: hello")


def test_results_of_parallel_calls_are_one_turn_and_named_by_their_call() -> None:
    two = {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": "a", "function": {"name": "read_file", "arguments": "{}"}},
            {"id": "b", "function": {"name": "terminal", "arguments": "{bad"}},
        ],
    }
    said = trajectory([user("?"), two, result("b", "[1, 2"), result("x", "done")], [])
    assert said[2]["value"] == (
        '<think>\n</think>\n<tool_call>\n{"name": "read_file", "arguments": {}}\n</tool_call>\n'
        '<tool_call>\n{"name": "terminal", "arguments": {}}\n</tool_call>'
    )
    assert said[3]["value"] == (
        '<tool_response>\n{"tool_call_id": "b", "name": "terminal", "content": "[1, 2"}\n'
        '</tool_response>\n<tool_response>\n{"tool_call_id": "x", "name": "terminal", '
        '"content": "done"}\n</tool_response>'
    )


def test_a_conversation_that_ends_in_a_call_or_a_failure_is_not_completed() -> None:
    for given, completed in (
        (turn([user("?")], answer("Yes."), outcome="unknown"), True),
        (turn([user("?")], answer("Yes."), outcome="failure"), False),
        (turn([user("?")], call("c1", "{}")), False),
    ):
        (only,) = made(Source([given], REDACTOR), Format.SHAREGPT)
        assert isinstance(only, Made)
        assert json.loads(only.line)["completed"] is completed


def test_hermes_review_of_a_conversation_is_not_its_end() -> None:
    first = turn([user("?")], answer("Yes."), "1")
    asked = [
        user("?"),
        answer("Yes."),
        user("Review the conversation above and update two things:"),
    ]
    review = turn(asked, answer("Saved."), "2", conversation="1")
    left, only = made(Source([first, review], REDACTOR), Format.SHAREGPT)
    assert left == Left("2", "review")
    assert isinstance(only, Made)
    assert only.exchanges == ("1",)


@pytest.mark.parametrize("format", list(Format))
def test_reviews_are_left_out_of_every_format(format: Format) -> None:
    parts = [{"type": "text", "text": " Review the conversation above and save what matters"}]
    asked = [user("?"), answer("Yes."), {"role": "user", "content": parts}]
    lefts = set(made(source([turn(asked, answer("Saved."), "1")]), format))
    assert lefts == {Left("1", "review")}


def test_an_answer_that_was_given_up_is_not_among_a_row_s_exchanges() -> None:
    opening = [user("Which day is it?")]
    given_up = turn(opening, answer("Monday."), "1")
    retried = turn(opening, answer("Tuesday."), "2", conversation="1")
    on = [*opening, answer("Tuesday."), user("Right.")]
    (only,) = made(
        Source([given_up, retried, turn(on, answer("Good."), "3", conversation="1")], REDACTOR),
        Format.SHAREGPT,
    )
    assert isinstance(only, Made)
    assert only.exchanges == ("2", "3")


# what mlx-lm makes of a row


@pytest.mark.slow
def test_mlx_lm_trains_the_last_message_of_a_row_alone_with_the_house_model_s_template() -> None:
    utils = pytest.importorskip("mlx_lm.tokenizer_utils", reason="mlx_lm is not installed")
    from mlx_lm.tuner.datasets import (  # pyright: ignore[reportMissingTypeStubs]
        ChatDataset,
    )

    tokenizer: Any = utils.load(Path("gateway/house_model").resolve())
    first = {**user("Echo hello please")}
    said = [first, call("c1", '{"command":"echo hello"}'), result("c1", "hello")]
    for messages, reply, trained in (
        (
            said[:1],
            call("c9", '{"command":"echo hello"}'),
            '"arguments": {"command": "echo hello"}',
        ),
        (said, answer("It said hello."), "It said hello."),
    ):
        data: Any = ChatDataset([said_of(turn(messages, reply))], tokenizer, mask_prompt=True)
        tokens, offset = data.process(data[0])
        prompt, rest = tokenizer.decode(tokens[:offset]), tokenizer.decode(tokens[offset:])
        assert prompt.endswith("<|im_start|>assistant\n")
        assert "terminal(command, background?)" in prompt
        assert trained in rest
        assert rest.endswith("<|im_end|>\n")
