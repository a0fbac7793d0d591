from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import ClientError
from tests.support.claude_rules import why_refused
from tests.support.claude_upstream import (
    ADAPTIVE,
    BOUND,
    BUDGET,
    UNASKED,
    asks,
    calls,
    result,
    said,
    told,
    tool,
    upstream,
    user,
)

JsonObject = dict[str, Any]


def _body(model: str = BUDGET, **fields: Any) -> JsonObject:
    body, _ = told(model=model, **fields)
    assert why_refused(body) is None
    return body


def _notes(model: str = BUDGET, **fields: Any) -> tuple[str, ...]:
    return told(model=model, **fields)[1]


# --- output limit


def test_without_a_limit_of_the_client_the_settings_default_is_sent() -> None:
    prepared = upstream(default_max_tokens=4096).prepare(asks(), BUDGET)

    assert said(prepared)["max_tokens"] == 4096


def test_a_limit_above_the_models_own_is_lowered_and_never_an_error() -> None:
    body, notes = told(max_tokens=65_536)

    assert body["max_tokens"] == 64_000
    assert notes == ("the output limit of 65536 was lowered to the model's 64000",)


def test_the_settings_own_limit_of_a_model_goes_first() -> None:
    claude = upstream(models={BUDGET: {"max_output_tokens": 1000}})

    assert said(claude.prepare(asks(max_completion_tokens=5000), BUDGET))["max_tokens"] == 1000
    assert said(claude.prepare(asks(), BUDGET))["max_tokens"] == 1000


@pytest.mark.parametrize("limit", [0, -1, "many", 1.5, True])
def test_a_limit_that_is_none_is_refused_without_the_words_of_an_overflow(limit: object) -> None:
    with pytest.raises(ClientError) as refused:
        told(max_tokens=limit)

    assert refused.value.status == 400
    assert refused.value.param == "max_tokens"
    assert "max_tokens" not in refused.value.message  # Hermes reads that as an overflow


# --- sampling and stops


def test_temperature_above_one_is_lowered() -> None:
    body, notes = told(temperature=1.7)

    assert "temperature" not in body  # 1 is Claude's default
    assert any("1.7" in note for note in notes)


def test_temperature_and_top_p_are_not_sent_together() -> None:
    body, notes = told(temperature=0.2, top_p=0.9)

    assert body["temperature"] == 0.2
    assert "top_p" not in body
    assert any("top_p" in note for note in notes)


@pytest.mark.parametrize("model", [ADAPTIVE, UNASKED, BOUND])
def test_models_without_sampling_get_none(model: str) -> None:
    body, notes = told(model=model, temperature=0.3, top_p=0.9, top_k=5)

    assert not body.keys() & {"temperature", "top_p", "top_k"}
    assert any("temperature, top_p, top_k" in note for note in notes)


def test_default_sampling_is_not_worth_a_note() -> None:
    assert _notes(ADAPTIVE, temperature=1, top_p=1.0) == ()


def test_stops_are_sent_but_blank_ones() -> None:
    assert _body(stop="END")["stop_sequences"] == ["END"]
    body, notes = told(stop=["\n", "END", "  "])
    assert body["stop_sequences"] == ["END"]
    assert notes == ("blank stop sequences are left out: Claude takes none",)


# --- thinking


def test_effort_becomes_a_budget_for_models_that_think_on_one() -> None:
    body = _body(reasoning_effort="high", max_tokens=40_000, temperature=0.2)

    assert body["thinking"] == {"type": "enabled", "budget_tokens": 16_384}
    assert "temperature" not in body


def test_a_budget_leaves_a_quarter_of_the_output_for_the_answer() -> None:
    assert _body(reasoning_effort="high")["thinking"]["budget_tokens"] == 6144


def test_thinking_is_off_where_the_output_limit_leaves_no_room() -> None:
    body, notes = told(reasoning_effort="low", max_tokens=1200)

    assert "thinking" not in body
    assert notes == ("thinking is off: the output limit leaves no room for it",)


@pytest.mark.parametrize(
    ("effort", "wanted"), [("minimal", "low"), ("low", "low"), ("high", "high"), ("xhigh", "xhigh")]
)
def test_effort_stays_effort_for_models_that_decide_themselves(effort: str, wanted: str) -> None:
    body = _body(ADAPTIVE, reasoning_effort=effort)

    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert body["output_config"] == {"effort": wanted}


def test_effort_a_model_does_not_know_becomes_the_next_one_below() -> None:
    assert _body("claude-opus-4-6", reasoning_effort="xhigh")["output_config"]["effort"] == "high"


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning": {"effort": "medium"}},
        {"reasoning": {"enabled": True}},
        {"think": True},
        {"reasoning_effort": "medium"},
    ],
)
def test_effort_may_be_asked_for_in_other_clients_words(fields: JsonObject) -> None:
    assert _body(ADAPTIVE, **fields)["output_config"]["effort"] == "medium"


def test_anthropics_own_thinking_field_passes_through() -> None:
    own = {"type": "enabled", "budget_tokens": 2000}

    assert _body(thinking=own)["thinking"] == own


def test_a_model_that_thinks_unasked_is_asked_for_the_text_of_it() -> None:
    assert _body(UNASKED)["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert "output_config" not in _body(UNASKED)
    assert "thinking" not in _body(ADAPTIVE)


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        (BUDGET, None),
        (ADAPTIVE, None),
        (UNASKED, {"type": "disabled"}),
        ("claude-haiku-5-5", {"type": "disabled"}),
        ("claude-sonnet-5-5", {"type": "between_tools"}),
    ],
)
@pytest.mark.parametrize("fields", [{"reasoning_effort": "none"}, {"think": False}])
def test_no_thinking_is_said_as_each_model_takes_it(
    model: str, wanted: JsonObject | None, fields: JsonObject
) -> None:
    assert _body(model, **fields).get("thinking") == wanted


def test_a_model_that_always_thinks_is_asked_for_the_least() -> None:
    body, notes = told(model=BOUND, reasoning_effort="none")

    assert body["output_config"] == {"effort": "low"}
    assert len(notes) == 1


def test_a_model_that_cannot_think_is_not_asked_to() -> None:
    body, notes = told(model="claude-3-5-haiku-latest", reasoning_effort="high")

    assert "thinking" not in body
    assert notes == ("this model does not think; reasoning effort left out",)


def test_a_forced_tool_call_turns_thinking_off() -> None:
    body, notes = told(
        model=UNASKED, tools=[tool()], tool_choice="required", reasoning_effort="high"
    )

    assert body["tool_choice"] == {"type": "any"}
    assert body["thinking"] == {"type": "disabled"}
    assert notes == ("thinking is off: it cannot go with a forced tool call",)


# --- tools


def test_tools_keep_name_description_and_schema() -> None:
    body = _body(tools=[tool(description="Looks.")])

    assert body["tools"] == [
        {
            "name": "look",
            "description": "Looks.",
            "input_schema": {"type": "object", "properties": {"at": {"type": "integer"}}},
        }
    ]
    assert "tool_choice" not in body


def test_a_tool_without_parameters_gets_an_empty_schema() -> None:
    body = _body(tools=[{"type": "function", "function": {"name": "ping"}}])

    assert body["tools"][0]["input_schema"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ({"type": "function", "function": {"name": "look"}}, {"type": "tool", "name": "look"}),
    ],
)
def test_tool_choice_is_said_in_claudes_words(choice: object, wanted: JsonObject) -> None:
    assert _body(tools=[tool()], tool_choice=choice)["tool_choice"] == wanted


def test_one_call_at_a_time_is_said_with_the_choice() -> None:
    body = _body(tools=[tool()], parallel_tool_calls=False)
    forced = _body(tools=[tool()], parallel_tool_calls=False, tool_choice="required")

    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert forced["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}


def test_a_choice_without_tools_is_left_out() -> None:
    assert "tool_choice" not in _body(tool_choice="required")


def test_a_model_that_takes_no_forced_call_is_left_the_choice() -> None:
    body, notes = told(model=BOUND, tools=[tool()], tool_choice="required")

    assert body["tool_choice"] == {"type": "auto"}
    assert notes == ("this model takes no forced tool call; tool_choice was sent as auto",)


@pytest.mark.parametrize("choice", ["sometimes", {"type": "function"}, 3])
def test_a_choice_that_is_none_is_refused(choice: object) -> None:
    with pytest.raises(ClientError) as refused:
        told(tools=[tool()], tool_choice=choice)

    assert refused.value.param == "tool_choice"


def test_tool_names_that_claude_does_not_allow_travel_under_others() -> None:
    body = _body(
        messages=[user("go"), calls("a", name="files.read"), result("a")],
        tools=[tool("files.read"), tool("files_read")],
        tool_choice={"type": "function", "function": {"name": "files.read"}},
    )

    names = [t["name"] for t in body["tools"]]
    assert names == ["files_read_2", "files_read"]
    assert body["tool_choice"]["name"] == "files_read_2"
    assert body["messages"][1]["content"][0]["name"] == "files_read_2"


def test_calls_in_a_history_without_tools_get_bare_definitions() -> None:
    body, notes = told([user("go"), calls("a", name="files.read"), result("a"), user("so?")])

    assert [t["name"] for t in body["tools"]] == ["files_read"]
    assert body["tool_choice"] == {"type": "none"}
    assert why_refused(body) is None
    assert len(notes) == 1


def test_strict_is_kept_where_claude_can_enforce_it() -> None:
    closed: JsonObject = {"type": "object", "properties": {}, "additionalProperties": False}

    assert _body(tools=[tool(parameters=closed, strict=True)])["tools"][0]["strict"] is True
    assert "strict" not in _body(tools=[tool(strict=True)])["tools"][0]
    assert any("strict" in note for note in _notes(tools=[tool(strict=True)]))


def test_tools_that_run_elsewhere_are_left_out_and_noted() -> None:
    body, notes = told(tools=[tool(), {"type": "web_search_preview"}])

    assert len(body["tools"]) == 1
    assert notes == ("a tool of type web_search_preview left out",)


def test_the_old_functions_field_is_refused_with_advice() -> None:
    with pytest.raises(ClientError, match="send the same as `tools`"):
        told(functions=[{"name": "look"}])


# --- answer format


def test_a_json_schema_becomes_claudes_and_is_closed() -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {"items": {"type": "array", "items": {"type": "object", "properties": {}}}},
    }
    body, notes = told(
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    )

    sent = body["output_config"]["format"]["schema"]
    assert sent["additionalProperties"] is False
    assert sent["properties"]["items"]["items"]["additionalProperties"] is False
    assert len(notes) == 1


def test_a_recursive_schema_is_closed_through_its_definitions() -> None:
    node: JsonObject = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
    schema: JsonObject = {
        "$defs": {"node": node},
        "anyOf": [node],
        "type": "object",
        "properties": {},
    }
    body, _ = told(response_format={"type": "json_schema", "json_schema": {"schema": schema}})

    sent = body["output_config"]["format"]["schema"]
    assert sent["$defs"]["node"]["additionalProperties"] is False
    assert sent["anyOf"][0]["additionalProperties"] is False


def test_a_format_claude_cannot_enforce_is_noted() -> None:
    assert any("JSON mode" in n for n in _notes(response_format={"type": "json_object"}))
    schema = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    assert any("schema" in n for n in _notes("claude-3-5-haiku-latest", response_format=schema))
    assert _notes(response_format={"type": "text"}) == ()


# --- everything else


def test_several_choices_are_refused() -> None:
    with pytest.raises(ClientError) as refused:
        told(n=2)

    assert (refused.value.status, refused.value.param) == (400, "n")


def test_the_user_is_passed_on_as_anthropics_metadata() -> None:
    assert _body(user="u-1")["metadata"] == {"user_id": "u-1"}
    assert "metadata" not in _body(user="u" * 300)


def test_fields_claude_has_no_word_for_are_left_out_and_named() -> None:
    body, notes = told(seed=1, logit_bias={"1": 2}, logprobs=True, metadata={"hermes_task": "x"})

    assert not body.keys() & {"seed", "logit_bias", "logprobs"}
    assert notes == ("left out, Claude has no such field: logit_bias, logprobs, metadata, seed",)


def test_fields_that_ask_for_nothing_are_not_worth_a_note() -> None:
    assert _notes(presence_penalty=0, frequency_penalty=0.0, logprobs=False, store=False) == ()


def test_cache_markers_of_the_client_are_kept() -> None:
    marker = {"type": "ephemeral"}
    body = _body(
        messages=[user([{"type": "text", "text": "long", "cache_control": marker}])],
        tools=[{**tool(), "cache_control": marker}],
        cache_control=marker,
    )

    assert body["messages"][0]["content"][0]["cache_control"] == marker
    assert body["tools"][0]["cache_control"] == marker
    assert body["cache_control"] == marker


def test_the_prompt_cache_is_asked_for_only_by_setting_and_never_over_the_clients_markers() -> None:
    marked = [user([{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}])]
    caching = upstream(prompt_cache=True)

    assert "cache_control" not in _body()
    assert said(caching.prepare(asks(), BUDGET))["cache_control"] == {"type": "ephemeral"}
    assert "cache_control" not in said(caching.prepare(asks(marked), BUDGET))


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
            {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,QUJD"}},
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/jpeg", "data": "QUJD"},
            },
        ),
        (
            {
                "type": "file",
                "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD"},
            },
            {
                "type": "document",
                "title": "a.pdf",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "QUJD"},
            },
        ),
        (
            {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}},
            {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}},
        ),
    ],
)
def test_images_and_documents_become_claudes_blocks(part: JsonObject, wanted: JsonObject) -> None:
    body, notes = told([user([part])])

    assert body["messages"][0]["content"] == [wanted]
    assert notes == ()


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "image_url", "image_url": {"url": "data:image/bmp;base64,AA"}},
        {"type": "image_url", "image_url": {"url": "data:text/plain,hello"}},
        {"type": "hologram"},
        {},
    ],
)
def test_what_claude_cannot_take_is_named_in_its_place(part: JsonObject) -> None:
    body, notes = told([user([part, {"type": "text", "text": "see?"}])])

    assert "was left out" in body["messages"][0]["content"][0]["text"]
    assert len(notes) == 1
    assert why_refused(body) is None
