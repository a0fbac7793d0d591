"""What all answers so far come to: who may vote, in which phase, and every verdict. Pure.

Where hired judges have rated a turn, they decide; else local ones do, once they have taken over.
Judges that the settings no longer name do not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from trainer.judges import phases
from trainer.judges.calibration import Calibration, Rated, calibrate
from trainer.judges.ledger import Answer, Known
from trainer.judges.phases import Agreement, Stage
from trainer.judges.settings import JudgeSettings, Judging
from trainer.judges.verdicts import Choice, Hint, Rating, Vote
from trainer.judges.weighing import Weighed, Winner, label, majority, preferred, weigh, winner

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand with judging."""

    calibrations: Mapping[str, Calibration]
    """By judge."""
    stage: Stage
    agreement: Agreement
    ratings: Mapping[str, Weighed]
    """By exchange; those without a verdict left out."""
    comparisons: Mapping[tuple[str, str], Winner]
    """By the two exchanges."""
    process: Mapping[str, int]
    """By exchange: whether its reply was a step forward (1), back (-1), or none (0)."""
    hints: Mapping[str, str]
    """By exchange: what its reply should have heeded."""

    @property
    def kept_out(self) -> frozenset[str]:
        """Exchanges that do not train: judges call them bad, or dispute them."""
        out = ("bad", "disputed")
        return frozenset(id_ for id_, found in self.ratings.items() if found.standing in out)

    @property
    def pairs(self) -> Sequence[tuple[str, str]]:
        """(chosen, rejected) exchanges, in order."""
        told = sorted(self.comparisons.items())
        won = [(ids if who == "one" else ids[::-1]) for ids, who in told if who != "alike"]
        return [(chosen, rejected) for chosen, rejected in won]

    def may_vote(self, judge: str) -> bool:
        """Whether this judge's verdicts count."""
        found = self.calibrations.get(judge)
        return found is not None and found.may_vote


def standing(known: Known, judging: Judging, held_out: float | None, at: float) -> Standing:
    """What is known, as of `at` (Unix seconds). `held_out` as in `trainer.judges.phases`."""
    settings = judging.settings
    answers = list(known.all())
    calibrations = {
        place.name: calibrate(place.name, _planted(answers, place.name, settings, at), settings)
        for place in judging.places
    }
    voters = {name for name, found in calibrations.items() if found.may_vote}
    hired = voters.intersection(place.name for place in judging.hired)
    local = voters.intersection(place.name for place in judging.local)
    agreed = phases.agreement(_both(answers, hired, local, settings))
    stage = phases.stage(
        hired=bool(hired), local=bool(local), held_out=held_out, agreed=agreed, settings=settings
    )
    groups = (hired, local) if stage.phase == "local" else (hired,)
    return Standing(
        calibrations,
        stage,
        agreed,
        ratings=_ratings(answers, groups, settings),
        comparisons=_comparisons(answers, groups, settings),
        process=_process(answers, hired | local, settings),
        hints=_hints(answers, hired | local),
    )


def _planted(
    answers: Sequence[Answer], judge: str, settings: JudgeSettings, at: float
) -> list[Rated]:
    """What this judge rated lately, by label; an answer that is none is noted as such."""
    since = at - settings.calibrated_days * _DAY_S
    return [
        Rated(each.label, each.verdict.overall if isinstance(each.verdict, Rating) else None)
        for each in answers
        if each.kind == "planted" and each.judge == judge and each.at >= since
    ]


def _both(
    answers: Sequence[Answer], hired: set[str], local: set[str], settings: JudgeSettings
) -> list[tuple[str, str]]:
    """(hired, local) words for every turn that both have rated."""
    said: dict[tuple[str, str, str], tuple[list[float], list[float]]] = {}
    for each in answers:
        if not isinstance(each.verdict, Rating) or each.judge not in hired | local:
            continue
        about = (each.kind, each.subject, each.label)
        sides = said.setdefault(about, ([], []))
        sides[each.judge in local].append(each.verdict.overall)
    return [
        (label(median(one), settings), label(median(other), settings))
        for one, other in said.values()
        if one and other
    ]


def _ratings(
    answers: Sequence[Answer], groups: Sequence[set[str]], settings: JudgeSettings
) -> dict[str, Weighed]:
    said: dict[str, dict[str, Rating]] = {}
    for each in answers:
        if each.kind == "rating" and isinstance(each.verdict, Rating):
            said.setdefault(each.subject, {})[each.judge] = each.verdict
    weighed: dict[str, Weighed] = {}
    for id_, ratings in said.items():
        for judges in groups:
            counted = {name: rating for name, rating in ratings.items() if name in judges}
            if (found := weigh(counted, settings)) is not None:
                weighed[id_] = found
                break
    return weighed


def _comparisons(
    answers: Sequence[Answer], groups: Sequence[set[str]], settings: JudgeSettings
) -> dict[tuple[str, str], Winner]:
    said: dict[tuple[str, str], dict[str, dict[str, Choice]]] = {}
    for each in answers:
        ids = each.subject.split(" ")
        if isinstance(each.verdict, Choice) and len(ids) == 2:
            by_judge = said.setdefault((ids[0], ids[1]), {})
            by_judge.setdefault(each.judge, {})[each.label] = each.verdict
    won: dict[tuple[str, str], Winner] = {}
    for ids, by_judge in said.items():
        for judges in groups:
            preferences: list[Winner] = [
                preferred(orders[""], orders["turned"])
                for name, orders in by_judge.items()
                if name in judges and len(orders) == 2
            ]
            if (found := winner(preferences, settings.least_votes)) is not None:
                won[ids] = found
                break
    return won


def _process(
    answers: Sequence[Answer], voters: set[str], settings: JudgeSettings
) -> dict[str, int]:
    said: dict[str, list[int]] = {}
    for each in answers:
        if isinstance(each.verdict, Vote) and each.judge in voters:
            said.setdefault(each.subject, []).append(each.verdict.vote)
    found = {id_: majority(votes, max(len(votes), settings.votes)) for id_, votes in said.items()}
    return {id_: vote for id_, vote in found.items() if vote is not None}


def _hints(answers: Sequence[Answer], voters: set[str]) -> dict[str, str]:
    """The first hint that any judge gave."""
    found: dict[str, str] = {}
    for each in answers:
        if isinstance(each.verdict, Hint) and each.verdict.hint and each.judge in voters:
            found.setdefault(each.subject, each.verdict.hint)
    return found
