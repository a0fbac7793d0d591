"""Child processes: mlx runs in them and never here.

A child gets an environment without secrets that reaches no model hub, its own process group, and a
pipe whose closing ends it (`trainer.backends.child`): it never outlives this process. What it says
goes to a log and, line by line, to whoever follows its progress.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from trainer.files import FILE_MODE, make_private

PASSED_ON = frozenset(
    ["PATH", "HOME", "USER", "LANG", "TZ", "VIRTUAL_ENV", "PYTHONHOME", "SDKROOT"]
)
PASSED_ON_PREFIXES = ("LC_", "LD_", "DYLD_", "OMP_", "OPENBLAS_", "MKL_", "MLX_", "METAL_")

Heard = Callable[[str], None]
"""Told each line a child says."""

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PACKAGES = Path(__file__).resolve().parent.parent


class ChildFailed(Exception):
    """A child did not end well. The message has its last words; its log has the rest."""


def run_child(arguments: Sequence[str], *, cache: Path, log: Path, heard: Heard) -> None:
    """Run one child to its end. However this function is left, the child and all it started are
    gone. Raises ChildFailed."""
    make_private(cache)
    command = [sys.executable, "-P", "-m", "trainer.backends.child", str(cache), *arguments]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=environment(os.environ, cache),
        cwd=cache,
        start_new_session=True,
    )
    try:
        last = _follow(process, log, heard)
        code = process.wait()
    finally:
        with suppress(ProcessLookupError, PermissionError):  # it is gone already
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
    if code != 0:
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        raise ChildFailed(f"{arguments[0]} {how}: {last} (all of it: {log})")


def environment(environ: Mapping[str, str], cache: Path) -> dict[str, str]:
    """What a child may know: how to find programs and libraries, and nothing secret. Matrices are
    multiplied by one thread: more wait for each other on a machine that also serves."""
    kept = {
        name: value
        for name, value in environ.items()
        if name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES)
    }
    return kept | {
        "PYTHONPATH": str(_PACKAGES),
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "TMPDIR": str(cache),
        "HF_HOME": str(cache / "hub"),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "MLX_DISABLE_COMPILE": environ.get("MLX_DISABLE_COMPILE", "1"),
        "OPENBLAS_NUM_THREADS": environ.get("OPENBLAS_NUM_THREADS", "1"),
    }


def _follow(process: subprocess.Popen[str], log: Path, heard: Heard) -> str:
    """Read all it says; returns the last line."""
    assert process.stdout is not None
    last = ""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        for said in process.stdout:
            line = _COLOURS.sub("", said).rstrip()
            if line.strip():
                file.write(line + "\n")
                last = line.strip()
                heard(line)
    return last
