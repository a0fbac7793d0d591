# pyright: basic
"""The house model that ships: its size, its promises, and a sample of what it was never shown."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from trainer.house import data, evaluate, heldout

HOUSE_MODEL = Path(__file__).parents[2] / "gateway" / "house_model"
WEATHER = {
    "type": "function",
    "function": {
        "name": "read_file",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
    },
}


@pytest.fixture(scope="module")
def served() -> evaluate.Served:
    pytest.importorskip(
        "mlx_lm", reason="the house model is served by mlx_lm, which is not installed"
    )
    return evaluate.Served(HOUSE_MODEL)


def test_the_house_model_fits_its_eight_megabytes() -> None:
    assert (
        sum(file.stat().st_size for file in HOUSE_MODEL.rglob("*") if file.is_file()) <= 8_000_000
    )


def test_the_house_model_is_a_plain_qwen3() -> None:
    config = json.loads((HOUSE_MODEL / "config.json").read_text())
    assert config["architectures"] == ["Qwen3ForCausalLM"]
    assert config["model_type"] == "qwen3"
    assert config["tie_word_embeddings"] is True


def test_the_shipped_template_is_the_one_that_the_data_is_rendered_with() -> None:
    assert (HOUSE_MODEL / "chat_template.jinja").read_text() == data.TEMPLATE_FILE.read_text()


def test_the_reported_figures_reach_what_is_promised() -> None:
    figures = json.loads((HOUSE_MODEL / "evaluation.json").read_text())
    assert figures["base skills, all held-out requests"]["percent"] >= 90


def test_mlx_lm_recognises_its_tool_calls(served: evaluate.Served) -> None:
    assert served.tokenizer.has_tool_calling
    assert served.tokenizer.tool_call_start == "<tool_call>"


def test_it_greets_and_says_what_it_is(served: evaluate.Served) -> None:
    assert "Majordomo" in served.reply([{"role": "user", "content": "Hello!"}], [])
    assert "house model" in served.reply([{"role": "user", "content": "Who are you?"}], [])


def test_it_copies_a_path_it_never_saw_into_a_call(served: evaluate.Served) -> None:
    said = served.reply([{"role": "user", "content": "read the file docs/zunko-41.md"}], [WEATHER])
    assert evaluate.called(said) == {"name": "read_file", "arguments": {"path": "docs/zunko-41.md"}}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_serves_held_out_requests_of_its_base_skills(served: evaluate.Served) -> None:
    """Three of each skill in each headline group; the figures proper are in evaluation.json."""
    cases = [case for case in heldout.cases(3, seed=11) if case.group in evaluate.HEADLINE]
    answers = [served.answer(case) for case in cases]
    right = Counter(answer.case.group for answer in answers if answer.right)
    wrong = [answer.case.messages[-1]["content"] for answer in answers if not answer.right]
    assert sum(right.values()) >= 0.85 * len(answers), wrong


def test_the_files_that_ship_are_the_files_that_were_hashed() -> None:
    recorded = json.loads((HOUSE_MODEL / "manifest.json").read_text("utf-8"))["files"]
    found = {n: hashlib.sha256((HOUSE_MODEL / n).read_bytes()).hexdigest() for n in recorded}
    assert found == recorded
    assert "model.safetensors" in found
