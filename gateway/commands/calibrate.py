"""`majordomo calibrate --target`: the setting that is estimated to reach a target. Nothing is
written; the lines for majordomo.yaml are printed.

Settings are tried over the recorded requests of the last weeks: `max_quality_loss` where the policy
has one, else `home_at` under `default: learned`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

from capture.exchange import Mode
from gateway.commands.console import Exit, console, fail, say, say_json, say_plainly, table
from gateway.commands.household import settings_of
from gateway.commands.policy import settings_in
from gateway.commands.progress import bar
from gateway.commands.recorded import Gathered, Policy, gather
from gateway.commands.replay_store import a_week
from gateway.estimating import lost
from gateway.home import Home
from gateway.replayed import course
from gateway.settings import Settings
from routers.replay.offpolicy import Estimate
from routers.replay.targets import Found, Kind, Target, Tried, find
from routers.thresholds import Aim

HOME_AT = (0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55)
"""Settings tried, the strictest first; at 0.5 home would get what it never tried."""
LOSSES = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
"""In points, the strictest first."""


@dataclass(frozen=True, slots=True)
class _Knob:
    """A setting that can be turned."""

    name: str
    settings: Sequence[float]
    policies: Sequence[Policy]
    """The one that always asks the cloud first, then one for each setting."""


def target_of(text: str) -> Target:
    """The target as typed. Raises ValueError."""
    kind, _, figure = text.partition("=")
    try:
        wanted = float(figure.removeprefix("$"))
    except ValueError:
        wanted = 0.0
    most = {"loss": 100.0, "local-share": 1.0}.get(kind, float("inf"))
    if kind not in get_args(Kind) or not 0.0 < wanted <= most:
        raise ValueError(
            "give loss=POINTS, local-share=SHARE (up to 1) or budget=DOLLARS, above 0: "
            "`--target loss=1.0`"
        )
    return Target(cast("Kind", kind), wanted)


def calibrate(
    home: Home, target: Target, policy: Path | None, days: float, most: int, *, as_json: bool
) -> None:
    """Print the setting for a target; ends with 1 where none can be named."""
    settings = settings_of(home) if policy is None else settings_in(policy)
    knob = _knob(settings)
    found = _weighed_then(gather(home, knob.policies, days, most, apart=True))
    tried = _tried(knob, found)
    answer = find(target, tried, found.known)
    if as_json:
        say_json(_json(target, knob, found, tried, answer))
    else:
        _show(target, knob, found, tried, answer)
    if answer.tried is None:
        if not as_json:
            fail(answer.why)
        raise SystemExit(int(Exit.PROBLEM))


def _weighed_then(found: Gathered) -> Gathered:
    """Without requests that would be weighed now and were not: nobody looked at their replies."""
    met = [
        each
        for each in found.met
        if each.weighed is not None or all(one.gone.way.how != "weighed" for one in each.now)
    ]
    return replace(found, met=tuple(met))


def _knob(settings: Settings) -> _Knob:
    cloud = Policy("cloud", _with(settings, default=Mode.BURST))
    if settings.escalation.max_quality_loss is not None:
        each = [
            Policy(f"{at:g}", _with(settings, max_quality_loss=at), Aim(max_loss=at / 100.0))
            for at in LOSSES
        ]
        return _Knob("max_quality_loss", LOSSES, (cloud, *each))
    history = settings.escalation.history
    each = [
        Policy(
            f"{at:g}",
            _with(
                settings,
                default="learned",
                history=history.model_copy(update={"home_at": at, "rule": "posterior"}),
            ),
        )
        for at in HOME_AT
    ]
    return _Knob("home_at", HOME_AT, (cloud, *each))


def _with(settings: Settings, **changes: Any) -> Settings:
    escalation = settings.escalation.model_copy(update=changes)
    return settings.model_copy(update={"escalation": escalation})


def _tried(knob: _Knob, found: Gathered) -> list[Tried]:
    """What each setting would have come to. Some decide all requests alike, and lose the same."""
    tried: list[Tried] = []
    same: dict[object, Estimate | None] = {}
    with bar("estimating", len(knob.settings), shown=True) as counted:
        for n, setting in enumerate(counted(knob.settings), 1):
            came = course(found.met, n, found.prices[n])
            week = None if came.cost_unknown else a_week(came.cost_usd, found.days)
            key = tuple(each.now[n].key for each in found.met)
            if key not in same:
                same[key] = lost(found.met, n, 0)
            tried.append(Tried(setting, came.home, same[key], week))
    return tried


def _lines(knob: _Knob, setting: float) -> str:
    """What to put into majordomo.yaml."""
    if knob.name == "home_at":
        return f"escalation:\n  default: learned\n  history: {{home_at: {setting:g}}}"
    return f"escalation:\n  default: learned\n  max_quality_loss: {setting:g}"


def _json(
    target: Target, knob: _Knob, found: Gathered, tried: Sequence[Tried], answer: Found
) -> dict[str, object]:
    best = answer.tried
    return {
        "target": asdict(target),
        "setting": knob.name,
        "value": None if best is None else best.setting,
        "yaml": None if best is None else _lines(knob, best.setting),
        "why": answer.why,
        "requests": len(found.met),
        "outcomes_known": found.known,
        "days": round(found.days, 3),
        "tried": [asdict(each) for each in tried],
    }


def _show(
    target: Target, knob: _Knob, found: Gathered, tried: Sequence[Tried], answer: Found
) -> None:
    say(
        f"{len(found.met):,} requests in {found.conversations:,} conversations of "
        f"{found.days:.1f} days; what came of {found.known:,} is known."
    )
    rows = table("", knob.name, "at home", "lost against the cloud, points", "BURST's cost, a week")
    for each in tried:
        mark = "*" if each is answer.tried else ""
        rows.add_row(mark, f"{each.setting:g}", *_figures(each))
    console().print(rows)
    best = answer.tried
    if best is None:
        return
    share, points, usd = _figures(best)
    say(
        f"For {target.kind}={target.figure:g}: {share} at home, {points} points lost against the "
        f"cloud, {usd} a week, as the last weeks would have had it."
    )
    if answer.why:
        say(answer.why)
    say("To have it so, put this into majordomo.yaml:")
    say_plainly(_lines(knob, best.setting))


def _figures(of: Tried) -> tuple[str, str, str]:
    share = "none" if of.home is None else _range(*(f"{end:.0%}" for end in of.home))
    points = "unknown"
    if of.lost is not None:
        points = _range(f"{100.0 * of.lost.least:.1f}", f"{100.0 * of.lost.most:.1f}")
        if of.lost.interval is not None:
            low, high = (100.0 * end for end in of.lost.interval)
            points += f" ({low:.1f} to {high:.1f})"
    return share, points, "unknown" if of.usd_week is None else f"${of.usd_week:,.2f}"


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"
