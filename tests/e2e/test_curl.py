"""Plain `curl` against a real gateway process: what a person types first."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.repository import ROOT

if TYPE_CHECKING:
    from tests.e2e.conftest import House

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


async def curl(*arguments: str) -> str:
    done = await asyncio.to_thread(
        subprocess.run,
        ["curl", "--silent", "--show-error", "--max-time", "20", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def body(**fields: object) -> str:
    ask = [{"role": "user", "content": "Please echo hello"}]
    return json.dumps({"model": "auto", "messages": ask, **fields})


async def test_a_completion_comes_back_as_json_and_can_be_explained(house: House) -> None:
    answer = await curl("-D", "-", f"{house.base_url}/chat/completions", "-d", body())
    head, _, reply = answer.partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])

    assert json.loads(reply)["choices"][0]["message"]["content"] == "A title"
    status, explained = await house.gateway.command("explain", headers["x-request-id"])
    assert status == 0, explained
    assert "resting" in explained.lower()


async def test_a_stream_arrives_event_by_event_and_ends_with_done(house: House) -> None:
    answer = await curl("-N", f"{house.base_url}/chat/completions", "-d", body(stream=True))
    events = [line.removeprefix("data: ") for line in answer.splitlines() if line[:5] == "data:"]

    assert events[-1] == "[DONE]"
    deltas = [json.loads(event)["choices"][0]["delta"] for event in events[:-1]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "A title"


async def test_paths_that_agents_probe_get_a_json_404(house: House) -> None:
    for path in ("/api/tags", "/props", "/v1/props", "/api/v1/models", "/no/such"):
        answer = await curl("-w", "\n%{http_code} %{content_type}", house.gateway.url + path)
        reply, _, status = answer.rpartition("\n")
        assert status.startswith("404 application/json"), path
        assert json.loads(reply)["error"]["message"]


async def test_the_feedback_example_of_the_api_s_page_runs_as_it_stands(house: House) -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    (example,) = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    script = example.replace("http://127.0.0.1:8300", house.gateway.url)
    done = await asyncio.to_thread(
        subprocess.run, ["sh", "-e", "-c", script], capture_output=True, text=True, check=True
    )
    taken, listed = map(json.loads, done.stdout.replace("}{", "}\n{").splitlines())
    assert taken["comment"] == "US cups, please"
    assert taken["demonstration"] == "There are 16 US tablespoons in a US cup."
    assert listed["data"] == [taken]
