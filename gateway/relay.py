"""From a decision to the client's last byte: which places are tried, in what order, till when.

The order of things is the promise (design.md, N1 to N5): the begin is journalled before the first
byte goes upstream; a reply goes to the client as it comes (`gateway.passage`); the full record is
journalled before the terminal bytes; after the first byte nothing is tried again; a client that
leaves takes the upstream's request with it. A reply that was dropped as unfit, or for want of a
second opinion, is kept until another place has answered: where none does, the client gets it after
all.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from functools import partial

from capture import clock
from capture.exchange import Attempt, Candidate, Mode
from capture.journal import Begin
from gateway.asking import ask
from gateway.attempts import (
    DROPPED,
    as_upstream_error,
    failed_status,
    is_request_fault,
    lost_status,
    over_budget,
)
from gateway.desk import Desk
from gateway.errors import (
    ClientError,
    GatewayError,
    NothingMayAnswer,
    UpstreamError,
    failed_here,
)
from gateway.fleet import Link
from gateway.flight import Flight
from gateway.holding import Held, UnfitReply
from gateway.opinions import Opinions
from gateway.passage import Passage
from gateway.policy import refusal
from gateway.recorder import Recorder, status_of
from gateway.retry import Failure, next_step
from gateway.upstreams.transport import Reply, StaleConnection, TransportError
from routers.features import Features

log = logging.getLogger(__name__)


class Relay:
    """One exchange, from its decision to its end."""

    def __init__(self, desk: Desk, flight: Flight, features: Features) -> None:
        self._desk = desk
        self._flight = flight
        self._features = features
        self._record = Recorder(desk.journal, desk.capture, flight, notes=[*flight.notes])
        self._after: Sequence[Candidate] = ()
        """The places after the one being tried."""
        self._dropped: tuple[Candidate, Passage] | None = None
        """The latest reply that was dropped, a fit one before an unfit, and whose; None: none
        was."""
        self._held: dict[Mode, tuple[Candidate, Passage]] = {}
        """The replies that are weighed, held back, by who gave them."""
        self._opinions = Opinions(flight.request.body) if flight.decision.second_opinion else None
        if flight.decision.weighs and desk.brains is not None:
            flight.weigher = desk.brains.weigher(flight.request, flight.decision, features)
            flight.turned = flight.weigher.reason

    async def run(self, begin: Begin) -> None:
        """Answer the client, whatever happens; a client that leaves ends it quietly."""
        try:
            try:
                self._record.begin(begin)
                await self._answer()
            except GatewayError as error:
                await self._refuse(error)
            except Exception:  # the request's edge: whatever happened, the client is told
                log.exception("exchange failed", extra={"exchange": self._flight.request.id})
                await self._refuse(failed_here())
        except asyncio.CancelledError:
            end = self._record.abandon("client_gone" if self._flight.gone else "interrupted")
            if end is not None:
                self._desk.on_end(self._flight, end)
            if not self._flight.gone:
                raise
        finally:
            self._flight.landed()

    async def _refuse(self, error: GatewayError) -> None:
        """End the exchange with an error, unless its end is already written."""
        if not self._record.ended:
            status = 200 if self._flight.started else error.status
            try:
                end = await self._record.end(status_of(error), status, error=error)
                self._desk.on_end(self._flight, end)
            except GatewayError as unrecorded:
                error = unrecorded
        self._flight.fail(error)

    # attempts

    async def _answer(self) -> None:
        desk, candidates = self._desk, self._flight.decision.candidates
        if not candidates:
            raise refusal(self._flight.decision)
        desk.budget.earn()
        self._flight.queued_s = time.perf_counter() - self._flight.began
        index = self._first_ready(candidates)
        while True:
            self._after = candidates[index + 1 :]
            if await self._spared(candidates[index]):
                return
            failed = await self._attempt(candidates[index])
            if failed is None:
                return
            circuits = [desk.links[c.upstream].circuit for c in candidates]
            error, failure = failed
            step = next_step(
                failure,
                current=index,
                attempts=len(self._record.attempts),
                most=desk.retries.attempts,
                ready=[circuit.ready for circuit in circuits],
                rest_left=circuits[index].rest_left,
                max_wait=desk.retries.max_wait_seconds,
                may_retry=desk.budget.left,
            )
            if step is None:
                if await self._stayed(None):
                    return
                if self._dropped is None:
                    raise error
                self._flight.candidate, passage = self._dropped
                await passage.hand_over()
                return
            if step.candidate == index and not failure.stale:
                desk.budget.spend()
            if step.wait:
                await asyncio.sleep(step.wait)
            index = step.candidate

    async def _spared(self, candidate: Candidate) -> bool:
        """Answer the client without asking this place, which is next: with a weighed reply that was
        chosen, or with a question, where it costs money."""
        if await self._stayed(candidate):
            return True
        if not self._flight.asks or self._desk.links[candidate.upstream].free:
            return False
        await ask(self._desk, self._flight, self._record, candidate, self._features)
        return True

    async def _stayed(self, to: Candidate | None) -> bool:
        """Answer the client with a weighed reply, where one was chosen; clear by the time that no
        place is left, or `to`, whose replies are not weighed, is next."""
        weigher = self._flight.weigher
        if weigher is None or not self._held:
            return False
        if to is None or to not in self._flight.decision.checked:
            self._flight.turned = weigher.settle().code
        if weigher.accepted is None:
            return False
        self._flight.candidate, passage = self._held[weigher.accepted]
        await passage.hand_over(weigher.reason)
        return True

    def _first_ready(self, candidates: Sequence[Candidate]) -> int:
        """The first place that may be tried now. Raises NothingMayAnswer while all of them rest."""
        links, weigher = self._desk.links, self._flight.weigher
        spared = () if weigher is None or weigher.asks_home else self._flight.decision.checked
        for index, candidate in enumerate(candidates):
            if candidate not in spared and links[candidate.upstream].circuit.ready:
                return index
        for index, candidate in enumerate(candidates):
            if links[candidate.upstream].circuit.ready:
                return index
        raise NothingMayAnswer(
            "every upstream that may answer this keeps failing and is being rested; try again",
            code="upstream_resting",
            retry_after=min(links[c.upstream].circuit.rest_left for c in candidates),
        )

    async def _attempt(self, candidate: Candidate) -> tuple[GatewayError, Failure] | None:
        """One try at one place. None once the client is answered, else what failed and how."""
        desk, flight = self._desk, self._flight
        link = desk.links[candidate.upstream]
        try:
            prepared = link.dialect.prepare(flight.request, candidate.model)
        except ClientError as error:  # what one dialect cannot say, another may
            return error, Failure(status=None, retryable=False)
        attempt = Attempt(candidate.mode, candidate.upstream, candidate.model, clock.now())
        money = f"{flight.request.id}/{len(self._record.attempts)}"
        if not (link.free or self._reserve(link, attempt, money)):
            return over_budget(candidate), Failure(status=None, retryable=False)
        self._record.attempt(attempt, translated=link.translates)
        self._record.notes += prepared.notes
        flight.candidate, flight.attempts = candidate, len(self._record.attempts)
        flight.attempt = attempt
        passage = Passage(desk, flight, self._record, link, attempt)
        self._look(passage, candidate)
        link.circuit.enter()
        reply: Reply | None = None
        try:
            reply = await link.post(prepared, attempt)
            attempt.connect_s = reply.connect_s
            await passage.read(reply)
        except TransportError as error:
            attempt.status = lost_status(error)
            return self._failed(link, attempt, as_upstream_error(link.name, error), error)
        except UpstreamError as error:
            attempt.status = failed_status(error, attempt)
            if isinstance(error, UnfitReply):
                flight.turned = error.turned
                if flight.weigher is not None:
                    self._held[candidate.mode] = candidate, passage
                if error.fit or self._dropped is None or not self._dropped[1].fit:
                    self._dropped = candidate, passage
            return self._failed(link, attempt, error, None)
        except BaseException as error:
            attempt.status = "cancelled" if isinstance(error, asyncio.CancelledError) else "broken"
            link.circuit.left()
            raise
        finally:
            if reply is not None:
                reply.close(said_all=attempt.status in ("ok", *DROPPED))
            passage.over()
            self._settle(link, attempt, money)
        return None

    def _look(self, passage: Passage, candidate: Candidate) -> None:
        """Have this place's reply held back, or read beside those that were."""
        flight, weigher = self._flight, self._flight.weigher
        if candidate in flight.decision.checked and self._elsewhere():
            weighs = None if weigher is None else partial(weigher.against, candidate.mode)
            passage.held = Held(
                flight.request,
                self._elsewhere,
                self._opinions,
                weighs,
                words=self._desk.holds_words,
            )
        elif weigher is not None and weigher.compares:
            passage.beside = weigher.beside()

    def _failed(
        self, link: Link, attempt: Attempt, error: UpstreamError, cause: TransportError | None
    ) -> tuple[GatewayError, Failure]:
        """Account for an attempt that failed before its first byte."""
        error.message = self._desk.links.mask(error.message)
        attempt.error = error.message[:500]
        stale = isinstance(cause, StaleConnection)
        if stale:
            link.circuit.left()
        elif attempt.status in DROPPED or is_request_fault(attempt.http_status):
            link.circuit.succeeded()  # the server did its part
        else:
            link.circuit.failed(error.retry_after)
        failure = Failure(
            status=attempt.http_status,
            retryable=error.retryable,
            retry_after=error.retry_after,
            stale=stale,
        )
        return error, failure

    def _reserve(self, link: Link, attempt: Attempt, money: str) -> bool:
        """Set the attempt's worst case aside; False when no budget covers it."""
        attempt.reserve_usd = link.worst_case(attempt.model, self._features)
        return self._desk.ledger.reserve(money, attempt.reserve_usd)

    def _settle(self, link: Link, attempt: Attempt, money: str) -> None:
        refused = attempt.http_status is not None and attempt.http_status != 200
        if attempt.cost_usd is None and (link.free or refused or attempt.status == "connect_error"):
            attempt.cost_usd = 0.0  # errors are not billed; what broke off may have been
        if not link.free:
            self._desk.ledger.settle(money, attempt.cost_usd)

    def _elsewhere(self) -> bool:
        """Whether a later place could still answer."""
        tries_left = len(self._record.attempts) < self._desk.retries.attempts
        links = self._desk.links
        return tries_left and any(links[c.upstream].circuit.ready for c in self._after)
