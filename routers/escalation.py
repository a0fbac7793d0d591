"""The escalation policy as values, and reading its rules against a request.

Rules are read in order. The first that applies and names a mode decides; rules that mark `private`
are read to the end, so that no earlier rule can hide one. A rule decides for `auto`; for any other
model name only when its own `model` condition lists that name, because a client that asks for one
place by name has already decided. Reading records what every condition saw; nothing here is random,
logs, or looks outside its arguments. While the latch holds, or once the user has asked for BURST,
no rule decides for `auto`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from capture.exchange import Mode, RuleTrace
from capture.values import value
from routers.agents import HEADERS as AGENT_HEADERS
from routers.conditions import AgentIs, Between, Check, Condition, ConversationIn, HeaderIs
from routers.features import Features
from routers.hours import Quiet
from routers.latch import Latch
from routers.naming import AS_THEY_ARE, Names, any_like
from routers.ready import ReadyRule

AUTO = "auto"
"""The model name with which a client leaves the choice to the policy."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: when all conditions hold it applies."""

    name: str
    conditions: tuple[Condition, ...] = ()
    """Checked in order up to the first that fails. Empty: the rule always applies."""
    then: Mode | None = None
    """The mode it decides for; None when it only marks `private`."""
    private: bool = False
    """Requests it applies to never leave home."""
    names: tuple[str, ...] = (AUTO,)
    """Model names it may decide for."""


@dataclass(frozen=True, slots=True)
class Learned:
    """The default is what history says: home where a skill is proven there."""

    home_at: float
    """A local mode is proven on a skill when the posterior mean of its success there is at least
    this; 0 to 1."""
    skills: tuple[tuple[str, float], ...] = ()
    """The same for skills like a pattern, by name or key; the first that fits counts."""
    rule: ReadyRule = "posterior"
    """What proves it instead of that mean."""

    def threshold(self, *called: str) -> float:
        """What the posterior mean of a skill must reach; `called`: its name and its key."""
        return next((at for pattern, at in self.skills if any_like(pattern, called)), self.home_at)


@dataclass(frozen=True, slots=True)
class Policy:
    """When a request may leave home, as the user's settings say."""

    default: Mode
    """The mode when no rule decides and the client named none; under `learned`, the mode for what
    no local mode is proven on."""
    rules: tuple[Rule, ...] = ()
    fallback: tuple[Mode, ...] = ()
    """Where to go, in order, when the chosen mode cannot answer."""
    learned: Learned | None = None
    """How history decides; None: the default is always the same mode."""
    verify: bool = False
    """Local replies to requests that offer tools are checked before they are handed over."""
    second_opinion: bool = False
    """And handed over only when another local model says the same."""
    max_loss: float | None = None
    """Most share of requests that may be lost against always asking BURST, 0 to 1: replies of local
    models are looked at and weighed. None: they are not."""
    latch: Latch | None = None
    """A task that BURST took on stays there; None: each request is decided by itself."""
    quiet: tuple[Quiet, ...] = ()
    """Hours in which some modes alone may answer; no two of them meet."""
    approval: bool = False
    """The user is asked before money is spent on what `auto` decides."""
    names: Names = AS_THEY_ARE
    """What the user calls skills."""
    pins: tuple[tuple[str, Mode], ...] = ()
    """Skills, by patterns of names or keys, that go to one mode; the first that fits counts."""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Those of all rules."""
        return tuple(condition for rule in self.rules for condition in rule.conditions)

    @property
    def headers(self) -> frozenset[str]:
        """Names of the headers that some rule tests; nothing else needs to be read."""
        named = {each.name for each in self.conditions if isinstance(each, HeaderIs)}
        by_agent = any(isinstance(each, AgentIs) for each in self.conditions)
        return frozenset(named | set(AGENT_HEADERS if by_agent else ()))

    @property
    def reads_time(self) -> bool:
        """Some decision depends on the time of day."""
        return bool(self.quiet) or any(isinstance(each, Between) for each in self.conditions)

    @property
    def follows_conversations(self) -> bool:
        """Some decision depends on who answered a conversation before."""
        asked = any(isinstance(each, ConversationIn) for each in self.conditions)
        return asked or self.latch is not None

    def pinned(self, key: str) -> tuple[str, Mode] | None:
        """The pin of the skill of this key, as the settings have it; None when it has none."""
        if not self.pins:
            return None
        called = self.names.called(key)
        return next((pin for pin in self.pins if any_like(pin[0], called)), None)

    def quiet_at(self, minute: int | None) -> Quiet | None:
        """The quiet hours that a minute of the day is in; None when it is in none."""
        if minute is None:
            return None
        return next((each for each in self.quiet if each.window.holds(minute)), None)


@value
class Reading:
    """What the rules say of one request."""

    decider: Rule | None
    """The rule that names the mode; None when none does."""
    marker: Rule | None
    """The first rule that marks the request private; None when none does."""
    traces: tuple[RuleTrace, ...]
    """One per rule, in order."""


def read_rules(rules: tuple[Rule, ...], features: Features) -> Reading:
    """Hold each rule that can still matter against the request."""
    alias = features.alias
    free = alias != AUTO or (features.latched is None and features.escalated is None)
    decider: Rule | None = None
    marker: Rule | None = None
    traces: list[RuleTrace] = []
    for rule in rules:
        may_decide = free and decider is None and rule.then is not None and alias in rule.names
        if not (may_decide or rule.private):
            traces.append(_not_reached(rule.name))
            continue
        saw: list[Check] = []
        for condition in rule.conditions:
            check = condition.check(features)
            saw.append(check)
            if not check[3]:
                traces.append(RuleTrace(rule.name, "no_match", tuple(saw)))
                break
        else:
            traces.append(RuleTrace(rule.name, "chosen" if may_decide else "matched", tuple(saw)))
            decider = rule if may_decide else decider
            marker = rule if marker is None and rule.private else marker
    return Reading(decider, marker, tuple(traces))


@lru_cache(maxsize=256)
def _not_reached(name: str) -> RuleTrace:
    """Most rules of most decisions: the same immutable value each time."""
    return RuleTrace(name, "not_reached")


def why(rule: Rule, features: Features) -> str:
    """Why a rule that applied did so, as a clause for people."""
    clauses = [condition.because(features) for condition in rule.conditions]
    return " and ".join(clauses) if clauses else "it always applies"
