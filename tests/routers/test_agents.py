from __future__ import annotations

import pytest

from routers.agents import HEADERS, agent_of


@pytest.mark.parametrize(
    ("headers", "agent"),
    [
        ({}, None),
        ({"user-agent": ""}, None),
        ({"user-agent": "OpenAI/Python 3.52"}, "openai"),
        ({"user-agent": "claude-cli/1.0.2 (external, cli)"}, "claude-cli"),
        ({"user-agent": "curl"}, "curl"),
        ({"user-agent": "OpenAI/JS 6", "x-title": "Open WebUI"}, "open-webui"),
        ({"user-agent": "OpenAI/Python 3", "x-hermes-session-id": "s1"}, "hermes"),
        ({"x-hermes-session-id": "s1", "x-majordomo-agent": "Night Nurse"}, "night-nurse"),
        ({"x-majordomo-agent": "\u2603", "user-agent": "aider/0.9"}, "aider"),
        ({"user-agent": "a" * 500}, "a" * 64),
    ],
)
def test_an_agent_is_known_by_what_it_names_itself_first(
    headers: dict[str, str], agent: str | None
) -> None:
    assert agent_of(headers) == agent
    assert set(headers) <= set(HEADERS)
