"""Names that users give to skills, and modes that they pin them to."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from capture.exchange import Mode
from routers.aloud import aloud
from routers.conditions import SkillIs
from routers.decide import decide
from routers.escalation import AUTO, Learned, Policy, Rule
from routers.explain import explain
from routers.features import Budget, Features, Fleet, Place
from routers.history import History, Key, Tally
from routers.naming import AS_THEY_ARE, Names
from routers.ready import Latest, recent_of

NAMES = Names((("tool:*_timer", "timers"), ("tools:read+*", "coding")))
FLEET = Fleet((
    Place(Mode.RESTING, "ollama", "small", local=True),
    Place(Mode.ACTIVE, "ollama", "large", local=True),
    Place(Mode.BURST, "claude", "sonnet", local=False),
))  # fmt: skip
PINNED = Policy(Mode.BURST, names=NAMES, pins=(("timers", Mode.RESTING), ("fin*", Mode.ACTIVE)))
TIMER = Features(AUTO, 10, None, tools=("set_timer",))
words = st.sampled_from(["a", "b", "c", "d"])
tallies = st.builds(Tally, st.integers(0, 9).map(float), st.integers(0, 9).map(float))
histories = st.dictionaries(
    st.builds(Key, words, st.just("ollama"), words, st.none()), tallies, max_size=8
).map(History)
namings = st.lists(st.tuples(words | st.just("*"), words), max_size=3).map(tuple).map(Names)


def mode_of(features: Features, policy: Policy = PINNED) -> Mode | None:
    chosen = decide(features, FLEET, policy, Budget()).chosen
    return None if chosen is None else chosen.mode


def code_of(features: Features, policy: Policy = PINNED) -> str:
    return decide(features, FLEET, policy, Budget()).reasons[-1].code


def test_the_first_pattern_that_fits_names_a_key() -> None:
    assert NAMES.of("tool:set_timer") == NAMES.of("tool:stop_timer") == "timers"
    assert NAMES.of("chat") == "chat"
    assert NAMES.called("tool:set_timer") == ("timers", "tool:set_timer")
    assert NAMES.called("chat") == ("chat",)


@given(histories, namings)
def test_naming_loses_no_outcome_and_makes_none(history: History, names: Names) -> None:
    named = history.named(names.of)
    for total in ("successes", "failures"):
        assert sum(getattr(t, total) for t in named.tallies.values()) == sum(
            getattr(t, total) for t in history.tallies.values()
        )
    assert history.named(AS_THEY_ARE.of) == history


@given(st.lists(st.tuples(words, st.booleans()), max_size=20), namings, st.integers(1, 3))
def test_the_last_outcomes_of_skills_of_one_name_are_the_newest_of_all(
    outcomes: list[tuple[str, bool]], names: Names, most: int
) -> None:
    newest = [(f"{n:02}", skill, good) for n, (skill, good) in enumerate(outcomes)][::-1]
    latest: Latest = {
        (skill, "u", "m", None): tuple([(n, good) for n, s, good in newest if s == skill][:3])
        for skill, _ in outcomes
    }
    for key, recent in recent_of(latest, names.of).items():
        wanted = [good for _, skill, good in newest if names.of(skill) == key[0]]
        assert list(recent)[:most] == wanted[:3][:most]


def test_a_rule_holds_by_the_name_and_by_the_key() -> None:
    for pattern in ("timers", "tool:set_timer", "tool:*"):
        assert SkillIs((pattern,), NAMES).check(TIMER) == ("skill", pattern, "timers", True)
    assert not SkillIs(("coding",), NAMES).check(TIMER)[3]
    assert SkillIs(("timers",), NAMES).because(TIMER) == "the skill is `timers`"


def test_a_private_rule_about_a_key_holds_whatever_that_is_called() -> None:
    rule = Rule("mine", (SkillIs(("tool:set_timer",), NAMES),), private=True)
    assert decide(TIMER, FLEET, replace(PINNED, rules=(rule,)), Budget()).private


def test_a_threshold_counts_for_the_name_and_for_the_key() -> None:
    for pattern in ("timers", "tool:set_timer"):
        learned = Learned(0.7, ((pattern, 0.5),))
        policy = Policy(Mode.BURST, names=NAMES, learned=learned)
        assert mode_of(TIMER, policy) is Mode.RESTING


def test_a_pinned_skill_goes_to_its_mode_and_says_so() -> None:
    decision = decide(TIMER, FLEET, PINNED, Budget())
    assert explain(decision) == (
        "Answered at home by small (RESTING): the skill `timers` is pinned to resting."
    )
    assert mode_of(replace(TIMER, named_skill="finance/tax")) is Mode.ACTIVE
    assert mode_of(replace(TIMER, tools=())) is Mode.BURST


def test_a_pin_comes_after_rules_the_latch_and_names_and_before_what_is_learned() -> None:
    rule = Rule("all", (), Mode.ACTIVE)
    assert code_of(TIMER, replace(PINNED, rules=(rule,))) == "rule:all"
    assert code_of(replace(TIMER, latched="it goes on")) == "latch"
    assert code_of(replace(TIMER, alias="active")) == "asked"
    assert code_of(TIMER, replace(PINNED, learned=Learned(0.1))) == "pin"


def test_a_pin_opens_no_way_out_for_what_is_private() -> None:
    policy = replace(PINNED, pins=(("timers", Mode.BURST),))
    decision = decide(replace(TIMER, private=True), FLEET, policy, Budget())
    assert {candidate.upstream for candidate in decision.candidates} == {"ollama"}


def test_names_and_pins_are_read_aloud() -> None:
    said = [each.text for each in aloud(PINNED, FLEET, Budget()) if each.about == "skills"]
    assert said == [
        "`tool:*_timer` is called `timers`.",
        "`tools:read+*` is called `coding`.",
        "The skill `timers` is pinned to resting (`small` at `ollama`, at home).",
        "The skill `fin*` is pinned to active (`large` at `ollama`, at home).",
    ]
