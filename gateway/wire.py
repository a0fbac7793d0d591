"""The bodies of our own endpoints, as JSON leaves the house. Documented in docs/api.md.

Inference replies are not here: those are the dialects'. Amounts nobody knows are null, never zero.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from capture.exchange import AttemptStatus, ExchangeStatus, Mode
from capture.messages import FinishReason


class View(BaseModel):
    """Base of all bodies."""

    model_config = ConfigDict(frozen=True, from_attributes=True, use_attribute_docstrings=True)


class Liveness(View):
    """`/livez`."""

    status: Literal["ok"] = "ok"


class Readiness(View):
    """`/readyz`."""

    status: Literal["ready", "unready"]
    reasons: list[str]
    """Codes of what stops requests from being answered; empty when ready."""


class ModelObject(View):
    """One model name a client may ask for."""

    model_config = ConfigDict(extra="allow")

    id: str
    """What to write into `model`: `auto`, a mode's name or a configured name."""
    object: Literal["model"] = "model"
    created: int = 0
    """Unix seconds."""
    owned_by: str = "majordomo"
    context_length: int | None = None
    """Most tokens of prompt and reply together; null when no upstream behind the name says."""


class ModelList(View):
    """`/v1/models`."""

    object: Literal["list"] = "list"
    data: list[ModelObject]


class ProblemView(View):
    """Something that is not as it should be, now."""

    code: str
    effect: Literal["stops", "warns"]
    """`stops`: requests are not answered until it is mended. `warns`: they are."""
    text: str


class Status(View):
    """`/v1/status`: what the runtime says of itself, and what is wrong."""

    model_config = ConfigDict(extra="allow")

    problems: list[ProblemView]
    """Worst first; empty when all is well."""


class UsageView(View):
    """Tokens as the upstream counted them; null where it did not say."""

    input_tokens: int | None
    """All tokens of the prompt, cache reads and writes included."""
    output_tokens: int | None
    """All generated tokens, reasoning included."""
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None


class ExchangeHead(View):
    """What lists and single exchanges both tell."""

    id: str
    began_at: float
    """Unix seconds."""
    status: ExchangeStatus
    path: str
    key: str | None
    """Name of the API key; null when the gateway ran without keys."""
    alias: str
    """The model name asked for."""
    stream: bool
    private: bool
    mode: Mode | None
    upstream: str | None
    model: str | None
    """Who answered, or was tried last; null when nothing might answer."""
    http_status: int | None
    """What the client saw; null while open and when the gateway died."""
    finish_reason: FinishReason | None
    usage: UsageView | None
    cost_usd: float | None
    """Over every attempt; null when unknown."""
    first_token_s: float | None
    total_s: float | None
    asked: str | None
    """Beginning of the last user message."""
    answered: str | None
    """Beginning of the reply's text."""
    called: tuple[str, ...]
    """Names of the tools the reply calls."""


class ExchangeSummaryView(ExchangeHead):
    """One exchange in a list."""

    attempts: int
    """How many tries at upstreams it took."""


class ExchangeList(View):
    """`/v1/exchanges`, newest first."""

    object: Literal["list"] = "list"
    data: list[ExchangeSummaryView]
    has_more: bool
    """Older ones may follow."""
    next_before: str | None
    """What to send as `before` to go on; null when there are no older ones."""


class AttemptView(View):
    """One try at one upstream."""

    mode: Mode
    upstream: str
    model: str
    started_at: float
    status: AttemptStatus
    http_status: int | None
    error: str | None
    upstream_request_id: str | None
    connect_s: float | None
    """Null when a kept-alive connection served."""
    first_byte_s: float | None
    total_s: float | None
    usage: UsageView | None
    cost_usd: float | None
    reserve_usd: float | None
    """Its worst case, held against the budget before it was sent; null where nothing was held."""


class CandidateView(View):
    """One place a request may be sent."""

    mode: Mode
    upstream: str
    model: str


class ReasonView(View):
    """One step of why a decision fell as it did."""

    code: str
    text: str


class CheckView(View):
    """One condition of a rule, and what it saw."""

    condition: str
    wanted: str
    found: str
    held: bool


class RuleView(View):
    """What one escalation rule looked at."""

    name: str
    outcome: Literal["chosen", "matched", "no_match", "not_reached"]
    saw: list[CheckView]
    """In order; conditions after the first that failed are not checked and not listed."""


class ExcludedView(View):
    """A place that a constraint ruled out."""

    place: CandidateView
    reason: ReasonView


class Explanation(View):
    """`/v1/exchanges/{id}/explain`."""

    id: str
    sentence: str
    """Who answered and why."""
    status: ExchangeStatus
    private: bool
    """It was never allowed to leave home."""
    candidates: list[CandidateView]
    """The chosen place first, then the fallbacks in order."""
    reasons: list[ReasonView]
    """The last one is decisive."""
    rules: list[RuleView]
    excluded: list[ExcludedView]
    config_generation: int
    confidence: float | None
    propensity: float
    attempts: list[AttemptView]


class ExchangeView(ExchangeHead):
    """`/v1/exchanges/{id}`: everything but the raw bytes, which have their own addresses."""

    explanation: str
    """Who answered and why, in one sentence."""
    attempts: list[AttemptView]
    """Every try at an upstream, in order."""
    decision: dict[str, Any]
    """The route decision, as `docs/api.md` describes it."""
    config_generation: int
    headers: dict[str, str]
    """Request headers kept; never credentials."""
    messages: list[dict[str, Any]]
    """The request's messages, normalised."""
    tools: tuple[str, ...]
    """Names of the tools offered."""
    reply: dict[str, Any] | None
    """The first choice's answer, normalised; null when there was none."""
    replies: list[dict[str, Any]]
    """The answers of all choices."""
    queue_s: float | None
    connect_s: float | None
    delivered_bytes: int | None
    error: dict[str, Any] | None
    """The error object the client got."""
    notes: tuple[str, ...]
    """What was dropped or repaired on the way."""
    request_url: str
    """Where the raw request body is."""
    response_url: str
    """Where the raw response body is."""
