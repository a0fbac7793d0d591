"""Every question to a judge and every answer, a line each, before and after it is sent.

    {"event": "asked", "request": MARK, "key": ..., "judge": ..., "kind": ..., "reserve_usd": ...}
    {"event": "told", "request": MARK, "says": {...} | null, "why": ..., "cost_usd": ...}

All else is weighed from these. A question is known by its key: the judge, what is asked in which
edition, and the very words shown. One that was answered is never asked again; one that was asked
and never answered, because we were killed, counts as spent at what was set aside for it. Lines are
synced before a request is sent, and a line that a kill cut short is passed over.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from capture.clock import now
from capture.judged import ANSWERS, DIRECTORY, lines
from trainer.files import FILE_MODE, make_private
from trainer.judges.prompts import RUBRIC
from trainer.judges.subjects import Kind, Subject
from trainer.judges.verdicts import Verdict, stored

_DAY_S = 86_400
_EDITION = f"{RUBRIC}/"
"""Answers to another edition of the questions are paid for, and no answers."""


class Asked(BaseModel):
    """One request to a judge, before it is sent."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    request: str
    """Its mark."""
    at: float
    """Unix seconds."""
    key: str = ""
    """Empty where it is forgotten what was asked, and only the money is known."""
    judge: str = ""
    kind: Kind = "rating"
    label: str = ""
    """As `Subject.label`."""
    subject: str = ""
    """As `Subject.id`."""
    exchanges: tuple[str, ...] = ()
    """As `Subject.exchanges`."""
    reserve_usd: float | None
    """The most it could cost; None when unknown."""


class Told(BaseModel):
    """What became of one."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    request: str
    exchanges: tuple[str, ...] = ()
    """Those of its question: what is forgotten is forgotten here, too."""
    says: dict[str, Any] | None = None
    """The verdict; None for an answer that is none, and for no answer."""
    answered: bool = False
    """An answer came: the question is not put again, but where it is garbage and tries are left."""
    why: str = ""
    """Why there is no verdict."""
    cost_usd: float | None = None
    """None when unknown: then what was set aside is spent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered question; all but the verdict as in `Asked`."""

    at: float
    judge: str
    kind: Kind
    label: str
    subject: str
    verdict: Verdict | None
    """None: what was answered is no verdict."""


@dataclass(slots=True)
class Known:
    """All that was asked and answered so far."""

    answers: dict[str, list[Answer]] = field(default_factory=dict[str, list[Answer]])
    """By key; more than one where an answer was none and the question was put again."""
    costs: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """(Unix seconds, US dollars) of every request; what is not known at what was set aside."""

    @classmethod
    def read(cls, training: Path) -> Self:
        """What lies below `training`."""
        known = cls()
        asked: dict[str, Asked] = {}
        for line in lines(training / DIRECTORY / ANSWERS):
            try:
                if line.get("event") == "asked":
                    question = Asked.model_validate(line)
                    asked[question.request] = question
                elif line.get("event") == "told":
                    told = Told.model_validate(line)
                    if (question := asked.pop(told.request, None)) is not None:
                        known.take(question, told)
            except ValidationError:
                continue
        known.costs += [(each.at, each.reserve_usd or 0.0) for each in asked.values()]
        return known

    def take(self, asked: Asked, told: Told) -> None:
        """Take one more."""
        cost = asked.reserve_usd if told.cost_usd is None else told.cost_usd
        self.costs.append((asked.at, cost or 0.0))
        if told.answered and asked.key.startswith(_EDITION):
            verdict = None if told.says is None else stored(asked.kind, told.says)
            about = (asked.at, asked.judge, asked.kind, asked.label, asked.subject)
            self.answers.setdefault(asked.key, []).append(Answer(*about, verdict))

    def verdict(self, key: str) -> Verdict | None:
        """What was said to this question; None where nothing valid was."""
        said = (answer.verdict for answer in self.answers.get(key, ()))
        return next((verdict for verdict in said if verdict is not None), None)

    def settled(self, key: str, tries: int) -> bool:
        """Whether this question is not to be put again."""
        return self.verdict(key) is not None or len(self.answers.get(key, ())) >= tries

    def spent_usd(self, at: float) -> float:
        """In the UTC day of `at`."""
        day = at // _DAY_S
        return sum(cost for when, cost in self.costs if when // _DAY_S == day)

    def all(self) -> Iterable[Answer]:
        """Every question with its answer: the valid one, else the last."""
        for answers in self.answers.values():
            valid = next((each for each in answers if each.verdict is not None), None)
            yield valid or answers[-1]


class Ledger:
    """Writes it. For whoever holds the lock of `training`."""

    def __init__(self, training: Path) -> None:
        path = make_private(training / DIRECTORY) / ANSWERS
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.fdopen(os.open(path, flags, FILE_MODE), "r+b", buffering=0)
        size = self._file.seek(0, os.SEEK_END)
        if size:
            self._file.seek(size - 1)
            if self._file.read(1) != b"\n":  # what a kill cut short
                self._file.write(b"\n")
        self.known = Known.read(training)

    def asking(self, key: str, judge: str, subject: Subject, mark: str, usd: float | None) -> Asked:
        """Write down that a request goes out."""
        asked = Asked(
            request=mark,
            at=now(),
            key=key,
            judge=judge,
            kind=subject.kind,
            label=subject.label,
            subject=subject.id,
            exchanges=subject.exchanges,
            reserve_usd=usd,
        )
        self._write("asked", asked)
        return asked

    def told(self, asked: Asked, told: Told) -> None:
        """Write down what became of it."""
        self._write("told", told)
        self.known.take(asked, told)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _write(self, event: str, value: BaseModel) -> None:
        line = orjson.dumps({"event": event, **value.model_dump(mode="json")}) + b"\n"
        self._file.write(line)
        os.fsync(self._file.fileno())


def key_of(judge: str, subject: Subject, vote: int = 0) -> str:
    """What a question is known by; `vote` as in `trainer.judges.asking.Question`."""
    return f"{_EDITION}{judge}/{subject.kind}/{subject.digest}/{vote}"
