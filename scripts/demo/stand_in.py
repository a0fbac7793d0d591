"""The stand-in for Claude: Anthropic's Messages API on loopback, answering by rule.

It is no model. It knows the household's skills (`skills.understand`), so it gives the right tool
call for any phrasing of them, and a closing text after a tool's result; a small stated share of its
calls is wrong on purpose, chosen by a hash, as hired help errs now and then. It speaks the real
wire (streamed and not), asks for a key, and counts tokens by the length of texts. Whatever it is
called for, it is called a stand-in.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from scripts.demo import skills

Json = dict[str, Any]

WRONG = 0.02
"""Share of its tool calls that are wrong on purpose."""
CHARACTERS_PER_TOKEN = 4
NOT_KNOWN = "I am the demo's stand-in for Claude, and know the household's skills only."


@contextmanager
def serving(wrong: float = WRONG, seconds: float = 0.0) -> Generator[str]:
    """Serve on a free port of loopback; its base URL. `seconds`: what it takes to answer."""

    class Handler(_Handler):
        wrong_share = wrong
        delay = seconds

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def answer(body: Json, wrong: float) -> Json:
    """The message it says to a Messages API request."""
    content = _content(body, wrong)
    uses_tools = any(block["type"] == "tool_use" for block in content)
    asked = len(json.dumps([body.get("system"), body.get("tools"), body["messages"]]))
    digest = hashlib.sha256(json.dumps(body["messages"]).encode()).hexdigest()
    return {
        "id": f"msg_standin_{digest[:16]}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": "tool_use" if uses_tools else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": asked // CHARACTERS_PER_TOKEN + 1,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": len(json.dumps(content)) // CHARACTERS_PER_TOKEN + 1,
        },
    }


def _content(body: Json, wrong: float) -> list[Json]:
    last = body["messages"][-1]
    result = _tool_result(last)
    if result is not None:
        return [_text(skills.closing(result))]
    said = _said(last)
    if skills.is_thanks(said):
        return [_text("You are welcome.")]
    offered = [tool["name"] for tool in body.get("tools") or list[Json]()]
    understood = skills.understand(skills.uncorrected(said), offered)
    if understood is None:
        return [_text(NOT_KNOWN)]
    call = understood[1]
    if _share(said) < wrong:
        call = skills.spoiled(call)
    made = hashlib.sha256(json.dumps(body["messages"]).encode()).hexdigest()[:20]
    use = {"type": "tool_use", "id": f"toolu_{made}"}
    return [{**use, "name": call["name"], "input": call["arguments"]}]


def _share(said: str) -> float:
    """Where a text falls between 0 and 1, always the same."""
    return int.from_bytes(hashlib.sha256(said.encode()).digest()[:4], "big") / 2**32


def _tool_result(message: Json) -> str | None:
    """The last tool's result when the message brings one."""
    last = _blocks(message)[-1]
    if last["type"] != "tool_result":
        return None
    return _said({"content": last.get("content") or ""})


def _said(message: Json) -> str:
    return " ".join(block["text"] for block in _blocks(message) if block["type"] == "text")


def _blocks(message: Json) -> list[Json]:
    """A message's content, never empty."""
    content: str | list[Json] = message["content"]
    return [_text(content)] if isinstance(content, str) else content or [_text("")]


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


def events(message: Json) -> Iterator[Json]:
    """The message as the API streams it."""
    usage = {**message["usage"], "output_tokens": 1}
    yield {
        "type": "message_start",
        "message": {**message, "content": [], "stop_reason": None, "usage": usage},
    }
    for index, block in enumerate(message["content"]):
        tool = block["type"] == "tool_use"
        start: Json = {**block, "input": dict[str, Any]()} if tool else {**block, "text": ""}
        yield {"type": "content_block_start", "index": index, "content_block": start}
        whole = json.dumps(block["input"]) if tool else block["text"]
        kind, field = ("input_json_delta", "partial_json") if tool else ("text_delta", "text")
        for at in range(0, len(whole), 24):
            delta = {"type": kind, field: whole[at : at + 24]}
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ends = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ends, "usage": message["usage"]}
    yield {"type": "message_stop"}


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    wrong_share: float
    delay: float

    def do_POST(self) -> None:
        """Answer a message, or refuse as the API does."""
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        if not self.headers.get("x-api-key"):
            return self._fail(401, "authentication_error", "x-api-key header is required")
        if self.path != "/v1/messages":
            return self._fail(404, "not_found_error", "Not found")
        body: Json = json.loads(raw)
        time.sleep(self.delay)
        message = answer(body, self.wrong_share)
        if body.get("stream"):
            return self._stream(message)
        return self._send(200, message)

    def do_GET(self) -> None:
        """There is nothing to get."""
        self._fail(404, "not_found_error", "Not found")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _fail(self, status: int, kind: str, message: str) -> None:
        error = {"type": kind, "message": f"{message} (the demo's stand-in for Claude)"}
        self._send(status, {"type": "error", "error": error, "request_id": "req_standin"})

    def _send(self, status: int, body: Json) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("request-id", "req_standin")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _stream(self, message: Json) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("request-id", "req_standin")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events(message):
            data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")
