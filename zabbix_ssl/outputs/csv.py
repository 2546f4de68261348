"""One line a target, ``example.com,443,25``: domain, port, days left.

Where the days are not known the third column is empty: no number stands for "unknown" here, and no
sentence gets into the way of what reads the columns. Domains hold no commas and no quotes.
"""

from __future__ import annotations

from ..model import Result


def zabbix_line(result: Result) -> str:
    """The line of a result, with its line end."""
    days = result.values.get("remain_days", "")
    return f"{result.target.domain},{result.target.port},{days}\n"
