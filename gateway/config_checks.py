"""What sections of the settings say of each other: contradictions, and things worth a warning.

Runs on settings whose fields are each valid. When some were not, it runs on what is left of them,
so that every fault is told at once; `written` then says what the file holds beside that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from capture.addresses import is_inside
from capture.exchange import Mode
from gateway.config_errors import suggestion
from gateway.settings import Rule, Settings, Target, UpstreamSettings
from gateway.yaml_source import Path
from routers.escalation import AUTO

RESERVED = (AUTO, *(mode.value for mode in Mode))
"""Model names that mean something already."""

Written = Callable[[Path], bool]
"""Whether the file says anything at a path, valid or not."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to say about a path of the settings."""

    path: Path
    message: str
    key: bool = False
    """It is about the name, not about the value."""


def contradictions(settings: Settings, written: Written, names: list[str]) -> Iterator[Remark]:
    """What makes the settings unusable. `names` are all upstreams that the file names."""
    yield from _upstream_faults(settings, written)
    for path, target in _targets(settings):
        if target.upstream not in names:
            text = f"there is no upstream `{target.upstream}`{suggestion(target.upstream, names)}"
            yield Remark((*path, "upstream"), text)
    for name in settings.models:
        if name in RESERVED:
            text = f"`{name}` already means something; choose another name for this model"
            yield Remark(("models", name), text, key=True)
    yield from _rule_faults(settings, written)


def warnings(settings: Settings) -> Iterator[Remark]:
    """What is allowed and probably not meant. Only for settings without faults."""
    yield from _unused(settings)
    yield from _away_from_home(settings)
    yield from _unserved(settings)
    yield from _idle_rules(settings)
    day, month = settings.escalation.budget.day_usd, settings.escalation.budget.month_usd
    if day is not None and month is not None and day > month:
        text = "a day's budget above the month's never matters"
        yield Remark(("escalation", "budget", "day_usd"), text)


def served(settings: Settings) -> dict[Mode, Target]:
    """The modes that are configured."""
    modes = settings.modes
    pairs = ((Mode.RESTING, modes.resting), (Mode.ACTIVE, modes.active), (Mode.BURST, modes.burst))
    return {mode: target for mode, target in pairs if target is not None}


def _upstream_faults(settings: Settings, written: Written) -> Iterator[Remark]:
    houses: list[str] = []
    for name, upstream in settings.upstreams.items():
        path: Path = ("upstreams", name)
        if upstream.kind == "house":
            houses.append(name)
            for field in ("base_url", "api_key_env"):
                if written((*path, field)):
                    text = f"a `house` upstream has no `{field}`: Majordomo runs it itself"
                    yield Remark((*path, field), text, key=True)
        elif upstream.kind == "anthropic":
            if not written((*path, "base_url")) and not written((*path, "api_key_env")):
                text = f"`{name}` needs `api_key_env: ANTHROPIC_API_KEY` (or where its key is)"
                yield Remark(path, text, key=True)
        elif not written((*path, "base_url")):
            text = f"`{name}` needs a `base_url`, as in http://127.0.0.1:11434/v1"
            yield Remark(path, text, key=True)
    for name in houses[1:]:
        text = f"only one upstream may be of kind `house`, and `{houses[0]}` is"
        yield Remark(("upstreams", name), text, key=True)


def _targets(settings: Settings) -> Iterator[tuple[Path, Target]]:
    for mode, target in served(settings).items():
        yield ("modes", mode.value), target
    for name, target in settings.models.items():
        yield ("models", name), target


def _rule_faults(settings: Settings, written: Written) -> Iterator[Remark]:
    seen: set[str] = set()
    known = [*RESERVED, *settings.models]
    for n, rule in enumerate(settings.escalation.rules):
        path: Path = ("escalation", "rules", n)
        if rule.name in seen:
            text = f"an earlier rule is called `{rule.name}` too; names must differ"
            yield Remark((*path, "name"), text)
        seen.add(rule.name)
        if rule.then is None and not rule.private and not written((*path, "then")):
            text = f"rule `{rule.name}` does nothing: give it `then: MODE` or `private: true`"
            yield Remark(path, text)
        low, high = rule.when.min_input_tokens, rule.when.max_input_tokens
        if low is not None and high is not None and low > high:
            text = f"no prompt is both at least {low:,} and at most {high:,} tokens"
            yield Remark((*path, "when", "min_input_tokens"), text)
        for asked in rule.when.model or ():
            if asked not in known and not written(("models", asked)):
                text = f"no client can ask for `{asked}`{suggestion(asked, known)}"
                yield Remark((*path, "when", "model"), text)


def _unused(settings: Settings) -> Iterator[Remark]:
    used = {target.upstream for _, target in _targets(settings)}
    if not used:
        text = "no mode and no model names an upstream: every request will be refused"
        yield Remark(("modes",), text, key=True)
        return
    for name in settings.upstreams:
        if name not in used:
            text = f"upstream `{name}` is used by no mode and no model"
            yield Remark(("upstreams", name), text, key=True)


def _away_from_home(settings: Settings) -> Iterator[Remark]:
    for name, upstream in settings.upstreams.items():
        path: Path = ("upstreams", name)
        if upstream.local and upstream.kind != "house" and not _plainly_inside(upstream):
            text = f"private requests will go to {upstream.host or 'a public address'}"
            yield Remark((*path, "local"), f"{text}, since `local` is true")
        if upstream.api_key_env and _sends_openly(upstream):
            text = f"the key of `{name}` crosses the network unencrypted (http)"
            yield Remark((*path, "base_url"), text)
    for mode, target in served(settings).items():
        if mode is not Mode.BURST and not settings.upstreams[target.upstream].is_local:
            text = (
                f"{mode} is not at home: private requests cannot go to `{target.upstream}`; "
                "if it is in your house, say `local: true` there"
            )
            yield Remark(("modes", mode.value), text)


def _plainly_inside(upstream: UpstreamSettings) -> bool:
    """At home by its address, or by a name that only a house or a container network knows."""
    host = upstream.host
    if host is None:
        return False
    name = host.rstrip(".").lower()
    return is_inside(host) or "." not in name or name.endswith((".local", ".lan", ".internal"))


def _sends_openly(upstream: UpstreamSettings) -> bool:
    url = urlsplit(upstream.base_url or "https:")
    return url.scheme == "http" and not _plainly_inside(upstream)


def _unserved(settings: Settings) -> Iterator[Remark]:
    there = served(settings)
    escalation = settings.escalation
    if not there:
        return
    yield from _unserved_default(escalation.default, there)
    if "fallback" in escalation.model_fields_set:
        for n, mode in enumerate(escalation.fallback):
            if mode not in there:
                text = f"no model serves {mode}, so nothing falls back to it"
                yield Remark(("escalation", "fallback", n), text)
            elif mode in escalation.fallback[:n]:
                yield Remark(("escalation", "fallback", n), f"{mode} is listed before")
    for n, rule in enumerate(escalation.rules):
        if rule.then is not None and rule.then not in there:
            text = f"no model serves {rule.then}: the fallback order answers"
            yield Remark(("escalation", "rules", n, "then"), text)


def _unserved_default(default: Mode | str, there: Mapping[Mode, Target]) -> Iterator[Remark]:
    path: Path = ("escalation", "default")
    if default == "learned":
        if Mode.BURST not in there:
            yield Remark(path, "`learned` sends what is not proven to burst, which no model serves")
        elif len(there) == 1:
            yield Remark(path, "`learned` has no local mode to learn about: all goes to burst")
    elif default not in there:
        yield Remark(path, f"no model serves the default, {default}: the fallback order answers")


def _idle_rules(settings: Settings) -> Iterator[Remark]:
    burst = settings.modes.burst
    burst_away = burst is not None and not settings.upstreams[burst.upstream].is_local
    always: Rule | None = None
    for n, rule in enumerate(settings.escalation.rules):
        path: Path = ("escalation", "rules", n)
        if rule.private and rule.then is Mode.BURST and burst_away:
            text = "private requests stay home, so this rule never reaches burst"
            yield Remark((*path, "then"), text)
        if always is not None and not rule.private and rule.when.model is None:
            yield Remark(path, f"never reached: rule `{always.name}` before it always applies")
        if always is None and rule.then is not None and not rule.when.model_fields_set:
            always = rule
