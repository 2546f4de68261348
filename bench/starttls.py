"""1,000 mail servers by STARTTLS, 1,000 names with four nodes each, 1,000 targets through proxies.

Each beside the same audit of the same certificates on the plain way: TLS from the first byte, one
address, no proxy. What is compared runs in turn in the same process; its CPU is counted.

The mail servers are one nginx (its mail module), at an address and with a certificate each. The
round trips are told over a relay in another process that delays what goes by.
sslyze: certinfo and SSLv2 to TLS 1.3, 20 targets. nmap: ssl-cert, and with ssl-enum-ciphers, 50 and
10 targets.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from testbed import ways
from testbed.pki import Authority
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
    of_command,
    row,
    scratch,
    sites,
    sslyze,
)

TARGETS = 1000
NODES = 4
ROUNDS = 5
ROUND_TRIP = 0.05  # seconds
FAR_TARGETS = (1, 20)
NMAP_TARGETS, NMAP_CIPHER_TARGETS = 50, 10
#: Targets at once through a proxy: tinyproxy serves 100 connections, and a target may take five.
THROUGH_PROXY = 20
BOUND = 1.3  # of the CPU of direct TLS

#: What is found of every target, and of its nodes where it has several.
EXPECTED = {"chain_trusted": True, "hostname_match": True, "has_weak_tls": False,
            "has_weak_cipher": False, "nodes_failed": 0}

_MODULE = Path("/usr/lib/nginx/modules/ngx_mail_module.so")


class Mail(NamedTuple):
    """Mail servers at ``address(n)``: two ports of each, and the file of their root."""

    starttls: int
    tls: int
    ca_file: str


def main() -> None:
    """Measure and print."""
    with scratch() as folder:
        try:
            with mail_servers(folder) as mail:
                ours = compare_starttls(mail)
                compare_nmap(folder, mail, ours)
                compare_sslyze(folder, mail, ours)
                tell_round_trips(mail)
        except NotInstalled as missing:
            print(f"  ({missing}: STARTTLS is not measured)")
        with sites(TARGETS, folder) as (server, ca_file):
            compare_nodes(server.ports[0], str(ca_file))
            try:
                compare_proxies(folder, server.ports[0], str(ca_file))
            except NotInstalled as missing:
                print(f"  ({missing}: no proxies are measured)")


@contextmanager
def mail_servers(folder: Path) -> Iterator[Mail]:
    """One nginx, certificates as in ``measure.sites``. Raises NotInstalled."""
    binary = program("nginx")
    if not _MODULE.exists():
        raise NotInstalled("needs libnginx-mod-mail")
    root = Authority("Mail Root", key="rsa2048")
    ca_file = folder / "mail-ca.pem"
    ca_file.write_bytes(root.pem)
    with ExitStack() as stack:
        starttls, tls = (stack.enter_context(reserved("0.0.0.0")).getsockname()[1]
                         for _ in range(2))
        config = folder / "mail.conf"
        config.write_text(
            f"daemon off;\nworker_processes 1;\nload_module {_MODULE};\npid {folder}/mail.pid;\n"
            f"error_log {folder}/mail.log;\nevents {{ worker_connections 8192; }}\n"
            "mail {\n  server_name mail.example;\n  auth_http 127.0.0.1:1/;\n  starttls on;\n"
            "  ssl_protocols TLSv1.2 TLSv1.3;\n"
            + "".join(_blocks(root.authority("Mail CA", key="rsa2048"), folder, starttls, tls))
            + "}\n")
        stack.enter_context(child(
            [binary, "-p", str(folder), "-c", str(config), "-e", str(folder / "mail.log")],
            folder / "mail.output", death=signal.SIGTERM, seconds=20,
            ready=lambda: listens_at(starttls)))
        yield Mail(starttls, tls, str(ca_file))


def _blocks(intermediate: Authority, folder: Path, starttls: int, tls: int) -> Iterator[str]:
    """The configuration of each server."""
    keys = [intermediate.leaf("key.example", key=kind).key for kind in ("ec", "rsa2048")]
    for n in range(TARGETS):
        files = intermediate.leaf(name(n), key=keys[n % 2]).write(folder, f"mail{n}")
        listens = f"listen {address(n)}:{starttls}; listen {address(n)}:{tls} ssl;"
        if n == 0:  # is there for all other addresses too: one socket a port does for all
            listens += (f" listen 0.0.0.0:{starttls} backlog=4096;"
                        f" listen 0.0.0.0:{tls} ssl backlog=4096;")
        yield (f"  server {{ {listens} protocol smtp;\n    ssl_certificate {files.certificate};\n"
               f"    ssl_certificate_key {files.key};\n  }}\n")


def listens_at(port: int) -> bool:
    """Does anybody, on loopback?"""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def plain(port: int, count: int = TARGETS, starttls: str | None = None) -> list[Target]:
    """Targets at ``address(n)``."""
    return [Target(name(n), port, address(n), starttls=starttls) for n in range(count)]


def audited(targets: Sequence[Target], settings: Settings) -> Cost:
    """Audits and judges every target in this process; all must be as they are."""
    before, started = cpu(), time.monotonic()
    for _, seen in audit_all([(target, None) for target in targets], settings):
        result = judge(seen)
        for metric, value in EXPECTED.items():
            assert result.values.get(metric, value) == value, result
        assert {*EXPECTED} - {"nodes_failed"} <= {*result.values}, result
    return Cost(cpu() - before, time.monotonic() - started)


def cpu() -> float:
    """CPU seconds of this process so far, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def compare_starttls(mail: Mail) -> Cost:
    """The mark: at most 1.3 times the CPU of direct TLS. Gives the cost of STARTTLS, a target."""
    settings = Settings(ca_file=mail.ca_file, alpn="none")
    direct, spoken = in_turn(
        ROUNDS, lambda: audited(plain(mail.tls), settings),
        lambda: audited(plain(mail.starttls, starttls="smtp"), settings))
    row("mail servers, TLS from the first byte", direct, TARGETS)
    row("the same, SMTP with STARTTLS", spoken, TARGETS, direct)
    ratio = spoken.cpu / direct.cpu
    print(f"  STARTTLS to direct TLS: {ratio:.2f} ({'within' if ratio <= BOUND else 'OVER'} "
          f"{BOUND})")
    return Cost(spoken.cpu / TARGETS, spoken.wall)


def tell_round_trips(mail: Mail) -> None:
    """How many of them the wall time is, where they take long."""
    settings = Settings(ca_file=mail.ca_file, alpn="none")
    for label, port, starttls in (("TLS from the first byte", mail.tls, None),
                                  ("SMTP with STARTTLS", mail.starttls, "smtp")):
        with relay(port, ROUND_TRIP / 2) as far:
            for count in FAR_TARGETS:
                targets = plain(far, count, starttls)
                (cost,) = in_turn(ROUNDS, partial(audited, targets, settings))
                print(f"  {label}, {count} at once over a round trip of {1000 * ROUND_TRIP:.0f} "
                      f"ms: {cost.wall:.2f} s wall, {cost.wall / ROUND_TRIP:.1f} round trips")


@contextmanager
def relay(port: int, seconds: float) -> Iterator[int]:
    """What listens on ``port`` at whatever address, as if it were ``seconds`` away (one way); in a
    process of its own, whose CPU does not count. Gives the port to connect to."""
    with socket.create_server(("0.0.0.0", 0), backlog=1000) as listening:
        process = multiprocessing.get_context("fork").Process(
            target=_relay, args=(listening, port, seconds), daemon=True)
        process.start()
        try:
            yield listening.getsockname()[1]
        finally:
            process.kill()
            process.join()


def _relay(listening: socket.socket, port: int, seconds: float) -> None:
    joined: set[asyncio.Task[None] | None] = set()  # or they might be collected while they wait

    async def serve() -> None:
        async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # A connection is there at once; what it would have taken (SYN, its answer, and the
            # way of what comes behind) is made up for before the server hears of it.
            joined.add(asyncio.current_task())
            there = asyncio.get_running_loop().time() + 3 * seconds
            await asyncio.sleep(3 * seconds)
            try:
                back, to = await asyncio.open_connection(writer.get_extra_info("sockname")[0], port)
            except OSError:
                writer.close()
                return
            await asyncio.gather(_pump(reader, to, seconds, there), _pump(back, writer, seconds, 0))

        server = await asyncio.start_server(join, sock=listening)
        await server.serve_forever()

    asyncio.run(serve())


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, seconds: float,
                there: float) -> None:
    """Passes on what comes, late. What was sent before ``there`` is there already."""
    loop = asyncio.get_running_loop()
    first = True
    try:
        while data := await source.read(65536):
            late = 0 if first and loop.time() < there + seconds / 10 else seconds
            loop.call_later(late, sink.write, data)
            first = False
    except OSError:
        pass
    loop.call_later(seconds, sink.close)


def compare_nodes(port: int, ca_file: str) -> None:
    """A node costs about what a target costs."""
    several = [Target(name(n), port, ",".join(address(NODES * n + i) for i in range(NODES)))
               for n in range(TARGETS)]
    settings = Settings(ca_file=ca_file)
    one, four = in_turn(ROUNDS, lambda: audited(plain(port), settings),
                        lambda: audited(several, settings))
    row("targets with one address", one, TARGETS)
    row(f"targets with {NODES} nodes each, a node", four, NODES * TARGETS)
    print(f"  a node to a plain target: {four.cpu / NODES / one.cpu:.2f}")


def compare_proxies(folder: Path, port: int, ca_file: str) -> None:
    """tinyproxy by CONNECT, microsocks by SOCKS5. The first is slow, so that nearly each of its
    answers is one that we wait for alone, and that costs more CPU than many at once."""
    with ways.http_proxy(folder) as http, ways.socks_proxy(folder) as socks:
        settings = Settings(ca_file=ca_file, concurrency=THROUGH_PROXY)
        by = [settings, *(settings._replace(proxy=url) for url in (
            f"http://127.0.0.1:{http}", f"socks5://127.0.0.1:{socks}"))]
        costs = in_turn(3, *(partial(audited, plain(port), one) for one in by))
    row(f"targets, {THROUGH_PROXY} at once", costs[0], TARGETS)
    row("the same, through an HTTP proxy (CONNECT)", costs[1], TARGETS, costs[0])
    row("the same, through a SOCKS5 proxy", costs[2], TARGETS, costs[0])


def compare_sslyze(folder: Path, mail: Mail, ours: Cost) -> None:
    theirs = sslyze(folder, ["--starttls", "smtp", *(
        f"{name(n)}:{mail.starttls}{{{address(n)}}}" for n in range(SSLYZE_TARGETS))])
    if theirs:
        row("sslyze --starttls smtp, certinfo and SSLv2 to TLS 1.3", theirs, SSLYZE_TARGETS)
        print(f"  ratio to sslyze: 1/{theirs.cpu / SSLYZE_TARGETS / ours.cpu:.0f}")


def compare_nmap(folder: Path, mail: Mail, ours: Cost) -> None:
    """nmap's scripts speak STARTTLS where its table of services says SMTP."""
    try:
        binary = program("nmap")
    except NotInstalled as missing:
        print(f"  ({missing}: not compared)")
        return
    services = folder / "nmap-services"
    services.write_text(f"smtp\t{mail.starttls}/tcp\t0.9\n")

    for scripts, count in (("ssl-cert", NMAP_TARGETS),
                           ("ssl-cert,ssl-enum-ciphers", NMAP_CIPHER_TARGETS)):
        (cost,) = in_turn(3, partial(of_command, [
            binary, "-Pn", "-n", "-sT", "--servicedb", str(services), "--script", scripts,
            *map(address, range(count))]))
        row(f"nmap --script {scripts}", cost, count)
        print(f"  ratio to nmap: 1/{cost.cpu / count / ours.cpu:.1f}")
