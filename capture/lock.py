"""One process per directory: an advisory lock that the system drops when its holder dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Locked(OSError):
    """Another process holds the directory."""

    def __init__(self, directory: Path, pid: int | None) -> None:
        holder = "another process" if pid is None else f"process {pid}"
        super().__init__(f"{directory} is in use by {holder}; stop it first")
        self.pid = pid
        """The holder's process id; None when it has not said yet."""


class DirectoryLock:
    """Held from `acquire` to `release` or the end of the process, however it ends."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._fd = -1

    def acquire(self) -> None:
        """Take the lock. Raises Locked when it is held, OSError when it cannot be made."""
        fd = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = os.pread(fd, 32, 0).strip()
            os.close(fd)
            raise Locked(self._directory, int(said) if said.isdigit() else None) from None
        except OSError:
            os.close(fd)
            raise
        os.fchmod(fd, 0o600)
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Let go; does nothing when not held."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
