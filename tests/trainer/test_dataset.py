from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.turns import row
from trainer import dataset
from trainer.curate import Kind
from trainer.golden import FileGolden, HouseGolden
from trainer.rows import Row

GOLDEN = HouseGolden()


def written(directory: Path) -> tuple[dataset.DatasetManifest, list[Row]]:
    fresh, replayed, held = row("a"), row("b"), row("c")
    (golden,) = GOLDEN.training(1, seed=5)
    train: list[tuple[Kind, Row]] = [("golden", golden), ("fresh", fresh), ("replayed", replayed)]
    return dataset.write(directory, train, [held], [held], [], 5, "secrets"), [
        fresh,
        replayed,
        held,
    ]


def test_a_dataset_is_made_again_byte_for_byte_from_its_manifest(tmp_path: Path) -> None:
    manifest, rows = written(tmp_path / "once")
    assert dataset.read_manifest(tmp_path / "once") == manifest
    by_id = {each.id: each for each in rows}
    dataset.rebuild(tmp_path / "again", manifest, lambda id_: by_id.get(id_) or GOLDEN.row(id_))
    for name in (dataset.TRAIN, dataset.VALID):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "once" / name).read_bytes()


def test_a_row_that_is_gone_or_changed_is_said_and_nothing_written(tmp_path: Path) -> None:
    manifest, _ = written(tmp_path / "once")
    with pytest.raises(dataset.Gone, match="row a is gone"):
        dataset.rebuild(tmp_path / "again", manifest, GOLDEN.row)
    with pytest.raises(dataset.Gone, match="row a has changed"):
        dataset.rebuild(tmp_path / "again", manifest, lambda id_: GOLDEN.row(id_) or row("other"))
    assert not (tmp_path / "again").exists()


def test_the_manifest_names_new_exchanges_apart_from_replayed_and_golden_ones(
    tmp_path: Path,
) -> None:
    manifest, _ = written(tmp_path)
    assert manifest.exchanges == ("a",)
    past = dataset.past_of([manifest])
    assert past.trained == {"a", "b"}
    assert past.sides == {
        "conversation of a": "train",
        "conversation of b": "train",
        "conversation of c": "held_out",
    }


def test_a_dataset_without_a_manifest_is_none(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / dataset.MANIFEST).unlink()
    assert dataset.read_manifest(tmp_path) is None


def test_golden_rows_of_the_house_model_follow_from_their_seed_and_never_test() -> None:
    rows = GOLDEN.training(60, seed=1)
    assert [each.line for each in rows] == [each.line for each in GOLDEN.training(60, seed=1)]
    assert [GOLDEN.row(each.id) for each in rows] == rows
    assert rows[0].line != GOLDEN.training(1, seed=2)[0].line
    tested = {each.request_key for each in GOLDEN.test(1)}
    assert not tested & {each.request_key for each in rows}


def test_a_golden_row_calls_no_tool_that_is_not_offered() -> None:
    for each in GOLDEN.training(100, seed=3):
        offered = {tool["function"]["name"] for tool in each.tools}
        called = {
            call["function"]["name"]
            for message in each.messages
            for call in message.get("tool_calls", ())
        }
        assert called <= offered


def test_golden_rows_for_another_base_are_read_from_files(tmp_path: Path) -> None:
    lines = [
        f'{{"messages": [{{"role": "user", "content": "say {n}"}},'
        f' {{"role": "assistant", "content": "{n}"}}], "skill": "say"}}'
        for n in range(40)
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join([*lines, "{broken", "[]"]))
    golden = FileGolden.read(tmp_path)
    assert len(golden.rows) == 40
    trained = {each.id for each in golden.training(100, seed=1)}
    tested = {each.id for each in golden.test(100)}
    assert trained
    assert tested
    assert trained | tested == {each.id for each in golden.rows}
    assert not trained & tested
    assert {each.skill for each in golden.test(100)} == {"say"}
