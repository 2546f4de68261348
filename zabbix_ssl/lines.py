"""A result as the lines that ``--get`` prints: one metric a line, or all of them as one object.

Here and nowhere else, so that an answer reads the same whether it was just learnt or was kept in
the cache, where these lines are stored ready to print.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from .metrics import TABLE, scalar
from .model import Result
from .plain import printable

#: The METRIC that means all of them.
ALL = "all"

#: Characters of a text. A Zabbix item of type TEXT keeps 65,535, and the answer of an external
#: check may have 512 KiB on 6.0; only a certificate made to annoy comes near.
MOST_TEXT = 65_535


def flat(result: Result) -> dict[str, int | float | str]:
    """Metric name to scalar: flags and levels as numbers, times as Unix seconds, lists as text.
    What is not known is absent."""
    scalars = {}
    for name, value in result.values.items():
        plain = scalar(TABLE[name], value)
        scalars[name] = plain[:MOST_TEXT] if isinstance(plain, str) else plain
    return scalars


def all_line(result: Result) -> str:
    """The master item: ``flat`` as one JSON object. ASCII, so that no locale can spoil it."""
    return json.dumps(flat(result))


def metric_line(result: Result, name: str) -> tuple[bool, str]:
    """Whether the metric is known, and its value, or else why it is not; never a line break.

    Zabbix takes a reason for a number's value and makes the item "not supported" with that text.
    """
    if name == ALL:
        return True, all_line(result)
    if name in result.values:
        return True, _text(scalar(TABLE[name], result.values[name]))
    return False, _text(result.unknown.get(name) or f"there is no metric {name!r}")


def every_line(result: Result) -> Iterator[tuple[str, bool, str]]:
    """Every name that has a line, and what ``metric_line`` says of it."""
    scalars = flat(result)
    yield ALL, True, json.dumps(scalars)
    for name, value in scalars.items():
        yield name, True, _text(value)
    for name, why in result.unknown.items():
        yield name, False, _text(why)


def _text(value: int | float | str) -> str:
    return printable(value[:MOST_TEXT]) if isinstance(value, str) else str(value)
