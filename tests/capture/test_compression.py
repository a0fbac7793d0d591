"""Trajectories within a token budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.compression import (
    NOTICE,
    PER_TURN,
    SUMMARY,
    Compressed,
    Limits,
    Summarise,
    Turn,
    compress,
)
from capture.exports.compressing import Compressor

Drawn = list[Turn]

texts = st.text("ab \n", min_size=0, max_size=120)


@st.composite
def trajectories(draw: st.DrawFn) -> Drawn:
    """As agents hold them: a system prompt or none, then questions, replies and results."""
    turns = [Turn("system", draw(texts))] if draw(st.booleans()) else []
    turns.append(Turn("human", draw(texts)))
    for role in draw(st.lists(st.sampled_from(["human", "reply", "call"]), max_size=25)):
        if role != "call":
            turns.append(Turn("human" if role == "human" else "reply", draw(texts)))
            continue
        turns.append(Turn("reply", draw(texts)))
        said = draw(st.lists(texts, min_size=1, max_size=3))
        turns += [Turn("results", text, begins=False) for text in said]
    return turns


limits = st.builds(Limits, st.integers(1, 1200), st.integers(1, 200), st.integers(1, 6))


def tokens(turns: Drawn) -> int:
    return sum(len(turn.text) + PER_TURN for turn in turns)


def applied(turns: Drawn, made: Compressed) -> Drawn:
    if not made.region:
        return turns
    first = turns[0]
    if first.role == "system" and not first.text.endswith(NOTICE):
        first = Turn("system", first.text + NOTICE)
    start, stop = made.region.start, made.region.stop
    return [first, *turns[1:start], Turn("human", made.summary), *turns[stop:]]


def protected(turns: Drawn, last: int) -> tuple[int, int]:
    """How many turns stay at the beginning, and from which one on at the end, by brute force."""
    starts = [at for at, turn in enumerate(turns) if turn.begins] + [len(turns)]
    reply = next((at for at, turn in enumerate(turns) if turn.role == "reply"), len(turns))
    begin = min((at for at in starts if at > reply), default=len(turns))
    end = max(at for at in starts if at <= max(0, len(turns) - last))
    return begin, max(begin, end)


@given(trajectories(), limits)
def test_the_beginning_and_the_last_turns_stay(turns: Drawn, limits: Limits) -> None:
    made = compress(turns, limits, len)
    begin, end = protected(turns, limits.last)
    assert not made.region or (made.region.start == begin and made.region.stop <= end)


@given(trajectories(), limits)
def test_a_call_is_never_parted_from_its_results(turns: Drawn, limits: Limits) -> None:
    region = compress(turns, limits, len).region
    for at in (region.start, region.stop) if region else ():
        assert at == len(turns) or turns[at].begins


@given(trajectories(), limits)
def test_the_budget_is_met_whenever_the_protected_turns_and_a_summary_fit(
    turns: Drawn, limits: Limits
) -> None:
    made = compress(turns, limits, len)
    begin, end = protected(turns, limits.last)
    shortest = Turn("human", f"{SUMMARY}{end - begin} earlier turns are left out.")
    kept = applied(turns, Compressed(range(begin, end), shortest.text, made.metrics))
    if tokens(turns) <= limits.tokens or (end > begin and tokens(kept) <= limits.tokens):
        assert made.metrics.compressed_tokens <= limits.tokens
    assert made.metrics.still_over_limit is (made.metrics.compressed_tokens > limits.tokens)


@given(trajectories(), limits)
def test_the_metrics_are_those_of_what_comes_out(turns: Drawn, limits: Limits) -> None:
    made = compress(turns, limits, len)
    after, metrics = applied(turns, made), made.metrics
    assert (metrics.original_tokens, metrics.compressed_tokens) == (tokens(turns), tokens(after))
    assert (metrics.original_turns, metrics.compressed_turns) == (len(turns), len(after))
    assert metrics.turns_removed == len(turns) - len(after)
    assert metrics.was_compressed is bool(made.region)
    assert not metrics.was_compressed or tokens(after) < tokens(turns)


@given(trajectories(), limits)
def test_what_is_compressed_is_not_compressed_again(turns: Drawn, limits: Limits) -> None:
    once = applied(turns, compress(turns, limits, len))
    assert not compress(once, limits, len).region


@given(trajectories(), limits)
def test_no_more_goes_than_has_to(turns: Drawn, limits: Limits) -> None:
    """Without its last unit the region would not have left room for a summary of full length."""
    made = compress(turns, limits, len)
    begin, end = protected(turns, limits.last)
    room = max(limits.summary, len(f"{SUMMARY}{end - begin} earlier turns are left out."))
    units = [at for at in made.region if turns[at].begins]
    if len(units) > 1:
        fewer = Compressed(range(made.region.start, units[-1]), "", made.metrics)
        assert tokens(applied(turns, fewer)) + room > limits.tokens


def says_only(text: str | None) -> Summarise:
    def model(turns: Sequence[Turn], tokens: int) -> str | None:
        return text

    return model


LONG = [
    Turn("human", "Find it."),
    Turn("reply", "<think>\nWhere?\n</think>\nI look."),
    Turn("human", "Look in   the\nattic."),
    Turn("reply", "<think>\nUp.\n</think>\nNothing " + "there " * 200),
    Turn("results", "dust", begins=False),
    Turn("human", "And now?"),
]


def test_an_extracted_summary_has_a_line_of_each_turn_without_its_thinking() -> None:
    made = compress(LONG, Limits(600, 400, 1), len)
    first, user, reply, result = made.summary.splitlines()
    assert first == "[CONTEXT SUMMARY]: 3 earlier turns are left out."
    assert user == "- user: Look in the attic."
    assert reply.startswith("- assistant: Nothing there there")
    assert reply.endswith("...")
    assert result == "- tool: dust"


def test_a_model_s_summary_is_taken_cut_to_its_limit_and_named_as_its_own() -> None:
    told: list[tuple[list[str], int]] = []

    def model(turns: Any, limit: int) -> str:
        told.append(([turn.role for turn in turns], limit))
        return "[CONTEXT SUMMARY]: Nothing was found in the attic. " + "No. " * 200

    made = compress(LONG, Limits(600, 200, 1), len, summarise=model)
    assert told == [(["human", "reply", "results"], 200)]
    assert made.summary.startswith("[CONTEXT SUMMARY]: Nothing was found in the attic. No.")
    assert len(made.summary) <= 200
    assert made.metrics.summary == "model"
    brief = compress(LONG, Limits(600, 200, 1), len, summarise=says_only("Dust."))
    assert brief.summary == "[CONTEXT SUMMARY]: Dust."


@pytest.mark.parametrize("said", [None, "", " \n"])
def test_where_the_model_says_nothing_the_summary_is_extracted_and_counted_as_failed(
    said: str | None,
) -> None:
    made = compress(LONG, Limits(600, 400, 1), len, summarise=says_only(said))
    assert made.summary == compress(LONG, Limits(600, 400, 1), len).summary
    assert made.metrics.summary == "failed"


def test_what_the_tools_cost_counts() -> None:
    assert not compress(LONG, Limits(2000), len).region
    assert compress(LONG, Limits(2000, last=1), len, beside=1000).region


# rows


def called(*ids: str) -> dict[str, Any]:
    calls: list[Any] = [{"id": id_, "function": {"name": "look", "arguments": {}}} for id_ in ids]
    return {"role": "assistant", "content": "", "tool_calls": calls}


def result(id_: str | None, text: str = "x" * 4000) -> dict[str, Any]:
    return {"role": "tool", "content": text, **({"tool_call_id": id_} if id_ else {})}


def says(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": text}


def test_a_row_s_middle_becomes_one_message_and_its_reply_stays() -> None:
    began = [says("system", "Be kind."), says("user", "Hi"), says("assistant", "Hello.")]
    middle = [says("user", "Look."), called("a", "b"), result("a"), result("b")]
    end = [says("user", "So?"), says("assistant", "Nothing.")]
    row, metrics = Compressor(Limits(400, 100, 2)).row({"messages": [*began, *middle, *end]})
    first, *rest = row["messages"]
    assert first == says("system", "Be kind." + NOTICE)
    assert rest[:2] + rest[3:] == began[1:] + end
    assert rest[2]["role"] == "user"
    assert rest[2]["content"].startswith("[CONTEXT SUMMARY]: 4 earlier turns are left out.\n")
    assert (metrics.turns_removed, metrics.summary) == (3, "extract")


def test_results_that_come_late_or_without_an_id_stay_with_their_call() -> None:
    """A user who spoke in between does not part them."""
    began = [says("user", "Hi"), says("assistant", "Hello.")]
    late = [called("a"), says("user", "Quick!"), result("a"), result(None, "more")]
    messages = [*began, says("user", "x" * 4000), *late, says("assistant", "Nothing.")]
    row, _ = Compressor(Limits(1500, 100, 2)).row({"messages": messages})
    assert row["messages"][3:] == messages[3:]
    row, _ = Compressor(Limits(400, 100, 1)).row({"messages": messages})
    assert row["messages"][:2] + row["messages"][3:] == [*began, messages[-1]]
