"""How to tell the signs of life in a stream, and how one ended."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support import fake_scripts as fake
from tests.support.raw_client import event_data


def is_comment(raw: bytes) -> bool:
    return raw.startswith(b":")


def is_empty_delta(raw: bytes) -> bool:
    """A chunk that says nothing, but that every client counts as a sign of life."""
    data = event_data(raw)
    if data is None or not data.get("choices"):
        return False
    choice = data["choices"][0]
    return choice["delta"] in ({}, {"content": ""}) and choice.get("finish_reason") is None


def is_heartbeat(raw: bytes) -> bool:
    return is_comment(raw) or is_empty_delta(raw)


def error_in(events: Sequence[bytes]) -> dict[str, object]:
    """The error the stream ended with; fails where it ended any other way."""
    assert fake.DONE not in events, "an error was followed by [DONE]"
    found = event_data(events[-1])
    assert found is not None, events[-1]
    assert "error" in found, events[-1]
    return found["error"]
