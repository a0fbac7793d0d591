from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.alike import KINDS, targets
from capture.embedding import FIRST_WORDS, LAST_WORDS, embed, packed


def cosine(one: str, other: str) -> float:
    a, b = embed(one), embed(other)
    assert a is not None
    assert b is not None
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_a_vector_is_the_same_on_every_machine() -> None:
    vector = embed("lamp")
    assert vector is not None
    added = {place for place, each in enumerate(vector) if each > 0}
    taken = {place for place, each in enumerate(vector) if each < 0}
    assert (added, taken) == ({113, 174, 211, 218, 245, 316}, {168})


def test_order_case_accents_and_repeated_spaces_do_not_matter() -> None:
    assert cosine("The café  in MÜNSTER", "in munster the cafe") == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("restarting containers", "restart the container"),
        ("scheduel a meeting", "schedule a meeting"),
        ("Heizung im Bad", "die Heizungen"),
        ("東京の天気", "天気は東京"),
    ],
)
def test_stems_spelling_and_scripts_without_spaces_count(one: str, other: str) -> None:
    assert cosine(one, other) > 0.4 > 0.2 > cosine(one, "Explain recursion to a beginner")


def test_a_text_without_words_has_no_vector() -> None:
    for text in ("", "   ", "?!", "\ud800", "___"):
        assert embed(text) is None


def test_of_a_long_text_the_beginning_and_the_end_count() -> None:
    first = " ".join(f"first{number}" for number in range(FIRST_WORDS))
    last = " ".join(f"last{number}" for number in range(LAST_WORDS))
    middle = "middle " * 5000
    assert embed(f"{first} {middle} {last}") == embed(f"{first} other words {last}")


@given(st.text(max_size=400))
def test_any_text_gives_a_vector_of_length_one_or_none_and_packs(text: str) -> None:
    vector = embed(text)
    if vector is None:
        return
    assert math.hypot(*vector) == pytest.approx(1.0)
    kept = [each - 256 if each > 127 else each for each in packed(vector)]
    length = math.hypot(*kept)
    assert sum(x * y for x, y in zip(vector, kept, strict=True)) / length > 0.999


def test_who_asks_in_the_same_stems_is_found_among_all_others() -> None:
    vectors = [embed(text) or [] for text in targets()]

    def first(query: str) -> int:
        wanted = embed(query) or []
        near = [sum(x * y for x, y in zip(wanted, each, strict=True)) for each in vectors]
        return near.index(max(near))

    pairs = KINDS["stems"]
    assert sum(first(query) == number for number, (query, _) in enumerate(pairs)) >= 19
