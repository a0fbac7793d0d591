"""The body of `/v1/decision`: what would become of a request. Documented in docs/api.md."""

from __future__ import annotations

from capture.exchange import Mode
from gateway.endpoints.explaining import parts
from gateway.rehearsal import Choice, Rehearsed
from gateway.wire import CandidateView, ExcludedView, ReasonView, RuleView, View
from routers.explain import foretell


class ChoiceView(View):
    """One place the request could go, chosen or not."""

    mode: Mode | None
    """Null for a place with a name of its own."""
    upstream: str
    model: str
    local: bool
    """It is at home."""
    prompt_usd: float | None
    """What the prompt alone would cost there, by the estimate of its tokens and uncached; null when
    the price is unknown."""
    worst_case_usd: float | None
    """The most that this request could cost there: what a budget sets aside; null when the price is
    unknown."""
    ruled_out: ReasonView | None
    """Why it may not answer this request; null when it may."""


class DecisionView(View):
    """What would be decided. Nothing was sent, recorded or reserved."""

    sentence: str
    """Who would answer and why."""
    mode: Mode | None
    upstream: str | None
    model: str | None
    """Who would answer; null when nothing may."""
    rule: str | None
    """Name of the rule that decides the mode; null when none does."""
    private: bool
    """It would never leave home."""
    asks: bool
    """Its user would be asked first whether money may be spent (`escalation.approval`)."""
    alias: str
    """The model name asked for."""
    input_tokens: int
    """The estimate of its prompt."""
    skill: str | None
    """The key of the kind of task."""
    skill_name: str | None
    """What the user calls that skill; null: nothing else."""
    confidence: float | None
    """P(home gets it right), as the history of the skill has it; null where it is not asked."""
    propensity: float
    reasons: list[ReasonView]
    """What chose the mode, then what stands in the way of each place before the first candidate."""
    rules: list[RuleView]
    """What each rule saw."""
    candidates: list[CandidateView]
    """Who would answer first, then the fallbacks in order."""
    checked: list[CandidateView]
    """Places whose reply would be checked before it is handed over."""
    excluded: list[ExcludedView]
    """Places in that order that are ruled out."""
    choices: list[ChoiceView]
    """Every place there is, with what this request would cost there."""
    config_generation: int


def decision_view(found: Rehearsed) -> DecisionView:
    """A decision that was not taken, as JSON."""
    decision = found.decision
    chosen = decision.chosen
    return DecisionView(
        sentence=foretell(decision),
        mode=found.mode,
        upstream=None if chosen is None else chosen.upstream,
        model=None if chosen is None else chosen.model,
        rule=found.rule,
        asks=found.asks,
        alias=decision.alias,
        input_tokens=found.features.input_tokens,
        choices=[_choice(choice) for choice in found.choices],
        **parts(decision),
    )


def _choice(choice: Choice) -> ChoiceView:
    place, against = choice.place, choice.against
    return ChoiceView(
        mode=place.mode,
        upstream=place.upstream,
        model=place.model,
        local=place.local,
        prompt_usd=choice.prompt_usd,
        worst_case_usd=place.worst_case_usd,
        ruled_out=None if against is None else ReasonView.model_validate(against),
    )
