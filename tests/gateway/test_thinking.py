from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.thinking import ThinkingStore, Turn


def _turn(word: str = "x") -> Turn:
    return Turn(prefix=b"p", blocks=({"type": "thinking", "thinking": word},))


def test_a_turn_is_found_under_each_of_its_keys() -> None:
    memory = ThinkingStore()
    memory.keep(["a", "b"], _turn(), 10)

    assert memory.recall("a") == memory.recall("b") == _turn()
    assert memory.recall("c") is None


def test_a_key_that_is_used_again_lets_its_older_turn_go() -> None:
    memory = ThinkingStore()
    memory.keep(["a", "b"], _turn("old"), 10)
    memory.keep(["b"], _turn("new"), 10)

    assert memory.recall("b") == _turn("new")
    assert memory.recall("a") is None
    assert memory.turns == 1


def test_the_least_recently_used_turn_is_forgotten_first() -> None:
    memory = ThinkingStore(max_bytes=3000)
    memory.keep(["a"], _turn("a"), 900)
    memory.keep(["b"], _turn("b"), 900)
    memory.recall("a")
    memory.keep(["c"], _turn("c"), 900)

    assert memory.recall("b") is None
    assert memory.recall("a") is not None


def test_a_turn_larger_than_the_memory_is_not_kept() -> None:
    memory = ThinkingStore(max_bytes=1000)
    memory.keep(["a"], _turn(), 2000)

    assert memory.recall("a") is None
    assert memory.bytes == 0


def test_what_a_request_sent_is_told_once() -> None:
    memory = ThinkingStore()
    memory.sending("1", "m", b"p")

    assert memory.sent("1", "other") is None
    assert memory.sent("1", "m") == b"p"
    assert memory.sent("1", "m") is None


def test_requests_that_never_end_do_not_fill_the_memory() -> None:
    memory = ThinkingStore(max_in_flight=2)
    for number in range(3):
        memory.sending(str(number), "m", b"p")

    assert memory.sent("0", "m") is None
    assert memory.sent("2", "m") == b"p"


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True),
            st.integers(0, 2000),
        ),
        max_size=40,
    )
)
def test_the_memory_never_outgrows_its_bound_and_its_count_is_true(
    kept: list[tuple[list[str], int]],
) -> None:
    memory = ThinkingStore(max_bytes=4000)
    for keys, size in kept:
        memory.keep(keys, _turn(), size)
        assert memory.bytes <= 4000
        assert all(memory.recall(key) is not None for key in keys)
    assert memory.turns <= 6
    assert memory.bytes >= 512 * memory.turns
