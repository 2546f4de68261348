"""Results in the order of the targets, each printed as its turn comes, until somebody says stop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NamedTuple, TypeVar

from ..model import Result
from .options import Call
from .output import Progress
from .speech import tell

T = TypeVar("T")


class Outcome(NamedTuple):
    """How a run ended: how many results were delivered, and the signal that ended it (0: none)."""

    delivered: int
    signal: int


def in_order(results: Iterator[tuple[int, Result]], render: Callable[[Result], T],
             deliver: Callable[[T], None], progress: Progress) -> Outcome:
    """Deliver what ``render`` makes of each result, in the order of the indexes.

    A result is rendered as it comes, and only that waits for its turn. After SIGINT or SIGTERM what
    is done is delivered all the same, the rest is abandoned.
    """
    waiting: dict[int, T] = {}
    done = delivered = 0
    with Stop() as stop:
        try:
            while (item := stop.next(results)) is not None:
                index, result = item
                waiting[index] = render(result)
                done += 1
                while delivered in waiting:
                    progress.clear()
                    deliver(waiting.pop(delivered))
                    delivered += 1
                progress.show(done, time.monotonic())
        finally:
            progress.clear()
            close = getattr(results, "close", None)
            if close:
                close()
    for index in sorted(waiting):
        deliver(waiting[index])
    return Outcome(delivered + len(waiting), stop.signal)


def tell_stopped(call: Call, outcome: Outcome, total: int, unsaved: bool = False) -> int:
    """Say what a signal left undone; returns the exit code that a shell gives to its death."""
    more = ", and nothing was saved" if unsaved else ""
    tell(call, f"stopped by {signal.Signals(outcome.signal).name}: "
         f"{total - outcome.delivered} of {total} targets were not checked{more}")
    return 128 + outcome.signal


class _Stopped(BaseException):
    """Raised out of the wait for the next result."""


class Stop:
    """Turns SIGINT and SIGTERM into the end of the results; a second one kills as ever."""

    def __init__(self) -> None:
        self.signal = 0
        self._waiting = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup and the like
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def next(self, results: Iterator[T]) -> T | None:
        """The next one; None at the end, and when it is time to stop."""
        self._waiting = True
        try:
            return None if self.signal else next(results, None)
        except _Stopped:
            return None
        finally:
            self._waiting = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        signal.signal(number, signal.SIG_DFL)
        if self._waiting:  # else between two results: a write that has begun is completed
            self._waiting = False
            raise _Stopped
