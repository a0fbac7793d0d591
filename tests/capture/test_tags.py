from __future__ import annotations

from typing import Any

import pytest

from capture.tags import MOST_TAGS, tags_of


@pytest.mark.parametrize(
    ("header", "metadata", "expected"),
    [
        ("kitchen, Lights-2", None, ("kitchen", "lights-2")),
        ("", {"tags": ["a", "b.c", 7, None]}, ("a", "b.c")),
        ("", {"tags": "a, b ,a"}, ("a", "b")),
        ("x", {"corpus": "house", "tags": ["x"]}, ("x", "house")),
        ("no name, ../etc, a/b, , ok", {"corpus": {"a": 1}}, ("ok",)),
        ("a" * 65 + ",", None, ()),
    ],
)
def test_tags_are_names_from_the_header_and_the_metadata(
    header: str, metadata: dict[str, Any] | None, expected: tuple[str, ...]
) -> None:
    assert tags_of({"x-majordomo-tags": header}, metadata) == expected


def test_there_are_so_many_at_most() -> None:
    many = ",".join(f"t{number}" for number in range(100))
    assert len(tags_of({"x-majordomo-tags": many}, None)) == MOST_TAGS
    assert tags_of({}, None) == ()
