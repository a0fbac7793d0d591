"""Exchanges to put into journals, and journals with stores to put them in."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from capture.exchange import (
    Attempt,
    Candidate,
    ExchangeEnd,
    Mode,
    Reason,
    RouteDecision,
    RuleTrace,
)
from capture.ids import new_id
from capture.ingest import Ingester
from capture.journal import Begin, Journal, new_epoch
from capture.messages import Usage
from capture.store import Store
from capture.weighing import Agreement, Weighing
from tests.support.fresh_store import open_store

REQUEST = (
    b'{"model":"auto","messages":[{"role":"system","content":"Be brief."},'
    b'{"role":"user","content":"What is in notes.txt?"}],'
    b'"tools":[{"type":"function","function":{"name":"read_file","parameters":{}}}]}'
)
REPLY = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"Let me look.","tool_calls":[{"id":"call_1",'
    b'"type":"function","function":{"name":"read_file","arguments":"{\\"path\\":\\"notes.txt\\"}"}}]},'
    b'"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":20,"completion_tokens":9}}'
)

RESTING = Candidate(Mode.RESTING, "house", "house-small")
BURST = Candidate(Mode.BURST, "claude", "claude-opus-4-5")


def decision(chosen: Candidate = RESTING) -> RouteDecision:
    """A decision with every field in use."""
    return RouteDecision(
        candidates=(chosen, BURST),
        reasons=(Reason("rule:notes", "reading notes stays at home"),),
        rules=(
            RuleTrace("long", "no_match", (("min_input_tokens", "8000", "12", False),)),
            RuleTrace("notes", "chosen", (("tools", "read_file", "read_file", True),)),
        ),
        excluded=((BURST, Reason("budget", "the day's budget is spent")),),
        alias="auto",
        config_generation=7,
        confidence=0.5,
    )


def begin(id_: str | None = None, **changes: Any) -> Begin:
    """A begin, different from the usual one in what `changes` says."""
    fields: dict[str, Any] = {
        "id": id_ or new_id(),
        "at": 1_790_000_000.25,
        "path": "/v1/chat/completions",
        "key": "laptop",
        "headers": {"user-agent": "hermes"},
        "decision": decision(),
        "request": REQUEST,
        "stream": False,
    }
    return Begin(**fields | changes)


def attempt(**changes: Any) -> Attempt:
    """A successful attempt at home."""
    fields: dict[str, Any] = {
        "mode": Mode.RESTING,
        "upstream": "house",
        "model": "house-small",
        "started_at": 1_790_000_000.5,
        "http_status": 200,
        "connect_s": 0.001,
        "first_byte_s": 0.2,
        "total_s": 0.4,
        "usage": Usage(20, 9),
        "cost_usd": 0.0,
    }
    return Attempt(**fields | changes)


def end(**changes: Any) -> ExchangeEnd:
    """A good end after one attempt."""
    fields: dict[str, Any] = {
        "status": "ok",
        "http_status": 200,
        "attempts": [attempt()],
        "finish_reason": "tool_calls",
        "usage": Usage(20, 9),
        "cost_usd": 0.0,
        "queue_s": 0.01,
        "first_token_s": 0.2,
        "total_s": 0.4,
        "delivered_bytes": len(REPLY),
    }
    return ExchangeEnd(**fields | changes)


def weighing(**changes: Any) -> Weighing:
    """A reply that was looked at and left, with every field in use."""
    fields: dict[str, Any] = {
        "choice": "escalate",
        "reason": Reason("benefit", "leaving home is worth +0.40"),
        "who": None,
        "keys": ("tool:read_file", None, "5f3a"),
        "bands": (17, 4),
        "figures": {"one": 1.0, "resting.fatal": 1.0},
        "found": {Mode.RESTING: (Reason("schema", "its arguments do not fit"),)},
        "agreement": Agreement(False, 0.5, "they call different tools"),
        "home": {Mode.RESTING: 0.3, Mode.ACTIVE: 0.5},
        "cloud": 0.9,
        "spread": 0.1,
        "limit": 0.05,
        "propensity": 0.99,
        "weights": {Mode.RESTING: "house/house-small"},
        "beside": {Mode.RESTING: Agreement(False, 0.0, "they call different tools")},
    }
    return Weighing(**fields | changes)


def make_journal(
    directory: Path, *, epoch: str | None = None, segment_bytes: int = 1 << 26
) -> Journal:
    """An open journal that syncs often."""
    journal = Journal(directory, segment_bytes=segment_bytes, sync_ms=5, epoch=epoch or new_epoch())
    journal.open()
    return journal


@contextmanager
def capturing(
    home: Path, *, keep_segments: int = 4, segment_bytes: int = 1 << 26
) -> Generator[tuple[Journal, Ingester, Store]]:
    """One run of a gateway's capture: journal, ingester and store, closed in order at the end."""
    journal = make_journal(home / "journal", segment_bytes=segment_bytes)
    store = open_store(home / "majordomo.db")
    ingester = Ingester(journal, store, keep_segments=keep_segments, batch_seconds=0.005)
    ingester.start()
    try:
        yield journal, ingester, store
    finally:
        ingester.stop()
        journal.close()
        store.close()
