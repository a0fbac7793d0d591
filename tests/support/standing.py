"""A gateway that stands but does not relay: real journal, ingester, store, fleet values and metrics
behind the endpoints and pages, and a hand to write exchanges with.

What the real runtime computes from the network (health, what is in flight) is plain data here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI

from capture.exchange import Attempt, Candidate, ExchangeEnd, Mode, Reason, RouteDecision, RuleTrace
from capture.ids import new_id
from capture.ingest import Ingester
from capture.journal import Begin, Journal, new_epoch
from capture.messages import Usage
from capture.recall import Recall
from capture.redact import Redactor
from capture.weekly import Week
from gateway.dashboard import routes as dashboard
from gateway.endpoints import install_handlers, routers
from gateway.features import features_of
from gateway.flight import InFlight
from gateway.forgetting import Forgotten, forget
from gateway.heard import Heard
from gateway.home import Home
from gateway.models import list_models
from gateway.rehearsal import Rehearsal, Rehearsed
from gateway.settings import CaptureSettings, Settings
from gateway.telemetry import Telemetry
from gateway.upstreams.base import ChatRequest
from gateway.weeks import weeks_of
from routers.features import Budget, Fleet, Place
from tests.support.fresh_store import open_store

HOME = Candidate(Mode.RESTING, "ollama", "qwen3:8b")
LARGE = Candidate(Mode.ACTIVE, "lmstudio", "hermes-4-14b")
CLOUD = Candidate(Mode.BURST, "claude", "claude-opus-4-5")

DECISION = RouteDecision(
    candidates=(HOME, LARGE),
    reasons=(Reason("rule:short", "the prompt is short and no tools are offered"),),
    rules=(
        RuleTrace("images", "no_match", (("images", "true", "false", False),)),
        RuleTrace(
            "short",
            "chosen",
            (
                ("tools", "none", "none", True),
                ("input tokens", "at most 2000", "about 14", True),
            ),
        ),
        RuleTrace("long", "not_reached"),
    ),
    excluded=((CLOUD, Reason("budget", "today's BURST budget is spent")),),
    config_generation=3,
)

REPLY = (
    b'{"id":"c1","object":"chat.completion","model":"qwen3:8b","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"Good evening."},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":14,"completion_tokens":4,"total_tokens":18}}'
)


def ask(text: str) -> bytes:
    """The smallest request body."""
    import orjson

    return orjson.dumps({"model": "auto", "messages": [{"role": "user", "content": text}]})


@dataclass
class Loaded:
    generation: int = 3
    restart_needed: tuple[str, ...] = ()


@dataclass
class Config:
    current: Loaded = field(default_factory=Loaded)
    error: Exception | None = None


@dataclass
class Ledger:
    budget: Budget = field(default_factory=Budget)

    def left(self) -> Budget:
        return self.budget


@dataclass
class House:
    """The house model's process, as far as it is looked at."""

    ready: asyncio.Event = field(default_factory=asyncio.Event)
    failure: str | None = None
    adapter: str | None = None
    adapter_failure: str | None = None


@dataclass
class Failing:
    """A journal that cannot be written."""

    failure: str | None


class Standing:
    """What `gateway.endpoints.seam.Runtime` asks for."""

    def __init__(self, home: Path) -> None:
        self.home = Home(home)
        self.settings = Settings()
        self.config = Config()
        self.ledger = Ledger()
        self.telemetry = Telemetry()
        self.heard = Heard()
        self.speaker: str | None = None
        """Name of the key that asks; None: there are no keys."""
        self.house: House | None = None
        self.draining = False
        self.keyring: object = ()
        self.places: tuple[Place, ...] = (
            Place(Mode.RESTING, "ollama", "qwen3:8b", local=True, context_length=40_960),
            Place(Mode.BURST, "claude", "claude-opus-4-5", local=False, context_length=200_000),
        )
        self.named: Mapping[str, Place] = {
            "library/coder": Place(None, "ollama", "qwen3-coder", local=True)
        }
        self.flights: list[InFlight] = []
        self.late: list[str] = []
        """Ids of exchanges that came long after they happened."""
        self.journal: Any = Journal(
            home / "journal", segment_bytes=1 << 26, sync_ms=50, epoch=new_epoch()
        )
        self.store = open_store(home / "majordomo.db")
        self.ingester = Ingester(self.journal, self.store, keep_segments=1)
        self.recall_failures: list[str] = []
        self.recall: Recall | None = Recall.open(home / "search.db", self.store.path, "secrets")

    def start(self) -> None:
        self.journal.open()
        self.ingester.start()

    def stop(self, journal: Journal) -> None:
        self.ingester.stop()
        journal.close()
        if self.recall is not None:
            self.recall.close()
        self.store.close()

    @property
    def redactor(self) -> Redactor:
        return Redactor(self.settings.capture.redact, b"of this house")

    def weeks(self) -> Sequence[Week]:
        return weeks_of(self.store, self.home, self.settings)

    def fleet(self) -> Fleet:
        return Fleet(self.places, self.named, self.config.current.generation)

    def in_flight(self) -> Sequence[InFlight]:
        return self.flights

    def models(self) -> list[dict[str, Any]]:
        return list_models(self.fleet(), 1)

    def status(self) -> Mapping[str, Any]:
        return {"version": "0", "draining": self.draining}

    def came_late(self, oldest: str) -> None:
        self.late.append(oldest)

    def rehearse(
        self, request: ChatRequest, headers: Mapping[str, str], key: str | None
    ) -> Rehearsed:
        return Rehearsal(self.settings).of(features_of(request, headers, key))

    async def forget(self, id: str) -> Forgotten | None:
        flying = [flight.id for flight in self.flights]
        assert self.recall is not None
        words = self.recall.forget
        return await forget(self.home, self.store, self.ingester, id, flying, words)

    # doing what the hot path does

    def refuse_unrecorded(self, refuse: bool) -> None:
        on_failure = "refuse" if refuse else "serve"
        self.settings = Settings(capture=CaptureSettings(on_failure=on_failure))

    def begin(
        self,
        request: bytes = ask("Good evening?"),
        *,
        decision: RouteDecision = DECISION,
        at: float = 1_763_700_000.0,
        key: str | None = None,
        stream: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Journal an exchange's begin; gives its id."""
        id_ = new_id()
        self.journal.begin(
            Begin(
                id=id_,
                at=at,
                path="/v1/chat/completions",
                key=key,
                headers=headers or {},
                decision=decision,
                request=request,
                stream=stream,
            )
        )
        return id_

    def end(
        self,
        id_: str,
        *attempts: Attempt,
        raw: Sequence[bytes] = (),
        delivered: bytes | None = None,
        **more: Any,
    ) -> None:
        """Journal its end."""
        last = attempts[-1] if attempts else None
        told: dict[str, Any] = {
            "status": "ok",
            "http_status": 200,
            "attempts": list(attempts),
            "finish_reason": "stop",
            "usage": last.usage if last else None,
            "cost_usd": last.cost_usd if last else None,
            "queue_s": 0.0002,
            "first_token_s": 0.31,
            "total_s": 1.74,
            "delivered_bytes": len(delivered if delivered is not None else b"".join(raw)),
            **more,
        }
        self.journal.end(id_, ExchangeEnd(**told), raw, delivered)

    def exchange(self, request: bytes = ask("Good evening?"), reply: bytes = REPLY) -> str:
        """A whole simple exchange; gives its id."""
        id_ = self.begin(request)
        self.end(id_, attempt(), raw=[reply])
        return id_


def attempt(place: Candidate = HOME, **more: Any) -> Attempt:
    """A try that went well, unless told otherwise."""
    made = Attempt(
        mode=place.mode,
        upstream=place.upstream,
        model=place.model,
        started_at=1_763_700_000.1,
        http_status=200,
        first_byte_s=0.29,
        total_s=1.7,
        usage=Usage(input_tokens=14, output_tokens=4),
        cost_usd=0.0,
    )
    for name, value in more.items():
        setattr(made, name, value)
    return made


class Let:
    """In place of guard and keys: lets everyone in as the runtime's speaker."""

    def __init__(self, app: Any, runtime: Standing) -> None:
        self._app = app
        self._runtime = runtime

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope.setdefault("state", {})["key"] = self._runtime.speaker
        await self._app(scope, receive, send)


def app_of(runtime: Standing) -> FastAPI:
    """The routes without guard and keys, which are the application's."""
    app = FastAPI(docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_middleware(Let, runtime=runtime)
    app.state.runtime = runtime
    install_handlers(app)
    for router in (*routers, dashboard.router):
        app.include_router(router)
    return app


@asynccontextmanager
async def standing(home: Path) -> AsyncGenerator[tuple[Standing, httpx2.AsyncClient]]:
    """A standing gateway and a client of its routes."""
    runtime = Standing(home)
    journal = runtime.journal
    runtime.start()
    transport = httpx2.ASGITransport(app_of(runtime), raise_app_exceptions=False)
    try:
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8300"
        ) as client:
            yield runtime, client
    finally:
        runtime.stop(journal)
