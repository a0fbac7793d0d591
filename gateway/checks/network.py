"""The gateway's own port, the upstreams, and whether an agent's prompt fits in them."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
import orjson

from capture.addresses import is_loopback
from capture.exchange import Mode
from capture.recall_models import ModelTrouble
from gateway.checks.result import Check, ok
from gateway.client import ClientTrouble, NotRunning, ask, running
from gateway.config_checks import served
from gateway.home import Home
from gateway.keys import KeysError
from gateway.listening import who_listens
from gateway.own_key import own_key
from gateway.paste import HERMES_LEAST, hermes_hint
from gateway.selftest import run_self_test
from gateway.settings import Settings, UpstreamSettings
from gateway.upstreams.home_models import models_of
from gateway.upstreams.probe import Prober

SECONDS = 3.0
ASK_SECONDS = 120.0


def port(home: Home, settings: Settings) -> Iterator[Check]:
    """Whether the port is free for us, or ours already; and what a running gateway says."""
    who = running(home)
    if who is None:
        yield _free(settings.server.host, settings.server.port)
        return
    try:
        said = ask(home, "/v1/status")
    except NotRunning as error:
        yield Check("gateway", "problem", str(error), f"stop it: `kill {who.pid}`")
        return
    except (ClientTrouble, KeysError) as error:
        yield Check("gateway", "problem", f"the running gateway would not say: {error}")
        return
    yield ok("gateway", f"process {who.pid} serves at {who.base_url}")
    problems = cast("Sequence[Mapping[str, Any]]", said.get("problems") or ())
    for problem in problems:
        state = "problem" if problem.get("effect") == "stops" else "warning"
        yield Check("gateway", state, str(problem.get("text")))


def _free(host: str, number: int) -> Check:
    where = f"{host}:{number}"
    if number == 0:
        return ok("port", "any free one")
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        who = who_listens(number)
        text = f"cannot listen on {where}: {error.strerror or error}"
        text += "" if who is None else f"; there is {who}"
        return Check("port", "problem", text, "stop what is there, or change `server.port`")
    return ok("port", f"{where} is free")


async def upstreams(settings: Settings) -> Sequence[Check]:
    """Every upstream's key and address. Only those inside the house are asked: for their models."""
    named = [_upstream(name, upstream) for name, upstream in settings.upstreams.items()]
    found = await asyncio.gather(*named)
    return [check for checks in found for check in checks]


async def _upstream(name: str, settings: UpstreamSettings) -> Sequence[Check]:
    subject = f"upstream:{name}"
    variable = settings.api_key_env
    if variable is not None and not os.environ.get(variable):
        text = f"its key is to be in {variable}, which is not set here"
        remedy = f"export {variable}=... before starting Majordomo"
        return [Check(subject, "problem", text, remedy)]
    if settings.kind == "house":
        return []
    if not settings.is_local:
        return [ok(subject, f"its key is in {variable}; not asked, since it is not at home")]
    return list(await _local(subject, settings))


async def _local(subject: str, settings: UpstreamSettings) -> Iterable[Check]:
    url = settings.base_url or ""
    if await _is_majordomo(url):
        text = f"{url} is a Majordomo itself: requests would go round in circles"
        return [Check(subject, "problem", text, "name the model server's own address")]
    try:
        listed = await _models_at(url, settings)
    except httpx2.HTTPError as error:
        text = f"does not answer at {url} ({type(error).__name__})"
        return [Check(subject, "problem", text, "start it, or change its `base_url`")]
    if listed is None:
        return [Check(subject, "warning", f"answers at {url}, but lists no models")]
    missing = [m for m in settings.models if m not in listed and m != "default_model"]
    if missing and listed:
        text = f"answers, but has no {', '.join(missing[:3])}"
        return [Check(subject, "problem", text, f"it has: {', '.join(sorted(listed)[:8])}")]
    return [ok(subject, f"answers at {url}")]


async def _is_majordomo(url: str) -> bool:
    parts = urlsplit(url)
    if parts.port is None or not is_loopback(parts.hostname or ""):
        return False
    async with Prober(parts.port, SECONDS) as prober:
        return await prober.is_majordomo()


async def _models_at(url: str, settings: UpstreamSettings) -> frozenset[str] | None:
    """The names at `/models`; None when it answers with something else."""
    key = os.environ.get(settings.api_key_env or "")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with httpx2.AsyncClient(trust_env=False, timeout=SECONDS, headers=headers) as client:
        reply = await client.get(f"{url}/models")
    try:
        body: object = orjson.loads(reply.content)
    except orjson.JSONDecodeError:
        return None
    data: object = cast("Mapping[str, Any]", body).get("data") if isinstance(body, dict) else None
    if not isinstance(data, list):
        return None
    return frozenset(
        str(cast("Mapping[str, Any]", model).get("id"))
        for model in cast("list[object]", data)
        if isinstance(model, Mapping)
    )


def embedded(settings: Settings) -> Iterator[Check]:
    """Whether the model that embeds for search does, if the settings name one."""
    if settings.capture.recall.embedding is None:
        return
    embedder = models_of(settings).embedder
    try:
        (vector,) = embedder.embed(["What is the weather like today?"], ASK_SECONDS)
    except ModelTrouble as error:
        remedy = "start it, or change `capture.recall.embedding`; until then search goes by words"
        yield Check("ask:embedding", "problem", str(error), remedy)
    else:
        yield ok("ask:embedding", f"{embedder.name} makes vectors of {len(vector or ())} numbers")


def contexts(settings: Settings) -> Iterator[Check]:
    """Whether what `auto` can hold is enough for an agent."""
    targets = served(settings)
    known = {mode: _context(settings, mode) for mode in targets}
    longest = max((length for length in known.values() if length is not None), default=None)
    if not targets:
        text = "no mode has a model: every request will be refused"
        yield Check("context", "problem", text, "name one under `modes` in majordomo.yaml")
    elif longest is None:
        text = "no model's context length is known, so `auto` advertises none"
        yield Check("context", "warning", text, "write `context_length` under `upstreams`")
    elif longest < HERMES_LEAST:
        yield Check("context", "warning", f"`auto` holds {longest:,} tokens", hermes_hint(longest))
    else:
        yield ok("context", f"`auto` holds {longest:,} tokens")


def _context(settings: Settings, mode: Mode) -> int | None:
    target = served(settings)[mode]
    upstream = settings.upstreams.get(target.upstream)
    model = None if upstream is None else upstream.models.get(target.model)
    return None if model is None else model.context_length


async def asked(home: Home, settings: Settings) -> Sequence[Check]:
    """One tiny real request to every mode, through the running gateway."""
    who = running(home)
    if who is None:
        return [Check("ask", "note", "nothing was asked: the gateway is not running")]
    said: list[Check] = []
    for mode in served(settings):
        test = await run_self_test(
            who.base_url, own_key(home), model=mode.value, seconds=ASK_SECONDS
        )
        subject = f"ask:{mode.value}"
        if test.ok:
            said.append(ok(subject, f"{test.model} answered in {test.total_s:.2f} s"))
        else:
            said.append(Check(subject, "problem", test.text))
    return said
