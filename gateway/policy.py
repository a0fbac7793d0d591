"""The settings' `escalation:` as the router's `Policy`; its refusals as errors for clients."""

from __future__ import annotations

from collections.abc import Iterator

from capture.exchange import Mode, RouteDecision
from gateway.errors import ClientError, GatewayError, NothingMayAnswer
from gateway.settings import Escalation, HistorySettings, QuietHours, SkillsSettings, When
from gateway.settings import Rule as RuleSettings
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
from routers.escalation import AUTO, Learned, Policy, Rule
from routers.explain import explain
from routers.hours import Quiet, Window
from routers.latch import Latch
from routers.naming import AS_THEY_ARE, Names

_NO_SKILLS = SkillsSettings()


def build_policy(escalation: Escalation, skills: SkillsSettings = _NO_SKILLS) -> Policy:
    """The policy these settings describe."""
    names = names_of(skills)
    learned, latch = escalation.default == "learned", escalation.latch
    return Policy(
        default=Mode.BURST if learned else Mode(escalation.default),
        rules=tuple(_rule(rule, names) for rule in escalation.rules),
        fallback=escalation.fallback,
        learned=_learned(escalation.history) if learned else None,
        verify=escalation.verify != "off",
        second_opinion=escalation.verify == "agreement",
        max_loss=_share(escalation.max_quality_loss),
        latch=Latch(latch.turns, latch.minutes) if latch.on else None,
        quiet=tuple(quiet_hours(each) for each in escalation.quiet),
        approval=escalation.approval == "ask",
        names=names,
        pins=tuple(skills.pin.items()),
    )


def _share(points: float | None) -> float | None:
    """Points of a hundred as a share."""
    return None if points is None else points / 100.0


def names_of(skills: SkillsSettings) -> Names:
    """What these settings call skills."""
    return Names(tuple(skills.names.items())) if skills.names else AS_THEY_ARE


def quiet_hours(settings: QuietHours) -> Quiet:
    """The quiet hours these settings describe."""
    return Quiet(Window.of(f"{settings.from_}-{settings.to}"), settings.modes)


def _learned(history: HistorySettings) -> Learned:
    return Learned(history.home_at, tuple(history.skills.items()), history.rule)


def refusal(decision: RouteDecision) -> GatewayError:
    """What a client gets when `decision` has no candidate.

    When the prompt fits nowhere, or nothing takes its images, the request is at fault and agents
    act on it (they shorten the conversation). All else is a matter of the house's settings.
    """
    codes = {reason.code for _, reason in decision.excluded}
    if codes == {"context"}:
        words = "This model's maximum context length is exceeded: "
        return ClientError(words + _why_not(decision), code="context_length_exceeded")
    if codes == {"images"}:
        return ClientError(f"No model here takes images: {_why_not(decision)}", code="no_images")
    return NothingMayAnswer(explain(decision))


def _rule(rule: RuleSettings, names: Names) -> Rule:
    return Rule(
        name=rule.name,
        conditions=tuple(_conditions(rule.when, names)),
        then=rule.then,
        private=rule.private,
        names=(AUTO,) if rule.when.model is None else rule.when.model,
    )


def _conditions(when: When, names: Names) -> Iterator[Condition]:
    """The conditions that are set, the cheapest to check first."""
    if when.model is not None:
        yield ModelIs(when.model)
    if isinstance(when.tools, bool):
        yield ToolsPresent(when.tools)
    yield from _of_the_prompt(when)
    if when.between is not None:
        yield Between(tuple(map(Window.of, when.between)))
    if when.conversation_mode is not None:
        yield ConversationIn(when.conversation_mode)
    if when.key is not None:
        yield KeyIs(when.key)
    if isinstance(when.tools, tuple):
        yield ToolOffered(when.tools)
    if when.skill is not None:
        yield SkillIs(when.skill, names)
    if when.agent is not None:
        yield AgentIs(when.agent)
    for name, wanted in (when.header or {}).items():
        yield HeaderIs(name, wanted)


def _of_the_prompt(when: When) -> Iterator[Condition]:
    if when.images is not None:
        yield ImagesPresent(when.images)
    if when.min_input_tokens is not None:
        yield InputAtLeast(when.min_input_tokens)
    if when.max_input_tokens is not None:
        yield InputAtMost(when.max_input_tokens)


def _why_not(decision: RouteDecision) -> str:
    return "; ".join(reason.text for _, reason in decision.excluded)
