"""`python -m scripts.demo [--seed N] [--short] [--no-open]`: four weeks, with a night after each.

A household with six new skills asks its agent for things. Majordomo answers what it can at home and
hires a stand-in for Claude for the rest; at night it trains the house model on what the stand-in
did. What is shown is what was measured, whatever that is.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from scripts.demo import base_skills, household, report, stand_in, weeks
from scripts.demo.direct import Direct
from scripts.demo.gateway import (
    WEEK_SECONDS,
    Agent,
    Gateway,
    Home,
    Training,
    serving,
    settings,
)
from scripts.demo.household import Done
from scripts.demo.skills import SKILLS, Json
from scripts.demo.weeks import Request

BUILD = Path(__file__).resolve().parents[2] / "build" / "demo"
EVENING = 12
"""Requests of each week that come while the night's training runs."""
SWAP_SECONDS = 60.0
"""How long the running gateway may take until it answers with a new adapter."""


@dataclass(frozen=True)
class Size:
    """How much of it there is."""

    weeks: int
    """How many weeks; a night between any two."""
    per_skill: int
    """Requests of each skill in a week."""
    base: int
    """Held-out requests of each base skill in each group, for `base_skills`."""
    trainer: Json
    """The section `trainer` of majordomo.yaml; what it leaves out has the product's defaults."""


# fewer steps than the product takes: four weeks are to be seen in ten minutes
FULL = Size(weeks=weeks.WEEKS, per_skill=20, base=4, trainer={"iters": 140})
SHORT = Size(weeks=2, per_skill=14, base=1, trainer={"iters": 100})


@dataclass(frozen=True)
class Lived:
    """A week, and the night after it."""

    done: Sequence[Done]
    figures: Json
    """The week as `majordomo weekly` has it."""
    adapter: str | None
    """What home answered with when the week began."""
    gate: Json | None
    """The night's verdict; None without a night."""


def main() -> int:
    """The whole show."""
    parser = argparse.ArgumentParser(prog="python -m scripts.demo", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="two weeks, one night")
    parser.add_argument("--no-open", action="store_true", help="end instead of serving on")
    given = parser.parse_args()
    size = SHORT if given.short else FULL
    began = time.monotonic()
    shutil.rmtree(BUILD, ignore_errors=True)
    with stand_in.serving() as url:
        _introduce(size, given.seed)
        home = _new_home("home", url, size)
        measured = _run(
            home, _new_home("home-without-nights", url, size), url, size, given.seed, began
        )
        report.write(measured, BUILD / "report.json")
        _title("What was measured")
        print(report.summary(measured))
        print(f"\n{BUILD / 'report.json'} has it as data.")
        print(f"MAJORDOMO_HOME={home.path} majordomo weekly|train history|adapters list ...")
        if not given.no_open:
            _stay(home)
    return 0


def _introduce(size: Size, seed: int) -> None:
    names = ", ".join(skill.name for skill in SKILLS)
    print(f"{size.weeks} weeks of a household, seed {seed}. New skills: {names}.")
    print("BURST is a stand-in for Claude on loopback that answers by rule, not a model;")
    print(f"{stand_in.WRONG:.0%} of its tool calls are wrong on purpose. Nothing leaves here.")


def _run(home: Home, off: Home, url: str, size: Size, seed: int, began: float) -> report.Report:
    plan = weeks.plan(seed, size.per_skill)[: size.weeks]
    with ThreadPoolExecutor(max_workers=1) as beside:  # what needs none of it, on the other core
        before = beside.submit(base_skills.success, None, size.base, BUILD / "base_skills")
        without = beside.submit(_without_nights, off, plan, seed)
        found = _with_nights(home, url, size, plan, seed)
        last = home.read("adapters", "list")
        return report.Report(
            seed=seed,
            weeks=found,
            base_skills={"before": before.result(), "after": _after(home, last, size)},
            training_off=without.result(),
            seconds=round(time.monotonic() - began, 1),
        )


def _with_nights(
    home: Home, url: str, size: Size, plan: Sequence[Sequence[Request]], seed: int
) -> list[report.Week]:
    """Every week in turn, as the calendar has it."""
    found: list[report.Week] = []
    for number, requests in enumerate(plan, 1):
        _title(f"Week {number}")
        offset = (number - size.weeks) * float(WEEK_SECONDS)
        lived = _live(Home(home.path, offset), requests, seed, night=number < size.weeks)
        found.append(_week(number, lived, _always_burst(url, requests, seed)))
        print(report.week_line(found[-1]))
    return found


def _live(home: Home, requests: Sequence[Request], seed: int, *, night: bool) -> Lived:
    """A week: its days, and its night while a few requests still come."""
    days = requests[:-EVENING] if night else requests
    with serving(home) as gateway, Agent(gateway) as agent:
        adapter = gateway.adapter()
        print(f"{len(requests)} requests; home answers with {adapter or 'the base alone'}")
        done = household.serve_all(days, agent, f"{seed}:{days[0].week}")
        gate = None
        if night:
            evening, gate = _night(home, gateway, agent, requests[-EVENING:], seed)
            done = [*done, *evening]
        time.sleep(1)  # the last outcomes are read a moment after their exchanges
        return Lived(done, home.weekly() or {}, adapter, gate)


def _night(
    home: Home, gateway: Gateway, agent: Agent, evening: Sequence[Request], seed: int
) -> tuple[list[Done], Json]:
    """Train while somebody is still up, and see the new adapter take over between two replies."""
    print("night: majordomo train now")
    began = time.monotonic()
    training = Training(home)
    asked = list(evening)
    done: list[Done] = []
    while not training.over(within=5.0):
        if len(asked) > EVENING // 2:
            done += household.serve_all([asked.pop(0)], agent, f"{seed}:night:{len(asked)}")
    ended = training.result()
    seconds = time.monotonic() - began
    promoted = ended.get("state") == "promoted"
    until = time.monotonic() + SWAP_SECONDS
    while promoted and gateway.adapter() != ended["adapter"] and time.monotonic() < until:
        if asked:
            done += household.serve_all([asked.pop(0)], agent, f"{seed}:night:{len(asked)}")
        else:
            time.sleep(0.2)
    done += household.serve_all(asked, agent, f"{seed}:late")
    gate: Json = ended.get("gate") or {"passed": False, "reasons": [ended.get("reason")]}
    verdict = "passed" if gate["passed"] else "rejected"
    print(f"night: {seconds:.0f} s, rows {ended.get('rows')}, gate {verdict}:")
    print(f"  {'; '.join(map(str, gate['reasons']))}")
    if promoted:
        print(f"  now answering: {gateway.adapter()}")
    return done, gate


def _always_burst(url: str, requests: Sequence[Request], seed: int) -> float:
    with Direct(url) as stand_in_alone:
        done = household.serve_all(requests, stand_in_alone, f"{seed}:direct")
    return household.success(done) or 0.0


def _week(number: int, lived: Lived, always_burst: float) -> report.Week:
    return report.Week(
        week=number,
        requests=lived.figures["requests"],
        sovereignty_index=lived.figures["sovereignty_index"],
        task_success=household.success(lived.done) or 0.0,
        task_success_always_burst=always_burst,
        cloud_cost_usd=lived.figures["cloud_cost_usd"],
        adapter=lived.adapter,
        gate=lived.gate,
    )


def _without_nights(
    home: Home, plan: Sequence[Sequence[Request]], seed: int
) -> list[report.WeekOff]:
    """Every week in one gateway; the index is counted here, from who gave each reply."""
    found: list[report.WeekOff] = []
    with serving(home) as gateway, Agent(gateway) as agent:
        for number, requests in enumerate(plan, 1):
            done = household.serve_all(requests, agent, f"{seed}:{number}")
            at_home = sum(each.at_home for each in done) / sum(each.exchanges for each in done)
            found.append(report.WeekOff(number, at_home, household.success(done) or 0.0))
    return found


def _after(home: Home, listed: Json, size: Size) -> float | None:
    live = listed.get("incumbent")
    if live is None:
        return None
    return base_skills.success(home.path / "adapters" / live, size.base, BUILD / "base_skills")


def _new_home(name: str, url: str, size: Size) -> Home:
    path = BUILD / name
    path.mkdir(mode=0o700, parents=True)
    file = path / "majordomo.yaml"
    file.write_text(json.dumps(settings(url, size.trainer), indent=1))
    file.chmod(0o600)
    return Home(path)


def _stay(home: Home) -> None:
    """Serve on until Ctrl-C."""
    with serving(home) as gateway:
        print(f"\nThe page is open at {gateway.url}/weekly (Ctrl-C ends it).")
        try:
            gateway.process.wait()
        except KeyboardInterrupt:
            print()


def _title(text: str) -> None:
    print(f"\n--- {text}", flush=True)


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parents[2])
    sys.exit(main())
