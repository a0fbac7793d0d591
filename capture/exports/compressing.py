"""Rows within a token budget: `capture.compression` over what the formats' rows hold.

sharegpt        turns as Hermes writes them, tokens of each `value`
chat, openai    messages, their calls and the tools offered; the reply to learn always stays
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from capture.compression import (
    Compressed,
    Count,
    Limits,
    Metrics,
    Role,
    Summarise,
    Turn,
    compress,
    with_notice,
)

Json = Mapping[str, Any]
_SHAREGPT: Mapping[str, Role] = {
    "system": "system",
    "human": "human",
    "gpt": "reply",
    "tool": "results",
}
_CHAT: Mapping[str, Role] = {
    "system": "system",
    "user": "human",
    "assistant": "reply",
    "tool": "results",
}
OVER_BUDGET = "over_budget"
"""Why a row is left out that no compressing brings within the budget: trained, it would be cut off,
and its end is the reply."""
_BYTES_PER_TOKEN = 4
"""As the gateway estimates a prompt (`gateway.features`)."""


def estimate(text: str) -> int:
    """Tokens of a text, where no tokenizer is at hand: a token in four bytes, rounded up."""
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class Compressor:
    """What rows are to fit into, and how."""

    limits: Limits
    count: Count = estimate
    counted_by: str = "estimate"
    """Who counts, as the manifest says it."""
    summarise: Summarise | None = None
    """None: summaries are extracted."""

    def trajectory(self, said: Sequence[Json]) -> tuple[list[Json], Metrics]:
        """ShareGPT's turns within the budget."""
        turns = [
            Turn(_SHAREGPT[turn["from"]], turn["value"], begins=turn["from"] != "tool")
            for turn in said
        ]
        made = self._compressed(turns)
        rest = _applied(said, made, {"from": "human", "value": made.summary}, "value")
        return rest, made.metrics

    def row(self, row: Json) -> tuple[Json, Metrics]:
        """A row of `messages` and `tools` within the budget."""
        messages = row["messages"]
        tools = self.count(_text(row["tools"])) if row.get("tools") else 0
        made = self._compressed(_turns(messages), tools)
        rest = _applied(messages, made, {"role": "user", "content": made.summary}, "content")
        return {**row, "messages": rest}, made.metrics

    def _compressed(self, turns: Sequence[Turn], beside: int = 0) -> Compressed:
        return compress(turns, self.limits, self.count, summarise=self.summarise, beside=beside)


class Totals:
    """What compressing did to all rows that came of it."""

    def __init__(self) -> None:
        self._sums = Counter[str]()
        self._summaries = Counter[str]()

    def add(self, metrics: Metrics) -> None:
        """Count one row."""
        self._sums["compressed"] += metrics.was_compressed
        for name in ("original_tokens", "compressed_tokens", "turns_removed"):
            self._sums[name] += getattr(metrics, name)
        if metrics.summary is not None:
            self._summaries[metrics.summary] += 1

    def plain(self, compressor: Compressor) -> dict[str, Any]:
        """All of it as JSON says it, with what was asked for."""
        names = ("compressed", "original_tokens", "compressed_tokens", "turns_removed")
        return {
            "budget": asdict(compressor.limits),
            "counted_by": compressor.counted_by,
            **{name: self._sums[name] for name in names},
            "summaries": dict(sorted(self._summaries.items())),
        }


def _applied(said: Sequence[Json], made: Compressed, summary: Json, text: str) -> list[Json]:
    """Turns with the summary in the place of those it stands for."""
    if not made.region:
        return list(said)
    first = said[0]
    if "system" in (first.get("from"), first.get("role")):
        first = {**first, text: with_notice(first[text])}
    return [first, *said[1 : made.region.start], summary, *said[made.region.stop :]]


def _turns(messages: Sequence[Json]) -> list[Turn]:
    """Messages as turns; all from a call to the last of its results belongs together."""
    called: dict[str, int] = {}
    joined: set[int] = set()
    for at, message in enumerate(messages):
        if message["role"] == "tool":
            call = called.get(message.get("tool_call_id") or "", at - 1)
            joined.update(range(call + 1, at + 1))
        for each in message.get("tool_calls", ()):
            if each.get("id"):
                called[each["id"]] = at
    return [
        Turn(_CHAT.get(message["role"], "human"), _said(message), begins=at not in joined)
        for at, message in enumerate(messages)
    ]


def _said(message: Json) -> str:
    """All that a message costs tokens for."""
    calls = message.get("tool_calls")
    parts = (message.get("reasoning_content"), message.get("content"), calls and _text(calls))
    return "\n".join(part for part in parts if part)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
