"""What a second opinion is worth: `escalation.verify` held against recorded replies.

    python -m bench.second_opinion tools-a.jsonl ...

Each line of a file is one request with what RESTING, ACTIVE and BURST really answered and whether
that was right (`replies`, `success`). The gateway's own checks decide; nothing is learned or drawn.
Printed: the share that stays home, and the points lost against always asking BURST; below zero is
better than BURST.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from capture.messages import Message
from capture.replies import read_message
from gateway.opinions import Opinions
from routers.verify import unfit


def main() -> None:
    """A line for each file."""
    parser = argparse.ArgumentParser(prog="python -m bench.second_opinion", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    print("| file | requests | `tool_calls`: at home | points lost "
          "| `agreement`: at home | points lost |")  # fmt: skip
    print("|---|---|---|---|---|---|")
    for file in parser.parse_args().files:
        rows = [orjson.loads(line) for line in file.read_bytes().splitlines()]
        always = sum(row["success"]["burst"] for row in rows)
        figures: list[str] = []
        for stays in (_fits, _agreed):
            home, right = _replayed(rows, stays)
            figures.append(f"{home / len(rows):.0%} | {100 * (always - right) / len(rows):.1f}")
        print(f"| {file.stem} | {len(rows)} | {' | '.join(figures)} |")


def _replayed(rows: Iterable[Mapping[str, Any]], stays: Any) -> tuple[int, int]:
    """How many stay home, and how many are right in all."""
    home = right = 0
    for row in rows:
        at_home = stays(row)
        home += at_home
        right += row["success"]["active" if at_home else "burst"]
    return home, right


def _fits(row: Mapping[str, Any]) -> bool:
    return unfit(_reply(row, "active"), row["tools"]) is None


def _agreed(row: Mapping[str, Any]) -> bool:
    opinions = Opinions(row)
    resting, active = _reply(row, "resting"), _reply(row, "active")
    if unfit(resting, row["tools"]) is None:
        opinions.against(resting)
    return unfit(active, row["tools"]) is None and opinions.against(active) is None


def _reply(row: Mapping[str, Any], mode: str) -> Message:
    message = read_message({"role": "assistant", **row["replies"][mode]})
    assert message is not None
    return message


if __name__ == "__main__":
    main()
