"""Two replies to one request, of which the one is known to be better. Facts, and no judge's word.

unfit     the first was checked, not handed over, and dropped; another place's reply was handed
over in its stead, and is not known to have failed
outcome   the request was made twice; one reply came to success, the other to failure
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from capture.soul import Soul
from capture.trainable import TrainableTurn

Why = Literal["unfit", "outcome"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to what `chosen` was asked."""

    chosen: TrainableTurn
    rejected: TrainableTurn
    """For `unfit` the very exchange of `chosen`, but with the place and the reply that were not
    handed over."""
    why: Why

    def given(self, soul: Soul) -> Pair:
        """The pair as it were if both had been asked with this soul."""
        return Pair(soul.given(self.chosen), soul.given(self.rejected), self.why)
