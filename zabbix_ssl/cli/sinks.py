"""Where results go: one at a time, so that no more than one is held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..model import Result
from ..outputs import html, prometheus
from ..outputs.people import Words
from .output import Closed, Unwritable

Write = Callable[[str], None]


class Lines:
    """Texts with their line ends, one after the other, behind a first one."""

    def __init__(self, write: Write, first: str = "") -> None:
        self._write = write
        self._first = first

    def add(self, text: str) -> None:
        self._write(self._first + text)
        self._first = ""

    def end(self) -> None:
        """All are added."""
        if self._first:
            self._write(self._first)


class JsonArray:
    """JSON texts as an array, one element a line; it is whole after ``end``, whenever that is."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._begun = False

    def add(self, text: str) -> None:
        self._write((",\n" if self._begun else "[\n") + text)
        self._begun = True

    def end(self) -> None:
        """All are added."""
        self._write("\n]\n" if self._begun else "[]\n")


class Exposition:
    """Samples for Prometheus: a family at a time, so it waits for the last target."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._samples: list[Sequence[str]] = []

    def add(self, samples: Sequence[str]) -> None:
        self._samples.append(samples)

    def end(self) -> None:
        """All are added."""
        for family in prometheus.exposition(self._samples):
            self._write(family)


class HtmlPage:
    """Entries of the page for a browser: the worst comes first, so it waits for the last target."""

    def __init__(self, write: Write, words: Words) -> None:
        self._write = write
        self._words = words
        self._entries: list[html.Entry] = []

    def add(self, entry: html.Entry) -> None:
        self._entries.append(entry)

    def end(self) -> None:
        """All are added."""
        for part in html.page(self._entries, self._words):
            self._write(part)


Sink = Lines | JsonArray | Exposition | HtmlPage

#: What makes of a result what a sink takes, and the sink.
Copy = tuple[Callable[[Result], Any], Sink]


class Copies:
    """The same results to several sinks. One that fails is left out, and the others go on; when
    none is left its fault is raised. ``faults`` has them all."""

    def __init__(self, *copies: Copy) -> None:
        self._left = list(copies)
        self.faults: list[Closed | Unwritable] = []

    def render(self, result: Result) -> dict[Callable[[Result], Any], Any]:
        """What ``add`` takes."""
        return {make: make(result) for make in {make for make, _ in self._left}}

    def add(self, rendered: dict[Callable[[Result], Any], Any]) -> None:
        """Give each sink its own."""
        self._each(lambda make, sink: sink.add(rendered[make]))

    def end(self) -> None:
        """All are added."""
        self._each(lambda make, sink: sink.end())

    def _each(self, do: Callable[..., None]) -> None:
        for copy in tuple(self._left):
            try:
                do(*copy)
            except (Closed, Unwritable) as fault:
                self.faults.append(fault)
                self._left.remove(copy)
        if not self._left:
            raise self.faults[-1]
