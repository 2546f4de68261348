"""A running exporter, for the tests around it."""

from __future__ import annotations

import http.client
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from command import ZABBIX_SSL, Site
from prometheus_client.parser import text_string_to_metric_families

from testbed.process import reserved, stop


class Answer(NamedTuple):
    """Of HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Exporter(NamedTuple):
    """One that runs; ``log`` is its stderr."""

    port: int
    process: subprocess.Popen[str]
    log: Path

    def ask(self, path: str, method: str = "GET", tls: ssl.SSLContext | None = None,
            **headers: str) -> Answer:
        """The answer to a request; an underscore in a header's name stands for a hyphen."""
        connection: http.client.HTTPConnection
        if tls:
            connection = http.client.HTTPSConnection("localhost", self.port, timeout=20,
                                                     context=tls)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, headers={
                name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in
                                          answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def samples(self, path: str = "/metrics") -> dict[str, dict[str, float]]:
        """Metric to domain (or all labels of one that has none) to value."""
        found: dict[str, dict[str, float]] = {}
        for family in text_string_to_metric_families(self.ask(path).text):
            for sample in family.samples:
                name = sample.labels.get("domain") or ",".join(sample.labels.values())
                found.setdefault(sample.name, {})[name] = sample.value
        return found

    def await_(self, wanted: Callable[[], object], seconds: float = 20) -> None:
        """Until it holds; a failure shows the log."""
        until = time.monotonic() + seconds
        while not wanted():
            assert time.monotonic() < until, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)


@contextmanager
def exporter(site: Site, *argv: str, name: str = "exporter") -> Iterator[Exporter]:
    """Runs on a free port of loopback, and listens; ended politely."""
    with reserved() as held:
        port = held.getsockname()[1]
    log = site.folder / f"{name}-{port}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*ZABBIX_SSL, "exporter", "--listen", f"127.0.0.1:{port}", *argv], stdout=output,
            stderr=output, stdin=subprocess.DEVNULL, cwd="/", text=True, start_new_session=True,
            env=site.environ)
    running = Exporter(port, process, log)
    try:
        running.await_(lambda: "/metrics" in log.read_text())
        yield running
    finally:
        stop(process)  # type: ignore[arg-type]
