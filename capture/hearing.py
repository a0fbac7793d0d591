"""The pass that brings feedback to bear on outcomes.

Feedback waits in the store until the exchange it is about has ended and is linked; then it counts,
once. That it does is noted in the transaction that changes the outcome, so a death at any moment
leaves nothing half done. Where nothing waits it costs one look-up a pass, whatever was linked.

What feedback says is `capture.feedback`'s; the outcome is changed by `capture.observing`.
"""

from __future__ import annotations

from capture.feedback import evidence_of
from capture.observing import Observations
from capture.store.links import Links, Waiting

_AT_ONCE = 250


def hear(links: Links) -> None:
    """Bring to bear all feedback that can."""
    while waiting := links.waiting(_AT_ONCE):
        with links.transaction():
            counted = {each.id: _counts_for(links, each) for each in waiting}
            links.count_for(counted)
            ids = sorted(set(counted.values()))
            seen = Observations(links, links.ended(ids).get, links.outcome)
            for id_, said in links.said(ids).items():
                seen.hear(id_, evidence_of(said))
            seen.save()


def _counts_for(links: Links, said: Waiting) -> str:
    """Id of the exchange whose outcome it bears on."""
    return said.exchange or links.last_reply(said.conversation, said.id)
