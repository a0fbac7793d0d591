"""`majordomo export`, as a user types it: budgets, summaries by a local model, the soul, groups."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from capture.synthetic import is_synthetic
from tests.support.answering import Answer, Answering
from tests.support.command import Majordomo
from tests.support.damage import damage_body
from tests.support.journals import capturing
from tests.support.kitchen import SYSTEM, answer, call, exchange, quarrel, result, user

SOUL = "You are Ada, and kind."
Rows = list[dict[str, Any]]


@pytest.fixture
def majordomo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Majordomo:
    return Majordomo(tmp_path / "home", monkeypatch, capsys)


async def long_day(majordomo: Majordomo, *, whole: bool = False) -> None:
    """A conversation of six errands, each with a long result; its last exchange recorded, or the
    `whole` of it, and another, short conversation."""
    said = [{"role": "system", "content": SYSTEM}, user("Hello"), answer("Hello.")]
    for number in range(6):
        said += [user(f"Errand {number}"), call(f"c{number}", '{"command": "ls"}')]
        said += [result(f"c{number}", "file " * 400), answer(f"Done {number}.")]
    with capturing(majordomo.home.root) as (journal, ingester, _):
        for at, message in enumerate(said):
            if whole and message["role"] == "assistant":
                exchange(journal, said[:at], message)
        exchange(journal, [*said, user("And now?")], answer("Nothing more."))
        exchange(journal, [user("Short?")], answer("Yes."))
        assert await ingester.catch_up(30)


def rows(directory: Path, name: str) -> Rows:
    return [json.loads(line) for line in (directory / name).read_bytes().splitlines()]


def export(majordomo: Majordomo, out: Path, *arguments: str) -> dict[str, Any]:
    """Export; gives the manifest."""
    ran = majordomo("export", "--out", str(out), "--json", *arguments)
    assert (ran.status, ran.err) == (0, "")
    return json.loads((out / "manifest.json").read_bytes())


@pytest.mark.parametrize(
    ("format", "file"),
    [("chat", "train.jsonl"), ("openai", "openai.jsonl"), ("sharegpt", "trajectories.jsonl")],
)
async def test_rows_fit_the_budget_and_what_that_took_is_told_of_all_and_of_each(
    majordomo: Majordomo, tmp_path: Path, format: str, file: str
) -> None:
    await long_day(majordomo, whole=format == "sharegpt")
    manifest = export(majordomo, tmp_path / "out", "--format", format, "--compress-to", "1500")
    long, short = rows(tmp_path / "out", file)
    compression = manifest["compression"]
    assert compression["budget"] == {"tokens": 1500, "summary": 375, "last": 4}
    assert (compression["counted_by"], compression["compressed"]) == ("estimate", 1)
    assert compression["summaries"] == {"extract": 1}
    assert len(json.dumps(long)) / 4 < 2000
    first, second = rows(tmp_path / "out", "compression.jsonl")
    assert first["original_tokens"] > 3000 > 1500 >= first["compressed_tokens"]
    assert first["turns_removed"] > 5
    assert (second["was_compressed"], second["summary"]) == (False, None)
    key, text = ("conversations", "value") if format == "sharegpt" else ("messages", "content")
    summaries = [each for each in long[key] if is_synthetic(each.get(text) or "")]
    assert [each[text].startswith("[CONTEXT SUMMARY]: ") for each in summaries] == [True]
    assert "Nothing more." in long[key][-1][text]
    assert len(short[key]) == len([each for each in short[key] if each.get(text)])


async def test_what_no_compressing_brings_within_the_budget_is_left_out(
    majordomo: Majordomo, tmp_path: Path
) -> None:
    with capturing(majordomo.home.root) as (journal, ingester, _):
        exchange(journal, [user("x" * 4000)], answer("Yes."))
        assert await ingester.catch_up(30)
    manifest = export(majordomo, tmp_path / "out", "--format", "chat", "--compress-to", "300")
    assert (manifest["rows"], manifest["left_out"]) == (0, {"over_budget": 1})


async def test_an_export_without_a_budget_takes_an_earlier_one_s_metrics_away(
    majordomo: Majordomo, tmp_path: Path
) -> None:
    await long_day(majordomo)
    export(majordomo, tmp_path / "out", "--format", "chat", "--compress-to", "1500")
    manifest = export(majordomo, tmp_path / "out", "--format", "chat")
    assert manifest["compression"] is None
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "manifest.json",
        "train.jsonl",
    ]


def claim_to_serve(majordomo: Majordomo, base_url: str) -> None:
    said = {"pid": os.getpid(), "base_url": base_url, "started_at": time.time()}
    majordomo.home.create()
    majordomo.home.running.write_bytes(orjson.dumps(said))


@pytest.mark.parametrize("works", [True, False])
async def test_a_local_model_summarises_privately_and_where_it_fails_that_is_counted(
    majordomo: Majordomo, tmp_path: Path, *, works: bool
) -> None:
    await long_day(majordomo)
    told: list[Mapping[str, str]] = []

    def said(_: str, headers: Mapping[str, str]) -> Answer:
        told.append(headers)
        if not works:
            return 503, {"error": {"message": "no model"}}, {}
        return 200, {"choices": [{"message": answer("Six errands were run.")}]}, {}

    with Answering(said).running() as server:
        claim_to_serve(majordomo, server.base_url)
        budget = ("--format", "chat", "--compress-to", "1500", "--summarise-with", "resting")
        manifest = export(majordomo, tmp_path / "out", *budget)
    assert server.asked == ["POST /v1/chat/completions"]
    assert [each["x-majordomo-private"] for each in told] == ["true"]
    assert manifest["compression"]["summaries"] == {"model" if works else "failed": 1}
    text = (tmp_path / "out" / "train.jsonl").read_text()
    assert ("[CONTEXT SUMMARY]: Six errands were run." in text) is works


async def test_a_model_that_keeps_failing_is_asked_no_more(
    majordomo: Majordomo, tmp_path: Path
) -> None:
    said = [user("Hello"), answer("Hello."), user("x" * 8000), answer("So.")]
    with capturing(majordomo.home.root) as (journal, ingester, _):
        for number in range(5):
            exchange(journal, [*said, user("?"), answer("."), user(f"{number}")], answer("Yes."))
        assert await ingester.catch_up(30)

    def fails(*_: object) -> Answer:
        return 500, b"", {}

    with Answering(fails).running() as server:
        claim_to_serve(majordomo, server.base_url)
        budget = ("--format", "chat", "--compress-to", "900", "--summarise-with", "active")
        manifest = export(majordomo, tmp_path / "out", *budget)
    assert len(server.asked) == 3
    assert manifest["compression"]["summaries"] == {"failed": 5}


HOUSE = str(Path("gateway/house_model").resolve())


@pytest.mark.slow
async def test_tokens_are_those_of_the_tokenizer_that_is_named(
    majordomo: Majordomo, tmp_path: Path
) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    await long_day(majordomo)
    budget = ("--format", "chat", "--compress-to", "4000", "--tokenizer", HOUSE)
    manifest = export(majordomo, tmp_path / "out", *budget)
    assert manifest["compression"]["counted_by"] == "house_model"
    assert rows(tmp_path / "out", "compression.jsonl")[0]["original_tokens"] > 5000


async def test_the_household_s_soul_is_in_exports_and_the_settings_can_leave_it_out(
    majordomo: Majordomo, tmp_path: Path
) -> None:
    await long_day(majordomo)
    majordomo.home.soul.write_text(f"{SOUL}\n")
    manifest = export(majordomo, tmp_path / "out", "--format", "chat")
    long, short = rows(tmp_path / "out", "train.jsonl")
    assert long["messages"][0]["content"] == f"{SOUL}\n\n{SYSTEM}"
    assert short["messages"][0] == {"role": "system", "content": SOUL}
    assert manifest["soul"]["how"] == "prepend"
    majordomo.home.settings.write_text("trainer:\n  soul: off\n")
    assert export(majordomo, tmp_path / "out", "--format", "chat")["soul"] is None


async def test_groups_are_made_of_the_base_s_tokens(majordomo: Majordomo, tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    with capturing(majordomo.home.root) as (journal, ingester, _):
        quarrel(journal)
        assert await ingester.catch_up(30)
    manifest = export(majordomo, tmp_path / "out", "--format", "atropos")
    assert manifest["made_of"] == {"tokenized": 2}
    for group in rows(tmp_path / "out", "groups.jsonl"):
        assert sorted(group["scores"]) == [-1.0, 1.0]
        for tokens, masks in zip(group["tokens"], group["masks"], strict=True):
            assert [mask for mask in masks if mask != -100] == tokens[masks.count(-100) :]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("preference", "--compress-to", "1000"), 1, "rows of preference are not compressed"),
        (("chat", "--compress-to", "10"), 2, "--compress-to"),
        (("chat", "--summarise-with", "resting"), 1, "`--summarise-with` says who summarises"),
        (("chat", "--summarise-with", "burst"), 2, "--summarise-with"),
        (("chat", "--tokenizer", "."), 1, "`--tokenizer` counts for"),
        (("atropos", "--tokenizer", "no/such"), 1, "there is no tokenizer in no/such"),
        (
            ("chat", "--compress-to", "999", "--summarise-with", "resting"),
            1,
            "Majordomo is not running",
        ),
    ],
)
async def test_what_makes_no_sense_is_said_and_nothing_written(
    majordomo: Majordomo, tmp_path: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    with capturing(majordomo.home.root):
        pass
    ran = majordomo("export", "--out", str(tmp_path / "out"), "--format", *arguments)
    assert ran.status == status
    assert words in ran.err
    assert not (tmp_path / "out").exists()


async def test_a_soul_that_cannot_be_taken_is_said(majordomo: Majordomo, tmp_path: Path) -> None:
    with capturing(majordomo.home.root):
        pass
    majordomo.home.soul.write_bytes(b"\xff")
    ran = majordomo("export", "--out", str(tmp_path / "out"), "--format", "chat")
    assert (ran.status, "SOUL.md is not UTF-8" in ran.err) == (1, True)


async def test_a_damaged_exchange_is_explained_as_such_and_exports_say_they_go_without_it(
    majordomo: Majordomo, tmp_path: Path
) -> None:
    with capturing(majordomo.home.root) as (journal, ingester, store):
        lost = exchange(journal, [user("Lost?")], answer("Yes."))
        exchange(journal, [user("Sound?")], answer("Quite."))
        assert await ingester.catch_up(30)
        damage_body(store.path, lost)
    ran = majordomo("explain", lost)
    assert ran.status != 0
    assert f"exchange {lost} is damaged" in " ".join(ran.err.split())
    ran = majordomo("export", "--format", "chat", "--out", str(tmp_path / "out"))
    assert ran.status == 0
    assert "1 left out: damaged in the store" in ran.out
    assert "1 row" in ran.out
    for command in (("weekly",), ("search", "sound"), ("review",)):
        assert majordomo(*command).status == 0
