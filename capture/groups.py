"""Replies to one request of which it is known what came of each: a group."""

from __future__ import annotations

from dataclasses import dataclass

from capture.sampled import Sampled
from capture.trainable import TrainableTurn


@dataclass(frozen=True, slots=True)
class GroupReply:
    """One of them."""

    turn: TrainableTurn
    """A reply that was checked and not handed over is a turn of its own here: a failure."""
    sampled: Sampled | None
    """None where serving did not keep it, and where redaction took something out of the reply."""


@dataclass(frozen=True, slots=True)
class Group:
    """Two replies or more, in the order of their exchanges."""

    replies: tuple[GroupReply, ...]
