"""The kinds of values that settings hold, each with what it refuses and how the schema says it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import CoreSchema

from capture.addresses import forbidden, parse_address
from capture.exchange import Mode
from routers.hours import Window, clock_time, minute_of

SECRET_WORDS = ("auth", "key", "token", "secret", "cookie", "credential", "password")
"""A header whose name holds one of these carries a secret: no rule tests it, no record keeps it."""
UNSEEN_HEADERS = frozenset({
    "host", "connection", "content-length", "content-type", "accept", "accept-encoding",
})  # fmt: skip
"""Headers that say nothing of a request's purpose: no rule tests them, no record keeps them."""

_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"


def _listed(value: object) -> object:
    """One word stands for a list of one."""
    return (value,) if isinstance(value, str) else value


def _address(url: str) -> str:
    """An http(s) address that is safe to send requests to, without a trailing slash."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"is no address: {error}") from None
    if parts.scheme not in {"http", "https"}:
        raise ValueError("must begin with http:// or https://")
    if not host or port == 0:
        raise ValueError("needs a host, as in http://127.0.0.1:11434/v1")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or password; name the key's variable in api_key_env")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("must not hold a query or fragment (`?` or `#`)")
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError("must not hold spaces or control characters")
    if not url.isascii():
        raise ValueError("must be plain ASCII; write such a host name in its `xn--` form")
    reason = forbidden(host)
    if reason is not None:
        raise ValueError(f"must not point to {host}: {reason}")
    return url.rstrip("/")


def _host(host: str) -> str:
    """An address or name to listen on."""
    bare = host.strip("[]")
    if parse_address(bare) is None and not _is_hostname(bare):
        raise ValueError("must be an address or a host name alone, as in 127.0.0.1")
    return bare


def _host_name(host: str) -> str:
    """A name for the allow-list: no scheme, no port, no wildcard."""
    bare = host.strip("[]").lower()
    if parse_address(bare) is None and not _is_hostname(bare):
        raise ValueError("must be a host name alone: no scheme, no port, no `*`")
    return bare


def _is_hostname(text: str) -> bool:
    labels = text.rstrip(".").split(".")
    return len(text) <= 253 and all(
        0 < len(label) <= 63 and label.replace("-", "a").replace("_", "a").isalnum()
        and label.isascii() for label in labels
    )  # fmt: skip


def _tools(value: object) -> object:
    """true, false, a name, or names."""
    if isinstance(value, bool):
        return value
    names = _words(_listed(value))
    if names is None:
        raise ValueError("must be true, false, a tool's name, or a list of names")
    if any(name.lower() in {"yes", "no", "on", "off", "any", "none"} for name in names):
        raise ValueError("must be true (tools are offered) or false (none are), or tool names")
    return names


def _headers(value: object) -> object:
    """Header names to a value, true or false; names in lower case."""
    if not isinstance(value, dict):
        raise ValueError("must map header names to a value, true or false")
    wanted: dict[str, str | bool] = {}
    for name, like in cast("dict[object, object]", value).items():
        header = _header_name(str(name))
        if any(word in header for word in SECRET_WORDS):
            raise ValueError(f"`{name}` carries a credential, which no rule may test; use `key`")
        if header in UNSEEN_HEADERS:
            raise ValueError(f"`{name}` is not among the headers that rules see")
        if not isinstance(like, str | bool):
            raise ValueError(f"`{name}` must be a value in quotes, true or false")
        wanted[header] = like
    return wanted


def _header_name(name: str) -> str:
    """A header's name in lower case."""
    header = name.lower()
    if not all(c.isascii() and (c.isalnum() or c in "-_") for c in header) or not header:
        raise ValueError(f"`{name}` is no header name")
    return header


def _kept_header(name: str) -> str:
    """The name of a header that records keep."""
    header = _header_name(name)
    if any(word in header for word in SECRET_WORDS) or header in UNSEEN_HEADERS:
        raise ValueError(f"`{name}` is not among the headers that are kept")
    return header


def _zone(name: str) -> str:
    """A time zone's name."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError("must be a time zone this machine knows, as in Europe/Berlin") from None
    return name


def _window(text: str) -> str:
    Window.of(text)
    return text


def _time(text: str) -> str:
    return clock_time(minute_of(text))


class _OneOrMany:
    """In the schema: one section, or a list of them."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        many = handler(core)
        return {"anyOf": [many, many["items"]]}


class _OnOrOff:
    """In the schema: a section, or true or false."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [handler(core), {"type": "boolean"}]}


def _switched(value: object) -> object:
    return {"on": value} if isinstance(value, bool) else value


def _several(value: object) -> object:
    """One section stands for a list of one."""
    return (cast("object", value),) if isinstance(value, dict) else value


def _words(value: object) -> tuple[str, ...] | None:
    """`value` as a tuple of non-empty strings; None when it is not that."""
    if not isinstance(value, list | tuple):
        return None
    words = [word for word in cast("Iterable[object]", value) if isinstance(word, str) and word]
    return tuple(words) if len(words) == len(cast("list[object]", value)) and words else None


def _one_or_many(item: dict[str, object], *, at_least: int = 1) -> WithJsonSchema:
    many = {"type": "array", "items": item, "minItems": at_least}
    return WithJsonSchema({"anyOf": [item, many]})


Name = Annotated[str, Field(pattern=_NAME)]
"""Names users give to things: lower-case letters, digits, `.`, `_`, `-`; at most 64."""
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
ModelName = Annotated[str, Field(min_length=1, max_length=256)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Usd = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Url = Annotated[str, Field(max_length=2048), AfterValidator(_address)]
Host = Annotated[str, Field(max_length=253), AfterValidator(_host)]
HostName = Annotated[str, Field(max_length=253), AfterValidator(_host_name)]
Words = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    Field(min_length=1),
    BeforeValidator(_listed),
    _one_or_many({"type": "string", "minLength": 1}),
]
"""One word, or a list of them."""
KeyNames = Annotated[
    tuple[Name, ...],
    Field(min_length=1),
    BeforeValidator(_listed),
    _one_or_many({"type": "string", "pattern": _NAME}),
]
KeyList = Annotated[
    tuple[Name, ...],
    BeforeValidator(_listed),
    _one_or_many({"type": "string", "pattern": _NAME}, at_least=0),
]
"""The same, where none is a word, too."""
HeaderNames = Annotated[
    tuple[Annotated[str, Field(max_length=128), AfterValidator(_kept_header)], ...],
    BeforeValidator(_listed),
    _one_or_many({"type": "string", "maxLength": 128}, at_least=0),
]
Patterns = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=128)], ...],
    BeforeValidator(_listed),
    _one_or_many({"type": "string", "minLength": 1, "maxLength": 128}, at_least=0),
]
"""Patterns of names, or none; `*` stands for any run of characters."""
Windows = Annotated[
    tuple[Annotated[str, Field(max_length=16), AfterValidator(_window)], ...],
    Field(min_length=1),
    BeforeValidator(_listed),
    _one_or_many({"type": "string", "maxLength": 16}),
]
"""Parts of the day, as `22:00-07:00`."""
TimeOfDay = Annotated[str, Field(max_length=5), AfterValidator(_time)]
TimeZone = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_zone)]
OneOrMany = (BeforeValidator(_several), _OneOrMany())
"""What makes a list of sections take one alone, too."""
OnOrOff = (BeforeValidator(_switched), _OnOrOff())
"""What makes a section with a field `on` take true or false in its place."""
Thresholds = dict[
    Annotated[str, Field(min_length=1, max_length=128)], Annotated[float, Field(ge=0, le=1)]
]
"""Patterns of skills, each to a number; the first that fits counts."""
SkillNames = dict[
    Annotated[str, Field(min_length=1, max_length=128)],
    Annotated[str, Field(max_length=128, pattern=r"^[^*\x00-\x1f\x7f]+$")],
]
"""Patterns of skills' keys, each to a name, in which `*` means nothing."""
SkillPins = dict[Annotated[str, Field(min_length=1, max_length=128)], Mode]
"""Patterns of skills, each to a mode; the first that fits counts."""
Channels = dict[Annotated[str, Field(max_length=128), AfterValidator(_kept_header)], Words]
"""Patterns of values, by the header that has them."""
ModeOrder = Annotated[
    tuple[Mode, ...],
    BeforeValidator(_listed),
    _one_or_many({"type": "string", "enum": [mode.value for mode in Mode]}, at_least=0),
]
HostNames = Annotated[
    tuple[HostName, ...],
    BeforeValidator(_listed),
    _one_or_many({"type": "string", "maxLength": 253}, at_least=0),
]
ModeNames = Annotated[
    tuple[Mode, ...],
    Field(min_length=1),
    BeforeValidator(_listed),
    _one_or_many({"type": "string", "enum": [mode.value for mode in Mode]}),
]
ToolNames = Annotated[
    bool | tuple[str, ...],
    PlainValidator(_tools),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "boolean"},
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
            ]
        }
    ),
]
HeaderValues = Annotated[
    dict[str, str | bool],
    PlainValidator(_headers),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "boolean"}]},
        }
    ),
]
