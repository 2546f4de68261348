"""All targets at a glance, for a dashboard of Zabbix: what expires first, and what is to be mended.

The widgets that a template of Zabbix 6.0 may have show one item each, and no calculation of Zabbix
sorts names. So these are two texts, in columns, of an item each.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable
from typing import NamedTuple

from ..findings import LEVELS
from ..model import Result
from ..plain import columns, printable, wrap

MOST = 20  # targets of a list: more than a widget shows without scrolling
_MOST_NAME = 60  # columns of a target's name
_WIDTH = 56  # columns of what is to be done, which fit half a dashboard
_LINES = 3  # of it, for a target
_MOST_TEXT = 400  # characters of it that are looked at
_DAY = 86400


class Glance(NamedTuple):
    """What of a result is shown here."""

    name: str
    not_after: int | None  # Unix seconds; None when it is not known
    risk: int  # index of LEVELS
    message: str  # the worst finding


def glance(result: Result) -> Glance:
    """A result in short; services keep it of each target."""
    name = printable(str(result.target))
    if columns(name) > _MOST_NAME:
        name = f"{name[:_MOST_NAME - 3]}..."
    end = result.values.get("not_after")
    worst = result.findings[0] if result.findings else None
    return Glance(name, end if isinstance(end, int) else None,
                  LEVELS.index(worst.severity) if worst else 0,
                  printable(worst.message[:_MOST_TEXT]) if worst else "")


def overview_json(seen: Collection[Glance], absent: int, now: float) -> str:
    """``{"soonest": "...", "to_mend": "..."}``, one line. ``absent``: of how many targets nothing
    recent is known. ASCII, so that no locale on the way can spoil it."""
    note = f"nothing recent is known of {_targets(absent)}\n" if absent else ""
    return json.dumps({"soonest": soonest(seen, now) + note, "to_mend": to_mend(seen) + note})


def soonest(seen: Iterable[Glance], now: float) -> str:
    """A line for each certificate, what ends first on top: days left, date, target."""
    dated = sorted((one.not_after, one.name) for one in seen if one.not_after is not None)
    rows = [f"{(end - int(now)) // _DAY:4}  {_date(end)}  {name}" for end, name in dated[:MOST]]
    return _lines(["days  until       target", *rows], len(dated))


def to_mend(seen: Iterable[Glance]) -> str:
    """What is found that is more than a remark, the worst on top: severity, target, what to do."""
    rated = sorted((-one.risk, one.name, one.message) for one in seen if one.risk)
    rows = ["\n".join([f"{LEVELS[-risk]:6}  {name}", *_indented(message)])
            for risk, name, message in rated[:MOST]]
    return _lines(rows, len(rated)) if rows else "nothing\n"


def _lines(rows: list[str], count: int) -> str:
    more = [f"and {count - MOST} more"] if count > MOST else []
    return "".join(f"{line}\n" for line in (*rows, *more))


def _indented(message: str) -> list[str]:
    lines = wrap(message, _WIDTH)
    if len(lines) > _LINES:
        lines[_LINES - 1:] = [f"{lines[_LINES - 1]} ..."]
    return [f"  {line}" for line in lines]


def _date(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def _targets(count: int) -> str:
    return "1 target" if count == 1 else f"{count} targets"
