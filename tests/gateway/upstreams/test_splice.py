"""The body reaches an upstream as the client wrote it, but for the model's name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ClientError
from gateway.upstreams.openai_compatible import splice_model

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["model", "a", 'mo"del', "\\", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text().filter(lambda k: k != "model"), JSON, max_size=4),
    st.dictionaries(st.text().filter(lambda k: k != "model"), JSON, max_size=4),
    st.text(min_size=1),
    st.text(min_size=1),
    st.booleans(),
    st.sampled_from([None, 2]),
)
def test_only_the_top_level_model_changes(
    before: dict[str, Any],
    after: dict[str, Any],
    old: str,
    new: str,
    ascii_only: bool,
    indent: int | None,
) -> None:
    body = {**before, "model": old, **{k: v for k, v in after.items() if k not in before}}
    text = json.dumps(body, ensure_ascii=ascii_only, indent=indent)
    try:
        raw = text.encode()
        new.encode()
    except UnicodeEncodeError:
        return
    spliced = splice_model(raw, new)
    assert json.loads(spliced) == {**body, "model": new}
    value = json.dumps(old, ensure_ascii=ascii_only).encode()
    assert len(spliced) - len(json.dumps(new, ensure_ascii=False).encode()) == len(raw) - len(value)


def test_spelling_of_everything_else_is_kept() -> None:
    raw = b'{ "n":1.0e+0,"big":123456789012345678901234567890 ,\t"model" :  "auto","x":"\\u00e9"}'
    assert splice_model(raw, "m") == raw.replace(b'"auto"', b'"m"')


def test_a_nested_key_before_the_real_one_is_left_alone() -> None:
    raw = b'{"tools":[{"model":"a"}],"model":"b","y":{"model":"c"}}'
    assert splice_model(raw, "Z") == b'{"tools":[{"model":"a"}],"model":"Z","y":{"model":"c"}}'


def test_a_key_spelt_with_escapes_is_the_model_too() -> None:
    raw = b'{"mod\\u0065l":"b","y":{"model":"c"}}'
    assert splice_model(raw, "Z") == b'{"mod\\u0065l":"Z","y":{"model":"c"}}'


@pytest.mark.parametrize(
    "raw",
    [b'{"model":"a","model":"b"}', b'{"model":"a","mod\\u0065l":"b"}'],
)
def test_two_models_are_refused(raw: bytes) -> None:
    with pytest.raises(ClientError, match="more than once"):
        splice_model(raw, "Z")
