from __future__ import annotations

import re
import time

import pytest
import time_machine

from capture.ids import IdSource, new_id, time_of


def test_an_id_is_26_characters_of_crockford_base32() -> None:
    assert all(re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", new_id()) for _ in range(100))


def test_ids_sort_in_the_order_they_were_made() -> None:
    ids = [new_id() for _ in range(10_000)]
    assert ids == sorted(set(ids))


def test_ids_keep_their_order_when_the_clock_steps_back() -> None:
    source = IdSource()
    with time_machine.travel(1_790_000_000, tick=False):
        before = source.new()
    with time_machine.travel(1_789_000_000, tick=False):
        after = source.new()
    assert after > before


def test_an_id_says_when_it_was_made() -> None:
    began = time.time()
    assert began - 0.001 <= time_of(IdSource().new()) <= time.time()


@pytest.mark.parametrize("text", ["", "x" * 26, "0" * 25, "0" * 27, "I" * 26, "../" * 9])
def test_what_is_not_an_id_has_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="not an exchange id"):
        time_of(text)
