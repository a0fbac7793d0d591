"""Order of the whole suite: slow tests run after the quick ones, so that a mistake shows early.

Tests against a real gateway process are slow by where they are: `tests/blackbox`, `tests/e2e`. Slow
tests run alone, but for those of training and packaging, and a few whose clocks are patient, which
share the machine (`make test`).
"""

from __future__ import annotations

import hypothesis
import pytest

# A busy machine is no reason to fail: time is measured in `make bench`, never asserted.
hypothesis.settings.register_profile("majordomo", deadline=None)
hypothesis.settings.load_profile("majordomo")


PROCESSES = {"blackbox", "e2e"}
SHARING = {
    "trainer",
    "project",
    "test_crash.py",
    "test_hermes.py",
    "test_keeping.py",
    "test_loop.py",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stable: within each half the order stays as collected."""
    for item in items:
        if PROCESSES & set(item.path.parts):
            item.add_marker("slow")
        if item.get_closest_marker("slow") is not None and not SHARING & set(item.path.parts):
            item.add_marker("alone")
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
