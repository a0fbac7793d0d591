"""Untrusted text on a page: escaped, made visible, cut, never altered silently."""

import json
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dashboard.text import one_line, plain, shown, shown_json, ticked, visible

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.text(st.characters(exclude_categories=())))
def test_no_text_can_open_a_tag_or_leave_an_attribute(text: str) -> None:
    html = str(visible(text))
    for mark in ("<span class=", "</span>"):
        html = html.replace(mark, "")
    assert "<" not in html
    assert "'" not in html
    html.encode()  # no half characters: the page can be sent


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_ordinary_text_of_any_script_is_shown_unchanged(text: str) -> None:
    odd = {"\u115f", "\u1160", "\u3164", "\uffa0", "\u180e"}
    if not odd & set(text):
        assert unescape(str(visible(text))) == text


@pytest.mark.parametrize(
    ("character", "label"),
    [
        ("\x1b", "ESC"),
        ("\x00", "NUL"),
        ("\x7f", "U+007F"),
        ("\u202e", "U+202E"),
        ("\u2066", "U+2066"),
        ("\u200b", "U+200B"),
        ("\ufeff", "U+FEFF"),
        ("\u2028", "U+2028"),
        ("\U000e0041", "U+E0041"),
        ("\ud800", "U+D800"),
    ],
)
def test_invisible_and_turning_characters_are_named(character: str, label: str) -> None:
    html = visible(f"a{character}b")
    assert character not in html
    assert f">{label}</span>" in html
    assert character not in plain(f"a{character}b")


@pytest.mark.parametrize(
    "text", ["a\r\nb\tc", "family: \U0001f468\u200d\U0001f469\u200d\U0001f467"]
)
def test_line_ends_and_joined_emoji_stay_as_they_are(text: str) -> None:
    assert str(visible(text)) == text


def test_a_lone_carriage_return_cannot_hide_what_came_before_it() -> None:
    assert ">CR</span>" in visible("rm -rf /\rls")


def test_long_text_is_cut_and_the_rest_counted() -> None:
    piece = shown("x" * 1_000_000, 2000)
    assert len(piece.html) == 2000
    assert (piece.characters, piece.cut) == (1_000_000, 998_000)


@given(JSON)
def test_laid_out_json_is_the_same_json(value: object) -> None:
    text = json.dumps(value)
    laid_out = unescape(str(shown_json(text, 100_000).html))
    assert json.loads(laid_out) == value


@pytest.mark.parametrize("text", ['{"a": 1', "not json", "{'a': 1}", "[" * 5000, '"\x1b"', "nan"])
def test_what_is_not_json_is_shown_as_written(text: str) -> None:
    assert shown_json(text, 100_000).html == visible(text)


def test_laying_out_drops_no_doubled_key_and_changes_no_number() -> None:
    html = unescape(str(shown_json('{"a":1,"a":1e400,"b":[],"c":{"d":[1,2]}}', 1000).html))
    assert html.splitlines() == [
        "{",
        '  "a": 1,',
        '  "a": 1e400,',
        '  "b": [],',
        '  "c": {',
        '    "d": [',
        "      1,",
        "      2",
        "    ]",
        "  }",
        "}",
    ]


def test_one_line_is_one_short_line() -> None:
    assert one_line("  please\n\n fix   it ") == "please fix it"
    assert one_line("word " * 100, 20) == "word word word word\u2026"


def test_backticks_become_code_and_nothing_else_becomes_markup() -> None:
    html = ticked("rule `long` sends `<b>` and ``` to BURST")
    assert html == "rule <code>long</code> sends <code>&lt;b&gt;</code> and ``` to BURST"
