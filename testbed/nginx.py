"""A real nginx on loopback: one worker, as root or not, on free ports.

    with nginx(folder, Site(leaf.write(folder)), (Site(a, ("a.example",)), Site(b, ("b.example",)))
               ) as server:
        server.ports  # one a positional argument; several sites on one port are told apart by SNI
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from .pki import Files
from .process import child, program, reserved

#: OpenSSL 3 speaks TLS 1.0 and 1.1, and signs with SHA-1, only at this level.
ANY_CIPHER = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"


class Site(NamedTuple):
    """A server block."""

    files: Files
    names: tuple[str, ...] = ()  # server_name; the first site of a port answers for all others
    versions: str = "TLSv1.2 TLSv1.3"  # ssl_protocols
    ciphers: str = "DEFAULT"  # ssl_ciphers; ANY_CIPHER for the old versions
    directives: str = ""  # more lines, as nginx wants them
    address: str = "127.0.0.1"  # to listen on; 0.0.0.0 for all of 127.0.0.0/8
    listen: str = ""  # more words of the listen directive: proxy_protocol


class Nginx(NamedTuple):
    """A running server."""

    ports: tuple[int, ...]
    folder: Path
    process: subprocess.Popen[bytes]

    def reload(self, seconds: float = 5) -> None:
        """Takes certificate files that were changed. Returns when the new ones are served."""
        log = self.folder / "error.log"
        exited = "exited with code 0"
        before = log.read_text().count(exited)
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + seconds
        while log.read_text().count(exited) == before:  # the worker with the old certificates
            if time.monotonic() > deadline:
                raise TimeoutError(f"nginx did not reload: {log.read_text()[-2000:]}")
            time.sleep(0.002)


@contextmanager
def nginx(folder: Path, *ports: Site | Sequence[Site], http: str = "") -> Iterator[Nginx]:
    """Serves each of ``ports`` on a free port. ``http``: more lines of the http block.

    Raises NotInstalled, DidNotStart (a wrong directive).
    """
    binary = program("nginx")
    folder = Path(folder) / f"nginx-{time.monotonic_ns()}"
    folder.mkdir(parents=True)
    groups = [(group,) if isinstance(group, Site) else tuple(group) for group in ports]
    with ExitStack() as stack:
        held = [stack.enter_context(reserved(group[0].address)) for group in groups]
        numbers = tuple(one.getsockname()[1] for one in held)
        (folder / "nginx.conf").write_text(_configuration(folder, groups, numbers, http))
        process = stack.enter_context(child(
            [binary, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e",
             str(folder / "error.log")],
            folder / "output.log", ready=lambda: _started(folder), death=signal.SIGTERM))
        yield Nginx(numbers, folder, process)


def _started(folder: Path) -> bool:
    log = folder / "error.log"
    return log.exists() and "start worker process" in log.read_text()


def _configuration(folder: Path, groups: Sequence[Sequence[Site]], ports: Sequence[int],
                   http: str) -> str:
    blocks = "".join(_block(site, port) for group, port in zip(groups, ports, strict=True)
                     for site in group)
    temporary = "".join(f"  {kind}_temp_path {folder}/{kind};\n" for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return ("daemon off;\nworker_processes 1;\nworker_shutdown_timeout 1s;\n"
            f"pid {folder}/nginx.pid;\n"
            f"error_log {folder}/error.log notice;\nuser {_user()};\n"
            "events { worker_connections 8192; }\n"
            f"http {{\n  access_log off;\n  server_names_hash_bucket_size 256;\n"
            f"{temporary}{http}\n{blocks}}}\n")


def _block(site: Site, port: int) -> str:
    names = f"    server_name {' '.join(site.names)};\n" if site.names else ""
    return (f"  server {{\n    listen {_bracketed(site.address)}:{port} ssl {site.listen};\n{names}"
            f"    ssl_certificate {site.files.certificate};\n"
            f"    ssl_certificate_key {site.files.key};\n"
            f"    ssl_protocols {site.versions};\n    ssl_ciphers {site.ciphers};\n"
            f"    {site.directives}\n    location / {{ return 200; }}\n  }}\n")


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name
