"""Rows for process reward models: a conversation's replies as steps, each with what came of it.

    {"prompt": ..., "completions": [...], "labels": [true, false, ...],
     "steps": [{"exchange": ..., "reward": 1, "confidence": 0.9, "evidence": ["tool_ok"]}, ...]}

The first three columns are stepwise supervision as TRL names it: texts and booleans. A label speaks
of the reply that its completion ends with, given all before it. `labels` can say but two things, so
a reply whose outcome is unknown is no step there: it is a part of the text that leads to the next
one. `steps` has every reply of ours, `reward` 1 for success, -1 for failure, null for unknown.

Text is ChatML, with tool calls and thinking as Hermes writes them. A trainer joins completions with
a line end, which is ChatML's own. A conversation is as its last turn tells it; one of which nothing
is known makes no row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from capture.exports.chat import Json, Unsayable, as_line, message_as_said
from capture.exports.gather import Conversation, Reply, conversations
from capture.exports.manifest import Left, Made
from capture.outcomes import OutcomeName
from capture.trainable import TrainableTurn

REWARDS: Mapping[OutcomeName, int | None] = {"success": 1, "failure": -1, "unknown": None}
"""What an outcome is worth."""


def rows(turns: Iterable[TrainableTurn | Left]) -> Iterator[Made | Left]:
    """A row per conversation, by the id of its first exchange."""
    for conversation in conversations(turns):
        yield conversation if isinstance(conversation, Left) else _made(conversation)


def text(message: Json) -> str:
    """One message in ChatML. Raises Unsayable."""
    said = message_as_said(message)
    thinking = said.get("reasoning_content")
    parts = [f"<think>\n{thinking}\n</think>"] if thinking else []
    parts += [said["content"]] if said["content"] else []
    for call in said.get("tool_calls", ()):
        parts.append(f"<tool_call>\n{as_line(call['function']).decode()}\n</tool_call>")
    return f"<|im_start|>{said.get('role')}\n" + "\n".join(parts) + "<|im_end|>"


def _made(conversation: Conversation) -> Made | Left:
    try:
        row = _row(conversation)
    except Unsayable as error:
        return Left(conversation.exchanges[-1], str(error))
    labelled = [reply.exchange for reply in conversation.replies.values() if _reward(reply)]
    return Made(tuple(labelled), as_line(row))


def _row(conversation: Conversation) -> dict[str, Any]:
    """Raises Unsayable."""
    prompt = ""
    completions: list[str] = []
    labels: list[bool] = []
    waiting: list[str] = []
    for number, message in enumerate(conversation.messages):
        reply = conversation.replies.get(number)
        reward = None if reply is None else _reward(reply)
        if reward is None:
            waiting.append(text(message))
            continue
        if not labels:
            prompt, waiting = "\n".join(waiting), []
        completions.append("\n".join([*waiting, text(message)]))
        labels.append(reward > 0)
        waiting = []
    if not labels:
        raise Unsayable("unknown")
    return {
        "prompt": prompt + "\n",
        "completions": completions,
        "labels": labels,
        "steps": [_step(reply) for reply in conversation.replies.values()],
    }


def _step(reply: Reply) -> dict[str, Any]:
    return {
        "exchange": reply.exchange,
        "reward": _reward(reply),
        "confidence": reply.confidence,
        "evidence": reply.evidence,
    }


def _reward(reply: Reply) -> int | None:
    return REWARDS[reply.outcome]
