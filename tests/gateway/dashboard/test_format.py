"""Figures as people read them."""

import pytest

from gateway.dashboard.format import count, moment, seconds, size, usd


def test_unknown_stays_unknown() -> None:
    assert count(None) is None
    assert usd(None) is None
    assert seconds(None) is None


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0.0, "$0.00"),
        (0.00001, "under $0.0001"),
        (0.0034, "$0.0034"),
        (0.0931, "$0.0931"),
        (1.5, "$1.50"),
        (1234.567, "$1,234.57"),
    ],
)
def test_small_amounts_of_money_keep_digits_that_say_something(amount: float, words: str) -> None:
    assert usd(amount) == words


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (0.0, "0 ms"),
        (0.312, "312 ms"),
        (0.9996, "1.0 s"),
        (34.26, "34.3 s"),
        (59.97, "1 min 0 s"),
        (125.0, "2 min 5 s"),
        (7260.0, "2 h 1 min"),
    ],
)
def test_durations_change_unit_where_people_do(duration: float, words: str) -> None:
    assert seconds(duration) == words


@pytest.mark.parametrize(("number", "words"), [(0, "0 B"), (9216, "9 KiB"), (3 << 20, "3.0 MiB")])
def test_sizes(number: int, words: str) -> None:
    assert size(number) == words


def test_another_day_shows_its_day() -> None:
    now = 1_763_700_000.0
    assert len(moment(now, now).words) == len("08:00:00")
    assert "Nov" in moment(now - 5 * 86_400, now).words
    assert moment(now, now).iso == "2025-11-21T04:40:00.000+00:00"
