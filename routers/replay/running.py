"""One replay: the router meets the rows in an order of its own, and learns what it is shown. Pure.

It sees messages, tools and skill; it may look at local replies, each a local generation. Then it
learns the outcome of what was served and, where the cloud answered, too, whether the local replies
agree with the cloud's. With feedback `shadow` the outcome of the other model is shown for a random
share of the rows; `full` is a share of all. No outcome reaches the router any other way.
"""

from __future__ import annotations

from collections.abc import Sequence

from capture.exchange import Mode
from capture.values import value
from routers.agreement import Agreement
from routers.brain import Brain, Settled
from routers.cascade import Step
from routers.checks import Looked
from routers.draws import draw
from routers.replay.rows import Row
from routers.thresholds import Aim

_LOCAL = (Mode.RESTING, Mode.ACTIVE)


@value
class Setup:
    """How to replay."""

    aim: Aim
    seed: int = 0
    shadow: float = 0.0
    """Share of the rows whose other outcome is shown, too; 1: all."""
    juror: bool = True
    """All local models may answer and compare; else the largest alone."""


@value
class Served:
    """What came of one row."""

    row: Row
    mode: Mode
    """Which mode's reply was handed over."""
    right: float
    local_generations: int
    cloud_calls: int
    predicted: float
    """What the router thought of the reply it handed over: P(right)."""
    code: str
    """Why, in a word."""


def replay(rows: Sequence[Row], setup: Setup) -> list[Served]:
    """All rows once, in the seed's order."""
    order = sorted(range(len(rows)), key=lambda number: draw(setup.seed, "order", number))
    homes = homes_of(rows[0], juror=setup.juror) if rows else ()
    brain = Brain(homes, Mode.BURST, setup.aim, setup.seed)
    return [_serve(brain, rows[number], setup, turn) for turn, number in enumerate(order)]


def homes_of(row: Row, *, juror: bool) -> tuple[Mode, ...]:
    """The local modes that may answer, the cheapest first."""
    local = tuple(mode for mode in _LOCAL if mode in row.success)
    return local if juror else local[-1:]


def _serve(brain: Brain, row: Row, setup: Setup, turn: int) -> Served:
    sight = brain.sight(row.text, row.skill, len(row.asked.tools), len(row.asked.messages))
    looks, agreement = _look(brain, row)
    settled = brain.settle(sight, looks, agreement)
    home = settled.verdict.step is Step.ACCEPT
    mode = Mode(settled.verdict.who) if home and settled.verdict.who else Mode.BURST
    right = row.success[mode]
    brain.came_of(settled, mode, right)
    if home:
        _same_reply(brain, row, settled, mode, agreement)
    else:
        _beside_the_cloud(brain, row, settled, looks)
    if home and settled.audit:
        other = _against_cloud(row, mode)
        if other is not None:
            brain.judged(settled, other, right, None)
    if draw(setup.seed, "shadow", turn) < setup.shadow:
        _shadow(brain, row, settled, mode)
    brain.meet(row.text)
    estimate = settled.estimate
    return Served(
        row,
        mode,
        right,
        len(looks) or int(home),
        int(not home) + int(settled.audit),
        estimate.home[mode] if home else estimate.cloud,
        settled.verdict.reason.code,
    )


def _look(brain: Brain, row: Row) -> tuple[dict[str, Looked], Agreement | None]:
    """Local replies looked at, as far as the router asks for them and they were recorded."""
    looks: dict[str, Looked] = {}
    agreement: Agreement | None = None
    while row.replies:
        step = brain.next_look(looks)
        if step is None or step.who is None or step.who not in row.replies:
            break
        looks[step.who] = row.look(Mode(step.who))
        if len(looks) == len(_LOCAL):
            agreement = row.agreement(*_LOCAL)
    return looks, agreement


def _against_cloud(row: Row, mode: Mode) -> Agreement | None:
    """A local reply held against the cloud's; None where either was not recorded."""
    if mode not in row.replies or Mode.BURST not in row.replies:
        return None
    return row.agreement(mode, Mode.BURST)


def _same_reply(
    brain: Brain, row: Row, settled: Settled, mode: Mode, agreement: Agreement | None
) -> None:
    """What was handed over is what the other local model said, too: its outcome is that one's."""
    if agreement is not None and agreement.same:
        for other in brain.homes:
            if other != mode:
                brain.confidence.learn(settled.sight, other, row.success[mode])


def _beside_the_cloud(brain: Brain, row: Row, settled: Settled, looks: dict[str, Looked]) -> None:
    """The cloud answered: each local reply that was looked at is held against it."""
    cloud = row.success[Mode.BURST]
    for who in looks:
        agreement = _against_cloud(row, Mode(who))
        if agreement is not None:
            brain.confidence.compare(settled.sight, who, agreement, cloud)
            if who == settled.estimate.best:
                brain.judged(settled, agreement, None, cloud)


def _shadow(brain: Brain, row: Row, settled: Settled, mode: Mode) -> None:
    """The outcome of the other model is shown."""
    home = Mode(settled.estimate.best)
    other = home if mode is Mode.BURST else Mode.BURST
    brain.confidence.learn(settled.sight, other, row.success[other])
    agreement = _against_cloud(row, home)
    if agreement is not None:
        brain.confidence.revealed(agreement, row.success[home], row.success[Mode.BURST])
