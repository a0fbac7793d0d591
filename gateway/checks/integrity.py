"""Whether what is kept is still what was written: the store and the journal, read whole.

Takes seconds for each gigabyte, so it is done when asked for (`doctor --deep`). A damaged store is
never mended in place: what can be trusted of it is not known.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from capture.framing import Gap, Segment, read, segments
from capture.store.still import damage
from gateway.checks.result import Check, ok
from gateway.home import Home


def store(home: Home) -> Iterator[Check]:
    """Whether the store is whole, by SQLite's own integrity check."""
    if not home.database.exists():
        return
    broken = damage(home.database)
    if broken is None:
        yield ok("integrity", f"every page of {home.database.name} is whole")
    else:
        yield Check("integrity", "problem", f"the store is damaged: {broken}", remedy(home))


def journal(home: Home) -> Iterator[Check]:
    """Whether every record in the journal's files verifies, but for one being written now."""
    found = segments(home.journal)
    broken = {segment.path.name: _gaps(segment, segment is found[-1]) for segment in found}
    damaged = {name: sizes for name, sizes in broken.items() if sizes}
    for name, sizes in damaged.items():
        text = f"{sum(sizes):,} bytes of {name} are not readable as records"
        yield Check("integrity", "warning", text, "look at the disk this home lies on")
    if found and not damaged:
        yield ok("integrity", f"every record of the journal's {len(found)} files is whole")


def remedy(home: Home) -> str:
    """What to do about a store that cannot be trusted."""
    return (
        "stop Majordomo; `majordomo restore FILE --force` puts a backup back (docs/keeping.md); "
        f"without one move {home.database.name}* away, and the next start makes a store of what "
        "the journal still has"
    )


def _gaps(segment: Segment, newest: bool) -> list[int]:
    """Sizes of the stretches that are no records; at the end of the newest segment one may just be
    in the making."""
    try:
        fd = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return []  # wholly in the store, and removed just now
    try:
        size = os.fstat(fd).st_size
        found = [each for each in read(fd, 0, size, segment.seed) if isinstance(each, Gap)]
    finally:
        os.close(fd)
    return [gap.end - gap.start for gap in found if gap.end < size or not newest]
