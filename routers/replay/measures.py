"""What a replay came to: shares, quality and loss, and the curve over cloud shares. Pure.

PGR is the part of the gap between always home and always the cloud that is closed; `apgr` its area
over the share of requests that the cloud answers (random 0.50; it may pass 1). `s_at_1pp` is the
largest local share within a point of always asking the cloud.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from capture.exchange import Mode
from routers.replay.rows import Row
from routers.replay.running import Served

SWEEP = tuple(number / 10 for number in range(11))
"""Cloud shares that a sweep aims at."""
Point = tuple[float, float]
"""(cloud share, quality)."""


def always(rows: Sequence[Row], mode: Mode) -> float | None:
    """Quality of always asking `mode`; None where it answered none of the rows."""
    right = [row.success[mode] for row in rows if mode in row.success]
    return sum(right) / len(right) if right else None


def measures(served: Sequence[Served]) -> dict[str, float | None]:
    """Means over requests, in the README's names."""
    of = max(1, len(served))
    rows = [one.row for one in served]
    local = sum(one.mode is not Mode.BURST for one in served) / of
    quality = sum(one.right for one in served) / of
    burst, home = always(rows, Mode.BURST) or 0.0, _home(rows)
    return {
        "local_share": local,
        "quality": quality,
        "quality_always_burst": burst,
        "quality_always_active": always(rows, Mode.ACTIVE),
        "loss_pp": 100.0 * (burst - quality),
        "loss_random_pp": 100.0 * local * (burst - home),
        "local_generations": sum(one.local_generations for one in served) / of,
        "cloud_calls": sum(one.cloud_calls for one in served) / of,
        "calibration_error": _calibration(served),
    }


def swept(points: Sequence[Point], rows: Sequence[Row]) -> dict[str, float | None]:
    """Figures of a curve; None where always home is as good as always the cloud."""
    burst, home = always(rows, Mode.BURST) or 0.0, _home(rows)
    whole = sorted(points)
    whole = [(0.0, whole[0][1]), *whole, (1.0, burst)]
    gap = burst - home
    within = 1.0 - (_first(whole, burst - 0.01) or 0.0)
    if gap <= 0.0:
        return {"apgr": None, "cpt50": None, "cpt80": None, "s_at_1pp": within}
    pgr = [(share, (quality - home) / gap) for share, quality in whole]
    area = sum((x2 - x1) * (y1 + y2) / 2.0 for (x1, y1), (x2, y2) in pairwise(pgr))
    return {"apgr": area, "cpt50": _first(pgr, 0.5), "cpt80": _first(pgr, 0.8), "s_at_1pp": within}


def over_seeds(
    figures: Sequence[Mapping[str, float | None]], what: Callable[[Sequence[float]], float | None]
) -> dict[str, float | None]:
    """One figure of each name over all seeds; None where a seed has none."""
    made: dict[str, float | None] = {}
    for name in figures[0]:
        known = [one[name] for one in figures]
        told = [one for one in known if one is not None]
        made[name] = what(told) if told and len(told) == len(known) else None
    return made


def mean(figures: Sequence[float]) -> float:
    """Over seeds."""
    return sum(figures) / len(figures)


def interval(figures: Sequence[float]) -> float | None:
    """Half the width of the 95 % interval of the mean over seeds; None for a single one."""
    of = len(figures)
    if of < 2:
        return None
    middle = mean(figures)
    spread = math.sqrt(sum((one - middle) ** 2 for one in figures) / (of - 1))
    return _T.get(of - 1, 1.96) * spread / math.sqrt(of)


_T = {
    1: 12.71,
    2: 4.30,
    3: 3.18,
    4: 2.78,
    5: 2.57,
    6: 2.45,
    7: 2.36,
    8: 2.31,
    9: 2.26,
    14: 2.14,
    19: 2.09,
}
"""Student's t at 97.5 %, by degrees of freedom."""


def _home(rows: Sequence[Row]) -> float:
    """What always home achieves: with the largest local model there is."""
    active = always(rows, Mode.ACTIVE)
    return active if active is not None else (always(rows, Mode.RESTING) or 0.0)


def _first(points: Sequence[Point], wanted: float) -> float | None:
    """The least share from which a curve is at `wanted` or above, between points by a line."""
    for number, (share, height) in enumerate(points):
        if height >= wanted:
            if number == 0:
                return share
            before, low = points[number - 1]
            return before + (share - before) * (wanted - low) / (height - low)
    return None


def _calibration(served: Sequence[Served]) -> float:
    """Mean distance, over tenths of what was predicted, between predicted and true."""
    bins: dict[int, list[Served]] = {}
    for one in served:
        bins.setdefault(min(9, int(10.0 * one.predicted)), []).append(one)
    return sum(
        abs(sum(one.predicted for one in held) - sum(one.right for one in held))
        for held in bins.values()
    ) / max(1, len(served))
