"""Where a server listens, as configurations write it: ``443``, ``*:443``, ``[::1]:443``."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

#: Listening there is listening everywhere.
_EVERYWHERE = ("", "*", "0.0.0.0", "::", "_default_")


class Place(NamedTuple):
    """``address``: "" for everywhere, or for a name that stands for it; ``port``: None when it is
    not said."""

    address: str
    port: int | None


def place(text: str, default: int | None = None) -> Place | None:
    """What ``text`` means; None when it is neither (a socket file, a variable)."""
    host, port = _parts(text)
    if port == "":
        number = default
    elif port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536:
        number = int(port)
    else:
        return None
    if host in _EVERYWHERE:
        return Place("", number)
    try:
        return Place(str(ipaddress.ip_address(host)), number)
    except ValueError:
        return None if "/" in host or "$" in host else Place("", number)


def _parts(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":")
    if text.isdigit():
        return "", text
    if text.count(":") > 1:  # ::1 without brackets, or :::443 as haproxy writes it
        host, _, port = text.rpartition(":")
        return (host, port) if port and _is_address(host) else (text, "")
    host, _, port = text.partition(":")
    return host, port


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
