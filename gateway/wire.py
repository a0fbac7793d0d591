"""The bodies of our own endpoints, as JSON leaves the house. Documented in docs/api.md.

Inference replies are not here: those are the dialects'. Amounts nobody knows are null, never zero.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from capture.exchange import AttemptStatus, ExchangeStatus, Mode
from capture.messages import FinishReason
from capture.side_calls import Purpose


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
    skill: str | None
    """The kind of task the decision took it for."""
    adapter: str | None
    """Id of the LoRA weights it was answered with; null for the base alone and for the cloud."""
    conversation: str | None
    """Id of its conversation's first exchange; null until it is over."""
    outcome: Literal["success", "failure", "unknown"] | None
    """What came of it; null while nothing was seen that says."""


class OutcomeView(View):
    """What came of an exchange, with its evidence."""

    outcome: Literal["success", "failure", "unknown"]
    confidence: float
    """0 to 1."""
    evidence: tuple[tuple[str, str], ...]
    """(code, words), what weighs most first."""
    corrected: bool
    """The user said that it was wrong."""


class OldOutcomeView(View):
    """What was known of an exchange until later evidence changed it."""

    outcome: Literal["success", "failure", "unknown"]
    confidence: float
    """0 to 1."""
    since: float
    until: float
    """Unix seconds, both."""


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
    adapter: str | None = None
    """Id of the LoRA weights it was made with; null for the base alone, and for models whose
    weights are not ours to choose."""
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


class AgreementView(View):
    """Two replies to one request, held against each other."""

    same: bool
    """They say the same."""
    score: float
    """How much of what they say is the same, 0 to 1."""
    text: str
    """The verdict, as a clause."""
    comparable: bool
    """False where this cannot be told: free text."""


class WeighingView(View):
    """How the learning router weighed a request. Probabilities are 0 to 1."""

    choice: Literal["accept", "escalate", "away"]
    """A local reply was handed over; one was looked at and BURST asked; BURST was asked at once."""
    reason: ReasonView
    """Why, as a clause."""
    who: Mode | None
    """Whose reply was chosen; null for BURST."""
    home: dict[Mode, float]
    """P(right) of each local model."""
    cloud: float | None
    """P(right) of BURST; null where it was not weighed."""
    benefit: float | None
    """What BURST was believed to be worth: its P(right) less the best local one's."""
    spread: float | None
    """Standard deviation of the benefit."""
    limit: float | None
    """The benefit from which on a request leaves home."""
    propensity: float
    """How likely this very choice was."""
    audited: bool
    """A local reply would have been handed over, and BURST was asked to hold the two together."""
    keys: list[str | None]
    """What history was asked by: the skill, nearly the same task, the very task."""
    figures: dict[str, float]
    """What request and local replies showed."""
    found: dict[Mode, list[ReasonView]]
    """What spoke against each local reply that was looked at."""
    agreement: AgreementView | None
    """The local replies against each other; null where there were not two."""
    beside: dict[Mode, AgreementView]
    """Each local reply against BURST's, where both were had."""
    weights: dict[Mode, str]
    """Which model, upstream and adapter each mode was."""


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
    skill: str | None = None
    """The key of the kind of task; null for exchanges of before skills were known."""
    skill_name: str | None = None
    """What the user called that skill when it was decided; null: nothing else."""
    confidence: float | None
    """P(home gets it right), as the history of the skill had it; null where it was not asked."""
    propensity: float
    checked: list[CandidateView] = []
    """Places whose reply was to be checked before it was handed over."""
    attempts: list[AttemptView]
    weighing: WeighingView | None = None
    """How the learning router weighed it; null where the policy did not ask for that."""


class ExchangeView(ExchangeHead):
    """`/v1/exchanges/{id}`: everything but the raw bytes, which have their own addresses."""

    explanation: str
    """Who answered and why, in one sentence."""
    attempts: list[AttemptView]
    """Every try at an upstream, in order; whose reply the client got comes last."""
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
    continues: str | None
    """Id of the exchange it goes on from; null for a conversation's first."""
    session: str | None
    """What its client calls the conversation; null when it does not say."""
    purpose: Purpose | None
    """What an agent asked on the side; null for a turn of a conversation."""
    parent: str | None
    """Id of the exchange it was asked for, of another conversation; null when none is known."""
    what_came_of_it: OutcomeView | None
    """The outcome with its evidence; null while nothing was seen that says."""
    what_was_thought: tuple[OldOutcomeView, ...]
    """What the outcome was before, the oldest first."""
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


class DistilledView(View):
    """What an exchange comes down to, in words of its own."""

    core: str
    """What was asked and what came of it."""
    context: list[str]
    """Numbers, names, identifiers, lines that tell of errors."""
    rooms: list[str]
    """The skill, the tools that were called, the directory."""
    files: list[str]
    """Paths that calls were about."""
    by: str | None
    """The model that says so, as `upstream/model`; `extraction` where rules took it from the
    text."""


class SearchHit(View):
    """An exchange that was found."""

    exchange: ExchangeSummaryView
    excerpt: str
    """Words around what was found, that between `**`; of one that does not hold the words, the
    beginning of what it asked."""
    held: bool
    """It holds all the words."""
    alike: float | None
    """Cosine of what it asked with what is looked for, up to 1; null when that is too little to
    count."""
    distilled: DistilledView | None
    """Null for a short exchange."""


class SearchList(View):
    """`/v1/search`."""

    object: Literal["list"] = "list"
    data: list[SearchHit]
    """The closest first."""
    note: str | None
    """What was searched by words alone where meaning was wanted, too, and why; null when nothing
    was."""


class WeekView(View):
    """One week's figures, under the plan's names: `local_8b` is RESTING, `local_14b` ACTIVE."""

    week: str
    """ISO 8601, UTC: `2026-W47`."""
    requests: int
    """Exchanges that began in it, however they ended."""
    total_conversations: int
    cloud_routed: int
    """Requests answered by BURST; with the two below, all that were answered."""
    local_14b_routed: int
    local_8b_routed: int
    cloud_percentage: float | None
    """Of answered requests, 0 to 100; null when nothing was answered."""
    cloud_cost_usd: float | None
    """Known costs of BURST; null when none is known."""
    cloud_cost_prev_week: float | None
    """Of the calendar week before; null for the first week."""
    cost_unknown: int
    """Attempts at BURST that `cloud_cost_usd` leaves out."""
    all_cloud_cost_usd: float | None
    """What BURST would have taken for all of it: its known costs, and home's tokens at the price of
    its model now, none of them cached; null when a price or a cost is unknown."""
    sovereignty_index: float | None
    """Share of answered requests that home answered, 0 to 1."""
    sovereignty_by_tokens: float | None
    """Home's share of the tokens, asked and answered, as far as upstreams counted them."""
    sovereignty_by_successes: float | None
    """Home's share of the answers with a good outcome."""
    task_success: float | None
    """Successes among known outcomes, 0 to 1; null when none is known."""
    corrections: int
    correction_rate: float | None
    """Of answered requests, 0 to 1."""
    tool_call_accuracy: float | None
    """Home's replies with calls that fit the tools offered, of all its replies with calls."""
    adapters: tuple[str, ...]
    """Ids of the adapters that answered."""
    training_examples: int
    """Exchanges that adapters made in the week were trained on."""
    gates_passed: int
    """Candidates that the gate let through."""
    gates_rejected: int


class WeekList(View):
    """`/v1/weekly`, oldest first."""

    weeks: list[WeekView]


class FlaggedView(View):
    """A training dataset that held some of what was forgotten."""

    cycle: str
    exchanges: tuple[str, ...]
    """Ids of those that were in it."""
    trained: bool
    """Some of them were trained, not only held out to judge."""
    adapter: str | None
    """What was made of it, and may still know them; null when nothing was."""


class ForgottenView(View):
    """`DELETE /v1/conversations/{id}`: what went, and what is left for the user to see to."""

    object: Literal["conversation.forgotten"] = "conversation.forgotten"
    conversation: str
    """Id of its first exchange."""
    exchanges: tuple[str, ...]
    """Ids, oldest first."""
    messages: int
    """Messages that no other conversation says, and that went with it."""
    records: int
    """Records of the journal that say nothing any more."""
    erased: bool
    """The store's file was written anew, and no byte is left in it; false: they are overwritten,
    but the file could not be written anew."""
    copies: tuple[str, ...]
    """Copies of the store from before a migration that held it, and were removed."""
    datasets: tuple[FlaggedView, ...]
    """Training datasets it was taken out of."""
    exports: tuple[str, ...]
    """Exports below HOME/exports that hold some of it; they are left alone."""
