"""Putting a verified backup where a home is to be, at one stroke where that can be.

A home that is there is left alone, or with `force` moved aside, never removed. A home that is
served is refused. Into a directory that is there and empty (a volume, say) the files are moved one
by one, the settings last: without them nothing is served.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from capture.lock import DirectoryLock, Locked
from capture.segment_file import sync_directory
from gateway.archive.manifest import BackupError
from gateway.client import running
from gateway.home import Home, make_private_directory


def check_target(home: Home, *, force: bool) -> None:
    """Raises BackupError where nothing may be put: the home is served, or holds something and
    `force` is not given."""
    who = running(home)
    if who is not None:
        raise BackupError(f"process {who.pid} serves {home.root}: stop it first (`kill {who.pid}`)")
    if home.root.exists() and not home.root.is_dir():
        raise BackupError(f"{home.root} is no directory")
    if _is_empty(home.root):
        return
    if not force:
        raise BackupError(
            f"{home.root} is not empty; `--into DIR` puts it elsewhere, `--force` moves what is "
            "there aside"
        )
    if home.journal.is_dir():
        lock = DirectoryLock(home.journal)
        try:
            lock.acquire()
        except Locked as error:
            raise BackupError(str(error)) from error
        lock.release()


@contextmanager
def drafted(home: Home) -> Generator[Path]:
    """A private directory on the home's own disk, gone at the end unless it was put in place."""
    make_private_directory(home.root.parent)
    within = home.root if _is_empty(home.root) and home.root.is_dir() else home.root.parent
    with tempfile.TemporaryDirectory(
        prefix=f".{home.root.name}.restoring-", dir=within, ignore_cleanup_errors=True
    ) as scratch:
        draft = Path(scratch) / "home"
        draft.mkdir(mode=0o700)
        yield draft


def put(draft: Path, home: Home) -> Path | None:
    """Make `draft` the home. Returns where the home that was there is now; None when there was
    none. Raises OSError; the home that was there is then where it was."""
    if home.root in draft.parents:
        _move_in(draft, home)
        return None
    aside: Path | None = None
    if home.root.exists():
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        aside = home.root.with_name(f"{home.root.name}.before-{stamp}")
        home.root.rename(aside)
    try:
        draft.rename(home.root)
    except OSError:
        if aside is not None:
            aside.rename(home.root)
        raise
    sync_directory(home.root.parent)
    return aside


def _move_in(draft: Path, home: Home) -> None:
    last = home.settings.name
    for path in sorted(draft.iterdir(), key=lambda path: (path.name == last, path.name)):
        path.rename(home.root / path.name)
    home.root.chmod(0o700)
    sync_directory(home.root)


def _is_empty(directory: Path) -> bool:
    return not directory.exists() or (directory.is_dir() and not any(directory.iterdir()))
