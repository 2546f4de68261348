"""``zabbix-ssl batch`` and ``ssl_check_batch.py``: all targets, for programs."""

from __future__ import annotations

from ..check import run as run_checks
from ..outputs.csv import zabbix_line
from ..outputs.objects import batch_json
from ..outputs.prometheus import samples
from . import options
from .options import Asked, Call, Option
from .output import CLOSED, UNWRITABLE, Closed, Progress, Unwritable, note, out
from .saving import SavedFile
from .sinks import Copies, Copy, Exposition, JsonArray, Lines
from .stream import in_order, tell_stopped
from .targets import Chosen, choose
from .wrong import wrong

USAGE = "[options] [TARGET ...]"
ABOUT = """\
Checks all configured targets, or each TARGET (DOMAIN, DOMAIN:PORT, [IPv6]:PORT), and prints a JSON
array with an object for each, in their order.

Ends with 0 when everything was printed, whatever was found; 3 when the words were wrong or the
results could not be written; 130 or 143 when it was stopped by SIGINT or SIGTERM."""
SCRIPT_ABOUT = ABOUT + """

As an external check of Zabbix:
  --discover                  prints the configured targets for low-level discovery
  --get DOMAIN PORT METRIC    prints one value, or with the metric "all" a JSON object of them
Both say what is wrong on standard output, in one line, and then end with 1."""

OWN = (
    Option("--zabbix", "", None, "print a line domain,port,days left for each target instead"),
    Option("--prometheus", "", None, "print metrics for Prometheus instead"),
    Option("--save", "DIR", options.text, "also write the JSON to ssl_batch_check_<unix time>.json "
           "there"),
)


def run(call: Call) -> int:
    """The command; returns its exit code."""
    return _run(call, ABOUT)


def run_script(call: Call) -> int:
    """The same as ``ssl_check_batch.py``, which has more modes to tell of."""
    return _run(call, SCRIPT_ABOUT)


def _run(call: Call, about: str) -> int:
    asked = options.read(call, USAGE, about, OWN)
    printed = _printed(asked)
    chosen = choose(asked)
    if "save" not in asked.given:
        return _check(asked, chosen, Copies(printed), None)
    saved = SavedFile(asked.given["save"])
    try:
        return _check(asked, chosen, Copies(printed, (batch_json, JsonArray(saved.write))), saved)
    finally:
        saved.abandon()


def _printed(asked: Asked) -> Copy:
    if "zabbix" in asked.given and "prometheus" in asked.given:
        raise wrong("modes", one="--zabbix", other="--prometheus")
    if "zabbix" in asked.given:
        return zabbix_line, Lines(out)
    return (samples, Exposition(out)) if "prometheus" in asked.given else (
        batch_json, JsonArray(out))


def _check(asked: Asked, chosen: Chosen, copies: Copies, saved: SavedFile | None) -> int:
    total = len(chosen.targets)
    outcome = in_order(
        run_checks(chosen.targets, asked.settings, asked.cache, freshness=asked.freshness,
                   stamp=chosen.stamp, configured=chosen.configured),
        copies.render, copies.add, Progress(total, asked.call.environ))
    copies.end()
    if outcome.signal:
        return tell_stopped(asked.call, outcome, total, saved is not None)
    faults = list(copies.faults)
    if saved:
        try:
            saved.commit()
        except Unwritable as fault:
            faults.append(fault)
    return _tell(asked.call, faults)


def _tell(call: Call, faults: list[Closed | Unwritable]) -> int:
    lines = [str(fault) for fault in faults if isinstance(fault, Unwritable)]
    for line in lines:
        note(f"{call.program}: {line}")
    return UNWRITABLE if lines else CLOSED if faults else 0
