"""`majordomo import` without a gateway: files of every kind in, once, and told what is left out."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from capture.ids import new_id
from capture.journal import Journal, new_epoch
from capture.store import Store
from gateway import import_home, importing, wire_imports
from gateway.commands import imports
from gateway.import_key import HEADER, import_key
from tests.support.answering import Answer, Answering
from tests.support.command import Majordomo
from tests.support.imports import FILES, SAMPLES, Format, hermes_state, lines
from tests.support.journals import REPLY, begin, capturing, end

ALL = {
    Format.CLAUDE_API: (3, 3),
    Format.CLAUDE_CODE: (2, 4),
    Format.CLAUDE_EXPORT: (2, 4),
    Format.HELICONE: (2, 2),
    Format.LITELLM: (2, 2),
    Format.OPENAI: (2, 3),
    Format.OPENCLAW: (2, 3),
    Format.TRAJECTORIES: (2, 4),
}
"""How many conversations and exchanges each sample has."""


@pytest.fixture
def majordomo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Majordomo:
    return Majordomo(tmp_path / "home", monkeypatch, capsys)


def told(majordomo: Majordomo, *arguments: object) -> list[dict[str, Any]]:
    ran = majordomo("import", *map(str, arguments), "--json")
    assert ran.status == 0, ran.err
    return orjson.loads(ran.out)["files"]


def exported(majordomo: Majordomo, format: str, *more: str) -> list[dict[str, Any]]:
    ran = majordomo("export", "--format", format, "--out", "-", *more)
    assert ran.status == 0, ran.err
    return [orjson.loads(line) for line in ran.out.splitlines()]


def test_every_format_goes_in_once(majordomo: Majordomo, tmp_path: Path) -> None:
    files = [SAMPLES / name for name in FILES.values()]
    state = hermes_state(tmp_path / "state.db")
    dry = told(majordomo, *files, state, "--dry-run")
    assert not majordomo.home.database.exists()
    first = told(majordomo, *files, state)
    assert [{**each, "new": 0} for each in dry] == [{**each, "new": 0} for each in first]
    counted = {each["format"]: (each["conversations"], each["new"]) for each in first}
    assert counted == {**ALL, "hermes-state": (1, 2)}
    again = told(majordomo, *files, state)
    assert [each["new"] for each in again] == [0] * 9
    assert [each["known"] for each in again] == [each["new"] for each in first]
    store = Store.open_reader(majordomo.home.database)
    assert len(store.exchanges(100)) == sum(each["new"] for each in first)
    assert not store.weeks()
    store.close()


def test_imported_turns_come_out_as_training_data(majordomo: Majordomo) -> None:
    told(majordomo, SAMPLES / FILES[Format.OPENAI])
    rows = exported(majordomo, "chat")
    assert [row["messages"][-1]["content"] for row in rows] == ["P", "", "It rains."]
    (call,) = exported(majordomo, "chat", "--outcome", "success", "--mode", "burst")
    assert call["messages"][-1]["tool_calls"][0]["function"]["arguments"] == {"city": "Oslo"}
    assert call["tools"][0]["function"]["name"] == "get_weather"


@pytest.mark.parametrize("format", ["sharegpt", "openai", "chat"])
def test_our_own_exports_come_back_as_the_same_conversations(
    majordomo: Majordomo,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    format: str,
) -> None:
    told(majordomo, SAMPLES / FILES[Format.TRAJECTORIES], SAMPLES / FILES[Format.CLAUDE_API])
    rows = exported(majordomo, format)
    assert len(rows) >= 4
    (here,) = told(majordomo, lines(tmp_path / "rows", *rows))
    assert (here["new"], here["skipped"]) == (0, [])
    other = Majordomo(tmp_path / "other", monkeypatch, capsys)
    (there,) = told(other, tmp_path / "rows")
    assert there["skipped"] == []
    again = exported(other, format)
    alike = ("conversations", "model", "completed", "messages", "tools")
    assert sorted(map(str, ({k: row.get(k) for k in alike} for row in again))) == sorted(
        map(str, ({k: row.get(k) for k in alike} for row in rows))
    )


def test_what_went_through_this_gateway_is_not_taken_again(
    majordomo: Majordomo, tmp_path: Path
) -> None:
    with capturing(majordomo.home.root) as (journal, _, _store):
        id_ = new_id()
        journal.begin(begin(id_, key="hermes"))
        journal.end(id_, end(), [REPLY], None)
    recorded = {
        "messages": [
            {"role": "system", "content": "Another prompt."},
            {"role": "user", "content": "What is in notes.txt?"},
            orjson.loads(REPLY)["choices"][0]["message"],
            {"role": "tool", "tool_call_id": "call_1", "content": "milk"},
            {"role": "assistant", "content": "Milk."},
        ]
    }
    (found,) = told(majordomo, lines(tmp_path / "rows", recorded))
    assert (found["known"], found["new"]) == (1, 1)


def test_a_log_written_backwards_is_linked_as_it_happened(majordomo: Majordomo) -> None:
    told(majordomo, SAMPLES / FILES[Format.HELICONE])
    store = Store.open_reader(majordomo.home.database)
    later, first = store.exchanges()
    assert later.conversation == first.id
    assert first.outcome == "success"
    store.close()


def test_bad_lines_are_told_by_their_numbers_and_spoil_nothing(
    majordomo: Majordomo, tmp_path: Path
) -> None:
    good = {"messages": [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "b"}]}
    bad = {"messages": [{"role": "user", "content": "c?"}, {"role": 7}]}
    file = lines(tmp_path / "rows", good, b"{nope", bad, [1])
    ran = majordomo("import", str(file))
    assert ran.status == 0, ran.err
    assert "openai, 1 conversation, 1 exchange: 1 new, 0 there already" in ran.out
    assert "line 2: not JSON; skipped" in ran.err
    assert "line 3: messages[1] is not a message; skipped" in ran.err
    assert "line 4: not an object; skipped" in ran.err
    (found,) = told(majordomo, file)
    assert [each["line"] for each in found["skipped"]] == [2, 3, 4]
    assert found["skipped_count"] == 3


def test_nothing_that_was_said_is_told_of_a_bad_line(majordomo: Majordomo, tmp_path: Path) -> None:
    secret = "sk-ant-api03-not-to-be-shown"
    file = lines(
        tmp_path / "rows",
        {"messages": [{"role": secret, "content": secret}]},
        f'{{"{secret}'.encode(),
        {"messages": [{"role": "user", "content": "x"}], secret: secret},
    )
    ran = majordomo("import", str(file))
    assert secret not in ran.out + ran.err
    assert "skipped" in ran.err


def test_a_file_that_cannot_be_imported_is_told_and_spoils_no_other(
    majordomo: Majordomo, tmp_path: Path
) -> None:
    (tmp_path / "notes").write_text("buy milk\n")
    ran = majordomo(
        "import", str(tmp_path / "notes"), str(tmp_path / "none"), str(SAMPLES / "openai.jsonl")
    )
    assert ran.status == 1
    assert "notes: it is in no format that is known here" in ran.err
    assert "No such file" in ran.err
    assert "3 new" in ran.out
    ran = majordomo("import", str(tmp_path / "notes"), "--format", "openai", "--json")
    assert orjson.loads(ran.out)["files"][0]["skipped"] == [{"line": 1, "why": "not JSON"}]


def test_a_named_mode_overrides_the_models_names(majordomo: Majordomo) -> None:
    told(majordomo, SAMPLES / FILES[Format.TRAJECTORIES], "--mode", "burst")
    assert len(exported(majordomo, "chat", "--mode", "burst")) == 4


def test_a_home_that_another_process_has_is_left_alone(majordomo: Majordomo) -> None:
    majordomo.home.create()
    holder = Journal(majordomo.home.journal, segment_bytes=1 << 20, sync_ms=50, epoch=new_epoch())
    holder.open()
    ran = majordomo("import", str(SAMPLES / "openai.jsonl"))
    holder.close()
    assert ran.status == 1
    assert "in use by process" in ran.err
    assert told(majordomo, SAMPLES / "openai.jsonl")[0]["new"] == 3


def test_what_does_not_fit_on_the_disk_is_not_begun(
    majordomo: Majordomo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "_SPARE_BYTES", 1 << 62)
    ran = majordomo("import", str(SAMPLES / "openai.jsonl"))
    assert ran.status == 1
    assert "nothing was imported" in ran.err
    assert not majordomo.home.database.exists()


def test_many_exchanges_go_in_batches_and_in_order(
    majordomo: Majordomo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_home, "MOST", 3)
    turns = [
        {"role": role, "content": f"{number} {role}"}
        for number, role in itertools.product(range(10), ("user", "assistant"))
    ]
    (found,) = told(majordomo, lines(tmp_path / "rows", {"messages": turns}))
    assert found["new"] == 10
    store = Store.open_reader(majordomo.home.database)
    assert len({row.conversation for row in store.exchanges()}) == 1
    store.close()


def served_by(majordomo: Majordomo, base_url: str) -> None:
    """Have this address serve the home."""
    majordomo.home.create()
    said = {"pid": os.getpid(), "base_url": base_url, "started_at": 0.0}
    majordomo.home.running.write_bytes(orjson.dumps(said))


def test_a_running_gateway_is_handed_all_of_it_with_the_homes_secret(
    majordomo: Majordomo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_home, "MOST", 4)
    secrets: list[str] = []

    def answer(_: str, headers: Mapping[str, str]) -> Answer:
        secrets.append(headers[HEADER])
        return 200, {"taken": 1}, {}

    turns = [{"role": r, "content": f"{n} {r}"} for n in range(6) for r in ("user", "assistant")]
    with Answering(answer).running() as server:
        served_by(majordomo, server.base_url)
        (found,) = told(majordomo, lines(tmp_path / "rows", {"messages": turns}))
    assert server.asked == ["POST /v1/import"] * 2
    assert secrets == [import_key(majordomo.home)] * 2
    sent = [each for body in server.told for each in wire_imports.parse(body)]
    assert [each.id for each in sent] == sorted(each.id for each in sent)
    assert len(sent) == found["new"] == 6
    assert orjson.loads(sent[1].request)["messages"] == turns[:3]
    assert not majordomo.home.database.exists()


def test_a_gateway_that_cannot_keep_them_is_told_of(majordomo: Majordomo) -> None:
    error = {"error": {"message": "the disk is full"}}
    with Answering(lambda _, __: (503, error, {})).running() as server:
        served_by(majordomo, server.base_url)
        ran = majordomo("import", str(SAMPLES / "openai.jsonl"))
    assert ran.status == 1
    assert "the disk is full" in ran.err
    assert "importing it again completes it" in ran.err


def test_only_so_many_bad_lines_are_told_one_by_one(
    majordomo: Majordomo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MOST_SKIPPED", 30)
    file = lines(tmp_path / "rows", {"messages": [{"role": "user"}]}, *[b"{"] * 50)
    (found,) = told(majordomo, file)
    assert (len(found["skipped"]), found["skipped_count"]) == (30, 51)
    assert "31 more skipped" in majordomo("import", str(file)).err
