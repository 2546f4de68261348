"""When targets are due: their places in the interval, the first round, changes of the list."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zabbix_ssl.model import Target
from zabbix_ssl.schedule import FIRST_A_SECOND, Schedule

INTERVAL = 300.0


def targets(count: int) -> list[Target]:
    return [Target(f"t{n}.example") for n in range(count)]


def run(schedule: Schedule, start: float, end: float, step: float = 0.5
        ) -> list[tuple[float, Target]]:
    """When each target is taken, by somebody who looks every ``step`` seconds."""
    taken, now = [], start
    while now < end:
        taken += [(now, due.target) for due in schedule.take(now, 10_000)]
        now += step
    return taken


def after_first_round(schedule: Schedule, start: float, wall: float) -> dict[Target, float]:
    """The place in the interval, in seconds, where each target settles."""
    found = {target: when - start + wall for when, target in
             run(schedule, start, start + 3.1 * INTERVAL) if when > start + 2 * INTERVAL}
    return {target: when % INTERVAL for target, when in found.items()}


def test_every_target_is_due_once_an_interval() -> None:
    """After the first round each is due every 300 s exactly, to the step of who looks."""
    schedule = Schedule(INTERVAL, 1000.0, 1.7e9)
    schedule.replace(targets(500), 1000.0)
    times: dict[Target, list[float]] = {}
    for when, target in run(schedule, 1000.0, 1000 + 10 * INTERVAL):
        times.setdefault(target, []).append(when)
    assert len(times) == 500
    for seen in times.values():
        gaps = [after - before for before, after in pairwise(seen)]
        assert all(abs(gap - INTERVAL) <= 0.5 for gap in gaps[1:])
        assert INTERVAL / 2 <= gaps[0] <= 1.5 * INTERVAL + 1


def test_the_load_is_even() -> None:
    """Of 6,000 targets no second of a settled interval has more than three times its share."""
    schedule = Schedule(INTERVAL, 0.0, 1.7e9)
    schedule.replace(targets(6000), 0.0)
    seconds = Counter(int(when) for when, _ in run(schedule, 0.0, 3 * INTERVAL)
                      if when >= 2 * INTERVAL)
    assert sum(seconds.values()) == 6000
    assert max(seconds.values()) <= 3 * 6000 / INTERVAL


@pytest.mark.parametrize("later", [0.0, 17.0, 86_400.5, 12_345_678.9])
def test_a_restart_finds_every_target_at_its_place(later: float) -> None:
    """The place depends on the target and the interval alone: another start, on a machine whose
    clock counts from elsewhere, comes to the same."""
    one, other = Schedule(INTERVAL, 10.0, 1.7e9), Schedule(INTERVAL, 5e5, 1.7e9 + later)
    one.replace(targets(200), 10.0)
    other.replace(reversed(targets(200)), 5e5)
    places = after_first_round(one, 10.0, 1.7e9)
    others = after_first_round(other, 5e5, 1.7e9 + later)
    assert len(places) == 200
    for target, place in places.items():
        apart = abs(place - others[target])
        assert min(apart, INTERVAL - apart) <= 1.0  # both look every half second


def test_another_name_has_another_place() -> None:
    """Neighbours in a list do not come together, nor do the ports of a host."""
    schedule = Schedule(INTERVAL, 0.0, 1.7e9)
    hosts = [Target("a.example"), Target("a.example", 8443), Target("b.example"),
             Target("a.example", address="192.0.2.1"), Target("a.example", address="192.0.2.2")]
    schedule.replace(hosts, 0.0)
    assert len(set(after_first_round(schedule, 0.0, 1.7e9).values())) == 5


def test_the_first_values_come_soon() -> None:
    """New targets are due at the rate of the first round, beginning at once."""
    schedule = Schedule(INTERVAL, 7.0, 1.7e9)
    schedule.replace(targets(100), 7.0)
    first: dict[Target, float] = {}
    for when, target in run(schedule, 7.0, 7 + INTERVAL, 0.1):
        first.setdefault(target, when - 7)
    assert len(first) == 100
    assert min(first.values()) == 0
    assert max(first.values()) <= 100 / FIRST_A_SECOND + 0.1
    busiest = Counter(int(when) for when in first.values()).most_common(1)[0][1]
    assert busiest <= FIRST_A_SECOND + 1


def test_a_first_round_of_many_takes_an_interval() -> None:
    """30,000 new targets are not squeezed into less than the interval they are made for, and none
    waits longer."""
    schedule = Schedule(INTERVAL, 0.0, 1.7e9)
    schedule.replace(targets(30_000), 0.0)
    first: dict[Target, float] = {}
    for when, target in run(schedule, 0.0, INTERVAL + 1):
        first.setdefault(target, when)
    assert len(first) == 30_000
    assert max(Counter(int(when) for when in first.values()).values()) <= 3 * 30_000 / INTERVAL


def test_a_changed_list_moves_only_what_changed() -> None:
    """Targets that stay keep their times; a new one is due at once; one that left is never due
    again, and comes back as a new one."""
    schedule = Schedule(INTERVAL, 0.0, 1.7e9)
    old = targets(50)
    schedule.replace(old, 0.0)
    run(schedule, 0.0, 2 * INTERVAL)
    now = 2 * INTERVAL
    undisturbed = Schedule(INTERVAL, 0.0, 1.7e9)
    undisturbed.replace(old, 0.0)
    run(undisturbed, 0.0, now)
    added = Target("new.example")
    schedule.replace([*old[1:], added], now)
    assert len(schedule) == 50
    assert [due.target for due in schedule.take(now, 10) if due.when == now] == [added]
    expected = [(when, t) for when, t in run(undisturbed, now, now + INTERVAL) if t != old[0]]
    assert [(w, t) for w, t in run(schedule, now, now + INTERVAL) if t != added] == expected
    schedule.replace(old, now + INTERVAL)
    assert old[0] in [due.target for due in schedule.take(now + INTERVAL, 100)]


def test_a_changed_target_is_due_soon() -> None:
    """Whoever corrects a target's entry sees the effect now."""
    schedule = Schedule(INTERVAL, 0.0, 1.7e9)
    schedule.replace([Target("a.example")], 0.0)
    run(schedule, 0.0, 2 * INTERVAL)
    schedule.replace([Target("a.example", sni="b.example")], 2 * INTERVAL)
    assert schedule.next == 2 * INTERVAL
    assert schedule.take(2 * INTERVAL, 1)[0].target.sni == "b.example"


def test_what_was_missed_is_due_once() -> None:
    """After a day of sleep each target is due once, at most as many at a time as are asked for, the
    longest waiting first."""
    schedule = Schedule(INTERVAL, 0.0, 1.7e9)
    schedule.replace(targets(100), 0.0)
    run(schedule, 0.0, INTERVAL)
    now, taken = 86_400.0, []
    while due := schedule.take(now, 30):
        assert len(due) <= 30
        taken += due
    assert len(taken) == len({due.target for due in taken}) == 100
    assert [due.when for due in taken] == sorted(due.when for due in taken)
    assert now < schedule.next <= now + INTERVAL


def test_nothing_is_due_without_targets() -> None:
    """An empty list, from the start or later, leaves nothing to wait for."""
    schedule = Schedule(INTERVAL, 0.0, 1.7e9)
    assert schedule.next == inf and schedule.take(1e9, 10) == []
    schedule.replace(targets(3), 0.0)
    assert schedule.next < inf
    schedule.replace([], 0.0)
    assert schedule.next == inf and schedule.take(1e9, 10) == []


@given(st.floats(10, 86_400), st.floats(0, 1e7), st.floats(0, 4e9), st.floats(0, 1e6))
def test_taken_targets_are_always_due_later(interval: float, now: float, wall: float,
                                            late: float) -> None:
    """At whatever interval, clock and lateness, a target taken is next due after now, at the most
    one and a half intervals from then."""
    schedule = Schedule(interval, now, wall)
    schedule.replace([Target("a.example")], now)
    assert schedule.next == now
    assert len(schedule.take(now + late, 10)) == 1
    assert now + late < schedule.next <= now + late + 1.5 * interval + 1e-3
