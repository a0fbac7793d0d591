from __future__ import annotations

from dataclasses import dataclass

import pytest

from capture.adapters import GateResult, SkillFigure
from routers.history import EMPTY, History, Key, Tally, gather

FIRST, SECOND = "20260101-000000-aaaaaa", "20260102-000000-bbbbbb"
HOUSE = ("house", "majordomo-house")


@dataclass(frozen=True)
class Live:
    successes: float
    failures: float
    skill: str = "timer"
    upstream: str = "house"
    model: str = "majordomo-house"
    adapter: str | None = None


def figure(candidate: int, incumbent: int, of: int, skill: str = "timer") -> SkillFigure:
    return SkillFigure(skill=skill, of=of, candidate=candidate, incumbent=incumbent)


def gate(
    *skills: SkillFigure, at: float = 1.0, incumbent: str | None = None, passed: bool = True
) -> GateResult:
    return GateResult(at=at, passed=passed, reasons=("it is",), incumbent=incumbent, skills=skills)


def at_house(history: History, adapter: str | None, skill: str = "timer") -> Tally:
    return history.of(skill, *HOUSE, adapter)


@pytest.mark.parametrize(
    ("tally", "posterior"),
    [(Tally(), 0.5), (Tally(3, 0), 0.8), (Tally(0, 3), 0.2), (Tally(8, 2), 0.75)],
)
def test_the_posterior_is_that_of_a_uniform_prior(tally: Tally, posterior: float) -> None:
    assert tally.posterior == pytest.approx(posterior)


def test_nothing_is_known_of_what_was_never_tried() -> None:
    assert EMPTY.of("timer", "a", "b", None) == Tally()


def test_outcomes_can_be_taken_out_again_and_nothing_falls_below_none() -> None:
    shell, mail = Key("shell", "a", "b", None), Key("mail", "a", "b", None)
    history = History({shell: Tally(3, 1), mail: Tally(1, 0)})
    less = history.less({shell: Tally(1, 1), Key("new", "a", "b", None): Tally(1, 0)})
    assert less.of(*shell) == Tally(2, 0)
    assert less.of(*mail) == Tally(1, 0)
    assert less.of("new", "a", "b", None) == Tally()


def test_live_outcomes_count_for_their_place_and_adapter_alone() -> None:
    history = gather([Live(2.7, 1, adapter=FIRST)], {}, [HOUSE])
    assert history.tallies == {Key("timer", *HOUSE, FIRST): Tally(2.7, 1)}


def test_a_gates_figures_belong_to_the_candidate_and_to_what_it_was_held_against() -> None:
    history = gather([], {FIRST: gate(figure(9, 2, 10))}, [HOUSE])
    assert at_house(history, FIRST) == Tally(9, 1)
    assert at_house(history, None) == Tally(2, 8)


def test_live_outcomes_add_to_the_gates_figure() -> None:
    history = gather([Live(1, 2, adapter=FIRST)], {FIRST: gate(figure(9, 2, 10))}, [HOUSE])
    assert at_house(history, FIRST) == Tally(10, 3)


def test_the_same_held_out_requests_asked_again_count_once() -> None:
    gates = {
        FIRST: gate(figure(8, 0, 10), at=1.0),
        SECOND: gate(figure(10, 9, 12), at=2.0, incumbent=FIRST),
    }
    assert at_house(gather([], gates, [HOUSE]), FIRST) == Tally(9, 3)


def test_of_two_figures_over_as_many_requests_the_later_counts() -> None:
    gates = {
        SECOND: gate(figure(10, 6, 10), at=2.0, incumbent=FIRST),
        FIRST: gate(figure(8, 0, 10), at=1.0),
    }
    assert at_house(gather([], gates, [HOUSE]), FIRST) == Tally(6, 4)


def test_gates_say_nothing_of_places_that_do_not_answer_with_these_adapters() -> None:
    history = gather([Live(1, 0, upstream="ollama")], {FIRST: gate(figure(9, 2, 10))}, [])
    assert list(history.tallies) == [Key("timer", "ollama", "majordomo-house", None)]


def test_what_the_gate_did_not_measure_is_half_handed_down() -> None:
    gates = {
        FIRST: gate(figure(9, 0, 10), at=1.0),
        SECOND: gate(figure(5, 0, 5, "mail"), at=2.0, incumbent=FIRST),
    }
    live = [Live(1, 0, adapter=SECOND)]
    history = gather(live, gates, [HOUSE])
    assert at_house(history, SECOND) == Tally(1 + 4.5, 0.5), "it adds to what was seen since"
    assert at_house(history, SECOND, "mail") == Tally(5, 0), "and not to what was measured"


def test_an_adapter_that_did_not_pass_is_handed_nothing() -> None:
    gates = {FIRST: gate(figure(1, 0, 1, "mail"), passed=False)}
    history = gather([Live(9, 0)], gates, [HOUSE])
    assert at_house(history, FIRST) == Tally()


def test_a_figure_over_no_requests_measures_nothing() -> None:
    history = gather([Live(8, 0)], {FIRST: gate(figure(0, 0, 0))}, [HOUSE])
    assert at_house(history, FIRST) == Tally(4, 0)
