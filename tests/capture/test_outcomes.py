from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.cues import words_of
from capture.messages import ContentPart, Message, Role, ToolCall
from capture.outcomes import (
    RETRY,
    UNKNOWN,
    WEIGHTS,
    conclude,
    error_in,
    for_earlier,
    from_next,
    from_reply,
)
from capture.synthetic import is_synthetic


def said(role: Role, text: str, answers: str | None = None) -> Message:
    return Message(role, (ContentPart("text", text),), tool_call_id=answers)


ANSWER = said("assistant", "It is 14 degrees in Bergen.")
CALLS = Message("assistant", (), (ToolCall("a", "ls", "{}"), ToolCall("b", "cat", "{}")))


def codes(reply: Message, *following: Message, asked: str | None = None) -> list[str]:
    return [code for code, _ in from_next(asked, reply, following)]


@pytest.mark.parametrize(
    "text",
    [
        "No, I asked for Oslo.",
        "no that's the wrong city",
        "Nope.",
        "Wrong, it has to be Fahrenheit",
        "That's not what I asked",
        "that isn’t right",  # noqa: RUF001 - as phones write it
        "This is wrong",
        "I meant the one in Norway",
        "Actually, use Fahrenheit",
        "still wrong",
        "It doesn't work",
        "Thanks, but that's not what I asked",
        "Nein, ich meinte Oslo",
        "Falsch!",
        "das stimmt nicht",
        "non, pas ça",
        "Pas ça",
        "Ce n'est pas ce que je voulais",
        "No, eso no es",
        "Неправильно",
        "不对",
        "Right, that is wrong",
        "Great, still failing",
        "Great! Still failing.",
        "Great, now it crashes on startup",
        "It still fails with exit 2",
        "Perfect, but that's wrong",
        "No - use Oslo",
        "Actually it's Canberra",
        "Actually, I meant Oslo",
        "Actually, list them by date instead",
        "I wanted Fahrenheit",
        "I wanted to see Oslo, not Bergen",
        "You broke the build",
        "Eigentlich wollte ich Oslo",
        "En fait, c'est Oslo",
    ],
)
def test_a_turn_that_opens_with_a_correction_is_a_failure_that_was_corrected(text: str) -> None:
    outcome = conclude(from_next("Weather?", ANSWER, [said("user", text)]))
    assert (outcome.outcome, outcome.confidence, outcome.corrected) == ("failure", 0.8, True)


@pytest.mark.parametrize(
    "text",
    [
        "Thanks!",
        "thank you so much, and now Oslo",
        "Perfect.",
        "Great job",
        "no thanks, that is all",
        "No problem, thanks",
        "Actually, perfect",
        "Danke, das passt",
        "Merci",
        "完美",
        "It works now, thanks",
        "works now",
        "Looks good now.",
        "Great - thanks",
        "Thanks! Now fix the failing test in b.py",
        "Actually, that's great",
        "Right, that's better. Next: Oslo",
        "Thanks, it's not urgent though",
        "Thanks, that doesn't matter then",
    ],
)
def test_a_turn_that_opens_with_thanks_is_no_failure(text: str) -> None:
    outcome = conclude(from_next("Weather?", ANSWER, [said("user", text)]))
    assert (outcome.outcome, outcome.corrected) == ("success", False)


def test_thanks_count_for_more_than_going_on_to_something_else() -> None:
    thanked = conclude(from_next(None, ANSWER, [said("user", "thanks")]))
    moved_on = conclude(from_next(None, ANSWER, [said("user", "What is the capital of Peru?")]))
    assert (thanked.outcome, thanked.confidence) == ("success", 0.9)
    assert (moved_on.outcome, moved_on.confidence) == ("success", 0.55)


@pytest.mark.parametrize(
    "text",
    [
        "Great Britain has which capital?",
        "Correct the spelling in notes.txt",
        "Not sure yet; show me the tests",
        "Nowhere is it cold? List the warmest places",
        "Thanks, but now do the same for Oslo",
        "Note this down: buy milk",
        "Right now the tests fail with exit 2",
        "Non-blocking sockets: how do they work?",
        "No-op the handler please",
        "No. 5 on the list, please",
        "Right-align the header",
        "Great-circle distance: how is it computed?",
        "Wrong-way driver statistics, please",
        "Actually, can you also add a test?",
        "Actually, it's fine",
        "Eigentlich könntest du auch Tests schreiben",
        "I wanted to ask about something else",
        "I wanted to know more about Oslo",
        "That's not a problem",
        "That's not all: also add a test",
        "Thanks. The build on main fails too",
        "Right, the tests don't pass",
        "Great now let's do Oslo",
    ],
)
def test_openings_that_only_look_like_a_cue_are_just_another_turn(text: str) -> None:
    assert codes(ANSWER, said("user", text)) == ["moved_on"]


def test_a_bare_no_to_a_question_of_ours_is_an_answer() -> None:
    question = said("assistant", "Shall I delete it?")
    assert codes(question, said("user", "No.")) == ["moved_on"]
    assert codes(question, said("user", "No, that's not what I meant")) == ["correction"]


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        ("How cold is it in Bergen?", "how cold is it in bergen", True),
        ("How cold is it in Bergen?", "How cold is it in Bergen right now?", True),
        ("How cold is it in Bergen?", "How cold is it in Oslo?", False),
        ("Add 2 to the total of row", "Add 2 and 3 to the total of row", False),
        ("continue", "continue", False),
    ],
)
def test_the_same_words_again_are_the_same_request_and_another_value_is_not(
    before: str, after: str, again: bool
) -> None:
    found = codes(ANSWER, said("user", after), asked=before)
    assert found == (["asked_again"] if again else ["moved_on"])


def test_calls_that_were_all_answered_without_an_error_are_a_weak_success() -> None:
    results = (said("tool", "notes.txt", "a"), said("tool", '{"exit_code": 0, "error": null}', "b"))
    outcome = conclude(from_next(None, CALLS, results))
    assert (outcome.outcome, outcome.confidence) == ("success", 0.6)
    assert codes(CALLS, results[0]) == []  # the other is not answered


@pytest.mark.parametrize(
    "result",
    [
        '{"error": "no such file"}',
        '{"success": false}',
        '{"exit_code": 2, "output": ""}',
        '{"returncode": 1}',
        '{"status": "error"}',
        '{"isError": true}',
        "Error: no such file",
        "FileNotFoundError: notes.txt",
        'Traceback (most recent call last):\n  File "x"',
        "Tool 'lss' does not exist. Available tools: ls",
        "Error executing tool: timeout",
    ],
)
def test_one_tool_error_makes_the_calls_a_failure(result: str) -> None:
    found = conclude(from_next(None, CALLS, [said("tool", "fine", "a"), said("tool", result, "b")]))
    assert (found.outcome, found.confidence) == ("failure", 0.9)


@pytest.mark.parametrize(
    "result",
    [
        "",
        "[]",
        '{"error": null, "success": true, "exit_code": 0}',
        '{"error": ""',
        "Errors are listed in log.txt",
        "12 failed logins were found",
        '{"status": "ok"}',
        '{"exit_code": false}',
    ],
)
def test_what_is_no_error_is_not_taken_for_one(result: str) -> None:
    assert error_in(result) is None


def test_results_of_other_calls_say_nothing_of_these() -> None:
    assert codes(CALLS, said("tool", "Error: x", "z")) == []


def test_calls_without_ids_are_joined_to_results_by_number() -> None:
    calls = Message("assistant", (), (ToolCall("", "ls", "{}"),))
    assert codes(calls, said("tool", "notes.txt")) == ["tool_ok"]


def test_tools_the_user_stopped_say_nothing_of_the_calls() -> None:
    stopped = "[Tool execution cancelled — ls was skipped due to user interrupt]"
    assert codes(CALLS, said("tool", stopped, "a"), said("tool", stopped, "b")) == []


@pytest.mark.parametrize(
    "text",
    [
        "[CONTEXT SUMMARY]: the user wants a poem. No, wrong.",
        "[CONTEXT COMPACTION — REFERENCE ONLY] thanks",
        "[System: The previous response was cut off by a network error mid-stream.",
        "[System note: wrong]",
        "Review the conversation above and update the skill library",
        "[ASYNC DELEGATION COMPLETE — task 1]",
    ],
)
def test_what_an_agent_writes_itself_is_no_human_turn(text: str) -> None:
    assert is_synthetic(text)
    assert codes(ANSWER, said("user", text)) == []


def test_an_agent_that_complains_of_the_reply_is_heard() -> None:
    cut = "[System: Your previous response was truncated by the output length limit. Continue.]"
    assert codes(ANSWER, said("user", cut)) == ["cut"]


def test_a_person_speaking_inside_a_tool_result_is_heard_as_a_person() -> None:
    steered = (
        "notes.txt\n[OUT-OF-BAND USER MESSAGE — a direct message from the user, delivered mid-turn;"
        " not tool output]\nno, the other folder\n[/OUT-OF-BAND USER MESSAGE]"
    )
    found = codes(CALLS, said("tool", "x", "a"), said("tool", steered, "b"))
    assert found == ["tool_ok", "correction"]


def test_a_reply_that_is_empty_or_cut_fails_by_itself() -> None:
    assert conclude(from_reply(None, "stop")).outcome == "failure"
    assert conclude(from_reply(said("assistant", " \n"), "stop")).outcome == "failure"
    assert conclude(from_reply(ANSWER, "length")).outcome == "failure"
    assert from_reply(ANSWER, "stop") == []
    assert from_reply(CALLS, "tool_calls") == []
    refusal = Message("assistant", (ContentPart("refusal", "I cannot."),))
    assert from_reply(refusal, "stop") == []
    thought = Message("assistant", (ContentPart("thinking", "Hm."), ContentPart("text", "\n")))
    assert not thought.says_something
    assert from_reply(thought, "stop") == [("empty", "the reply says nothing")]
    drawn = Message("assistant", (ContentPart("image", data={"url": "a"}),))
    assert from_reply(drawn, "stop") == []


def test_conflicting_evidence_goes_to_the_more_confident_side() -> None:
    outcome = conclude([("tool_ok", ""), ("correction", "")])
    assert (outcome.outcome, outcome.confidence) == ("failure", 0.8)
    outcome = conclude([RETRY, ("approval", "")])
    assert (outcome.outcome, outcome.confidence) == ("success", 0.9)


@pytest.mark.parametrize("praise", ["approval", "later_approval"])
def test_a_correction_stands_whatever_praise_another_answer_gets(praise: str) -> None:
    for evidence in ([("correction", ""), (praise, "")], [(praise, ""), ("correction", "")]):
        outcome = conclude(evidence)
        assert (outcome.outcome, outcome.confidence, outcome.corrected) == ("failure", 0.8, True)


def test_no_evidence_is_unknown_and_the_same_evidence_counts_once() -> None:
    assert conclude([]) == UNKNOWN
    assert conclude([("of_a_newer_version", "")]).outcome == "unknown"
    once = conclude([("moved_on", "first"), RETRY, ("moved_on", "second")])
    assert once.evidence == (("moved_on", "first"), RETRY)


def test_what_the_user_says_at_the_end_of_a_turn_is_weaker_for_its_earlier_exchanges() -> None:
    for code in ("correction", "asked_again", "approval", "moved_on"):
        ((later, _),) = for_earlier([(code, "")])
        assert WEIGHTS[later][0] == WEIGHTS[code][0]
        assert WEIGHTS[later][1] < WEIGHTS[code][1]
        assert not conclude([(later, "")]).corrected
    assert for_earlier([("tool_ok", ""), ("retry", "")]) == []


@given(st.text() | st.text(st.characters(max_codepoint=127)))
def test_a_text_is_taken_apart_into_the_same_words_whatever_script_it_is_in(text: str) -> None:
    assert words_of(text) == re.findall(r"\w+", text)
