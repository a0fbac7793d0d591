"""Order of the whole suite: slow tests run after the quick ones, so that a mistake shows early.

Tests against a real gateway process are slow by where they are: `tests/blackbox`, `tests/e2e`.
Slow tests share the machine, but for those that hold a gateway to a clock: they run alone
(`make test`). Property tests try few examples in a run by hand, and all in `make test`.
"""

from __future__ import annotations

import gc
from pathlib import Path

import hypothesis
import pytest

# A busy machine is no reason to fail: time is measured in `make bench`, never asserted.
hypothesis.settings.register_profile("majordomo", deadline=None)
# A fifth of the usual examples, where a test names no number of its own.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=20)
hypothesis.settings.load_profile("quick")

# Imports and items are made to stay: going through them for garbage finds none.
gc.disable()

PROCESSES = {"blackbox", "e2e"}
ALONE = {  # but for what is marked `shares` in them
    "test_broken_streams.py",
    "test_connections.py",
    "test_degradation.py",
    "test_heartbeats.py",
    "test_holding.py",
    "test_malformed_http.py",
    "test_patience.py",
    "test_reload.py",
    "test_retries.py",
    "test_streams.py",
    "test_survival.py",
    "test_swap_live.py",
}
LONGEST = (
    "test_survival.py",
    "test_house_training.py",
    "test_cycle.py",
    "test_crash.py",
    "test_wheel.py",
    "test_loop.py",
    "test_house_model.py",
    "test_hermes.py",
)
"""Begun first, so that no core waits at the end for the other's one long file."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What runs alone lies in few files: the others are not imported to find none in them."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if whole and config.getoption("-m") == "alone" and collection_path.name.startswith("test_"):
        return collection_path.name not in ALONE or None
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stable: the quick ones, the longest, the others, each as collected."""
    for item in items:
        if PROCESSES & set(item.path.parts):
            item.add_marker("slow")
        if item.path.name in ALONE and _marked(item, "slow") and not _marked(item, "shares"):
            item.add_marker("alone")
    items.sort(key=_turn)


def pytest_collection_finish() -> None:
    """From here on garbage is collected, among what the tests themselves make."""
    gc.freeze()
    gc.enable()


def _turn(item: pytest.Item) -> int:
    if not _marked(item, "slow"):
        return 0
    name = item.path.name
    return 1 + (LONGEST.index(name) if name in LONGEST else len(LONGEST))


def _marked(item: pytest.Item, name: str) -> bool:
    return item.get_closest_marker(name) is not None
