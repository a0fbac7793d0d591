"""What, among turns about to train, looks like poisoning and must wait for a person. Pure.

Poison ties something to one answer, again and again: a mail that comes twenty times, a phrase that
means nothing, a source or a hand that was never there before. So does every habit of a house. What
is flagged is what is tied and no habit:

near_duplicates  nearly the same long text, said or from outside, in `cluster` conversations or more
                 that got one answer; parts of a text count, whatever stands around them
trigger          a rare wording that always got one answer, in messages about different things
style            different messages, all unlike what their source wrote before by several measures
                 at once, that got one answer
source_share     a source beside the main one that came all at once on one day, or most of whose
                 different messages got one answer that hardly anyone else gets

What is a habit, and never flagged for its wording:

- short commands, however often: what repeats in fewer than `long` words and with nothing of its own
  around it. People say few things in many conversations, and say them the same way.
- calls that only look (`read_file`, `get_state`): agents read the same files first and then do what
  was asked. A look with an address in it counts.
- answers of a word, or of a few that the user gave (`Done.`, "Nothing to save.").
- answers that mostly say what the user said: "the kitchen light on", `turn_on(light.kitchen)`. For
  text from outside this is asked of the user's words, which it cannot write.
- text from outside of which the answer takes up nothing: acknowledgements, and what follows any
  result. Only what came since the last reply that did more than look is held to account.
- wording that gets several answers: listings, pages, sensors' states, instructions of an agent.
- answers that are given elsewhere, too.
- requests said in many ways: a phrase is only a trigger among messages that have words of their
  own, or that got other answers without it. Nor are steps on the way to something else.

One source alone has no share. Turns of one conversation count once, so an agent's loop is one. What
is answered to the same words of the user after a flagged turn waits with it.

What this cannot see: answers that differ each time; what repeats in fewer than `cluster`
conversations, or in one without end; a trigger that stands beside words of its answer; text beyond
`reach`; wording from outside whose answer is said in other words or another language. What it may
hold without need, as one decision each: an automation with a long request or a long result that
always gets the same act; a skill's instructions that always lead to one; a new key's busy first
day. Provenance, the gate and the person who reads are there for the rest.

The same samples in any order give the same flags.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from capture.anomalies.answers import Answer
from capture.anomalies.one_answer import of_sources, of_style
from capture.anomalies.phrases import (
    Found,
    Phrases,
    Shared,
    Text,
    around,
    conversations_of,
    quoted,
)
from capture.anomalies.samples import Code, Flag, Limits, Sample, Verdict
from capture.anomalies.sources import came_at_once
from capture.anomalies.suspects import Suspect, Turn, mostly, steps, suspects_of, turns_of
from capture.anomalies.talk import Talk, are_varied, middle_length
from capture.anomalies.wording import ends

__all__ = ["Code", "Flag", "Limits", "Sample", "flags"]

_DEFAULTS = Limits()
_NAMING = 4
"""Letters of the shortest word that an answer can be said to take from a text."""


def flags(samples: Iterable[Sample], limits: Limits = _DEFAULTS) -> dict[str, tuple[Flag, ...]]:
    """Why each flagged sample, by its id, is to wait; the others are not in it. `samples` are all
    that is known of the house, not the new ones alone: what is usual there decides."""
    turns = turns_of(samples, limits)
    suspects = suspects_of(turns, limits)
    talk = Talk(turns, limits)
    found: dict[int, dict[Code, tuple[str, int]]] = defaultdict(dict)
    for code, reason, places in (
        *_outside(turns, suspects, limits),
        *_said(turns, suspects, talk, limits),
        *of_style(turns, suspects, talk, limits),
        *of_sources(turns, suspects, talk, limits),
        *came_at_once([turn.sample for turn in turns], limits),
    ):
        for place in places:
            found[place].setdefault(code, (reason, places[0]))
    _follow(turns, found)
    return {
        turns[place].sample.id: tuple(
            Flag(code, reason, turns[oldest].sample.id)
            for code, (reason, oldest) in sorted(by_code.items())
        )
        for place, by_code in sorted(found.items())
    }


def _follow(turns: Sequence[Turn], found: dict[int, dict[Code, tuple[str, int]]]) -> None:
    """What else was answered to the same words of the user after a flagged turn waits with it: it
    was said in its light."""
    asked: dict[int, str] = {}
    waits: dict[int, dict[Code, tuple[str, int]]] = {}
    for place, turn in enumerate(turns):
        if asked.get(turn.conversation) != turn.sample.said:
            asked[turn.conversation], waits[turn.conversation] = turn.sample.said, {}
        waits[turn.conversation] |= found.get(place, {})
        if waits[turn.conversation]:
            found[place] = dict(waits[turn.conversation])


def _outside(
    turns: Sequence[Turn], suspects: Mapping[int, Suspect], limits: Limits
) -> Iterable[Verdict]:
    """Wording from outside that decided an answer."""
    texts = [
        Text(place, turn.conversation, turn.number, turn.outside)
        for place, turn in enumerate(turns)
        if turn.outside
    ]
    for suspect, shared in _tied(turns, texts, suspects, limits):
        own = [turns[found.text.turn] for found in shared]
        taken = [
            _takes_up(suspect.answer, found, turn) for found, turn in zip(shared, own, strict=True)
        ]
        if suspect.was_asked_for(own) or not mostly(taken):
            continue
        if _is_long(shared, limits):
            yield _near_duplicates(own, shared, "text from outside")
            continue
        texts_around = around(shared).values()
        if middle_length(texts_around) >= limits.long and are_varied(texts_around, limits):
            yield _trigger(own, shared, "texts from outside")


def _said(
    turns: Sequence[Turn], suspects: Mapping[int, Suspect], talk: Talk, limits: Limits
) -> Iterable[Verdict]:
    """Wording of users that got one answer, whatever else they said."""
    texts = [
        Text(
            place,
            turn.conversation,
            turn.number if turn.asks else None,
            ends(turn.sample.said, limits.reach),
        )
        for place, turn in enumerate(turns)
        if turn.sample.said
    ]
    on_the_way = steps(turns, suspects)
    for suspect, shared in _tied(turns, texts, suspects, limits):
        own = [turns[found.text.turn] for found in shared]
        if suspect.was_prescribed(own):
            continue
        if _is_long(shared, limits):
            yield _near_duplicates(own, shared, "text")
            continue
        is_step = not suspect.answer.addresses and mostly(
            found.text.turn in on_the_way for found in shared
        )
        if is_step or suspect.was_asked_for(own):
            continue
        if talk.are_different_things(around(shared), suspect.number):
            yield _trigger(own, shared, "messages")


def _tied(
    turns: Sequence[Turn],
    texts: Sequence[Text],
    suspects: Mapping[int, Suspect],
    limits: Limits,
) -> Iterable[tuple[Suspect, Shared]]:
    """Suspects, each with texts that share wording tied to it, of enough conversations."""
    given = {number: suspect.conversations for number, suspect in suspects.items()}
    total = len({turn.conversation for turn in turns})
    for number, shared in Phrases(texts, total, limits).shared(given):
        if conversations_of(shared) >= limits.cluster:
            yield suspects[number], shared


def _is_long(shared: Shared, limits: Limits) -> bool:
    """Whether what the texts share could carry a payload, in most of them and in enough."""
    long = [found for found in shared if len(found.tied) >= limits.long]
    return 2 * len(long) >= len(shared) and conversations_of(long) >= limits.cluster


def _takes_up(answer: Answer, found: Found, turn: Turn) -> bool:
    """Whether an answer has words of what is tied in a text, and not from the user."""
    tied = set(found.tied)
    return any(
        len(word) >= _NAMING and word in tied and word not in turn.said
        for word in answer.particular
    )


def _near_duplicates(own: Sequence[Turn], shared: Shared, what: str) -> Verdict:
    reason = f"nearly the same {what} ({quoted(shared)}) got the same answer in {_times(own)}"
    return "near_duplicates", reason, [found.text.turn for found in shared]


def _trigger(own: Sequence[Turn], shared: Shared, what: str) -> Verdict:
    reason = (
        f"{quoted(shared)} got the same answer in {_times(own)}, in {what} about different things"
    )
    return "trigger", reason, [found.text.turn for found in shared]


def _times(own: Sequence[Turn]) -> str:
    """How often, and over how much time, in words."""
    hours = (own[-1].sample.began_at - own[0].sample.began_at) / 3600
    conversations = len({turn.conversation for turn in own})
    span = f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
    return f"{conversations} conversations within {span}"
