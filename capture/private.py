"""Directories for their owner alone, whatever the umask."""

from __future__ import annotations

from pathlib import Path


def make_private_directory(path: Path) -> None:
    """Have `path` there with mode 0700, and so every parent that had to be made. Raises OSError."""
    missing = [parent for parent in path.parents if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(mode=0o700, exist_ok=True)
        parent.chmod(0o700)
    path.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o700)
