"""Agents as linking meets them: each keeps a transcript, and sends it with its own habits.

A simulation, with the truth known: what a client sends is rewritten as `Habits` say, which are
those seen of real clients (Hermes Agent, opencode, SDK loops); who asked what after what is not.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from capture.side_calls import Purpose

Json = dict[str, Any]

WORDS = ("list the files", "what is the weather", "turn off the lamp", "hello", "who wrote this",
         "set a timer", "read my mail", "book a table")  # fmt: skip
REPLIES = ("Done.", "Here it is.", "Hello!", "I do not know.", "Which one?", "It is 14 degrees.")


@dataclass(frozen=True)
class Habits:
    """What a client does to a transcript when it sends it again."""

    session: bool = False
    """Names the conversation in a header."""
    merges_users: bool = False
    strips: bool = False
    sorts_arguments: bool = False
    drops_thinking: bool = True
    names_tools: bool = True
    """Tool messages carry `name`, until the conversation is resumed."""
    redacts: bool = False
    """Blots out what looks like a secret, once it has been sent."""
    prunes: bool = False
    """Cuts old tool results."""
    numbered_ids: bool = False
    """The model numbers its calls from nought in every reply."""
    title: bool = False
    """Has a title made after the first turn."""


HERMES = Habits(merges_users=True, strips=True, sorts_arguments=True, redacts=True, title=True)
OPENCODE = Habits(session=True, drops_thinking=False, prunes=True, title=True)
SDK = Habits(drops_thinking=True, names_tools=False)
NUMBERED = Habits(strips=True, numbered_ids=True)
ALL = (HERMES, OPENCODE, SDK, NUMBERED)


@dataclass(frozen=True)
class Asked:
    """One request of a client, and the truth of it."""

    id: str
    conversation: str
    """The client's own word for it."""
    continues: str | None
    purpose: Purpose | None = None
    parent: str | None = None


Send = Callable[[list[Json], Json, bool, str | None], str]
"""Sends messages, takes a reply, offers tools or not, in a session; gives the exchange's id."""


@dataclass
class Client:
    """One conversation of one agent."""

    name: str
    habits: Habits
    send: Send
    chance: random.Random
    truth: list[Asked]
    model: str = "one"
    resumed: bool = False
    said: list[Json] = field(default_factory=list[Json])
    """The transcript, as the client keeps it."""
    before: str | None = None
    """The exchange that gave the last reply."""
    calls: int = 0
    sent: int = 0
    """How many messages have been sent at least once."""

    def say(self, text: str) -> str:
        """A person says something, and it is answered, with or without calls."""
        self.said.append({"role": "user", "content": text})
        id_ = self._ask()
        while calls := self.said[-1].get("tool_calls"):
            for call in calls:
                result: Json = {
                    "role": "tool", "tool_call_id": call["id"],
                    "content": f"{self.chance.random()}\n" + "x" * self.chance.randrange(400),
                }  # fmt: skip
                self.said.append({**result, "name": "run"} if self.habits.names_tools else result)
            id_ = self._ask()
        if self.habits.title and len([m for m in self.said if m["role"] == "user"]) == 1:
            self._title(text, id_)
        return id_

    def retry(self) -> None:
        """The last answer again."""
        if len(self.said) > 1 and self.said[-1]["role"] == "assistant":
            del self.said[-1]
            self.before = self._before_last()
            self._ask()

    def undo(self) -> None:
        """The last user turn is taken back."""
        users = [number for number, said in enumerate(self.said) if said["role"] == "user"]
        if len(users) > 1:
            del self.said[users[-1] :]
            self.before = self._before_last()

    def compact(self) -> None:
        """The middle is replaced by a summary, by way of a side call."""
        if len(self.said) < 8:
            return
        turns = "\n".join(str(said.get("content")) for said in self.said)
        text = f"You are a summarization agent creating a context checkpoint.\n{turns}"
        self._aside([{"role": "user", "content": text}], "summary")
        summary = {
            "role": "user",
            "content": "[CONTEXT COMPACTION \u2014 REFERENCE ONLY] It went on.",
        }
        keep = max(n for n, said in enumerate(self.said) if said["role"] == "user")
        self.said = [self.said[0], summary, *self.said[max(1, keep - 2) :]]

    def review(self) -> None:
        """The agent looks back, beside the conversation."""
        if self.before is None:
            return
        ask = {
            "role": "user",
            "content": "Review the conversation above and update the skill library",
        }
        messages = [*self._rewritten(), ask]
        id_ = self.send(
            messages, {"role": "assistant", "content": "Nothing."}, True, self._session()
        )
        self.truth.append(Asked(id_, f"{id_} review", None, "review", self.before))

    def delegate(self) -> None:
        """A sub-agent gets a task, in words of its own."""
        goal = f"look up number {self.chance.random()} in the book"
        arguments = json.dumps({"goal": goal, "context": "none"})
        self.said.append({"role": "user", "content": "Delegate it"})
        call = {"id": self._call_id(), "type": "function",
                "function": {"name": "delegate_task", "arguments": arguments}}  # fmt: skip
        parent = self._ask({"role": "assistant", "content": None, "tool_calls": [call]})
        child = Client(f"{self.name}/{goal}", self.habits, self.send, self.chance, self.truth)
        child.said.append({"role": "user", "content": goal})
        child.habits = Habits()
        child._ask({"role": "assistant", "content": f"Found {goal}."}, "subagent", parent)
        self.said.append({"role": "tool", "tool_call_id": call["id"], "content": "Found."})
        self._ask({"role": "assistant", "content": "It was found."})

    def _ask(
        self, reply: Json | None = None, purpose: Purpose | None = None, parent: str | None = None
    ) -> str:
        reply = self._reply() if reply is None else reply
        id_ = self.send(self._rewritten(), reply, True, self._session())
        self.truth.append(Asked(id_, self.name, self.before, purpose, parent))
        self.sent = len(self.said)
        self.said.append({**reply, "exchange": id_})
        self.before = id_
        return id_

    def _reply(self) -> Json:
        text = f"{self.chance.choice(REPLIES)} "
        if self.chance.random() < 0.3:
            text += str(self.chance.random())
        reply: Json = {"role": "assistant", "content": text, "reasoning_content": "Hm."}
        if self.chance.random() < 0.35 and len(self.said) < 60:
            self.calls = 0 if self.habits.numbered_ids else self.calls
            arguments = json.dumps({"z": 1, "a": self.chance.random()})
            reply["content"] = self.chance.choice((None, text))
            reply["tool_calls"] = [
                {"id": self._call_id(), "type": "function",
                 "function": {"name": "run", "arguments": arguments}}
                for _ in range(self.chance.randrange(1, 4))
            ]  # fmt: skip
        return reply

    def _call_id(self) -> str:
        self.calls += 1
        if self.habits.numbered_ids:
            return f"functions.run:{self.calls - 1}"
        return f"call_{self.chance.getrandbits(64):x}"

    def _title(self, text: str, answered: str) -> None:
        said = f"User: {text}\n\nAssistant: {self.said[-1].get('content') or ''}"
        messages = [
            {
                "role": "system",
                "content": "Generate a short, descriptive title (3-7 words) for it.",
            },
            {"role": "user", "content": said},
        ]
        self._aside(messages, "title", answered)

    def _aside(self, messages: list[Json], purpose: Purpose, parent: str | None = None) -> None:
        id_ = self.send(
            messages, {"role": "assistant", "content": "Short."}, False, self._session()
        )
        self.truth.append(Asked(id_, f"{id_} aside", None, purpose, parent or self.before))

    def _session(self) -> str | None:
        return f"ses_{self.name}" if self.habits.session else None

    def _before_last(self) -> str | None:
        replies = [said["exchange"] for said in self.said if said["role"] == "assistant"]
        return replies[-1] if replies else None

    def _rewritten(self) -> list[Json]:
        """The transcript as it goes out now."""
        habits = self.habits
        out: list[Json] = [{"role": "system", "content": f"You are an agent.\nModel: {self.model}"}]
        for number, kept in enumerate(self.said):
            said = {name: value for name, value in kept.items() if name != "exchange"}
            content = said.get("content")
            if habits.drops_thinking:
                said.pop("reasoning_content", None)
            if isinstance(content, str):
                if habits.strips:
                    content = content.strip()
                if habits.redacts and number < self.sent:
                    content = content.replace("sk-secret", "[REDACTED]")
                if habits.prunes and said["role"] == "tool" and number < len(self.said) - 6:
                    content = "[Old tool result content cleared]"
                said["content"] = content
            if self.resumed:
                said.pop("name", None)
            if habits.sorts_arguments and "tool_calls" in said:
                said["tool_calls"] = [_sorted(call) for call in said["tool_calls"]]
            if habits.merges_users and out[-1]["role"] == said["role"] == "user":
                out[-1] = {**out[-1], "content": f"{out[-1]['content']}\n\n{said['content']}"}
            else:
                out.append(said)
        return out


def _sorted(call: Json) -> Json:
    function = call["function"]
    value = json.loads(function["arguments"])
    arguments = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return {**call, "function": {**function, "arguments": arguments}}
