from __future__ import annotations

import pytest

from gateway.dialects.anthropic_models import traits
from tests.support.recordings import JsonObject, recordings


def _recorded_models() -> list[JsonObject]:
    models: dict[str, JsonObject] = {}
    for recording in recordings("anthropic"):
        if recording.path == "/v1/models" and recording.status == 200:
            for model in recording.response["body"]["data"]:
                known = models.get(model["id"])
                if "capabilities" in model and (known is None or len(str(known)) < len(str(model))):
                    models[model["id"]] = model  # an early list tells less of a new model
    return list(models.values())


@pytest.mark.skipif(not _recorded_models(), reason="MAJORDOMO_RECORDINGS is not set")
@pytest.mark.parametrize("model", _recorded_models(), ids=lambda m: m["id"])
def test_the_table_says_what_anthropic_says_of_each_model(model: JsonObject) -> None:
    known = traits(model["id"])
    capabilities = model["capabilities"]
    thinking = {k for k, v in capabilities["thinking"]["types"].items() if v["supported"]}
    efforts = {
        k for k, v in capabilities["effort"].items() if isinstance(v, dict) and v["supported"]
    }

    assert known.max_output_tokens == model["max_tokens"]
    assert {"budget": "enabled", "adaptive": "adaptive"}[known.thinking] in thinking
    assert set(known.efforts) <= efforts
    assert not known.efforts or set(known.efforts) == efforts
    assert known.structured_outputs == capabilities["structured_outputs"]["supported"]


@pytest.mark.parametrize(
    ("names", "version"),
    [
        (("claude-opus-4-20250514", "claude-opus-4-0", "anthropic.claude-opus-4-1-v1:0"), 32_000),
        (("claude-3-5-haiku-20241022", "claude-3-5-sonnet-latest"), 8_192),
        (("claude-3-opus-20240229", "claude-3-haiku-20240307"), 4_096),
        (("claude-haiku-4-5-20251001", "CLAUDE-HAIKU-4.5", "claude-3-7-sonnet-20250219"), 64_000),
        (("claude-opus-4-6", "us.anthropic.claude-sonnet-5", "claude-fable-5-2"), 128_000),
    ],
)
def test_a_models_version_is_read_off_any_spelling(names: tuple[str, ...], version: int) -> None:
    assert {traits(name).max_output_tokens for name in names} == {version}


def test_a_claude_without_a_version_is_taken_for_the_strictest() -> None:
    known = traits("claude-mythos-preview")

    assert not known.sampling
    assert not known.prefill
    assert not known.forced_tools
    assert known.bound_thinking
    assert known.thinking_off is None


def test_a_model_that_is_not_claude_is_not_limited() -> None:
    known = traits("qwen3:8b")

    assert known.max_output_tokens is None
    assert known.sampling
    assert known.forced_tools
