"""What an exchange comes down to: a few of its own words, at most a tenth of it. Pure.

By extraction alone, no model is asked: a sentence of what was asked and one of what was answered
(core), numbers, names, identifiers and lines that tell of errors (context), the skill, the tools
and the directory (rooms), and the paths in the arguments of calls (files). What it is made from is
redacted already. Tokens are estimated as four bytes each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from os.path import commonpath

import orjson

from capture.narrowing import Malformed, list_of, loads, object_of

BYTES_PER_TOKEN = 4
SHORTEST_TOKENS = 400
"""A shorter exchange is not distilled: a tenth of it says nothing."""
MOST_TOKENS = 250
"""Of any distillation."""
PART = 10
"""One part in so many of the exchange's tokens at most."""

_CORE_SHARE = 0.6
_ITEM_CHARACTERS = 120
_DEEPEST = 8
_LOOKED_AT = 8000
"""Characters of a text that are looked at for lines, sentences and paths, from its beginning."""
_TELLING_WITHIN = 2000
"""Characters of a text that are looked at for numbers, names and identifiers."""
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?!\s|$)[^.!?\n]*)*[.!?]?")
_WORD = re.compile(r"[^\W_]+")
_ERROR = re.compile(r"\b(?:error|exception|failed|failure|fatal|panic|traceback)\b", re.IGNORECASE)
_TELLING = re.compile(
    r"`[^`\n]{2,60}`"  # what is marked as code
    r"|\b[A-Za-z]\w*(?:[._:]\w+)+"  # dotted names, snake_case, versions
    r"|\b[a-z]+(?:[A-Z][a-z0-9]+)+\b"  # camelCase
    r"|\b[A-Z][A-Z0-9_]{2,}\b"
    r"|(?<=[a-z,;] )[A-Z][a-z]{2,}\b"  # a name, in mid-sentence
    r"|\b\d[\d.,:]*\d\b(?: ?[%A-Za-z]{1,3}\b)?"
)
_FILE_FIELDS = frozenset((
    "path", "file", "filename", "file_name", "file_path", "filepath", "target_file",
    "notebook_path", "old_path", "new_path",
))  # fmt: skip
_PLACE_FIELDS = frozenset((
    "cwd", "workdir", "working_directory", "directory", "dir", "root", "project", "repo",
))  # fmt: skip
_COMMAND_FIELDS = frozenset(("command", "cmd", "args", "argv", "script"))
_PATH = re.compile(r"(?<![\w:/.~@+-])(?:~|\.{1,2})?/?(?:[\w.@+-]+/)+[\w.@+-]*\w")
"""What may be a path inside a command; addresses of the web are none."""


@dataclass(frozen=True, slots=True)
class Distilled:
    """What is left."""

    core: str
    """What was asked and what came of it, in sentences of the text."""
    context: tuple[str, ...]
    """Numbers, names, identifiers, lines that tell of errors."""
    rooms: tuple[str, ...]
    """What it belongs to: the skill, the tools that were called, the directory."""
    files: tuple[str, ...]
    """Paths that calls were about."""


@dataclass(slots=True)
class _Room:
    """Bytes that are left to write."""

    left: int

    def take(self, item: str) -> bool:
        """Whether it has room; then it is taken."""
        size = len(orjson.dumps(item)) + 1
        if size > self.left:
            return False
        self.left -= size
        return True


def distill(
    asked: str, answered: str, calls: Sequence[tuple[str, str]], skill: str | None
) -> Distilled | None:
    """An exchange distilled; None for a short one. `calls` are names and arguments (JSON text)."""
    whole = (asked, answered, *(part for call in calls for part in call))
    tokens = sum(len(text.encode("utf-8", "replace")) for text in whole) // BYTES_PER_TOKEN
    if tokens < SHORTEST_TOKENS:
        return None
    most = min(tokens // PART, MOST_TOKENS) * BYTES_PER_TOKEN
    empty = len(written(Distilled("", (), (), ())))
    core = _core(asked, answered, int((most - empty) * _CORE_SHARE))
    room = _Room(most - len(written(Distilled(core, (), (), ()))))
    paths, places = _touched(calls)
    files = _fitting(paths, room)
    errors = _fitting(_errors(asked, answered), room)
    rooms = _fitting(_rooms(skill, calls, paths, places), room)
    known = " ".join((core, *files, *errors, *rooms))
    telling = _fitting((each for each in _telling(asked, answered) if each not in known), room)
    return Distilled(core, errors + telling, rooms, files)


def written(distilled: Distilled) -> str:
    """As JSON."""
    return orjson.dumps(asdict(distilled)).decode()


def _core(asked: str, answered: str, most: int) -> str:
    """The first sentence of each that says something, cut to so many bytes together."""
    sentences = [each for each in map(_sentence, (asked, answered)) if each]
    return " ".join(_cut(each, most // len(sentences)) for each in sentences)


def _sentence(text: str) -> str:
    for match in _SENTENCE.finditer(text[:_LOOKED_AT]):
        sentence = " ".join(match[0].split())
        if len(_WORD.findall(sentence)) >= 3:
            return sentence
    return ""


def _cut(text: str, most: int) -> str:
    """The text, or its beginning, in at most so many bytes of JSON."""
    if len(orjson.dumps(text)) - 2 < most:
        return text
    while text and len(orjson.dumps(text)) + 2 > most:  # the mark takes three bytes, quotes two
        text = text[: min(len(text) - 1, most)]
    return f"{text.rstrip()}…"


def _fitting(items: Iterable[str], room: _Room) -> tuple[str, ...]:
    """Those of the items that have room, each once."""
    return tuple(item for item in dict.fromkeys(items) if item and room.take(item))


def _errors(*texts: str) -> Iterator[str]:
    """Lines that tell of errors."""
    for text in texts:
        lines = (line.strip() for line in text[:_LOOKED_AT].splitlines())
        yield from (line[:_ITEM_CHARACTERS] for line in lines if _ERROR.search(line))


def _telling(*texts: str) -> Iterator[str]:
    """Numbers, names and identifiers."""
    for text in texts:
        yield from (match[0].strip("`") for match in _TELLING.finditer(text[:_TELLING_WITHIN]))


def _rooms(
    skill: str | None,
    calls: Sequence[tuple[str, str]],
    paths: Sequence[str],
    places: Sequence[str],
) -> Iterator[str]:
    if skill is not None:
        yield skill
    yield from (name[:_ITEM_CHARACTERS] for name, _ in calls)
    yield from places
    parents = [path.rpartition("/")[0] for path in paths if path.startswith(("/", "~"))]
    if parents and not places and len({parent[:1] for parent in parents}) == 1:
        yield commonpath(parents) if all(parents) else ""


def _touched(calls: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Paths and directories that the arguments name, in their order."""
    paths: list[str] = []
    places: list[str] = []
    for _, arguments in calls:
        try:
            value = loads(arguments.encode("utf-8", "replace"))
        except Malformed:
            continue
        for field, text in _texts(value, "", 0):
            if field in _FILE_FIELDS and "\n" not in text:
                paths.append(text[:_ITEM_CHARACTERS])
            elif field in _PLACE_FIELDS and "\n" not in text:
                places.append(text[:_ITEM_CHARACTERS])
            elif field in _COMMAND_FIELDS:
                found = (match[0] for match in _PATH.finditer(text[:_LOOKED_AT]))
                paths += (path[:_ITEM_CHARACTERS] for path in found if _is_path(path))
    return paths, places


def _is_path(text: str) -> bool:
    """`and/or` is none, and `km/h`."""
    return text.startswith(("/", "~", ".")) or "." in text.rpartition("/")[2]


def _texts(value: object, field: str, depth: int) -> Iterator[tuple[str, str]]:
    """Every text in it, with the name of the field it stands in."""
    if isinstance(value, str):
        yield field, value
    elif depth < _DEEPEST:
        for name, each in (object_of(value) or {}).items():
            yield from _texts(each, name.lower(), depth + 1)
        for each in list_of(value):
            yield from _texts(each, field, depth + 1)
