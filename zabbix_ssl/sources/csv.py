"""CSV: an inventory, a table of a spreadsheet, or a plain list of targets.

With a first line that names its columns by the keys of domains.json (domain, port, address,
starttls, group, warning_days ...; ``tag:NAME`` for a tag); without one, a target or a domain in the
first column, and a port in the second where there is one. The separator is a comma, a semicolon or
a tab.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from ..config import KEYS
from ..mistakes import ConfigError
from ..names import check_port, split_target
from .files import at
from .files import read as read_file
from .found import Found

_DOMAIN = ("domain", "host", "hostname")
_WHOLE = ("warning_days",)
_MOST_ROWS = 200_000


def read(path: str) -> Iterator[Found]:
    """The targets of a file."""
    text = read_file(path)
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        head: list[str] | None = None
        for row in rows:
            where = at(path, rows.line_num)
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            lower = [cell.lower() for cell in cells]
            if head is None and any(name in lower for name in _DOMAIN):
                head = lower
                yield from _unknown(head, where)
            elif rows.line_num > _MOST_ROWS:
                yield Found("", where=where, why=f"over {_MOST_ROWS} lines: the rest is left out")
                return
            else:
                head = head or ["domain", "port"]
                yield _row(dict(zip(head, cells, strict=False)), where)
    except csv.Error as error:
        yield Found("", where=at(path, rows.line_num), why=f"this is not CSV ({error}): the "
                    "rest is left out")


def _unknown(head: list[str], where: str) -> Iterator[Found]:
    for name in head:
        if name and name not in (*KEYS, *_DOMAIN) and not name.startswith("tag:"):
            yield Found("", where=where, why=f"the column {name[:60]} is no key of domains.json: "
                        "left out")


def _row(cells: dict[str, str], where: str) -> Found:
    name = next((cells[key] for key in _DOMAIN if cells.get(key)), "")
    port = 443
    more: dict[str, object] = {}
    try:
        if name and (":" in name or "/" in name):
            name, said = split_target(name)
            port = said or port
        if cells.get("port"):
            port = check_port(cells["port"])
        for key, cell in cells.items():
            if cell and key in KEYS and key not in ("domain", "port", "starttls", "address"):
                more[key] = _value(key, cell)
        tags = {key[4:]: cell for key, cell in cells.items() if key.startswith("tag:") and cell}
        if tags:
            more["tags"] = tags
    except ConfigError as error:
        return Found(name, where=where, why=str(error))
    if not name:
        return Found("", where=where, why="the domain is missing in this line")
    return Found(name, port, cells.get("starttls", ""), cells.get("address", ""), where,
                 more=tuple(more.items()))


def _value(key: str, cell: str) -> object:
    """A cell as JSON has it: numbers for what is a number there."""
    if key in _WHOLE and cell.isascii() and cell.isdigit():
        return int(cell[:9])
    if key == "timeout":
        try:
            return float(cell)
        except ValueError:
            return cell
    return cell
