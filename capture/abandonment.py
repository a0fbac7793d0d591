"""Replies whose calls nobody ever answered: the agent died, or its user left it there.

Only time tells, so somebody has to look: once an exchange is a day old and nothing is known of it,
its open calls speak against it, weakly. Where the conversation is taken up again later, what comes
then has the last word, as always.
"""

from __future__ import annotations

from capture.ids import first_id
from capture.observing import observe
from capture.outcomes import ABANDONED
from capture.store.links import Links

PATIENCE_SECONDS = 86_400.0
"""A call that is not answered by then is not expected to be."""
MOST_SECONDS = 30 * 86_400.0
"""What is older was looked at while it was not."""


def abandon(links: Links, now: float, limit: int) -> int:
    """Observe the oldest abandoned exchanges, in a transaction of its own; how many there were. As
    many as `limit`: there may be more. `now` is in Unix seconds."""
    with links.transaction():
        since, until = first_id(now - MOST_SECONDS), first_id(now - PATIENCE_SECONDS)
        found = links.abandoned(since, until, limit)
        for id_ in found:
            observe(links, id_, [ABANDONED])
    return len(found)
