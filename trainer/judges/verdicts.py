"""Reading what a judge answered: exactly what was asked for, or nothing. Pure.

A judge may think aloud, so its verdict is looked for by braces: the JSON objects at the top of its
text that hold the request's mark and fit the schema. One that says it twice says it once; two that
differ are none. What is not there is never filled in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, cast

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trainer.judges.subjects import Kind

LONGEST_REASON = 300
_LONGEST_HINT = 600
_LONGEST_TEXT = 200_000
_LAST = 20_000
"""Characters at an answer's end in which its verdict is looked for."""
_STARTS = 200
"""Braces at which an object may begin that are tried."""
_THOUGHT = "</think>"

DIMENSIONS = (
    "tool_correctness",
    "task_completion",
    "instruction_adherence",
    "efficiency",
    "overall",
)

Points = Annotated[float, Field(ge=1, le=10, allow_inf_nan=False)]


class Garbage(ValueError):
    """A judge's answer that is none; says why, in a clause."""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    reason: str = ""
    """In the judge's words; bounded, and for people alone."""


class Rating(_Said):
    """Five dimensions, 1 to 10."""

    tool_correctness: Points
    task_completion: Points
    instruction_adherence: Points
    efficiency: Points
    overall: Points


class Choice(_Said):
    """Which of two replies is better, as they were shown."""

    better: Literal["first", "second", "same"]


class Vote(_Said):
    """Whether a step helped."""

    vote: Annotated[int, Field(ge=-1, le=1)]


class Hint(_Said):
    """What a reply that failed should have heeded."""

    hint: Annotated[str, Field(min_length=1, max_length=_LONGEST_HINT)] | None
    """None: what came next does not show it."""


Verdict = Rating | Choice | Vote | Hint
SCHEMAS: Mapping[Kind, type[Verdict]] = {
    "rating": Rating,
    "planted": Rating,
    "comparison": Choice,
    "process": Vote,
    "hint": Hint,
}


def read(kind: Kind, text: str, mark: str) -> Verdict:
    """The verdict in a judge's answer. Raises Garbage."""
    if len(text) > _LONGEST_TEXT:
        raise Garbage("it is too long")
    after = text.rpartition(_THOUGHT)[2][-_LAST:]
    marked = [found for found in objects_in(after) if found.get("mark") == mark]
    if not marked:
        raise Garbage("it holds no JSON object with the mark of the request")
    verdicts: list[Verdict] = []
    for found in marked:
        verdict = stored(kind, found)
        if verdict is not None and not any(_same(verdict, other) for other in verdicts):
            verdicts.append(verdict)
    if not verdicts:
        raise Garbage("its JSON is not what was asked for")
    if len(verdicts) > 1:
        raise Garbage("it holds two verdicts that differ")
    return verdicts[0]


def stored(kind: Kind, said: object) -> Verdict | None:
    """A verdict from its JSON; None when it is none."""
    try:
        verdict = SCHEMAS[kind].model_validate(said)
    except ValidationError:
        return None
    return verdict.model_copy(update={"reason": " ".join(verdict.reason.split())[:LONGEST_REASON]})


def objects_in(text: str) -> Iterator[Mapping[str, object]]:
    """The JSON objects in a text, those inside others left out."""
    at = text.find("{")
    for _ in range(_STARTS):
        if at < 0:
            return
        end = _closing(text, at)
        found = None if end is None else _object(text[at:end])
        if found is not None:
            yield found
        at = text.find("{", at + 1 if found is None or end is None else end)


def _same(one: Verdict, other: Verdict) -> bool:
    """Whether two verdicts say the same, for whatever reason."""
    return one.model_dump(exclude={"reason"}) == other.model_dump(exclude={"reason"})


def _closing(text: str, start: int) -> int | None:
    """Where the object that begins here ends, by the depth of braces outside of strings."""
    depth, quoted, escaped = 0, False, False
    for at in range(start, len(text)):
        character = text[at]
        if quoted:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                quoted = False
        elif character == '"':
            quoted = True
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return at + 1
    return None


def _object(text: str) -> Mapping[str, object] | None:
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else None
