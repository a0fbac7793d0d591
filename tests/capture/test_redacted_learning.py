"""A planted set of secrets is in what was said and stored, and in nothing that is made of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from capture.exports import FILES, Format, Source, write_export
from capture.ids import new_id
from capture.journal import Journal
from capture.provenance import Trust
from capture.redact import Redactor
from capture.store import Store, Wanted
from tests.support.journals import attempt, begin, capturing, decision, end
from tests.support.kitchen import BEGAN, CLOUD, TOOLS, answer, call, exchange, result, user
from tests.support.planted import said
from tests.support.turns import REDACTOR, turn
from trainer import curate, dataset

SAID = said()


def streamed(name: str) -> bytes:
    """A reply in events: the sentence in pieces of three characters, once as its thinking, once as
    its words and once in a call's arguments."""
    text = SAID[name][0]
    arguments = json.dumps({"command": text})
    deltas: list[dict[str, Any]] = [{"reasoning_content": piece} for piece in pieces(text)]
    deltas += [{"content": piece} for piece in pieces(text)]
    first = {"index": 0, "id": "call_9", "function": {"name": "terminal", "arguments": ""}}
    deltas.append({"tool_calls": [first]})
    for piece in pieces(arguments):
        deltas.append({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    events = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    lines = [b"data: " + orjson.dumps(event) + b"\n\n" for event in events]
    return b"".join([*lines, b"data: [DONE]\n\n"])


def pieces(text: str) -> list[str]:
    return [text[at : at + 3] for at in range(0, len(text), 3)]


def plant(journal: Journal, name: str) -> None:
    """An exchange that has the secret wherever one can stand."""
    text = SAID[name][0]
    half = len(text) // 2
    parts = [{"type": "text", "text": piece} for piece in (text[:half], text[half:])]
    messages = [
        {"role": "system", "content": f"You are Hermes Agent. {text}"},
        {"role": "user", "content": parts},
        call("c1", json.dumps({"command": f"echo '{text}'"})),
        result("c1", json.dumps({"output": json.dumps({"env": text})})),
        user(f"And {name}?"),
    ]
    described = [{**TOOLS[0], "function": {**TOOLS[0]["function"], "description": text}}]
    id_ = new_id()
    request = orjson.dumps({"model": "auto", "messages": messages, "tools": described})
    journal.begin(begin(id_, at=BEGAN, request=request, decision=decision(CLOUD)))
    tried = attempt(mode=CLOUD.mode, upstream=CLOUD.upstream, model=CLOUD.model)
    journal.end(id_, end(attempts=[tried], finish_reason=None), [streamed(name)], None)


def leaks(made: str | bytes) -> list[str]:
    text = made if isinstance(made, str) else made.decode()
    flat = text.replace("\\\\", "\\").replace("\\/", "/")
    return [name for name, (_, secret) in SAID.items() if secret in text or secret in flat]


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    with capturing(tmp_path / "home") as (journal, ingester, _):
        for name in SAID:
            plant(journal, name)
        assert await ingester.catch_up(30)
    return tmp_path / "home"


TERMINAL = Trust(inside_tools=("terminal",))
"""Some secrets are addresses, and would wait for a person."""


def export(store: Store, redactor: Redactor, out: Path, format: Format) -> bytes:
    # the calls in these requests were never served, which would keep whole conversations out
    turns = (replace(turn, history=()) for turn in store.trainable(redactor, TERMINAL))
    written = write_export(Source(turns, redactor), format, out, "0")
    assert written.left_out == {}
    assert written.rows == len(SAID)
    manifest = (out / "manifest.json").read_bytes()
    assert json.loads(manifest)["redact"] == redactor.level
    return (out / FILES[format]).read_bytes() + manifest


@pytest.mark.slow
async def test_planted_secrets_are_in_no_turn_no_export_and_no_dataset(
    home: Path, tmp_path: Path
) -> None:
    store = Store.open_reader(home / "majordomo.db")
    kept = Redactor("off", b"")
    assert set(leaks(export(store, kept, tmp_path / "off", Format.CHAT))) == set(SAID)
    turns = list(store.trainable(REDACTOR, TERMINAL))
    assert len(turns) == len(SAID)
    assert leaks(repr(turns)) == []
    for kind in (Format.CHAT, Format.SHAREGPT, Format.OPENAI):
        assert leaks(export(store, REDACTOR, tmp_path / kind, kind)) == []
    rows = list(curate.worthy(replace(turn, outcome="success") for turn in turns))
    assert len(rows) == len(SAID)
    manifest = dataset.write(
        tmp_path / "set", [("fresh", row) for row in rows], rows, [], [], 1, "secrets"
    )
    for path in (tmp_path / "set").iterdir():
        assert leaks(path.read_bytes()) == []
    assert manifest.redact == "secrets"
    by_id = {row.id: row for row in rows}
    dataset.rebuild(tmp_path / "again", manifest, by_id.get)
    again = (tmp_path / "again" / "train.jsonl").read_bytes()
    assert again == (tmp_path / "set" / "train.jsonl").read_bytes()
    store.close()


def test_a_row_in_which_a_secret_is_left_stays_out_and_is_counted(tmp_path: Path) -> None:
    """As when some later step put one together, or it stands in a key of a tool's arguments."""
    text, _ = SAID["github-token"]
    for kind in (Format.CHAT, Format.SHAREGPT, Format.OPENAI):
        missed = turn("1", request={"messages": [{"role": "user", "content": text}]})
        clean = turn("2", reply={"role": "assistant", "content": "Yes."})
        written = write_export(Source([missed, clean], REDACTOR), kind, tmp_path / kind, "0")
        assert written.left_out == {"secret": 1}
        assert written.rows == 1
        assert leaks((tmp_path / kind / FILES[kind]).read_bytes()) == []


async def test_secrets_are_in_no_pair_no_next_state_and_no_step(tmp_path: Path) -> None:
    """A reply that was not handed over and what came after a failed one are read apart."""
    text, secret = SAID["github-token"]
    asked = [user(f"Log in with {text}")]
    with capturing(tmp_path / "home") as (journal, ingester, store):
        exchange(journal, asked, answer(f"With {text}."), unfit=answer(f"By {text}?"))
        denied = [*asked, answer(f"With {text}."), user(f"No, that is wrong: {text}")]
        exchange(journal, denied, answer("I see."))
        exchange(journal, asked, answer(f"I used {text}."))
        used = [*asked, answer(f"I used {text}."), user("Thanks!")]
        exchange(journal, used, answer("Fine."))
        assert await ingester.catch_up(30)
        for kind in (Format.PREFERENCE, Format.HINDSIGHT, Format.REWARDS):
            source = Source(
                store.trainable(REDACTOR),
                REDACTOR,
                pairs=store.pairs(REDACTOR, Wanted()),
                replies=store.next_states(REDACTOR, Wanted()),
            )
            written = write_export(source, kind, tmp_path / kind, "0")
            assert (written.rows > 0, written.left_out) == (True, {})
            made = (tmp_path / kind / FILES[kind]).read_text()
            assert secret not in made
            assert "[redacted:github-token:" in made
