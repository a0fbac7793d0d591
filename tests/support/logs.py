"""Logs of requests whose truth is known, for estimates of what another policy would have made."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from routers.replay.offpolicy import Logged

SKILLS = ("mail", "shell", "code", "chat")
DRAWN = {"home": 0.3, "cloud": 0.7}


@dataclass(frozen=True)
class World:
    """How often each way is really right on each skill."""

    right: Mapping[tuple[str, str], float]

    @classmethod
    def of(cls, seed: int) -> World:
        """Home is good at some skills, the cloud at all."""
        rng = random.Random(seed)
        home = {(skill, "home"): rng.uniform(0.2, 0.95) for skill in SKILLS}
        return cls(home | {(skill, "cloud"): rng.uniform(0.7, 0.98) for skill in SKILLS})

    @property
    def truth(self) -> float:
        """Of the policy that `log` asks about, over all there might ever be."""
        return sum(self.right[skill, self.better(skill)] for skill in SKILLS) / len(SKILLS)

    def better(self, skill: str) -> str:
        """Where the other policy sends a skill: home where it is right more often than not."""
        return "home" if self.right[skill, "home"] > 0.5 else "cloud"

    def log(self, seed: int, requests: int, *, drawn: bool = True) -> list[Logged]:
        """Requests of one skill and one to three to a conversation. `drawn`: chance decided where
        they went; else something did that has nothing to do with the skill, and drew nothing."""
        rng = random.Random(seed)
        rows: list[Logged] = []
        while len(rows) < requests:
            skill, conversation = rng.choice(SKILLS), f"c{seed}-{len(rows)}"
            for _ in range(rng.randint(1, 3)):
                taken = rng.choices(list(DRAWN), list(DRAWN.values()))[0]
                right = float(rng.random() < self.right[skill, taken])
                chances = DRAWN if drawn else {taken: 1.0}
                wanted = {self.better(skill): 1.0}
                rows.append(Logged(conversation, skill, taken, right, chances, wanted))
        return rows
