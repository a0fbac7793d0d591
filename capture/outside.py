"""Whether a tool's result is text from outside: what strangers wrote, maybe with intent. Pure.

Three things say so, and the first two have exceptions (`inside`):

    the tool's name      it matches a pattern of tools that read the web, mail or messages
    the address asked    the call names an http(s) address beyond this house
    the text itself      it carries what injected instructions carry: characters nobody sees, hidden
                         elements, a line that poses as the system, words that call instructions off

What carries nothing of the kind and comes from a tool with a harmless name is not known here for
what it is: a file that was downloaded earlier, say. Patterns are the settings' (docs/trust.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, cast

from capture.addresses import is_inside
from capture.linear import Pattern
from capture.narrowing import Malformed, loads

OUTSIDE_TOOLS = (
    *("*web*", "*browser*", "browse", "browse_*", "*fetch*", "*http*", "*url*", "curl", "wget"),
    *("*scrape*", "*crawl*", "*download*", "*internet*", "*online*", "*wikipedia*", "*news*"),
    *("google*", "bing*", "duckduckgo*", "brave_*", "tavily*", "exa_*", "firecrawl*", "arxiv*"),
    *("*mail*", "*inbox*", "*_messages", "read_message*", "get_message*", "list_message*"),
    *("search_message*", "*sms*", "*telegram*", "*discord*", "*slack*", "*whatsapp*", "*twitter*"),
    *("x_search*", "*reddit*", "*youtube*", "*rss*", "feed", "feeds", "*_feed", "*_feeds"),
    *("read_feed*", "*mcp*"),
)
"""Tools whose results strangers write, by the names agents give them."""
INSIDE_TOOLS = ("send_*",)
"""Tools that are none of those whatever matches: what is sent comes back as a receipt."""

NAME_CHARACTERS = 256
"""Of a tool's name, so many are matched and shown."""
_DEEPEST = 4
"""Levels of JSON within JSON that are looked into."""

_ADDRESS = Pattern(r"(?i)https?:[\\/]{1,8}([^\s\"'<>\\/?#,;)\]}]+)")
"""An address wherever it stands; its group is the host with what is written beside it."""

_UNSEEN = "characters that nobody sees"
_HIDDEN = "an element that is hidden"
_POSES = "a line that poses as instructions"
_CALLS_OFF = "words that call instructions off"
_RULES = r"(?:instruction|prompt|direction|guideline|rule|message|command)s?"

MARKS: tuple[tuple[str, Pattern], ...] = (
    # zero-width space and joiners where no script needs them, soft operators, a byte order mark
    # inside a line, overrides of direction; tag characters but for those of flags
    (
        _UNSEEN,
        Pattern(
            r"[\x{200B}\x{2060}-\x{2064}\x{180E}\x{202D}\x{202E}]"
            r"|[\x{200C}\x{200D}]{2}|[^\n]\x{FEFF}"
            r"|(?:^|[^\x{1F3F4}\x{E0000}-\x{E007F}])[\x{E0000}-\x{E007F}]"
        ),
    ),
    (
        _HIDDEN,
        Pattern(
            r"(?i)<[a-z][^<>]{0,400}style\s{0,4}=[^<>]{0,200}(?:display\s{0,4}:\s{0,4}none"
            r"|visibility\s{0,4}:\s{0,4}hidden|(?:font-size|opacity)\s{0,4}:\s{0,4}0(?:[^.\d]|\.0))"
            r"|<!--[^>]{0,400}\b(?:ignore|disregard|instructions?|assistant|you (?:must|are))\b"
        ),
    ),
    (
        _POSES,
        Pattern(
            r"(?m)^[\s>*#=_\[(<|-]{0,12}(?:SYSTEM|DEVELOPER|ADMIN)"
            r"(?: (?:MESSAGE|PROMPT|NOTE|NOTICE|OVERRIDE|INSTRUCTIONS?))?[\s*_\])>|]{0,6}:"
            r"|(?i:^[\s>*#=_\[(<|-]{0,12}(?:system|developer|new|important|hidden)"
            r" (?:message|prompt|override|instructions?)[\s*_\])>|]{0,6}:)"
            r"|(?i:<\|(?:im_start|system|start_header_id)\|?>?|\[/?INST\]|<</?SYS>>"
            r"|</?(?:system|important|instructions?)>)"
        ),
    ),
    (
        _CALLS_OFF,
        Pattern(
            r"(?i)\b(?:ignore|disregard|forget|override)\s+(?:\w+\s+){0,3}?(?:previous|prior|above"
            rf"|earlier|preceding|your|all|any|the)\s+(?:\w+\s+){{0,2}}?{_RULES}\b"
            r"|\b(?:do not|don't|never)\s+(?:tell|inform|(?:mention|show) (?:this|it) to)\s+"
            r"the\s+user\b"
        ),
    ),
)
"""What a text from outside carries that means to be obeyed, each with what it is called."""


def matches(patterns: Sequence[str], name: str) -> bool:
    """Whether a tool's name fits one of these patterns, in any case; `*` stands for any run of
    characters."""
    return _matches(tuple(patterns), name[:NAME_CHARACTERS].lower())


def address_in(arguments: str) -> str | None:
    """The first host beyond this house whose http(s) address stands in a call's arguments; None
    when there is none. Names other than `localhost` are beyond: where they lead is not known."""
    for text in (arguments, *_texts(arguments, 0)):
        data = text.encode("utf-8", "replace")
        for start, end in _ADDRESS.spans(data):
            host = _host(data[start:end].decode("utf-8", "replace"))
            if not is_inside(host):
                return host[:NAME_CHARACTERS]
    return None


def mark_in(text: str) -> str | None:
    """What a text carries that instructions from outside carry; None when nothing. JSON in it is
    looked at as it reads once decoded."""
    said = "\n".join((text, *_texts(text, 0))).encode("utf-8", "replace")
    return next((what for what, pattern in MARKS if pattern.is_in(said)), None)


@lru_cache(maxsize=4096)
def _matches(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern.lower()) for pattern in patterns)


def _host(authority: str) -> str:
    """An address's host without user, password and port."""
    host = authority.rpartition("@")[2]
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]


def _texts(text: str, depth: int) -> Iterator[str]:
    """Every text in a text that is JSON, also in JSON that stands in those."""
    if depth < _DEEPEST and text.lstrip()[:1] in ("{", "[", '"'):
        try:
            value = loads(text.encode("utf-8", "replace"))
        except Malformed:
            return
        yield from _strings(value, depth)


def _strings(value: object, depth: int) -> Iterator[str]:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
            yield from _texts(each, depth + 1)
        elif isinstance(each, dict):
            entries = cast("Mapping[str, Any]", each)
            yield from entries
            waiting += entries.values()
        elif isinstance(each, list):
            waiting += cast("list[Any]", each)
