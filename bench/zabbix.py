"""1,000 targets a minute on a real Zabbix 7.0: by external check, by agent 2, by push; on proxies.

Server, database, nginx and all that checks share this machine; the CPU of each is told by itself.
First the server: the same targets by each way in turn, each on an empty server of its own. Then a
proxy: what a check costs it there, how many targets that makes at an interval of five minutes with
SHARE of its cores, and as many checks a second as those need, in fact.

As many checks a second: targets in a shorter interval stand for more of them in five minutes. What
items cost beside their checks, which is memory, does not show in that. Nor does the CPU of scripts
that Zabbix ends by its Timeout: processes without an answer tell of them.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from testbed.zabbix import running
from testbed.zabbix_packages import environment, program

from .measure import memory, of_family, scratch, sites
from .zabbix_ways import (
    COLD,
    PUSH,
    SERVER,
    VERSION,
    WARM,
    WAYS,
    Lab,
    Place,
    Way,
    configure,
    installed,
    proxy,
)

TARGETS, INTERVAL = 1_000, 60
MINUTES = 2
FIVE_MINUTES = 300
CORES = os.cpu_count() or 1
SHARE = 0.5  # of the cores that a proxy may take
SHORTEST = 10  # seconds: --interval takes no less
#: Way, and the targets and interval by which its cost is measured: what will fit is not known yet.
ON_A_PROXY = ((PUSH, 1_000, 30), (WARM, 1_000, 60), (COLD, 250, 75))
#: Seconds after the items are there. First checks are made at once, and ask for more: what is late
#: from them may be made up for in so many seconds more.
SETTLE, MADE_UP = 60, 90


class Measured(NamedTuple):
    """A minute."""

    answers: float
    failed: float  # of them
    processes: float  # started for checks
    busy: float  # share of the pollers' time, %
    late: tuple[int, int]  # items that are due for over 10 s, and over a minute
    cpu: Mapping[str, float]  # seconds of each party
    stored: float  # values
    grown: float  # MB of the database
    memory: Mapping[str, int]  # MB

    @property
    def a_check(self) -> float:
        """Milliseconds of CPU, of all parties."""
        return 1000 * sum(self.cpu.values()) / max(1, self.answers)


def main() -> None:
    """Measure and print."""
    with scratch() as folder, sites(TARGETS, folder) as (nginx, ca_file):
        lab = Lab(installed(folder), folder / "domains.json", ca_file, nginx.ports[0], TARGETS,
                  INTERVAL)
        on_the_server(lab)
        on_a_proxy(lab)


def on_the_server(lab: Lab) -> None:
    """A row for each way, beside the first."""
    configure(lab)
    print(f"  {lab.targets} targets every {lab.interval} s on the server")
    beside_it: Measured | None = None
    for way in WAYS:
        with running(VERSION, None, **SERVER) as zabbix:
            place = Place("server", zabbix, zabbix.folder, zabbix.scripts, zabbix.port)
            with way.begin(lab, place) as beside:
                settle(lab, way, place, beside)
                measured = measure(lab, way, place, beside, MINUTES)
        beside_it = beside_it or measured
        tell(way.title, measured)
        print(f"  {'':4}{measured.a_check:.2f} ms CPU a check, of all together: "
              f"{measured.a_check / beside_it.a_check:.2f} x of {WAYS[0].title}", flush=True)


def on_a_proxy(lab: Lab) -> None:
    """For each way what a check costs a proxy, how many targets that makes, and the trial."""
    for way, targets, interval in ON_A_PROXY:
        lab = lab._replace(targets=targets, interval=interval)
        configure(lab)
        with running(VERSION, None, **SERVER) as zabbix, proxy(zabbix) as place:
            most = tried(lab, way, place)
            print(f"  {'':4}so with {SHARE:.0%} of {CORES} cores a proxy carries {most} targets "
                  f"every {FIVE_MINUTES} s; the trial:", flush=True)
            tried(lab._replace(interval=max(SHORTEST, FIVE_MINUTES * lab.targets // most)), way,
                  place)


def tried(lab: Lab, way: Way, place: Place) -> int:
    """Measures; how many targets that makes at five minutes."""
    with way.begin(lab, place) as beside:
        settle(lab, way, place, beside)
        measured = measure(lab, way, place, beside, MINUTES)
    as_many = lab.targets * FIVE_MINUTES // lab.interval
    tell(f"{way.title}, on a proxy: {lab.targets} every {lab.interval} s, as many checks as of "
         f"{as_many} every {FIVE_MINUTES} s", measured)
    return targets_of_five_minutes(measured)


def targets_of_five_minutes(measured: Measured) -> int:
    """How many targets a proxy carries with SHARE of the cores."""
    seconds = sum(taken for party, taken in measured.cpu.items()
                  if party not in ("server", "database"))
    return round(SHARE * CORES * FIVE_MINUTES * measured.answers / seconds)


# The figures


def settle(lab: Lab, way: Way, place: Place, beside: Mapping[str, int]) -> None:
    """Until every target has its items, and an answer; tells what making them took."""
    before, began = cpu(place, beside), time.monotonic()
    items = f"SELECT count(*) FROM items WHERE flags IN (0, 4) AND key_ LIKE '{way.item}%'"
    while number(place, items) < lab.targets:
        assert time.monotonic() < began + 600, (place.zabbix.log.read_text()[-2000:])
        time.sleep(1)
    took = time.monotonic() - began
    if took > 1:
        after = cpu(place, beside)
        spent = ", ".join(f"{party} {after[party] - before[party]:.1f} s" for party in before)
        print(f"  ({way.title}: the items came within {took:.0f} s; CPU: {spent})", flush=True)
    time.sleep(SETTLE)
    until = time.monotonic() + MADE_UP
    while late(place, 10) and time.monotonic() < until:
        time.sleep(1)


def measure(lab: Lab, way: Way, place: Place, beside: Mapping[str, int], minutes: int) -> Measured:
    """The mean of some minutes; of what is late the worst."""
    samples = []
    since, before = time.time(), reading(place, beside)
    for _ in range(minutes):
        time.sleep(60)
        samples.append((busy(place, way.poller), late(place, 10), late(place, 60)))
    until, after = time.time(), reading(place, beside)
    time.sleep(10)  # until all of it is in the database
    shares, tens, sixties = zip(*samples, strict=True)
    took = (until - since) / 60
    during = f"clock >= {since:.0f} AND clock < {until:.0f}"
    answers = sum(count(place, table, way.item, during) for table in
                  ("history_uint", "history_text")) / took
    if not way.kept:
        answers = lab.targets * 60 / lab.interval - max(tens)
    failed = count(place, "history_uint", "ssl.handshake_ok[", f"{during} AND value = 0") / took
    grown = {what: (after[what] - before[what]) / took for what in after}
    return Measured(
        answers, failed, grown["started"], sum(shares) / minutes, (max(tens), max(sixties)),
        {party: grown[party] for party in cpu(place, beside)}, grown["stored"],
        grown["size"] / 1e6, {party: memory(pid) for party, pid in beside.items()}
        | {"configuration cache": configured(place) // 10**6})


def reading(place: Place, beside: Mapping[str, int]) -> dict[str, float]:
    """All that only grows."""
    counted = place.zabbix.scratch / "started"
    return cpu(place, beside) | {
        "started": counted.stat().st_size if counted.exists() else 0,
        "stored": stats(place.port)["data"]["wcache"]["values"]["all"],
        "size": number(place, "SELECT pg_database_size('zabbix')")}


def cpu(place: Place, beside: Mapping[str, int]) -> dict[str, float]:
    """CPU seconds of each party so far."""
    postmaster = place.zabbix.folder / "database" / "postmaster.pid"
    kept, scripts = of_family(place.pid)
    found = {place.kind: kept, "scripts": scripts}
    if place.kind == "proxy":
        found["server"] = of_family(int((place.zabbix.folder / "server.pid").read_text()))[0]
    found["database"] = of_family(int(postmaster.read_text().split()[0]))[0]
    return found | {party: of_family(pid)[0] for party, pid in beside.items()}


def busy(place: Place, poller: str) -> float:
    """The share of the last minute that these pollers were busy, %."""
    return float(stats(place.port)["data"]["process"][poller]["busy"]["avg"])


def configured(place: Place) -> int:
    """What is used of CacheSize, bytes."""
    return int(stats(place.port)["data"]["rcache"]["used"])


def late(place: Place, seconds: int) -> int:
    """Items that are due for longer than that."""
    return int(stats(place.port, type="queue", params={"from": f"{seconds}s"})["queue"])


def stats(port: int, **words: object) -> Any:
    """What a server or proxy says of itself: the request ``zabbix.stats``.

    https://www.zabbix.com/documentation/7.0/en/manual/appendix/items/remote_stats
    """
    body = json.dumps({"request": "zabbix.stats", **words}).encode()
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(b"ZBXD\x01" + struct.pack("<II", len(body), 0) + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return json.loads(answer[13:])


def count(place: Place, table: str, item: str, where: str) -> int:
    """Values of the items whose key begins so."""
    return number(place, f"SELECT count(*) FROM {table} JOIN items USING (itemid) "
                         f"WHERE key_ LIKE '{item}%' AND {where}")


def number(place: Place, query: str) -> int:
    """The one number that the database answers."""
    root = place.zabbix.root
    psql = program(root, "usr/lib/postgresql/*/bin/psql")
    done = subprocess.run([psql, "-qXAt", "-h", place.zabbix.folder, "-U", "zabbix", "-d", "zabbix",
                           "-c", query], check=True, env=environment(root), stdout=subprocess.PIPE)
    return int(done.stdout)


def tell(title: str, measured: Measured) -> None:
    """Two lines of a minute."""
    parties = ", ".join(f"{party} {taken:.1f}" for party, taken in measured.cpu.items())
    resident = "".join(f", {party} {size} MB" for party, size in measured.memory.items())
    print(f"  {title}\n"
          f"  {'':4}a minute: {measured.answers:.0f} answers ({measured.failed:.0f} failed), "
          f"{measured.processes:.0f} processes, pollers {measured.busy:.0f} % busy, "
          f"{measured.late[0]} items late by 10 s, {measured.late[1]} by a minute\n"
          f"  {'':4}CPU seconds a minute: {parties}; {measured.stored:.0f} values kept, database "
          f"+{measured.grown:.1f} MB{resident}", flush=True)
