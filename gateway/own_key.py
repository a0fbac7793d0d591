"""The command line's own key, for homes that have keys.

A gateway with keys answers nobody without one, and the keys file holds hashes only. So that
`majordomo status` still works for whoever owns the home, a key called `majordomo-cli` is made the
first time a command needs it, and kept in HOME/run/cli.key, mode 0600. It opens nothing that the
owner of HOME could not open by editing HOME/keys.json. MAJORDOMO_API_KEY is used instead when set.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from gateway.home import Home, make_private_directory, replace_private
from gateway.keys import KeysError, create_key, hash_key, load_keys, revoke_key

VARIABLE = "MAJORDOMO_API_KEY"
NAME = "majordomo-cli"


def own_key(home: Home, environ: Mapping[str, str] | None = None) -> str | None:
    """A key that opens this home's gateway; None when it runs without keys.

    Raises KeysError when the keys file is broken, OSError when the home cannot be written.
    """
    given = (os.environ if environ is None else environ).get(VARIABLE, "").strip()
    if given:
        return given
    entries = {entry.name: entry.sha256 for entry in load_keys(home.keys)}
    if not entries:
        return None
    path = home.run / "cli.key"
    try:
        kept = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        kept = ""
    if kept and entries.get(NAME) == hash_key(kept):
        return kept
    if NAME in entries:
        revoke_key(home.keys, NAME)
    key = create_key(home.keys, NAME, now=time.time())
    make_private_directory(home.run)
    replace_private(path, key.encode() + b"\n")
    return key


def drop_own_key_if_last(home: Home) -> bool:
    """Remove the command line's key when no other is left, so that a home whose keys are all
    revoked is one without keys again; says whether it did."""
    if [entry.name for entry in load_keys(home.keys)] != [NAME]:
        return False
    revoke_key(home.keys, NAME)
    (home.run / "cli.key").unlink(missing_ok=True)
    return True


__all__ = ["NAME", "VARIABLE", "KeysError", "drop_own_key_if_last", "own_key"]
