"""How much Claude shall think: a pure decision from what the client asked and the model takes.

Clients ask with `reasoning_effort` (OpenAI), `reasoning` (OpenRouter), `think` (Ollama) or
`thinking` (Anthropic's own, passed on as it is). Older models take a budget in tokens, newer ones
an effort level; some cannot stop thinking, and no model thinks while it is forced to call a tool.
Thinking counts towards the output limit, so a budget leaves a quarter of it for the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.dialects.anthropic_models import Traits
from gateway.dialects.values import Json, Notes, json_count, json_object

_LEAST_BUDGET = 1024
"""Anthropic's minimum, in tokens."""
_BUDGETS: Mapping[str, int] = {
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16_384,
    "xhigh": 32_768,
    "max": 65_536,
}
_LEVELS = tuple(_BUDGETS)


@dataclass(frozen=True, slots=True)
class Thinking:
    """What a request says about thinking."""

    config: Json | None
    """The `thinking` field; None leaves it out."""
    effort: str | None
    """`output_config.effort`; None leaves it out."""
    on: bool
    """The model may think: remembered thinking goes back to it."""

    @property
    def needs_memory(self) -> bool:
        """A tool call being answered must begin with the thinking that led to it."""
        return self.config is not None and self.config.get("type") == "enabled"


def plan_thinking(
    body: Mapping[str, Any], model: Traits, max_tokens: int, *, forced: bool, notes: Notes
) -> Thinking:
    """Decide on thinking; `forced` says that the request forces a tool call."""
    own = json_object(body.get("thinking"))
    wanted = _wanted(body)
    if forced:
        if (own or wanted not in (None, "none")) and own.get("type") != "disabled":
            notes.add("thinking is off: it cannot go with a forced tool call")
        return no_thinking(model, notes)
    if own:
        off = own.get("type") in ("disabled", "between_tools")
        return Thinking(own, None, on=not off)
    if wanted == "none":
        return no_thinking(model, notes)
    if model.thinking == "none":
        if wanted is not None:
            notes.add("this model does not think; reasoning effort left out")
        return Thinking(None, None, on=False)
    if model.thinking == "budget":
        return _budget(body, wanted, max_tokens, notes)
    if wanted is None and not model.thinks_unasked:
        return Thinking(None, None, on=False)
    config = {"type": "adaptive", "display": "summarized"}
    return Thinking(config, None if wanted is None else _nearest(wanted, model.efforts), on=True)


def no_thinking(model: Traits, notes: Notes) -> Thinking:
    """Thinking off, or as little of it as the model allows."""
    if model.thinking_off is None:
        notes.add("this model always thinks; the least effort was asked of it")
        return Thinking(None, model.efforts[0], on=True)
    if model.thinking_off == "omit":
        return Thinking(None, None, on=False)
    return Thinking({"type": model.thinking_off}, None, on=False)


def _wanted(body: Mapping[str, Any]) -> str | None:
    """The level asked for, in OpenAI's words; None when the client did not say."""
    reasoning = json_object(body.get("reasoning"))
    effort = body.get("reasoning_effort") or reasoning.get("effort")
    if isinstance(effort, str) and (effort == "none" or effort in _BUDGETS):
        return effort
    if body.get("think") is False or reasoning.get("enabled") is False:
        return "none"
    if body.get("think") is True or reasoning:
        return "medium"
    return None


def _budget(body: Mapping[str, Any], wanted: str | None, max_tokens: int, notes: Notes) -> Thinking:
    if wanted is None:
        return Thinking(None, None, on=False)
    named = json_count(json_object(body.get("reasoning")).get("max_tokens"))
    budget = min(named or _BUDGETS[wanted], max_tokens * 3 // 4)
    if budget < _LEAST_BUDGET:
        notes.add("thinking is off: the output limit leaves no room for it")
        return Thinking(None, None, on=False)
    return Thinking({"type": "enabled", "budget_tokens": budget}, None, on=True)


def _nearest(wanted: str, known: tuple[str, ...]) -> str | None:
    """The level the model knows that is wanted, or the next one below it."""
    below = [level for level in known if _LEVELS.index(level) <= _LEVELS.index(wanted)]
    return below[-1] if below else (known[0] if known else None)
