"""An external check as Zabbix starts it: from the cache, and cold.

The script is run as a file of the checkout, its bytecode compiled, by the Python of this run.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from testbed import proxies, tls
from testbed.pki import Authority
from testbed.serving import serve

from .measure import Cost, in_turn, median, of_command, row

SCRIPT = Path(__file__).parent.parent / "externalscripts" / "ssl_check_batch.py"
RUNS = 30
ROUND_TRIP = 0.1  # seconds


def main() -> None:
    """Measure and print."""
    leaf = Authority("Bench Root").authority("Bench CA").leaf("localhost")
    with serve(tls.modern(leaf)) as port, tempfile.TemporaryDirectory() as cache:
        script = [sys.executable, str(SCRIPT), "--get", "localhost", str(port)]
        kept = [*script, "remain_days", "--cache-dir", cache]
        of_command(kept)  # fills it
        bare, fresh, everything, cold = in_turn(
            RUNS, lambda: of_command([sys.executable, "-c", "pass"]), lambda: of_command(kept),
            lambda: of_command([*script, "all", "--cache-dir", cache]),
            lambda: of_command([*script, "remain_days", "--no-cache"]))
        row("python3 -c pass", bare, 1)
        row("--get remain_days, from the cache", fresh, 1, bare)
        row("--get all, from the cache", everything, 1, bare)
        row("--get remain_days, cold", cold, 1, bare)
        with proxies.delayed(port, ROUND_TRIP / 2) as far:
            words = [sys.executable, str(SCRIPT), "--get", "127.0.0.1", str(far), "remain_days",
                     "--no-cache"]
            slow: Cost = median([of_command(words) for _ in range(RUNS // 3)])
            row(f"the same over a round trip of {1000 * ROUND_TRIP:.0f} ms", slow, 1)
            print(f"  wall time without {1000 * cold.cpu:.0f} ms of CPU: "
                  f"{(slow.wall - cold.cpu) / ROUND_TRIP:.1f} round trips")
