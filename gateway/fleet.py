"""The upstreams as they stand: each with its dialect, its connections and its circuit.

`Links` is built whole from one load of the settings and closed whole when the next replaces it;
requests in flight finish on the links they began with. `view` turns it into the values a decision
looks at.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from capture.exchange import Attempt, Mode
from capture.messages import Usage
from gateway import pricing
from gateway.circuit import Circuit
from gateway.dialects.anthropic_models import traits
from gateway.settings import Settings, Target, UpstreamSettings
from gateway.thinking import ThinkingStore
from gateway.upstreams.anthropic import Anthropic
from gateway.upstreams.base import Prepared, Upstream
from gateway.upstreams.house_lease import Lease, LeasedReply
from gateway.upstreams.mlx_lm import MlxLm
from gateway.upstreams.openai_compatible import OpenAICompatible
from gateway.upstreams.transport import (
    ConnectFailed,
    DeadlineExceeded,
    HttpTransport,
    Reply,
    Transport,
)
from routers.features import Features, Fleet, Place

_UNBOUNDED_REPLY = 131_072
"""Tokens of one reply reserved for where neither the request nor the settings name a limit."""
ANTHROPIC_URL = "https://api.anthropic.com"


class House(Protocol):
    """The child process that serves the house model, as a link needs it."""

    ready: asyncio.Event
    failure: str | None

    @property
    def base_url(self) -> str:
        """Empty when this machine cannot run it; `failure` says why."""
        ...

    @property
    def adapter(self) -> str | None:
        """Id of the adapter that answers now; None for the base alone."""
        ...

    def lease(self) -> Lease:
        """Where to send one request, once `ready`; that child stays until the lease ends."""
        ...


@dataclass(slots=True)
class Link:
    """One upstream, ready to be used."""

    name: str
    settings: UpstreamSettings
    dialect: Upstream
    circuit: Circuit
    local: bool
    free: bool
    translates: bool
    """Its replies are rendered anew for the client, so both forms are kept."""
    transport: Transport
    house: House | None = None
    """The child process behind it; None for every upstream that is not ours to run."""
    _base_url: str = ""

    @property
    def adapter(self) -> str | None:
        """Id of the adapter it answers with now; None for the base alone, and for models whose
        weights are not ours to choose."""
        return None if self.house is None else self.house.adapter

    def post(self, prepared: Prepared, attempt: Attempt) -> Awaitable[Reply]:
        """Send one request and wait for the head of its reply. `attempt` learns which adapter it
        went to. Raises TransportError."""
        if self.house is not None:
            return self._post_home(prepared, attempt, self.house)
        return self.transport.post(prepared, self.settings.deadlines)

    async def _post_home(self, prepared: Prepared, attempt: Attempt, house: House) -> Reply:
        lease = await self._follow(house)
        attempt.adapter = lease.adapter
        try:
            reply = await self.transport.post(prepared, self.settings.deadlines)
        except BaseException:
            lease.end()
            raise
        return LeasedReply(reply, lease)

    async def _follow(self, house: House) -> Lease:
        """Wait for the house model's process, and go where the one that answers now listens."""
        seconds = self.settings.deadlines.first_token
        if not house.base_url:
            raise ConnectFailed(f"the house model cannot run here: {house.failure}")
        try:
            async with asyncio.timeout(seconds):
                await house.ready.wait()
        except TimeoutError:
            raise DeadlineExceeded("first_token", seconds) from None
        lease = house.lease()
        if lease.base_url != self._base_url:
            self.transport.close()
            self.transport, self._base_url = HttpTransport(lease.base_url), lease.base_url
        return lease

    def cost(self, model: str, usage: Usage | None) -> float | None:
        """US dollars for one attempt; None when unknown."""
        if self.free:
            return 0.0
        return None if usage is None else pricing.cost_usd(self._provider, model, usage)

    def worst_case(self, model: str, features: Features) -> float | None:
        """Most US dollars this request can cost here; None when the price is unknown."""
        if self.free:
            return 0.0
        bound = features.input_tokens_max
        tokens = features.input_tokens if bound is None else bound
        output = self._reply_tokens(model, features)
        if output is None:
            return None
        return pricing.worst_case_usd(self._provider, model, tokens, output * features.choices)

    def _reply_tokens(self, model: str, features: Features) -> int | None:
        """Most tokens of one reply to this request; None when nothing bounds it."""
        most = self._most_output(model)
        wanted = features.output_tokens
        if wanted is None and self.settings.kind == "anthropic":
            wanted = self.settings.default_max_tokens
        if most is None or wanted is None:  # hosted servers stop at the model's own limit
            return wanted if wanted is not None else most or _UNBOUNDED_REPLY
        return min(wanted, most)  # Hermes Agent asks for 65,536 as a floor, and gets less

    def _most_output(self, model: str) -> int | None:
        """Most tokens of one reply; None when unknown."""
        known = self.settings.models.get(model)
        if known is not None and known.max_output_tokens is not None:
            return known.max_output_tokens
        return traits(model).max_output_tokens if self.settings.kind == "anthropic" else None

    @property
    def _provider(self) -> str:
        return pricing.provider_of(self.name, self.settings)


class Links:
    """Every upstream of one load of the settings."""

    def __init__(
        self,
        settings: Settings,
        generation: int,
        *,
        thinking: ThinkingStore,
        house: House | None,
        before: Links | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """`before`: the links of the last load; an upstream that did not move keeps its circuit."""
        self.generation = generation
        self._settings = settings
        self._by_name = {
            name: _link(name, upstream, thinking, house, environ)
            for name, upstream in settings.upstreams.items()
        }
        for link in before or ():
            same = self._by_name.get(link.name)
            if same is not None and same.settings == link.settings:
                same.circuit = link.circuit
        modes = settings.modes
        targets = ((Mode.RESTING, modes.resting), (Mode.ACTIVE, modes.active))
        self._places = tuple(
            self._place(mode, target)
            for mode, target in (*targets, (Mode.BURST, modes.burst))
            if target is not None
        )
        self._named = {name: self._place(None, to) for name, to in settings.models.items()}
        names = {upstream.api_key_env for upstream in settings.upstreams.values()}
        self._keys = tuple(environ[n].encode() for n in names if n is not None and environ.get(n))
        self.priced = any(not link.free for link in self._by_name.values())
        """Some upstream costs money."""
        self._house = house
        self._adapter: str | None = None
        """Of the house model's places in `well`."""
        self.well = Fleet(places=self._places, named=self._named, generation=generation)
        """The fleet while every place is well; replaced when the house model's adapter is."""

    def __getitem__(self, name: str) -> Link:
        return self._by_name[name]

    def __iter__(self) -> Iterator[Link]:
        return iter(self._by_name.values())

    def fleet(self) -> Fleet:
        """Every place and its health, prices left out; `well` itself while every place is well."""
        if self._house is not None and self._house.adapter != self._adapter:
            self._take_adapter(self._house.adapter)
        for link in self._by_name.values():
            if not link.circuit.ready:
                return self._fleet_now()
        return self.well

    def _take_adapter(self, adapter: str | None) -> None:
        """The house model answers with another adapter from now on."""
        self._adapter = adapter
        self._places = tuple(map(self._with_adapter, self._places))
        self._named = {name: self._with_adapter(place) for name, place in self._named.items()}
        self.well = Fleet(self._places, self._named, self.generation)

    def _with_adapter(self, place: Place) -> Place:
        return replace(place, adapter=self._by_name[place.upstream].adapter)

    def _fleet_now(self) -> Fleet:
        return Fleet(
            places=tuple(map(self._now, self._places)),
            named={name: self._now(place) for name, place in self._named.items()},
            generation=self.generation,
        )

    def view(self, features: Features, fleet: Fleet) -> Fleet:
        """The same for one request, with what it would cost at each place."""
        return Fleet(
            places=tuple(self._price(place, features) for place in fleet.places),
            named={name: self._price(place, features) for name, place in fleet.named.items()},
            generation=fleet.generation,
        )

    def mask(self, message: str) -> str:
        """What an upstream says, without any upstream's key: some quote the key they refuse."""
        return (
            self.mask_bytes(message.encode("utf-8", "replace")).decode() if self._keys else message
        )

    def mask_bytes(self, body: bytes) -> bytes:
        """The same for an error body as it came."""
        for key in self._keys:
            body = body.replace(key, b"***")
        return body

    def close(self) -> None:
        """Drop idle connections; replies under way end by themselves."""
        for link in self:
            link.transport.close()

    def _place(self, mode: Mode | None, target: Target) -> Place:
        link = self._by_name[target.upstream]
        known = link.settings.models.get(target.model)
        return Place(
            mode=mode,
            upstream=target.upstream,
            model=target.model,
            local=link.local,
            free=link.free,
            context_length=known.context_length if known else None,
            images=False if link.settings.kind == "house" else known.images if known else None,
        )

    def _now(self, place: Place) -> Place:
        ready = self._by_name[place.upstream].circuit.ready
        return place if ready else replace(place, healthy=False)

    def _price(self, place: Place, features: Features) -> Place:
        link = self._by_name[place.upstream]
        if link.free:
            return place
        return replace(place, worst_case_usd=link.worst_case(place.model, features))


def _link(
    name: str,
    settings: UpstreamSettings,
    thinking: ThinkingStore,
    house: House | None,
    environ: Mapping[str, str],
) -> Link:
    key = environ.get(settings.api_key_env) if settings.api_key_env else None
    base_url = settings.base_url or ANTHROPIC_URL
    dialect: Upstream
    if settings.kind == "anthropic":
        dialect = Anthropic(name, settings, key, thinking)
    elif settings.kind == "openai_compatible":
        dialect = OpenAICompatible(name, settings, key)
    else:
        dialect = MlxLm(name, settings, key)
    return Link(
        name=name,
        settings=settings,
        dialect=dialect,
        circuit=Circuit(settings.circuit),
        local=settings.is_local,
        free=settings.is_free,
        translates=settings.kind == "anthropic",
        transport=HttpTransport(base_url),
        house=house if settings.kind == "house" else None,
    )
