"""The canonical record of one request and all that came of it.

An exchange is: the request, the route decision, every attempt, the reply, usage, cost, timings.
Times are Unix seconds (float, UTC); durations are seconds measured on the monotonic clock.
Money is US dollars; an unknown amount is None, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from capture.messages import FinishReason, Usage
from capture.values import value

if TYPE_CHECKING:
    from capture.weighing import Weighing


class Mode(StrEnum):
    """The metabolic mode of a request."""

    RESTING = "resting"
    """The small local model."""
    ACTIVE = "active"
    """The large local model."""
    BURST = "burst"
    """The cloud: Claude."""


ExchangeStatus = Literal[
    "open", "ok", "upstream_error", "client_gone", "truncated", "interrupted", "refused", "asked"
]
"""How an exchange ended. `open` has a begin record only; `interrupted` was open when the gateway
died; `truncated` means the upstream's stream broke off; `refused` never reached an upstream;
`asked` was answered with our own question whether to spend money, which is nobody's answer."""

Culprit = Literal["client", "gateway", "upstream"]
"""Who failed."""


@value
class Reason:
    """One step of why a decision fell as it did."""

    code: str
    """Stable, for machines: `rule:NAME`, `default`, `private`, `budget`, `context`, ..."""
    text: str
    """One clause for people, present tense, no trailing full stop."""


@value
class RuleTrace:
    """What one escalation rule looked at, and whether it applied."""

    name: str
    outcome: Literal["chosen", "matched", "no_match", "not_reached"]
    """`matched` is for rules that apply without choosing a mode (they mark private)."""
    saw: tuple[tuple[str, str, str, bool], ...] = ()
    """(condition, wanted, found, held) for each condition checked, in order; conditions after the
    first that failed are not checked and not listed."""


@value
class Candidate:
    """One place this request may be sent."""

    mode: Mode
    upstream: str
    """Name of the upstream in the user's settings."""
    model: str
    """Name of the model as that upstream knows it."""


@value
class RouteDecision:
    """Where a request goes and why. Produced by `routers.decide`, never changed afterwards."""

    candidates: tuple[Candidate, ...]
    """The chosen place first, then the fallbacks in order. Empty: nothing may answer."""
    reasons: tuple[Reason, ...]
    """Why the first candidate is first; the last reason is the decisive one."""
    rules: tuple[RuleTrace, ...]
    excluded: tuple[tuple[Candidate, Reason], ...] = ()
    """Places that a constraint ruled out, each with the constraint."""
    private: bool = False
    """Never leaves home, on any failure path."""
    alias: str = "auto"
    """The model name the client asked for."""
    config_generation: int = 0
    """Which load of the settings decided."""
    confidence: float | None = None
    """P(home gets it right), 0 to 1; None until a confidence model exists for it."""
    propensity: float = 1.0
    """Probability with which this choice was drawn; 1.0 for a deterministic decision."""
    skill: str | None = None
    """The kind of task this is, by the key it is counted under; None when nothing about the request
    says."""
    skill_name: str | None = None
    """What the user calls that skill; None: nothing else."""
    checked: tuple[Candidate, ...] = ()
    """Places whose reply is held until it is checked, while one after them could still answer.
    Empty: every reply goes out as it comes."""
    second_opinion: bool = False
    """A reply of a checked place is handed over only when another of them has said the same."""
    weighs: bool = False
    """Replies of the checked places are looked at, and BURST answers where it is worth it
    (`capture.weighing`)."""

    @property
    def chosen(self) -> Candidate | None:
        """The first candidate, or None when nothing may answer."""
        return self.candidates[0] if self.candidates else None


AttemptStatus = Literal[
    "ok", "connect_error", "timeout", "http_error", "broken", "cancelled", "unfit", "held"
]
"""How a try ended. `unfit` is a whole reply that was checked and not handed over; `held` is one
that was fit, and not handed over because a second opinion was asked for."""


@dataclass(slots=True)
class Attempt:
    """One try at one upstream. Every try is kept, the aborted ones too."""

    mode: Mode
    upstream: str
    model: str
    started_at: float
    status: AttemptStatus = "ok"
    http_status: int | None = None
    """None when no response head came."""
    error: str | None = None
    """What went wrong, in one line and without secrets; None when nothing did. Of an `ok` one: why
    its reply was unfit, which was handed over for want of another."""
    upstream_request_id: str | None = None
    connect_s: float | None = None
    """None when a kept-alive connection served."""
    first_byte_s: float | None = None
    """From sending to the first body byte; None when none came."""
    total_s: float | None = None
    usage: Usage | None = None
    """None when the upstream did not say."""
    cost_usd: float | None = None
    """None when unknown; 0.0 only for upstreams the settings call free."""
    reserve_usd: float | None = None
    """Worst case reserved in the budget before sending; what counts as spent while `cost_usd` is
    unknown. None when nothing was reserved."""
    adapter: str | None = None
    """Id of the LoRA weights the model answered with; None for the base alone, and for models whose
    weights are not ours to choose."""


@dataclass(slots=True)
class ExchangeEnd:
    """All that is known at an exchange's last byte; journalled before that byte goes out."""

    status: ExchangeStatus
    http_status: int
    """The status the client saw (200 also for errors told in-band after headers)."""
    attempts: list[Attempt]
    """In the order they were made, but for one: whose reply the client got comes last."""
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    """The answering attempt's usage."""
    cost_usd: float | None = None
    """Over every attempt; None as soon as one of them is unknown."""
    queue_s: float | None = None
    """Waiting for admission, before the first attempt."""
    first_token_s: float | None = None
    """From the request's last byte in to the first byte of the reply out."""
    total_s: float | None = None
    error: dict[str, Any] | None = None
    """The error object the client got; None when it got none."""
    streamed: bool = False
    delivered_bytes: int = 0
    """Body bytes handed to the client's connection."""
    notes: tuple[str, ...] = ()
    """What was dropped or repaired on the way, one clause each."""
    weighing: Weighing | None = None
    """How it was weighed; None where the decision asked for none."""
