"""Every format's own sample: what was said, by whom, when, and what is left out and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture.exchange import Mode
from capture.imports import Conversation, Format, Skipped, detect, format_of, parsed
from capture.imports.models import mode_of
from capture.imports.reading import Read
from capture.imports.replay import replayed
from capture.imports.source import opened
from capture.imports.times import moment
from capture.messages import Usage
from capture.narrowing import list_of, object_of
from tests.support.imports import FILES, JSON, SAMPLES, SESSION, hermes_state, lines, read, said


def sample(format: Format) -> tuple[list[Conversation], list[Skipped]]:
    return read(SAMPLES / FILES[format], format)


def whys(skipped: list[Skipped]) -> list[tuple[int | None, str]]:
    return [(each.line, each.why) for each in skipped]


@pytest.mark.parametrize("format", FILES)
def test_a_format_is_told_by_what_is_in_the_file(format: Format, tmp_path: Path) -> None:
    renamed = tmp_path / "file"
    renamed.write_bytes((SAMPLES / FILES[format]).read_bytes())
    with opened(renamed) as source:
        assert detect(source) is format


def test_what_is_no_known_format_is_none(tmp_path: Path) -> None:
    for content in (b"", b"\n\n", b"hello\n", b"[]", b'{"a": 1}\n', b"\x00\xff", b"[1, 2]"):
        (tmp_path / "file").write_bytes(content)
        with opened(tmp_path / "file") as source:
            assert detect(source) is None


def test_claude_code_puts_replies_together_and_follows_every_rewind() -> None:
    (first, second), skipped = sample(Format.CLAUDE_CODE)
    common = [
        ("user", "How many notes are there, and which is the longest?"),
        ("assistant", "Let me look. Bash Bash"),
        ("tool", "12"),
        ("tool", "Error: sort: write failed"),
        ("assistant", "There are 12 notes; I could not sort them."),
    ]
    assert said(first) == [
        *common,
        ("user", "Thanks, that is enough."),
        ("user", "Then name the oldest."),
        ("assistant", "It is 2019-rent.md."),
    ]
    assert said(second)[5:] == [
        ("user", "Try again without sort."),
        ("assistant", "The longest is recipes.md."),
    ]
    assert said(second)[:5] == common
    reply = first.turns[1]
    assert reply.message.content[0].kind == "thinking"
    assert reply.model == "claude-sonnet-4-5-20250929"
    assert reply.finish_reason == "tool_calls"
    assert reply.usage == Usage(9124, 88, 9000, 120)
    assert first.session == "5f0c9c1e-2c0b-4a57-9d3e-7a1d6f2b9c01"
    assert not skipped


def test_claude_code_leaves_out_only_what_follows_a_bad_line(tmp_path: Path) -> None:
    rows = (SAMPLES / FILES[Format.CLAUDE_CODE]).read_bytes().splitlines()
    rows[12] = rows[12][:-10]  # the user's turn before the end of the first way
    (first,), skipped = read(lines(tmp_path / "file", *rows), Format.CLAUDE_CODE)
    assert said(first)[-1] == ("assistant", "The longest is recipes.md.")
    assert whys(skipped) == [
        (13, "not JSON"),
        (11, "what follows it cannot be read"),
        (14, "something it follows cannot be read"),
    ]


def test_a_last_line_that_is_being_written_spoils_nothing(tmp_path: Path) -> None:
    for kind in (Format.CLAUDE_CODE, Format.OPENCLAW):
        content = (SAMPLES / FILES[kind]).read_bytes()
        (tmp_path / "file").write_bytes(content + content.splitlines()[-1][:40])
        found, skipped = read(tmp_path / "file", kind)
        assert found == sample(kind)[0]
        assert [why for _, why in whys(skipped)] == ["not JSON"]


def test_a_sub_agent_of_claude_code_has_a_conversation_of_its_own(tmp_path: Path) -> None:
    entry = {"isSidechain": True, "sessionId": "s", "timestamp": "2026-10-05T18:30:00Z"}
    file = lines(
        tmp_path / "file",
        entry
        | {"type": "user", "uuid": "a", "parentUuid": None}
        | {"message": {"role": "user", "content": "Count the files."}},
        entry
        | {"type": "assistant", "uuid": "b", "parentUuid": "a"}
        | {"message": {"id": "m", "role": "assistant", "content": [{"type": "text", "text": "3"}]}},
    )
    (found,), _ = read(file, Format.CLAUDE_CODE)
    assert found.session == "s/sidechain"


def test_openclaw_begins_anew_after_a_compaction_and_learns_from_models_alone() -> None:
    (before, after), skipped = sample(Format.OPENCLAW)
    assert said(before) == [
        ("user", "Is it raining in Oslo?"),
        ("assistant", "weather"),
        ("tool", '{"rain": true}'),
        ("assistant", "Yes, it is."),
        ("assistant", "(sent to your phone)"),
    ]
    assert [turn.taken for turn in before.turns] == [True, True, True, True, False]
    assert said(after)[0][1].startswith("The conversation history before this point was compacted")
    assert said(after)[1:] == [
        ("assistant", "Yes, it is."),
        ("assistant", "(sent to your phone)"),
        ("user", "And in Bergen?"),
        ("assistant", "Of course."),
    ]
    assert [turn.taken for turn in after.turns] == [True, False, False, True, True]
    assert before.turns[1].usage == Usage(1000, 30, 100, 0)
    assert not skipped


def test_an_openclaw_session_without_ids_is_one_line_of_talk_and_spoilt_by_a_bad_one(
    tmp_path: Path,
) -> None:
    def entry(role: str, text: str) -> dict[str, Any]:
        return {"type": "message", "message": {"role": role, "content": text}}

    head = {"type": "session", "id": "s1", "timestamp": "2026-10-05T18:30:00Z", "cwd": "/"}
    turns = [entry("user", "Hello?"), entry("assistant", "Yes?"), entry("user", "Fine.")]
    file = lines(tmp_path / "file", head, *turns, entry("assistant", "Good."))
    (whole,), _ = read(file, Format.OPENCLAW)
    assert [text for _, text in said(whole)] == ["Hello?", "Yes?", "Fine.", "Good."]
    file = lines(tmp_path / "file", head, *turns, b"{", entry("assistant", "Good."))
    none, skipped = read(file, Format.OPENCLAW)
    assert not none
    assert whys(skipped) == [
        (5, "not JSON"),
        (4, "what follows it cannot be read"),
        (6, "something it follows cannot be read"),
    ]


def test_the_export_of_claude_ai_is_split_at_its_tools_and_keeps_attachments() -> None:
    (soup, picture), skipped = sample(Format.CLAUDE_EXPORT)
    assert said(soup) == [
        ("user", "What is in this recipe?\n\n[soup.txt]\nLeeks, potatoes."),
        ("assistant", "Leeks and potatoes."),
        ("user", "What does a kilo of leeks cost?"),
        ("assistant", "Let me search. web_search"),
        ("tool", "3.20 a kilo"),
        ("assistant", "About 3.20."),
    ]
    assert (soup.session, soup.model, soup.tools) == ("conv-1", None, None)
    assert picture.tools == ()
    assert [part.kind for part in picture.turns[0].message.content] == ["text", "document"]
    assert not skipped


def test_logs_of_claudes_api_are_read_whole_and_streamed() -> None:
    (first, second, batch), skipped = sample(Format.CLAUDE_API)
    assert said(first) == [
        ("system", "Be brief."),
        ("user", "What time is it in Rome?"),
        ("assistant", "get_time"),
    ]
    assert said(second)[2:] == [
        ("assistant", "get_time"),
        ("tool", "14:05"),
        ("assistant", "It is five past two."),
    ]
    assert second.turns[-1].usage == Usage(400, 8)
    assert second.turns[-1].finish_reason == "stop"
    assert [turn.taken for turn in second.turns] == [False] * 4 + [True]
    assert first.tools is not None
    assert first.tools[0]["function"]["parameters"]["required"] == ["city"]
    assert said(batch)[-1] == ("assistant", "Yes.")
    assert not skipped


def test_litellm_rows_of_both_kinds_are_read_and_others_told() -> None:
    (payload, spend), skipped = sample(Format.LITELLM)
    assert said(payload) == [("user", "Name a prime over 100."), ("assistant", "101.")]
    assert payload.turns[-1].usage == Usage(14, 10)
    assert said(spend)[-1] == ("assistant", "103.")
    assert (payload.session, spend.session) == (None, "primes")
    assert whys(skipped) == [(3, "it is no chat"), (4, "it failed")]


def test_helicone_rows_are_read_and_failed_or_distant_ones_told() -> None:
    (later, first), skipped = sample(Format.HELICONE)
    assert said(first)[-1] == ("assistant", "Try Lisbon.")
    assert said(later)[-1] == ("assistant", "In Alfama.")
    assert later.session == "trip-7"
    assert [each.why for each in skipped] == [
        "data[2]: it failed with HTTP 503",
        "data[3]: its bodies are not in the file: export them with their bodies",
    ]


def test_openai_rows_keep_weights_and_tools() -> None:
    (terse, weather), skipped = sample(Format.OPENAI)
    assert [turn.taken for turn in terse.turns if turn.message.role == "assistant"] == [False, True]
    assert said(weather)[1:3] == [("assistant", "get_weather"), ("tool", "rain")]
    assert weather.tools is not None
    assert weather.tools[0]["function"]["name"] == "get_weather"
    assert whys(skipped) == [(3, "it is a preference, which nobody replied")]


def test_trajectories_come_out_of_their_tags() -> None:
    (first, _), skipped = sample(Format.TRAJECTORIES)
    assert said(first) == [
        ("user", "Please echo hello in the shell"),
        ("assistant", "Running it. terminal"),
        ("tool", '{"output": "hello", "exit_code": 0, "error": null}'),
        ("assistant", "The command printed: hello"),
    ]
    call = first.turns[1].message
    assert call.content[0].text == "I should think about this step. "
    assert call.tool_calls[0].id == first.turns[2].message.tool_call_id == "call_000024"
    assert first.tools is not None
    assert [tool["function"]["name"] for tool in first.tools] == ["terminal"]
    assert not skipped


def test_hermes_sessions_come_with_prompt_thinking_and_times(tmp_path: Path) -> None:
    file = hermes_state(tmp_path / "state.db")
    (found,), skipped = read(file, Format.HERMES_STATE)
    assert said(found) == [
        ("system", "You are Hermes."),
        ("user", "Please echo hello"),
        ("assistant", "Running it. terminal"),
        ("tool", '{"output": "hello", "exit_code": 0}'),
        ("assistant", "It says hello."),
    ]
    assert found.turns[2].message.content[0].text == "A command."
    assert found.turns[1].at == 1.795e9
    assert (found.session, found.model, found.local) == ("20261120_1", "claude-opus-4-5", False)
    assert not skipped


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:11434/v1", True),
        ("http://studio.local:1234/v1", True),
        ("http://192.168.1.7:8080", True),
        ("https://openrouter.ai/api/v1", False),
        ("https://10.example.com", False),
        (None, False),
    ],
)
def test_hermes_says_where_a_model_ran(tmp_path: Path, url: str | None, local: bool) -> None:
    file = hermes_state(tmp_path / "state.db", billing_base_url=url)
    assert read(file, Format.HERMES_STATE)[0][0].local is local


def test_what_was_undone_in_hermes_is_not_imported(tmp_path: Path) -> None:
    undone = [*SESSION, {"role": "user", "content": "No!", "active": 0}]
    file = hermes_state(tmp_path / "state.db", [("s", undone)])
    assert said(read(file, Format.HERMES_STATE)[0][0])[-1] == ("assistant", "It says hello.")


def test_a_compacted_session_of_hermes_is_two_conversations_with_no_reply_twice(
    tmp_path: Path,
) -> None:
    summary = {"role": "user", "content": "[CONTEXT COMPACTION — REFERENCE ONLY] hello was said"}
    old = [{**each, "active": 0, "compacted": 1} for each in SESSION]
    now = [SESSION[0], summary, SESSION[3], {"role": "user", "content": "Again."}]
    now.append({"role": "assistant", "content": "hello again"})
    file = hermes_state(tmp_path / "state.db", [("s", [*old, *now])])
    (before, after), skipped = read(file, Format.HERMES_STATE)
    assert len(said(before)) == 5
    taken = [turn.message.text for turn in after.turns if turn.taken]
    assert taken[-1] == "hello again"
    assert "It says hello." not in taken
    assert not skipped


def test_a_session_of_hermes_that_cannot_be_read_is_left_out_alone(tmp_path: Path) -> None:
    broken = [SESSION[0], {**SESSION[1], "tool_calls": "[{"}]
    file = hermes_state(tmp_path / "state.db", [("bad", broken), ("good", SESSION)])
    (good,), skipped = read(file, Format.HERMES_STATE)
    assert good.session == "good"
    assert whys(skipped) == [(None, "session bad: it has a message whose JSON cannot be read")]


@pytest.mark.parametrize(
    ("model", "mode"),
    [
        ("claude-opus-4-5", Mode.BURST),
        ("anthropic/claude-sonnet-4", Mode.BURST),
        ("us.anthropic.claude-3-5-haiku-20241022-v1:0", Mode.BURST),
        ("gpt-4o-mini", Mode.BURST),
        ("ft:gpt-4o-mini-2024-07-18:home::abc", Mode.BURST),
        ("o3", Mode.BURST),
        ("gemini-2.5-pro", Mode.BURST),
        ("unknown", Mode.BURST),
        (None, Mode.BURST),
        ("gpt-oss:20b", Mode.ACTIVE),
        ("qwen3:8b", Mode.ACTIVE),
        ("NousResearch/Hermes-4-14B", Mode.ACTIVE),
        ("olmo-2", Mode.ACTIVE),
    ],
)
def test_a_models_name_says_where_it_ran(model: str | None, mode: Mode) -> None:
    assert mode_of(model) is mode
    assert mode_of(model, local=True) is Mode.ACTIVE


@pytest.mark.parametrize(
    ("value", "at"),
    [
        (1_791_500_000.25, 1_791_500_000.25),
        (1_791_500_000_250, 1_791_500_000.25),
        ("1791500000250", 1_791_500_000.25),
        ("2026-10-09T00:00:20.000Z", 1_791_504_020.0),
        ("2026-10-09 00:00:20", 1_791_504_020.0),
        ("2026-10-09T02:00:20+02:00", 1_791_504_020.0),
        ("yesterday", None),
        ("", None),
        (0, None),
        (-5, None),
        (1e300, None),
        (float("nan"), None),
        ("9" * 400, None),
        (True, None),
        (None, None),
        ({}, None),
    ],
)
def test_moments_are_read_as_programs_write_them(value: object, at: float | None) -> None:
    assert moment(value) == at


def mutated(data: st.DataObject, value: Any) -> Any:
    """The value, something in it put in place of something else."""
    fields, entries = object_of(value), list_of(value)
    if fields and data.draw(st.integers(0, 4)):
        key = data.draw(st.sampled_from(sorted(fields)))
        return {**fields, key: mutated(data, fields[key])}
    if entries and data.draw(st.integers(0, 4)):
        at = data.draw(st.integers(0, len(entries) - 1))
        return [*entries[:at], mutated(data, entries[at]), *entries[at + 1 :]]
    return data.draw(JSON)


def rows(format: Format) -> list[Any]:
    with opened(SAMPLES / FILES[format]) as source:
        return [each.value for each in source.values()]


@pytest.mark.parametrize("format", FILES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_value_makes_a_parser_or_its_replay_raise(format: Format, data: st.DataObject) -> None:
    values = rows(format)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(values) - 1))
        values[at] = mutated(data, values[at])
        format_of(values[at])
    reads = [Read(number, value) for number, value in enumerate(values, 1)]
    for found in parsed(reads, format):
        if isinstance(found, Conversation):
            for each in replayed(found, format):
                if not isinstance(each, Skipped):
                    assert orjson.loads(each.exchange.reply)["choices"]


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode()))
def test_no_bytes_make_reading_raise(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "file"
    file.write_bytes(b" " + content)  # no zip file, no database
    with opened(file) as source:
        detect(source)
        for kind in FILES:
            list(parsed(source.values(), kind))
