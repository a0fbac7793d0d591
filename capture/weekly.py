"""The sovereignty index and its companions, per ISO week. Pure: counts in, figures out.

A week begins on Monday at 00:00 UTC. An exchange belongs to the week it began in. It is answered
when it ended `ok`, by the place of its last attempt: RESTING and ACTIVE are home, BURST is away.
The sovereignty index is the share of answered requests that home answered.

Field names are those of the plan this project follows, so `local_8b` is RESTING and `local_14b`
ACTIVE, whatever the size of the models that a household runs there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from pydantic import TypeAdapter

from capture.exchange import Mode

WEEK_SECONDS = 7 * 86_400
FIRST_MONDAY = -3 * 86_400
"""Where week number 0 begins, in Unix seconds: Monday, 29 December 1969."""
COUNTS_VERSION = 1
"""Of what `WeekCounts` counts; what was kept under another is counted again."""


@dataclass(frozen=True, slots=True)
class WeekCounts:
    """What was counted in one week."""

    number: int
    """Weeks since FIRST_MONDAY."""
    requests: int
    """Exchanges that began, however they ended, but for those answered with our own question."""
    conversations: int
    """Conversations with at least one of them."""
    answered: Mapping[Mode, int] = field(default_factory=dict[Mode, int])
    """Exchanges that ended `ok`, by the mode of their last attempt."""
    succeeded: Mapping[Mode, int] = field(default_factory=dict[Mode, int])
    """Those of them with a good outcome."""
    input_tokens: Mapping[Mode, int] = field(default_factory=dict[Mode, int])
    """Of theirs, as far as upstreams said, both here and below."""
    output_tokens: Mapping[Mode, int] = field(default_factory=dict[Mode, int])
    home_calls: int = 0
    """Replies of home that called tools and were handed over."""
    home_unfit: int = 0
    """Replies of home that were not, because their calls did not fit the tools."""
    cost_usd: float = 0.0
    """Known costs of attempts at BURST, in US dollars."""
    cost_known: int = 0
    """Attempts at BURST whose cost is known."""
    cost_unknown: int = 0
    """Attempts at BURST whose cost is not, and exchanges that died on their way there."""
    successes: int = 0
    failures: int = 0
    corrections: int = 0
    """Exchanges whose answer was corrected by what came next."""
    adapters: tuple[str, ...] = ()
    """Ids of adapters that answered, sorted."""


_COUNTS = TypeAdapter(WeekCounts)


@dataclass(frozen=True, slots=True)
class Week:
    """One week's figures."""

    week: str
    """ISO 8601, as in `2026-W47`."""
    requests: int
    """Exchanges that began in it, however they ended."""
    total_conversations: int
    """Conversations with a request in it; one that runs on counts in each of its weeks."""
    cloud_routed: int
    """Requests answered by BURST."""
    local_14b_routed: int
    """Requests answered by ACTIVE."""
    local_8b_routed: int
    """Requests answered by RESTING."""
    cloud_percentage: float | None
    """Of answered requests, 0 to 100; None when nothing was answered."""
    cloud_cost_usd: float | None
    """Known costs of every attempt at BURST, failed ones too; None when none of them is known."""
    cloud_cost_prev_week: float | None
    """The same of the calendar week before; None when unknown, and for the first week."""
    cost_unknown: int
    """Attempts at BURST that `cloud_cost_usd` leaves out: nobody knows what they cost."""
    all_cloud_cost_usd: float | None
    """What it would have cost had BURST answered all of it: `cloud_cost_usd`, and home's tokens at
    the price of BURST's model, none of them cached. None when a price or a cost is unknown."""
    sovereignty_index: float | None
    """Share of answered requests that home answered, 0 to 1; None when nothing was answered."""
    sovereignty_by_tokens: float | None
    """Home's share of the tokens, asked and answered; None when no upstream said how many."""
    sovereignty_by_successes: float | None
    """Home's share of the answers that did what they should; None when none is known to have."""
    task_success: float | None
    """Successes among outcomes that are known, 0 to 1; None when none is."""
    corrections: int
    """Answers that what came next corrected."""
    correction_rate: float | None
    """Corrections among answered requests, 0 to 1; None when nothing was answered."""
    tool_call_accuracy: float | None
    """Home's replies with calls that fit the tools offered, among all its replies with calls, 0 to
    1; None when there was none. Calls are looked at where the policy verifies."""
    adapters: tuple[str, ...]
    """Ids of the adapters that answered; empty when only bases and the cloud did."""
    training_examples: int = 0
    """Exchanges that adapters made in this week were trained on."""
    gates_passed: int = 0
    """Candidates that the gate let through in this week."""
    gates_rejected: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """An adapter, as far as a week tells of it."""

    at: float
    """When it was made, in Unix seconds."""
    examples: int
    """Exchanges it was trained on."""
    passed: bool | None
    """The gate's verdict; None while there is none."""


Price = Callable[[int, int], float | None]
"""US dollars that so many tokens asked and answered would have cost at BURST; None: unknown."""


def unpriced(_asked: int, _answered: int) -> float | None:
    """Where nobody knows what BURST would cost."""
    return None


def figures(
    counts: Iterable[WeekCounts], price: Price = unpriced, made: Iterable[Made] = ()
) -> tuple[Week, ...]:
    """Each week's figures, oldest first. Weeks without a request are not among them."""
    found = sorted(counts, key=lambda each: each.number)
    costs = {each.number: _cost(each) for each in found}
    trained: dict[int, list[Made]] = {}
    for adapter in made:
        trained.setdefault(week_of(adapter.at), []).append(adapter)
    return tuple(
        _trained(_week(each, _before(each, found[0], costs), price), trained.get(each.number, ()))
        for each in found
    )


def week_of(at: float) -> int:
    """The number of the week that a time, in Unix seconds, falls in."""
    return int((at - FIRST_MONDAY) // WEEK_SECONDS)


def plain_counts(counts: WeekCounts) -> dict[str, Any]:
    """Counts as JSON."""
    return _COUNTS.dump_python(counts, mode="json")


def counts_of(plain: Mapping[str, Any]) -> WeekCounts:
    """The counts that `plain_counts` wrote."""
    return _COUNTS.validate_python(plain)


def week_name(number: int) -> str:
    """ISO 8601's name of a week."""
    year, week, _ = monday(number).isocalendar()
    return f"{year}-W{week:02}"


def monday(number: int) -> date:
    """The day a week begins on."""
    return date(1969, 12, 29) + timedelta(weeks=number)


def week_number(name: str) -> int:
    """The number of the week that `week_name` named. Raises ValueError for anything else."""
    return (date.fromisoformat(f"{name}-1") - date(1969, 12, 29)).days // 7


def _week(counts: WeekCounts, cost_before: float | None, price: Price) -> Week:
    cloud = counts.answered.get(Mode.BURST, 0)
    active = counts.answered.get(Mode.ACTIVE, 0)
    resting = counts.answered.get(Mode.RESTING, 0)
    answered = cloud + active + resting
    tokens = Counter(counts.input_tokens)
    tokens.update(counts.output_tokens)
    away = _share(cloud, answered)
    return Week(
        week=week_name(counts.number),
        requests=counts.requests,
        total_conversations=counts.conversations,
        cloud_routed=cloud,
        local_14b_routed=active,
        local_8b_routed=resting,
        cloud_percentage=None if away is None else 100 * away,
        cloud_cost_usd=_cost(counts),
        cloud_cost_prev_week=cost_before,
        cost_unknown=counts.cost_unknown,
        all_cloud_cost_usd=_all_cloud(counts, price),
        sovereignty_index=_share(active + resting, answered),
        sovereignty_by_tokens=_share(_home(tokens), tokens.total()),
        sovereignty_by_successes=_share(_home(counts.succeeded), sum(counts.succeeded.values())),
        task_success=_share(counts.successes, counts.successes + counts.failures),
        corrections=counts.corrections,
        correction_rate=_share(counts.corrections, answered),
        tool_call_accuracy=_share(counts.home_calls, counts.home_calls + counts.home_unfit),
        adapters=counts.adapters,
    )


def _trained(week: Week, made: Sequence[Made]) -> Week:
    return replace(
        week,
        training_examples=sum(adapter.examples for adapter in made),
        gates_passed=sum(adapter.passed is True for adapter in made),
        gates_rejected=sum(adapter.passed is False for adapter in made),
    )


def _home(by_mode: Mapping[Mode, int]) -> int:
    return sum(of for mode, of in by_mode.items() if mode is not Mode.BURST)


def _all_cloud(counts: WeekCounts, price: Price) -> float | None:
    """What is not known of either part is not known of the whole."""
    home = price(_home(counts.input_tokens), _home(counts.output_tokens))
    if home is None or counts.cost_unknown:
        return None
    return round(counts.cost_usd + home, 9)


def _cost(counts: WeekCounts) -> float | None:
    """What is known of a week's cost; None when there were costs and none of them is known."""
    return None if counts.cost_unknown and not counts.cost_known else round(counts.cost_usd, 9)


def _before(week: WeekCounts, first: WeekCounts, costs: Mapping[int, float | None]) -> float | None:
    """The cost of the calendar week before: nothing when nothing was asked in it."""
    return None if week is first else costs.get(week.number - 1, 0.0)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
