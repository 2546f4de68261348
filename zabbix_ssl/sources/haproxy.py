"""HAProxy: ``bind`` lines with ssl, and the host names that the rules of their section ask for.

HAProxy itself knows no names: they stand in conditions on the Host header or the SNI (configuration
manual, sections 4.2 bind, 7.1.3 matching strings) and in the filters of a crt-list (5.1). A
frontend that asks for the SNI of a connection it passes on counts too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from .files import MOST_FILES, Reading, at, matching
from .found import Found, SourceError
from .places import place

_SECTIONS = ("global", "defaults", "frontend", "listen", "backend", "peers", "resolvers",
             "userlist", "cache", "program", "ring", "mailers", "fcgi-app", "http-errors",
             "log-forward", "crt-store", "traces", "acme", "log-profile")
_WORD = re.compile(r"""(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|[^\s"'\\#])+|\#""")
_QUOTES = re.compile(r"""\\(.)|"((?:\\.|[^"\\])*)"|'([^']*)'""")
_ASKED = re.compile(r"(?P<sni>ssl_fc_sni|req[._]ssl_sni)(?P<sni_how>_\w+)?(?:,\w+)*$"
                    r"|(?:req\.)?hdr(?P<how>_\w+)?\(host(?:,-?\d+)?\)(?:,[\w().,:-]+)*$", re.I)
_RANGE = re.compile(r"^(?P<host>.*:)(?P<first>[0-9]{1,5})-(?P<last>[0-9]{1,5})$")
_MOST_PORTS = 100


class Asked(NamedTuple):
    """A name in a condition; ``why``: it is none that can be looked up."""

    name: str
    where: str
    why: str = ""


class Section:
    """A frontend or listen section while it is read."""

    def __init__(self) -> None:
        self.binds: list[tuple[tuple[str, ...], str]] = []
        self.asked: list[Asked] = []
        self.sni = False  # it asks for the SNI, so what comes is TLS

    def found(self) -> Iterator[Found]:
        names = list({one.name: one for one in reversed(self.asked)}.values())[::-1]
        passes_on = self.sni and not any("ssl" in words for words, _ in self.binds)
        for words, where in self.binds:
            if not words or not ("ssl" in words or passes_on):
                continue
            for spot in words[0].split(","):
                yield from self._at(spot, where, names)

    def _at(self, spot: str, where: str, names: list[Asked]) -> Iterator[Found]:
        family, _, rest = spot.rpartition("@")
        if family.startswith(("unix", "abns", "uxst", "fd", "quic", "sockpair", "udp", "rhttp")) \
                or spot.startswith("/"):
            return
        for one in _ports(rest):
            here = place(one)
            if here is None or here.port is None:
                yield Found("", where=where, why=f"bind {spot}: the port is not written there")
                continue
            for asked in names or [Asked("", where)]:
                yield Found(asked.name, here.port, "", here.address, asked.where, asked.why)


def read(path: str) -> Iterator[Found]:
    """The endpoints of haproxy.cfg, or of all .cfg files of a folder, as ``haproxy -f`` takes
    them."""
    paths = matching(os.path.join(path, "*.cfg")) if os.path.isdir(path) else [path]
    if not paths:
        raise SourceError(f"{path}: there is no .cfg file in this directory: name the file")
    reading = Reading()
    section: Section | None = None
    for one in paths[:MOST_FILES]:
        with reading.text(one) as text:
            for number, line in enumerate(text.splitlines(), 1):
                words = _words(line)
                if words and words[0] in _SECTIONS:
                    yield from section.found() if section else ()
                    section = Section() if words[0] in ("frontend", "listen") else None
                    if section and len(words) > 2:  # listen NAME ADDRESS, as of old
                        section.binds.append((words[2:], at(one, number)))
                elif words and section:
                    _take(section, words, at(one, number), reading, one)
    yield from section.found() if section else ()
    yield from reading.told


def _take(section: Section, words: tuple[str, ...], where: str, reading: Reading, path: str
          ) -> None:
    if words[0] == "bind":
        section.binds.append((words[1:], where))
        if "crt-list" in words[:-1]:
            file = words[words.index("crt-list") + 1]
            section.asked += _of_list(reading, file, os.path.dirname(path), where)
        return
    for position, word in enumerate(words):
        match = _ASKED.match(word.removeprefix("{"))
        if match:
            section.sni = section.sni or bool(match["sni"])
            how = (match["how"] or match["sni_how"] or "").removeprefix("_")
            section.asked += _values(words[position + 1:], how, where)
        elif "map" in word and "hdr(host)" in word.lower():
            section.asked.append(Asked(word, where, f"{word[:100]}: the names stand in a map, "
                                       "which is not read"))


def _values(words: tuple[str, ...], how: str, where: str) -> Iterator[Asked]:
    """The patterns behind a condition: up to its closing brace, without the flags."""
    rest = iter(words)
    for word in rest:
        if word in ("}", "if", "unless", "or", "||"):
            return
        if word == "-m":
            how = next(rest, "")
        elif word == "-f":
            file = next(rest, "")
            yield Asked(file, where, f"the names stand in {file}, which is not read")
        elif word in ("-i", "-n", "--", "-u"):
            continue
        elif how in ("", "str"):
            yield Asked(re.sub(r":[0-9]+$", "", word), where)
        elif how == "end":
            yield Asked("*" + word if word.startswith(".") else "*." + word, where)
        else:
            yield Asked(word, where, f"{word} is only a part of the name or a pattern ({how}): "
                        "name the hosts that it stands for")


def _of_list(reading: Reading, file: str, folder: str, where: str) -> Iterator[Asked]:
    """The names that a crt-list gives to its certificates: CERT [OPTIONS] NAME !EXCEPT ..."""
    for path in reading.included(file, folder, where):
        try:
            with reading.text(path) as text:
                for number, line in enumerate(text.splitlines(), 1):
                    plain = re.sub(r"\[[^]]*\]", " ", line.partition("#")[0])
                    yield from (Asked(name, at(path, number)) for name in plain.split()[1:]
                                if not name.startswith("!"))
        except SourceError as error:
            reading.tell(where, str(error))


def _ports(spot: str) -> list[str]:
    """A range of ports as places of one port each."""
    match = _RANGE.match(spot)
    if not match:
        return [spot]
    first, last = int(match["first"]), int(match["last"])
    return [f"{match['host']}{port}" for port in range(first, min(last, first + _MOST_PORTS) + 1)]


def _words(line: str) -> tuple[str, ...]:
    words = []
    for match in _WORD.finditer(line):
        if match[0] == "#":
            break
        words.append(_QUOTES.sub(lambda m: next(t for t in m.groups() if t is not None), match[0]))
    return tuple(words)
