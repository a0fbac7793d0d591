"""What sections of the settings say of each other: contradictions, and things worth a warning.

Runs on settings whose fields are each valid. When some were not, it runs on what is left of them,
so that every fault is told at once; `written` then says what the file holds beside that.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from capture.addresses import is_inside
from capture.exchange import Mode
from gateway import policy_checks
from gateway.config_errors import suggestion
from gateway.remarks import Remark, Written, served
from gateway.settings import Settings, Target, UpstreamSettings
from gateway.yaml_source import Path
from routers.escalation import AUTO

RESERVED = (AUTO, *(mode.value for mode in Mode))
"""Model names that mean something already."""


def contradictions(settings: Settings, written: Written, names: list[str]) -> Iterator[Remark]:
    """What makes the settings unusable. `names` are all upstreams that the file names."""
    yield from _upstream_faults(settings, written)
    for path, target in _targets(settings):
        if target.upstream not in names:
            text = f"there is no upstream `{target.upstream}`{suggestion(target.upstream, names)}"
            yield Remark((*path, "upstream"), text)
    yield from _recall_faults(settings, names)
    yield from _judge_faults(settings, names)
    for name in settings.models:
        if name in RESERVED:
            text = f"`{name}` already means something; choose another name for this model"
            yield Remark(("models", name), text, key=True)
    yield from policy_checks.contradictions(settings, written, [*RESERVED, *settings.models])


def warnings(settings: Settings) -> Iterator[Remark]:
    """What is allowed and probably not meant. Only for settings without faults."""
    yield from _unused(settings)
    yield from _away_from_home(settings)
    yield from policy_checks.warnings(settings)


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


def _recall_faults(settings: Settings, names: list[str]) -> Iterator[Remark]:
    """Words of exchanges go to these models, so they must be at home."""
    recall = settings.capture.recall
    for field, target, kinds in (
        ("embedding", recall.embedding, ("openai_compatible",)),
        ("distill", recall.distill, ("openai_compatible", "mlx_lm")),
    ):
        if target is None:
            continue
        path: Path = ("capture", "recall", field, "upstream")
        name, upstream = target.upstream, settings.upstreams.get(target.upstream)
        if name not in names:
            yield Remark(path, f"there is no upstream `{name}`{suggestion(name, names)}")
        elif upstream is not None and not upstream.is_local:
            text = f"`{name}` is not at home, and the words of every exchange would go there"
            yield Remark(path, f"{text}; if it is in your house, say `local: true` there")
        elif upstream is not None and upstream.kind not in kinds:
            wanted = " or ".join(f"`{kind}`" for kind in kinds)
            yield Remark(path, f"`{name}` is of kind `{upstream.kind}`, and this needs {wanted}")


def _judge_faults(settings: Settings, names: list[str]) -> Iterator[Remark]:
    """Judges are asked by the trainer, which no gateway stands before."""
    judges, kinds = settings.trainer.judges, ("openai_compatible", "mlx_lm", "anthropic")
    for field, targets in (("hired", judges.hired), ("local", judges.local)):
        for number, target in enumerate(targets):
            path: Path = ("trainer", "judges", field, number, "upstream")
            name, upstream = target.upstream, settings.upstreams.get(target.upstream)
            if name not in names:
                yield Remark(path, f"there is no upstream `{name}`{suggestion(name, names)}")
            elif upstream is not None and upstream.kind not in kinds:
                yield Remark(path, f"`{name}` is of kind `{upstream.kind}`, which cannot judge")
            elif upstream is not None and field == "local" and not upstream.is_local:
                text = f"`{name}` is not at home; name it under `hired`"
                yield Remark(path, f"{text}, or say `local: true` there if it is in your house")


def _unused(settings: Settings) -> Iterator[Remark]:
    used = {target.upstream for _, target in _targets(settings)}
    if not used:
        text = "no mode and no model names an upstream: every request will be refused"
        yield Remark(("modes",), text, key=True)
        return
    recall = settings.capture.recall
    used |= {each.upstream for each in (recall.embedding, recall.distill) if each is not None}
    judges = settings.trainer.judges
    used |= {each.upstream for each in (*judges.hired, *judges.local)}
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
