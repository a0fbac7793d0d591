"""scripts/bootstrap.sh on machines that lack something: it says what, and how to get it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.repository import ROOT

OLD = "#!/bin/sh\nexit 1\n"
"""A python3 that is older than asked for."""

WITHOUT_VENV = '#!/bin/sh\n[ "$1" = -c ] && exit 0\n[ "$1" = --version ] && exit 0\nexit 1\n'
"""A python3 as Debian has it without python3-venv."""


def bootstrap(tmp_path: Path, python: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run it in a bare copy of the project, with `python` as the only interpreter there is."""
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-train.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "cat", "cksum", "dirname", "rm"):
        (tools / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    fake = tools / "python3"
    fake.write_text(python)
    fake.chmod(0o755)
    return subprocess.run(
        ["sh", str(tmp_path / "scripts" / "bootstrap.sh"), "run"],
        env={"PATH": str(tools), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_old_python_is_told_what_to_install(tmp_path: Path) -> None:
    done = bootstrap(tmp_path, OLD)
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr
    assert "apt install python3" in done.stderr


def test_a_chosen_python_that_will_not_do_is_named(tmp_path: Path) -> None:
    done = bootstrap(tmp_path, WITHOUT_VENV, PYTHON="python9")
    assert done.returncode == 1
    assert "PYTHON=python9" in done.stderr


def test_a_python_without_venv_is_told_which_package_has_it(tmp_path: Path) -> None:
    done = bootstrap(tmp_path, WITHOUT_VENV)
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("want", ["", "everything"])
def test_it_knows_its_own_words(want: str) -> None:
    done = subprocess.run(
        ["sh", str(ROOT / "scripts" / "bootstrap.sh"), want or "-h"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "usage" in done.stderr
