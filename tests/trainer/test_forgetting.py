"""What is forgotten leaves the datasets that had it, says so, and never trains again."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture import datasets
from capture.datasets import CycleRuns, no_cycle
from gateway.forgetting import forget
from gateway.home import Home
from tests.support.errands import day
from tests.support.journals import capturing
from tests.support.turns import REDACTOR, row
from trainer import dataset
from trainer.build import captured_rows
from trainer.curate import Kind
from trainer.files import Held, locked, make_private
from trainer.household import Household
from trainer.records import CycleEnd, CycleFiles
from trainer.rows import Row
from trainer.settings import TrainingSettings

ADAPTER = "20261121-010203-abcdef"


def a_cycle(training: Path, name: str, train: list[Row], held: list[Row]) -> CycleFiles:
    """A cycle that ended with an adapter."""
    files = CycleFiles(make_private(training / name))
    fresh: list[tuple[Kind, Row]] = [("fresh", each) for each in train]
    dataset.write(files.dataset, fresh, held, held, [], 1, "secrets")
    files.keep(CycleEnd(id=name, state="promoted", began_at=1.0, ended_at=2.0, adapter=ADAPTER))
    return files


def lines(files: CycleFiles, name: str) -> list[bytes]:
    return (files.dataset / name).read_bytes().splitlines()


def holding(home: Path, word: bytes) -> list[str]:
    files = [path for path in home.rglob("*") if path.is_file()]
    return [path.name for path in files if word in path.read_bytes()]


def test_rows_leave_the_files_of_every_dataset_and_it_is_flagged(tmp_path: Path) -> None:
    one = a_cycle(tmp_path, "one", [row("a"), row("b"), row("c")], [row("d")])
    two = a_cycle(tmp_path, "two", [row("c")], [row("a"), row("e")])
    three = a_cycle(tmp_path, "three", [row("f")], [])
    answers = make_private(tmp_path / "answers") / "base.jsonl"
    answers.write_text("{}")
    for _ in range(2):  # again, it does no more
        first, second = datasets.forget(tmp_path, {"a", "b"})
        assert (first.cycle, first.exchanges, first.trained) == ("one", ("a", "b"), True)
        assert (second.cycle, second.exchanges, second.trained) == ("two", ("a",), False)
        assert first.adapter == ADAPTER
        assert lines(one, dataset.TRAIN) == [row("c").line]
        assert lines(one, dataset.VALID) == [row("d").line]
        assert lines(two, dataset.TRAIN) == [row("c").line]
        assert lines(two, dataset.VALID) == [row("e").line]
        assert lines(three, dataset.TRAIN) == [row("f").line]
    assert not answers.exists(), "a model may have said what it was asked"
    assert datasets.forget(tmp_path, {"c"})[0].exchanges == ("c",)
    forgotten = one.forgotten()
    assert forgotten is not None
    assert forgotten.exchanges == ("a", "b", "c")
    assert three.forgotten() is None
    assert (one.path / datasets.FORGOTTEN).stat().st_mode & 0o777 == 0o600


async def test_what_is_forgotten_is_no_row_of_any_later_cycle_and_in_no_file_of_the_home(
    tmp_path: Path,
) -> None:
    ids = await day(tmp_path, "kitchen", "cellar", "attic")
    house = Household(
        tmp_path, tmp_path, "none", house=False, settings=TrainingSettings(), redactor=REDACTOR
    )
    rows = captured_rows(house)
    assert [each.id for each in rows] == ids
    a_cycle(house.training, "night", rows, [])
    export = make_private(tmp_path / "exports" / "chat") / "manifest.json"
    export.write_text(f'{{"exchanges": [["{ids[1]}"]]}}')
    old = tmp_path / "majordomo.db.before-0002"
    old.write_bytes((tmp_path / "majordomo.db").read_bytes())
    home = Home(tmp_path)
    words: list[object] = []
    with capturing(tmp_path) as (_, ingester, store):
        with locked(house.training), pytest.raises(Exception, match="cycle is running"):
            await forget(home, store, ingester, ids[1], (), words.append)
        gone = await forget(home, store, ingester, ids[1], (), words.append)
        assert await forget(home, store, ingester, ids[1], (), words.append) is None
    assert gone is not None
    assert len(gone.exchanges) == 2
    assert words == [gone.exchanges]
    assert gone.erased
    assert gone.copies == (old.name,)
    assert gone.exports == ("chat",)
    assert [flagged.cycle for flagged in gone.datasets] == ["night"]
    assert [each.id for each in captured_rows(house)] == [ids[0], ids[2]]
    export.unlink()
    assert holding(tmp_path, b"cellar") == []
    assert holding(tmp_path, b"attic") != []


def test_a_cycle_and_forgetting_keep_out_of_each_others_way(tmp_path: Path) -> None:
    with no_cycle(tmp_path / "training"):
        pass
    assert not (tmp_path / "training").exists(), "nothing was ever trained here"
    with locked(tmp_path), pytest.raises(CycleRuns), no_cycle(tmp_path):
        pass
    with no_cycle(tmp_path), pytest.raises(Held), locked(tmp_path, wait=False):
        pass
