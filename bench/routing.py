"""What deciding costs, with a long history: time and memory.

    python -m bench.routing [--history 1000000] [--asked 5000]

The history is of exchanges of 500 skills and 200,000 tasks. `decide, request only` is all that a
request waits for before anything was answered: its task found among those met, its figures, and the
estimate of each model. `looks and settle` is what two local replies add once they are there: both
looked at, held against each other, and settled. The clock is this thread's CPU time, less what
reading it takes.
"""

from __future__ import annotations

import argparse
import os
import time

from bench.machine import resident_mb
from capture.exchange import Mode
from capture.messages import Message, ToolCall
from routers.agreement import agree
from routers.brain import Brain
from routers.checks import Asked, Looked, look
from routers.confidence import Sight
from routers.draws import draw
from routers.thresholds import Aim

_TOOL = {
    "type": "function",
    "function": {
        "name": "order",
        "parameters": {
            "type": "object",
            "properties": {"number": {"type": "integer"}, "what": {"type": "string"}},
            "required": ["number"],
        },
    },
}
_WORDS = ("order", "light", "invoice", "report", "garden", "train", "ticket", "mail", "budget")


def main() -> None:
    """Learn the history, then ask."""
    parser = argparse.ArgumentParser(prog="python -m bench.routing", description=__doc__)
    parser.add_argument("--history", type=int, default=1_000_000)
    parser.add_argument("--asked", type=int, default=5_000)
    options = parser.parse_args()
    history: int = options.history
    asked: int = options.asked
    brain = Brain((Mode.RESTING, Mode.ACTIVE), Mode.BURST, Aim(max_loss=0.01))
    before = resident_mb([os.getpid()])
    began = time.thread_time()
    for number in range(history):
        _learn(brain, number)
    learned = time.thread_time() - began
    grown = resident_mb([os.getpid()]) - before
    reading = sorted(_reading() for _ in range(asked))[asked // 2]
    took = sorted(_timed(brain, number) - reading for number in range(asked))
    p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
    print(f"{history:,} exchanges of history: {learned:.0f} s to learn, {grown:.0f} MB")
    print(f"  decide, request only: p50 {1e3 * p50:.3f} ms, p99 {1e3 * p99:.3f} ms (limits 0.3, 1)")
    took = sorted(_settled(brain, number) - reading for number in range(asked))
    p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
    print(f"  looks and settle: p50 {1e3 * p50:.3f} ms, p99 {1e3 * p99:.3f} ms")


def _learn(brain: Brain, number: int) -> None:
    """One outcome; every fiftieth request's words are met, too."""
    task = number % 200_000
    keys = (f"skill{number % 500}", f"near{task // 2}", f"task{task}")
    figures = {"asked.length": (number % 97) / 97.0, "asked.tools": (number % 5) / 8.0}
    who = (Mode.RESTING, Mode.ACTIVE, Mode.BURST)[number % 3]
    right = float(draw(1, "right", number) < 0.5 + 0.4 * (number % 500) / 500.0)
    brain.confidence.learn(Sight(keys, figures), who, right)
    if number % 50 == 0:
        brain.meet(_text(number))


def _timed(brain: Brain, number: int) -> float:
    text = _text(number)
    began = time.thread_time()
    sight = brain.sight(text, f"skill{number % 500}", number % 5)
    brain.settle(sight, {}, None)
    return time.thread_time() - began


def _settled(brain: Brain, number: int) -> float:
    """Two local replies of one call each, every third time different ones."""
    text = _text(number)
    asked = Asked([{"role": "user", "content": text}], [_TOOL])
    one, other = _call(number), _call(number + (number % 3 == 0))
    sight = brain.sight(text, f"skill{number % 500}", 1)
    began = time.thread_time()
    looks: dict[str, Looked] = {
        Mode.RESTING: look(asked, one),
        Mode.ACTIVE: look(asked, other),
    }
    brain.settle(sight, looks, agree(asked, one, other))
    return time.thread_time() - began


def _call(number: int) -> Message:
    call = ToolCall("c", "order", f'{{"number": {number % 9973}, "what": "light"}}')
    return Message("assistant", (), (call,))


def _reading() -> float:
    """What reading the clock takes: a good part of what is measured, on some machines."""
    began = time.thread_time()
    return time.thread_time() - began


def _text(number: int) -> str:
    """A request of some sixty words of its own."""
    return " ".join(
        f"{_WORDS[int(draw(2, str(spot), number) * len(_WORDS))]} {number % 9973 + spot}"
        for spot in range(30)
    )


if __name__ == "__main__":
    main()
