"""When each target is due: every one at its own time of the interval.

Pure arithmetic on times that are passed in; ``resident`` audits by it.

- The place of a target in the interval is a hash of what it is, so checks are spread evenly, and a
  restart, on this machine or another, finds each at the same place: nothing shifts.
- Targets that are new do not wait for their place: they are due at once, FIRST_A_SECOND of them a
  second, and go to their place afterwards.
- What could not be checked for a while (a machine asleep) is due once, not as often as was missed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from math import floor, inf
from typing import NamedTuple

from .model import Target
from .names import identity

#: How many targets that are new are due in a second: gentle, and a few hundred are known at once.
FIRST_A_SECOND = 50


class Due(NamedTuple):
    """A target whose time has come, and when that was (of the clock of ``now``)."""

    target: Target
    when: float


class Schedule:
    """The times of all targets. ``now`` is always of a clock that never jumps (time.monotonic).

    ``wall`` is the Unix time at ``now``: places in the interval are counted from it, once.
    """

    def __init__(self, interval: float, now: float, wall: float) -> None:
        self.interval = interval
        self._anchor = now - wall % interval
        self._times: dict[Target, float] = {}
        self._heap: list[tuple[float, int, Target]] = []  # the number breaks ties
        self._count = 0

    def __len__(self) -> int:
        return len(self._times)

    def replace(self, targets: Iterable[Target], now: float) -> None:
        """From now on these are the targets. Those that stay as they were keep their times; new
        and changed ones are due soon, others never again."""
        wanted = dict.fromkeys(targets)
        times = {target: self._times[target] for target in wanted if target in self._times}
        new = sorted((self._place(target), n, target) for n, target in enumerate(wanted)
                     if target not in times)
        step = min(1 / FIRST_A_SECOND, self.interval / max(1, len(new)))
        for number, (place, _, target) in enumerate(new):
            times[target] = min(now + number * step, self._occurrence(place, now))
        self._times = times
        self._heap = []
        for target, when in times.items():
            self._count += 1
            self._heap.append((when, self._count, target))
        heapify(self._heap)

    @property
    def next(self) -> float:
        """When the first target is due; infinity when there is none."""
        return self._heap[0][0] if self._heap else inf

    def take(self, now: float, most: int) -> list[Due]:
        """Up to ``most`` of the targets that are due, those that wait longest first. Each is due
        again at its place, not before half an interval has passed."""
        taken: list[Due] = []
        while self._heap and self._heap[0][0] <= now and len(taken) < most:
            when, number, target = heappop(self._heap)
            taken.append(Due(target, when))
            again = self._occurrence(self._place(target), max(when + self.interval / 2, now))
            self._times[target] = again
            heappush(self._heap, (again, number, target))
        return taken

    def _occurrence(self, place: float, after: float) -> float:
        """The first time at ``place`` in the interval that is later than ``after``."""
        first = self._anchor + place * self.interval
        return first + self.interval * (floor((after - first) / self.interval) + 1)

    @staticmethod
    def _place(target: Target) -> float:
        """0 <= place < 1, the same for the same domain, port and address everywhere."""
        name = "\t".join(map(str, identity(target))).encode()
        digest = hashlib.blake2b(name, digest_size=7).digest()
        return int.from_bytes(digest, "big") / (1 << 56)
