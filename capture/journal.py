"""The journal: every exchange, appended before its first byte goes upstream and again before its
last byte goes to the client.

What a call has returned from survives kill -9: it is with the system. A thread has the disk sync it
every `sync_ms`; `synced` waits for that, for who must survive power loss too. Nothing here reads
the records back: `ingest` does.

    begin   one record: who asked what, and what was decided
    part    raw upstream bytes of a long reply, so that nobody must hold it whole
    end     one record: all attempts, their raw bytes, what was delivered
    feedback  one record: what somebody said of an exchange, before they are told it was taken
    imported  one record: a whole exchange that somebody else served

A write that fails leaves no half record, raises JournalError and sets `failure`; writing is tried
again by every later call and twice a second by the thread, and `failure` clears when it works. A
sync that fails is never repeated on the same file: its unsynced records are remembered as not
durable, and a new segment is begun.

Values of headers that carry secrets never get in, whoever hands them over.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import orjson

from capture.exchange import ExchangeEnd, RouteDecision
from capture.feedback import Feedback
from capture.framing import Kind, Position, segments
from capture.imported import Imported, record
from capture.lock import DirectoryLock, Locked
from capture.plain import plain_candidate, plain_decision, plain_end
from capture.private import make_private_directory
from capture.segment_file import SegmentFile, Torn, cut_torn_tail, sync_directory
from capture.values import value

__all__ = ["SECRET_HEADERS", "Begin", "Journal", "JournalError", "JournalLocked", "Position"]

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "cookie", "set-cookie"}
)
"""Lower-case names of headers whose values are credentials."""
_PROBE_SECONDS = 0.5


class JournalError(OSError):
    """The journal cannot keep its promise now; its text says why."""


class JournalLocked(JournalError):
    """Another process writes this journal."""

    def __init__(self, cause: Locked) -> None:
        super().__init__(str(cause))
        self.pid = cause.pid
        """Of the holder; None when unknown."""


@value
class Begin:
    """An exchange at the moment it was decided."""

    id: str
    at: float
    """When the request's last byte was in; Unix seconds."""
    path: str
    """Of the request, without query."""
    key: str | None
    """Name of the API key; None when the gateway runs without keys."""
    headers: Mapping[str, str]
    """Request headers worth keeping: lower-case names, no credentials."""
    decision: RouteDecision
    request: bytes
    """The body as received."""
    stream: bool
    reserve_usd: float | None = None
    """Most that BURST was allowed to cost; counted as spent if the gateway dies before the end.
    None when nothing was reserved."""
    session: str | None = None
    """What its client calls the conversation; None when it does not say."""
    written: Written | None = None
    """The decision in JSON, where the caller has it already; None has it written out."""


class Written(NamedTuple):
    """A decision as a begin record holds it."""

    fields: bytes
    """What lists and budgets ask of it: the inside of a JSON object."""
    whole: bytes
    """All of it, as JSON."""


def written(decision: RouteDecision) -> Written:
    """A decision in JSON; requests that are decided alike share it."""
    chosen = decision.chosen
    fields = {
        "alias": decision.alias,
        "private": decision.private,
        "skill": decision.skill,
        "config_generation": decision.config_generation,
        "chosen": plain_candidate(chosen) if chosen else None,
    }
    return Written(orjson.dumps(fields)[1:-1], orjson.dumps(plain_decision(decision)))


@dataclass(frozen=True, slots=True)
class _Waiter:
    """Someone who waits for a position to be durable."""

    position: Position
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[None]


class Journal:
    """Append-only segments in one directory, held by one process.

    `begin`, `part`, `end`, `feedback` and `imported` are called by one thread, the event loop's.
    """

    def __init__(self, directory: Path, *, segment_bytes: int, sync_ms: int, epoch: str) -> None:
        self.directory = directory
        self.epoch = epoch
        """Random per process; 1 to 32 letters and digits."""
        self.torn: Torn | None = None
        """What `open` had to cut from the last run's segment; None when that was whole."""
        self._segment_bytes = segment_bytes
        self._sync_seconds = sync_ms / 1000
        self._directory_lock = DirectoryLock(directory)
        self._lock = threading.Lock()
        self._file: SegmentFile | None = None
        self._retired: list[SegmentFile] = []
        self._written = self._durable = Position(0, 0)
        self._doubtful: dict[int, int] = {}
        self._write_failure: str | None = None
        self._sync_failure: str | None = None
        self._waiters: list[_Waiter] = []
        self._listeners: list[Callable[[], None]] = []
        self._dirty = False
        self._work = threading.Event()
        self._hurry = threading.Event()
        self._closing = False
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="journal-sync", daemon=True)

    def open(self) -> None:
        """Take the directory, mend what a killed writer left, begin a segment, start syncing.

        Raises JournalLocked when another process has the directory, JournalError otherwise.
        """
        try:
            make_private_directory(self.directory)
            self._directory_lock.acquire()
            earlier = segments(self.directory)
            self.torn = cut_torn_tail(earlier[-1]) if earlier else None
            last = earlier[-1].number if earlier else 0
            # numbers go on increasing even when somebody empties the directory
            self._begin_segment(max(last + 1, int(time.time())))
            sync_directory(self.directory)
        except Locked as error:
            raise JournalLocked(error) from error
        except OSError as error:
            self._directory_lock.release()
            raise JournalError(f"cannot open the journal in {self.directory}: {error}") from error
        self._thread.start()

    def begin(self, begin: Begin) -> Position:
        """Record an exchange before anything of it goes upstream. Raises JournalError."""
        fields, decided = begin.written or written(begin.decision)
        kept = {k: v for k, v in begin.headers.items() if k.lower() not in SECRET_HEADERS}
        # the reader passes these two on as they are, so they stand apart from what it reads
        headers = orjson.dumps(kept)
        meta = orjson.dumps(
            {
                "at": begin.at,
                "path": begin.path,
                "key": begin.key,
                "stream": begin.stream,
                "reserve_usd": begin.reserve_usd,
                "session": begin.session,
                "sizes": (len(headers), len(decided)),
            }
        )
        meta = b"%b,%b}" % (meta[:-1], fields)
        return self._append(Kind.BEGIN, begin.id, meta, (headers, decided, begin.request))

    def part(self, exchange_id: str, data: bytes) -> Position:
        """Record upstream bytes of an exchange that goes on. Raises JournalError."""
        return self._append(Kind.PART, exchange_id, b"", (data,))

    def end(
        self, exchange_id: str, end: ExchangeEnd, raw: Sequence[bytes], delivered: bytes | None
    ) -> Position:
        """Record all of an exchange before its last byte goes out. Raises JournalError.

        `raw` holds the upstream's response bytes per attempt, in the order of `end.attempts`; the
        last one goes on from the parts. `delivered` is what the client got where that differs.
        """
        sizes = list(map(len, raw))
        kept = None if delivered is None else len(delivered)
        meta = orjson.dumps({"end": plain_end(end), "raw": sizes, "delivered": kept})
        body = tuple(raw) if delivered is None else (*raw, delivered)
        return self._append(Kind.END, exchange_id, meta, body)

    def feedback(self, feedback: Feedback) -> Position:
        """Record what somebody said. Raises JournalError."""
        return self._append(Kind.FEEDBACK, feedback.id, orjson.dumps(feedback), ())

    def imported(self, imported: Imported) -> Position:
        """Record an exchange that somebody else served. Raises JournalError."""
        return self._append(Kind.IMPORTED, imported.id, *record(imported))

    async def synced(self, position: Position) -> None:
        """Return once the disk has everything up to `position`. Raises JournalError when it never
        will."""
        waiter: _Waiter | None = None
        with self._lock:
            settled = self._settled(position)
            if settled is None:
                loop = asyncio.get_running_loop()
                waiter = _Waiter(position, loop, loop.create_future())
                self._waiters.append(waiter)
        if waiter is not None:
            self._hurry.set()
            self._work.set()
            await waiter.future
        elif not settled:
            raise JournalError(self._sync_failure or "this record could not be synced to disk")

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have `listener` called, from the sync thread, some time after something was written."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Sync, stop the thread and let the directory go; does nothing the second time."""
        if self._closing:
            return
        self._closing = True
        self._hurry.set()
        self._work.set()
        if self._thread.ident is not None:
            self._thread.join()
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
        self._directory_lock.release()

    @property
    def failure(self) -> str | None:
        """Why exchanges cannot be kept durably now; None when they can."""
        return self._write_failure or self._sync_failure

    @property
    def written(self) -> Position:
        """Just past the last record."""
        return self._written

    @property
    def durable(self) -> Position:
        """Just past the last record that the disk has, as far as it told."""
        return self._durable

    @property
    def doubtful(self) -> int:
        """How many segments could not be synced since the start: a power cut may take the last
        records of each. Never goes down."""
        return len(self._doubtful)

    def _append(self, kind: Kind, exchange_id: str, meta: bytes, body: Sequence[bytes]) -> Position:
        with self._lock:
            try:
                file = self._file
                if (
                    file is None
                    or self._closing
                    or not file.usable
                    or file.size >= self._segment_bytes
                ):
                    file = self._writable()
                file.append(kind, exchange_id, meta, body)
            except OSError as error:
                self._write_failure = f"cannot write the journal: {error}"
                self._work.set()
                raise JournalError(self._write_failure) from error
            self._write_failure = None
            self._written = position = Position(file.segment.number, file.size)
        if not self._dirty:
            self._dirty = True
            self._work.set()
        return position

    def _writable(self) -> SegmentFile:
        """The segment to write to, a new one when the last is full or given up."""
        file = self._file
        if file is None or self._closing:
            raise OSError("it is closed")
        if file.usable and file.size < self._segment_bytes:
            return file
        return self._begin_segment(file.segment.number + 1)

    def _begin_segment(self, number: int) -> SegmentFile:
        file = SegmentFile(self.directory, number, self.epoch)
        if self._file is not None:
            self._retired.append(self._file)
        self._file = file
        self._written = file.end
        return file

    def _settled(self, position: Position) -> bool | None:
        """True: durable. False: never will be. None: not yet."""
        if position.offset > self._doubtful.get(position.segment, position.offset):
            return False
        if position <= self._durable:
            return True
        return False if self._stopped else None

    def _run(self) -> None:
        """The sync thread."""
        while not self._closing:
            self._work.wait(None if self.failure is None else _PROBE_SECONDS)
            self._hurry.wait(self._sync_seconds)
            self._hurry.clear()
            self._work.clear()
            self._dirty = False
            if self.failure is not None:
                self._probe()
            self._sync()
            for listener in self._listeners:
                listener()
        self._sync()
        with self._lock:
            self._stopped = True
        self._release_waiters()

    def _probe(self) -> None:
        """See whether writing works again."""
        with self._lock:
            try:
                self._writable().probe()
            except OSError as error:
                self._write_failure = f"cannot write the journal: {error}"
            else:
                self._write_failure = None

    def _sync(self) -> None:
        """Put all that is written on disk, oldest first."""
        with self._lock:
            retired, self._retired = self._retired, []
            file = self._file
            files = [*retired, file] if file is not None and file.usable else retired
            ends = [each.end for each in files]
            full = bool(self._waiters)
        try:
            if retired:
                sync_directory(self.directory)
        except OSError as error:
            self._sync_failure = f"cannot sync the journal: {error}"
        for each, end in zip(files, ends, strict=True):
            self._sync_file(each, end, full=full)
        for each in retired:
            each.close()
        self._release_waiters()

    def _sync_file(self, file: SegmentFile, end: Position, *, full: bool) -> None:
        if end <= self._durable:
            return
        number = file.segment.number
        try:
            if file.usable:
                file.sync(full=full)
        except OSError as error:
            with self._lock:
                file.usable = False
                self._sync_failure = f"cannot sync the journal: {error}"
        with self._lock:
            if file.usable:
                self._durable = end
                if number not in self._doubtful:
                    self._sync_failure = None
            else:
                known = self._durable.offset if self._durable.segment == number else 0
                self._doubtful.setdefault(number, known)

    def _release_waiters(self) -> None:
        with self._lock:
            outcomes = [(waiter, self._settled(waiter.position)) for waiter in self._waiters]
            self._waiters = [waiter for waiter, settled in outcomes if settled is None]
        for waiter, settled in outcomes:
            if settled is not None:
                _resolve(waiter, None if settled else self._sync_failure or "the journal is closed")


def _resolve(waiter: _Waiter, failure: str | None) -> None:
    """Let a waiter go on, in its own event loop."""

    def settle() -> None:
        if waiter.future.done():
            return
        if failure is None:
            waiter.future.set_result(None)
        else:
            waiter.future.set_exception(JournalError(failure))

    if not waiter.loop.is_closed():
        waiter.loop.call_soon_threadsafe(settle)


def new_epoch() -> str:
    """A random epoch for a process."""
    return os.urandom(8).hex()
