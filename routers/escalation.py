"""The escalation policy as values: rules, their conditions, and reading them against a request.

Rules are read in order. The first that applies and names a mode decides; rules that mark `private`
are read to the end, so that no earlier rule can hide one. A rule decides for `auto`; for any other
model name only when its own `model` condition lists that name, because a client that asks for one
place by name has already decided. Reading records what every condition saw; nothing here is random,
logs, or looks outside its arguments.

A new kind of condition is one more class with `check` and `because` over what `Features` holds.
What that does not hold, no rule can ask: neither confidence nor a skill's history, which
`routers.decide` weighs after the rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from capture.exchange import Mode, RuleTrace
from capture.values import value
from routers.features import Features

AUTO = "auto"
"""The model name with which a client leaves the choice to the policy."""

Check = tuple[str, str, str, bool]
"""(condition, wanted, found, held), as `RuleTrace.saw` keeps them."""

_SHOWN = 80
"""Most characters of a client's own text that a trace repeats."""


class Condition(Protocol):
    """One thing a rule asks of a request."""

    def check(self, features: Features) -> Check:
        """What it wanted, what it found, and whether it held."""
        ...

    def because(self, features: Features) -> str:
        """Why it held, as a clause for people: `no tools are offered`."""
        ...


@dataclass(frozen=True, slots=True)
class ModelIs:
    """The model name asked for is one of `names`."""

    names: tuple[str, ...]

    def check(self, features: Features) -> Check:
        found = features.alias
        return "model", " or ".join(self.names), found[:_SHOWN], found in self.names

    def because(self, features: Features) -> str:
        return f"the model asked for is `{features.alias[:_SHOWN]}`"


@dataclass(frozen=True, slots=True)
class ToolsPresent:
    """Tools are offered (True), or none are (False)."""

    wanted: bool

    def check(self, features: Features) -> Check:
        held = bool(features.tools) is self.wanted
        return "tools", "some" if self.wanted else "none", _count(features.tools), held

    def because(self, features: Features) -> str:
        if not self.wanted:
            return "no tools are offered"
        offered = len(features.tools)
        return "1 tool is offered" if offered == 1 else f"{offered} tools are offered"


@dataclass(frozen=True, slots=True)
class ToolOffered:
    """At least one tool of these names is offered."""

    names: tuple[str, ...]

    def check(self, features: Features) -> Check:
        offered = self._offered(features)
        found = offered or _count(features.tools) + " others"
        return "tools", " or ".join(self.names), found, bool(offered)

    def because(self, features: Features) -> str:
        return f"the tool `{self._offered(features)}` is offered"

    def _offered(self, features: Features) -> str:
        """The first of `names` that is offered; empty when none is."""
        return next((name for name in self.names if name in features.tools), "")


@dataclass(frozen=True, slots=True)
class InputAtLeast:
    """The prompt is estimated at `tokens` or more."""

    tokens: int

    def check(self, features: Features) -> Check:
        found = features.input_tokens
        return "min_input_tokens", str(self.tokens), str(found), found >= self.tokens

    def because(self, features: Features) -> str:
        return f"the prompt is about {features.input_tokens:,} tokens, {self.tokens:,} or more"


@dataclass(frozen=True, slots=True)
class InputAtMost:
    """The prompt is estimated at `tokens` or fewer."""

    tokens: int

    def check(self, features: Features) -> Check:
        found = features.input_tokens
        return "max_input_tokens", str(self.tokens), str(found), found <= self.tokens

    def because(self, features: Features) -> str:
        return f"the prompt is about {features.input_tokens:,} tokens, {self.tokens:,} or fewer"


@dataclass(frozen=True, slots=True)
class HeaderIs:
    """The header `name` has a value like `wanted`; or is there (True), or is not (False)."""

    name: str
    """Lower case."""
    wanted: str | bool

    def check(self, features: Features) -> Check:
        value = features.headers.get(self.name)
        if isinstance(self.wanted, bool):
            held = (value is not None) is self.wanted
            return self._title, "present" if self.wanted else "absent", _presence(value), held
        held = value is not None and like(self.wanted, value)
        return self._title, self.wanted, "absent" if value is None else value[:_SHOWN], held

    def because(self, features: Features) -> str:  # noqa: ARG002  (the header's value is not repeated)
        if isinstance(self.wanted, bool):
            return f"header `{self.name}` is {'present' if self.wanted else 'absent'}"
        return f"header `{self.name}` is `{self.wanted}`"

    @property
    def _title(self) -> str:
        return "header " + self.name


@dataclass(frozen=True, slots=True)
class KeyIs:
    """The API key used has one of these names."""

    names: tuple[str, ...]

    def check(self, features: Features) -> Check:
        found = features.key
        return (
            "key",
            " or ".join(self.names),
            "none" if found is None else found,
            found in self.names,
        )

    def because(self, features: Features) -> str:
        return f"the key is `{features.key}`"


@dataclass(frozen=True, slots=True)
class SkillIs:
    """The skill is like one of these patterns. What is found is shown whole, so that a rule copied
    from an explanation holds."""

    patterns: tuple[str, ...]

    def check(self, features: Features) -> Check:
        found = features.skill
        held = any(like(pattern, found) for pattern in self.patterns)
        return "skill", " or ".join(self.patterns), found, held

    def because(self, features: Features) -> str:
        return f"the skill is `{features.skill}`"


@dataclass(frozen=True, slots=True)
class ConversationIn:
    """The conversation was last answered in one of these modes."""

    modes: tuple[Mode, ...]

    def check(self, features: Features) -> Check:
        found = features.conversation_mode
        held = found in self.modes
        return "conversation_mode", " or ".join(self.modes), found or "none", held

    def because(self, features: Features) -> str:
        return f"the conversation was last answered in {features.conversation_mode}"


@dataclass(frozen=True, slots=True)
class ImagesPresent:
    """Some message holds an image (True), or none does (False)."""

    wanted: bool

    def check(self, features: Features) -> Check:
        found = "some" if features.images else "none"
        return "images", "some" if self.wanted else "none", found, features.images is self.wanted

    def because(self, features: Features) -> str:
        return "a message holds an image" if features.images else "no message holds an image"


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

    @property
    def headers(self) -> frozenset[str]:
        """Names of the headers that some rule tests; nothing else needs to be read."""
        return frozenset(
            condition.name
            for rule in self.rules
            for condition in rule.conditions
            if isinstance(condition, HeaderIs)
        )


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
    decider: Rule | None = None
    marker: Rule | None = None
    traces: list[RuleTrace] = []
    for rule in rules:
        may_decide = decider is None and rule.then is not None and alias in rule.names
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


def like(pattern: str, text: str) -> bool:
    """Whether `text` is `pattern`, where `*` stands for any run of characters. Linear in `text`."""
    if "*" not in pattern:
        return pattern == text
    first, *middle, last = pattern.split("*")
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    end = len(text) - len(last)
    position = len(first)
    for piece in middle:
        position = text.find(piece, position, end)
        if position < 0:
            return False
        position += len(piece)
    return True


def _count(tools: tuple[str, ...]) -> str:
    return str(len(tools)) if tools else "none"


def _presence(value: str | None) -> str:
    return "absent" if value is None else "present"
