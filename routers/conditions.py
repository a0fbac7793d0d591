"""The conditions of escalation rules: each asks one thing of a request. Pure.

A new kind of condition is one more class here with `check`, `because` and `says` over what
`Features` holds. What that does not hold, no rule can ask: neither confidence nor a skill's
history, which `routers.decide` weighs after the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from capture.exchange import Mode
from routers.features import Features
from routers.hours import Window, clock_time
from routers.naming import AS_THEY_ARE, Names, any_like
from routers.patterns import like

Check = tuple[str, str, str, bool]
"""(condition, wanted, found, held), as `RuleTrace.saw` keeps them."""

_SHOWN = 80
"""Most characters of a client's own text that a trace repeats."""


class Condition(Protocol):
    """One thing a rule asks of a request."""

    def check(self, features: Features) -> Check:
        """What it wanted, what it found, and whether it held."""
        ...

    def says(self) -> str:
        """What it asks, as a clause for people: `no tools are offered`."""
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

    def says(self) -> str:
        return f"the model asked for is {either(self.names)}"

    def because(self, features: Features) -> str:
        return f"the model asked for is `{features.alias[:_SHOWN]}`"


@dataclass(frozen=True, slots=True)
class ToolsPresent:
    """Tools are offered (True), or none are (False)."""

    wanted: bool

    def check(self, features: Features) -> Check:
        held = bool(features.tools) is self.wanted
        return "tools", "some" if self.wanted else "none", _count(features.tools), held

    def says(self) -> str:
        return "tools are offered" if self.wanted else "no tools are offered"

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

    def says(self) -> str:
        return f"the tool {either(self.names)} is offered"

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

    def says(self) -> str:
        return f"the prompt is about {self.tokens:,} tokens or more"

    def because(self, features: Features) -> str:
        return f"the prompt is about {features.input_tokens:,} tokens, {self.tokens:,} or more"


@dataclass(frozen=True, slots=True)
class InputAtMost:
    """The prompt is estimated at `tokens` or fewer."""

    tokens: int

    def check(self, features: Features) -> Check:
        found = features.input_tokens
        return "max_input_tokens", str(self.tokens), str(found), found <= self.tokens

    def says(self) -> str:
        return f"the prompt is about {self.tokens:,} tokens or fewer"

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

    def says(self) -> str:
        if isinstance(self.wanted, bool):
            return f"header `{self.name}` is {'present' if self.wanted else 'absent'}"
        return f"header `{self.name}` is `{self.wanted}`"

    def because(self, features: Features) -> str:  # noqa: ARG002  (the header's value is not repeated)
        return self.says()

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

    def says(self) -> str:
        return f"the key is {either(self.names)}"

    def because(self, features: Features) -> str:
        return f"the key is `{features.key}`"


@dataclass(frozen=True, slots=True)
class SkillIs:
    """The skill is like one of these patterns, by its name or by its key. What is found is shown
    whole, so that a rule copied from an explanation holds."""

    patterns: tuple[str, ...]
    names: Names = AS_THEY_ARE

    def check(self, features: Features) -> Check:
        called = self.names.called(features.skill)
        held = any(any_like(pattern, called) for pattern in self.patterns)
        return "skill", " or ".join(self.patterns), called[0], held

    def says(self) -> str:
        return f"the skill is {either(self.patterns)}"

    def because(self, features: Features) -> str:
        return f"the skill is `{self.names.of(features.skill)}`"


@dataclass(frozen=True, slots=True)
class ConversationIn:
    """The conversation was last answered in one of these modes."""

    modes: tuple[Mode, ...]

    def check(self, features: Features) -> Check:
        found = features.conversation_mode
        held = found in self.modes
        return "conversation_mode", " or ".join(self.modes), found or "none", held

    def says(self) -> str:
        return f"the conversation was last answered in {' or '.join(self.modes)}"

    def because(self, features: Features) -> str:
        return f"the conversation was last answered in {features.conversation_mode}"


@dataclass(frozen=True, slots=True)
class ImagesPresent:
    """Some message holds an image (True), or none does (False)."""

    wanted: bool

    def check(self, features: Features) -> Check:
        found = "some" if features.images else "none"
        return "images", "some" if self.wanted else "none", found, features.images is self.wanted

    def says(self) -> str:
        return "a message holds an image" if self.wanted else "no message holds an image"

    def because(self, features: Features) -> str:
        return "a message holds an image" if features.images else "no message holds an image"


@dataclass(frozen=True, slots=True)
class AgentIs:
    """The agent that asks is like one of these patterns (`routers.agents`)."""

    patterns: tuple[str, ...]

    def check(self, features: Features) -> Check:
        found = features.agent
        held = found is not None and any(like(pattern, found) for pattern in self.patterns)
        return "agent", " or ".join(self.patterns), found or "unknown", held

    def says(self) -> str:
        return f"the agent is {either(self.patterns)}"

    def because(self, features: Features) -> str:
        return f"the agent is `{features.agent}`"


@dataclass(frozen=True, slots=True)
class Between:
    """The time of day is in one of these windows."""

    windows: tuple[Window, ...]

    def check(self, features: Features) -> Check:
        found = features.minute
        held = found is not None and any(window.holds(found) for window in self.windows)
        wanted = " or ".join(map(str, self.windows))
        return "between", wanted, "unknown" if found is None else clock_time(found), held

    def says(self) -> str:
        return f"it is between {' or '.join(str(w).replace('to', 'and') for w in self.windows)}"

    def because(self, features: Features) -> str:
        at = "" if features.minute is None else f"it is {clock_time(features.minute)}, "
        return f"{at}between {' or '.join(str(w).replace('to', 'and') for w in self.windows)}"


def either(words: Sequence[str]) -> str:
    """Any of these words, each as code: `` `a` or `b` ``."""
    quoted = [f"`{word}`" for word in words]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if quoted[1:] else quoted)


def _count(tools: tuple[str, ...]) -> str:
    return str(len(tools)) if tools else "none"


def _presence(value: str | None) -> str:
    return "absent" if value is None else "present"
