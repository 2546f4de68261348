"""A scrape of 10,000 targets, and /probe beside prometheus-blackbox-exporter on the same targets.

Scrape: the exporter runs as it does, its schedule auditing all the while; its CPU is taken over
times with scrapes and over times as long without, in turn, and the difference is the scrapes'.

/probe: every answer is a full audit (no cache), asked by eight connections with the request headers
of Prometheus, which have it compressed; blackbox_exporter does one TLS handshake. And the same
answered from the cache.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from testbed.process import NotInstalled, child, reserved

from .audit import PROMETHEUS_HEADERS, Blackbox
from .audit import TARGETS as PROBED
from .measure import Cost, address, in_turn, name, of_process, row, scratch, sites

TARGETS, NAMES = 10_000, 1_000
SCRAPES, SECONDS, WINDOWS = 20, 20.0, 3
CONNECTIONS, ROUNDS = 8, 3


class Running(NamedTuple):
    """An exporter under measurement."""

    port: int
    process: subprocess.Popen[bytes]

    def cpu(self) -> float:
        return of_process(self.process.pid)

    def memory(self) -> int:
        """Resident, in MB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def main() -> None:
    """Measure and print."""
    with scratch() as folder, sites(NAMES, folder) as (server, ca_file):
        port = server.ports[0]
        scrapes(folder, port, str(ca_file))
        probes(folder, port, str(ca_file))


def scrapes(folder: Path, port: int, ca_file: str) -> None:
    """10,000 targets, their results fresh from the cache that a batch has filled."""
    config = folder / "domains.json"
    config.write_text(json.dumps([{"domain": name(n % NAMES), "address": address(n), "port": port}
                                  for n in range(TARGETS)]))
    words = ("--config", str(config), "--ca-file", ca_file, "--cache-dir", str(folder / "cache"))
    (folder / "cache").mkdir()
    subprocess.run([sys.executable, "-m", "zabbix_ssl", "batch", *words], check=True,
                   stdout=subprocess.DEVNULL)
    with exporter(folder, *words) as running:
        await_targets(running.port)
        plain, zipped = (len(scrape(running.port, headers)) / 1e6
                         for headers in ({}, PROMETHEUS_HEADERS))
        costs: list[float] = []
        walls: list[float] = []
        for _ in range(WINDOWS):
            without = window(running, lambda: None)
            costs.append((window(running, lambda: walls.append(
                timed_scrape(running.port))) - without) / SCRAPES)
        print(f"  a scrape of {TARGETS} targets ({plain:.1f} MB of text, {zipped:.2f} MB "
              f"compressed): {1000 * statistics.median(costs):.0f} ms CPU, "
              f"{1000 * statistics.median(walls):.0f} ms wall; the exporter has "
              f"{running.memory()} MB", flush=True)


def window(running: Running, work: Callable[[], None]) -> float:
    """CPU seconds of the exporter over a time in which ``work`` is done every second."""
    before = running.cpu()
    for _ in range(SCRAPES):
        until = time.monotonic() + SECONDS / SCRAPES
        work()
        time.sleep(max(0.0, until - time.monotonic()))
    return running.cpu() - before


def timed_scrape(port: int) -> float:
    """Seconds that one takes, as Prometheus asks."""
    began = time.monotonic()
    scrape(port, PROMETHEUS_HEADERS)
    return time.monotonic() - began


def scrape(port: int, headers: dict[str, str]) -> bytes:
    """The body of /metrics as it comes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics", headers=headers)
    body = connection.getresponse().read()
    connection.close()
    return body


def await_targets(port: int) -> None:
    """Until each target is shown."""
    while scrape(port, {}).count(b"\nssl_probe_success{") < TARGETS:
        time.sleep(0.5)


def probes(folder: Path, port: int, ca_file: str) -> None:
    """The same 2,000 targets through both exporters."""
    words = ("--probe-allow", "127.0.0.0/8:*", "--ca-file", ca_file)
    with exporter(folder, *words, "--no-cache") as auditing, \
            exporter(folder, *words, "--cache-dir", str(folder / "cache"),
                     "--max-age", "86400") as keeping:
        probe_all(keeping, port)
        measured = {"zabbix-ssl /probe, full audit": lambda: probe_all(auditing, port),
                    "zabbix-ssl /probe, from the cache": lambda: probe_all(keeping, port)}
        try:
            blackbox = Blackbox(folder)
        except NotInstalled as missing:
            print(f"  ({missing}: not compared)")
            tell(measured)
            return
        with blackbox:
            measured["blackbox_exporter /probe, handshake"] = \
                lambda: blackbox.probe_all(port, PROMETHEUS_HEADERS)
            tell(measured)


def tell(measured: dict[str, Callable[[], Cost]]) -> None:
    """A row each, and the first in the measure of the last."""
    costs = in_turn(ROUNDS, *measured.values())
    for label, cost in zip(measured, costs, strict=True):
        row(label, cost, PROBED)
        print(f"  {'':58} {PROBED / cost.wall:8.0f} probes a second")
    if len(costs) > 2:
        print(f"  ratio of a full audit to its handshake: {costs[0].cpu / costs[-1].cpu:.2f}")


def probe_all(running: Running, port: int) -> Cost:
    """One probe of every target; the exporter's CPU."""
    def ask(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", running.port)
        for n in range(first, PROBED, CONNECTIONS):
            connection.request("GET", f"/probe?target={address(n)}:{port}",
                               headers=PROMETHEUS_HEADERS)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200 and len(body) > 500, body
        connection.close()

    before, started = running.cpu(), time.monotonic()
    threads = [threading.Thread(target=ask, args=(n,)) for n in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Cost(running.cpu() - before, time.monotonic() - started, running.memory())


@contextmanager
def exporter(folder: Path, *words: str) -> Iterator[Running]:
    """A running exporter that listens."""
    with reserved() as held:
        port = held.getsockname()[1]
    environ = {"ZABBIX_SSL_CONFIG": ""} if "--config" not in words else {}

    def ready() -> bool:
        try:
            scrape(port, {})
        except OSError:
            return False
        return True

    with child([sys.executable, "-m", "zabbix_ssl", "exporter", "--listen", f"127.0.0.1:{port}",
                *words], folder / f"exporter-{port}.log", ready=ready, env=environ,
               death=signal.SIGTERM) as process:
        yield Running(port, process)
