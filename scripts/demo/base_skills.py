"""What the house model could do before, asked again: its own held-out requests, greedily.

The requests are those of `trainer.house.heldout` in the three groups of its headline figure, with
another seed than the gate's, so no night has seen them. They are asked as the gate asks, by
`trainer.evaluate`, in a child process.
"""

from __future__ import annotations

from pathlib import Path

from gateway.upstreams.house_model import HOUSE_MODEL_DIR
from trainer import evaluate
from trainer.house import heldout
from trainer.rows import Row, row_of
from trainer.scoring import is_right

SEED = 7
"""The seed of the model card's figures; the gate's is another."""
GROUPS = frozenset({heldout.SEEN, heldout.WORDING, heldout.PRODUCTION})


def requests(per_skill: int) -> list[Row]:
    """`per_skill` requests of every base skill in each group."""
    rows = [
        row_of(
            f"base:{number}",
            f"base:{number}",
            case.label,
            {"messages": case.messages, "tools": case.tools},
            case.expected,
        )
        for number, case in enumerate(heldout.cases(per_skill, SEED))
        if case.group in GROUPS
    ]
    return [row for row in rows if row is not None]


def success(adapter: Path | None, per_skill: int, work: Path) -> float:
    """Share answered right, by the base alone or with an adapter; `work` is for files."""
    rows = requests(per_skill)
    name = "base" if adapter is None else adapter.name
    model = evaluate.Model(HOUSE_MODEL_DIR, adapter, name)
    said = evaluate.answers(model, rows, work, work / "cache")
    return sum(is_right(said[evaluate.key_of(row)], row.reply) for row in rows) / len(rows)
