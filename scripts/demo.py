"""`make demo`: what this version does, with real processes, in under a minute.

A gateway on a free port, in a home that goes away afterwards, with the model that ships with
Majordomo behind it. Nothing leaves this machine. Exits 1 when anything shown is not as it should
be, so that it is a test as well.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import openai

MAJORDOMO = str(Path(sys.executable).with_name("majordomo"))

SETTINGS = """\
version: 1
upstreams:
  house: {kind: house}
modes:
  resting: {upstream: house, model: house}
escalation:
  rules:
    - {name: diary, when: {header: {x-project: diary}}, private: true}
    - {name: with-tools, when: {tools: true}, then: resting}
"""

READ_FILE: Any = {
    "type": "function",
    "function": {
        "name": "read_file",
        "description": "Read a file",
        "parameters": {
            "type": "object",
            "properties": {"path": {"type": "string"}},
            "required": ["path"],
        },
    },
}


def main() -> int:
    """The whole show."""
    home = Path(tempfile.mkdtemp(prefix="majordomo-demo-"))
    (home / "majordomo.yaml").write_text(SETTINGS)
    try:
        with serving(home) as (url, _):
            exchange = talk(url)
            explain(home, exchange)
        return survive(home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def talk(url: str) -> str:
    """One request with curl, one streamed and one with a tool through the openai SDK.

    Returns the id of the last exchange.
    """
    title("curl: a completion")
    body = {"model": "auto", "messages": [{"role": "user", "content": "Hello, who are you?"}]}
    command = ["curl", "--silent", "--show-error", "--fail", f"{url}/chat/completions"]
    command += ["--data", json.dumps(body)]
    print("$ curl", " ".join(command[4:5]), "-d", f"'{command[-1]}'")
    answer = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    print(answer["choices"][0]["message"]["content"])

    client = openai.OpenAI(base_url=url, api_key="none needed on loopback")
    title("openai SDK: the same, streamed")
    stream = client.chat.completions.create(
        model="auto", messages=[{"role": "user", "content": "What can you do?"}], stream=True
    )
    pieces = 0
    for chunk in stream:
        pieces += 1
        print((chunk.choices[0].delta.content or "") if chunk.choices else "", end="", flush=True)
    print(f"\n({pieces} chunks, as they came)")

    title("openai SDK: a tool call, with a path the model has never seen")
    asked = "Open the file reports/ledger-4471.txt"
    print("user:", asked)
    raw = client.chat.completions.with_raw_response.create(
        model="auto", messages=[{"role": "user", "content": asked}], tools=[READ_FILE]
    )
    message = raw.parse().choices[0].message
    for call in message.tool_calls or ():
        print(f"model calls: {call.to_dict()['function']}")
    check("it called the tool with that path", "reports/ledger-4471.txt" in message.to_json())
    return raw.headers["x-request-id"]


def explain(home: Path, exchange: str) -> None:
    """Why the last exchange went where it went."""
    title("why did that go where it went?")
    print(f"$ majordomo explain {exchange}")
    subprocess.run([MAJORDOMO, "explain", exchange], env=environment(home), check=True)


def survive(home: Path) -> int:
    """Kill -9 under load, start again, and look for every exchange a client saw complete."""
    title("kill -9 while four clients talk to it, then start it again")
    with serving(home) as (url, process):
        over = threading.Event()
        with ThreadPoolExecutor(4) as pool:
            clients = [pool.submit(chat_until, over, url) for _ in range(4)]
            time.sleep(5)
            process.send_signal(signal.SIGKILL)
            over.set()
            complete = [exchange for client in clients for exchange in client.result()]
    print(f"clients saw {len(complete)} replies whole, then the connection broke")
    with serving(home) as (url, _):
        found = [stored(url, exchange) for exchange in complete]
    print(f"{sum(found)} of {len(complete)} are in the store of the new process")
    check("nothing that a client saw complete is lost", bool(complete) and all(found))
    print("\nThe page of a running gateway is at its root; `make run` starts yours.")
    return 0


def chat_until(over: threading.Event, url: str) -> list[str]:
    """Ask again and again; ids of the exchanges whose last byte arrived."""
    body = {
        "model": "auto",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 12,
    }
    complete: list[str] = []
    with httpx2.Client(timeout=30) as client:
        while not over.is_set():
            try:
                reply = client.post(f"{url}/chat/completions", json=body)
            except httpx2.TransportError:
                break
            if reply.status_code == 200:
                complete.append(reply.headers["x-request-id"])
    return complete


def stored(url: str, exchange: str) -> bool:
    """Whether the exchange is in the store, whole. Ingest may take a moment after a start."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        reply = httpx2.get(f"{url}/exchanges/{exchange}", timeout=5)
        if reply.status_code == 200 and reply.json().get("status") == "ok":
            return True
        time.sleep(0.05)
    return False


@contextmanager
def serving(home: Path) -> Generator[tuple[str, subprocess.Popen[bytes]]]:
    """`majordomo serve` on a free port; its base URL, once it and its model answer."""
    began = time.monotonic()
    with (home / "output").open("ab") as output:
        process = subprocess.Popen(
            [MAJORDOMO, "serve", "--port", "0"],
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        url = wait_until_ready(home, process)
        print(f"\n[majordomo serves {url}, ready after {time.monotonic() - began:.1f} s]")
        yield url, process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(home: Path, process: subprocess.Popen[bytes]) -> str:
    """The base URL. Ready means that the house model answers too."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            running = json.loads((home / "run" / "gateway.json").read_text())
            if running["pid"] == process.pid:
                url: str = running["base_url"]
                if httpx2.get(f"{url}/readyz", timeout=5).status_code == 200:
                    return f"{url}/v1"
        except (OSError, httpx2.TransportError):
            pass  # not yet
        time.sleep(0.05)
    raise SystemExit(f"the gateway did not start:\n{(home / 'output').read_text()}")


def environment(home: Path) -> dict[str, str]:
    """Nothing of the user's own settings or keys."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TERM") if name in os.environ}
    return {**kept, "HOME": str(home), "MAJORDOMO_HOME": str(home)}


def title(text: str) -> None:
    """A heading."""
    print(f"\n--- {text}")


def check(what: str, holds: bool) -> None:
    """Say that it holds, or end the demo."""
    print(f"[{'ok' if holds else 'NOT SO'}] {what}")
    if not holds:
        raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main())
