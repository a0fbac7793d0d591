"""Files written whole or not at all, private to the user, and still there after a power loss.

One lock per directory says who may write there. It is the kernel's own (`flock`), so it ends with
the process that holds it, kill -9 included, and nothing stale is ever left behind.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
LOCK = ".lock"
"""Its name; `capture.datasets` knows it, too."""


class Held(Exception):
    """Another process holds the lock. `who` is what it wrote there, empty when unknown."""

    def __init__(self, path: Path, who: str) -> None:
        super().__init__(f"{path} is held by {who or 'another process'}")
        self.who = who


def make_private(path: Path) -> Path:
    """Make the directory with its parents, 0700; one that exists keeps its mode."""
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    return path


def replace(path: Path, data: bytes) -> None:
    """Put `data` at `path`, 0600: whoever reads, also after a crash, sees the old file or the
    new one."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), FILE_MODE)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Make a file's content, or a directory's entries, outlast a power loss."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(directory: Path, who: str = "", *, wait: bool = True) -> Generator[None]:
    """Hold the directory's one lock. Without `wait`, `Held` is raised when another has it."""
    make_private(directory)
    path = directory / LOCK
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise Held(directory, file.read(200).decode("utf-8", "replace")) from None
        file.truncate(0)
        file.write(who.encode())
        file.flush()
        yield
