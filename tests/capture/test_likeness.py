from __future__ import annotations

import pytest

from capture import likeness
from capture.embedding import DIMENSIONS, embed, packed
from capture.ids import new_id
from capture.likeness import Likeness


def vector(text: str) -> list[float]:
    made = embed(text)
    assert made is not None
    return made


def filled(*texts: str) -> tuple[Likeness, list[str]]:
    held = Likeness(DIMENSIONS)
    ids = [new_id() for _ in texts]
    held.add([(id_, packed(vector(text))) for id_, text in zip(ids, texts, strict=True)])
    return held, ids


def test_the_closest_come_first_and_the_rest_not_at_all() -> None:
    held, ids = filled("Turn the lights off", "Order cat food", "Lights on, please")
    found = held.closest(vector("turning lights off"), 10, 0.25)
    assert [each.exchange for each in found] == [ids[0], ids[2]]
    assert found[0].cosine > found[1].cosine > 0.25
    assert len(held.closest(vector("turning lights off"), 1, 0.25)) == 1
    assert held.closest(vector("zygote"), 10, 0.25) == []


def test_the_same_words_have_a_cosine_of_one() -> None:
    held, (id_, _) = filled("Who fed the cat?", "nobody")
    (found,) = held.closest(vector("who fed the CAT"), 1, 0.0)
    assert found.exchange == id_
    assert found.cosine == pytest.approx(1.0, abs=0.001)


def test_nothing_is_closest_where_there_is_nothing() -> None:
    assert Likeness(DIMENSIONS).closest(vector("lights"), 5, 0.0) == []


def test_a_close_one_is_found_among_many_whose_coarse_forms_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(likeness, "_LOOKED_AT", 20)
    monkeypatch.setattr(likeness, "_ROOM", 8)
    texts = [
        f"request {number * 7919 % 1000} about {number * 104_729 % 997}" for number in range(900)
    ]
    held, ids = filled(*texts)
    held.settle()
    ids.append(new_id())
    held.add([(ids[-1], packed(vector("Turn the lights off in the attic")))])
    (found,) = held.closest(vector("attic lights turned off"), 1, 0.25)
    assert found.exchange == ids[-1]


def test_the_oldest_give_way_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "MOST", 50)
    monkeypatch.setattr(likeness, "_ROOM", 8)
    held, ids = filled("the very first elephant")
    for number in range(12):
        held.add([(new_id(), packed(vector(f"word{number} number{part}"))) for part in range(5)])
        assert len(held) <= 50
    last = new_id()
    held.add([(last, packed(vector("the very last giraffe")))])
    assert held.closest(vector("giraffe"), 1, 0.25)[0].exchange == last
    assert ids[0] not in {each.exchange for each in held.closest(vector("elephant"), 50, -1.0)}


def test_vectors_of_another_width_are_left_out() -> None:
    held, _ = filled("lights")
    held.add([(new_id(), b"\x01\x02")])
    assert len(held) == 1


@pytest.mark.parametrize("dimensions", [40, 768])
def test_along_its_axes_nearly_all_of_the_closest_are_found_whatever_the_width(
    dimensions: int,
) -> None:
    import numpy as np

    chance = np.random.default_rng(7)
    spread = np.arange(1, dimensions + 1) ** -0.5  # as models spread what they say
    centres = chance.standard_normal((50, dimensions))
    rows = centres[chance.integers(0, 50, 6000)] + chance.standard_normal((6000, dimensions))
    rows = rows * spread + chance.standard_normal(dimensions) * 0.3
    bytes_ = (rows * 127 / np.abs(rows).max(axis=1, keepdims=True)).round().astype(np.int8)
    kept = [(f"{number:026}", row.tobytes()) for number, row in enumerate(bytes_)]
    held = Likeness(dimensions)
    for at in range(0, 6000, 500):
        held.add(kept[at : at + 500])
        held.settle()
    ways, found = rows / np.linalg.norm(rows, axis=1, keepdims=True), 0
    for asked in ways[::600]:
        true = np.argsort(-(ways @ asked))[:20]
        ids = {each.exchange for each in held.closest(asked.tolist(), 20, -1.0)}
        found += len(ids & {f"{number:026}" for number in true})
    assert found >= 0.95 * 200
