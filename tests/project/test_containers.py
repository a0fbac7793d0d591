"""docker-compose.yml and Dockerfile, read as text: no test here needs Docker."""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml import YAML

from tests.support.repository import PACKAGES, ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def services() -> dict[str, Any]:
    text = (ROOT / "docker-compose.yml").read_text()
    loaded: Any = YAML(typ="safe").load(text)  # pyright: ignore[reportUnknownMemberType]  # untyped
    return loaded["services"]


def test_the_gateway_starts_alone_and_ollama_only_when_asked_for() -> None:
    assert "profiles" not in services()["majordomo"]
    assert services()["ollama"]["profiles"] == ["ollama"]
    assert "depends_on" not in services()["majordomo"]


def test_the_port_is_published_to_loopback_only() -> None:
    assert [port.split(":")[0] for port in services()["majordomo"]["ports"]] == ["127.0.0.1"]
    assert "ports" not in services()["ollama"]


def test_ollama_is_on_the_gateways_own_loopback_where_detection_looks() -> None:
    assert services()["ollama"]["network_mode"] == "service:majordomo"
    assert services()["ollama"]["environment"]["OLLAMA_HOST"].startswith("127.0.0.1")


def test_no_secret_is_written_into_the_compose_file() -> None:
    environment: dict[str, str] = services()["majordomo"]["environment"]
    secrets = {name: value for name, value in environment.items() if "KEY" in name}
    assert all(value.startswith("${") and value.endswith(":-}") for value in secrets.values())


def test_the_image_installs_the_locked_requirements_and_the_four_packages() -> None:
    assert "--require-hashes -r requirements.txt" in DOCKERFILE
    for package in PACKAGES:
        assert f"COPY {package} ./{package}\n" in DOCKERFILE


def test_the_image_does_not_serve_as_root() -> None:
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE)[-1] != "root"


def test_everything_the_image_copies_survives_dockerignore() -> None:
    allowed = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    copied: set[str] = set()
    for sources in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE):
        copied |= set(sources.split())
    assert copied == allowed
