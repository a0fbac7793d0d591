"""The running gateway: everything that lives as long as the process, and what a reload replaces.

Built by `Runtime.start`, ended by `stop`. Endpoints and pages see it through
`gateway.endpoints.seam`; the hot path works with `seats`. A changed `majordomo.yaml` is built whole
beside what serves, then put in its place; requests in flight finish on what they began with.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capture import clock
from capture.adapters import base_sha256
from capture.addresses import is_loopback
from capture.exchange import ExchangeEnd
from capture.indexing import Indexer
from capture.ingest import Ingester
from capture.journal import Journal, new_epoch
from capture.redact import Redactor
from capture.sessions import session_of
from capture.store import Store
from capture.weekly import Week
from gateway import abandonment, budget, packing, pricing, redaction, retention, vetting, weeks
from gateway.adapters import AdapterWatch
from gateway.approval import attend
from gateway.auth import HostGuard, Keyring
from gateway.budget import Ledger
from gateway.config import ConfigErrors, ConfigWatcher, Loaded
from gateway.decisions import NOTHING_KNOWN, Decisions, Known
from gateway.desk import Desk
from gateway.fleet import Links
from gateway.flight import Flight, InFlight
from gateway.forgetting import Forgotten, forget
from gateway.heard import Heard
from gateway.history import HistoryKeeper, homes_of
from gateway.home import Home
from gateway.hourly import hourly
from gateway.keys import KeysError
from gateway.models import list_models
from gateway.policy import build_policy
from gateway.rehearsal import Rehearsed, rehearse
from gateway.retry import RetryBudget
from gateway.seats import Current, Seats
from gateway.seeing import Sight, is_turn, see
from gateway.settings import Settings
from gateway.telemetry import Telemetry
from gateway.thinking import ThinkingStore
from gateway.upstreams.base import ChatRequest
from gateway.upstreams.home_models import models_of
from gateway.upstreams.house import HouseServer
from gateway.version import VERSION
from gateway.warm_thinking import warm_thinking
from routers import schemas
from routers.escalation import Policy
from routers.features import Fleet
from routers.latch import Latch
from routers.thresholds import Aim

if TYPE_CHECKING:  # loaded where they are needed
    from capture.recall import Recall
    from gateway.brains import Brains

HOUSE_MODEL = Path(__file__).parent / "house_model"
_CATCH_UP_SECONDS = 30.0
"""How long starting waits for the last run's journal to reach the store: budgets depend on it."""

_WARMING_SECONDS = 1.0
"""How long starting waits for Claude's thinking to be remembered: a request that comes before goes
without its own."""

log = logging.getLogger("gateway.runtime")


class Runtime:
    """See the module. Belongs to the event loop."""

    def __init__(self, home: Home, config: ConfigWatcher, listening_on: str) -> None:
        settings = config.current.settings
        capture = settings.capture
        self._listening_on = listening_on
        self.home = home
        self.config = config
        self.started_at = time.time()
        self.base_url = ""
        """Set once the port is bound."""
        self.draining = False
        self.telemetry = Telemetry()
        self.thinking = ThinkingStore()
        self.heard = Heard()
        self.journal = Journal(
            home.journal,
            segment_bytes=capture.segment_bytes,
            sync_ms=capture.sync_ms,
            epoch=new_epoch(),
        )
        self._salt = redaction.salt(home)
        self._keys_required = not is_loopback(listening_on)
        self.keyring = Keyring.load(home.keys, required=self._keys_required)
        self.keys_failure: str | None = None
        """Why the keys file as it is now was refused; None when its keys are the ones that open."""
        self.guard = HostGuard(listening_on, settings.server.allowed_hosts)
        self.house: HouseServer | None = None
        self._follows: asyncio.Task[None] | None = None
        self._learns: asyncio.Task[None] | None = None
        self.store: Store
        self.ingester: Ingester
        self.indexer: Indexer
        self.ledger: Ledger
        self.seats: Seats
        self._known = NOTHING_KNOWN
        self._recall_models = models_of(settings)
        self._retry_budget = RetryBudget(settings.retries.budget_ratio)
        self._keys_stamp = _stamp(home.keys)
        self._chores: list[asyncio.Task[None]] = []

    @classmethod
    async def start(cls, home: Home, config: ConfigWatcher, *, listening_on: str) -> Runtime:
        """Open the journal and the store, start what must run, and be ready to serve.

        Raises JournalError, StoreError or OSError; nothing is left open then.
        """
        loaded = config.current
        self = cls(home, config, listening_on)
        self.journal.open()
        try:
            await self._open(loaded)
        except BaseException:
            self.journal.close()
            raise
        return self

    async def _open(self, loaded: Loaded) -> None:
        self.store = await asyncio.to_thread(Store.open, self.home.database)
        self.ingester = Ingester(
            self.journal, self.store, keep_segments=loaded.settings.capture.keep_segments
        )
        self.ingester.start()
        if not await self.ingester.catch_up(_CATCH_UP_SECONDS):
            log.warning("the last run's journal is not in the store yet: budgets may start too low")
        now = clock.now()
        limits = loaded.settings.escalation.budget
        self.ledger = Ledger(
            limits.day_usd,
            limits.month_usd,
            await asyncio.to_thread(self.store.spent, budget.day_start(now)),
            await asyncio.to_thread(self.store.spent, budget.month_start(now)),
            clock.now,
        )
        await self._start_house(loaded.settings)
        self.seats = Seats(self._build(loaded), self.telemetry)
        self.seats.start()
        self._learn(None)
        self.indexer = Indexer(
            self.store,
            self.home.search,
            lambda: self.redactor,
            lambda: self.journal.written,
            lambda: self._recall_models,
        )
        self.indexer.start()
        history = HistoryKeeper(
            self.store, self.home.adapters, _house_base, self._know, self._asks_recent
        )
        homes = self._homes()
        if homes is not None:
            await history.refresh(homes)
        self.config.on_change(self._reload)
        self.config.start()
        links = self.seats.current.desk.links
        warming = asyncio.create_task(warm_thinking(self.store, links), name="warm-thinking")
        await asyncio.wait({warming}, timeout=_WARMING_SECONDS)
        self._chores = [
            asyncio.create_task(self._watch_keys(), name="watch-keys"),
            warming,
            asyncio.create_task(history.follow(self._homes), name="history"),
            *(
                asyncio.create_task(hourly(name, step), name=name)
                for name, step in self._hourly().items()
            ),
        ]
        if loaded.settings.escalation.verify != "off":
            self._chores.append(asyncio.create_task(asyncio.to_thread(schemas.warm)))
        if links.priced:
            self._chores.append(asyncio.create_task(asyncio.to_thread(pricing.warm)))

    def _hourly(self) -> Mapping[str, Callable[[], Awaitable[object]]]:
        """Chores by name."""
        return {
            "abandonment": lambda: abandonment.notice(self.ingester),
            "packing": lambda: packing.pack(self.ingester),
            "vetting": lambda: vetting.keep_up(self.ingester, vetting.trust_of(self.settings)),
            "weeks": lambda: weeks.keep(self.ingester),
            "retention": lambda: retention.drop_old(
                self.ingester, self.home.training, self.settings.capture.keep_days
            ),
        }

    async def stop(self) -> None:
        """End everything; what is journalled reaches the store first, if it can."""
        self.draining = True
        self.seats.stop()
        self.config.stop()
        for chore in self._chores:
            chore.cancel()
        self.seats.current.desk.links.close()
        self._unfollow()
        if self._learns is not None:
            self._learns.cancel()
        if self.house is not None:
            await self.house.stop()
        await self.ingester.catch_up(5.0)
        await asyncio.to_thread(self.indexer.stop)
        await asyncio.to_thread(self.ingester.stop)
        await asyncio.to_thread(self.journal.close)
        self.store.close()

    # what endpoints and pages see

    @property
    def recall(self) -> Recall | None:
        return self.indexer.recall

    @property
    def recall_failures(self) -> Sequence[str]:
        failure = self.indexer.failure
        return (*(() if failure is None else (failure,)), *self.indexer.model_failures)

    @property
    def settings(self) -> Settings:
        return self.seats.current.settings

    @property
    def redactor(self) -> Redactor:
        return Redactor(self.settings.capture.redact, self._salt)

    def fleet(self) -> Fleet:
        return self.seats.current.desk.links.fleet()

    def in_flight(self) -> Sequence[InFlight]:
        return self.seats.snapshot()

    def models(self) -> list[dict[str, Any]]:
        return list_models(self.fleet(), int(self.started_at))

    def status(self) -> dict[str, Any]:
        """How it is doing, for `majordomo status`: no secrets, nothing of any request."""
        current = self.seats.current
        error = self.config.error
        writer = self._recall_models.writer
        return {
            "version": VERSION,
            "pid": os.getpid(),
            "base_url": self.base_url,
            "home": str(self.home.root),
            "started_at": self.started_at,
            "uptime_s": time.time() - self.started_at,
            "draining": self.draining,
            "in_flight": len(self.seats),
            "keys": bool(self.keyring),
            "keys_failure": self.keys_failure,
            "config": {
                "path": str(self.home.settings),
                "generation": current.generation,
                "error": None if error is None else str(error),
                "restart_needed": list(self.config.current.restart_needed),
                "warnings": list(self.config.current.warnings),
            },
            "modes": [
                {
                    "mode": place.mode,
                    "upstream": place.upstream,
                    "model": place.model,
                    "local": place.local,
                    "context_length": place.context_length,
                    "adapter": place.adapter,
                    "circuit": current.desk.links[place.upstream].circuit.state,
                }
                for place in self.fleet().places
            ],
            "capture": {
                "durability": current.settings.capture.durability,
                "journal_failure": self.journal.failure,
                "ingest_failure": self.ingester.failure,
                "ingest_lag_bytes": self.ingester.lag_bytes,
                "index_failure": self.indexer.failure,
                "recall": {
                    "embedder": self._recall_models.embedder.name,
                    "distiller": None if writer is None else writer.name,
                    "failures": list(self.indexer.model_failures),
                },
            },
            "house": None
            if self.house is None
            else {
                "ready": self.house.ready.is_set(),
                "pid": self.house.pid,
                "failure": self.house.failure,
                "restarts": self.house.restarts,
                "adapter": self.house.adapter,
                "adapter_wanted": self.house.wanted,
                "adapter_failure": self.house.adapter_failure,
            },
        }

    def weeks(self) -> tuple[Week, ...]:
        """Each week's figures, oldest first. Blocks."""
        return weeks.weeks_of(self.store, self.home, self.settings)

    async def forget(self, id: str) -> Forgotten | None:
        """Forget the conversation of this exchange everywhere (`gateway.forgetting`)."""
        flying = [flight.id for flight in self.in_flight()]
        return await forget(self.home, self.store, self.ingester, id, flying, self.indexer.forget)

    def came_late(self, oldest: str) -> None:
        """Have words taken in of exchanges that came into the store long after they happened."""
        self.indexer.look_back(oldest)

    def rehearse(
        self, request: ChatRequest, headers: Mapping[str, str], key: str | None
    ) -> Rehearsed:
        """What would become of a request now; nothing comes of it. Raises UnknownModel."""
        current, seats = self.seats.current, self.seats
        session, now = session_of(headers, request.body, current.session_headers), clock.now()
        heard = None
        if current.approval is not None:
            heard = attend(seats.words, current.approval, request, headers, key, session, now)
            request = heard.request
        features, _ = see(current.sight, seats.conversations, request, headers, key, session, now)
        if heard is not None:
            features = heard.onto(features)
        found = rehearse(current.decisions, current.desk.links, features)
        return found if heard is None else replace(found, asks=heard.asks and found.costs)

    # reloading

    def _build(self, loaded: Loaded, old: Desk | None = None) -> Current:
        settings = loaded.settings
        before = None if old is None else old.links
        links = Links(
            settings, loaded.generation, thinking=self.thinking, house=self.house, before=before
        )
        policy = build_policy(settings.escalation, settings.skills)
        desk = Desk(
            journal=self.journal,
            ledger=self.ledger,
            links=links,
            retries=settings.retries,
            budget=self._retry_budget,
            capture=settings.capture,
            on_end=self._count,
            holds_words=settings.escalation.hold == "replies",
            brains=self._brains(policy, links, None if old is None else old.brains),
        )
        return Current(
            settings,
            settings.server.limits,
            loaded.generation,
            Decisions(policy, links, self.ledger, self._known),
            desk,
            session_headers=settings.capture.session_headers,
            sight=Sight.of(policy, settings.escalation.timezone),
            approval=(policy.latch or Latch()) if policy.approval else None,
        )

    async def _reload(self, loaded: Loaded) -> None:
        """Put a changed file in place of what serves."""
        limits = loaded.settings.escalation.budget
        old = self.seats.current
        await self._start_house(loaded.settings)
        self.seats.current = self._build(loaded, old.desk)
        self._learn(old.desk.brains)
        self._retire_house(loaded.settings)
        self._recall_models = models_of(loaded.settings)
        self.ledger.relimit(limits.day_usd, limits.month_usd)
        self.guard = HostGuard(self._listening_on, loaded.settings.server.allowed_hosts)
        old.desk.links.close()
        log.info("settings loaded", extra={"generation": loaded.generation})

    async def _start_house(self, settings: Settings) -> None:
        """Run the house model's process once some upstream is `kind: house`."""
        if self.house is None and _wants_house(settings):
            self.house = HouseServer(HOUSE_MODEL, self.home.house_log)
            watch = AdapterWatch(self.home.adapters, self.house)
            await watch.first()
            await self.house.start()
            self._follows = asyncio.create_task(watch.follow(), name="follow-adapters")

    def _retire_house(self, settings: Settings) -> None:
        """Stop it once none is, after the replies it is giving."""
        if self.house is not None and not _wants_house(settings):
            house, self.house = self.house, None
            self._unfollow()
            task = asyncio.create_task(self._stop_idle(house), name="retire-house")
            self._chores.append(task)

    def _unfollow(self) -> None:
        follows, self._follows = self._follows, None
        if follows is not None:
            follows.cancel()

    async def _stop_idle(self, house: HouseServer) -> None:
        before = {flight.id for flight in self.in_flight()}
        for _ in range(self.settings.server.drain_seconds):
            if before.isdisjoint(flight.id for flight in self.in_flight()):
                break
            await asyncio.sleep(1.0)
        await house.stop()

    def _brains(self, policy: Policy, links: Links, before: Brains | None) -> Brains | None:
        """The learning router; the one before, where that is asked for the same."""
        homes = tuple([p.mode for p in links.well.places if p.local and p.mode is not None])
        if policy.max_loss is None or not homes:
            return None
        from gateway.brains import Brains

        aim = Aim(max_loss=policy.max_loss)
        if before is not None and (before.homes, before.aim) == (homes, aim):
            return before
        return Brains(self.store, homes, aim, self.fleet)

    def _learn(self, before: Brains | None) -> None:
        """Have the learning router taught that serves now."""
        brains = self.seats.current.desk.brains
        if brains is before:
            return
        if self._learns is not None:
            self._learns.cancel()
        follow = None if brains is None else brains.follow()
        self._learns = None if follow is None else asyncio.create_task(follow, name="brains")

    def _homes(self) -> frozenset[tuple[str, str]] | None:
        """The places whose history counts; None while no request asks for any."""
        current = self.seats.current
        return homes_of(current.desk.links) if current.decisions.learned else None

    def _asks_recent(self) -> bool:
        return self.seats.current.decisions.asks_recent

    def _know(self, known: Known) -> None:
        self._known = known
        self.seats.current.decisions.know(known)

    async def _watch_keys(self) -> None:
        """Take made and revoked keys at once; keep the ring while the file cannot be read."""
        while True:
            await asyncio.sleep(1.0)
            try:
                self._take_keys()
            except (KeysError, OSError) as error:
                if self.keys_failure is None:
                    log.warning("the keys file was refused, the keys before still open: %s", error)
                self.keys_failure = str(error)

    def _take_keys(self) -> None:
        stamp = _stamp(self.home.keys)
        if stamp != self._keys_stamp or self.keys_failure is not None:
            self.keyring = Keyring.load(self.home.keys, required=self._keys_required)
            self._keys_stamp = stamp
            self.keys_failure = None

    def _count(self, flight: Flight, end: ExchangeEnd) -> None:
        self.telemetry.exchange(end, flight.decision)
        if end.status == "ok" and flight.conversation is not None and flight.candidate is not None:
            turn = is_turn(flight.request.body["messages"])
            self.seats.conversations.answered(
                flight.conversation, flight.candidate.mode, clock.now(), turn=turn
            )


def _house_base() -> str | None:
    return base_sha256(HOUSE_MODEL)


def _wants_house(settings: Settings) -> bool:
    return any(upstream.kind == "house" for upstream in settings.upstreams.values())


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is replaced; None when it is not there."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


__all__ = ["ConfigErrors", "Runtime"]
