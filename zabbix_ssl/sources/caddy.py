"""Caddy: the addresses of the sites of a Caddyfile (https://caddyserver.com/docs/caddyfile).

A site whose address has no scheme is served with TLS on port 443, and on any port that is named but
80 (or what http_port says): that is what Caddy is known for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial

from .files import Building, Node, Reading, at, main_file
from .found import Found
from .places import place

_TOKEN = re.compile(r"""
    (?P<line>\n) | (?P<space>[^\S\n]+|\\\n) | (?P<comment>\#[^\n]*)
    | "(?P<double>(?:\\.|[^"\\])*)" | `(?P<back>[^`]*)` | (?P<word>\S+)
    """, re.VERBOSE | re.DOTALL)
_HERE = re.compile(r"<<([A-Za-z0-9_-]+)\n")
_MOST_OPEN = 100  # here-documents without an end, after which none is looked for


def read(path: str) -> Iterator[Found]:
    """The endpoints of a Caddyfile, or of a folder with one."""
    path = main_file(path, "Caddyfile")
    reading = Reading()
    nodes = _parse(reading, path)
    if nodes and not any(node.block is not None for node in nodes[:1]):
        nodes = (nodes[0]._replace(block=nodes[1:]),)  # one site: its address, then its directives
    ports = _ports(nodes)
    for node in nodes:
        if node.block is not None and node.name and not node.name.startswith(("(", "&(")):
            text = " ".join((node.name, *node.words)).replace(",", " ")
            for address in text.split():
                yield from _site(address, node.where, *ports)
    yield from reading.told


def _ports(nodes: tuple[Node, ...]) -> tuple[int, int]:
    """The ports of HTTP and HTTPS, which the options for all sites may set."""
    found = {"http_port": 80, "https_port": 443}
    for node in nodes:
        for name in found if node.name == "" else ():
            value = node.last(name)
            if value and value.isascii() and value.isdigit() and len(value) <= 5:
                found[name] = int(value)
    return found["http_port"], found["https_port"]


def _site(address: str, where: str, http_port: int, https_port: int) -> Iterator[Found]:
    scheme, mark, rest = address.rpartition("://")
    if scheme not in ("", "https") and not scheme.startswith("{"):
        return
    if "{" in address:
        yield Found(address, where=where, why=f"{address} is filled in by Caddy: name the host")
        return
    bare = rest.partition("/")[0]
    here = place(bare if bare.startswith("[") or ":" in bare else f"{bare}:", https_port)
    host = bare if bare.startswith("[") else bare.partition(":")[0]
    host = host[1:].partition("]")[0] if host.startswith("[") else host
    if here is None or here.port is None:
        yield Found(address, where=where, why=f"{address}: the port is not written there")
    elif here.port != http_port or mark:
        yield Found(host, here.port, where=where)


def _parse(reading: Reading, path: str) -> tuple[Node, ...]:
    with reading.text(path) as text:
        building = Building(reading)
        words: list[str] = []
        number, begun, depth, position, unended = 1, 1, 0, 0, 0

        def end() -> None:
            where = at(path, begun)
            if words[:1] == ["import"] and len(words) > 1 and not depth:
                building.add(*_import(reading, path, words[1], where))
            elif words and words != [","]:
                building.add(Node(words[0], tuple(words[1:]), None, where))
            words.clear()

        while position < len(text):
            here = _HERE.match(text, position) if unended < _MOST_OPEN else None
            if here:
                after = re.compile(rf"\n[^\S\n]*{here[1]}(?=\s|\Z)").search(text, here.end() - 1)
                unended += after is None
                if after:
                    number += text.count("\n", position, after.end())
                    position = after.end()
                    words.append("")
                    continue
            match = _TOKEN.match(text, position)
            assert match is not None  # \S+ takes what nothing else does
            position = match.end()
            word = next((t for t in match.group("word", "double", "back")
                         if t is not None), None)
            if match["line"] and not (words and words[-1].endswith(",")):
                end()
            elif match["word"] == "{":
                building.open(words[0] if words else "", tuple(words[1:]), at(path, begun if words
                                                                              else number))
                depth += 1
                words.clear()
            elif match["word"] == "}":
                end()
                building.close(at(path, number))
                depth -= 1
            elif word is not None:
                begun = begun if words else number
                words.append(word)
            number += match[0].count("\n")
        end()
        return building.done()


def _import(reading: Reading, path: str, pattern: str, where: str) -> tuple[Node, ...]:
    """The sites of other files; a name without a dot or slash that is no file is a snippet."""
    folder = os.path.dirname(os.path.abspath(path))
    snippet = not re.search(r"[./*]", pattern)
    return reading.follow(partial(_parse, reading), reading.included(
        pattern, folder, where, optional=snippet), where)
