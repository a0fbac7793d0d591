"""`majordomo backup`: a home in one file, whether or not a gateway serves it.

Everything is read from the files, so a gateway need not be asked and is not held up.
"""

from __future__ import annotations

import time
from pathlib import Path

from capture.clock import now
from capture.store import StoreError
from gateway.archive import BackupError
from gateway.archive.manifest import Manifest
from gateway.archive.write import write_backup
from gateway.commands.console import clean, fail, say, say_json
from gateway.commands.progress import bars
from gateway.commands.spans import age
from gateway.home import Home


def backup(home: Home, out: Path | None, *, as_json: bool) -> None:
    """Write the backup and say what is in it."""
    if not home.root.is_dir():
        fail(f"there is no {home.root} to back up")
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now()))
    file = (out or Path(f"majordomo-{stamp}.tar.gz")).expanduser().absolute()
    if file.is_relative_to(home.root):
        fail(f"{file} is inside the home it would back up; choose another place with `--out`")
    try:
        with bars() as told:
            manifest = write_backup(home, file, told)
    except (BackupError, StoreError, OSError) as error:
        fail(f"no backup was written: {error}")
    if as_json:
        say_json(described(manifest) | {"file": str(file), "bytes": file.stat().st_size})
        return
    size = file.stat().st_size / (1 << 20)
    say(f"{clean(file)}: {len(manifest.members):,} files, {size:,.1f} MB")
    tell(manifest, manifest.newest)
    for name in manifest.left_out:
        say(f"left out: {clean(name)}")
    say(f"`majordomo restore {clean(file)} --check` verifies it.")


def described(manifest: Manifest) -> dict[str, object]:
    """What is in a backup, as JSON says it."""
    return {
        "version": manifest.version,
        "at": manifest.at,
        "schema": manifest.schema_version,
        "files": len(manifest.members),
        "rows": dict(manifest.rows),
        "left_out": list(manifest.left_out),
        "newest_at": manifest.newest,
        "newest_age_s": None if manifest.newest is None else now() - manifest.newest,
    }


def tell(manifest: Manifest, newest: float | None) -> None:
    """What its store holds, in two lines."""
    if manifest.schema_version is None:
        say("no exchanges yet")
        return
    exchanges = manifest.rows.get("exchanges", 0)
    total = sum(manifest.rows.values())
    say(f"{exchanges:,} exchanges, {total:,} rows in all, schema {manifest.schema_version}")
    if newest is not None:
        say(f"newest exchange: {age(now() - newest)} ago")
