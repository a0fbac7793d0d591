"""The settings' `escalation:` as the router's `Policy`; its refusals as errors for clients."""

from __future__ import annotations

from collections.abc import Iterator

from capture.exchange import Mode, RouteDecision
from gateway.errors import ClientError, GatewayError, NothingMayAnswer
from gateway.settings import Escalation, When
from gateway.settings import Rule as RuleSettings
from routers.escalation import (
    AUTO,
    Condition,
    ConversationIn,
    HeaderIs,
    ImagesPresent,
    InputAtLeast,
    InputAtMost,
    KeyIs,
    Learned,
    ModelIs,
    Policy,
    Rule,
    SkillIs,
    ToolOffered,
    ToolsPresent,
)
from routers.explain import explain


def build_policy(escalation: Escalation) -> Policy:
    """The policy these settings describe."""
    learned = escalation.default == "learned"
    return Policy(
        default=Mode.BURST if learned else Mode(escalation.default),
        rules=tuple(_rule(rule) for rule in escalation.rules),
        fallback=escalation.fallback,
        learned=Learned(escalation.history.home_at) if learned else None,
        verify=escalation.verify == "tool_calls",
    )


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


def _rule(rule: RuleSettings) -> Rule:
    return Rule(
        name=rule.name,
        conditions=tuple(_conditions(rule.when)),
        then=rule.then,
        private=rule.private,
        names=(AUTO,) if rule.when.model is None else rule.when.model,
    )


def _conditions(when: When) -> Iterator[Condition]:
    """The conditions that are set, the cheapest to check first."""
    if when.model is not None:
        yield ModelIs(when.model)
    if isinstance(when.tools, bool):
        yield ToolsPresent(when.tools)
    yield from _of_the_prompt(when)
    if when.conversation_mode is not None:
        yield ConversationIn(when.conversation_mode)
    if when.key is not None:
        yield KeyIs(when.key)
    if isinstance(when.tools, tuple):
        yield ToolOffered(when.tools)
    if when.skill is not None:
        yield SkillIs(when.skill)
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
