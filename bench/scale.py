"""10,000 targets, a tenth of them dead: does anybody stand in line behind them?

5 % accept the connection and never answer (black holes), 5 % refuse it. Beside it the same run
without the dead, and one of 1,000 targets. Each is the command ``zabbix-ssl batch --no-cache`` in a
process of its own, from start to end, so that its peak of memory can be told.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from testbed import faults

from .measure import Cost, address, in_turn, name, of_command, row, scratch, sites

TARGETS, FEW = 10_000, 1_000
NAMES = 1_000  # certificates; the targets share them
TIMEOUT = 10


def main() -> None:
    """Measure and print."""
    with scratch() as folder, sites(NAMES, folder) as (server, ca_file), \
            faults.unanswered("0.0.0.0") as hole, faults.refusing("0.0.0.0") as refusing:
        def batch(count: int, dead: bool) -> Callable[[], Cost]:
            config = folder / f"{count}-{dead}.json"
            config.write_text(json.dumps([
                {"domain": name(n % NAMES), "address": address(n), "timeout": TIMEOUT,
                 "port": (hole if n % 20 == 0 else refusing if n % 20 == 10 else server.ports[0])
                 if dead else server.ports[0]} for n in range(count)]))
            return lambda: of_command([sys.executable, "-m", "zabbix_ssl", "batch", "--no-cache",
                                       "--config", str(config), "--ca-file", str(ca_file)],
                                      memory=True)

        few, many, mixed = in_turn(3, batch(FEW, False), batch(TARGETS, False),
                                   batch(TARGETS, True))
        row(f"{FEW} targets", few, FEW)
        row(f"{TARGETS} targets", many, TARGETS)
        row(f"{TARGETS} targets, 5 % black holes, 5 % refusing", mixed, TARGETS)
        print(f"  wall time: {(mixed.wall - TIMEOUT) / many.wall:.2f} x, without one timeout of "
              f"{TIMEOUT} s")
        print(f"  CPU a target, 10,000 to 1,000: {many.cpu / TARGETS / (few.cpu / FEW):.2f} x")

