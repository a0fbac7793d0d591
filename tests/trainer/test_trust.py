"""What waits for a person is in no night's rows, and is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.provenance import Trust
from tests.support.errands import day
from tests.support.journals import capturing
from tests.support.sayings import said
from tests.support.turns import REDACTOR
from trainer import build, dataset
from trainer.build import NothingToTrain, captured_rows
from trainer.household import Household
from trainer.settings import TrainingSettings


def household(home: Path, **rules: object) -> Household:
    trust = Trust(**rules)  # type: ignore[arg-type]
    settings = TrainingSettings(held_out=0.0)
    return Household(
        home, home, "none", house=False, settings=settings, redactor=REDACTOR, trust=trust
    )


GUEST = {"untrusted_keys": frozenset({"laptop"})}


async def test_no_night_has_what_is_held_until_a_person_approves_it(tmp_path: Path) -> None:
    ids = await day(tmp_path, "kitchen", "cellar", "attic")
    house = household(tmp_path, **GUEST)
    assert captured_rows(house) == []
    with pytest.raises(NothingToTrain, match="; 3 wait for `majordomo review`"):
        build.select(house, [], again=False)
    with capturing(tmp_path) as (journal, ingester, _):
        journal.feedback(said(ids[1], value=None, train=True, key="majordomo-cli"))
        assert await ingester.catch_up(30)
    chosen = build.select(house, [], again=False)
    assert ([row.id for row in chosen.fresh], chosen.waiting) == ([ids[1]], 2)


async def test_what_a_person_refused_trains_in_no_night_and_does_not_wait(tmp_path: Path) -> None:
    ids = await day(tmp_path, "kitchen", "cellar")
    with capturing(tmp_path) as (journal, ingester, _):
        journal.feedback(said(ids[0], value=None, train=False))
        assert await ingester.catch_up(30)
    chosen = build.select(household(tmp_path), [], again=False)
    assert ([row.id for row in chosen.fresh], chosen.waiting) == ([ids[1]], 0)


async def test_a_dataset_names_what_a_cloud_model_wrote_and_a_persons_words_are_not(
    tmp_path: Path,
) -> None:
    ids = await day(tmp_path / "home", "kitchen", "cellar")
    with capturing(tmp_path / "home") as (journal, ingester, _):
        journal.feedback(said(ids[1], demonstration="Not at night."))
        assert await ingester.catch_up(30)
    rows = captured_rows(household(tmp_path / "home"))
    manifest = dataset.write(
        tmp_path / "set", [("fresh", row) for row in rows], [], [], [], 1, "secrets"
    )
    assert [(name.id, name.cloud) for name in manifest.train] == [(ids[0], True), (ids[1], False)]


async def test_what_a_cloud_model_wrote_trains_or_not_as_the_settings_say(tmp_path: Path) -> None:
    ids = await day(tmp_path, "kitchen")
    assert [row.id for row in captured_rows(household(tmp_path))] == ids
    assert captured_rows(household(tmp_path, cloud_text="keep_out")) == []


def test_a_dataset_says_how_many_waited_when_it_was_made(tmp_path: Path) -> None:
    dataset.write(tmp_path, [], [], [], [], 1, "secrets", waiting=7)
    manifest = dataset.read_manifest(tmp_path)
    assert manifest is not None
    assert manifest.waiting == 7
