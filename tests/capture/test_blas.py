from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system has one")

PRODUCT = """
import sys
from pathlib import Path
from capture.blas import use_fast_blas
print(use_fast_blas(Path(sys.argv[1])))
import mlx.core as mx
import numpy as np
a, b = (np.random.default_rng(seed).random((65, 65), np.float32) for seed in (1, 2))
assert np.allclose(np.array(mx.array(a) @ mx.array(b)), a @ b, atol=1e-3)
assert np.allclose(np.array(mx.array(a) @ mx.array(b.T).T), a @ b, atol=1e-3)
"""


def product(directory: Path, **env: str) -> str:
    """Which matrix product mlx took, having computed one that is right."""
    pytest.importorskip("mlx.core")
    ran = subprocess.run(
        [sys.executable, "-c", PRODUCT, str(directory)],
        env=dict(os.environ) | env,
        check=True,
        capture_output=True,
        text=True,
    )
    return ran.stdout.strip()


def test_products_are_right_with_what_was_found(tmp_path: Path) -> None:
    said = product(tmp_path / "made")
    assert said
    assert product(tmp_path / "made") == said, "what was compiled is taken again"


def test_without_a_compiler_products_are_as_right(tmp_path: Path) -> None:
    said = product(tmp_path / "made", PATH="")
    assert "numpy" not in said
    assert not (tmp_path / "made").exists()
