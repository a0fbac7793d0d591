"""Values out of files: by line or by element, one at a time, a bad one spoiling no other."""

from __future__ import annotations

import io
import json

from hypothesis import given
from hypothesis import strategies as st

from capture.imports.reading import DEPTH, deeper, values
from capture.narrowing import loads
from tests.support.imports import JSON


def read(data: bytes, most: int = 1000) -> list[tuple[int, object]]:
    """Each value, or its fault, with its line."""
    found = values(io.BytesIO(data), most)
    return [(each.line, each.value if each.fault is None else each.fault) for each in found]


def test_lines_are_values_and_bad_ones_are_told_by_number() -> None:
    data = b'\xef\xbb\xbf{"a": 1}\r\n\n{"a": \n[2]\n{"b": 3}'
    assert read(data) == [(1, {"a": 1}), (3, "not JSON"), (4, [2]), (5, {"b": 3})]


def test_a_line_that_is_too_long_is_told_and_skipped() -> None:
    data = b'{"a": 1}\n{"a": "' + b"x" * 5000 + b'"}\n{"b": 2}\n'
    assert read(data) == [(1, {"a": 1}), (2, "longer than 1,000 bytes"), (3, {"b": 2})]


def test_elements_of_an_array_are_values_wherever_they_stand() -> None:
    data = b'[\n {"a": "]}\\"[{,"},\n\n {"b": [1, {"c": 2}]}, 3,\n "x"\n]\n'
    assert read(data) == [(2, {"a": ']}"[{,'}), (4, {"b": [1, {"c": 2}]}), (4, 3), (5, "x")]
    assert read(b"[]") == read(b" [ \n ]") == []


def test_a_bad_element_spoils_no_other() -> None:
    long = b'{"a": "' + b"x" * 5000 + b'"}'
    data = b'[{"a": nope}, {"b": 1}, ' + long + b", {}]"
    assert read(data) == [
        (1, "not JSON"),
        (1, {"b": 1}),
        (1, "longer than 1,000 bytes"),
        (1, {}),
    ]
    assert read(b'[{"a": 1}, {"b": ') == [
        (1, {"a": 1}),
        (1, "the file ends in the middle of its array"),
    ]


def test_one_value_over_many_lines_is_read_whole() -> None:
    assert read(b'\n{\n  "a": [\n    1\n  ]\n}\n') == [(2, {"a": [1]})]
    assert read(b'{"data": [\n {"a": 1}\n]}') == [(1, {"data": [{"a": 1}]})]
    assert read(b'{\n  "a": 1') == [(1, "not JSON")]


def test_what_is_nested_too_deeply_is_told() -> None:
    deep = b"[" * DEPTH + b"]" * DEPTH
    assert read(b"{}\n" + deep)[1][1] != f"nested more than {DEPTH} levels deep"
    for levels in (DEPTH + 1, 5000, 200_000):
        data = b'{"a": 1}\n' + b"[" * levels + b"]" * levels
        fault = read(data, 1 << 20)[1][1]
        assert fault in (f"nested more than {DEPTH} levels deep", "not JSON")
    assert deeper([[1]], 1)
    assert not deeper([[1]], 2)


@given(elements=st.lists(JSON, max_size=6), size=st.integers(1, 40), indent=st.booleans())
def test_an_array_reads_alike_however_it_is_cut(
    elements: list[object], size: int, indent: bool
) -> None:
    written = json.dumps(elements, indent=1 if indent else None).encode()
    found = list(values(io.BytesIO(written), 1 << 20, size))
    assert [each for each in found if each.fault] == []
    alone = [loads(json.dumps(each).encode()) for each in elements]
    assert json.dumps([each.value for each in found]) == json.dumps(alone)
