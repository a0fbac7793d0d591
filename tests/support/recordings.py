"""Recorded provider traffic, where `MAJORDOMO_RECORDINGS` names its folder.

The recordings are other people's and not part of this repository. Without the variable the tests
that need them skip and say so.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded HTTP interaction."""

    name: str
    """Folder and file name without its ending."""
    request: JsonObject
    """method, path, headers, body; empty where only the response was kept."""
    response: JsonObject
    """status, headers and one of body, sse, events, text."""
    source: str = ""
    """Where it was taken from; turns of one conversation share it."""
    index: int = 0
    """Its place there."""

    @property
    def path(self) -> str:
        """Path of the request, without its query; empty where no request was kept."""
        return str(self.request.get("path") or "").partition("?")[0]

    @property
    def status(self) -> int:
        """Status of the response; fixtures that keep none were taken from successes."""
        return self.response["status"] or 200

    @property
    def streamed(self) -> bool:
        return "sse" in self.response or "events" in self.response

    @property
    def sent(self) -> JsonObject:
        """The request's JSON body; empty where there is none."""
        body = self.request.get("body")
        return body if isinstance(body, dict) else {}  # pyright: ignore[reportUnknownVariableType] -- JSON

    @property
    def sse(self) -> bytes:
        """The streamed body: verbatim where it was kept, else its events written as Claude does."""
        if "sse" in self.response:
            return self.response["sse"].encode()
        return b"".join(
            f"event: {event['type']}\ndata: {json.dumps(event)}   \n\n".encode()
            for event in self.response["events"]
        )

    @property
    def body(self) -> bytes:
        """The JSON body."""
        return json.dumps(self.response["body"], ensure_ascii=False).encode()

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        found: dict[str, Any] = self.response["headers"]
        return tuple((k.lower().encode(), str(v).encode()) for k, v in found.items())


@cache
def recordings(*folders: str) -> tuple[Recording, ...]:
    """All recordings in these folders (`*` is any), by name; none where none are at hand."""
    root = os.environ.get("MAJORDOMO_RECORDINGS")
    if not root:
        return ()
    found: list[Recording] = []
    for folder in folders:
        for file in sorted(Path(root).glob(f"{folder}/*.json")):
            raw = json.loads(file.read_bytes())
            name = str(file.relative_to(root).with_suffix(""))
            where: JsonObject = raw.get("source") or {}
            source = f"{where.get('repo')} {where.get('path')}"
            request: JsonObject = raw.get("request") or {}
            found.append(Recording(name, request, raw["response"], source, where.get("index") or 0))
    return tuple(found)


def skip_without_recordings() -> None:
    """Call at a test module's top: skips all of it where no recordings are at hand."""
    if not os.environ.get("MAJORDOMO_RECORDINGS"):
        pytest.skip("MAJORDOMO_RECORDINGS is not set", allow_module_level=True)
