"""An escalation policy read aloud: sentences for people, in the order in which things are decided.

Pure. What one request would meet is `routers.explain`'s; this is what all of them would.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Literal, NamedTuple, get_args

from capture.exchange import Mode
from routers.constraints import dollars
from routers.escalation import Learned, Policy, Rule
from routers.features import Budget, Fleet, Place
from routers.latch import Latch

Topic = Literal[
    "private", "latch", "rules", "asked", "skills", "default", "fallback", "check", "constraints"
]
"""What a sentence is about: the steps of a decision, in their order."""


class Said(NamedTuple):
    """One sentence of a policy."""

    about: Topic
    text: str
    rule: str | None = None
    """Name of the rule it tells; None for every other."""


def aloud(policy: Policy, fleet: Fleet, limits: Budget) -> tuple[Said, ...]:
    """The whole policy. `limits` are the budget's own, as if nothing were spent yet."""
    return (
        *_private(policy),
        *_latch(policy.latch),
        *_rules(policy),
        *_asked(fleet),
        *_skills(policy, fleet),
        *_default(policy, fleet),
        *_fallback(policy, fleet),
        *_check(policy),
        *_constraints(policy, limits),
    )


class Change(NamedTuple):
    """What one policy says and another does not."""

    about: Topic
    was: str | None
    """None: nothing was said of it."""
    now: str | None
    """None: nothing is said of it any more."""


def changes(old: Sequence[Said], new: Sequence[Said]) -> tuple[Change, ...]:
    """What changes from one policy to another, in the order of decision."""
    found: list[Change] = []
    for about in get_args(Topic):
        before = [said for said in old if said.about == about]
        after = [said for said in new if said.about == about]
        names = dict.fromkeys(said.rule for said in (*before, *after))
        for name in names:
            found += _changed(about, _of(before, name), _of(after, name))
        found += _reordered(about, before, after)
    return tuple(found)


def _of(said: Sequence[Said], rule: str | None) -> list[str]:
    return [each.text for each in said if each.rule == rule]


def _changed(about: Topic, before: Sequence[str], after: Sequence[str]) -> Iterator[Change]:
    gone = [text for text in before if text not in after]
    come = [text for text in after if text not in before]
    for was, now in zip_longest(gone, come):
        yield Change(about, was, now)


def _reordered(about: Topic, before: Sequence[Said], after: Sequence[Said]) -> Iterator[Change]:
    """Rules that both have, read in another order."""
    kept = {each.rule for each in before} & {each.rule for each in after} - {None}
    was, now = ([f"`{s.rule}`" for s in said if s.rule in kept] for said in (before, after))
    if about == "rules" and was != now:
        yield Change(about, f"Read in the order {_then(was)}.", f"Read in the order {_then(now)}.")


def _private(policy: Policy) -> Iterator[Said]:
    yield Said("private", "A request that its client marks private never leaves home.")
    for rule in policy.rules:
        if rule.private:
            text = f"Rule `{rule.name}`: {_when(rule)}, the request never leaves home."
            yield Said("private", text, rule.name)


def _latch(latch: Latch | None) -> Iterator[Said]:
    if latch is None:
        return
    turns = f", or after {latch.turns} turns of the user" if latch.turns is not None else ""
    minutes = f", or after {latch.minutes:g} minutes" if latch.minutes is not None else ""
    yield Said(
        "latch",
        "A task that burst took on stays there until it is done: the last reply called no tool and "
        f"the user begins something else{turns}{minutes}.",
    )


def _rules(policy: Policy) -> Iterator[Said]:
    deciding = [rule for rule in policy.rules if rule.then is not None]
    if not deciding:
        yield Said("rules", "No rule decides a mode.")
    for rule in deciding:
        yield Said("rules", f"Rule `{rule.name}`: {_when(rule)}, {rule.then} answers.", rule.name)


def _when(rule: Rule) -> str:
    clauses = [condition.says() for condition in rule.conditions]
    return f"when {' and '.join(clauses)}" if clauses else "always"


def _asked(fleet: Fleet) -> Iterator[Said]:
    yield Said(
        "asked",
        "Without such a rule a client that asks for `resting`, `active` or `burst` gets that mode; "
        "one that asks for `resting` or `active` stays home.",
    )
    for name, place in fleet.named.items():
        where = "at home" if place.local else "away from home"
        text = f"`{name}` means `{place.model}` at `{place.upstream}`, {where}, and nothing else."
        yield Said("asked", text)


def _skills(policy: Policy, fleet: Fleet) -> Iterator[Said]:
    """Names and pins."""
    keys: dict[str, list[str]] = {}
    for pattern, name in policy.names.pairs:
        keys.setdefault(name, []).append(pattern)
    for name, patterns in keys.items():
        is_ = "is called" if len(patterns) == 1 else "are one skill, called"
        yield Said("skills", f"{_and([f'`{each}`' for each in patterns])} {is_} `{name}`.")
    for pattern, mode in policy.pins:
        yield Said("skills", f"The skill `{pattern}` is pinned to {_mode(mode, fleet)}.")


def _default(policy: Policy, fleet: Fleet) -> Iterator[Said]:
    if policy.learned is None:
        yield Said("default", f"Everything else goes to {_mode(policy.default, fleet)}.")
        return
    if policy.max_loss is not None:
        yield Said(
            "default",
            "Everything else is asked at home first, the cheapest mode before the other, and what "
            "they say is looked at; the reply most likely right is handed over unless "
            f"{_mode(Mode.BURST, fleet)} is worth more. At most {100.0 * policy.max_loss:g} points "
            "of a hundred may be lost by that. Audits hold it: some replies that would be handed "
            "over are answered by BURST instead, and compared. For what cannot be weighed history "
            "decides.",
        )
    everything = "Everything else" if policy.max_loss is None else "It"
    yield Said(
        "default",
        f"{everything} goes to the cheapest local mode that is proven on the request's skill "
        f"({_proven(policy.learned)}), and without one to {_mode(policy.default, fleet)}.",
    )


def _proven(learned: Learned) -> str:
    """What proves a skill, in words."""
    match learned.rule:
        case "three_successes":
            return "three successes, once and for good"
        case "last_three":
            return "its last three outcomes were successes"
        case "posterior":
            for_some = [f"{at:g} for `{pattern}`" for pattern, at in learned.skills]
            return "a posterior of " + ", ".join([*for_some, f"{learned.home_at:g} or more"])


def _fallback(policy: Policy, fleet: Fleet) -> Iterator[Said]:
    if not policy.fallback:
        yield Said("fallback", "When that place cannot answer, nothing else is tried.")
        return
    order = _then([_mode(mode, fleet) for mode in policy.fallback])
    yield Said("fallback", f"When that place cannot answer, these are tried in turn: {order}.")


def _check(policy: Policy) -> Iterator[Said]:
    if policy.verify:
        yield Said(
            "check",
            "A local reply to a request with tools is held until its calls are checked; one that "
            "does not fit is dropped, and the next place answers.",
        )
        if policy.second_opinion:
            yield Said(
                "check",
                "It is then handed over only when RESTING and ACTIVE make the same calls.",
            )
    else:
        yield Said("check", "Local replies are handed over unchecked.")


def _constraints(policy: Policy, limits: Budget) -> Iterator[Said]:
    for quiet in policy.quiet:
        others = [mode for mode in Mode if mode not in quiet.modes]
        loud = f"; what would go to {' or '.join(others)} goes there" if others else ""
        text = quiet.says()
        yield Said("constraints", f"{text[0].upper()}{text[1:]}{loud}.")
    yield Said(
        "constraints",
        "Whatever chose it, a place that cannot hold the prompt or takes no images is passed over.",
    )
    if policy.approval:
        yield Said(
            "constraints",
            "Before what asks for `auto` goes to a place that is not free, the user is asked; in "
            "tool loops and on the side nobody is, and it stays where it costs nothing.",
        )
    periods = (("day", limits.day_left_usd), ("calendar month", limits.month_left_usd))
    set_ = [f"{dollars(usd)} a {period}" for period, usd in periods if usd is not None]
    if set_:
        text = f"What is not free may cost {' and '.join(set_)} (UTC) at most; past that it is not"
        yield Said("constraints", f"{text} asked.")
    else:
        yield Said("constraints", "No budget limits what BURST may cost.")


def _mode(mode: Mode, fleet: Fleet) -> str:
    """A mode, and who serves it."""
    place = fleet.at(mode)
    return f"{mode} ({_who(place)})" if place is not None else f"{mode} (which no model serves)"


def _who(place: Place) -> str:
    where = "at home" if place.local else "away from home"
    return f"`{place.model}` at `{place.upstream}`, {where}"


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def _then(words: Sequence[str]) -> str:
    return ", then ".join(words)
