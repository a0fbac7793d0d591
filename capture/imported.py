"""One exchange that somebody else served, as an import makes it and the journal keeps it.

It is told from our own by what it has not: it is `ok` without an HTTP status, for nobody was
answered over HTTP here (`capture.store.tables.served`). Its `path`, `key` and `upstream` all are
`import:FORMAT`, which is no path, no name of a key and no name of an upstream, so that nothing of
it ever meets what the gateway served: not in a conversation, not in a place's history.

In the journal it is one record, so a death on the way leaves it whole or not there at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from capture.exchange import Candidate, Mode, Reason, RouteDecision
from capture.plain import plain_candidate, plain_decision
from capture.values import value

PREFIX = "import:"
"""What the path, key and upstream of an imported exchange begin with."""

END: Mapping[str, Any] = {
    "status": "ok",
    "http_status": None,
    "finish_reason": None,
    "usage": None,
    "cost_usd": None,
    "queue_s": None,
    "first_token_s": None,
    "total_s": None,
    "error": None,
    "notes": (),
    "delivered_bytes": None,
}
"""How every imported exchange ended, as `capture.plain` writes an end: what is known beyond that
stands in its reply."""


@value
class Imported:
    """A request and the reply to it, both in OpenAI's chat dialect."""

    id: str
    """The same whenever the same is imported again (`capture.imports.replay`)."""
    at: float
    """When it was asked; Unix seconds."""
    format: str
    """What it was imported from, as `capture.imports.Format` has it."""
    model: str
    """Who answered, as the source says it; `unknown` where it does not."""
    mode: Mode
    """BURST for the hired help, ACTIVE for a model that somebody ran at home."""
    request: bytes
    """A chat request, as JSON."""
    reply: bytes
    """A whole chat completion, as JSON."""
    session: str | None = None
    """What the source calls the conversation; None when it does not."""
    skill: str | None = None
    """The kind of task; None where nothing says, as when the tools offered are not known."""

    @property
    def source(self) -> str:
        """Its path, its key and its upstream."""
        return f"{PREFIX}{self.format}"


def record(imported: Imported) -> tuple[bytes, Sequence[bytes]]:
    """The meta and the body of its journal record: those of a begin record, and the reply."""
    chosen = Candidate(imported.mode, imported.source, imported.model)
    decided = orjson.dumps(plain_decision(_decision(imported, chosen)))
    headers = b"{}"
    meta = {
        "at": imported.at,
        "path": imported.source,
        "key": imported.source,
        "stream": False,
        "reserve_usd": None,
        "session": imported.session,
        "sizes": (len(headers), len(decided)),
        "alias": imported.model,
        "private": False,
        "skill": imported.skill,
        "config_generation": 0,
        "chosen": plain_candidate(chosen),
        "reply": len(imported.reply),
    }
    return orjson.dumps(meta), (headers, decided, imported.request, imported.reply)


def _decision(imported: Imported, chosen: Candidate) -> RouteDecision:
    """Nothing was decided here; says so."""
    reason = Reason("imported", f"this was imported ({imported.format}); nothing was decided here")
    return RouteDecision((chosen,), (reason,), (), alias=imported.model, skill=imported.skill)
