"""What a destination gets and when, against a listener that takes what it is told to take.

Time is told by a clock of the tests: nothing waits.
"""

from __future__ import annotations

import os
import resource
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testbed.trapper import Sent, trapper
from testbed.trapper import Trapper as Listener
from zabbix_ssl.zabbix.acceptance import PACKET
from zabbix_ssl.zabbix.delivery import DISCOVERY_KEY, HEARTBEAT_KEY, OVERVIEW_KEY, Delivery
from zabbix_ssl.zabbix.spool import FILE, Spool, Value
from zabbix_ssl.zabbix.trapper import Node, Trapper

HOST = "SSL certificates"


class Clock:
    """Seconds, as far as the tests let them pass."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A spool with deliveries, and the listeners they go to."""

    def __init__(self, folder: Path, *listeners: Listener, **options: float) -> None:
        self.clock = Clock()
        self.said: list[str] = []
        self.listeners = listeners
        names = [f"server-{n}" for n in range(len(listeners))]
        self.spool = Spool(str(folder / "spool"), names, 100 << 20, self.said.append)
        self.deliveries = [
            Delivery(name, Trapper([Node("127.0.0.1", listener.port)], HOST), self.spool, HOST,
                     self.said.append, clock=self.clock, **options)  # type: ignore[arg-type]
            for name, listener in zip(names, listeners, strict=True)]
        self._count = 0

    def announce(self, *domains: str) -> None:
        for delivery in self.deliveries:
            delivery.announce(f"list of {len(domains)}", [key(domain) for domain in domains])

    def measure(self, *domains: str) -> None:
        """One value of each, numbered in order."""
        self.spool.add([self._value(domain) for domain in domains])

    def _value(self, domain: str) -> Value:
        self._count += 1
        return Value(key(domain), f'{{"n": {self._count}}}', 1_700_000_000, self._count)

    def run(self, seconds: float, alive: bool = True) -> None:
        """Let that much time pass, with the turns that fall into it."""
        end = self.clock.now + seconds
        due = dict.fromkeys(self.deliveries, self.clock.now)
        while (first := min(due, key=lambda one: due[one])) and due[first] <= end:
            self.clock.now = max(self.clock.now, due[first])
            due[first] = self.clock.now + max(0.01, first.turn(alive))
        self.clock.now = end


def key(domain: str) -> str:
    return f"ssl.push[{domain},443]"


def order(rows: list[Sent]) -> list[int]:
    """The numbers of values, as they came."""
    return [row.ns for row in rows if row.ns is not None]


@pytest.fixture
def listener() -> Iterator[Listener]:
    with trapper() as made:
        yield made


@pytest.fixture
def bench(tmp_path: Path, listener: Listener) -> Iterator[Bench]:
    made = Bench(tmp_path, listener)
    yield made
    made.spool.close()


def test_heartbeat_then_list_then_values(bench: Bench, listener: Listener) -> None:
    """In that order, for the host, values as they were measured, and each once."""
    bench.announce("a", "b")
    bench.measure("a", "b")
    bench.run(5)
    bench.measure("a")
    bench.run(5)
    assert [row.key for row in listener.rows] == [
        HEARTBEAT_KEY, DISCOVERY_KEY, key("a"), key("b"), key("a")]
    assert {row.host for row in listener.rows} == {HOST}
    assert listener.rows[1].value == "list of 2"
    assert listener.values()[1] == Sent(HOST, key("b"), '{"n": 2}', 1_700_000_000, 2)
    assert bench.spool.waiting("server-0") == 0
    assert bench.said == [f"server-0 takes values of host {HOST!r}"]
    assert bench.deliveries[0].state == ""


def test_the_newest_overview_is_sent_once(bench: Bench, listener: Listener) -> None:
    """Of those that came while the host was not there, or the server away, only the last counts;
    one that was lost on the way is not sent again, the next one is."""
    def overviews() -> list[str | None]:
        return [row.value for row in listener.rows if row.key == OVERVIEW_KEY]

    listener.takes = lambda row: False
    bench.announce("a")
    for text in ("one", "two"):
        bench.deliveries[0].show(text)
        bench.run(5)
    assert overviews() == []
    listener.takes = lambda row: True
    bench.run(60)
    assert overviews() == ["two"]
    listener.stop()
    bench.deliveries[0].show("three")
    bench.run(5)
    listener.start()
    bench.run(60)
    bench.deliveries[0].show("four")
    bench.run(5)
    assert overviews() == ["two", "four"]


def test_a_heartbeat_twice_a_minute(bench: Bench, listener: Listener) -> None:
    """While audits go on; none when they do not, so that Zabbix sees it."""
    bench.announce("a")
    bench.run(300)
    beats = [row for row in listener.rows if row.key == HEARTBEAT_KEY]
    assert 10 <= len(beats) <= 12
    assert all(row.value == str(row.clock) for row in beats)
    bench.run(300, alive=False)
    assert len([row for row in listener.rows if row.key == HEARTBEAT_KEY]) == len(beats)
    bench.run(60)
    assert len([row for row in listener.rows if row.key == HEARTBEAT_KEY]) > len(beats)


def test_the_list_is_sent_when_it_changes(bench: Bench, listener: Listener) -> None:
    """At once, and else once an hour."""
    bench.announce("a")
    bench.run(1800)
    bench.announce("a", "b")
    bench.run(1)
    lists = [row.value for row in listener.rows if row.key == DISCOVERY_KEY]
    assert lists == ["list of 1", "list of 2"]
    bench.run(3590)
    assert len([row for row in listener.rows if row.key == DISCOVERY_KEY]) == 2
    bench.run(20)
    assert len([row for row in listener.rows if row.key == DISCOVERY_KEY]) == 3


def test_a_host_that_is_not_there(bench: Bench, listener: Listener) -> None:
    """Is told once, with what may be wrong; all that is measured is kept, and sent in order when
    the host is there."""
    listener.takes = lambda row: False
    bench.announce("a", "b")
    for _ in range(30):
        bench.measure("a", "b")
        bench.run(60)
    assert listener.rows == [] and {row.key for row in listener.refused} == {HEARTBEAT_KEY}
    (told,) = bench.said
    assert told.startswith(f"server-0 takes no values of host {HOST!r}: is it there and enabled")
    assert bench.deliveries[0].state == f"host {HOST!r} takes no values"
    listener.takes = lambda row: True
    bench.run(15)
    assert order(listener.values()) == list(range(1, 61))
    assert [row.key for row in listener.rows[:2]] == [HEARTBEAT_KEY, DISCOVERY_KEY]
    assert bench.said[1:] == [f"server-0 takes values of host {HOST!r}"]


def test_a_new_item_is_waited_for(bench: Bench, listener: Listener) -> None:
    """Its values wait until the server has it, others overtake them, none is sent in vain, and then
    they come in order."""
    listener.takes = lambda row: row.key != key("new")
    bench.announce("old", "new")
    for _ in range(6):
        bench.measure("new", "old")
        bench.run(10)
    assert order(listener.values()) == [2, 4, 6, 8, 10, 12]
    assert listener.refused == []  # only questions were
    listener.takes = lambda row: True
    bench.measure("new")
    bench.run(10)
    assert [row.ns for row in listener.values() if row.key == key("new")] == [1, 3, 5, 7, 9, 11, 13]
    assert bench.spool.waiting("server-0") == 0
    assert len(bench.said) == 1


def test_an_item_that_never_comes(bench: Bench, listener: Listener) -> None:
    """Its values are dropped after ten minutes, which is told once; when it comes after all, what
    is measured then is delivered."""
    listener.takes = lambda row: row.key != key("none")
    bench.announce("a", "none")
    for _ in range(15):
        bench.measure("none", "a")
        bench.run(60)
    assert bench.spool.waiting("server-0") == 0
    assert order(listener.values()) == list(range(2, 31, 2))
    assert bench.said[1:] == [
        f"server-0 has had no item for 1 targets for 10 minutes ({key('none')}): their values are "
        "dropped until it has. Look at the host's discovery rule: its filter, its errors"]
    assert len([row for row in listener.rows if row.key == DISCOVERY_KEY]) >= 3  # it might help
    listener.takes = lambda row: True
    bench.run(61)
    bench.measure("none")
    bench.run(1)
    assert order(listener.values())[-1] == 31
    assert len(bench.said) == 2


def test_time_away_does_not_count_as_waiting_for_an_item(bench: Bench, listener: Listener) -> None:
    """The server could not make it: values that wait for it are not dropped for that."""
    listener.takes = lambda row: row.key != key("new")
    bench.announce("new")
    bench.measure("new")
    bench.run(20)
    listener.stop()
    bench.run(3600)
    listener.start()
    bench.run(60)
    assert bench.spool.waiting("server-0") == 1
    listener.takes = lambda row: True
    bench.run(60)
    assert order(listener.values()) == [1]


@pytest.mark.parametrize("share", [2, 3, 17, 249, 1000])
def test_which_items_are_missing_is_found_out(bench: Bench, listener: Listener, share: int) -> None:
    """Of 600 targets every ``share``-th has no item. The server only counts; yet every value of the
    others is delivered, once, and none of these is sent."""
    domains = [f"t{n}" for n in range(600)]
    missing = {key(domain) for n, domain in enumerate(domains) if n % share == 1}
    listener.takes = lambda row: row.key not in missing
    bench.announce(*domains)
    bench.measure(*domains)
    bench.run(3)
    expected = [n + 1 for n in range(600) if n % share != 1]
    assert order(listener.values()) == expected
    assert bench.spool.waiting("server-0") == 600 - len(expected)
    assert listener.refused == []


def test_questions_are_few(bench: Bench, listener: Listener) -> None:
    """Items that all take values cost a question a packet, once, and none with later values."""
    domains = [f"t{n}" for n in range(1000)]
    bench.announce(*domains)
    for _ in range(3):
        bench.measure(*domains)
        bench.run(5)
    assert len(listener.values()) == 3000
    assert listener.questions == 1 + 1000 / PACKET  # the first is whether it answers questions


def test_an_item_that_is_disabled(bench: Bench, listener: Listener) -> None:
    """A server that takes a packet in part has refused values, and it cannot be known which: told,
    none sent twice, and from then on it is known which item it is."""
    bench.announce("a", "b", "c")
    bench.measure("a", "b", "c")
    bench.run(1)
    listener.takes = lambda row: row.key != key("b")
    bench.measure("a", "b", "c")
    bench.run(1)
    assert bench.said[1:] == ["server-0 refused 1 of 3 values: their items have been removed or "
                              "disabled, or are not there yet"]
    bench.measure("a", "b", "c")
    bench.run(1)
    assert order(listener.values()) == [1, 2, 3, 4, 6, 7, 9]
    assert order(listener.refused) == [5]
    listener.takes = lambda row: True
    bench.run(10)
    assert order(listener.values()) == [1, 2, 3, 4, 6, 7, 9, 8]
    assert len(bench.said) == 2


def test_a_packet_that_is_refused_as_a_whole(bench: Bench, listener: Listener) -> None:
    """All of its values wait, as if their items were not there yet: nothing is lost."""
    bench.announce("a", "b")
    bench.measure("a", "b")
    bench.run(1)
    listener.takes = lambda row: row.key in (HEARTBEAT_KEY, DISCOVERY_KEY)
    bench.measure("a", "b")
    bench.run(20)
    assert bench.spool.waiting("server-0") == 2
    listener.takes = lambda row: True
    bench.run(20)
    assert order(listener.values()) == [1, 2, 3, 4]


def test_a_target_that_left_the_list(bench: Bench, listener: Listener) -> None:
    """Its last values are delivered while its item is there; without it they are dropped, and
    nobody needs to hear of it."""
    bench.announce("a", "gone")
    bench.measure("a", "gone")
    bench.run(1)
    bench.announce("a")
    bench.measure("gone", "a")
    bench.run(1)
    assert order(listener.values()) == [1, 2, 3, 4]
    listener.takes = lambda row: row.key != key("gone")
    bench.announce("a", "b")
    bench.measure("gone", "a")
    bench.run(700)
    assert order(listener.values()) == [1, 2, 3, 4, 6]
    assert bench.spool.waiting("server-0") == 0
    assert len(bench.said) == 1


def test_a_server_that_comes_back(bench: Bench, listener: Listener) -> None:
    """What was measured meanwhile is sent in order, after a heartbeat; both moments are told."""
    bench.announce("a")
    bench.measure("a")
    bench.run(1)
    listener.stop()
    for _ in range(20):
        bench.measure("a")
        bench.run(30)
    assert bench.deliveries[0].state.startswith("refuses the connection")
    listener.start()
    bench.run(35)
    assert order(listener.values()) == list(range(1, 22))
    assert listener.rows[3].key == HEARTBEAT_KEY
    assert bench.said[1] == ("server-0 refuses the connection: nothing listens there. Values are "
                             "kept until it is back")
    assert bench.said[2].startswith("server-0 is back after 6")
    assert bench.said[2].endswith(" s; 20 values waited for it")
    assert bench.deliveries[0].state == ""


def test_attempts_become_rarer(bench: Bench, listener: Listener) -> None:
    """A server that is away for an hour is not asked every second, but twice a minute."""
    attempts = 0

    def hang_up(connection: object, right: bytes) -> None:
        nonlocal attempts
        attempts += 1

    bench.announce("a")
    bench.measure("a")
    bench.run(0)
    listener.fault = hang_up
    bench.measure("a")
    bench.run(3600)
    assert 100 <= attempts <= 130


def test_an_answer_that_got_lost(bench: Bench, listener: Listener) -> None:
    """The server has taken the values and nobody knows: they are sent again with the same time to
    the nanosecond, by which Zabbix sees that it has them. Later ones come once."""
    bench.announce("a", "b")
    bench.measure("a", "b")
    listener.fault = lambda connection, right: None
    bench.run(0.5)
    listener.fault = None
    bench.measure("a")
    bench.run(10)
    assert order(listener.values()) == [1, 2, 1, 2, 3]
    assert listener.values()[0] == listener.values()[2]


def test_a_backlog_goes_slowly(bench: Bench, listener: Listener) -> None:
    """500 values a second, so that the server can follow, in order."""
    bench.announce("a")
    bench.run(1)
    for _ in range(10):
        bench.measure(*["a"] * 500)
    bench.run(2)
    sent = len(listener.values())
    assert 1000 <= sent <= 1500
    bench.run(10)
    assert order(listener.values()) == list(range(1, 5001))


def test_each_destination_for_itself(tmp_path: Path, listener: Listener) -> None:
    """One that is away does not hold another up, and gets all of it later."""
    with trapper() as other:
        bench = Bench(tmp_path, listener, other)
        bench.announce("a")
        other.stop()
        for _ in range(5):
            bench.measure("a")
            bench.run(10)
        assert order(listener.values()) == [1, 2, 3, 4, 5]
        assert bench.spool.waiting("server-1") == 5
        other.start()
        bench.run(40)
        assert order(other.values()) == order(listener.values()) == [1, 2, 3, 4, 5]
        bench.spool.close()


def test_what_is_delivered_is_remembered_by_the_spool(tmp_path: Path, listener: Listener) -> None:
    """Another process that goes on sends the rest, and nothing again."""
    first = Bench(tmp_path, listener)
    first.announce("a")
    first.measure("a", "a")
    first.run(1)
    listener.stop()
    first.measure("a")
    first.run(1)
    first.spool.close()
    listener.start()
    second = Bench(tmp_path, listener)
    second.announce("a")
    second.run(5)
    second.spool.close()
    assert order(listener.values()) == [1, 2, 3]


def only_values(takes: Callable[[Sent], bool]) -> Callable[[Sent], bool]:
    """As a server would that does not count rows without a value."""
    return lambda row: row.value is not None and takes(row)


def test_a_server_that_answers_no_questions(bench: Bench, listener: Listener) -> None:
    """Values are sent on trust; those of a packet that is refused as a whole wait for their item,
    and what is refused of another is told, once."""
    listener.takes = only_values(lambda row: row.key not in (key("a"), key("b"), key("none")))
    bench.announce("a", "b", "c", "none")
    bench.measure("a", "b")
    bench.run(10)
    listener.takes = only_values(lambda row: row.key != key("none"))
    bench.run(10)
    assert order(listener.values()) == [1, 2]
    for _ in range(3):
        bench.measure("a", "none", "c")
        bench.run(10)
    assert order(listener.values()) == [1, 2, 3, 5, 6, 8, 9, 11]
    assert bench.spool.waiting("server-0") == 0
    assert len([line for line in bench.said if "refused 1 of 3" in line]) == 1


def test_an_item_that_never_comes_without_questions(bench: Bench, listener: Listener) -> None:
    """Is given up all the same, and taken up when it comes."""
    listener.takes = only_values(lambda row: row.key != key("none"))
    bench.announce("none")
    for _ in range(15):
        bench.measure("none")
        bench.run(60)
    assert bench.spool.waiting("server-0") <= 1
    assert len([line for line in bench.said if "has had no item for 1 targets" in line]) == 1
    listener.takes = only_values(lambda row: True)
    bench.run(61)
    bench.measure("none")
    bench.run(61)
    assert order(listener.values())[-1] == 16
    assert bench.spool.waiting("server-0") == 0


def test_a_spool_that_cannot_be_written(bench: Bench, listener: Listener, tmp_path: Path) -> None:
    """What was delivered and cannot be marked so is not sent again, nor is anything else, until it
    can be marked; then all goes on."""
    bench.announce("a")
    bench.measure(*["a"] * 200)
    ahead = tmp_path / "spool" / f"{FILE}-wal"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.stat(ahead).st_size, before[1]))
    try:
        with pytest.raises(sqlite3.Error):
            bench.measure("a")
        bench.run(60)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert order(listener.values()) == list(range(1, 201))
    assert bench.deliveries[0].state == "the spool cannot be used"
    bench.run(10)
    bench.measure("a")
    bench.run(10)
    assert order(listener.values()) == [*range(1, 201), 202]
    assert [line[:25] for line in bench.said[1:]] == ["the spool cannot be used ",
                                                      "the spool can be used aga"]
