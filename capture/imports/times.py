"""Moments as other programs write them: ISO 8601, seconds or milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime

_LEAST, _MOST = 978_307_200.0, 4_102_444_800.0
"""2001 and 2100: before one no chat was held, after the other none was yet."""
_MILLISECONDS = 1e11
"""A larger number is milliseconds, and microseconds from a thousand times that."""


def moment(value: object) -> float | None:
    """Unix seconds; None for what is no moment, or none that can be. What names no zone is UTC."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        at = _written(value.strip())
    elif isinstance(value, int | float):
        at = _counted(value)
    else:
        return None
    return at if at is not None and _LEAST <= at <= _MOST else None


def _counted(value: float) -> float | None:
    for scale in (1, 1e3, 1e6, 1e9):
        if value < _MILLISECONDS * scale:
            return float(value / scale)
    return None


def _written(text: str) -> float | None:
    if text.replace(".", "", 1).isdigit() and len(text) < 30:
        return _counted(float(text))
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
