from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.framing import (
    READ_BYTES,
    Gap,
    Kind,
    Position,
    Record,
    encode,
    read,
    segment_name,
    segments,
)

SEED = 0x5EED

Said = tuple[Kind, str, bytes, Sequence[bytes]]

records = st.lists(
    st.tuples(
        st.sampled_from(list(Kind)),
        st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", max_size=26),
        st.binary(max_size=60),
        st.lists(st.binary(max_size=200), max_size=3),
    ),
    min_size=1,
    max_size=8,
)


def written(said: Sequence[Said]) -> bytes:
    return b"".join(b"".join(encode(*each, SEED)[0]) for each in said)


def read_all(data: bytes, *, start: int = 0, limit: int | None = None) -> list[Record | Gap]:
    with TemporaryFile() as file:
        file.write(data)
        file.flush()
        return list(read(file.fileno(), start, len(data) if limit is None else limit, SEED))


def as_said(found: Record | Gap) -> tuple[int, str, bytes, bytes]:
    assert isinstance(found, Record)
    return found.kind, found.id, found.meta, found.body


@given(records)
def test_what_was_written_is_read_back_whole_and_in_order(said: list[Said]) -> None:
    found = read_all(written(said))
    assert [as_said(each) for each in found] == [
        (kind, id_, meta, b"".join(body)) for kind, id_, meta, body in said
    ]


@given(records, st.data())
def test_a_file_cut_anywhere_gives_its_whole_records_and_one_gap(
    said: list[Said], data: st.DataObject
) -> None:
    whole = written(said)
    cut = data.draw(st.integers(0, len(whole)))
    ends = [0, *(each.end for each in read_all(whole))]
    kept = max(end for end in ends if end <= cut)
    found = read_all(whole[:cut])
    assert [each.end for each in found if isinstance(each, Record)] == ends[
        1 : ends.index(kept) + 1
    ]
    gaps = [each for each in found if isinstance(each, Gap)]
    assert gaps == ([Gap(kept, cut)] if cut > kept else [])


@given(records, st.data())
def test_one_flipped_bit_loses_its_own_record_and_no_other(
    said: list[Said], data: st.DataObject
) -> None:
    whole = bytearray(written(said))
    at = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[at // 8] ^= 1 << at % 8
    before = read_all(written(said))
    found = read_all(bytes(whole))
    hit = next(n for n, each in enumerate(before) if at // 8 < each.end)
    start = before[hit - 1].end if hit else 0
    assert found == [*before[:hit], Gap(start, before[hit].end), *before[hit + 1 :]]


@given(records, st.binary(min_size=1, max_size=300), st.data())
def test_rubbish_between_records_is_told_and_skipped(
    said: list[Said], rubbish: bytes, data: st.DataObject
) -> None:
    pieces = [written([each]) for each in said]
    at = data.draw(st.integers(0, len(pieces)))
    found = read_all(b"".join([*pieces[:at], rubbish, *pieces[at:]]))
    assert sum(isinstance(each, Record) for each in found) == len(said)
    assert sum(each.end - each.start for each in found if isinstance(each, Gap)) == len(rubbish)


def test_a_record_inside_a_damaged_body_does_not_pass_for_one() -> None:
    forged = b"".join(encode(Kind.END, "FORGED", b"{}", (b"x",), SEED + 1)[0])
    whole = bytearray(written([(Kind.BEGIN, "A", b"{}", (forged,)), (Kind.END, "A", b"{}", ())]))
    whole[1] ^= 0xFF
    assert [each.id for each in read_all(bytes(whole)) if isinstance(each, Record)] == ["A"]


def test_records_larger_than_one_read_come_through() -> None:
    body = os.urandom(3 * READ_BYTES + 17)
    said: list[Said] = [
        (Kind.BEGIN, "A", b"{}", (b"small",)),
        (Kind.PART, "A", b"", (body,)),
        (Kind.END, "A", b"{}", (b"rest",)),
    ]
    found = read_all(written(said))
    assert [as_said(each)[3] for each in found] == [b"small", body, b"rest"]


def test_damage_larger_than_one_read_is_passed_over() -> None:
    last = written([(Kind.END, "A", b"{}", ())])
    damage = b"\xf5MJ1" * (READ_BYTES // 2) + b"\0" * (2 * READ_BYTES + 1)
    found = read_all(damage + last)
    assert found[0] == Gap(0, len(damage))
    assert as_said(found[1])[1] == "A"


def test_reading_stops_at_the_limit_even_when_more_is_there() -> None:
    first, second = (written([(Kind.PART, "A", b"", (b"x",))]) for _ in range(2))
    assert len(read_all(first + second, limit=len(first))) == 1


def test_a_file_shorter_than_was_written_is_told() -> None:
    first = written([(Kind.PART, "A", b"", (b"x",))])
    found = read_all(first, limit=len(first) + 50)
    assert found[1:] == [Gap(len(first), len(first) + 50)]


def test_segments_are_found_by_name_in_the_order_of_writing(tmp_path: Path) -> None:
    names = [segment_name(number, "e") for number in (10, 9, 1_790_000_000)]
    for name in [*names, "lock", "0000000001-e.torn", "x.seg"]:
        (tmp_path / name).touch()
    found = [segment.number for segment in segments(tmp_path)]
    assert found == [9, 10, 1_790_000_000]
    assert segments(tmp_path / "none") == []


@pytest.mark.parametrize("epoch", ["", "a/b", "..", "é", "x" * 33, "a-b"])
def test_an_epoch_that_is_no_safe_file_name_is_refused(epoch: str) -> None:
    with pytest.raises(ValueError, match="epoch"):
        segment_name(1, epoch)


def test_positions_compare_in_the_order_of_writing() -> None:
    order = [Position(1, 0), Position(1, 9), Position(2, 0), Position(2, 5)]
    assert all(a < b for a, b in pairwise(order))
