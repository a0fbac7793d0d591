# pyright: basic
"""mlx-lm's own `lora` command, then what it learned turned down to `strength`. In a child process.

Arguments: `-c` and the configuration file, as `python -m mlx_lm lora` takes them. In it, `strength`
is ours; mlx-lm passes it over. (Basic type checking: mlx has no types.)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, cast

WEIGHTS = "adapters.safetensors"


def main(arguments: list[str]) -> None:
    """Train, then weaken."""
    from mlx_lm.cli import main as mlx_lm

    sys.argv = ["mlx_lm", "lora", *arguments]
    mlx_lm()
    configuration = json.loads(Path(arguments[1]).read_bytes())
    weaken(Path(configuration["adapter_path"]) / WEIGHTS, configuration["strength"])


def weaken(weights: Path, strength: float) -> None:
    """Multiply every LoRA product in the file by `strength`. Merging with the base in this
    proportion is the same thing: the weights of one and the other, averaged."""
    import mlx.core as mx

    loaded: dict[str, Any] = dict(cast("Any", mx.load(str(weights))))
    for name, array in loaded.items():
        if name.endswith("lora_b"):
            loaded[name] = array * strength
    beside = weights.with_name(f"weakened-{WEIGHTS}")  # the file is read while this is written
    mx.save_safetensors(str(beside), loaded, {"format": "mlx"})
    beside.replace(weights)
