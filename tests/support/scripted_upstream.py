"""An OpenAI-compatible upstream that answers as a function says, over real HTTP.

The script sees each request's body and returns what the model "says"; this module renders it as
the wire does, streamed or not, and remembers every body it was sent. It runs in a thread of the
test process, on a free loopback port.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Says:
    """One reply of the model: text, or one tool call."""

    text: str = ""
    tool: str | None = None
    """Name of the tool it calls; None: it only talks."""
    arguments: JsonObject = field(default_factory=dict[str, Any])
    call_id: str = "call_scripted_1"


Script = Callable[[JsonObject], Says]


@dataclass(slots=True)
class ScriptedUpstream:
    """What the test holds: where it listens and what it was sent."""

    port: int
    bodies: list[JsonObject] = field(default_factory=list[JsonObject])
    """Chat request bodies in order of arrival."""

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@contextmanager
def scripted_upstream(script: Script, model: str = "scripted-model") -> Generator[ScriptedUpstream]:
    """Serve until the block ends."""
    upstream = ScriptedUpstream(port=0)

    class Handler(_Handler):
        def reply_to(self, body: JsonObject) -> None:
            upstream.bodies.append(body)
            said = script(body)
            if body.get("stream"):
                self.send_stream(_chunks(said, model, include_usage=_wants_usage(body)))
            else:
                self.send_json(_completion(said, model))

        def models(self) -> JsonObject:
            return {"object": "list", "data": [{"id": model, "object": "model", "created": 1}]}

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    upstream.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield upstream
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def use_tool_then_say(tool: str, arguments: JsonObject, final: str) -> Script:
    """Call the tool when it is offered, say `final` once its result is back, else make small talk.

    Agents send side requests (titles, summaries) with no tools; those must not disturb the turn.
    """

    def script(body: JsonObject) -> Says:
        if body["messages"][-1]["role"] == "tool":
            return Says(text=final)
        if any(offered["function"]["name"] == tool for offered in body.get("tools") or ()):
            call_id = f"call_scripted_{len(body['messages'])}"  # an agent drops one it has seen
            return Says(tool=tool, arguments=arguments, call_id=call_id)
        return Says(text="A title")

    return script


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply_to(self, body: JsonObject) -> None:
        raise AssertionError("the server's own handler says how to reply")

    def models(self) -> JsonObject:
        raise AssertionError("the server's own handler says which models there are")

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self.send_json(self.models())
        else:
            self.send_json({"error": {"message": "Not found"}}, status=404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/chat/completions":
            self.reply_to(json.loads(body))
        else:
            self.send_json({"error": {"message": "Not found"}}, status=404)

    def send_json(self, value: JsonObject, status: int = 200) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def send_stream(self, chunks: Iterator[JsonObject]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for chunk in chunks:
            self._send_piece(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self._send_piece(b"data: [DONE]\n\n")
        self._send_piece(b"")

    def _send_piece(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Tests read `bodies`, not the terminal."""


def _wants_usage(body: JsonObject) -> bool:
    options: JsonObject = body.get("stream_options") or {}
    return bool(options.get("include_usage"))


_HEAD = {"id": "chatcmpl-scripted", "created": 1_760_000_000}
_USAGE = {"prompt_tokens": 120, "completion_tokens": 12, "total_tokens": 132}


def _call(said: Says) -> JsonObject:
    function = {"name": said.tool, "arguments": json.dumps(said.arguments)}
    return {"id": said.call_id, "type": "function", "function": function}


def _completion(said: Says, model: str) -> JsonObject:
    message: JsonObject = {"role": "assistant", "content": said.text or None}
    if said.tool is not None:
        message["tool_calls"] = [_call(said)]
    reason = "stop" if said.tool is None else "tool_calls"
    choice = {"index": 0, "message": message, "finish_reason": reason}
    head = {**_HEAD, "object": "chat.completion", "model": model}
    return {**head, "choices": [choice], "usage": _USAGE}


def _chunks(said: Says, model: str, *, include_usage: bool) -> Iterator[JsonObject]:
    """Text goes out word by word; a tool call's arguments in two halves, as models do."""

    def chunk(delta: JsonObject, reason: str | None = None) -> JsonObject:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {**_HEAD, "object": "chat.completion.chunk", "model": model, "choices": [choice]}

    yield chunk({"role": "assistant", "content": ""})
    for word in re.findall(r"\S+\s*", said.text):
        yield chunk({"content": word})
    if said.tool is not None:
        call = _call(said)
        arguments = call["function"]["arguments"]
        half = len(arguments) // 2
        start = {**call, "index": 0, "function": {"name": said.tool, "arguments": ""}}
        yield chunk({"tool_calls": [start]})
        for piece in (arguments[:half], arguments[half:]):
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    yield chunk({}, "stop" if said.tool is None else "tool_calls")
    if include_usage:
        tail: JsonObject = {
            **_HEAD,
            "object": "chat.completion.chunk",
            "model": model,
            "choices": [],
        }
        yield {**tail, "usage": _USAGE}
