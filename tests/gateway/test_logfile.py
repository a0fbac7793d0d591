"""The gateway's log: one line per record, allow-listed, masked, rotated, private."""

import json
import logging
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ClientError
from gateway.logfile import FIELDS, FILE_NAME, JsonLines, clean, start_logging, stop_logging
from gateway.settings import LogSettings

log = logging.getLogger("gateway.test")


@pytest.fixture(autouse=True)
def undo_logging() -> Iterator[None]:
    yield
    stop_logging()
    for name in ("gateway", "capture", "routers", "trainer", "uvicorn"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def lines(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / FILE_NAME).read_text().splitlines()]


@given(st.text())
def test_any_text_becomes_exactly_one_line_of_json(text: str) -> None:
    record = logging.LogRecord("gateway", logging.INFO, "f.py", 1, "%s", (text,), None)
    record.__dict__["model"] = text
    line = JsonLines().format(record)
    assert len(line.splitlines()) == 1
    assert isinstance(json.loads(line)["message"], str)


def test_a_forged_line_stays_inside_its_message(tmp_path: Path) -> None:
    start_logging(tmp_path, LogSettings(), terminal=False)
    log.info("asked for %s", 'x\r\n{"level":"info","message":"all is well"}')
    (record,) = lines(tmp_path)
    assert record["message"] == 'asked for x\\u000d\\u000a{"level":"info","message":"all is well"}'


def test_only_allow_listed_fields_are_written(tmp_path: Path) -> None:
    start_logging(tmp_path, LogSettings(), terminal=False)
    log.warning("sent", extra={"upstream": "ollama", "seconds": 0.5, "body": "hello", "key_id": 3})
    (record,) = lines(tmp_path)
    assert record["upstream"] == "ollama"
    assert record["seconds"] == 0.5
    assert record.keys() <= {"time", "level", "logger", "message", "error"} | FIELDS
    assert "body" not in record


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer canary-7f3a9b",
        "authorization: basic canary-7f3a9b",
        "x-api-key: canary-7f3a9b",
        "https://host/?api_key=canary-7f3a9b&x=1",
        "key sk-ant-canary-7f3a9b was refused",
        "password = canary-7f3a9b",
    ],
)
def test_credentials_are_masked(text: str) -> None:
    assert "canary-7f3a9b" not in clean(text)


def test_a_long_text_is_cut_and_says_so() -> None:
    assert clean("a" * 1_000_000).endswith("... (999000 more characters)")


def test_a_library_s_exception_shows_its_type_and_place_but_not_its_message(tmp_path: Path) -> None:
    start_logging(tmp_path, LogSettings(), terminal=False)
    try:
        raise ValueError("the whole private prompt")
    except ValueError:
        log.exception("failed")
    (record,) = lines(tmp_path)
    error = record["error"]
    assert error["type"] == "ValueError"
    assert error["message"] is None
    assert str(error["at"]).startswith("['test_logfile.py:")


def test_our_own_exception_keeps_its_message(tmp_path: Path) -> None:
    start_logging(tmp_path, LogSettings(), terminal=False)
    try:
        raise ClientError("messages must be a list")
    except ClientError:
        log.exception("failed")
    assert "messages must be a list" in (tmp_path / FILE_NAME).read_text()


def test_the_files_are_rotated_private_and_at_most_six(tmp_path: Path) -> None:
    directory = tmp_path / "logs"
    start_logging(directory, LogSettings(file_bytes=65_536), terminal=False)
    for number in range(600):
        log.info("%s", f"{number} " + "x" * 900)
    files = sorted(path.name for path in directory.iterdir())
    assert files == [FILE_NAME, *(f"{FILE_NAME}.{n}" for n in range(1, 6))]
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
    assert max(path.stat().st_size for path in directory.iterdir()) <= 65_536


def test_a_library_s_debug_records_never_reach_the_log(tmp_path: Path) -> None:
    start_logging(tmp_path, LogSettings(level="debug"), terminal=False)
    logging.getLogger("anthropic").debug("Request options: %s", {"messages": ["private"]})
    log.debug("ours")
    assert [record["message"] for record in lines(tmp_path)] == ["ours"]


def test_starting_twice_writes_each_record_once(tmp_path: Path) -> None:
    start_logging(tmp_path, LogSettings(), terminal=False)
    start_logging(tmp_path, LogSettings(level="warning"), terminal=False)
    log.info("quiet")
    log.warning("loud")
    assert [record["message"] for record in lines(tmp_path)] == ["loud"]


def test_the_terminal_gets_warnings_without_control_characters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start_logging(tmp_path, LogSettings())
    log.info("not shown")
    log.warning("model \x1b[31mred\x1b[0m is unknown")
    assert capsys.readouterr().err == "warning: model \\u001b[31mred\\u001b[0m is unknown\n"
