"""Counting CPU, and the servers that are measured against."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from testbed.nginx import Nginx, Site, nginx
from testbed.pki import Authority


class Cost(NamedTuple):
    """What a thing took: CPU and wall seconds, and the peak of its memory in MB (0: unknown)."""

    cpu: float
    wall: float
    memory: int = 0


def of_command(argv: Sequence[str], memory: bool = False) -> Cost:
    """A command from start to end, children included.

    ``memory``: tell its peak too; the kernel never counts less than this process had at the start.
    """
    started = time.monotonic()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # reaped here
    return Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - started,
                usage.ru_maxrss // 1024 if memory else 0)


def of_process(pid: int) -> float:
    """CPU seconds of a running process so far (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def of_family(pid: int) -> tuple[float, float]:
    """CPU seconds so far of a server: of it and the processes that it keeps, and of what those have
    started and seen end, as pollers do with scripts (proc(5): utime, stime; cutime, cstime)."""
    tick = os.sysconf("SC_CLK_TCK")
    kept = started = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # gone meanwhile
        own, ended = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
        if stat.parent.name == str(pid):
            kept += own + ended  # its children that have ended were of it
        elif fields[1] == str(pid):
            kept += own
            started += ended
    return kept / tick, started / tick


def memory(pid: int) -> int:
    """Resident memory of a process, MB (proc(5))."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) // 1024


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(*(statistics.median(figures) for figures in zip(*costs, strict=True)))


def in_turn(rounds: int, *measured: Callable[[], Cost]) -> list[Cost]:
    """The medians of several, measured A B C A B C ..., so that a slow minute hits all alike."""
    taken: list[list[Cost]] = [[] for _ in measured]
    for _ in range(rounds):
        for costs, measure in zip(taken, measured, strict=True):
            costs.append(measure())
    return [median(costs) for costs in taken]


def row(name: str, cost: Cost, count: int, beside: Cost | None = None) -> None:
    """One line: per target, and the ratio to what stands beside it."""
    ratio = f"  {cost.cpu / beside.cpu:6.2f} x" if beside else ""
    memory = f"  {cost.memory:4.0f} MB" if cost.memory else ""
    print(f"  {name:<58} {1000 * cost.cpu / count:8.2f} ms CPU  {cost.wall:7.2f} s wall"
          f"{memory}{ratio}", flush=True)


@contextmanager
def sites(count: int, folder: Path, each: int = 1) -> Iterator[tuple[Nginx, Path]]:
    """One nginx on all of 127.0.0.0/8 with a certificate for ``each`` of ``count`` names under one
    intermediate, half EC and half RSA, a name a target; gives it and the root's file."""
    root = Authority("Bench Root", key="rsa2048")
    intermediate = root.authority("Bench CA", key="rsa2048")
    keys = {kind: intermediate.leaf("key.example", key=kind).key for kind in ("ec", "rsa2048")}
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(root.pem)
    names = [tuple(map(name, range(n, n + each))) for n in range(0, count, each)]
    made = [Site(intermediate.leaf(*some, key=keys["rsa2048" if n % 2 else "ec"]).write(
        folder, some[0]), some, address="0.0.0.0") for n, some in enumerate(names)]
    with nginx(folder, made, http="server_names_hash_max_size 65536;") as server:
        yield server, ca_file


def name(number: int) -> str:
    """The domain of a target."""
    return f"t{number}.bench.example"


def address(number: int) -> str:
    """The loopback address of a target."""
    return f"127.{1 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"


SSLYZE_TARGETS = 20


def sslyze(folder: Path, words: Sequence[str]) -> Cost | None:
    """certinfo and the protocols SSLv2 to TLS 1.3 of SSLYZE_TARGETS targets; sslyze is put into an
    environment of its own, because it wants an older cryptography. None where it cannot be had."""
    venv = folder / "sslyze"
    for step in ([sys.executable, "-m", "venv", str(venv)],
                 [str(venv / "bin" / "pip"), "install", "--quiet", "sslyze"]):
        if subprocess.run(step, capture_output=True, check=False).returncode:
            print("  (sslyze cannot be installed: not compared)")
            return None
    return of_command([str(venv / "bin" / "sslyze"), "--certinfo", "--sslv2", "--sslv3", "--tlsv1",
                       "--tlsv1_1", "--tlsv1_2", "--tlsv1_3", *words])


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for the time of a measurement, readable by the servers."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)
