"""What the endpoints and pages need of the running gateway, and how a route gets hold of it.

`gateway.runtime.Runtime` is the real one; tests have a smaller honest one. Whatever touches the
store is synchronous and may wait for a disk, so routes call it in a worker thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Protocol, cast

from fastapi import Depends, Request

from capture.exchange import Mode
from capture.redact import Redactor
from gateway.heard import Heard
from gateway.home import Home
from gateway.settings import Settings
from gateway.telemetry import Telemetry
from routers.features import Budget, Fleet

if TYPE_CHECKING:  # types only: the endpoints never make rows
    from capture.feedback import Feedback
    from capture.framing import Position
    from capture.imported import Imported
    from capture.sought import Found, Sought
    from capture.store.rows import Conversation, ExchangeDetail, ExchangeSummary
    from capture.weekly import Week
    from gateway.forgetting import Forgotten
    from gateway.rehearsal import Rehearsed
    from gateway.upstreams.base import ChatRequest


class InFlight(Protocol):
    """One exchange being answered now, as memory knows it."""

    @property
    def id(self) -> str: ...
    @property
    def started_at(self) -> float:
        """Unix seconds."""
        ...

    @property
    def alias(self) -> str: ...
    @property
    def mode(self) -> Mode | None:
        """None while nothing is chosen."""
        ...

    @property
    def upstream(self) -> str | None: ...
    @property
    def model(self) -> str | None: ...
    @property
    def stream(self) -> bool: ...
    @property
    def bytes_out(self) -> int:
        """Body bytes handed to the client so far."""
        ...

    @property
    def key(self) -> str | None:
        """Name of the API key that asked; None when the gateway runs without keys."""
        ...


class Loaded(Protocol):
    """The settings that serve now."""

    @property
    def generation(self) -> int: ...
    @property
    def restart_needed(self) -> tuple[str, ...]:
        """Changed settings that take a restart."""
        ...


class Ready(Protocol):
    """Something that has begun to work, or not yet: an `asyncio.Event` to look at."""

    def is_set(self) -> bool: ...


class House(Protocol):
    """The child process that serves the house model."""

    @property
    def ready(self) -> Ready: ...
    @property
    def failure(self) -> str | None: ...
    @property
    def adapter(self) -> str | None:
        """Id of the adapter it answers with; None for the base alone."""
        ...

    @property
    def adapter_failure(self) -> str | None:
        """Why that is not the incumbent; None when it is, or soon will be."""
        ...


class Config(Protocol):
    """The watched settings file."""

    @property
    def current(self) -> Loaded: ...
    @property
    def error(self) -> Exception | None:
        """Why the file on disk was refused; None when it is what serves."""
        ...


class Store(Protocol):
    """Finished and open exchanges, as far as they are ingested."""

    def exchanges(self, limit: int = 50, before: str | None = None) -> list[ExchangeSummary]: ...
    def exchange(self, id: str) -> ExchangeDetail | None: ...
    def summaries(self, ids: Sequence[str]) -> list[ExchangeSummary]:
        """Those of these exchanges that there are, in this order."""
        ...

    def summary(self, id: str) -> ExchangeSummary | None: ...
    def feedback(
        self, *, exchange: str | None = None, conversation: str | None = None, limit: int = 500
    ) -> list[Feedback]:
        """Newest first."""
        ...

    def said_once(self, key: str | None, idempotency_key: str) -> Feedback | None: ...
    def conversation(self, id: str) -> Conversation | None: ...


class Recall(Protocol):
    """The words of exchanges."""

    def find(self, sought: Sought) -> Found:
        """The closest first. Raises `capture.sought.Nothing`, and `NoMeaning`."""
        ...


class Ingester(Protocol):
    """Journal to store."""

    @property
    def lag_bytes(self) -> int: ...
    @property
    def failure(self) -> str | None: ...
    async def catch_up(self, timeout: float = 2.0) -> bool: ...  # noqa: ASYNC109  # its own deadline


class Journal(Protocol):
    """Where exchanges are made durable."""

    @property
    def failure(self) -> str | None: ...
    def feedback(self, feedback: Feedback) -> Position: ...
    def imported(self, imported: Imported) -> Position: ...
    async def synced(self, position: Position) -> None: ...


class Ledger(Protocol):
    """Money left for BURST."""

    def left(self) -> Budget: ...


class Runtime(Protocol):
    """The running gateway."""

    @property
    def home(self) -> Home: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def config(self) -> Config: ...
    @property
    def store(self) -> Store: ...
    @property
    def ingester(self) -> Ingester: ...
    @property
    def recall(self) -> Recall | None:
        """None until it is open, or while it cannot be."""
        ...

    @property
    def recall_failures(self) -> Sequence[str]:
        """Why words, vectors or distillations are not made now."""
        ...

    @property
    def journal(self) -> Journal: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def house(self) -> House | None:
        """None when no upstream uses it."""
        ...

    @property
    def telemetry(self) -> Telemetry: ...
    @property
    def heard(self) -> Heard: ...
    @property
    def keyring(self) -> object:
        """The API keys; false when there are none."""
        ...

    @property
    def redactor(self) -> Redactor:
        """What pages show passes it."""
        ...

    @property
    def draining(self) -> bool:
        """Shutting down: what is in flight is finished, nothing new should be sent here."""
        ...

    def fleet(self) -> Fleet: ...
    def in_flight(self) -> Sequence[InFlight]: ...
    def models(self) -> Sequence[Mapping[str, Any]]:
        """OpenAI model objects with `context_length`."""
        ...

    def status(self) -> Mapping[str, Any]: ...
    def weeks(self) -> Sequence[Week]:
        """Each week's figures, oldest first. Blocks."""
        ...

    def came_late(self, oldest: str) -> None:
        """Hear that exchanges as old as this id have come into the store only now."""
        ...

    def rehearse(
        self, request: ChatRequest, headers: Mapping[str, str], key: str | None
    ) -> Rehearsed:
        """What would become of a request now; nothing comes of it. Raises UnknownModel."""
        ...

    async def forget(self, id: str) -> Forgotten | None:
        """Forget the conversation of this exchange everywhere (`gateway.forgetting`)."""
        ...


async def _runtime(request: Request) -> Runtime:
    return cast(Runtime, request.app.state.runtime)


Serving = Annotated[Runtime, Depends(_runtime)]
"""A route's parameter that receives the running gateway."""


async def _speaker(request: Request) -> str | None:
    # no default: a route that the door did not guard must not take anybody for the local user
    return cast("str | None", request.scope["state"]["key"])


Speaker = Annotated[str | None, Depends(_speaker)]
"""A route's parameter that receives the name of the key that asks; None when there are no keys."""
