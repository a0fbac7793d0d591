"""What may be lost by staying at home although nobody looked at the reply, and how much was. Pure.

Home cannot lose what the cloud would not have got right either, nor where home is right itself. So
one request's stake is at most the smaller of P(cloud right) and P(home wrong), each by its history
alone, which is where tasks come back: what the cloud has failed at again and again, and what home
has done right again and again. Stakes are small or not taken, and all that were taken stay within a
part of the loss that the user allows, whatever comes of them.
"""

from __future__ import annotations

from capture.values import value

_SMALL = 0.08
"""The largest stake that is taken."""
_PART = 0.5
"""Part of the loss allowed that may be staked: the rest is for what looks say."""
_FADING = 0.999
"""What a request still counts for when the next one is decided: a thousand count."""


@value
class Stakes:
    """What was staked lately; a value to keep."""

    seen: float = 0.0
    """Requests decided."""
    staked: float = 0.0
    """The stakes taken, together."""

    def affords(self, stake: float, max_loss: float) -> bool:
        """Whether one more stake may be taken, where so large a share of requests may be lost."""
        return stake <= _SMALL and self.explores(stake, max_loss)

    def explores(self, stake: float, max_loss: float) -> bool:
        """The same for one that is taken to learn from it, of any size."""
        return self.staked + stake <= _PART * max_loss * self.seen

    def plus(self, stake: float) -> Stakes:
        """With one more request, and what was staked on it."""
        return Stakes(self.seen * _FADING + 1.0, self.staked * _FADING + stake)
