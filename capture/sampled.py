"""What a model sampled, token by token, as far as its server said so in the stored reply. Pure.

Servers give it when the client asks for `logprobs`. Token ids stand where each puts them: in
`logprobs.content[].id` (mlx_lm.server, llama.cpp), in `choices[].token_ids` (vLLM's
`return_token_ids`), as `token_id:N` for a token's text (vLLM's `return_tokens_as_token_ids`).
OpenAI's own API gives log-probabilities and no ids: that is nothing, for text cut into tokens anew
need not be the tokens that were sampled. Nothing is made up: one token that lacks either, and the
reply has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

from capture.narrowing import Json, Malformed, count_of, list_of, loads, object_of

_AS_TEXT = "token_id:"


@dataclass(frozen=True, slots=True)
class Sampled:
    """A reply as it was sampled; both lists are equally long, and not empty."""

    tokens: tuple[int, ...]
    """Ids in the vocabulary of the model that replied."""
    logprobs: tuple[float, ...]
    """Natural logarithms of the probability that each was sampled with."""


def read_sampled(body: bytes) -> Sampled | None:
    """Of a stored reply, JSON or SSE, its first choice; None when the server did not say it all."""
    ids: list[int | None] = []
    named: list[int | None] = []
    logprobs: list[float | None] = []
    for choice in _choices(body):
        ids += [count_of(token) for token in list_of(choice.get("token_ids"))]
        told = object_of(choice.get("logprobs")) or {}
        for entry in list_of(told.get("content")):
            about = object_of(entry) or {}
            named.append(_named(about))
            logprobs.append(_logprob(about.get("logprob")))
    tokens = [token for token in ids or named if token is not None]
    known = [logprob for logprob in logprobs if logprob is not None]
    if not known or not len(tokens) == len(ids or named) == len(known) == len(logprobs):
        return None
    return Sampled(tuple(tokens), tuple(known))


def _choices(body: bytes) -> Iterator[Json]:
    """The first choice of a JSON reply, or of each event of a stream."""
    body = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    texts = [body] if body.startswith(b"{") else body.splitlines()
    for text in texts:
        try:
            value = object_of(loads(text.removeprefix(b"data:").strip()))
        except Malformed:
            continue  # a comment, an event's name, [DONE]
        for entry in list_of((value or {}).get("choices")):
            choice = object_of(entry)
            if choice is not None and not choice.get("index"):
                yield choice


def _named(entry: Json) -> int | None:
    """A token's id, where its entry has it."""
    text = entry.get("token")
    if "id" not in entry and isinstance(text, str) and text.startswith(_AS_TEXT):
        digits = text.removeprefix(_AS_TEXT)
        return int(digits) if digits.isdecimal() else None
    return count_of(entry.get("id"))


def _logprob(value: object) -> float | None:
    """A logarithm of a probability; rounding may put it a little above zero."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if isfinite(value) and value < 0.01 else None
