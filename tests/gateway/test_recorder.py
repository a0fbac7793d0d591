from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from capture.exchange import Attempt, ExchangeEnd, Mode
from gateway.recorder import Recorder
from gateway.settings import CaptureSettings

pytestmark = pytest.mark.asyncio


class Journal:
    """Keeps what it is told of an end."""

    def end(
        self, id_: str, end: ExchangeEnd, raw: Sequence[bytes], delivered: bytes | None
    ) -> None:
        self.ended = id_, [attempt.model for attempt in end.attempts], list(raw), delivered


def attempt(model: str) -> Attempt:
    """One of several that began at the same moment and differ in nothing else."""
    return Attempt(Mode.ACTIVE, "ollama", model, 0.0)


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("translated", [False, True])
async def test_whose_reply_the_client_got_comes_last_with_its_own_bytes(
    which: int, translated: bool
) -> None:
    journal = Journal()
    flight = SimpleNamespace(
        weigher=None,
        request=SimpleNamespace(id="x", stream=False),
        capturing=True,
        queued_s=None,
        first_token_at=None,
        began=0.0,
        bytes_out=0,
    )
    record = Recorder(cast("Any", journal), CaptureSettings(), cast("Any", flight))
    names = ["a", "b", "c"]
    tried = [attempt(name) for name in names]
    for each in tried:
        record.attempt(each, translated=False)
        record.received(each.model.encode())
    record.answered_by(tried[which], translated=translated)
    record.delivered(b"told")
    await record.end("ok", 200)
    names.append(names.pop(which))
    raw = [name.encode() for name in names]
    assert journal.ended == ("x", names, raw, b"told" if translated else None)
