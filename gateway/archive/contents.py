"""Which files of a home go into its backup, beside the store and the journal.

Settings (which name secrets and hold none), hashed keys, the salt of redaction (with another one
every placeholder reads otherwise), adapters with their pointer, what training must remember of
ended cycles, golden rows, and the agent's own: SOUL.md, skills, memories. Not what can be made
again (cache, exports, logs, words to search by), nor who serves now (run), nor anything hidden,
linked, or named like a secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from capture import judged as judged_files
from capture.adapters import POINTER
from gateway.archive.manifest import is_safe
from gateway.home import Home

_FILES = (
    "majordomo.yaml",
    "majordomo.schema.json",
    "keys.json",
    "redaction.salt",
    "SOUL.md",
)
_TREES = ("adapters", "golden", "skills", "memories")
_ENDED = "result.json"
"""A cycle without one was cut short: what it meant to train is still new."""
_CYCLE = ("*.json", "dataset/*")
"""What of a cycle is remembered; its adapter was published, and lies with the others."""
_SECRET = (
    "*.env",
    "*.env.*",
    "env",
    "*.key",
    "*.pem",
    "*.p12",
    "*.kdbx",
    "*credential*",
    "*secret*",
)


@dataclass(frozen=True, slots=True)
class Found:
    """One file, or what looked like one."""

    name: str
    """Below the home, `/` between its parts."""
    path: Path
    kept: bool
    """False: it is left out."""


def contents(home: Home) -> Iterator[Found]:
    """Every file in its fixed order. The pointer comes before the adapters, so that the one it
    names is there by the time they are listed."""
    for name in (*_FILES, f"adapters/{POINTER}"):
        if (home.root / name).is_file():
            yield _found(home, home.root / name)
    for tree in _TREES:
        for path in _below(home.root / tree):
            if path != home.adapters / POINTER:
                yield _found(home, path)
    for path in _training(home.training):
        yield _found(home, path)


def _found(home: Home, path: Path) -> Found:
    name = path.relative_to(home.root).as_posix()
    regular = path.is_file() and not path.is_symlink()
    kept = regular and is_safe(name) and not _like_a_secret(name)
    return Found(name, path, kept)


def _like_a_secret(name: str) -> bool:
    top, _, rest = name.partition("/")
    if top in _FILES:
        return False
    return any(fnmatchcase(part.lower(), like) for part in rest.split("/") for like in _SECRET)


def _below(directory: Path) -> list[Path]:
    """Every file below, in order; what is hidden is not looked at, and links are not followed."""
    if not directory.is_dir() or directory.is_symlink():
        return []
    found: list[Path] = []
    for path in sorted(directory.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            found += _below(path)
        else:
            found.append(path)
    return found


def _training(training: Path) -> list[Path]:
    found: list[Path] = []
    for ended in sorted(training.glob(f"*/{_ENDED}")):
        found += (path for like in _CYCLE for path in sorted(ended.parent.glob(like)))
    answers = sorted((training / "answers").glob("*.jsonl"))
    judged = sorted((training / judged_files.DIRECTORY).glob("*.jsonl"))
    return [path for path in (*found, *answers, *judged) if not path.name.startswith(".")]
