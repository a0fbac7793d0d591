"""The gateway's own log: JSON lines in HOME/logs, rotated, holding neither bodies nor secrets.

One record is one line of UTF-8 JSON whatever was logged: control characters, line and paragraph
separators and direction overrides come out as visible escapes, every text is cut at `MAX_TEXT`
characters, and of a record's `extra` only `FIELDS` are kept. Credentials that slip into a message
are masked. An exception is written as its type and the places it passed; its message only where we
wrote it ourselves or the system did, because a library's message may quote a body.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
import sys
import traceback
from pathlib import Path
from typing import Any

import orjson

from gateway.errors import GatewayError
from gateway.settings import LogSettings

FILE_NAME = "gateway.jsonl"
"""Under HOME/logs; older files are `gateway.jsonl.1` (newest) to `.5`."""
KEPT = 5
MAX_TEXT = 1000
"""Characters of any one text; the rest is cut and counted."""
MAX_FRAMES = 20

FIELDS = frozenset({
    "request_id", "exchange", "alias", "mode", "upstream", "model", "key", "status", "http_status",
    "code", "who", "attempt", "attempts", "reason", "generation", "path", "method", "pid", "port",
    "host", "count", "bytes", "seconds", "input_tokens", "output_tokens", "cost_usd",
})  # fmt: skip
"""The only names `extra` may carry into the log."""

OURS = ("gateway", "capture", "routers", "trainer", "uvicorn")
"""Loggers that follow the level in the settings. All others speak from `warning` up: libraries'
debug records quote bodies and headers."""

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_SECRET = re.compile(
    r"(?i)\b(?P<scheme>bearer|basic)\s+[^\s,;\"']+"
    r"|\b(?P<name>(?:x-)?api[-_]?key|token|password|secret)(?P<sep>\s*[=:]\s*)[^\s,;\"']+"
    r"|\b(?:sk|mj|mjd|majordomo)[-_][A-Za-z0-9_-]{8,}"
)


def clean(text: str) -> str:
    """`text` on one line, bounded, with invisible characters as escapes and credentials masked."""
    cut = len(text) - MAX_TEXT
    if cut > 0:
        text = f"{text[:MAX_TEXT]}... ({cut} more characters)"
    return _UNSAFE.sub(lambda m: f"\\u{ord(m[0]):04x}", _SECRET.sub(_masked, text))


def _masked(match: re.Match[str]) -> str:
    if match["scheme"]:
        return f"{match['scheme']} ***"
    if match["name"]:
        return f"{match['name']}{match['sep']}***"
    return "***"


class JsonLines(logging.Formatter):
    """Renders a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": clean(record.getMessage()),
        }
        for name in FIELDS & record.__dict__.keys():
            line[name] = _value(record.__dict__[name])
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _error(record.exc_info[1])
        return orjson.dumps(line).decode()


def _value(value: object) -> str | int | float | bool | None:
    """A field's value as JSON can hold it: numbers as they are, everything else as clean text."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else clean(str(value))
    return clean(str(value))


def _error(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    ours = isinstance(error, GatewayError | OSError)
    return {
        "type": type(error).__name__,
        "message": clean(str(error)) if ours else None,
        "at": [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames],
    }


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A rotating file that only its owner can read."""

    def _open(self) -> Any:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(descriptor, self.mode, encoding=self.encoding)


class _Plain(logging.Formatter):
    """One clean line for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{record.levelname.lower()}: {clean(record.getMessage())}"
        if record.exc_info and record.exc_info[1] is not None:
            line += f" ({type(record.exc_info[1]).__name__}; more in the log)"
        return line


def start_logging(
    directory: Path, settings: LogSettings, *, terminal: bool = True
) -> logging.Handler:
    """Send every logger's records to `directory`, and warnings to standard error if `terminal`.

    Replaces what was set up before, so that a settings change can call it again. Returns the file's
    handler. Raises OSError when the file cannot be opened.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = _PrivateFile(
        directory / FILE_NAME, maxBytes=settings.file_bytes, backupCount=KEPT, encoding="utf-8"
    )
    file.setFormatter(JsonLines())
    handlers: list[logging.Handler] = [file]
    if terminal:
        screen = logging.StreamHandler(sys.stderr)
        screen.setLevel(logging.WARNING)
        screen.setFormatter(_Plain())
        handlers.append(screen)
    stop_logging()
    root = logging.getLogger()
    for handler in handlers:
        handler.set_name(f"majordomo.{type(handler).__name__}")
        root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(settings.level.upper())
    return file


def stop_logging() -> None:
    """Take our handlers off again and close them."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if (handler.get_name() or "").startswith("majordomo."):
            root.removeHandler(handler)
            handler.close()
