"""Do two replies to one request say the same? Pure: canonical comparison, no model.

Calls are compared as a program would run them: the order of parallel calls is free, `.` and `_` in
a name are one, values are told apart by what they say and not by how it is written, and an argument
that is left out has its declared default. Texts are compared by the answer they come down to. Free
text cannot be compared, and then `comparable` says so: two essays may differ in every word and
agree.

Two replies that agree may both be wrong. That is rare where the models are independent, and common
where they are of one family: `lineage` tells which.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from capture.messages import Message, ToolCall
from capture.narrowing import Json, list_of, object_of
from capture.weighing import Agreement
from routers.checks import answers, calls, prose
from routers.checks.said import Said
from routers.checks.spelling import canonical
from routers.checks.values import Asked

_CALLS = 32
"""Most calls of a reply that are compared; more than that never agree."""
_DEPTH = 16
"""Levels of nesting that are compared; what lies deeper is never the same."""
_LONG = 32 * 1024
"""Longer arguments are compared as the text they are."""
_SHORT = 12
"""Words up to which a text is an answer by itself."""
_WORDS = 2000
"""Most words of a text that are compared."""

_DEFAULT = re.compile(
    r"\bdefault(?:s)?(?: value)?(?: is| to|:|=)* ?['\"`]?([\w.+-]{1,40}(?: [A-Z]\w{1,20})?)['\"`]?",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")


def agree(asked: Asked, one: Message, other: Message) -> Agreement:
    """Whether two replies to the same request say the same. Never raises, whatever they are."""
    if one.tool_calls and other.tool_calls:
        return _of_calls(asked.tools, one.tool_calls, other.tool_calls)
    if one.tool_calls or other.tool_calls:
        return Agreement(False, 0.0, "one calls a tool and the other does not")
    return _of_texts(asked, one.text, other.text)


def lineage(one: str, other: str) -> str | None:
    """The family that two models' names have in common; None when the names show none.

    A name can hide where a model comes from, so None is no proof of independence.
    """
    shared = _family(one) & _family(other)
    return min(shared) if shared else None


def _of_calls(
    tools: Sequence[object], one: Sequence[ToolCall], other: Sequence[ToolCall]
) -> Agreement:
    schemas = {calls.spelled(name): schema for name, schema in calls.offered(tools).items()}
    some = [_call(call, schemas) for call in one[:_CALLS]]
    rest = [_call(call, schemas) for call in other[:_CALLS]]
    score = _matched(some, rest) / max(len(one), len(other))
    if len(one) != len(other):
        return Agreement(False, score, f"{len(one)} calls against {len(other)}")
    if len(one) <= _CALLS and score == 1.0:
        return Agreement(
            True, 1.0, "both make the same calls" if len(one) > 1 else "both make the same call"
        )
    if sorted(name for name, _ in some) != sorted(name for name, _ in rest):
        return Agreement(False, score, "they call different tools")
    return Agreement(False, score, "they give the same tools different arguments")


_Canonical = tuple[str, Mapping[str, object] | str]


def _matched(some: Sequence[_Canonical], rest: Sequence[_Canonical]) -> float:
    """How many calls are the same in both, each counted once; one that is the same in part counts
    in part, half its name and half its arguments."""
    left = list(rest)
    unmatched: list[_Canonical] = []
    total = 0.0
    for call in some:
        if call in left:
            left.remove(call)
            total += 1.0
        else:
            unmatched.append(call)
    for name, arguments in unmatched:
        alike = [
            (_alike(arguments, held), n) for n, (known, held) in enumerate(left) if known == name
        ]
        if alike:
            best, at = max(alike)
            total += 0.5 + 0.499 * best
            left.pop(at)
    return total


def _alike(one: Mapping[str, object] | str, other: Mapping[str, object] | str) -> float:
    """The share of arguments that are the same, or nearly."""
    if isinstance(one, str) or isinstance(other, str):
        return 0.0
    names = one.keys() | other.keys()
    alike = (_near(one[name], other[name]) for name in names if name in one and name in other)
    return sum(alike) / max(1, len(names))


def _near(one: object, other: object) -> float:
    """How near two values are: 1 for the same, one half where one text holds the other."""
    if one == other:
        return 1.0
    if isinstance(one, str) and isinstance(other, str) and one and other:
        return 0.5 if one in other or other in one else 0.0
    return 0.0


def _call(call: ToolCall, schemas: Mapping[str, Json | None]) -> _Canonical:
    """A call as it is compared."""
    name = calls.spelled(call.name)
    arguments = calls.decoded(call)
    if arguments is None or len(call.arguments) > _LONG:
        return name, call.arguments
    schema = object_of((schemas.get(name) or {}).get("properties")) or {}
    required = list_of((schemas.get(name) or {}).get("required"))
    kept = {key: _value(held, _DEPTH) for key, held in arguments.items()}
    for key in [key for key in kept if key not in required]:
        defaults = list(_defaults(object_of(schema.get(key)) or {}))
        if kept[key] is None or kept[key] in defaults:
            del kept[key]
    return name, kept


def _defaults(about: Json) -> Iterator[object]:
    """What an argument is when it is left out: as declared, and as described."""
    if "default" in about:
        yield _value(about["default"], _DEPTH)
    told = about.get("description")
    match = _DEFAULT.search(told[:500]) if isinstance(told, str) else None
    if match is not None:
        yield _value(match[1].rstrip("."), _DEPTH)


def _value(held: Any, depth: int) -> object:
    """A value as it is compared; the order of a list of words is free."""
    if isinstance(held, str):
        return canonical(held)
    if held is None or isinstance(held, bool):
        return None if held is None else (held,)  # True is not 1
    if isinstance(held, int | float):
        return float(held) if abs(held) < 1e300 else held
    if depth and isinstance(held, dict):
        fields = object_of(cast("object", held)) or {}
        inner = {key: _value(item, depth - 1) for key, item in fields.items()}
        return {key: item for key, item in inner.items() if item is not None}
    if depth and isinstance(held, list):
        items = [_value(item, depth - 1) for item in list_of(cast("object", held))]
        words = all(isinstance(item, str) for item in items)
        return sorted(items, key=str) if words else items
    return object()  # too deep: the same as nothing


def _of_texts(asked: Asked, one: str, other: str) -> Agreement:
    """Texts by the answer they come down to, or word for word where they are short."""
    if asked.tools and _declines(one) and _declines(other):
        return Agreement(True, 1.0, "both call no tool and decline")
    ask = Said(asked.messages).ask
    form = answers.form_asked(ask)
    some, rest = answers.answer_in(one, form), answers.answer_in(other, form)
    if some is not None and rest is not None:
        same = _same_answer(some, rest)
        verdict = "the same answer" if same else "different answers"
        return Agreement(same, float(same), f"both come to {verdict}")
    words, others = _words(one), _words(other)
    shared = _shared(words, others)
    if words == others:
        return Agreement(True, 1.0, "both say the same")
    silent = bool(asked.tools) and (prose.hollow(one) or prose.hollow(other))
    if not silent and (form is not None or max(len(words), len(others)) <= _SHORT):
        return Agreement(False, shared, "they say different things")
    if asked.tools:  # what to do, they agree on; what to say, nobody can tell
        shared = 0.5 + shared / 2.0
        return Agreement(False, shared, "both call no tool; their words differ", comparable=False)
    return Agreement(False, shared, "free text, which cannot be compared", comparable=False)


def _declines(text: str) -> bool:
    return prose.hollow(text) or prose.refuses(text)


def _same_answer(one: answers.Answer, other: answers.Answer) -> bool:
    if one.number is not None and other.number is not None:
        return abs(one.number - other.number) <= 1e-6 * max(1.0, abs(one.number))
    return canonical(one.text) == canonical(other.text)


def _words(text: str) -> list[str]:
    return _WORD.findall(text[: 16 * _WORDS].lower())[:_WORDS]


def _shared(one: Sequence[str], other: Sequence[str]) -> float:
    some, rest = set(one), set(other)
    return len(some & rest) / len(some | rest) if some or rest else 1.0


_PLAIN_WORDS = (
    "instruct chat base it gguf mlx bit awq gptq quant community model models small medium large"
    " mini nano turbo preview latest local house org hub fp int main release dpo sft rlhf lora"
    " adapter tool tools use function calling fc coder code math vision reasoning thinking distill"
    " resting active https http host api v the pro plus max ai"
)
"""What stands in the names of models of any family."""
_LETTERS = re.compile(r"[a-z]{3,}")


def _family(name: str) -> frozenset[str]:
    """The telling words of a model's name, its publisher's left off."""
    own = name.lower().rstrip("/").rpartition("/")[2]
    return frozenset(_LETTERS.findall(own)).difference(_PLAIN_WORDS.split())
