"""The look at a reply's calls: may they run, whence come their values, what of the request is left.

Pure. Part of `routers.checks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from capture.messages import Message, ToolCall
from capture.narrowing import Json, list_of, object_of
from routers.checks import asks, calls, coverage, grounding
from routers.checks.said import Said
from routers.checks.values import Asked, Finding, squashed
from routers.schemas import shown

_CALLS = 32
"""Most calls of one reply whose values are looked at; of the rest the first fatal fault is told."""
_GIVEN = 8 * 1024
"""Most characters of the calls' arguments in which the request's numbers and names are sought."""
_NAMED = 4
"""Most arguments that one finding names."""
_SUSPECT = 0.5
"""A value less grounded than this is told."""


def look(asked: Asked, reply: Message, said: Said) -> tuple[list[Finding], dict[str, float]]:
    """What speaks against a reply that calls tools, and its figures."""
    known = calls.offered(asked.tools)
    whole = _meant(reply.tool_calls, known)
    given, meant = reply.tool_calls[:_CALLS], whole[:_CALLS]
    against = [calls.against(call, known) for call in meant]
    later = (calls.against(call, known) for call in whole[_CALLS:])
    found = [finding for finding in against if finding is not None]
    found.extend(islice((finding for finding in later if finding is not None), 1))
    figures = _runnable([f.code if f is not None else None for f in against])
    exact = [call.name == offered.name for call, offered in zip(given, meant, strict=True)]
    figures["tools_exact"] = sum(exact) / len(exact)
    found.extend(_misspelt(given, meant))
    for part, more in (
        _arguments(meant, known, said),
        _number(reply.tool_calls, said),
        ([], _taken_up(reply.tool_calls, said)),
        ([], _tool(meant, asked, said)),
    ):
        found.extend(part)
        figures.update(more)
    figures["calls"] = squashed(len(reply.tool_calls))
    figures["text_beside_calls"] = float(bool(reply.text[:1000].strip()))
    return found, figures


def _runnable(codes: Sequence[str | None]) -> dict[str, float]:
    of = len(codes)
    return {
        "tools_known": 1.0 - codes.count("unknown_tool") / of,
        "calls_parse": 1.0 - codes.count("arguments") / of,
        "arguments_fit": 1.0 - codes.count("schema") / of,
    }


def _meant(given: Sequence[ToolCall], known: calls.Offered) -> Sequence[ToolCall]:
    """The calls with their tools' names as they were offered, where they merely spell them
    differently; of two tools that are spelled alike, the last one offered."""
    if all(call.name in known for call in given):
        return given
    names = {calls.spelled(name): name for name in known}
    return [
        call
        if call.name in known or (name := names.get(calls.spelled(call.name))) is None
        else ToolCall(call.id, name, call.arguments)
        for call in given
    ]


def _misspelt(given: Sequence[ToolCall], meant: Sequence[ToolCall]) -> Iterator[Finding]:
    for call, offered in zip(given, meant, strict=True):
        if call.name != offered.name:
            clause = f"it calls `{shown(call.name)}`, which was offered as `{shown(offered.name)}`"
            yield Finding("tool_spelled", clause)
            return


@dataclass(slots=True)
class _Arguments:
    """What is gathered of all calls' arguments."""

    given: int = 0
    optional: int = 0
    """Given, declared and not required."""
    open_to: int = 0
    """Declared and not required, given or not."""
    shares: list[float] = field(default_factory=list[float])
    """How far each value is grounded, of those of which that can be asked."""
    undeclared: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Arguments that are not declared, each with its tool."""
    loose: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Arguments with a value that is not grounded, each with its tool."""


def _arguments(
    made: Sequence[ToolCall], known: calls.Offered, said: Said
) -> tuple[list[Finding], dict[str, float]]:
    """Are the arguments declared, and whence do their values come?"""
    seen = _Arguments()
    asked_before: dict[tuple[object, ...], float | None] = {}
    for call in made:
        arguments = calls.decoded(call) if len(call.arguments) <= calls.ARGUMENT_CHARS else None
        if arguments is None:
            continue
        schema = known.get(call.name)
        _declared(call.name, arguments, schema, seen)
        for name, leaf, about in grounding.leaves(arguments, schema):
            key = (call.name, name, type(leaf), leaf)
            if key not in asked_before:
                asked_before[key] = grounding.grounded(leaf, about, said)
            share = asked_before[key]
            if share is None:
                continue
            seen.shares.append(share)
            if share < _SUSPECT:
                seen.loose.append((name, call.name))
    return list(_told(seen)), _figures(seen)


def _declared(tool: str, arguments: Json, schema: Json | None, seen: _Arguments) -> None:
    seen.given += len(arguments)
    properties = object_of((schema or {}).get("properties"))
    if not properties:
        return
    required = list_of((schema or {}).get("required"))
    seen.open_to += sum(name not in required for name in properties)
    for name in arguments:
        if name not in properties:
            seen.undeclared.append((name, tool))
        elif name not in required:
            seen.optional += 1


def _figures(seen: _Arguments) -> dict[str, float]:
    figures: dict[str, float] = {}
    if seen.given:
        figures["arguments_known"] = 1.0 - len(seen.undeclared) / seen.given
    if seen.open_to:
        figures["optional_given"] = seen.optional / seen.open_to
    if seen.shares:
        figures["grounded_share"] = sum(seen.shares) / len(seen.shares)
        figures["grounded_least"] = min(seen.shares)
    return figures


def _told(seen: _Arguments) -> Iterator[Finding]:
    if seen.undeclared:
        yield Finding("unknown_argument", f"it gives {_list(seen.undeclared)}, not declared")
    if seen.loose:
        clause = f"it gives {_list(seen.loose)} a value that is not from the conversation"
        yield Finding("ungrounded", clause)


def _list(arguments: Sequence[tuple[str, str]]) -> str:
    once = list(dict.fromkeys(arguments))
    named = (f"`{shown(argument)}` of `{shown(tool)}`" for argument, tool in once[:_NAMED])
    more = f" and {len(once) - _NAMED} more" if len(once) > _NAMED else ""
    return ", ".join(named) + more


def _number(made: Sequence[ToolCall], said: Said) -> tuple[list[Finding], dict[str, float]]:
    """How many calls there are, against how many things were asked for. In the midst of a task
    nobody knows how many are left, and nothing is said."""
    once = len({(call.name, call.arguments) for call in made})
    figures = {"calls_distinct": once / len(made)}
    found: list[Finding] = []
    if once < len(made):
        found.append(Finding("repeated_call", "it makes the same call more than once"))
    if said.answered:
        return found, figures
    wanted = asks.estimate(said.ask)
    figures["asks"] = squashed(wanted)
    figures["calls_per_ask"] = min(len(made), wanted) / max(len(made), wanted)
    figures["calls_short"] = max(0, wanted - len(made)) / wanted
    if len(made) < wanted:
        calls_made = f"{len(made)} call{'s' * (len(made) > 1)}"
        found.append(
            Finding("fewer_calls", f"it makes {calls_made} where about {wanted} are asked for")
        )
    return found, figures


def _taken_up(made: Sequence[ToolCall], said: Said) -> dict[str, float]:
    """How much of the request the calls took up, with those that were made for it before."""
    given = " ".join(call.arguments[:_GIVEN] for call in made[:_CALLS])[:_GIVEN]
    if said.answered:
        given = f"{given} {said.text[-_GIVEN:]}"
    counted, named = coverage.things(said.ask)
    return {
        "numbers_used": coverage.numbers_used(counted, given),
        "names_used": coverage.names_used(named, given),
    }


def _tool(made: Sequence[ToolCall], asked: Asked, said: Said) -> dict[str, float]:
    """Whether the tools called are those whose words the request has most of."""
    shares = coverage.overlaps(said.ask, asked.tools)
    chosen = max((shares.get(call.name, 0.0) for call in made), default=0.0)
    best = max(shares.values(), default=0.0)
    return {
        "tools_offered": squashed(len(shares)),
        "tool_overlap": chosen,
        "tool_best": float(chosen >= best),
    }
