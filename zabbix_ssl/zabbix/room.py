"""The configuration cache of a Zabbix server or proxy, and what the items of targets take of it.

A server whose cache is full ends ("please increase CacheSize"), and ends again when it is started.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model import Target
from ..outputs.discovery import told_apart

#: CacheSize unless the configuration says otherwise, bytes (zabbix_server.conf(5)).
DEFAULT = 32 << 20

_A_TARGET = 104_000  # bytes; measured with 1,000 targets, Zabbix 7.0
_SHARE = 0.6  # of the cache that targets may take: there is more to watch than certificates
_MB = 1 << 20


def wanted_of_server(targets: Sequence[Target]) -> list[str]:
    """What to set before so many targets are registered, a line; none where the default will do."""
    count = watched(targets)
    if fits(count, DEFAULT):
        return []
    return [f"{count} targets take {count * _A_TARGET // _MB} MB of the server's configuration "
            f"cache, and a server whose cache is full ends: see that its CacheSize is "
            f"{advice(count)}M or more ({DEFAULT // _MB}M unless its configuration says otherwise)"]


def watched(targets: Sequence[Target]) -> int:
    """How many of them have items of their own."""
    return len(told_apart(targets))


def fits(count: int, cache: int) -> bool:
    """Whether so many targets fit into a cache of so many bytes."""
    return count * _A_TARGET <= _SHARE * cache


def advice(count: int) -> int:
    """MB of CacheSize for so many targets, a power of two as people write them."""
    cache = DEFAULT
    while not fits(count, cache):
        cache *= 2
    return cache // _MB


def size(text: str) -> int:
    """Bytes of a CacheSize as it is written: 512K, 32M, 1G. The default for what is none."""
    digits, unit = text.rstrip("KMGkmg"), text[-1:].upper()
    if not (digits.isascii() and digits.isdigit() and len(digits) < 16):
        return DEFAULT
    return int(digits) << {"K": 10, "M": 20, "G": 30}.get(unit, 0)
