"""`majordomo feedback ID`: say what an answer was worth, and read what was said.

Through the running gateway, which alone writes the journal.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.client import ClientTrouble, NotRunning, ask, tell
from gateway.commands.console import Exit, clean, exchange_id, fail, say, say_json
from gateway.home import Home
from gateway.keys import KeysError
from gateway.wire_feedback import FeedbackList, FeedbackView

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Said:
    """What the command line says of an answer; None where it says nothing."""

    value: bool | float | None = None
    comment: str | None = None
    demonstration: str | None = None
    """A file with the reply that should have been given; `-` for standard input."""
    train: bool | None = None
    """Whether it may train."""


def feedback(
    home: Home, id: str, said: Said, *, of_conversation: bool, listed: bool, as_json: bool
) -> None:
    """Give feedback, or list what there is."""
    about = {"conversation" if of_conversation else "exchange": exchange_id(id)}
    try:
        if listed:
            _list(home, about, said, as_json=as_json)
        else:
            _give(home, about, said, as_json=as_json)
    except NotRunning as error:
        fail(str(error), status=Exit.NOT_RUNNING)
    except (ClientTrouble, KeysError) as error:
        fail(str(error))
    except ValidationError as error:
        fail(f"the gateway answers in a way this version does not understand: {error}")


def _give(home: Home, about: dict[str, str], said: Said, *, as_json: bool) -> None:
    told: dict[str, Any] = {
        "value": said.value,
        "comment": said.comment,
        "demonstration": _read(said.demonstration),
        "train": said.train,
    }
    if all(each is None for each in told.values()):
        fail(
            "say something: --good, --bad, --value, --comment, --demonstration, --train or "
            "--no-train; or --list"
        )
    body = {**about, **told, "source": "cli"}
    taken = FeedbackView.model_validate(tell(home, "/v1/feedback", body))
    if as_json:
        say_json(taken.model_dump(mode="json"))
    else:
        say(f"taken: {_line(taken)}")


def _list(home: Home, about: dict[str, str], said: Said, *, as_json: bool) -> None:
    if said != Said():
        fail("--list only lists; say what you think without it")
    ((name, id_),) = about.items()
    found = FeedbackList.model_validate(ask(home, f"/v1/feedback?{name}={id_}"))
    if as_json:
        say_json(found.model_dump(mode="json"))
        return
    for each in found.data:
        say(_line(each))
    if not found.data:
        say(f"Nothing was said of this {name} yet.")
    if found.has_more:
        say("There is more, older feedback, which is not listed.")


def _read(file: str | None) -> str | None:
    """A demonstration's text."""
    if file is None:
        return None
    try:
        raw = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
        return raw.decode()
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror or error}")
    except UnicodeDecodeError:
        fail(f"{file} is not UTF-8 text")


def _line(given: FeedbackView) -> str:
    """One piece of feedback for people."""
    parts: list[str] = []
    if given.value is not None:
        parts.append({0.0: "bad", 1.0: "good"}.get(given.value, f"{given.value:g} of 1"))
    if given.comment is not None:
        parts.append(" ".join(given.comment.split()))
    if given.demonstration is not None:
        parts.append(f"it should have been: {' '.join(given.demonstration.split())}")
    if given.train is not None:
        parts.append("it may train" if given.train else "it may never train")
    of = "" if given.conversation is None else " (of the conversation)"
    return clean(f"{given.key or 'the local user'}{of}: {'; '.join(parts)}")
