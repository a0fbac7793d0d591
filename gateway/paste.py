"""What to paste into an agent so that it asks Majordomo. Pure: an address in, texts out."""

from __future__ import annotations

from dataclasses import dataclass

HERMES_LEAST = 64_000
"""Hermes Agent refuses to start with a model of a shorter context."""
HERMES_SETTING = 65_536
NO_KEY = "none-needed"
"""Clients insist on some key; a gateway without keys looks at none."""


@dataclass(frozen=True, slots=True)
class Block:
    """One thing to copy."""

    title: str
    where: str
    """The file or place it belongs in."""
    text: str


def blocks(
    base_url: str, *, needs_key: bool, context_length: int | None = None
) -> tuple[Block, ...]:
    """Settings for Hermes Agent and OpenClaw, and code for the OpenAI SDK and curl.

    Args:
        base_url: of the gateway, without `/v1`.
        needs_key: the gateway has keys; a placeholder stands where one belongs.
        context_length: most tokens `auto` can take; None when unknown.
    """
    url = f"{base_url}/v1"
    key = "YOUR-MAJORDOMO-KEY" if needs_key else NO_KEY
    return (
        Block("Hermes Agent", "~/.hermes/config.yaml", _hermes(url, key, context_length)),
        Block("OpenClaw", "~/.openclaw/openclaw.json", _openclaw(url, key, context_length)),
        Block("OpenAI SDK", "Python", _openai(url, key)),
        Block("curl", "a shell", _curl(url, key if needs_key else None)),
    )


def hermes_hint(context_length: int | None) -> str | None:
    """What stands between Hermes Agent and this gateway; None when nothing does."""
    if context_length is None or context_length >= HERMES_LEAST:
        return None
    return (
        f"Hermes Agent refuses to start under {HERMES_LEAST:,} tokens of context, and `auto` holds "
        f"{context_length:,}. Serve a model with a longer one (Ollama: OLLAMA_CONTEXT_LENGTH="
        f"{HERMES_SETTING}; llama.cpp: -c {HERMES_SETTING}; LM Studio: the model's context length) "
        "and write it under `upstreams` in majordomo.yaml, or add Claude as BURST."
    )


def _hermes(url: str, key: str, context_length: int | None) -> str:
    lines = [
        "model:",
        "  provider: custom",
        "  default: auto",
        f"  base_url: {url}",
        f"  api_key: {key}",
    ]
    if context_length is None:
        lines.append(f"  context_length: {HERMES_SETTING}  # no upstream says; put the true number")
    return "\n".join(lines)


def _openclaw(url: str, key: str, context_length: int | None) -> str:
    window = "" if context_length is None else f', "contextWindow": {context_length}'
    return f"""\
{{
  "models": {{
    "mode": "merge",
    "providers": {{
      "majordomo": {{
        "baseUrl": "{url}",
        "apiKey": "{key}",
        "api": "openai-completions",
        "models": [{{"id": "auto", "name": "Majordomo"{window}}}]
      }}
    }}
  }},
  "agents": {{"defaults": {{"model": {{"primary": "majordomo/auto"}}}}}}
}}"""


def _openai(url: str, key: str) -> str:
    return "\n".join(
        [
            "from openai import OpenAI",
            "",
            f'client = OpenAI(base_url="{url}", api_key="{key}")',
            'messages = [{"role": "user", "content": "Who are you?"}]',
            'reply = client.chat.completions.create(model="auto", messages=messages)',
            "print(reply.choices[0].message.content)",
        ]
    )


def _curl(url: str, key: str | None) -> str:
    body = '{"model": "auto", "messages": [{"role": "user", "content": "Who are you?"}]}'
    lines = [f"curl {url}/chat/completions \\", "  -H 'content-type: application/json' \\"]
    if key is not None:
        lines.append(f"  -H 'authorization: Bearer {key}' \\")
    return "\n".join([*lines, f"  -d '{body}'"])
