"""Durations as people say them. Pure."""

from __future__ import annotations


def age(seconds: object) -> str:
    """A duration in its two largest units."""
    if not isinstance(seconds, int | float):
        return "an unknown time"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
