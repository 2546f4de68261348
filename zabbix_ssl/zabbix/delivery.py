"""What one destination gets, and when: heartbeat, list of targets, values.

- The heartbeat comes first and tells whether the host is there. Without it, or while the server is
  away, everything waits, in order, in the spool.
- The list of targets is sent when it is new, and now and then. So is the overview of all targets.
- Values go in packets, oldest first. Those whose item is not there yet wait for it, and others
  overtake them; after a while they are dropped, and it is told.

What is known of the server is forgotten with the process, but never what was delivered.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from math import inf

from .acceptance import PACKET, Acceptance
from .kinds import PUSH
from .spool import Kept, Spool
from .trapper import Away, Row, Trapper

HEARTBEAT_KEY = "ssl.push.heartbeat"
DISCOVERY_KEY = PUSH.list
OVERVIEW_KEY = PUSH.overview

#: Values a second when there is a backlog. Each becomes dozens of items in the server.
RATE = 500
#: Seconds that values wait for an item that is not there.
PATIENCE = 600.0

_BEAT = 30.0  # seconds between heartbeats, half of what the template promises
_BEAT_AGAIN = 10.0  # and when the host is not there
_LIST_AGAIN = 3600.0  # seconds after which the list is sent again, unchanged
_LIST_SOON = 150.0  # and when items are missing; the slowest server updates each minute
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # seconds between attempts while the server is away
_DISK_PAUSE = 5.0
_SHOWN = 3  # keys in a line


class Delivery:
    """One destination. ``turn`` is for one thread, ``announce`` and ``show`` for any."""

    def __init__(self, name: str, trapper: Trapper, spool: Spool, host: str,
                 say: Callable[[str], None], *, rate: int = RATE, patience: float = PATIENCE,
                 clock: Callable[[], float] = time.monotonic) -> None:
        """``say`` is given a line when something begins or ends to be wrong."""
        self.name = name
        self.state = "not reached yet"  # why nothing is delivered; "" when it is
        self.woken = threading.Event()  # there is something to do
        self._trapper = trapper
        self._spool = spool
        self._host = host
        self._say = say
        self._rate = rate
        self._patience = patience
        self._clock = clock
        self._items = Acceptance(trapper, patience)
        self._wanted: tuple[str, frozenset[str]] = "", frozenset()  # the list, and its keys
        self._listed = self._wanted  # what of that was sent
        self._overview = ""  # still to be sent
        self._list_sent = -inf
        self._list_at = inf
        self._beat_at = 0.0
        self._known: bool | None = None  # the host is there; None: not asked
        self._after = 0  # values up to this one are delivered or wait for their item
        self._owed: list[int] = []  # delivered, and the spool could not be told
        self._pause = 0.0  # until the next attempt; 0: the last one succeeded
        self._away_since = 0.0
        self._disk_fails = False
        self._told_part = False

    def announce(self, text: str, keys: Iterable[str]) -> None:
        """The list of targets, for low-level discovery, and the keys of their items."""
        self._wanted = text, frozenset(keys)
        self.woken.set()

    def show(self, overview: str) -> None:
        """The newest overview of all targets."""
        self._overview = overview
        self.woken.set()

    def turn(self, alive: bool) -> float:
        """Deliver what can be; the seconds until there may be more to do. ``alive``: audits go on,
        so that a heartbeat is the truth."""
        waiting = self._spool.waiting(self.name)
        try:
            pause = self._deliver(alive)
        except Away as away:
            return self._lost(str(away))
        except sqlite3.Error as error:
            return self._disk_failed(error)
        self._back(waiting)
        return pause

    def _deliver(self, alive: bool) -> float:
        now = self._clock()
        if self._pause:
            self._items.forgive(now)
        if self._owed:
            self._done(())
        if now >= self._beat_at:
            self._beat(now, alive)
        if not self._known:
            return self._beat_at - now
        if self._wanted is not self._listed or now >= self._list_at:
            self._send_list(now)
        if self._overview:
            self._send_overview()
        if now >= self._items.ask_at:
            self._ask_again(now)
        kept = self._spool.first(self.name, PACKET, self._after)
        sent = self._send(kept, now)
        if len(kept) == PACKET:
            return max(0.0, sent / self._rate - (self._clock() - now))
        return max(0.0, min(self._beat_at, self._list_at, self._items.ask_at) - self._clock())

    def _beat(self, now: float, alive: bool) -> None:
        if self._known and not alive:
            self._beat_at = now + 1
            return
        at = time.time_ns()
        known = self._one(Row(HEARTBEAT_KEY, str(at // 10**9), *divmod(at, 10**9)))
        if known and not self._known:
            self._items.forget(answers=self._one(Row(HEARTBEAT_KEY, None)))
            self._list_at, self._after = now, 0
        self._beat_at = now + (_BEAT if known else _BEAT_AGAIN)
        if known != self._known:
            self._tell_host(known)
        self._known = known
        self.state = "" if known else f"host {self._host!r} takes no values"

    def _tell_host(self, known: bool) -> None:
        if known:
            self._say(f"{self.name} takes values of host {self._host!r}")
        else:
            self._say(f"{self.name} takes no values of host {self._host!r}: is it there and "
                      f"enabled, with the template {PUSH.name!r}, monitored by that very server or "
                      "proxy, and does {$SSL.PUSH.HOSTS} name this machine? Values are kept until "
                      "it does")

    def _send_list(self, now: float) -> None:
        wanted = self._wanted
        if not wanted[0]:
            self._list_at = inf
            return
        at = time.time_ns()
        taken = self._one(Row(DISCOVERY_KEY, wanted[0], *divmod(at, 10**9)))
        self._listed = wanted
        self._items.forget_others(wanted[1])
        self._list_sent = now
        self._list_at = now + (_LIST_AGAIN if taken else _BEAT_AGAIN)

    def _send_overview(self) -> None:
        """Only the newest is of use: what is not taken is not sent again."""
        overview, self._overview = self._overview, ""
        self._one(Row(OVERVIEW_KEY, overview, *divmod(time.time_ns(), 10**9)))

    def _ask_again(self, now: float) -> None:
        found, late = self._items.ask_again(now)
        if found or late:
            self._after = 0  # what waits for them comes next, or is dropped
        late &= self._wanted[1]
        if late:
            shown = ", ".join(sorted(late)[:_SHOWN]) + (", ..." if len(late) > _SHOWN else "")
            self._say(f"{self.name} has had no item for {len(late)} targets for "
                      f"{self._patience / 60:.0f} minutes ({shown}): their values are dropped "
                      "until it has. Look at the host's discovery rule: its filter, its errors")
        if self._items.missing():
            self._list_at = min(self._list_at, max(now, self._list_sent + _LIST_SOON))

    def _send(self, kept: Sequence[Kept], now: float) -> int:
        """Deliver those whose items take values; how many that was. Others wait, or are dropped."""
        items = self._items
        items.learn((one.value.key for one in kept), now)
        ready = [one for one in kept if items.takes(one.value.key)]
        if ready:
            self._send_ready(ready, now)
        vain = [one.id for one in kept if items.refuses(one.value.key)
                and (one.value.key in items.given_up or one.value.key not in self._wanted[1])]
        if vain:
            self._done(vain)
        if kept:
            self._after = kept[-1].id
        return len(ready)

    def _send_ready(self, ready: Sequence[Kept], now: float) -> None:
        counts = self._trapper.send([Row(*one.value) for one in ready])
        keys = {one.value.key for one in ready}
        if not counts.taken:
            self._items.refused(keys, now)  # then they wait
            return
        self._items.taken(keys)
        self._done([one.id for one in ready])
        if counts.refused:
            self._items.doubt(keys)
            self._tell_part(counts.refused, len(ready))

    def _tell_part(self, refused: int, sent: int) -> None:
        """Which ones is not known, so none of them can be sent again."""
        if not self._told_part or self._items.answers:
            self._told_part = True
            self._say(f"{self.name} refused {refused} of {sent} values: their items have been "
                      "removed or disabled, or are not there yet")

    def _done(self, numbers: Iterable[int]) -> None:
        self._owed += numbers
        self._spool.done(self.name, self._owed)
        self._owed = []

    def _one(self, row: Row) -> bool:
        return self._trapper.send([row]).taken == 1

    # Away and back.

    def _lost(self, reason: str) -> float:
        self._beat_at = 0.0  # the first thing that is sent again
        if not self._pause:
            self._away_since = self._clock()
            self._say(f"{self.name} {reason}. Values are kept until it is back")
        self.state = reason
        self._pause = min(_LONGEST_PAUSE, 2 * self._pause or _FIRST_PAUSE)
        return self._pause

    def _back(self, waiting: int) -> None:
        if self._pause:
            self._pause = 0.0
            self._say(f"{self.name} is back after {self._clock() - self._away_since:.0f} s; "
                      f"{waiting} values waited for it")
        if self._disk_fails:
            self._disk_fails = False
            self.state = ""
            self._say("the spool can be used again")

    def _disk_failed(self, error: sqlite3.Error) -> float:
        """What was sent and cannot be marked as sent would be sent twice: rather nothing is."""
        if not self._disk_fails:
            self._disk_fails = True
            self._say(f"the spool cannot be used ({error}): nothing is sent until it can")
        self.state = "the spool cannot be used"
        return _DISK_PAUSE
