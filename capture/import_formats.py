"""What of imports the gateway must know to take them in: the formats by name, and a bound. The
parsers are in `capture.imports`, which only the command loads."""

from __future__ import annotations

from enum import StrEnum

MODEL_CHARACTERS = 200
"""Of a model's name; a longer one is cut."""


class Format(StrEnum):
    """Whose file it is."""

    CLAUDE_API = "claude-api"
    CLAUDE_EXPORT = "claude-export"
    CLAUDE_CODE = "claude-code"
    HERMES_STATE = "hermes-state"
    TRAJECTORIES = "trajectories"
    OPENCLAW = "openclaw"
    LITELLM = "litellm"
    HELICONE = "helicone"
    OPENAI = "openai"
