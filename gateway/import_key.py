"""Proof that who imports owns the home: a secret in HOME/run/import.key, mode 0600.

What is imported may train, so being let in is not enough, whether or not the home has keys: an
agent that may ask cannot make up what it was answered. Who can read this file could write the
journal itself.
"""

from __future__ import annotations

import secrets

from gateway.home import Home, make_private_directory, replace_private

HEADER = "x-majordomo-import-key"
_BYTES = 32


def import_key(home: Home) -> str:
    """The secret, made the first time. Raises OSError."""
    path = home.run / "import.key"
    kept = _read(home)
    if kept is None:
        kept = secrets.token_urlsafe(_BYTES)
        make_private_directory(home.run)
        replace_private(path, kept.encode())
    return kept


def opens(home: Home, given: str | None) -> bool:
    """Whether this is the secret."""
    kept = _read(home)
    if kept is None or given is None:
        return False
    return secrets.compare_digest(kept.encode(), given.encode(errors="replace"))


def _read(home: Home) -> str | None:
    try:
        kept = (home.run / "import.key").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return kept or None
