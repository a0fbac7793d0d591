"""What the user said of spending money, in decisions."""

from __future__ import annotations

from dataclasses import replace

from capture.exchange import Mode
from routers.aloud import aloud
from routers.decide import decide
from routers.escalation import AUTO, Learned, Policy, Rule
from routers.explain import explain
from routers.features import Budget, Features, Fleet, Place

RESTING = Place(Mode.RESTING, "ollama", "small", local=True)
ACTIVE = Place(Mode.ACTIVE, "rented", "large", local=False, free=False)
BURST = Place(Mode.BURST, "claude", "sonnet", local=False, free=False)
FLEET = Fleet((RESTING, ACTIVE, BURST))
ASK = Features(AUTO, 10, None, tools=("terminal",))
COMMANDED = replace(ASK, escalated="the user asked for burst with /escalate")
REFUSED = replace(ASK, stays_home="the user said no to spending money on it")
POLICY = Policy(Mode.BURST, fallback=(Mode.ACTIVE,), verify=True, second_opinion=True)


def test_who_commands_burst_gets_it_whatever_rules_and_history_say() -> None:
    rules = (Rule("all", (), Mode.RESTING),)
    policy = replace(POLICY, rules=rules, learned=Learned(0.0), pins=(("*", Mode.RESTING),))
    decision = decide(COMMANDED, FLEET, policy, Budget())
    assert explain(decision) == (
        "Answered by sonnet at claude (BURST): the user asked for burst with /escalate."
    )
    assert [trace.outcome for trace in decision.rules] == ["not_reached"]


def test_a_command_opens_no_way_out_for_what_is_private() -> None:
    rules = (Rule("mine", (), private=True),)
    for features, policy in (
        (replace(COMMANDED, private=True), POLICY),
        (COMMANDED, replace(POLICY, rules=rules)),
    ):
        candidates = decide(features, FLEET, policy, Budget()).candidates
        assert [each.upstream for each in candidates] == ["ollama"]


def test_a_command_means_nothing_to_who_asks_for_a_mode_by_name() -> None:
    named = replace(COMMANDED, alias="resting")
    assert decide(named, FLEET, POLICY, Budget()).reasons[-1].code == "asked"


def test_what_was_refused_goes_to_free_places_alone_and_says_so() -> None:
    decision = decide(REFUSED, FLEET, POLICY, Budget())
    assert [each.model for each in decision.candidates] == ["small"]
    assert {reason.code for _, reason in decision.excluded} == {"approval"}
    assert (decision.checked, decision.second_opinion, decision.private) == ((), False, False)
    assert explain(decision) == (
        "Answered at home by small (RESTING): no rule decides and the default is burst, but the "
        "user said no to spending money on it."
    )


def test_what_was_refused_and_has_no_free_place_is_refused() -> None:
    decision = decide(REFUSED, Fleet((ACTIVE, BURST)), POLICY, Budget())
    assert decision.candidates == ()


def test_that_the_user_is_asked_is_read_aloud() -> None:
    said = [each.text for each in aloud(replace(POLICY, approval=True), FLEET, Budget())]
    assert any("the user is asked" in text for text in said)
    assert not any("the user is asked" in each.text for each in aloud(POLICY, FLEET, Budget()))
