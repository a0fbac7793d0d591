"""What was said of an exchange, on its page, and the form that says more. Works without scripts.

The form comes back as a POST that only this gateway's own pages may send: a browser names the page
it posts from in `Origin`, the door refuses a foreign one and `null`, and here one is wanted, since
browsers send a Basic password along with whatever page asks. Each form is taken once, however often
it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from capture import clock
from capture.feedback import (
    COMMENT_CHARACTERS,
    DEMONSTRATION_CHARACTERS,
    BadFeedback,
    Feedback,
)
from capture.ids import new_id
from capture.redact import Redactor
from gateway.dashboard.format import Moment, moment
from gateway.dashboard.rendering import PAGE_HEADERS, page, render
from gateway.dashboard.text import Shown, one_line, shown
from gateway.endpoints.accepting import accept, may_speak, whole_body
from gateway.endpoints.lookup import CATCH_UP_S, checked_id
from gateway.endpoints.seam import Runtime, Serving, Speaker
from gateway.errors import ClientError, Forbidden, GatewayError
from gateway.wire_feedback import bad_field

router = APIRouter(include_in_schema=False)

SHOWN = 50
"""Pieces of feedback on one page at most."""
_FIELDS = 8
_TEXT_LIMIT = 4_000
_VALUES: Mapping[str, float | None] = {"good": 1.0, "bad": 0.0, "": None}
_TRAIN: Mapping[str, bool | None] = {"yes": True, "never": False, "": None}


@dataclass(frozen=True, slots=True)
class Saying:
    """One piece of feedback."""

    who: str
    when: Moment
    value: str | None
    tone: str
    """`good`, `bad` or empty: how it is coloured."""
    comment: Shown | None
    demonstration: Shown | None
    of_conversation: bool
    train: bool | None
    """Whether it may train; None when nothing was said of that."""


@dataclass(frozen=True, slots=True)
class Section:
    """The part of the page."""

    heard: tuple[Saying, ...]
    more: bool
    """There is older feedback, which is not shown."""
    once: str
    """What this form's feedback is called."""
    open: bool
    """The exchange goes on: the page renews itself, and would take a form's words with it."""
    closed: str | None
    """Why who looks may not speak of it; None: it may."""
    most_comment: int = COMMENT_CHARACTERS
    most_demonstration: int = DEMONSTRATION_CHARACTERS


async def section(
    runtime: Runtime, id: str, speaker: str | None, asked_by: str | None, *, open: bool
) -> Section:
    """What was said of an exchange that the key `asked_by` asked for; a form for who may speak."""
    found = await run_in_threadpool(lambda: runtime.store.feedback(exchange=id, limit=SHOWN + 1))
    return Section(
        heard=tuple(_heard(found[:SHOWN], runtime.redactor, clock.now())),
        more=len(found) > SHOWN,
        once=new_id(),
        open=open,
        closed=None if may_speak(speaker, asked_by) else _closed(id, asked_by),
    )


@router.post("/exchanges/{id}/feedback")
async def say(id: str, request: Request, runtime: Serving, speaker: Speaker) -> Response:
    """Take what the form says, and show the page again."""
    try:
        if "origin" not in request.headers:
            raise Forbidden("feedback is taken from this gateway's own pages", code="no_origin")
        said = _read(await whole_body(request), checked_id(id), speaker)
        await accept(runtime, said)
    except GatewayError as error:
        title = "This feedback was not taken"
        return page(render("message.html", title=title, text=error.message), error.status)
    await runtime.ingester.catch_up(CATCH_UP_S)  # so that the page has it
    return RedirectResponse(f"/exchanges/{id}#feedback", 303, headers=PAGE_HEADERS)


def _closed(id: str, asked_by: str | None) -> str:
    who = "`majordomo feedback " + id + "` on this machine"
    if asked_by is None:
        return f"This was asked before there were keys: {who} can say what it was worth."
    return f"Only the key that asked, `{asked_by}`, and {who} can say what this was worth."


def _read(body: bytes, id: str, speaker: str | None) -> Feedback:
    """A form's fields as feedback. Raises ClientError."""
    form = _form(body)
    value = form.get("value", "")
    if value not in _VALUES:
        raise bad_field("value", "`value` is good or bad")
    train = form.get("train", "")
    if train not in _TRAIN:
        raise bad_field("train", "`train` is yes or never")
    try:
        return Feedback(
            id=new_id(),
            exchange=id,
            conversation=None,
            at=clock.now(),
            key=speaker,
            source="page",
            value=_VALUES[value],
            comment=_text(form, "comment"),
            demonstration=_text(form, "demonstration"),
            idempotency_key=_text(form, "once"),
            train=_TRAIN[train],
        )
    except BadFeedback as error:
        raise bad_field(error.field, str(error)) from None


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:  # UnicodeDecodeError is one
        raise ClientError("this is no form of ours", code="bad_form") from None
    return dict(pairs)


def _text(form: Mapping[str, str], name: str) -> str | None:
    """A field's text with the line ends of everywhere else; None for an empty one."""
    return form.get(name, "").replace("\r\n", "\n").strip() or None


def _heard(found: Iterable[Feedback], redactor: Redactor, now: float) -> Iterable[Saying]:
    for said in found:
        tone = {0.0: "bad", 1.0: "good"}.get(-1.0 if said.value is None else said.value, "")
        yield Saying(
            who="the local user" if said.key is None else one_line(said.key),
            when=moment(said.at, now),
            value=None if said.value is None else tone or f"{said.value:g} of 1",
            tone=tone,
            comment=_shown(said.comment, redactor),
            demonstration=_shown(said.demonstration, redactor),
            of_conversation=said.conversation is not None,
            train=said.train,
        )


def _shown(text: str | None, redactor: Redactor) -> Shown | None:
    return None if text is None else shown(redactor.text(text), _TEXT_LIMIT)
