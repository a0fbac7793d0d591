"""What a request is for when it is no turn of a conversation: what agents ask models on the side.

    title      name a conversation               summary   compact one
    vision     describe an image for a model     approval  may this call run?
    judge      was the goal achieved?            review    look back over the conversation so far
    subagent   a task that an agent delegated    side      any other

They come to the same address with the same key. Agents word them always alike, and these are their
words: of Hermes Agent 0.19 (its `metadata.hermes_task` says it outright), opencode and Open WebUI.
One that is not recognised is a turn like any other. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Purpose = Literal["title", "summary", "vision", "approval", "judge", "review", "subagent", "side"]

LABELS: Mapping[str, Purpose] = {
    "title_generation": "title",
    "compression": "summary",
    "goal_judge": "judge",
    "background_review": "review",
    "kanban_decomposer": "side",
    "triage_specifier": "side",
    "profile_describer": "side",
    "memory_query_rewrite": "side",
    "tts_audio_tags": "side",
    "web_extract": "side",
}
"""What Hermes Agent calls its side calls where it is told to (`extra_body.metadata.hermes_task`);
the gateway has it as the request's skill. Only names that nobody gives to a skill of their own."""

_SYSTEM_OPENINGS: tuple[tuple[str, Purpose], ...] = (
    ("Generate a short, descriptive title", "title"),
    ("You are a title generator", "title"),
    ("You are a strict judge evaluating whether an autonomous agent has achieved", "judge"),
    ("You are running as Hermes' background skill CURATOR", "side"),
)
_USER_OPENINGS: tuple[tuple[str, Purpose], ...] = (
    ("You are a summarization agent creating a context checkpoint", "summary"),
    ("Provide a detailed prompt for continuing our conversation above", "summary"),
    ("Review the conversation above and ", "review"),
    ("Describe everything visible in this image in thorough detail", "vision"),
    ("### Task:\nGenerate a concise, 3-5 word title", "title"),
    ("### Task:\n", "side"),
    ("You are running as Hermes' background skill CURATOR", "side"),
)
_ANY_OPENING = tuple(opening for opening, _ in (*_SYSTEM_OPENINGS, *_USER_OPENINGS))
_APPROVAL = "Respond with exactly one word: APPROVE, DENY, or ESCALATE"
_SUBAGENT = "You are a focused subagent working on a specific delegated task."


def told_by_system(text: str) -> Purpose | None:
    """What a system message says its conversation is for."""
    if _SUBAGENT in text:
        return "subagent"
    return _approval(text) or _opening(text, _SYSTEM_OPENINGS)


def told_by_user(text: str) -> Purpose | None:
    """What a user message says its request is for."""
    return _approval(text) or _opening(text, _USER_OPENINGS)


def _approval(text: str) -> Purpose | None:
    return "approval" if _APPROVAL in text else None


def _opening(text: str, openings: tuple[tuple[str, Purpose], ...]) -> Purpose | None:
    text = text.lstrip()
    if not text.startswith(_ANY_OPENING):  # nearly always, and asked of every message
        return None
    return next((purpose for opening, purpose in openings if text.startswith(opening)), None)
