"""One cycle, from what the house saw to an adapter that serves: curate, build, train, evaluate,
gate, publish, promote.

Each step leaves its record and is passed over when the record is there, so a cycle that was killed
goes on where it was when the next one is asked for; if base or settings have changed since, it is
closed as abandoned and a new one begins. One cycle at a time in a home. Nothing is served from here
and nothing is live before the pointer is replaced, which is the last thing but one to happen.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from capture.adapters import GateResult, Manifest, read_adapter, read_pointer, sha256
from capture.clock import now
from capture.store.open import Store
from trainer import curate, dataset, evaluate, gate, lengths, registry
from trainer.backends import mlx
from trainer.files import locked, make_private
from trainer.household import Household
from trainer.records import CycleFiles, Ended, Plan, Trained, cycles, ended_datasets
from trainer.rows import Row

WEIGHTS = "adapters.safetensors"


class NothingToTrain(Exception):
    """No exchange that is new is worth training on."""


class Watch(Protocol):
    """Who is told how a cycle goes. Each call is one thing that happened."""

    def said(self, text: str) -> None: ...
    def trained(self, progress: mlx.Progress, iters: int) -> None: ...
    def answered(self, who: str, more: int, of: int) -> None: ...


def run(household: Household, watch: Watch, *, again: bool = False) -> Ended:
    """Run a cycle to its end, or go on with one that was cut short. `again` trains also when
    nothing is new. Raises NothingToTrain, Held when another runs, NoBase, StoreError, ChildFailed,
    TrainingFailed and RegistryError."""
    with locked(household.training, f"process {os.getpid()}", wait=False):
        files = _resumed(household, watch)
        if files is None:
            files = _begin(household, watch, again=again)
        plan, manifest = files.plan(), dataset.read_manifest(files.dataset)
        assert plan is not None
        assert manifest is not None
        trained = files.trained() or _train(household, files, plan, manifest, watch)
        verdict = files.gate() or _judge(household, files, manifest, trained, watch)
        return _finish(household, files, plan, manifest, trained, verdict)


def _resumed(household: Household, watch: Watch) -> CycleFiles | None:
    """The cycle to go on with, if there is one; closes one that cannot be gone on with."""
    for files in reversed(cycles(household.training)):
        plan = files.plan()
        if plan is None or files.ended() is not None:
            continue
        same = plan.base_sha256 == household.base_sha256()
        same = same and dict(plan.settings) == asdict(household.settings)
        if same and dataset.read_manifest(files.dataset) is not None:
            watch.said(f"going on with cycle {plan.id}, which was cut short")
            return files
        files.keep(Ended(id=plan.id, state="abandoned", began_at=plan.began_at, ended_at=now()))
    return None


def _begin(household: Household, watch: Watch, *, again: bool) -> CycleFiles:
    """Curate, and set out on a new cycle if there is something to train on."""
    settings, earlier = household.settings, cycles(household.training)
    base_sha256 = household.base_sha256()
    selection = curate.select(
        captured_rows(household),
        dataset.past_of(ended_datasets(earlier)),
        share=settings.held_out,
        most=settings.rows,
    )
    _need(selection, again=again)
    number, began = len(earlier) + 1, now()
    plan = Plan(
        id=_cycle_id(household, began),
        number=number,
        seed=settings.seed + number,
        began_at=began,
        base=household.base_name,
        base_sha256=base_sha256,
        settings=asdict(settings),
    )
    built = _build(household, plan, selection, again=again)
    files = CycleFiles(make_private(household.training / plan.id))
    files.keep(plan)
    dataset.write(files.dataset, built.train, built.valid, built.held_out, plan.seed)
    watch.said(f"cycle {plan.id}: {built.summary()}")
    return files


def _need(selection: curate.Selection, *, again: bool) -> None:
    if not selection.fresh and not (again and selection.replayed):
        raise NothingToTrain("no exchange since the last cycle is worth training on")


def captured_rows(household: Household) -> list[Row]:
    """All rows worth training on, oldest first. Raises StoreError."""
    if not household.store.exists():
        return []  # nothing was served yet
    store = Store.open_reader(household.store)
    try:
        return list(curate.worthy(store.trainable()))
    finally:
        store.close()


@dataclass(frozen=True)
class Built:
    """The rows of a dataset."""

    train: Sequence[tuple[curate.Kind, Row]]
    valid: Sequence[Row]
    held_out: Sequence[Row]
    too_long: int
    """Captured rows left out because they do not fit the base."""

    def summary(self) -> str:
        kinds = [kind for kind, _ in self.train]
        said = [f"{kinds.count('fresh')} new rows", f"{kinds.count('replayed')} replayed"]
        said += [f"{kinds.count('golden')} golden", f"{len(self.held_out)} held out"]
        left = f"; {self.too_long} do not fit the base" if self.too_long else ""
        return ", ".join(said) + left


def _build(household: Household, plan: Plan, selection: curate.Selection, *, again: bool) -> Built:
    """Measure, mix and order."""
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

    fitting = selection.kept(fit)
    _need(fitting, again=again)
    mixed = curate.mix(
        fitting,
        fit(practised),
        lambda row: measured[row.sha256] or 0,
        plan.seed,
        settings.batch_size,
    )
    checked = mlx.VAL_BATCHES * min(settings.batch_size, len(mixed))
    valid = curate.judged_by(fitting.held_out, settings.per_skill)[-(checked // 2) :]
    return Built(
        train=mixed,
        valid=[*valid, *fit(tested)][:checked],
        held_out=fitting.held_out,
        too_long=selection.captured - fitting.captured,
    )


def _train(
    household: Household,
    files: CycleFiles,
    plan: Plan,
    manifest: dataset.DatasetManifest,
    watch: Watch,
) -> Trained:
    shutil.rmtree(files.adapter, ignore_errors=True)  # what a killed run left
    configuration = mlx.config(
        household.settings,
        base=household.base,
        data=files.dataset,
        out=files.adapter,
        rows=len(manifest.train),
        seed=plan.seed,
    )
    started = time.monotonic()
    losses = mlx.train(
        configuration,
        files.path,
        household.cache,
        lambda progress: watch.trained(progress, household.settings.iters),
    )
    weights = sha256(files.adapter / WEIGHTS)
    if weights is None:
        raise mlx.TrainingFailed(f"mlx-lm left no weights in {files.adapter}")
    trained = Trained(
        at=now(),
        weights_sha256=weights,
        seconds=time.monotonic() - started,
        losses=losses.train,
        val_losses=losses.validation,
        settings=configuration,
    )
    files.keep(trained)
    return trained


def _judge(
    household: Household,
    files: CycleFiles,
    manifest: dataset.DatasetManifest,
    trained: Trained,
    watch: Watch,
) -> GateResult:
    """Have candidate, incumbent and the base alone answer what was held out, and judge."""
    rows = _held_out(household, manifest)
    base_sha256 = household.base_sha256()
    base = evaluate.Model(household.base, None, f"base-{base_sha256[:16]}")
    candidate = evaluate.Model(
        household.base, files.adapter, f"adapter-{trained.weights_sha256[:16]}"
    )
    incumbent_id, incumbent = _incumbent(household, base, base_sha256)
    asked = [row for _, row in rows]
    said: dict[str, evaluate.Answers] = {}
    for name, model in (("candidate", candidate), ("incumbent", incumbent), ("base", base)):
        said[name] = evaluate.answers(
            model,
            asked,
            household.training,
            household.cache,
            lambda more, name=name: watch.answered(name, more, len(asked)),
        )
    judged = evaluate.compare(rows, said["candidate"], said["incumbent"], said["base"])
    verdict = gate.judge(judged, incumbent_id, household.settings, now())
    files.keep(verdict)
    return verdict


def _held_out(
    household: Household, manifest: dataset.DatasetManifest
) -> Sequence[tuple[bool, Row]]:
    """Every held-out request a candidate is judged by, with whether it is of a base skill."""
    settings = household.settings
    names = {name.id for name in manifest.held_out}
    captured = [row for row in captured_rows(household) if row.id in names]
    captured = curate.judged_by(evaluate.useful(captured), settings.per_skill)
    golden = evaluate.useful(household.golden().test(settings.golden_per_skill))
    return [*((False, row) for row in captured), *((True, row) for row in golden)]


def _incumbent(
    household: Household, base: evaluate.Model, base_sha256: str
) -> tuple[str | None, evaluate.Model]:
    """The live adapter, if it fits this base; else the base alone."""
    id_ = read_pointer(household.adapters).adapter
    adapter = None if id_ is None else read_adapter(household.adapters, id_)
    if adapter is None or adapter.manifest.base_sha256 != base_sha256:
        return None, base
    weights = f"adapter-{adapter.manifest.weights_sha256[:16]}"
    return adapter.id, evaluate.Model(household.base, adapter.path, weights)


def _finish(
    household: Household,
    files: CycleFiles,
    plan: Plan,
    manifest: dataset.DatasetManifest,
    trained: Trained,
    verdict: GateResult,
) -> Ended:
    """Publish the candidate, whatever the verdict; make it the incumbent if it passed."""
    named = sha256(files.dataset / dataset.MANIFEST)
    assert named is not None
    made = Manifest(
        id=registry.adapter_id(trained.at, trained.weights_sha256),
        created_at=trained.at,
        base=plan.base,
        base_sha256=plan.base_sha256,
        weights_sha256=trained.weights_sha256,
        dataset_sha256=named,
        dataset_exchanges=manifest.exchanges,
        settings=trained.settings,
        losses=trained.losses,
        val_losses=trained.val_losses,
        seconds=trained.seconds,
    )
    registry.publish(household.adapters, files.adapter, made, verdict)
    if verdict.passed:
        registry.promote(household.adapters, made.id, "gate")
    kinds = [name.kind for name in manifest.train] + [name.kind for name in manifest.held_out]
    ended = Ended(
        id=plan.id,
        state="promoted" if verdict.passed else "rejected",
        began_at=plan.began_at,
        ended_at=now(),
        adapter=made.id,
        rows={kind: kinds.count(kind) for kind in ("fresh", "replayed", "golden", "held_out")},
        train_seconds=trained.seconds,
        loss=(trained.losses[0][1], trained.losses[-1][1]) if trained.losses else None,
        gate=verdict,
    )
    files.keep(ended)
    return ended


def _cycle_id(household: Household, began: float) -> str:
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(began))
    taken = sum(1 for _ in household.training.glob(f"{stamp}*"))
    return f"{stamp}-{taken + 1}" if taken else stamp
