"""`majordomo review`: what waits is shown, and what is said of it goes to the gateway once."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.holds import Hold
from capture.ids import new_id
from capture.provenance import USUAL, Trust
from capture.review import Group, Waiting
from capture.store import Store
from gateway.commands.console import Failure
from gateway.commands.household import settings_of
from gateway.commands.review import Answers, talk
from gateway.settings import Settings
from gateway.vetting import trust_of
from tests.support.answering import Answer, Answering
from tests.support.browsing import read_by
from tests.support.command import Majordomo
from tests.support.journals import attempt, begin, capturing, end
from tests.support.turns import REDACTOR

HOSTILE = "Sunny.\x1b[2J \u202e[red]obey"


@pytest.fixture
def majordomo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Majordomo:
    return Majordomo(tmp_path / "home", monkeypatch, capsys)


def served(majordomo: Majordomo, *texts: str) -> list[str]:
    """Exchanges, each after a page that says this; their ids."""
    ids = [new_id() for _ in texts]
    with capturing(majordomo.home.root) as (journal, ingester, _):
        for id_, text in zip(ids, texts, strict=True):
            request = orjson.dumps({"model": "auto", "messages": read_by("web_extract", text)})
            journal.begin(begin(id_, request=request, key=None))
            reply = {"choices": [{"message": {"role": "assistant", "content": "It is sunny."}}]}
            ended = end(attempts=[attempt()], finish_reason=None)
            journal.end(id_, ended, [orjson.dumps(reply)], None)
        assert asyncio.run(ingester.catch_up(30))
    return ids


@pytest.fixture
def gateway(majordomo: Majordomo) -> Iterator[Answering]:
    def answer(*_: object) -> Answer:
        return 201, {}, {}

    with Answering(answer).running() as server:
        majordomo.home.create()
        said = {"pid": os.getpid(), "base_url": server.base_url, "started_at": time.time()}
        majordomo.home.running.write_bytes(orjson.dumps(said))
        yield server


def test_what_waits_is_listed_with_its_reason_and_without_control_characters(
    majordomo: Majordomo,
) -> None:
    (id_,) = served(majordomo, HOSTILE)
    ran = majordomo("review", "--list")
    assert ran.status == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0] == "`web_extract` brings text from outside (outside_text, 1 turn)"
    assert lines[1].startswith(id_)
    assert lines[2] == (
        "  by: the user; nobody here, as a reply (nobody here gave this reply); web_extract "
        "(`web_extract` brings text from outside)"
    )
    assert lines[3:] == [
        "  asked: What does it say?",
        "  outside: Sunny.\N{REPLACEMENT CHARACTER}[2J \N{REPLACEMENT CHARACTER}[red]obey",
        "  answered: It is sunny.",
    ]
    assert majordomo("review").out == ran.out  # standard input is no terminal


def test_json_has_all_of_it_and_nothing_waits_where_nothing_does(majordomo: Majordomo) -> None:
    assert "nothing has been served" in majordomo("review", "--list").err
    ids = served(majordomo, "Sunny.", "Rainy.")
    told = json.loads(majordomo("review", "--json", "-n", "1").out)
    assert told["total"] == 2
    assert [each["id"] for each in told["data"]] == [ids[1]]
    assert told["data"][0]["held"] == [
        {"code": "outside_text", "text": "`web_extract` brings text from outside"}
    ]
    assert "1 older ones wait, too" in majordomo("review", "-n", "1").out
    majordomo.home.settings.write_text("version: 1\ncapture: {trust: {outside_tools: []}}\n")
    assert majordomo("review").out == "Nothing waits.\n"


def test_words_on_the_command_line_go_to_the_gateway(
    majordomo: Majordomo, gateway: Answering
) -> None:
    ids = served(majordomo, "Sunny.", "Rainy.")
    ran = majordomo("review", "--approve", ids[0].lower(), "--reject", ids[1])
    assert ran.status == 0, ran.err
    assert ran.out.splitlines() == [f"{ids[0]} may train", f"{ids[1]} never trains"]
    assert gateway.asked == ["POST /v1/feedback"] * 2
    both = majordomo("review", "--approve", ids[0], "--reject", ids[0])
    assert "approved and rejected at once" in both.err
    assert "is no exchange id" in majordomo("review", "--approve", "nonsense").err


def test_a_person_is_asked_one_by_one_and_all_of_it_is_said_at_the_end(
    majordomo: Majordomo, gateway: Answering, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = served(majordomo, "Sunny.", "Rainy.", "Windy.")
    store = Store.open_reader(majordomo.home.database)
    queue = store.waiting(REDACTOR)
    store.close()
    answers = iter("ra?uaq")

    def ask(_: str) -> str:
        assert gateway.asked == []
        return next(answers)

    talk(majordomo.home, queue, ask)
    said = capsys.readouterr().out
    assert said.count("web_extract` brings text from outside (outside_text, 3 turns)") == 1
    assert said.count("a approve, r reject") == 1
    assert said.splitlines()[-2:] == [f"{ids[2]} never trains", f"{ids[1]} may train"]
    assert gateway.asked == ["POST /v1/feedback"] * 2


def test_a_person_who_breaks_off_has_said_nothing(majordomo: Majordomo, gateway: Answering) -> None:
    served(majordomo, "Sunny.", "Rainy.")
    store = Store.open_reader(majordomo.home.database)
    queue = store.waiting(REDACTOR)
    store.close()
    answers = iter("a")

    def ask(_: str) -> str:
        if (answer := next(answers, None)) is None:
            raise KeyboardInterrupt
        return answer

    with pytest.raises(Failure, match="nothing was said"):
        talk(majordomo.home, queue, ask)
    assert gateway.asked == []


def test_without_a_gateway_it_lists_and_takes_no_word(majordomo: Majordomo) -> None:
    (id_,) = served(majordomo, "Sunny.")
    assert majordomo("review", "--list").status == 0
    ran = majordomo("review", "--approve", id_)
    assert (ran.status, "not running" in ran.err) == (3, True)


def test_an_export_leaves_out_what_waits_unless_everything_is_asked_for(
    majordomo: Majordomo,
) -> None:
    served(majordomo, "Sunny.")
    ran = majordomo("export", "--format", "chat")
    assert ran.out.splitlines()[-1].startswith("1 left out: text from outside is in its context")
    assert ran.err == ""
    ran = majordomo("export", "--format", "chat", "--trust", "any", "--json")
    assert (json.loads(ran.out)["rows"], json.loads(ran.out)["filters"]["trust"]) == (1, "any")
    assert "nothing was kept back but what somebody refused" in ran.err
    ran = majordomo("export", "--format", "chat", "--trust", "approved", "--out", "-")
    assert (ran.status, ran.out) == (0, "")


def test_the_settings_say_whose_text_may_train(majordomo: Majordomo) -> None:
    majordomo.home.create()
    majordomo.home.settings.write_text(
        """
        version: 1
        upstreams:
          here: {kind: openai_compatible, base_url: "http://127.0.0.1:11434/v1"}
          there: {kind: openai_compatible, base_url: "https://models.example/v1"}
        capture:
          trust:
            outside_tools: "*"
            inside_tools: [home_*]
            untrusted_keys: guest
            untrusted_channels: {X-Platform: telegram}
            cloud_text: keep_out
        """
    )
    assert trust_of(settings_of(majordomo.home)) == Trust(
        outside_tools=("*",),
        inside_tools=("home_*",),
        untrusted_keys=frozenset({"guest"}),
        untrusted_channels={"x-platform": ("telegram",)},
        cloud_text="keep_out",
        away=frozenset({"there"}),
    )
    assert trust_of(Settings()) == USUAL


@pytest.mark.parametrize(
    "said", ["untrusted_channels: {authorization: x}", "untrusted_keys: [Not A Name]"]
)
def test_settings_of_trust_that_make_no_sense_are_refused(majordomo: Majordomo, said: str) -> None:
    majordomo.home.create()
    majordomo.home.settings.write_text(f"version: 1\ncapture: {{trust: {{{said}}}}}\n")
    assert majordomo("config", "check").status == 1


def waiting(id_: str, why: str) -> Waiting:
    hold = Hold("outside_text", why)
    return Waiting(id_, id_, 0.0, "m", "success", (hold,), why, (), "", "", "", None)


GROUPS = [
    Group(Hold("outside_text", why), tuple(waiting(f"{why}{n}", why) for n in range(count)))
    for why, count in (("a", 3), ("b", 2))
]


def answered(*answers: str) -> tuple[Mapping[str, bool], str | None]:
    """What was said in the end, and which is asked then."""
    asked = Answers(GROUPS)
    for each in answers:
        asked.take(each)
    return asked.said, asked.current and asked.current[1].id


@pytest.mark.parametrize(
    ("answers", "said", "asked"),
    [
        ("", {}, "a0"),
        ("a", {"a0": True}, "a1"),
        ("sr", {"a1": False}, "a2"),
        ("sA", {"a1": True, "a2": True}, "b0"),
        ("AR", {"a0": True, "a1": True, "a2": True, "b0": False, "b1": False}, None),
        ("Au", {}, "a0"),
        ("rau", {"a0": False}, "a1"),
        ("u", {}, "a0"),
        ("x?", {}, "a0"),
        ("ARa", {"a0": True, "a1": True, "a2": True, "b0": False, "b1": False}, None),
        ("ARu", {"a0": True, "a1": True, "a2": True}, "b0"),
    ],
)
def test_answers_are_taken_one_by_one_or_for_the_rest_of_a_group(
    answers: str, said: dict[str, bool], asked: str | None
) -> None:
    assert answered(*answers) == (said, asked)


@given(st.lists(st.sampled_from("arsARx"), max_size=8), st.sampled_from("arsAR"))
def test_undo_takes_back_what_was_said_last_and_nothing_else(before: list[str], last: str) -> None:
    there = answered(*before)
    if there[1] is not None:
        assert answered(*before, last, "u") == there
