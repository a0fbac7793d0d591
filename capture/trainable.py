"""One exchange as something to learn from: what was asked, what was answered, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from capture.exchange import Mode
from capture.holds import Hold
from capture.messages import Message
from capture.outcomes import OutcomeName

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TrainableTurn:
    """An exchange that ended whole, with a reply. Whether it should train is for others to say."""

    id: str
    """Of the exchange."""
    conversation: str
    """Id of its conversation's first exchange."""
    began_at: float
    """Unix seconds."""
    private: bool
    """Never leaves home; training at home is home."""
    skill: str | None
    """None when nothing about the request said."""
    mode: Mode
    upstream: str
    model: str
    adapter: str | None
    """None for the base alone, and for weights that are not ours."""
    outcome: OutcomeName
    """`unknown` also while nothing has been seen that says."""
    confidence: float
    """Of the outcome, 0 to 1."""
    corrected: bool
    """The user said that this reply was wrong."""
    request: Json
    """The body as the client sent it: `messages`, `tools` and all else; redacted."""
    reply: Json
    """The answer as one assistant message in OpenAI's chat dialect; redacted."""
    demonstration: str | None = None
    """Text of the reply that it should have been, as people said since, redacted; None when nobody
    did."""
    evidence: tuple[str, ...] = ()
    """What the outcome rests on: codes of `capture.outcomes`, in the order they came."""
    cloud: bool = False
    """A cloud model wrote the reply."""
    held: tuple[Hold, ...] = ()
    """Why it does not train; empty when it may."""
    approved: bool = False
    """Somebody who is trusted said that it may train, or that it was good."""
    history: tuple[Hold, ...] = ()
    """Why earlier replies in its request may not be learned, each reason once: who gave them is not
    us (`invented`), they are held, or nobody called them good (`unapproved`)."""

    @property
    def wanted(self) -> Json:
        """The reply to learn: the one that should have been given where somebody said so, else the
        one that was."""
        if self.demonstration is None:
            return self.reply
        return {"role": "assistant", "content": self.demonstration}


def assistant_message(reply: Message) -> Json:
    """A reply as an assistant message in OpenAI's chat dialect; a call's arguments stay the text
    the model wrote."""
    thinking = "".join(part.text or "" for part in reply.content if part.kind == "thinking")
    refusal = "".join(part.text or "" for part in reply.content if part.kind == "refusal")
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
    if thinking:
        message["reasoning_content"] = thinking
    if refusal:
        message["refusal"] = refusal
    if reply.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in reply.tool_calls
        ]
    return message
