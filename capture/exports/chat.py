"""Rows for `mlx_lm.lora`: `{"messages": [...], "tools": [...]}`, one per turn.

With `mask_prompt` mlx-lm trains the last message alone, so each row ends with the reply of its own
exchange, and a conversation of five replies is five rows. Messages are said as `mlx_lm.server` and
the gateway in front of it say them to the chat template, so that a model is trained on what it will
be asked: text parts are one string, no content is the empty string, `developer` is `system`, null
fields are absent, and **the arguments of tool calls are objects** where OpenAI's own form has JSON
text. Most templates write `arguments | tojson`, which would quote a text once more. `tools` is
absent where none were offered or the client said `tool_choice: none`.

A turn whose reply somebody corrected (`TrainableTurn.demonstration`) ends with what it should have
been. What cannot be said so makes no row: an image, arguments that are no JSON object.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

import orjson

from capture.exports.compressing import OVER_BUDGET, Compressor
from capture.exports.manifest import Left, Made
from capture.replies import ROLES
from capture.trainable import TrainableTurn

Json = Mapping[str, Any]
"""Somebody else's JSON object: every value is to be narrowed before use."""

KEPT = ("role", "content", "name", "tool_call_id", "reasoning_content")
"""Fields of a message that chat templates know, beside its calls."""


class Unsayable(ValueError):
    """A turn has something that no row can hold; its text is the word for it (`Left.why`)."""


def rows(
    turns: Iterable[TrainableTurn | Left], compressor: Compressor | None = None
) -> Iterator[Made | Left]:
    """A row per turn, or why there is none; what is left out already stays so."""
    return row_by_row(turns, lambda turn: row(turn.request, turn.wanted), compressor)


def row_by_row(
    turns: Iterable[TrainableTurn | Left],
    said: Callable[[TrainableTurn], Json],
    compressor: Compressor | None = None,
) -> Iterator[Made | Left]:
    """A row per turn that can be `said`, which raises Unsayable for one that cannot; compressed,
    where a compressor is given."""
    for turn in turns:
        if isinstance(turn, Left):
            yield turn
            continue
        try:
            yield _made(turn.id, said(turn), compressor)
        except Unsayable as error:
            yield Left(turn.id, str(error))


def _made(id_: str, said: Json, compressor: Compressor | None) -> Made | Left:
    if compressor is None:
        return Made((id_,), as_line(said))
    within, metrics = compressor.row(said)
    if metrics.still_over_limit:
        return Left(id_, OVER_BUDGET)
    return Made((id_,), as_line(within), compressed=metrics)


def row(request: Json, reply: Json) -> dict[str, Any]:
    """A chat request and the reply to it, as mlx-lm reads them. Raises Unsayable."""
    asked = objects(request.get("messages"), "messages")
    tools = objects(request.get("tools") or [], "tools")
    said = message_as_said(reply)
    if not asked or not (said["content"].strip() or said.get("tool_calls")):
        raise Unsayable("messages")
    made: dict[str, Any] = {"messages": [*map(message_as_said, asked), said]}
    if tools and request.get("tool_choice") != "none":
        made["tools"] = tools
    return made


def message_as_said(message: Json) -> dict[str, Any]:
    """One message as the template is to see it. Raises Unsayable; also for a role that nobody
    knows, whose words nobody vets."""
    said = {name: message[name] for name in KEPT if message.get(name) is not None}
    role = said.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise Unsayable("messages")
    if said.get("role") == "developer":
        said["role"] = "system"
    said["content"] = _text(message.get("content"))
    calls = message.get("tool_calls")
    if calls:
        said["tool_calls"] = [_call(call) for call in objects(calls, "arguments")]
    return said


def as_line(value: Json) -> bytes:
    """JSON without needless blanks, keys in the order they came: templates show that order."""
    try:
        return orjson.dumps(value)
    except TypeError:  # half a surrogate pair, or an integer of more than 64 bits
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")


def objects(value: object, why: str) -> list[Json]:
    """A list of JSON objects. Raises Unsayable(why) for anything else."""
    entries = cast("list[object]", value) if isinstance(value, list) else [None]
    if not all(isinstance(entry, dict) for entry in entries):
        raise Unsayable(why)
    return cast("list[Json]", entries)


def arguments_of(value: object) -> Json:
    """A call's arguments as an object, however they are written. Raises Unsayable."""
    if isinstance(value, str):
        try:
            value = json.loads(value or "{}")
        except ValueError:
            raise Unsayable("arguments") from None
    if not isinstance(value, dict):
        raise Unsayable("arguments")
    return cast("Json", value)


def _text(content: object) -> str:
    """Text parts as one string. Raises Unsayable when some part is not text."""
    if content is None or isinstance(content, str):
        return content or ""
    parts = objects(content, "content")
    texts = [part.get("text") for part in parts if part.get("type") == "text"]
    if len(texts) < len(parts) or not all(isinstance(text, str) for text in texts):
        raise Unsayable("content")
    return "".join(cast("list[str]", texts))


def _call(call: Json) -> dict[str, Any]:
    function: object = call.get("function")
    named: Json = cast("Json", function) if isinstance(function, dict) else {}
    if not isinstance(named.get("name"), str):
        raise Unsayable("arguments")
    made = {"name": named["name"], "arguments": arguments_of(named.get("arguments"))}
    about = {"id": call["id"]} if call.get("id") else {}
    return {**about, "type": "function", "function": made}
