"""Auditing for as long as a service runs: every target at its own time, by ``schedule``.

    audits = Audits(source, settings, cache, interval=300, say=print)
    for results in audits.rounds(stop):   # returns when the event ``stop`` is set
        ...                               # what is done, often nothing; audits.targets may be new

What is due is audited in lanes: threads, each with an engine of its own for a handful of targets.
While a lane waits for a dead server the next ones begin, so none is late for another's sake.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from .cache import Cache, Freshness
from .check import Door
from .check import run as run_checks
from .mistakes import ConfigError
from .model import Result, Settings, Target
from .schedule import Due, Schedule

#: Seconds after which it is looked what is due; at most that much a check begins late by itself.
TICK = 0.25
#: Seconds after which it is looked whether the configuration has changed.
_LOOK = 2.0
_LANES = 16
_DONE_AT_ONCE = 1000  # results that wait for the caller, at most; then the lanes wait
#: Seconds that lanes get to end when the service stops; they keep nothing that is not kept.
_LEAVE = 1.0
#: Part of the interval by which checks may begin late before it is told.
_LATE = 0.1


class Source(NamedTuple):
    """Where the targets come from: a file that changes."""

    load: Callable[[], tuple[tuple[Target, ...], bytes]]  # and its stamp; raises ConfigError
    stamp: Callable[[], bytes]  # the state of the file


class Audits:
    """The targets of a source and their audits. Raises ConfigError when it cannot be loaded."""

    def __init__(self, source: Source, settings: Settings, cache: Cache | None, *, interval: float,
                 say: Callable[[str], None], freshness: Freshness | None = None,
                 door: Door | None = None) -> None:
        """``say`` is given a line when something begins or ends to be wrong."""
        self.targets, self._stamp = source.load()
        self.loaded_at = time.time()  # Unix seconds: when they were last read
        self.checks = 0  # begun
        self.late = 0.0  # seconds by which the latest of them began
        self._source = source
        self._say = say
        self._broken = b""  # the stamp of a file that could not be loaded
        self._siblings = _siblings(self.targets)
        self._schedule = Schedule(interval, time.monotonic(), time.time())
        self._schedule.replace(self.targets, time.monotonic())
        self._lanes = _Lanes(settings, cache, freshness or Freshness(), door,
                             keep=1.5 * interval + settings.timeout + 30)
        self._telling_late = False
        self._look_at = 0.0
        self._forced = False

    def rounds(self, stop: threading.Event) -> Iterator[list[Result]]:
        """What is done, as it comes; at least every ``TICK`` seconds, if only an empty list.

        Ends within about a second of ``stop``; audits that are under way are abandoned. Raises
        ImportError when a dependency is missing.
        """
        while not stop.is_set():
            now = time.monotonic()
            if now >= self._look_at:
                self._look_at = now + _LOOK
                self._look()
            self._begin(now)
            yield self._lanes.results(TICK)
        yield self._lanes.end(_LEAVE)

    def reload(self) -> None:
        """Read the configuration in the next turn, even if it looks as it was. From any thread."""
        self._forced = True
        self._look_at = 0.0

    def reload_failed(self) -> bool:
        """The configuration has changed and is broken: the targets are those of before."""
        return bool(self._broken)

    def _begin(self, now: float) -> None:
        most = self._lanes.room()
        due = self._schedule.take(now, most) if most else []
        due = [one for one in due if not self._lanes.busy(one.target)]
        if not due:
            return
        self._note_lateness(now, due)
        targets = [one.target for one in due]
        configured = {sibling: None for target in targets
                      for sibling in self._siblings.get(_name(target), (target,))}
        self.checks += len(targets)
        self._lanes.start(targets, tuple(configured), self._stamp)

    def _note_lateness(self, now: float, due: Sequence[Due]) -> None:
        late = now - due[0].when
        self.late = max(self.late, late)
        too_late = late > max(2.0, _LATE * self._schedule.interval)
        if too_late and not self._telling_late:
            self._say(f"checks begin {late:.0f} s late: this machine was busy or asleep, or "
                      "--interval is too short for so many targets")
        elif self._telling_late and not too_late:
            self._say("checks begin in time again")
        self._telling_late = too_late

    def _look(self) -> None:
        """Takes a changed configuration over; a broken one is told once."""
        stamp = self._source.stamp()
        if stamp in (self._stamp, self._broken) and not self._forced:
            return
        self._forced = False
        try:
            targets, self._stamp = self._source.load()
        except ConfigError as error:
            self._broken = stamp
            self._say(f"{error} (going on with the {len(self.targets)} targets of before)")
            return
        self._broken = b""
        self.loaded_at = time.time()
        self._tell_changes(targets)
        self.targets = targets
        self._siblings = _siblings(targets)
        self._schedule.replace(targets, time.monotonic())

    def _tell_changes(self, targets: tuple[Target, ...]) -> None:
        new, old = set(targets), set(self.targets)
        if new != old:
            self._say(f"the configuration has changed: {len(new)} targets, {len(new - old)} of "
                      f"them new or changed, {len(old - new)} of before gone or changed")


class _Lanes:
    """Threads that audit a few targets each; their results meet in a queue."""

    def __init__(self, settings: Settings, cache: Cache | None, freshness: Freshness,
                 door: Door | None, keep: float) -> None:
        self._settings = settings._replace(workers=1)
        self._cache = cache
        self._freshness = freshness
        self._door = door
        self._keep = keep
        self._queue: queue.Queue[tuple[Target, Result] | Exception] = queue.Queue(_DONE_AT_ONCE)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._under_way: set[Target] = set()

    def room(self) -> int:
        """How many targets may begin now."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) >= _LANES:
            return 0
        return self._settings.concurrency - len(self._under_way)

    def busy(self, target: Target) -> bool:
        """Its last audit is still under way."""
        return target in self._under_way

    def start(self, targets: Sequence[Target], configured: Sequence[Target], stamp: bytes) -> None:
        self._under_way.update(targets)
        thread = threading.Thread(target=self._audit, args=(targets, configured, stamp),
                                  daemon=True, name="audits")
        thread.start()
        self._threads.append(thread)

    def results(self, seconds: float) -> list[Result]:
        """All that is done, after waiting up to ``seconds`` for the first."""
        found: list[Result] = []
        try:
            self._take(found, self._queue.get(timeout=seconds))
            while len(found) < _DONE_AT_ONCE:
                self._take(found, self._queue.get_nowait())
        except queue.Empty:
            pass
        return found

    def end(self, seconds: float) -> list[Result]:
        """What was done until now, after giving the lanes a moment."""
        self._stop.set()
        until = time.monotonic() + seconds
        found = self.results(0.01)
        while any(thread.is_alive() for thread in self._threads) and time.monotonic() < until:
            found += self.results(0.05)
        return found + self.results(0.01)

    def _take(self, found: list[Result], done: tuple[Target, Result] | Exception) -> None:
        if isinstance(done, Exception):
            raise done
        target, result = done
        self._under_way.discard(target)
        found.append(result)

    def _audit(self, targets: Sequence[Target], configured: Sequence[Target], stamp: bytes) -> None:
        try:
            for index, result in run_checks(
                    targets, self._settings, self._cache, freshness=self._freshness, stamp=stamp,
                    configured=configured, keep=self._keep, door=self._door):
                self._queue.put((targets[index], result))
                if self._stop.is_set():
                    return
        except Exception as error:
            self._queue.put(error)


def _name(target: Target) -> tuple[str, int]:
    return target.domain.rstrip(".").lower(), target.port


def _siblings(targets: Sequence[Target]) -> dict[tuple[str, int], tuple[Target, ...]]:
    """All targets of a name and port, where it has several: which one is meant by them is looked up
    in these few."""
    found: dict[tuple[str, int], tuple[Target, ...]] = {}
    for target in targets:
        found[_name(target)] = (*found.get(_name(target), ()), target)
    return {name: alike for name, alike in found.items() if len(alike) > 1}
