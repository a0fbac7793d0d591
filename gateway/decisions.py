"""Decisions, each made once: `routers.decide` asked again only when something it reads has changed.

Agents ask the same way over and over, and a decision depends on little of a request: the rules' own
features, whether the prompt fits, and whether every place is well and affordable. `_read` names all
of it; where it cannot, because a place is resting, over budget, or a rule has a condition that is
not known here, the decision is made anew. A remembered decision is the very one that would be made:
`decide` draws nothing. A draw would be one more argument of it, and one more thing that `_read`
names.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple, Protocol

from capture.exchange import RouteDecision
from capture.journal import Written, written
from gateway.budget import Ledger
from gateway.errors import UnknownModel
from routers.conditions import (
    AgentIs,
    Between,
    Condition,
    ConversationIn,
    HeaderIs,
    ImagesPresent,
    InputAtLeast,
    InputAtMost,
    KeyIs,
    ModelIs,
    SkillIs,
    ToolOffered,
    ToolsPresent,
)
from routers.constraints import needed
from routers.decide import decide
from routers.escalation import AUTO, Policy
from routers.features import Budget, Features, Fleet
from routers.history import EMPTY, History
from routers.ready import NOTHING_LATEST, Latest, recent_of

_MOST = 1024
_NO_LIMIT = Budget()
_ALWAYS_READ = (
    ModelIs, ToolsPresent, ToolOffered, KeyIs, SkillIs, ConversationIn, ImagesPresent, Between
)  # fmt: skip
_OF_TOKENS = (InputAtLeast, InputAtMost)


class Decided(NamedTuple):
    """A decision, ready to be recorded."""

    decision: RouteDecision
    written: Written
    reserve_usd: float | None
    """The dearest candidate's worst case in US dollars; None when all of them are free."""


class Known(NamedTuple):
    """What is known of every skill, by its key."""

    history: History = EMPTY
    latest: Latest = NOTHING_LATEST
    """Read only where the policy's ready rule asks for it."""


NOTHING_KNOWN = Known()


class Places(Protocol):
    """What a decision needs of the upstreams (`gateway.fleet.Links`)."""

    priced: bool
    """Some upstream costs money."""
    well: Fleet
    """The fleet while every place is well; replaced when anything about a place changes."""

    def fleet(self) -> Fleet:
        """Every place and its health: `well` itself while every place is well."""
        ...

    def view(self, features: Features, fleet: Fleet) -> Fleet:
        """The same with what one request would cost at each place."""
        ...


class Decisions:
    """The decisions of one load of the settings."""

    def __init__(
        self, policy: Policy, links: Places, ledger: Ledger, known: Known = NOTHING_KNOWN
    ) -> None:
        conditions = policy.conditions
        self._policy = policy
        self._links = links
        self._ledger = ledger
        self._take(known)
        self._headers = sorted(policy.headers)
        self._by_tokens = any(isinstance(each, _OF_TOKENS) for each in conditions)
        self._exact = all(map(_is_known_condition, conditions))
        self._made: dict[Hashable, tuple[RouteDecision, Written]] = {}
        self._begin_anew(links.well)

    @property
    def learned(self) -> bool:
        """Some decisions ask history."""
        return self._policy.learned is not None

    @property
    def asks_recent(self) -> bool:
        """Some decisions ask the last outcomes of a skill."""
        learned = self._policy.learned
        return learned is not None and learned.rule == "last_three"

    def know(self, known: Known) -> None:
        """Decide by this from now on. What is equal changes no decision, and none is forgotten."""
        if known == self._known:
            return
        self._take(known)
        self._made.clear()

    def decide(self, features: Features) -> Decided:
        """Where this request goes. Raises UnknownModel."""
        links = self._links
        fleet = links.fleet()
        priced, budget = None, _NO_LIMIT
        if links.priced:
            priced, budget = links.view(features, fleet), self._ledger.left()
        usual = self._exact and fleet is links.well
        if not usual or (priced is not None and not _affordable(priced, budget)):
            decision = self._ask(features, priced or fleet, budget)
            return Decided(decision, written(decision), _reserve(decision, priced))
        if fleet is not self._fleet:
            self._begin_anew(fleet)
        read = self._read(features)
        made = self._made.get(read)
        if made is None:
            decision = self._ask(features, fleet, budget)
            made = decision, written(decision)
            if len(self._made) >= _MOST:
                self._made.clear()
            self._made[read] = made
        return Decided(made[0], made[1], _reserve(made[0], priced) if priced else None)

    def rehearse(self, features: Features) -> tuple[RouteDecision, Fleet, Budget]:
        """What `decide` would say, with every place and what this request would cost there, and the
        money that is left. Nothing is remembered. Raises UnknownModel."""
        fleet, budget = self._links.fleet(), _NO_LIMIT
        if self._links.priced:
            fleet, budget = self._links.view(features, fleet), self._ledger.left()
        return self._ask(features, fleet, budget), fleet, budget

    def _take(self, known: Known) -> None:
        """Take this as known, with skills under what this load of the settings calls them."""
        name = self._policy.names.of
        self._known = known
        self._named = known.history.named(name), recent_of(known.latest, name)

    def _begin_anew(self, fleet: Fleet) -> None:
        """Forget what was decided over another fleet."""
        self._made.clear()
        self._fleet = fleet
        rooms = [p.context_length for p in (*fleet.places, *fleet.named.values())]
        self._room = min([room for room in rooms if room is not None], default=None)

    def _read(self, features: Features) -> Hashable:
        """All that a decision can depend on while every place is well and affordable. What else
        `decide` may come to read belongs here."""
        tokens, room = needed(features), self._room
        tight = room is not None and tokens > room
        return (
            features.alias,
            features.key,
            features.private,
            features.choices,
            features.tools,
            features.named_skill,
            features.images,
            features.conversation_mode,
            features.latched,
            features.escalated,
            features.stays_home,
            features.minute,
            features.input_tokens if tight or self._by_tokens else None,
            tokens if tight else None,
            tuple([features.headers.get(name) for name in self._headers]),
        )

    def _ask(self, features: Features, fleet: Fleet, budget: Budget) -> RouteDecision:
        alias = features.alias
        known = alias == AUTO or alias in fleet.named or any(p.mode == alias for p in fleet.places)
        if not known:
            raise _unknown_model(alias, fleet)
        return decide(features, fleet, self._policy, budget, *self._named)


def _is_known_condition(condition: Condition) -> bool:
    return isinstance(condition, (*_ALWAYS_READ, *_OF_TOKENS, HeaderIs, AgentIs))


def _affordable(priced: Fleet, budget: Budget) -> bool:
    """No budget can stand in any place's way, so that no decision depends on prices."""
    left = [usd for usd in (budget.day_left_usd, budget.month_left_usd) if usd is not None]
    if not left:
        return True
    costs = [place.worst_case_usd for place in (*priced.places, *priced.named.values())]
    return all(cost is not None and cost <= min(left) for cost in costs)


def _reserve(decision: RouteDecision, priced: Fleet | None) -> float | None:
    """The dearest candidate's worst case in US dollars; None when all of them are free."""
    if priced is None:
        return None
    places = (*priced.places, *priced.named.values())
    prices = {(p.upstream, p.model): p.worst_case_usd for p in places}
    dearest = max(
        (prices.get((c.upstream, c.model)) or 0.0 for c in decision.candidates), default=0
    )
    return dearest or None


def _unknown_model(alias: str, fleet: Fleet) -> UnknownModel:
    names = ["auto", *(p.mode.value for p in fleet.places if p.mode), *fleet.named]
    return UnknownModel(
        f"no model is called {alias[:100]!r} here; there are: {', '.join(names)}", param="model"
    )
