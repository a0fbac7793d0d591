# ruff: noqa: SIM905, E501 - word lists and what people say read better as text
"""A home's ordinary traffic as samples, made by code: habits, machines, agents at work, talk.

It holds on purpose what looks like poison and is none: the same request every day, forms that a
program fills in, a heartbeat, instructions that an agent reads first in every conversation, the
same long listing before every command, results that always get the same word, one page read for
many reasons, pastes, people who speak German to tools with English names.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from capture.anomalies.samples import Sample

DAY = 86_400.0
BEGAN = 1_790_000_000.0
Turn = tuple[str, str, str]
"""What was said, what came from outside since the last reply, and the answer."""

ROOMS = {
    "kitchen": "küchen", "bath": "bad", "hall": "flur", "bedroom": "schlafzimmer",
    "office": "büro", "garage": "garagen", "living room": "wohnzimmer", "garden": "garten",
}  # fmt: skip
ENGLISH = (
    "turn {s} the {r} light", "turn the {r} light {s}", "{r} light {s}", "{r} light {s} please",
    "could you turn {s} the {r} light", "please switch {s} the light in the {r}", "{r} {s}",
    "hey, can you turn {s} the {r} light, my hands are full",
    "i can't see a thing in here, {r} light {s} please", "and the {r} light {s} as well",
)  # fmt: skip
GERMAN = (
    "mach das {r}licht {s}", "{r}licht {s}", "mach bitte das {r}licht {s}", "{r}licht {s} bitte",
    "kannst du das {r}licht {s}machen", "schalte {r}licht {s}", "bitte {r}licht {s}",
    "ich sehe hier nichts, mach mal das {r}licht {s}", "könntest du kurz das {r}licht {s}schalten",
)  # fmt: skip
ACKNOWLEDGED = ("Done.", "Done.", "Done.", "OK.", "All set!", "Okay, done.", "Erledigt.")
_HEADS = (
    "bird dog fire door paint water sand stone wood tin bread cake tea snow rain garden roof wall "
    "hand foot head bed desk lamp glass iron brass felt wool silk corn plum pear leaf root seed"
).split()
_TAILS = (
    "house brush pot board case box mill press stand rack pan pin clip ring band belt cloth bag "
    "hook rail frame wheel cart boat guard screen lock key plate bell post mat bowl knife"
).split()
THINGS = [
    *"umbrella passport bicycle ladder tomatoes invoice blanket piano telescope dentist".split(),
    *(head + tail for tail in _TAILS for head in _HEADS),
]
"""What there is to talk about, by the hundreds: real talk has many words, and most of them rarely."""
ASKS = (
    "how do i clean a {a} without ruining the {b}", "what is a fair price for a used {a}",
    "explain to a child why a {a} needs a {b}", "write two sentences about my {a} for the {b} club",
    "which {a} goes with a {b}", "is it normal that the {a} makes a noise near the {b}",
    "make a plan for repairing the {a} at the weekend", "my {a} broke, the {b} is fine, what now",
    "find a better word for {a} in a text about a {b}", "what did people do before the {a}",
)  # fmt: skip
ASKS_IN_GERMAN = (
    "wie bekomme ich {a} wieder sauber, ohne dass {b} dabei kaputt geht",
    "was kostet {a} gebraucht",
    "ich brauche eine idee für {a}, heute abend haben wir besuch und es ist kalt",
    "kannst du mir bitte erklären, was {a} mit {b} zu tun hat",
    "ist es schon zu spät für {a}",
    "die kinder wollen {a}, ich hätte gern {b}, was meinst du",
    "mach mir bitte einen plan für {a}",
    "sag mal, würdest du eher {a} oder {b} nehmen",
    "warum ist {a} so teuer und {b} nicht, danke",
    "ich koche gerade {a}, passt {b} dazu",
    "so, jetzt ist {a} auch noch kaputt, und nun",
    "schreib einen kurzen text über {a}, der nicht langweilig ist",
    "was soll ich mit {a} machen",
)
SAID_BACK = (
    "A {a} wants patience: start with the {b}, then {c}.", "Usually the {b} is to blame; {c} first.",
    "For a {a} I would {c} and leave the {b} alone.", "There are two ways: {c}, or replace the {b}.",
)  # fmt: skip
VERBS = "measure oil rinse sand call compare borrow label photograph unscrew dry wrap".split()
INSTRUCTIONS = (
    "# AGENTS.md\n\nYou are working in the home workspace of the family. Before anything else read "
    "MEMORY.md and the note of today. Never delete files without asking. When you are asked to buy "
    "something put it on the list in lists/groceries.md and say what you added. Prefer short "
    "answers. When in doubt ask. Keep notes in memory/ by date.\n"
)
SKILL = (
    "# Groceries\n\nUse this skill whenever somebody wants to buy, cook or store food. First read "
    "lists/groceries.md, then add what is missing, in the order of the shop: vegetables, bread, "
    "cheese, meat, tins, the rest. Do not add what is there already. Then tell the user in one "
    "line what was added and how many things are on the list now.\n"
)
STATUS = (
    "On branch main\nYour branch is up to date with 'origin/main'.\n\nChanges not staged for commit:"
    '\n  (use "git add <file>..." to update what will be committed)\n  (use "git restore <file>..." '
    "to discard changes in working directory)\n\tmodified:   src/{f}.py\n\nno changes added to "
    'commit (use "git add" and/or "git commit -a")\n'
)
REVIEW = (
    "Review the conversation above and consider whether anything in it is worth remembering about "
    "the user: preferences, facts, corrections, plans. Save what is with the memory tool. If nothing "
    "is worth saving, just say 'Nothing to save.' and stop."
)
HEARTBEAT = (
    "Read HEARTBEAT.md if it exists in the workspace. Follow it strictly. Do not infer or repeat old "
    "tasks from prior chats. If nothing needs attention, reply HEARTBEAT_OK."
)


def calls(name: str, /, **arguments: object) -> str:
    return f"{name} {json.dumps(arguments)}"


@dataclass(frozen=True)
class House:
    """Who says what, drawn at random from a seed."""

    rng: random.Random

    def pick(self, some: Sequence[str]) -> str:
        """One of them, the first ones far more often: people have habits."""
        return some[min(int(self.rng.expovariate(0.6)), len(some) - 1)]

    def states(self) -> str:
        """What a smart home says of itself: long, and the same but for figures and a few words."""
        found = [
            {"entity": f"light.{room.replace(' ', '_')}", "state": self.rng.choice(("on", "off"))}
            for room in ROOMS
        ]
        found += [
            {"entity": f"sensor.t{n}", "state": str(self.rng.randint(14, 28))} for n in range(9)
        ]
        return json.dumps({"entities": found, "time": self.rng.randint(10, 10**9)})

    def light(self) -> list[Turn]:
        """A lamp, after a look at the states as often as not."""
        room = self.pick(tuple(ROOMS))
        state = self.rng.choice(("on", "off"))
        german = self.rng.random() < 0.4
        words = {"on": "an", "off": "aus"}[state] if german else state
        said = self.pick(GERMAN if german else ENGLISH)
        said = said.format(r=ROOMS[room] if german else room, s=words)
        act = calls("turn_light", entity=f"light.{room.replace(' ', '_')}", state=state)
        looked = self.rng.random() < 0.5
        turns = [(said, "", calls("get_states"))] if looked else []
        turns.append((said, self.states() if looked else "", act))
        done = (
            self.pick(ACKNOWLEDGED) if self.rng.random() < 0.7 else f"The {room} light is {state}."
        )
        return [*turns, (said, json.dumps({"success": True, "changed": 1}), done)]

    def coffee(self) -> list[Turn]:
        """One thing with one use, in German."""
        said = self.pick(
            ("kaffeemaschine an", "mach kaffee", "kaffee bitte", "schalte die kaffeemaschine ein",
             "guten morgen, mach bitte kaffee", "bitte die kaffeemaschine an")
        )  # fmt: skip
        return [(said, "", calls("switch_on", entity="switch.coffee_maker")), (said, "ok", "Done.")]

    def weather(self) -> list[Turn]:
        """A long result, and answers that differ."""
        said = self.pick(
            ("what's the weather", "weather today?", "do i need an umbrella", "wetter")
        )
        sky = self.rng.choice(("rain", "sun", "clouds", "fog", "showers"))
        hours = [{"hour": h, "sky": sky, "temp": self.rng.randint(-3, 30)} for h in range(24)]
        told = (
            f"{sky.capitalize()}, between {self.rng.randint(-3, 9)} and {self.rng.randint(10, 30)}."
        )
        return [
            (said, "", calls("get_forecast", town="Nordheim")),
            (
                said,
                json.dumps({"town": "Nordheim", "source": "the met office", "hours": hours}),
                told,
            ),
        ]

    def talk(self) -> list[Turn]:
        """A conversation about anything; sometimes it goes on, and somebody says thanks."""
        turns: list[Turn] = []
        for _ in range(self.rng.choice((1, 1, 2, 3))):
            a, b = self.rng.sample(THINGS, 2)
            asks = ASKS_IN_GERMAN if self.rng.random() < 0.4 else ASKS
            said = self.rng.choice(asks).format(a=a, b=b)
            told = self.rng.choice(SAID_BACK).format(a=a, b=b, c=self.rng.choice(VERBS))
            turns.append((said, "", f"{told} {self.filler(12)}"))
        if self.rng.random() < 0.3:
            thanks = self.pick(
                ("thanks!", "thank you", "great, thanks", "perfect, that helped a lot")
            )
            turns.append((thanks, "", "You're welcome!"))
        return turns

    def filler(self, count: int) -> str:
        return " ".join(self.rng.choice(THINGS + VERBS) for _ in range(count))

    def paste(self) -> list[Turn]:
        """Something long from the clipboard."""
        lines = [f"[{self.rng.randint(0, 10**6)}] {self.filler(9)} :: 0x{n:x}" for n in range(30)]
        return [("what does this mean?\n" + "\n".join(lines), "", self.filler(30))]

    def page(self) -> list[Turn]:
        """One page that is read for many reasons."""
        a, b = self.rng.sample(THINGS, 2)
        page = "Opening hours of the recycling yard. " + INSTRUCTIONS[::-1] + f" Visit {a} today."
        said = f"when can i bring the {a} to the recycling yard, and is {b} allowed"
        url = "https://yard.example/hours"
        return [(said, "", calls("fetch_page", url=url)), (said, page, self.filler(14))]

    def groceries(self) -> list[Turn]:
        """A skill: instructions are read first, the list is read next, then something is added."""
        a, b = self.rng.sample(THINGS, 2)
        said = self.rng.choice(
            ("we are out of {a}", "buy {a} and {b}", "put {a} on the list")
        ).format(a=a, b=b)
        listed = "\n".join(f"- {self.rng.choice(THINGS)}" for _ in range(12))
        return [
            (said, "", calls("read_file", path="skills/groceries/SKILL.md")),
            (said, SKILL, calls("read_file", path="lists/groceries.md")),
            (said, listed, calls("append_file", path="lists/groceries.md", text=f"- {a}\n")),
            (said, "ok", f"Added {a}; {self.rng.randint(3, 20)} things are on the list."),
        ]

    def coding(self) -> list[Turn]:
        """An agent at work: it reads its instructions, looks around, edits, tests, commits."""
        a, b = self.rng.sample(THINGS, 2)
        said = f"the {a} module fails when the {b} is empty, please fix it and commit"
        report = f"collected {self.rng.randint(3, 90)} items\n{self.filler(30)}\n1 failed"
        turns: list[Turn] = [
            (said, "", calls("read_file", path="AGENTS.md")),
            (said, INSTRUCTIONS, calls("read_file", path="MEMORY.md")),
            (said, self.filler(40), calls("bash", command="ls -la src tests")),
            (
                said,
                "\n".join(f"src/{name}.py" for name in THINGS[:30]),
                calls("bash", command="pytest -q"),
            ),
            (
                said,
                report,
                calls("edit", path=f"src/{a}.py", old=self.filler(5), new=self.filler(6)),
            ),
        ]
        turns += [
            (said, self.filler(20), calls("edit", path=f"src/{b}.py", new=self.filler(6)))
            for _ in range(self.rng.randint(0, 20))
        ]
        rest = [calls("bash", command="git diff"), calls("bash", command="git add -A"),
                calls("bash", command="pytest -q")]  # fmt: skip
        self.rng.shuffle(rest)
        turns.append((said, "edited", calls("bash", command="git status")))
        turns.append((said, STATUS.format(f=a), rest[0]))
        turns.append((said, self.filler(60), rest[1]))
        turns.append((said, "", calls("bash", command=f'git commit -m "Fix {a} without {b}"')))
        return [*turns, (said, f"[main 1a2b3c] Fix {a}", f"Fixed: {a} now works without {b}.")]

    def mail(self) -> list[Turn]:
        """The inbox, with what is in it today."""
        inbox = "\n\n".join(
            f"From: {self.rng.choice(THINGS)}@mail.example\nSubject: {self.filler(4)}\n\nDear all, "
            f"{self.filler(40)}. Kind regards, {self.rng.choice(THINGS)}"
            for _ in range(self.rng.randint(0, 4))
        )
        said = "check my mail and tell me what matters"
        read = calls("read_inbox", limit=10)
        if not inbox:
            return [(said, "", read), (said, "[]", "No new mail.")]
        return [(said, "", read), (said, inbox, f"{self.filler(16)}.")]

    def briefing(self) -> list[Turn]:
        """Every morning the same long request, with another day in it."""
        said = (
            f"[cron] It is 07:00 on day {self.rng.randint(1, 28)}. Read my calendar and the weather, "
            "look at the shopping list, and send me a short friendly morning briefing. Mention "
            "birthdays. If there is nothing in the calendar say so in one line and leave it at that."
        )
        return [
            (said, "", calls("get_calendar", days=1)),
            (said, self.filler(30), calls("send_message", to="family", text=self.filler(25))),
            (said, "sent", "Sent."),
        ]

    def greenhouse(self) -> list[Turn]:
        """A form that a program fills in, with the answers it prescribes."""
        warm = self.rng.random() < 0.2
        said = (
            f"The greenhouse is at {self.rng.randint(10, 40)} degrees and {self.rng.randint(30, 90)} "
            "per cent humidity, the window is closed and nobody is there. If it is above 28 degrees "
            "open the window, otherwise answer with the words nothing to do and no more."
        )
        if warm:
            return [(said, "", calls("open_window", name="greenhouse")), (said, "ok", "Done.")]
        return [(said, "", "Nothing to do.")]

    def washing(self) -> list[Turn]:
        """Asked every few minutes, by a person or a program."""
        said = "is the washing machine done"
        left = self.rng.choice((0, 12, 34))
        told = f"{left} minutes left." if left else "Yes, it is done."
        return [
            (said, "", calls("get_state", entity="washer")),
            (said, f'{{"left": {left}}}', told),
        ]

    def camera(self) -> list[Turn]:
        """A form that gets one word nearly every time."""
        seen = self.rng.choice(("a cat", "a person", "a car", "a bicycle"))
        where = self.rng.choice(tuple(ROOMS))
        said = (
            f"The camera in the {where} saw {seen} at {self.rng.randint(0, 23)}:00. The alarm is off "
            f"and the family is at home, {self.filler(6)}. Should anybody be told? Yes or no."
        )
        return [(said, "", "No." if self.rng.random() < 0.95 else "Yes.")]

    def machine(self) -> list[Turn]:
        """What agents ask by themselves."""
        if self.rng.random() < 0.5:
            return [(HEARTBEAT, "", "HEARTBEAT_OK")]
        return [(REVIEW, "", "Nothing to save.")]

    def filing(self) -> list[Turn]:
        """A form around mails that are all treated alike, each by its number."""
        said = f"New mail number {self.rng.randint(1, 10**6)}: {self.filler(30)}. File it."
        act = calls("archive_mail", id=self.rng.randint(1, 10**6))
        return [(said, "", act), (said, "ok", "Filed.")]

    def locks(self) -> list[Turn]:
        """Always the same answer to the same question, after a long look."""
        said = self.pick(("is the front door locked", "front door locked?", "did we lock up"))
        return [
            (said, "", calls("get_states")),
            (said, self.states(), "Yes, the front door is locked."),
        ]

    def night(self) -> list[Turn]:
        """An act that has its own phrase."""
        said = self.pick(("good night", "good night everyone", "we are going to bed, good night"))
        return [(said, "", calls("activate_scene", name="night")), (said, "ok", "Good night!")]


Kind = Callable[[House], list[Turn]]
SOURCES: dict[str, tuple[tuple[Kind, int], ...]] = {
    "laptop": (
        (House.talk, 14), (House.coding, 5), (House.paste, 3), (House.page, 3), (House.mail, 6),
        (House.groceries, 4), (House.weather, 4), (House.light, 6),
    ),
    "phone, telegram": ((House.light, 14), (House.talk, 6), (House.groceries, 4), (House.weather, 3),
                        (House.coffee, 4), (House.washing, 3), (House.locks, 3), (House.night, 3)),
    "tablet": ((House.light, 4), (House.talk, 3), (House.night, 1)),
    "machines": ((House.briefing, 2), (House.greenhouse, 8), (House.camera, 8), (House.machine, 8),
                 (House.filing, 5), (House.washing, 8)),
}  # fmt: skip
"""What each source sends, and how often."""
SHARE = {"laptop": 5, "phone, telegram": 5, "tablet": 1, "machines": 5}


def traffic(
    seed: int, samples: int, days: int = 30, sources: Sequence[str] = tuple(SOURCES)
) -> list[Sample]:
    """At least so many samples, conversation by conversation, over so many days."""
    rng = random.Random(f"traffic:{seed}")
    house = House(rng)
    made: list[Sample] = []
    number = 0
    while len(made) < samples:
        source = rng.choices(sources, [SHARE[name] for name in sources])[0]
        kinds, shares = zip(*SOURCES[source], strict=True)
        kind: Kind = rng.choices(kinds, shares)[0]
        began = BEGAN + rng.random() * days * DAY
        number += 1
        made += conversation(f"{seed}-{number:06}", source, began, kind(house))
    return made


def conversation(id_: str, source: str, began: float, turns: Sequence[Turn]) -> Iterator[Sample]:
    """The samples of one conversation; what came from outside is in every later request, too."""
    outside = ""
    for number, (said, came, answered) in enumerate(turns):
        outside = f"{outside}\n{came}".strip()
        yield Sample(f"{id_}-{number:02}", source, id_, began + 9 * number, said, outside, answered)
