"""What the learning router makes of live requests: when it asks home, and what teaches it what."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from capture.exchange import Mode, Reason
from capture.ids import first_id
from capture.weighing import Agreement, Weighed, Weighing
from routers.checks import Looked
from routers.learning import Learning
from routers.thresholds import Aim

HOMES = (Mode.RESTING, Mode.ACTIVE)
AIM = Aim(max_loss=0.05)
SAME = Agreement(True, 1.0, "both make the same call")
OTHER = Agreement(False, 0.0, "they call different tools")
UNLIKE = dict.fromkeys(HOMES, OTHER)
CLEAN = Looked((), {})
NAMES = {Mode.RESTING: "small", Mode.ACTIVE: "large", Mode.BURST: "cloud"}
ASKED = "Set a timer for ten minutes."


def learning(seed: int = 0) -> Learning:
    return Learning(HOMES, AIM, seed)


def weighed(number: int = 1, right: bool | None = None, **changes: object) -> Weighed:
    """One request that BURST answered after both local models had been looked at, all alike."""
    said = {
        "choice": "escalate",
        "reason": Reason("unproven", "not proven yet"),
        "who": None,
        "keys": ("timer", "near", "exact"),
        "found": dict.fromkeys(HOMES, ()),
        "agreement": SAME,
        "home": {Mode.RESTING: 0.6, Mode.ACTIVE: 0.7},
        "cloud": 0.8,
        "stays": True,
        "weights": NAMES,
        "beside": dict.fromkeys(HOMES, SAME),
    }
    weighing = Weighing(**{**said, **changes})  # pyright: ignore[reportArgumentType]
    id_ = first_id(1_790_000_000.0 + number)
    return Weighed(id_, None, Mode.BURST, weighing, right, 0.9, 0.0)


def home(known: Learning, skill: str = "timer") -> float:
    """P(right) of the small model, as one of the known tasks has it."""
    return known.brain.confidence.estimate(known.meet(ASKED, skill, 1, 1).sight).home[Mode.RESTING]


def test_replies_that_say_the_same_as_bursts_prove_that_home_may_answer() -> None:
    known = learning()
    steps: list[str] = []
    for number in range(60):
        met = known.meet(ASKED, "timer", 1, 1)
        settled = known.settle(str(number), met, dict.fromkeys(HOMES, CLEAN), SAME)
        steps.append(settled.verdict.step)
        known.teach(weighed(number, stays=settled.stays))
    assert set(steps[:24]) == {"escalate"}
    assert steps[-1] == "accept"


def test_a_new_life_knows_what_the_last_one_knew() -> None:
    first, second = learning(), learning()
    rows = [weighed(n, right=n % 3 > 0) for n in range(50)]
    for row in rows:
        first.teach(row)
    for row in rows:
        second.teach(row)
    assert home(first) == home(second) != home(learning())
    assert first.brain.control == second.brain.control


def test_what_is_told_again_teaches_nothing_new_but_what_changed() -> None:
    known = learning()
    known.teach(weighed(right=True))
    before, verdicts = home(known), known.brain.control.most
    known.teach(weighed(right=True))
    assert home(known) == before
    known.teach(weighed(right=False))
    assert home(known) <= before
    assert known.brain.control.most == verdicts


def test_which_of_two_that_differ_is_right_is_waited_for_and_not_for_ever() -> None:
    known = learning()
    known.teach(weighed(1, beside=UNLIKE))
    assert known.brain.control.most.of == 0
    known.teach(weighed(1, right=True, beside=UNLIKE))
    assert known.brain.control.most.of == 1
    known.teach(weighed(2, beside=UNLIKE))
    known.teach(weighed(2000))
    assert known.brain.control.most.of == 3


def test_what_is_told_again_while_nobody_knows_is_judged_once() -> None:
    known = learning()
    for _ in range(5):
        known.teach(weighed(1, beside=UNLIKE))
    before = home(known)
    known.teach(weighed(2000, choice="away", beside={}))
    once = home(known)
    assert known.brain.control.most.of == 1
    for number in range(2001, 2010):
        known.teach(weighed(number, choice="away", beside={}))
    assert (home(known), known.brain.control.most.of) == (once, 1)
    assert once != before


def test_home_is_spared_where_looks_lead_to_nothing_and_is_asked_now_and_then() -> None:
    known = learning()
    for number in range(200):
        known.teach(weighed(number, stays=False, beside=UNLIKE))
    asked = [known.meet(ASKED, "timer", 1, 1) for _ in range(400)]
    share = sum(each.asks_home for each in asked) / len(asked)
    assert 0.02 < share < 0.09
    assert {each.propensity for each in asked} == {0.05, 0.95}


def test_home_goes_on_being_asked_while_it_says_what_the_cloud_says() -> None:
    known = learning()
    for number in range(200):
        known.teach(weighed(number, stays=False))
    assert all(known.meet(ASKED, "timer", 1, 1).asks_home for _ in range(50))


def test_another_adapter_opens_what_was_closed_and_counts_history_for_less() -> None:
    known = learning()
    for number in range(200):
        known.teach(weighed(number, right=False, stays=False, beside=UNLIKE))
    closed = home(known)
    known.notice({**NAMES, Mode.RESTING: "small with an adapter"})
    known.notice({**NAMES, Mode.RESTING: "small with another"})
    known.notice({**NAMES, Mode.RESTING: "small with a third"})
    assert home(known) > closed
    assert all(known.meet(ASKED, "timer", 1, 1).asks_home for _ in range(50))


def test_what_is_not_served_any_more_teaches_nothing() -> None:
    known = Learning((Mode.ACTIVE,), AIM)
    known.teach(weighed(right=True))
    answered = replace(weighed(2, right=True), answered=Mode.RESTING)
    known.teach(answered)
    assert known.brain.homes == (Mode.ACTIVE,)


class Histories(RuleBasedStateMachine):
    """More successes never lower what is believed, and other skills do not move."""

    def __init__(self) -> None:
        super().__init__()
        self.known = learning()
        self.number = 0

    def _teach(self, right: bool, skill: str) -> None:
        self.number += 1
        keys = (skill, f"{skill} near", f"{skill} exact")
        row = weighed(self.number, right, keys=keys, choice="accept", who=Mode.RESTING, beside={})
        self.known.teach(replace(row, answered=Mode.RESTING))

    def _p(self, skill: str) -> float:
        sight = replace(
            self.known.meet(ASKED, skill, 1, 1).sight,
            keys=(skill, f"{skill} near", f"{skill} exact"),
        )
        return self.known.brain.confidence.estimate(sight).home[Mode.RESTING]

    @rule(right=st.booleans(), skill=st.sampled_from(["timer", "mail"]))
    def something_came_of_one(self, right: bool, skill: str) -> None:
        self._teach(right, skill)

    @rule(skill=st.sampled_from(["timer", "mail"]))
    def a_success(self, skill: str) -> None:
        before = self._p(skill)
        self._teach(True, skill)
        assert self._p(skill) >= before - 1e-9

    @rule(skill=st.sampled_from(["timer", "mail"]))
    def a_failure(self, skill: str) -> None:
        before = self._p(skill)
        self._teach(False, skill)
        assert self._p(skill) <= before + 1e-9

    @invariant()
    def it_is_a_probability(self) -> None:
        assert 0.0 < self._p("timer") < 1.0


Histories.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestHistories = Histories.TestCase
