"""`majordomo export`: what was asked and answered, as training data with a manifest.

The store is read directly, so this works whether or not a gateway runs.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypedDict

from capture.exchange import Mode
from capture.exports import (
    COMPRESSIBLE,
    WITH_SOUL,
    Export,
    Filters,
    Format,
    Left,
    Source,
    TrustLevel,
    made,
    parquet,
    write_export,
)
from capture.exports.compressing import Compressor
from capture.exports.manifest import plain_export
from capture.exports.tokenizer import Tokenizer
from capture.judged import preferred
from capture.outcomes import OutcomeName
from capture.provenance import Trust
from capture.redact import Redactor
from capture.soul import Soul
from capture.store import Store, StoreError, Wanted
from capture.trainable import TrainableTurn
from gateway.commands.console import clean, console, fail, say, say_json
from gateway.commands.export_tokens import LocalMode, base_of, compressor_of, tokenizer_of
from gateway.commands.household import redactor_of, settings_of, soul_of
from gateway.commands.progress import bar
from gateway.home import Home
from gateway.settings import Settings
from gateway.version import VERSION
from gateway.vetting import trust_of

STDOUT = "-"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the command line asks for; None is no filter."""

    format: Format
    outcome: OutcomeName | None = None
    mode: Mode | None = None
    skill: str | None = None
    since: str | None = None
    """A day or time in ISO 8601, UTC unless it says otherwise; included."""
    until: str | None = None
    """The same, excluded."""
    private: bool = False
    trust: TrustLevel = "trusted"
    compress_to: int | None = None
    """Tokens that a row may have; None for no budget."""
    summarise_with: LocalMode | None = None
    """Who writes summaries; None: they are extracted."""
    tokenizer: Path | None = None
    """A model's directory; None: tokens are estimated, and `atropos` takes the base's."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """By which the home's settings have turns redacted and held."""

    redactor: Redactor
    trust: Trust
    judged: Sequence[tuple[str, str]]
    """Pairs that judges made: (chosen, rejected) exchanges."""


def export(home: Home, chosen: Chosen, out: str, *, as_json: bool) -> None:
    """Write the export into the directory `out`, or its rows to standard output for `-`."""
    filters = Filters(
        outcome=chosen.outcome,
        mode=None if chosen.mode is None else chosen.mode.value,
        skill=chosen.skill,
        since=moment(chosen.since, "--since"),
        until=moment(chosen.until, "--until"),
        private=chosen.private,
        trust=chosen.trust,
    )
    _refuse(chosen, out, as_json=as_json)
    try:
        store = Store.open_reader(home.database)
    except StoreError as error:
        fail(str(error))
    try:
        settings = settings_of(home)
        rules = _rules(home, settings)
        shown = not as_json and out != STDOUT
        if chosen.trust == "any":
            console(error=True).print(f"[yellow]majordomo:[/] {_UNVETTED}")
        with _source(store, rules, chosen, filters, shown=shown) as given:
            source = replace(given, **_made_with(home, settings, rules.redactor, chosen))
            if out == STDOUT:
                _print(source, chosen.format)
                return
            directory = Path(out) if out else home.exports / chosen.format
            written = write_export(source, chosen.format, directory, VERSION)
        _told(written, directory, as_json=as_json)
    except BrokenPipeError:
        raise
    except OSError as error:
        fail(f"cannot write the export: {error}")
    finally:
        store.close()


def moment(text: str | None, option: str) -> float | None:
    """Unix seconds of a day or time as people type it."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        fail(f"{option} {text!r} is no day or time: write 2026-11-21, or 2026-11-21T18:30")
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


class _With(TypedDict):
    """What rows are made with, beside what they are made of."""

    soul: Soul | None
    compressor: Compressor | None
    tokenizer: Tokenizer | None


def _made_with(home: Home, settings: Settings, cleaned_by: Redactor, chosen: Chosen) -> _With:
    directory = chosen.tokenizer
    if directory is None and chosen.format is Format.ATROPOS:
        directory = base_of(settings)
    tokenizer = None if directory is None else tokenizer_of(directory.expanduser())
    compressor = None
    if chosen.compress_to is not None:
        compressor = compressor_of(home, chosen.compress_to, tokenizer, chosen.summarise_with)
    soul = soul_of(home, settings, cleaned_by) if chosen.format in WITH_SOUL else None
    return _With(soul=soul, compressor=compressor, tokenizer=tokenizer)


def _refuse(chosen: Chosen, out: str, *, as_json: bool) -> None:
    """Say what cannot be done before anything is."""
    if chosen.compress_to is not None and chosen.format not in COMPRESSIBLE:
        fail(
            f"rows of {chosen.format} are not compressed; those of {', '.join(COMPRESSIBLE)} can be"
        )
    if chosen.summarise_with is not None and chosen.compress_to is None:
        fail("`--summarise-with` says who summarises what `--compress-to TOKENS` takes out")
    if (
        chosen.tokenizer is not None
        and chosen.compress_to is None
        and chosen.format is not Format.ATROPOS
    ):
        fail("`--tokenizer` counts for `--compress-to TOKENS`, and makes the rows of atropos")
    if out == STDOUT and as_json:
        fail("`--json` tells what was written to a directory; with `--out -` the rows are JSON")
    if chosen.format is Format.PARQUET and out == STDOUT:
        fail("Parquet is no text: name a directory with `--out`")
    if chosen.format is Format.PARQUET and not parquet.available():
        fail(f"the format parquet needs pyarrow: {parquet.INSTALL}")


@contextmanager
def _source(
    store: Store, rules: _Rules, chosen: Chosen, filters: Filters, *, shown: bool
) -> Generator[Source]:
    """What the format is made of, counted on its way if that is to be shown."""
    modes = None if chosen.mode is None else (chosen.mode,)
    wanted = Wanted(chosen.outcome, modes, filters.skill, filters.since, filters.until)
    damaged: set[str] = set()
    made_of = partial(Source, redactor=rules.redactor, filters=filters, damaged=damaged)
    if chosen.format is Format.PREFERENCE:
        with bar("pairs", None, shown=shown) as counted:
            facts = store.pairs(rules.redactor, wanted, rules.trust, damaged)
            judged = store.named(rules.judged, rules.redactor, wanted, rules.trust, damaged)
            yield made_of((), pairs=counted(chain(facts, judged)))
    elif chosen.format is Format.ATROPOS:
        with bar("groups", None, shown=shown) as counted:
            groups = counted(store.groups(rules.redactor, wanted, rules.trust, damaged))
            yield made_of((), groups=groups)
    elif chosen.format is Format.HINDSIGHT:
        with bar("replies", None, shown=shown) as counted:
            replies = counted(store.next_states(rules.redactor, wanted, rules.trust, damaged))
            yield made_of((), replies=replies)
    else:
        total = store.trainable_count(wanted) if shown else None
        with bar("exchanges", total, shown=shown) as counted:
            yield made_of(counted(_turns(store, rules, wanted, damaged)))


def _turns(
    store: Store, rules: _Rules, wanted: Wanted, damaged: set[str]
) -> Iterator[TrainableTurn]:
    return store.trainable(
        rules.redactor,
        rules.trust,
        outcome=wanted.outcome,
        modes=wanted.modes,
        skill=wanted.skill,
        since=wanted.since,
        until=wanted.until,
        damaged=damaged,
    )


def _rules(home: Home, settings: Settings) -> _Rules:
    judged = preferred(home.training)
    return _Rules(redactor_of(home, settings), trust_of(settings), judged)


def _print(source: Source, format: Format) -> None:
    for row in made(source, format):
        if not isinstance(row, Left):
            sys.stdout.buffer.write(row.line + b"\n")
    sys.stdout.buffer.flush()


def _told(written: Export, directory: Path, *, as_json: bool) -> None:
    if as_json:
        say_json({"directory": str(directory.absolute()), **plain_export(written)})
        return
    rows = f"{written.rows:,} row{'' if written.rows == 1 else 's'}"
    say(f"{rows} in {clean(directory / written.file)}, sha256 {written.sha256}")
    for why, number in written.made_of.items():
        say(f"{number:,} of them: {_MADE_OF.get(why, clean(why))}")
    if written.compression is not None:
        say(_compressed(written.compression))
    for why, number in written.left_out.items():
        say(f"{number:,} left out: {_WHY.get(why, why)}")


def _compressed(totals: Mapping[str, Any]) -> str:
    summaries: Mapping[str, int] = totals["summaries"]
    told = [f"{number:,} {_SUMMARIES[who]}" for who, number in summaries.items()]
    said = f"{totals['compressed']:,} of them compressed"
    if told:
        said += f", {totals['original_tokens']:,} tokens to {totals['compressed_tokens']:,} in all"
    return f"{said}; summaries: {', '.join(told)}" if told else said


_SUMMARIES = {
    "extract": "extracted",
    "model": "by the local model",
    "failed": "extracted because the local model gave none",
}
_MADE_OF = {
    "sampled": "tokens and log-probabilities as they were sampled",
    "tokenized": "text cut into tokens anew: serving kept no log-probabilities of some reply",
    "unfit": "a reply that was not handed over, and the one that was",
    "held": "a reply at home that nobody confirmed, and the cloud's, which does something else",
    "outcome": "one request answered twice, once well and once not",
    "judged": "two replies to one request, of which judges prefer one",
    "correction": "the user said that the reply was wrong",
    "asked_again": "the user asked the same again",
    "tool_error": "a tool answered with an error",
    "bad_call": "the agent could not use the calls",
    "cut": "the reply was cut",
    "empty": "the reply said nothing",
}
_WAITS = "`majordomo review` shows it, `--trust any` takes it in"
_UNVETTED = (
    "with `--trust any` nothing was kept back but what somebody refused: text from strangers may "
    "teach what you would not (docs/trust.md)"
)
_WHY = {
    "private": "private; `--private` takes them in",
    "review": "an agent's review of a conversation, not a part of it",
    "secret": "a secret was still in the row; please report what kind it is",
    "damaged": "damaged in the store; docs/keeping.md says what to do",
    "messages": "nothing was asked or answered",
    "tools": "the tools offered are no list of objects, or the format takes none such",
    "content": "more than text was said",
    "arguments": "a tool call's arguments are no JSON object",
    "results": "a tool call and its result are not together",
    "same": "both replies are the same",
    "over_budget": "what is never compressed is over the budget by itself",
    "template": "the tokenizer's template takes no such messages",
    "even": "no reply to the same request did better or worse",
    "unknown": "nothing is known of how the conversation's replies did",
    "outside_text": f"text from outside is in its context; {_WAITS}",
    "untrusted_source": f"from a key or by a channel that is not trusted; {_WAITS}",
    "near_duplicates": f"one of many that are nearly the same; {_WAITS}",
    "trigger": f"rare words go with one answer; {_WAITS}",
    "style": f"the answer is unlike the others; {_WAITS}",
    "source_share": f"one source has too large a share; {_WAITS}",
    "cloud_text": "a cloud model wrote it, and `capture.trust.cloud_text` keeps that out",
    "refused": "somebody said that it may never train",
    "invented": "a conversation with replies that are not ours",
    "unapproved": "nobody approved or praised it",
}
