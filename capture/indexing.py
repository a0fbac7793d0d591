"""The thread that takes the words of exchanges into `capture.recall`, once they are linked, with a
vector of what was asked and what it all comes down to.

It is in nobody's way: it waits for a second in which nothing happens, ten at most, then takes a few
at a time, and lets twenty times as long pass. What it cannot do is kept as `failure`; searching
then finds what was taken in before. Where a model at home makes the vectors, or distils
(`capture.recall_models`), it is asked from here alone (`capture.model_work`); what goes wrong with
it is `model_failures`, and words are taken in all the same.

What this needs is imported by the thread: a gateway that starts does not wait for it.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from capture.clock import now
from capture.ids import first_id
from capture.recall_models import Models
from capture.store import Store

if TYPE_CHECKING:  # the thread imports them
    from capture.model_work import ModelWork
    from capture.recall import Document, Recall
    from capture.redact import Level, Redactor

_TICK_SECONDS = 1.0
_BUSY_TICKS = 10
_SHARE = 20
"""One part in so many of a core's time."""
_AT_ONCE = 100
_LATE_SECONDS = 7200.0
"""An exchange may end this long after a newer one was taken in."""
_LOOK_BACK_SECONDS = 60.0
"""How often those are looked for."""
_BREATH_SECONDS = 0.002
_STOP_SECONDS = 2.0
"""A model that is being asked is not waited for any longer at the end."""

_log = logging.getLogger(__name__)


class Indexer:
    """Follows one store, in its own thread."""

    def __init__(
        self,
        store: Store,
        path: Path,
        redactor: Callable[[], Redactor],
        traffic: Callable[[], object] = lambda: None,
        models: Callable[[], Models] = Models,
    ) -> None:
        """`redactor` and `models` give those that count now; what `traffic` gives changes with
        traffic."""
        self._store = store
        self._path = path
        self._redactor = redactor
        self._recall: Recall | None = None
        self._level: Level | None = None
        """Of what is open."""
        self._traffic = traffic
        self._models = models
        self._work: ModelWork | None = None
        """None until it is open."""
        self._since = ""
        """Up to this id everything is in, but for what ended late; all is looked through once."""
        self._looked_back = 0.0
        """When that was last looked for, on the monotonic clock."""
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._asking = threading.Event()
        """Set while models are asked."""
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._run, name="index", daemon=True)

    def start(self) -> None:
        """Start taking words in."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is left is taken in by the next process."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_SECONDS if self._asking.is_set() else None)
        if self._recall is not None:
            self._recall.close()

    @property
    def recall(self) -> Recall | None:
        """Where to search; None until it is open."""
        return self._recall

    @property
    def failure(self) -> str | None:
        """Why words are not taken in now; None when they are."""
        return self._failure

    @property
    def model_failures(self) -> Sequence[str]:
        """What models at home were asked for and did not give."""
        return () if self._work is None else self._work.failures

    def _run(self) -> None:
        while not self._stopping.is_set():
            began = time.thread_time()
            try:
                self.open()
                self.step()
                self.ask()
            except (sqlite3.Error, SQLAlchemyError, OSError) as error:  # the thread's edge
                if self._stopping.is_set():
                    return
                failure = f"cannot take words in for searching: {error}"
                if failure != self._failure:
                    _log.exception("indexing failed")
                self._failure = failure
            else:
                self._failure = None
            self._stopping.wait(_SHARE * (time.thread_time() - began))
            self._wait_for_quiet()

    def _wait_for_quiet(self) -> None:
        """Wait for a second in which nothing happens, but not for ever."""
        for _ in range(_BUSY_TICKS):
            before = self._traffic()
            if self._stopping.wait(_TICK_SECONDS) or self._traffic() == before:
                return

    def open(self) -> None:
        """Open what is searched, anew when the settings redact on another level now."""
        from capture.model_work import ModelWork
        from capture.recall import Recall

        level = self._redactor().level
        if level == self._level:
            return
        with self._lock:
            if self._recall is not None:
                recall, self._recall = self._recall, None
                recall.close()
            embedder = self._models().embedder
            self._recall = Recall.open(self._path, self._store.path, level, embedder)
            self._work = ModelWork(self._recall)
            self._level, self._since = level, ""
            if gone := self._recall.orphans():
                self._recall.forget(gone)

    def forget(self, exchanges: Sequence[str]) -> None:
        """Take out the words of exchanges that are in the store no more."""
        with self._lock:  # what a step has read of them is in before
            if self._recall is not None:
                self._recall.forget(exchanges)

    def look_back(self, oldest: str) -> None:
        """Look from this id on again: exchanges that happened long ago came into the store."""
        with self._lock:
            self._since = min(self._since, oldest[:-1])  # less than this id and all after it

    def step(self) -> int:
        """Take in the words of a few exchanges; returns how many there were."""
        with self._lock:
            return self._step()

    def ask(self) -> None:
        """Have a few vectors made and an exchange distilled by whoever does that now."""
        assert self._work is not None
        self._asking.set()
        try:
            if not self._stopping.is_set():
                self._work.do(self._models())
        finally:
            self._asking.clear()

    def _step(self) -> int:
        assert self._recall is not None
        if time.monotonic() - self._looked_back > _LOOK_BACK_SECONDS:
            self._since = min(self._since, first_id(now() - _LATE_SECONDS))
            self._looked_back = time.monotonic()
        unread = self._recall.unread(self._since, _AT_ONCE)
        if not unread:
            return 0
        documents: list[Document] = []
        redactor = self._redactor()
        for id_ in unread:
            documents.append(_document(self._store, id_, redactor))
            time.sleep(_BREATH_SECONDS)  # whoever answers requests comes first
        self._recall.add(documents)
        self._since = unread[-1]
        return len(unread)


def take_in(store: Store, recall: Recall, redactor: Redactor) -> int:
    """Take in all that is left, where no gateway does; returns how many exchanges that were.
    Vectors are made where that takes no model: asking one for many is the gateway's."""
    from capture.model_work import embed_all
    from capture.recall_models import BUILT_IN

    taken = 0
    while unread := recall.unread("", _AT_ONCE):
        recall.add([_document(store, id_, redactor) for id_ in unread])
        taken += len(unread)
    if recall.vectors.embedder is BUILT_IN:
        embed_all(recall)
    return taken


def _document(store: Store, id_: str, redactor: Redactor) -> Document:
    """One exchange as it is searched. Nothing of it that is not redacted gets any further."""
    from capture.distill import distill, written
    from capture.recall import Document

    words = store.words(id_)
    asked, answered = redactor.said(words.asked), redactor.said(words.answered)
    calls = [(redactor.said(name), redactor.said(arguments)) for name, arguments in words.calls]
    skill = None if words.skill is None else redactor.text(words.skill)
    told = distill(asked, answered, calls, skill)
    return Document(
        id_,
        asked,
        answered,
        redactor.text("\n".join(f"{name} {arguments}" for name, arguments in calls)),
        tags=tuple(tag for tag in words.tags if redactor.text(tag) == tag),
        distilled=None if told is None else written(told),
    )
