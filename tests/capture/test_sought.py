from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.sought import Nothing, fused, left_out, said_plainly

orders = st.lists(st.integers(0, 30).map(str), unique=True)


def test_what_both_orders_have_near_the_top_comes_first() -> None:
    assert fused([["a", "b", "c"], ["d", "b"]]) == ["b", "a", "d", "c"]


@given(orders, orders)
def test_fusing_loses_nothing_and_keeps_one_order_as_it_is(
    one: list[str], other: list[str]
) -> None:
    assert sorted(fused([one, other])) == sorted({*one, *other})
    assert fused([one, []]) == one
    if one and other and one[0] == other[0]:
        assert fused([one, other])[0] == one[0]


def test_what_is_looked_for_by_meaning_has_no_marks_and_nothing_left_out() -> None:
    assert said_plainly('lights "turn off" atti* -garage') == "lights turn off atti*"
    assert left_out('lights -garage -"two words" -') == '"garage" OR "two words"'
    assert left_out("lights") is None
    with pytest.raises(Nothing):
        said_plainly("-lights ?")
