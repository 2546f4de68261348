"""An event loop for many short conversations: generators over epoll, nothing more.

Why not asyncio: its import alone costs 50 ms of CPU, which every cold external check would pay, and
its transports cost more CPU a connection than the raw hello that goes over it.

Rules
- A task is a generator. It gives way with ``yield``; what it is sent says why it goes on: WOKEN (a
  descriptor that it watches is ready, or what it waits for is there) or EXPIRED (its timer ran
  out).
- Descriptors are watched edge-triggered for both directions from the start, one system call in the
  life of a connection. So a task always tries first and yields only after EAGAIN, and being woken
  promises nothing: it tries again.
- A task has one timer, an absolute time of ``clock``. Setting it anew replaces it.
- Blocking calls (name resolution, fetching) run in daemon threads and come back as a Signal.
"""

from __future__ import annotations

import itertools
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from heapq import heappop, heappush
from typing import Any, Generic, TypeVar

T = TypeVar("T")

clock = time.monotonic

WOKEN, EXPIRED = True, False

#: What a task's generator yields (nothing), is sent (WOKEN or EXPIRED) and returns.
Steps = Generator[None, bool, T]

_order = itertools.count()  # breaks ties between timers
_EDGE = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
_MAX_THREADS = 4096
_THREAD_STACK = 256 * 1024


class Task:
    """A running generator, its timer, and what to do when it ends."""

    __slots__ = ("ended", "loop", "name", "steps", "timer")

    def __init__(self, loop: Loop, name: str) -> None:
        self.loop = loop
        self.name = name
        self.timer = 0.0
        self.ended = False
        self.steps: Steps[None] | None = None

    def set_timer(self, when: float) -> None:
        """Be woken with EXPIRED at ``when``."""
        if when != self.timer:
            self.timer = when
            heappush(self.loop.timers, (when, next(_order), self))


class Signal(Generic[T]):
    """A value that comes later. Tasks wait for it with ``yield from signal.wait(task)``."""

    __slots__ = ("_tasks", "ready", "value")

    def __init__(self) -> None:
        self.ready = False
        self.value: T | None = None
        self._tasks: list[Task] = []

    def set(self, value: T) -> None:
        """Give the value; wakes the tasks that wait. Only the first call counts."""
        if not self.ready:
            self.ready, self.value = True, value
            for task in self._tasks:
                task.loop.wake(task)
            self._tasks.clear()

    def wait(self, task: Task) -> Steps[bool]:
        """Until the value is there (WOKEN) or the task's timer runs out (EXPIRED)."""
        while not self.ready:
            self._tasks.append(task)
            if (yield) is EXPIRED and not self.ready:
                return EXPIRED
        return WOKEN


class Loop:
    """Runs tasks until nothing is left to do. Use from one thread, and close it."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, int, Task]] = []
        self._epoll = select.epoll()
        self._tasks: dict[int, Task] = {}  # by the descriptors they watch
        self._ready: deque[Task] = deque()
        self._threads = Threads()
        self._epoll.register(self._threads.fileno(), select.EPOLLIN)

    def close(self) -> None:
        """End what still runs. Threads at work are left behind, as daemons.

        By hand, because a task and its generator are a cycle that could keep sockets open for long.
        """
        for task in {*self._tasks.values(), *(task for _, _, task in self.timers)}:
            self.stop(task)
        self._epoll.close()
        self._threads.close()

    def start(self, name: str, make: Callable[[Task], Steps[None]]) -> Task:
        """Start a task and run it as far as it goes at once."""
        task = Task(self, name)
        task.steps = make(task)
        self._run(task, next)
        return task

    def stop(self, task: Task) -> None:
        """End a task where it stands; its ``finally`` clauses run."""
        if not task.ended and task.steps is not None:
            task.ended = True
            task.steps.close()

    def watch(self, fd: int, task: Task) -> None:
        """Wake ``task`` when ``fd`` becomes readable or writable."""
        self._tasks[fd] = task
        self._epoll.register(fd, _EDGE)

    def unwatch(self, fd: int) -> None:
        """Forget ``fd``, which is about to be closed (the kernel forgets it by itself)."""
        self._tasks.pop(fd, None)

    def wake(self, task: Task) -> None:
        """Let ``task`` go on in the next turn."""
        self._ready.append(task)

    def call(self, function: Callable[..., T], *arguments: Any) -> Signal[T | Exception]:
        """Run a blocking function in a thread; its value or its exception comes as a signal."""
        signal: Signal[T | Exception] = Signal()
        self._threads.submit(signal, function, arguments)
        return signal

    def interrupt(self) -> None:
        """End a turn that waits. From any thread."""
        self._threads.interrupt()

    def turn(self, wait: bool) -> bool:
        """Handle what is ready, after waiting for something when ``wait``. False: nothing was."""
        events = self._epoll.poll(self._patience() if wait else 0, 256)
        threads = self._threads.fileno()
        for fd, _ in events:
            if fd == threads:
                self._threads.collect()
            elif task := self._tasks.get(fd):
                self._run(task, _woken)
        ready = self._ready
        for _ in range(len(ready)):
            self._run(ready.popleft(), _woken)
        return bool(events) | self._expire()

    def _patience(self) -> float:
        if self._ready:
            return 0
        while self.timers and self.timers[0][2].ended:
            heappop(self.timers)
        return max(0.0, self.timers[0][0] - clock()) if self.timers else -1

    def _expire(self) -> bool:
        if not self.timers:
            return False
        now, any_expired = clock(), False
        while self.timers and self.timers[0][0] <= now:
            when, _, task = heappop(self.timers)
            if task.timer == when and not task.ended:
                task.timer = 0.0
                any_expired = True
                self._run(task, _expired)
        return any_expired

    @staticmethod
    def _run(task: Task, go_on: Callable[[Any], None]) -> None:
        if not task.ended:
            try:
                go_on(task.steps)
            except StopIteration:
                task.ended = True
                task.steps = None


def _woken(steps: Steps[None]) -> None:
    steps.send(WOKEN)


def _expired(steps: Steps[None]) -> None:
    steps.send(EXPIRED)


class Threads:
    """Daemon threads for blocking calls, started as they are needed and kept for the next.

    Many, because a dead name server holds each call for seconds, longer than the target that asked
    may wait: a good name must not stand in line behind dead ones. Their stacks are small.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._calls: deque[tuple[Signal[Any], Callable[..., Any], Iterable[Any]]] = deque()
        self._results: deque[tuple[Signal[Any], Any]] = deque()
        self._waiting = threading.Semaphore(0)
        self._lock = threading.Lock()  # guards _idle, and the pipe against close
        self._idle = 0
        self._count = 0
        self._closed = False

    def fileno(self) -> int:
        """Readable when results wait to be collected."""
        return self._read

    def submit(self, signal: Signal[Any], function: Callable[..., Any], arguments: Any) -> None:
        """Run ``function(*arguments)``; ``collect`` will set ``signal``."""
        self._calls.append((signal, function, arguments))
        with self._lock:
            start = self._idle < len(self._calls) and self._count < _MAX_THREADS
            self._count += start
        if start:
            self._start_thread()
        self._waiting.release()

    def _start_thread(self) -> None:
        before = threading.stack_size(_THREAD_STACK)
        try:
            threading.Thread(target=self._work, daemon=True).start()
        except RuntimeError:  # the system has no more: the call waits for a thread to be free
            with self._lock:
                self._count -= 1
        finally:
            threading.stack_size(before)

    def interrupt(self) -> None:
        """Make ``fileno`` readable. From any thread."""
        with self._lock:
            if self._closed:
                return
            try:
                os.write(self._write, b"x")
            except BlockingIOError:
                pass  # the pipe is full: the loop is about to read it

    def collect(self) -> None:
        """Set the signals of what is done. In the loop's thread."""
        os.read(self._read, 4096)
        while self._results:
            signal, value = self._results.popleft()
            signal.set(value)

    def close(self) -> None:
        """Let idle threads end; busy ones end when their call returns."""
        with self._lock:
            self._closed = True
            os.close(self._read)
            os.close(self._write)
        for _ in range(self._count):
            self._waiting.release()

    def _work(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            self._waiting.acquire()
            with self._lock:
                self._idle -= 1
            if self._closed:
                return
            signal, function, arguments = self._calls.popleft()
            try:
                value = function(*arguments)
            except Exception as error:
                value = error
            self._results.append((signal, value))
            self.interrupt()
