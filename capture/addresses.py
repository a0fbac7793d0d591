"""What kind of place a network address is. Pure; nothing is looked up.

Link-local addresses hold cloud metadata services, which hand out credentials: they are refused in
every spelling that a resolver would accept (IPv4-mapped IPv6, one decimal, octal or hex number).
Checking a name's addresses at connect time is the transport's part, with `forbidden` below.
"""

from __future__ import annotations

import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA = frozenset(
    {
        ipaddress.ip_address("fd00:ec2::254"),  # Amazon's metadata service over IPv6
        ipaddress.ip_address("168.63.129.16"),  # Azure's wire server
        ipaddress.ip_address("100.100.100.200"),  # Alibaba's
    }
)
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog"})
_SITE = tuple(
    ipaddress.ip_network(net)
    for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "100.64.0.0/10")
)
"""Networks of a house or an office; the last is also what Tailscale gives its machines."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def parse_address(host: str) -> Address | None:
    """The IP address that `host` spells; None when it is a name.

    Accepts what resolvers accept: brackets, a zone, `2130706433`, `0x7f.1`, `0177.0.0.1`. An IPv4
    address inside an IPv6 one (mapped, NAT64, 6to4) is returned as the IPv4 address it reaches.
    """
    text = host.strip("[]").partition("%")[0]
    try:
        return _inner(ipaddress.ip_address(text))
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except (OSError, ValueError):
        return None


def forbidden(host: str) -> str | None:
    """Why no upstream may ever be at `host`; None when it may."""
    if host.rstrip(".").lower() in _METADATA_NAMES:
        return "it is a cloud metadata service, which hands out credentials"
    address = parse_address(host)
    if address is None:
        return None
    if address.is_link_local or address in _METADATA:
        return "it is a link-local or metadata address, which hands out credentials"
    if address.is_unspecified:
        return "it stands for no machine; use 127.0.0.1 for this one"
    if address.is_multicast or address == ipaddress.IPv4Address("255.255.255.255"):
        return "it stands for many machines"
    return None


def is_loopback(host: str) -> bool:
    """Whether `host` is this very machine and nobody else can reach it there."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = parse_address(host)
    return address is not None and address.is_loopback


def is_inside(host: str) -> bool:
    """Whether `host` is plainly inside the house: loopback or a private network's address.

    Names other than `localhost` are not: where they lead is not known here.
    """
    if is_loopback(host):
        return True
    address = parse_address(host)
    return address is not None and any(
        address in net for net in _SITE if net.version == address.version
    )


def _inner(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
