"""Who may ask, and whose pages may."""

from __future__ import annotations

import base64
import hashlib

import pytest

from gateway.auth import HostGuard, Keyring
from gateway.errors import ClientError, Forbidden, GatewayError, Unauthorized
from gateway.keys import KeyEntry

KEY = b"mjd_correct"
RING = Keyring(
    [
        KeyEntry(name="other", sha256=hashlib.sha256(b"mjd_other").hexdigest(), created_at=0),
        KeyEntry(name="laptop", sha256=hashlib.sha256(KEY).hexdigest(), created_at=0),
    ]
)
CARRIERS = [
    [(b"authorization", b"Bearer " + KEY)],
    [(b"authorization", b"bearer  " + KEY)],
    [(b"x-api-key", KEY)],
    [(b"authorization", b"Basic " + base64.b64encode(b"me:" + KEY))],
    [(b"authorization", b"Bearer " + KEY), (b"x-api-key", KEY)],
]


@pytest.mark.parametrize("headers", CARRIERS)
def test_a_key_is_known_however_it_is_carried(headers: list[tuple[bytes, bytes]]) -> None:
    assert RING.check(headers) == "laptop"


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"wrong",
        KEY[:-1],
        KEY + b"x",
        "mjd_\u00e9".encode(),
        b"\x00",
        b"x" * 1_000_000,
        b"' OR 1=1",
    ],
)
def test_a_wrong_key_is_refused_in_every_carrier(value: bytes) -> None:
    for header in (
        (b"authorization", b"Bearer " + value),
        (b"authorization", b"Basic " + base64.b64encode(b"me:" + value)),
        (b"authorization", value),
        (b"x-api-key", value),
    ):
        with pytest.raises(Unauthorized):
            RING.check([header])


def test_no_key_is_refused_and_the_message_says_how_to_make_one() -> None:
    with pytest.raises(Unauthorized, match="majordomo key create"):
        RING.check([(b"cookie", b"key=" + KEY)])


def test_two_different_keys_are_ambiguous() -> None:
    with pytest.raises(ClientError, match="more than one"):
        RING.check([(b"authorization", b"Bearer " + KEY), (b"x-api-key", b"mjd_other")])


def test_without_keys_everyone_is_nobody() -> None:
    assert Keyring().check([(b"x-api-key", b"anything")]) is None


def test_a_ring_that_is_required_opens_for_nobody_once_it_is_empty() -> None:
    for headers in CARRIERS:
        with pytest.raises(Unauthorized):
            Keyring((), required=True).check(headers)


def host(*values: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"host", value) for value in values]


@pytest.mark.parametrize("name", [b"127.0.0.1:8300", b"localhost", b"LOCALHOST:1", b"[::1]:8300"])
def test_loopback_names_are_answered(name: bytes) -> None:
    HostGuard("127.0.0.1").check(host(name))


@pytest.mark.parametrize(
    "headers",
    [
        host(),
        host(b"localhost", b"localhost"),
        host(b"evil.test"),
        host(b"127.evil.com"),
        host(b"localhost/admin?"),
        host(b"localhost:8300@evil.test"),
        host(b"192.168.1.4:8300"),
        host(b"\xff"),
        host(b"[::1"),
        host(b""),
    ],
)
def test_other_names_are_not(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(GatewayError) as error:
        HostGuard("127.0.0.1").check(headers)
    assert error.value.status in (400, 421)


def test_a_gateway_open_to_the_house_answers_to_addresses_and_allowed_names() -> None:
    guard = HostGuard("0.0.0.0", ["box.lan"])
    for name in (b"192.168.1.4:8300", b"box.lan:8300", b"localhost"):
        guard.check(host(name))
    with pytest.raises(GatewayError):
        guard.check(host(b"evil.test"))


def test_only_its_own_pages_may_send_requests() -> None:
    guard = HostGuard("127.0.0.1")
    guard.check([*host(b"localhost:8300"), (b"origin", b"http://localhost:8300")])
    for origin in (b"null", b"https://evil.test", b"http://localhost:8301", b"http://localhost"):
        with pytest.raises(Forbidden):
            guard.check([*host(b"localhost:8300"), (b"origin", origin)])


def test_two_authorization_headers_are_refused() -> None:
    headers = [*host(b"localhost"), (b"authorization", b"a"), (b"authorization", b"a")]
    with pytest.raises(ClientError):
        HostGuard("127.0.0.1").check(headers)
