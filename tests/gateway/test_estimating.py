"""Recorded requests under another policy: what is known of each, and what nobody knows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from capture.exchange import Candidate, Mode, Reason, RouteDecision
from capture.messages import Usage
from capture.plain import plain_decision
from capture.store.asked import Asked
from capture.weighing import Agreement, Weighed, Weighing
from gateway.anew import Gone, Way, recorded, same
from gateway.estimating import lost, recorded_success, success
from gateway.met import Decided, Met, moved, unchanged
from gateway.replayed import Prices, course, recorded_course
from routers.replay.weighed import Again

SMALL = Candidate(Mode.RESTING, "ollama", "small")
CLOUD = Candidate(Mode.BURST, "claude", "opus")
SAME, OTHER = Agreement(True, 1.0, "the same"), Agreement(False, 0.0, "another")


def price(place: Candidate, usage: Usage) -> float | None:
    return 0.0 if place is SMALL or usage.input_tokens is None else 0.02


PRICES = Prices(price, CLOUD)


def asked(
    answered: Candidate | None = CLOUD, *, right: bool | None = True, checked: bool = False
) -> Asked:
    first = answered or CLOUD
    decision = RouteDecision(
        (first,), (Reason("default", "so"),), (), skill="mail", checked=(first,) if checked else ()
    )
    return Asked(
        id="e1",
        began_at=0.0,
        key=None,
        headers={},
        request=None,
        before=None,
        conversation="c1",
        decision=plain_decision(decision),
        answered=None if answered is None else answered.mode,
        model=first.model,
        upstream=first.upstream,
        adapter=None,
        usage=Usage(100, 10),
        cost_usd=0.5 if first is CLOUD else 0.0,
        right=right,
    )


def goes(place: Candidate | None, how: str = "") -> Gone:
    way = Way("refused") if place is None else Way(f"{place.mode} ({place.model})", how)
    return Gone(way, place, "so it is")


def met(was: Asked, now: Gone, weighed: Weighed | None = None, again: Again | None = None) -> Met:
    return Met(was, recorded(was), weighed, (Decided(now, again),))


def weighed(was: Asked, beside: Agreement | None, who: Mode | None = None) -> Weighed:
    weighing = Weighing(
        choice="escalate" if who is None else "accept",
        reason=Reason("benefit", "worth it"),
        who=who,
        home={Mode.RESTING: 0.6},
        cloud=0.9,
        propensity=0.99,
        weights={Mode.RESTING: "small at ollama"},
        beside={} if beside is None else {Mode.RESTING: beside},
    )
    return Weighed(was.id, None, was.answered, weighing, was.right, 1.0, 0.0)


def stays_home(of: Weighed) -> Again:
    return Again(of, Mode.RESTING, Mode.RESTING, chance=0.99)


def test_what_was_decided_is_read_as_it_was() -> None:
    then = recorded(asked(SMALL, checked=True))
    assert str(then.way) == "resting (small at ollama), checked"
    assert then.first == SMALL
    assert recorded(asked()).where == "burst (opus at claude)"


@pytest.mark.parametrize(
    ("was", "now", "is_same"),
    [
        (asked(SMALL), goes(SMALL), True),
        (asked(SMALL), goes(CLOUD), False),
        (asked(SMALL, checked=True), goes(SMALL), True),
        (asked(SMALL), goes(SMALL, "checked"), False),
        (asked(SMALL), goes(SMALL, "weighed"), False),
        (replace(asked(SMALL, checked=True), answered=Mode.BURST), goes(SMALL), False),
        (asked(), goes(None), False),
    ],
)
def test_the_same_reply_comes_again_where_its_place_is_asked_first_and_nothing_stops_it(
    was: Asked, now: Gone, is_same: bool
) -> None:
    assert same(recorded(was), now, was) is is_same
    assert unchanged(met(was, now), Decided(now)) is is_same


def test_share_and_cost_are_those_recorded_or_those_of_the_place_asked_now() -> None:
    each = [met(asked(), goes(CLOUD)), met(asked(), goes(SMALL)), met(asked(SMALL), goes(CLOUD))]
    was, now = recorded_course(each), course(each, 0, PRICES)
    assert was.home == pytest.approx((1 / 3, 1 / 3))
    assert (was.cost_usd, was.otherwise) == (1.0, 0)
    assert now.home == pytest.approx((1 / 3, 1 / 3))
    assert (now.cost_usd, now.cost_unknown, now.otherwise) == (0.52, 0, 2)


def test_who_answers_where_replies_would_be_held_against_each_other_is_not_known() -> None:
    each = [met(asked(), goes(SMALL, "second opinion")), met(asked(), goes(None))]
    now = course(each, 0, PRICES)
    assert now.home == (0.0, 1.0)
    assert now.cost_unknown == 1


def test_a_refused_request_is_no_success() -> None:
    each = [met(asked(), goes(None))]
    found = success(each, 0)
    assert found is not None
    assert found.right == 0.0
    assert recorded_success([met(asked(right=None), goes(None))]) is None


def test_a_local_reply_like_the_clouds_is_as_right_and_of_another_nobody_knows() -> None:
    was = asked()
    for beside, least, most in ((SAME, 1.0, 1.0), (OTHER, 0.01, 1.0), (None, 0.6, 0.62)):
        of = weighed(was, beside)
        found = success([met(was, goes(SMALL, "weighed"), of, stays_home(of))], 0)
        assert found is not None
        assert found.least == pytest.approx(least, abs=0.01)
        assert found.most == pytest.approx(most, abs=0.02)


def test_what_was_held_back_for_sure_had_no_other_chance() -> None:
    was = asked()
    of = weighed(was, None)
    held = replace(of, weighing=replace(of.weighing, stays=True, propensity=1.0))
    rows = [met(was, goes(SMALL, "weighed"), held, stays_home(held))]
    found = success(rows, 0)
    assert found is not None
    assert found.clipped == 0
    assert found.right == pytest.approx(0.6, abs=0.01)


def test_a_weighed_reply_from_home_is_the_one_a_plain_policy_would_hand_over() -> None:
    was = asked(SMALL)
    of = weighed(was, None, Mode.RESTING)
    found = success([met(was, goes(SMALL), of)], 0)
    assert found is not None
    assert found.right == 1.0
    away = success([met(was, goes(CLOUD), of)], 0)
    assert away is not None
    assert away.right == pytest.approx(0.9)


def test_cost_and_share_of_what_is_weighed_anew_go_by_chances() -> None:
    was = asked()
    of = weighed(was, SAME)
    each = [met(was, goes(SMALL, "weighed"), of, stays_home(of))]
    now = course(each, 0, PRICES)
    assert now.home == pytest.approx((0.99, 0.99))
    assert now.cost_usd == pytest.approx(0.005)
    then, there = moved(each[0], each[0].then, each[0].now[0])
    assert (then.where, there.where) == ("burst (opus at claude)", "resting (small at ollama)")
    assert "0.99" in there.why


def test_a_loss_is_what_the_cloud_would_have_got_right_besides() -> None:
    was = asked(SMALL, right=False)
    of = weighed(was, OTHER, Mode.RESTING)
    both = Met(was, recorded(was), of, (Decided(goes(SMALL)), Decided(goes(CLOUD))))
    found = lost([both], 0, 1)
    assert found is not None
    assert (found.least, found.most) == pytest.approx((0.0, 1.0), abs=0.01)
    alike = weighed(was, SAME, Mode.RESTING)
    none = lost([replace(both, weighed=alike)], 0, 1)
    assert none is not None
    assert none.least == none.most == 0.0
