"""What a look at a reply is told and what it tells: values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from capture.values import value


@value
class Asked:
    """What was asked, as far as a reply can be held against it."""

    messages: Sequence[Mapping[str, Any]]
    """The conversation in OpenAI's chat dialect, as the client wrote it; nothing in it is trusted
    to have the right form."""
    tools: Sequence[object] = ()
    """The tools offered, as the client wrote them, or the old `functions`."""
    choice: object = None
    """The `tool_choice`, or the old `function_call`; None when the client gave none."""


@value
class Finding:
    """One thing that speaks against a reply."""

    code: str
    """A short name for programs: `schema`, `ungrounded`."""
    text: str
    """A clause for people, beginning with "it" or "its"; names, never the model's values."""
    fatal: bool = False
    """An agent would stumble over it: not to be handed over while another reply can be had."""


@value
class Looked:
    """What a look at one reply shows."""

    findings: tuple[Finding, ...]
    """What speaks against the reply; the fatal ones first."""
    features: Mapping[str, float]
    """Figures between 0 and 1 for whoever learns from them: the same names for every reply, in the
    same order (`routers.checks.NEUTRAL`), neutral where there is nothing to measure."""

    @property
    def fatal(self) -> Finding | None:
        """What must keep the reply from being handed over; None when nothing does."""
        first = self.findings[0] if self.findings else None
        return first if first is not None and first.fatal else None


NEUTRAL: Mapping[str, float] = {
    # calls
    "calls": 0.0,  # how many, squashed
    "calls_parse": 1.0,  # share whose arguments are a JSON object
    "tools_known": 1.0,  # share of a tool that was offered, `.` and `_` being one
    "tools_exact": 1.0,  # share that spell it as it was offered
    "arguments_fit": 1.0,  # share that fit the schema
    "arguments_known": 1.0,  # share of arguments that are declared
    "optional_given": 0.0,  # share of the arguments one may leave out that are given
    "grounded_share": 1.0,  # how far the values come from the conversation, on average
    "grounded_least": 1.0,  # the same of the least grounded
    "calls_per_ask": 1.0,  # calls against things asked for, whichever are fewer
    "calls_short": 0.0,  # share of the things asked for that there is no call for
    "calls_distinct": 1.0,  # share of calls that differ
    "numbers_used": 1.0,  # share of the request's numbers that the reply has
    "names_used": 1.0,  # share of its names and quotations
    "tool_overlap": 0.0,  # share of the tool's words that the request has
    "tool_best": 1.0,  # no other tool has a greater one
    "tools_offered": 0.0,  # how many, squashed
    "asks": 0.0,  # how many things are asked for, squashed
    "text_beside_calls": 0.0,
    # words
    "says_something": 1.0,
    "hollow": 0.0,  # nothing but brackets
    "call_in_text": 0.0,  # a call spelled out, which no program runs
    "refusal": 0.0,
    "hedging": 0.0,  # words of doubt, squashed
    "repetition": 0.0,  # share of its passages that stood in it before
    "length": 0.0,  # words, squashed: 100 are one half
    "form_met": 1.0,  # it has a final answer of the form asked for
    "answer_marked": 0.0,  # and marks it as such
    "answer_odd": 0.0,  # which is negative or no whole number
    "sums": 0.0,  # how many, squashed
    "sums_right": 1.0,  # share of them that come out
    "sum_is_answer": 0.0,  # the last one's result is the final answer
    # both
    "cut_off": 0.0,  # 1 at its length, one half where it ends in mid-air
    "sure_given": 0.0,  # log-probabilities are known
    "sure_mean": 0.5,  # geometric mean of the meaningful tokens' probabilities
    "sure_tenth": 0.5,  # the tenth part are less probable than this
    "sure_least": 0.5,
}
"""Every figure's name, with what it is where there is nothing to measure."""


def squashed(count: float, half: float = 1.0) -> float:
    """A count from 0 to infinity as a figure from 0 to 1, which is one half at `half`."""
    return count / (count + half)
