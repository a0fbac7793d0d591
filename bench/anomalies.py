"""What looking for anomalies costs: CPU seconds and memory for all samples of a large house.

    python -m bench.anomalies [--samples 50000] [--outside 2000]

The traffic is that of the tests, with `--outside` more characters from outside in every turn that
has any. `memory` is the most that the process held beyond the samples themselves. `calibration` is
the time of a fixed loop in the same minute: on a busy machine compare ratios.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

from bench.capture import calibrate
from capture.anomalies import Sample, flags
from tests.support.ordinary_traffic import THINGS, traffic
from tests.support.poison import hostile_mails, of_a_new_key, triggered


def main() -> None:
    """Make, look, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.anomalies", description=__doc__)
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--outside", type=int, default=2_000)
    options = parser.parse_args()
    planted = [*hostile_mails(1), *triggered(1), *of_a_new_key(1)]
    samples = [*padded(traffic(1, options.samples, days=365), options.outside), *planted]
    size = sum(len(each.said) + len(each.outside) + len(each.answered) for each in samples)
    before, began = peak(), time.process_time()
    found = flags(samples)
    seconds, memory = time.process_time() - began, peak() - before
    caught = sum(each.id in found for each in planted)
    print(f"calibration {calibrate():.0f} ms")
    print(f"{len(samples):,} samples, {size / 1e6:.0f} MB of text: {seconds:.1f} s of CPU, "
          f"memory {memory / 1e6:.0f} MB")  # fmt: skip
    print(f"flagged {caught} of {len(planted)} planted, {len(found) - caught} of the others")


def padded(samples: list[Sample], characters: int) -> Iterator[Sample]:
    """With so much more from outside, as pages and listings have it: other words each time."""
    chance = random.Random(1)
    for sample in samples:
        count = characters // 8 if sample.outside else 0
        more = " ".join(chance.choices(THINGS, k=count))
        yield replace(sample, outside=f"{more} {sample.outside}") if more else sample


def peak() -> float:
    """The most memory the process has held, in bytes."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
