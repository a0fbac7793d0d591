"""Token ids and log-probabilities out of stored replies."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from capture.sampled import Sampled, read_sampled

TWO = Sampled((11, 7), (-0.25, 0.0))


def body(*choices: dict[str, Any]) -> bytes:
    return orjson.dumps({"choices": list(choices)})


def stream(*chunks: dict[str, Any]) -> bytes:
    events = [b"data: " + body({"index": 0, "delta": {}, **chunk}) for chunk in chunks]
    return b": ping\n\n" + b"\n\n".join([*events, b"data: [DONE]"]) + b"\n\n"


def told(*content: Any, **more: Any) -> dict[str, Any]:
    return {"logprobs": {"content": list(content)}, **more}


FIRST, SECOND = {"logprob": -0.25}, {"logprob": 0.0}


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(body(told({"id": 11, **FIRST}, {"id": 7, **SECOND})), id="mlx_lm.server"),
        pytest.param(
            body(told({"id": 11, "token": "a", **FIRST}, {"id": 7, "token": "b", **SECOND})),
            id="llama.cpp",
        ),
        pytest.param(
            body(told({"token": "a", **FIRST}, {"token": "b", **SECOND}, token_ids=[11, 7])),
            id="vLLM with return_token_ids",
        ),
        pytest.param(
            body(told({"token": "token_id:11", **FIRST}, {"token": "token_id:7", **SECOND})),
            id="vLLM with return_tokens_as_token_ids",
        ),
        pytest.param(
            stream(told({"id": 11, **FIRST}), {}, told({"id": 7, **SECOND}), {"logprobs": None}),
            id="a stream",
        ),
        pytest.param(
            stream(told(FIRST, token_ids=[11]), told(SECOND, token_ids=[7])), id="vLLM's stream"
        ),
        pytest.param(
            body(told({"id": 11, **FIRST}, {"id": 7, **SECOND}), told({"id": 5, **FIRST}, index=1)),
            id="the first of two choices",
        ),
    ],
)
def test_what_was_sampled_is_read_where_each_server_puts_it(kept: bytes) -> None:
    assert read_sampled(kept) == TWO


@pytest.mark.parametrize(
    "kept",
    [
        b"",
        b"[]",
        b"data: [DONE]\n\n",
        b"data: 7\n\n",
        body(),
        body({"message": {"content": "a"}}),
        body({"logprobs": {"content": None}}),
        body(told("a", "b")),
        body(told({"token": "a", **FIRST})),
        body(told({"token": "token_id:x", **FIRST})),
        body(told({"id": 11})),
        body(told({"id": 11, **FIRST}, {"id": 7})),
        body(told({"id": 11, **FIRST}, {"token": "b", **SECOND})),
        body(told(FIRST, SECOND, token_ids=[11])),
        body(told(FIRST, SECOND, token_ids=[11, "7"])),
        body(told({"id": -1, **FIRST})),
        body(told({"id": True, "logprob": True})),
        body(told({"id": 11, "logprob": 1.0})),
        body({"token_ids": [11, 7]}),
    ],
)
def test_where_anything_is_missing_or_odd_nothing_was_kept(kept: bytes) -> None:
    assert read_sampled(kept) is None


def test_a_logprob_that_is_no_number_is_none() -> None:
    text = body(told({"id": 11, "logprob": 5})).replace(b"5", b"-Infinity")
    assert read_sampled(text) is None
