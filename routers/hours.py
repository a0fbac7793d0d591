"""Hours of the day, local time: windows that may go past midnight, and quiet ones. Pure.

A moment is a minute of the day, 0 to 1,439, in the household's own time zone; who makes it has the
clock. Windows hold from their first minute up to, and without, their last.
"""

from __future__ import annotations

from dataclasses import dataclass

from capture.exchange import Mode

DAY = 24 * 60
"""Minutes of a day. The day on which the clocks change has some twice, or leaves some out."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of every day."""

    start: int
    """First minute of the day in it."""
    end: int
    """First minute after it; less than `start` where it goes past midnight."""

    @classmethod
    def of(cls, text: str) -> Window:
        """`22:00-07:00`. Raises ValueError."""
        start, dash, end = text.partition("-")
        if not dash:
            raise ValueError("must be two times of day, as in 22:00-07:00")
        window = cls(minute_of(start), minute_of(end))
        if window.start == window.end:
            raise ValueError("must end at another time than it begins")
        return window

    def holds(self, minute: int) -> bool:
        """Whether a minute of the day is in it."""
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def meets(self, other: Window) -> bool:
        """Whether some minute is in both."""
        return self.holds(other.start) or other.holds(self.start)

    def __str__(self) -> str:
        return f"{clock_time(self.start)} to {clock_time(self.end)}"


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours in which some modes alone may answer."""

    window: Window
    modes: tuple[Mode, ...]
    """Those that may."""

    def says(self) -> str:
        """As a clause for people."""
        only = " and ".join(self.modes)
        may = "answers" if len(self.modes) == 1 else "answer"
        return f"it is quiet from {self.window}, when only {only} {may}"


def minute_of(text: str) -> int:
    """The minute of the day that `HH:MM` names. Raises ValueError."""
    hours, colon, minutes = text.strip().partition(":")
    numbers = hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2 and len(hours) <= 2
    if not colon or not numbers or int(hours) > 23 or int(minutes) > 59:
        raise ValueError("must be a time of day, as in 22:00")
    return int(hours) * 60 + int(minutes)


def clock_time(minute: int) -> str:
    """A minute of the day as `HH:MM`."""
    return f"{minute // 60:02}:{minute % 60:02}"
