"""Events are found whole at any chunking, and only a real [DONE] line ends a stream."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.sse import end_of_events, find_done, payloads
from gateway.upstreams.openai_compatible import PassThrough

LINE_END = st.sampled_from(["\n", "\r\n", "\r"])


def chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(at)]


@given(
    st.lists(st.text("ab[]DONE: \u00e9\U0001f600", min_size=1), min_size=1, max_size=6),
    LINE_END,
    st.lists(st.integers(0, 400), max_size=20),
)
def test_a_stream_passes_byte_for_byte_at_any_chunking(
    texts: list[str], end: str, cuts: list[int]
) -> None:
    body = "".join(f'data: {{"choices":[],"x":"{text}"}}{end}{end}' for text in texts).encode()
    done = f"data: [DONE]{end}{end}".encode()
    reader = PassThrough("test")
    out = b"".join(reader.feed(chunk) for chunk in chunks(body + done, cuts))
    assert out == body
    assert reader.done
    assert reader.finish()[1].complete


def test_only_whole_events_are_counted() -> None:
    assert end_of_events(b"data: 1\n\ndata: 2\n") == 9
    assert end_of_events(b"data: 1\r\n\r\nda") == 11
    assert end_of_events(b"data: 1\n") == 0


def test_done_inside_a_json_string_does_not_end_the_stream() -> None:
    assert find_done(b'data: {"x":"data: [DONE]"}\n\n') == -1
    assert find_done(b"data: 1\n\ndata: [DONE]\n\n") == 9
    assert find_done(b"data:[DONE] \r\n\r\n") == 0


def test_payloads_join_data_lines_and_skip_comments() -> None:
    assert list(payloads(b": hi\n\ndata: a\ndata: b\n\nevent: x\ndata:c\n\n")) == [b"a\nb", b"c"]


def test_an_error_event_is_held_back_and_everything_before_it_passes() -> None:
    reader = PassThrough("box")
    out = reader.feed(b'data: {"choices":[]}\n\ndata: {"error":{"message":"no memory"}}\n\n')
    assert out == b'data: {"choices":[]}\n\n'
    assert reader.done
    end = reader.finish()[1]
    assert end.error is not None
    assert not end.complete
    assert end.error.message == "box: no memory"


def test_a_stream_that_stops_without_a_finish_reason_is_not_complete() -> None:
    reader = PassThrough("box")
    reader.feed(b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]}\n\n')
    assert not reader.finish()[1].complete


def test_usage_and_finish_reason_are_read_from_the_end_of_a_stream() -> None:
    reader = PassThrough("box")
    reader.feed(b'data: {"choices":[{"delta":{},"finish_reason":"tool_calls"}]}\n\n')
    reader.feed(b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}\n\n')
    reader.feed(b"data: [DONE]\n\n")
    end = reader.finish()[1]
    assert (end.complete, end.finish_reason) == (True, "tool_calls")
    assert end.usage is not None
    assert (end.usage.input_tokens, end.usage.output_tokens) == (7, 2)
    assert end.usage.cache_read_tokens is None


def test_comments_wait_for_the_first_data_and_then_pass_with_it() -> None:
    reader = PassThrough("box")
    assert reader.feed(b": keepalive 1/2\n\n") == b""
    said = b': 2/2\n\ndata: {"choices":[]}\n\n'
    assert reader.feed(said) == b": keepalive 1/2\n\n" + said
    assert reader.feed(b": later\n\n") == b": later\n\n"


def test_nonsense_from_an_upstream_is_not_counted() -> None:
    reader = PassThrough("box")
    reader.feed(
        b'data: {"choices":["x"],"usage":{"prompt_tokens":true,"completion_tokens":1e30}}\n\n'
    )
    reader.feed(b'data: {"choices":[],"usage":{"prompt_tokens":10000000000000000000}}\n\n')
    reader.feed(b"data: [DONE]\n\n")
    usage = reader.finish()[1].usage
    assert usage is not None
    assert usage.input_tokens is None


def test_an_endless_event_is_refused() -> None:
    reader = PassThrough("box")
    while not reader.done:
        assert reader.feed(b"x" * (4 << 20)) == b""
    assert reader.finish()[1].error is not None
