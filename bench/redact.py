"""What redaction costs: CPU milliseconds per 100 KB of text, by kind of text and level.

    python -m bench.redact

`calibration` is the time of a fixed loop in the same minute: on a busy machine compare ratios.
"""

from __future__ import annotations

import base64
import itertools
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson

from bench.capture import calibrate
from capture.redact import Level, Redactor

SIZE = 100_000
ROUNDS = 7
ROOT = Path(__file__).resolve().parents[1]
WORDS = (
    "the kitchen light was on when she came home and nobody had fed the cat, so she opened a tin; "
    "what a token of love, she thought, no secret could be kept from him for long. "
)


def texts() -> Mapping[str, str]:
    """Kinds of text, each of `SIZE` characters."""
    chance = random.Random(1)
    code = "".join(path.read_text() for path in sorted((ROOT / "gateway").glob("*.py")))
    key = "ghp_" + "a1B2" * 9
    results = [
        {"file": f"/srv/app/{n}.py", "sha": f"{chance.getrandbits(160):040x}", "token_count": n}
        for n in range(2000)
    ]
    log = (
        f"2026-11-21T10:{n % 60:02}:00Z INFO 10.0.{n % 250}.7 GET /v1/models {n} ms\n"
        for n in range(5000)
    )
    return {
        "prose": _filled(WORDS),
        "source code": _filled(code),
        "JSON results": _filled(orjson.dumps(results).decode()),
        "log lines": _filled("".join(log)),
        "base64": _filled(base64.b64encode(chance.randbytes(SIZE)).decode()),
        "a secret in each 500": _filled(WORDS * 3 + key + "\n"),
        "nothing but secrets": _filled(key + " "),
    }


def milliseconds(work: Callable[[], object]) -> float:
    """Best CPU time of some rounds."""

    def once() -> float:
        began = time.process_time()
        work()
        return (time.process_time() - began) * 1e3

    return min(once() for _ in range(ROUNDS))


def main() -> None:
    """Print a line for each kind of text."""
    print(f"calibration {calibrate():.0f} ms; CPU ms per {SIZE // 1000} KB, best of {ROUNDS}")
    for name, text in texts().items():
        secrets, everything = (_cost(level, text) for level in ("secrets", "all"))
        print(f"{name:24} secrets {secrets:6.1f}   all {everything:6.1f}")


def _cost(level: Level, text: str) -> float:
    redactor = Redactor(level, b"salt")
    return milliseconds(lambda: redactor.text(text))


def _filled(text: str) -> str:
    """That text again and again, up to `SIZE` characters."""
    return "".join(itertools.islice(itertools.cycle(text), SIZE))


if __name__ == "__main__":
    main()
