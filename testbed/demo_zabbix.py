"""``make demo-zabbix``: a real Zabbix on loopback that watches the demo's endpoints.

It stays until Ctrl-C or SIGTERM, or for so many seconds with ``--for SECONDS`` or $DURATION, and
takes everything with it. Ends with 1 when it could not come up.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Sequence
from types import FrameType

from .process import DidNotStart, NotInstalled, reach_directly
from .zabbix import PASSWORD, USER
from .zabbix_demo import SEVERITIES, Demo, Problem, shown

VERSION = "7.0"
_MOST_SECONDS = 7 * 86400.0
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody wants it to end."""


def main(argv: Sequence[str], duration: str) -> int:
    """Shows the demo on stdout; gives the exit code."""
    try:
        seconds = lasting(argv, duration)
    except ValueError as error:
        return _fail(str(error))
    for one in SIGNALS:
        signal.signal(one, _stop)
    reach_directly()
    started = time.monotonic()
    try:
        with shown(VERSION, lambda line: _say(f"[{time.monotonic() - started:3.0f} s] {line}"),
                   ) as demo:
            _say(report(demo))
            _say("It stays until Ctrl-C." if seconds is None else f"It stays for {seconds:g} s.")
            threading.Event().wait(seconds)
            _ending()
    except Stopped:
        pass
    except (NotInstalled, DidNotStart) as why:
        return _fail(" ".join(str(why).split()))
    _say("All servers are stopped, and their files removed.")
    return 0


def lasting(argv: Sequence[str], duration: str) -> float | None:
    """Seconds that the demo is to stay, None for ever. Raises ValueError."""
    words = list(argv)
    if words[:1] == ["--for"] and len(words) == 2:
        duration = words[1]
    elif words:
        raise ValueError("usage: python -m testbed.demo_zabbix [--for SECONDS]")
    if not duration:
        return None
    if not duration.isascii() or not duration.replace(".", "", 1).isdigit() or not (
            float(duration) <= _MOST_SECONDS):
        raise ValueError(f"{duration!r} is not a number of seconds")
    return float(duration)


def report(demo: Demo) -> str:
    """Where to look, and what is to be seen there."""
    problems = demo.problems()
    width = min(shutil.get_terminal_size((100, 24)).columns, 140)
    rows = [row for problem in problems for row in _row(problem, width)]
    return (f"\nZabbix {demo.zabbix.version} watches {len(demo.endpoints)} endpoints. "
            f"User {USER}, password {PASSWORD}:\n\n"
            f"  dashboard    {demo.dashboard}\n"
            f"  problems     {demo.problems_page}\n"
            f"  latest data  {demo.latest_data}\n\n"
            f"{'SEVERITY':9} PROBLEM\n" + "\n".join(rows)
            + f"\n\n{len(problems)} problems; {_count_well(demo)} endpoints are well.\n")


def _count_well(demo: Demo) -> int:
    return sum(not one.endpoint.codes for one in demo.endpoints)


def _row(problem: Problem, width: int) -> list[str]:
    head = f"{SEVERITIES[problem.severity]:9} "
    lines = textwrap.wrap(problem.name, max(40, width - len(head)), break_on_hyphens=False,
                          break_long_words=False)
    return [f"{head if not number else ' ' * len(head)}{line}" for number, line in enumerate(lines)]


def _stop(number: int, frame: FrameType | None) -> None:
    _ending()
    raise Stopped


def _ending() -> None:
    """A signal that comes while everything is being stopped must not leave half of it behind."""
    for one in SIGNALS:
        signal.signal(one, signal.SIG_IGN)
    _say("\nEnding.")


def _say(line: str) -> None:
    print(line, flush=True)


def _fail(why: str) -> int:
    print(f"make demo-zabbix: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ.get("DURATION", "")))
