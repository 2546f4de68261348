"""The programs of OpenSSL as servers and as judges."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .pki import Files
from .process import child, program


@contextmanager
def s_server(folder: Path, *options: str, files: Files | None = None,
             address: str = "127.0.0.1") -> Iterator[int]:
    """``openssl s_server`` with ``options``, on the port that is given. It serves one connection
    at a time. Raises NotInstalled, DidNotStart."""
    log = Path(folder) / f"s_server-{time.monotonic_ns()}.log"
    argv = [program("openssl"), "s_server", "-accept", f"{address}:0", *options]
    if files is not None:
        argv += ["-cert", str(files.certificate), "-cert_chain", str(files.certificate), "-key",
                 str(files.key)]
    log.touch()

    def accepting() -> re.Match[bytes] | None:
        return re.search(rb"^ACCEPT .*:(\d+)$", log.read_bytes(), re.MULTILINE)

    read, write = os.pipe()  # s_server ends when its input does
    try:
        with child(argv, log, ready=lambda: accepting() is not None, stdin=read):
            found = accepting()
            assert found is not None
            yield int(found[1])
    finally:
        os.close(read)
        os.close(write)
