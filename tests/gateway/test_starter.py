from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.exchange import Mode
from gateway import pricing
from gateway.config_checks import served
from gateway.config_load import load_bytes
from gateway.settings import Settings, Target
from gateway.starter import CLAUDE_MODEL, SCHEMA_NAME, starter_yaml
from gateway.upstreams.found import FoundModel, FoundUpstream

BILLION = 1_000_000_000
CLAUDE = "ANTHROPIC_API_KEY"


def ollama(*models: FoundModel) -> FoundUpstream:
    url = "http://127.0.0.1:11434/v1"
    return FoundUpstream("ollama", "openai_compatible", url, "Ollama 0.12.6", models)


def sized(name: str, billions: float, context: int | None = 65_536) -> FoundModel:
    return FoundModel(name, context, int(billions * BILLION))


def written(*found: FoundUpstream, claude: str | None = None) -> Settings:
    loaded = load_bytes(starter_yaml(found, claude).encode(), "majordomo.yaml")
    assert loaded.warnings == ()
    return loaded.settings


def modes(*found: FoundUpstream, claude: str | None = None) -> dict[Mode, str]:
    return {mode: target.model for mode, target in served(written(*found, claude=claude)).items()}


def test_the_smaller_local_model_rests_and_the_larger_is_active() -> None:
    assert modes(ollama(sized("qwen3:14b", 14), sized("qwen3:8b", 8))) == {
        Mode.RESTING: "qwen3:8b",
        Mode.ACTIVE: "qwen3:14b",
    }


def test_models_of_several_servers_are_compared() -> None:
    studio = FoundUpstream(
        "lmstudio", "openai_compatible", "http://127.0.0.1:1234/v1", "LM Studio", (sized("a", 30),)
    )
    settings = written(ollama(sized("b", 8)), studio)
    assert settings.modes.resting == Target(upstream="ollama", model="b")
    assert settings.modes.active == Target(upstream="lmstudio", model="a")


def test_the_bytes_of_the_weights_rank_models_that_tell_no_size() -> None:
    big, small = FoundModel("big", size_bytes=9 * BILLION), sized("small", 8)
    assert modes(ollama(big, small))[Mode.ACTIVE] == "big"


def test_tiny_models_and_short_contexts_are_passed_over_when_there_is_better() -> None:
    found = ollama(sized("tiny", 0.6), sized("short", 70, 8192), sized("a", 8), sized("b", 14))
    assert modes(found) == {Mode.RESTING: "a", Mode.ACTIVE: "b"}


def test_what_is_not_good_is_still_used_when_it_is_all_there_is() -> None:
    assert modes(ollama(sized("tiny", 0.6, 4096))) == {Mode.RESTING: "tiny", Mode.ACTIVE: "tiny"}
    assert "Hermes Agent asks for" in starter_yaml([ollama(sized("tiny", 0.6, 4096))], None)


def test_a_single_model_serves_both_local_modes() -> None:
    text = starter_yaml([ollama(sized("only", 8))], None)
    assert "the same, until there are two" in text
    assert "tools-offered" not in text


def test_with_nothing_found_the_house_model_rests() -> None:
    settings = written()
    assert settings.upstreams["house"].kind == "house"
    assert list(served(settings)) == [Mode.RESTING]


def test_a_server_without_models_is_named_and_the_house_model_rests() -> None:
    loaded = load_bytes(starter_yaml([ollama()], None).encode(), "f")
    assert {"ollama", "house"} <= loaded.settings.upstreams.keys()
    assert loaded.settings.modes.active is None


@pytest.mark.parametrize("found", [(), (ollama(sized("a", 8), sized("b", 14)),)])
def test_a_claude_key_adds_burst_within_a_budget(found: tuple[FoundUpstream, ...]) -> None:
    settings = written(*found, claude=CLAUDE)
    assert settings.modes.burst == Target(upstream="claude", model=CLAUDE_MODEL)
    assert settings.upstreams["claude"].api_key_env == CLAUDE
    assert settings.escalation.fallback[-1] is Mode.BURST
    assert settings.escalation.budget.day_usd == 5


def test_with_claude_a_house_whose_model_learns_goes_by_what_it_has_learned() -> None:
    assert written(claude=CLAUDE).escalation.default == "learned"


@pytest.mark.parametrize("claude", [None, CLAUDE])
def test_a_model_that_nobody_trains_is_tried_at_home_first(claude: str | None) -> None:
    settings = written(ollama(sized("a", 8), sized("b", 14)), claude=claude)
    assert settings.escalation.default is Mode.RESTING


def test_the_price_of_the_chosen_claude_model_is_known() -> None:
    assert pricing.worst_case_usd("anthropic", CLAUDE_MODEL, 1000, 1000) is not None


def test_without_a_key_nothing_leads_away_from_home() -> None:
    settings = written(ollama(sized("a", 8), sized("b", 14)))
    assert "claude" not in settings.upstreams
    assert Mode.BURST not in settings.escalation.fallback
    assert all(rule.then is not Mode.BURST for rule in settings.escalation.rules)


def test_what_is_marked_off_is_right_once_the_marks_are_gone() -> None:
    text = starter_yaml([ollama(sized("a", 8))], None)
    example = re.compile(r"    # - name: stay-with-claude\n(    #.*\n)*")
    marked = re.compile(
        r"(?m)^( +)# (?=claude:|  kind:|  api_key_env:|  models:|    claude|burst:|budget:"
        r"|- name: very-long|  when:|  then:)"
    )
    assert marked.search(example.sub("", text))
    settings = load_bytes(marked.sub(r"\1", example.sub("", text)).encode(), "f").settings
    assert settings.modes.burst is not None
    assert settings.escalation.budget.month_usd == 50
    assert settings.escalation.rules[-1].then is Mode.BURST


def test_a_model_that_embeds_is_offered_where_one_was_found_and_only_there() -> None:
    plain = starter_yaml([ollama(sized("a", 8))], None)
    assert "embedding" not in plain
    found = replace(ollama(sized("a", 8)), embedders=("bad\nname", "nomic-embed-text:latest"))
    text = starter_yaml([found], None)
    assert load_bytes(text.encode(), "f").settings.capture.recall.embedding is None
    unmarked = re.sub(r"(?m)^# (?=capture:|  trust:|  #|  recall:|    embedding:)", "", text)
    chosen = load_bytes(unmarked.encode(), "f").settings.capture.recall.embedding
    assert chosen is not None
    assert (chosen.upstream, chosen.model) == ("ollama", "nomic-embed-text:latest")


def test_the_first_line_names_the_schema() -> None:
    assert starter_yaml([], None).startswith(f"# yaml-language-server: $schema={SCHEMA_NAME}\n")


def test_what_the_house_model_holds_is_written_when_known() -> None:
    text = starter_yaml([], None, house_context=2048)
    house = load_bytes(text.encode(), "f").settings.upstreams["house"]
    assert [model.context_length for model in house.models.values()] == [2048]


def test_lines_stay_readable() -> None:
    for found in ((), (ollama(sized("a", 8), sized("b", 14)),)):
        for claude in (None, CLAUDE):
            assert max(map(len, starter_yaml(found, claude).splitlines())) <= 100


anything = st.text(max_size=20) | st.sampled_from(
    ["true", "null", "a: b", "#x", "*", "a\nb: c", "'", '"', "{{", "house", "claude", "é", "\x7f"]
)
found_models = st.builds(
    FoundModel,
    name=anything,
    context_length=st.none() | st.integers(-1, 10**6),
    parameters=st.none() | st.integers(0, 10**12),
    size_bytes=st.none() | st.integers(0, 10**12),
)
found_upstreams = st.builds(
    FoundUpstream,
    name=anything,
    kind=st.sampled_from(["openai_compatible", "mlx_lm"]),
    base_url=st.sampled_from(
        ["http://127.0.0.1:1/v1", "http://localhost:2/v1", "http://169.254.169.254/", "x: y"]
    ),
    server=anything,
    models=st.lists(found_models, max_size=15).map(tuple),
    embedders=st.lists(anything, max_size=3).map(tuple),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(found_upstreams, max_size=3), st.sampled_from([None, CLAUDE]))
def test_whatever_is_found_the_file_is_valid(
    found: list[FoundUpstream], claude: str | None
) -> None:
    text = starter_yaml(found, claude)
    assert load_bytes(text.encode(), "majordomo.yaml").settings.modes.resting is not None
