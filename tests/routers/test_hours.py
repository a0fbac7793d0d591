from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.exchange import Mode
from routers.hours import DAY, Quiet, Window, clock_time, minute_of

minutes = st.integers(0, DAY - 1)
windows = st.builds(Window, minutes, minutes).filter(lambda window: window.start != window.end)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("22:00-07:00", ["22:00", "23:59", "0:00", "06:59"], ["07:00", "12:00", "21:59"]),
        ("9:00-17:00", ["09:00", "16:59"], ["08:59", "17:00", "00:00"]),
    ],
)
def test_a_window_holds_from_its_first_minute_up_to_its_last(
    text: str, inside: list[str], outside: list[str]
) -> None:
    window = Window.of(text)
    assert all(window.holds(minute_of(each)) for each in inside)
    assert not any(window.holds(minute_of(each)) for each in outside)


@pytest.mark.parametrize("text", ["", "22:00", "24:00-01:00", "1:60-2:00", "a-b", "07:00-07:00"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        Window.of(text)


@given(windows, windows)
def test_windows_meet_where_a_minute_is_in_both(one: Window, other: Window) -> None:
    together = any(one.holds(m) and other.holds(m) for m in range(DAY))
    assert one.meets(other) is other.meets(one) is together


@given(minutes)
def test_a_minute_is_what_its_clock_time_names(minute: int) -> None:
    assert minute_of(clock_time(minute)) == minute


def test_quiet_hours_are_said_as_people_say_them() -> None:
    assert Quiet(Window(1320, 420), (Mode.RESTING,)).says() == (
        "it is quiet from 22:00 to 07:00, when only resting answers"
    )
