"""Blocking work beside the event loop: few threads, a queue with an end.

Not concurrent.futures: its threads are waited for when Python ends, and a probe may take its time.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Busy(Exception):
    """The queue has come to its end."""


class Threads:
    """Up to ``most`` daemon threads, started when they are needed. Used from one event loop."""

    def __init__(self, most: int, queued: int, name: str) -> None:
        self._most = most
        self._queued = queued
        self._name = name
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._started = 0
        self._under_way = 0

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """What the function returns or raises; Busy when too many wait already."""
        if self._under_way >= self._most + self._queued:
            raise Busy
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._under_way += 1
        try:
            if self._started < min(self._most, self._under_way):
                self._started += 1
                threading.Thread(target=self._serve, daemon=True, name=self._name).start()
            self._work.put(lambda: _do(loop, future, function, arguments))
            return await asyncio.shield(future)
        finally:
            if future.done():
                self._under_way -= 1
            else:  # nobody waits any more, but a thread is still at it
                future.add_done_callback(self._ended)

    def _ended(self, future: asyncio.Future[Any]) -> None:
        self._under_way -= 1
        if not future.cancelled():
            future.exception()  # seen

    def _serve(self) -> None:
        while True:
            self._work.get()()


def _do(loop: asyncio.AbstractEventLoop, future: asyncio.Future[T], function: Callable[..., T],
        arguments: tuple[Any, ...]) -> None:
    """In the thread."""
    try:
        value = function(*arguments)
    except Exception as error:
        _hand_over(loop, future.set_exception, error)
    else:
        _hand_over(loop, future.set_result, value)


def _hand_over(loop: asyncio.AbstractEventLoop, take: Callable[[Any], None], value: object) -> None:
    try:
        loop.call_soon_threadsafe(take, value)
    except RuntimeError:
        pass  # the loop has ended meanwhile
