"""Requests to judges and their answers, in OpenAI's dialect and in Anthropic's. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from capture.imports import anthropic
from capture.messages import Usage
from capture.narrowing import Malformed, read_object, whole
from capture.replies import parse_reply
from trainer.judges.prompts import Prompt
from trainer.judges.settings import Place

_VERSION = "2023-06-01"


class NoReply(ValueError):
    """A body that is no reply in its dialect."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a judge answered."""

    text: str
    """Empty where it said nothing."""
    usage: Usage | None


def headers_of(place: Place) -> Mapping[str, str]:
    """Of a request there."""
    usual = {"content-type": "application/json", "user-agent": "majordomo"}
    if place.dialect == "anthropic":
        key = {} if place.key is None else {"x-api-key": place.key}
        return {**usual, "anthropic-version": _VERSION, **key}
    return {**usual, **({} if place.key is None else {"authorization": f"Bearer {place.key}"})}


def body_of(place: Place, prompt: Prompt, max_tokens: int, *, vote: bool) -> dict[str, Any]:
    """The request. At home answers are greedy, but for votes, which are to differ; elsewhere how
    they are sampled is left to the model, for some refuse to be told."""
    asked = whole(prompt.user)
    body: dict[str, Any] = {"model": place.model, "max_tokens": max_tokens, "stream": False}
    if place.home:
        body["temperature"] = 0.7 if vote else 0.0
    if place.dialect == "anthropic":
        said = [{"role": "user", "content": [{"type": "text", "text": asked}]}]
        return {**body, "system": [{"type": "text", "text": prompt.system}], "messages": said}
    told = {"role": "system", "content": prompt.system}
    return {**body, "messages": [told, {"role": "user", "content": asked}]}


def reply_of(place: Place, body: bytes) -> Said:
    """What an answer says. Raises NoReply."""
    if place.dialect == "anthropic":
        return _message(body)
    reply = parse_reply(body)
    if reply.message is None:
        raise NoReply
    return Said(reply.message.text, reply.usage)


def _message(body: bytes) -> Said:
    try:
        said = read_object(body)
    except Malformed:
        raise NoReply from None
    if said.get("type") != "message":
        raise NoReply
    message = anthropic.assistant_message(said.get("content"))
    return Said(message.text, anthropic.usage(said.get("usage")))
