"""`majordomo doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict

from gateway.commands.console import Exit, clean, say, say_json
from gateway.doctor import examine, is_well, mend
from gateway.home import Home

_MARKS = {
    "ok": "[green]ok[/]     ",
    "mended": "[green]mended[/] ",
    "note": "[cyan]note[/]   ",
    "warning": "[yellow]warning[/]",
    "problem": "[red]problem[/]",
}


def doctor(home: Home, *, fix: bool, ask: bool, deep: bool, as_json: bool) -> None:
    """Examine, mend if asked to, and tell; ends with status 1 while something is wrong."""
    found = examine(home, ask=ask, deep=deep)
    if fix:
        found = mend(home, found)
    well = is_well(found)
    if as_json:
        say_json({"ok": well, "home": str(home.root), "checks": [asdict(c) for c in found]})
    else:
        for check in found:
            say(f"{_MARKS[check.state]} {clean(check.subject)}: {clean(check.text)}")
            if check.remedy is not None and check.state != "ok":
                say(f"        {clean(check.remedy)}")
        if not fix and any(check.fixable for check in found):
            say("`majordomo doctor --fix` mends what is about modes, directories and the schema.")
    if not well:
        raise SystemExit(int(Exit.PROBLEM))
