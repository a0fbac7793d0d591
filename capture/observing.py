"""How an exchange comes to have an outcome: evidence is added, weighed anew, saved and counted.

The only place that changes an outcome; whoever has evidence brings it here. The outcome and the
tally of its skill move together, inside the caller's transaction, so that neither tells of what the
other does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from capture.clock import now
from capture.outcomes import SAID, UNKNOWN, Evidence, Outcome, conclude
from capture.store.links import Ended, Links


class Observations:
    """What is seen of exchanges within one transaction; written by `save`, once for each of them.
    Not thread-safe."""

    def __init__(
        self,
        links: Links,
        find: Callable[[str], Ended | None],
        outcome: Callable[[str], Outcome | None],
    ) -> None:
        """`find` gives an exchange that ended, None for any other; `outcome` what is stored of what
        came of it."""
        self._links = links
        self._find = find
        self._outcome = outcome
        self._before: dict[str, Outcome] = {}
        """What is stored of those in `_after`."""
        self._after: dict[str, Outcome] = {}

    def add(self, id_: str, evidence: Sequence[Evidence]) -> None:
        """Weigh evidence together with what is known. Says nothing of what has not ended."""
        if evidence and self._may_have(id_):
            self._after[id_] = conclude((*self._known(id_).evidence, *evidence))

    def hear(self, id_: str, said: Sequence[Evidence]) -> None:
        """Weigh all that people say of it now, in place of what they said before."""
        if not self._may_have(id_):
            return
        known = self._known(id_)
        seen = (each for each in known.evidence if each[0] not in SAID)
        heard = conclude((*seen, *said))
        if heard != known:
            self._after[id_] = heard

    def save(self) -> None:
        """Write the outcomes, and move the tallies from those there were before."""
        at = now()
        known = {id_: self._before[id_] for id_ in self._after if id_ in self._before}
        self._links.supersede([i for i, old in known.items() if _turns(old, self._after[i])], at)
        self._links.save_outcomes(self._after, at)
        changes = [
            (ended, self._before[id_], outcome)
            for id_, outcome in self._after.items()
            if (ended := self._find(id_)) is not None
        ]
        self._links.add_up(changes)
        self._before, self._after = {}, {}

    def _may_have(self, id_: str) -> bool:
        """Whether an outcome can come of it: it ended, and not with a question of our own."""
        ended = self._find(id_)
        return ended is not None and ended.status != "asked"

    def _known(self, id_: str) -> Outcome:
        """What came of it, as far as is known now."""
        if (known := self._after.get(id_)) is not None:
            return known
        if id_ not in self._before:
            self._before[id_] = self._outcome(id_) or UNKNOWN
        return self._before[id_]


def _turns(before: Outcome, after: Outcome) -> bool:
    """Whether what was known is taken for something else now, and not only with more evidence."""
    known = before.outcome != "unknown"
    return known and (before.outcome, before.confidence) != (after.outcome, after.confidence)


def observe(links: Links, id_: str, evidence: Sequence[Evidence]) -> bool:
    """Add evidence to one exchange, inside the caller's transaction. False when there is none of
    that id that ended."""
    ended = links.ended([id_]).get(id_)
    if ended is None:
        return False
    seen = Observations(links, lambda _: ended, links.outcome)
    seen.add(id_, evidence)
    seen.save()
    return True
