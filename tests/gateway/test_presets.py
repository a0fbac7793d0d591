"""Presets: whole policies to begin with, and what is set beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.exchange import Mode
from gateway.config_load import load_bytes
from gateway.policy import build_policy
from gateway.presets import PRESETS
from gateway.settings import Escalation
from routers.decide import decide
from routers.features import Budget, Features, Fleet, Place
from tests.support.policies import HOUSE

FLEET = Fleet(
    (
        Place(Mode.RESTING, "ollama", "small", local=True),
        Place(Mode.ACTIVE, "ollama", "large", local=True),
        Place(Mode.BURST, "claude", "opus", local=False),
    )
)


def preset(name: str, **own: object) -> Escalation:
    return Escalation.model_validate({"preset": name, **own})


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_serves_without_a_warning_and_with_every_field_it_names(name: str) -> None:
    text = HOUSE + f"escalation: {{preset: {name}}}\n"
    loaded = load_bytes(text.encode(), "m.yaml")
    assert loaded.warnings == ()
    said = loaded.settings.escalation.model_dump(mode="json")
    for field, value in PRESETS[name].items():
        if field in {"history", "budget", "latch"}:
            assert said[field] | value == said[field]
        elif field != "rules":
            assert said[field] == value


def test_a_preset_for_modes_that_are_not_there_warns_of_nothing_but_the_default() -> None:
    text = HOUSE.replace("  active: {upstream: ollama, model: large}\n", "")
    loaded = load_bytes((text + "escalation: {preset: frugal}\n").encode(), "m.yaml")
    assert loaded.warnings == ()


def test_what_is_set_beside_a_preset_counts_in_its_place_field_by_field() -> None:
    own = preset("balanced", history={"skills": {"code*": 0.9}}, budget={"day_usd": 2})
    assert (own.default, own.history.home_at) == ("learned", 0.7)
    assert own.history.skills == {"code*": 0.9}
    assert (own.budget.day_usd, own.budget.month_usd) == (2, 50)
    assert preset("balanced", default="active", fallback=[]).fallback == ()
    careful = preset("careful", latch={"turns": 3})
    assert (careful.latch.on, careful.latch.turns, careful.latch.minutes) == (True, 3, 60)
    assert not preset("careful", latch=False).latch.on
    assert not Escalation().latch.on
    assert preset("frugal", latch=True).latch.on


@pytest.mark.parametrize("alias", ["auto", "burst", "resting"])
def test_local_only_keeps_home_whatever_is_asked_and_whatever_rules_are_added(alias: str) -> None:
    policy = build_policy(preset("local-only", rules=[{"name": "mine", "then": "active"}]))
    decision = decide(Features(alias, 10, None), FLEET, policy, Budget())
    assert decision.private
    assert decision.candidates
    assert all(c.mode is not Mode.BURST for c in decision.candidates)


def test_a_preset_that_is_shown_in_full_reads_back_as_the_same_policy() -> None:
    for name in PRESETS:
        shown = preset(name, latch=False).model_dump(mode="json", exclude_none=True)
        assert build_policy(Escalation.model_validate(shown)) == build_policy(
            preset(name, latch=False)
        )


def test_the_table_of_presets_in_the_documentation_is_true() -> None:
    text = (Path(__file__).parents[2] / "docs/escalation.md").read_text("utf-8")
    for name in PRESETS:
        made = preset(name)
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        budget = made.budget
        assert cells[1] == made.default + (
            f" at {made.history.home_at:g}" if made.default == "learned" else ""
        )
        most = made.max_quality_loss
        assert cells[5] == ("none" if most is None else f"{most:g}")
        assert cells[2] == ", ".join(made.fallback)
        assert cells[3] == (
            f"${budget.day_usd:g} a day, ${budget.month_usd:g} a month"
            if budget.day_usd is not None
            else "none"
        )
        assert cells[4] == (f"{made.latch.minutes:g} minutes" if made.latch.on else "off")
