"""What the store gives back: frozen values, one per question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from capture.exchange import AttemptStatus, ExchangeStatus, Mode
from capture.messages import FinishReason, Message, ToolCall, Usage
from capture.outcomes import Outcome, OutcomeName
from capture.side_calls import Purpose
from capture.weighing import Weighing


@dataclass(frozen=True, slots=True)
class ExchangeSummary:
    """One line of a list of exchanges."""

    id: str
    began_at: float
    """Unix seconds."""
    status: ExchangeStatus
    path: str
    key: str | None
    """Name of the API key; None when the gateway ran without keys."""
    alias: str
    """The model name asked for."""
    stream: bool
    private: bool
    mode: Mode | None
    """Of the last attempt, before any of the chosen place; None when nothing might answer."""
    upstream: str | None
    model: str | None
    http_status: int | None
    """What the client saw; None while open and when the gateway died."""
    finish_reason: FinishReason | None
    usage: Usage | None
    """None when the upstream did not say."""
    cost_usd: float | None
    """Over every attempt; None when unknown."""
    first_token_s: float | None
    total_s: float | None
    attempts: int
    asked: str | None
    """Beginning of the last user message; None when there is none."""
    answered: str | None
    """Beginning of the reply's text; None when it has none."""
    called: tuple[str, ...]
    """Names of the tools the reply calls."""
    skill: str | None = None
    """The kind of task; None when nothing about the request said."""
    adapter: str | None = None
    """Id of the adapter the last attempt was made with; None for weights that are not ours."""
    conversation: str | None = None
    """Id of its conversation's first exchange; None until it has ended and been linked."""
    outcome: OutcomeName | None = None
    """What came of it; None while nothing has been seen that says."""


@dataclass(frozen=True, slots=True)
class AttemptDetail:
    """One try at one upstream, with its bytes."""

    mode: Mode
    upstream: str
    model: str
    started_at: float
    status: AttemptStatus
    http_status: int | None
    error: str | None
    upstream_request_id: str | None
    connect_s: float | None
    first_byte_s: float | None
    total_s: float | None
    usage: Usage | None
    cost_usd: float | None
    reserve_usd: float | None
    raw: bytes
    """Its response body as it came, possibly cut off; empty when none came."""
    adapter: str | None = None
    """Id of the adapter it was made with; None for weights that are not ours."""


@dataclass(frozen=True, slots=True)
class OldOutcome:
    """What was known of an exchange until later evidence changed it."""

    outcome: OutcomeName
    confidence: float
    """0 to 1."""
    since: float
    until: float
    """Unix seconds, both."""


@dataclass(frozen=True, slots=True)
class ExchangeDetail:
    """All that is known of one exchange."""

    summary: ExchangeSummary
    headers: Mapping[str, str]
    """Request headers kept; never credentials."""
    config_generation: int
    decision: Mapping[str, Any]
    """The route decision, field for field as `capture.exchange.RouteDecision` has them."""
    request: bytes
    """The body as received."""
    tools: tuple[str, ...]
    """Names of the tools offered."""
    messages: tuple[Message, ...]
    """The request's messages, as far as they could be read."""
    replies: tuple[Message, ...]
    """The answer of each choice; empty when there was none."""
    tool_calls: tuple[ToolCall, ...]
    """The calls the first choice makes."""
    attempts: tuple[AttemptDetail, ...]
    partial: bytes
    """Upstream bytes of an exchange that never ended: no attempt owns them. Else empty."""
    delivered: bytes
    """Body bytes the client got: translated, or the last attempt's own."""
    delivered_bytes: int | None
    """Body bytes handed to the client's connection; None while open and when the gateway died."""
    queue_s: float | None
    connect_s: float | None
    error: Mapping[str, Any] | None
    """The error object the client got."""
    notes: tuple[str, ...]
    """What was dropped or repaired on the way."""
    continues: str | None = None
    """Id of the exchange this one goes on from; None for a conversation's first."""
    session: str | None = None
    """What its client calls the conversation; None when it does not say."""
    purpose: Purpose | None = None
    """What an agent asked on the side; None for a turn of a conversation."""
    parent: str | None = None
    """Id of the exchange it was asked for; None when there is none, or none is known."""
    outcome: Outcome | None = None
    """What came of it, with its evidence; None while nothing has been seen that says."""
    outcome_before: tuple[OldOutcome, ...] = ()
    """What was thought to have come of it, the oldest first."""
    weighing: Weighing | None = None
    """How it was weighed; None where the decision asked for none."""

    @property
    def reply(self) -> Message | None:
        """The first choice's answer, or None when there was none."""
        return self.replies[0] if self.replies else None


@dataclass(frozen=True, slots=True)
class Loss:
    """A stretch of the journal that could not be read."""

    segment: int
    offset: int
    bytes: int
    reason: str
    found_at: float


@dataclass(frozen=True, slots=True)
class SkillCount:
    """What came of the exchanges of one skill at one place with one adapter."""

    skill: str
    upstream: str
    model: str
    adapter: str | None
    """None for the base alone, and for weights that are not ours."""
    successes: float
    """Outcomes that are successes."""
    failures: float
    """Outcomes that are failures, and replies not handed over. Unknown outcomes count nowhere."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as a whole, for whoever is to forget it."""

    id: str
    """Of its first exchange."""
    exchanges: tuple[str, ...]
    """Ids, oldest first."""
    feedback: tuple[str, ...]
    """Ids of what was said of them."""
    keys: frozenset[str | None]
    """Names of the API keys it was held with; None: the gateway ran without keys."""
    began_at: float
    """Unix seconds."""
    last_at: float
    """When its latest exchange began, Unix seconds."""
    asked: str | None
    """Beginning of its first user message; None without one."""
    in_flight: bool
    """One of its exchanges is being answered, or a request that goes on from it."""
