"""One cycle, from what the house saw to an adapter that serves: curate, build, train, evaluate,
gate, publish, promote.

Each step leaves its record and is passed over when the record is there, so a cycle that was killed
goes on where it was when the next one is asked for; if base or settings have changed since, it is
closed as abandoned and a new one begins. A step that cannot be done fails its cycle, once: the next
is a new one. One cycle at a time in a home. Nothing is served from here and nothing is live before
the pointer is replaced, which is the last thing but one to happen.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal, Protocol

from capture.adapters import WEIGHTS, GateResult, Manifest, read_pointer, servable, sha256
from capture.clock import now
from trainer import build, curate, dataset, evaluate, gate, registry
from trainer.backends import Progress, TrainingFailed
from trainer.children import ChildFailed
from trainer.files import locked, make_private
from trainer.household import Household
from trainer.records import CycleEnd, CycleFiles, Plan, Trained, cycles, ended_datasets
from trainer.rows import Row


class Watch(Protocol):
    """Who is told how a cycle goes. Each call is one thing that happened."""

    def said(self, text: str) -> None: ...
    def trained(self, progress: Progress, iters: int) -> None: ...
    def answered(self, who: str, more: int, of: int) -> None: ...


def run(household: Household, watch: Watch, *, again: bool = False) -> CycleEnd:
    """Run a cycle to its end, or go on with one that was cut short. `again` trains also when
    nothing is new. Raises NothingToTrain, Held when another runs, NoBase, StoreError, OSError; and
    ChildFailed, TrainingFailed and RegistryError, after which a cycle that was begun has failed."""
    with locked(household.training, f"process {os.getpid()}", wait=False):
        files = _resumed(household, watch)
        if files is None:
            files = _begin(household, watch, again=again)
        plan, manifest = files.plan(), dataset.read_manifest(files.dataset)
        assert plan is not None
        assert manifest is not None
        try:
            trained = files.trained() or _train(household, files, plan, manifest, watch)
            verdict = files.gate() or _compare(household, files, manifest, trained, watch)
            return _finish(household, files, plan, manifest, trained, verdict)
        except (ChildFailed, TrainingFailed, registry.RegistryError) as error:
            _close(files, plan, "failed", str(error))
            raise


def _resumed(household: Household, watch: Watch) -> CycleFiles | None:
    """The cycle to go on with, if there is one; closes one that cannot be gone on with. One that is
    judged is only to be published: that needs neither base nor settings."""
    for files in reversed(cycles(household.training)):
        plan = files.plan()
        if plan is None or files.ended() is not None:
            continue
        same = plan.base_sha256 == household.base_sha256()
        same = same and dict(plan.settings) == asdict(household.settings)
        judged = files.trained() is not None and files.gate() is not None
        manifest = dataset.read_manifest(files.dataset)
        same = same and manifest is not None and _told_as_now(manifest, household)
        if (same or judged) and manifest is not None:
            watch.said(f"going on with cycle {plan.id}, which was cut short")
            return files
        _close(files, plan, "abandoned")
    return None


def _told_as_now(manifest: dataset.DatasetManifest, household: Household) -> bool:
    """Whether rows read as they would now: redacted on the same level, with the same soul."""
    soul = None if household.soul is None else household.soul.mark
    return (manifest.redact, manifest.soul) == (household.redactor.level, soul)


def _close(
    files: CycleFiles, plan: Plan, state: Literal["failed", "abandoned"], reason: str | None = None
) -> None:
    """End a cycle that makes no adapter."""
    ended_at = now()
    files.keep(
        CycleEnd(id=plan.id, state=state, began_at=plan.began_at, ended_at=ended_at, reason=reason)
    )


def _begin(household: Household, watch: Watch, *, again: bool) -> CycleFiles:
    """Curate, and set out on a new cycle if there is something to train on."""
    settings, earlier = household.settings, cycles(household.training)
    base_sha256 = household.base_sha256()
    selection = build.select(household, ended_datasets(earlier), again=again)
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
    built = build.build(household, plan, selection, again=again)
    files = CycleFiles(make_private(household.training / plan.id))
    files.keep(plan)
    dataset.write(
        files.dataset,
        built.train,
        built.valid,
        built.held_out,
        built.tested,
        plan.seed,
        household.redactor.level,
        None if household.soul is None else household.soul.mark,
        built.waiting,
    )
    watch.said(f"cycle {plan.id}: {built.summary()}")
    return files


def _train(
    household: Household,
    files: CycleFiles,
    plan: Plan,
    manifest: dataset.DatasetManifest,
    watch: Watch,
) -> Trained:
    shutil.rmtree(files.adapter, ignore_errors=True)  # what a killed run left
    configuration = household.backend.config(
        household.settings,
        base=household.base,
        data=files.dataset,
        out=files.adapter,
        rows=len(manifest.train),
        seed=plan.seed,
    )
    started = time.monotonic()
    losses = household.backend.train(
        configuration,
        files.path,
        household.cache,
        lambda progress: watch.trained(progress, household.settings.iters),
    )
    weights = sha256(files.adapter / WEIGHTS)
    if weights is None:
        raise TrainingFailed(f"training left no weights in {files.adapter}")
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


def _compare(
    household: Household,
    files: CycleFiles,
    manifest: dataset.DatasetManifest,
    trained: Trained,
    watch: Watch,
) -> GateResult:
    """Have candidate, incumbent and the base alone answer what was held out, and decide."""
    live = read_pointer(household.adapters).since
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
    compared = evaluate.compare(rows, said["candidate"], said["incumbent"], said["base"])
    verdict = gate.decide(compared, incumbent_id, household.settings, now(), live_since=live)
    files.keep(verdict)
    return verdict


def _held_out(
    household: Household, manifest: dataset.DatasetManifest
) -> Sequence[tuple[bool, Row]]:
    """Every held-out request a candidate is judged by, with whether it is of a base skill."""
    settings = household.settings
    names = {name.id for name in manifest.held_out}
    captured = [row for row in build.captured_rows(household) if row.id in names]
    captured = curate.newest_of_each(evaluate.useful(captured), settings.per_skill)
    golden = evaluate.useful(household.golden().test(settings.golden_per_skill))
    if manifest.tested is not None:
        fitting = {name.sha256 for name in manifest.tested}
        golden = [row for row in golden if row.sha256 in fitting]
    return [*((False, row) for row in captured), *((True, row) for row in golden)]


def _incumbent(
    household: Household, base: evaluate.Model, base_sha256: str
) -> tuple[str | None, evaluate.Model]:
    """What the gateway serves: the live adapter or one that stands in for it, or the base alone."""
    adapter = servable(household.adapters, base_sha256).adapter
    if adapter is None:
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
) -> CycleEnd:
    """Publish the candidate, whatever the verdict; make it the incumbent if it passed and is still
    what it was held against."""
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
    overtaken = _promote(household, made, verdict) if verdict.passed else None
    kinds = [name.kind for name in manifest.train] + [name.kind for name in manifest.held_out]
    passed = "promoted" if overtaken is None else "overtaken"
    ended = CycleEnd(
        id=plan.id,
        state=passed if verdict.passed else "rejected",
        began_at=plan.began_at,
        ended_at=now(),
        reason=overtaken,
        adapter=made.id,
        rows={kind: kinds.count(kind) for kind in ("fresh", "replayed", "golden", "held_out")},
        waiting=manifest.waiting,
        train_seconds=trained.seconds,
        loss=(trained.losses[0][1], trained.losses[-1][1]) if trained.losses else None,
        gate=verdict,
    )
    files.keep(ended)
    return ended


def _promote(household: Household, made: Manifest, verdict: GateResult) -> str | None:
    """Make it the incumbent. If not, why: whoever changed what is live since the candidate was
    held against it has the last word."""
    overrule = f"`majordomo adapters promote {made.id}` makes it live"
    if read_pointer(household.adapters).adapter == made.id:
        return None  # before it was cut short
    try:
        if made.base_sha256 != household.base_sha256():
            return f"it passed the gate, but the base is another by now; {overrule}"
        registry.promote(household.adapters, made.id, "gate", expected=verdict.live_since)
    except registry.Changed as error:
        return f"it passed the gate, but {error}; {overrule}"
    return None


def _cycle_id(household: Household, began: float) -> str:
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(began))
    taken = sum(1 for _ in household.training.glob(f"{stamp}*"))
    return f"{stamp}-{taken + 1}" if taken else stamp
