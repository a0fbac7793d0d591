"""The journal's reader: a thread that takes records into the store, each exactly once.

The journal position is committed with the rows, so that wherever the process dies, the next one
goes on where the store ends. What earlier processes left open is closed as `interrupted` once their
segments are in. After each commit what ended is linked into conversations (`capture.linking`).

A segment is removed when it is wholly in the store, the store has it safe from power cuts (its log
was checkpointed), enough newer ones are kept, and nothing in it was lost.

The thread sleeps until the journal says that something was written, gathers for `batch_seconds`,
and lets the interpreter go every few records: the event loop comes first. When the store cannot be
written, `failure` says why; the journal holds the exchanges meanwhile, and it is tried again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy.exc

from capture import allocator
from capture.clock import now
from capture.framing import Gap, Position, Record, Segment, read, segments
from capture.journal import Journal
from capture.linking import Linker
from capture.store import Store, StoreError
from capture.store.rows import Loss
from capture.store.writer import Writer, record_loss

_BATCH_RECORDS = 1000
_BATCH_BYTES = 4 << 20
_BREATH_SECONDS = 50e-6
_RETRY_SECONDS = 1.0
_CHECKPOINT_BYTES = 16 << 20
"""Journal bytes taken between two checkpoints."""
_CHECKPOINT_IDLE_SECONDS = 5.0
_LOG_BYTES = 128 << 20
"""A write-ahead log grown past this, because readers kept it in use, is emptied at once."""
_BAD_RECORD = (
    sqlalchemy.exc.DataError,
    sqlalchemy.exc.IntegrityError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.ProgrammingError,
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
)
"""What a record can be to blame for; everything else is the store's trouble, and tried again. So is
what fails without the record, too."""

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Waiter:
    """Someone who waits until a position is in the store."""

    position: Position
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[bool]


@dataclass(frozen=True, slots=True)
class _Errand:
    """Something to be done with the store by the thread that writes it."""

    step: Callable[[Writer], Any]
    future: Future[Any]


class Ingester:
    """Tails one journal into one store, in its own thread."""

    def __init__(
        self, journal: Journal, store: Store, *, keep_segments: int, batch_seconds: float = 0.2
    ) -> None:
        assert store.writer is not None, "an ingester needs a store opened for writing"
        self._journal = journal
        self._writer = store.writer
        self._log_path = store.path.with_name(f"{store.path.name}-wal")
        self._keep_segments = keep_segments
        self._batch_seconds = batch_seconds
        self._position = Position(0, 0)
        self._epoch = ""
        self._safe = Position(0, 0)
        self._unsafe_bytes = 0
        self._mended = False
        self._linker = Linker(store.writer.links())
        self._failure: str | None = None
        self._link_failure: str | None = None
        self._lock = threading.Lock()
        self._waiters: list[_Waiter] = []
        self._errands: list[_Errand] = []
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)

    def start(self) -> None:
        """Start taking records; the journal must be open."""
        self._journal.subscribe(self._wake.set)
        self._wake.set()
        self._hurry.set()
        self._thread.start()

    def stop(self) -> None:
        """Take what is left, checkpoint, end the thread."""
        self._stopping = True
        self._hurry.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    async def catch_up(self, timeout: float = 2.0) -> bool:  # noqa: ASYNC109 - the seam's own word
        """Wait until all that was journalled before this call is in the store; False when that took
        longer than `timeout` seconds or nothing is ingesting."""
        loop = asyncio.get_running_loop()
        waiter = _Waiter(self._journal.written, loop, loop.create_future())
        with self._lock:
            if self._mended and self._position >= waiter.position:
                return True
            if not self._thread.is_alive():
                return False
            self._waiters.append(waiter)
        self._hurry.set()
        self._wake.set()
        try:
            return await asyncio.wait_for(waiter.future, timeout)
        except TimeoutError:
            return False

    async def do(self, step: Callable[[Writer], T]) -> T:
        """Have the thread do `step` between two batches, once all that was journalled before this
        call is in the store and linked. Raises what it raises, and StoreError when the store cannot
        be written or nothing is ingesting."""
        errand = _Errand(step, Future())
        with self._lock:
            if self._stopping or not self._thread.is_alive():
                raise StoreError("nothing is taking exchanges into the store")
            self._errands.append(errand)
        self._hurry.set()
        self._wake.set()
        return await asyncio.wrap_future(errand.future)

    @property
    def lag_bytes(self) -> int:
        """Journal bytes that are not in the store yet."""
        taken, written = self._position, self._journal.written
        if taken.segment == written.segment:
            return max(0, written.offset - taken.offset)
        waiting = sum(
            _size(segment)
            for segment in segments(self._journal.directory)
            if taken.segment <= segment.number < written.segment
        )
        return max(0, waiting - taken.offset) + written.offset

    @property
    def failure(self) -> str | None:
        """Why exchanges do not reach the store now; None when they do. The journal has them."""
        return self._failure or self._link_failure

    def _run(self) -> None:
        while not self._stopping:
            if not self._wake.wait(_CHECKPOINT_IDLE_SECONDS if self._unsafe_bytes else None):
                self._attempt(self._rest)
                continue
            self._hurry.wait(self._batch_seconds)
            self._hurry.clear()
            self._wake.clear()
            errands = self._asked_for()
            if not self._attempt(self._take_all):
                self._refuse(errands)
                self._wake.set()
                self._hurry.wait(_RETRY_SECONDS)
                continue
            self._run_errands(errands)
            if self._unsafe_bytes >= _CHECKPOINT_BYTES:
                self._attempt(self._checkpoint)
        self._attempt(self._take_all)
        self._attempt(lambda: self._checkpoint(truncate=True))
        self._refuse(self._asked_for())
        self._answer_waiters(last=True)

    def _asked_for(self) -> list[_Errand]:
        with self._lock:
            errands, self._errands = self._errands, []
        return errands

    def _run_errands(self, errands: list[_Errand]) -> None:
        """An edge: what goes wrong is the concern of who asked."""
        for errand in errands:
            if not errand.future.set_running_or_notify_cancel():
                continue
            try:
                result = errand.step(self._writer)
            except Exception as error:
                errand.future.set_exception(error)
            else:
                errand.future.set_result(result)

    def _refuse(self, errands: list[_Errand]) -> None:
        for errand in errands:
            if errand.future.set_running_or_notify_cancel():
                why = self._failure or "the store is being closed"
                errand.future.set_exception(StoreError(why))

    def _attempt(self, step: Callable[[], None]) -> bool:
        """Do one step; what goes wrong is kept as `failure` and said once. True when it went well.

        The thread's edge: whatever happens here, the gateway goes on and the journal keeps growing.
        """
        try:
            step()
        except Exception as error:
            cause = getattr(error, "orig", None) or error
            failure = f"cannot take exchanges into the store: {cause}"
            if failure != self._failure:
                _log.exception("ingest failed")
            self._failure = failure
            return False
        self._failure = None
        return True

    def _take_all(self) -> None:
        """Take everything the journal had when this was called."""
        written = self._journal.written
        self._resume()
        for segment in segments(self._journal.directory):
            if segment.number < self._position.segment or segment.number > written.segment:
                continue
            if segment.epoch == self._journal.epoch:
                self._mend()
            live = segment.number == written.segment
            self._take_segment(segment, written.offset if live else _size(segment))
        self._mend()
        self._link()
        self._answer_waiters()

    def _resume(self) -> None:
        """Go on where the store is: after a failure, too, it alone knows."""
        found = self._writer.position()
        if found is not None:
            self._position, self._epoch = found

    def _mend(self) -> None:
        """Once, when all of the earlier processes' segments are in: close what they left open."""
        if self._mended:
            return
        if (torn := self._journal.torn) is not None:
            reason = "half a record, cut off when the gateway started"
            segment, offset = torn.position
            self._writer.lose([Loss(segment, offset, torn.bytes, reason, now())])
        closed = self._writer.close_open(self._journal.epoch)
        if closed:
            _log.warning("closed %d exchanges that an earlier run left open", closed)
        self._mended = True

    def _take_segment(self, segment: Segment, limit: int) -> None:
        here = self._position.segment == segment.number and self._epoch == segment.epoch
        start = self._position.offset if here else 0
        if start >= limit:
            return
        fd = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for records, losses, end in _batches(fd, segment, start, limit):
                self._commit(segment, records, losses, Position(segment.number, end))
                self._unsafe_bytes += end - start
                start = end
                self._link()
                self._answer_waiters()
        finally:
            os.close(fd)

    def _commit(
        self, segment: Segment, records: list[Record], losses: list[Loss], position: Position
    ) -> None:
        """Commit a batch; where a record of it is to blame for a failure, all but that one."""
        try:
            ended = self._writer.take(segment.epoch, records, position, losses, _breathe)
        except _BAD_RECORD as error:
            if not records:
                raise
            if len(records) > 1:
                middle = len(records) // 2
                between = Position(segment.number, records[middle - 1].end)
                self._commit(segment, records[:middle], [], between)
                self._commit(segment, records[middle:], losses, position)
                return
            loss = record_loss(segment.number, records[0], f"{type(error).__name__}: {error}")
            ended = self._writer.take(segment.epoch, [], position, [*losses, loss])
        self._linker.add(ended)
        self._position, self._epoch = position, segment.epoch
        self._failure = None

    def _link(self) -> None:
        """Link what ended into conversations, once nothing older can come any more.

        An edge of its own: whatever happens here, exchanges go on into the store.
        """
        if not self._mended:
            return
        try:
            self._linker.run(_breathe)
        except Exception as error:
            cause = getattr(error, "orig", None) or error
            failure = f"cannot link exchanges into conversations: {cause}"
            if failure != self._link_failure:
                _log.exception("linking failed")
            self._link_failure = failure
        else:
            self._link_failure = None

    def _rest(self) -> None:
        """Nothing has come for a while: make the store safe, and give back what that took."""
        self._checkpoint()
        self._writer.shrink()
        allocator.give_back()

    def _checkpoint(self, *, truncate: bool = False) -> None:
        """Make the store safe from power cuts as far as it is, and let old segments go."""
        grown = self._log_path.exists() and self._log_path.stat().st_size > _LOG_BYTES
        position = self._position
        self._unsafe_bytes = 0
        if self._writer.checkpoint(truncate=truncate or grown):
            self._safe = position
            self._prune()

    def _prune(self) -> None:
        done = [s for s in segments(self._journal.directory) if s.number < self._safe.segment]
        needed = self._writer.damaged_segments() if done else set[int]()
        for segment in done[: max(0, len(done) - self._keep_segments)]:
            if segment.number not in needed:
                segment.path.unlink(missing_ok=True)

    def _answer_waiters(self, *, last: bool = False) -> None:
        with self._lock:
            reached = [w for w in self._waiters if last or self._reached(w.position)]
            self._waiters = [w for w in self._waiters if w not in reached]
        for waiter in reached:
            if not waiter.loop.is_closed():
                waiter.loop.call_soon_threadsafe(
                    _settle, waiter.future, self._reached(waiter.position)
                )

    def _reached(self, position: Position) -> bool:
        return self._mended and self._position >= position


def _settle(future: asyncio.Future[bool], reached: bool) -> None:
    if not future.done():
        future.set_result(reached)


def _breathe() -> None:
    """Let the event loop's thread have the interpreter: yielding without sleeping would take it
    back before that thread woke."""
    time.sleep(_BREATH_SECONDS)


def _size(segment: Segment) -> int:
    try:
        return segment.path.stat().st_size
    except FileNotFoundError:
        return 0


def _batches(
    fd: int, segment: Segment, start: int, limit: int
) -> Iterator[tuple[list[Record], list[Loss], int]]:
    """A segment's records in batches of bounded number and size, with what could not be read and
    the offset each batch reaches."""
    records: list[Record] = []
    losses: list[Loss] = []
    began = start
    end = start
    for found in read(fd, start, limit, segment.seed):
        end = found.end
        if isinstance(found, Gap):
            reason = "not readable as a record"
            size = found.end - found.start
            losses.append(Loss(segment.number, found.start, size, reason, now()))
        else:
            records.append(found)
        if len(records) >= _BATCH_RECORDS or end - began >= _BATCH_BYTES:
            yield records, losses, end
            records, losses, began = [], [], end
    if end > began:
        yield records, losses, end
