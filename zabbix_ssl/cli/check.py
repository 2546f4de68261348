"""``zabbix-ssl check``: a person looks at targets."""

from __future__ import annotations

from ..check import run as run_checks
from ..model import Result
from ..outputs import people
from ..outputs.objects import batch_json
from . import options
from .options import Call, Option
from .output import Progress, Terminal, out
from .sinks import JsonArray, Lines
from .stream import in_order, tell_stopped
from .targets import choose

USAGE = "[options] [TARGET ...]"
ABOUT = """\
Checks each TARGET (DOMAIN, DOMAIN:PORT, [IPv6]:PORT), or all that are configured, and tells what is
wrong and what to do. One target is reported in full, several are listed.

Ends with 0 when all is fine, 1 when a target could not be checked or its handshake failed, else 2
when there is a finding of medium or high severity. 3 means that the words were wrong."""

OWN = (
    Option("--json", "", None, "print a JSON array with an object for each target"),
    Option("--full", "", None, "report several targets in full, too"),
)

FINE, NOT_CHECKED, FOUND = 0, 1, 2
_CODES = {"ok": FINE, "low": FINE, "medium": FOUND, "high": FOUND, "failed": NOT_CHECKED}
#: The first of these that any target calls for is the exit code: what could not be looked at may
#: hide anything.
_WORST_FIRST = (NOT_CHECKED, FOUND, FINE)


def run(call: Call) -> int:
    """The command; returns its exit code."""
    asked = options.read(call, USAGE, ABOUT, OWN)
    chosen = choose(asked)
    targets = chosen.targets
    terminal = Terminal(call.environ)
    as_json, listed = "json" in asked.given, len(targets) != 1 and "full" not in asked.given
    width = people.table_columns(targets)
    verdicts: list[str] = []

    def render(result: Result) -> str:
        verdicts.append(people.verdict(result))
        if as_json:
            return batch_json(result, indent=2)
        if listed:
            return people.table_line(result, width, terminal.colour, terminal.width)
        return people.report(result, terminal.colour, terminal.width) + "\n" * (len(targets) > 1)

    sink = JsonArray(out) if as_json else Lines(out)
    outcome = in_order(
        run_checks(targets, asked.settings, asked.cache, freshness=asked.freshness,
                   stamp=chosen.stamp, configured=chosen.configured),
        render, sink.add, Progress(len(targets), call.environ))
    sink.end()
    if len(targets) != 1 and not as_json:
        out(people.totals(verdicts))
    if outcome.signal:
        return tell_stopped(call, outcome, len(targets))
    codes = {_CODES[verdict] for verdict in verdicts}
    return next((code for code in _WORST_FIRST if code in codes), FINE)
