"""The things measured, each started as its user would start it.

`direct` is the upstream itself; `nginx` proxies and parses nothing, the floor; `majordomo` runs
with a key, a policy of six rules, and capture and ingest as they come; `litellm` as it comes.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench import programs

BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to send requests to."""

    name: str
    port: int
    command: tuple[str, ...]
    home: Path
    """Its working directory and HOME; removed afterwards."""
    model: str = "gpt-bench"
    key: str = "sk-bench"
    env: tuple[tuple[str, str], ...] = ()
    most_connections: int = 1_000_000
    """Scenarios with more are not tried on it: they would take minutes and tell nothing."""


Maker = Callable[[Path, int, int], Target | None]
"""Makes a target of a home, a port of its own and the upstream's; None: not to be had here."""


def upstream_target(home: Path, port: int, upstream: int) -> Target:
    """The fake model server itself."""
    del port
    return Target("direct", upstream, (str(programs.compiled("upstream")), str(upstream)), home)


def nginx_target(home: Path, port: int, upstream: int) -> Target | None:
    """One worker, upstream keep-alive, buffering off: what a careful person sets for streams."""
    nginx = programs.nginx()
    if nginx is None:
        return None
    config = home / "nginx.conf"
    config.write_text(f"""\
daemon off; master_process off; worker_processes 1; pid {home}/pid; error_log stderr crit;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fcgi; uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
  upstream model {{ server 127.0.0.1:{upstream}; keepalive 1024; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    keepalive_requests 100000000;
    location / {{
      proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; client_max_body_size 32m;
    }}
  }}
}}
""")
    return Target("nginx", port, (nginx, "-p", str(home), "-c", str(config)), home)


SETTINGS = """\
version: 1
upstreams:
  fake:
    kind: openai_compatible
    base_url: http://127.0.0.1:UPSTREAM/v1
    models:
      gpt-bench: {context_length: 131072}
modes:
  resting: {upstream: fake, model: gpt-bench}
  active: {upstream: fake, model: gpt-bench}
escalation:
  default: resting
  rules:
    - {name: secret, when: {header: {x-project: secret-*}}, private: true}
    - {name: long, when: {min_input_tokens: 30000}, then: active}
    - {name: shell, when: {tools: [terminal, bash]}, then: active}
    - {name: night-batch, when: {key: batch}, then: resting}
    - {name: sees, when: {images: true}, then: active}
    - {name: urgent, when: {header: {x-urgent: true}}, then: active}
"""


def majordomo_target(home: Path, port: int, upstream: int) -> Target:
    """`majordomo serve` with a key made by `majordomo key create`."""
    (home / "majordomo.yaml").write_text(SETTINGS.replace("UPSTREAM", str(upstream)))
    env = (("MAJORDOMO_HOME", str(home)),)
    command = str(BIN / "majordomo")
    made = subprocess.run(
        [command, "key", "create", "bench"],
        env={**_environment(home), **dict(env)},
        capture_output=True,
        text=True,
        check=True,
    )
    key = next(word for word in made.stdout.split() if word.startswith("mjd_"))
    serve = (command, "serve", "--port", str(port))
    return Target("majordomo", port, serve, home, model="auto", key=key, env=env)


def litellm_target(home: Path, port: int, upstream: int) -> Target | None:
    """One worker, a master key, no database."""
    command = programs.litellm()
    if command is None:
        return None
    config = home / "litellm.yaml"
    config.write_text(f"""\
model_list:
  - model_name: gpt-bench
    litellm_params:
      model: openai/gpt-bench
      api_base: http://127.0.0.1:{upstream}/v1
      api_key: sk-none
general_settings: {{master_key: sk-bench}}
litellm_settings: {{drop_params: false, telemetry: false}}
""")
    start = (str(command), "--config", str(config), "--host", "127.0.0.1", "--port", str(port))
    env = (("LITELLM_LOCAL_MODEL_COST_MAP", "True"), ("LITELLM_LOG", "ERROR"))
    return Target(
        "litellm", port, (*start, "--num_workers", "1"), home, env=env, most_connections=256
    )


MAKERS: dict[str, Maker] = {
    "direct": upstream_target,
    "nginx": nginx_target,
    "majordomo": majordomo_target,
    "litellm": litellm_target,
}


@contextmanager
def running(target: Target, core: str) -> Generator[int]:
    """Start it on one core, give its process id, and end it with all its children."""
    with (target.home / "out.log").open("ab") as log:
        process = subprocess.Popen(
            ["taskset", "-c", core, *target.command],
            cwd=target.home,
            env={**_environment(target.home), **dict(target.env)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process.pid
    finally:
        _end(process)


@contextmanager
def made(names: Sequence[str]) -> Generator[list[Target]]:
    """The named targets, in homes that go away when the block ends."""
    base = Path(tempfile.mkdtemp(prefix="majordomo-bench-"))
    try:
        found: list[Target] = []
        upstream, *ports = _free_ports(len(names) + 1)
        for name, port in zip(names, ports, strict=True):
            home = base / name
            home.mkdir(mode=0o700)
            target = MAKERS[name](home, port, upstream)
            if target is None:
                print(f"{name}: not to be had on this machine, left out", flush=True)
            else:
                found.append(target)
        yield found
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for held in sockets:
            held.bind(("127.0.0.1", 0))
        return [int(held.getsockname()[1]) for held in sockets]


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()
