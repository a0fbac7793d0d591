from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from gateway.config_load import load_bytes
from gateway.policy_cases import differences, features_of_case, read_cases
from gateway.rehearsal import Rehearsal
from gateway.schema_gen import DOCS_PATH, SCHEMA_PATH, docs_text, schema_text, shipped_schema
from gateway.settings import Settings
from gateway.starter import starter_yaml
from gateway.upstreams.found import FoundModel, FoundUpstream
from tests.support.policies import HOUSE as PRICED
from tests.support.repository import ROOT


def plain(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)  # pyright: ignore[reportUnknownMemberType] -- untyped


def check(data: object) -> None:
    jsonschema.validate(data, json.loads(shipped_schema()))  # pyright: ignore[reportUnknownMemberType] -- untyped


@pytest.mark.parametrize(("path", "text"), [(SCHEMA_PATH, schema_text()), (DOCS_PATH, docs_text())])
def test_what_is_generated_is_up_to_date(path: str, text: str) -> None:
    assert (ROOT / path).read_text("utf-8") == text, "run: python -m gateway.schema_gen"


def test_the_schema_is_a_schema_and_ships_in_the_package() -> None:
    schema = json.loads(shipped_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert shipped_schema() == schema_text()


def test_every_setting_says_what_it_means() -> None:
    def undescribed(schema: dict[str, Any]) -> list[str]:
        sections = {"": schema, **schema["$defs"]}
        return [
            f"{name}.{field}"
            for name, section in sections.items()
            for field, about in section.get("properties", {}).items()
            if not about.get("description") and "$ref" not in about
        ]

    assert undescribed(json.loads(shipped_schema())) in ([], ["LogSettings.level"])


@pytest.mark.parametrize("claude", [None, "ANTHROPIC_API_KEY"])
def test_the_first_file_satisfies_the_schema_it_names(claude: str | None) -> None:
    model = FoundModel("qwen3:8b", 65_536, 8_000_000_000)
    found = FoundUpstream("ollama", "openai_compatible", "http://127.0.0.1:1/v1", "O", (model,))
    for upstreams in ((), (found,)):
        check(plain(starter_yaml(upstreams, claude)))


@pytest.mark.parametrize(
    "text",
    [
        "escalation: {fallback: burst, rules: [{name: r, when: {tools: x, model: auto}}]}",
        "escalation: {rules: [{name: r, when: {tools: [x], key: [a], conversation_mode: burst}}]}",
        "escalation: {rules: [{name: r, when: {header: {a: true, b: c*}, skill: x}}]}",
        "upstreams: {a.b-c: {kind: house, models: {'q:1': {images: true}}}}",
        "server: {allowed_hosts: majordomo.lan}",
    ],
)
def test_the_schema_allows_what_the_loader_allows(text: str) -> None:
    check(plain(text))
    Settings.model_validate(plain(text))


@pytest.mark.parametrize(
    "text",
    [
        "sever: {}",
        "escalation: {default: restin}",
        "escalation: {rules: [{then: burst}]}",
        "upstreams: {A b: {kind: house}}",
        "server: {port: 70000}",
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check(plain(text))


def policy_blocks() -> list[str]:
    text = (ROOT / "docs/escalation.md").read_text("utf-8")
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)


HOUSE = """\
upstreams:
  ollama: {kind: openai_compatible, base_url: "http://127.0.0.1:11434/v1"}
  claude: {kind: anthropic, api_key_env: ANTHROPIC_API_KEY}
modes:
  resting: {upstream: ollama, model: small}
  active: {upstream: ollama, model: large}
  burst: {upstream: claude, model: sonnet}
"""


@pytest.mark.parametrize("block", policy_blocks())
def test_every_policy_in_the_documentation_is_valid(block: str) -> None:
    assert load_bytes((HOUSE + block).encode(), "docs").warnings == ()


def test_the_cases_in_the_documentation_hold_for_the_policy_at_its_top(tmp_path: Path) -> None:
    text = (ROOT / "docs/escalation.md").read_text("utf-8")
    (block,) = re.findall(r"```yml\n(.*?)```", text, re.DOTALL)
    file = tmp_path / "cases.yaml"
    file.write_text(block)
    rehearsal = Rehearsal(load_bytes((PRICED + policy_blocks()[0]).encode(), "docs").settings)
    for case in read_cases(file):
        assert differences(case.expect, rehearsal.of(features_of_case(case, None))) == ()


def test_the_session_in_the_documentation_is_true() -> None:
    import doctest

    failed, tried = doctest.testfile(str(ROOT / "docs/escalation.md"), module_relative=False)
    assert tried > 5
    assert failed == 0
