"""Recorded Messages API requests turned round: the chat request that must lead to each.

`why_not_chat` is the rule for which of them a chat client could not have made; `chat_request`
writes the others in OpenAI's words; `comparable` takes out of a Messages body what is a matter of
spelling.
"""

from __future__ import annotations

import json
from typing import Any

JsonObject = dict[str, Any]

_CHAT_FIELDS = frozenset(
    {
        "model", "max_tokens", "messages", "system", "tools", "tool_choice", "stream",
        "temperature", "stop_sequences", "thinking", "output_config", "cache_control",
        "service_tier", "metadata",
    }
)  # fmt: skip
_CHAT_BLOCKS = frozenset(
    {"text", "image", "tool_use", "tool_result", "thinking", "redacted_thinking", "document"}
)


def why_not_chat(body: JsonObject) -> str | None:
    """Why no chat client could have made this request; None when one could."""
    messages: list[JsonObject | str] = body["messages"]
    if any(isinstance(m, str) or not m.get("content") for m in messages):
        return "malformed on purpose"
    fields = body.keys() - _CHAT_FIELDS
    if fields:
        return f"uses {', '.join(sorted(fields))}"
    reasons = [_why_not_tool(tool) for tool in body.get("tools") or ()]
    for message in messages:
        assert isinstance(message, dict)
        reasons.extend(_why_not_block(block) for block in _blocks(message["content"]))
    return next((reason for reason in reasons if reason), None)


def _why_not_tool(tool: JsonObject) -> str | None:
    if tool.get("type", "custom") != "custom":
        return f"offers Anthropic's own tool {tool['type']}"
    if tool.keys() & {"defer_loading", "allowed_callers", "input_examples"}:
        return "marks a tool in ways only Anthropic knows"
    return None


def _why_not_block(block: JsonObject) -> str | None:
    if block["type"] not in _CHAT_BLOCKS:
        return f"holds a {block['type']} block"
    if block["type"] in ("document", "image"):
        source = block["source"]["type"]
        known = ("base64", "url") if block["type"] == "image" else ("base64",)
        if source not in known or block.get("citations"):
            return f"holds a {block['type']} by {source}"
    return None


def _blocks(content: Any) -> list[JsonObject]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    blocks: list[JsonObject] = []
    for block in content:
        blocks.append(block)
        if block["type"] == "tool_result":
            blocks.extend(b for b in _blocks(block.get("content") or []) if b["type"] != "text")
    return blocks


def chat_request(body: JsonObject) -> JsonObject:
    """The chat request a client would have made instead."""
    messages: list[JsonObject] = []
    if body.get("system"):
        messages.append({"role": "system", "content": _parts(body["system"])})
    for message in body["messages"]:
        messages.extend(_messages(message))
    chat: JsonObject = {"model": "burst", "messages": messages, "max_tokens": body["max_tokens"]}
    for name in ("stream", "temperature", "thinking", "cache_control"):
        if name in body:
            chat[name] = body[name]
    return chat | _account(body) | _tools(body) | _format(body)


def _account(body: JsonObject) -> JsonObject:
    chat: JsonObject = {}
    if body.get("service_tier"):
        chat["service_tier"] = {"standard_only": "default"}.get(body["service_tier"], "auto")
    if body.get("metadata"):
        chat["user"] = body["metadata"]["user_id"]
    if body.get("stop_sequences"):
        chat["stop"] = body["stop_sequences"]
    return chat


def _tools(body: JsonObject) -> JsonObject:
    chat: JsonObject = {}
    if body.get("tools"):
        chat["tools"] = [_tool(tool) for tool in body["tools"]]
    choice: JsonObject = body.get("tool_choice") or {"type": "unsaid"}
    if choice["type"] == "tool":
        chat["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
    elif choice["type"] != "unsaid":
        chat["tool_choice"] = {"any": "required"}.get(choice["type"], choice["type"])
    if choice.get("disable_parallel_tool_use"):
        chat["parallel_tool_calls"] = False
    return chat


def _format(body: JsonObject) -> JsonObject:
    output: JsonObject = body.get("output_config") or {}
    if "format" not in output:
        return {}
    wanted = {"name": "answer", "schema": output["format"]["schema"]}
    return {"response_format": {"type": "json_schema", "json_schema": wanted}}


def _messages(message: JsonObject) -> list[JsonObject]:
    if isinstance(message["content"], str):
        return [{"role": message["role"], "content": message["content"]}]
    results = [b for b in message["content"] if b["type"] == "tool_result"]
    calls = [b for b in message["content"] if b["type"] == "tool_use"]
    words = [b for b in message["content"] if b["type"] in ("text", "image", "document")]
    said: list[JsonObject] = [
        {
            "role": "tool",
            "tool_call_id": result["tool_use_id"],
            "content": _parts(result.get("content") or ""),
        }
        for result in results
    ]
    if words or calls:
        turn: JsonObject = {"role": message["role"], "content": _parts(words) if words else None}
        if calls:
            turn["tool_calls"] = [_call(call) for call in calls]
        said.append(turn)
    return said


def _parts(content: Any) -> Any:
    if isinstance(content, str):
        return content
    return [_part(block) for block in content]


def _part(block: JsonObject) -> JsonObject:
    source: JsonObject = block.get("source") or {}
    data = f"data:{source.get('media_type')};base64,{source.get('data')}"
    if block["type"] == "text":
        part: JsonObject = {"type": "text", "text": block["text"]}
    elif block["type"] == "image":
        url = source["url"] if source["type"] == "url" else data
        part = {"type": "image_url", "image_url": {"url": url}}
    else:
        part = {"type": "file", "file": {"file_data": data}}
    if block.get("cache_control"):
        part["cache_control"] = block["cache_control"]
    return part


def _call(block: JsonObject) -> JsonObject:
    arguments = json.dumps(block["input"], sort_keys=True, separators=(",", ":"))
    return {
        "id": block["id"],
        "type": "function",
        "function": {"name": block["name"], "arguments": arguments},
    }


def _tool(tool: JsonObject) -> JsonObject:
    function: JsonObject = {"name": tool["name"], "parameters": tool["input_schema"]}
    for name in ("description", "strict"):
        if name in tool:
            function[name] = tool[name]
    rendered: JsonObject = {"type": "function", "function": function}
    if tool.get("cache_control"):
        rendered["cache_control"] = tool["cache_control"]
    return rendered


def comparable(body: JsonObject) -> JsonObject:
    """A Messages body without what is only spelling: strings for one text block, adjacent turns of
    one role, defaults said aloud."""
    plain = {k: v for k, v in body.items() if v is not None and k != "model"}
    if plain.get("temperature") == 1:
        del plain["temperature"]
    plain["stream"] = bool(plain.get("stream"))
    if not plain.get("system"):
        plain.pop("system", None)
    else:
        plain["system"] = _as_blocks(plain["system"])
    turns: list[JsonObject] = []
    for message in plain["messages"]:
        blocks = _as_blocks(message["content"])
        if turns and turns[-1]["role"] == message["role"] != "system":
            turns[-1]["content"].extend(blocks)
        else:
            turns.append({"role": message["role"], "content": blocks})
    plain["messages"] = turns
    if "tools" in plain:
        plain["tools"] = [{k: v for k, v in t.items() if k != "type"} for t in plain["tools"]]
    return plain


def _as_blocks(content: Any) -> list[JsonObject]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    blocks: list[JsonObject] = []
    for block in content:
        plain = {k: v for k, v in block.items() if v is not None}
        if plain["type"] == "tool_result":
            plain["content"] = _as_blocks(plain.get("content") or "")
            if plain.get("is_error") is False:
                del plain["is_error"]
        blocks.append(plain)
    return blocks
