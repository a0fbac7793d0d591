from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from routers.posterior import Posterior

SKILLS = st.sampled_from(["mail", "lights", "sums"])
TASKS = st.sampled_from(["one", "two", None])


class Histories(RuleBasedStateMachine):
    """Outcomes come in any order, models change at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.posterior = Posterior(0.65, 2)

    @rule(skill=SKILLS, task=TASKS, weight=st.floats(0.1, 1.0))
    def a_success_never_lowers_the_probability(
        self, skill: str, task: str | None, weight: float
    ) -> None:
        before = self.posterior.belief((skill, task)).mean
        self.posterior.learn((skill, task), 1.0, weight)
        assert self.posterior.belief((skill, task)).mean >= before - 1e-9

    @rule(skill=SKILLS, task=TASKS)
    def a_failure_never_raises_it(self, skill: str, task: str | None) -> None:
        before = self.posterior.belief((skill, task)).mean
        self.posterior.learn((skill, task), 0.0)
        assert self.posterior.belief((skill, task)).mean <= before + 1e-9

    @rule(share=st.floats(0.1, 0.9))
    def a_changed_model_is_known_less_well(self, share: float) -> None:
        before = self.posterior.belief(("mail", None))
        self.posterior.discount(share)
        assert self.posterior.belief(("mail", None)).of <= before.of + 1e-9

    @invariant()
    def it_is_a_probability(self) -> None:
        belief = self.posterior.belief(("mail", "one"))
        assert 0.0 < belief.mean < 1.0
        assert belief.variance > 0.0


Histories.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestHistories = Histories.TestCase


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_what_happens_on_one_skill_hardly_moves_a_skill_that_is_well_known(
    others: list[bool],
) -> None:
    posterior = Posterior(0.65, 1)
    for number in range(60):
        posterior.learn(("known",), float(number % 10 != 0))
        posterior.learn(("third",), float(number % 10 == 0))
    before = posterior.belief(("known",)).mean
    for right in others:
        posterior.learn(("other",), float(right))
    assert abs(posterior.belief(("known",)).mean - before) < 0.05


def test_a_skill_that_tells_nothing_is_noticed_and_ignored() -> None:
    useless, telling = Posterior(0.65, 1), Posterior(0.65, 1)
    for number in range(400):
        useless.learn((f"skill{number % 40}",), float((number * 7919) % 11 < 6))
        telling.learn((f"skill{number % 40}",), float(number % 40 < 20))
    assert useless.says(0) < 0.6
    assert telling.says(0) > 0.99
    assert telling.belief(("skill1",)).mean > 0.85
    assert telling.belief(("skill39",)).mean < 0.15
    assert abs(useless.belief(("skill1",)).mean - useless.belief((None,)).mean) < 0.1


def test_a_task_met_again_says_more_than_its_skill() -> None:
    posterior = Posterior(0.65, 2)
    for number in range(300):
        posterior.learn(("mail", f"task{number % 30}"), float(number % 30 < 15))
    assert posterior.belief(("mail", "task2")).mean > posterior.belief(("mail", None)).mean > 0.3
    assert posterior.belief(("mail", "task29")).mean < 0.3


def test_only_so_many_keys_are_kept_and_the_longest_unused_go() -> None:
    posterior = Posterior(0.5, 1, most=10)
    for number in range(50):
        posterior.learn((f"task{number}",), 1.0)
        posterior.learn(("often",), 0.0)
    assert posterior.belief(("often",)).mean < posterior.belief(("task1",)).mean
    assert posterior.belief(("task1",)) == posterior.belief((None,))
