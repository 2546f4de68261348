"""The full audit of 2,000 targets, beside the bare handshakes and the scans of others.

zabbix-ssl: handshake, certificates, chain and hostname verdicts, SSLv2 to TLS 1.3, weak ciphers,
revocation (nothing to ask here), risk.
prometheus-blackbox-exporter: one TLS handshake, nothing verified (insecure_skip_verify), asked as
Prometheus asks it, over connections that are kept and with its request headers, which have the
answer compressed; and once more without.
sslyze: certinfo and the protocols SSLv2 to TLS 1.3 (its scan of all suites), 20 targets.
"""

from __future__ import annotations

import http.client
import resource
import threading
import time
from pathlib import Path
from urllib.parse import quote

from testbed.process import NotInstalled, child, program, reserved
from zabbix_ssl.metrics import judge
from zabbix_ssl.model import Settings, Target
from zabbix_ssl.probing import audit_all

from .measure import (
    SSLYZE_TARGETS,
    Cost,
    address,
    in_turn,
    name,
    of_process,
    row,
    scratch,
    sites,
    sslyze,
)

TARGETS = 2000
ROUNDS = 5

#: What Prometheus sends with every scrape (scrape/scrape.go).
PROMETHEUS_HEADERS = {
    "User-Agent": "Prometheus/2.42.0",
    "Accept": "application/openmetrics-text;version=1.0.0,"
              "application/openmetrics-text;version=0.0.1;q=0.75,"
              "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "Accept-Encoding": "gzip",
    "X-Prometheus-Scrape-Timeout-Seconds": "5",
}


def main() -> None:
    """Measure and print."""
    with scratch() as folder, sites(TARGETS, folder) as (server, ca_file):
        port = server.ports[0]
        measured = {"zabbix-ssl, full audit": lambda: ours(port, str(ca_file))}
        try:
            blackbox = Blackbox(folder)
        except NotInstalled as missing:
            print(f"  ({missing}: not compared)")
        else:
            with blackbox:
                measured["blackbox_exporter, handshake, as Prometheus asks"] = \
                    lambda: blackbox.probe_all(port, PROMETHEUS_HEADERS)
                measured["blackbox_exporter, handshake, answer not compressed"] = \
                    lambda: blackbox.probe_all(port, {})
                costs = in_turn(ROUNDS, *measured.values())
                for label, cost in zip(measured, costs, strict=True):
                    row(label, cost, TARGETS)
                for cost, label in zip(costs[1:], list(measured)[1:], strict=True):
                    print(f"  ratio to {label}: {costs[0].cpu / cost.cpu:.2f}")
        compare_sslyze(folder, port, ours(port, str(ca_file)))


def ours(port: int, ca_file: str) -> Cost:
    """Audits and judges every target in this process."""
    targets = [(Target(name(n), port, address(n)), None) for n in range(TARGETS)]
    before, started = cpu(), time.monotonic()
    for _, seen in audit_all(targets, Settings(ca_file=ca_file)):
        result = judge(seen)
        assert result.values["chain_trusted"] and result.values["has_weak_cipher"] is False, result
    return Cost(cpu() - before, time.monotonic() - started)


def cpu() -> float:
    """CPU seconds of this process so far, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Blackbox:
    """A running blackbox_exporter, asked by eight connections at once."""

    def __init__(self, folder: Path) -> None:
        binary = program("prometheus-blackbox-exporter")
        config = folder / "blackbox.yml"
        config.write_text("modules: {tls: {prober: tcp, timeout: 5s, tcp: {tls: true, tls_config: "
                          "{insecure_skip_verify: true}}}}")
        with reserved() as held:
            self._port = held.getsockname()[1]
        self._child = child([binary, f"--config.file={config}", "--web.listen-address="
                             f"127.0.0.1:{self._port}"], folder / "blackbox.log", ready=self._ready)

    def _ready(self) -> bool:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=1)
            connection.request("GET", "/-/healthy")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def __enter__(self) -> Blackbox:
        self._process = self._child.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._child.__exit__(None, None, None)

    def probe_all(self, port: int, headers: dict[str, str]) -> Cost:
        """One probe of every target; the exporter's CPU."""
        def ask(first: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port)
            for n in range(first, TARGETS, 8):
                connection.request("GET", f"/probe?module=tls&target={quote(address(n))}:{port}",
                                   headers=headers)
                answer = connection.getresponse().read()
                assert headers or b"\nprobe_success 1" in answer, answer
            connection.close()

        before, started = of_process(self._process.pid), time.monotonic()
        threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Cost(of_process(self._process.pid) - before, time.monotonic() - started)


def compare_sslyze(folder: Path, port: int, mine: Cost) -> None:
    theirs = sslyze(folder, [f"{name(n)}:{port}{{{address(n)}}}" for n in range(SSLYZE_TARGETS)])
    if theirs:
        row("sslyze, certinfo and SSLv2 to TLS 1.3", theirs, SSLYZE_TARGETS)
        print(f"  ratio to sslyze: 1/{theirs.cpu / SSLYZE_TARGETS / (mine.cpu / TARGETS):.0f}")
