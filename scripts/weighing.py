"""`python -m scripts.weighing --second DIR`: the learning router at work, with real models.

The demo's household asks its agent for things under `max_quality_loss`. RESTING is a second house
model (`make house-model ARGS="--seed 7"`, any directory that `mlx_lm.server` serves), ACTIVE the
house model that ships, as good at the household's skills as one night of the demo made it when
`--adapters DIR` names a registry, and BURST the demo's stand-in for Claude, which is no model.
Printed are the figures, week by week, and ten requests as `majordomo explain` tells them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2

from scripts.demo import household, stand_in, weeks
from scripts.demo.direct import Direct
from scripts.demo.gateway import Agent, Gateway, Home, serving, settings
from scripts.demo.household import Done
from scripts.demo.skills import Json

TOLD = 10
START_SECONDS = 60.0


def main() -> int:
    """The whole run."""
    parser = argparse.ArgumentParser(prog="python -m scripts.weighing", description=__doc__)
    parser.add_argument("--second", type=Path, required=True, help="directory of the second model")
    parser.add_argument("--adapters", type=Path, help="an adapter registry (HOME/adapters)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-skill", type=int, default=30, help="requests of a skill in a week")
    parser.add_argument("--loss", type=float, default=5.0, help="points that may be lost")
    given = parser.parse_args()
    plan = weeks.plan(given.seed, given.per_skill)
    with (
        tempfile.TemporaryDirectory(prefix="weighing-") as work,
        stand_in.serving() as url,
        second(given.second) as resting,
    ):
        home = _home(Path(work), url, resting, given)
        with serving(home) as gateway, Agent(gateway) as agent, Direct(url) as direct:
            for number, week in enumerate(plan, 1):
                done = household.serve_all(week, agent, f"{given.seed}:{number}")
                cloud = household.serve_all(week, direct, f"{given.seed}:{number}")
                print(_week(number, done, cloud, _reasons(gateway)))
            print()
            for line in _told(home, gateway):
                print(line)
    return 0


@contextmanager
def second(model: Path) -> Generator[str]:
    """`mlx_lm.server` with the second model; its base URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlx_lm", "server", "--model", str(model), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        base, deadline = f"http://127.0.0.1:{port}", time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if httpx2.get(f"{base}/v1/models", timeout=2).status_code == 200:
                    break
            except httpx2.TransportError:
                time.sleep(0.2)
        yield f"{base}/v1"
    finally:
        process.terminate()
        process.wait()


def _home(work: Path, url: str, resting: str, given: argparse.Namespace) -> Home:
    home = Home(work / "home")
    home.path.mkdir(mode=0o700)
    said = settings(url, {})
    model = str(given.second)
    said["upstreams"]["second"] = {"kind": "mlx_lm", "base_url": resting, "models": {model: {}}}
    said["modes"] = {
        "resting": {"upstream": "second", "model": model},
        "active": {"upstream": "house", "model": "house"},
        "burst": said["modes"]["burst"],
    }
    said["escalation"] = {"default": "learned", "max_quality_loss": given.loss}
    (home.path / "majordomo.yaml").write_text(json.dumps(said))
    if given.adapters is not None:
        shutil.copytree(given.adapters, home.path / "adapters")
    return home


def _week(number: int, done: Sequence[Done], cloud: Sequence[Done], reasons: Json) -> str:
    at_home = sum(each.mode != "burst" for each in done) / len(done)
    right, best = household.success(done) or 0.0, household.success(cloud) or 0.0
    said = ", ".join(f"{code} {count}" for code, count in reasons.items())
    return (
        f"week {number}: {len(done)} requests, {at_home:.0%} first answered at home, {right:.1%} "
        f"right (always the stand-in: {best:.1%}). Of the latest 200 exchanges: {said}"
    )


def _reasons(gateway: Gateway) -> Json:
    """How many exchanges were decided for which reason."""
    found: Counter[str] = Counter()
    for each in _exchanges(gateway):
        why = _explain(gateway, each["id"])["weighing"]
        found["not weighed" if why is None else why["reason"]["code"]] += 1
    return dict(found.most_common())


def _told(home: Home, gateway: Gateway) -> list[str]:
    """Ten requests as the command tells them: some for every reason there was."""
    by_reason: dict[str, list[str]] = {}
    for each in _exchanges(gateway):
        why = _explain(gateway, each["id"])["weighing"]
        if why is not None:
            by_reason.setdefault(why["reason"]["code"], []).append(each["id"])
    picked: list[str] = []
    while len(picked) < TOLD and any(by_reason.values()):
        picked += [ids.pop(0) for ids in by_reason.values() if ids]
    return [home.run("explain", id_).stdout for id_ in picked[:TOLD]]


def _exchanges(gateway: Gateway) -> list[Json]:
    found: Json = httpx2.get(f"{gateway.url}/v1/exchanges?limit=200", timeout=30).json()
    return found["data"]


def _explain(gateway: Gateway, id_: str) -> Json:
    found: Json = httpx2.get(f"{gateway.url}/v1/exchanges/{id_}/explain", timeout=30).json()
    return found


if __name__ == "__main__":
    sys.exit(main())
