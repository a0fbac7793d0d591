"""What a decision sees of one request beside its body and headers: the time of day, and what this
process remembers of its conversation. Looked at only as far as the policy asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.conversation_modes import Answered, ConversationModes, conversation_of
from gateway.dialects.anthropic_parts import plain_text
from gateway.features import features_of
from gateway.upstreams.base import ChatRequest
from routers.escalation import Policy
from routers.features import Features
from routers.latch import Latch, Latest, TakenOn, latched


@dataclass(frozen=True, slots=True)
class Sight:
    """What of it some decision depends on."""

    time: bool = False
    """The time of day."""
    conversations: bool = False
    """Who answered the conversation last."""
    latch: Latch | None = None
    """How long a task stays in BURST; None: it does not. Asks for conversations as well."""
    zone: ZoneInfo | None = None
    """Where it is what time; None: as this machine has it."""

    @classmethod
    def of(cls, policy: Policy, timezone: str | None) -> Sight:
        """What this policy asks."""
        return cls(
            policy.reads_time,
            policy.follows_conversations,
            policy.latch,
            None if timezone is None else ZoneInfo(timezone),
        )


NOTHING = Sight()
_READ = 2_000
"""Characters of a message that the latch reads: a request never waits for a long one."""


def see(
    sight: Sight,
    conversations: ConversationModes,
    request: ChatRequest,
    headers: Mapping[str, str],
    key: str | None,
    session: str | None,
    now: float,
) -> tuple[Features, bytes | None]:
    """The features, and what the conversation is known by; None for that while nothing asks.

    `headers` are lower-case and free of credentials; `session` is its client's word for the
    conversation; `now` are Unix seconds. Nothing is remembered by looking.
    """
    if not (sight.conversations or sight.time):
        return features_of(request, headers, key), None
    conversation = answered = None
    if sight.conversations:
        conversation = conversation_of(request, session, key)
        answered = conversations.get(conversation)
    features = features_of(
        request,
        headers,
        key,
        conversation_mode=None if answered is None else answered.mode,
        minute=minute_of_day(now, sight.zone) if sight.time else None,
        latched=why_latched(sight.latch, answered, request.body["messages"], now),
    )
    return features, conversation


def minute_of_day(now: float, zone: ZoneInfo | None) -> int:
    """The minute of the local day, 0 to 1,439."""
    moment = datetime.fromtimestamp(now, zone)
    return moment.hour * 60 + moment.minute


def why_latched(
    latch: Latch | None, answered: Answered | None, messages: list[Any], now: float
) -> str | None:
    """Why the task of this transcript stays in BURST; None when nothing keeps it there."""
    if latch is None or answered is None or answered.mode != "burst":
        return None
    return latched(latch, TakenOn(now - answered.since, answered.turns), latest_of(messages))


def latest_of(messages: list[Any]) -> Latest:
    """The end of a transcript, as the latch reads it."""
    last = messages[-1]
    n = next((n for n, m in reversed([*enumerate(messages)]) if m["role"] == "assistant"), None)
    if n is None:
        return Latest(_speaker(last["role"]))
    said = [plain_text(m.get("content")) for m in messages[n + 1 :] if m["role"] == "user"]
    turns = [m.get("content") for m in messages[:n] if m["role"] == "user"]
    return Latest(
        _speaker(last["role"]),
        "\n".join(said)[:_READ],
        plain_text(messages[n].get("content"))[:_READ],
        plain_text(turns[-1])[:_READ] if turns else "",
    )


def is_turn(messages: list[Any]) -> bool:
    """It is the user who speaks last, and not a tool."""
    return messages[-1]["role"] == "user"


def _speaker(role: str) -> Any:
    return role if role == "user" else "tool" if role in {"tool", "function"} else "other"
