"""The event loop: tasks, timers, signals, threads."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest

from zabbix_ssl.probing.loop import EXPIRED, WOKEN, Loop, Signal, Steps, Task, clock


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


def turns(loop: Loop, until: list[object], count: int = 1, seconds: float = 5) -> None:
    """Turn the loop until ``until`` holds ``count`` things."""
    end = clock() + seconds
    while len(until) < count:
        assert clock() < end, f"nothing came: {until}"
        loop.turn(wait=True)


def test_a_task_runs_at_once_to_its_first_yield(loop: Loop) -> None:
    """What a task can do without waiting is done when start() returns."""
    seen: list[object] = []

    def steps(task: Task) -> Steps[None]:
        seen.append("begun")
        yield
        seen.append("woken")

    task = loop.start("t", steps)
    assert seen == ["begun"]
    loop.wake(task)
    turns(loop, seen, 2)
    assert task.ended


def test_a_descriptor_wakes_its_task_and_no_other(loop: Loop) -> None:
    """A task goes on when what it watches can be read, and sleeps otherwise."""
    reader, writer = os.pipe()
    seen: list[object] = []

    def reading(task: Task) -> Steps[None]:
        loop.watch(reader, task)
        seen.append((yield))

    def sleeping(task: Task) -> Steps[None]:
        yield
        seen.append("never")

    loop.start("reading", reading)
    loop.start("sleeping", sleeping)
    loop.turn(wait=False)
    assert seen == []
    os.write(writer, b"x")
    turns(loop, seen)
    assert seen == [WOKEN]
    os.close(reader)
    os.close(writer)


def test_timers_expire_in_their_order_and_a_new_one_replaces_the_old(loop: Loop) -> None:
    """A task has one timer; setting it again moves it."""
    seen: list[object] = []

    def steps(name: str, *delays: float) -> None:
        def run(task: Task) -> Steps[None]:
            for delay in delays:
                task.set_timer(clock() + delay)
            assert (yield) is EXPIRED
            seen.append(name)
        loop.start(name, run)

    steps("late", 0.06)
    steps("moved", 0.01, 0.04)
    steps("early", 0.02)
    turns(loop, seen, 3)
    assert seen == ["early", "moved", "late"]


def test_many_timers_of_one_instant(loop: Loop) -> None:
    """Timers that are equal do not trip over each other."""
    seen: list[object] = []
    when = clock() + 0.01

    def run(task: Task) -> Steps[None]:
        task.set_timer(when)
        task.set_timer(when + 1)
        task.set_timer(when)
        yield
        seen.append(task)

    for number in range(50):
        loop.start(str(number), run)
    turns(loop, seen, 50)


def test_a_signal_gives_its_value_to_all_who_wait_and_to_those_who_come_late(loop: Loop) -> None:
    """The first value counts; waiting for what is there does not give way."""
    signal: Signal[str] = Signal()
    seen: list[object] = []

    def waiting(task: Task) -> Steps[None]:
        assert (yield from signal.wait(task)) is WOKEN
        seen.append(signal.value)

    loop.start("first", waiting)
    loop.start("second", waiting)
    signal.set("value")
    signal.set("too late")
    turns(loop, seen, 2)
    loop.start("third", waiting)
    assert seen == ["value"] * 3


def test_waiting_for_a_signal_ends_with_the_timer(loop: Loop) -> None:
    """The twin that fails: nobody gives the value."""
    seen: list[object] = []

    def waiting(task: Task) -> Steps[None]:
        task.set_timer(clock() + 0.02)
        seen.append((yield from Signal[str]().wait(task)))

    loop.start("t", waiting)
    turns(loop, seen)
    assert seen == [EXPIRED]


def test_blocking_calls_run_side_by_side(loop: Loop) -> None:
    """A hundred calls, each of which waits for all the others: none stands in line."""
    together = threading.Barrier(100)
    seen: list[object] = []

    def waiting(task: Task) -> Steps[None]:
        signal = loop.call(together.wait, 5)
        yield from signal.wait(task)
        seen.append(signal.value)

    for number in range(100):
        loop.start(str(number), waiting)
    turns(loop, seen, 100, seconds=10)
    assert sorted(map(int, map(str, seen))) == list(range(100))


def test_the_exception_of_a_blocking_call_is_its_value(loop: Loop) -> None:
    """A thread that fails neither dies nor hides it."""
    seen: list[object] = []

    def waiting(task: Task) -> Steps[None]:
        signal = loop.call(int, "no number")
        yield from signal.wait(task)
        seen.append(signal.value)

    loop.start("t", waiting)
    turns(loop, seen)
    assert isinstance(seen[0], ValueError)


def test_threads_are_used_again(loop: Loop) -> None:
    """Calls one after the other do not leave a thread each behind."""
    seen: list[object] = []

    def calling(task: Task) -> Steps[None]:
        for number in range(50):
            signal = loop.call(lambda: None)
            yield from signal.wait(task)
            time.sleep(0.001)  # the thread is back in line
            seen.append(number)

    before = threading.active_count()
    loop.start("t", calling)
    turns(loop, seen, 50)
    assert threading.active_count() - before <= 5


def test_a_stopped_task_cleans_up_and_never_goes_on(loop: Loop) -> None:
    """stop() runs its finally clauses; a wake or a timer after that is nothing to it."""
    seen: list[object] = []

    def steps(task: Task) -> Steps[None]:
        task.set_timer(clock() + 0.01)
        try:
            yield
            seen.append("went on")
        finally:
            seen.append("cleaned up")

    task = loop.start("t", steps)
    loop.wake(task)
    loop.stop(task)
    time.sleep(0.02)
    loop.turn(wait=False)
    assert seen == ["cleaned up"]


def test_closing_with_a_call_under_way_neither_waits_nor_writes_elsewhere() -> None:
    """A thread whose call ends after the loop is gone ends quietly."""
    loop = Loop()
    go_on = threading.Event()
    loop.call(go_on.wait, 5)
    loop.close()
    before = os.pipe()  # takes the numbers that the loop has given back
    go_on.set()
    time.sleep(0.05)
    os.set_blocking(before[0], False)
    with pytest.raises(BlockingIOError):
        os.read(before[0], 1)
    for fd in before:
        os.close(fd)
