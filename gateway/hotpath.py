"""The path of every request: `POST /v1/chat/completions`, as the server hands it over.

Lets a request in before its body is read, decodes that once, asks the router, and hands over to the
relay. Everything here runs on the event loop and none of it waits for anything but the client.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from capture.exchange import RouteDecision
from capture.ids import new_id
from capture.journal import Begin
from gateway.chat_call import ChatCall
from gateway.chat_request import parse
from gateway.conversation_modes import conversation_of
from gateway.door import Keeper, RawHeaders, Visitor, check_entity, let_in
from gateway.errors import GatewayError, UnknownModel, failed_here
from gateway.features import features_of
from gateway.flight import Flight
from gateway.relay import Relay
from gateway.seats import Current, Seats
from gateway.upstreams.base import ChatRequest
from routers.decide import decide
from routers.features import Features, Fleet

log = logging.getLogger(__name__)


class HotPath:
    """Answers chat completion requests. One per process; what it works with may be replaced
    between two requests (`seats.current`)."""

    def __init__(self, seats: Seats, keeper: Keeper) -> None:
        self._seats = seats
        self._keeper = keeper

    def admit(self, headers: RawHeaders, known: Visitor | None) -> Visitor:
        visitor = let_in(headers, self._keeper, known)
        check_entity(headers, self._seats.current.limits.body_bytes)
        self._seats.enter()
        return visitor

    def dismiss(self) -> None:
        self._seats.exit()

    def refused(self, error: GatewayError) -> None:
        self._seats.telemetry.rejected(error.code)

    async def answer(self, call: ChatCall) -> None:
        exchange_id = new_id()
        seats = self._seats
        current = seats.current
        try:
            if call.disconnected:
                return
            request = parse(call.body, exchange_id)
            flight, features, begin = self._decide(current, call, request)
            seats.board(flight)
            try:
                await Relay(current.desk, flight, features).run(begin)
            finally:
                seats.leave(flight)
        except GatewayError as error:
            self.refused(error)
            call.refuse(error, exchange_id)
        except Exception:  # the request's edge: whatever happened, the client is told
            log.exception("request failed", extra={"exchange": exchange_id})
            if not call.response_started:
                call.refuse(failed_here(), exchange_id)
        finally:
            seats.exit()

    def _decide(
        self, current: Current, call: ChatCall, request: ChatRequest
    ) -> tuple[Flight, Features, Begin]:
        seats = self._seats
        now = time.time()
        assert call.visitor is not None
        key, headers = call.visitor.key, call.visitor.readable
        conversation = None
        last_mode = None
        if current.follows_conversations:
            conversation = conversation_of(request, headers, key)
            last_mode = seats.conversations.get(conversation)
        features = features_of(request, headers, key, conversation_mode=last_mode)
        fleet = current.desk.links.view(features)
        if not _is_known(request.alias, fleet):
            raise _unknown_model(request.alias, fleet)
        decision = decide(features, fleet, current.policy, current.desk.ledger.left())
        begin = Begin(
            id=request.id,
            at=now,
            path=call.path,
            key=key,
            headers=headers,
            decision=decision,
            request=request.raw,
            stream=request.stream,
            reserve_usd=_reserve(decision, fleet) if current.desk.links.priced else None,
        )
        flight = Flight(request, decision, call, now, conversation)
        return flight, features, begin


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
