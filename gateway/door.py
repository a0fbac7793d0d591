"""Who may send a chat request, and what is kept of its headers: guard, key, and the bounds of its
body, all told before the body is read.

A kept connection sends the same headers with every request, so what was found is remembered with
the connection and holds for the same headers, under the same guard and keys, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from gateway.auth import HostGuard, Keyring
from gateway.errors import ClientError, TooLarge
from gateway.setting_types import SECRET_WORDS, UNSEEN_HEADERS

RawHeaders = list[tuple[bytes, bytes]]
"""As they came, names in lower case."""

_SECRETS = tuple(word.encode() for word in SECRET_WORDS)
_UNSEEN = frozenset(name.encode() for name in UNSEEN_HEADERS)
_HEADER_CHARS = 1024


class Keeper(Protocol):
    """Who holds the guard and the keys; both are replaced, never changed."""

    @property
    def guard(self) -> HostGuard: ...
    @property
    def keyring(self) -> Keyring: ...


class Visitor(NamedTuple):
    """A client that was let in."""

    headers: RawHeaders
    """All it sent, but for `content-length`."""
    guard: HostGuard
    keyring: Keyring
    key: str | None
    """Name of its key; None when the gateway runs without keys."""
    readable: Mapping[str, str]
    """Headers that rules may test and records may keep."""
    expects: bool
    """It waits for a word before it sends a body (`expect: 100-continue`)."""


def let_in(headers: RawHeaders, keeper: Keeper, known: Visitor | None, limit: int) -> Visitor:
    """Who sends these headers, and a body of at most `limit` bytes. Raises GatewayError for who may
    not, and for a body that may not be."""
    rest: RawHeaders = []
    length = 0
    for pair in headers:
        if pair[0] == b"content-length":
            length = int(pair[1])
        else:
            rest.append(pair)
    guard, keyring = keeper.guard, keeper.keyring
    if (
        known is None
        or rest != known.headers
        or guard is not known.guard
        or keyring is not known.keyring
    ):
        guard.check(rest)
        key = keyring.check(rest)
        _check_encoding(rest)
        known = Visitor(rest, guard, keyring, key, readable_headers(rest), expects(rest))
    if length > limit:
        raise body_too_large(limit)
    return known


def expects(headers: RawHeaders) -> bool:
    """The client waits for a word before it sends its body."""
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers)


def _check_encoding(headers: RawHeaders) -> None:
    for name, value in headers:
        if name == b"content-encoding" and value.lower() != b"identity":
            raise ClientError(
                "encoded request bodies are not accepted; send plain JSON",
                status=415,
                code="encoded_body",
            )


def body_too_large(limit: int) -> TooLarge:
    """A body over the limit."""
    return TooLarge(f"the request body is larger than {limit} bytes (`server.limits.body_bytes`)")


def readable_headers(raw: RawHeaders) -> dict[str, str]:
    """Request headers that rules may test and records may keep: no credentials, nothing dull.

    One sent twice is joined by a comma (RFC 9110 section 5.2), so that neither value is hidden.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        if raw_name in _UNSEEN or any(word in raw_name for word in _SECRETS):
            continue
        name, value = raw_name.decode("latin-1"), raw_value[:_HEADER_CHARS].decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
