"""A real Hermes Agent process takes a tool-using turn through a real gateway process.

Hermes lives in an environment of its own (`tests/e2e/setup_hermes.sh`), which
MAJORDOMO_HERMES_VENV names. Only the model at the far end is a double.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from capture.store import Store
from tests.e2e.conftest import FINAL

if TYPE_CHECKING:
    from tests.e2e.conftest import House

VENV = os.environ.get("MAJORDOMO_HERMES_VENV")
TURN_SECONDS = 150

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(TURN_SECONDS + 60),
    pytest.mark.skipif(
        VENV is None,
        reason="MAJORDOMO_HERMES_VENV names no environment with Hermes Agent "
        "(make one: sh tests/e2e/setup_hermes.sh DIRECTORY)",
    ),
]


def ask_hermes(
    home: Path, base_url: str, question: str, *options: str
) -> subprocess.CompletedProcess[str]:
    """One turn of `hermes chat`, in a home of its own."""
    assert VENV is not None
    settings = home / ".hermes"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "config.yaml").write_text(
        "model:\n"
        "  provider: custom\n"
        "  default: auto\n"
        f"  base_url: {base_url}\n"
        "  api_key: sk-no-key-needed-at-home\n"
    )
    return subprocess.run(
        [str(Path(VENV) / "bin" / "hermes"), "chat", "-q", question, "--yolo", *options],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "HERMES_HOME": str(settings)},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TURN_SECONDS,
        check=False,
    )


async def test_hermes_completes_a_turn_with_a_tool_and_all_of_it_is_kept(
    house: House, tmp_path: Path
) -> None:
    turn = await asyncio.to_thread(
        ask_hermes, tmp_path / "hermes", house.base_url, "Please echo hello in the shell", "-Q"
    )

    assert turn.returncode == 0, turn.stderr
    assert turn.stdout.rstrip().endswith(FINAL)

    # The tool really ran: its output is what Hermes sent back to the model.
    result = house.upstream.bodies[-1]["messages"][-1]
    assert result["role"] == "tool"
    assert '"output": "hello"' in result["content"]

    # The gateway stops cleanly, and both exchanges are in the store, call and result.
    house.gateway.terminate()
    assert await house.gateway.exited() == 0, house.gateway.log
    store = Store.open(house.gateway.home / "majordomo.db")
    try:
        kept = [store.exchange(summary.id) for summary in reversed(store.exchanges())]
    finally:
        store.close()
    # Side requests (a title for the conversation) offer no tools.
    first, last = (exchange for exchange in kept if exchange is not None and exchange.tools)
    assert first.reply is not None
    assert [call.name for call in first.reply.tool_calls] == ["terminal"]
    assert last.messages[-1].role == "tool"
    assert '"output": "hello"' in last.messages[-1].text
    assert last.reply is not None
    assert last.reply.text == FINAL


async def test_a_conversation_that_hermes_resumes_is_one_and_its_title_was_asked_on_the_side(
    house: House, tmp_path: Path
) -> None:
    home = tmp_path / "hermes"
    # not quiet: then it mostly stays for the title
    first = await asyncio.to_thread(ask_hermes, home, house.base_url, "Please echo hello")
    assert first.returncode == 0, first.stderr
    with closing(sqlite3.connect(home / ".hermes" / "state.db")) as state:
        ((session,),) = state.execute("SELECT id FROM sessions")
    again = "Thanks! And once more, please"
    second = await asyncio.to_thread(
        ask_hermes, home, house.base_url, again, "-Q", "--resume", session
    )
    assert second.returncode == 0, second.stderr

    house.gateway.terminate()
    assert await house.gateway.exited() == 0, house.gateway.log
    with closing(Store.open(house.gateway.home / "majordomo.db")) as store:
        kept = [store.exchange(summary.id) for summary in reversed(store.exchanges())]
    turns = [each for each in kept if each is not None and each.purpose is None]
    titles = [each for each in kept if each is not None and each.purpose == "title"]
    ids = [each.summary.id for each in turns]
    assert [each.continues for each in turns] == [None, *ids[:-1]]
    assert {each.summary.conversation for each in turns} == {ids[0]}
    assert len(turns) == 4
    assert all((title.continues, title.parent) == (None, ids[1]) for title in titles)
    came = turns[1].outcome
    assert came is not None
    assert [code for code, _ in came.evidence] == ["approval"]
