from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from gateway.client import ask, running
from gateway.commands.console import clean, plain
from gateway.commands.logs import pretty
from gateway.home import Home
from gateway.keys import load_keys
from tests.support.answering import Answer, Answering
from tests.support.command import Majordomo

SETTINGS = """\
version: 1
server: {port: 0}
upstreams:
  local:
    kind: openai_compatible
    base_url: URL/v1
    models:
      tiny: {context_length: 70000}
modes:
  resting: {upstream: local, model: tiny}
"""

EVENTS: list[Mapping[str, Any]] = [
    {"id": "1", "model": "tiny", "choices": [{"index": 0, "delta": {"content": "Good "}}]},
    {"id": "1", "model": "tiny", "choices": [{"index": 0, "delta": {"content": "day\x1b[2J!"}}]},
    {"id": "1", "model": "tiny", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
]
REPLY = b"".join(b"data: %s\n\n" % json.dumps(e).encode() for e in EVENTS) + b"data: [DONE]\n\n"


@pytest.fixture
def majordomo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Majordomo:
    return Majordomo(tmp_path / "home", monkeypatch, capsys)


def model_server(request: str, _: Mapping[str, str]) -> Answer:
    if request == "POST /v1/chat/completions":
        return 200, REPLY, {"content-type": "text/event-stream"}
    return 200, {"object": "list", "data": [{"id": "tiny"}]}, {}


def write_settings(home: Home, url: str = "http://127.0.0.1:9") -> None:
    home.create()
    home.settings.write_text(SETTINGS.replace("URL", url))
    home.settings.chmod(0o600)


def claim_to_serve(home: Home, base_url: str) -> None:
    home.create()
    said = {"pid": os.getpid(), "base_url": base_url, "started_at": time.time()}
    home.running.write_bytes(orjson.dumps(said))


def test_the_version_is_said(majordomo: Majordomo) -> None:
    ran = majordomo("--version")
    assert ran.status == 0
    assert ran.out.startswith("majordomo ")


def test_help_names_every_command_and_no_command_is_help(majordomo: Majordomo) -> None:
    out = majordomo("--help").out
    for command in ("up", "serve", "status", "doctor", "explain", "logs", "config", "key"):
        assert f" {command} " in out
    assert "--install-completion" in out
    assert "Usage" in majordomo().out


def test_a_command_line_that_makes_no_sense_ends_with_2(majordomo: Majordomo) -> None:
    assert majordomo("up", "--port", "eighty").status == 2
    assert majordomo("up", "--port", "70000").status == 2
    assert majordomo("sing").status == 2


def test_a_key_is_shown_once_and_listed_by_name_only(majordomo: Majordomo) -> None:
    made = majordomo("key", "create", "hermes")
    key = made.out.strip()
    assert key.startswith("mjd_")
    assert "only time" in made.err
    assert "every request" in made.err
    listed = majordomo("key", "list")
    assert "hermes" in listed.out
    assert key not in listed.out + majordomo.home.keys.read_text()
    assert [e["name"] for e in json.loads(majordomo("key", "list", "--json").out)] == ["hermes"]
    assert majordomo("key", "create", "hermes").status == 1
    assert json.loads(majordomo("key", "create", "two", "--json").out)["key"].startswith("mjd_")
    assert majordomo("key", "revoke", "hermes").status == 0
    assert "there are: two" in majordomo("key", "revoke", "hermes").err
    assert "No keys are left" in majordomo("key", "revoke", "two").out


def test_settings_are_checked_shown_and_described(majordomo: Majordomo) -> None:
    write_settings(majordomo.home)
    assert "is right" in majordomo("config", "check").out
    assert json.loads(majordomo("config", "check", "--json").out)["ok"] is True
    shown = json.loads(majordomo("config", "show", "--json").out)
    assert shown["server"]["host"] == "127.0.0.1"
    assert "host: 127.0.0.1" in majordomo("config", "show").out
    assert json.loads(majordomo("config", "schema").out)["title"] == "majordomo.yaml"


def test_every_fault_in_the_settings_is_told_at_once_with_its_place(majordomo: Majordomo) -> None:
    majordomo.home.create()
    path = majordomo.home.settings
    path.write_text("version: 1\nserver: {prot: 1}\nmodes: {resting: {upstream: x, model: y}}\n")
    ran = majordomo("config", "check")
    assert ran.status == 1
    assert f"{path}:2:" in ran.err
    assert f"{path}:3:" in ran.err
    assert "did you mean" in ran.err
    as_json = majordomo("config", "check", "--json")
    assert as_json.status == 1
    assert len(json.loads(as_json.out)["errors"]) == 2
    assert majordomo("serve").err == ran.err.rstrip() + (
        "\nMend that and start again; `majordomo config check` says when it is right.\n"
    )


def test_settings_that_are_shown_can_be_read_back(majordomo: Majordomo, tmp_path: Path) -> None:
    write_settings(majordomo.home)
    again = tmp_path / "again.yaml"
    again.write_text(majordomo("config", "show").out)
    assert "is right" in majordomo("config", "check", str(again)).out


def test_serving_without_settings_says_how_to_get_them(majordomo: Majordomo) -> None:
    ran = majordomo("serve")
    assert ran.status == 1
    assert "majordomo up" in ran.err


def test_an_open_address_without_a_key_is_refused_and_told_how(majordomo: Majordomo) -> None:
    write_settings(majordomo.home)
    ran = majordomo("serve", "--host", "0.0.0.0", "--port", "0")
    assert ran.status == 1
    assert "majordomo key create" in ran.err


def test_a_taken_port_is_told_with_what_has_it(majordomo: Majordomo) -> None:
    write_settings(majordomo.home)
    answers: dict[str, Mapping[str, Any]] = {
        "GET /livez": {"status": "ok"},
        "GET /readyz": {"status": "ready", "reasons": []},
    }
    other = Answering(lambda request, _: (200, answers.get(request, {}), {}))
    with other.running():
        port = other.base_url.rsplit(":", 1)[1]
        ran = majordomo("serve", "--port", port)
    assert ran.status == 1
    assert f"cannot listen on 127.0.0.1:{port}" in ran.err
    assert "another Majordomo" in ran.err


def test_status_of_a_home_nobody_serves_ends_with_3(majordomo: Majordomo) -> None:
    ran = majordomo("status")
    assert ran.status == 3
    assert "not running" in ran.err
    as_json = majordomo("status", "--json")
    assert as_json.status == 3
    assert json.loads(as_json.out)["running"] is False


def test_a_file_left_by_a_dead_gateway_is_not_believed(majordomo: Majordomo) -> None:
    majordomo.home.create()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    said = {"pid": gone.pid, "base_url": "http://127.0.0.1:9", "started_at": 0}
    majordomo.home.running.write_bytes(orjson.dumps(said))
    assert running(majordomo.home) is None
    majordomo.home.running.write_text("{")
    assert running(majordomo.home) is None
    claim_to_serve(majordomo.home, "http://127.0.0.1:9")
    assert majordomo("status").status == 3


def test_status_shows_what_the_gateway_says_without_control_characters(
    majordomo: Majordomo,
) -> None:
    said: Mapping[str, Any] = {
        "version": "1",
        "pid": 7,
        "base_url": "http://127.0.0.1:8300",
        "home": str(majordomo.home.root),
        "uptime_s": 3723.0,
        "in_flight": 2,
        "modes": [
            {
                "mode": "resting",
                "model": "[red]qwen\x1b[31m",
                "upstream": "ollama",
                "local": True,
                "context_length": 40960,
                "circuit": "closed",
            }
        ],
        "house": {
            "ready": False,
            "failure": None,
            "restarts": 0,
            "adapter": None,
            "adapter_wanted": "20261121-030000-aaaaaa",
            "adapter_failure": None,
        },
        "problems": [{"code": "x", "effect": "warns", "text": "ollama keeps failing"}],
    }
    with Answering(lambda _, __: (200, said, {})).running() as gateway:
        claim_to_serve(majordomo.home, gateway.base_url)
        ran = majordomo("status")
        as_json = json.loads(majordomo("status", "--json").out)
    assert ran.status == 0
    assert "\x1b" not in ran.out
    assert "[red]qwen" in ran.out
    assert "40,960" in ran.out
    assert "1 h 2 min" in ran.out
    assert "ollama keeps failing" in ran.out
    assert "not ready: starting" in ran.out
    assert "the base alone, no adapter (soon adapter 20261121-030000-aaaaaa)" in ran.out
    assert as_json["running"] is True


def test_the_command_line_has_a_key_of_its_own_where_keys_are_needed(majordomo: Majordomo) -> None:
    """And it waits for a gateway that has not read the new key yet."""
    majordomo("key", "create", "hermes")
    seen: list[str | None] = []

    def answer(_: str, headers: Mapping[str, str]) -> Answer:
        seen.append(headers.get("authorization"))
        return (401, {"error": {"message": "no"}}, {}) if len(seen) == 1 else (200, {"a": 1}, {})

    with Answering(answer).running() as gateway:
        claim_to_serve(majordomo.home, gateway.base_url)
        assert ask(majordomo.home, "/v1/status") == {"a": 1}
    assert seen[0] == seen[1]
    assert (seen[0] or "").startswith("Bearer mjd_")
    assert [entry.name for entry in load_keys(majordomo.home.keys)] == ["hermes", "majordomo-cli"]
    assert "this command line's own" in majordomo("key", "list").out
    assert "No keys are left" in majordomo("key", "revoke", "hermes").out
    assert load_keys(majordomo.home.keys) == ()


def test_a_key_in_the_environment_is_used_instead(
    majordomo: Majordomo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAJORDOMO_API_KEY", "mjd_mine")
    seen: list[str | None] = []

    def answer(_: str, headers: Mapping[str, str]) -> Answer:
        seen.append(headers.get("authorization"))
        return 200, {}, {}

    with Answering(answer).running() as gateway:
        claim_to_serve(majordomo.home, gateway.base_url)
        majordomo("status")
    assert seen == ["Bearer mjd_mine"]
    assert load_keys(majordomo.home.keys) == ()


def test_what_is_no_exchange_id_is_told_apart_from_an_unknown_exchange(
    majordomo: Majordomo,
) -> None:
    assert "no exchange id" in majordomo("explain", "../../etc").err
    assert "no store" in majordomo("explain", "01M7YK2MCY11S2XVPTZ38NJ6K2").err
    missing: Answer = (404, {"error": {"message": "unknown"}}, {})
    with Answering(lambda _, __: missing).running() as gateway:
        claim_to_serve(majordomo.home, gateway.base_url)
        ran = majordomo("explain", "01m7yk2mcy11s2xvptz38nj6k2")
        assert gateway.asked == ["GET /v1/exchanges/01M7YK2MCY11S2XVPTZ38NJ6K2/explain"]
    assert ran.status == 1
    assert "there is no exchange 01M7YK2MCY11S2XVPTZ38NJ6K2" in ran.err


def test_logs_are_shown_for_people_or_as_they_are(majordomo: Majordomo) -> None:
    assert "nothing has been served" in majordomo("logs").err
    majordomo.home.create()
    lines = [
        {"time": 0.0, "level": "info", "logger": "x", "message": f"line {n}", "port": n}
        for n in range(9)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    majordomo.home.log_file.write_text(text + "not json \x1b[2J\n")
    ran = majordomo("logs", "-n", "3")
    assert "line 6" not in ran.out
    assert "line 8" in ran.out
    assert "port=8" in ran.out
    assert "\x1b" not in ran.out
    as_json = majordomo("logs", "-n", "2", "--json").out.splitlines()
    assert json.loads(as_json[0]) == lines[8]


def test_a_log_line_with_an_error_says_what_and_where() -> None:
    record = {"message": "m", "error": {"type": "OSError", "message": "no", "at": ["a:1 f", "b:2"]}}
    assert "OSError: no" in pretty(json.dumps(record))
    assert "b:2" in pretty(json.dumps(record))
    assert "--:--:--" in pretty('{"time": 1e300}')
    assert pretty("[bold]") == "\\[bold]"


def test_text_from_outside_neither_moves_the_cursor_nor_becomes_markup() -> None:
    evil = "[bold]x[/]\x1b[2J\u202e\x07"
    assert "\x1b" not in clean(evil)
    assert "\u202e" not in plain(evil)
    assert clean("[bold]x[/]") == "\\[bold]x\\[/]"


def start(*arguments: str, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", *arguments],
        env={**os.environ, "MAJORDOMO_HOME": str(home), "ANTHROPIC_API_KEY": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


def lines_until(process: subprocess.Popen[str], last: str) -> str:
    """Its output up to the line that holds `last`, or to its end."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if last in line:
            break
    return seen


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_up_serves_proves_itself_and_says_what_to_paste(majordomo: Majordomo) -> None:
    home = majordomo.home
    with Answering(model_server).running() as models:
        write_settings(home, models.base_url)
        mine = home.settings.read_bytes()
        process = start("up", home=home.root)
        try:
            out = lines_until(process, "Stop with Ctrl-C")
            assert "Self-test passed" in out, out
            assert "RESTING tiny said" in out
            assert "\x1b" not in out
            assert "Good day" in out
            who = running(home)
            assert who is not None
            for pasted in ("provider: custom", '"api": "openai-completions"', "OpenAI(base_url="):
                assert pasted in out
            assert f"{who.base_url}/v1" in out
            assert home.settings.read_bytes() == mine
            assert home.schema.exists()
            assert "RESTING" in majordomo("status").out
            exchange = out.split("explain ")[1].split("`")[0]
            assert "by tiny (RESTING)" in majordomo("explain", exchange).out
            again = majordomo("serve")
            assert again.status == 1
            assert f"process {process.pid}" in again.err
            with httpx2.Client(trust_env=False) as client:
                assert client.get(f"{who.base_url}/v1/models").json()["data"][0]["id"] == "auto"
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    assert process.returncode == 0
    assert running(home) is None
    assert "by tiny (RESTING)" in majordomo("explain", exchange).out
    assert "Shutting down" in majordomo("logs").out
    assert home.mode_problems() == ()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_up_on_a_fresh_machine_writes_settings_and_answers_with_the_house_model(
    majordomo: Majordomo,
) -> None:
    home = majordomo.home
    process = start("up", "--port", "0", home=home.root)
    try:
        out = lines_until(process, "Stop with Ctrl-C")
        assert f"Wrote {home.settings}" in out, out
        if "No chat model found" in out:
            assert "RESTING majordomo-house said" in out
        assert majordomo("config", "check").status == 0
        assert home.mode_problems() == ()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0
