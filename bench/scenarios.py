"""The loads: what `llmload` is asked to do, and which of its numbers each is read for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scenario:
    """One load, the same for every target."""

    name: str
    connections: int
    seconds: float
    """Measured time, after the warm-up."""
    warmup: float
    """Seconds of load before measuring."""
    events: int = 0
    """Content events per stream; 0: JSON replies, no streams."""
    gap_us: int = 0
    """Microseconds between events of a stream; 0: as fast as the upstream can."""
    ramp_ms: int = 0
    """Milliseconds over which the connections start."""

    @property
    def streamed(self) -> bool:
        return self.events > 0

    def arguments(self, shorter: float = 1.0) -> list[str]:
        """For `llmload`; `shorter` divides the measured time."""
        seconds = max(self.seconds / shorter, 0.5)
        given = ["-c", self.connections, "-d", seconds, "-w", self.warmup, "-r", self.ramp_ms]
        if self.streamed:
            given += ["-s", "-k", self.events, "-i", self.gap_us]
        return [str(argument) for argument in given]


SCENARIOS = (
    Scenario("json1", connections=1, seconds=2, warmup=0.3),
    Scenario("json16", connections=16, seconds=2.5, warmup=0.3),
    Scenario("json64", connections=64, seconds=2.5, warmup=0.4),
    Scenario("json256", connections=256, seconds=2.5, warmup=0.7),
    Scenario(
        "paced256", connections=256, seconds=3, warmup=1, events=50, gap_us=20_000, ramp_ms=1000
    ),
    Scenario(
        "paced1000", connections=1000, seconds=3, warmup=2.2, events=50, gap_us=40_000, ramp_ms=2000
    ),
)
