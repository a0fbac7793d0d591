"""The home directory: where everything of one household lives, and with which modes.

    HOME/                     0700   `~/.majordomo`, or what MAJORDOMO_HOME names
      majordomo.yaml          0600   the settings, written once and then the user's
      majordomo.schema.json   0600   their JSON schema, for editors
      keys.json               0600   hashed API keys
      redaction.salt          0600   what placeholders of redacted text are hashed with
      SOUL.md                        the user's own: what stands in the system prompt of what trains
      majordomo.db            0600   the store
      journal/                0700   append-only segments
      training/               0700   the trainer's cycles and their datasets, once there was one
      adapters/               0700   LoRA weights and which of them is live (`capture.adapters`)
      exports/                0700   what `majordomo export` wrote, once it has
      logs/                   0700   gateway.jsonl and house.log
      cache/                  0700   what can be made again: the house model's working directory
      run/                    0700   who is serving now, and where

Paths are decided here and nowhere else. Files are written whole or not at all, and are never
readable by others at any moment, whatever the umask. A home is not shared between users.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600


@dataclass(frozen=True, slots=True)
class ModeProblem:
    """A path in the home that others may read or write, or that is missing."""

    path: Path
    found: int | None
    """Its permission bits; None when the path is missing."""
    wanted: int


@dataclass(frozen=True, slots=True)
class Home:
    """One household's directory. The value only names paths; `create` makes them."""

    root: Path
    """Absolute."""

    @classmethod
    def locate(cls, environ: Mapping[str, str] | None = None) -> Home:
        """The home that MAJORDOMO_HOME names, else `~/.majordomo`. Creates nothing."""
        environ = os.environ if environ is None else environ
        named = environ.get("MAJORDOMO_HOME", "").strip()
        path = Path(named).expanduser() if named else Path.home() / ".majordomo"
        return cls(path.absolute())

    @property
    def settings(self) -> Path:
        return self.root / "majordomo.yaml"

    @property
    def schema(self) -> Path:
        return self.root / "majordomo.schema.json"

    @property
    def keys(self) -> Path:
        return self.root / "keys.json"

    @property
    def salt(self) -> Path:
        """What `gateway.redaction` hashes with; made once."""
        return self.root / "redaction.salt"

    @property
    def database(self) -> Path:
        return self.root / "majordomo.db"

    @property
    def search(self) -> Path:
        """Words and vectors to search by: made from the database, and made anew when gone."""
        return self.root / "search.db"

    @property
    def journal(self) -> Path:
        return self.root / "journal"

    @property
    def soul(self) -> Path:
        """Who the agent is, if the user wrote it down: `capture.soul` says what becomes of it."""
        return self.root / "SOUL.md"

    @property
    def adapters(self) -> Path:
        return self.root / "adapters"

    @property
    def training(self) -> Path:
        """The trainer's own: its cycles and their datasets; made by it."""
        return self.root / "training"

    @property
    def exports(self) -> Path:
        """Where `majordomo export` writes unless told otherwise; made by it."""
        return self.root / "exports"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def log_file(self) -> Path:
        """The gateway's own log, one JSON object a line."""
        return self.logs / "gateway.jsonl"

    @property
    def house_log(self) -> Path:
        """What the house model's server says."""
        return self.logs / "house.log"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def running(self) -> Path:
        """Who serves this home now: pid and address as JSON; missing when nobody does."""
        return self.run / "gateway.json"

    @property
    def directories(self) -> tuple[Path, ...]:
        return (self.root, self.journal, self.logs, self.cache, self.run)

    def create(self) -> None:
        """Make the directories that are missing. Raises OSError when one cannot be made."""
        for directory in self.directories:
            make_private_directory(directory)

    def mode_problems(self) -> tuple[ModeProblem, ...]:
        """Directories missing, and anything in the home that others can get at. Links are left
        alone, since what they point to belongs to someone else, and so is the inside of the cache,
        which other programs write and nobody can reach through a private directory."""
        problems = [
            ModeProblem(directory, None, DIRECTORY_MODE)
            for directory in self.directories
            if not directory.is_dir()
        ]
        for path in (self.root, *self.root.rglob("*")):
            if path.is_symlink() or not path.exists() or self.cache in path.parents:
                continue
            mode = stat.S_IMODE(path.stat().st_mode)
            wanted = DIRECTORY_MODE if path.is_dir() else FILE_MODE
            if mode & 0o077:
                problems.append(ModeProblem(path, mode, wanted))
        return tuple(problems)

    def mend(self) -> tuple[ModeProblem, ...]:
        """Put every mode problem right; returns what was mended."""
        problems = self.mode_problems()
        self.create()
        for problem in problems:
            if problem.found is not None:
                problem.path.chmod(problem.wanted)
        return problems


def make_private_directory(path: Path) -> None:
    """Make `path`, 0700, with its parents; an existing directory keeps its mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=DIRECTORY_MODE)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        path.chmod(DIRECTORY_MODE)


def replace_private(path: Path, data: bytes) -> None:
    """Put `data` at `path`, 0600, atomically: a reader sees the old file or the new one, and so
    does a start after a crash."""
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
    _sync_directory(path.parent)


def write_new_private(path: Path, data: bytes) -> bool:
    """Put `data` at `path`, 0600, unless something is there already; says whether it wrote. Two
    starts at once write one file, whole."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), FILE_MODE)
            os.fsync(file.fileno())
        _put_unless_there(temporary, path, data)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(path.parent)
    return True


def _put_unless_there(temporary: Path, path: Path, data: bytes) -> None:
    """Give the file its name. Some file systems have no links; there it is written in place."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
