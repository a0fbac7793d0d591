# pyright: basic, reportMissingImports=false
"""The shortened training run: the real path from data to a model that mlx_lm serves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from trainer.house import data, evaluate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch", reason="training the house model needs torch (the train extra)")
    pytest.importorskip(
        "mlx_lm", reason="the house model is served by mlx_lm, which is not installed"
    )
    folder = tmp_path_factory.mktemp("house")
    command = [sys.executable, "-m", "trainer.house", "--out", str(folder), "--quick"]
    subprocess.run(command, check=True, cwd=ROOT, timeout=800)
    return folder


def test_the_loss_falls_far_below_its_start_and_copying_begins(trained: Path) -> None:
    history = json.loads((trained / "training.json").read_text())
    assert history["copying loss"]["last"] < 0.4 * history["copying loss"]["first"]
    assert history["loss"]["last"] < 0.5 * history["loss"]["first"]


def test_the_exported_model_computes_what_torch_computes(trained: Path) -> None:
    import mlx.core as mx
    import torch
    from safetensors.torch import load_file

    from trainer.house.model import HouseModel, Shape

    config = json.loads((trained / "config.json").read_text())
    model = HouseModel(Shape(**{name: config[name] for name in Shape.__dataclass_fields__}))
    model.load_state_dict(load_file(trained / "model.safetensors"))
    served = evaluate.Served(trained)
    prompt = served.tokenizer.encode(
        data.render([{"role": "user", "content": "read docs/x.md"}], [], True)
    )
    with torch.no_grad():
        ours = model(torch.tensor([prompt])).numpy()
    theirs = np.array(served.model(mx.array([prompt])))
    assert np.abs(ours - theirs).max() < 1e-3


def test_the_exported_model_generates_with_the_shipped_template(trained: Path) -> None:
    said = evaluate.Served(trained).reply([{"role": "user", "content": "hello"}], [], most=40)
    assert isinstance(said, str)


def test_a_finished_run_is_continued_and_not_begun_again(trained: Path) -> None:
    command = [sys.executable, "-m", "trainer.house", "--out", str(trained), "--quick"]
    done = subprocess.run(
        command, check=True, cwd=ROOT, timeout=300, capture_output=True, text=True
    )
    assert "continuing at step" in done.stdout
