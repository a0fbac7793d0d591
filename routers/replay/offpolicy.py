"""What another policy would have come to, from what was recorded under this one. Pure.

The estimate is doubly robust (Dudík, Langford and Li 2011): a direct model says how often each way
of answering is right on a skill, and where a request was recorded in a way that the other policy
wants, too, the model's error on it is added, weighed by how much more likely the other policy has
it. Either of the two being right is enough. The model is a posterior over skill and way, shrunk to
the way and that to all; it is fitted on the other folds, so that no request foretells itself and no
conversation its own.

Decisions that draw nothing have chance 1 as recorded, and no weight tells of what they never did.
There the model stands alone, as long as the way was tried on the skill at other times; where it was
not, nobody knows, and the request counts from 0 to 1 (Manski's bounds) in place of a number.

Intervals are drawn over groups (conversations), with the model fitted anew each time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from capture.values import value
from routers.replay.direct import Cell, Direct, fold_of
from routers.replay.resampling import REPLICATES, drawn, interval

CLIP = 20.0
"""Most that one recorded request counts for. What is cut off, the direct model answers for."""
TRIED = 5
"""Known outcomes of a way on a skill, at least, before the direct model is believed there."""
GROUPS = 10
"""Below so many an interval would say more than is known."""
_SAME = 1e-9

Chances = Mapping[str, float]
"""How likely each way is; together 1."""


@value
class Logged:
    """One recorded request whose outcome is known."""

    group: str
    """What it shares its fate with: its conversation."""
    skill: str
    taken: str
    """The way in which it was answered."""
    right: float
    """0 to 1."""
    chances: Chances
    """Of each way, as it was decided then."""
    wanted: Chances
    """Of each way, as the other policy has it; or how much more likely one policy has it than
    another, which estimates the difference of the two."""
    beliefs: Mapping[str, float] = field(default_factory=dict[str, float])
    """P(right) of ways as held before the outcome was known; taken in place of the model's."""

    @property
    def changed(self) -> bool:
        """The other policy decides otherwise."""
        return self.wanted != self.chances


@value
class Estimate:
    """What the other policy would have come to, as shares of requests that are right."""

    requests: int
    recorded: float
    """What was really right."""
    least: float
    """With all that nobody knows wrong, and below right; equal where nothing is unknown."""
    most: float
    interval: tuple[float, float] | None
    """From the lower end of `least` to the upper one of `most`, at 95 %; None: too few groups."""
    gain: tuple[float, float] | None
    """The same of the difference to `recorded`."""
    changed: int
    """Requests that the other policy decides otherwise."""
    unsupported: float
    """Requests that it would answer in a way never tried on their skill; shares where it draws."""
    clipped: int
    """Requests whose weight was cut."""

    @property
    def right(self) -> float | None:
        """The estimate; None where some requests have no support."""
        return self.least if self.unsupported == 0.0 else None


Model = Callable[[int, Cell], float]
"""P(right) of a cell, for a fold."""


@dataclass(slots=True)
class _Group:
    """What requests of one group add to the estimate: a part that is known, and so much of what
    the model says of each cell."""

    fold: int
    of: int = 0
    right: float = 0.0
    known: float = 0.0
    unknown: tuple[float, float] = (0.0, 0.0)
    """What requests without support add at least and at most."""
    uses: dict[Cell, float] = field(default_factory=dict[Cell, float])
    seen: dict[Cell, tuple[float, float]] = field(default_factory=dict[Cell, tuple[float, float]])
    """(right, of) by cell."""

    @property
    def key(self) -> object:
        """Equal for groups that add the same."""
        parts = frozenset(self.uses.items()), frozenset(self.seen.items())
        return (self.fold, self.of, self.right, self.known, self.unknown, *parts)


def estimate(rows: Sequence[Logged], replicates: int = REPLICATES, seed: int = 0) -> Estimate:
    """What the other policy would have come to on these requests; at least one."""
    seen = Direct()
    observed: dict[str, _Group] = {}
    for row in rows:
        group = observed.setdefault(row.group, _Group(fold_of(row.group)))
        right, of = group.seen.get((row.skill, row.taken), (0.0, 0.0))
        group.seen[row.skill, row.taken] = right + row.right, of + 1.0
    for group in observed.values():
        seen.add(group.fold, group.seen)
    clipped = sum(_add(observed[row.group], row, seen) for row in rows)
    groups = list(observed.values())
    _forget_the_rest(groups)
    of, unknown = len(rows), [sum(ends) for ends in zip(*(g.unknown for g in groups), strict=True)]
    known = _value(groups, [1] * len(groups), seen)
    floor = -1.0 if any(share < 0.0 for row in rows for share in row.wanted.values()) else 0.0
    lows, highs = _replicates(groups, replicates, seed)
    enough, changed = len(groups) >= GROUPS, sum(row.changed for row in rows)
    alike = not any(row.wanted for row in rows)  # two policies that decide everything the same
    apart = math.inf if alike else float(len(groups))
    return Estimate(
        requests=of,
        recorded=sum(row.right for row in rows) / of,
        least=_bounded((known + unknown[0]) / of, floor),
        most=_bounded((known + unknown[1]) / of, floor),
        interval=_of_the_whole(lows, highs, apart, floor) if enough else None,
        gain=_of_the_gain(lows, highs, apart) if enough else None,
        changed=changed,
        unsupported=unknown[1] - unknown[0],
        clipped=clipped,
    )


def corrected(rows: Iterable[Logged], model: Model, clip: float = CLIP) -> float:
    """The mean with a model that is given; every way is taken to have support."""
    groups: list[_Group] = []
    for row in rows:
        groups.append(_Group(0))
        _add(groups[-1], row, None, clip)
        groups[-1].of = 1
    return _value(groups, [1] * len(groups), model) / len(groups)


def _add(group: _Group, row: Logged, seen: Direct | None, clip: float = CLIP) -> bool:
    """Put one request into its group; whether its weight was cut."""
    group.of += 1
    group.right += row.right
    if not row.changed:
        group.known += row.right
        return False
    whole = row.wanted.get(row.taken, 0.0) / row.chances[row.taken]
    weight = max(-clip, min(clip, whole))
    group.known += weight * row.right
    _say(group, row, row.taken, -weight)
    for way, share in row.wanted.items():
        if _supported(row, way, group.fold, seen):
            _say(group, row, way, share)
        else:
            least, most = group.unknown
            group.unknown = least + min(0.0, share), most + max(0.0, share)
    return weight != whole


def _say(group: _Group, row: Logged, way: str, share: float) -> None:
    """So much of what is believed of a way."""
    if not share:
        return
    if way in row.beliefs:
        group.known += share * row.beliefs[way]
    else:
        cell = row.skill, way
        group.uses[cell] = group.uses.get(cell, 0.0) + share


def _supported(row: Logged, way: str, fold: int, seen: Direct | None) -> bool:
    """Something tells of this way: it might have been drawn, is believed of, or was tried."""
    if seen is None or way in row.beliefs or row.chances.get(way, 0.0) * CLIP >= 1.0:
        return True
    return seen.others(fold, (row.skill, way))[1] >= TRIED


def _forget_the_rest(groups: Sequence[_Group]) -> None:
    """Leave out outcomes of ways that the model is not asked about."""
    asked = {way for group in groups for _, way in group.uses}
    for group in groups:
        group.seen = {cell: of for cell, of in group.seen.items() if cell[1] in asked}


def _value(groups: Sequence[_Group], times: Sequence[int], model: Model) -> float:
    whole = 0.0
    for group, often in zip(groups, times, strict=True):
        if often:
            said = [share * model(group.fold, cell) for cell, share in group.uses.items()]
            whole += often * (group.known + sum(said))
    return whole


_Pair = tuple[float, float]
"""A mean, and its difference to what was recorded."""


def _replicates(
    groups: Sequence[_Group], replicates: int, seed: int
) -> tuple[list[_Pair], list[_Pair]]:
    """The means of replicates, with all that is unknown wrong and with all of it right."""
    alike: dict[object, int] = {}
    kinds = [alike.setdefault(group.key, len(alike)) for group in groups]
    each = list(dict(zip(kinds, groups, strict=True)).values())
    lows: list[_Pair] = []
    highs: list[_Pair] = []
    for times in drawn(kinds, replicates, seed):
        counts = Direct()
        of = right = least = most = 0.0
        for group, often in zip(each, times, strict=True):
            if often:
                counts.add(group.fold, group.seen, often)
                of += often * group.of
                right += often * group.right
                least += often * group.unknown[0]
                most += often * group.unknown[1]
        known = _value(each, times, counts)
        lows.append(((known + least) / of, (known + least - right) / of))
        highs.append(((known + most) / of, (known + most - right) / of))
    return lows, highs


def _of_the_whole(
    lows: Sequence[_Pair], highs: Sequence[_Pair], groups: float, floor: float
) -> _Pair:
    low, high = _ends([low for low, _ in lows], [high for high, _ in highs], groups)
    return _bounded(low, floor), _bounded(high, floor)


def _of_the_gain(lows: Sequence[_Pair], highs: Sequence[_Pair], groups: float) -> _Pair:
    if not any(gain for _, gain in (*lows, *highs)):
        return 0.0, 0.0
    low, high = _ends([gain for _, gain in lows], [gain for _, gain in highs], groups)
    return _bounded(low), _bounded(high)


def _ends(lows: Sequence[float], highs: Sequence[float], groups: float) -> _Pair:
    """From the lower end of the ones to the upper of the others. Where all groups came out the same
    it is so wide as the rule of three has it: none of n says that at most 3 / n are."""
    low, high = interval(lows)[0], interval(highs)[1]
    beyond = 3.0 / groups if high - low < _SAME else 0.0
    return low - beyond, high + beyond


def _bounded(figure: float, floor: float = -1.0) -> float:
    return max(floor, min(1.0, figure))
