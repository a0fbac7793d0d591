"""`majordomo calibrate --show`: what was foretold of replies against what came of them.

The store is read. Probabilities are those recorded with the decision, before anybody knew:
of weighed requests P(right) of whose reply was handed over, of others the posterior by which
`learned` kept them home.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from gateway.commands.console import console, say, say_json, table
from gateway.commands.progress import working
from gateway.commands.recorded import gather
from gateway.home import Home
from gateway.met import Met
from routers.replay.reliability import Bin, Foretold, Reliability, reliability

STRIP = 41
"""Characters from 0 to 1."""
_HOME, _CLOUD = "weighed, handed over from home", "weighed, answered by the cloud"
_HISTORY = "kept home by history"


def show(home: Home, days: float, most: int, *, as_json: bool) -> None:
    """Show how far probabilities came true in the last days."""
    found = gather(home, (), days, most)
    with working("counting"):
        told = {name: reliability(held) for name, held in foretold(found.met).items()}
    if as_json:
        of = {name: reliability_json(each) for name, each in told.items()}
        say_json({"requests": len(found.met), "outcomes_known": found.known, "reliability": of})
        return
    if not told:
        say(
            f"Of {len(found.met):,} answered requests of the last {days:g} days none had a "
            "probability and an outcome that is known."
        )
    for name, each in told.items():
        show_reliability(name, each)


def foretold(met: Iterable[Met]) -> Mapping[str, Sequence[Foretold]]:
    """What was foretold of replies whose outcome is known, by what foretold it."""
    found: dict[str, list[Foretold]] = {}
    for each in met:
        told = _told(each)
        if told is not None and each.asked.right is not None:
            name, predicted = told
            one = Foretold(each.asked.conversation, predicted, float(each.asked.right))
            found.setdefault(name, []).append(one)
    return found


def _told(met: Met) -> tuple[str, float] | None:
    """What foretold this reply, and what; None where nothing did."""
    answered = met.asked.answered
    if met.weighed is not None and answered is not None:
        found = met.weighed.weighing
        if answered in found.home:
            return _HOME, found.home[answered]
        return None if found.cloud is None else (_CLOUD, found.cloud)
    confidence = met.asked.decision.get("confidence")
    first = met.then.first
    kept = first is not None and first.mode is answered and first.mode != "burst"
    return (_HISTORY, float(confidence)) if kept and confidence is not None else None


def reliability_json(of: Reliability) -> dict[str, object]:
    """As JSON; `true` says whether what was foretold lies in the interval of what came."""
    bins = [{**asdict(each), "true": each.true} for each in of.bins]
    return {**asdict(of), "bins": bins}


def show_reliability(name: str, of: Reliability) -> None:
    """As a table with a small plot: `+` is what was foretold, `o` what came true, `*` both."""
    around = "" if of.interval is None else f" ({of.interval[0]:.3f} to {of.interval[1]:.3f})"
    say(
        f"{name}: {of.of:,}; expected calibration error {of.error:.3f}{around}, of which chance "
        f"alone makes {of.by_chance:.3f}"
    )
    axis = f"0{'.5':^{STRIP - 2}}1"
    rows = table("foretold", "mean", "replies", "came true", "", axis)
    for each in of.bins:
        rows.add_row(
            f"{each.least:.1f} to {each.least + 0.1:.1f}",
            f"{each.predicted:.2f}",
            f"{each.of:,}",
            f"{each.right:.2f} ({each.interval[0]:.2f} to {each.interval[1]:.2f})",
            "" if each.true else "off",
            strip(each),
        )
    console().print(rows)


def strip(bin: Bin) -> str:
    """One tenth as a line from 0 to 1."""
    line = [" "] * STRIP
    low, high = map(_at, bin.interval)
    line[low : high + 1] = "-" * (high + 1 - low)
    line[_at(bin.predicted)] = "+"
    line[_at(bin.right)] = "*" if _at(bin.right) == _at(bin.predicted) else "o"
    return "".join(line)


def _at(share: float) -> int:
    return round(share * (STRIP - 1))
