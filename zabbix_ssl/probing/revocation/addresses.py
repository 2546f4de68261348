"""Where a URL out of a certificate may lead.

Whoever serves a certificate chooses its URLs, and must not be able to make this machine ask its own
services, its neighbours or the cloud's metadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Network = IPv4Network | IPv6Network
IPAddress = IPv4Address | IPv6Address

#: What clouds tell the machines in them, credentials included. Refused wherever the address lies,
#: but where it is allowed by itself alone.
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

_NAT64, _LOCAL_NAT64 = IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48")  # RFC 6052, 8215
_COMPATIBLE = IPv6Network("::/96")  # RFC 4291 section 2.5.5.1


@lru_cache(maxsize=64)
def networks(words: tuple[str, ...]) -> tuple[Network, ...]:
    """The networks that ``words`` name in CIDR notation. Raises ValueError."""
    return tuple(ip_network(word, strict=False) for word in words)


def refusal(address: str, allowed: Iterable[Network]) -> str:
    """Why nobody may be led to this IP address, "" when one may."""
    given = ip_address(address.partition("%")[0])
    for one in _meanings(given):
        why = _refusal(one)
        if why and not any(_allows(network, one, given) for network in allowed):
            return why
    return ""


def name_refusal(host: str) -> str:
    """The same for a host name that is resolved elsewhere, as far as the name tells."""
    host = host.rstrip(".").lower()
    if host in _LOCAL_NAMES or host.endswith(".localhost"):
        return "this machine itself, or the cloud's metadata"
    return ""


def _allows(network: Network, one: IPAddress, given: IPAddress) -> bool:
    if one in _METADATA:
        return network.prefixlen == network.max_prefixlen and one in network
    return one in network or given in network


def _refusal(address: IPAddress) -> str:
    if address in _METADATA:
        return "the cloud's metadata"
    for kind in ("unspecified", "loopback", "link_local", "multicast", "private", "reserved"):
        if getattr(address, f"is_{kind}"):
            return f"a {kind.replace('_', '-')} address"
    site_local = isinstance(address, IPv6Address) and address.is_site_local
    return "" if address.is_global and not site_local else "an address of no public network"


def _meanings(address: IPAddress) -> Iterator[IPAddress]:
    """What the address leads to: itself, the IPv4 address that a gateway makes of it, or both."""
    if isinstance(address, IPv4Address):
        yield address
    elif address.ipv4_mapped or address in _NAT64:
        yield IPv4Address(int(address) & 0xFFFFFFFF)
    else:
        yield address
        yield from filter(None, (address.sixtofour, *(address.teredo or ())))
        if address in _LOCAL_NAT64 or (address in _COMPATIBLE and int(address) > 1):
            yield IPv4Address(int(address) & 0xFFFFFFFF)
