"""What a home's store has of the last weeks, met again under other policies.

The store is read; nothing is sent, and no gateway need run.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from capture import clock
from capture.exchange import Candidate, Mode
from capture.messages import Usage
from capture.store import Store, StoreError
from capture.store.asked import Asked
from capture.weighing import Weighed
from gateway.anew import anew, recorded
from gateway.commands.console import fail
from gateway.commands.policy import rehearsals_of
from gateway.commands.progress import bar
from gateway.home import Home
from gateway.met import Decided, Met
from gateway.rehearsal import Rehearsal
from gateway.replayed import Prices
from gateway.settings import Settings
from routers.history import NOTHING, Key, Tally
from routers.replay.direct import FOLDS, fold_of
from routers.replay.weighed import Again, again
from routers.thresholds import Aim

DAY = 86_400.0
MOST = 5_000
"""Requests that are met again; of more the newest."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy to meet them under."""

    name: str
    settings: Settings
    aim: Aim | None = None
    """What the router that weighs is to hold; None: each weighed request falls as it fell."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was found."""

    met: tuple[Met, ...]
    """Requests that were answered, the newest first."""
    prices: tuple[Prices, ...]
    """By policy."""
    unreadable: int
    """Their bytes are gone, or are no request any more."""
    unanswered: int
    """Nobody answered them then; they are left out."""
    days: float
    """From the first of them until now; 0 where there is none."""

    @property
    def conversations(self) -> int:
        """How many they are from."""
        return len({each.asked.conversation for each in self.met})

    @property
    def known(self) -> int:
        """Requests whose outcome is known."""
        return sum(each.asked.right is not None for each in self.met)


@contextmanager
def reading(home: Home) -> Generator[Store]:
    """The home's store; ends the command where there is none."""
    try:
        store = Store.open_reader(home.database)
    except StoreError as error:
        fail(str(error))
    try:
        yield store
    finally:
        store.close()


def gather(
    home: Home, policies: Sequence[Policy], days: float, most: int = MOST, *, apart: bool = False
) -> Gathered:
    """Every request of the last days, decided anew under each policy. `apart`: over a history that
    has no outcome of its own fold, so that nothing is chosen by what it is then judged by."""
    rehearsals = rehearsals_of(home, [policy.settings for policy in policies])
    since = clock.now() - days * DAY
    with reading(home) as store:
        weighings = {each.id: each for each in store.weighed(store.newest_weighed(most))}
        folds = _folds(store, rehearsals, since, most) if apart else [rehearsals] * FOLDS
        kept: list[tuple[Asked, tuple[Decided, ...]]] = []
        unreadable = unanswered = 0
        with bar("deciding anew", None, shown=True) as counted:
            for asked in counted(store.asked(since, most)):
                gone = anew(folds[fold_of(asked.conversation)], asked)
                unreadable += gone is None
                unanswered += gone is not None and asked.answered is None
                if gone is not None and asked.answered is not None:
                    kept.append((replace(asked, request=None), tuple(map(Decided, gone))))
    weighed = {asked.id: weighings[asked.id] for asked, _ in kept[::-1] if asked.id in weighings}
    driven = [_driven(weighed, policy.aim) for policy in policies]
    met = tuple(_met(asked, now, weighed, driven) for asked, now in kept)
    oldest = min((each.asked.began_at for each in met), default=None)
    span = 0.0 if oldest is None else max(1.0, (clock.now() - oldest) / DAY)
    return Gathered(met, tuple(map(_prices, rehearsals)), unreadable, unanswered, span)


def _folds(
    store: Store, rehearsals: Sequence[Rehearsal], since: float, most: int
) -> list[list[Rehearsal]]:
    """For each fold the same policies over a history without the fold's own outcomes."""
    own: list[dict[Key, Tally]] = [{} for _ in range(FOLDS)]
    for asked in store.asked(since, most, bodies=False):
        skill = asked.decision.get("skill")
        if asked.right is None or skill is None or asked.upstream is None or asked.model is None:
            continue
        tallies = own[fold_of(asked.conversation)]
        key = Key(skill, asked.upstream, asked.model, asked.adapter)
        one = Tally(float(asked.right), float(not asked.right))
        tallies[key] = tallies.get(key, NOTHING).plus(one)
    return [[each.without(tallies) for each in rehearsals] for tallies in own]


def _driven(weighed: Mapping[str, Weighed], aim: Aim | None) -> Mapping[str, Again]:
    if aim is None:
        return {}
    return {each.weighed.id: each for each in again(weighed.values(), aim)}


def _met(
    asked: Asked,
    now: Sequence[Decided],
    weighed: Mapping[str, Weighed],
    driven: Sequence[Mapping[str, Again]],
) -> Met:
    """A policy under which nothing weighs has no use for what the router would say."""
    decided = (
        replace(one, again=found.get(asked.id)) if one.gone.way.how == "weighed" else one
        for one, found in zip(now, driven, strict=True)
    )
    return Met(asked, recorded(asked), weighed.get(asked.id), tuple(decided))


def _prices(rehearsal: Rehearsal) -> Prices:
    def price(place: Candidate, usage: Usage) -> float | None:
        return rehearsal.links[place.upstream].cost(place.model, usage)

    cloud = rehearsal.links.well.at(Mode.BURST)
    return Prices(
        price, None if cloud is None else Candidate(Mode.BURST, cloud.upstream, cloud.model)
    )
