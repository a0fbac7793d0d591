from __future__ import annotations

import pytest

from routers.latch import GoesOn, Latch, Latest, TakenOn, goes_on, latched

ASKED = "Rewrite the invoice parser so that it reads Swiss dates"
REPLY = "The invoice parser now reads Swiss dates; its tests pass."


def turn(said: str) -> Latest:
    return Latest("user", said, REPLY, ASKED)


@pytest.mark.parametrize(
    ("latest", "how"),
    [
        (Latest("user", ASKED), "begins"),
        (Latest("tool", "", "Let me look.", ASKED), "loop"),
        (turn("No, that is wrong: it still fails"), "correction"),
        (turn(ASKED), "correction"),
        (turn("go on"), "follow_up"),
        (turn("And let the parser read Swiss amounts in invoices as well"), "follow_up"),
        (turn("Thanks, perfect!"), "new_topic"),
        (turn("What shall we cook for dinner on Friday night?"), "new_topic"),
    ],
)
def test_a_request_goes_on_with_the_task_or_begins_another(latest: Latest, how: GoesOn) -> None:
    assert goes_on(latest) == how


LOOP = Latest("tool", "", "Let me look.", ASKED)
MORE = turn("go on")


@pytest.mark.parametrize(
    ("latch", "seconds", "turns", "latest", "holds"),
    [
        (Latch(), 1e6, 99, LOOP, True),
        (Latch(), 0.0, 1, turn("What shall we cook for dinner on Friday night?"), False),
        (Latch(turns=2), 0.0, 1, MORE, True),
        (Latch(turns=2), 0.0, 2, MORE, False),
        (Latch(turns=2), 0.0, 2, LOOP, True),
        (Latch(minutes=5), 299.0, 1, LOOP, True),
        (Latch(minutes=5), 300.0, 1, LOOP, False),
        (Latch(), 0.0, 1, Latest("user", ASKED), False),
    ],
)
def test_a_task_stays_until_it_is_done_or_its_limits_are_reached(
    latch: Latch, seconds: float, turns: int, latest: Latest, holds: bool
) -> None:
    why = latched(latch, TakenOn(seconds, turns), latest)
    assert (why is not None) is holds
    if why is not None:
        assert why.startswith("burst took this task on and it is not done: ")
