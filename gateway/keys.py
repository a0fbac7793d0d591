"""API keys: made here, kept only as hashes in HOME/keys.json.

A key is `mjd_` and 43 URL-safe characters: 256 random bits, shown once. Nothing slow is needed to
hash a value that cannot be guessed, so the file holds SHA-256 of the key's bytes:

    {"version": 1, "keys": [{"name": "hermes", "sha256": "9f86...", "created_at": 1763712000.0}]}

The file is replaced whole, mode 0600, under a lock that two commands cannot hold at once. Who may
do what with a key is `gateway.auth`'s.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.home import FILE_MODE, replace_private
from gateway.settings import Name

PREFIX = "mjd_"
NAME_PATTERN = re.compile(r"^[a-z0-9][a-z0-9._-]{0,63}$")


class KeysError(Exception):
    """The keys file cannot be used, or what was asked of it cannot be done. Says what to do."""


class KeyEntry(BaseModel):
    """One key, as the file knows it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    """What its owner calls it; rules and records name the key by this."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Hex SHA-256 of the key's bytes."""
    created_at: float
    """Unix seconds, UTC."""


class _KeysFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    keys: tuple[KeyEntry, ...] = ()


def hash_key(key: str) -> str:
    """Hex SHA-256 of a key's UTF-8 bytes; text that is no UTF-8 at all hashes too, to no match."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def load_keys(path: Path) -> tuple[KeyEntry, ...]:
    """All keys of the file; none when there is no file. Raises KeysError for a file that is not
    ours or is broken: no key is ever quietly left out."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise KeysError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        return _KeysFile.model_validate_json(data).keys
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise KeysError(
            f"{path} is not a keys file: {where}: {first['msg']}. Move it away and make keys anew "
            "with `majordomo key create`."
        ) from error


def create_key(path: Path, name: str, *, now: float) -> str:
    """Make a key called `name` and return its text, which is kept nowhere."""
    if not NAME_PATTERN.fullmatch(name):
        raise KeysError(
            f"{name!r} is no name for a key: use lower-case letters, digits, `.`, `_` and `-`, "
            "at most 64 of them"
        )
    key = PREFIX + secrets.token_urlsafe(32)
    entry = KeyEntry(name=name, sha256=hash_key(key), created_at=now)
    with _locked(path):
        keys = load_keys(path)
        if any(known.name == name for known in keys):
            raise KeysError(
                f"there is a key called {name!r} already: revoke it first "
                f"(`majordomo key revoke {name}`), or choose another name"
            )
        _store(path, (*keys, entry))
    return key


def revoke_key(path: Path, name: str) -> KeyEntry:
    """Remove the key called `name` and return what it was. The running gateway stops honouring it
    at its next request."""
    with _locked(path):
        keys = load_keys(path)
        gone = next((known for known in keys if known.name == name), None)
        if gone is None:
            names = ", ".join(known.name for known in keys) or "none"
            raise KeysError(f"there is no key called {name!r}; there are: {names}")
        _store(path, tuple(known for known in keys if known is not gone))
    return gone


def _store(path: Path, keys: tuple[KeyEntry, ...]) -> None:
    replace_private(path, _KeysFile(keys=keys).model_dump_json(indent=2).encode() + b"\n")


@contextmanager
def _locked(path: Path) -> Generator[None]:
    """One writer at a time. The lock is a file of its own, since the keys file gets replaced."""
    lock = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
