"""The store's trainable turns as files that other programs train on.

    chat         one row per turn, as `mlx_lm.lora` reads it; only the last message is trained
    sharegpt     one row per conversation, in the form of Hermes Agent's trajectories
    openai       one row per turn, for OpenAI's fine-tuning; only the last message is trained
    preference   one row per pair of replies to one request, as TRL names them
    rewards      one row per conversation, its replies as steps with what came of each
    hindsight    one row per reply that failed, with what came next
    parquet      one row per turn, its facts as typed columns
    atropos      one row per group of replies to one request, in tokens, for reinforcement learning

The same turns always give the same bytes; rows come and go one at a time, whatever their number.
Turns come redacted, and each row is looked at once more as it is written: one in which anything is
found stays out, whatever the reason. What is held (`capture.vetting`) stays out as the filter
`trust` says; in formats that learn whole conversations every earlier reply must be free, too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import cast

from capture.exports import atropos, chat, hindsight, openai, parquet, preference, rewards, sharegpt
from capture.exports.compressing import Compressor
from capture.exports.gather import Json, text_of
from capture.exports.manifest import (
    Encoder,
    Export,
    Filters,
    Left,
    Lines,
    Made,
    TrustLevel,
    Written,
    write,
)
from capture.exports.tokenizer import Tokenizer
from capture.followed import Followed
from capture.groups import Group
from capture.holds import Hold
from capture.narrowing import loads, object_of
from capture.pairs import Pair
from capture.redact import Redactor
from capture.soul import Soul
from capture.synthetic import asks_for_review
from capture.trainable import TrainableTurn

__all__ = [
    "COMPRESSIBLE",
    "FILES",
    "WITH_SOUL",
    "Export",
    "Filters",
    "Format",
    "Left",
    "Made",
    "Source",
    "TrustLevel",
    "made",
    "write_export",
]


class Format(StrEnum):
    """What kind of rows."""

    CHAT = "chat"
    SHAREGPT = "sharegpt"
    OPENAI = "openai"
    PREFERENCE = "preference"
    REWARDS = "rewards"
    HINDSIGHT = "hindsight"
    PARQUET = "parquet"
    ATROPOS = "atropos"


FILES: Mapping[Format, str] = {
    Format.CHAT: "train.jsonl",
    Format.SHAREGPT: "trajectories.jsonl",
    Format.OPENAI: "openai.jsonl",
    Format.PREFERENCE: "preference.jsonl",
    Format.REWARDS: "rewards.jsonl",
    Format.HINDSIGHT: "hindsight.jsonl",
    Format.PARQUET: "exchanges.parquet",
    Format.ATROPOS: "groups.jsonl",
}
"""Names of the data files: `train.jsonl` is where `mlx_lm.lora --data` looks."""


WITH_SOUL = (Format.CHAT, Format.OPENAI, Format.PREFERENCE)
"""Formats that are asked as an agent with the household's soul asks. In the others the prompt is
Hermes' own, or what was really said is what counts."""
COMPRESSIBLE = (Format.CHAT, Format.SHAREGPT, Format.OPENAI)
"""Formats whose rows can be made to fit a budget."""
_ENCODERS: Mapping[Format, Callable[[Written], Encoder]] = {Format.PARQUET: parquet.Table}
"""Of the formats that are no lines of JSON."""


@dataclass(frozen=True, slots=True)
class Source:
    """What to export, and how it was chosen. Each is read once, for the formats made of it."""

    turns: Iterable[TrainableTurn]
    """By exchange id."""
    redactor: Redactor
    """With which all was redacted, and the rows are looked at once more."""
    filters: Filters = field(default_factory=Filters)
    pairs: Iterable[Pair] = ()
    """For `preference`."""
    replies: Iterable[Followed] = ()
    """For `hindsight`, by exchange id."""
    groups: Iterable[Group] = ()
    """For `atropos`."""
    soul: Soul | None = None
    """What stands in the system prompt of `WITH_SOUL`; None for nothing."""
    compressor: Compressor | None = None
    """What `COMPRESSIBLE` are to fit into; None for no budget."""
    tokenizer: Tokenizer | None = None
    """For `atropos`, which needs one."""
    damaged: Collection[str] = ()
    """Ids of exchanges that are not among all these because a body of theirs is damaged; known once
    all else is read."""


def made(source: Source, format: Format) -> Iterator[Made | Left]:
    """The rows, and what is no row. Rows of turns come in the order of exchange ids, conversations
    in that of their first exchange's, pairs and replies as the source has them. A row in which
    anything is still to be redacted is none."""
    for row in _ROWS[format](source):
        if isinstance(row, Made) and source.redactor.finds(_words(row, format)):
            yield from (Left(exchange, "secret") for exchange in row.exchanges)
        else:
            yield row
    yield from (Left(exchange, "damaged") for exchange in source.damaged)


def write_export(source: Source, format: Format, directory: Path, version: str) -> Export:
    """Write the data file and, last, its manifest into `directory`; what an earlier export left
    there is replaced. Raises OSError; for `parquet`, ImportError where pyarrow is not installed."""
    return write(
        made(source, format),
        directory=directory,
        format=format,
        file=FILES[format],
        filters=source.filters,
        redact=source.redactor.level,
        version=version,
        encode=_ENCODERS.get(format, Lines),
        soul=source.soul.mark if source.soul is not None and format in WITH_SOUL else None,
        compressor=source.compressor if format in COMPRESSIBLE else None,
    )


def _words(row: Made, format: Format) -> object:
    """What a row says. Of one in tokens its messages: what its tokens read as was looked at when
    they were taken (`capture.exports.atropos`)."""
    said = loads(row.line)
    return (object_of(said) or {}).get("messages") if format is Format.ATROPOS else said


def _turns(source: Source) -> Iterator[TrainableTurn | Left]:
    """The turns that go into files."""
    for turn in source.turns:
        yield _left(turn, source.filters) or turn


def _asked(source: Source) -> Iterator[TrainableTurn | Left]:
    """The turns, with the soul."""
    soul = source.soul
    for turn in _turns(source):
        yield turn if soul is None or isinstance(turn, Left) else soul.given(turn)


def _told_whole(source: Source) -> Iterator[TrainableTurn | Left]:
    """The turns that go into files of whole conversations, where every reply told is learned: of
    their histories that much is kept which forbids it."""
    trust = source.filters.trust
    for turn in _turns(source):
        if isinstance(turn, Left):
            yield turn
        else:
            yield replace(turn, history=tuple(h for h in turn.history if _forbids(h, trust)))


def _pairs(source: Source) -> Iterator[Pair | Left]:
    """The pairs of which both replies do."""
    for pair in source.pairs:
        filters = source.filters
        left = _left(pair.rejected, filters) or _left(pair.chosen, filters)
        yield left or (pair if source.soul is None else pair.given(source.soul))


def _replies(source: Source) -> Iterator[Followed | Left]:
    """The replies that do, and what came next too."""
    for reply in source.replies:
        left = _left(reply.turn, source.filters)
        if left is None and reply.private and not source.filters.private:
            left = Left(reply.turn.id, "private")
        yield left or _held(reply.turn.id, reply.held, source.filters) or reply


def _groups(source: Source) -> Iterator[Group | Left]:
    """The groups, of those replies that do."""
    for group in source.groups:
        left = [_left(reply.turn, source.filters) for reply in group.replies]
        yield from filter(None, left)
        replies = zip(group.replies, left, strict=True)
        yield Group(tuple(reply for reply, why in replies if why is None))


def _group_rows(source: Source) -> Iterator[Made | Left]:
    assert source.tokenizer is not None, "rows of tokens need a tokenizer"
    return atropos.rows(_groups(source), source.tokenizer, source.redactor)


def _left(turn: TrainableTurn, filters: Filters) -> Left | None:
    """Why a turn does not go into files: what is private stays home, for files are made to be taken
    elsewhere; an agent's review of its conversation, forked off it, is none of its turns."""
    if turn.private and not filters.private:
        return Left(turn.id, "private")
    if _is_review(turn):
        return Left(turn.id, "review")
    if (left := _held(turn.id, turn.held, filters)) is not None:
        return left
    unapproved = filters.trust == "approved" and not turn.approved
    return Left(turn.id, "unapproved") if unapproved else None


def _held(id_: str, holds: Iterable[Hold], filters: Filters) -> Left | None:
    """What of these holds keeps an exchange out."""
    found = (hold.code for hold in holds if _forbids(hold, filters.trust))
    code = next(found, None)
    return None if code is None else Left(id_, code)


def _forbids(hold: Hold, trust: TrustLevel) -> bool:
    """Whether a hold counts on this level of trust."""
    if trust == "any":
        return hold.code in ("refused", "invented")
    return trust == "approved" or hold.code != "unapproved"


def _is_review(turn: TrainableTurn) -> bool:
    messages: object = turn.request.get("messages")
    entries = cast("list[object]", messages) if isinstance(messages, list) else []
    asked = (cast("Json", entry) for entry in reversed(entries) if isinstance(entry, dict))
    last = next((message for message in asked if message.get("role") == "user"), None)
    return last is not None and asks_for_review(text_of(last.get("content")))


_ROWS: Mapping[Format, Callable[[Source], Iterator[Made | Left]]] = {
    Format.CHAT: lambda source: chat.rows(_asked(source), source.compressor),
    Format.SHAREGPT: lambda source: sharegpt.rows(_told_whole(source), source.compressor),
    Format.OPENAI: lambda source: openai.rows(_asked(source), source.compressor),
    Format.PREFERENCE: lambda source: preference.rows(_pairs(source)),
    Format.REWARDS: lambda source: rewards.rows(_told_whole(source)),
    Format.HINDSIGHT: lambda source: hindsight.rows(_replies(source)),
    Format.PARQUET: lambda source: parquet.rows(_turns(source)),
    Format.ATROPOS: _group_rows,
}
