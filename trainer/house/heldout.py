"""The evaluation: which cases, in which groups, made by code from a seed.

Every case has held-out values.  Groups differ in the phrasing: seen in training, a held-out wording
of a training production, or a production that never trained; further groups rename the tools, put
an exchange before the request, take the tool away, or report a tool's result.  ``hand-written`` is
fifty-odd requests typed by a person without looking at the productions.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from trainer.house import data
from trainer.house.data import Json, Side
from trainer.house.skills import BY_NAME, SKILLS, Skill
from trainer.house.talk import TALKS

SEEN, WORDING, PRODUCTION = "seen phrasing", "new wording", "new production"
"""The three groups that the model's headline figures are about."""


@dataclass(frozen=True)
class Case:
    """One thing to get right."""

    group: str
    """The row of the report it counts for."""
    label: str
    """The skill's name, ``talk:...``, ``result`` or ``no_tool``."""
    tools: list[Json]
    """The tools offered, in OpenAI's form."""
    messages: list[Json]
    """The conversation up to the reply."""
    expected: Json
    """The assistant message that counts as right, and no other does."""


def _case(
    group: str, box: data.Toolbox, exchange: data.Exchange, before: list[Json] | None = None
) -> Case:
    return Case(
        group, exchange.label, box.schemas, [*(before or []), *exchange.request], exchange.reply
    )


def _skill_case(group: str, skill: Skill, side: Side, rng: random.Random) -> Case:
    box = data.random_toolbox(side.tool_names, rng, (skill,))
    tool = next(item for item in box.offered if item.skill is skill)
    return _case(group, box, data.skill_exchange(tool, side, rng))


def _later_case(skill: Skill, rng: random.Random) -> Case:
    """A request that follows a finished exchange about something else."""
    side = Side("wording", True, "canonical")
    box = data.random_toolbox(
        "canonical", rng, (skill, rng.choice([other for other in SKILLS if other is not skill]))
    )
    tools = {item.skill.name: item for item in box.offered}
    other = rng.choice([item for item in box.offered if item.skill is not skill])
    first = data.result_exchange(data.skill_exchange(other, side, rng), True, rng)
    return _case(
        "second turn",
        box,
        data.skill_exchange(tools[skill.name], side, rng),
        [*first.request, first.reply],
    )


def _talk_cases(count: int, rng: random.Random) -> list[Case]:
    return [
        _case(
            group,
            data.random_toolbox("canonical", rng),
            data.talk_exchange(talk, Side(split, True), rng),
        )
        for group, split in (
            ("talk, seen phrasing", "train"),
            ("talk, new production", "production"),
        )
        for talk in TALKS
        for _ in range(count)
    ]


def _result_case(rng: random.Random) -> Case:
    side = Side("wording", True, "canonical")
    box = data.random_toolbox("canonical", rng, (rng.choice(SKILLS),))
    call = data.skill_exchange(rng.choice(box.offered), side, rng)
    return _case("tool results", box, data.result_exchange(call, True, rng))


def _no_tool_case(rng: random.Random) -> Case:
    box = data.random_toolbox("canonical", rng)
    return _case("tool missing", box, data.no_tool_exchange(box, Side("wording", True), rng))


def cases(per_skill: int, seed: int) -> list[Case]:
    """The whole evaluation; `per_skill` requests of each skill in each of the headline groups."""
    rng = random.Random(f"evaluation:{seed}")  # noqa: S311 - data, no secrets
    found: list[Case] = []
    for skill in SKILLS:
        for group, split in ((SEEN, "train"), (WORDING, "wording"), (PRODUCTION, "production")):
            found += [
                _skill_case(group, skill, Side(split, True, "canonical"), rng)
                for _ in range(per_skill)
            ]
        fewer = max(1, per_skill // 2)
        found += [
            _skill_case("renamed tools", skill, Side("wording", True, "held"), rng)
            for _ in range(fewer)
        ]
        found += [_later_case(skill, rng) for _ in range(fewer)]
    found += _talk_cases(max(1, per_skill // 2), rng)
    found += [_result_case(rng) for _ in range(3 * per_skill)]
    found += [_no_tool_case(rng) for _ in range(3 * per_skill)]
    return found + handwritten_cases(rng)


def handwritten_cases(rng: random.Random) -> list[Case]:
    """The requests typed by a person, each among other tools."""
    found: list[Case] = []
    for skill_name, text, arguments in HANDWRITTEN:
        box = data.random_toolbox("canonical", rng, (BY_NAME[skill_name],))
        call = {"type": "function", "function": {"name": skill_name, "arguments": arguments}}
        expected: Json = {"role": "assistant", "content": "", "tool_calls": [call]}
        found.append(
            Case(
                "hand-written",
                skill_name,
                box.schemas,
                [{"role": "user", "content": text}],
                expected,
            )
        )
    return found


HANDWRITTEN: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("read_file", "Can you show me what's in README.md?", {"path": "README.md"}),
    ("read_file", "open src/main.py for me please", {"path": "src/main.py"}),
    ("read_file", "What does /etc/hosts say?", {"path": "/etc/hosts"}),
    (
        "read_file",
        "I'd like to take a look at ~/Documents/letter-to-anna.txt",
        {"path": "~/Documents/letter-to-anna.txt"},
    ),
    (
        "write_file",
        "Create a file called shopping.txt with the content apples and pears",
        {"path": "shopping.txt", "content": "apples and pears"},
    ),
    (
        "write_file",
        'write "hello there" to greeting.txt',
        {"path": "greeting.txt", "content": "hello there"},
    ),
    (
        "write_file",
        'Please save "version = 3" into config/app.toml',
        {"path": "config/app.toml", "content": "version = 3"},
    ),
    ("list_files", "What files are in the Downloads folder?", {"path": "Downloads"}),
    ("list_files", "list everything in src/gateway", {"path": "src/gateway"}),
    ("list_files", "show me the contents of the directory /var/log", {"path": "/var/log"}),
    ("list_files", "ls ~/Pictures", {"path": "~/Pictures"}),
    ("find_files", "Where is invoice-2024.pdf?", {"pattern": "invoice-2024.pdf"}),
    ("find_files", "Find all files named Dockerfile", {"pattern": "Dockerfile"}),
    ("find_files", "search my computer for passport.jpg", {"pattern": "passport.jpg"}),
    ("find_files", "do we have a file called notes_old.md anywhere?", {"pattern": "notes_old.md"}),
    ("git_status", "Did I change anything in the repo?", {}),
    ("git_status", "git status please", {}),
    ("git_status", "Are there any uncommitted changes?", {}),
    ("git_status", "what's the state of my working tree", {}),
    ("git_log", "Show me the last 5 commits", {"count": 5}),
    ("git_log", "What were the 12 most recent commits?", {"count": 12}),
    ("git_log", "git log, last 20 entries please", {"count": 20}),
    (
        "git_commit",
        'Commit my changes with the message "Fix the login page"',
        {"message": "Fix the login page"},
    ),
    ("git_commit", "commit everything: update dependencies", {"message": "update dependencies"}),
    (
        "git_commit",
        "please commit with message Add tests for the parser",
        {"message": "Add tests for the parser"},
    ),
    (
        "add_note",
        "Make a note: call the plumber about the leak",
        {"text": "call the plumber about the leak"},
    ),
    (
        "add_note",
        "note to self: the spare key is under the blue pot",
        {"text": "the spare key is under the blue pot"},
    ),
    (
        "add_note",
        "Remember that the bins go out on Tuesday",
        {"text": "the bins go out on Tuesday"},
    ),
    (
        "add_note",
        'Add "cancel the gym membership" to my notes',
        {"text": "cancel the gym membership"},
    ),
    ("search_notes", "What did I write about the plumber?", {"query": "the plumber"}),
    ("search_notes", "search my notes for wifi password", {"query": "wifi password"}),
    ("search_notes", "Do I have any notes about Lisbon?", {"query": "Lisbon"}),
    (
        "add_event",
        "Schedule dentist on 2026-12-03 at 14:30",
        {"title": "dentist", "date": "2026-12-03", "time": "14:30"},
    ),
    (
        "add_event",
        "Put lunch with Sarah in my calendar for tomorrow at noon",
        {"title": "lunch with Sarah", "date": "tomorrow", "time": "noon"},
    ),
    (
        "add_event",
        "please book a meeting called Budget review for Friday at 10am",
        {"title": "Budget review", "date": "Friday", "time": "10am"},
    ),
    ("list_events", "What's on my calendar tomorrow?", {"date": "tomorrow"}),
    ("list_events", "Do I have anything planned for 2027-01-15?", {"date": "2027-01-15"}),
    ("list_events", "am I free on Thursday?", {"date": "Thursday"}),
    ("list_events", "show me my schedule for next monday", {"date": "next monday"}),
    (
        "convert_units",
        "How many miles are 26 km?",
        {"value": 26, "from_unit": "km", "to_unit": "miles"},
    ),
    (
        "convert_units",
        "convert 72.5 fahrenheit to celsius",
        {"value": 72.5, "from_unit": "fahrenheit", "to_unit": "celsius"},
    ),
    (
        "convert_units",
        "what is 350 grams in ounces",
        {"value": 350, "from_unit": "grams", "to_unit": "ounces"},
    ),
    (
        "convert_units",
        "I need 5 feet in meters",
        {"value": 5, "from_unit": "feet", "to_unit": "meters"},
    ),
    ("calculate", "What is 37 * 412?", {"expression": "37 * 412"}),
    ("calculate", "how much is 1299 plus 348?", {"expression": "1299 + 348"}),
    ("calculate", "Divide 7744 by 88", {"expression": "7744 / 88"}),
    ("calculate", "calculate (14+3)*19", {"expression": "(14+3)*19"}),
    ("set_timer", "Set a timer for 12 minutes", {"minutes": 12}),
    ("set_timer", "remind me in 45 minutes", {"minutes": 45}),
    ("set_timer", "start a 7 minute timer for the eggs", {"minutes": 7, "label": "the eggs"}),
    ("set_timer", "wake me in 20 min please", {"minutes": 20}),
)
"""Skill, request and arguments; typed by hand and never trained on as such."""
