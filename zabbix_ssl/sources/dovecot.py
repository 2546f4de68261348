"""Dovecot: the listeners of its login services, with TLS or STARTTLS.

https://doc.dovecot.org/2.3/configuration_manual/service_configuration/: the listeners that exist
without being written down are in LISTENERS. Names are those of local_name blocks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from .files import Building, Node, Reading, at, main_file
from .found import Found
from .places import place


class Listener(NamedTuple):
    """A row: a listener as it is unless the configuration says otherwise."""

    protocol: str  # word of the setting "protocols"
    starttls: str
    service: str
    name: str
    port: int
    tls: bool


LISTENERS = (
    Listener("imap", "imap", "imap-login", "imap", 143, False),
    Listener("imap", "imap", "imap-login", "imaps", 993, True),
    Listener("pop3", "pop3", "pop3-login", "pop3", 110, False),
    Listener("pop3", "pop3", "pop3-login", "pop3s", 995, True),
    Listener("submission", "submission", "submission-login", "submission", 587, False),
    Listener("submission", "submission", "submission-login", "submissions", 465, True),
    Listener("sieve", "sieve", "managesieve-login", "sieve", 4190, False),
    Listener("lmtp", "lmtp", "lmtp", "", 24, False),
)
_DEFAULT_PROTOCOLS = "imap pop3 lmtp"
_ENDED = re.compile(r"\s#.*$")


def read(path: str) -> Iterator[Found]:
    """The endpoints of dovecot.conf, or of a folder with one."""
    path = main_file(path, "dovecot.conf")
    reading = Reading()
    top = Node("", (), _parse(reading, path), "")
    if (top.last("ssl") or "yes") != "no":
        names = [name for node in top.all("local_name") for word in node.words
                 for name in word.strip('"').split()]
        names = list(dict.fromkeys(name.strip('"') for name in names))
        for found in _listeners(top, path):
            yield from (found._replace(name=name) for name in names or [""])
    yield from reading.told


def _listeners(top: Node, path: str) -> Iterator[Found]:
    protocols = _protocols(top)
    everywhere = (top.last("listen") or "*").replace(",", " ").split()
    for service in dict.fromkeys(row.service for row in LISTENERS if row.protocol in protocols):
        rows = [row for row in LISTENERS if row.service == service]
        written: dict[str, list[Node]] = {}
        for node in top.all("service"):
            for inside in node.all("inet_listener") if node.words == (service,) else ():
                written.setdefault(" ".join(inside.words), []).append(inside)
        known = {row.name: row for row in rows if row.name}
        for name in dict.fromkeys((*known, *written)):
            usual = known.get(name, rows[0]._replace(tls=False, port=0 if rows[0].name else 24))
            yield from _listener(usual, written.get(name, []), everywhere, path)


def _listener(usual: Listener, written: list[Node], everywhere: list[str], path: str
              ) -> Iterator[Found]:
    said = {node.name: " ".join(node.words) for block in written for node in block.block or ()}
    where = written[-1].where if written else at(path, 1)
    port = said.get("port", str(usual.port))
    tls = said.get("ssl", "yes" if usual.tls else "no") == "yes"
    if port == "0" or (usual.starttls == "lmtp" and not written):
        return
    for address in said.get("address", said.get("listen", "")).replace(",", " ").split() \
            or everywhere:
        here = place(f"[{address}]:{port}" if ":" in address else f"{address}:{port}")
        if here is None or here.port is None:
            yield Found("", where=where, why=f"the port of a listener is {port}, and not a number")
            continue
        yield Found("", here.port, "" if tls else usual.starttls, here.address, where)


def _protocols(top: Node) -> list[str]:
    """The protocols that are on. ``$protocols`` is what was said before."""
    value = ""
    for node in top.all("protocols"):
        if node.block is not None:  # 2.4: protocols { imap = yes }
            words = [one.name for one in node.block if " ".join(one.words) == "yes"]
        else:
            words = " ".join(node.words).replace("$protocols", value).split()
        value = " ".join(words)
    return (value or _DEFAULT_PROTOCOLS).replace("imaps", "imap").replace("pop3s", "pop3").split()


def _parse(reading: Reading, path: str) -> tuple[Node, ...]:
    with reading.text(path) as text:
        building = Building(reading)
        folder = os.path.dirname(os.path.abspath(path))
        for number, line in enumerate(text.splitlines(), 1):
            line = line.strip() if line.lstrip().startswith("#") else _ENDED.sub("", line).strip()
            where = at(path, number)
            if not line or line.startswith("#"):
                continue
            if line.startswith(("!include_try ", "!include ")):
                kind, _, pattern = line.partition(" ")
                files = reading.included(pattern.strip(), folder, where,
                                         optional=kind == "!include_try")
                building.add(*reading.follow(partial(_parse, reading), files, where))
            elif line == "}":
                building.close(where)
            elif line.endswith("{"):
                name, *words = line[:-1].split() or [""]
                building.open(name, tuple(words), where)
            else:
                name, _, value = line.partition("=")
                building.add(Node(name.strip(), tuple(value.split()), None, where))
        return building.done()
