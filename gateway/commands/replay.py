"""`majordomo replay`: recorded rows met again by the router, and what it would have cost.

The rows are somebody's recorded requests with every model's answer; docs/replay.md has their form
and what is printed. Nothing is sent anywhere, and no home is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from capture.exchange import Mode
from capture.narrowing import Json, list_of, object_of
from gateway.commands.console import clean, console, fail, say_json, table
from gateway.commands.progress import bar
from gateway.commands.reliability import reliability_json, show_reliability
from gateway.yaml_source import SourceError, read_yaml
from routers.brain import DEFAULT
from routers.replay.measures import SWEEP, interval, mean, measures, over_seeds, swept
from routers.replay.reliability import Foretold, reliability
from routers.replay.rows import BadRow, Row, read_rows
from routers.replay.running import Served, Setup, replay
from routers.thresholds import Aim

Figures = Mapping[str, float | None]

_LATE = 3
"""The last third of a run is told by itself: what was learned shows there."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to replay."""

    seeds: Sequence[int]
    shadow: float = 0.0
    """Share of the rows whose other outcome is shown; 1: all."""
    juror: bool = True
    sweep: bool = False
    max_loss: float | None = None
    """Most loss against always asking the cloud, 0 to 1; the router's own default when None."""
    reliability: bool = False
    """Also how far probabilities came true; under the first seed, since every seed has the same
    outcomes."""


def feedback_of(text: str) -> float:
    """The share of rows whose other outcome is shown. Raises ValueError."""
    kind, _, share = text.partition(":")
    if kind in ("bandit", "full") and not share:
        return 0.0 if kind == "bandit" else 1.0
    if kind == "shadow" and share and 0.0 <= float(share) <= 1.0:
        return float(share)
    raise ValueError(text)


def max_loss_of(policy: Path | None) -> float | None:
    """`max_quality_loss` of a settings file's `escalation:`, as a share; None where none is set.

    Only what rows can show is taken from it: rules about keys, headers or money have nothing to
    hold on to there.
    """
    if policy is None:
        return None
    try:
        held = read_yaml(policy.read_text("utf-8")).data
    except OSError as error:
        fail(f"cannot read {policy}: {error.strerror}")
    except (SourceError, UnicodeDecodeError) as error:
        fail(f"{policy}: {error}")
    whole = object_of(held) or {}
    points = (object_of(whole.get("escalation")) or whole).get("max_quality_loss")
    if points is None:
        return None
    if isinstance(points, bool) or not isinstance(points, int | float) or not 0 < points <= 100:
        fail(f"{policy}: `max_quality_loss` must be a number of points above 0, up to 100")
    return points / 100.0


def replay_rows(file: Path, wanted: Wanted, *, as_json: bool) -> None:
    """Replay a file and show what it came to."""
    rows = _read(file)
    runs = len(wanted.seeds) * (1 + (len(SWEEP) if wanted.sweep else 0))
    with bar("replaying", runs, shown=True) as counted:
        progress = counted(iter(range(runs)))
        told = [_one(rows, wanted, seed, progress) for seed in wanted.seeds]
        for _ in progress:
            pass
    result = _result(file, rows, wanted, told)
    found = reliability(told[0].foretold) if wanted.reliability else None
    if as_json:
        say_json(result if found is None else {**result, "reliability": reliability_json(found)})
        return
    _show(result, told)
    if found is not None:
        show_reliability("replies handed over", found)


def _read(file: Path) -> list[Row]:
    try:
        with file.open("rb") as lines:
            rows = list(read_rows(lines))
    except BadRow as error:
        fail(f"{file}: {error}")
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}")
    if not rows:
        fail(f"{file} has no rows")
    return rows


@dataclass(frozen=True, slots=True)
class _Told:
    """One seed's figures."""

    whole: Figures
    late: Figures
    curve: Sequence[Figures]
    area: Figures
    foretold: Sequence[Foretold]


def _one(rows: Sequence[Row], wanted: Wanted, seed: int, progress: Iterator[int]) -> _Told:
    aim = DEFAULT if wanted.max_loss is None else Aim(max_loss=wanted.max_loss)
    served = _served(rows, wanted, aim, seed, progress)
    late = served[len(served) - len(served) // _LATE :] or served
    shares = SWEEP if wanted.sweep else ()
    curve = [
        measures(_served(rows, wanted, Aim(cloud_share=share), seed, progress)) for share in shares
    ]
    points = [(1.0 - (one["local_share"] or 0.0), one["quality"] or 0.0) for one in curve]
    area = swept(points, rows) if points else {}
    foretold = [Foretold(one.row.id, one.predicted, one.right) for one in served]
    return _Told(measures(served), measures(late), curve, area, foretold)


def _served(
    rows: Sequence[Row], wanted: Wanted, aim: Aim, seed: int, progress: Iterator[int]
) -> list[Served]:
    next(progress, None)
    return replay(rows, Setup(aim, seed, wanted.shadow, wanted.juror))


def _result(
    file: Path, rows: Sequence[Row], wanted: Wanted, told: Sequence[_Told]
) -> dict[str, object]:
    """The figures' means over seeds under the names the form fixes, and beside them intervals."""
    whole = [{**one.whole, **one.area} for one in told]
    made: dict[str, object] = {
        "rows": len(rows),
        "file": file.name,
        "seeds": list(wanted.seeds),
        "feedback": wanted.shadow,
        "juror": wanted.juror,
        **over_seeds(whole, mean),
        "last_third": over_seeds([one.late for one in told], mean),
        "intervals": over_seeds(whole, interval),
        "held_share": sum((one.whole["loss_pp"] or 0.0) <= 1.0 for one in told) / len(told),
    }
    if wanted.sweep:
        made["curve"] = [_point(at) for at in zip(*(one.curve for one in told), strict=True)]
    if len(told) > 1:
        made["per_seed"] = whole
    return made


def _point(at: Sequence[Figures]) -> Figures:
    """One point of the curve over all seeds."""
    point = over_seeds(at, mean)
    share = 1.0 - (point["local_share"] or 0.0)
    return {"cloud_share": share, "quality": point["quality"], "loss_pp": point["loss_pp"]}


def _show(result: Json, told: Sequence[_Told]) -> None:
    late, spread = object_of(result["last_third"]) or {}, object_of(result["intervals"]) or {}
    rows = table("figure", "all rows", "± over seeds", "last third")
    for name in spread:
        rows.add_row(name, *(_figure(of.get(name)) for of in (result, spread, late)))
    many = len(told)
    console().print(
        f"{clean(result['file'])}: {result['rows']:,} rows, {many} seed{'s' * (many > 1)}; at most "
        f"a point worse than {Mode.BURST} in {_figure(result['held_share'])} of them"
    )
    console().print(rows)
    curve = list_of(result.get("curve"))
    if curve:
        points = table("cloud share", "quality", "loss, points")
        for point in curve:
            points.add_row(*(_figure(one) for one in (object_of(point) or {}).values()))
        console().print(points)


def _figure(figure: object) -> str:
    return f"{figure:.3f}" if isinstance(figure, int | float) else ""
