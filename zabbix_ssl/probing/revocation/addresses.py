"""Where a URL out of a certificate may lead.

Whoever serves a certificate chooses its URLs, and must not be able to make this machine ask its own
services, its neighbours or the cloud's metadata. The networks are IANA's registries of special
addresses, spelt out: what ``ipaddress`` calls private differs between releases of Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import NamedTuple

Network = IPv4Network | IPv6Network
IPAddress = IPv4Address | IPv6Address

#: Networks that nobody is led to, and what they are; the more special ones first.
_REFUSED: tuple[tuple[Network, str], ...] = tuple((ip_network(words), what) for what, many in (
    ("a loopback address", "127.0.0.0/8 ::1/128"),
    ("a private address", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7"),
    ("a link-local address", "169.254.0.0/16 fe80::/10"),
    ("a multicast address", "224.0.0.0/4 ff00::/8"),
    ("an address of no public network",
     "0.0.0.0/8 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 "
     "203.0.113.0/24 240.0.0.0/4 2001::/23 2001:db8::/32 3fff::/20 "
     "::/3 4000::/2 8000::/1"),  # all but 2000::/3, the global unicast addresses
) for words in many.split())

#: What clouds tell the machines in them, credentials included. Refused in whatever network that is
#: allowed, but where it is allowed by itself alone.
_METADATA = frozenset(map(ip_address, (
    "169.254.169.254",  # AWS, Azure, Google, most others
    "169.254.170.2", "169.254.170.23", "fd00:ec2::23",  # AWS, containers
    "fd00:ec2::254", "fd20:ce::254",  # AWS, Google
    "100.100.100.200",  # Alibaba
    "168.63.129.16",  # Azure
    "192.0.0.192",  # Oracle
)))

#: Names that lead to them, for when a proxy resolves names and not we.
_LOCAL_NAMES = ("localhost", "metadata.google.internal")

#: IPv6 networks whose addresses lead to the IPv4 address inside, and where in it that ends, in bits
#: from the right: mapped (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056).
_EMBEDDED = ((IPv6Network("::ffff:0:0/96"), 0), (IPv6Network("64:ff9b::/96"), 0),
             (IPv6Network("2002::/16"), 80))


class Ways(NamedTuple):
    """How this machine gets out, and where it may not go."""

    allowed: tuple[Network, ...] = ()  # in spite of being private
    proxy: str | None = None  # URL
    no_proxy: tuple[str, ...] = ()


@lru_cache(maxsize=64)
def networks(words: tuple[str, ...]) -> tuple[Network, ...]:
    """The networks that ``words`` name in CIDR notation. Raises ValueError."""
    return tuple(ip_network(word, strict=False) for word in words)


def refusal(address: str, allowed: Iterable[Network]) -> str:
    """Why nobody may be led to this IP address, "" when one may. Raises ValueError for none."""
    where = _meaning(ip_address(address.partition("%")[0]))
    if where in _METADATA:
        alone = (network for network in allowed if network.prefixlen == network.max_prefixlen)
        return "" if any(where in network for network in alone) else "the cloud's metadata"
    why = next((what for network, what in _REFUSED if where in network), "")
    return "" if any(where in network for network in allowed) else why


def name_refusal(host: str) -> str:
    """The same for a host name that is resolved elsewhere, as far as the name tells."""
    host = host.rstrip(".").lower()
    if host in _LOCAL_NAMES or host.endswith(".localhost"):
        return "this machine itself, or the cloud's metadata"
    return ""


def _meaning(address: IPAddress) -> IPAddress:
    """The address that is led to: of some IPv6 addresses a gateway makes an IPv4 address."""
    for network, shift in _EMBEDDED:
        if address in network:
            return IPv4Address(int(address) >> shift & 0xFFFFFFFF)
    return address
