"""docs/architecture.md has one ownership line per file, and the arrows hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

from tests.support.repository import PACKAGES, ROOT, tracked


def modules() -> list[str]:
    """Python files of the packages with something in them."""
    ours = (name for name in tracked() if name.split("/")[0] in PACKAGES and name.endswith(".py"))
    return [name for name in ours if (ROOT / name).stat().st_size]


def first_paragraph(name: str) -> str:
    doc = ast.get_docstring(ast.parse((ROOT / name).read_text())) or ""
    return " ".join(doc.split("\n\n")[0].split())


def test_every_python_file_of_the_packages_has_an_ownership_line_and_no_line_is_stale() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    lines = re.findall(r"^- `([^`]+\.py)`: (\S.*)$", text, re.MULTILINE)
    assert dict(lines) == {name: first_paragraph(name) for name in modules()}, "run `make docs`"
    assert len(lines) == len(modules())


def test_every_module_says_what_it_owns() -> None:
    assert [name for name in modules() if not first_paragraph(name)] == []


def test_the_import_arrows_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(linter), "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_decision_page_is_listed_in_their_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text()
    pages = {page.name for page in folder.glob("*.md")} - {"README.md"}
    assert set(re.findall(r"\]\(([^)]+\.md)\)", index)) == pages
