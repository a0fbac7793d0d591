# ruff: noqa: SIM905 - word lists read better as text
"""What the household talks about: rooms, groceries, people, parcels, towns; made by code.

Every open kind is composed of parts, so that there are far more values than four weeks can use and
no week has to repeat what an earlier one said. Days, numbers and on/off are closed kinds: those
repeat.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable

_WHOSE = (
    "anna ben carla david elif frank greta hugo ines jonas kira leon mila nora oskar paula quentin "
    "rosa sami tilda umut vera walter xenia yara zoe"
).split()
_WHERE = (
    "attic balcony basement bathroom bedroom cellar corridor desk garage garden hall hallway "
    "kitchen landing library loft lounge nursery pantry patio porch shed sofa stairs studio study "
    "terrace veranda window workshop"
).split()
_WHICH = (
    "back big blue bright corner dark east far front green guest inner left little long lower main "
    "near new north old outer quiet red right round sunny upper warm west white"
).split()
_HOW = (
    "black brown canned chopped cold crunchy dark dried fresh frozen golden ground mild organic "
    "peeled pickled plain raw red ripe roasted salted sliced smoked soft sour spicy sweet tinned "
    "whole"
).split()
_FOOD = (
    "almonds apples apricots bananas barley beans beetroot butter cabbage carrots cashews celery "
    "cheese cherries chickpeas cocoa corn cream cucumbers dates figs flour garlic ginger grapes "
    "honey leeks lemons lentils limes mangoes mushrooms mustard nuts oats olives onions oranges "
    "parsley peaches pears peas peppers plums potatoes pumpkin radishes raisins rice salmon "
    "sausages spinach tofu tomatoes tuna turnips vinegar walnuts yeast yoghurt"
).split()
_FAMILY = (
    "Abel Brandt Costa Diaz Ekberg Fischer Gruber Hansen Ivanov Jansen Keller Lindt Moreau Novak "
    "Olsen Petrov Quist Rossi Silva Tanaka Ueda Vogel Weber Yilmaz Zeller"
).split()
_TOWN_HEAD = (
    "Alder Ash Bram Brook Crow Dun Elm Fair Fen Glen Hazel Holm Iron Kings Lang Mill Nether North "
    "Oak Pen Quarry Raven Red Salt Silver Stan Thorn Under Wester Whit"
).split()
_TOWN_TAIL = (
    "bridge bury by combe dale field ford gate ham haven hill hurst ley mere mouth port stead "
    "stow ton water wick wood worth"
).split()
_WHO = ("I am", "we are", "the kids are", "dinner is", "the car is", "everything is", "the dog is")
_STATE = (
    "at the station, at the office, at the market, at the doctor, on the way home, on the train, "
    "ready, late, almost there, still at work, stuck in traffic, back at six, back at nine, "
    "in the garden, out of milk, fine, asleep, done, not coming, waiting outside, at school, "
    "in the hospital, nearly finished, downtown, upstairs, busy, ill"
).split(", ")
_TAIL = ("", "", " again", " today", " already")

DAYS = (
    "today tomorrow monday tuesday wednesday thursday friday saturday sunday Monday Tuesday "
    "Wednesday Thursday Friday Saturday Sunday"
).split()
"""The days that a request may name."""


def _whose(rng: random.Random) -> str:
    return f"{rng.choice(_WHOSE).capitalize()}'s" if rng.random() < 0.3 else rng.choice(_WHICH)


def room(rng: random.Random) -> str:
    """A room: ``old pantry``, ``Ben's study``."""
    return f"{_whose(rng)} {rng.choice(_WHERE)}"


def food(rng: random.Random) -> str:
    """Something to buy: ``smoked almonds``."""
    return f"{rng.choice(_HOW)} {rng.choice(_FOOD)}"


def person(rng: random.Random) -> str:
    """A full name."""
    return f"{rng.choice(_WHOSE).capitalize()} {rng.choice(_FAMILY)}"


def parcel(rng: random.Random) -> str:
    """A carrier's number."""
    head = "".join(rng.choices(string.ascii_uppercase, k=2))
    return head + "".join(rng.choices(string.digits, k=rng.choice((6, 7, 8))))


def town(rng: random.Random) -> str:
    """A town that is on no map."""
    return rng.choice(_TOWN_HEAD) + rng.choice(_TOWN_TAIL)


def message(rng: random.Random) -> str:
    """A short message: ``the kids are at the station and hungry``."""
    return f"{rng.choice(_WHO)} {rng.choice(_STATE)}{rng.choice(_TAIL)}"


def day(rng: random.Random) -> str:
    """A day; a closed kind."""
    return rng.choice(DAYS)


def degrees(rng: random.Random) -> str:
    """A temperature; a closed kind."""
    return f"{rng.randint(14, 27)}{rng.choice(('', '', '.5'))}"


def whereabouts(rng: random.Random) -> str:
    """What a carrier says of a parcel."""
    where = rng.choice(("in the depot", "on the van", "at the counter", "at the border"))
    return f"{where} since {rng.randint(6, 19)}:{rng.randint(10, 59)}"


def sky(rng: random.Random) -> str:
    """What a forecast says."""
    how = rng.choice(("rain", "snow", "sun", "clouds", "fog", "wind", "showers", "thunder"))
    return f"{how} and {rng.randint(-5, 34)} degrees"


MAKERS: dict[str, Callable[[random.Random], str]] = {
    "room": room,
    "food": food,
    "person": person,
    "parcel": parcel,
    "town": town,
    "message": message,
    "day": day,
    "degrees": degrees,
    "whereabouts": whereabouts,
    "sky": sky,
}
"""Every kind of value."""

OPEN = frozenset({"room", "food", "person", "parcel", "town", "message"})
"""The kinds of which no value is ever said twice."""

_WORD = r"[a-z]+(?:'s)?"
PATTERNS: dict[str, str] = {
    "room": rf"{_WORD} (?:{'|'.join(_WHERE)})",
    "food": rf"(?:{'|'.join(_HOW)}) (?:{'|'.join(_FOOD)})",
    "person": rf"(?:{'|'.join(_WHOSE)}) (?:{'|'.join(_FAMILY)})",
    "parcel": r"[A-Z]{2}\d{6,8}",
    "town": rf"(?:{'|'.join(_TOWN_HEAD)})(?:{'|'.join(_TOWN_TAIL)})",
    "message": rf"(?:{'|'.join(_WHO)}) [a-z ]+?",
    "day": "|".join(sorted({day.lower() for day in DAYS})),
    "degrees": r"\d+(?:\.5)?",
}
"""What a value of each kind looks like, as a regular expression (case is ignored)."""
