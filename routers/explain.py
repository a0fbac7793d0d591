"""A route decision in one sentence, for the API, the command line and the pages."""

from __future__ import annotations

from collections.abc import Sequence

from capture.exchange import Attempt, Candidate, Mode, Reason, RouteDecision
from capture.weighing import Weighing


def explain(
    decision: RouteDecision, attempts: Sequence[Attempt] = (), weighing: Weighing | None = None
) -> str:
    """Who answered and why.

    With `attempts` the sentence says what really happened, a fallback after a failure included;
    without them it takes the first candidate to have answered. `weighing` is what was made of the
    local replies, where that was asked for.
    """
    why = _because(decision)
    if weighing is not None and all(each.error != weighing.reason.text for each in attempts):
        why += f"; {weighing.reason.text}"
    if not decision.candidates:
        return f"Refused, since nothing may answer: {why}."
    if not attempts:
        return f"Answered {_expected(decision)}: {why}."
    last = attempts[-1]
    place = _place(Candidate(last.mode, last.upstream, last.model))
    if last.status == "ok":
        failed = [attempt for attempt in attempts[:-1] if attempt.status != "ok"]
        return f"Answered {place}{_after(failed)}{_although(last, decision)}: {why}."
    return f"Not answered, {_failures(attempts)}: {why}."


def foretell(decision: RouteDecision) -> str:
    """Who would answer and why, of a decision that nothing came of."""
    text = explain(decision)
    return f"Would be {text[0].lower()}{text[1:]}"


def why(decision: RouteDecision, attempts: Sequence[Attempt]) -> str:
    """Why the next place is to answer, as a clause: what the decision says, and what failed."""
    return _because(decision) + (f", and {_failures(attempts)}" if attempts else "")


def _because(decision: RouteDecision) -> str:
    """What chose the mode, what stood in the way, and who marked it private."""
    reasons = decision.reasons[1:] if decision.private else decision.reasons
    if not reasons:
        return "no reason was recorded"
    text = reasons[0].text
    if len(reasons) > 1:
        text += ", but " + _listed(reasons[1:])
    if decision.private:
        text += f"; it is private: {decision.reasons[0].text}"
    return text


def _expected(decision: RouteDecision) -> str:
    """Who answers, as far as the decision can tell."""
    first, *after = decision.candidates
    if decision.weighs:
        others = [each for each in decision.candidates if each not in decision.checked]
        return f"{_either(decision.checked)} if a reply is worth it, else {_place(others[0])}"
    if not decision.second_opinion:
        return _place(first)
    mode = first.mode.upper()
    return f"{_place(after[0])} if {first.model} ({mode}) makes the same calls"


def _place(candidate: Candidate) -> str:
    mode = candidate.mode.upper()
    if candidate.mode is Mode.BURST:
        return f"by {candidate.model} at {candidate.upstream} ({mode})"
    return f"at home by {candidate.model} ({mode})"


def _listed(reasons: Sequence[Reason]) -> str:
    texts = [reason.text for reason in reasons]
    return texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + " and " + texts[-1]


def _after(failed: Sequence[Attempt]) -> str:
    return f" after {_failures(failed)}" if failed else ""


def _although(answered: Attempt, decision: RouteDecision) -> str:
    """What speaks against an answer that was handed over for want of another."""
    if not answered.error:
        return ""
    if decision.second_opinion or decision.weighs:
        return f", which was held back at first ({answered.error})"
    return f", although that is no fit answer ({answered.error})"


def _either(places: Sequence[Candidate]) -> str:
    """One of these, all at home."""
    return "at home by " + " or ".join(f"{each.model} ({each.mode.upper()})" for each in places)


def _failures(attempts: Sequence[Attempt]) -> str:
    return " and ".join(f"{attempt.model} {_failure(attempt)}" for attempt in attempts)


def _failure(attempt: Attempt) -> str:
    match attempt.status:
        case "http_error":
            return f"answered with HTTP {attempt.http_status}"
        case "connect_error":
            return "could not be reached"
        case "timeout":
            return "took too long"
        case "cancelled":
            return "was cancelled"
        case "broken":
            return "broke off"
        case "unfit":
            what = f" ({attempt.error})" if attempt.error else ""
            return f"gave no fit answer{what}"
        case "held":
            what = f" ({attempt.error})" if attempt.error else ""
            return f"was held back{what}"
        case "ok":
            return "answered"
