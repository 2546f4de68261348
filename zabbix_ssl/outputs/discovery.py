"""Low-level discovery for Zabbix: the configured targets, one row each.

Every row has every macro, because Zabbix leaves a macro that a row lacks in the names of the items;
what is not set is empty.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..config import tag_macro
from ..model import Target


def discovery_json(targets: Sequence[Target]) -> str:
    """``{"data":[{"{#DOMAIN}":"example.com","{#PORT}":"443", ...}]}``, one line. All values are
    texts. ASCII, so that no locale on the way can spoil it."""
    tags = sorted({tag_macro(name) for target in targets for name, _ in target.tags})
    return json.dumps({"data": [_row(target, tags) for target in targets]}, separators=(",", ":"))


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
