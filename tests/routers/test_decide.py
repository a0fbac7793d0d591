from __future__ import annotations

from dataclasses import replace

import pytest

from capture.exchange import Candidate, Mode, RouteDecision
from routers.conditions import HeaderIs, InputAtLeast, ToolsPresent
from routers.decide import decide
from routers.escalation import AUTO, Learned, Policy, Rule
from routers.explain import explain
from routers.features import Budget, Features, Fleet, Place
from routers.history import EMPTY, History, Key, Tally

RESTING = Place(Mode.RESTING, "ollama", "small", local=True)
ACTIVE = Place(Mode.ACTIVE, "ollama", "large", local=True)
BURST = Place(Mode.BURST, "claude", "sonnet", local=False, worst_case_usd=0.30)
FLEET = Fleet((RESTING, ACTIVE, BURST), {"coder": replace(ACTIVE, mode=None, model="coder")}, 7)
ASK = Features(AUTO, input_tokens=1000, output_tokens=8192)
POLICY = Policy(Mode.RESTING, fallback=(Mode.ACTIVE, Mode.RESTING, Mode.BURST))
HARD = Rule("hard", (ToolsPresent(True),), Mode.BURST)
SECRET = Rule("secret", (HeaderIs("x-topic", "health*"),), private=True)
FREE = Budget()


def choose(
    features: Features = ASK,
    *rules: Rule,
    fleet: Fleet = FLEET,
    policy: Policy = POLICY,
    budget: Budget = FREE,
    history: History = EMPTY,
) -> RouteDecision:
    return decide(features, fleet, replace(policy, rules=rules), budget, history)


def models(decision: RouteDecision) -> list[str]:
    return [candidate.model for candidate in decision.candidates]


def codes(decision: RouteDecision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def test_without_a_rule_the_default_answers_and_the_fallback_order_follows() -> None:
    decision = choose()
    assert models(decision) == ["small", "large", "sonnet"]
    assert codes(decision) == ["default"]
    assert decision.config_generation == 7
    assert decision.alias == "auto"


def test_the_first_rule_that_applies_decides() -> None:
    with_tools = replace(ASK, tools=("terminal",))
    long = Rule("long", (InputAtLeast(500),), Mode.ACTIVE)
    decision = choose(with_tools, HARD, long)
    assert models(decision) == ["sonnet", "large", "small"]
    assert codes(decision) == ["rule:hard"]
    assert decision.reasons[-1].text == "rule `hard` applies because 1 tool is offered"
    assert [trace.outcome for trace in decision.rules] == ["chosen", "not_reached"]


def test_a_rule_that_does_not_apply_shows_what_it_saw() -> None:
    decision = choose(ASK, HARD)
    assert decision.rules[0].outcome == "no_match"
    assert decision.rules[0].saw == (("tools", "some", "none", False),)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_mode_asked_for_by_name_comes_first_whatever_the_rules_say(mode: Mode) -> None:
    always = Rule("always", (), Mode.ACTIVE)
    decision = choose(replace(ASK, alias=mode.value), always)
    assert decision.chosen is not None
    assert decision.chosen.mode is mode
    assert codes(decision) == ["asked"]


@pytest.mark.parametrize("mode", [Mode.RESTING, Mode.ACTIVE])
def test_asking_for_a_local_mode_never_falls_back_to_burst(mode: Mode) -> None:
    assert "sonnet" not in models(choose(replace(ASK, alias=mode.value)))


def test_burst_asked_for_and_not_to_be_had_falls_back_with_the_reason() -> None:
    decision = choose(replace(ASK, alias="burst"), budget=Budget(day_left_usd=0.10))
    assert models(decision) == ["large", "small"]
    assert codes(decision) == ["asked", "budget"]


def test_a_rule_that_lists_a_name_decides_for_that_name() -> None:
    rule = Rule("no-tools", (ToolsPresent(False),), Mode.RESTING, names=("burst",))
    assert models(choose(replace(ASK, alias="burst"), rule))[0] == "small"
    assert choose(ASK, rule).rules[0].outcome == "not_reached"


def test_a_configured_name_means_that_place_and_no_other() -> None:
    decision = choose(replace(ASK, alias="coder"), HARD)
    assert decision.candidates == (Candidate(Mode.ACTIVE, "ollama", "coder"),)
    assert codes(decision) == ["named"]


def test_a_configured_name_away_from_home_counts_as_burst() -> None:
    away = Place(None, "openrouter", "big", local=False, worst_case_usd=1.0)
    decision = choose(replace(ASK, alias="big"), fleet=replace(FLEET, named={"big": away}))
    assert decision.chosen == Candidate(Mode.BURST, "openrouter", "big")


def test_a_name_nobody_configured_has_no_candidate() -> None:
    decision = choose(replace(ASK, alias="gpt-9"))
    assert decision.candidates == ()
    assert codes(decision) == ["unknown_model"]


def test_private_beats_a_rule_for_burst() -> None:
    decision = choose(replace(ASK, tools=("t",), private=True), HARD)
    assert decision.private
    assert models(decision) == ["large", "small"]
    assert codes(decision) == ["private", "rule:hard", "private"]
    assert decision.excluded[0][0].model == "sonnet"


def test_private_beats_a_wish_for_burst_and_the_house_answers() -> None:
    decision = choose(replace(ASK, alias="burst", private=True))
    assert models(decision) == ["large", "small"]


def test_a_private_request_tries_local_modes_that_the_fallback_order_leaves_out() -> None:
    policy = Policy(Mode.BURST, fallback=())
    assert models(choose(replace(ASK, private=True), policy=policy)) == ["large", "small"]


def test_a_private_request_for_a_named_place_away_from_home_is_refused() -> None:
    away = Place(None, "openrouter", "big", local=False)
    asked = replace(ASK, alias="big", private=True)
    assert choose(asked, fleet=replace(FLEET, named={"big": away})).candidates == ()


def test_a_private_rule_holds_even_behind_the_rule_that_decides() -> None:
    asked = replace(ASK, tools=("t",), headers={"x-topic": "health/teeth"})
    decision = choose(asked, HARD, SECRET)
    assert decision.private
    assert "sonnet" not in models(decision)
    assert [trace.outcome for trace in decision.rules] == ["chosen", "matched"]
    assert decision.reasons[0].text == "rule `secret` marks it private"


@pytest.mark.parametrize("alias", ["burst", "resting", "coder"])
def test_a_private_rule_holds_whatever_name_is_asked_for(alias: str) -> None:
    asked = replace(ASK, alias=alias, headers={"x-topic": "health"})
    assert choose(asked, SECRET).private


def test_places_too_small_for_the_prompt_are_ruled_out() -> None:
    fleet = Fleet((replace(RESTING, context_length=1200), ACTIVE, BURST))
    decision = choose(fleet=fleet)
    assert models(decision) == ["large", "sonnet"]
    assert codes(decision) == ["default", "context"]


def test_a_huge_max_tokens_does_not_rule_a_place_out() -> None:
    fleet = Fleet((replace(RESTING, context_length=1256),))
    assert models(choose(replace(ASK, output_tokens=65_536), fleet=fleet)) == ["small"]


def test_what_takes_no_images_is_ruled_out_only_for_images() -> None:
    fleet = Fleet((replace(RESTING, images=False), ACTIVE, BURST))
    assert models(choose(replace(ASK, images=True), fleet=fleet)) == ["large", "sonnet"]
    assert models(choose(ASK, fleet=fleet))[0] == "small"


@pytest.mark.parametrize(
    ("budget", "code"),
    [(Budget(day_left_usd=0.29), "budget"), (Budget(month_left_usd=0.29), "budget")],
)
def test_a_worst_case_over_what_is_left_is_ruled_out(budget: Budget, code: str) -> None:
    decision = choose(replace(ASK, tools=("t",)), HARD, budget=budget)
    assert models(decision) == ["large", "small"]
    assert codes(decision)[-1] == code


def test_a_worst_case_of_exactly_what_is_left_is_allowed() -> None:
    assert "sonnet" in models(choose(budget=Budget(0.30, 0.30)))


@pytest.mark.parametrize(("budget", "allowed"), [(FREE, True), (Budget(100.0, None), False)])
def test_an_unknown_price_is_ruled_out_where_a_budget_is_set(budget: Budget, allowed: bool) -> None:
    fleet = Fleet((RESTING, replace(BURST, worst_case_usd=None)))
    decision = choose(fleet=fleet, budget=budget)
    assert ("sonnet" in models(decision)) is allowed
    assert [reason.code for _, reason in decision.excluded] == (
        [] if allowed else ["unknown_price"]
    )


def test_what_is_free_is_allowed_with_nothing_left() -> None:
    assert models(choose(budget=Budget(0.0, 0.0))) == ["small", "large"]


def test_failing_places_go_last() -> None:
    fleet = Fleet((replace(RESTING, healthy=False), ACTIVE, BURST))
    decision = choose(fleet=fleet)
    assert models(decision) == ["large", "sonnet", "small"]
    assert codes(decision) == ["default", "unhealthy"]


def test_failing_places_are_tried_when_there_is_nothing_else() -> None:
    fleet = Fleet(tuple(replace(place, healthy=False) for place in FLEET.places))
    decision = choose(fleet=fleet)
    assert models(decision) == ["small", "large", "sonnet"]
    assert codes(decision) == ["default"]


def test_one_place_that_serves_two_modes_is_tried_once() -> None:
    fleet = Fleet((RESTING, replace(ACTIVE, model="small"), BURST))
    assert models(choose(fleet=fleet)) == ["small", "sonnet"]


def test_a_mode_that_nothing_serves_falls_back_and_says_so() -> None:
    decision = choose(replace(ASK, tools=("t",)), HARD, fleet=Fleet((RESTING,)))
    assert models(decision) == ["small"]
    assert codes(decision) == ["rule:hard", "not_configured"]


def test_an_empty_house_has_no_candidate() -> None:
    assert choose(fleet=Fleet(())).candidates == ()


def test_the_decision_is_certain_and_makes_no_claim_of_confidence() -> None:
    decision = choose()
    assert decision.propensity == 1.0
    assert decision.confidence is None


# `learned`: home where a skill is proven there

LEARNED = replace(POLICY, default=Mode.BURST, learned=Learned(0.7))
TIMER = replace(ASK, tools=("set_timer",))
ADAPTER = "20260101-000000-aaaaaa"


def history(*tallies: tuple[str, str | None, float, float]) -> History:
    """On `tool:set_timer` at `ollama`: model, adapter, successes, failures."""
    return History({Key("tool:set_timer", "ollama", m, a): Tally(s, f) for m, a, s, f in tallies})


def test_an_unknown_skill_goes_to_burst_and_says_what_is_known() -> None:
    decision = choose(TIMER, policy=LEARNED)
    assert models(decision) == ["sonnet", "large", "small"]
    assert codes(decision) == ["history"]
    assert decision.reasons[0].text == (
        "`small` was never tried on `tool:set_timer`: its posterior is 0.5, "
        "and 0.7 is asked to stay home"
    )
    assert (decision.skill, decision.confidence) == ("tool:set_timer", 0.5)


def test_a_proven_skill_stays_home_and_says_with_which_figures() -> None:
    decision = choose(TIMER, policy=LEARNED, history=history(("small", None, 8.7, 2)))
    assert models(decision) == ["small", "large", "sonnet"]
    assert codes(decision) == ["history"]
    assert decision.reasons[0].text == (
        "`small` did well 8.7 of 10.7 times on `tool:set_timer`: its posterior is 0.764, "
        "and 0.7 is enough"
    )
    assert decision.confidence == pytest.approx(9.7 / 12.7)


def test_a_skill_that_failed_at_home_goes_to_burst_with_the_best_posterior_told() -> None:
    known = history(("small", None, 1, 9), ("large", None, 3, 3))
    decision = choose(TIMER, policy=LEARNED, history=known)
    assert models(decision)[0] == "sonnet"
    assert decision.reasons[0].text.startswith("`large` did well 3 of 6 times")
    assert decision.confidence == 0.5


def test_the_cheapest_proven_mode_answers() -> None:
    both = history(("small", None, 8, 2), ("large", None, 10, 0))
    assert models(choose(TIMER, policy=LEARNED, history=both))[0] == "small"
    one = history(("small", None, 2, 8), ("large", None, 10, 0))
    assert models(choose(TIMER, policy=LEARNED, history=one))[0] == "large"


def test_only_what_the_adapter_it_has_now_did_counts() -> None:
    known = history(("small", ADAPTER, 9, 1))
    assert models(choose(TIMER, policy=LEARNED, history=known))[0] == "sonnet"
    fleet = replace(FLEET, places=(replace(RESTING, adapter=ADAPTER), ACTIVE, BURST))
    decision = choose(TIMER, fleet=fleet, policy=LEARNED, history=known)
    assert models(decision)[0] == "small"
    assert f"with adapter `{ADAPTER}`" in decision.reasons[0].text


def test_what_is_proven_of_one_skill_says_nothing_of_another() -> None:
    known = history(("small", None, 9, 1))
    asked = replace(ASK, tools=("set_timer", "send_mail"))
    assert models(choose(asked, policy=LEARNED, history=known))[0] == "sonnet"


def test_rules_and_wishes_come_before_history() -> None:
    known = history(("small", None, 9, 1))
    ruled = choose(TIMER, HARD, policy=LEARNED, history=known)
    asked = choose(replace(TIMER, alias="active"), policy=LEARNED, history=known)
    assert (codes(ruled), codes(asked)) == (["rule:hard"], ["asked"])
    assert ruled.confidence is None
    assert ruled.skill == "tool:set_timer", "the skill is known all the same"


def test_an_unknown_skill_that_is_private_stays_home() -> None:
    decision = choose(replace(TIMER, private=True), policy=LEARNED)
    assert models(decision) == ["large", "small"]
    assert codes(decision) == ["private", "history", "private"]


def test_an_unknown_skill_is_answered_at_home_when_the_money_is_spent() -> None:
    decision = choose(TIMER, policy=LEARNED, budget=Budget(0.0, None))
    assert models(decision) == ["large", "small"]
    assert codes(decision) == ["history", "budget"]


def test_a_local_mode_that_is_not_at_home_proves_nothing() -> None:
    fleet = Fleet((replace(RESTING, local=False), BURST))
    decision = choose(TIMER, fleet=fleet, policy=LEARNED, history=history(("small", None, 9, 0)))
    assert models(decision)[0] == "sonnet"
    assert decision.confidence is None


# checks


CHECKING = replace(POLICY, verify=True)


def checked(features: Features, policy: Policy = CHECKING, fleet: Fleet = FLEET) -> list[str]:
    return [place.model for place in choose(features, policy=policy, fleet=fleet).checked]


def test_the_decision_says_whose_replies_are_checked() -> None:
    assert checked(TIMER) == ["small", "large"]
    assert checked(TIMER, POLICY) == [], "the settings do not ask for it"
    assert checked(ASK) == [], "no tools are offered"


def test_the_last_places_reply_is_not_checked_since_nothing_would_be_gained() -> None:
    assert checked(replace(TIMER, alias="resting")) == ["small"]
    assert checked(replace(TIMER, private=True)) == ["small"]
    assert checked(replace(TIMER, alias="coder")) == []


def test_a_reply_from_elsewhere_is_not_checked() -> None:
    assert checked(replace(TIMER, alias="burst")) == ["large"]


def test_a_place_that_goes_last_since_it_fails_is_not_checked() -> None:
    fleet = replace(FLEET, places=(replace(RESTING, healthy=False), ACTIVE, BURST))
    assert checked(TIMER, fleet=fleet) == ["large"]


SECONDED = replace(CHECKING, second_opinion=True, default=Mode.ACTIVE)


def test_a_second_opinion_is_asked_of_active_after_resting_whichever_comes_first() -> None:
    for default in (Mode.RESTING, Mode.ACTIVE):
        policy = replace(
            SECONDED, default=default, fallback=(Mode.ACTIVE, Mode.RESTING, Mode.BURST)
        )
        decision = choose(TIMER, policy=policy)
        assert decision.second_opinion
        modes = [candidate.mode for candidate in decision.candidates]
        assert modes == [Mode.RESTING, Mode.ACTIVE, Mode.BURST]


@pytest.mark.parametrize(
    "features",
    [
        ASK,
        replace(TIMER, private=True),
        replace(TIMER, alias="resting"),
        replace(TIMER, alias="burst"),
        replace(TIMER, alias="coder"),
        replace(TIMER, choices=2),
    ],
    ids=["no tools", "private", "local by name", "burst by name", "one place", "several replies"],
)
def test_no_second_opinion_where_it_would_change_nothing(features: Features) -> None:
    assert not choose(features, policy=SECONDED).second_opinion


def test_a_proven_skill_needs_no_second_opinion() -> None:
    policy = replace(SECONDED, default=Mode.BURST, learned=Learned(0.7))
    place = FLEET.at(Mode.RESTING)
    assert place is not None
    key = Key(TIMER.skill, place.upstream, place.model, place.adapter)
    proven = History({key: Tally(20.0, 0.0)})
    decision = choose(TIMER, policy=policy, history=proven)
    assert decision.candidates[0].mode is Mode.RESTING
    assert not decision.second_opinion


def test_a_decision_that_asks_for_a_second_opinion_says_who_would_answer() -> None:
    assert explain(choose(TIMER, policy=SECONDED)).startswith(
        "Answered at home by large (ACTIVE) if small (RESTING) makes the same calls: "
    )


WEIGHING = replace(SECONDED, default=Mode.BURST, learned=Learned(0.7), max_loss=0.01)


def test_under_max_loss_home_is_asked_first_and_every_local_reply_is_weighed() -> None:
    for features in (ASK, TIMER):
        decision = choose(features, policy=WEIGHING)
        assert models(decision) == ["small", "large", "sonnet"]
        assert [place.model for place in decision.checked] == ["small", "large"]
        assert codes(decision) == ["weighed"]
        assert decision.weighs
        assert not decision.second_opinion


@pytest.mark.parametrize(
    "features",
    [
        replace(TIMER, private=True),
        replace(TIMER, alias="resting"),
        replace(TIMER, alias="burst"),
        replace(TIMER, choices=2),
        replace(TIMER, latched="its task is not done"),
    ],
    ids=["private", "home by name", "burst by name", "several replies", "latched"],
)
def test_nothing_is_weighed_where_the_choice_is_made(features: Features) -> None:
    assert not choose(features, policy=WEIGHING).weighs


@pytest.mark.parametrize(
    "fleet",
    [
        Fleet((RESTING, ACTIVE)),
        Fleet((BURST,)),
        Fleet((RESTING, ACTIVE, replace(BURST, healthy=False))),
        Fleet((replace(RESTING, local=False), replace(ACTIVE, context_length=16), BURST)),
    ],
    ids=["no burst", "nobody at home", "burst is failing", "no room at home"],
)
def test_nothing_is_weighed_without_somebody_at_home_and_burst(fleet: Fleet) -> None:
    decision = choose(TIMER, fleet=fleet, policy=WEIGHING)
    assert not decision.weighs
    assert decision.candidates


def test_a_rule_decides_before_anything_is_weighed() -> None:
    assert not choose(TIMER, HARD, policy=WEIGHING).weighs


def test_a_local_place_that_fails_is_not_weighed_and_goes_last() -> None:
    fleet = Fleet((replace(RESTING, healthy=False), ACTIVE, BURST))
    decision = choose(TIMER, fleet=fleet, policy=WEIGHING)
    assert models(decision) == ["large", "sonnet", "small"]
    assert [place.model for place in decision.checked] == ["large"]


def test_a_decision_that_weighs_says_who_would_answer() -> None:
    assert explain(choose(TIMER, policy=WEIGHING)).startswith(
        "Answered at home by small (RESTING) or large (ACTIVE) if a reply is worth it, else by "
    )
