"""How a cycle selects, trains and judges: plain values, with the defaults measured in
docs/training.md. What mlx-lm knows by a name has that name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """One cycle's settings. `gateway.settings` reads the same fields from `majordomo.yaml`."""

    iters: int = 200
    """Training steps."""
    batch_size: int = 8
    """Rows in one step; fewer when there are fewer rows."""
    learning_rate: float = 5e-4
    """Of the Adam optimizer, at its highest; falls along a cosine to a twentieth."""
    warmup: int = 20
    """Steps in which the learning rate rises from nothing; at most half of them."""
    rank: int = 16
    """Of the LoRA matrices."""
    scale: float = 10.0
    """What the LoRA product is multiplied by (mlx-lm's `scale`, not alpha)."""
    strength: float = 0.8
    """Share of what was learned that is kept, in (0, 1]: the LoRA product is multiplied by it once
    training is over. Less learns a little less and forgets much less of the base."""
    dropout: float = 0.0
    """Share of LoRA inputs dropped in training."""
    num_layers: int = -1
    """How many of the last layers are trained; -1 for all."""
    max_seq_length: int = 2048
    """Longest row in tokens; what is longer is left out."""
    grad_checkpoint: bool = False
    """Compute activations again rather than keep them: less memory, more time."""
    seed: int = 0
    """Of the order of rows, golden rows and LoRA's first values; each cycle adds its number."""
    soul: Literal["prepend", "replace", "off"] = "prepend"
    """How HOME/SOUL.md, where there is one, gets into the system prompt of every row
    (`capture.soul`)."""
    rows: int = 2000
    """Most captured rows in a dataset, and no more than its steps see; the newest are kept."""
    held_out: float = 0.2
    """Share of conversations held out of training for ever, to judge candidates by."""
    replay_share: float = 0.5
    """Share of golden rows, which practise the base's own skills, in a dataset."""
    per_skill: int = 40
    """Most held-out requests of one skill that a candidate is judged by; the newest."""
    golden_per_skill: int = 4
    """Held-out golden requests of each base skill in each of their groups."""
    base_drop_points: float = 5.0
    """Percentage points that a candidate may lose against the base, on all base skills together."""
    skill_drop_points: float = 15.0
    """Percentage points that a candidate may lose, on any major skill, against the incumbent."""
    major_requests: int = 5
    """A skill is major from this many held-out requests on."""
