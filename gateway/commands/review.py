"""`majordomo review`: what waits for a person's word before it may train, and that word.

The store is read directly; what is said goes to the running gateway as feedback (`train`), each
word once however often it is sent. Nothing is said for what was not shown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from capture.feedback import verdict_of
from capture.review import Group, Part, Queue, Waiting, groups
from capture.store import Store, StoreError
from gateway.client import ClientTrouble, NotRunning, running, tell
from gateway.commands.console import Exit, clean, exchange_id, fail, say, say_json
from gateway.commands.household import redactor_of, settings_of
from gateway.commands.progress import working
from gateway.home import Home
from gateway.keys import KeysError
from gateway.vetting import trust_of

_LINES, _COLUMNS = 6, 200
"""Of each text, so much is shown."""
_CAUSES: Mapping[str, str] = {
    "user": "the user",
    "model": "us",
    "tool": "a tool",
    "client": "the agent's instructions",
    "synthetic": "the agent, in the user's name",
    "invented": "nobody here, as a reply",
}
_HELP = "a approve, r reject, s skip, A or R the rest of this group, u undo, q end"


@dataclass(frozen=True, slots=True)
class Words:
    """What the command line says at once."""

    approve: tuple[str, ...] = ()
    reject: tuple[str, ...] = ()
    """Ids of exchanges."""


class Answers:
    """A person's answers, one exchange after the other, until they are sent. Pure."""

    def __init__(self, found: Sequence[Group]) -> None:
        self._asked = [(group, each) for group in found for each in group.members]
        self._said: dict[str, bool] = {}
        self._before: list[tuple[int, dict[str, bool]]] = []
        self._at = 0

    @property
    def current(self) -> tuple[Group, Waiting] | None:
        """What is asked now; None when nothing is left."""
        return self._asked[self._at] if self._at < len(self._asked) else None

    @property
    def said(self) -> Mapping[str, bool]:
        """By exchange: whether it may train."""
        return self._said

    def take(self, answer: str) -> bool:
        """Take one answer. False for none that there is."""
        current = self.current
        if answer == "u" and self._before:
            self._at, self._said = self._before.pop()
            return True
        if current is None or answer not in ("a", "r", "s", "A", "R"):
            return False
        self._before.append((self._at, dict(self._said)))
        group = current[0]
        while (asked := self.current) is not None and asked[0] is group:
            if answer != "s":
                self._said[asked[1].id] = answer in ("a", "A")
            self._at += 1
            if answer.islower():
                break
        return True


def review(home: Home, words: Words, limit: int, *, listed: bool, as_json: bool) -> None:
    """Ask of what waits; or list it; or say what the command line says."""
    if words != Words():
        _say_at_once(home, words, as_json=as_json)
        return
    queue = _queue(home, limit)
    if as_json:
        say_json(plain_queue(queue))
    elif listed or not sys.stdin.isatty():
        _list(queue)
    else:
        talk(home, queue, input)


def plain_queue(queue: Queue) -> dict[str, object]:
    """What waits, as JSON says it."""
    return {"total": queue.total, "data": [asdict(each) for each in queue.found]}


def _queue(home: Home, limit: int) -> Queue:
    settings = settings_of(home)
    redactor = redactor_of(home, settings)
    store = _store(home)
    try:
        with working("Looking through what may train ..."):
            return store.waiting(redactor, trust_of(settings), limit)
    finally:
        store.close()


def _store(home: Home) -> Store:
    try:
        return Store.open_reader(home.database)
    except StoreError as error:
        fail(str(error))


def _list(queue: Queue) -> None:
    for group in groups(queue.found):
        say(_heading(group))
        for each in group.members:
            for line in _shown(each):
                say(line)
    _sum_up(queue)


def _sum_up(queue: Queue) -> None:
    if not queue.total:
        say("Nothing waits.")
    elif queue.total > len(queue.found):
        say(f"{queue.total - len(queue.found):,} older ones wait, too (`--limit`).")


def talk(home: Home, queue: Queue, ask: Callable[[str], str]) -> None:
    """Show one after the other and `ask`; at the end, say all of it to the gateway."""
    if queue.found and running(home) is None:
        fail(f"Majordomo is not running for {home.root}", status=Exit.NOT_RUNNING)
    answers = Answers(groups(queue.found))
    shown: Group | None = None
    while (current := answers.current) is not None:
        group, each = current
        if group is not shown:
            say(_heading(group))
            shown = group
        for line in _shown(each):
            say(line)
        answer = _answer(ask)
        if answer == "q":
            break
        if not answers.take(answer):
            say(_HELP)
    verdicts = {each.id: each.verdict for each in queue.found}
    _send(home, answers.said, verdicts)
    _sum_up(queue)


def _answer(ask: Callable[[str], str]) -> str:
    try:
        return ask("may it train? [a/r/s/A/R/u/q] ").strip()[:1]
    except EOFError:
        return "q"
    except KeyboardInterrupt:
        fail("nothing was said")


def _say_at_once(home: Home, words: Words, *, as_json: bool) -> None:
    said = {exchange_id(id_): True for id_ in words.approve}
    for id_ in map(exchange_id, words.reject):
        if said.get(id_):
            fail(f"{id_} is to be approved and rejected at once")
        said[id_] = False
    store = _store(home)
    try:
        verdicts = {id_: verdict_of(store.feedback(exchange=id_)) for id_ in said}
    finally:
        store.close()
    standing = {id_: None if each is None else each.id for id_, each in verdicts.items()}
    _send(home, said, standing, quiet=as_json)
    if as_json:
        say_json({"approved": [*words.approve], "rejected": [*words.reject]})


def _send(
    home: Home,
    said: Mapping[str, bool],
    standing: Mapping[str, str | None],
    *,
    quiet: bool = False,
) -> None:
    """Say it to the gateway. A word is known by what stood before it, so that one sent again is the
    same, and one that takes another back is not."""
    try:
        for id_, train in said.items():
            once = f"review:{id_}:{'approve' if train else 'reject'}:{standing.get(id_) or ''}"
            body = {"exchange": id_, "train": train, "source": "cli", "idempotency_key": once}
            tell(home, "/v1/feedback", body)
            if not quiet:
                say(f"{id_} {'may train' if train else 'never trains'}")
    except NotRunning as error:
        fail(str(error), status=Exit.NOT_RUNNING)
    except (ClientTrouble, KeysError) as error:
        fail(str(error))


def _heading(group: Group) -> str:
    count = len(group.members)
    some = "1 turn" if count == 1 else f"{count} turns"
    return f"[bold]{clean(group.why.text)}[/] [dim]({clean(group.why.code)}, {some})[/]"


def _shown(each: Waiting) -> list[str]:
    """One exchange for people."""
    at = datetime.fromtimestamp(each.began_at, UTC).astimezone()
    facts = f"{at:%Y-%m-%d %H:%M} · {clean(each.model)} · {each.outcome}"
    lines = [f"{each.id} [dim]{facts}[/]"]
    lines += [f"  also: {clean(hold.text)}" for hold in each.held[1:]]
    lines += ["  by: " + "; ".join(map(_part, each.parts))]
    for name, text in (
        ("asked", each.asked),
        ("outside", each.outside),
        ("answered", each.answered),
    ):
        lines += _text(name, text)
    return lines


def _part(part: Part) -> str:
    who = _CAUSES[part.cause] if part.name is None else part.name
    times = f" x{part.messages}" if part.messages > 1 else ""
    why = "" if part.why is None else f" ({part.why})"
    return clean(f"{who}{times}{why}")


def _text(name: str, text: str) -> list[str]:
    found = [line.strip()[:_COLUMNS] for line in text.splitlines() if line.strip()]
    lines = [f"  {name}: {clean(found[0])}"] if found else []
    lines += [f"    {clean(line)}" for line in found[1:_LINES]]
    return lines + (["    …"] if len(found) > _LINES else [])
