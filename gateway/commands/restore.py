"""`majordomo restore FILE`: a home from a backup, verified before any of it is put in place."""

from __future__ import annotations

import tempfile
from pathlib import Path

from capture.clock import now
from gateway.archive import BackupError
from gateway.archive.place import check_target, drafted, put
from gateway.archive.read import Verified, extract
from gateway.commands.backup import described, tell
from gateway.commands.console import clean, fail, say, say_json
from gateway.commands.progress import bars
from gateway.home import Home


def restore(
    home: Home, file: Path, into: Path | None, *, check: bool, force: bool, as_json: bool
) -> None:
    """Verify the backup; unless `check`, make it the home, or the one at `into`."""
    if not file.is_file():
        fail(f"there is no {file}")
    target = home if into is None else Home(into.expanduser().absolute())
    try:
        if check:
            found, aside = _checked(file), None
        else:
            found, aside = _restored(file, target, force=force)
    except BackupError as error:
        fail(f"{file}: {error}")
    except OSError as error:
        fail(f"cannot restore {file}: {error}")
    if as_json:
        _say_json(found, None if check else target, aside)
        return
    manifest = found.manifest
    say(f"{clean(file)}: {len(manifest.members):,} files, every hash is right")
    tell(manifest, found.newest)
    if found.waiting:
        say(f"{found.waiting:,} more in its journal; the first start takes them in")
    if aside is not None:
        say(f"what was there is in {clean(aside)}")
    if not check:
        say(f"restored to [bold]{clean(target.root)}[/]")
        if target != home:
            say(f"`MAJORDOMO_HOME={clean(target.root)} majordomo serve` serves it.")


def _checked(file: Path) -> Verified:
    with tempfile.TemporaryDirectory(prefix="majordomo-check-") as scratch, bars() as told:
        return extract(file, Path(scratch), told)


def _restored(file: Path, target: Home, *, force: bool) -> tuple[Verified, Path | None]:
    check_target(target, force=force)
    with drafted(target) as draft:
        with bars() as told:
            found = extract(file, draft, told)
        check_target(target, force=force or draft.is_relative_to(target.root))
        aside = put(draft, target)
    target.create()
    return found, aside


def _say_json(found: Verified, target: Home | None, aside: Path | None) -> None:
    newest = found.newest
    said = described(found.manifest) | {
        "hashes_ok": len(found.manifest.members),
        "waiting": found.waiting,
        "newest_at": newest,
        "newest_age_s": None if newest is None else now() - newest,
        "home": None if target is None else str(target.root),
        "moved_aside": None if aside is None else str(aside),
    }
    say_json(said)
