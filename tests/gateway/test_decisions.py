"""A remembered decision is the one that would be made, whatever was decided before it."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.exchange import Mode, RouteDecision
from capture.plain import plain_decision
from gateway.budget import Ledger
from gateway.decisions import Decisions, Known
from gateway.errors import UnknownModel
from routers.conditions import (
    AgentIs,
    Between,
    Check,
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
from routers.features import Budget, Features, Fleet, Place
from routers.history import History, Key, Tally
from routers.hours import Quiet, Window
from routers.latch import Latch
from routers.naming import Names
from routers.ready import recent_of

words = st.sampled_from(["a", "b"])
modes = st.sampled_from(list(Mode))
tokens = st.sampled_from([1, 10, 300, 5000])
minutes = st.sampled_from([0, 100, 200, 1300])
windows = st.builds(Window, minutes, minutes).filter(lambda window: window.start != window.end)
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
    st.builds(Between, st.tuples(windows)),
)
rules = st.builds(
    Rule,
    name=words,
    conditions=st.lists(conditions, max_size=3).map(tuple),
    then=st.none() | modes,
    private=st.booleans(),
)
policies = st.builds(
    Policy,
    default=modes,
    rules=st.lists(rules, max_size=3).map(tuple),
    fallback=st.lists(modes, max_size=3).map(tuple),
    verify=st.booleans(),
    latch=st.none() | st.just(Latch()),
    quiet=st.lists(st.builds(Quiet, windows, st.tuples(modes)), max_size=2).map(tuple),
    learned=st.none()
    | st.builds(
        Learned,
        st.sampled_from([0.4, 0.6]),
        st.lists(st.tuples(words, st.sampled_from([0.2, 0.9])), max_size=2).map(tuple),
        st.sampled_from(["posterior", "three_successes", "last_three"]),
    ),
    names=st.lists(st.tuples(words, words), max_size=2).map(tuple).map(Names),
    pins=st.lists(st.tuples(words, modes), max_size=2).map(tuple),
)
places = st.builds(
    Place,
    mode=modes,
    upstream=st.sampled_from(["ollama", "claude"]),
    model=words,
    local=st.booleans(),
    context_length=st.sampled_from([None, 100, 400, 10_000]),
    images=st.none() | st.booleans(),
    free=st.booleans(),
)
requests = st.builds(
    Features,
    alias=st.sampled_from([AUTO, "resting", "burst", "coder"]),
    input_tokens=tokens,
    output_tokens=st.sampled_from([None, 1, 200, 5000]),
    tools=st.lists(words, max_size=2).map(tuple),
    images=st.booleans(),
    headers=st.dictionaries(
        st.sampled_from(["a", "b", "user-agent", "x-title", "x-majordomo-agent"]), words, max_size=2
    ),
    key=st.none() | words,
    named_skill=st.none() | words,
    conversation_mode=st.none() | modes,
    private=st.booleans(),
    minute=minutes,
    latched=st.none() | words,
    escalated=st.none() | words,
    stays_home=st.none() | words,
)
recents = st.dictionaries(
    st.tuples(words, st.just("ollama"), words, st.none()),
    st.lists(st.tuples(words, st.booleans()), max_size=3).map(tuple),
    max_size=3,
)
histories = st.builds(
    Known,
    st.dictionaries(
        st.builds(Key, words, st.just("ollama"), words, st.none()),
        st.builds(Tally, st.sampled_from([0.0, 3.0]), st.sampled_from([0.0, 2.0])),
        max_size=3,
    ).map(History),
    recents,
)


class House:
    """Upstreams that cost `usd` away from home."""

    def __init__(self, well: Fleet, usd: float | None = 0.0) -> None:
        self.well = well
        self.priced = usd != 0.0
        self.usd = usd
        self.resting = False

    def fleet(self) -> Fleet:
        if not self.resting:
            return self.well
        return replace(self.well, places=tuple(replace(p, healthy=False) for p in self.well.places))

    def view(self, features: Features, fleet: Fleet) -> Fleet:
        del features
        priced = (p if p.local else replace(p, worst_case_usd=self.usd) for p in fleet.places)
        return replace(fleet, places=tuple(priced))


def made_anew(
    house: House, features: Features, policy: Policy, budget: Budget, known: Known
) -> bytes:
    name = policy.names.of
    known_as = known.history.named(name), recent_of(known.latest, name)
    decision = decide(features, house.view(features, house.fleet()), policy, budget, *known_as)
    return orjson.dumps(plain_decision(decision))


@pytest.mark.slow
@settings(max_examples=300)
@given(
    policies,
    st.lists(places, min_size=1, max_size=3, unique_by=lambda place: place.mode),
    st.lists(requests, min_size=1, max_size=8),
    st.sampled_from([0.0, 0.5, None]),
    st.sampled_from([None, 0.1, 1.0]),
    st.lists(st.booleans(), min_size=8, max_size=8),
    histories,
)
def test_what_was_decided_before_changes_no_decision(
    policy: Policy,
    fleet: list[Place],
    asked: list[Features],
    usd: float | None,
    day_usd: float | None,
    resting: list[bool],
    history: Known,
) -> None:
    named = {"coder": Place(None, "ollama", "c", local=True, context_length=200)}
    house = House(Fleet(tuple(fleet), named, 7), usd)
    ledger = Ledger(day_usd, None)
    decisions = Decisions(policy, house, ledger, history)
    known = {AUTO, "coder", *(place.mode for place in fleet)}
    for features, rests in zip(asked * 2, resting * 2, strict=False):
        house.resting = rests
        if features.alias not in known:
            with pytest.raises(UnknownModel):
                decisions.decide(features)
            continue
        decided = decisions.decide(features)
        assert orjson.dumps(plain_decision(decided.decision)) == decided.written.whole
        assert decided.written.whole == made_anew(house, features, policy, ledger.left(), history)
        assert decisions.rehearse(features)[0] == decided.decision


def test_a_fleet_that_changed_is_decided_over_anew() -> None:
    home = Place(Mode.RESTING, "ollama", "small", local=True)
    house = House(Fleet((home,)))
    decisions = Decisions(Policy(Mode.RESTING), house, Ledger(None, None))
    features = Features(AUTO, 10, None)
    first = decisions.decide(features).decision
    assert decisions.decide(features).decision is first
    house.well = Fleet((replace(home, model="large"),))
    chosen = decisions.decide(features).decision.chosen
    assert chosen is not None
    assert chosen.model == "large"


def test_history_that_is_the_same_forgets_no_decision() -> None:
    home = Place(Mode.RESTING, "ollama", "small", local=True)
    policy = Policy(Mode.BURST, learned=Learned(0.7))
    decisions = Decisions(policy, House(Fleet((home,))), Ledger(None, None))
    features = Features(AUTO, 10, None)

    def known(successes: float) -> Known:
        return Known(History({Key("chat", "ollama", "small", None): Tally(successes)}))

    decisions.know(known(9.0))
    first = decisions.decide(features).decision
    decisions.know(known(9.0))
    assert decisions.decide(features).decision is first
    decisions.know(known(0.0))
    assert decisions.decide(features).decision != first


def test_what_was_counted_under_its_keys_counts_under_a_name_at_once() -> None:
    home = Place(Mode.RESTING, "ollama", "small", local=True)
    keys = [Key(f"tool:{verb}_timer", "ollama", "small", None) for verb in ("set", "stop")]
    known = Known(History({key: Tally(2.0) for key in keys}))
    features = Features(AUTO, 10, None, tools=("stop_timer",))
    policy = Policy(Mode.BURST, learned=Learned(0.8), fallback=(Mode.RESTING,))
    names = Names((("tool:*_timer", "timers"),))

    def decided(policy: Policy) -> RouteDecision:
        decisions = Decisions(policy, House(Fleet((home,))), Ledger(None, None), known)
        return decisions.decide(features).decision

    apart, together = decided(policy), decided(replace(policy, names=names))
    assert apart.confidence == 0.75
    assert together.confidence == pytest.approx(5 / 6)
    assert together.reasons[-1].text.startswith("`small` did well 4 of 4 times on `timers`")
    assert (together.skill, together.skill_name) == ("tool:stop_timer", "timers")
    assert (apart.skill, apart.skill_name) == ("tool:stop_timer", None)


class Odd:
    """A condition nobody here knows."""

    def __init__(self) -> None:
        self.asked = 0

    def check(self, features: Features) -> Check:
        del features
        self.asked += 1
        return "odd", "1", str(self.asked), self.asked % 2 == 1

    def says(self) -> str:
        return "it is odd"

    def because(self, features: Features) -> str:
        del features
        return "it is odd"


def test_a_condition_that_is_not_known_is_asked_every_time() -> None:
    odd = Odd()
    policy = Policy(Mode.RESTING, (Rule("odd", (odd,), Mode.RESTING),))
    house = House(Fleet((Place(Mode.RESTING, "ollama", "small", local=True),)))
    decisions = Decisions(policy, house, Ledger(None, None))
    outcomes = [decisions.decide(Features(AUTO, 1, None)).decision.rules[0].outcome for _ in "abc"]
    assert outcomes == ["chosen", "no_match", "chosen"]
