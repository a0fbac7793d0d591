"""Order of the whole suite: slow tests run after the quick ones, so that a mistake shows early.

Tests against a real gateway process are slow by where they are: `tests/blackbox`, `tests/e2e`.
Slow tests share the machine, but for those that hold a gateway to a clock: they run alone
(`make test`).
"""

from __future__ import annotations

import hypothesis
import pytest

# A busy machine is no reason to fail: time is measured in `make bench`, never asserted.
hypothesis.settings.register_profile("majordomo", deadline=None)
hypothesis.settings.load_profile("majordomo")


PROCESSES = {"blackbox", "e2e"}
ALONE = {
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
    "test_house_training.py",
    "test_cycle.py",
    "test_crash.py",
    "test_wheel.py",
    "test_loop.py",
    "test_house_model.py",
    "test_hermes.py",
)
"""Begun first, so that no core waits at the end for the other's one long file."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stable: the quick ones, the longest, the others, each as collected."""
    for item in items:
        if PROCESSES & set(item.path.parts):
            item.add_marker("slow")
        if item.get_closest_marker("slow") is not None and item.path.name in ALONE:
            item.add_marker("alone")
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    if item.get_closest_marker("slow") is None:
        return 0
    name = item.path.name
    return 1 + (LONGEST.index(name) if name in LONGEST else len(LONGEST))
