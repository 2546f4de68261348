"""``zabbix-ssl push`` with 10,000 targets every 5 minutes: CPU, memory, and how late checks begin.

The service as a process, sending to a listener that takes everything and asks for nothing else. Two
minutes of it: the first minute has the first round, which is 50 targets a second instead of 33.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

from testbed.trapper import trapper

from .measure import address, memory, name, of_process, scratch, sites

TARGETS = 10_000
INTERVAL = 300
MINUTES = 2
ROOT = Path(__file__).parent.parent


def main() -> None:
    """Measure and print."""
    with scratch() as folder, sites(TARGETS, folder, 5) as (server, ca), trapper() as listener:
        config = folder / "domains.json"
        config.write_text(json.dumps([
            {"domain": name(n), "port": server.ports[0], "address": address(n)}
            for n in range(TARGETS)]))
        log = folder / "push.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "zabbix_ssl", "push", "--config", str(config), "--ca-file",
                 str(ca), "--server", f"127.0.0.1:{listener.port}", "--interval",
                 str(INTERVAL), "--spool-dir", str(folder / "spool"), "--cache-dir",
                 str(folder / "cache")], stderr=out, cwd=ROOT)
        try:
            for minute in range(1, MINUTES + 1):
                before, values = of_process(process.pid), len(listener.values())
                time.sleep(60)
                took, came = of_process(process.pid) - before, len(listener.values()) - values
                print(f"  minute {minute}: {came} values, {took:.2f} s CPU, "
                      f"{1000 * took / max(1, came):.2f} ms a value, {memory(process.pid)} MB",
                      flush=True)
        finally:
            process.terminate()
            process.wait()
        told(log.read_text(), listener.values()[-1].value or "")


def told(log: str, value: str) -> None:
    """The service's own last words, when its values are those of good targets."""
    assert json.loads(value)["chain_trusted"] == 1, value
    found = re.search(r"stopped after .*", log)
    assert found, log
    print(f"  {found[0]}", flush=True)
