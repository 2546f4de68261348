"""nginx: ``server`` blocks of http, stream and mail that listen with ssl, or offer STARTTLS.

Syntax and directives: https://nginx.org/en/docs/, ngx_http_core_module (listen, server_name),
ngx_mail_ssl_module (starttls). A relative include is looked for beside the main file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from .files import Building, Node, Reading, at, main_file
from .found import Found
from .places import Place, place

# Quotes count at the beginning of a word only, and braces belong to it only behind a dollar sign.
_TOKEN = re.compile(r"""
    (?P<space>\s+|\#[^\n]*) | (?P<mark>[;{}])
    | "(?P<double>(?:\\.|[^"\\])*)" | '(?P<single>(?:\\.|[^'\\])*)'
    | (?P<word>(?!["'])(?:\\.|\$\{[^}\s]*\}|(?<=\$)\{|[^\s;{}\\]|\\$)+)
    """, re.VERBOSE | re.DOTALL)
_BRACES = re.compile(r"[{}]")

#: What is spoken on a port of the mail proxy that does not say (ngx_mail_core_module, protocol).
_MAIL_PORTS = {25: "smtp", 465: "smtp", 587: "smtp", 110: "pop3", 995: "pop3", 143: "imap",
               993: "imap"}


class Context(NamedTuple):
    """What a block hands down: which kind of servers stand in it, and the directives above."""

    kind: str  # http, stream or mail
    above: tuple[Node, ...] = ()

    def value(self, server: Node, name: str) -> str:
        """A directive's value: the server's own, else the next one above."""
        for node in (server, *reversed(self.above)):
            value = node.last(name)
            if value is not None:
                return value
        return ""


def read(path: str) -> Iterator[Found]:
    """The endpoints of nginx.conf, of a folder with one, or of a file with server blocks."""
    path = main_file(path, "nginx.conf")
    reading = Reading()
    nodes = _parse(reading, os.path.dirname(os.path.abspath(path)), path)
    yield from _walk(nodes, Context("http"))
    yield from reading.told


def _walk(nodes: tuple[Node, ...], context: Context) -> Iterator[Found]:
    for node in nodes:
        if node.name in ("http", "stream", "mail") and node.block is not None:
            yield from _walk(node.block, Context(node.name, (*context.above, node)))
        elif node.name == "server" and node.block is not None:
            yield from _server(node, context)


def _server(server: Node, context: Context) -> Iterator[Found]:
    names = [name for node in server.all("server_name") for name in node.words]
    if context.kind == "mail":
        names = context.value(server, "server_name").split()
    for listen in server.all("listen"):
        if not listen.words or listen.words[0].startswith("unix:") or "quic" in listen.words:
            continue
        where = place(listen.words[0], 80)
        starttls = _spoken(server, context, listen, where)
        if starttls is None:
            continue
        if where is None or where.port is None:
            yield Found("", where=listen.where, why=f"listen {listen.words[0]}: the port is not "
                        "written there")
            continue
        for name in names or [""]:
            for plain in _names(name):
                yield Found(plain, where.port, starttls, where.address, listen.where,
                            _pattern(plain))


def _spoken(server: Node, context: Context, listen: Node, where: Place | None) -> str | None:
    """The protocol before TLS, "" for none; None where there is no TLS."""
    if "ssl" in listen.words or context.value(server, "ssl") == "on":
        return ""
    if context.kind == "mail" and context.value(server, "starttls") in ("on", "only"):
        port = where.port if where and where.port else 0
        return context.value(server, "protocol").split(" ")[0] or _MAIL_PORTS.get(port)
    return None


def _names(name: str) -> list[str]:
    """``.example.com`` is short for two; ``_`` and "" are written for "no name"."""
    if name in ("", "_", "''"):
        return [""]
    return [name[1:], "*" + name] if name.startswith(".") else [name]


def _pattern(name: str) -> str:
    if name.startswith("~"):
        return f"{name} is a regular expression: name the hosts that it stands for"
    return f"{name} is filled in by nginx: name the host" if "$" in name else ""


def _parse(reading: Reading, folder: str, path: str) -> tuple[Node, ...]:
    with reading.text(path) as text:
        building = Building(reading)
        words: list[str] = []
        line, begun, position = 1, 1, 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                reading.tell(at(path, line), "a quote is not closed: the rest of the file is left "
                             "out")
                break
            line += text.count("\n", position, match.end())
            position = match.end()
            if match["space"] is not None:
                continue
            if match["mark"] is None:
                begun = begun if words else line
                words.append(next(t for t in match.group("word", "double", "single")
                                  if t is not None))
                continue
            where = at(path, begun if words else line)
            if match["mark"] == "{" and words and words[0].endswith("_by_lua_block"):
                end = _after_block(text, position)
                line += text.count("\n", position, end)
                position = end
            elif match["mark"] == "{":
                building.open(words[0] if words else "", tuple(words[1:]), where)
            elif match["mark"] == "}":
                building.close(where)
            elif words and words[0] == "include" and len(words) > 1:
                building.add(*reading.follow(partial(_parse, reading, folder), reading.included(
                    words[1], folder, where), where))
            elif words:
                building.add(Node(words[0], tuple(words[1:]), None, where))
            words = []
        return building.done()


def _after_block(text: str, position: int) -> int:
    """The end of a block of Lua, whose braces are counted and nothing else."""
    depth = 1
    while depth:
        match = _BRACES.search(text, position)
        if match is None:
            return len(text)
        depth += 1 if match[0] == "{" else -1
        position = match.end()
    return position
