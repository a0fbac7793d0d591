"""Who is asking, and may their browser: keys, `Host` and `Origin`.

One function checks a key however it is carried (`Authorization: Bearer`, `Basic` with the key as
password, `x-api-key`); never the query or a cookie. Keys are random 256-bit texts, kept as SHA-256
and compared in constant time. `Host` and `Origin` are checked on every request, because pages of
other sites can reach a loopback port too (DNS rebinding, cross-site requests).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Iterable, Sequence
from pathlib import Path

from gateway.errors import ClientError, Forbidden, GatewayError, Unauthorized
from gateway.keys import KeyEntry, load_keys

RawHeaders = Iterable[tuple[bytes, bytes]]

_HOW = (
    "send your Majordomo key as `Authorization: Bearer KEY` or `x-api-key: KEY`; "
    "`majordomo key create NAME` makes one"
)


class Keyring:
    """The keys that open this gateway; empty when it runs without keys, on loopback only.

    A ring that is `required` never opens without one: where others can reach the gateway, revoking
    the last key locks it.
    """

    def __init__(self, entries: Sequence[KeyEntry] = (), *, required: bool = False) -> None:
        self._required = required
        self._entries = tuple((entry.name, bytes.fromhex(entry.sha256)) for entry in entries)

    @classmethod
    def load(cls, path: Path, *, required: bool = False) -> Keyring:
        """Read `keys.json`; a missing file is an empty ring. Raises KeysError."""
        return cls(load_keys(path), required=required)

    def __bool__(self) -> bool:
        return bool(self._entries)

    def check(self, headers: RawHeaders) -> str | None:
        """The name of the key presented; None when no keys are set. Raises Unauthorized."""
        presented = _presented(headers)
        if not self._entries and not self._required:
            return None
        if presented is None:
            raise Unauthorized(f"no API key; {_HOW}")
        digest = hashlib.sha256(presented).digest()
        name = None
        for known, expected in self._entries:  # all of them, always: time tells nothing
            if hmac.compare_digest(digest, expected):
                name = known
        if name is None:
            raise Unauthorized(f"this API key is not known here; {_HOW}")
        return name


def _presented(headers: RawHeaders) -> bytes | None:
    found: list[bytes] = []
    for name, value in headers:
        if name == b"x-api-key":
            found.append(value.strip())
        elif name == b"authorization":
            scheme, _, credential = value.strip().partition(b" ")
            found.append(_credential(scheme.lower(), credential.strip()))
    if len(found) > 1 and len(set(found)) > 1:
        raise ClientError("more than one API key was sent; send one", code="ambiguous_credentials")
    return found[0] if found else None


def _credential(scheme: bytes, credential: bytes) -> bytes:
    if scheme == b"bearer":
        return credential
    if scheme == b"basic":
        try:
            return base64.b64decode(credential, validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return b""


class HostGuard:
    """Which `Host` names this gateway answers to, and that a page's `Origin` is its own."""

    def __init__(self, listening_on: str, allowed: Iterable[str] = ()) -> None:
        self._names = {"localhost", *(name.lower() for name in allowed)}
        bound = _ip(listening_on)
        if bound is None:
            self._names.add(listening_on.lower())
        self._any_ip = bound is None or not bound.is_loopback
        self._known: set[bytes] = set()

    def check(self, headers: RawHeaders) -> None:
        """Raises GatewayError 400, 421 or Forbidden."""
        host: bytes | None = None
        origin: bytes | None = None
        authorizations = 0
        for name, value in headers:
            if name == b"host":
                if host is not None:
                    raise ClientError("two Host headers", code="bad_host")
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"authorization":
                authorizations += 1
        if host is None:
            raise ClientError("no Host header", code="bad_host")
        if authorizations > 1:
            raise ClientError("two Authorization headers", code="ambiguous_credentials")
        if host not in self._known:
            self._learn(host)
        if origin is not None and origin not in (b"http://" + host, b"https://" + host):
            raise Forbidden(
                "this request comes from a page of another origin, which may not use Majordomo",
                code="foreign_origin",
            )

    def _learn(self, host: bytes) -> None:
        if not self._allowed(host):
            shown = host[:100].decode("latin-1")
            raise GatewayError(
                f"Majordomo does not answer to the host name {shown!r}; "
                "add it to `server.allowed_hosts` if it should",
                status=421,
                type="invalid_request_error",
                code="wrong_host",
            )
        if len(self._known) < 256:
            self._known.add(host)

    def _allowed(self, host: bytes) -> bool:
        try:
            text = host.decode("ascii").lower()
        except UnicodeDecodeError:
            return False
        name, port = _split(text)
        if port and not (port.isdigit() and len(port) <= 5):
            return False
        ip = _ip(name)
        if ip is not None:
            return ip.is_loopback or self._any_ip
        return name in self._names


def _split(host: str) -> tuple[str, str]:
    if host.startswith("["):
        name, bracket, rest = host[1:].partition("]")
        return (name, rest[1:]) if bracket and rest[:1] in ("", ":") else ("", "")
    name, _, port = host.partition(":")
    return name, port


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
