"""What becomes of a night when something goes otherwise than planned. What trains and answers is
scripted; everything that is decided and written is real."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from capture.adapters import (
    CONFIG,
    WEIGHTS,
    Adapter,
    Manifest,
    read_adapters,
    read_pointer,
    sha256,
)
from capture.redact import Redactor
from capture.soul import Soul
from tests.support.errands import day
from tests.support.lora import manifest, passed
from tests.support.turns import REDACTOR, turn
from trainer import build, commands, curate, cycle, dataset, evaluate, lengths, registry
from trainer.backends import Losses, Progress, TrainingFailed
from trainer.children import ChildFailed, Heard
from trainer.curate import is_held_out
from trainer.household import Household
from trainer.records import CycleFiles, cycles
from trainer.settings import TrainingSettings

ROOMS = ("kitchen", "hall", "attic", "study", "cellar", "garage", "bath", "porch", "loft", "shed")
REFUSED = "the template refuses this"
SOUL = Soul("You are Ada, and kind.", "prepend")


@dataclass
class Scripted:
    """A backend, and the child processes that measure and answer."""

    trouble: list[Exception] = field(default_factory=list[Exception])
    """What the next trainings end with."""
    answering: Callable[[], None] = lambda: None
    """Called before each model answers."""
    seen: list[bool] = field(default_factory=list[bool])
    """Of each training, whether there were rows to validate by."""

    asked: list[bytes] = field(default_factory=list[bytes])
    """Every request that models were to answer."""

    def config(
        self, settings: TrainingSettings, *, base: Path, data: Path, out: Path, rows: int, seed: int
    ) -> dict[str, Any]:
        return {"data": str(data), "out": str(out)}

    def validation_rows(self, batch_size: int) -> int:
        return 2 * batch_size

    def train(
        self,
        configuration: dict[str, Any],
        directory: Path,
        cache: Path,
        heard: Callable[[Progress], None],
    ) -> Losses:
        self.seen.append((Path(configuration["data"]) / "valid.jsonl").exists())
        if self.trouble:
            raise self.trouble.pop(0)
        out = Path(configuration["out"])
        out.mkdir(parents=True)
        (out / WEIGHTS).write_text(f"weights {len(self.seen)}")
        (out / CONFIG).write_text("{}")
        return Losses(((1, 2.0),), ())

    def run_child(self, arguments: Sequence[str], *, cache: Path, log: Path, heard: Heard) -> None:
        what, *_, asked, answered = arguments
        if what == "answer":
            self.answering()
        with Path(answered).open("ab") as file:
            for line in Path(asked).read_bytes().splitlines():
                self.asked += [line] if what == "answer" else []
                refused = REFUSED.encode() in line
                if refused and what == "answer":
                    raise ChildFailed("the template refuses a request")
                said = {"tokens": None if refused else 9, "message": {"content": "no"}}
                file.write(orjson.dumps({"key": orjson.loads(line)["key"]} | said) + b"\n")


class Deaf:
    """A watch that keeps nothing."""

    def said(self, text: str) -> None: ...
    def trained(self, progress: Progress, iters: int) -> None: ...
    def answered(self, who: str, more: int, of: int) -> None: ...


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    made = Scripted()
    monkeypatch.setattr(evaluate, "run_child", made.run_child)
    monkeypatch.setattr(lengths, "run_child", made.run_child)
    return made


@pytest.fixture
async def household(tmp_path: Path, scripted: Scripted) -> Household:
    """Ten errands, two of them held out."""
    home, base = tmp_path / "home", tmp_path / "base"
    base.mkdir()
    (base / "model.safetensors").write_bytes(b"the base")
    ids = await day(home, *ROOMS)
    low, share, high = 0.0, 0.5, 1.0
    while (held_out := sum(is_held_out(id_, share) for id_ in ids)) != 2:
        low, high = (share, high) if held_out < 2 else (low, share)
        share = (low + high) / 2
    settings = TrainingSettings(batch_size=2, held_out=share)
    return Household(
        home, base, "tiny", house=False, settings=settings, backend=scripted, redactor=REDACTOR
    )


def night(household: Household) -> cycle.CycleEnd:
    return cycle.run(household, Deaf())


def last(household: Household) -> CycleFiles:
    return cycles(household.training)[-1]


def named(household: Household) -> dataset.DatasetManifest:
    found = dataset.read_manifest(last(household).dataset)
    assert found is not None
    return found


def golden(household: Household, *wordings: str) -> None:
    """Give the household golden rows, sixty of each wording."""
    (household.home / "golden").mkdir()
    lines = [
        {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "yes"}]}
        for n in range(60)
        for text in (f"{wording} {n}" for wording in wordings)
    ]
    file = household.home / "golden" / "mine.jsonl"
    file.write_bytes(b"\n".join(map(orjson.dumps, lines)))


def publish(household: Household, words: str, after: float) -> Adapter:
    made = household.home / "made"
    made.mkdir(exist_ok=True)
    (made / WEIGHTS).write_text(words)
    (made / CONFIG).write_text("{}")
    described: Manifest = manifest(
        sha256(made / WEIGHTS) or "", household.base_sha256(), 1_790_000_000.0 + after
    )
    return registry.publish(household.adapters, made, described, passed())


@pytest.mark.parametrize("trouble", [TrainingFailed("no number"), ChildFailed("out of memory")])
def test_a_night_that_failed_is_over_and_the_next_begins_anew(
    household: Household,
    scripted: Scripted,
    trouble: Exception,
    capsys: pytest.CaptureFixture[str],
) -> None:
    scripted.trouble.append(trouble)
    with pytest.raises(type(trouble)):
        night(household)
    failed = last(household).ended()
    assert failed is not None
    assert (failed.state, failed.reason) == ("failed", str(trouble))
    commands.history(household.home, as_json=False)
    assert f"failed: {trouble}" in capsys.readouterr().out
    meant = named(household).exchanges
    ended = night(household)
    assert (ended.state, ended.id != failed.id) == ("promoted", True)
    assert named(household).exchanges == meant


def test_a_night_that_failed_while_it_answered_begins_anew_too(
    household: Household, scripted: Scripted
) -> None:
    def die() -> None:
        scripted.answering = lambda: None
        raise ChildFailed("answer was ended by SIGKILL")

    scripted.answering = die
    with pytest.raises(ChildFailed):
        night(household)
    assert night(household).state == "promoted"
    assert len(cycles(household.training)) == 2


def test_a_night_that_was_interrupted_goes_on(household: Household, scripted: Scripted) -> None:
    def interrupt() -> None:
        scripted.answering = lambda: None
        raise KeyboardInterrupt

    scripted.answering = interrupt
    with pytest.raises(KeyboardInterrupt):
        night(household)
    assert last(household).ended() is None
    assert night(household).state == "promoted"
    assert (len(cycles(household.training)), len(scripted.seen)) == (1, 1)


def test_a_night_that_was_interrupted_does_not_go_on_with_what_is_redacted_otherwise_by_now(
    household: Household, scripted: Scripted
) -> None:
    def interrupt() -> None:
        scripted.answering = lambda: None
        raise KeyboardInterrupt

    scripted.answering = interrupt
    careless = replace(household, redactor=Redactor("off", b""))
    with pytest.raises(KeyboardInterrupt):
        night(careless)
    assert named(careless).redact == "off"
    assert night(household).state == "promoted"
    first, _ = cycles(household.training)
    ended = first.ended()
    assert ended is not None
    assert ended.state == "abandoned"
    assert named(household).redact == "secrets"


def test_a_night_that_was_interrupted_does_not_go_on_with_another_soul(
    household: Household, scripted: Scripted
) -> None:
    def interrupt() -> None:
        scripted.answering = lambda: None
        raise KeyboardInterrupt

    scripted.answering = interrupt
    with pytest.raises(KeyboardInterrupt):
        night(replace(household, soul=SOUL))
    assert night(household).state == "promoted"
    ends = [files.ended() for files in cycles(household.training)]
    assert [end.state for end in ends if end is not None] == ["abandoned", "promoted"]
    assert named(household).soul is None


def test_every_row_that_trains_or_judges_has_the_soul_and_is_built_again_with_it(
    household: Household, scripted: Scripted, tmp_path: Path
) -> None:
    golden(household, "say yes to")
    kind = replace(household, soul=SOUL)
    night(kind)
    manifest, found = named(kind), last(kind).dataset
    assert manifest.soul == SOUL.mark
    assert {"fresh", "golden"} == {name.kind for name in manifest.train}
    lines = [
        orjson.loads(line)
        for name in (dataset.TRAIN, dataset.VALID)
        for line in (found / name).read_bytes().splitlines()
    ]
    assert {line["messages"][0]["content"] for line in lines} == {SOUL.text}
    assert scripted.asked
    assert all(SOUL.text.encode() in line for line in scripted.asked)

    def again(given: Household) -> None:
        rows = {row.id: row for row in build.captured_rows(given)}
        made = given.golden()
        dataset.rebuild(tmp_path / "again", manifest, lambda id_: rows.get(id_) or made.row(id_))

    again(kind)
    for name in (dataset.TRAIN, dataset.VALID):
        assert (tmp_path / "again" / name).read_bytes() == (found / name).read_bytes()
    with pytest.raises(dataset.Gone, match="has changed"):
        again(household)


def test_rows_that_say_the_same_once_they_have_the_soul_count_once() -> None:
    """As when the agent sent its soul one day and not the next."""
    asked = [{"role": "user", "content": "read"}]
    with_it = [{"role": "system", "content": SOUL.text}, *asked]
    turns = [turn(id_, request={"messages": said}) for id_, said in (("a", asked), ("b", with_it))]
    reply = turns[0].reply
    rows = list(curate.worthy(SOUL.given(replace(each, reply=reply)) for each in turns))
    assert [row.id for row in rows] == ["a"]


def test_held_out_rows_that_fill_no_batch_are_not_given_to_training(
    household: Household, scripted: Scripted
) -> None:
    many = replace(household, settings=replace(household.settings, batch_size=8))
    night(many)
    assert len(named(many).held_out) == 2
    assert named(many).valid == ()
    assert scripted.seen == [False]


def test_held_out_rows_that_fill_a_batch_are(household: Household, scripted: Scripted) -> None:
    night(household)
    assert scripted.seen == [True]


def test_a_golden_test_that_the_template_refuses_is_left_out(household: Household) -> None:
    golden(household, "say yes to", REFUSED)
    tests = household.golden().test(household.settings.golden_per_skill * 20)
    assert any(REFUSED in row.messages[0]["content"] for row in tests)
    many = replace(household, settings=replace(household.settings, golden_per_skill=40))
    ended = night(many)
    assert ended.gate is not None
    (figure,) = (figure for figure in ended.gate.skills if figure.base_skill)
    tested = named(many).tested
    assert tested is not None
    assert figure.of == len(tested) > 0
    fitting = {row.id for row in tests if REFUSED not in row.messages[0]["content"]}
    assert {name.id for name in tested} == fitting


def test_a_user_who_changes_what_is_live_during_the_gate_has_the_last_word(
    household: Household, scripted: Scripted
) -> None:
    mine = publish(household, "mine", 1)
    scripted.answering = lambda: void(registry.promote(household.adapters, mine.id, "user"))
    ended = night(household)
    assert (ended.state, ended.gate is not None and ended.gate.passed) == ("overtaken", True)
    assert f"adapter {mine.id} was made live meanwhile, by user" in (ended.reason or "")
    assert read_pointer(household.adapters).adapter == mine.id
    assert ended.adapter in {adapter.id for adapter in read_adapters(household.adapters)}


def void(_: object) -> None:
    """Nothing of it."""


def test_a_candidate_is_held_against_what_is_served_in_place_of_a_broken_incumbent(
    household: Household,
) -> None:
    before, broken = publish(household, "before", 1), publish(household, "broken", 2)
    for adapter in (before, broken):
        registry.promote(household.adapters, adapter.id, "user")
    (broken.path / WEIGHTS).write_text("spoilt")
    ended = night(household)
    assert ended.gate is not None
    assert ended.gate.incumbent == before.id
    assert ended.state == "promoted"


def test_a_night_cut_short_after_its_verdict_ends_whatever_the_settings_are_by_now(
    household: Household, scripted: Scripted
) -> None:
    ended = night(household)
    (last(household).path / "result.json").unlink()
    other = replace(household, settings=replace(household.settings, iters=7))
    assert night(other).model_copy(update={"ended_at": 0}) == ended.model_copy(
        update={"ended_at": 0}
    )
    assert (len(cycles(household.training)), len(scripted.seen)) == (1, 1)


def test_a_candidate_for_a_base_that_was_replaced_is_not_made_live(household: Household) -> None:
    night(household)
    registry.rollback(household.adapters)
    (last(household).path / "result.json").unlink()
    (household.base / "model.safetensors").write_bytes(b"another base")
    ended = night(household)
    assert ended.state == "overtaken"
    assert "the base is another by now" in (ended.reason or "")
    assert read_pointer(household.adapters).adapter is None


def test_rows_that_training_would_not_see_wait_for_the_next_night(household: Household) -> None:
    few = replace(household, settings=replace(household.settings, iters=5, replay_share=0.5))
    first = night(few).rows
    second = night(few).rows
    assert (first["fresh"], second["fresh"], second["replayed"]) == (5, 3, 2)
