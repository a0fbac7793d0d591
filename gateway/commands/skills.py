"""`majordomo skills`: which skills were asked for, under which keys, what came of them, and where.

The store is read directly, so this works whether or not a gateway runs. `rename` and `pin` change
nothing: they print the `skills:` section as it would have to read, since a settings file and its
comments are its writer's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from capture.exchange import Mode
from capture.store import Store, StoreError
from capture.store.rows import SkillCount
from capture.store.skills import SkillSeen
from gateway import policy_checks
from gateway.commands.config import as_yaml
from gateway.commands.console import clean, console, fail, say, say_json, say_plainly, table
from gateway.commands.household import settings_of
from gateway.config_errors import suggestion
from gateway.home import Home
from gateway.policy import build_policy
from gateway.settings import Settings, SkillsSettings
from routers.escalation import Policy
from routers.history import Tally


class _Where(NamedTuple):
    """A place that answered a skill."""

    upstream: str
    model: str
    adapter: str | None


class Listed(NamedTuple):
    """One skill, under what the user calls it."""

    name: str
    keys: tuple[SkillSeen, ...]
    """Those it is known by, the most asked first."""
    pin: Mode | None
    """The mode that it always goes to; None: none."""
    places: tuple[tuple[_Where, Tally], ...]
    """Those with an outcome, that with the most of them first."""

    @property
    def requests(self) -> int:
        """Of all its keys."""
        return sum(seen.requests for seen in self.keys)


def skills(home: Home, *, as_json: bool) -> None:
    """List every skill that was asked for, the most asked first."""
    settings = settings_of(home)
    policy = build_policy(settings.escalation, settings.skills)
    listed = listing(*_read(home), policy)
    if as_json:
        say_json({"skills": [_plain(each) for each in listed]})
    elif listed:
        _show(listed)
    else:
        say("Nothing has been asked yet.")


def rename(home: Home, skill: str, name: str) -> None:
    """Print the settings under which a skill, by key, name or pattern of keys, has this name."""
    settings = settings_of(home)
    names, pins = dict(settings.skills.names), dict(settings.skills.pin)
    called = [key for key, old in names.items() if old == skill]
    if not called:
        _known(home, skill, settings)
    names |= dict.fromkeys(called or [skill], name)
    if skill in pins:
        pins = {(name if key == skill else key): mode for key, mode in pins.items()}
    _print(settings, {"names": names, "pin": pins})


def pin(home: Home, skill: str, mode: Mode) -> None:
    """Print the settings under which a skill, by name, key or pattern, goes to this mode."""
    settings = settings_of(home)
    if skill not in settings.skills.names.values():
        _known(home, skill, settings)
    pins = {skill: mode} | {k: m for k, m in settings.skills.pin.items() if k != skill}
    _print(settings, {"names": settings.skills.names, "pin": pins})


def listing(
    seen: Iterable[SkillSeen], counts: Iterable[SkillCount], policy: Policy
) -> tuple[Listed, ...]:
    """The skills as the policy's user calls them, the most asked first."""
    names = policy.names
    keys: dict[str, list[SkillSeen]] = {}
    for each in seen:
        keys.setdefault(names.of(each.key), []).append(each)
    tallies: dict[str, dict[_Where, Tally]] = {}
    for count in counts:
        places = tallies.setdefault(names.of(count.skill), {})
        where = _Where(count.upstream, count.model, count.adapter)
        had = places.get(where, Tally())
        places[where] = had.plus(Tally(count.successes, count.failures))
    listed = [
        Listed(name, tuple(found), _pin(policy, found), _most(tallies.get(name, {})))
        for name, found in keys.items()
    ]
    return tuple(sorted(listed, key=lambda each: (-each.requests, each.name)))


def _pin(policy: Policy, keys: Iterable[SkillSeen]) -> Mode | None:
    pinned = (policy.pinned(seen.key) for seen in keys)
    return next((found[1] for found in pinned if found is not None), None)


def _most(places: dict[_Where, Tally]) -> tuple[tuple[_Where, Tally], ...]:
    return tuple(sorted(places.items(), key=lambda place: (-place[1].of, str(place[0]))))


def _read(home: Home) -> tuple[list[SkillSeen], list[SkillCount]]:
    try:
        store = Store.open_reader(home.database)
    except StoreError as error:
        fail(str(error))
    try:
        return store.skills_seen(), store.skill_counts()
    finally:
        store.close()


def _known(home: Home, skill: str, settings: Settings) -> None:
    """End the command for a skill that nobody ever asked for, unless it is a pattern."""
    if "*" in skill:
        return
    keys = [seen.key for seen in _read(home)[0]]
    if skill not in keys:
        known = [*dict.fromkeys([*settings.skills.names.values(), *keys])]
        fail(f"no skill `{clean(skill)}` was asked for{suggestion(skill, known)}")


def _print(settings: Settings, changed: dict[str, Any]) -> None:
    """The section, for people to put in their file; ends the command when it would be refused."""
    try:
        section = SkillsSettings.model_validate({k: v for k, v in changed.items() if v})
    except ValidationError as error:
        fail(str(error.errors()[0]["msg"]))
    whole = settings.model_copy(update={"skills": section})
    names = [*settings.models, "auto", *Mode]
    for remark in policy_checks.contradictions(whole, lambda _: False, names):
        if remark.path[0] == "skills":
            fail(remark.message)
    say_plainly("# in majordomo.yaml, in place of its `skills:` section; nothing was changed yet")
    say_plainly(as_yaml({"skills": section.model_dump(mode="json", exclude_defaults=True)}))


def _plain(each: Listed) -> dict[str, Any]:
    return {
        "name": each.name,
        "requests": each.requests,
        "pin": each.pin,
        "keys": [seen._asdict() for seen in each.keys],
        "places": [
            {**where._asdict(), "successes": tally.successes, "failures": tally.failures}
            for where, tally in each.places
        ],
    }


def _show(listed: tuple[Listed, ...]) -> None:
    rows = table("skill", "requests", "last", "went well", "pinned to", "known as")
    rows.columns[1].justify = "right"
    for each in listed:
        last = datetime.fromtimestamp(max(seen.last_at for seen in each.keys), UTC)
        rows.add_row(
            clean(each.name),
            f"{each.requests:,}",
            f"{last:%Y-%m-%d}",
            "\n".join(_went(where, tally) for where, tally in each.places) or "unknown",
            each.pin or "",
            "\n".join(clean(seen.key) for seen in each.keys if seen.key != each.name),
        )
    console().print(rows)


def _went(where: _Where, tally: Tally) -> str:
    adapter = f" with {clean(where.adapter)}" if where.adapter else ""
    return f"{tally.successes:g} of {tally.of:g} by {clean(where.model)}{adapter}"
