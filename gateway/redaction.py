"""The household's redactor: the level its settings name, and the salt that is made once and kept.

The salt lies in HOME/redaction.salt, mode 0600. Without it nobody can tell which secret a
placeholder stands for; with another one every placeholder reads differently, so it is never
replaced, and a file that is no salt is an error.
"""

from __future__ import annotations

import secrets

from capture.redact import SALT_BYTES, Redactor
from gateway.home import Home, make_private_directory, write_new_private
from gateway.settings import Settings


class SaltError(OSError):
    """The salt cannot be read or made. Says what to do."""


def redactor(home: Home, settings: Settings) -> Redactor:
    """What takes secrets out of this household's text. Raises SaltError."""
    return Redactor(settings.capture.redact, salt(home))


def salt(home: Home) -> bytes:
    """This home's salt, made when there is none. Raises SaltError."""
    try:
        make_private_directory(home.root)
        if not home.salt.exists():
            write_new_private(home.salt, secrets.token_hex(SALT_BYTES).encode() + b"\n")
        kept = bytes.fromhex(home.salt.read_text(encoding="ascii"))
    except OSError as error:
        raise SaltError(f"cannot read {home.salt}: {error.strerror or error}") from error
    except ValueError:
        kept = b""
    if len(kept) != SALT_BYTES:
        raise SaltError(
            f"{home.salt} is no salt: put the file back from a backup, or remove it and a new one "
            "is made, with which redacted text reads differently"
        )
    return kept
