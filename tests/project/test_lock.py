"""The locked requirements: complete, hashed, and free of where they were found."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import Any

import pytest

from tests.support.repository import ROOT

LOCKS = ("requirements.txt", "requirements-dev.txt")


@cache
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@cache
def pins(lock: str) -> dict[str, str]:
    """Name -> version and marker, one per locked distribution."""
    joined = (ROOT / lock).read_text().replace("\\\n", " ")
    entries = [line for line in joined.splitlines() if line and not line.lstrip().startswith("#")]
    found: dict[str, str] = {}
    for entry in entries:
        match = re.match(r"([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==(.*?)\s+--hash=", entry)
        assert match, f"{lock}: not a pinned and hashed requirement: {entry[:80]}"
        found[match[1]] = found.get(match[1], "") + match[2]
    return found


def names(requirements: list[str]) -> set[str]:
    parsed = (re.match(r"[A-Za-z0-9._-]+", requirement) for requirement in requirements)
    return {re.sub(r"[._]", "-", match[0]).lower() for match in parsed if match}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_with_sha256_hashes(lock: str) -> None:
    assert len(pins(lock)) > 40
    hashes = re.findall(r"--hash=(\S+)", (ROOT / lock).read_text())
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes)


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_says_where_anything_was_fetched_from(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links|--trusted-host", text)


def test_every_declared_dependency_is_locked() -> None:
    project = pyproject()
    running = names(project["project"]["dependencies"] + project["dependency-groups"]["build"])
    assert running <= pins("requirements.txt").keys()
    assert names(project["dependency-groups"]["dev"]) <= pins("requirements-dev.txt").keys()


def test_development_runs_on_the_very_versions_that_are_served() -> None:
    development = pins("requirements-dev.txt")
    assert {name: development.get(name) for name in pins("requirements.txt")} == pins(
        "requirements.txt"
    )
