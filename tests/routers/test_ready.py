from __future__ import annotations

import pytest

from capture.exchange import Mode
from routers.decide import decide
from routers.escalation import Learned, Policy
from routers.features import Budget, Features, Fleet, Place
from routers.history import History, Key, Tally
from routers.ready import ReadyRule, proven

KEY = Key("timer", "house", "small", None)
HOUSE = Fleet(
    (
        Place(Mode.RESTING, "house", "small", local=True),
        Place(Mode.BURST, "claude", "opus", local=False),
    )
)
TIMER = Features("auto", 10, None, named_skill="timer")


@pytest.mark.parametrize(
    ("rule", "tally", "recent", "home"),
    [
        ("posterior", Tally(9, 1), (), True),
        ("posterior", Tally(1, 0), (), False),
        ("three_successes", Tally(2.9, 0), (), False),
        ("three_successes", Tally(3, 40), (), True),
        ("last_three", Tally(3, 40), (True, True, True), True),
        ("last_three", Tally(40, 0), (True, True), False),
        ("last_three", Tally(40, 3), (False, True, True), False),
        ("last_three", Tally(40, 0), (), False),
    ],
)
def test_a_ready_rule_decides_in_place_of_the_threshold(
    rule: ReadyRule, tally: Tally, recent: tuple[bool, ...], home: bool
) -> None:
    assert proven(rule, tally, recent, 0.7)[0] is home
    policy = Policy(Mode.BURST, learned=Learned(0.7, (), rule))
    decision = decide(TIMER, HOUSE, policy, Budget(), History({KEY: tally}), {KEY: recent})
    chosen = decision.chosen
    assert chosen is not None
    assert chosen.mode is (Mode.RESTING if home else Mode.BURST)
    assert decision.reasons[0].code == "history"


def test_a_skill_has_the_first_threshold_that_fits_it() -> None:
    learned = Learned(0.7, (("code-review", 0.5), ("code*", 0.9)))
    assert [learned.threshold(s) for s in ("code-review", "code-fix", "chat")] == [0.5, 0.9, 0.7]
    policy = Policy(Mode.BURST, learned=Learned(0.7, (("time*", 0.95),)))
    decision = decide(TIMER, HOUSE, policy, Budget(), History({KEY: Tally(9, 1)}))
    assert decision.reasons[0].text.endswith("and 0.95 is asked to stay home")
