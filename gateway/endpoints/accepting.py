"""Feedback taken in, from the API, the command line and the pages alike.

Feedback is taken at once, for an exchange in flight, ended a moment ago, or stored long since; it
is in the journal (with `capture.durability: strict` on disk) before anybody is told so. Who may
speak: of an exchange, the key that asked for it, and the command line's own key, which is the
house's; without keys, the local user. To everyone else the exchange does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from capture.feedback import Feedback
from capture.journal import JournalError
from gateway.endpoints.lookup import CATCH_UP_S, checked_id, unknown_exchange
from gateway.endpoints.seam import Runtime
from gateway.errors import CaptureUnavailable, ClientError, ServiceError, TooLarge
from gateway.heard import Taken
from gateway.own_key import NAME as OWN_KEY

BODY_BYTES = 1024 * 1024
"""Largest body with feedback: its texts at their longest fit, however they are escaped."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Feedback that counts, or soon will."""

    feedback: Feedback
    fresh: bool
    """False: it was said before, under the same idempotency key."""


def may_speak(speaker: str | None, asked_by: str | None) -> bool:
    """Whether a key may speak of an exchange that another, or none, asked for."""
    return speaker is None or speaker in (OWN_KEY, asked_by)


async def accept(runtime: Runtime, said: Feedback) -> Accepted:
    """Take feedback: of what there is, once, durably. Raises RateLimited, the 404 of an unknown
    exchange, 409 for other words under a used idempotency key, ServiceError."""
    runtime.heard.allow(said.key)
    await check_known(runtime, said.about, said.key)
    before = await _said_before(runtime, said)
    if isinstance(before, Feedback):
        return Accepted(_same(before, said), fresh=False)
    taken = before or _journal(runtime, said)
    accepted = Accepted(_same(taken.feedback, said), fresh=before is None)
    if runtime.settings.capture.durability == "strict":
        await _sync(runtime, taken)
    return accepted


async def check_known(runtime: Runtime, id: str, speaker: str | None) -> None:
    """Raises the 404 of an unknown exchange when there is none that this speaker may speak of."""
    checked_id(id)
    for flight in runtime.in_flight():
        if flight.id == id and may_speak(speaker, flight.key):
            return
    found = await run_in_threadpool(runtime.store.summary, id)
    if found is None:
        reached = await runtime.ingester.catch_up(CATCH_UP_S)
        found = await run_in_threadpool(runtime.store.summary, id)
        if found is None and not reached:
            raise ServiceError(
                "what was asked lately is not in the store yet (`majordomo status` says why), so "
                "nobody can tell whether there is such an exchange; send this again",
                retry_after=CATCH_UP_S,
            )
    if found is None or not may_speak(speaker, found.key):
        raise unknown_exchange(id)


async def whole_body(request: Request, most: int = BODY_BYTES, what: str = "feedback") -> bytes:
    """A request's body, up to so many bytes. Raises TooLarge."""
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > most:
                raise TooLarge(f"{what} is larger than {most:,} bytes")
            pieces.append(piece)
    except ClientDisconnect:
        raise ClientError("the request broke off") from None
    return b"".join(pieces)


async def _said_before(runtime: Runtime, said: Feedback) -> Taken | Feedback | None:
    """What the speaker said before under this idempotency key; `Taken` where the store may not
    have it yet."""
    once = said.idempotency_key
    if once is None:
        return None
    if (taken := runtime.heard.find(said.key, once)) is not None:
        return taken
    stored = await run_in_threadpool(runtime.store.said_once, said.key, once)
    return stored or runtime.heard.find(said.key, once)  # it may have come in meanwhile


def _same(before: Feedback, said: Feedback) -> Feedback:
    if not before.says_as(said):
        raise ClientError(
            "this idempotency key was used for other feedback; use another one",
            status=409,
            code="idempotency_conflict",
            param="idempotency_key",
        )
    return before


def _journal(runtime: Runtime, said: Feedback) -> Taken:
    try:
        taken = Taken(said, runtime.journal.feedback(said))
    except JournalError as error:
        raise _unrecorded(error) from error
    runtime.heard.remember(taken)
    return taken


async def _sync(runtime: Runtime, taken: Taken) -> None:
    try:
        await runtime.journal.synced(taken.position)
    except JournalError as error:
        runtime.heard.forget(taken)
        raise _unrecorded(error) from error


def _unrecorded(error: JournalError) -> CaptureUnavailable:
    return CaptureUnavailable(f"feedback cannot be kept now: {error}")
