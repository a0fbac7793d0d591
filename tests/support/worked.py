"""Weeks of work in a household's journal: short conversations whose outcome shows."""

from __future__ import annotations

import random
from typing import Any

import orjson

from capture import clock
from capture.exchange import Candidate, Mode, Reason, RouteDecision
from capture.ids import new_id
from capture.journal import Journal
from capture.weighing import Agreement, Weighing
from tests.support.journals import attempt, begin, end
from tests.support.kitchen import answer, call, result, user

SMALL = Candidate(Mode.RESTING, "ollama", "small")
LARGE = Candidate(Mode.ACTIVE, "ollama", "large")
CLOUD = Candidate(Mode.BURST, "claude", "claude-opus-4-5")
DAY = 86_400.0
AT_HOME = {"shell": 0.5, "mail": 0.5, "code": 0.0}
"""How often home was asked, by skill."""
RIGHT = {"shell": 0.97, "mail": 0.7, "cloud": 0.95}
"""How often home is right, by skill, and how often the cloud is."""


def work(
    journal: Journal, conversations: int, *, weighed: bool = False, seed: int = 0
) -> list[str]:
    """Conversations of one call each; gives the ids of the exchanges that made it."""
    rng = random.Random(seed)
    ids: list[str] = []
    for n in range(conversations):
        skill = ("shell", "mail", "code")[n % 3]
        home = rng.random() < AT_HOME[skill]
        right = rng.random() < RIGHT[skill if home else "cloud"]
        ids.append(_one(journal, n, skill, home=home, right=right, weighed=weighed))
    return ids


def _one(journal: Journal, n: int, skill: str, *, home: bool, right: bool, weighed: bool) -> str:
    place = SMALL if home else CLOUD
    messages = [user(f"Do thing number {n} of {skill}, please")]
    at = clock.now() - 20 * DAY * (1 + n) / 1_000
    calls = call(f"call_{n}", '{"command": "ls"}')
    id_ = _exchange(journal, messages, calls, place, skill, at, weighed=weighed)
    outcome = '{"exit_code": 0}' if right else '{"error": "no such file"}'
    told = [*messages, calls, result(f"call_{n}", outcome)]
    _exchange(journal, told, answer("There you are."), place, "talk", at + 1.0)
    return id_


def _exchange(
    journal: Journal,
    messages: list[dict[str, Any]],
    reply: dict[str, Any],
    place: Candidate,
    skill: str,
    at: float,
    *,
    weighed: bool = False,
) -> str:
    id_ = new_id()
    decision = RouteDecision(
        (SMALL, LARGE, CLOUD) if weighed else (place,),
        (Reason("history", "so it stood"),),
        (),
        confidence=0.9 if place is SMALL else 0.4,
        skill=skill,
        checked=(SMALL, LARGE) if weighed else (),
        weighs=weighed,
    )
    request = {"model": "auto", "messages": messages, "metadata": {"skill": skill}}
    journal.begin(begin(id_, at=at, request=orjson.dumps(request), decision=decision))
    tried = attempt(mode=place.mode, upstream=place.upstream, model=place.model)
    body = orjson.dumps({"choices": [{"message": reply, "finish_reason": "stop"}]})
    weighing = _weighing(place) if weighed else None
    journal.end(id_, end(attempts=[tried], finish_reason=None, weighing=weighing), [body], None)
    return id_


def _weighing(place: Candidate) -> Weighing:
    """Both local models said the same as each other and as the cloud."""
    home, same = place is SMALL, Agreement(True, 1.0, "both make the same call")
    figures = {"resting.clean": 1.0, "active.clean": 1.0, "agree": 1.0}
    return Weighing(
        choice="accept" if home else "escalate",
        reason=Reason("agreed" if home else "unproven", "so it was weighed"),
        who=Mode.RESTING if home else None,
        keys=("work", None, None),
        figures=figures,
        found={Mode.RESTING: (), Mode.ACTIVE: ()},
        agreement=same,
        home={Mode.RESTING: 0.8, Mode.ACTIVE: 0.8},
        cloud=0.9,
        stays=True,
        propensity=0.99,
        beside={} if home else {Mode.RESTING: same, Mode.ACTIVE: same},
    )
