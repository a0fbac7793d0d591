"""Four weeks of requests, made from a seed: no wording and no open value is said in two weeks.

Every production of `skills` is dealt to the week in which the household first uses it, and each of
its wordings to that week or a later one, each to one only. So a later week's requests are worded as
nobody worded them before: in part they are new expansions of productions already heard, in part
productions that nobody used yet (`Request.fresh`). Open values (lamps, parcels, people...) are
drawn without putting any back.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from scripts.demo import phrases, skills, values
from scripts.demo.skills import Action, Json, Skill

WEEKS = 4
"""How many weeks there are."""

FIRST_SHARE = 0.5
"""Share of an action's productions that the first week already uses; the rest follow evenly."""


@dataclass(frozen=True)
class Request:
    """One thing somebody asks for."""

    week: int
    """1 to `WEEKS`."""
    skill: str
    """`Skill.name`."""
    action: str
    """`Action.name`."""
    text: str
    """What the user writes."""
    tools: tuple[Json, ...]
    """What the agent offers."""
    call: Json
    """The right tool call; the product never sees it."""
    result: str
    """What the simulated tool returns when it is called rightly."""
    needle: str
    """What the closing text must say; empty when it only has to confirm."""
    fresh: bool
    """Whether no earlier week used this production."""
    wording: str
    """The wording, slots open, without politeness."""


@dataclass(frozen=True)
class _Dealt:
    """Which wordings one action has in which week: (production's first week, wordings)."""

    by_week: tuple[tuple[tuple[int, tuple[str, ...]], ...], ...]


def plan(seed: int, per_skill: int) -> tuple[tuple[Request, ...], ...]:
    """The requests of every week, in the order in which they come."""
    rng = random.Random(f"demo:{seed}")
    dealt = {action.name: _deal(action, rng) for skill in skills.SKILLS for action in skill.actions}
    said: set[str] = set()
    weeks: list[tuple[Request, ...]] = []
    for week in range(1, WEEKS + 1):
        requests = [
            _request(week, skill, action, dealt[action.name], said, rng)
            for skill in skills.SKILLS
            for action in _turns(skill, per_skill)
        ]
        rng.shuffle(requests)
        weeks.append(tuple(requests))
    return tuple(weeks)


def _turns(skill: Skill, per_skill: int) -> Iterator[Action]:
    """The skill's actions in turn, `per_skill` in all."""
    for number in range(per_skill):
        yield skill.actions[number % len(skill.actions)]


def _deal(action: Action, rng: random.Random) -> _Dealt:
    order = rng.sample(action.productions, len(action.productions))
    early = max(1, round(len(order) * FIRST_SHARE))
    later = len(order) - early
    weeks: list[list[tuple[int, tuple[str, ...]]]] = [[] for _ in range(WEEKS)]
    for place, production in enumerate(order):
        first = 1 if place < early else 2 + (place - early) * (WEEKS - 1) // later
        for week, wordings in _spread(production, first, rng).items():
            weeks[week - 1].append((first, wordings))
    return _Dealt(tuple(tuple(week) for week in weeks))


def _spread(production: str, first: int, rng: random.Random) -> dict[int, tuple[str, ...]]:
    """Each wording of a production to one week; the first week always gets one."""
    wordings = rng.sample(phrases.wordings(production), len(phrases.wordings(production)))
    found: dict[int, list[str]] = {first: [wordings[0]]}
    for wording in wordings[1:]:
        found.setdefault(rng.randint(first, WEEKS), []).append(wording)
    return {week: tuple(of_week) for week, of_week in found.items()}


def _request(
    week: int, skill: Skill, action: Action, dealt: _Dealt, said: set[str], rng: random.Random
) -> Request:
    first, wordings = rng.choice(dealt.by_week[week - 1])
    wording = rng.choice(wordings)
    given = {
        argument.name: _value(argument.kind, said, rng)
        for argument in action.arguments
        if argument.kind != "fixed"
    }
    found = values.MAKERS[action.finds](rng) if action.finds else ""
    return Request(
        week=week,
        skill=skill.name,
        action=action.name,
        text=_say(wording, given, rng),
        tools=tuple(skill.tools()),
        call=action.call(given),
        result=found or "ok",
        needle=found,
        fresh=first == week,
        wording=wording,
    )


def _value(kind: str, said: set[str], rng: random.Random) -> str:
    """A value; an open one that was never said, and is remembered."""
    for _ in range(10_000):
        value = values.MAKERS[kind](rng)
        if kind not in values.OPEN:
            return value
        if value not in said:
            said.add(value)
            return value
    raise ValueError(f"there are no more values of kind {kind}")


def _say(wording: str, given: dict[str, str], rng: random.Random) -> str:
    """With politeness, a capital and punctuation as people are wont to use them."""
    before = rng.choice(skills.BEFORE)
    text = before + phrases.fill(wording, given) + rng.choice(skills.AFTER)
    if rng.random() < 0.4 and (before or not wording.startswith("{")):
        text = text[0].upper() + text[1:]
    return text + rng.choice(("", "", "", ".", "?" if _asks(wording) else "!"))


def _asks(wording: str) -> bool:
    return wording.startswith(("what", "where", "how", "when", "will", "is", "do i", "has", "did"))
