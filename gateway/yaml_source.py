"""YAML text to plain values, each with the line and column it was written at.

Stricter than YAML: no tags, no merge keys, no second document, keys are words, each once. Size,
depth and what aliases expand to are bounded, so no file can cost more than a moment. Whatever is
refused says where.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import ReaderError

MAX_BYTES = 256 * 1024
"""Larger texts are refused by whoever reads the file; this parser takes seconds for that many."""
_MAX_DEPTH = 32
_MAX_VALUES = 50_000
_MAX_DIGITS = 40

Path = tuple[str | int, ...]
"""Keys and indices from the top of the document down to a value."""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a text file, both counted from 1."""

    line: int
    column: int


class SourceError(Exception):
    """The text cannot be read as settings at all."""

    def __init__(self, mark: Mark, message: str) -> None:
        super().__init__(message)
        self.mark = mark
        self.message = message


@dataclass(frozen=True, slots=True)
class Source:
    """A document as plain values, and where everything in it stands."""

    data: object
    """dicts with text keys, lists, str, int, float, bool and None. None for an empty document."""
    keys: dict[Path, Mark]
    """Where each mapping's key stands, by the path of its value."""
    values: dict[Path, Mark]
    """Where each value begins."""

    def at(self, path: Path, *, key: bool = False) -> Mark:
        """Where `path` stands, or the nearest thing around it that was written."""
        first, second = (self.keys, self.values) if key else (self.values, self.keys)
        while path:
            mark = first.get(path) or second.get(path)
            if mark is not None:
                return mark
            path = path[:-1]
        return self.values.get((), Mark(1, 1))


def read_yaml(text: str) -> Source:
    """Parse `text`. Raises SourceError at the first thing that is not acceptable."""
    try:
        _inspect(text)
        node = _parser().compose(text)
    except MarkedYAMLError as error:
        raise _syntax_error(text, error) from None
    except ReaderError as error:
        raise _bad_character(text, cast("int", error.position)) from None
    source = Source(None, {}, {})
    if node is None:
        return source
    builder = _Builder(source.keys, source.values)
    return Source(builder.build(node, (), ()), source.keys, source.values)


class _RawMark(Protocol):
    line: int
    column: int


class _Node(Protocol):
    id: str
    """`scalar`, `sequence` or `mapping`."""
    tag: str
    value: Any
    start_mark: _RawMark


class _Event(Protocol):
    start_mark: _RawMark


class _Parser(Protocol):
    """The part of ruamel.yaml used here, which has no types of its own."""

    def parse(self, stream: str) -> Iterator[_Event]: ...
    def compose(self, stream: str) -> _Node | None: ...


def _parser() -> _Parser:
    return cast("_Parser", YAML(typ="rt", pure=True))


class _Builder:
    """Builds plain values from a node graph, noting where each began."""

    def __init__(self, keys: dict[Path, Mark], values: dict[Path, Mark]) -> None:
        self._keys = keys
        self._values = values
        self._count = 0

    def build(self, node: _Node, path: Path, above: tuple[_Node, ...]) -> object:
        mark = _mark(node.start_mark)
        self._count += 1
        if self._count > _MAX_VALUES:
            raise SourceError(mark, f"holds more than {_MAX_VALUES:,} values, aliases included")
        if any(node is ancestor for ancestor in above):
            raise SourceError(mark, "contains itself: an alias leads back here")
        self._values.setdefault(path, mark)
        if node.id == "mapping":
            return self._mapping(node, path, (*above, node))
        if node.id == "sequence":
            items = cast("list[_Node]", node.value)
            return [self.build(item, (*path, n), (*above, node)) for n, item in enumerate(items)]
        return _scalar(node, mark)

    def _mapping(self, node: _Node, path: Path, above: tuple[_Node, ...]) -> dict[str, object]:
        built: dict[str, object] = {}
        for key_node, value_node in cast("list[tuple[_Node, _Node]]", node.value):
            mark = _mark(key_node.start_mark)
            if key_node.id != "scalar":
                raise SourceError(mark, "must be a word: lists and mappings cannot be names")
            key = cast("str", key_node.value)
            if key_node.tag.endswith(":merge"):
                raise SourceError(mark, "merge keys (`<<`) are not supported; write the fields out")
            if key in built:
                first = self._keys[(*path, key)]
                raise SourceError(
                    mark, f"`{key}` is given twice; the first is on line {first.line}"
                )
            self._keys.setdefault((*path, key), mark)
            built[key] = self.build(value_node, (*path, key), above)
        return built


def _inspect(text: str) -> None:
    """Refuse, before anything is built, what no settings file needs."""
    depth = documents = 0
    anchors: set[object] = set()
    for event in _parser().parse(text):
        kind = type(event).__name__
        mark = _mark(event.start_mark)
        if kind == "DocumentStartEvent":
            documents += 1
        if documents > 1:
            raise SourceError(mark, "begins a second document; a settings file holds one")
        if getattr(event, "version", None) or getattr(event, "tags", None):
            raise SourceError(Mark(1, 1), "directives (`%YAML`, `%TAG`) are not allowed")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise SourceError(mark, f"tags are not allowed here (`{str(tag)[:60]}`)")
        anchor = None if kind == "AliasEvent" else getattr(event, "anchor", None)
        if anchor in anchors:
            raise SourceError(mark, f"the anchor `{str(anchor)[:60]}` is given twice")
        anchors |= {anchor} - {None}
        depth += kind in {"MappingStartEvent", "SequenceStartEvent"}
        depth -= kind in {"MappingEndEvent", "SequenceEndEvent"}
        if depth > _MAX_DEPTH:
            raise SourceError(mark, f"is nested more than {_MAX_DEPTH} deep")


def _scalar(node: _Node, mark: Mark) -> object:
    """A scalar by YAML 1.2's core schema. Dates stay text."""
    text = cast("str", node.value)
    match node.tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int" | "float" as kind:
            try:
                return _integer(text) if kind == "int" else _float(text)
            except ValueError:
                raise SourceError(mark, "is no number; put it in quotes if it is text") from None
        case _:
            return text


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    if len(digits) > _MAX_DIGITS:
        raise ValueError(text)
    try:
        return int(digits, 10)
    except ValueError:
        return int(digits, 0)


def _float(text: str) -> float:
    word = text.lower().replace("_", "")
    if word.endswith(".inf"):
        return -math.inf if word.startswith("-") else math.inf
    return math.nan if word == ".nan" else float(word)


def _mark(mark: _RawMark) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


def _syntax_error(text: str, error: MarkedYAMLError) -> SourceError:
    """The parser's complaint in one line, with its usual cause where that is known."""
    raw = cast("_RawMark | None", error.problem_mark or error.context_mark)
    problem = " ".join(str(cast("object", error.problem or error.context)).split())
    mark = Mark(1, 1) if raw is None else _mark(raw)
    lines = text.splitlines()
    line = lines[mark.line - 1] if mark.line <= len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        return SourceError(
            Mark(mark.line, indent.index("\t") + 1), "tabs cannot indent YAML; use spaces"
        )
    if "mapping values are not allowed" in problem:
        problem = "a `:` stands where none can; indent the line above, or put the text in quotes"
    elif "found character '%'" in problem or "cannot start any token" in problem:
        problem += "; put the text in quotes"
    elif "found undefined alias" in problem:
        problem += "; text that begins with `*` needs quotes"
    return SourceError(mark, problem)


def _bad_character(text: str, position: int) -> SourceError:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return SourceError(
        Mark(line, column), f"holds a character that text cannot (U+{ord(text[position]):04X})"
    )
