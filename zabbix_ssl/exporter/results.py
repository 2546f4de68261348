"""The newest result of every configured target, as ``/metrics`` shows them.

Results come in from the threads that audit, are rendered once, and go out as often as they are
asked for. What is too old is not shown as if it were so today: in the place of a target's metrics
stands ``ssl_data_stale`` 1, with the time of its last check. What was never checked is not there at
all, until it should have been.

The text is kept in columns, one a family of metrics, because that is how it goes out; a column is
compressed again only when something in it has changed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .. import config
from ..model import Result, Target
from ..names import identity
from ..outputs.prometheus import Family, families, head, labels_of, samples
from .compressed import Piece, compress

Name = tuple[str, int, str | None]  # of names.identity

STALE = Family("ssl_data_stale", "The last check was too long ago: what it found is not shown any "
               "more")

#: What is still said of a target whose result is stale.
TIMELESS = frozenset(("ssl_check_timestamp_seconds", "ssl_target_info", "ssl_target_warning_days"))



class Ages(NamedTuple):
    """How many targets have a result that is shown, that is stale, or none yet; and the age in
    seconds of the oldest that is shown (0 when there is none)."""

    fresh: int = 0
    stale: int = 0
    waiting: int = 0
    oldest: float = 0.0


class _Shown:
    """A target, and how it stands with what is said of it in its row of the columns."""

    __slots__ = ("at", "check_time", "labels", "row", "stale", "target")

    def __init__(self, target: Target, labels: str, now: float) -> None:
        self.target = target
        self.labels = labels
        self.row = 0
        self.at = now  # of the monotonic clock: when it was checked, else when it was configured
        self.check_time = 0  # 0: never
        self.stale = False


class Results:
    """All of them, from many threads. ``stale_after``: seconds. ``per_address``: each address of a
    target too."""

    def __init__(self, stale_after: float, per_address: bool = False) -> None:
        self._stale_after = stale_after
        self._per_address = per_address
        self._families = (*families(per_address), STALE)
        self._lock = threading.Lock()
        self._rendering = threading.Lock()
        self._shown: dict[Name, _Shown] = {}
        self._alike: dict[tuple[str, int], tuple[Target, ...]] = {}
        self._columns: list[list[str]] = [[] for _ in self._families]
        self._changed = set(range(len(self._families)))
        self._pieces: dict[int, Piece] = {}

    def configure(self, targets: Iterable[Target]) -> None:
        """From now on these are the targets, in this order; what is said of others is dropped."""
        now = time.monotonic()
        shown: dict[Name, _Shown] = {}
        alike: dict[tuple[str, int], tuple[Target, ...]] = {}
        with self._lock:
            rows = []
            for target in targets:
                name, labels = identity(target), labels_of(target)
                one = self._shown.get(name)
                if one and one.labels == labels:  # what was found holds until it is checked anew
                    one.target = target
                    rows.append([column[one.row] for column in self._columns])
                else:
                    one = _Shown(target, labels, now)
                    rows.append([""] * len(self._families))
                shown[name] = one
                alike[name[:2]] = (*alike.get(name[:2], ()), target)
            for row, one in enumerate(shown.values()):
                one.row = row
            self._shown, self._alike = shown, alike
            self._columns = [list(column) for column in zip(*rows, strict=True)] or [
                [] for _ in self._families]
            self._changed.update(range(len(self._families)))

    def add(self, result: Result) -> None:
        """A result; that of a target which is not configured (any more) is dropped."""
        made = samples(result, self._per_address)
        age = max(0.0, time.time() - result.check_time)
        with self._lock:
            one = self._shown.get(identity(result.target))
            if one:
                one.at, one.check_time = time.monotonic() - age, result.check_time
                one.stale = False
                self._write(one, (*made, _verdict(one)))

    def find(self, target: Target) -> Target | None:
        """The configured target that this domain and port (and address, if any) mean."""
        with self._lock:
            alike = self._alike.get(identity(target)[:2], ())
        return config.find(alike, target.domain, target.port, target.address)

    def targets(self) -> tuple[Target, ...]:
        """All that are configured."""
        with self._lock:
            return tuple(shown.target for shown in self._shown.values())

    def ages(self) -> Ages:
        """How old they are now."""
        with self._lock:
            return self._age()

    def pieces(self) -> tuple[list[Piece], Ages]:
        """The text of them all, compressed, a piece a family; and how old they are."""
        with self._rendering:
            with self._lock:
                ages = self._age()
                changed = {number: list(self._columns[number]) for number in self._changed}
                self._changed.clear()
            for number, column in changed.items():
                self._pieces[number] = _piece(self._families[number], column)
            return [self._pieces[number] for number in range(len(self._families))
                    if self._pieces[number].length], ages

    def _age(self) -> Ages:
        """Counts, and takes back what has become too old."""
        now, wall = time.monotonic(), time.time()
        fresh, waiting, oldest = 0, 0, 0.0
        for one in self._shown.values():
            # The one clock may stand still while the machine sleeps, the other may be set back.
            age = max(now - one.at, wall - one.check_time if one.check_time else 0.0)
            if age > self._stale_after and not one.stale:
                self._take_back(one)
            if one.stale:
                continue
            if one.check_time:
                fresh += 1
                oldest = max(oldest, age)
            else:
                waiting += 1
        return Ages(fresh, len(self._shown) - fresh - waiting, waiting, oldest)

    def _take_back(self, one: _Shown) -> None:
        one.stale = True
        self._write(one, tuple(
            column[one.row] if family.name in TIMELESS else _verdict(one)
            if family is STALE else "" for family, column in
            zip(self._families, self._columns, strict=True)))

    def _write(self, one: _Shown, texts: Sequence[str]) -> None:
        for number, (column, text) in enumerate(zip(self._columns, texts, strict=True)):
            if column[one.row] != text:
                column[one.row] = text
                self._changed.add(number)


def _verdict(one: _Shown) -> str:
    return f"{STALE.name}{{{one.labels}}} {int(one.stale)}\n"


def _piece(family: Family, column: Sequence[str]) -> Piece:
    lines = "".join(column)
    return compress((head(family).encode(), lines.encode()) if lines else ())
