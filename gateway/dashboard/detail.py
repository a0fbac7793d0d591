"""One exchange as its page shows it, redacted. Pure: the store's values in, the page's out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from capture.exchange import Mode, Reason, RouteDecision, RuleTrace
from capture.outcomes import Outcome
from capture.redact import Redactor
from capture.store.rows import AttemptDetail, ExchangeDetail, OldOutcome
from gateway.dashboard.format import Moment, count, moment, seconds, size, usd
from gateway.dashboard.redacted import holds_secrets, redacted_detail
from gateway.dashboard.text import Shown, one_line, shown, shown_json
from gateway.dashboard.transcript import Said, reply_turn, transcript
from gateway.dashboard.words import ATTEMPT, OUTCOME, PURPOSE, RULE, Status, missing, status
from gateway.endpoints.explaining import decision_of, sentence
from gateway.endpoints.lookup import client_got
from gateway.endpoints.weighed import weighed_lines

RAW_LIMIT = 50_000
"""Characters of a raw body shown in the page."""
ERROR_LIMIT = 2_000
NAME_LIMIT = 80
"""Characters of a model's name where it is shown as a name."""
_NOT_SHOWN = (
    "Not shown here: it holds what this page redacts, or is too long to be looked through. "
    "The download is as it was."
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One named figure."""

    name: str
    value: str | None
    why: str = "unknown"
    """What to say when it is None."""
    mono: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of a rule, and what it saw."""

    condition: str
    wanted: str
    found: str
    held: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the policy."""

    name: str
    outcome: str
    words: str
    saw: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Excluded:
    """A place that was ruled out."""

    name: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt."""

    mode: Mode
    model: str
    adapter: str | None
    """LoRA weights it was made with; None for the base alone, and for weights that are not ours."""
    upstream: str
    words: str
    error: Shown | None
    request_id: str | None
    answered: bool
    """A response came, so that no connect time means a kept-alive connection."""
    input: str | None
    output: str | None
    cost: str | None
    connect: str | None
    first: str | None
    total: str | None


@dataclass(frozen=True, slots=True)
class CameOfIt:
    """The outcome, and what says so."""

    words: str
    evidence: tuple[Reason, ...]
    before: tuple[str, ...]
    """What it was taken for earlier, the oldest first."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A raw body."""

    name: str
    size: str
    url: str
    shown: Shown


@dataclass(frozen=True, slots=True)
class Page:
    """All of the page."""

    id: str
    title: str
    open: bool
    mode: Mode | None
    model: str | None
    status: Status
    private: bool
    when: Moment
    sentence: str
    facts: tuple[Fact, ...]
    error: Shown | None
    """What the client was told went wrong; None when nothing did."""
    opening: tuple[Said, ...]
    earlier: tuple[Said, ...]
    latest: tuple[Said, ...]
    more_messages: int
    """Messages not shown."""
    replies: tuple[Said, ...]
    continues: str | None
    """Id of the exchange it goes on from."""
    parent: str | None
    """Id of the exchange it was asked for on the side."""
    came_of_it: CameOfIt | None
    """None while nothing says."""
    reasons: tuple[Reason, ...]
    rules: tuple[Rule, ...]
    weighed: tuple[str, ...]
    """How the learning router weighed it, a line each; empty where it did not."""
    excluded: tuple[Excluded, ...]
    attempts: tuple[Try, ...]
    tools: tuple[str, ...]
    notes: tuple[str, ...]
    raw: tuple[Raw, ...]


def exchange_page(stored: ExchangeDetail, redactor: Redactor, now: float) -> Page:
    """The page of one exchange."""
    detail = redacted_detail(stored, redactor)
    row = detail.summary
    decision = decision_of(detail.decision)
    said = transcript(detail.messages)
    return Page(
        id=row.id,
        title=one_line(row.asked, 60) if row.asked else f"Exchange {row.id}",
        open=row.status == "open",
        mode=row.mode,
        model=one_line(row.model, NAME_LIMIT) if row.model else None,
        status=status(row.status),
        private=decision.private,
        when=moment(row.began_at, now),
        sentence=sentence(detail, decision),
        facts=tuple(_facts(detail)),
        error=None if detail.error is None else shown(_error_text(detail.error), ERROR_LIMIT),
        opening=said.opening,
        earlier=said.earlier,
        latest=said.latest,
        more_messages=said.left_out,
        replies=tuple(map(reply_turn, detail.replies)),
        continues=detail.continues,
        parent=detail.parent,
        came_of_it=_came_of(detail),
        reasons=decision.reasons,
        rules=tuple(map(_rule, decision.rules)),
        weighed=() if detail.weighing is None else tuple(weighed_lines(detail.weighing)),
        excluded=_excluded(decision),
        attempts=tuple(map(_attempt, detail.attempts)),
        tools=detail.tools,
        notes=detail.notes,
        raw=tuple(_raw(stored, redactor)),
    )


def _facts(detail: ExchangeDetail) -> Iterator[Fact]:
    row = detail.summary
    usage = row.usage
    none = missing(row.status)
    waiting = "\u2026" if row.status == "open" else "none"
    yield Fact("Asked for", one_line(row.alias, NAME_LIMIT))
    yield Fact("Skill", one_line(row.skill, NAME_LIMIT) if row.skill else None)
    if detail.purpose is not None:
        yield Fact("Asked on the side", PURPOSE[detail.purpose])
    yield Fact("Tokens in", count(usage.input_tokens) if usage else None, none)
    yield Fact("Tokens out", count(usage.output_tokens) if usage else None, none)
    if usage and usage.cache_read_tokens is not None:
        yield Fact("Read from cache", count(usage.cache_read_tokens))
    if usage and usage.cache_write_tokens:
        yield Fact("Written to cache", count(usage.cache_write_tokens))
    if usage and usage.reasoning_tokens:
        yield Fact("Thinking tokens", count(usage.reasoning_tokens))
    yield Fact("Cost", usd(row.cost_usd), none)
    yield Fact("Waited for a turn", seconds(detail.queue_s), waiting)
    yield Fact("First token", seconds(row.first_token_s), waiting)
    yield Fact("Total", seconds(row.total_s), waiting)
    yield Fact("Ended because", row.finish_reason, waiting)
    yield Fact("HTTP status", None if row.http_status is None else str(row.http_status), waiting)
    yield Fact("Form", "stream" if row.stream else "one reply")
    delivered = detail.delivered_bytes
    yield Fact("Delivered", None if delivered is None else size(delivered), waiting)
    yield Fact("Key", row.key, "no keys are set")
    if detail.session is not None:
        yield Fact("Session", one_line(detail.session, NAME_LIMIT), mono=True)
    yield Fact("Settings load", str(detail.config_generation))
    yield Fact("Exchange", row.id, mono=True)


def _came_of(detail: ExchangeDetail) -> CameOfIt | None:
    outcome = detail.outcome
    if outcome is None:
        return None
    words = _sure(outcome)
    if outcome.corrected:
        words = f"{words}; the user corrected it"
    return CameOfIt(
        words,
        tuple(Reason(*seen) for seen in outcome.evidence),
        tuple(map(_sure, detail.outcome_before)),
    )


def _sure(outcome: Outcome | OldOutcome) -> str:
    words = OUTCOME[outcome.outcome]
    return words if outcome.outcome == "unknown" else f"{words}, {outcome.confidence:.0%} sure"


def _error_text(error: Any) -> str:
    """An error object's own words, with its code."""
    message, code = error.get("message"), error.get("code")
    return f"{message} ({code})" if code else str(message)


def _rule(trace: RuleTrace) -> Rule:
    return Rule(trace.name, trace.outcome, RULE[trace.outcome], tuple(Check(*s) for s in trace.saw))


def _excluded(decision: RouteDecision) -> tuple[Excluded, ...]:
    return tuple(
        Excluded(
            f"{place.model} at {place.upstream} ({place.mode.upper()})", reason.code, reason.text
        )
        for place, reason in decision.excluded
    )


def _attempt(tried: AttemptDetail) -> Try:
    words = ATTEMPT[tried.status]
    usage = tried.usage
    return Try(
        mode=tried.mode,
        model=tried.model,
        adapter=tried.adapter,
        upstream=tried.upstream,
        words=words if tried.http_status is None else f"{words}, HTTP {tried.http_status}",
        error=shown(tried.error, ERROR_LIMIT) if tried.error else None,
        request_id=tried.upstream_request_id,
        answered=tried.http_status is not None,
        input=count(usage.input_tokens) if usage else None,
        output=count(usage.output_tokens) if usage else None,
        cost=usd(tried.cost_usd),
        connect=seconds(tried.connect_s),
        first=seconds(tried.first_byte_s),
        total=seconds(tried.total_s),
    )


def _raw(detail: ExchangeDetail, redactor: Redactor) -> Iterator[Raw]:
    """Raw bodies, as they are: one in which anything would be redacted can be had, not seen."""
    base = f"/v1/exchanges/{detail.summary.id}"
    yield _body(redactor, "Request as received", detail.request, f"{base}/request", json=True)
    got = client_got(detail)
    yield _body(redactor, "Response as the client got it", got, f"{base}/response")
    for number, attempt in enumerate(detail.attempts, 1):
        if attempt.raw and attempt.raw != got:
            name = f"Response of attempt {number}, from {attempt.upstream}"
            yield _body(redactor, name, attempt.raw, f"{base}/attempts/{number}/response")


def _body(redactor: Redactor, name: str, body: bytes, url: str, *, json: bool = False) -> Raw:
    if holds_secrets(body, redactor):
        return Raw(name, size(len(body)), url, shown(_NOT_SHOWN, len(_NOT_SHOWN)))
    text = body.decode(errors="backslashreplace")
    return Raw(name, size(len(body)), url, (shown_json if json else shown)(text, RAW_LIMIT))
