"""Which rows a cycle gets: captured ones and golden ones, measured, mixed and ordered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from capture.store.open import Store
from trainer import curate, dataset, lengths
from trainer.household import Household
from trainer.judges.current import kept_out
from trainer.records import Plan
from trainer.rows import Row


class NothingToTrain(Exception):
    """No exchange that is new is worth training on."""


@dataclass(frozen=True)
class Built:
    """The rows of a dataset."""

    train: Sequence[tuple[curate.Kind, Row]]
    valid: Sequence[Row]
    held_out: Sequence[Row]
    tested: Sequence[Row]
    """Golden rows that judge."""
    too_long: int
    """Captured rows left out because they do not fit the base."""
    waiting: int = 0
    """Turns worth training on that wait for a person's word."""
    judged_out: int = 0
    """Turns worth training on that judges keep out."""

    def summary(self) -> str:
        """For who watches."""
        kinds = [kind for kind, _ in self.train]
        said = [f"{kinds.count('fresh')} new rows", f"{kinds.count('replayed')} replayed"]
        said += [f"{kinds.count('golden')} golden", f"{len(self.held_out)} held out"]
        left = f"; {self.too_long} do not fit the base" if self.too_long else ""
        waits = f"; {waiting_clause(self.waiting)}" if self.waiting else ""
        judged = f"; judges keep {self.judged_out:,} out" if self.judged_out else ""
        return ", ".join(said) + left + judged + waits


def waiting_clause(waiting: int) -> str:
    """What is said of turns that wait for a person's word."""
    return f"{waiting:,} {'waits' if waiting == 1 else 'wait'} for `majordomo review`"


def captured_rows(household: Household) -> list[Row]:
    """All rows worth training on, redacted, oldest first. Raises StoreError."""
    return _captured(household)[0]


def _captured(household: Household) -> tuple[list[Row], int, int]:
    """The same, how many turns worth it wait for a person's word, and how many judges keep out."""
    if not household.store.exists():
        return [], 0, 0  # nothing was served yet
    store = Store.open_reader(household.store)
    try:
        held, judged_out = Counter[bool](), list[str]()
        turns, soul = store.trainable(household.redactor, household.trust), household.soul
        given = turns if soul is None else map(soul.given, turns)
        rows = list(curate.worthy(given, held, kept_out(household), judged_out))
        return rows, held[True], len(judged_out)
    finally:
        store.close()


def select(
    household: Household, earlier: Sequence[dataset.DatasetManifest], *, again: bool
) -> curate.Selection:
    """The captured rows; no more than training gets to see. Raises NothingToTrain."""
    settings = household.settings
    seen = settings.iters * settings.batch_size
    rows, waiting, judged_out = _captured(household)
    selection = curate.select(
        rows,
        dataset.past_of(earlier),
        share=settings.held_out,
        most=curate.most_captured(settings.rows, seen, settings.replay_share),
    )
    selection = replace(selection, waiting=waiting, judged_out=judged_out)
    return _needed(selection, again=again)


def build(household: Household, plan: Plan, selection: curate.Selection, *, again: bool) -> Built:
    """Measure, mix and order. Raises NothingToTrain and ChildFailed."""
    settings, golden = household.settings, household.golden()
    count = curate.golden_count(selection.captured, settings.replay_share, 4 * settings.batch_size)
    practised = golden.training(count, plan.seed)
    tested = golden.test(settings.golden_per_skill)
    everyone = [*selection.fresh, *selection.replayed, *selection.held_out, *practised, *tested]
    measured = lengths.measure(
        everyone, household.base, plan.base_sha256[:16], household.training, household.cache
    )

    def fit(rows: Sequence[Row]) -> list[Row]:
        return lengths.fitting(rows, measured, settings.max_seq_length)

    fitting = _needed(selection.kept(fit), again=again)
    mixed = curate.mix(
        fitting,
        fit(practised),
        lambda row: measured[row.sha256] or 0,
        plan.seed,
        settings.batch_size,
    )
    tested = fit(tested)
    return Built(
        train=mixed,
        valid=_valid(household, fitting.held_out, tested, min(settings.batch_size, len(mixed))),
        held_out=fitting.held_out,
        tested=tested,
        too_long=selection.captured - fitting.captured,
        waiting=selection.waiting,
        judged_out=selection.judged_out,
    )


def _needed(selection: curate.Selection, *, again: bool) -> curate.Selection:
    if not selection.fresh and not (again and selection.replayed):
        waits = f"; {waiting_clause(selection.waiting)}" if selection.waiting else ""
        raise NothingToTrain(f"no exchange since the last cycle is worth training on{waits}")
    return selection


def _valid(
    household: Household, held_out: Sequence[Row], tested: Sequence[Row], batch: int
) -> list[Row]:
    """Captured and golden rows whose loss is reported; none when they fill no batch."""
    checked = household.backend.validation_rows(batch)
    captured = curate.newest_of_each(held_out, household.settings.per_skill)
    valid = [*captured[-(checked // 2) :], *tested][:checked]
    return valid if len(valid) >= batch else []
