"""What Zabbix is to look like, from the configured targets: groups, hosts, macros and tags."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ..mistakes import ConfigError
from ..model import Target, ascii_host
from ..outputs.discovery import left_out, told_apart
from .kinds import EXTERNAL, HOST, PUSH, Kind

ONE, SITES = "one", "sites"
LAYOUTS = (ONE, SITES)
EXTERNAL_CHECK, BY_PUSH = "external", "push"
METHODS = (EXTERNAL_CHECK, BY_PUSH)

GROUP = "SSL certificates"
MARK = "zabbix-ssl"  # the tag of hosts that were made here; its value is the group
MOST_NAME = 128  # characters of a host's name


class Wish(NamedTuple):
    """How targets are to be registered."""

    layout: str = ONE
    method: str = EXTERNAL_CHECK
    group: str = GROUP
    host: str = GROUP  # name of the one host
    proxy: str | None = None  # "" for the server itself; None: as it is
    proxy_group: str | None = None


class Host(NamedTuple):
    """A host as it is to be."""

    name: str  # the technical one
    visible: str
    kind: Kind
    groups: tuple[str, ...]
    macros: tuple[tuple[str, str], ...]
    tags: tuple[tuple[str, str], ...]
    domain: str  # for its interface, where it must have one


def hosts(targets: Sequence[Target], wish: Wish) -> tuple[Host, ...]:
    """The hosts that the targets want, in their order. Raises ConfigError for targets that would be
    the same host."""
    if wish.layout == SITES:
        for line in left_out(targets):
            raise ConfigError("alike", line)
        return tuple(_site(target, wish) for target in targets)
    macros = dict(_warning(f':"{_context(domain)}"', max(days)) for domain, days in
                  _thresholds(targets).items() if days)
    kind = PUSH if wish.method == BY_PUSH else EXTERNAL
    return (Host(wish.host, wish.host, kind, (wish.group,), tuple(macros.items()),
                 ((MARK, wish.group),), "127.0.0.1"),)


def shared_thresholds(targets: Sequence[Target]) -> list[str]:
    """Domains whose ports want different expiry warnings, of which Zabbix knows but one a domain: a
    line for each."""
    ports = Counter(target.domain for target in told_apart(targets))
    return [f"{domain} has {ports[domain]} ports, and not the same warning_days for all of them: "
            f"Zabbix knows one number for a domain, and gets the largest, {max(days)}"
            for domain, days in _thresholds(targets).items()
            if days and (len(set(days)) > 1 or len(days) < ports[domain])]


def _thresholds(targets: Sequence[Target]) -> dict[str, list[int]]:
    """The warning days of each domain's targets, where they have any."""
    found: dict[str, list[int]] = {}
    for target in told_apart(targets):
        days = found.setdefault(target.domain, [])
        if target.warning_days is not None:
            days.append(target.warning_days)
    return found


def _site(target: Target, wish: Wish) -> Host:
    macros = [("{$SSL.DOMAIN}", target.domain), ("{$SSL.PORT}", str(target.port))]
    if target.warning_days is not None:
        macros.append(_warning("", target.warning_days))
    groups = (wish.group, f"{wish.group}/{target.group}") if target.group else (wish.group,)
    name, visible = _technical(target), str(target)
    return Host(name, visible if len(visible) <= MOST_NAME else name, HOST, groups, tuple(macros),
                (*target.tags, (MARK, wish.group)),
                "127.0.0.1" if target.file else ascii_host(target.domain))


def _warning(context: str, days: int) -> tuple[str, str]:
    return f"{{$SSL.EXPIRY.WARN{context}}}", str(days)


def _context(domain: str) -> str:
    return domain.replace("\\", "\\\\").replace('"', '\\"')


def _technical(target: Target) -> str:
    """A name of the characters that Zabbix allows: letters, digits, dots, spaces, _ and -. Where
    another target may come to the same, as with paths, a checksum tells them apart."""
    name = re.sub(r"[^0-9A-Za-z_. -]", "-", target.host)
    suffix = "" if target.file or target.port == 443 else f"_{target.port}"
    if target.file or len(name) + len(suffix) > MOST_NAME:
        suffix += f"_{zlib.crc32(target.host.encode()):08x}"
    return name[:MOST_NAME - len(suffix)] + suffix
