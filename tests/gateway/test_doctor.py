from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from importlib.metadata import PathDistribution
from pathlib import Path

import orjson
import pytest

from capture.adapters import WEIGHTS
from gateway import ownership
from gateway.checks import machine
from gateway.checks.result import Check
from gateway.doctor import examine, is_well, mend
from gateway.home import Home
from gateway.listening import process_on
from gateway.paste import blocks, hermes_hint
from tests.support.answering import Answer, Answering
from tests.support.command import Majordomo
from tests.support.lora import publish_random
from tests.support.tiny_model import make_tiny_model
from trainer.registry import promote

SETTINGS = """\
version: 1
server: {port: 0}
upstreams:
  local:
    kind: openai_compatible
    base_url: URL/v1
    models: {tiny: {context_length: LENGTH}}
modes:
  resting: {upstream: local, model: tiny}
"""


def models(_: str, __: Mapping[str, str]) -> Answer:
    return 200, {"object": "list", "data": [{"id": "tiny"}, {"id": "other"}]}, {}


def settle(home: Home, url: str, *, length: int = 70_000) -> None:
    home.create()
    home.settings.write_text(SETTINGS.replace("URL", url).replace("LENGTH", str(length)))
    home.settings.chmod(0o600)


def of(found: tuple[Check, ...], subject: str) -> list[Check]:
    return [check for check in found if check.subject == subject]


def test_a_machine_without_a_home_is_well_and_told_how_to_begin(tmp_path: Path) -> None:
    found = examine(Home(tmp_path / "none"))
    assert is_well(found)
    assert "majordomo up" in str(of(found, "home"))
    assert not (tmp_path / "none").exists()


def test_a_right_home_is_well_once_its_schema_is_written(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with Answering(models).running() as server:
        settle(home, server.base_url)
        found = examine(home)
        assert is_well(found)
        assert [c.state for c in of(found, "schema")] == ["warning"]
        mended = mend(home, found)
        assert [c.state for c in of(mended, "schema")] == ["mended"]
        assert {c.state for c in examine(home)} <= {"ok", "note"}
    assert [c.text for c in of(found, "context")] == ["`auto` holds 70,000 tokens"]


def test_open_modes_are_a_problem_that_fix_mends(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    home.root.chmod(0o755)
    home.cache.rmdir()
    found = examine(home)
    assert not is_well(found)
    assert all(check.fixable for check in of(found, "home"))
    assert is_well(mend(home, found))
    assert home.mode_problems() == ()


def test_broken_settings_are_a_problem_each_with_its_line(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    home.settings.write_text("version: 1\nserver: {prot: 1, hots: x}\n")
    home.settings.chmod(0o600)
    problems = of(examine(home), "settings")
    assert [check.state for check in problems] == ["problem", "problem"]
    assert ":2:" in problems[0].text


def test_an_upstream_that_is_down_or_lacks_a_model_is_a_problem(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    settle(home, f"http://127.0.0.1:{port}")
    (down,) = of(examine(home), "upstream:local")
    assert down.state == "problem"
    assert "does not answer" in down.text
    missing: Answer = (200, {"data": [{"id": "another"}]}, {})
    with Answering(lambda _, __: missing).running() as server:
        settle(home, server.base_url)
        (lacks,) = of(examine(home), "upstream:local")
    assert lacks.state == "problem"
    assert "has no tiny" in lacks.text
    assert "another" in (lacks.remedy or "")


def test_an_upstream_that_is_majordomo_itself_is_a_problem(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    ready: Answer = (200, {"status": "ready", "reasons": []}, {})
    with Answering(lambda _, __: ready).running() as server:
        settle(home, server.base_url)
        (loop,) = of(examine(home), "upstream:local")
    assert loop.state == "problem"
    assert "circles" in loop.text


def test_a_short_context_is_told_because_hermes_refuses_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with Answering(models).running() as server:
        settle(home, server.base_url, length=32_768)
        (context,) = of(examine(home), "context")
    assert context.state == "warning"
    assert "Hermes Agent refuses to start under 64,000" in (context.remedy or "")


def test_a_key_that_is_not_set_is_a_problem_and_claude_is_not_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    home.create()
    home.settings.write_text(
        "version: 1\nserver: {port: 0}\nupstreams:\n  claude: {kind: anthropic, "
        "api_key_env: SOME_KEY, models: {c: {context_length: 200000}}}\n"
        "modes: {burst: {upstream: claude, model: c}}\n"
    )
    monkeypatch.delenv("SOME_KEY", raising=False)
    (unset,) = of(examine(home), "upstream:claude")
    assert (unset.state, "SOME_KEY" in unset.text) == ("problem", True)
    monkeypatch.setenv("SOME_KEY", "secret-value")
    found = examine(home)
    assert [c.state for c in of(found, "upstream:claude")] == ["ok"]
    assert "secret-value" not in str(found)


def test_an_open_address_without_keys_and_broken_keys_are_problems(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    settle(home, "http://127.0.0.1:9")
    home.settings.write_text(
        home.settings.read_text().replace("{port: 0}", "{port: 0, host: 0.0.0.0}")
    )
    (open_,) = of(examine(home), "keys")
    assert (open_.state, "key create" in (open_.remedy or "")) == ("problem", True)
    home.keys.write_text("{")
    (broken,) = of(examine(home), "keys")
    assert (broken.state, "not a keys file" in broken.text) == ("problem", True)


def test_what_the_running_gateway_says_of_itself_is_passed_on(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    problems = [{"code": "circuit_open", "effect": "warns", "text": "local keeps failing"}]

    def answer(request: str, _: Mapping[str, str]) -> Answer:
        if request == "GET /v1/status":
            return 200, {"problems": problems}, {}
        return models(request, _)

    with Answering(answer).running() as server:
        settle(home, server.base_url)
        said = {"pid": os.getpid(), "base_url": server.base_url, "started_at": time.time()}
        home.running.write_bytes(orjson.dumps(said))
        told = of(examine(home), "gateway")
    assert [check.state for check in told] == ["ok", "warning"]
    assert told[1].text == "local keeps failing"


def test_a_clock_that_cannot_be_right_is_a_problem() -> None:
    assert machine.clock(None).state == "ok"
    assert machine.clock(None, now=0.0).state == "problem"
    assert machine.clock(2e9 + 4000, now=2e9).state == "problem"
    assert machine.clock(2e9 - 10, now=2e9).state == "ok"


def test_a_house_model_without_files_is_a_problem_only_where_it_is_used(tmp_path: Path) -> None:
    assert [c.state for c in machine.house_model(tmp_path, used=True)] == ["problem"]
    assert [c.state for c in machine.house_model(tmp_path, used=False)] == ["note"]


def test_an_incumbent_adapter_is_looked_at(tmp_path: Path) -> None:
    registry, base = tmp_path / "adapters", tmp_path / "base"
    make_tiny_model(base)
    assert list(machine.adapter(registry, base)) == []
    adapter = publish_random(registry, tmp_path / "made", base)
    promote(registry, adapter.id, "gate")
    (well,) = machine.adapter(registry, base)
    assert (well.state, adapter.id in well.text) == ("ok", True)
    (adapter.path / WEIGHTS).write_bytes(b"other weights")
    (ill,) = machine.adapter(registry, base)
    assert ill.state == "problem"
    assert "the base alone stands in for it" in ill.text
    assert "rollback" in (ill.remedy or "")


def test_the_command_tells_in_words_or_json_and_ends_with_1_when_something_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    majordomo = Majordomo(tmp_path / "home", monkeypatch, capsys)
    assert majordomo("doctor").status == 0
    majordomo.home.create()
    majordomo.home.root.chmod(0o750)
    told = majordomo("doctor")
    assert told.status == 1
    assert "doctor --fix" in told.out
    as_json = majordomo("doctor", "--json")
    assert as_json.status == 1
    assert json.loads(as_json.out)["ok"] is False
    assert majordomo("doctor", "--fix").status == 0
    assert majordomo("doctor").status == 0


def distribution(root: Path, name: str, record: str) -> PathDistribution:
    info = root / f"{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "RECORD").write_text(record)
    return PathDistribution(info)


def test_a_distribution_that_installs_one_of_our_names_is_named(tmp_path: Path) -> None:
    installed = [
        distribution(tmp_path, "good", "good/__init__.py,,\ngateways/x.py,,\n"),
        distribution(tmp_path, "first", "capture/__init__.py,,\n"),
        distribution(tmp_path, "later", "later.py,,\nrouters/a.py,,\n"),
        distribution(tmp_path, "majordomo-gateway", "gateway/__init__.py,,\n"),
    ]
    claims = ownership.claims(installed)
    assert claims == {"capture": ["first"], "routers": ["later"]}
    said = ownership.claimed(claims)
    assert any("'first'" in text and "pip uninstall first" in text for text in said)


def test_a_directory_that_shadows_one_of_our_names_is_named(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for name in ownership.NAMES:
        (ours / name).mkdir(parents=True)
        (ours / name / "__init__.py").touch()
    assert ownership.shadowed(ours, [str(ours)]) == ()
    (theirs / "capture").mkdir(parents=True)
    (theirs / "capture" / "__init__.py").touch()
    (text,) = ownership.shadowed(ours, [str(theirs), str(ours)])
    assert str(theirs / "capture") in text
    assert len(ownership.shadowed(ours, [])) == 4


def test_here_the_four_names_are_ours() -> None:
    assert ownership.conflicts() == ()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="no /proc here")
def test_the_process_that_listens_is_known_on_linux() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert (process_on(port) or "").startswith(f"process {os.getpid()} ")
    assert process_on(port) is None


def test_what_to_paste_is_right_for_each_client() -> None:
    made = {b.title: b.text for b in blocks("http://127.0.0.1:8300", needs_key=True)}
    assert "YOUR-MAJORDOMO-KEY" in made["Hermes Agent"]
    assert "context_length: 65536" in made["Hermes Agent"]
    assert "authorization: Bearer" in made["curl"]
    compile(made["OpenAI SDK"], "pasted", "exec")
    known = blocks("http://127.0.0.1:8300", needs_key=False, context_length=131_072)
    made = {b.title: b.text for b in known}
    assert "context_length" not in made["Hermes Agent"]
    provider = json.loads(made["OpenClaw"])["models"]["providers"]["majordomo"]
    assert provider["baseUrl"] == "http://127.0.0.1:8300/v1"
    assert provider["api"] == "openai-completions"
    assert provider["models"][0]["contextWindow"] == 131_072
    assert "Bearer" not in made["curl"]
    assert hermes_hint(131_072) is None
    assert hermes_hint(None) is None
    assert "2,048" in (hermes_hint(2048) or "")
