"""Conversations made by code: what the house model is trained and evaluated on.

A conversation is a tool list, perhaps a system message, and one to three exchanges; it is written
as OpenAI messages and rendered by the model's own chat template, so training sees exactly what
serving will.  Everything follows from a seed.  `held` settings choose the side of every split.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from trainer.house import values
from trainer.house.requests import Asked, arguments_of, ask
from trainer.house.skills import DISTRACTORS, SKILLS, Argument, Skill
from trainer.house.talk import NO_TOOL, ORPHANS, TALKS, Talk

Json = dict[str, Any]
"""Other people's JSON: an OpenAI message, tool or schema."""

TEMPLATE_FILE = Path(__file__).with_name("chat_template.jinja")
"""The chat template that training, evaluation and the shipped model share."""

_EXTRAS = (
    "limit",
    "offset",
    "verbose",
    "recursive",
    "encoding",
    "format",
    "timeout",
    "tags",
    "all",
    "language",
    "max_results",
    "sort",
    "dry_run",
    "include_hidden",
    "session",
    "priority",
    "repeat",
    "location",
    "color",
    "workdir",
)
_NAMESPACES = (
    "mcp_",
    "home_",
    "fs_",
    "my_",
    "tool_",
    "mcp__home__",
    "majordomo_",
    "local_",
    "std_",
    "builtin_",
)


@dataclass(frozen=True)
class Side:
    """Which side of the splits a request is drawn from."""

    split: str = "train"
    """``train``, ``wording`` (held-out wording) or ``production`` (held-out production)."""
    held_values: bool = False
    """Whether slot values come from the held-out side."""
    tool_names: str = "mixed"
    """``mixed`` (canonical or renamed), ``canonical``, or ``held`` (a name that never trains)."""


TRAINING = Side()
"""The side that training draws from."""


@dataclass(frozen=True)
class Offered:
    """A base skill's tool as one client offers it."""

    skill: Skill
    """What it does."""
    name: str
    """What the client calls it."""
    keys: dict[str, str]
    """Slot -> the client's name of the argument."""
    numeric: frozenset[str]
    """The slots that the client declares as numbers."""
    extras: tuple[str, ...]
    """Optional arguments that no request fills."""
    order: tuple[Argument, ...]
    """The arguments in the order in which they are declared and written."""

    def schema(self) -> Json:
        """The tool in OpenAI's form."""
        properties = {
            self.keys[a.slot]: {"type": "number" if a.slot in self.numeric else "string"}
            for a in self.order
        }
        properties |= {extra: {"type": "string"} for extra in self.extras}
        required = [self.keys[a.slot] for a in self.order if not a.optional]
        return _function(self.name, properties, required)

    def call(self, asked: Asked) -> Json:
        """The tool call that serves the request: ``{"name", "arguments"}``."""
        given = arguments_of(self.skill, asked)
        arguments = {self.keys[slot]: self._typed(slot, value) for slot, value in given.items()}
        in_order = [self.keys[a.slot] for a in self.order]
        return {
            "name": self.name,
            "arguments": {key: arguments[key] for key in in_order if key in arguments},
        }

    def _typed(self, slot: str, value: str) -> str | int | float:
        return json.loads(value) if slot in self.numeric else value


@dataclass(frozen=True)
class Exchange:
    """One request and the reply expected of the model, without what a tool returned."""

    label: str
    """The skill's name, or ``talk:...``, ``no_tool``, ``result``."""
    request: list[Json]
    """The messages that lead to the reply; for ``result`` with the call and its result."""
    reply: Json
    """The assistant message expected."""


@dataclass(frozen=True)
class Conversation:
    """What one model sees."""

    tools: list[Json]
    """The tools offered, in OpenAI's form; may be empty."""
    messages: list[Json] = field(default_factory=list[Json])
    """All messages, the last reply included."""


def _function(name: str, properties: Json, required: list[str]) -> Json:
    parameters = {"type": "object", "properties": properties, "required": required}
    return {
        "type": "function",
        "function": {"name": name, "description": "", "parameters": parameters},
    }


def _alias(canonical: str, names: tuple[str, ...], naming: str, rng: random.Random) -> str:
    """The name under which a tool or an argument is offered; the last of `names` never trains."""
    if naming == "held":
        return names[-1]
    if naming == "canonical" or rng.random() < 0.5:
        return canonical
    return rng.choice(names[:-1])


def _argument_name(argument: Argument, naming: str, rng: random.Random) -> str:
    """As `_alias`; in training now and then a made-up name, so that names are read, not known."""
    if naming == "mixed" and rng.random() < 0.12:
        return values.made_up_word(rng)
    return _alias(argument.names[0], argument.names, naming, rng)


def _order(
    skill: Skill, keys: dict[str, str], naming: str, rng: random.Random
) -> tuple[Argument, ...]:
    """The order of the arguments; shuffled now and then, if their names still tell them apart."""
    known = all(keys[a.slot] in a.names for a in skill.arguments)
    if naming == "mixed" and known and rng.random() < 0.2:
        return tuple(rng.sample(skill.arguments, len(skill.arguments)))
    return skill.arguments


def offer(skill: Skill, naming: str, rng: random.Random) -> Offered:
    """The skill's tool as some client might offer it."""
    name = _alias(skill.name, skill.tools, naming, rng)
    if naming == "mixed" and rng.random() < 0.08:
        name = rng.choice(_NAMESPACES) + name
    elif naming == "mixed" and rng.random() < 0.1:
        name = f"{name}_{values.made_up_word(rng)}"
    keys = {a.slot: _argument_name(a, naming, rng) for a in skill.arguments}
    if len(set(keys.values())) < len(keys):
        keys = {a.slot: a.names[0] for a in skill.arguments}
    numeric = frozenset(a.slot for a in skill.arguments if _is_number(a, naming, rng))
    count = rng.choices((0, 1, 2), (0.8, 0.14, 0.06))[0] if naming == "mixed" else 0
    extras = tuple(rng.sample([extra for extra in _EXTRAS if extra not in keys.values()], count))
    return Offered(skill, name, keys, numeric, extras, _order(skill, keys, naming, rng))


def _is_number(argument: Argument, naming: str, rng: random.Random) -> bool:
    return argument.numeric and (naming != "mixed" or rng.random() < 0.75)


def _distractor(rng: random.Random) -> Json:
    """A tool that no base skill uses: a usual one or a made-up one."""
    if rng.random() < 0.8:
        name, keys = rng.choice(DISTRACTORS)
    else:
        name = f"{values.made_up_word(rng)}_{values.made_up_word(rng)}"
        keys = tuple(values.made_up_word(rng) for _ in range(rng.randint(0, 2)))
    return _function(name, {key: {"type": "string"} for key in keys}, list(keys))


def _system_message(rng: random.Random) -> list[Json]:
    roll = rng.random()
    if roll < 0.6:
        return []
    kind = rng.choice(("helpful", "careful", "friendly", "small", "smart", "useful"))
    who = rng.choice(
        ("assistant", "agent", "home assistant", "butler", "bot", "AI agent", "tool user")
    )
    text = rng.choice(
        (
            f"You are {values.name(rng).capitalize()}, a {kind} {who}.",
            f"You are a {kind} {who}.",
            "You are a helpful assistant.",
            f"# {values.title(rng)}",
            f"You are an AI {who}. {values.text(rng)}",
            values.text(rng),
        )
    )
    return [{"role": "system", "content": text}]


@dataclass(frozen=True)
class Toolbox:
    """The tools of one conversation."""

    offered: tuple[Offered, ...]
    """The base skills' tools among them."""
    schemas: list[Json]
    """All of them in OpenAI's form, in the order offered."""


def toolbox(skills: list[Skill], distractors: int, naming: str, rng: random.Random) -> Toolbox:
    """Tools for these skills, with distractors, in random order and without repeated names."""
    offered = tuple(offer(skill, naming, rng) for skill in skills)
    schemas = {item.name: item.schema() for item in offered}
    others = [_distractor(rng) for _ in range(distractors)]
    everything = list(({other["function"]["name"]: other for other in others} | schemas).values())
    rng.shuffle(everything)
    return Toolbox(tuple({item.name: item for item in offered}.values()), everything)


def random_toolbox(naming: str, rng: random.Random, needed: tuple[Skill, ...] = ()) -> Toolbox:
    """A client's tools: mostly two to six, seldom a dozen or more, always those `needed`."""
    others = [skill for skill in SKILLS if skill not in needed]
    count = rng.choices((1, 2, 3, 4, 6, 9, 13), (0.16, 0.2, 0.2, 0.2, 0.15, 0.06, 0.03))[0]
    chosen = [*needed, *rng.sample(others, max(0, min(count - len(needed), len(others))))]
    return toolbox(chosen, rng.choices((0, 1, 2, 5), (0.65, 0.22, 0.1, 0.03))[0], naming, rng)


def _user(text: str) -> list[Json]:
    return [{"role": "user", "content": text}]


def _assistant_call(call: Json) -> Json:
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"type": "function", "function": call}],
    }


def _assistant_text(text: str) -> Json:
    return {"role": "assistant", "content": text}


def skill_exchange(tool: Offered, side: Side, rng: random.Random) -> Exchange:
    """A request of a base skill whose tool is offered; the reply is the call."""
    asked = ask(tool.skill.productions, side.split, side.held_values, rng)
    return Exchange(tool.skill.name, _user(asked.text), _assistant_call(tool.call(asked)))


def talk_exchange(talk: Talk, side: Side, rng: random.Random) -> Exchange:
    """Small talk; the reply is fixed."""
    asked = ask(talk.productions, side.split, side.held_values, rng)
    return Exchange(f"talk:{talk.name}", _user(asked.text), _assistant_text(talk.reply))


def no_tool_exchange(box: Toolbox, side: Side, rng: random.Random) -> Exchange:
    """A request whose tool is not offered; the reply says so."""
    missing = [skill for skill in SKILLS if all(skill is not item.skill for item in box.offered)]
    if missing and (len(box.schemas) > len(box.offered) or rng.random() < 0.75):
        productions = rng.choice(missing).productions
    else:
        productions = ORPHANS
    return Exchange(
        "no_tool",
        _user(ask(productions, side.split, side.held_values, rng).text),
        _assistant_text(NO_TOOL),
    )


_NOTHING = (
    "ok",
    "OK",
    "done",
    "success",
    "true",
    '{"ok": true}',
    '{"success": true}',
    "created",
    "saved",
    "null",
    "{}",
    '{"status": "ok"}',
    '{"result": "ok"}',
    '{"output": "", "exit_code": 0}',
)


def _finding(held: bool, rng: random.Random) -> str:
    """What a tool found: a number, a text, a path, or a few of them on lines or in a row."""
    kind = rng.choice(
        ("number", "number", "number", "text", "title", "path", "measure", "lines", "row")
    )
    if kind == "measure":
        return f"{values.draw('number', held, rng)} {values.draw('unit', held, rng)}"
    if kind in ("lines", "row"):
        joint = "\n" if kind == "lines" else ", "
        return joint.join(
            values.draw(rng.choice(("path", "title", "name")), held, rng)
            for _ in range(rng.randint(2, 4))
        )
    return values.draw(kind, held, rng)


def tool_result(held: bool, rng: random.Random) -> tuple[str, str]:
    """What a tool returned, and what the model says to it."""
    roll = rng.random()
    if roll < 0.25:
        return rng.choice(_NOTHING), "Done."
    if roll < 0.42:
        problem = values.draw(rng.choice(("text", "title", "path")), held, rng)
        shape = rng.choice(
            (
                "error: %s",
                "Error: %s",
                '{"error": "%s"}',
                '{"success": false, "error": "%s"}',
                "failed: %s",
            )
        )
        return shape % problem, f"That failed: {problem}"
    found = _finding(held, rng)
    if "\n" in found or rng.random() < 0.6:
        return found, f"Here is the result: {found}"
    key = rng.choice(("result", "output", "content", "value", "text", "stdout"))
    shape = rng.choice(
        ('{"%s": "%s"}', '{"%s": "%s", "exit_code": 0}', '{"success": true, "%s": "%s"}')
    )
    return shape % (key, found), f"Here is the result: {found}"


def result_exchange(before: Exchange, held: bool, rng: random.Random) -> Exchange:
    """The turn after a tool call: the result arrives, the reply reports it."""
    content, said = tool_result(held, rng)
    request = [*before.request, before.reply, {"role": "tool", "content": content}]
    return Exchange("result", request, _assistant_text(said))


def _training_exchange(box: Toolbox, rng: random.Random) -> list[Json]:
    """One exchange of a training conversation, replies included."""
    roll = rng.random()
    if box.offered and roll < 0.76:
        first = skill_exchange(rng.choice(box.offered), TRAINING, rng)
        if rng.random() < 0.6:
            return [*first.request, first.reply]
        then = result_exchange(first, False, rng)
        return [*then.request, then.reply]
    if roll < 0.86:
        talk = rng.choices(TALKS, [len(talk.productions) for talk in TALKS])[0]
        exchange = talk_exchange(talk, TRAINING, rng)
    else:
        exchange = no_tool_exchange(box, TRAINING, rng)
    return [*exchange.request, exchange.reply]


def training_conversation(rng: random.Random) -> Conversation:
    """One conversation for training: one to three exchanges over one tool list."""
    box = Toolbox((), []) if rng.random() < 0.06 else random_toolbox("mixed", rng)
    turns = rng.choices((1, 2, 3), (0.4, 0.3, 0.3))[0] if box.offered else 1
    messages = _system_message(rng)
    for _ in range(turns):
        messages += _training_exchange(box, rng)
    return Conversation(box.schemas, messages)


def copy_conversation(rng: random.Random) -> Conversation:
    """The warm-up: a few random items, one of them in quotes; the reply is that item."""
    kinds = ("name", "path", "integer", "title", "number")
    items = [values.draw(rng.choice(kinds), False, rng) for _ in range(rng.randint(1, 4))]
    chosen = rng.randrange(len(items))
    shown = [f'"{item}"' if at == chosen else item for at, item in enumerate(items)]
    return Conversation([], [*_user(" ".join(shown)), _assistant_text(f'"{items[chosen]}"')])


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value: json.dumps(
        value, ensure_ascii=False
    )  # as transformers does
    return environment.from_string(TEMPLATE_FILE.read_text(encoding="utf-8"))


def render(messages: list[Json], tools: list[Json], add_generation_prompt: bool = False) -> str:
    """The prompt text, exactly as a server renders it with the shipped template."""
    return _template().render(
        messages=messages, tools=tools or None, add_generation_prompt=add_generation_prompt
    )
