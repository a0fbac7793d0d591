"""`majordomo weekly` and `majordomo export`, with nobody serving."""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest

from capture.exports import parquet
from gateway.commands.export import moment
from gateway.commands.weekly import BAR, bar
from tests.support.command import Majordomo
from tests.support.journals import capturing
from tests.support.kitchen import BEGAN, HOME, answer, evening, exchange, quarrel, user
from tests.support.planted import TOKENS


@pytest.fixture
def majordomo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Majordomo:
    return Majordomo(tmp_path / "home", monkeypatch, capsys)


@pytest.fixture
async def ids(majordomo: Majordomo) -> list[str]:
    """An evening with Claude, one request answered at home, one private."""
    with capturing(majordomo.home.root) as (journal, ingester, _):
        ids = evening(journal)
        ids.append(exchange(journal, [user("Good night?")], answer("Good night."), place=HOME))
        exchange(journal, [user("My diary?")], answer("Dear diary"), place=HOME, private=True)
        assert await ingester.catch_up(30)
    return ids


def test_a_home_that_never_served_is_told_so(majordomo: Majordomo) -> None:
    for command in (("weekly",), ("export", "--format", "chat")):
        ran = majordomo(*command)
        assert ran.status == 1
        assert "nothing has been served" in ran.err


def test_a_bar_is_full_for_all_and_empty_for_nothing_only() -> None:
    bars = [len(bar(part, "#")) for part in (None, 0.0, 0.001, 0.5, 0.999, 1.0)]
    assert bars == [0, 0, 1, BAR // 2, BAR - 1, BAR]


@pytest.mark.usefixtures("ids")
def test_weekly_shows_a_line_a_week_and_the_same_as_json(majordomo: Majordomo) -> None:
    shown = majordomo("weekly").out
    (line,) = [each for each in shown.splitlines() if each.startswith("2026-W39")]
    assert line.split()[2:6] == ["40%", "5", "3", "$0.00"]
    (week,) = json.loads(majordomo("weekly", "--json").out)["weeks"]
    assert week["week"] == "2026-W39"
    assert week["sovereignty_index"] == 0.4
    assert week["total_conversations"] == 3
    assert week["cloud_cost_prev_week"] is None


@pytest.mark.usefixtures("ids")
def test_the_metrics_are_the_plan_s_fields_and_no_others(majordomo: Majordomo) -> None:
    (line,) = majordomo("weekly", "--metrics").out.splitlines()
    assert list(json.loads(line)) == [
        "week",
        "total_conversations",
        "cloud_routed",
        "local_14b_routed",
        "local_8b_routed",
        "cloud_percentage",
        "cloud_cost_usd",
        "cloud_cost_prev_week",
        "sovereignty_index",
    ]


def test_export_writes_into_the_home_unless_told_otherwise(
    majordomo: Majordomo, ids: list[str], tmp_path: Path
) -> None:
    ran = majordomo("export", "--format", "chat")
    assert ran.status == 0
    assert "4 rows" in ran.out
    assert "1 left out: private" in ran.out
    manifest = json.loads((majordomo.home.exports / "chat" / "manifest.json").read_bytes())
    assert manifest["exchanges"] == [[id_] for id_ in ids]
    assert [p.path for p in majordomo.home.mode_problems() if p.found is not None] == []
    out = tmp_path / "data"
    told = json.loads(
        majordomo("export", "--format", "sharegpt", "--out", str(out), "--private", "--json").out
    )
    data = (out / "trajectories.jsonl").read_bytes()
    assert told["directory"] == str(out)
    assert (told["rows"], told["sha256"]) == (3, hashlib.sha256(data).hexdigest())


def test_export_to_standard_output_prints_the_rows_and_nothing_else(
    majordomo: Majordomo, ids: list[str]
) -> None:
    ran = majordomo("export", "--format", "chat", "--out", "-", "--mode", "burst")
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert len(rows) == len(ids) - 1
    assert all(row["messages"][-1]["role"] == "assistant" for row in rows)
    assert majordomo("export", "--format", "chat", "--out", "-", "--json").status == 1


@pytest.mark.usefixtures("ids")
def test_export_takes_only_what_every_filter_lets_through(majordomo: Majordomo) -> None:
    def rows(*filters: str) -> int:
        return json.loads(majordomo("export", "--format", "chat", "--json", *filters).out)["rows"]

    day = datetime.fromtimestamp(BEGAN, UTC).date().isoformat()
    assert rows("--mode", "resting") == 1
    assert rows("--mode", "active") == 0
    assert rows("--outcome", "success", "--mode", "burst") >= 1
    assert rows("--since", day) == 4
    assert rows("--until", day) == 0
    assert rows("--skill", "none such") == 0


async def test_export_redacts_as_the_settings_say_and_tells_so(majordomo: Majordomo) -> None:
    token = TOKENS["github-token"]
    with capturing(majordomo.home.root) as (journal, ingester, _):
        exchange(journal, [user(f"Mail {token} to anna@posteo.example")], answer("No."))
        assert await ingester.catch_up(30)

    def exported() -> str:
        return majordomo("export", "--format", "chat", "--out", "-").out

    by_default = exported()
    assert token not in by_default
    assert "[redacted:github-token:" in by_default
    assert "anna@posteo.example" in by_default
    majordomo.home.settings.write_text("version: 1\ncapture: {redact: all}\n")
    assert "to [redacted:mail:" in exported()
    told = json.loads(majordomo("export", "--format", "chat", "--json").out)
    assert (told["redact"], told["rows"], told["left_out"]) == ("all", 1, {})
    majordomo.home.settings.write_text("version: 1\ncapture: {redact: off}\n")
    assert token in exported()
    majordomo.home.salt.write_text("no salt")
    assert "is no salt" in majordomo("export", "--format", "chat").err
    assert "is no salt" in majordomo("train", "now").err


@pytest.mark.usefixtures("ids")
@pytest.mark.parametrize(
    ("format", "rows"), [("openai", 4), ("rewards", 1), ("preference", 0), ("hindsight", 0)]
)
def test_export_writes_every_format(majordomo: Majordomo, format: str, rows: int) -> None:
    told = json.loads(majordomo("export", "--format", format, "--json").out)
    data = (majordomo.home.exports / format / told["file"]).read_bytes()
    assert (told["format"], told["rows"], len(data.splitlines())) == (format, rows, rows)


async def test_export_says_what_made_its_rows_and_what_was_left_out(majordomo: Majordomo) -> None:
    with capturing(majordomo.home.root) as (journal, ingester, _):
        quarrel(journal)
        exchange(journal, [user("Hi")], answer("Hi."), place=HOME, unfit=answer(""), private=True)
        assert await ingester.catch_up(30)
    said = majordomo("export", "--format", "preference").out.splitlines()
    assert said[0].startswith("2 rows in ")
    assert said[1:] == [
        "1 of them: one request answered twice, once well and once not",
        "1 of them: a reply that was not handed over, and the one that was",
        "1 left out: private; `--private` takes them in",
    ]
    said = majordomo("export", "--format", "hindsight").out.splitlines()
    assert said[1] == "1 of them: the user said that the reply was wrong"


@pytest.mark.usefixtures("ids")
def test_parquet_without_pyarrow_says_what_to_install_and_is_no_text(
    majordomo: Majordomo, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "name a directory" in majordomo("export", "--format", "parquet", "--out", "-").err

    def missing(_: str) -> None:
        return None

    monkeypatch.setattr(parquet, "find_spec", missing)
    ran = majordomo("export", "--format", "parquet")
    assert ran.status == 1
    assert "pip install 'majordomo-gateway[parquet]'" in ran.err
    assert not majordomo.home.exports.exists()


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("ids")
@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (("chat",), "exchanges"),
        (("preference",), "pairs"),
        (("hindsight",), "replies"),
        (("chat", "--json"), ""),
        (("chat", "--out", "-"), ""),
    ],
)
def test_a_terminal_is_shown_how_far_an_export_is_and_nobody_else(
    majordomo: Majordomo, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], shown: str
) -> None:
    assert majordomo("export", "--format", *options).err == ""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert majordomo("export", "--format", *options).status == 0
    said = terminal.getvalue()
    assert (shown in said) if shown else (said == "")
    assert ("5/5" in said) == (shown == "exchanges")


def test_a_day_is_its_beginning_in_utc_and_a_zone_is_heeded() -> None:
    assert moment("2026-11-21", "--since") == datetime(2026, 11, 21, tzinfo=UTC).timestamp()
    assert moment("2026-11-21T02:00+02:00", "--since") == moment("2026-11-21", "--since")
    assert moment(None, "--since") is None


def test_a_day_that_is_none_and_a_format_that_is_none_are_refused(majordomo: Majordomo) -> None:
    assert "no day or time" in majordomo("export", "--format", "chat", "--since", "monday").err
    assert majordomo("export", "--format", "csv").status == 2


def test_search_finds_exchanges_by_their_words_with_nobody_serving(
    majordomo: Majordomo, ids: list[str]
) -> None:
    ran = majordomo("search", "DIARY")
    assert ran.status == 0
    assert "My diary?" in ran.out
    found = json.loads(majordomo("search", "echo hello", "--mode", "burst", "--json").out)
    assert found["data"][0]["exchange"]["id"] in ids
    assert "**echo hello**" in found["data"][0]["excerpt"]
    assert majordomo("search", "elephant").out == "Nothing was found.\n"
    nothing = majordomo("search", "--", "-diary")
    assert nothing.status == 1
    assert "say what to look for" in nothing.err
