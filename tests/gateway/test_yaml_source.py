from __future__ import annotations

import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.yaml_source import Mark, SourceError, read_yaml


def refused(text: str) -> tuple[Mark, str]:
    with pytest.raises(SourceError) as caught:
        read_yaml(text)
    return caught.value.mark, caught.value.message


def test_values_and_keys_have_their_line_and_column() -> None:
    source = read_yaml("a: 1\nb:\n  - c: x\n    d: [1, 2]\n")
    assert source.data == {"a": 1, "b": [{"c": "x", "d": [1, 2]}]}
    assert source.values["b", 0, "d", 1] == Mark(4, 12)
    assert source.keys["b", 0, "d"] == Mark(4, 5)


def test_what_was_not_written_stands_at_what_is_around_it() -> None:
    source = read_yaml("a:\n  b: {c: 1}\n")
    assert source.at(("a", "b", "missing", 3)) == Mark(2, 6)
    assert source.at(("a", "b"), key=True) == Mark(2, 3)
    assert source.at(("nowhere",)) == Mark(1, 1)


def test_scalars_follow_yaml_1_2() -> None:
    text = "[0x1F, 1_000, 1e3, .5, 010, 0o17, ~, 2026-01-01, '5', true, yes, .inf, -.INF]"
    inf = float("inf")
    assert read_yaml(text).data == [
        31, 1000, 1000.0, 0.5, 10, 15, None, "2026-01-01", "5", True, "yes", inf, -inf,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: 1\na: 2", 2, 1, "given twice; the first is on line 1"),
        ("a:\n\tb: 1", 2, 1, "tabs cannot indent"),
        ("a:\n  \tb: 1", 2, 3, "tabs cannot indent"),
        ("a: !!python/object:os.system x", 1, 4, "tags are not allowed"),
        ("a: !include x", 1, 4, "tags are not allowed"),
        ("a: &x [*x]", 1, 4, "contains itself"),
        ("a: &x {b: {c: *x}}", 1, 4, "contains itself"),
        ("a: b: c", 1, 5, "`:` stands where none can"),
        ("h: *foo", 1, 4, "needs quotes"),
        ("h: @x", 1, 4, "put the text in quotes"),
        ("? [q]\n: 1", 1, 3, "cannot be names"),
        ("x: &a {b: 1}\n<<: *a", 2, 1, "merge keys"),
        ("a: 1\n---\nb: 2", 2, 1, "second document"),
        ("[" * 500, 1, 33, "nested more than 32 deep"),
        ("a: " + "9" * 5000, 1, 4, "is no number"),
        ("a: 1\nb: \x00", 2, 4, "character that text cannot"),
        ("a: [1, 2", 1, 9, "expected"),
        ("a: 0b_", 1, 4, "is no number"),
        ("%YAML 1.1\n---\na: yes", 1, 1, "directives"),
        ("a: &x 1\nb: &x 2", 2, 4, "given twice"),
    ],
)
def test_what_is_refused_says_where(text: str, line: int, column: int, words: str) -> None:
    mark, message = refused(text)
    assert mark == Mark(line, column)
    assert words in message


def test_aliases_that_do_not_run_away_are_fine() -> None:
    assert read_yaml("x: &a {b: 1}\ny: *a").data == {"x": {"b": 1}, "y": {"b": 1}}


def test_a_bomb_of_aliases_is_defused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "aliases included" in refused("\n".join(lines))[1]


@settings(deadline=None)
@given(
    st.text(st.characters(codec="utf-8"), max_size=60)
    | st.text("ab:-&*!?{}[]|>#%@`'\",\t\n 1~<.", max_size=40)
)
@example("a: &x 1\nb: &x 2")
@example("%YAML 9.9\n---\na: 1")
@example("%TAG ! tag:x,2000:\n---\na: 1")
@example("a: \ud800")
@example("0b:")
@example("a: 0b\nb: 0x\nc: 0o\nd: _")
def test_any_text_is_either_read_or_refused_with_a_place(text: str) -> None:
    mark, message = Mark(1, 1), ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            read_yaml(text)
        except SourceError as error:
            mark, message = error.mark, error.message
    assert mark >= Mark(1, 1)
    assert "\n" not in message
