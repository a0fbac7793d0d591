"""Gets the programs that a run needs: the C upstream and load generator, nginx, LiteLLM.

They live under `.bench/`, which git ignores. nginx and LiteLLM are optional: a run without them
says so and leaves their columns out. LiteLLM is installed into an environment of its own from
whatever package index pip is set up for.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".bench"
LITELLM = "litellm[proxy]==1.106.2"


def compiled(name: str) -> Path:
    """Path of `bench/NAME.c`, compiled when its source has changed."""
    source = ROOT / "bench" / f"{name}.c"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    program = CACHE / "bin" / f"{name}-{digest}"
    if not program.exists():
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None or sys.platform != "linux":
            raise SystemExit("make bench needs Linux and a C compiler (Debian: apt install gcc).")
        program.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler, "-O2", "-o", str(program), str(source)], check=True)
    return program


def nginx() -> str | None:
    """Path of nginx; None when there is none. Debian keeps it out of ordinary users' PATH."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def litellm() -> Path | None:
    """LiteLLM's command in `.bench/litellm`, installed on first use; None when it cannot be."""
    venv = CACHE / "litellm"
    command = venv / "bin" / "litellm"
    stamp = venv / "installed"
    if command.exists() and stamp.exists() and stamp.read_text() == LITELLM:
        return command
    print(f"Installing {LITELLM} into {venv.relative_to(ROOT)} (once) ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input", LITELLM]
    if subprocess.run(pip, stderr=subprocess.DEVNULL, check=False).returncode != 0:
        print("LiteLLM does not install here; its column is left out.", flush=True)
        return None
    stamp.write_text(LITELLM)
    return command
