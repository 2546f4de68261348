"""``zabbix-ssl batch`` and ``ssl_check_batch.py``: all targets, for programs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ..check import run as run_checks
from ..languages import Language
from ..model import Result
from ..outputs import csv, html, people
from ..outputs.objects import batch_json
from ..outputs.prometheus import samples
from . import options
from .options import PER_ADDRESS, Asked, Call, Option
from .output import CLOSED, UNWRITABLE, Closed, Progress, Unwritable, out
from .saving import Saved
from .sinks import Copies, Copy, Exposition, HtmlPage, JsonArray, Lines, Write
from .speech import LANG, language, tell
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
  --overview                  prints what expires first and what is to be mended, in one JSON object
They say what is wrong on standard output, in one line, and then end with 1."""

_MOST_KEPT = 100_000

OWN = (
    Option("--zabbix", "", None, "print a line domain,port,days left for each target instead"),
    Option("--prometheus", "", None, "print metrics for Prometheus instead"),
    PER_ADDRESS,
    Option("--csv", "", None, "print a table for spreadsheets instead"),
    Option("--html", "", None, "print a page for a browser instead, all in one file"),
    Option("--save", "DIR", options.text, "also write the JSON to ssl_batch_check_<unix time>.json "
           "there, and what --csv or --html prints beside it"),
    Option("--keep", "N", options.count(_MOST_KEPT), "keep the newest N that --save has written, "
           "and remove the others"),
    LANG,
)


class Format(NamedTuple):
    """A row: how results are printed. ``language`` is that of the locale only ``for_people``."""

    copy: Callable[[Write, Language, Asked], Copy]
    kind: str = ""  # end of the name under which --save writes it; "" for none
    for_people: bool = False


def _json(write: Write, language: Language, asked: Asked) -> Copy:
    return _in(language, batch_json), JsonArray(write)


def _prometheus(write: Write, language: Language, asked: Asked) -> Copy:
    make = partial(samples, per_address="per_address" in asked.given)
    return _in(language, make), Exposition(write)


def _html(write: Write, language: Language, asked: Asked) -> Copy:
    words = {**language.words("people", people.WORDS), **language.words("html", html.WORDS)}
    return _in(language, lambda result: html.entry(result, words)), HtmlPage(write, words)


FORMATS = {
    "json": Format(_json, "json"),
    "zabbix": Format(lambda write, language, asked: (csv.zabbix_line, Lines(write))),
    "prometheus": Format(_prometheus),
    "csv": Format(lambda write, language, asked: (_in(language, csv.row),
                                                  Lines(write, csv.header())), "csv"),
    "html": Format(_html, "html", for_people=True),
}


def run(call: Call) -> int:
    """The command; returns its exit code."""
    return _run(call, ABOUT)


def run_script(call: Call) -> int:
    """The same as ``ssl_check_batch.py``, which has more modes to tell of."""
    return _run(call, SCRIPT_ABOUT)


def _run(call: Call, about: str) -> int:
    asked = options.read(call, USAGE, about, OWN)
    name = _format(asked)
    if "keep" in asked.given and "save" not in asked.given:
        raise wrong("alone", option="--keep", needed="--save DIR")
    if "per_address" in asked.given and name != "prometheus":
        raise wrong("alone", option="--per-address", needed="--prometheus")
    chosen = choose(asked)
    printed = _copy(asked, name, out)
    if "save" not in asked.given:
        return _check(asked, chosen, Copies(printed), None)
    kinds = dict.fromkeys(("json", name)) if FORMATS[name].kind else ("json",)
    with Saved(asked.given["save"], tuple(kinds)) as saved:
        copies = [_copy(asked, kind, file.write) for kind, file in saved.files.items()]
        return _check(asked, chosen, Copies(printed, *copies), saved)


def _format(asked: Asked) -> str:
    """The row of FORMATS that was asked for."""
    named = [name for name in FORMATS if name in asked.given]
    if len(named) > 1:
        raise wrong("modes", one=f"--{named[0]}", other=f"--{named[1]}")
    return named[0] if named else "json"


def _copy(asked: Asked, name: str, write: Write) -> Copy:
    row = FORMATS[name]
    return row.copy(write, language(asked, for_people=row.for_people), asked)


def _in(language: Language, make: Callable[[Result], object]) -> Callable[[Result], object]:
    """``make`` with the sentences of the result in that language."""
    return make if language.code == "en" else lambda result: make(language.result(result))


def _check(asked: Asked, chosen: Chosen, copies: Copies, saved: Saved | None) -> int:
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
        faults += saved.commit(asked.given.get("keep"))
    return _tell(asked.call, faults)


def _tell(call: Call, faults: list[Closed | Unwritable]) -> int:
    lines = [str(fault) for fault in faults if isinstance(fault, Unwritable)]
    for line in dict.fromkeys(lines):
        tell(call, line)
    return UNWRITABLE if lines else CLOSED if faults else 0
