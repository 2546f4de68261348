"""Configuration files that include others: each bounded, none inside itself, all counted."""

from __future__ import annotations

import glob
import itertools
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ..mistakes import user_name
from ..plain import printable, show
from .found import Found, SourceError

MOST_BYTES = 4 << 20  # of one file
MOST_FILES = 2000
MOST_DEPTH = 16  # files within files
MOST_BLOCKS = 64  # blocks within blocks


class Node(NamedTuple):
    """A directive: its words, and what stands in its block (None when it has none)."""

    name: str
    words: tuple[str, ...]
    block: tuple[Node, ...] | None
    where: str

    def all(self, name: str) -> Iterator[Node]:
        """The directives of that name in the block."""
        return (node for node in self.block or () if node.name == name)

    def last(self, name: str) -> str | None:
        """The words of the last of them, as one text."""
        found = [" ".join(node.words) for node in self.all(name)]
        return found[-1] if found else None


class Building:
    """A tree of directives while it is read: blocks are opened and closed."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._open: list[tuple[str, tuple[str, ...], str]] = []
        self._levels: list[list[Node]] = [[]]

    def add(self, *nodes: Node) -> None:
        self._levels[-1].extend(nodes)

    def open(self, name: str, words: tuple[str, ...], where: str) -> None:
        if len(self._open) >= MOST_BLOCKS:
            raise SourceError(f"{where}: blocks in over {MOST_BLOCKS} blocks: this is no "
                              "configuration of that program")
        self._open.append((name, words, where))
        self._levels.append([])

    def close(self, where: str) -> None:
        if not self._open:
            self._reading.tell(where, "a block is closed that was not opened: what follows may "
                               "be misread")
            return
        name, words, begun = self._open.pop()
        self.add(Node(name, words, tuple(self._levels.pop()), begun))

    def done(self) -> tuple[Node, ...]:
        while self._open:
            begun = self._open[-1][2]
            self._reading.tell(begun, "this block is not closed: the file was half written")
            self.close(begun)
        return tuple(self._levels[0])


class Reading:
    """The files of one configuration while it is read; ``told`` is what was not understood."""

    def __init__(self) -> None:
        self.told: list[Found] = []
        self._open: list[str] = []
        self._count = 0

    def tell(self, where: str, why: str) -> None:
        self.told.append(Found("", where=where, why=why))

    @contextmanager
    def text(self, path: str) -> Iterator[str]:
        """A file's text, while what it includes is read. Raises SourceError."""
        self._count += 1
        if self._count > MOST_FILES:
            raise SourceError(f"over {MOST_FILES} files are included: read them in parts")
        data = read(path)
        self._open.append(os.path.realpath(path))
        try:
            yield data
        finally:
            self._open.pop()

    def included(self, pattern: str, folder: str, where: str, *, optional: bool = False
                 ) -> list[str]:
        """The files that an include means, as far as they can be read into this one."""
        path = os.path.join(folder, pattern)
        found = [path] if os.path.exists(path) else matching(path)
        if not found and not optional and not glob.has_magic(pattern):
            self.tell(where, f"the included file {show(pattern, 200)} does not exist")
        files = []
        for one in itertools.islice(found, MOST_FILES):
            if os.path.realpath(one) in self._open:
                self.tell(where, f"{show(one, 200)} includes itself: left out")
            elif len(self._open) >= MOST_DEPTH:
                self.tell(where, f"files in over {MOST_DEPTH} files: {show(one, 200)} is left out")
            else:
                files.append(one)
        return files

    def follow(self, parse: Callable[[str], tuple[Node, ...]], paths: list[str], where: str
               ) -> tuple[Node, ...]:
        """The directives of included files; one that cannot be read is told."""
        nodes: list[Node] = []
        for path in paths:
            try:
                nodes.extend(parse(path))
            except Unreadable as error:
                self.tell(where, str(error))
        return tuple(nodes)


def matching(pattern: str) -> list[str]:
    """Files that match a pattern of the shell, sorted, as includes are read."""
    return sorted(itertools.islice(glob.iglob(pattern), MOST_FILES + 1))


class Unreadable(SourceError):
    """One file that cannot be read."""


def main_file(path: str, *names: str) -> str:
    """The file that a path means: itself, or the main file in a folder."""
    if not os.path.isdir(path):
        return path
    for name in names:
        inside = os.path.join(path, name)
        if os.path.exists(inside):
            return inside
    raise SourceError(f"{printable(path)}: there is no {' or '.join(names)} in this directory: "
                      "name the main file")


def read(path: str) -> str:
    """A file's text; bytes that are not UTF-8 come as what does not print. Raises Unreadable."""
    shown = printable(path)
    try:
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable(f"{shown}: this is no regular file: name the configuration file")
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise Unreadable(f"{shown}: the file does not exist: look at the path") from None
    except PermissionError:
        raise Unreadable(f"{shown}: user {user_name()} may not read the file: run this as one who "
                         "may") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise Unreadable(f"{shown}: the file cannot be read: {why}") from None
    if len(data) > MOST_BYTES:
        raise Unreadable(f"{shown}: the file is over {MOST_BYTES >> 20} MiB: this is no "
                         "configuration")
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace")


def at(path: str, line: int) -> str:
    """A place for people."""
    return f"{printable(path)}:{line}"
