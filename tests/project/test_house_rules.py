"""Rules that no linter knows: what must not be in the repository, and the Makefile's promises."""

from __future__ import annotations

import re
import subprocess

from tests.support.repository import ROOT, tracked

TEXTS = (".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".sh", ".html", ".js", ".json", ".jinja")


def sources() -> list[str]:
    return [name for name in tracked() if name.endswith(TEXTS) or "." not in name]


def test_nothing_points_at_a_package_registry_or_a_machine_of_ours() -> None:
    forbidden = re.compile(
        r"(files\.pythonhosted|pypi|registry\.npmjs|deb\.debian)\.(org|net)/?|^/work/",
        re.IGNORECASE,
    )
    here = "tests/project/test_house_rules.py"
    found = [
        name
        for name in sources()
        if name != here and forbidden.search((ROOT / name).read_text(errors="replace"))
    ]
    assert found == []


def test_make_help_names_every_habit() -> None:
    shown = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    named = set(re.findall(r"^  make ([a-z-]+)", shown, re.MULTILINE))
    habits = {"help", "install", "run", "demo", "test", "check", "bench", "house-model"}
    assert habits <= named


def test_make_run_passes_host_and_port_to_the_command() -> None:
    shown = subprocess.run(
        ["make", "-n", "run", "HOST=127.0.0.2", "PORT=9999"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert ".venv/bin/majordomo up --host 127.0.0.2 --port 9999" in shown


def test_no_file_is_larger_than_the_house_model_may_be() -> None:
    large = [name for name in tracked() if (ROOT / name).stat().st_size > 8 * 1024 * 1024]
    assert large == []
