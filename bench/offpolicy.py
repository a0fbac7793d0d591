"""How often intervals of `majordomo replay` hold the truth, on made-up logs whose truth is known.

    python -m bench.offpolicy [--seeds N]

Four skills, conversations of one to three requests, home asked for 30 % of them; the other policy
sends the skills home at which home is right more often than not. `drawn`: chance decided with the
probabilities that are recorded; else something that has nothing to do with the skill did, and drew
nothing. A `plain` estimate beside it takes the mean of what happened to go where the other policy
would have it.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence

from routers.replay.offpolicy import Logged, estimate
from tests.support.logs import World


def main() -> None:
    """A line for each kind of log and size."""
    parser = argparse.ArgumentParser(prog="python -m bench.offpolicy", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    seeds = range(parser.parse_args().seeds)
    print(
        "| log | requests | truth in the interval | its width | off by (root mean square) | plain |"
    )
    print("|---|---|---|---|---|---|")
    for drawn in (True, False):
        for requests in (100, 300, 1_000):
            kind = "drawn" if drawn else "not drawn"
            print(f"| {kind} | {requests:,} | {_line(drawn, requests, seeds)}")


def _line(drawn: bool, requests: int, seeds: Sequence[int]) -> str:
    held = width = squares = plain = 0.0
    for seed in seeds:
        world = World.of(seed)
        rows = world.log(seed, requests, drawn=drawn)
        found = estimate(rows, 200)
        assert found.interval is not None
        held += found.interval[0] <= world.truth <= found.interval[1]
        width += found.interval[1] - found.interval[0]
        squares += ((found.least + found.most) / 2.0 - world.truth) ** 2
        plain += (_plain(rows) - world.truth) ** 2
    of = len(seeds)
    return (
        f"{held / of:.1%} | {width / of:.3f} | {math.sqrt(squares / of):.3f} "
        f"| {math.sqrt(plain / of):.3f} |"
    )


def _plain(rows: Sequence[Logged]) -> float:
    """The mean of what went where the other policy would have it."""
    went = [row.right for row in rows if row.wanted.get(row.taken)]
    return sum(went) / len(went) if went else 0.5


if __name__ == "__main__":
    main()
