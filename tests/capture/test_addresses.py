from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.addresses import forbidden, is_inside, is_loopback, parse_address


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "[::ffff:a9fe:a9fe]",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "metadata.google.internal",
        "METADATA.google.internal.",
        "0.0.0.0",
        "0",
        "::",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_addresses_where_no_upstream_may_be_are_refused_in_every_spelling(host: str) -> None:
    assert forbidden(host) is not None


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "192.168.1.9", "api.anthropic.com", "8.8.8.8", "ollama"]
)
def test_other_addresses_are_not_refused(host: str) -> None:
    assert forbidden(host) is None


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST.", "::ffff:127.0.0.1",
     "2130706433", "a.localhost"],
)  # fmt: skip
def test_loopback_is_recognised_however_it_is_spelled(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "127.evil.com",
        "127.0.0.1.evil.com",
        "0.0.0.0",
        "::",
        "192.168.0.1",
        "localhost.evil.com",
        "",
    ],
)
def test_what_only_looks_like_loopback_is_not(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("10.1.2.3", True),
        ("172.16.0.1", True),
        ("172.32.0.1", False),
        ("192.168.1.1", True),
        ("fd12::1", True),
        ("100.64.0.7", True),
        ("8.8.8.8", False),
        ("nas.local", False),
        ("localhost", True),
    ],
)
def test_inside_means_loopback_or_a_private_network_by_address(host: str, inside: bool) -> None:
    assert is_inside(host) is inside


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_the_same_inside_an_ipv6_one_and_as_a_number(number: int) -> None:
    plain = parse_address(str(number))
    assert parse_address(f"::ffff:{plain}") == plain
    assert parse_address(hex(number)) == plain
