"""`majordomo feedback`, up to where the gateway is asked; `tests/blackbox` goes the whole way."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from capture.ids import new_id
from tests.support.answering import Answer, Answering
from tests.support.command import Majordomo

ID = new_id()
GIVEN = {
    "id": new_id(),
    "object": "feedback",
    "exchange": ID,
    "conversation": None,
    "at": 1_790_000_000.0,
    "key": None,
    "source": "cli",
    "value": 0.25,
    "comment": "says\x1b[2J\n[red]so",
    "demonstration": "Half past six.",
    "idempotency_key": None,
    "train": False,
}


@pytest.fixture
def majordomo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Majordomo:
    return Majordomo(tmp_path / "home", monkeypatch, capsys)


def claim_to_serve(majordomo: Majordomo, base_url: str) -> None:
    majordomo.home.create()
    said = {"pid": os.getpid(), "base_url": base_url, "started_at": time.time()}
    majordomo.home.running.write_bytes(orjson.dumps(said))


def test_nobody_serving_is_told_with_a_status_of_its_own(majordomo: Majordomo) -> None:
    for arguments in (("--good",), ("--list",)):
        ran = majordomo("feedback", ID, *arguments)
        assert ran.status == 3
        assert "not running" in ran.err


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("x", "--good"), 1, "is no exchange id"),
        ((ID,), 1, "say something"),
        ((ID, "--list", "--good"), 1, "--list only lists"),
        ((ID, "--good", "--bad"), 2, "one of --good, --bad and --value"),
        ((ID, "--good", "--value", "1"), 2, "one of --good, --bad and --value"),
        ((ID, "--value", "7"), 2, "--value"),
        ((ID, "--demonstration", "no/such/file"), 1, "cannot read no/such/file"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_told_why(
    majordomo: Majordomo, arguments: tuple[str, ...], status: int, words: str
) -> None:
    claim_to_serve(majordomo, "http://127.0.0.1:9")
    ran = majordomo("feedback", *arguments)
    assert ran.status == status
    assert words in ran.err


def test_a_demonstration_that_is_no_text_is_refused(majordomo: Majordomo, tmp_path: Path) -> None:
    (tmp_path / "reply").write_bytes(b"\xff\xfe")
    claim_to_serve(majordomo, "http://127.0.0.1:9")
    ran = majordomo("feedback", ID, "--demonstration", str(tmp_path / "reply"))
    assert (ran.status, "not UTF-8" in ran.err) == (1, True)


def test_what_was_taken_and_what_there_is_are_shown_without_control_characters(
    majordomo: Majordomo,
) -> None:
    def answer(request: str, _: Mapping[str, str]) -> Answer:
        if request == "POST /v1/feedback":
            return 201, GIVEN, {}
        return 200, {"object": "list", "data": [GIVEN], "has_more": True}, {}

    line = (
        "the local user: 0.25 of 1; says\N{REPLACEMENT CHARACTER}[2J [red]so; "
        "it should have been: Half past six.; it may never train"
    )
    with Answering(answer).running() as server:
        claim_to_serve(majordomo, server.base_url)
        given = majordomo("feedback", ID.lower(), "--value", "0.25", "--no-train")
        assert (given.status, given.out) == (0, f"taken: {line}\n")
        listed = majordomo("feedback", ID, "--list")
        assert listed.out.splitlines() == [
            line,
            "There is more, older feedback, which is not listed.",
        ]
        as_json = majordomo("feedback", ID, "--list", "--conversation", "--json")
        assert json.loads(as_json.out)["data"] == [GIVEN]
        assert server.asked == [
            "POST /v1/feedback",
            f"GET /v1/feedback?exchange={ID}",
            f"GET /v1/feedback?conversation={ID}",
        ]


def test_what_the_gateway_refuses_is_told_in_its_own_words(majordomo: Majordomo) -> None:
    def answer(*_: object) -> Answer:
        return 404, {"error": {"message": "there is no exchange here"}}, {}

    with Answering(answer).running() as server:
        claim_to_serve(majordomo, server.base_url)
        ran = majordomo("feedback", ID, "--bad")
    assert ran.status == 1
    assert "there is no exchange here" in ran.err
