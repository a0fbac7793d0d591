"""The record's values as plain dicts, field for field, for JSON.

orjson can serialise dataclasses itself but takes five times as long over them (12 us for a decision
with five rules), and this runs before and after every exchange. So each field is written out; a
test holds these dicts to the dataclasses' own fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from capture.exchange import Attempt, Candidate, ExchangeEnd, Reason, RouteDecision, RuleTrace
from capture.messages import ContentPart, Message, ToolCall, Usage
from capture.weighing import plain_weighing

Plain = dict[str, Any]


def plain_decision(decision: RouteDecision) -> Plain:
    """A route decision, all of it."""
    return {
        "candidates": [plain_candidate(each) for each in decision.candidates],
        "reasons": [plain_reason(each) for each in decision.reasons],
        "rules": [plain_rule(each) for each in decision.rules],
        "excluded": [(plain_candidate(c), plain_reason(r)) for c, r in decision.excluded],
        "private": decision.private,
        "alias": decision.alias,
        "config_generation": decision.config_generation,
        "confidence": decision.confidence,
        "propensity": decision.propensity,
        "skill": decision.skill,
        "skill_name": decision.skill_name,
        "checked": [plain_candidate(each) for each in decision.checked],
        "second_opinion": decision.second_opinion,
        "weighs": decision.weighs,
    }


def plain_candidate(candidate: Candidate) -> Plain:
    """A place."""
    return {
        "mode": candidate.mode,
        "upstream": candidate.upstream,
        "model": candidate.model,
    }


def plain_reason(reason: Reason) -> Plain:
    """A reason."""
    return {"code": reason.code, "text": reason.text}


def plain_rule(rule: RuleTrace) -> Plain:
    """What a rule saw."""
    return {"name": rule.name, "outcome": rule.outcome, "saw": rule.saw}


def plain_usage(usage: Usage) -> Plain:
    """Tokens."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def plain_attempt(attempt: Attempt) -> Plain:
    """One attempt, all of it."""
    return {
        "mode": attempt.mode,
        "upstream": attempt.upstream,
        "model": attempt.model,
        "started_at": attempt.started_at,
        "status": attempt.status,
        "http_status": attempt.http_status,
        "error": attempt.error,
        "upstream_request_id": attempt.upstream_request_id,
        "connect_s": attempt.connect_s,
        "first_byte_s": attempt.first_byte_s,
        "total_s": attempt.total_s,
        "usage": None if attempt.usage is None else plain_usage(attempt.usage),
        "cost_usd": attempt.cost_usd,
        "reserve_usd": attempt.reserve_usd,
        "adapter": attempt.adapter,
    }


def plain_end(end: ExchangeEnd) -> Plain:
    """How an exchange ended, all of it."""
    return {
        "status": end.status,
        "http_status": end.http_status,
        "attempts": list(map(plain_attempt, end.attempts)),
        "finish_reason": end.finish_reason,
        "usage": None if end.usage is None else plain_usage(end.usage),
        "cost_usd": end.cost_usd,
        "queue_s": end.queue_s,
        "first_token_s": end.first_token_s,
        "total_s": end.total_s,
        "error": end.error,
        "streamed": end.streamed,
        "delivered_bytes": end.delivered_bytes,
        "notes": end.notes,
        "weighing": None if end.weighing is None else plain_weighing(end.weighing),
    }


def plain_message(message: Message) -> Plain:
    """One message; what it has none of is left out."""
    plain: Plain = {"role": message.role}
    if message.content:
        plain["content"] = [_plain_part(part) for part in message.content]
    if message.tool_calls:
        plain["tool_calls"] = [
            {"id": call.id, "name": call.name, "arguments": call.arguments}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        plain["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        plain["name"] = message.name
    return plain


def message_of(plain: Mapping[str, Any]) -> Message:
    """The message that `plain_message` wrote."""
    return Message(
        role=plain["role"],
        content=tuple(
            [
                ContentPart(part["kind"], part.get("text"), part.get("data"))
                for part in plain.get("content", ())
            ]
        ),
        tool_calls=tuple(
            [
                ToolCall(call["id"], call["name"], call["arguments"])
                for call in plain.get("tool_calls", ())
            ]
        ),
        tool_call_id=plain.get("tool_call_id"),
        name=plain.get("name"),
    )


def _plain_part(part: ContentPart) -> Plain:
    if part.data is None:
        return {"kind": part.kind, "text": part.text}
    if part.text is None:
        return {"kind": part.kind, "data": part.data}
    return {"kind": part.kind, "text": part.text, "data": part.data}
