"""A chat completion request in the words of the Messages API.

Everything Claude has a word for is said; what it has none for is left out and noted, or repaired
and noted, and only what would change the meaning of the answer (several choices at once) is
refused. The output is canonical: the same request gives the same bytes, so prompt caches match.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.dialects.anthropic_effort import Thinking, no_thinking, plan_thinking
from gateway.dialects.anthropic_format import output_schema
from gateway.dialects.anthropic_memory import Prefix, recall
from gateway.dialects.anthropic_models import Traits, traits
from gateway.dialects.anthropic_tools import (
    forces_a_call,
    render_tool_choice,
    render_tools,
    safe_tool_names,
    tools_of_history,
)
from gateway.dialects.anthropic_turns import TurnWriter, read_history
from gateway.dialects.values import Json, Notes, json_array, json_count, json_object, json_string
from gateway.errors import ClientError
from gateway.thinking import ThinkingStore

_SAID = frozenset(
    {
        "model", "messages", "stream", "stream_options", "n", "tools", "tool_choice",
        "parallel_tool_calls", "max_tokens", "max_completion_tokens", "stop", "temperature",
        "top_p", "top_k", "user", "safety_identifier", "reasoning_effort", "reasoning", "think",
        "thinking", "response_format", "service_tier", "cache_control", "functions",
    }
)  # fmt: skip
"""Fields this file reads; every other one is left out and noted."""
_SAME_AS_ABSENT: Mapping[str, object] = {
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logprobs": False,
    "store": False,
    "modalities": ["text"],
}
"""Values that ask for nothing: leaving these out is not worth a note."""
_USER_ID_CHARS = 256
_SERVICE_TIERS = {"auto": "auto", "default": "standard_only"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What the settings say about output and caching."""

    default_max_tokens: int
    """The output limit when the client sets none."""
    max_output_tokens: int | None = None
    """Most the model may generate; None asks the table of known models."""
    prompt_cache: bool = False
    """Ask Anthropic to cache the whole prompt when the client marks nothing itself."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One Messages API request."""

    body: bytes
    prefix: bytes | None
    """Digest of all that was said, for remembering the reply; None when the reply will continue
    the client's own last message and so is no turn by itself."""
    notes: tuple[str, ...]


def render_request(
    body: Mapping[str, Any], *, model: str, stream: bool, limits: Limits, memory: ThinkingStore
) -> Rendered:
    """Say a chat request to `model`, with the turns in `memory` put back as Claude wrote them.

    Raises ClientError for what cannot be said at all.
    """
    notes = Notes()
    known = traits(model)
    if body.get("n") not in (None, 1):
        raise ClientError("Claude gives one choice at a time; send n=1", param="n")
    max_tokens = _max_tokens(body, limits, known, notes)
    names = safe_tool_names(body)
    tools, choice = _tools(body, names, known, notes)
    thinking = plan_thinking(body, known, max_tokens, forced=forces_a_call(choice), notes=notes)
    history = read_history(body.get("messages"), inline_system=known.inline_system, notes=notes)
    prefill = known.prefill and not thinking.on and history.ends_with_words_of_claude

    def write(thinking: Thinking) -> TurnWriter:
        def remembered(prefix: bytes, said: Sequence[Json]) -> list[Json] | None:
            if not thinking.on:
                return None
            return recall(memory, model, prefix, said, bound=known.bound_thinking)

        writer = TurnWriter(Prefix(history.system, tools), remembered, names, notes)
        writer.write(history.groups, prefill=prefill)
        return writer

    writer = write(thinking)
    if thinking.needs_memory and writer.loop_lacks_thinking:
        notes.add("thinking is off: what led to these tool calls is not remembered any more")
        thinking = no_thinking(known, notes)
        writer = write(thinking)
    said: Json = {"model": model, "max_tokens": max_tokens, "stream": stream}
    if history.system:
        said["system"] = history.system
    if tools:
        said["tools"] = tools
    if choice is not None:
        said["tool_choice"] = choice
    said |= _thinking_and_format(body, thinking, known, notes)
    said |= _sampling(body, known, thinking, notes)
    said |= _options(body, limits, notes)
    _note_left_out(body, notes)
    said["messages"] = [orjson.Fragment(message) for message in writer.messages]
    prefix = None if prefill else writer.prefix.digest()
    return Rendered(orjson.dumps(said), prefix, notes.all())


def _tools(
    body: Mapping[str, Any], names: Mapping[str, str], known: Traits, notes: Notes
) -> tuple[list[Json], Json | None]:
    tools = render_tools(body, names, known, notes)
    if tools:
        return tools, render_tool_choice(body, names, known, notes)
    tools = tools_of_history(body.get("messages"), names)
    if not tools:
        return [], None
    notes.add("the history calls tools that this request does not offer; they are only named")
    return tools, {"type": "none"}


def _max_tokens(body: Mapping[str, Any], limits: Limits, known: Traits, notes: Notes) -> int:
    """The output limit, lowered to what the model can do: an agent's 65536 is no error."""
    wanted = limits.default_max_tokens
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if value is None:
            continue
        count = json_count(value)
        if not count:
            raise ClientError("the output limit must be a whole number above zero", param=name)
        wanted = count
        break
    most = limits.max_output_tokens or known.max_output_tokens
    if most is None or wanted <= most:
        return wanted
    notes.add(f"the output limit of {wanted} was lowered to the model's {most}")
    return most


def _thinking_and_format(
    body: Mapping[str, Any], thinking: Thinking, known: Traits, notes: Notes
) -> Json:
    said: Json = {}
    if thinking.config is not None:
        said["thinking"] = thinking.config
    output: Json = {}
    if thinking.effort is not None:
        output["effort"] = thinking.effort
    schema = output_schema(body.get("response_format"), known, notes)
    if schema is not None:
        output["format"] = {"type": "json_schema", "schema": schema}
    if output:
        said["output_config"] = output
    return said


def _options(body: Mapping[str, Any], limits: Limits, notes: Notes) -> Json:
    said: Json = {}
    stops = body.get("stop")
    sequences = [stops] if isinstance(stops, str) else json_array(stops)
    kept = [s for s in sequences if isinstance(s, str) and s.strip()]
    if len(kept) < len(sequences):
        notes.add("blank stop sequences are left out: Claude takes none")
    if kept:
        said["stop_sequences"] = kept
    user = json_string(body.get("safety_identifier")) or json_string(body.get("user"))
    if len(user) > _USER_ID_CHARS:
        notes.add(f"`user` is longer than {_USER_ID_CHARS} characters and left out")
    elif user:
        said["metadata"] = {"user_id": user}
    tier = body.get("service_tier")
    if tier in _SERVICE_TIERS:
        said["service_tier"] = _SERVICE_TIERS[tier]
    elif tier is not None:
        notes.add("this service_tier is unknown to Claude and left out")
    marker = json_object(body.get("cache_control"))
    if marker:
        said["cache_control"] = marker
    elif limits.prompt_cache and not _marks_itself(body):
        said["cache_control"] = {"type": "ephemeral"}
    return said


def _sampling(body: Mapping[str, Any], known: Traits, thinking: Thinking, notes: Notes) -> Json:
    asked = {n: body[n] for n in ("temperature", "top_p", "top_k") if _is_number(body.get(n))}
    asked = {n: v for n, v in asked.items() if n == "top_k" or v != 1}  # 1 is the default
    if not asked:
        return {}
    if not known.sampling or thinking.on:
        why = "while it thinks" if known.sampling else "from clients"
        notes.add(f"Claude takes no {', '.join(asked)} {why}; left out")
        return {}
    if asked.get("temperature", 0) > 1:
        notes.add(f"temperature {asked['temperature']} was lowered to Claude's highest, 1")
        del asked["temperature"]
    if "temperature" in asked and "top_p" in asked:
        notes.add("top_p was left out: Claude takes it or temperature, not both")
        del asked["top_p"]
    return asked


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _marks_itself(body: Mapping[str, Any]) -> bool:
    """The client places cache markers of its own, somewhere."""
    items = [*json_array(body.get("messages")), *json_array(body.get("tools"))]
    return any(
        "cache_control" in json_object(holder)
        for item in items
        for holder in (item, *json_array(json_object(item).get("content")))
    )


def _note_left_out(body: Mapping[str, Any], notes: Notes) -> None:
    left_out = [
        name
        for name, value in body.items()
        if name not in _SAID and value is not None and _SAME_AS_ABSENT.get(name, ...) != value
    ]
    if left_out:
        notes.add(f"left out, Claude has no such field: {', '.join(sorted(left_out))[:500]}")
