"""All a decision may look at. Nothing else about a request reaches the router."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from capture.exchange import Mode
from capture.values import value
from routers.agents import agent_of
from routers.skills import skill_of


@value
class Features:
    """What is known of a request before it is answered."""

    alias: str
    """The model name asked for: `auto`, a mode's name, or a configured name."""
    input_tokens: int
    """Estimated tokens of the prompt, tools included; always an estimate."""
    output_tokens: int | None
    """The most one reply may have, as the client asked; None when it set no limit."""
    input_tokens_max: int | None = None
    """The prompt holds no more tokens than this, whatever the tokenizer: what budgets reserve by.
    None when no bound is known."""
    choices: int = 1
    """How many replies are asked for (`n`)."""
    tools: tuple[str, ...] = ()
    """Names of the tools offered, in the order offered."""
    stream: bool = False
    images: bool = False
    """Some message holds an image part."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Request headers a rule may test: lower-case names; credentials and cookies are never here."""
    key: str | None = None
    """Name of the API key used; None when the gateway runs without keys."""
    named_skill: str | None = None
    """The skill as the client named it, or as the conversation shows it in use; None when neither
    names one."""
    conversation_mode: Mode | None = None
    """The mode that answered this conversation last; None for a new or unknown conversation."""
    private: bool = False
    """The client asked that this never leaves home."""
    minute: int | None = None
    """Minute of the local day, 0 to 1,439; None while the policy asks nothing of the time."""
    latched: str | None = None
    """Why a task that BURST took on is not done, as a clause; None when it is, or none was."""
    escalated: str | None = None
    """Why it goes to BURST whatever rules and history say, as a clause; None: nothing says so."""
    stays_home: str | None = None
    """Why no place may answer that is not free, as a clause; None: each may."""

    @property
    def agent(self) -> str | None:
        """The agent that asks; None where its headers do not say."""
        return agent_of(self.headers)

    @property
    def skill(self) -> str:
        """The kind of task: the key that outcomes are counted under. What the user calls it, the
        policy knows (`routers.naming`)."""
        return skill_of(self.named_skill, self.tools)


@value
class Place:
    """One model at one upstream, as the router sees it now."""

    mode: Mode | None
    """The mode it serves; None for a place reachable only by a configured name."""
    upstream: str
    model: str
    local: bool
    """It is inside the house: private requests may go there."""
    context_length: int | None = None
    """Most tokens of prompt and reply together; None when unknown, which never excludes."""
    images: bool | None = None
    """Takes image parts; None when unknown, which never excludes."""
    healthy: bool = True
    """False while its circuit is open."""
    worst_case_usd: float | None = 0.0
    """What this very request would cost at most there; None when the price is unknown."""
    adapter: str | None = None
    """Id of the adapter it answers with now; None for the base alone."""
    free: bool = True
    """Its requests cost nothing."""


@value
class Fleet:
    """Every place a request could go, at this moment."""

    places: tuple[Place, ...]
    named: Mapping[str, Place] = field(default_factory=dict[str, Place])
    """Configured model names beyond the modes, each to its place."""
    generation: int = 0
    """Which load of the settings this fleet was built from."""

    def at(self, mode: Mode) -> Place | None:
        """The place that serves `mode`, or None when that mode is not configured."""
        for place in self.places:
            if place.mode is mode:
                return place
        return None


@value
class Budget:
    """Money left for BURST before this request, in US dollars; None means no limit."""

    day_left_usd: float | None = None
    month_left_usd: float | None = None
