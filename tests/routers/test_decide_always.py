"""What holds of every decision, whatever the policy, the house and the request."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from capture.exchange import Mode
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
    SkillIs,
    ToolOffered,
    ToolsPresent,
)
from routers.decide import decide
from routers.escalation import AUTO, Learned, Policy, Rule
from routers.explain import explain
from routers.features import Budget, Features, Fleet, Place
from routers.hours import Quiet, Window
from routers.latch import Latch

words = st.sampled_from(["a", "b", "health", "x*", "*"])
modes = st.sampled_from(list(Mode))
aliases = st.sampled_from([AUTO, "resting", "active", "burst", "coder", "nobody"])
tokens = st.integers(0, 200_000)
conditions: st.SearchStrategy[Condition] = st.one_of(
    st.builds(ToolsPresent, st.booleans()),
    st.builds(ToolOffered, st.tuples(words)),
    st.builds(InputAtLeast, tokens),
    st.builds(InputAtMost, tokens),
    st.builds(HeaderIs, words, st.one_of(st.booleans(), words)),
    st.builds(KeyIs, st.tuples(words)),
    st.builds(SkillIs, st.tuples(words)),
    st.builds(ConversationIn, st.tuples(modes)),
    st.builds(ImagesPresent, st.booleans()),
    st.builds(AgentIs, st.tuples(words)),
    st.builds(Between, st.tuples(st.builds(Window, st.integers(0, 1439), st.integers(0, 1439)))),
)
rules = st.builds(
    Rule,
    name=words,
    conditions=st.lists(conditions, max_size=3).map(tuple),
    then=st.none() | modes,
    private=st.booleans(),
    names=st.tuples(aliases),
)
minutes = st.integers(0, 1439)
windows = st.builds(Window, minutes, minutes).filter(lambda window: window.start != window.end)
quiets = st.builds(Quiet, windows, st.lists(modes, min_size=1, max_size=2).map(tuple))
policies = st.builds(
    Policy,
    default=modes,
    rules=st.lists(rules, max_size=6).map(tuple),
    fallback=st.lists(modes, max_size=4).map(tuple),
    learned=st.none() | st.builds(Learned, st.floats(0, 1)),
    latch=st.none() | st.just(Latch()),
    quiet=st.lists(quiets, max_size=2).map(tuple),
)


def places(mode: Mode | None) -> st.SearchStrategy[Place]:
    return st.builds(
        Place,
        mode=st.just(mode),
        upstream=st.sampled_from(["ollama", "claude"]),
        model=st.sampled_from(["small", "large"]),
        local=st.booleans(),
        context_length=st.none() | st.integers(1, 100_000),
        images=st.none() | st.booleans(),
        healthy=st.booleans(),
        worst_case_usd=st.none() | st.floats(0, 2),
    )


def some(strategy: st.SearchStrategy[Place]) -> st.SearchStrategy[tuple[Place, ...]]:
    return st.one_of(st.just(()), st.tuples(strategy))


def fleet_of(
    resting: tuple[Place, ...],
    active: tuple[Place, ...],
    burst: tuple[Place, ...],
    named: dict[str, Place],
) -> Fleet:
    return Fleet((*resting, *active, *burst), named)


fleets = st.builds(
    fleet_of,
    some(places(Mode.RESTING)),
    some(places(Mode.ACTIVE)),
    some(places(Mode.BURST)),
    st.dictionaries(st.just("coder"), places(None), max_size=1),
)
requests = st.builds(
    Features,
    alias=aliases,
    input_tokens=tokens,
    output_tokens=tokens,
    tools=st.lists(words, max_size=2).map(tuple),
    images=st.booleans(),
    headers=st.dictionaries(words, words, max_size=2),
    key=st.none() | words,
    named_skill=st.none() | words,
    conversation_mode=st.none() | modes,
    private=st.booleans(),
    minute=st.none() | minutes,
    latched=st.none() | st.just("burst took this task on"),
)
budgets = st.builds(Budget, st.none() | st.floats(0, 2), st.none() | st.floats(0, 2))


@settings(deadline=None)
@given(requests, fleets, policies, budgets)
def test_every_decision_keeps_what_must_hold(
    features: Features, fleet: Fleet, policy: Policy, budget: Budget
) -> None:
    decision = decide(features, fleet, policy, budget)
    everywhere = {(p.mode, p.upstream, p.model): p for p in fleet.places}
    named = fleet.named.get(features.alias)

    targets = [(c.upstream, c.model) for c in decision.candidates]
    assert len(targets) == len(set(targets)), "no place is tried twice"
    for candidate in decision.candidates:
        place = everywhere.get((candidate.mode, candidate.upstream, candidate.model)) or named
        assert place is not None
        assert place.local or not decision.private, "private never leaves home"
        assert not (features.images and place.images is False)
        if place.worst_case_usd != 0.0:
            for left in (budget.day_left_usd, budget.month_left_usd):
                assert left is None or (place.worst_case_usd or 9.0) <= left, "money"
    assert not set(decision.candidates) & {c for c, _ in decision.excluded}
    assert decision.private or not features.private
    assert len(decision.rules) == len(policy.rules)
    assert sum(trace.outcome == "chosen" for trace in decision.rules) <= 1
    assert decision.reasons
    sentence = explain(decision)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert decide(features, fleet, policy, budget) == decision, "the same again gives the same"


@settings(deadline=None)
@given(requests, fleets, policies)
def test_asking_for_a_local_mode_reaches_burst_only_by_a_rule_for_that_name(
    features: Features, fleet: Fleet, policy: Policy
) -> None:
    decision = decide(features, fleet, policy, Budget())
    ruled = any(trace.outcome == "chosen" for trace in decision.rules)
    if features.alias in {"resting", "active"} and not ruled:
        assert all(c.mode is not Mode.BURST for c in decision.candidates)


@settings(deadline=None)
@given(requests, fleets, policies)
def test_in_quiet_hours_only_their_modes_answer_and_nothing_more_goes_to_burst(
    features: Features, fleet: Fleet, policy: Policy
) -> None:
    decision = decide(features, fleet, policy, Budget())
    quiet = policy.quiet_at(features.minute)
    if quiet is None:
        return
    assert all(c.mode in quiet.modes for c in decision.candidates)
    loud = decide(features, fleet, replace(policy, quiet=()), Budget())
    if not any(c.mode is Mode.BURST for c in loud.candidates):
        assert all(c.mode is not Mode.BURST for c in decision.candidates)


@settings(deadline=None)
@given(requests, fleets, policies)
def test_while_the_latch_holds_no_rule_and_no_history_decides_for_auto(
    features: Features, fleet: Fleet, policy: Policy
) -> None:
    decision = decide(features, fleet, policy, Budget())
    chosen = [trace for trace in decision.rules if trace.outcome == "chosen"]
    if features.alias == AUTO and features.latched is not None:
        assert chosen == []
        assert decision.reasons[1 if decision.private else 0].code == "latch"
    else:
        free = decide(replace(features, latched=None), fleet, policy, Budget())
        assert decision == free, "a name that is asked for counts, latch or not"
