"""Expectations of the escalation policy: a file of requests, each with where it is to go.

    - name: finances stay home
      headers: {x-majordomo-skill: finance/tax}
      expect: {private: true, mode: resting, rule: finances}

Reading one gives cases or `ConfigErrors` with every fault and its place; `differences` says what of
a decision is not as a case expects. Pure but for the reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import Field, RootModel, ValidationError

from capture.exchange import Mode
from gateway.chat_request import parse
from gateway.config_errors import ConfigErrors, field_findings, suggestion
from gateway.config_load import parse_source, read_file
from gateway.conversation_modes import Answered
from gateway.errors import ClientError
from gateway.features import features_of
from gateway.rehearsal import Rehearsed, seen_headers
from gateway.seeing import why_latched
from gateway.setting_types import TimeOfDay
from gateway.settings import Section
from routers.features import Features
from routers.hours import minute_of
from routers.latch import Latch

REFUSED = "refused"
"""In place of a mode: nothing may answer."""


class Expected(Section):
    """What a decision must be; what is left out may be anything."""

    mode: Literal[Mode.RESTING, Mode.ACTIVE, Mode.BURST, "refused"] | None = None
    """The mode that would answer; `refused`: nothing may."""
    private: bool | None = None
    """It must stay home."""
    rule: str | None = None
    """Name of the rule that decided, or that marked it private; `none`: no rule did."""
    upstream: str | None = None
    """Name of the upstream that would answer."""
    model: str | None = None
    """The model that would answer."""


class Case(Section):
    """One request, and what must become of it."""

    name: str = Field(min_length=1, max_length=200)
    """What it is to show."""
    request: dict[str, Any] = Field(default_factory=dict[str, Any])
    """The body, as a client would send it. Without `model` it asks for `auto`, without `messages`
    it says nothing."""
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    """The headers it comes with."""
    key: str | None = None
    """Name of the API key it comes with; none: no key."""
    input_tokens: int | None = Field(default=None, ge=0)
    """The estimate of its prompt; none: the body's own."""
    conversation_mode: Mode | None = None
    """The mode that answered its conversation last; none: it begins one."""
    at: TimeOfDay | None = None
    """The time of day; none: a time at which no hours are quiet and no `between` holds."""
    expect: Expected
    """Where it must go."""


class Cases(RootModel[tuple[Case, ...]]):
    """A file of cases."""


def read_cases(path: Path) -> tuple[Case, ...]:
    """The cases in a file. Raises ConfigErrors."""
    source = parse_source(read_file(path, "docs/escalation.md shows one"), str(path))
    try:
        return Cases.model_validate(source.data).root
    except ValidationError as error:
        raise ConfigErrors(str(path), field_findings(error, source, Cases)) from None


def features_of_case(case: Case, latch: Latch | None) -> Features:
    """What the router would see of it, under this latch. Raises ClientError for a body that no
    client may send."""
    body = {"model": "auto", "messages": [{"role": "user", "content": ""}], **case.request}
    try:
        raw = orjson.dumps(body)
    except TypeError as error:
        raise ClientError(f"the body is no JSON: {error}", code="bad_json") from None
    request = parse(raw, "rehearsal")
    before = case.conversation_mode
    answered = None if before is None else Answered(before, 0.0, 1)
    features = features_of(
        request,
        seen_headers(case.headers),
        case.key,
        conversation_mode=before,
        minute=None if case.at is None else minute_of(case.at),
        latched=why_latched(latch, answered, request.body["messages"], 0.0),
    )
    if case.input_tokens is not None:
        tokens = case.input_tokens
        features = replace(features, input_tokens=tokens, input_tokens_max=tokens)
    return features


def differences(expect: Expected, found: Rehearsed, rules: Sequence[str] = ()) -> tuple[str, ...]:
    """What is not as expected, one clause each; empty when all is. `rules` are those there are."""
    return tuple(_differences(expect, found, rules))


def _no_such(rule: str, rules: Sequence[str]) -> str:
    return f"; there is no such rule{suggestion(rule, rules)}"


def _differences(expect: Expected, found: Rehearsed, rules: Sequence[str]) -> Iterator[str]:
    decision = found.decision
    mode = REFUSED if found.mode is None else found.mode
    if expect.mode is not None and mode != expect.mode:
        yield f"mode is {mode}, not {expect.mode}"
    if expect.private is not None and decision.private is not expect.private:
        yield "it is private" if decision.private else "it is not private"
    applied = [t.name for t in decision.rules if t.outcome in {"chosen", "matched"}]
    if expect.rule == "none" and applied:
        yield f"rule `{applied[0]}` applies, not none"
    elif expect.rule not in {None, "none", *applied}:
        assert expect.rule is not None
        what = f"rule `{applied[0]}` applies" if applied else "no rule applies"
        known = expect.rule in rules
        yield f"{what}, not `{expect.rule}`" + ("" if known else _no_such(expect.rule, rules))
    chosen = decision.chosen
    for field, wanted in (("upstream", expect.upstream), ("model", expect.model)):
        got = None if chosen is None else getattr(chosen, field)
        if wanted is not None and got != wanted:
            yield f"{field} is {got or 'none'}, not {wanted}"
