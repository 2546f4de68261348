"""Low-level discovery for Zabbix: the configured targets, one row each.

Every row has every macro, because Zabbix leaves a macro that a row lacks in the names of the items;
what is not set is empty.

Zabbix tells targets apart by domain and port, which make the keys of items: a second row of both
would be an error of the whole rule (measured on 6.0 and 7.0: "item with the same key already
exists", for each of its items). So of several targets that share them it gets the one that
``--get`` means by them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..config import tag_macro
from ..model import Target
from ..names import identity

_MOST_TOLD = 5  # groups of targets that are one to Zabbix, each in a line of its own


def discovery_json(targets: Sequence[Target]) -> str:
    """``{"data":[{"{#DOMAIN}":"example.com","{#PORT}":"443", ...}]}``, one line. All values are
    texts. ASCII, so that no locale on the way can spoil it."""
    targets = told_apart(targets)
    tags = sorted({tag_macro(name) for target in targets for name, _ in target.tags})
    return json.dumps({"data": [_row(target, tags) for target in targets]}, separators=(",", ":"))


def told_apart(targets: Sequence[Target]) -> tuple[Target, ...]:
    """The targets that Zabbix can tell apart, in their order: of several that share domain and port
    the one without an address, or else the first, which is what ``--get`` means too."""
    meant = {identity(group[0]) for group in _alike(targets)}
    return tuple(target for target in targets if identity(target) in meant)


def left_out(targets: Sequence[Target]) -> list[str]:
    """Which targets Zabbix does not get, and what to do: a line for each domain and port."""
    groups = [group for group in _alike(targets) if len(group) > 1]
    lines = [_told(group) for group in groups[:_MOST_TOLD]]
    if groups[_MOST_TOLD:]:
        lines.append(f"{len(groups) - _MOST_TOLD} more targets are configured several times like "
                     "this")
    return lines


def _alike(targets: Sequence[Target]) -> list[list[Target]]:
    """Targets that share domain and port, in front the one that Zabbix gets."""
    groups: dict[tuple[str, int], list[Target]] = {}
    for target in targets:
        groups.setdefault(identity(target)[:2], []).append(target)
    return [sorted(group, key=lambda target: bool(target.address)) for group in groups.values()]


def _told(group: Sequence[Target]) -> str:
    places = [target.address or "no address of its own" for target in group]
    known = [target.address for target in group if target.address]
    addresses = ",".join(known) if len(known) > 1 else "IP,IP"
    return (f"{group[0]} is configured {len(group)} times, with {', '.join(places)}: Zabbix "
            "tells targets apart by domain and port, and gets the first of these alone: give the "
            f'addresses in one entry, "address": "{addresses}", or each target a domains.json and '
            "a Zabbix host of its own")


def _row(target: Target, tags: list[str]) -> dict[str, str]:
    row = {
        "{#DOMAIN}": target.domain,
        "{#PORT}": str(target.port),
        "{#ADDRESS}": target.address or "",
        "{#SNI}": target.sni or "",
        "{#STARTTLS}": target.starttls or "",
        "{#GROUP}": target.group,
        "{#WARNING_DAYS}": "" if target.warning_days is None else str(target.warning_days),
    }
    row.update(dict.fromkeys(tags, ""))
    row.update((tag_macro(name), value) for name, value in target.tags)
    return row
