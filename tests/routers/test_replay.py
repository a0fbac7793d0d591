from __future__ import annotations

import random
from typing import Any

import pytest

from capture.exchange import Mode
from routers.draws import draw
from routers.replay.measures import measures, swept
from routers.replay.rows import BadRow, Row, read_rows
from routers.replay.running import Served, Setup, replay
from routers.thresholds import Aim
from tests.support.rows import lines, rows

HELD = Aim(max_loss=0.01)


def read(made: list[dict[str, Any]]) -> list[Row]:
    return list(read_rows(lines(made)))


def told(served: list[Served]) -> list[tuple[str, Mode, float, str]]:
    return [(one.row.id, one.mode, one.predicted, one.code) for one in served]


def test_what_two_local_models_agree_on_stays_home_once_that_is_proven() -> None:
    figures = measures(replay(read(rows(150)), Setup(HELD)))
    assert (figures["local_share"] or 0.0) > 0.4
    assert figures["loss_pp"] == pytest.approx(0.0, abs=1.0)
    assert figures["local_generations"] == 2.0


def test_a_juror_that_copies_is_found_out() -> None:
    made = rows(150)
    for one in made:
        one["replies"]["resting"] = one["replies"]["active"]
    figures = measures(replay(read(made), Setup(HELD)))
    assert (figures["loss_pp"] or 0.0) <= 1.0


def test_one_local_model_alone_is_neither_asked_twice_nor_compared() -> None:
    served = replay(read(rows(40)), Setup(HELD, juror=False))
    assert {one.local_generations for one in served} == {1}
    assert not any(one.code in ("agreed", "differ") for one in served)


def test_a_seed_decides_all_of_a_replay() -> None:
    made = rows(60)
    first, again, other = (replay(read(made), Setup(HELD, seed)) for seed in (1, 1, 2))
    assert told(first) == told(again)
    assert [one.row.id for one in first] != [one.row.id for one in other]


@pytest.mark.parametrize("aim", [HELD, Aim(cloud_share=0.5)])
@pytest.mark.parametrize("shadow", [0.0, 1.0])
def test_labels_of_rows_that_were_not_met_yet_change_nothing(aim: Aim, shadow: float) -> None:
    made, other, half = rows(80), rows(80), 40
    order = sorted(range(80), key=lambda number: draw(5, "order", number))
    for number in order[half:]:
        other[number]["success"] = {m: 1 - s for m, s in other[number]["success"].items()}
    setup = Setup(aim, 5, shadow)
    one, two = replay(read(made), setup), replay(read(other), setup)
    assert told(one[: half + 1]) == told(two[: half + 1])


def test_labels_of_models_that_did_not_answer_change_nothing_under_bandit_feedback() -> None:
    made = rows(80, replies=False)
    served = replay(read(made), Setup(Aim(cloud_share=0.5), 3))
    for one in served:
        number = int(one.row.id[1:])
        for mode in made[number]["success"]:
            if mode != one.mode:
                made[number]["success"][mode] ^= 1
    assert told(replay(read(made), Setup(Aim(cloud_share=0.5), 3))) == told(served)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_that_is_aimed_at_is_met(share: float) -> None:
    served = replay(read(rows(150)), Setup(Aim(cloud_share=share)))
    assert sum(one.mode is Mode.BURST for one in served) / 150 == pytest.approx(share, abs=0.1)
    if share == 0.3:
        figures = measures(served)
        assert (figures["loss_pp"] or 0.0) < (figures["loss_random_pp"] or 0.0)


def test_the_area_of_random_routing_is_one_half() -> None:
    made = read(rows(30))
    figures = swept([(0.0, 2 / 3), (0.5, 5 / 6), (1.0, 1.0)], made)
    assert figures["apgr"] == pytest.approx(0.5)
    assert figures["cpt50"] == pytest.approx(0.5)
    assert figures["cpt80"] == pytest.approx(0.8)
    assert figures["s_at_1pp"] == pytest.approx(0.03)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"id": 3}, "`id`"),
    ({"skill": 3}, "`skill`"),
    ({"messages": []}, "`messages`"),
    ({"messages": ["x"]}, "`messages`"),
    ({"tools": None}, "`tools`"),
    ({"replies": []}, "`replies`"),
    ({"replies": {"cloud": {}}}, "no mode"),
    ({"replies": {"active": {"content": 3}}}, "reply"),
    ({"replies": {"active": {"content": None, "tool_calls": [{}]}}}, "tool call"),
    ({"success": {"burst": 1}}, "local mode"),
    ({"success": {"active": 2, "burst": 1}}, "0 or 1"),
    ({"success": {"active": 1, "burst": 1}}, "other modes"),
]


@pytest.mark.parametrize(("change", "wrong"), BAD)
def test_a_bad_row_is_refused_with_its_line(change: dict[str, Any], wrong: str) -> None:
    made = rows(2)
    made[1].update(change)
    with pytest.raises(BadRow, match=wrong) as refused:
        read(made)
    assert refused.value.line == 2


def test_a_line_that_is_no_json_is_refused_and_a_blank_one_is_not() -> None:
    good = lines(rows(1))[0]
    assert len(list(read_rows([b"", good, b"\n"]))) == 1
    with pytest.raises(BadRow, match="line 2"):
        list(read_rows([good, b"{"]))


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_labels_do_not_cost_what_was_asked_for(seed: int) -> None:
    made = rows(150)
    draws = random.Random(seed)
    labels = [{**one["success"], "burst": int(draws.random() < 0.9)} for one in made]
    draws.shuffle(labels)
    for one, success in zip(made, labels, strict=True):
        one["success"] = success
    figures = measures(replay(read(made), Setup(HELD, seed)))
    assert (figures["loss_pp"] or 0.0) <= 1.0
