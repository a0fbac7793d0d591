"""The first `majordomo.yaml`: what was found here, with comments that teach the rest by example.

Pure: detection results in, text out. The text always validates, whatever a model server calls its
models; what could not be said in valid settings is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from gateway.settings import UpstreamSettings
from gateway.upstreams.found import FoundModel, FoundUpstream

SCHEMA_NAME = "majordomo.schema.json"
"""File beside `majordomo.yaml` that its first line names; editors complete and check with it."""

CLAUDE_MODEL = "claude-sonnet-5-5"
CLAUDE_CONTEXT = 1_000_000
"""Tokens that `CLAUDE_MODEL` holds."""
HOUSE_MODEL = "majordomo-house"

AGENT_CONTEXT = 64_000
"""Hermes Agent refuses models that hold fewer tokens."""

_SMALL_ENOUGH = 3_000_000_000
"""Parameters below which models seldom call tools right; passed over when others are there."""
_BYTES_PER_PARAMETER = 0.6
"""Weights on disk per parameter at the usual 4 bits; only to rank models by size."""
_LISTED = 12
_BARE = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*")
_YAML_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True)
class _Choice:
    """One model at one upstream."""

    upstream: FoundUpstream
    model: FoundModel

    @property
    def size(self) -> float | None:
        """About how many parameters it has; None when nothing tells."""
        if self.model.parameters is not None:
            return float(self.model.parameters)
        size = self.model.size_bytes
        return None if size is None else size / _BYTES_PER_PARAMETER


def starter_yaml(
    found: Sequence[FoundUpstream], claude_env: str | None, *, house_context: int | None = None
) -> str:
    """The text of a first `majordomo.yaml`.

    Args:
        found: model servers running here.
        claude_env: environment variable that holds an Anthropic key; None when there is none.
        house_context: tokens the house model holds, where it serves; None when unknown.
    """
    upstreams = _usable(found)
    small, large = _small_and_large(upstreams)
    lines = [
        *_HEAD,
        "upstreams:",
        *(_house(house_context) if small is None else ()),
        *(line for upstream in upstreams for line in _upstream(upstream)),
        *_claude(claude_env),
        "",
        "# Which model serves each mode. Clients may ask for a mode by its name, or for `auto`.",
        "modes:",
        *_modes(small, large, claude_env),
        "",
        *_MODELS,
        "",
        *_escalation(small, large, claude_env),
        "",
        *_CAPTURE,
        *_recall(upstreams),
    ]
    return "\n".join(lines) + "\n"


_HEAD = (
    f"# yaml-language-server: $schema={SCHEMA_NAME}",
    "#",
    "# Majordomo's settings. A saved change is taken within seconds; a mistake changes nothing,",
    "# and `majordomo config check` tells each one with its line. All settings: docs/settings.md.",
    "# No secrets belong here: a setting names the environment variable that holds one.",
    "version: 1",
    "",
    "# Places that requests can be sent to.",
)

_MODELS = (
    "# Further model names for clients, each one place and no other:",
    "# models:",
    "#   coder: {upstream: ollama, model: qwen3-coder}",
)


_CAPTURE = (
    "# What Claude writes trains the local model. Its terms and you may see that differently:",
    "# `keep_out` keeps it out of training and exports (docs/trust.md).",
    "# capture:",
    "#   trust: {cloud_text: keep_out}",
)


def _usable(found: Sequence[FoundUpstream]) -> list[FoundUpstream]:
    """What valid settings can name: upstream names made valid and distinct, odd models left out."""
    taken = {"house", "claude"}
    usable: list[FoundUpstream] = []
    for upstream in found:
        try:
            UpstreamSettings(kind=upstream.kind, base_url=upstream.base_url)
        except ValidationError:
            continue
        models = tuple(m for m in upstream.models if _sayable(m.name))
        name = _distinct(upstream.name, taken)
        usable.append(replace(upstream, name=name, models=models))
    return usable


def _sayable(model: str) -> bool:
    """Valid settings can name this model."""
    return 0 < len(model) <= 256 and model.isprintable()


def _distinct(wanted: str, taken: set[str]) -> str:
    base = re.sub(r"[^a-z0-9._-]", "-", wanted.lower()).lstrip("._-")[:56] or "local"
    name, n = base, 2
    while name in taken:
        name, n = f"{base}-{n}", n + 1
    taken.add(name)
    return name


def _small_and_large(
    upstreams: Sequence[FoundUpstream],
) -> tuple[_Choice | None, _Choice | None]:
    """The models for RESTING and ACTIVE; the same one twice when there is only one."""
    choices = [_Choice(upstream, model) for upstream in upstreams for model in upstream.models]
    if not choices:
        return None, None
    roomy = [c for c in choices if (c.model.context_length or AGENT_CONTEXT) >= AGENT_CONTEXT]
    choices = roomy or choices
    sized = sorted((c for c in choices if c.size is not None), key=lambda c: c.size or 0.0)
    if not sized:
        return choices[0], choices[1] if len(choices) > 1 else choices[0]
    able = [c for c in sized if (c.size or 0.0) >= _SMALL_ENOUGH] or sized
    return able[0], sized[-1]


def _house(context: int | None) -> Iterator[str]:
    yield "  # The small model that ships with Majordomo. For more, start Ollama, LM Studio,"
    yield "  # llama.cpp or vLLM and name it here."
    yield "  house:"
    yield "    kind: house"
    if context is not None:
        yield "    models:"
        yield f"      {HOUSE_MODEL}: {{context_length: {context}}}"


def _upstream(upstream: FoundUpstream) -> Iterator[str]:
    yield f"  # {_comment(upstream.server)}, found running here"
    yield f"  {_word(upstream.name)}:"
    yield f"    kind: {upstream.kind}"
    yield f"    base_url: {_word(upstream.base_url)}"
    listed = list({m.name: m for m in upstream.models}.values())
    if listed:
        yield "    models:"
    for model in listed[:_LISTED]:
        context = model.context_length
        known = f"{{context_length: {context}}}" if context and context > 0 else "{}"
        yield f"      {_word(model.name)}: {known}"
    if len(listed) > _LISTED:
        yield f"      # and {len(listed) - _LISTED} more"
    if listed and all((m.context_length or AGENT_CONTEXT) < AGENT_CONTEXT for m in listed):
        yield f"    # None of these holds the {AGENT_CONTEXT:,} tokens that Hermes Agent asks for."


def _claude(env: str | None) -> Iterator[str]:
    if env is None:
        mark = "# "
        yield "  # Claude, for BURST: export ANTHROPIC_API_KEY; take off the marks here and below"
    else:
        mark = ""
        yield "  # Claude, the only place here that is not at home and costs money"
    for line in (
        "claude:",
        "  kind: anthropic",
        f"  api_key_env: {env or 'ANTHROPIC_API_KEY'}",
        "  models:",
        f"    {CLAUDE_MODEL}: {{context_length: {CLAUDE_CONTEXT}, images: true}}",
    ):
        yield f"  {mark}{line}"


def _modes(small: _Choice | None, large: _Choice | None, env: str | None) -> Iterator[str]:
    if small is None or large is None:
        yield f"  resting: {{upstream: house, model: {HOUSE_MODEL}}}"
    else:
        yield f"  resting: {_target(small)} # the small local model"
        same = ": the same, until there are two" if small == large else ""
        yield f"  active: {_target(large)} # the large local model{same}"
    mark = "# " if env is None else ""
    yield f"  {mark}burst: {{upstream: claude, model: {CLAUDE_MODEL}}} # the cloud"


def _escalation(small: _Choice | None, large: _Choice | None, env: str | None) -> Iterator[str]:
    local = ["resting"] if small is None else ["active", "resting"]
    yield "# When a request may leave home. `majordomo explain ID` shows what each rule saw."
    yield "escalation:"
    yield from _default(small, env)
    yield "  # Where to go, in order, when the chosen mode fails or cannot hold the prompt."
    yield f"  fallback: [{', '.join([*local, *(['burst'] if env else [])])}]"
    if env is None:
        yield "  # With Claude put `burst` at its end, or else only rules and wishes go there."
    yield "  # The first rule that applies and has a `then` decides for `auto`."
    yield "  rules:"
    yield "    # A request with the header `x-majordomo-private: 1` never leaves home, on any path;"
    yield "    # nor does one that a rule with `private: true` applies to, wherever it stands."
    yield "    - name: kept-at-home"
    yield "      when: {skill: [finance*, health*]}"
    yield "      private: true"
    yield from _rules(small, large, env)
    yield "    # Other conditions: model, header, key, agent, conversation_mode, images, between,"
    yield "    # max_input_tokens. `majordomo policy explain` reads all of this aloud."
    yield "    # - name: stay-with-claude"
    yield "    #   when: {conversation_mode: burst, header: {user-agent: OpenAI/*}}"
    yield "    #   then: burst"
    mark = "# " if env is None else ""
    yield "  # Most that BURST may cost, in US dollars, by UTC day and month. Each request's worst"
    yield "  # case is set aside before it is sent, so a limit holds."
    yield f"  {mark}budget: {{day_usd: 5, month_usd: 50}}"


def _default(small: _Choice | None, env: str | None) -> Iterator[str]:
    """`learned` only where the local model learns: nothing else would ever prove itself."""
    if small is None and env is not None:
        yield "  # Claude answers what the house model has not proven it can do; what that learns"
        yield "  # comes home by itself. `resting` would try everything at home first."
        yield "  default: learned"
        return
    yield "  # `learned` sends to burst what no local model has proven it can do."
    yield "  default: resting"


def _rules(small: _Choice | None, large: _Choice | None, env: str | None) -> Iterator[str]:
    mark = "# " if env is None else ""
    if small is None:
        yield "    # Agents send long prompts, which the house model cannot hold: Claude answers."
        yield f"    {mark}- name: long-prompt"
        yield f"    {mark}  when: {{min_input_tokens: 1500}}"
        yield f"    {mark}  then: burst"
        return
    yield "    # Very long work goes to Claude."
    yield f"    {mark}- name: very-long"
    yield f"    {mark}  when: {{min_input_tokens: 60000}}"
    yield f"    {mark}  then: burst"
    if small != large:
        yield "    # Calling tools well takes the larger model."
        yield "    - name: tools-offered"
        yield "      when: {tools: true}"
        yield "      then: active"


def _recall(upstreams: Sequence[FoundUpstream]) -> Iterator[str]:
    """Offered only where a model that embeds was found; below `capture:`."""
    for upstream in upstreams:
        model = next((name for name in upstream.embedders if _sayable(name)), None)
        if model is not None and upstream.kind == "openai_compatible":
            yield "#   # Past exchanges found by what they mean, not by words and letters alone:"
            yield "#   recall:"
            target = f"{{upstream: {_word(upstream.name)}, model: {_word(model)}}}"
            yield f"#     embedding: {target}"
            return


def _target(choice: _Choice) -> str:
    return f"{{upstream: {_word(choice.upstream.name)}, model: {_word(choice.model.name)}}}"


def _word(text: str) -> str:
    """`text` as one YAML word, quoted where YAML could read it as something else."""
    if _BARE.fullmatch(text) and text.lower() not in _YAML_WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)


def _comment(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:60].strip() or "A model server"
