"""A fast matrix product for mlx on a Linux CPU, found on this machine. Runs in child processes.

mlx's Linux wheel for CPUs brings the reference BLAS: 4.5 GFLOP/s where OpenBLAS does 50 on the same
two cores. The dynamic linker takes a symbol from what was loaded first for everybody, so loading an
OpenBLAS with RTLD_GLOBAL before mlx is all it takes. A system's OpenBLAS has the right names. The
one that numpy brings has 64-bit integers and names of its own, so a few lines of C stand between,
compiled once where there is a compiler. With neither, mlx's own serves: slower, and as right. Here
because both parts start such children: the house model's server and the trainer's.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path
from shutil import which

PREFIXES = ("scipy_", "")
"""Before `cblas_sgemm64_` in numpy's OpenBLAS: of numpy 2, and of those before."""

SHIM = """
typedef long long L;
void TARGET(int, int, int, L, L, L, float, const float *, L, const float *, L, float, float *, L);
void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                 int lda, const float *b, int ldb, float beta, float *c, int ldc) {
  TARGET(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
"""


def use_fast_blas(directory: Path) -> str:
    """Load one before mlx is imported; compiles into `directory`. Says in a few words which one
    mlx will use."""
    if sys.platform != "linux" or "blas" in os.environ.get("LD_PRELOAD", ""):
        return "the system's choice"
    return _system() or _numpys(directory) or "mlx's own, which is slow: no OpenBLAS found"


def _system() -> str | None:
    name = find_library("openblas")
    if name is None:
        return None
    try:
        library = ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return None
    return f"{name}, the system's" if hasattr(library, "cblas_sgemm") else None


def _numpys(directory: Path) -> str | None:
    found = _numpys_library()
    compiler = which("cc") or which("gcc") or which("clang")
    if found is None or compiler is None:
        return None
    try:
        library = ctypes.CDLL(str(found), mode=ctypes.RTLD_GLOBAL)
        names = [f"{prefix}cblas_sgemm64_" for prefix in PREFIXES]
        target = next((name for name in names if hasattr(library, name)), None)
        if target is None:
            return None
        ctypes.CDLL(str(_shim(directory, target, compiler)), mode=ctypes.RTLD_GLOBAL)
    except (OSError, subprocess.SubprocessError):
        return None
    return "numpy's OpenBLAS"


def _numpys_library() -> Path | None:
    spec = find_spec("numpy")
    if spec is None or spec.origin is None:
        return None
    beside = Path(spec.origin).parent.parent / "numpy.libs"
    return next(iter(sorted(beside.glob("lib*openblas64_*.so"))), None)


def _shim(directory: Path, target: str, compiler: str) -> Path:
    """The compiled lines between; made once."""
    made = directory / f"lib{target}.{os.uname().machine}.so"
    if not made.exists():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = made.with_suffix(f".{os.getpid()}")
        command = [compiler, "-O2", "-shared", "-fPIC", "-x", "c", "-", "-o", str(aside)]
        source = SHIM.replace("TARGET", target).encode()
        subprocess.run(  # noqa: S603 - a compiler from PATH, on our own lines
            command, input=source, check=True, capture_output=True, timeout=60
        )
        aside.replace(made)
    return made
