"""Scored groups: replies to one request in tokens, as atroposlib's ScoredDataGroup."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from capture.exchange import Mode
from capture.exports import Filters, Format, Left, Made, Source, made, write_export
from capture.exports.tokenizer import TokenizerError, load_tokenizer
from capture.groups import Group, GroupReply
from capture.journal import Journal
from capture.redact import Redactor
from capture.sampled import Sampled
from capture.store import Store, Wanted
from tests.support.journals import capturing
from tests.support.kitchen import CLOUD, HOME, TOOLS, answer, call, exchange, quarrel, result, user
from tests.support.tokens import BYTES
from tests.support.turns import REDACTOR, says, turn

HOUSE = Path("gateway/house_model")
ASKED = {"messages": [{"role": "user", "content": "Which day?"}]}
PROMPT = list(b"<user>Which day?\n<assistant>")


def sampled(text: str) -> Sampled:
    tokens = tuple(text.encode())
    return Sampled(tokens, tuple(-at / 8 for at in range(len(tokens))))


def reply(id_: str, text: str, outcome: str, kept: str | None = None, **more: Any) -> GroupReply:
    made = turn(id_, request=ASKED, reply=says(text), outcome=outcome, **more)
    return GroupReply(made, None if kept is None else sampled(kept))


def rows(*replies: GroupReply, redactor: Redactor = REDACTOR, **filters: Any) -> list[Made | Left]:
    groups = [Group(replies)]
    source = Source((), redactor, Filters(**filters), groups=groups, tokenizer=BYTES)
    return list(made(source, Format.ATROPOS))


def only(found: Iterable[Made | Left]) -> tuple[Made, dict[str, Any]]:
    (row,) = (each for each in found if isinstance(each, Made))
    return row, json.loads(row.line)


def test_a_row_has_the_tokens_that_were_sampled_masked_and_scored() -> None:
    good, bad = "Monday.", "Never!!"
    row, group = only(rows(reply("1", good, "success", good), reply("2", bad, "failure", bad)))
    assert list(group) == ["tokens", "masks", "scores", "messages", "inference_logprobs"]
    assert group["tokens"] == [PROMPT + list(text.encode()) for text in (good, bad)]
    assert group["masks"] == [[-100] * len(PROMPT) + list(text.encode()) for text in (good, bad)]
    assert group["scores"] == [1.0, -1.0]
    logprobs = [-at / 8 for at in range(7)]
    assert group["inference_logprobs"] == [[1.0] * len(PROMPT) + logprobs] * 2
    assert group["messages"][1] == [*ASKED["messages"], says(bad)]
    assert (row.exchanges, row.why) == (("1", "2"), "sampled")


def test_the_lists_of_a_reply_are_equally_long_and_replies_are_not_padded() -> None:
    short, long = reply("1", "No.", "failure", "No."), reply("2", "x" * 50, "success", "x" * 50)
    _, group = only(rows(short, long))
    lengths = [[len(each) for each in group[name]] for name in ("tokens", "masks")]
    assert lengths[0] == lengths[1] == [len(each) for each in group["inference_logprobs"]]
    assert lengths[0][1] - lengths[0][0] == 47


def test_without_every_reply_s_logprobs_there_are_none_and_the_text_is_cut_anew() -> None:
    """And no number stands in for what is not known."""
    row, group = only(
        rows(reply("1", "Monday.", "success", "Monday."), reply("2", "No", "failure"))
    )
    assert "inference_logprobs" not in group
    assert row.why == "tokenized"
    assert bytes(group["tokens"][0][len(PROMPT) :]) == b"Monday."
    assert bytes(group["tokens"][1][len(PROMPT) :]) == b"No\n"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Monday.", "of another model"),
        ("Caf\u00e9", b"Caf\xe9".decode("latin-1").replace("\u00e9", "")),
        ("Log in.", "Log in. ghp_" + "a1B2" * 9),
    ],
    ids=["another text", "less than was said", "a secret"],
)
def test_tokens_that_do_not_read_as_the_reply_or_hold_a_secret_are_not_taken(
    text: str, kept: str
) -> None:
    row, group = only(rows(reply("1", text, "success", kept), reply("2", "No", "failure", "No")))
    assert row.why == "tokenized"
    assert bytes(group["tokens"][0][len(PROMPT) :]).decode() == f"{text}\n"


def test_tokens_that_are_not_the_tokenizer_s_own_are_not_taken() -> None:
    odd = replace(reply("1", "Yes", "success"), sampled=Sampled((70_000,), (-1.0,)))
    row, _ = only(rows(odd, reply("2", "No", "failure", "No")))
    assert row.why == "tokenized"


def test_a_group_that_scores_all_the_same_makes_no_row() -> None:
    both = [reply("1", "Yes", "success", confidence=0.9), reply("2", "Yes.", "success")]
    assert rows(*both) == [Left("1", "even"), Left("2", "even")]


def test_a_reply_that_no_row_can_hold_leaves_the_others_of_its_group() -> None:
    odd = turn("1", request=ASKED, reply=call("c", "[1]"), outcome="failure")
    left, made = rows(
        GroupReply(odd, None), reply("2", "Yes", "success"), reply("3", "No", "failure")
    )
    assert left == Left("1", "arguments")
    assert isinstance(made, Made)
    assert made.exchanges == ("2", "3")


def test_what_the_template_refuses_makes_no_row() -> None:
    refused, other = reply("1", "refused", "failure"), reply("2", "Yes", "success")
    assert rows(refused, other) == [Left("1", "template"), Left("2", "even")]


def test_what_is_private_is_in_no_group_unless_that_is_asked_for() -> None:
    both = [reply("1", "Yes", "success"), reply("2", "No", "failure", private=True)]
    assert rows(*both) == [Left("2", "private"), Left("1", "even")]
    row, _ = only(rows(*both, private=True))
    assert row.exchanges == ("1", "2")


# out of the store


def found(store: Store, **wanted: Any) -> list[list[tuple[str, str, Mode, bool]]]:
    groups = store.groups(REDACTOR, Wanted(**wanted))
    return [
        [
            (each.turn.id, each.turn.outcome, each.turn.mode, each.sampled is not None)
            for each in group.replies
        ]
        for group in groups
    ]


async def test_replies_to_one_request_are_a_group_and_those_that_were_dropped_are_in_it(
    tmp_path: Path,
) -> None:
    with capturing(tmp_path) as (journal, ingester, store):
        ids = quarrel(journal)
        assert await ingester.catch_up(30)
        same, dropped = found(store)
        assert same == [
            (ids[0], "failure", Mode.RESTING, False),
            (ids[4], "success", Mode.BURST, False),
        ]
        assert [entry[:2] for entry in dropped] == [(ids[2], "failure"), (ids[2], "success")]
        assert [len(group) for group in found(store, modes=[Mode.BURST])] == []
        assert found(store, until=1.0) == []
        source = Source((), REDACTOR, groups=store.groups(REDACTOR, Wanted()), tokenizer=BYTES)
        written = write_export(source, Format.ATROPOS, tmp_path / "out", "0")
    lines = (tmp_path / "out" / "groups.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["scores"] for line in lines] == [[-1.0, 1.0], [-1.0, 1.0]]
    assert written.made_of == {"tokenized": 2}


def ask(journal: Journal, text: str, output: str, *, tools: list[Any] | None = None) -> str:
    """A request answered by a call, and what the call came to."""
    opening, first = [user("Count.")], call(f"call_{text}", f'{{"command": "{text}"}}')
    about: dict[str, Any] = {} if tools is None else {"tools": tools}
    kept = exchange(journal, opening, first, place=HOME, **about)
    told = [*opening, first, result(f"call_{text}", output)]
    exchange(journal, told, answer("So."), place=CLOUD, **about)
    return kept


async def test_the_same_words_with_other_tools_are_another_request(tmp_path: Path) -> None:
    other = [{**TOOLS[0], "function": {**TOOLS[0]["function"], "description": "Other"}}]
    with capturing(tmp_path) as (journal, ingester, store):
        one = ask(journal, "ls", '{"error": "no"}')
        ask(journal, "cat", '{"error": "no"}', tools=other)
        two = ask(journal, "wc", '{"output": "3"}')
        assert await ingester.catch_up(30)
        (group,) = found(store)
        assert [entry[0] for entry in group] == [one, two]


@pytest.mark.parametrize("text", ["Yes.", "ghp_" + "a1B2" * 9])
async def test_what_was_sampled_is_kept_unless_redaction_takes_something_out_of_it(
    text: str, tmp_path: Path
) -> None:
    def kept(text: str) -> dict[str, Any]:
        content = [{"id": token, "logprob": -0.5} for token in text.encode()]
        message = {"role": "assistant", "content": text}
        return {"choices": [{"message": message, "logprobs": {"content": content}}]}

    with capturing(tmp_path) as (journal, ingester, store):
        exchange(journal, [user("Hi")], answer(text), unfit=answer("?"), raw=kept(text))
        exchange(journal, [user("Hi"), answer(text), user("Thanks, perfect!")], answer("Bye."))
        assert await ingester.catch_up(30)
        (group,) = store.groups(REDACTOR, Wanted())
    last = group.replies[-1]
    assert (last.sampled is not None) is (text == "Yes.")
    if last.sampled is not None:
        assert bytes(last.sampled.tokens) == text.encode()


# with a real tokenizer


@pytest.mark.slow
def test_the_house_model_s_tokenizer_makes_rows_that_mask_all_but_the_reply() -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    tokenizer = load_tokenizer(HOUSE.resolve())
    request = {"messages": [user("Echo hello please")], "tools": TOOLS}
    good = turn("1", request=request, reply=call("c1", '{"command": "echo hello"}'))
    bad = turn("2", request=request, reply=answer("No."), outcome="failure")
    ids = tokenizer.whole([answer("No.")], [])[3:-1]  # "No." and the end of the message
    kept = Sampled(tuple(ids), (-0.1,) * len(ids))
    groups = [Group((GroupReply(good, None), GroupReply(bad, kept)))]
    row, group = only(
        made(Source((), REDACTOR, groups=groups, tokenizer=tokenizer), Format.ATROPOS)
    )
    assert row.why == "tokenized"
    replies = [
        tokenizer.text([token for token in masks if token != -100]) for masks in group["masks"]
    ]
    assert '"arguments": {"command": "echo hello"}' in replies[0]
    assert replies[1] == "No."
    for tokens, masks in zip(group["tokens"], group["masks"], strict=True):
        prompt = [token for token, mask in zip(tokens, masks, strict=True) if mask == -100]
        assert tokenizer.text(prompt).endswith("assistant\n")
        assert tokenizer.count("Echo hello please") > 2


def test_a_directory_without_a_tokenizer_is_said_and_nothing_is_looked_for_elsewhere(
    tmp_path: Path,
) -> None:
    with pytest.raises(TokenizerError, match="there is no tokenizer in"):
        load_tokenizer(tmp_path / "Qwen" / "Qwen3-0.6B")
