from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from capture import clock


def test_without_an_offset_it_is_the_systems_time() -> None:
    before = time.time()
    assert before <= clock.now() <= time.time()


def test_ids_and_records_are_dated_by_the_offset_of_their_process() -> None:
    week = 7 * 24 * 3600
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "from capture import clock, ids; print(clock.now(), ids.time_of(ids.new_id()))",
        ],
        env={**os.environ, clock.VARIABLE: str(week)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for moment in map(float, said.split()):
        assert 0 <= moment - time.time() - week + 30 < 60


@pytest.mark.parametrize("said", ["tomorrow", "nan", "inf", "1e99"])
def test_an_offset_that_is_no_number_of_seconds_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match=r"MAJORDOMO_CLOCK_OFFSET.*not a number of seconds"):
        clock.read_offset(said)


def test_an_empty_offset_is_none() -> None:
    assert clock.read_offset("") == 0.0
    assert clock.read_offset("-60.5") == -60.5
