"""Weighed requests decided anew, from what was recorded of them."""

from __future__ import annotations

from dataclasses import replace

from capture.exchange import Mode, Reason
from capture.ids import new_id
from capture.weighing import Agreement, Weighed, Weighing
from routers.replay.weighed import Again, again
from routers.thresholds import Aim

SAME, OTHER = Agreement(True, 1.0, "the same"), Agreement(False, 0.0, "another")
HOMES = {Mode.RESTING: 0.7, Mode.ACTIVE: 0.8}
STRICT, LOOSE = Aim(max_loss=0.001), Aim(max_loss=0.3)


def weighed(
    *, agreed: bool = True, like_the_cloud: bool = True, fatal: bool = False, key: str = "laptop"
) -> Weighed:
    """A request both local models answered, and then the cloud."""
    beside = SAME if like_the_cloud else OTHER
    spoke = (Reason("schema", "its arguments do not fit"),) if fatal else ()
    figures = {"agree": 1.0 if agreed else -1.0} | {
        f"{mode}.{'fatal' if fatal else 'clean'}": 1.0 for mode in HOMES
    }
    weighing = Weighing(
        choice="escalate",
        reason=Reason("unproven", "tried against the cloud"),
        who=None,
        keys=("skill", None, None),
        figures=figures,
        found=dict.fromkeys(HOMES, spoke),
        agreement=SAME if agreed else OTHER,
        home=HOMES,
        cloud=0.9,
        stays=agreed,
        beside=dict.fromkeys(HOMES, beside),
    )
    return Weighed(new_id(), key, Mode.BURST, weighing, True, 0.9, 0.0)


def at_home(made: list[Again]) -> int:
    return sum(each.who is not Mode.BURST for each in made)


def test_what_home_and_the_cloud_say_alike_comes_home_under_an_aim_once_it_is_proven() -> None:
    made = again([weighed() for _ in range(200)], LOOSE)
    assert at_home(made[:20]) == 0
    assert at_home(made) > 100
    assert {each.home for each in made} <= set(HOMES)
    assert all(0.0 <= each.chance <= 1.0 for each in made)
    assert all(each.chance > 0.0 for each in made if each.who is not Mode.BURST)


def test_a_stricter_aim_keeps_less_at_home_where_home_is_sometimes_unlike_the_cloud() -> None:
    seen = [weighed(like_the_cloud=n % 9 > 0) for n in range(300)]
    strict, loose = again(seen, STRICT), again(seen, LOOSE)
    assert at_home(strict) < at_home(loose)


def test_what_two_local_models_do_not_agree_on_goes_to_the_cloud() -> None:
    made = again([weighed(agreed=False, like_the_cloud=False) for _ in range(60)], LOOSE)
    assert at_home(made) <= 2


def test_the_same_weighings_are_decided_the_same_again() -> None:
    seen = [weighed(agreed=n % 3 > 0) for n in range(80)]
    assert again(seen, LOOSE) == again(seen, LOOSE)


def test_a_reply_an_agent_would_stumble_over_is_never_handed_over() -> None:
    made = again([weighed(fatal=True) for _ in range(100)], LOOSE)
    assert at_home(made) == 0
    assert {each.chance for each in made} == {0.0}


def test_each_key_has_a_router_of_its_own() -> None:
    alone = [weighed(key="laptop") for _ in range(60)]
    beside = [weighed(key="phone", like_the_cloud=False) for _ in range(60)]
    mixed = [each for pair in zip(alone, beside, strict=True) for each in pair]
    of_laptop = [each for each in again(mixed, LOOSE) if each.weighed.key == "laptop"]
    assert of_laptop == again(alone, LOOSE)


def test_where_home_was_not_asked_nothing_can_be_weighed_anew() -> None:
    one = weighed()
    away = replace(one, weighing=replace(one.weighing, choice="away", home={}, found={}))
    assert again([away], LOOSE) == []
