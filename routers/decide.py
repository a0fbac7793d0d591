"""The one decision: where a request goes, and why. Pure, and quick enough for every request.

The mode comes from the rule that decides for the model name asked for, else from that name itself
(a mode's, or a configured one), else from the default, which is one mode or, under `learned`, what
history says of the skill. The policy's fallback order follows it. Constraints then rule places out;
places whose circuit is open go last. In particular:

- A mode asked for by name is a wish: when it cannot be had, the fallback order answers and says so.
  Asking for a local mode never falls back to BURST, since the client chose to stay home.
- A configured name means that one place and no other.
- Private outranks everything. A private request also tries the local modes that the fallback order
  leaves out, rather than being refused while the house could answer.
- One place serving two modes is tried once.
- Under `verify` the reply of a local place to a request with tools is to be checked, unless that
  place is the last: nothing would be gained.
- Under `second_opinion` RESTING and ACTIVE, where they come first, are asked in this order, and a
  reply goes out only when both say the same. Not so for a skill that history holds proven, for a
  request of several replies, nor where no place comes after the two.
- What the user asked BURST for goes there, and what must cost nothing goes to free places alone,
  the local modes that the fallback order leaves out among them.
- A task that the latch keeps in BURST goes there, whatever rules and history say; a name that the
  client asks for still counts.
- A pinned skill goes to its mode where neither a rule nor the latch decides: a pin is a rule after
  the user's own.
- In quiet hours other modes than those that may are ruled out; a local one that may then answers
  even where the order leaves it out; BURST never does.
- Under `learned` with `max_loss` the local modes, the cheapest first, are asked before BURST, and
  their replies are weighed (`routers.brain`). Not so for a private request, for one of several
  replies, nor where no local mode or no BURST is left: then history decides as without.
- Under `learned` the cheapest local mode whose posterior for this skill, with the adapter it has
  now, reaches the threshold answers; without one BURST does. What nobody tried is not proven.

`RouteDecision.reasons` reads: who marked the request private (only when it is private), what chose
the mode, then what stood in the way of each place before the first candidate.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from capture.exchange import Candidate, Mode, Reason, RouteDecision
from routers.constraints import objection
from routers.escalation import AUTO, Learned, Policy, Reading, read_rules, why
from routers.features import Budget, Features, Fleet, Place
from routers.history import EMPTY, History, Key, Tally
from routers.hours import Quiet
from routers.ready import NOTHING_RECENT, Recent, proven

_MODES = {mode.value: mode for mode in Mode}
_AT_HOME = (Mode.ACTIVE, Mode.RESTING)
_CHEAPEST_FIRST = (Mode.RESTING, Mode.ACTIVE)
_ASKS_HOME = Reason("weighed", "home is asked first, and what it says is weighed")
_SHOWN = 80
"""Most characters of a skill's name that a reason repeats."""


class _Wish(NamedTuple):
    """Which places to consider, in order, before any constraint."""

    modes: tuple[Mode, ...]
    named: Place | None
    """The one place a configured name stands for; `modes` is empty then."""
    reason: Reason
    confidence: float | None = None
    """P(home gets it right) as history has it; None where history was not asked."""
    proven: bool = False
    """History holds the first mode good enough for this skill."""
    learned: bool = False
    """Neither a rule nor the client chose: what was learned decides."""


_ASKING = _Wish((*_CHEAPEST_FIRST, Mode.BURST), None, _ASKS_HOME)
"""Asks home first, to weigh what it says."""


class _Known(NamedTuple):
    """What is known of the kind of task."""

    called: tuple[str, ...]
    """The skill's name, and its key where that is another."""
    history: History
    recent: Recent = NOTHING_RECENT


_Weighed = tuple[Candidate, Reason | None, Place]
"""A place held against the constraints: why it may not answer; None: it may."""


def decide(
    features: Features,
    fleet: Fleet,
    policy: Policy,
    budget: Budget,
    history: History = EMPTY,
    recent: Recent = NOTHING_RECENT,
) -> RouteDecision:
    """Where this request goes, the fallbacks after it, and everything that was looked at. `recent`
    is needed where the policy's ready rule is `last_three`, and else not looked at."""
    reading = read_rules(policy.rules, features)
    private = features.private or reading.marker is not None
    skill = features.skill
    called = policy.names.called(skill)
    wish = _wish(features, fleet, policy, reading, _Known(called, history, recent))
    quiet = policy.quiet_at(features.minute) if policy.quiet else None

    def weigh(wish: _Wish) -> list[_Weighed]:
        at_home = private or features.stays_home is not None
        return [
            (
                _candidate(mode, place.upstream, place.model),
                objection(place, features, private, budget) or _hush(quiet, mode),
                place,
            )
            for mode, place in _places(wish, fleet, at_home, quiet)
        ]

    weighed, at_home = weigh(wish), ()
    if policy.max_loss is not None and wish.learned and not private and features.choices == 1:
        asking = weigh(_ASKING)
        at_home = _before_burst(asking)
        if at_home:
            wish, weighed = _ASKING._replace(confidence=wish.confidence), asking
    candidates = _in_order(weighed)
    checked = _checked(weighed, candidates) if policy.verify and features.tools else ()
    pair = _pair(candidates, checked) if policy.second_opinion else ()
    second_opinion = bool(pair) and not wish.proven and features.choices == 1
    if second_opinion:
        candidates = (*pair, *candidates[2:])
    reasons = _reasons(wish, fleet, quiet, _in_the_way(weighed, (*candidates, None)[0]))
    return RouteDecision(
        candidates=candidates,
        reasons=(_marked_by(reading), *reasons) if private else tuple(reasons),
        rules=reading.traces,
        excluded=tuple([(c, against) for c, against, _ in weighed if against is not None]),
        private=private,
        alias=features.alias,
        config_generation=fleet.generation,
        confidence=wish.confidence,
        skill=skill,
        skill_name=called[0] if called[1:] else None,
        checked=at_home or checked,
        second_opinion=second_opinion and not at_home,
        weighs=bool(at_home),
    )


def _reasons(
    wish: _Wish, fleet: Fleet, quiet: Quiet | None, in_the_way: list[Reason]
) -> list[Reason]:
    """What chose the mode, then what stood in the way of it and of each place before the first."""
    reasons = [wish.reason, *in_the_way]
    if wish.modes and fleet.at(wish.modes[0]) is None:
        reasons.insert(1, Reason("not_configured", f"no model serves {wish.modes[0]}"))
    elif wish.modes and (hushed := _hush(quiet, wish.modes[0])) not in (None, *reasons):
        reasons.insert(1, hushed)
    return reasons


def _in_order(weighed: list[_Weighed]) -> tuple[Candidate, ...]:
    """Who may answer; who keeps failing goes last."""
    ready = [c for c, against, place in weighed if against is None and place.healthy]
    failing = [c for c, against, place in weighed if against is None and not place.healthy]
    return (*ready, *failing)


def _before_burst(weighed: list[_Weighed]) -> tuple[Candidate, ...]:
    """The local places that are well and may answer before BURST; nothing where that may not."""
    ready = [(c, place) for c, against, place in weighed if against is None and place.healthy]
    if not ready or ready[-1][0].mode is not Mode.BURST or ready[-1][1].local:
        return ()
    return tuple([candidate for candidate, place in ready if place.local])


def _checked(weighed: list[_Weighed], candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """The local ones among the candidates, but for the last of all."""
    local = [candidate for candidate, _, place in weighed if place.local]
    return tuple([candidate for candidate in candidates[:-1] if candidate in local])


def _pair(
    candidates: tuple[Candidate, ...], checked: tuple[Candidate, ...]
) -> tuple[Candidate, ...]:
    """The two that come first, RESTING before ACTIVE, when both are checked; else nothing. The
    client gets the reply of the later."""
    first = candidates[:2]
    if {each.mode for each in first} != set(_CHEAPEST_FIRST) or not set(first) <= set(checked):
        return ()
    return tuple(sorted(first, key=lambda each: _CHEAPEST_FIRST.index(each.mode)))


def _wish(
    features: Features, fleet: Fleet, policy: Policy, reading: Reading, known: _Known
) -> _Wish:
    rule, alias = reading.decider, features.alias
    if rule is not None and rule.then is not None:
        text = f"rule `{rule.name}` applies because {why(rule, features)}"
        return _Wish((rule.then, *policy.fallback), None, Reason(f"rule:{rule.name}", text))
    if alias == AUTO and features.escalated is not None:
        reason = Reason("escalated", features.escalated)
        return _Wish((Mode.BURST, *policy.fallback), None, reason)
    if alias == AUTO and features.latched is not None:
        return _Wish((Mode.BURST, *policy.fallback), None, Reason("latch", features.latched))
    if alias == AUTO and (pin := policy.pinned(features.skill)) is not None:
        text = f"the skill `{known.called[0][:_SHOWN]}` is pinned to {pin[1]}"
        return _Wish((pin[1], *policy.fallback), None, Reason("pin", text))
    if alias == AUTO and policy.learned is not None:
        return _learned(fleet, policy, policy.learned, known)
    if alias == AUTO:
        reason = Reason("default", f"no rule decides and the default is {policy.default}")
        return _Wish((policy.default, *policy.fallback), None, reason)
    mode = _MODES.get(alias)
    if mode is not None:
        fallback = (
            policy.fallback
            if mode is Mode.BURST
            else tuple(m for m in policy.fallback if m is not Mode.BURST)
        )
        return _Wish((mode, *fallback), None, Reason("asked", f"the client asked for {mode}"))
    named = fleet.named.get(alias)
    if named is None:
        return _Wish((), None, Reason("unknown_model", f"no model is called `{alias[:80]}` here"))
    return _Wish(
        (), named, Reason("named", f"the client asked for `{alias}`, which means this model")
    )


def _learned(fleet: Fleet, policy: Policy, learned: Learned, known: _Known) -> _Wish:
    """The cheapest local mode that is proven on the skill, else the default."""
    best: tuple[Place, Tally, str] | None = None
    skill, home_at = known.called[0], learned.threshold(*known.called)
    for mode in _CHEAPEST_FIRST:
        place = fleet.at(mode)
        if place is None or not place.local:
            continue
        key = Key(skill, place.upstream, place.model, place.adapter)
        tally = known.history.of(*key)
        enough, asked = proven(learned.rule, tally, known.recent.get(key, ()), home_at)
        if enough:
            reason = Reason("history", f"{_standing(skill, place, tally)}, and {asked}")
            modes = (mode, *policy.fallback)
            return _Wish(modes, None, reason, tally.posterior, proven=True, learned=True)
        if best is None or tally.posterior > best[1].posterior:
            best = place, tally, asked
    modes = (policy.default, *policy.fallback)
    if best is None:
        return _Wish(modes, None, Reason("history", "no local model serves a mode"), learned=True)
    text = f"{_standing(skill, best[0], best[1])}, and {best[2]}"
    return _Wish(modes, None, Reason("history", text), best[1].posterior, learned=True)


def _standing(skill: str, place: Place, tally: Tally) -> str:
    """How a place stands on a skill, with its figures."""
    who = f"`{place.model}`" + (f" with adapter `{place.adapter}`" if place.adapter else "")
    if not tally.of:
        return f"{who} was never tried on `{skill[:_SHOWN]}`: its posterior is {tally.posterior:g}"
    return (
        f"{who} did well {_amount(tally.successes)} of {_amount(tally.of)} times on "
        f"`{skill[:_SHOWN]}`: its posterior is {tally.posterior:.3f}"
    )


def _amount(count: float) -> str:
    """A count that may be a fraction, since outcomes are weighed: `9`, `8.7`."""
    return f"{count:.1f}".removesuffix(".0")


def _places(
    wish: _Wish, fleet: Fleet, stays_home: bool, quiet: Quiet | None
) -> list[tuple[Mode, Place]]:
    """The places wished for, in order, each once. In quiet hours those that may answer come first,
    and the local ones among them even where nobody wished for them."""
    if wish.named is not None:
        place = wish.named
        return [(place.mode or (Mode.ACTIVE if place.local else Mode.BURST), place)]
    places: list[tuple[Mode, Place]] = []
    seen: set[tuple[str, str]] = set()
    modes = (*wish.modes, *_AT_HOME) if stays_home and wish.modes else wish.modes
    if quiet is not None and modes:
        others = [mode for mode in modes if mode not in quiet.modes]
        may = [mode for mode in modes if mode in quiet.modes]
        modes = (*may, *[mode for mode in _CHEAPEST_FIRST if mode in quiet.modes], *others)
    for mode in modes:
        place = fleet.at(mode)
        if place is not None and (place.upstream, place.model) not in seen:
            seen.add((place.upstream, place.model))
            places.append((mode, place))
    return places


def _hush(quiet: Quiet | None, mode: Mode) -> Reason | None:
    """Why a mode may not answer at this hour; None when it may."""
    if quiet is None or mode in quiet.modes:
        return None
    return Reason("quiet", quiet.says())


@lru_cache(maxsize=256)
def _candidate(mode: Mode, upstream: str, model: str) -> Candidate:
    """Few differ and each is immutable, so they are made once."""
    return Candidate(mode, upstream, model)


def _in_the_way(weighed: list[_Weighed], first: Candidate | None) -> list[Reason]:
    """Why each place before the first candidate is not the first candidate."""
    reasons: list[Reason] = []
    for candidate, against, place in weighed:
        if candidate is first:
            break
        if against is not None:
            reasons += [] if against in reasons else [against]
        elif not place.healthy:
            text = f"`{candidate.model}` at `{candidate.upstream}` keeps failing and goes last"
            reasons.append(Reason("unhealthy", text))
    return reasons


def _marked_by(reading: Reading) -> Reason:
    if reading.marker is None:
        return Reason("private", "the client asks that it stays home")
    return Reason("private", f"rule `{reading.marker.name}` marks it private")
