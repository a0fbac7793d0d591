"""Two replies to one request, of which the one is known or judged to be better.

unfit     the first was checked, not handed over, and dropped; another place's reply was handed
over in its stead, and is not known to have failed
held      the first was fit, but no other model at home said the same; the cloud was asked, does
something else, and is not known to have failed
outcome   the request was made twice; one reply came to success, the other to failure
judged    the request was made twice and no outcome settles it; judges prefer one
(`trainer.judges`). The others are facts, and no judge's word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from capture.narrowing import Json, Malformed, list_of, object_of, read_object
from capture.soul import Soul
from capture.trainable import TrainableTurn

Why = Literal["unfit", "held", "outcome", "judged"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to what `chosen` was asked."""

    chosen: TrainableTurn
    rejected: TrainableTurn
    """For `unfit` and `held` the very exchange of `chosen`, but with the place and the reply that
    were not handed over."""
    why: Why

    def given(self, soul: Soul) -> Pair:
        """The pair as it were if both had been asked with this soul."""
        return Pair(soul.given(self.chosen), soul.given(self.rejected), self.why)


def does_the_same(one: Json, other: Json) -> bool:
    """Whether two replies do the same: the same calls in any order, by names and by arguments as
    JSON has them, letter case and white space aside; or both call nothing. Which of two texts is
    better, nothing here could say."""
    some, rest = _calls(one), _calls(other)
    for call in some:
        if call not in rest:
            return False
        rest.remove(call)
    return not rest


def _calls(reply: Json) -> list[tuple[str, object]]:
    functions = [object_of(call.get("function")) or {} for call in _objects(reply)]
    return [(str(each.get("name")), _arguments(each.get("arguments"))) for each in functions]


def _objects(reply: Json) -> Sequence[Json]:
    found = map(object_of, list_of(reply.get("tool_calls")))
    return [call for call in found if call is not None]


def _arguments(said: object) -> object:
    if isinstance(said, str):
        try:
            return _plain(read_object(said.encode("utf-8", "surrogatepass")))
        except Malformed:
            return said.strip()
    return _plain(said)


def _plain(value: Any) -> object:
    """A value as it is compared: what is null is left out, and true is not 1."""
    if isinstance(value, str):
        return " ".join(value.split()).casefold()
    if isinstance(value, bool):
        return (value,)
    if isinstance(value, dict):
        entries = cast("Mapping[str, Any]", value)
        return {name: _plain(each) for name, each in entries.items() if each is not None}
    if isinstance(value, list):
        return [_plain(each) for each in cast("Sequence[Any]", value)]
    return value
