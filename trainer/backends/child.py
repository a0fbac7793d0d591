"""What the trainer's child processes run: `python -m trainer.backends.child CACHE WHAT ...`.

WHAT is `answer`, `lora` or `measure`, for the modules named after them. The child is polite to
whoever serves on this machine, uses the fastest matrix product there is, and ends with its parent:
standard input is a pipe whose other end only the parent holds, and when it closes, however the
parent ended, this process and whatever it started end too.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from capture.blas import use_fast_blas

POLITE = 10
"""The process's niceness: serving comes first."""


def end_with_the_parent(descriptor: int = 0) -> None:
    """Block until the pipe closes, then end this process's whole group at once."""
    while os.read(descriptor, 4096):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def main(arguments: list[str]) -> None:
    """Run one child to its end."""
    threading.Thread(target=end_with_the_parent, daemon=True).start()
    os.nice(POLITE - os.nice(0))  # a child of a child is as polite
    os.umask(0o077)  # what is written of a household is for its user alone
    cache, what, *rest = arguments
    print(f"matrix products by {use_fast_blas(Path(cache))}", flush=True)  # noqa: T201 - its output
    if what == "answer":
        from trainer.backends.answer_child import main as answer

        answer(rest)
    elif what == "measure":
        from trainer.backends.measure_child import main as measure

        measure(rest)
    elif what == "lora":
        from trainer.backends.lora_child import main as lora

        lora(cache, rest)
    else:
        sys.exit(f"no such thing to do: {what}")


if __name__ == "__main__":
    main(sys.argv[1:])
