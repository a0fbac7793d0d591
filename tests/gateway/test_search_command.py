"""`majordomo search`, with nobody serving."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest

from gateway.checks import network
from gateway.config import load
from tests.support.command import Majordomo
from tests.support.journals import capturing
from tests.support.kitchen import answer, exchange, user


@pytest.fixture
async def majordomo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Majordomo:
    """One request about the lights, tagged, and one about the cat."""
    made = Majordomo(tmp_path / "home", monkeypatch, capsys)
    with capturing(made.home.root) as (journal, ingester, _):
        lights = user("Please turn the light in the kitchen off.")
        exchange(journal, [lights], answer("Done."), metadata={"tags": "House"})
        exchange(journal, [user("Order cat food")], answer("Ordered."))
        assert await ingester.catch_up(30)
    return made


def test_what_asks_alike_is_found_and_says_how_alike(majordomo: Majordomo) -> None:
    ran = majordomo("search", "turning", "kitchen", "lights", "off")
    assert ran.status == 0
    assert "alike 0." in ran.out
    assert "Please turn the light" in ran.out
    assert "cat" not in ran.out
    assert "Nothing" in majordomo("search", "--by", "words", "turning", "lights").out
    assert "Nothing" in majordomo("search", "--tag", "work", "lights").out
    assert "light" in majordomo("search", "--tag", "HOUSE", "lights").out


def test_a_quoted_question_is_a_phrase_by_words_and_plain_by_meaning(majordomo: Majordomo) -> None:
    (hit,) = json.loads(majordomo("search", "--json", "turning kitchen lights off").out)["data"]
    assert (hit["held"], hit["distilled"]) == (False, None)
    assert hit["alike"] > 0.25


def test_with_a_model_that_is_away_words_are_searched_and_it_says_so(majordomo: Majordomo) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        majordomo.home.settings.write_text(
            f"upstreams: {{ollama: {{kind: openai_compatible, base_url: '{url}'}}}}\n"
            "capture: {recall: {embedding: {upstream: ollama, model: nomic}}}\n"
        )
        ran = majordomo("search", "cat")
        assert "cat food" in ran.out
        assert "ollama/nomic was asked in vain" in ran.err
        refused = majordomo("search", "--by", "meaning", "cat")
        (check,) = network.embedded(load(majordomo.home.settings))
    assert refused.status == 1
    assert "ollama/nomic" in refused.err
    assert (check.subject, check.state) == ("ask:embedding", "problem")


def test_without_numpy_it_says_that_words_alone_were_searched(
    majordomo: Majordomo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    ran = majordomo("search", "cat")
    assert "cat food" in ran.out
    assert "numpy" in ran.err
    assert "numpy" in json.loads(majordomo("search", "cat", "--json").out)["note"]
    refused = majordomo("search", "--by", "meaning", "cat")
    assert refused.status == 1
    assert "numpy" in refused.err
