"""Numbers and moments as people read them. None stays None: the page says what it means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, in the gateway's own time zone."""

    words: str
    """Hours, minutes, seconds; the day too when it is not today's."""
    long: str
    """Day, time and zone."""
    iso: str
    """UTC, for machines."""


def moment(at: float, now: float) -> Moment:
    """`at`, in Unix seconds, as seen at `now`."""
    local = datetime.fromtimestamp(at).astimezone()
    today = datetime.fromtimestamp(now).astimezone().date() == local.date()
    return Moment(
        words=f"{local:%H:%M:%S}" if today else f"{local.day} {local:%b %H:%M}",
        long=f"{local.day} {local:%B %Y, %H:%M:%S %Z}",
        iso=datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
    )


def zone(now: float) -> str:
    """The gateway's time zone."""
    return datetime.fromtimestamp(now).astimezone().tzname() or "local"


def count(number: int | None) -> str | None:
    """A whole number."""
    return None if number is None else f"{number:,}"


def usd(amount: float | None) -> str | None:
    """US dollars; small amounts keep two digits that say something."""
    if amount is None:
        return None
    if amount == 0 or abs(amount) >= 0.1:
        return f"${amount:,.2f}"
    return f"${amount:.4f}" if abs(amount) >= 0.00005 else "under $0.0001"


def seconds(duration: float | None) -> str | None:
    """A duration."""
    if duration is None:
        return None
    if duration < 0.9995:
        return f"{duration * 1000:.0f} ms"
    if duration < 59.95:
        return f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(number: int) -> str:
    """Bytes."""
    if number < 1024:
        return f"{number} B"
    kib = number / 1024
    return f"{kib:,.0f} KiB" if kib < 1024 else f"{kib / 1024:,.1f} MiB"
