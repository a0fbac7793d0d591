"""What came of a reply, read off what its conversation did next. Pure.

A next state is evidence: a code that machines know and a clause for people. Codes carry what they
speak for and how strongly (`WEIGHTS`), so that an outcome follows from its evidence alone and more
evidence can be added whenever it comes. Nobody is asked, and no model judges.

    tool_error     a tool answered with an error            failure 0.9
    tool_ok        every call was answered without one      success 0.6   weak: a tool result alone
    bad_call       the agent could not use the calls        failure 0.8
    correction     the user says it was wrong               failure 0.8   `corrected`
    asked_again    the user asks the same again             failure 0.7
    approval       the user thanks or praises               success 0.9
    moved_on       the user goes on to something else       success 0.55
    retry          the same request was sent again          failure 0.7
    sent_again     so was a conversation's first, soon      failure 0.5   it may be a new one
    cut            the reply hit its length limit           failure 0.6
    empty          the reply says nothing                   failure 0.8
    abandoned      nobody answered its calls, for a day     failure 0.4
    later_...      what the user said at the end of a turn, for the turn's earlier exchanges
    praised        somebody calls the reply good            success 0.95  } feedback: what each
    blamed         somebody calls the reply bad             failure 0.95  } speaker said last
    demonstrated   somebody says what it should have been   failure 0.95  } `corrected`

Where evidence contradicts itself the more confident side has it; at a tie, failure. A correction of
the very reply stands, whatever the conversation says besides: praise there is of another answer,
which the user got after going back and asking anew. Feedback names the reply it is about, and has
the last word over what was only read off the conversation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import orjson

from capture.cues import approves, asks_again, corrects
from capture.messages import FinishReason, Message
from capture.synthetic import complaint, is_synthetic, steering

OutcomeName = Literal["success", "failure", "unknown"]

Evidence = tuple[str, str]
"""A code of `WEIGHTS`, and a clause for people."""

WEIGHTS: Mapping[str, tuple[OutcomeName, float]] = {
    "tool_error": ("failure", 0.9),
    "tool_ok": ("success", 0.6),
    "bad_call": ("failure", 0.8),
    "correction": ("failure", 0.8),
    "asked_again": ("failure", 0.7),
    "approval": ("success", 0.9),
    "moved_on": ("success", 0.55),
    "retry": ("failure", 0.7),
    "sent_again": ("failure", 0.5),
    "cut": ("failure", 0.6),
    "empty": ("failure", 0.8),
    "abandoned": ("failure", 0.4),
    "later_correction": ("failure", 0.5),
    "later_asked_again": ("failure", 0.45),
    "later_approval": ("success", 0.7),
    "later_moved_on": ("success", 0.5),
    "praised": ("success", 0.95),
    "blamed": ("failure", 0.95),
    "demonstrated": ("failure", 0.95),
}
SAID = frozenset({"praised", "blamed", "demonstrated"})
"""Codes of feedback (`capture.feedback`): what is said later takes their place."""
RETRY: Evidence = ("retry", "the same request was sent again")
ABANDONED: Evidence = ("abandoned", "nobody answered its calls within a day")
SENT_AGAIN: Evidence = ("sent_again", "the same first request was sent again within minutes")

_SPEAKS_BY_USER = ("correction", "asked_again", "approval", "moved_on")
_QUOTE = 80
_ERROR_TEXT = re.compile(
    r"(?:[\w.]*(?:error|exception)|fatal|failed|failure)(?: ?[\[(][^\])]{0,80}[\])])?:"
    r"|(?:error|failed) (?:executing|calling|running|to) |traceback \(most recent call last\)"
    r"|tool '[^']*' does not exist|unknown tool\b|<(?:tool_use_)?error>",
    re.IGNORECASE,
)
_CANCELLED = "[Tool execution cancelled"
_BAD_STATUS = frozenset({"error", "failed", "failure"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one exchange, as far as has been seen."""

    outcome: OutcomeName
    confidence: float
    """How far the evidence goes, 0 to 1; 0 for `unknown`."""
    evidence: tuple[Evidence, ...] = ()
    """What was seen, in the order it came."""
    corrected: bool = False
    """The user said that this very reply was wrong."""

    def count(self, side: OutcomeName) -> int:
        """1 if it fell on this side, else 0. Not the confidence: failures show themselves more
        plainly than successes, and would weigh more than they are."""
        return int(self.outcome == side)


UNKNOWN = Outcome("unknown", 0.0)


def conclude(evidence: Sequence[Evidence]) -> Outcome:
    """The outcome that evidence makes. Each code counts once; codes this version does not know say
    nothing."""
    first: dict[str, str] = {}
    for code, text in evidence:
        first.setdefault(code, text)
    kept = tuple(first.items())
    best: dict[OutcomeName, float] = {"failure": 0.0, "success": 0.0, "unknown": 0.0}
    for code in first:
        side, confidence = WEIGHTS.get(code, ("unknown", 0.0))
        best[side] = max(best[side], confidence)
    corrected = "demonstrated" in first or ("correction" in first and "praised" not in first)
    failed = corrected or best["failure"] >= best["success"]
    side: OutcomeName = "failure" if failed else "success"
    if not best[side]:
        return Outcome("unknown", 0.0, kept)
    return Outcome(side, best[side], kept, corrected)


def from_reply(reply: Message | None, finish_reason: FinishReason | None) -> list[Evidence]:
    """What a whole reply says of itself."""
    if reply is None or not reply.says_something:
        return [("empty", "the reply says nothing")]
    if finish_reason == "length":
        return [("cut", "the reply was cut at its length limit")]
    return []


def from_next(asked: str | None, reply: Message, following: Sequence[Message]) -> list[Evidence]:
    """What the messages after our reply say of it.

    `asked` is the last thing a person said before the reply; None when nobody had.
    """
    results: list[tuple[str | None, str]] = []
    said: list[str] = []
    evidence: list[Evidence] = []
    for message in following:
        text = message.text
        if message.role == "tool":
            result, steered = steering(text)
            results.append((message.tool_call_id, result))
            said += [steered] if steered else []
        elif message.role == "user" and not is_synthetic(text):
            said.append(text)
        elif message.role == "user" and (code := complaint(text)):
            evidence.append((code, f"the agent said: {quote(text)}"))
    if reply.tool_calls:
        evidence += _from_results(reply, results)
    if said:
        evidence.append(_from_user(asked, reply, said[0]))
    return evidence


def for_earlier(evidence: Sequence[Evidence]) -> list[Evidence]:
    """What a person said at the end of a turn, as evidence for the turn's earlier exchanges."""
    return [(f"later_{code}", text) for code, text in evidence if code in _SPEAKS_BY_USER]


def error_in(result: str) -> str | None:
    """What in a tool's result says that it failed; None when nothing does."""
    text = result.strip()
    if text.startswith("{"):
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            return None
        return _error_field(cast("Mapping[str, Any]", value))
    return quote(text) if _ERROR_TEXT.match(text) else None


def quote(text: str) -> str:
    """The beginning of what somebody said, on one line."""
    text = " ".join(text.split())
    return text if len(text) <= _QUOTE else f"{text[: _QUOTE - 1]}…"


def _error_field(value: Mapping[str, Any]) -> str | None:
    if error := value.get("error"):
        return quote(f"error: {error}")
    for name in ("success", "ok"):
        if value.get(name) is False:
            return f"{name}: false"
    if value.get("isError") is True:
        return "isError: true"
    for name in ("exit_code", "returncode"):
        code = value.get(name)
        if isinstance(code, int) and code != 0:
            return f"{name}: {code}"
    status = value.get("status")
    if isinstance(status, str) and status.lower() in _BAD_STATUS:
        return f"status: {status}"
    return None


def _from_results(reply: Message, results: Sequence[tuple[str | None, str]]) -> list[Evidence]:
    """What tools answered: results are joined to calls by id, where there are ids."""
    calls = reply.tool_calls
    wanted = {call.id for call in calls}
    if "" in wanted:
        mine = [result for _, result in results]
        answered = len(mine) >= len(calls)
    else:
        mine = [result for id_, result in results if id_ in wanted]
        answered = wanted <= {id_ for id_, _ in results}
    for result in mine:
        if (error := error_in(result)) is not None:
            return [("tool_error", f"a tool answered {error}")]
    if not answered or any(result.startswith(_CANCELLED) for result in mine):
        return []
    return [("tool_ok", "every call was answered without an error")]


def _from_user(asked: str | None, reply: Message, said: str) -> Evidence:
    asks = reply.text.rstrip().endswith(("?", "？"))  # noqa: RUF001 - the full-width one
    if corrects(said, answers_question=asks):
        return ("correction", f"the user said: {quote(said)}")
    if approves(said):
        return ("approval", f"the user said: {quote(said)}")
    if asked is not None and asks_again(said, asked):
        return ("asked_again", f"the user asked again: {quote(said)}")
    return ("moved_on", "the user went on")
