"""Sources beside the main one: which there are, and which of them came all at once. Pure.

The main source is the one that was there on most days, with most conversations of equals; it is
never held to its share. A person's new key waits after a busy first day until it was seen on
another, or somebody said that it is theirs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from capture.anomalies.samples import Limits, Sample, Verdict

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Source:
    """What one source sent."""

    name: str
    places: Sequence[int]
    """Of its samples among all, oldest first."""
    began: Mapping[str, float]
    """When each of its conversations began, oldest first."""


def by_name(samples: Sequence[Sample]) -> dict[str, Source]:
    """All sources of samples that come oldest first."""
    places: dict[str, list[int]] = defaultdict(list)
    began: dict[str, dict[str, float]] = defaultdict(dict)
    for place, sample in enumerate(samples):
        places[sample.source].append(place)
        began[sample.source].setdefault(sample.conversation, sample.began_at)
    return {name: Source(name, places[name], began[name]) for name in places}


def beside_the_main_one(sources: Iterable[Source]) -> list[Source]:
    """All but the main one."""
    return sorted(sources, key=_weight)[1:]


def _weight(source: Source) -> tuple[int, int, Sequence[int]]:
    days = {int(at // _DAY) for at in source.began.values()}
    return -len(days), -len(source.began), source.places


def came_at_once(samples: Sequence[Sample], limits: Limits) -> Iterable[Verdict]:
    """Sources that were there on one day and hardly on any other."""
    sources = by_name(samples)
    for source in beside_the_main_one(sources.values()):
        others = [each for each in sources.values() if each is not source]
        first = min(samples[other.places[0]].began_at for other in others)
        last = max(samples[other.places[-1]].began_at for other in others)
        if last - first < limits.settled_days * _DAY:
            continue
        busiest = _busiest_day(list(source.began.values()))
        if busiest < limits.newcomer or busiest < limits.one_day * len(source.began):
            continue
        reason = (
            f"{busiest} of the {len(source.began)} conversations of this source began on one day, "
            f"beside {(last - first) / _DAY:.0f} days of others"
        )
        yield "source_share", reason, source.places


def _busiest_day(began: Sequence[float]) -> int:
    """The most conversations that began within any 24 hours."""
    most = start = 0
    for end, at in enumerate(began):
        while at - began[start] > _DAY:
            start += 1
        most = max(most, end - start + 1)
    return most
