# ruff: noqa: E501 - a production is one line
"""The household's new skills: their tools, how people ask, and which call is right.

None of these tools is in the house model's training (`trainer.house.skills`). An agent offers the
tools of one skill at a time. Nothing here is random, and nothing here is shown to the product: the
demo and the stand-in for Claude know it, and Majordomo sees only requests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from scripts.demo import phrases, values

Json = dict[str, Any]
"""Other people's JSON: an OpenAI message, tool or schema."""


@dataclass(frozen=True)
class Argument:
    """One argument of a tool."""

    name: str
    """As the tool declares it; also the slot's name in the productions."""
    kind: str
    """A key of `values.MAKERS`; ``fixed`` for one that follows from the production."""
    number: bool = False
    """Whether the tool declares a number."""


@dataclass(frozen=True)
class Action:
    """One thing that can be asked for: a tool and the ways of asking."""

    name: str
    """Of the action, in figures."""
    tool: str
    """The tool to call."""
    arguments: tuple[Argument, ...]
    """In the order in which the tool declares them."""
    productions: tuple[str, ...]
    """How people ask (see `phrases`)."""
    fixed: tuple[tuple[str, str], ...] = ()
    """(argument, value) of the ``fixed`` ones."""
    finds: str = ""
    """What kind of value the simulated tool reports, a key of `values.MAKERS`; empty: it only
    confirms."""

    def call(self, given: dict[str, str]) -> Json:
        """The right tool call: ``{"name", "arguments"}``."""
        said = {**dict(self.fixed), **given}
        arguments = {
            argument.name: json.loads(said[argument.name])
            if argument.number
            else said[argument.name]
            for argument in self.arguments
        }
        return {"name": self.tool, "arguments": arguments}

    def kinds(self) -> tuple[tuple[str, str], ...]:
        """Each slot's regular expression."""
        return tuple(
            (argument.name, values.PATTERNS[argument.kind])
            for argument in self.arguments
            if argument.kind != "fixed"
        )


@dataclass(frozen=True)
class Skill:
    """A kind of task: the tools an agent offers together, and what may be asked of them."""

    name: str
    """In figures; the product finds its own name for it (the tools' signature)."""
    actions: tuple[Action, ...]

    def tools(self) -> list[Json]:
        """The tools in OpenAI's form, each once."""
        found = {action.tool: _schema(action) for action in self.actions}
        return list(found.values())


def _schema(action: Action) -> Json:
    properties = {
        argument.name: {"type": "number" if argument.number else "string"}
        for argument in action.arguments
    }
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {
        "type": "function",
        "function": {
            "name": action.tool,
            "description": action.tool.replace("_", " ").capitalize(),
            "parameters": parameters,
        },
    }


def _lines(block: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in block.strip().splitlines())


_LIGHT = (Argument("room", "room"), Argument("state", "fixed"))

SKILLS: tuple[Skill, ...] = (
    Skill(
        "lights",
        (
            Action(
                "light on",
                "switch_light",
                _LIGHT,
                _lines("""
                    (turn|switch|put) on the {room} (light|lights)
                    (turn|switch|put) the {room} (light|lights) on
                    the {room} (light|lights) on
                    (light up|power up|activate|enable) the {room} (light|lights)
                    (get|have) the {room} (light|lights) (on|going|shining)
                    let there be light in the {room}
                    i (need|want|would like) the {room} (light|lights) on
                    (make|let) the {room} (light|lights) (shine|glow|burn)
                    it is (too|so) dark, the {room} (light|lights) (on|up)
                    the {room} (light|lights) (should|must|has to) be on
                    (start|fire up|bring up) the {room} (light|lights)
                    i cannot see (a thing|anything), the {room} (light|lights) on
                    {room} (light|lights): (on|switch it on|turn it on)
                    (is it possible to have|may we have|can we get) the {room} (light|lights) on
                    set the {room} (light|lights) to on
                    give us some light in the {room}
                """),
                fixed=(("state", "on"),),
            ),
            Action(
                "light off",
                "switch_light",
                _LIGHT,
                _lines("""
                    (turn|switch|put) off the {room} (light|lights)
                    (turn|switch|put) the {room} (light|lights) off
                    the {room} (light|lights) off
                    (kill|cut|disable|deactivate) the {room} (light|lights)
                    (get|have) the {room} (light|lights) (off|out|dark)
                    nobody needs the {room} (light|lights), (off|out) with it
                    i (need|want|would like) the {room} (light|lights) off
                    (make|let) the {room} (light|lights) (go dark|go out)
                    it is (too|so) bright, the {room} (light|lights) (off|down)
                    the {room} (light|lights) (should|must|has to) be off
                    (stop|shut down|power down) the {room} (light|lights)
                    (bedtime|good night|we are leaving), the {room} (light|lights) off
                    {room} (light|lights): (off|switch it off|turn it off)
                    (is it possible to have|may we have|can we get) the {room} (light|lights) off
                    set the {room} (light|lights) to off
                    save some power in the {room}
                """),
                fixed=(("state", "off"),),
            ),
        ),
    ),
    Skill(
        "heating",
        (
            Action(
                "heating",
                "set_heating",
                (Argument("room", "room"), Argument("degrees", "degrees", number=True)),
                _lines("""
                    (set|put|turn) [the] [heating in the] {room} to {degrees} [degrees]
                    (heat|warm) [up] [the] {room} to {degrees} [degrees]
                    {degrees} degrees in [the] {room}
                    [the] {room} to {degrees} [degrees]
                    (make|get|keep) [the] {room} {degrees} degrees
                    i (want|need|would like) {degrees} degrees in [the] {room}
                    (bring|take) [the] {room} (to|up to|down to) {degrees} [degrees]
                    [the] {room} (should|must|has to) be [at] {degrees} [degrees]
                    (adjust|change|regulate) [the] {room} to {degrees} [degrees]
                    [the] {room} is too cold, {degrees} [degrees]
                    it should be {degrees} degrees in [the] {room}
                    let [the] {room} (be|have) {degrees} degrees
                    {room}: {degrees} [degrees]
                    (thermostat|heating|radiator) [of the|in the] {room} {degrees} [degrees]
                    aim for {degrees} degrees in [the] {room}
                    (hold|maintain) {degrees} [degrees] in [the] {room}
                """),
            ),
        ),
    ),
    Skill(
        "parcels",
        (
            Action(
                "parcel",
                "track_parcel",
                (Argument("number", "parcel"),),
                _lines("""
                    where is [my|the] (parcel|package|order) {number}
                    track [my|the] [parcel|package|order] {number}
                    (any news|is there news) (of|about) [parcel|package|order] {number}
                    when (will|does) [my|the] [parcel|package|order] {number} (arrive|come|get here)
                    (look up|check on|follow) [my|the] [parcel|package|order] {number}
                    what about [my|the] (parcel|package|order) {number}
                    i am (waiting for|expecting) [my|the] [parcel|package|order] {number}
                    (status|whereabouts) of [my|the] [parcel|package|order] {number}
                    has [my|the] [parcel|package|order] {number} (arrived|come|been delivered)
                    find out where {number} is
                    [my|the] (parcel|package|order) {number} is late
                    how far is [my|the] [parcel|package|order] {number}
                    {number}: where is it
                    tell me (about|where to find) [my|the] (parcel|package|order) {number}
                    did they ship [my|the] [parcel|package|order] {number}
                    (delivery|shipment|tracking) {number}
                """),
                finds="whereabouts",
            ),
        ),
    ),
    Skill(
        "shopping",
        (
            Action(
                "buy",
                "add_item",
                (Argument("item", "food"),),
                _lines("""
                    (add|put|write) [some] {item} (to|on) the [shopping] list
                    (buy|get|bring) [us|me] [some] {item}
                    we (need|want|are out of) {item}
                    [some] {item} (on|onto) the [shopping] list
                    (note|write) down [some] {item} for [the] shopping
                    i (need|want|could use) [some] {item}
                    {item} (belong on|go on|should be on) the [shopping] list
                    (order|pick up|fetch) [some] {item}
                    there are no more {item} [at home|in the cupboard]
                    the [shopping] list (needs|should have|gets) [some] {item}
                    more {item} [next time]
                    do not forget [some] {item}
                    (shopping|groceries): [some] {item}
                    {item} (again|as usual) [on the list]
                    (remember|remind us) to (buy|get) [some] {item}
                    next time at the shop [some] {item}
                """),
            ),
            Action(
                "not buy",
                "remove_item",
                (Argument("item", "food"),),
                _lines("""
                    (remove|delete|take) [the] {item} from the [shopping] list
                    (take|strike|cross) [the] {item} off the [shopping] list
                    we (have enough|do not need) {item} [any more]
                    no {item} [for us] [this time]
                    (drop|forget|skip) the {item}
                    i (do not want|already have|already bought) {item}
                    (get rid of|cross out) [the] {item} on the [shopping] list
                    cancel [the] {item}
                    {item} can (go|come off) [from] [the list]
                    the [shopping] list should not have {item}
                    without {item} [this time]
                    there is still {item} (left|at home|in the cupboard)
                    {item}: (not needed|remove it|take it off)
                    leave out [the] {item}
                    do not (buy|get|bring) [any] {item}
                    (somebody|anna|ben) (brought|bought) {item} already
                """),
            ),
        ),
    ),
    Skill(
        "messages",
        (
            Action(
                "message",
                "tell_person",
                (Argument("person", "person"), Argument("text", "message")),
                _lines("""
                    (tell|inform|let) {person} [know] [that] {text}
                    (send|text|write) {person}: {text}
                    (send|write) a message to {person}: {text}
                    (send|pass) {person} the message {text}
                    message {person} [that] {text}
                    {person} should (know|hear) [that] {text}
                    (say|mention) to {person} that {text}
                    (drop|leave) {person} a (note|line): {text}
                    (send|write) {text} to {person}
                    a message (for|to) {person}: {text}
                    let {person} (hear|read) that {text}
                    (report|pass on) to {person} that {text}
                    {person}: {text}
                    (ping|notify|update) {person}, {text}
                    i want {person} to (know|hear) that {text}
                    (get|give) {person} the (news|word) that {text}
                """),
            ),
        ),
    ),
    Skill(
        "forecast",
        (
            Action(
                "forecast",
                "weather_report",
                (Argument("town", "town"), Argument("day", "day")),
                _lines("""
                    what is the weather [like] in {town} [on] {day}
                    how is the weather in {town} [on] {day}
                    (weather|forecast) (in|for) {town} [on] {day}
                    will it (rain|snow|be sunny|be warm) in {town} [on] {day}
                    what will the weather be in {town} [on] {day}
                    do i need (an umbrella|a coat|a jacket|boots) in {town} [on] {day}
                    (tell|show) me the (weather|forecast) (in|for) {town} [on] {day}
                    i am going to {town} [on] {day}, what is the weather
                    how (warm|cold|wet) will it be in {town} [on] {day}
                    [on] {day} in {town}, what will the weather (be|do)
                    (check|look up) the (weather|forecast) (in|for) {town} [on] {day}
                    {town}, {day}: (weather|forecast)
                    is {town} (dry|sunny|rainy|windy) [on] {day}
                    what (does|should) {town} expect [on] {day}
                    can we (picnic|swim|hike) in {town} [on] {day}
                    {day}'s weather in {town}
                """),
                finds="sky",
            ),
        ),
    ),
)
"""Every new skill, in the order of the figures."""

BEFORE = ("", "", "", "", "please ", "hey, ", "ok, ", "majordomo, ", "hello, ")
"""What people put before a request; nothing as often as not."""
AFTER = ("", "", "", "", "", " if you can", ", please", ", thanks", " please", " now")
"""What people put behind a request."""


def understand(text: str, tools: list[str]) -> tuple[Action, Json] | None:
    """What a request asks for, given the names of the tools offered; None when it says nothing known."""
    wanted = _bare(text)
    for skill in SKILLS:
        for action in skill.actions:
            if action.tool not in tools:
                continue
            for production in action.productions:
                match = phrases.pattern(production, action.kinds()).fullmatch(wanted)
                if match is not None:
                    return action, action.call(match.groupdict())
    return None


def _bare(text: str) -> str:
    """The request without politeness and final punctuation."""
    wanted = text.strip().rstrip(".!?")
    for before in BEFORE:
        if before and wanted.casefold().startswith(before):
            wanted = wanted[len(before) :]
            break
    for after in sorted(AFTER, key=len, reverse=True):
        if after and wanted.casefold().endswith(after):
            wanted = wanted[: -len(after)]
            break
    return wanted.strip()


THANKS = ("Thanks!", "Thank you.", "Perfect, thanks.", "Great, thank you!")
"""What users say when it went well."""
CORRECTION = "No, that is wrong: "
"""How users begin when it went wrong; the request follows."""


def is_thanks(text: str) -> bool:
    """Whether a turn only thanks."""
    return text.strip() in THANKS


def uncorrected(text: str) -> str:
    """The request in a correction; any other text as it is."""
    return text.removeprefix(CORRECTION)


def closing(result: str) -> str:
    """What to tell the user of a tool's result."""
    if result == "ok":
        return "Done."
    if result.startswith("error: "):
        return f"That failed: {result.removeprefix('error: ')}"
    return f"Here is the result: {result}"


def spoiled(call: Json) -> Json:
    """The call, gone wrong: its last argument is another."""
    *_, last = call["arguments"]
    value = call["arguments"][last]
    if isinstance(value, str):
        other: Any = {"on": "off", "off": "on"}.get(value, value[: len(value) // 2].strip())
    else:
        other = value + 1
    return {**call, "arguments": {**call["arguments"], last: other}}
