"""Revocation: what it adds to an audit when all is cached, how often it asks, a CRL of 24 MB.

1,000 targets of 10 issuers, each certificate with a pointer, each intermediate with one to the CRL
of the root. "Without" is the same audit with the revocation check taken out. "Cached" finds every
answer on disk, as a new process does.
"""

from __future__ import annotations

import random
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from testbed.nginx import Nginx, nginx
from testbed.nginx import Site as Server
from testbed.pki import Authority, Issued
from testbed.revocation import DAY, Ledger, Site, huge_crl, publish
from zabbix_ssl.metrics import judge
from zabbix_ssl.model import Revocation, Settings, Target
from zabbix_ssl.probing import audit_all, revocation
from zabbix_ssl.probing.revocation.answers import Request
from zabbix_ssl.probing.revocation.crl import find

from .measure import Cost, address, in_turn, name, row, scratch

TARGETS, ISSUERS, ROUNDS = 1000, 10, 5
ENTRIES = 500_000
LOOPBACK = ("127.0.0.0/8",)
SOURCES = ("ocsp", "crl", "stapled")


def main() -> None:
    """Measure and print."""
    with publish() as site:
        for source in SOURCES:
            with scratch() as folder, served(site, folder, source) as (server, ca_file):
                measure(site, server, source, Settings(
                    ca_file=ca_file, answers_dir=str(folder), allow_private_revocation=LOOPBACK,
                    timeout=60))
        large(site)


def measure(site: Site, server: Nginx, source: str, settings: Settings) -> None:
    """One kind of source: the first run and its requests, then cached beside without."""
    site.requests.clear()
    started = time.monotonic()
    audit(server, settings, source)
    asked = Counter(path.split("/")[1] for _, path in site.requests)
    print(f"  {source}: first run {time.monotonic() - started:.1f} s wall, asked for "
          + ", ".join(f"{kind} {count}" for kind, count in sorted(asked.items())), flush=True)
    assert asked["ocsp"] == (TARGETS if source == "ocsp" else 0), asked
    assert asked["crl"] == (ISSUERS if source == "crl" else 0), asked
    site.requests.clear()
    without, cached = in_turn(
        ROUNDS, lambda: audit(server, settings, ""), lambda: audit(server, settings, source))
    assert not site.requests
    row(f"{source}: without", without, TARGETS)
    row(f"{source}: everything cached", cached, TARGETS, without)


def audit(server: Nginx, settings: Settings, source: str) -> Cost:
    """Audits every target; ``source``: who must have told, "" to leave revocation out."""
    targets = [(Target(name(n), server.ports[0], address(n)), None) for n in range(TARGETS)]
    before, started = cpu(), time.monotonic()
    with mock.patch.object(revocation, "check", revocation.check if source else left_out):
        for _, seen in audit_all(targets, settings):
            values = judge(seen).values
            assert values["chain_trusted"], seen
            assert values["revocation_source"] == source, (source, seen.revocation)
    return Cost(cpu() - before, time.monotonic() - started)


def left_out(*arguments: Any) -> Generator[Any, Any, Revocation]:
    """In place of revocation.check."""
    return Revocation("not_applicable", "", "", False)
    yield


def cpu() -> float:
    """CPU seconds of this process so far, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def served(site: Site, folder: Path, source: str) -> Iterator[tuple[Nginx, str]]:
    """The targets behind one nginx, their responders and CRLs at ``site``; and the root's file."""
    root = Authority("Bench Root")
    site.file("root", Ledger(root).crl(next_update=int(time.time()) + 7 * DAY))
    issuers = [root.authority(f"Bench CA {n}", crl_url=site.url("root")) for n in range(ISSUERS)]
    ledgers = [Ledger(issuer) for issuer in issuers]
    for n, ledger in enumerate(ledgers):
        site.file(f"crl/{n}", ledger.crl(next_update=int(time.time()) + 7 * DAY))
        site.responder(f"ocsp/{n}", ledger)
    key = issuers[0].leaf("key.example").key

    def server(n: int) -> Server:
        issuer = n % ISSUERS
        pointer = {"ocsp": {"ocsp_url": site.url(f"ocsp/{issuer}")},
                   "crl": {"crl_url": site.url(f"crl/{issuer}")}, "stapled": {}}[source]
        leaf = issuers[issuer].leaf(name(n), key=key, **pointer)  # type: ignore[arg-type]
        return Server(leaf.write(folder, name(n)), (name(n),), address="0.0.0.0",
                      directives=stapling(leaf, ledgers[issuer]))

    def stapling(leaf: Issued, ledger: Ledger) -> str:
        if source != "stapled":
            return ""
        file = folder / f"{leaf.certificate.serial_number:x}.ocsp"
        file.write_bytes(ledger.staple(leaf))
        return f"ssl_stapling on; ssl_stapling_file {file};"

    (folder / "ca.pem").write_bytes(root.pem)
    with nginx(folder, [server(n) for n in range(TARGETS)],
               http="server_names_hash_max_size 65536;") as running:
        yield running, str(folder / "ca.pem")


def large(site: Site) -> None:
    """A CRL of half a million entries, in a process of its own for the sake of its memory."""
    root = Authority("Bench Root")
    some = random.Random(1)
    listed = [some.getrandbits(126) | 1 << 125 for _ in range(ENTRIES)]
    encoded = huge_crl(root, listed)
    print(f"  a CRL of {ENTRIES:,} entries, {len(encoded) / 1e6:.1f} MB", flush=True)
    site.file("large.crl", encoded)
    with scratch() as folder:
        subprocess.run([sys.executable, "-m", "bench.revocation", str(folder),
                        site.url("large.crl"), root.der.hex(), str(listed[0])], check=True)


def measure_large(folder: str, url: str, issuer: str, listed: int) -> None:
    """Fetching, verifying, indexing and looking into it."""
    request = Request("crl", url, b"", (bytes.fromhex(issuer),))
    settings = Settings(allow_private_revocation=LOOPBACK)
    base = peak()

    def timed(label: str, work: Callable[[], Any], times: int = 1) -> Any:
        before = cpu()
        for _ in range(times):
            result = work()
        took = 1000 * (cpu() - before) / times
        print(f"  {label:<58} {took:8.3f} ms CPU  peak {peak() - base:3} MB more", flush=True)
        return result

    timed("fetch, verify, index, keep", lambda: revocation.open_sources(settings, folder).ask(
        request, time.monotonic() + 60))
    crl = timed("open what is kept", lambda: revocation.open_sources(settings, folder).known(
        request, time.time()))
    issuer_name = crl.head.issuer
    assert not timed("look for a serial that is not listed",
                     lambda: find(crl, random.getrandbits(125), issuer_name), 10_000)
    assert timed("look for one that is", lambda: find(crl, listed, issuer_name), 1000)


def peak() -> int:
    """The most memory of this process so far, MB: of getrusage the parent's is a part."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) // 1024


if __name__ == "__main__":
    measure_large(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
