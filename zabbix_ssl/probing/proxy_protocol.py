"""The header of HAProxy's PROXY protocol, by which a load balancer tells a server who connects.

Bytes out, no sockets. Source: https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt. We tell
the truth, our own address and that of the server, as the receiver sees them anyway. Behind a proxy
we do not know them and say so: UNKNOWN in version 1, LOCAL in version 2, as health checks do.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

#: IP address without a scope id, port.
Endpoint = tuple[str, int]

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_LOCAL, _PROXY = 0x20, 0x21  # version 2, command
_STREAM = {socket.AF_INET: 0x11, socket.AF_INET6: 0x21}  # family, and TCP


def header(version: str, source: Endpoint | None, destination: Endpoint | None) -> bytes:
    """The header of ``version``, a word of model.PROXY_PROTOCOLS, for a connection from ``source``
    to ``destination``; None where they are not known."""
    return _VERSIONS[version](source, destination)


def _v1(source: Endpoint | None, destination: Endpoint | None) -> bytes:
    if source is None or destination is None:
        return b"PROXY UNKNOWN\r\n"
    family = "TCP6" if ":" in source[0] else "TCP4"
    return (f"PROXY {family} {source[0]} {destination[0]} {source[1]} {destination[1]}\r\n"
            ).encode("ascii")


def _v2(source: Endpoint | None, destination: Endpoint | None) -> bytes:
    if source is None or destination is None:
        return _SIGNATURE + struct.pack("!BBH", _LOCAL, 0, 0)
    family = socket.AF_INET6 if ":" in source[0] else socket.AF_INET
    addresses = (socket.inet_pton(family, source[0]) + socket.inet_pton(family, destination[0])
                 + struct.pack("!HH", source[1], destination[1]))
    return _SIGNATURE + struct.pack("!BBH", _PROXY, _STREAM[family], len(addresses)) + addresses


_VERSIONS: dict[str, Callable[[Endpoint | None, Endpoint | None], bytes]] = {"v1": _v1, "v2": _v2}
