"""The path of every request: `POST /v1/chat/completions` as raw ASGI, in front of FastAPI.

Reads the body within its bound, decodes it once, asks the router, and hands over to the relay.
Everything here runs on the event loop and none of it waits for anything but the client.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, cast

from capture import clock
from capture.exchange import RouteDecision
from capture.ids import new_id
from capture.journal import Begin
from gateway.chat_request import parse
from gateway.conversation_modes import conversation_of
from gateway.errors import ClientError, GatewayError, TooLarge, UnknownModel
from gateway.features import features_of
from gateway.flight import ClientResponse, Flight, retry_after_header
from gateway.relay import Relay
from gateway.seats import Current, Seats
from gateway.server import RESPONSE
from gateway.setting_types import SECRET_WORDS, UNSEEN_HEADERS
from gateway.upstreams.base import ChatRequest
from routers.decide import decide
from routers.features import Features, Fleet

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
RawHeaders = list[tuple[bytes, bytes]]

_SECRETS = tuple(word.encode() for word in SECRET_WORDS)
_UNSEEN = frozenset(name.encode() for name in UNSEEN_HEADERS)
_HEADER_CHARS = 1024


class HotPath:
    """Answers chat completion requests. One per process; what it works with may be replaced
    between two requests (`seats.current`)."""

    def __init__(self, seats: Seats) -> None:
        self._seats = seats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange_id = new_id()
        seats = self._seats
        current = seats.current
        entered = False
        try:
            seats.enter()
            entered = True
            raw = await self._read_body(scope, receive)
            if raw is None:
                return  # the client left before its request was whole
            request = parse(raw, exchange_id)
            flight, features, begin = self._decide(current, scope, request)
            seats.board(flight)
            try:
                await Relay(current.desk, flight, features).run(begin)
            finally:
                seats.leave(flight)
        except GatewayError as error:
            seats.telemetry.rejected(error.code)
            await send_error(send, error, exchange_id)
        finally:
            if entered:
                seats.exit()

    def _decide(
        self, current: Current, scope: Scope, request: ChatRequest
    ) -> tuple[Flight, Features, Begin]:
        seats = self._seats
        now = clock.now()
        key = cast("str | None", scope.get("majordomo.key"))
        headers = readable_headers(scope["headers"])
        conversation = None
        last_mode = None
        if current.follows_conversations:
            conversation = conversation_of(request, headers, key)
            last_mode = seats.conversations.get(conversation)
        features = features_of(request, headers, key, conversation_mode=last_mode)
        fleet = current.desk.links.view(features)
        if not _is_known(request.alias, fleet):
            raise _unknown_model(request.alias, fleet)
        left = current.desk.ledger.left()
        decision = decide(features, fleet, current.policy, left, seats.history)
        response = cast("ClientResponse", scope["extensions"][RESPONSE])
        begin = Begin(
            id=request.id,
            at=now,
            path=scope["path"],
            key=key,
            headers=headers,
            decision=decision,
            request=request.raw,
            stream=request.stream,
            reserve_usd=_reserve(decision, fleet) if current.desk.links.priced else None,
        )
        flight = Flight(request, decision, response, now, conversation)
        return flight, features, begin

    async def _read_body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body; None when the client left. Raises TooLarge while still reading."""
        limit = self._seats.current.limits.body_bytes
        _check_entity(scope["headers"], limit)
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            if not message.get("more_body", False):
                return b"".join((*pieces, piece)) if pieces else piece
            pieces.append(piece)


async def send_error(send: Send, error: GatewayError, request_id: str) -> None:
    """An error as a whole response. What is still to come of the request's body is discarded by the
    server: closing at once would reset the connection under a client that is still sending, which
    then never sees the answer."""
    body = error.body(request_id)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
        *retry_after_header(error),
    ]
    if error.status == 401:
        headers.append((b"www-authenticate", b'Basic realm="majordomo", charset="UTF-8"'))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def readable_headers(raw: RawHeaders) -> dict[str, str]:
    """Request headers that rules may test and records may keep: no credentials, nothing dull.

    One sent twice is joined by a comma (RFC 9110 section 5.2), so that neither value is hidden.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        if not _KEPT.get(raw_name) and (raw_name in _KEPT or not _keep(raw_name)):
            continue
        name, value = raw_name.decode("latin-1"), raw_value[:_HEADER_CHARS].decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


_KEPT: dict[bytes, bool] = {}
"""Header names seen before, and whether they are kept; bounded."""


def _keep(name: bytes) -> bool:
    kept = name not in _UNSEEN and not any(word in name for word in _SECRETS)
    if len(_KEPT) < 512:
        _KEPT[name] = kept
    return kept


def _check_entity(headers: RawHeaders, limit: int) -> None:
    for name, value in headers:
        if name == b"content-length" and int(value) > limit:
            raise _too_large(limit)
        if name == b"content-encoding" and value.lower() != b"identity":
            raise ClientError(
                "encoded request bodies are not accepted; send plain JSON",
                status=415,
                code="encoded_body",
            )


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the request body is larger than {limit} bytes (`server.limits.body_bytes`)")


def _reserve(decision: RouteDecision, fleet: Fleet) -> float | None:
    """The dearest candidate's worst case in US dollars; None when all of them are free."""
    prices = {(p.upstream, p.model): p.worst_case_usd for p in _places(fleet)}
    dearest = max(
        (prices.get((c.upstream, c.model)) or 0.0 for c in decision.candidates), default=0
    )
    return dearest or None


def _places(fleet: Fleet) -> tuple[Any, ...]:
    return (*fleet.places, *fleet.named.values())


def _is_known(alias: str, fleet: Fleet) -> bool:
    return alias in fleet.named or alias == "auto" or any(p.mode == alias for p in fleet.places)


def _unknown_model(alias: str, fleet: Fleet) -> UnknownModel:
    names = ["auto", *(p.mode.value for p in fleet.places if p.mode), *fleet.named]
    return UnknownModel(
        f"no model is called {alias[:100]!r} here; there are: {', '.join(names)}", param="model"
    )
