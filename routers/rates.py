"""How often home's accepted replies came out right, and the cloud's to requests like them. Pure.

Agreement and audits compare what replies say; this compares what came of them. The requests are
alike: all of them the cascade would have kept at home, and whether the cloud answered did not hang
on what they are, but on the control's stage or on chance. So the difference of the two rates is
the loss, whatever the replies said, and it overrules them.
"""

from __future__ import annotations

import math
from dataclasses import replace

from capture.values import value

_KEEPS = 0.998
"""What an outcome still counts for when the next one of the same side comes."""


@value
class Rates:
    """Outcomes of both; a value to keep."""

    home_right: float = 0.0
    home_of: float = 0.0
    cloud_right: float = 0.0
    cloud_of: float = 0.0

    def plus(self, home: bool, right: float, weight: float = 1.0) -> Rates:
        """With one more outcome: how right it was, from 0 to 1, and how sure that is."""
        if home:
            return replace(
                self,
                home_right=self.home_right * _KEEPS + weight * right,
                home_of=self.home_of * _KEEPS + weight,
            )
        return replace(
            self,
            cloud_right=self.cloud_right * _KEEPS + weight * right,
            cloud_of=self.cloud_of * _KEEPS + weight,
        )

    def behind(self, errors: float) -> float:
        """By how much home is behind the cloud, less so many standard errors; a success and a
        failure more on either side keep a few outcomes from looking sure."""
        home, home_of = self.home_right + 1.0, self.home_of + 2.0
        cloud, cloud_of = self.cloud_right + 1.0, self.cloud_of + 2.0
        p, q = home / home_of, cloud / cloud_of
        error = math.sqrt(p * (1.0 - p) / home_of + q * (1.0 - q) / cloud_of)
        return q - p - errors * error
