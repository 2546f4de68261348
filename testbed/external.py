"""The script as Zabbix calls it: through a shell, in /, without a home, on one pipe."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "externalscripts" / "ssl_check_batch.py"


class Answer(NamedTuple):
    """What Zabbix gets, and what it does not look at."""

    text: str  # stdout and stderr, without trailing white space
    code: int
    seconds: float
    left: tuple[str, ...]  # command lines of the processes that the call left behind


class ExternalCheck(NamedTuple):
    """How to call: the script, the configuration, the cache; ``user`` is a name, where root calls
    as somebody else. ``python``: the folder of the interpreter that has the dependencies."""

    config: Path
    cache: Path
    script: Path = SCRIPT
    user: str | None = None
    python: Path = Path(sys.executable).parent

    def __call__(self, *words: str, timeout: float = 30) -> Answer:
        """Calls and waits; after ``timeout`` seconds the process group is killed, as Zabbix does,
        and TimeoutExpired raised."""
        environment = {
            "PATH": f"{self.python}:/usr/local/bin:/usr/bin:/bin",
            "ZABBIX_SSL_CONFIG": str(self.config), "ZABBIX_SSL_CACHE": str(self.cache)}
        started = time.monotonic()
        with subprocess.Popen(
                ["/bin/sh", "-c", " ".join([str(self.script), *map(shlex.quote, words)])], cwd="/",
                env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, start_new_session=True, user=self.user, umask=0o002,
                extra_groups=None if self.user is None else []) as process:
            try:
                output, _ = process.communicate(timeout=timeout)
                seconds = time.monotonic() - started
                left = session(process.pid)
            finally:
                if session(process.pid):
                    os.killpg(process.pid, signal.SIGKILL)
        return Answer(output.decode().rstrip(), process.returncode, seconds, left)


def session(leader: int) -> tuple[str, ...]:
    """The command lines of all processes of a session, zombies too."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                words = (stat.parent / "cmdline").read_bytes().split(b"\0")
                found.append(b" ".join(words).decode(errors="replace") or stat.parent.name)
        except (OSError, IndexError):
            continue  # gone meanwhile
    return tuple(found)
