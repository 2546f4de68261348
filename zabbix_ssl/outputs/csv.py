"""Lines of values between commas.

``zabbix_line`` is ``example.com,443,25``: domain, port, days left. Where the days are not known the
third column is empty: no number stands for "unknown" here, and no sentence gets into the way of
what reads the columns. Domains hold no commas and no quotes.

``header`` and ``row`` are a table for spreadsheets (RFC 4180) with a column for every metric, under
its name. What is not known is empty.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from ..metrics import TABLE, TIME, Metric
from ..model import Result, Value
from ..plain import printable
from .objects import utc

#: Columns in front of the metrics. The status and what is to be done come first: a table is read
#: from the left.
_TARGET = ("domain", "port", "configured_address", "group", "status")
_FIRST = ("risk_level", "risk_msg", "remain_days", "not_after")
COLUMNS = (*_TARGET, *_FIRST, *(name for name in TABLE if name not in (*_TARGET, *_FIRST)))

_MOST_TEXT = 32_000  # characters; spreadsheets cut at 32,767
_FORMULA = ("=", "+", "-", "@")


def zabbix_line(result: Result) -> str:
    """The line of a result, with its line end."""
    days = result.values.get("remain_days", "")
    return f"{result.target.domain},{result.target.port},{days}\n"


def header() -> str:
    """The names of the columns, with the line end."""
    return _line(COLUMNS)


def row(result: Result) -> str:
    """A result as one line, with its line end."""
    target = result.target
    fields: dict[str, str] = {
        name: _shown(TABLE[name], value) for name, value in result.values.items()}
    fields |= {"domain": _text(target.domain), "port": str(target.port),
               "configured_address": target.address or "",
               "group": _text(target.group), "status": "failed" if result.failed else "success"}
    return _line(fields.get(name, "") for name in COLUMNS)


def _shown(metric: Metric, value: Value) -> str:
    """As in JSON: true and false, times as 2026-11-24T07:00:00Z."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if metric.kind == TIME:
        assert isinstance(value, int)
        return utc(value)
    if isinstance(value, tuple):
        return _text(", ".join(value))
    return _text(value) if isinstance(value, str) else str(value)


def _text(text: str) -> str:
    """Text from anywhere. A spreadsheet would take some for a formula and run it, so that gets an
    apostrophe in front (OWASP, "CSV Injection")."""
    text = printable(text[:_MOST_TEXT])
    return "'" + text if text.lstrip().startswith(_FORMULA) else text


def _line(fields: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(fields)
    return line.getvalue()
