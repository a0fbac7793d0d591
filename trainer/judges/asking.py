"""Putting questions to judges: some at once, each paid for from one purse, each written down.

What can be tried again is tried again, later and later: too many requests, an overloaded or broken
server, a lost connection. An answer that is no verdict is asked for once more, as far as `tries`
goes. A judge that refuses us, or keeps failing, is left alone for the rest of the run, and says
why. Nothing here weighs what was answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import httpx2

from capture.narrowing import dumps
from trainer.judges.ledger import Asked, Ledger, Told, key_of
from trainer.judges.prompts import Prompt, prompt
from trainer.judges.purse import Purse
from trainer.judges.settings import JudgeSettings, Place
from trainer.judges.subjects import Subject
from trainer.judges.verdicts import Garbage, read
from trainer.judges.wire import NoReply, Said, body_of, headers_of, reply_of

NO_MONEY = "the day's budget for judging (`trainer.judges.day_usd`) does not cover another question"
_CONNECT_SECONDS = 10.0
_REPLY_BYTES = 2 * 1024 * 1024
_ERROR_CHARACTERS = 200
_POSTS = 4
"""Times one request is sent at most."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
"""Seconds before it is sent again; doubled each time, or what the server asks for."""
_AGAIN = (408, 425, 429)
"""Statuses, beside 500 and above, after which it is sent again."""
_REFUSED = (401, 403, 404, 405)
"""Statuses that say that the judge is not to be had at all."""
_MOST_FAILURES = 3
"""Questions in a row that came to nothing, after which a judge is left alone."""

Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Question:
    """One subject, put to one judge."""

    place: Place
    subject: Subject
    vote: int = 0
    """Number of the vote, of several by one judge on one step; of planted turns, of the stretch of
    time that a calibration lasts."""

    @property
    def key(self) -> str:
        return key_of(self.place.name, self.subject, self.vote)


@dataclass(frozen=True, slots=True)
class _Tried:
    """How a request ended. `again` in seconds: it may be sent again after that."""

    said: Said | None = None
    why: str = ""
    cost_usd: float | None = 0.0
    """Errors are not billed; None: it broke off, and may have been."""
    again: float | None = None
    refused: bool = False


@dataclass(slots=True)
class Bench:
    """The judges of one run, and the way to ask them."""

    ledger: Ledger
    purse: Purse
    settings: JudgeSettings
    client: httpx2.AsyncClient
    pause: Pause = asyncio.sleep
    away: dict[str, str] = field(default_factory=dict[str, str])
    """Judges that are left alone, and why."""
    broke: bool = False
    """Some question was not put for want of money."""
    _failures: dict[str, int] = field(default_factory=dict[str, int])

    async def put(self, questions: Sequence[Question], heard: Callable[[], None]) -> None:
        """Put those that are not settled yet, in their order, each once; `heard` is told of each
        that is done with, whatever came of it. Raises OSError when the ledger cannot be written: no
        more is asked then."""
        waiting = iter({question.key: question for question in questions}.values())

        async def work() -> None:
            for question in waiting:
                await self._one(question)
                heard()

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(max(1, min(self.settings.concurrent, len(questions)))):
                    group.create_task(work())
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _one(self, question: Question) -> None:
        known, tries = self.ledger.known, self.settings.tries
        while question.place.name not in self.away and not known.settled(question.key, tries):
            if not await self._ask(question):
                return

    async def _ask(self, question: Question) -> bool:
        """One request until it is answered, or is not to be. False when it came to nothing."""
        tried: _Tried | None = None
        for number in range(_POSTS):
            tried = await self._post(question)
            if tried is None:
                self.broke = True
                return False
            if tried.said is not None:
                self._failures[question.place.name] = 0
                return True
            if tried.refused:
                self.away[question.place.name] = tried.why
                return False
            if tried.again is None or number == _POSTS - 1:
                break
            await self.pause(max(tried.again, _FIRST_PAUSE * 2**number))
        self._count_failure(question.place.name, tried.why if tried is not None else "")
        return False

    def _count_failure(self, name: str, why: str) -> None:
        self._failures[name] = self._failures.get(name, 0) + 1
        if self._failures[name] >= _MOST_FAILURES:
            self.away[name] = why

    async def _post(self, question: Question) -> _Tried | None:
        """Send one request, with its money set aside; None when there is none."""
        place, subject = question.place, question.subject
        asking = prompt(subject)
        vote = subject.kind == "process"
        body = dumps(body_of(place, asking, self.settings.max_tokens, vote=vote)).encode()
        worst = place.worst_usd(len(body), self.settings.max_tokens)  # a token holds a byte or more
        if not await self.purse.reserve(worst):
            return None
        tried = _Tried(cost_usd=None, why="it was cut short")
        asked = self.ledger.asking(question.key, place.name, subject, asking.mark, worst)
        try:
            tried = await self._sent(place, body)
            return tried
        finally:
            self.purse.settle(worst, tried.cost_usd)
            self.ledger.told(asked, _told(asked, subject, asking, tried))

    async def _sent(self, place: Place, body: bytes) -> _Tried:
        try:
            async with (
                asyncio.timeout(self.settings.seconds),
                self.client.stream(
                    "POST", place.url, content=body, headers=dict(headers_of(place))
                ) as reply,
            ):
                answer = bytearray()
                async for data in reply.aiter_bytes():
                    answer += data
                    if len(answer) > _REPLY_BYTES:
                        return _Tried(why=f"{place.name} answers too much", cost_usd=None)
                return _read(place, reply, bytes(answer))
        except httpx2.ConnectError as error:
            return _Tried(why=f"{place.name}: {error or type(error).__name__}", again=0.0)
        except (TimeoutError, httpx2.TimeoutException):
            why = f"{place.name} takes longer than {self.settings.seconds:g} seconds"
            return _Tried(why=why, cost_usd=None, again=0.0)
        except httpx2.HTTPError as error:
            why = f"{place.name}: {error or type(error).__name__}"
            return _Tried(why=why, cost_usd=None, again=0.0)


def client() -> httpx2.AsyncClient:
    """Asks nobody but whom it is told to: no proxies from the environment, no redirects."""
    timeout = httpx2.Timeout(None, connect=_CONNECT_SECONDS)
    return httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=timeout)


def _read(place: Place, reply: httpx2.Response, body: bytes) -> _Tried:
    """What an answer with a head comes to."""
    status = reply.status_code
    if status != 200:
        why = f"{place.name} answers with HTTP {status}: {_beginning(place, body)}"
        again = status in _AGAIN or status >= 500
        wait = _seconds(reply.headers.get("retry-after")) if again else None
        return _Tried(why=why, again=wait, refused=status in _REFUSED)
    try:
        said = reply_of(place, body)
    except NoReply:
        return _Tried(why=f"{place.name} answers with something that is no reply", cost_usd=None)
    cost = None if said.usage is None else place.cost_usd(said.usage)
    return _Tried(said=said, cost_usd=cost)


def _told(asked: Asked, subject: Subject, asking: Prompt, tried: _Tried) -> Told:
    """What is written down of an answer."""
    answered = tried.said is not None
    says, why = None, tried.why
    if tried.said is not None:
        try:
            says = read(subject.kind, tried.said.text, asking.mark).model_dump(mode="json")
        except Garbage as error:
            why = str(error)
    return Told(
        request=asked.request,
        exchanges=asked.exchanges,
        says=says,
        answered=answered,
        why=why,
        cost_usd=tried.cost_usd,
    )


def _beginning(place: Place, body: bytes) -> str:
    """Of an error, without the key: some quote the key they refuse."""
    text = body.decode("utf-8", "replace")
    if place.key:
        text = text.replace(place.key, "***")
    return " ".join(text[:_ERROR_CHARACTERS].split())


def _seconds(said: str | None) -> float:
    """What a Retry-After asks for, within reason."""
    try:
        asked = float(said or 0)
    except ValueError:
        return 0.0
    return min(max(asked, 0.0), _LONGEST_PAUSE)
