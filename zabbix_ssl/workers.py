"""More cores: a share of the work for each of several processes, forked."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

#: Does a share of the work: yields (index in the share, result), in any order.
Work = Callable[[Sequence[T]], Iterator[tuple[int, R]]]


def spread(work: Work[T, R], items: Sequence[T], workers: int) -> Iterator[tuple[int, R]]:
    """``work`` over ``items`` in several processes; yields (index, result) as they come.

    Shares are dealt like cards, so that neighbours in a list, which are often alike, do not all
    fall to one process. Raises what ``work`` raised in a worker, and RuntimeError when one dies.
    Closing the iterator ends the workers.
    """
    if workers <= 1 or len(items) <= 1:
        yield from work(items)
        return
    context = multiprocessing.get_context("fork")
    workers = min(workers, len(items))
    readers: dict[Connection, int] = {}
    processes = []
    try:
        for number in range(workers):
            reader, writer = context.Pipe(duplex=False)
            process = context.Process(
                target=_serve, args=(work, items[number::workers], writer), daemon=True)
            process.start()
            writer.close()  # so that the end of the worker is the end of the pipe
            processes.append(process)
            readers[reader] = number
        while readers:
            for ready in wait(list(readers)):
                assert isinstance(ready, Connection)
                try:
                    message = ready.recv()
                except EOFError:
                    raise RuntimeError("a worker process died before its work was done") from None
                if message is None:
                    del readers[ready]
                elif isinstance(message, Exception):
                    raise message
                else:
                    index, result = message
                    yield index * workers + readers[ready], result
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _serve(work: Work[T, R], share: Sequence[T], writer: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: ours to obey
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        for item in work(share):
            writer.send(item)
        writer.send(None)
    except Exception as error:
        writer.send(error)
