"""The pages' own files: a fixed set, read once, served from memory.

Addresses carry a hash of the content, so browsers may keep them for good; nothing outside
`static/` can be named, because a name is looked up and never joined to a path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file under `static/`."""

    body: bytes
    type: str
    """Its media type."""
    url: str
    """Its address, which changes with its content."""


def load_assets() -> Mapping[str, Asset]:
    """Every servable file under `static/`, by name."""
    found: dict[str, Asset] = {}
    for file in files("gateway.dashboard").joinpath("static").iterdir():
        media_type = _TYPES.get(file.name[file.name.rfind(".") :])
        if media_type is not None:
            body = file.read_bytes()
            digest = hashlib.sha256(body).hexdigest()[:12]
            found[file.name] = Asset(body, media_type, f"/static/{file.name}?v={digest}")
    return found
