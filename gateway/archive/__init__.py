"""A home in one file: written while it is served, verified and put back as a home.

    NAME.tar.gz       0600; plain tar, regular files only, in this order:
      manifest.json   `Manifest`: every other member's size and SHA-256, and what the store holds
      majordomo.db    the store, at one moment
      journal/*.seg   what the store at that moment had not taken yet
      ...             settings, hashed keys, adapters, what training must remember, SOUL.md, skills,
                      memories

`contents` says what belongs to a home's backup, `write` makes one, `read` takes it apart and trusts
nothing in it, `place` puts what was verified where a home is to be.
"""

from gateway.archive.manifest import BackupError

__all__ = ["BackupError"]
