# pyright: basic
"""mlx-lm's own `lora` command, then what it learned turned down to `strength`. In child processes.

Arguments: the configuration file, as `python -m mlx_lm lora -c` takes it. Two fields in it are
ours, and mlx-lm passes them over: `strength`, and `workers`: how many processes share each batch.
The first of them starts the others, each told its rank and where all of them listen, on loopback.
mlx-lm does the rest: each computes its part of a batch, and all take the same step. (Basic type
checking: mlx has no types.)
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

WEIGHTS = "adapters.safetensors"


def main(cache: str, arguments: list[str]) -> None:
    """Train, then weaken. `arguments` of the others go on with rank and file of addresses."""
    file, *place = arguments
    configuration = json.loads(Path(file).read_bytes())
    workers = configuration["workers"]
    if place:
        train(file, int(place[0]), workers, place[1])
        return
    if workers == 1:
        train(file)
    else:
        addresses = Path(file).with_name("addresses.json")
        addresses.write_text(json.dumps([[f"127.0.0.1:{port}"] for port in free_ports(workers)]))
        over = threading.Event()
        for rank in range(1, workers):
            start_another([cache, "lora", file, str(rank), str(addresses)], over)
        train(file, 0, workers, str(addresses))
        over.set()
        addresses.unlink()
    weaken(Path(configuration["adapter_path"]) / WEIGHTS, configuration["strength"])


def train(file: str, rank: int = 0, workers: int = 1, addresses: str | None = None) -> None:
    """This process's share."""
    for name in ("MLX_RANK", "MLX_HOSTFILE"):
        os.environ.pop(name, None)
    if addresses is not None:
        os.environ |= {"MLX_RANK": str(rank), "MLX_HOSTFILE": addresses}
        import mlx.core as mx

        found = mx.distributed.init(backend="ring", strict=True).size()
        if found != workers:
            sys.exit(f"{workers} processes were to train together, and {found} found each other")
        print(f"{workers} processes train together", flush=True)  # noqa: T201 - its output
    from mlx_lm.cli import main as mlx_lm

    sys.argv = ["mlx_lm", "lora", "-c", file]
    mlx_lm()


def start_another(arguments: list[str], over: threading.Event) -> None:
    """Start another process of this kind. It ends with this one, by the pipe that only this one
    holds; and should it fail before all is over, this one ends: it would wait for ever."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-P", "-m", "trainer.backends.child", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,  # the first reports for all
    )

    def watch() -> None:
        code = process.wait()
        if code != 0 and not over.is_set():
            print(f"a process that trained with this one ended with {code}", flush=True)  # noqa: T201 - its output
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


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
