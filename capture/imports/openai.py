"""Training files of OpenAI's chat fine-tuning: a conversation per line.

    {"messages": [{"role": ..., "content": ..., "weight": 1}, ...], "tools": [...]}

Every reply becomes an exchange but those of weight 0, as OpenAI trains them. What `majordomo
export` writes as `chat` and `openai` is read, too. Preference files are told and left out: nobody
gave those replies. There are no times and no models in such a file.
"""

from __future__ import annotations

from capture.imports.bodies import openai_messages, openai_tools
from capture.imports.conversation import Conversation, Turn, Unreadable
from capture.imports.reading import Read
from capture.narrowing import Json, list_of, object_of, text_of


def looks_like(value: Json) -> bool:
    """Whether a value is a row of such a file."""
    messages = list_of(value.get("messages"))
    first = object_of(messages[0]) if messages else None
    named = first is not None and isinstance(first.get("role"), str)
    return (named and "response" not in value) or _is_preference(value)


def parse(read: Read) -> Conversation:
    """One row. Raises Unreadable."""
    row = object_of(read.value) or {}
    if _is_preference(row):
        raise Unreadable("it is a preference, which nobody replied")
    entries = list_of(row.get("messages"))
    messages = openai_messages(entries)
    if not any(message.role == "assistant" for message in messages):
        raise Unreadable("it has no reply")
    turns = tuple(
        Turn(message, taken=(object_of(entry) or {}).get("weight") != 0)
        for message, entry in zip(messages, entries, strict=True)
    )
    model = text_of(row.get("model"))
    return Conversation(turns, read.line, None, model, tuple(openai_tools(row)))


def _is_preference(row: Json) -> bool:
    return "preferred_output" in row and "input" in row
