"""Real endpoints, and the command line run against them, for the tests around it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from testbed.endpoints import ENDPOINTS, running

ROOT = Path(__file__).resolve().parent.parent

ZABBIX_SSL = (sys.executable, "-W", "error", "-m", "zabbix_ssl")
SCRIPT = (sys.executable, "-W", "error", str(ROOT / "externalscripts" / "ssl_check_batch.py"))


class Site:
    """Endpoints by their names in ``testbed.endpoints``, with a configuration and an environment
    that holds nothing else."""

    def __init__(self, folder: Path, ports: dict[str, int]) -> None:
        self.folder = folder
        self.config = folder / "domains.json"
        self.targets: list[dict[str, Any]] = json.loads(self.config.read_text())["targets"]
        self._ports = ports
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        self.environ = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "PYTHONPATH": path,
            "ZABBIX_SSL_CONFIG": str(self.config), "ZABBIX_SSL_CACHE": str(folder / "cache")}

    def domain(self, name: str) -> str:
        return f"{name}.demo.example"

    def port(self, name: str) -> str:
        return str(self._ports[name])

    def target(self, name: str) -> str:
        return f"{self.domain(name)}:{self._ports[name]}"

    def configure(self, name: str, targets: Sequence[object], **document: object) -> Path:
        """Another configuration beside the first."""
        path = self.folder / name
        path.write_text(json.dumps({"targets": targets, **document}))
        return path

    def run(self, *argv: str, program: Sequence[str] = ZABBIX_SSL, environ: dict[str, str] | None =
            None, **more: Any) -> subprocess.CompletedProcess[str]:
        """The command as a process of its own, in another folder, without an input."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        return subprocess.run(
            [*program, *argv], env={**self.environ, **(environ or {})}, cwd="/", text=True,
            stdin=subprocess.DEVNULL, timeout=60, check=False, **pipes)

    def start(self, *argv: str, **more: Any) -> subprocess.Popen[str]:
        """The command as a process that goes on."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        return subprocess.Popen([*ZABBIX_SSL, *argv], env=self.environ, cwd="/", text=True,
                                stdin=subprocess.DEVNULL, **pipes)


@contextmanager
def site(folder: Path, *names: str) -> Iterator[Site]:
    """The endpoints of these names, up and configured."""
    chosen = [endpoint for endpoint in ENDPOINTS if endpoint.name in names]
    assert len(chosen) == len(names)
    with running(chosen, folder) as started:
        yield Site(folder, {one.endpoint.name: one.port for one in started})
