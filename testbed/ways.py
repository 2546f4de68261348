"""Real servers on the way to a server: proxies, and a load balancer that wants to be told of one.

    with http_proxy(folder) as port: ...      # tinyproxy
    with socks_proxy(folder) as port: ...     # microsocks
    with haproxy(folder, files) as port: ...  # TLS behind a header of the PROXY protocol

All on free ports of loopback, as root or not. Raises NotInstalled, DidNotStart.
"""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .pki import Files
from .process import child, program, reserved


@contextmanager
def http_proxy(folder: Path, *, user: str = "", password: str = "", outgoing: str = "",
               ports: tuple[int, ...] = ()) -> Iterator[int]:
    """tinyproxy. ``outgoing``: the address that it connects from; ``ports``: those that it allows
    to be connected to, none for all."""
    rows = [f"BasicAuth {user} {password}"] * bool(user) + [f"Bind {outgoing}"] * bool(outgoing)
    rows += [f"ConnectPort {port}" for port in ports]

    def start(port: int) -> list[str]:
        file = Path(folder) / f"tinyproxy-{port}.conf"
        file.write_text("\n".join((f"Port {port}", "Listen 127.0.0.1", "Allow 127.0.0.1",
                                   "Timeout 10", "MaxClients 100", *rows, "")))
        return [program("tinyproxy"), "-d", "-c", str(file)]

    with _serving(folder, start) as port:
        yield port


@contextmanager
def socks_proxy(folder: Path, *, user: str = "", password: str = "", outgoing: str = ""
                ) -> Iterator[int]:
    """microsocks. ``outgoing``: the address that it connects from."""
    more = ["-u", user, "-P", password] * bool(user) + ["-b", outgoing] * bool(outgoing)
    with _serving(folder, lambda port: [
            program("microsocks"), "-i", "127.0.0.1", "-p", str(port), *more]) as port:
        yield port


@contextmanager
def haproxy(folder: Path, files: Files) -> Iterator[int]:
    """HAProxy, which takes no connection without a header of the PROXY protocol."""
    both = Path(folder) / "haproxy.pem"
    both.touch(mode=0o600)
    both.write_bytes(files.certificate.read_bytes() + files.key.read_bytes())

    def start(port: int) -> list[str]:
        file = Path(folder) / f"haproxy-{port}.cfg"
        file.write_text(f"""
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend tls
  bind 127.0.0.1:{port} accept-proxy ssl crt {both}
  http-request return status 200
""")
        return [program("haproxy"), "-db", "-f", str(file)]

    with _serving(folder, start) as port:
        yield port


@contextmanager
def _serving(folder: Path, start: Callable[[int], list[str]]) -> Iterator[int]:
    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    with reserved() as held:
        port = held.getsockname()[1]
        with child(start(port), Path(folder) / f"way-{time.monotonic_ns()}.log", ready=listens,
                   death=signal.SIGTERM):
            yield port
