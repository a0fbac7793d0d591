"""Where a model that is only known by its name answered: in the cloud, or at home. Pure.

It matters for what trains: replies of the hired help may, those of a local model only where
somebody had corrected it (docs/training.md).
"""

from __future__ import annotations

import re

from capture.exchange import Mode

UNKNOWN = "unknown"
"""The model's name where nothing tells it."""

_HIRED = re.compile(
    r"claude|gpt-(?!oss)|chatgpt|o[1-9](?:$|-)|gemini|grok|command-[ar]|sonar|palm|nova-|jamba"
    r"|mistral-(?:large|medium)|deepseek-(?:chat|reasoner)|qwen-(?:max|plus|turbo)",
    re.IGNORECASE,
)
_FINE_TUNED = re.compile(r"^ft:")
"""As OpenAI names what was fine-tuned there."""


def mode_of(model: str | None, *, local: bool = False) -> Mode:
    """The mode of a reply. A name of a cloud's model is the cloud's, with or without the name of
    whose it is before it; so is what nobody named. Any other model is one that runs at home, as is
    every one of a source that says so."""
    if local:
        return Mode.ACTIVE
    if not model or model == UNKNOWN:
        return Mode.BURST
    name = _FINE_TUNED.sub("", model).rsplit("/", 1)[-1]
    parts = (name, *name.split("."))  # Bedrock puts a region and the maker before the name
    return Mode.BURST if any(map(_HIRED.match, parts)) else Mode.ACTIVE
