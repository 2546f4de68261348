"""What ``/probe`` may be sent to beside the configured targets: patterns of ``--probe-allow``.

    shop.example.com        this name, port 443
    *.example.com:8443      every name below example.com, on this port
    web*.example.com:*      * inside a label stands for characters of that label; any port
    10.0.0.0/8:443          targets that are written as an address of this network
    [2001:db8::/32]:443     the same for IPv6
    *:*                     everything: whoever reaches the exporter can scan ports with it

A pattern speaks of what the target is called. Where the name leads is for whoever controls its DNS
to say, so allow names of zones that you trust.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import NamedTuple

from ..mistakes import ConfigError
from ..model import Target, ascii_host
from ..names import check_domain, check_port
from ..plain import show

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LABEL = re.compile(r"[A-Za-z0-9_*-]{1,63}")


class Pattern(NamedTuple):
    """One pattern: names or a network, and a port (None: any)."""

    names: re.Pattern[str] | None
    network: Network | None
    port: int | None

    def fits(self, target: Target) -> bool:
        """Is the target one of those? A file is none of them, whatever its name looks like."""
        if target.file or self.port not in (None, target.port):
            return False
        if self.names:
            return self.names.fullmatch(target.host) is not None
        assert self.network
        try:
            return ipaddress.ip_address(target.host) in self.network
        except ValueError:
            return False


def parse(text: str) -> tuple[Pattern, ...]:
    """Patterns with commas between them. Raises ConfigError."""
    return tuple(_pattern(part.strip()) for part in text.split(","))


def fits(patterns: Iterable[Pattern], target: Target) -> bool:
    """Is the target allowed by any of them?"""
    return any(pattern.fits(target) for pattern in patterns)


def _pattern(text: str) -> Pattern:
    host, port = _split(text)
    if host == "*":
        return Pattern(re.compile(r".*"), None, port)
    if "/" in host:
        try:
            return Pattern(None, ipaddress.ip_network(host), port)
        except ValueError as error:
            raise _wrong(text, str(error)) from None
    if "*" not in host:
        name = ascii_host(check_domain(host))
        if re.fullmatch(r"[0-9.]+|.*:.*", name):
            return Pattern(None, ipaddress.ip_network(name.partition("%")[0]), port)
        return Pattern(re.compile(re.escape(name)), None, port)
    return Pattern(_names(host, text), None, port)


def _split(text: str) -> tuple[str, int | None]:
    """The part that names hosts, and the port: 443 when there is none, None for any."""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise _wrong(text, "the brackets are not in place")
        port = rest[1:]
    elif text.count(":") > 1:
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    if not host or text.endswith(":"):
        raise _wrong(text, "it lacks a host or a port")
    return host, None if port == "*" else check_port(port) if port else 443


def _names(host: str, text: str) -> re.Pattern[str]:
    """``*.`` in front stands for one label or more, ``*`` elsewhere for a part of a label."""
    below = host.startswith("*.")
    labels = [label if "*" in label else ascii_host(label)
              for label in (host[2:] if below else host).rstrip(".").split(".")]
    if not all(map(_LABEL.fullmatch, labels)):
        raise _wrong(text, "that is no host name")
    parts = (re.escape(label.lower()).replace(r"\*", "[^.:]*") for label in labels)
    return re.compile((r"(?:[^.:]+\.)+" if below else "") + r"\.".join(parts))


def _wrong(text: str, why: str) -> ConfigError:
    return ConfigError("pattern", f"{show(text)} is not a pattern of targets ({why}): write one "
                       "like *.example.com:443 or 10.0.0.0/8:*, several with commas")
