"""Apache httpd: ``<VirtualHost>`` blocks with mod_ssl.

Directives: https://httpd.apache.org/docs/2.4/mod/core.html (ServerName, ServerAlias, Include,
Define), mod_ssl (SSLEngine), mpm_common (Listen). Without SSLEngine a virtual host speaks TLS where
its port is one that listens for https, and 443 is that unless Listen says otherwise.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial

from .files import Building, Node, Reading, at, main_file, matching
from .found import Found
from .places import Place, place

_WORD = re.compile(r'"((?:\\.|[^"\\])*)"|\'((?:\\.|[^\'\\])*)\'|(\S+)')
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECTION = re.compile(r"<(/?)([A-Za-z]+)\s*(.*?)>?\s*$")
#: Sections that only say when their content counts; whether they apply cannot be seen here.
_TRANSPARENT = ("ifmodule", "ifdefine", "ifversion", "iffile", "ifdirective", "ifsection")
_MOST_FOLDERS = 100


def read(path: str) -> Iterator[Found]:
    """The endpoints of apache2.conf or httpd.conf, of a folder with one, or of a site's file."""
    path = main_file(path, "apache2.conf", "httpd.conf", "conf/httpd.conf")
    parser = _Parser(os.path.dirname(os.path.abspath(path)))
    nodes = parser.parse(path)
    yield from _hosts(tuple(_seen(nodes)))
    yield from parser.reading.told


def _seen(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """The directives, without the sections that only say when they count."""
    for node in nodes:
        if node.name in _TRANSPARENT and node.block is not None:
            yield from _seen(node.block)
        elif node.block is None:
            yield node
        else:
            yield node._replace(block=tuple(_seen(node.block)))


def _hosts(nodes: tuple[Node, ...]) -> Iterator[Found]:
    server = Node("", (), nodes, "")
    listens = [(where, "".join(node.words[1:2]).lower()) for node in
               server.all("listen") if node.words and (where := place(node.words[0]))]
    https = {where.port for where, protocol in listens
             if protocol == "https" or (not protocol and where.port == 443)}
    plain = {where.port for where, _ in listens} - https
    for node in server.all("use"):
        yield Found("", where=node.where, why=f"the macro {' '.join(node.words)[:100]} is not "
                    "followed: look whether it makes hosts")
    for host in server.all("virtualhost"):
        engine = (host.last("sslengine") or server.last("sslengine") or "").lower()
        for where in _places(host, listens):
            if where is None or where.port is None:
                yield Found("", where=host.where, why=f"<VirtualHost {' '.join(host.words)}>: the "
                            "port is not written there")
            elif engine == "on" or (engine != "off" and where.port not in plain
                                    and where.port in {443, *https}):
                yield from _names(host, where)


def _places(host: Node, listens: list[tuple[Place, str]]) -> Iterator[Place | None]:
    for word in host.words:
        where = place(word.removesuffix(":*"))
        if where and where.port is None and listens:
            yield from (Place(where.address, listen.port) for listen, _ in listens)
        else:
            yield where


def _names(host: Node, where: Place) -> Iterator[Found]:
    names = [node.words[0] for node in host.all("servername") if node.words][-1:]
    names += [word for node in host.all("serveralias") for word in node.words]
    for name in names or [""]:
        bare = name.partition("://")[2] or name
        bare = bare.rpartition(":")[0] if re.search(r":[0-9]+$", bare) else bare
        why = f"{name} is filled in by Apache: name the host" if "$" in name else ""
        yield Found(bare, where.port or 443, "", where.address, host.where, why)


class _Parser:
    def __init__(self, root: str) -> None:
        self.reading = Reading()
        self._root = root
        self._defined: dict[str, str] = {}

    def parse(self, path: str) -> tuple[Node, ...]:
        with self.reading.text(path) as text:
            building = Building(self.reading)
            for number, line in _lines(text):
                self._line(building, line, at(path, number))
            return building.done()

    def _line(self, building: Building, line: str, where: str) -> None:
        section = _SECTION.match(line)
        if section and section[1]:
            building.close(where)
        elif section:
            building.open(section[2].lower(), self._words(section[3]), where)
        else:
            first, *rest = self._words(line) or ("",)
            self._directive(building, first.lower(), tuple(rest), where)

    def _directive(self, building: Building, name: str, words: tuple[str, ...], where: str) -> None:
        if name in ("include", "includeoptional"):
            for word in words:
                building.add(*self._include(word, name == "includeoptional", where))
        elif name == "define" and words:
            self._defined[words[0]] = " ".join(words[1:])
        elif name == "serverroot" and words:
            self._root = words[0]
        elif name:
            building.add(Node(name, words, None, where))

    def _include(self, pattern: str, optional: bool, where: str) -> tuple[Node, ...]:
        paths: list[str] = []
        for path in self.reading.included(pattern, self._root, where, optional=optional):
            paths += _within(path)
        return self.reading.follow(partial(self.parse), paths, where)

    def _words(self, text: str) -> tuple[str, ...]:
        words = (next(t for t in match.groups() if t is not None) for match in
                 _WORD.finditer(text))
        return tuple(_VARIABLE.sub(lambda m: self._defined.get(m[1], m[0]), word)
                     for word in words)


def _within(path: str) -> list[str]:
    """An included directory means every file in it and below."""
    files: list[str] = []
    folders = [path]
    for folder in folders:
        if not os.path.isdir(folder):
            files.append(folder)
        elif len(folders) < _MOST_FOLDERS:
            folders += matching(os.path.join(folder, "*"))
    return files


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, those that end in a backslash joined, without comments."""
    held, begun = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        begun = begun or number
        if line.endswith("\\") and not line.endswith("\\\\"):
            held += line[:-1] + " "
            continue
        line = (held + line).strip()
        if line and not line.startswith("#"):
            yield begun, line
        held, begun = "", 0
