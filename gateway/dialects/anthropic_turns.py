"""A chat history as Claude's turns.

The Messages API wants user and assistant turns that alternate, every tool call answered in the
very next turn, results before words, and no blank text; OpenAI histories promise none of that:

- adjacent messages of one side become one turn;
- all results of a turn's calls come first in the next user turn, in the order of the calls; a call
  that was never answered gets an error result that says so, and a result without its call becomes
  text, so that an agent whose history was cut goes on;
- leading system messages go to `system`; later ones follow the user turn they stand in where the
  model takes them there, and join `system` where it does not;
- an assistant turn that the gateway remembers goes back as Claude wrote it (`anthropic_memory`).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from gateway.dialects.anthropic_memory import Prefix, is_thinking
from gateway.dialects.anthropic_parts import content_blocks, plain_text
from gateway.dialects.anthropic_tools import safe_tool_name
from gateway.dialects.values import Json, Notes, json_array, json_object, json_string
from gateway.errors import ClientError

Recall = Callable[[bytes, Sequence[Json]], list[Json] | None]
"""(digest of what came before, the client's blocks) -> the turn as it is remembered."""

_SYSTEM = frozenset({"system", "developer"})
_ROLES = _SYSTEM | {"user", "assistant", "tool", "function"}
_SAFE_ID = re.compile(r"[a-zA-Z0-9_-]+\Z")
_NOTHING = "(no content)"
_GO_ON = "Continue exactly where the last message stops."


@dataclass(slots=True)
class Group:
    """Adjacent messages of one side: what becomes one turn."""

    side: Literal["user", "assistant"]
    messages: list[Json] = field(default_factory=list[Json])


@dataclass(frozen=True, slots=True)
class History:
    """A client's messages, sorted but not yet said in Claude's words."""

    system: list[Json]
    """Blocks for the top-level `system`."""
    groups: list[Group]
    """Sides alternate; the first is the user's."""

    @property
    def ends_with_words_of_claude(self) -> bool:
        """The last turn is the assistant's, for the model to continue."""
        last = self.groups[-1]
        return last.side == "assistant" and not _calls(last.messages[-1])


def read_history(messages: object, *, inline_system: bool, notes: Notes) -> History:
    """Sort a request's `messages`. Raises ClientError when there is nothing to answer."""
    system: list[Json] = []
    groups: list[Group] = []
    for item in json_array(messages):
        message = json_object(item)
        role = message.get("role")
        if role not in _ROLES:
            raise ClientError(
                "each message needs a role: system, developer, user, assistant or tool",
                param="messages",
            )
        if role in _SYSTEM and (not groups or not inline_system):
            if groups:
                notes.add("a system message between the turns was moved to the system prompt")
            system.extend(content_blocks(message.get("content"), notes, media=False))
        elif role == "assistant" and _is_blank(message):
            notes.add("an assistant message without content was left out")
        else:
            _append(groups, "assistant" if role == "assistant" else "user", message)
    if not groups and system:
        notes.add("the system message was sent as the user's, since there is no other")
        groups.append(Group("user", [{"role": "user", "content": [system.pop()]}]))
    if not groups:
        raise ClientError("`messages` is empty; send at least one message", param="messages")
    if groups[0].side == "assistant":
        notes.add("the conversation began with the assistant; an empty user turn was put before it")
        groups.insert(0, Group("user"))
    return History(system, groups)


def _append(groups: list[Group], side: Literal["user", "assistant"], message: Json) -> None:
    if not groups or groups[-1].side != side:
        groups.append(Group(side))
    groups[-1].messages.append(message)


def _calls(message: Json) -> list[Json]:
    return [json_object(call) for call in json_array(message.get("tool_calls"))]


def _is_blank(message: Json) -> bool:
    said = plain_text(message.get("content")) or json_string(message.get("refusal"))
    return not said.strip() and not _calls(message)


@dataclass(slots=True)
class _Call:
    client_id: str
    """As the client wrote it; the join key to its result."""
    id: str
    """As it is sent: unique, and only of characters that Claude allows."""


class TurnWriter:
    """Says one history as turns. Used once; `messages` and `prefix` hold what it said."""

    def __init__(
        self, prefix: Prefix, recall: Recall, tool_names: Mapping[str, str], notes: Notes
    ) -> None:
        self.prefix = prefix
        self.messages: list[bytes] = []
        """Each message as JSON, in order."""
        self.loop_lacks_thinking = False
        """The tool calls now being answered began without thinking."""
        self._recall = recall
        self._tool_names = tool_names
        self._notes = notes
        self._ids: set[str] = set()
        self._calls: list[_Call] = []
        self._opens_loop = True

    def write(self, groups: Sequence[Group], *, prefill: bool) -> None:
        """Say all of it. Without `prefill`, a last turn of Claude's is followed by a user's."""
        for group in groups:
            if group.side == "user":
                self._user(group)
            else:
                last = group is groups[-1]
                self._assistant(group, trim=last and prefill)
        if groups[-1].side == "user":
            return
        if self._calls:
            self._user(Group("user"))
        elif not prefill:
            self._notes.add("the last message is the assistant's; a user turn asks it to continue")
            self._user(Group("user", [{"role": "user", "content": _GO_ON}]))

    def _emit(self, role: str, blocks: list[Json]) -> None:
        self.messages.append(self.prefix.add({"role": role, "content": blocks}))

    def _assistant(self, group: Group, *, trim: bool) -> None:
        digest = self.prefix.digest()
        blocks: list[Json] = []
        for message in group.messages:
            said = self._said(message)
            blocks.extend(self._recall(digest, said) or said)
        if trim and blocks[-1]["type"] == "text":
            blocks[-1] = {**blocks[-1], "text": blocks[-1]["text"].rstrip()}
        if self._opens_loop:
            self.loop_lacks_thinking = bool(self._calls) and not is_thinking(blocks[0])
            self._opens_loop = False
        self._emit("assistant", blocks)

    def _said(self, message: Json) -> list[Json]:
        """One assistant message in Claude's blocks, as the client tells it."""
        blocks = content_blocks(message.get("content"), self._notes, media=False)
        refusal = json_string(message.get("refusal"))
        if refusal.strip() and not blocks:
            blocks.append({"type": "text", "text": refusal})
        for call in _calls(message):
            blocks.append(self._tool_use(call))
        return blocks

    def _tool_use(self, call: Json) -> Json:
        function = json_object(call.get("function"))
        name = json_string(function.get("name"))
        client_id = json_string(call.get("id"))
        known = _Call(client_id, self._unique(client_id))
        self._calls.append(known)
        return {
            "type": "tool_use",
            "id": known.id,
            "name": safe_tool_name(name, self._tool_names),
            "input": self._arguments(function.get("arguments")),
        }

    def _unique(self, client_id: str) -> str:
        """An id for Claude, made from the client's so that no two become one."""
        base = client_id
        if not _SAFE_ID.match(base):
            base = "mj_" + urlsafe_b64encode(client_id.encode()).rstrip(b"=").decode()
        unique, copies = base, 1
        while unique in self._ids:
            copies += 1
            unique = f"{base}_{copies}"
        self._ids.add(unique)
        return unique

    def _arguments(self, arguments: object) -> Json:
        if isinstance(arguments, dict):
            return json_object(arguments)  # pyright: ignore[reportUnknownArgumentType] -- any JSON
        text = json_string(arguments)
        if not text.strip():
            return {}
        try:
            value: object = orjson.loads(text)
        except orjson.JSONDecodeError:
            self._notes.add("tool arguments that are not JSON were sent as text")
            return {"invalid_json": text}
        if isinstance(value, dict):
            return json_object(value)  # pyright: ignore[reportUnknownArgumentType] -- any JSON
        self._notes.add("tool arguments that are not a JSON object were wrapped in one")
        return {"value": value}

    def _user(self, group: Group) -> None:
        results: dict[int, Json] = {}
        words: list[Json] = []
        system: list[Json] = []
        for message in group.messages:
            role = message["role"]
            if role in _SYSTEM:
                system.extend(content_blocks(message.get("content"), self._notes, media=False))
            elif role == "user":
                words.extend(content_blocks(message.get("content"), self._notes))
            else:
                self._result(message, results, words)
        for index, call in enumerate(self._calls):
            if index not in results:
                self._notes.add("a tool call without a result was answered with an error result")
                results[index] = _unanswered(call.id)
        blocks = [*(results[i] for i in range(len(self._calls))), *words]
        if not results:
            self._opens_loop, self.loop_lacks_thinking = True, False
        if not blocks:
            self._notes.add("a user turn without content was sent as a placeholder")
        self._emit("user", blocks or [{"type": "text", "text": _NOTHING}])
        if system:
            self._emit("system", system)
        self._calls = []

    def _result(self, message: Json, results: dict[int, Json], words: list[Json]) -> None:
        """File a tool message under its call; one without a call becomes text."""
        wanted = json_string(message.get("tool_call_id"))
        content = message.get("content")
        for index, call in enumerate(self._calls):
            if index not in results and (call.client_id == wanted or not wanted):
                results[index] = self._tool_result(call.id, message)
                return
        self._notes.add("a tool result without its call was sent as text")
        name = json_string(message.get("name")) or wanted or "unknown"
        words.append({"type": "text", "text": f"[Result of an earlier tool call, {name}]"})
        words.extend(content_blocks(content, self._notes))

    def _tool_result(self, call_id: str, message: Json) -> Json:
        content = message.get("content")
        result: Json = {"type": "tool_result", "tool_use_id": call_id}
        blocks = content_blocks(content, self._notes)
        if blocks and isinstance(content, str):
            result["content"] = content
        elif blocks:
            result["content"] = blocks
        marker = json_object(message.get("cache_control"))
        if marker:
            result["cache_control"] = marker
        return result


def _unanswered(call_id: str) -> dict[str, Any]:
    return {
        "type": "tool_result",
        "tool_use_id": call_id,
        "content": "No result: the call was not run, or its result was lost.",
        "is_error": True,
    }
