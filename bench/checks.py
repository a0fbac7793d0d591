"""What a look at a reply costs before it is handed over: CPU microseconds.

    python -m bench.checks [--rounds 200]

`fits`: ten calls whose values stand in the conversation. `stray`: ten whose values do not, so that
every way to find them is tried. Each with a conversation of 2 KB and of 64 KB. `text`: a reply of
twelve sums. `essay`: one of 15 KB without any. `agree`: two replies of ten calls compared. `unfit`:
what the gateway asks of every reply that it holds. `hostile`: replies of 1 MB of unkind kinds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import orjson

from capture.messages import ContentPart, Message, ToolCall
from routers.agreement import agree
from routers.checks import Asked, look
from routers.verify import unfit

CITIES = ("Oslo", "Lima", "Cairo", "Quito", "Hanoi", "Accra", "Tunis", "Dhaka", "Minsk", "Sofia")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "The city, e.g. Bern."},
        "days": {"type": "integer", "description": "Days ahead. Default is 3."},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "hours": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["city", "days"],
}
LINE = "The report of the day before names 37 places, of which 12 were in the north. "


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.checks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    fits, stray = calls(CITIES, 5), calls([name[::-1] for name in CITIES], 7)
    for size in (2, 64):
        asked = conversation(size * 1024)
        show(f"fits, {size} KB", rounds, lambda asked=asked: look(asked, fits))
        show(f"stray, {size} KB", rounds, lambda asked=asked: look(asked, stray))
        show(f"agree, {size} KB", rounds, lambda asked=asked: agree(asked, fits, stray))
    asked = conversation(2048)
    show("unfit", rounds, lambda: unfit(fits, asked.tools))
    sums = "".join(f"He has {n} + {n} = {2 * n} eggs, and {n} * 3 = {3 * n}.\n" for n in range(6))
    question = Asked([{"role": "user", "content": "How many eggs does he have?"}])
    show("text", rounds, lambda: look(question, says(f"{sums}#### 15")))
    show("essay", rounds, lambda: look(question, says(LINE * 200)))
    for name, text in HOSTILE.items():
        show(f"hostile, {name}", 3, lambda text=text: look(asked, says(text)))
        show(f"hostile call, {name}", 3, lambda text=text: look(asked, called({"city": text})))


def conversation(size: int) -> Asked:
    """A user who asks for ten cities, at the end of so many characters of earlier messages."""
    wish = "What will the weather be in 5 days at 6 and 18 hours in " + ", ".join(CITIES) + "?"
    earlier = [{"role": "user", "content": LINE * (size // len(LINE))}]
    tools = [
        {"type": "function", "function": {"name": f"{name}_get", "parameters": SCHEMA}}
        for name in ("weather", "traffic", "news", "stock", "event")
    ]
    return Asked([*earlier, {"role": "user", "content": wish}], tools)


def calls(cities: list[str] | tuple[str, ...], days: int) -> Message:
    """A reply of one call for each city."""
    arguments = ({"city": c, "days": days, "unit": "celsius", "hours": [6, 18]} for c in cities)
    made = (ToolCall("", "weather_get", orjson.dumps(held).decode()) for held in arguments)
    return Message("assistant", (), tuple(made))


def called(arguments: dict[str, Any]) -> Message:
    """A reply of one call."""
    text = orjson.dumps({**arguments, "days": 1}).decode()
    return Message("assistant", (), (ToolCall("", "weather_get", text),))


def says(text: str) -> Message:
    """A reply of words."""
    return Message("assistant", (ContentPart("text", text),))


MEGA = 1024 * 1024
HOSTILE = {
    "digits": "1" * MEGA,
    "commas": "111," * (MEGA // 4),
    "equals": "1=" * (MEGA // 2),
    "brackets": "(" * MEGA,
    "quotes": "'\"" * (MEGA // 2),
    "spaces": " " * MEGA,
    "sums": "1+1=2 " * (MEGA // 6),
    "names": "Aa " * (MEGA // 3),
    "dashes": "-$ " * (MEGA // 3),
}


def show(name: str, rounds: int, act: Callable[[], object]) -> None:
    """Median and 99th percentile of so many rounds."""
    act()
    took: list[float] = []
    for _ in range(rounds):
        began = time.thread_time()
        act()
        took.append((time.thread_time() - began) * 1e6)
    took.sort()
    print(f"{name:24} {statistics.median(took):8.0f} us   p99 {took[int(len(took) * 0.99)]:8.0f}")


if __name__ == "__main__":
    main()
