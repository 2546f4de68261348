"""Child processes of the testbed: none outlives the Python that started it, not even a kill -9."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # prctl(2)
_libc = ctypes.CDLL(None, use_errno=True)


class NotInstalled(Exception):
    """A program that the server needs is not there; the message is "needs PROGRAM"."""


class DidNotStart(Exception):
    """The server ended before it was ready; the message is what it said."""


def program(name: str) -> str:
    """The path of a program, looked for in the folders of system programs too."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        raise NotInstalled(f"needs {name}")
    return path


def reach_directly() -> None:
    """From now on this machine is reached without the proxy that it may have for the world."""
    others = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    os.environ["no_proxy"] = ",".join(filter(None, (others, "127.0.0.1", "localhost")))


def die_with_parent(death: signal.Signals = signal.SIGKILL) -> None:
    """Called in a child: the kernel sends it ``death`` when the thread that started it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, death)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a server that crashes litters no folder


@contextmanager
def child(argv: list[str], log: Path, *, ready: Callable[[], bool] = lambda: True,
          env: Mapping[str, str] | None = None, stdin: int | None = None, seconds: float = 10,
          death: signal.Signals = signal.SIGKILL) -> Iterator[subprocess.Popen[bytes]]:
    """A process for as long as the context; entered when ``ready()`` holds. It writes to ``log``.
    ``death``: what the kernel sends it when this Python is killed; a process that has children of
    its own to end wants SIGTERM.

    Raises DidNotStart when it ends first, or is not ready after ``seconds``.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL if stdin is None else stdin, stdout=output,
            stderr=output, preexec_fn=lambda: die_with_parent(death),
            env=None if env is None else {**os.environ, **env}, start_new_session=True)
    try:
        deadline = time.monotonic() + seconds
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise DidNotStart(f"{argv[0]}: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.002)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and all of its group, politely first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def reserved(address: str = "127.0.0.1") -> socket.socket:
    """A bound socket that keeps a free port for a server to come: with SO_REUSEADDR on both, Linux
    lets the server listen there and nobody else bind it. Until then the port refuses."""
    made = socket.socket(_family(address), socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, 0))
    return made


def listener(address: str = "127.0.0.1", port: int = 0, backlog: int = 1024) -> socket.socket:
    """A listening TCP socket, on a free port by default. Its number: ``.getsockname()[1]``."""
    made = socket.socket(_family(address), socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    made.listen(backlog)
    return made


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
