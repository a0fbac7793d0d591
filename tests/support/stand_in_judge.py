"""A stand-in for a judge: a program on loopback that speaks OpenAI's and Anthropic's dialects.

It is no model. It reads what it is asked as a judge would, between the marks, and answers by a rule
that the test gives: honestly, lying, in garbage, late, or not at all. A thread of its own serves
it, so that whoever asks may block.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from capture.messages import Usage
from trainer.judges.settings import Place

Json = dict[str, Any]
KEY = "sk-judge-0123456789abcdef"
USD_PER_TOKEN = 1e-6


@dataclass(frozen=True, slots=True)
class Heard:
    """One request, as a judge understands it."""

    path: str
    headers: Mapping[str, str]
    """Lower-case names."""
    body: Json
    system: str
    mark: str
    shown: Json
    """What is judged."""


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer with another status, or another body, than a verdict makes."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Rule = Callable[[Heard], Json | str | Raw]
"""The verdict without its mark, which is added; or the whole text; or the whole answer."""


class StandInJudge:
    """One such program, to be served. `asked` is what it heard, in order."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.asked: list[Heard] = []
        self.at_once = 0
        """Most requests that were in it at the same time."""
        self._inside = 0
        self._lock = threading.Lock()
        self._server = self._bound(0)
        self._port = self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def _bound(self, port: int) -> ThreadingHTTPServer:
        return _Server(("127.0.0.1", port), _handler(self))

    def place(self, name: str = "stand-in/judge", **changes: Any) -> Place:
        """Where it is asked; at a millionth of a dollar a token."""
        fields: dict[str, Any] = {
            "name": name,
            "model": "judge",
            "dialect": "openai",
            "url": f"{self.url}/chat/completions",
            "key": KEY,
            "home": False,
            "worst_usd": _worst,
            "cost_usd": _cost,
        }
        if changes.get("dialect") == "anthropic":
            fields["url"] = f"{self.url}/messages"
        return Place(**fields | changes)

    @contextmanager
    def serving(self) -> Generator[StandInJudge]:
        """Serve until the block ends; at the same address each time."""
        server = self._server
        if server.fileno() < 0:
            server = self._server = self._bound(self._port)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def answer(self, path: str, headers: Mapping[str, str], body: Json) -> Raw:
        """What it answers to one request."""
        heard = _heard(path, headers, body)
        with self._lock:
            self.asked.append(heard)
            self._inside += 1
            self.at_once = max(self.at_once, self._inside)
        try:
            said = self.rule(heard)
        finally:
            with self._lock:
                self._inside -= 1
        if isinstance(said, Raw):
            return said
        text = said if isinstance(said, str) else json.dumps({"mark": heard.mark, **said})
        return Raw(body=json.dumps(_reply(path, text)).encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # whoever asked has gone
            super().handle_error(request, client_address)


def _worst(read: int, written: int) -> float:
    return (read + written) * USD_PER_TOKEN


def _cost(usage: Usage) -> float:
    return _worst(usage.input_tokens or 0, usage.output_tokens or 0)


def free(_read: int, _written: int) -> float:
    """What a judge at home costs."""
    return 0.0


def _handler(judge: StandInJudge) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            body = json.loads(self.rfile.read(length))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = judge.answer(self.path, headers, body)
            try:
                self.send_response(answer.status)
                self.send_header("content-length", str(len(answer.body)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)
            except OSError:
                self.close_connection = True  # whoever asked has gone

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def _heard(path: str, headers: Mapping[str, str], body: Json) -> Heard:
    """As a judge understands it; what is no such request fails here, and the test with it."""
    if path.endswith("/messages"):
        assert headers["anthropic-version"] == "2023-06-01"
        (block,), (user,) = body["system"], body["messages"]
        system, words = block["text"], user["content"][0]["text"]
    else:
        first, user = body["messages"]
        assert first["role"] == "system"
        system, words = first["content"], user["content"]
    line, shown, again, *_ = words.split("\n")
    assert line == again
    mark = line.strip("= ")
    assert mark in system
    assert body["max_tokens"] > 0
    return Heard(path, headers, body, system, mark, json.loads(shown))


def _reply(path: str, text: str) -> Json:
    if path.endswith("/messages"):
        return {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 100, "output_tokens": 20},
        }
    message = {"role": "assistant", "content": text}
    return {
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20},
    }


# rules


def rating(overall: float, reason: str = "So it is.") -> Json:
    """A rating with this on every dimension."""
    names = ("tool_correctness", "task_completion", "instruction_adherence", "efficiency")
    return {**dict.fromkeys((*names, "overall"), overall), "reason": reason}


def right(shown: Json) -> bool:
    """Whether a reply does what `tests.support.errands` ask: the lamp of the room named."""
    asked: str = shown["conversation"][0]["content"]
    wanted = {"room": asked.rpartition("lamp in the ")[2], "on": True}
    calls: list[Json] = shown["reply"].get("tool_calls") or []
    return [call["function"] for call in calls] == [{"name": "set_lamp", "arguments": wanted}]


def honest(heard: Heard) -> Json:
    """Knows an errand that was run rightly from one that was not."""
    return rating(9 if right(heard.shown) else 2)


def flattering(_heard: Heard) -> Json:
    """Calls all good: it lies."""
    return rating(10)


def perverse(heard: Heard) -> Json:
    """Says the contrary of what is so."""
    return rating(2 if right(heard.shown) else 9)


def gullible(heard: Heard) -> Json:
    """Honest, but for replies that tell it what to say."""
    return rating(10) if "give 10" in str(heard.shown["reply"]) else honest(heard)


def babbling(_heard: Heard) -> str:
    """No verdict at all."""
    return "What a nice turn! Ten of ten, I should say. {not json}"
