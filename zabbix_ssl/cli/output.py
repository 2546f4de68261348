"""What is printed. Straight to the descriptors: no locale can spoil it, nothing is left in a buffer
for the end of the process to lose, and each failure is seen where it happens.
"""

from __future__ import annotations

import errno
import os
import select
from collections.abc import Mapping

STDIN, STDOUT, STDERR = 0, 1, 2

#: Exit codes: as the shell shows a death by SIGPIPE, and for results that could not be written.
CLOSED, UNWRITABLE = 141, 3


class Closed(Exception):
    """Nobody reads what is written any more; no reason to say anything."""


class Unwritable(Exception):
    """What was to be written could not be, and why: one line."""


def guard() -> None:
    """Take the places of standard descriptors that are closed. Else the first socket would get the
    number of stdout, and what is printed would go to a server. Writing to stdout still fails."""
    for number in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if number == STDERR else os.O_RDONLY)


def encoded(text: str) -> bytes:
    """UTF-8. What it cannot hold is escaped, as JSON would."""
    return text.encode("utf-8", "backslashreplace")


def write(descriptor: int, data: bytes) -> None:
    """All of ``data``, also to a descriptor that another process has made non-blocking."""
    while data:
        try:
            data = data[os.write(descriptor, data):]
        except BlockingIOError:
            select.select((), (descriptor,), ())


def out(text: str) -> None:
    """Print on stdout. Raises Closed or Unwritable."""
    try:
        write(STDOUT, encoded(text))
    except BrokenPipeError:
        raise Closed from None
    except OSError as error:
        why = "it is closed" if error.errno == errno.EBADF else error.strerror
        raise Unwritable(f"cannot write to standard output: {why}") from None


def note(text: str) -> None:
    """Say one line on stderr, where anybody listens."""
    try:
        write(STDERR, encoded(text + "\n"))
    except OSError:
        pass


class Terminal:
    """What stdout is, as far as a report cares."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        terminal = os.isatty(STDOUT)
        dumb = environ.get("TERM", "dumb") == "dumb"
        self.colour = terminal and not dumb and not environ.get("NO_COLOR")  # no-color.org
        self.width = os.get_terminal_size(STDOUT).columns or None if terminal else None


class Progress:
    """One line on stderr that counts up: on a terminal, for more than one target."""

    _EVERY = 0.1  # seconds

    def __init__(self, total: int, environ: Mapping[str, str]) -> None:
        capable = environ.get("TERM", "dumb") != "dumb"
        self._active = total > 1 and capable and os.isatty(STDERR)
        self._total = total
        self._next = 0.0
        self._shown = False

    def show(self, done: int, now: float) -> None:
        """``done`` targets are checked."""
        if self._active and now >= self._next:
            self._next = now + self._EVERY
            self._draw(f"\r\x1b[K{done} of {self._total} checked")
            self._shown = True

    def clear(self) -> None:
        """Make room for something else to be printed."""
        if self._shown:
            self._draw("\r\x1b[K")
            self._shown = False

    def _draw(self, text: str) -> None:
        try:
            write(STDERR, text.encode())
        except OSError:
            self._active = False
