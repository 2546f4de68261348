"""Postfix: the smtpd services of master.cf, with the TLS settings of main.cf.

postconf(5), master(5). The name is myhostname, which clients and other servers know it by.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from .files import at
from .files import read as read_file
from .found import Found
from .places import place

_PORTS = {"smtp": 25, "submission": 587, "submissions": 465, "smtps": 465}
_NAME = re.compile(r"\$(?:\{([A-Za-z0-9_]+)\}|\(([A-Za-z0-9_]+)\)|([A-Za-z0-9_]+))")
_MOST_DEPTH = 8  # names in the values of names
_MOST_TEXT = 4096


class Service(NamedTuple):
    """A line of master.cf."""

    name: str
    kind: str
    command: str
    options: dict[str, str]  # -o name=value
    where: str


def read(path: str) -> Iterator[Found]:
    """The endpoints of a folder with main.cf and master.cf, or of one of these files."""
    folder = path if os.path.isdir(path) else os.path.dirname(os.path.abspath(path))
    main = _settings(os.path.join(folder, "main.cf"))
    for service in _services(os.path.join(folder, "master.cf")):
        if service.kind == "inet" and service.command in ("smtpd", "postscreen"):
            yield from _service(service, {**main, **service.options})
    if main.get("tls_server_sni_maps"):
        yield Found("", where=os.path.join(folder, "main.cf"), why="tls_server_sni_maps: the other "
                    "names that certificates are served for are not read")


def _service(service: Service, settings: dict[str, str]) -> Iterator[Found]:
    level = _value(settings, "smtpd_tls_security_level")
    wrapped = _value(settings, "smtpd_tls_wrappermode") == "yes"
    on = level not in ("", "none") if level else "yes" in (
        _value(settings, "smtpd_use_tls"), _value(settings, "smtpd_enforce_tls"))
    if not on and not wrapped:
        return
    host, _, port = service.name.rpartition(":")
    here = place(f"{host}:{_PORTS.get(port, port)}")
    if here is None or here.port is None:
        yield Found("", where=service.where, why=f"the port of {service.name} is not known: write "
                    "its target yourself")
        return
    address, name = here.address, _value(settings, "myhostname")
    interfaces = _value(settings, "inet_interfaces")
    if not address and interfaces in ("loopback-only", "localhost"):
        address = "127.0.0.1"
    elif not address and "," not in interfaces and (one := place(interfaces)):
        address = one.address
    why = f"{name} is filled in by Postfix: name the host" if "$" in name else ""
    yield Found(name, here.port, "" if wrapped else "smtp", address, service.where, why)


def _value(settings: dict[str, str], name: str) -> str:
    """A value with the names in it filled in."""
    text = settings.get(name, "")
    for _ in range(_MOST_DEPTH):
        filled = _NAME.sub(lambda m: settings.get(m[1] or m[2] or m[3], m[0]), text)
        if filled == text or len(filled) > _MOST_TEXT:
            break
        text = filled
    return text.strip()


def _settings(path: str) -> dict[str, str]:
    found = {}
    for _, line in _lines(read_file(path)):
        name, mark, value = line.partition("=")
        if mark:
            found[name.strip()] = " ".join(value.split())
    return found


def _services(path: str) -> Iterator[Service]:
    for number, line in _lines(read_file(path)):
        words = line.split()
        if len(words) < 8:
            continue
        options = {}
        for flag, word in pairwise(words[8:]):
            name, mark, value = word.strip("{}").partition("=")
            if flag == "-o" and mark:
                options[name] = value
        yield Service(words[0], words[1], words[7], options, at(path, number))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines: one that begins with a space goes on from the line before."""
    held, begun = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0].isspace() and held:
            held += " " + line.strip()
            continue
        if held:
            yield begun, held
        held, begun = line.strip(), number
    if held:
        yield begun, held
