"""Asking the gateway that serves a home, from another process on the same machine.

ClientTrouble
├── NotRunning   nobody serves this home
└── Refused      it answered with an error; carries the status and its own words
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import orjson

from gateway.home import Home
from gateway.own_key import own_key

if TYPE_CHECKING:
    import httpx2

SECONDS = 10.0
KEY_SECONDS = 2.5
"""A gateway takes up a new key within a second or so."""


class ClientTrouble(Exception):
    """The gateway could not be asked. Says why, for people."""


class NotRunning(ClientTrouble):
    """Nobody serves this home."""


class Refused(ClientTrouble):
    """The gateway answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Running:
    """Who serves a home, by its own word in HOME/run/gateway.json."""

    pid: int
    base_url: str
    """Without `/v1`."""
    started_at: float
    """Unix seconds."""


def running(home: Home) -> Running | None:
    """Who serves `home` now; None when nobody does. A file left behind by a process that is gone
    counts as nobody."""
    try:
        value: object = orjson.loads(home.running.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    if not isinstance(value, dict):
        return None
    said = cast("Mapping[str, Any]", value)
    pid, base_url, started_at = said.get("pid"), said.get("base_url"), said.get("started_at")
    if not isinstance(pid, int) or not isinstance(base_url, str) or not _alive(pid):
        return None
    return Running(pid, base_url, float(started_at) if isinstance(started_at, int | float) else 0.0)


def ask(home: Home, path: str, method: str = "GET", seconds: float = SECONDS) -> Mapping[str, Any]:
    """The JSON object that the gateway of `home` answers at `path`, within `seconds`. Raises
    ClientTrouble."""
    return _request(home, method, path, None, seconds)


def tell(
    home: Home,
    path: str,
    body: Mapping[str, Any],
    *,
    headers: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
) -> Mapping[str, Any]:
    """The JSON object that it answers when told `body`. Raises ClientTrouble."""
    return _request(home, "POST", path, orjson.dumps(body), seconds, headers or {})


def _request(
    home: Home,
    method: str,
    path: str,
    body: bytes | None,
    seconds: float,
    more: Mapping[str, str] | None = None,
) -> Mapping[str, Any]:
    """One request to who serves `home`, with a key where there are keys."""
    import httpx2

    who = running(home)
    if who is None:
        raise NotRunning(f"Majordomo is not running for {home.root}")
    key = own_key(home)
    headers = {**(more or {}), **({} if key is None else {"authorization": f"Bearer {key}"})}
    deadline = time.monotonic() + KEY_SECONDS
    with httpx2.Client(
        base_url=who.base_url, trust_env=False, timeout=seconds, headers=headers
    ) as client:
        while True:
            try:
                reply = client.request(method, path, content=body)
            except httpx2.HTTPError as error:
                raise NotRunning(
                    f"process {who.pid} should serve {home.root} at {who.base_url}, but does not "
                    f"answer ({type(error).__name__})"
                ) from error
            if reply.status_code != 401 or time.monotonic() > deadline:
                return _object(reply)
            time.sleep(0.2)  # it has not read the new key yet


def error_message(data: bytes) -> str:
    """What an error body says; its beginning when it is not one of ours."""
    try:
        value: object = orjson.loads(data)
    except orjson.JSONDecodeError:
        return data[:300].decode("utf-8", "replace")
    error: object = (
        cast("Mapping[str, Any]", value).get("error") if isinstance(value, dict) else None
    )
    message: object = (
        cast("Mapping[str, Any]", error).get("message") if isinstance(error, dict) else None
    )
    return str(message or cast("object", value))[:2000]


def _object(reply: httpx2.Response) -> Mapping[str, Any]:
    if reply.status_code not in (200, 201):
        raise Refused(reply.status_code, error_message(reply.content))
    try:
        value: object = orjson.loads(reply.content)
    except orjson.JSONDecodeError as error:
        raise Refused(reply.status_code, "it answered with something that is not JSON") from error
    if not isinstance(value, dict):
        raise Refused(reply.status_code, "it answered with something that is no object")
    return cast("Mapping[str, Any]", value)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
