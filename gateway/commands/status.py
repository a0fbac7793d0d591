"""`majordomo status`: how the gateway of this home does, by its own word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from gateway.client import ClientTrouble, NotRunning, ask
from gateway.commands.console import Exit, clean, console, fail, say, say_json, table
from gateway.commands.spans import age
from gateway.home import Home
from gateway.keys import KeysError

Json = Mapping[str, Any]


def status(home: Home, *, as_json: bool) -> None:
    """Ask the running gateway and show what it says."""
    try:
        said = ask(home, "/v1/status")
    except NotRunning as error:
        if as_json:
            say_json({"running": False, "home": str(home.root), "reason": str(error)})
            raise SystemExit(int(Exit.NOT_RUNNING)) from None
        fail(f"{error}. `majordomo up` starts it.", status=Exit.NOT_RUNNING)
    except (ClientTrouble, KeysError) as error:
        fail(f"the gateway would not say: {error}")
    if as_json:
        say_json({"running": True, **said})
        return
    _show(said)


def _show(said: Json) -> None:
    problems = _objects(said.get("problems"))
    word = "[green]serving[/]" if not problems else "[yellow]serving, with problems[/]"
    say(
        f"{word} at [bold]{clean(said.get('base_url'))}[/] for {age(said.get('uptime_s'))}, "
        f"process {clean(said.get('pid'))}, version {clean(said.get('version'))}"
    )
    say(f"home {clean(said.get('home'))}, {clean(said.get('in_flight'))} in flight")
    for problem in problems:
        colour = "red" if problem.get("effect") == "stops" else "yellow"
        say(f"[{colour}]{clean(problem.get('effect'))}:[/] {clean(problem.get('text'))}")
    rows = table("mode", "model", "upstream", "context", "circuit")
    for place in _objects(said.get("modes")):
        length = place.get("context_length")
        rows.add_row(
            clean(str(place.get("mode") or "").upper()),
            clean(place.get("model")),
            clean(place.get("upstream")) + ("" if place.get("local") else " (away)"),
            f"{length:,}" if isinstance(length, int) else "unknown",
            clean(place.get("circuit")),
        )
    console().print(rows)
    house = said.get("house")
    if isinstance(house, Mapping):
        say(_house(cast("Json", house)))


def _house(house: Json) -> str:
    state = "ready" if house.get("ready") else f"not ready: {house.get('failure') or 'starting'}"
    adapter, wanted = house.get("adapter"), house.get("adapter_wanted")
    answers = f"adapter {adapter}" if adapter else "the base alone, no adapter"
    if adapter != wanted and house.get("adapter_failure") is None:
        answers += f" (soon {f'adapter {wanted}' if wanted else 'the base alone'})"
    restarts = f"restarted {house.get('restarts')} times"
    return f"house model {clean(state)}, {clean(answers)}, {clean(restarts)}"


def _objects(value: object) -> list[Json]:
    found = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Json", item) for item in found if isinstance(item, dict)]
