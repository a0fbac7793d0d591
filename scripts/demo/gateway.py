"""Majordomo as real processes: its gateway, its nights and its figures, as a user starts them.

Everything goes through the command line and HTTP; nothing of Majordomo is imported. The calendar is
moved by MAJORDOMO_CLOCK_OFFSET, so that every week of the demo is a week in the records.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import httpx2
import openai

from scripts.demo.household import Reply
from scripts.demo.skills import Json

COMMAND = str(Path(sys.executable).with_name("majordomo"))
KEY = "STAND_IN_KEY"
"""The environment variable that holds the stand-in's key; any text serves."""
UPSTREAM = "stand-in"
PRICED_AS = "claude-sonnet-4-5"
"""The model that the stand-in is asked for, so that its tokens have Claude's list price."""
HOME_AT = 0.6
"""The posterior from which on home answers: lower than the product's default, since this household
has a few dozen requests of a skill in a week and means to use home early."""
WEEK_SECONDS = 7 * 24 * 3600
START_SECONDS = 90.0


def settings(stand_in: str, trainer: Json) -> Json:
    """What goes into majordomo.yaml (JSON is YAML)."""
    return {
        "version": 1,
        "upstreams": {
            "house": {"kind": "house"},
            UPSTREAM: {
                "kind": "anthropic",
                "base_url": stand_in,
                "api_key_env": KEY,
                "local": False,
                "free": False,
            },
        },
        "modes": {
            "resting": {"upstream": "house", "model": "house"},
            "burst": {"upstream": UPSTREAM, "model": PRICED_AS},
        },
        "escalation": {"default": "learned", "history": {"home_at": HOME_AT}},
        "trainer": trainer,
    }


@dataclass(frozen=True)
class Home:
    """A MAJORDOMO_HOME and the week it is in."""

    path: Path
    offset: float = 0.0
    """Seconds that the calendar is moved by; negative is the past."""

    def environment(self) -> dict[str, str]:
        """Nothing of the user's own settings or keys."""
        kept = ("PATH", "LANG", "TERM", "TZ", "COLUMNS")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "HOME": str(self.path),
            "MAJORDOMO_HOME": str(self.path),
            "MAJORDOMO_CLOCK_OFFSET": str(self.offset),
            KEY: "stand-in",
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`majordomo ARGUMENTS`, waited for."""
        return subprocess.run(
            [COMMAND, *arguments],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def weekly(self) -> Json | None:
        """The latest week's figures, as the product counts them."""
        weeks = cast("list[Json]", self.read("weekly").get("weeks") or [])
        return weeks[-1] if weeks else None

    def read(self, *arguments: str) -> Json:
        """What `majordomo ARGUMENTS --json` prints. Raises SystemExit when it fails."""
        done = self.run(*arguments, "--json")
        if done.returncode != 0:
            command = " ".join(("majordomo", *arguments))
            raise SystemExit(f"{command} failed:\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout)


@dataclass(frozen=True)
class Gateway:
    """A running gateway."""

    url: str
    """`http://127.0.0.1:PORT`."""
    process: subprocess.Popen[bytes]

    def status(self) -> Json:
        """`/v1/status`."""
        found: Json = httpx2.get(f"{self.url}/v1/status", timeout=10).json()
        return found

    def adapter(self) -> str | None:
        """The adapter that the house model answers with."""
        house: Json = self.status().get("house") or Json()
        return house.get("adapter")


@contextmanager
def serving(home: Home, port: int = 0) -> Generator[Gateway]:
    """`majordomo serve`, until it and its house model answer."""
    with (home.path / "output").open("ab") as output:
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", str(port)],
            env=home.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield Gateway(_until_ready(home, process), process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_ready(home: Home, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            running = json.loads((home.path / "run" / "gateway.json").read_text())
            url: str = running["base_url"]
            if running["pid"] == process.pid and _ready(url):
                return url
        except (OSError, httpx2.TransportError):
            pass  # not yet
        time.sleep(0.1)
    raise SystemExit(f"the gateway did not start:\n{(home.path / 'output').read_text()}")


def _ready(url: str) -> bool:
    return httpx2.get(f"{url}/readyz", timeout=5).status_code == 200


class Agent:
    """Asks the gateway for streamed chat completions with the `openai` SDK."""

    def __init__(self, gateway: Gateway) -> None:
        self._client = openai.OpenAI(
            base_url=f"{gateway.url}/v1", api_key="none needed on loopback", max_retries=0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, messages: list[Json], tools: list[Json]) -> Reply:
        """One reply, put together from its stream."""
        raw = self._client.chat.completions.with_raw_response.create(
            model="auto", messages=cast("Any", messages), tools=cast("Any", tools), stream=True
        )
        text = ""
        calls: dict[int, Json] = {}
        for chunk in raw.parse():
            for choice in chunk.choices:
                text += choice.delta.content or ""
                for piece in choice.delta.tool_calls or ():
                    _add(calls, piece)
        message: Json = {"role": "assistant", "content": text or None}
        if calls:
            message["tool_calls"] = list(calls.values())
        return Reply(
            message,
            raw.headers.get("x-majordomo-mode") or "",
            raw.headers.get("x-majordomo-adapter"),
        )


def _add(calls: dict[int, Json], piece: Any) -> None:
    """Put a piece of a streamed tool call where it belongs."""
    call = calls.setdefault(
        piece.index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
    )
    call["id"] = call["id"] or piece.id or ""
    if piece.function is not None:
        call["function"]["name"] += piece.function.name or ""
        call["function"]["arguments"] += piece.function.arguments or ""


class Training:
    """`majordomo train now` under way in the background."""

    def __init__(self, home: Home) -> None:
        self._process = subprocess.Popen(
            [COMMAND, "train", "now", "--json"],
            env=home.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._said: tuple[str, str] = ("", "")
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()

    def _wait(self) -> None:
        self._said = self._process.communicate()

    def over(self, within: float) -> bool:
        """Whether it has ended, waited for that long."""
        self._thread.join(within)
        return not self._thread.is_alive()

    def result(self) -> Json:
        """What it printed. Raises SystemExit when it failed."""
        self._thread.join()
        if self._process.returncode != 0:
            raise SystemExit("majordomo train now failed:\n" + "".join(self._said))
        return json.loads(self._said[0])
