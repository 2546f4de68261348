"""``zabbix-ssl push``: audits in one thread, a delivery for each destination in its own, and the
spool between them.

A value is in the spool as soon as it is measured. From there each delivery takes what is its own.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from ..lines import all_line
from ..model import Result, Target
from ..outputs.discovery import discovery_json
from ..outputs.overview import Glance, glance, overview_json
from ..resident import Audits
from .delivery import Delivery
from .kinds import PUSH
from .spool import Spool, Value

_GATHER = 0.5  # seconds between packets, so that they hold more than one value
_LEAVE = 3.0  # seconds that a packet under way gets to be answered when the service ends
_ALIVE = 30.0  # seconds without a round after which audits have come to a stop
_UNKEPT = 10_000  # values that are held in memory while the spool cannot be written to
_TELL_DROPPED = 600.0  # seconds between two lines about values that had to go
_FIRST_OVERVIEW, _OVERVIEW = 10.0, 60.0  # seconds until the first overview of all, and between them


class Push:
    """The service. ``say`` is given a line when something begins or ends to be wrong, from any
    thread."""

    def __init__(self, audits: Audits, spool: Spool, deliveries: Sequence[Delivery],
                 say: Callable[[str], None]) -> None:
        self.deliveries = deliveries
        self._audits = audits
        self._spool = spool
        self._say = say
        self._targets: tuple[Target, ...] = ()
        self._seen: dict[Target, Glance] = {}
        self._round = time.monotonic()  # when the last one ended
        self._overview_at = self._round + _FIRST_OVERVIEW
        self._unkept: deque[Value] = deque(maxlen=_UNKEPT)
        self._spool_fails = False
        self._dropped = 0
        self._dropped_told = -_TELL_DROPPED
        self._failure: Exception | None = None

    def run(self, stop: threading.Event, turned: Callable[[], None]) -> None:
        """Until ``stop`` is set, and a few seconds more. ``turned`` is called several times a
        second, as long as all goes on. What was not delivered stays in the spool.

        Raises ImportError when a dependency is missing.
        """
        self._announce()
        threads = [threading.Thread(target=self._deliver, args=(delivery, stop), daemon=True,
                                    name=delivery.name) for delivery in self.deliveries]
        for thread in threads:
            thread.start()
        try:
            for results in self._audits.rounds(stop):
                self._round = time.monotonic()
                if self._audits.targets is not self._targets:
                    self._announce()
                self._keep(list(map(value_of, results)))
                self._look_over(results)
                if self._failure:
                    raise self._failure
                turned()
        finally:
            stop.set()
            self._end(threads)

    def waiting(self) -> int:
        """Values that the destination that is farthest behind has not got."""
        return max(self._spool.waiting(delivery.name) for delivery in self.deliveries)

    def _announce(self) -> None:
        self._targets = self._audits.targets
        text = discovery_json(self._targets)
        keys = [key_of(target) for target in self._targets]
        for delivery in self.deliveries:
            delivery.announce(text, keys)

    def _look_over(self, results: Iterable[Result]) -> None:
        """All targets at a glance, for each destination's dashboard."""
        self._seen.update((result.target, glance(result)) for result in results)
        if self._round < self._overview_at:
            return
        self._overview_at = self._round + _OVERVIEW
        targets = set(self._targets)
        self._seen = {target: one for target, one in self._seen.items() if target in targets}
        text = overview_json(self._seen.values(), len(targets) - len(self._seen), time.time())
        for delivery in self.deliveries:
            delivery.show(text)

    def _keep(self, values: Iterable[Value]) -> None:
        """Into the spool; while that fails into memory, as many as have room there."""
        for value in values:
            if len(self._unkept) == _UNKEPT:
                self._dropped += 1
            self._unkept.append(value)
        if not self._unkept:
            return
        try:
            self._dropped += self._spool.add(list(self._unkept))
        except sqlite3.Error as error:
            if not self._spool_fails:
                self._say(f"the spool cannot be written to ({error}): the last {_UNKEPT} values "
                          "are held in memory until it can, and lost if this process ends")
            self._spool_fails = True
        else:
            self._unkept.clear()
            if self._spool_fails:
                self._say("the spool can be written to again")
            self._spool_fails = False
            for delivery in self.deliveries:
                delivery.woken.set()
        self._tell_dropped()

    def _tell_dropped(self) -> None:
        now = time.monotonic()
        if self._dropped and now - self._dropped_told >= _TELL_DROPPED:
            self._dropped_told = now
            self._say(f"no room for all that waits: the {self._dropped} oldest values were "
                      "dropped. --spool-size gives more")
            self._dropped = 0

    def _deliver(self, delivery: Delivery, stop: threading.Event) -> None:
        """A destination's thread."""
        try:
            while not stop.is_set():
                alive = time.monotonic() - self._round < _ALIVE
                pause = delivery.turn(alive)
                if pause and not stop.wait(min(pause, _GATHER)) and pause > _GATHER:
                    delivery.woken.wait(pause - _GATHER)
                    delivery.woken.clear()
        except Exception as error:  # ours: the whole service ends with it, and is started anew
            self._failure = error

    def _end(self, threads: Sequence[threading.Thread]) -> None:
        for delivery in self.deliveries:
            delivery.woken.set()
        until = time.monotonic() + _LEAVE
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        if not any(thread.is_alive() for thread in threads):
            self._spool.close()


def key_of(target: Target) -> str:
    """The key of a target's item, as low-level discovery makes it."""
    return PUSH.master.replace(PUSH.port, str(target.port)).replace(
        PUSH.domain, _parameter(target.domain))


def _parameter(text: str) -> str:
    """A parameter of a key, in quotes only where it needs them: keys are compared letter by letter
    (https://www.zabbix.com/documentation/current/en/manual/config/items/item/key)."""
    plain = text[:1] not in ('"', " ", "[") and "," not in text and "]" not in text
    return text if plain else '"' + text.replace('"', '\\"') + '"'


def value_of(result: Result) -> Value:
    """A result as the value of its target's item, at the time of the check."""
    seconds, ns = divmod(time.time_ns(), 10**9)
    return Value(key_of(result.target), all_line(result), result.check_time,
                 ns if seconds == result.check_time else 0)
