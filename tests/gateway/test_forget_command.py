"""`majordomo forget` without a gateway: it asks, it says what went, and knows what it cannot do."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from capture.ids import new_id
from capture.journal import Journal, new_epoch
from tests.support.command import Majordomo
from tests.support.journals import REPLY, begin, capturing, end


@pytest.fixture
def majordomo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Majordomo:
    return Majordomo(tmp_path / "home", monkeypatch, capsys)


def served(majordomo: Majordomo) -> str:
    id_ = new_id()
    with capturing(majordomo.home.root) as (journal, _, _store):
        journal.begin(begin(id_))
        journal.end(id_, end(), [REPLY], None)
    return id_


def test_nothing_is_forgotten_unasked_nor_by_a_name_that_is_none(majordomo: Majordomo) -> None:
    assert "nothing has been served" in majordomo("forget", new_id(), "--yes").err
    id_ = served(majordomo)
    assert "--yes" in majordomo("forget", id_).err
    assert "no exchange id" in majordomo("forget", "nonsense", "--yes").err
    assert "no exchange" in majordomo("forget", new_id(), "--yes").err
    ran = majordomo("forget", id_.lower(), "--yes", "--json")
    assert ran.status == 0, ran.err
    assert orjson.loads(ran.out)["exchanges"] == [id_]
    assert "no exchange" in majordomo("forget", id_, "--yes").err


def test_a_home_that_another_process_has_is_left_alone(majordomo: Majordomo) -> None:
    id_ = served(majordomo)
    holder = Journal(majordomo.home.journal, segment_bytes=1 << 20, sync_ms=50, epoch=new_epoch())
    holder.open()
    ran = majordomo("forget", id_, "--yes")
    holder.close()
    assert ran.status == 1
    assert "in use by process" in ran.err
    ran = majordomo("forget", id_, "--yes")
    assert ran.status == 0, ran.err
    assert "1 exchange, 3 messages" in ran.out
    assert "Backups of before now still hold it." in ran.out
