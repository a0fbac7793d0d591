"""The path of every request: `POST /v1/chat/completions`, as the server hands it over.

Lets a request in before its body is read, decodes that once, asks the router, and hands over to the
relay. Everything here runs on the event loop and none of it waits for anything but the client.
"""

from __future__ import annotations

import asyncio
import logging

from capture import clock
from capture.ids import new_id
from capture.journal import Begin
from capture.sessions import session_of
from gateway.approval import attend
from gateway.chat_call import ChatCall
from gateway.chat_request import parse
from gateway.door import Keeper, RawHeaders, Visitor, let_in
from gateway.errors import GatewayError, ServiceError, failed_here
from gateway.flight import Flight
from gateway.relay import Relay
from gateway.seats import Current, Seats
from gateway.seeing import see
from gateway.upstreams.base import ChatRequest
from routers.features import Features

log = logging.getLogger(__name__)


class HotPath:
    """Answers chat completion requests. One per process; what it works with may be replaced
    between two requests (`seats.current`)."""

    def __init__(self, seats: Seats, keeper: Keeper) -> None:
        self._seats = seats
        self._keeper = keeper

    def admit(self, headers: RawHeaders, known: Visitor | None) -> Visitor:
        visitor = let_in(headers, self._keeper, known, self._seats.current.limits.body_bytes)
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
        except asyncio.CancelledError:
            call.refuse(ServiceError("Majordomo stops; ask again", code="stopping"), exchange_id)
            raise
        except Exception:  # the request's edge: whatever happened, the client is told
            log.exception("request failed", extra={"exchange": exchange_id})
            call.refuse(failed_here(), exchange_id)
        finally:
            seats.exit()
            if not call.response_complete:
                call.over()

    def _decide(
        self, current: Current, call: ChatCall, request: ChatRequest
    ) -> tuple[Flight, Features, Begin]:
        seats = self._seats
        now = clock.now()
        assert call.visitor is not None
        key, headers = call.visitor.key, call.visitor.readable
        session = session_of(headers, request.body, current.session_headers)
        heard = None
        if current.approval is not None:
            heard = attend(seats.words, current.approval, request, headers, key, session, now)
            request = heard.request
        features, conversation = see(
            current.sight, seats.conversations, request, headers, key, session, now
        )
        if heard is not None:
            features = heard.onto(features)
        decision, written, reserve_usd = current.decisions.decide(features)
        begin = Begin(
            id=request.id,
            at=now,
            path=call.path,
            key=key,
            headers=headers,
            decision=decision,
            request=request.raw,
            stream=request.stream,
            reserve_usd=reserve_usd,
            session=session,
            written=written,
        )
        flight = Flight(request, decision, call, now, conversation, key)
        if heard is not None:
            flight.asks, flight.notes = heard.asks, heard.notes
            seats.words.keep(heard)
        return flight, features, begin
