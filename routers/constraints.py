"""What no rule and no wish overrides: privacy, approval, capability, room for the prompt, money.

`objection` says why one place may not have one request, or None when it may. What is unknown (a
context length, whether images are taken) never rules a place out, with one exception: where a
budget is set, a price that is unknown does.
"""

from __future__ import annotations

from capture.exchange import Reason
from routers.features import Budget, Features, Place

REPLY_RESERVE = 256
"""Tokens of the context kept free for a reply. Agents send a huge `max_tokens` as a matter of
course (Hermes Agent: 65,536), so only a smaller one says anything of the reply they expect."""


def objection(place: Place, features: Features, private: bool, budget: Budget) -> Reason | None:
    """The first constraint that rules `place` out for this request; None when none does."""
    if private and not place.local:
        return Reason(
            "private", f"private requests stay home and `{place.upstream}` is not at home"
        )
    if features.stays_home is not None and not place.free:
        return Reason("approval", features.stays_home)
    if features.images and place.images is False:
        return Reason("images", f"`{place.model}` takes no images")
    if place.context_length is not None and needed(features) > place.context_length:
        return Reason(
            "context",
            f"about {features.input_tokens:,} tokens of prompt do not fit `{place.model}`, "
            f"which holds {place.context_length:,}",
        )
    if place.worst_case_usd == 0.0:
        return None
    return _over_budget(place, budget)


def needed(features: Features) -> int:
    """Tokens of context this request wants: its prompt and room for a reply."""
    return features.input_tokens + min(features.output_tokens or REPLY_RESERVE, REPLY_RESERVE)


def _over_budget(place: Place, budget: Budget) -> Reason | None:
    for period, left in (("day", budget.day_left_usd), ("month", budget.month_left_usd)):
        if left is None:
            continue
        if place.worst_case_usd is None:
            return Reason(
                "unknown_price", f"the price of `{place.model}` is unknown and a budget is set"
            )
        if place.worst_case_usd > left:
            return Reason(
                "budget",
                f"`{place.model}` could cost up to {dollars(place.worst_case_usd)} and "
                f"{dollars(left)} of this {period}'s budget is left",
            )
    return None


def dollars(amount: float) -> str:
    """An amount for people: in cents, and below ten of them with four decimals."""
    return f"${amount:.2f}" if amount >= 0.1 or amount == 0 else f"${amount:.4f}"
