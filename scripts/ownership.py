"""Write the ownership lines of docs/architecture.md from the modules' own docstrings.

    python scripts/ownership.py            rewrites everything below the marker line

A module's docstring is its contract, so its first paragraph is its line; the page can then never
say something else than the code. Modules are parsed, never imported.
"""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
MARKER = "<!-- Below: `make docs`, from the modules' docstrings. -->"

TITLES = {
    "capture": "capture: what happened",
    "routers": "routers: where to send it",
    "gateway": "gateway: bytes and processes",
    "trainer": "trainer: making home better",
}
"""The four packages, in the order of the arrows, ground first."""


def modules(package: str) -> list[str]:
    """The package's Python files with something in them, as git knows them."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", f"{package}/**.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    present = (name for name in listed if (ROOT / name).is_file())
    return sorted({name for name in present if (ROOT / name).stat().st_size})


def line(name: str) -> str:
    """`- `path`: first paragraph of its docstring`; raises ValueError for a module without one."""
    doc = ast.get_docstring(ast.parse((ROOT / name).read_text()))
    if not doc:
        raise ValueError(f"{name} has no docstring")
    return f"- `{name}`: " + " ".join(doc.split("\n\n")[0].split())


def lines() -> str:
    """All of it, as Markdown."""
    parts: list[str] = []
    for package, title in TITLES.items():
        parts += ["", f"### {title}", "", *(line(name) for name in modules(package))]
    return "\n".join(parts) + "\n"


def main() -> None:
    """Rewrite the page below the marker."""
    above, marker, _ = PAGE.read_text().partition(MARKER + "\n")
    if not marker:
        raise SystemExit(f"{PAGE} has no line {MARKER!r}")
    PAGE.write_text(above + marker + lines())


if __name__ == "__main__":
    main()
