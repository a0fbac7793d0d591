"""The Modelfile for Hermes 4 14B: what Ollama and the trainer need of it."""

from __future__ import annotations

import re

from tests.support.repository import ROOT

TEXT = (ROOT / "Modelfile").read_text()


def template() -> str:
    match = re.search(r'TEMPLATE """(.*?)"""', TEXT, re.DOTALL)
    assert match
    return match[1]


def test_the_template_is_chatml_with_hermes_tool_calls() -> None:
    for token in ("<|im_start|>", "<|im_end|>", "<tools>", "<tool_call>", "<tool_response>"):
        assert token in template()


def test_every_action_of_the_template_is_closed() -> None:
    actions = re.findall(r"\{\{-?\s*(\w+)", template())
    opened = sum(action in {"if", "range"} for action in actions)
    assert opened == actions.count("end")
    assert template().count("{{") == template().count("}}")


def test_ollama_reads_the_call_marker_before_the_first_brace_of_the_calls() -> None:
    """Ollama finds a model's tool-call tag as the text from `range .ToolCalls` to its first `{`."""
    body = re.split(r"\{\{-?\s*range \.ToolCalls\s*-?\}\}", template())[1]
    assert body.split("{")[0].strip() == "<tool_call>"


def test_the_context_is_long_enough_for_hermes_agent() -> None:
    match = re.search(r"^PARAMETER num_ctx (\d+)$", TEXT, re.MULTILINE)
    assert match
    assert int(match[1]) >= 64_000


def test_there_is_one_adapter_line_for_the_trainer_to_fill_in() -> None:
    """It is commented out until there is an adapter: Ollama refuses one that is not there."""
    lines = re.findall(r"^(# )?ADAPTER (\S+)$", TEXT, re.MULTILINE)
    assert lines == [("# ", "./adapters/incumbent/adapter.gguf")]
