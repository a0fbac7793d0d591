from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routers.checks.answers import answer_in, form_asked
from routers.checks.asks import estimate
from routers.checks.figures import number_of, numbers
from routers.checks.prose import repetition, words
from routers.checks.spelling import canonical
from routers.checks.sums import Sums, sums_in


def counts(text: str) -> tuple[int, int]:
    found = sums_in(text)
    return found.right, found.wrong


@pytest.mark.parametrize(
    "text",
    [
        "<<9*2=18>>18",
        "She has 16 - 3 = 13 eggs left.",
        "So 9 * $2 = $18 every day.",
        "1,500 + 1,500 = 3,000",
        "(25 / 100) * 100 = 25%",
        "3 days * 3 hours/day = 9 hours",
        "200 ounces + 200 ounces = 400 ounces",
        "10 / 3 = 3.33",
        "30% * 50 = 15",
        "1/4 = 25%",
        "2 \u00d7 3 \u2212 1 = 5",
        "200 \\* 1 = 200",
        "2 x 3 = 6",
        "2 - 5 = -3",
        "5 * 12 = 60 - 0",
        "0.1 + 0.2 = 0.3",
        "**1 + 2 = 3**",
        "Mind (1 + 2 = 3).",
    ],
)
def test_a_sum_that_comes_out_is_right(text: str) -> None:
    assert counts(text) == (1, 0)


@pytest.mark.parametrize(
    "text",
    [
        "16 - 3 = 12",
        "<<9*2=19>>",
        "He pays 5 * 1.1 = $5.6.",
        "7 + 7 * 2 = 28",
        "0.33 - 0.2 = 0.1333",
    ],
)
def test_a_sum_that_does_not_is_wrong(text: str) -> None:
    assert counts(text) == (0, 1)


def test_each_sum_of_a_chain_is_judged() -> None:
    assert counts("425/5+17=91+17=108") == (1, 1)


@pytest.mark.parametrize(
    "text",
    [
        "3c - 2 = 10",
        "x + 5 = 10",
        "C = 12 / 4",
        "C8 = 8 * 12",
        "2 hours 30 minutes * 2 = 5 hours",
        "50% of 20 = 10",
        "5 + 10% = 5.5",
        "2^3 + 1 = 9",
        "100 / 3 = 33",
        "7 / 0 = 0",
        "3 = 3",
        "12345678901234567890 + 1 = 2",
        "99999999 * 99999999 = 9999999800000001",
        "10 - 3 = 5 1/2",
        "= 5",
        "1 + 1 =",
        "1" + " + 1" * 60 + " = 2",
    ],
)
def test_what_is_not_plainly_a_sum_is_left_alone(text: str) -> None:
    assert counts(text) == (0, 0)


def test_the_last_result_is_told() -> None:
    assert sums_in("1 + 1 = 2\nthen 2 * 1.5 = 3.0 eggs") == Sums(2, 0, 3.0)
    assert sums_in("nothing") == Sums(0, 0, None)


terms = st.lists(st.tuples(st.sampled_from("+-*/"), st.integers(1, 99)), min_size=1, max_size=5)


@given(st.integers(0, 999), terms, st.integers(-3, 3))
def test_a_sum_is_right_exactly_when_its_result_is(
    first: int, rest: list[tuple[str, int]], off: int
) -> None:
    written = str(first) + "".join(f" {op} {n}" for op, n in rest)
    python = f"F({first})" + "".join(f"{op}F({n})" for op, n in rest)
    worth = eval(python, {"F": Fraction})
    if worth.denominator != 1:
        return
    assert counts(f"Thus {written} = {worth + off} eggs.") == ((1, 0) if off == 0 else (0, 1))


@pytest.mark.parametrize(
    ("ask", "form"),
    [
        ("How many eggs are left?", "number"),
        ("What is the total cost in dollars?", "number"),
        ("Which is right?\nA. one\nB. two\nAnswer:", "letter"),
        ("Tell me of Oslo.", None),
    ],
)
def test_the_form_of_answer_is_read_from_the_request(ask: str, form: str | None) -> None:
    assert form_asked(ask) == form


@pytest.mark.parametrize(
    ("text", "number", "marked"),
    [
        ("5 and 4 make 9.\n#### 9", 9.0, True),
        ("#### $1,234.50 in all", 1234.5, True),
        ("so \\boxed{42}.", 42.0, True),
        ("The answer is: **17**", 17.0, True),
        ("She makes $18 every day at the market.", 18.0, False),
        ("They need -3 or 25%", 25.0, False),
    ],
)
def test_the_final_number_is_found(text: str, number: float, marked: bool) -> None:
    answer = answer_in(text, "number")
    assert answer is not None
    assert (answer.number, answer.marked) == (number, marked)


@pytest.mark.parametrize(
    ("text", "letter"),
    [("B", "B"), ("(C) because", "C"), ("It is A, so the answer is D.", "D"), ("Because", None)],
)
def test_the_letter_of_a_choice_is_found(text: str, letter: str | None) -> None:
    answer = answer_in(text, "letter")
    assert (answer.text if answer else None) == letter


def test_no_answer_is_found_where_there_is_none() -> None:
    assert answer_in("some", "number") is None
    assert answer_in("There are 3.", None) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("San Francisco, CA", "san francisco, California"),
        ("2021-01-18", "January 18, 2021"),
        ("2021/1/18", "18th of January 2021"),
        ("$1,000.00", "1000"),
        ("True", "true"),
        ("free WiFi", "Free Wi-Fi"),
        ("'total points'", "total_points"),
        ("centimeters", "cm"),
    ],
)
def test_two_ways_to_write_a_value_are_one(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.5", "15"), ("3-4", "34"), ("007", "7"), ("true", "1"), ("a.1", "a.2"), ("May 3", "May 4")],
)
def test_two_values_are_never_made_one(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@given(st.text(st.characters(max_codepoint=127), max_size=40))
def test_case_and_space_around_a_value_mean_nothing(text: str) -> None:
    assert canonical(text) == canonical(f" {text.upper()} ")


def test_numbers_are_read_as_people_write_them() -> None:
    assert set(numbers("1,234 of 5%, 2 million; 1.5e3")) >= {1234.0, 0.05, 2e6, 1500.0}
    assert number_of("$1,234.50") == 1234.5
    assert number_of("12 eggs") is None


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Weather in Oslo?", 1),
        ("Oslo? And Lima? And Rome?", 3),
        ("Do this:\n1. sweep\n2. wash\n3. iron\n4. cook", 4),
        ("Find a room, then book it and finally tell Rosa.", 3),
        ("", 1),
    ],
)
def test_what_is_asked_for_is_counted(text: str, count: int) -> None:
    assert estimate(text) == count


def test_what_goes_round_in_circles_repeats_itself() -> None:
    assert repetition(words("so it goes on and on then " * 20)) > 0.9
    assert repetition(words(" ".join(str(n) for n in range(300)))) == 0.0
    assert repetition(words("no no no")) == 0.0


@pytest.mark.parametrize(
    "unit", ["1", "111,", "1=", "1+1=2 ", "(", "1+", "=", "x", "9." * 2, "#### ", "-$ ", "a/", "\\"]
)
def test_no_text_takes_long(unit: str) -> None:
    text = unit * (1024 * 1024 // len(unit))
    began = time.process_time()
    sums_in(text)
    answer_in(text, "number")
    canonical(text)
    list(numbers(text[-65536:]))
    assert time.process_time() - began < 1.0
