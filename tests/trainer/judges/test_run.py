"""A run of judging over a household's store: who is asked what, and what that does to training."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from capture import datasets
from capture.adapters import CONFIG, WEIGHTS, GateResult, SkillFigure, sha256
from capture.judged import ANSWERS, DIRECTORY, lines, preferred
from tests.support.errands import errand
from tests.support.journals import capturing
from tests.support.kitchen import HOME, answer, call, exchange, result, user
from tests.support.lora import manifest
from tests.support.sayings import said
from tests.support.stand_in_judge import (
    Heard,
    Rule,
    StandInJudge,
    babbling,
    flattering,
    gullible,
    honest,
    perverse,
    rating,
)
from tests.support.turns import REDACTOR
from trainer import build
from trainer.files import Held, locked
from trainer.household import Household
from trainer.judges import current, run
from trainer.judges.run import NothingToJudge, Report
from trainer.judges.settings import JudgeSettings, Judging, Task
from trainer.registry import promote, publish
from trainer.settings import TrainingSettings

ROOMS = ("kitchen", "cellar", "attic", "hall")


@dataclass(frozen=True)
class Day:
    """What a household did."""

    home: Path
    good: tuple[str, ...]
    """Errands run rightly."""
    bad: str
    """One that was not, though nobody noticed."""
    private: str
    twice: tuple[str, str]
    """Two replies to one request, of which nobody said which is better."""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Day:
    home = tmp_path_factory.mktemp("lived")
    opening = [user("How large is notes.txt?")]
    with capturing(home) as (journal, ingester, _):
        bad = errand(journal, "garage", called="garden")[0]
        private = errand(journal, "vault", private=True)[0]
        one = exchange(journal, opening, answer("It has 120 bytes."))
        other = exchange(journal, opening, answer("Hm."))
        wrong = call("call_w", '{"command": "ls notes"}')
        exchange(journal, [user("Read it.")], wrong, place=HOME)
        failed = [user("Read it."), wrong, result("call_w", '{"error": "no such file"}')]
        exchange(journal, failed, answer("It is empty."), place=HOME)
        good = tuple(errand(journal, room)[0] for room in ROOMS)
        assert asyncio.run(ingester.catch_up(30))
    return Day(home, good, bad, private, (one, other))


@pytest.fixture
def day(lived: Day, tmp_path: Path) -> Day:
    shutil.copytree(lived.home, tmp_path / "home")
    return replace(lived, home=tmp_path / "home")


class Silent:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def said(self, text: str) -> None:
        self.heard.append(text)

    def judged(self, what: str, more: int, of: int) -> None:
        pass


def household(home: Path, judging: Judging | None) -> Household:
    return Household(
        home,
        home,
        "none",
        house=False,
        settings=TrainingSettings(held_out=0.0),
        redactor=REDACTOR,
        judges=judging,
    )


async def no_pause(_seconds: float) -> None:
    pass


class Court:
    """A household's judges, each a stand-in."""

    def __init__(
        self,
        day: Day,
        hired: Sequence[Rule] = (),
        local: Sequence[Rule] = (),
        tasks: tuple[Task, ...] = ("ratings",),
        **settings: Any,
    ) -> None:
        self.hired = [StandInJudge(rule) for rule in hired]
        self.local = [StandInJudge(rule) for rule in local]
        chosen = JudgeSettings(tasks=tasks, seconds=20.0, **settings)
        self.house = household(
            day.home,
            Judging(
                chosen,
                tuple(each.place(f"claude/{n}") for n, each in enumerate(self.hired)),
                tuple(each.place(f"home/{n}", home=True) for n, each in enumerate(self.local)),
            ),
        )

    def sit(self, **how: Any) -> Report:
        """One run."""
        with ExitStack() as stack:
            for judge in (*self.hired, *self.local):
                stack.enter_context(judge.serving())
            return run.run(self.house, Silent(), pause=no_pause, **how)


def trains(house: Household) -> list[str]:
    return [row.id for row in build.captured_rows(house)]


def test_a_turn_that_judges_call_bad_does_not_train_and_nothing_is_asked_twice(day: Day) -> None:
    court = Court(day, [honest, honest, honest])
    assert day.bad in trains(court.house)
    report = court.sit()
    assert report.standing.kept_out == {day.bad}
    assert report.standing.ratings[day.bad].sentence == "3 judges rate it 2 of 10: bad"
    assert {report.standing.ratings[id_].standing for id_ in day.good} == {"good"}
    assert trains(court.house) == [day.private, *day.good]
    selection = build.select(court.house, [], again=False)
    assert selection.judged_out == 1
    assert report.answered == {"planted": 3 * 10, "rating": 3 * 5}
    assert report.spent_usd == pytest.approx(45 * 120e-6)
    asked = [len(judge.asked) for judge in court.hired]
    again = court.sit()
    assert (again.answered, [len(judge.asked) for judge in court.hired]) == ({}, asked)
    assert again.standing.ratings == report.standing.ratings
    assert day.bad in trains(household(day.home, None))  # where judging is off


@pytest.mark.parametrize("rule", [flattering, gullible, babbling])
def test_a_judge_that_lies_is_caught_by_calibration_and_asked_nothing_more(
    rule: Rule, day: Day
) -> None:
    court = Court(day, [rule, honest])
    report = court.sit()
    liar = report.standing.calibrations["claude/0"]
    assert not liar.may_vote
    assert liar.sentence.startswith("claude/0 may not vote: ")
    assert report.standing.calibrations["claude/1"].may_vote
    assert {each.judges for each in report.standing.ratings.values()} == {("claude/1",)}
    planted = 10 * (2 if rule is babbling else 1)
    assert len(court.hired[0].asked) == planted
    assert report.standing.kept_out == {day.bad}


def test_where_no_judge_may_vote_everything_trains_as_before(day: Day) -> None:
    court = Court(day, [perverse])
    before = trains(court.house)
    report = court.sit()
    assert not report.standing.ratings
    assert trains(court.house) == before


def test_judges_that_lie_too_far_apart_keep_a_turn_out(day: Day) -> None:
    def lenient(heard: Heard) -> Any:
        return rating(9) if "garage" in str(heard.shown) else honest(heard)

    court = Court(day, [honest, lenient], planted=5)
    report = court.sit()
    assert report.standing.ratings[day.bad].standing == "disputed"
    assert day.bad not in trains(court.house)


async def test_a_persons_word_stands_above_the_judges(day: Day) -> None:
    court = Court(day, [honest])
    await asyncio.to_thread(court.sit)
    assert day.bad not in trains(court.house)
    with capturing(day.home) as (journal, ingester, _):
        journal.feedback(said(day.bad, value=1.0))
        assert await ingester.catch_up(30)
    assert day.bad in trains(court.house)


def test_what_is_private_is_shown_to_judges_at_home_alone(day: Day) -> None:
    tasks: tuple[Task, ...] = ("ratings", "comparisons", "process", "hints")
    court = Court(day, [honest], tasks=tasks)
    court.sit()
    told = str([heard.body for heard in court.hired[0].asked])
    assert "garage" in told
    assert "vault" not in told
    at_home = Court(day, [], [honest])
    report = at_home.sit()
    assert report.standing.ratings[day.private].standing == "good"


def weighing(heard: Heard) -> dict[str, Any]:
    """Prefers what says how many bytes; rates honestly; votes by what came next."""
    shown = heard.shown
    if "first" in shown:
        first, second = ("120" in str(shown[name]) for name in ("first", "second"))
        better = "same" if first == second else "first" if first else "second"
        return {"better": better, "reason": "It says how many."}
    if "Vote on" in str(heard.body):
        return {"vote": -1 if "error" in str(shown["what_came_next"]) else 1}
    if "Write the hint" in str(heard.body):
        return {"hint": "Look at which files there are first."}
    return honest(heard)


def test_pairs_are_compared_both_ways_and_steps_and_hints_are_judged_where_asked_for(
    day: Day,
) -> None:
    tasks: tuple[Task, ...] = ("comparisons", "process", "hints")
    court = Court(day, [weighing], tasks=tasks)
    report = court.sit()
    assert report.standing.pairs == [day.twice]
    assert preferred(court.house.training) == [day.twice]
    assert report.answered["comparison"] == 2
    assert set(report.standing.hints.values()) == {"Look at which files there are first."}
    steps = report.standing.process
    assert {steps[id_] for id_ in (*day.good, day.bad)} == {1}
    assert -1 in steps.values()
    assert day.private not in steps
    assert not report.standing.ratings


def test_a_judge_that_prefers_whatever_comes_first_makes_no_pair(day: Day) -> None:
    def first(heard: Heard) -> Any:
        return {"better": "first"} if "first" in heard.shown else honest(heard)

    report = Court(day, [first], tasks=("comparisons",)).sit()
    assert report.standing.comparisons == {day.twice: "alike"}
    assert report.standing.pairs == []


def promoted(home: Path, right: int, of: int) -> None:
    """Publish an adapter whose gate found so many requests right, and make it live."""
    made = home / "made"
    made.mkdir()
    (made / WEIGHTS).write_bytes(b"weights")
    (made / CONFIG).write_text("{}")
    found = sha256(made / WEIGHTS)
    assert found is not None
    skill = SkillFigure(skill="tool:set_lamp", of=of, candidate=right, incumbent=0)
    base = SkillFigure(skill="base", of=100, candidate=1, incumbent=1, base_skill=True)
    gate = GateResult(at=1, passed=True, reasons=("so",), incumbent=None, skills=(skill, base))
    adapter = publish(home / "adapters", made, manifest(found, "b" * 64), gate)
    promote(home / "adapters", adapter.id, "gate")


def test_a_local_judge_comes_beside_and_takes_over_past_the_thresholds(day: Day) -> None:
    court = Court(day, [honest], [honest], takes_over_after=15, audited=0.0, planted=5)
    report = court.sit()
    assert report.standing.stage.phase == "hired"
    assert not court.local[0].asked
    promoted(day.home, 9, 10)
    report = court.sit()
    assert report.standing.stage.phase == "local"
    assert report.standing.agreement.turns >= 15
    assert report.standing.agreement.kappa == 1.0
    assert "say the same of 100% of" in report.standing.stage.why
    with capturing(day.home) as (journal, ingester, _):
        late = errand(journal, "loft")[0]
        assert asyncio.run(ingester.catch_up(30))
    hired = len(court.hired[0].asked)
    report = court.sit()
    assert report.standing.ratings[late].judges == ("home/0",)
    assert report.standing.ratings[day.bad].judges == ("claude/0",)
    assert report.standing.ratings[day.private].judges == ("home/0",)
    assert len(court.hired[0].asked) == hired


def test_a_limit_takes_the_newest_and_the_next_run_goes_on(day: Day) -> None:
    court = Court(day, [honest], planted=4)
    assert set(court.sit(limit=2).standing.ratings) == set(day.good[-2:])
    assert set(court.sit(limit=2).standing.ratings) == set(day.good[-4:])


def test_calibrating_asks_planted_turns_alone(day: Day) -> None:
    court = Court(day, [honest], [honest])
    report = court.sit(limit=4, calibrate_only=True)
    assert report.answered == {"planted": 16}
    assert [each.may_vote for each in report.standing.calibrations.values()] == [True, True]


def test_a_judge_that_was_calibrated_long_ago_is_calibrated_anew(day: Day) -> None:
    court = Court(day, [honest], tasks=(), planted=4)
    assert court.sit().answered == {"planted": 8}
    assert court.sit().answered == {}
    answers = court.house.training / DIRECTORY / ANSWERS
    old = [
        {**line, "at": 1e9, "key": line["key"].rpartition("/")[0] + "/385"}
        if line["event"] == "asked"
        else line
        for line in lines(answers)
    ]
    answers.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in old))
    report = court.sit()
    assert report.answered == {"planted": 8}
    assert report.standing.may_vote("claude/0")


def test_what_is_forgotten_is_judged_no_more(day: Day) -> None:
    court = Court(day, [weighing], tasks=("ratings", "comparisons"))
    court.sit()
    datasets.forget(court.house.training, {day.bad, day.twice[0]})
    found = current.current(court.house)
    assert day.bad not in found.ratings
    assert preferred(court.house.training) == []
    assert set(found.ratings) == set(day.good)


def test_nothing_else_of_training_runs_meanwhile(day: Day) -> None:
    court = Court(day, [honest])
    with locked(court.house.training, "process 1"), pytest.raises(Held):
        court.sit()


def test_an_empty_house_says_so(tmp_path: Path) -> None:
    court = Court(Day(tmp_path, (), "", "", ("", "")), [honest])
    with pytest.raises(NothingToJudge, match="nothing was served yet"):
        court.sit()
    with pytest.raises(NothingToJudge, match="no judge is named"):
        run.run(household(tmp_path, None), Silent())
