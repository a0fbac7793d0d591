"""The look at a reply's words: is it an answer, of the form asked for, and do its sums come out?

Pure. Part of `routers.checks`.
"""

from __future__ import annotations

from capture.messages import Message
from routers.checks import answers, calls, coverage, prose
from routers.checks.said import Said
from routers.checks.sums import sums_in
from routers.checks.values import Asked, Finding, squashed

_TEXT = 16 * 1024
"""Most characters of a reply that are looked at, from its end."""
_REPEATS = 0.3
"""A reply of which more than this share stood in it before is told to repeat itself."""


def look(asked: Asked, reply: Message, said: Said) -> tuple[list[Finding], dict[str, float]]:
    """What speaks against a reply without calls, and its figures."""
    whole = reply.text
    text = whole[-_TEXT:]
    words = prose.words(text)
    silent = calls.silent(reply, asked.choice)
    found = [] if silent is None else [silent]
    figures = {
        "says_something": float(reply.says_something),
        "hollow": float(prose.hollow(text)),
        "length": squashed(len(words), 100),
        "hedging": squashed(prose.hedges(words)),
        "repetition": prose.repetition(words),
        "refusal": float(any(p.kind == "refusal" for p in reply.content) or prose.refuses(whole)),
        "call_in_text": float(bool(asked.tools) and prose.spells_a_call(text)),
        "cut_off": 0.5 * prose.ends_in_mid_air(text),
    }
    told = (
        (figures["refusal"] > 0, "refusal", "it refuses, or says that it cannot"),
        (figures["repetition"] > _REPEATS, "repetition", "it repeats itself"),
        (figures["call_in_text"] > 0, "call_in_text", "it spells a tool call out as text"),
        (figures["cut_off"] > 0, "cut_off", "it ends in mid-air"),
    )
    found.extend(Finding(code, clause) for holds, code, clause in told if holds)
    if asked.tools:
        figures.update(_left_alone(asked, said))
    else:
        counted, _ = coverage.things(said.ask)
        figures["numbers_used"] = coverage.numbers_used(counted, text)
    found.extend(_answer(said.ask, text, figures))
    return found, figures


def _left_alone(asked: Asked, said: Said) -> dict[str, float]:
    """How much the tools that were not called have to do with the request."""
    shares = coverage.overlaps(said.ask, asked.tools)
    return {
        "tools_offered": squashed(len(shares)),
        "tool_overlap": max(shares.values(), default=0.0),
    }


def _answer(ask: str, text: str, figures: dict[str, float]) -> list[Finding]:
    """Whether a text has the form of answer asked for, and sums that come out."""
    found: list[Finding] = []
    form = answers.form_asked(ask)
    answer = answers.answer_in(text, form)
    if form is not None and answer is None:
        figures["form_met"] = 0.0
        found.append(Finding("no_answer", f"it gives no {form}, and one is asked for"))
    worked = sums_in(text)
    done = worked.right + worked.wrong
    figures["sums"] = squashed(done)
    if done:
        figures["sums_right"] = worked.right / done
    if worked.wrong:
        found.append(Finding("sum_wrong", f"{worked.wrong} of its {done} sums do not come out"))
    if answer is not None:
        figures["answer_marked"] = float(answer.marked)
        if answer.number is not None:
            figures["answer_odd"] = float(answer.number < 0 or answer.number % 1 != 0)
            figures["sum_is_answer"] = float(worked.last == answer.number)
    return found
