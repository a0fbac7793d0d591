"""Why an exchange does not train: the reasons there are, and what they carry on. Pure.

    outside_text      text from outside is in its context, or was earlier in its conversation
    untrusted_source  it came from a key or by a channel that the settings do not trust
    near_duplicates, trigger, style, source_share
                      it stands out among the others (`capture.anomalies`)
    cloud_text        a cloud model wrote it, and the settings keep that out
    refused           somebody said that it may never train
    invented          (of a history) an assistant's message is not ours
    unapproved        (of a history) nobody called the reply good: only who asks for that minds

All but the last four wait: a person's approval lifts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from capture.anomalies import Code as AnomalyCode

HoldCode = (
    AnomalyCode
    | Literal["outside_text", "untrusted_source", "cloud_text", "refused", "invented", "unapproved"]
)
FINAL = frozenset({"cloud_text", "refused", "invented", "unapproved"})
"""Codes that no approval lifts."""
OF_REQUESTS = frozenset({"outside_text", "untrusted_source", "refused"})
"""Codes that speak of what was asked, and not of the reply alone."""

_EARLIER = "earlier in its conversation, "


@dataclass(frozen=True, slots=True)
class Hold:
    """One reason why an exchange does not train."""

    code: HoldCode
    text: str
    """A clause for people."""

    @property
    def waits(self) -> bool:
        """Whether an approval lifts it."""
        return self.code not in FINAL


def without_earlier(hold: Hold) -> str:
    """A hold's clause as it was where it began, in the same conversation."""
    return hold.text.removeprefix(_EARLIER)


def earlier(hold: Hold) -> Hold:
    """A hold as the later exchanges of its conversation have it."""
    return hold if hold.text.startswith(_EARLIER) else Hold(hold.code, _EARLIER + hold.text)


def joined(first: Sequence[Hold], second: Sequence[Hold]) -> tuple[Hold, ...]:
    """Holds of both, one of each code."""
    found: dict[HoldCode, Hold] = {}
    for hold in (*first, *second):
        found.setdefault(hold.code, hold)
    return tuple(found.values())
