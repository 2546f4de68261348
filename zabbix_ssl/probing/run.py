"""Thousands of targets in one process.

How many run at once is decided turn by turn: whatever is ready goes on before a new target begins.
So on a fast network few are in flight and no handshake time is inflated by standing in line, and on
a slow one, or among dead hosts, as many as are allowed wait together.
"""

from __future__ import annotations

import contextlib
import gc
import resource
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial

from ..model import Observation, Security, Settings, Target
from .audit import Shared, start
from .loop import Loop

_NOTHING = (0, (None, None))
_SPARE_FILES = 64  # descriptors left to the rest of the program
_AT_ONCE = 32  # targets begun in one turn of the loop; few, and every answer wakes a sleeper


def audit_all(targets: Iterable[tuple[Target, Security | None]], settings: Settings
              ) -> Iterator[tuple[int, Observation]]:
    """See ``zabbix_ssl.probing.audit_all``."""
    loop = Loop()
    shared = Shared(loop, settings)
    finished: deque[tuple[int, Observation]] = deque()
    waiting = enumerate(targets)
    most = _most_in_flight(settings)
    in_flight, more = 0, True
    with contextlib.closing(loop), _fewer_collections():
        while more or in_flight:
            busy = loop.turn(wait=not finished and not (
                more and in_flight + shared.more_nodes < most))
            for _ in range(_AT_ONCE):
                if (busy and in_flight >= _AT_ONCE) or in_flight + shared.more_nodes >= most:
                    break
                index, (target, known) = next(waiting, _NOTHING)
                if target is None:
                    more = False
                    break
                in_flight += 1
                start(shared, target, known, partial(_finish, finished, index))
            in_flight -= len(finished)
            while finished:
                yield finished.popleft()


def _finish(finished: deque[tuple[int, Observation]], index: int, seen: Observation) -> None:
    finished.append((index, seen))


def _most_in_flight(settings: Settings) -> int:
    """As many targets as there are descriptors for."""
    soft = raise_file_limit(settings)
    if soft == resource.RLIM_INFINITY:
        return settings.concurrency
    return max(1, min(settings.concurrency, (soft - _SPARE_FILES) // settings.connections))


def raise_file_limit(settings: Settings) -> int:
    """Raise the soft limit of open files to what is wanted or to the hard one; gives what it is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = settings.concurrency * settings.connections + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < want:
        soft = want if hard == resource.RLIM_INFINITY else min(want, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft


@contextlib.contextmanager
def _fewer_collections() -> Iterator[None]:
    """The cyclic garbage collector, at its default, walks the thousands of generators in flight so
    often that it costs a tenth of an audit; little here makes cycles."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
