"""Which items of a host take values, as far as a server lets it be known.

The server counts the rows that it takes and does not say which. So an item is asked, by a row
without a value, before the first value is sent to it; of a packet that is taken in part halves are
asked, and halves of these. An item that takes none may come: it is there after the list of targets
was sent, at the server's next configuration update.

A server that does not count such rows (none is known) cannot be asked. Then values are sent on
trust, and only a packet that is refused as a whole tells something.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf

from .trapper import Row, Trapper

#: Rows in a packet. The server looks up 256 items at a time.
PACKET = 250

_AGAIN, _LATER = 5.0, 60.0  # seconds between questions for an item that may come, and one given up


class Acceptance:
    """What is known of the items of one host at one server."""

    def __init__(self, trapper: Trapper, patience: float) -> None:
        """``patience``: seconds after which an item is given up that takes no values."""
        self.answers = True  # the server can be asked
        self.given_up: set[str] = set()
        self.ask_at = inf  # when to call ``ask_again``
        self._trapper = trapper
        self._patience = patience
        self._taking: set[str] = set()
        self._refusing: dict[str, float] = {}  # since when

    def forget(self, answers: bool) -> None:
        """All of it: the host is new, or back."""
        self.answers = answers
        self._taking.clear()
        self._refusing.clear()
        self.given_up.clear()
        self.ask_at = inf

    def forget_others(self, keys: frozenset[str]) -> None:
        """All but these."""
        self._taking &= keys
        self.given_up &= keys
        self._refusing = {key: since for key, since in self._refusing.items() if key in keys}

    def forgive(self, now: float) -> None:
        """The time in which the server was away does not count."""
        for key in self._refusing.keys() - self.given_up:
            self._refusing[key] = now
        if self._refusing:
            self.ask_at = now

    def takes(self, key: str) -> bool:
        return key in self._taking

    def refuses(self, key: str) -> bool:
        return key in self._refusing

    def missing(self) -> bool:
        """Items are still waited for."""
        return len(self._refusing) > len(self.given_up)

    def learn(self, keys: Iterable[str], now: float) -> None:
        """Know of each of these. Raises Away."""
        unknown = list(dict.fromkeys(key for key in keys if key not in self._taking
                                     and key not in self._refusing))
        found = self._ask(unknown) if self.answers else set(unknown)
        self._taking |= found
        self.refused([key for key in unknown if key not in found], now)

    def refused(self, keys: Iterable[str], now: float) -> None:
        """These take no values."""
        for key in keys:
            self._taking.discard(key)
            self._refusing.setdefault(key, now)
            self.ask_at = min(self.ask_at, now + _AGAIN)

    def taken(self, keys: Iterable[str]) -> None:
        """These have taken values."""
        for key in keys if self._refusing else ():
            self._refusing.pop(key, None)
            self.given_up.discard(key)

    def doubt(self, keys: Iterable[str]) -> None:
        """Some of these, at least, take no values any more."""
        self._taking.difference_update(keys)

    def ask_again(self, now: float) -> tuple[bool, set[str]]:
        """Whether any item that took no values may take them now, and the items that are given up
        from now on. Raises Away."""
        found = self._ask(list(self._refusing)) if self.answers else set(self._refusing)
        if self.answers:
            self.taken(found)
        self._taking |= found
        late = {key for key, since in self._refusing.items()
                if now - since >= self._patience} - self.given_up
        self.given_up |= late
        self.ask_at = now + (_AGAIN if self.missing() else _LATER if self._refusing else inf)
        return bool(found), late

    def _ask(self, keys: Sequence[str]) -> set[str]:
        found: set[str] = set()
        packets = [keys[n:n + PACKET] for n in range(0, len(keys), PACKET)]
        while packets:
            some = packets.pop()
            counts = self._trapper.send([Row(key, None) for key in some])
            if not counts.refused:
                found.update(some)
            elif counts.taken:
                middle = len(some) // 2
                packets += [some[:middle], some[middle:]]
        return found
