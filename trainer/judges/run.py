"""One run of judging: judges are calibrated, then asked what they have not answered yet.

It holds the lock of the home's training, so no cycle and no forgetting reads or writes beside it.
Killed at any moment it goes on where it was: what was answered is in the ledger. At its end the
pairs that judges prefer are written where exports find them.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from dataclasses import replace as replace_field
from itertools import islice
from typing import Protocol

import orjson

from capture.clock import now
from capture.judged import DIRECTORY, PAIRS
from capture.store.open import Store
from trainer.files import locked, make_private, replace
from trainer.household import Household
from trainer.judges.asking import Bench, Pause, Question, client
from trainer.judges.current import current, held_out
from trainer.judges.ledger import Known, Ledger
from trainer.judges.material import Material, gather
from trainer.judges.purse import Purse
from trainer.judges.settings import Judging, Place
from trainer.judges.standing import Standing
from trainer.judges.subjects import Subject

_DAY_S = 86_400


class NothingToJudge(Exception):
    """There is nothing that judges could be asked. Says why."""


class Watch(Protocol):
    """Who is told how it goes."""

    def said(self, text: str) -> None: ...
    def judged(self, what: str, more: int, of: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Report:
    """How judging stands, and what a run did."""

    standing: Standing
    answered: Mapping[str, int]
    """Questions that were answered now, by kind."""
    spent_usd: float
    """In this UTC day; what is unknown at what was set aside."""
    away: Mapping[str, str]
    """Judges that were left alone, and why."""
    broke: bool
    """Some questions were not put for want of money."""


def run(
    household: Household,
    watch: Watch,
    *,
    limit: int | None = None,
    calibrate_only: bool = False,
    pause: Pause = asyncio.sleep,
) -> Report:
    """Ask what is not answered yet, at most `limit` of each kind; or put `limit` planted turns to
    every judge. Raises NothingToJudge, Held when a cycle or another run holds the lock, StoreError
    and OSError."""
    if household.judges is None:
        raise NothingToJudge("no judge is named under `trainer.judges`")
    if not household.store.exists():
        raise NothingToJudge("nothing was served yet")
    who = f"process {os.getpid()}, which asks judges"
    with locked(household.training, who, wait=False), closing(Ledger(household.training)) as ledger:
        store = Store.open_reader(household.store)
        try:
            run_ = _Run(household, household.judges, ledger, watch, pause)
            return asyncio.run(run_.all(store, limit, calibrate_only=calibrate_only))
        finally:
            store.close()


@dataclass(slots=True)
class _Run:
    household: Household
    judging: Judging
    ledger: Ledger
    watch: Watch
    pause: Pause

    async def all(self, store: Store, limit: int | None, *, calibrate_only: bool) -> Report:
        house, settings, known = self.household, self.judging.settings, self.ledger.known
        if calibrate_only and limit is not None:
            settings = replace_field(settings, planted=limit)
        material = gather(store, house.redactor, house.trust, settings)
        if not material.planted:
            raise NothingToJudge("no turn is worth training on yet, so there is nothing to judge")
        before = _counted(known)
        purse = Purse(settings.day_usd, known.spent_usd(now()))
        async with client() as http:
            bench = Bench(self.ledger, purse, settings, http, self.pause)
            await self._put(bench, "planted turns", self._planting(material, again=calibrate_only))
            if not calibrate_only:
                await self._judge(bench, material, limit)
        found = current(house, known)
        _write_pairs(house, found)
        answered = _counted(known) - before
        return Report(found, dict(answered), known.spent_usd(now()), bench.away, bench.broke)

    def _planting(self, material: Material, *, again: bool) -> list[Question]:
        """Planted turns for every judge that is to vote and is not calibrated; `again` for all.
        What was answered in another stretch of `calibrated_days` is asked anew."""
        found, settings = current(self.household, self.ledger.known), self.judging.settings
        share = held_out(self.household)
        beside = again or not self.judging.hired or (share or 0.0) >= settings.parallel_at
        places = (*self.judging.hired, *(self.judging.local if beside else ()))
        stretch = int(now() // (settings.calibrated_days * _DAY_S))
        known = {name: min(each.good, each.damaged) for name, each in found.calibrations.items()}
        return [
            Question(place, subject, stretch)
            for place in places
            if again or 2 * known[place.name] < len(material.planted)
            for subject in material.planted
            if place.home or not subject.private
        ]

    async def _judge(self, bench: Bench, material: Material, limit: int | None) -> None:
        found = current(self.household, self.ledger.known)
        if not any(found.may_vote(place.name) for place in self.judging.places):
            self.watch.said("no judge may vote, so none is asked more")
            return
        asked = (
            ("turns", material.ratings, self._rating, 1),
            ("comparisons", material.comparisons, self._each, 2),
            ("steps", material.process, self._votes, 1),
            ("hints", material.hints, self._one, 1),
        )
        for what, subjects, questions, each in asked:
            most = None if limit is None else limit * each
            open_ = self._open(found, subjects, questions, most)
            await self._put(bench, what, open_)

    def _open(
        self,
        found: Standing,
        subjects: Iterator[Subject],
        questions: Callable[[Standing, Subject], Sequence[Question]],
        most: int | None,
    ) -> list[Question]:
        """The questions of the first so many subjects of which some are open."""
        known, tries = self.ledger.known, self.judging.settings.tries

        def left() -> Iterator[Sequence[Question]]:
            for subject in subjects:
                asked = questions(found, subject)
                open_ = [each for each in asked if not known.settled(each.key, tries)]
                if open_:
                    yield open_

        return [each for some in islice(left(), most) for each in some]

    async def _put(self, bench: Bench, what: str, questions: Sequence[Question]) -> None:
        if questions:
            await bench.put(questions, lambda: self.watch.judged(what, 1, len(questions)))

    # who is asked

    def _voters(self, found: Standing, subject: Subject, places: Sequence[Place]) -> list[Place]:
        """Those of them whose verdict counts, and who may be shown this."""
        return [
            place
            for place in places
            if found.may_vote(place.name) and (place.home or not subject.private)
        ]

    def _each(self, found: Standing, subject: Subject) -> list[Question]:
        """The judges that decide in this phase."""
        decide = self.judging.local if found.stage.phase == "local" else self.judging.hired
        return [Question(place, subject) for place in self._voters(found, subject, decide)]

    def _rating(self, found: Standing, subject: Subject) -> list[Question]:
        """The same; beside them the others where both judge, and for the turns that are audited."""
        asked = self._each(found, subject)
        audited = _part(subject.id) < self.judging.settings.audited
        beside: Sequence[Place] = ()
        if found.stage.phase == "parallel":
            beside = self.judging.local
        elif found.stage.phase == "local" and audited:
            beside = self.judging.hired
        return [*asked, *(Question(each, subject) for each in self._voters(found, subject, beside))]

    def _votes(self, found: Standing, subject: Subject) -> list[Question]:
        """Votes shared out among them."""
        asked = self._each(found, subject)
        votes = range(self.judging.settings.votes) if asked else ()
        return [Question(asked[n % len(asked)].place, subject, n) for n in votes]

    def _one(self, found: Standing, subject: Subject) -> list[Question]:
        return self._each(found, subject)[:1]


def _counted(known: Known) -> Counter[str]:
    return Counter(each.kind for said in known.answers.values() for each in said)


def _part(id_: str) -> float:
    """Where an id lies between 0 and 1, the same on every machine."""
    digest = hashlib.sha256(f"audited: {id_}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def _write_pairs(household: Household, found: Standing) -> None:
    directory = make_private(household.training / DIRECTORY)
    rows = (orjson.dumps({"chosen": one, "rejected": other}) for one, other in found.pairs)
    replace(directory / PAIRS, b"".join(row + b"\n" for row in rows))
