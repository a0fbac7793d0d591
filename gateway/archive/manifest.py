"""What a backup says of itself, and which names may stand in it. Pure.

A backup comes back from disks and other machines, so nothing in it is trusted: a manifest that is
not exactly of this form is refused, as is a name that could lead anywhere but into the home.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MANIFEST = "manifest.json"
STORE = "majordomo.db"
MOST_MANIFEST_BYTES = 64 << 20
"""A manifest larger than this is none of ours."""
TOP = frozenset(
    {
        STORE,
        "majordomo.yaml",
        "majordomo.schema.json",
        "keys.json",
        "redaction.salt",
        "SOUL.md",
        "journal",
        "adapters",
        "training",
        "golden",
        "skills",
        "memories",
    }
)
"""All that may stand at the top of a home that comes from a backup."""
_LONGEST_NAME = 255
_LONGEST_PART = 200


class BackupError(Exception):
    """A backup cannot be written, or is not one that can be put back; says why and what to do."""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Member(_Said):
    """One file of the home."""

    name: str
    """Below the home, `/` between its parts."""
    size: int = Field(ge=0)
    """Bytes."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Manifest(_Said):
    """What is in a backup."""

    majordomo_backup: Literal[1] = 1
    """The form of the backup."""
    version: str
    """Of the Majordomo that wrote it."""
    at: float
    """When it was begun, Unix seconds."""
    schema_version: str | None
    """Of the store; None for a home without one."""
    rows: Mapping[str, int]
    """How many the store has, by table."""
    newest: float | None
    """When the newest exchange in the store began, Unix seconds; None without one."""
    left_out: tuple[str, ...] = ()
    """Files beside those kept that were left out, because of their name or kind."""
    members: tuple[Member, ...]
    """In the order in which they follow."""

    @property
    def size(self) -> int:
        """Bytes of all members."""
        return sum(member.size for member in self.members)


def read_manifest(data: bytes) -> Manifest:
    """The manifest that these bytes are. Raises BackupError."""
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole of it"
        raise BackupError(
            f"this is no backup that this version understands: {where}: {first['msg']}"
        ) from error
    names = [member.name for member in manifest.members]
    for name in names:
        if not is_safe(name):
            raise BackupError(f"a backup of a home has no {name[:200]!r} in it: refused")
    if len(set(names)) < len(names):
        raise BackupError("a name stands twice in its manifest: refused")
    parents = {"/".join(parts[:n]) for parts in _split(names) for n in range(1, len(parts))}
    if not parents.isdisjoint(names):
        raise BackupError("a name in its manifest is a file and a directory: refused")
    return manifest


def is_safe(name: str) -> bool:
    """Whether a name stays inside the home, in a place where a backup has files."""
    parts = name.split("/")
    return (
        parts[0] in TOP
        and len(name.encode("utf-8", "replace")) <= _LONGEST_NAME
        and all(_is_plain(part) for part in parts)
    )


def _is_plain(part: str) -> bool:
    return (
        0 < len(part) <= _LONGEST_PART
        and part.isprintable()  # no control characters, no lone surrogates
        and not part.startswith(".")  # neither `..` nor what is hidden
        and "\\" not in part
    )


def _split(names: list[str]) -> list[list[str]]:
    return [name.split("/") for name in names]
