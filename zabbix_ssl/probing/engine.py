"""Audits one at a time, for services that are asked for them by many threads.

A loop of its own for each audit costs a third of the audit, and threads that take turns cost more.
So all that are under way at the same time share the loop of one thread. What a run has in common
(names looked up, files read, answers about revocation) is common to some seconds here.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..model import Observation, Security, Settings, Target
from .audit import Shared, start
from .loop import Loop, clock
from .run import raise_file_limit

#: Seconds for which audits share what they have in common.
_TOGETHER = 5.0
#: Seconds that an audit may overrun its time before nobody waits for it any more.
_GRACE = 5.0

Answers = queue.SimpleQueue[tuple[int, Observation | Exception]]


class _Asked(NamedTuple):
    number: int
    target: Target
    known: Security | None
    settings: Settings
    answers: Answers


class Engine:
    """Its ``audit_all`` is a door like that of the package, and may be used from any thread. Each
    target of a call is begun at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: Loop | None = None
        self._asked: deque[_Asked] = deque()
        self._shared: dict[Settings, Shared] = {}
        self._shared_until = 0.0

    def audit_all(self, targets: Iterable[tuple[Target, Security | None]], settings: Settings
                  ) -> Iterator[tuple[int, Observation]]:
        """See ``zabbix_ssl.probing.audit_all``."""
        answers: Answers = queue.SimpleQueue()
        begun, longest = 0, 0.0
        for index, (target, known) in enumerate(targets):
            self._ask(_Asked(index, target, known, settings, answers))
            begun, longest = begun + 1, max(longest, target.timeout or settings.timeout)
        until = clock() + longest + _GRACE
        for _ in range(begun):
            try:
                index, answer = answers.get(timeout=max(0.0, until - clock()))
            except queue.Empty:
                raise RuntimeError("no answer from the engine") from None
            if isinstance(answer, Exception):
                raise answer
            yield index, answer

    def _ask(self, asked: _Asked) -> None:
        with self._lock:
            self._asked.append(asked)
            if self._loop is None:
                self._loop = Loop()
                raise_file_limit(asked.settings)
                threading.Thread(target=self._serve, args=(self._loop,), daemon=True,
                                 name="engine").start()
            else:
                self._loop.interrupt()

    def _serve(self, loop: Loop) -> None:
        waiting: dict[int, _Asked] = {}
        try:
            while True:
                while self._asked:
                    self._begin(loop, self._asked.popleft(), waiting)
                loop.turn(wait=True)
        except Exception as error:  # the next who asks begins anew
            with self._lock:
                self._loop = None
                for asked in (*waiting.values(), *self._asked):
                    asked.answers.put((asked.number, error))
                self._asked.clear()
                self._shared.clear()
            loop.close()

    def _begin(self, loop: Loop, asked: _Asked, waiting: dict[int, _Asked]) -> None:
        if clock() >= self._shared_until:
            self._shared.clear()
            self._shared_until = clock() + _TOGETHER
        common = asked.settings._replace(timeout=0)  # the target's own counts, or what is there
        shared = self._shared.get(common)
        if shared is None:
            shared = self._shared[common] = Shared(loop, asked.settings)
        waiting[id(asked)] = asked

        def done(seen: Observation) -> None:
            del waiting[id(asked)]
            asked.answers.put((asked.number, seen))

        target = asked.target._replace(timeout=asked.target.timeout or asked.settings.timeout)
        start(shared, target, asked.known, done)
