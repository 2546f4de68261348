"""``zabbix-ssl check``: a person looks at targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..check import run as run_checks
from ..languages import Language
from ..model import Result
from ..outputs import people
from ..outputs.objects import batch_json
from . import options
from .options import Asked, Call, Option
from .output import Progress, Terminal, out
from .sinks import JsonArray, Lines
from .speech import LANG, language
from .stream import Outcome, in_order, tell_stopped
from .targets import Chosen, choose
from .wrong import wrong

USAGE = "[options] [TARGET ...]"
ABOUT = """\
Checks each TARGET (DOMAIN, DOMAIN:PORT, [IPv6]:PORT), or all that are configured, and tells what is
wrong and what to do. One target is reported in full, several are listed.

Ends with 0 when all is fine, 1 when a target could not be checked or its handshake failed, else 2
when there is a finding of medium or high severity. 3 means that the words were wrong."""

EVERY = 30.0  # seconds between two looks of --watch

OWN = (
    Option("--json", "", None, "print a JSON array with an object for each target"),
    Option("--full", "", None, "report several targets in full, too"),
    Option("--show-fix", "", None, "also print the certificates that a server should send and does "
           "not, PEM, to be added to its certificate file"),
    Option("--watch", "", None, "look again and again, until Ctrl-C, and tell what changes"),
    Option("--every", "SECONDS", options.seconds(1, 86400), "between two looks of --watch "
           f"(default: {EVERY:g})"),
    LANG,
)

FINE, NOT_CHECKED, FOUND = 0, 1, 2
_CODES = {"ok": FINE, "low": FINE, "medium": FOUND, "high": FOUND, "failed": NOT_CHECKED}
#: The first of these that any target calls for is the exit code: what could not be looked at may
#: hide anything.
_WORST_FIRST = (NOT_CHECKED, FOUND, FINE)


class View(NamedTuple):
    """How results are shown."""

    language: Language
    words: people.Words
    colour: bool
    width: int | None
    columns: int  # of the targets in a list
    json: bool
    listed: bool
    several: bool
    fix: bool

    def text(self, result: Result) -> str:
        """One result."""
        result = self.language.result(result)
        if self.json:
            return batch_json(result, indent=2)
        if self.listed:
            text = people.table_line(result, self.columns, self.colour, self.width, self.words)
        else:
            text = people.report(result, self.colour, self.width, self.words)
        if self.fix:
            text += people.fix(result, self.words)
        return text if self.listed or not self.several else text + "\n"


class Seen(NamedTuple):
    """What one look saw of one target."""

    target: str
    verdict: str
    fingerprint: str  # "" when there was no certificate


def run(call: Call) -> int:
    """The command; returns its exit code."""
    asked = options.read(call, USAGE, ABOUT, OWN)
    for other in ("watch", "show_fix"):
        if "json" in asked.given and other in asked.given:
            raise wrong("modes", one="--json", other="--" + other.replace("_", "-"))
    if "every" in asked.given and "watch" not in asked.given:
        raise wrong("alone", option="--every", needed="--watch")
    chosen = choose(asked)
    view = _view(asked, chosen)
    if "watch" in asked.given:
        from .watch import watch  # on use: most look once

        return watch(asked, chosen, view, asked.given.get("every", EVERY))
    seen, outcome = look(asked, chosen, view, out)
    if outcome.signal:
        return tell_stopped(call, outcome, len(chosen.targets))
    return code_of(seen)


def _view(asked: Asked, chosen: Chosen) -> View:
    terminal, several = Terminal(asked.call.environ), len(chosen.targets) != 1
    as_json = "json" in asked.given
    speech = language(asked, for_people=not as_json)
    return View(speech, speech.words("people", people.WORDS), terminal.colour, terminal.width,
                people.table_columns(chosen.targets), as_json,
                several and "full" not in asked.given, several, "show_fix" in asked.given)


def look(asked: Asked, chosen: Chosen, view: View, write: Callable[[str], None]
         ) -> tuple[list[Seen], Outcome]:
    """Check all once and show them through ``write``, each as its turn comes."""
    seen: list[Seen] = []

    def deliver(rendered: tuple[Seen, str]) -> None:
        seen.append(rendered[0])
        sink.add(rendered[1])

    def render(result: Result) -> tuple[Seen, str]:
        return Seen(people.target_text(result.target), people.verdict(result),
                    str(result.values.get("fingerprint_sha256", ""))), view.text(result)

    sink = JsonArray(write) if view.json else Lines(write)
    outcome = in_order(
        run_checks(chosen.targets, asked.settings, asked.cache, freshness=asked.freshness,
                   stamp=chosen.stamp, configured=chosen.configured),
        render, deliver, Progress(len(chosen.targets), asked.call.environ))
    sink.end()
    if view.several and not view.json:
        write(people.totals([one.verdict for one in seen], view.words))
    return seen, outcome


def code_of(seen: list[Seen]) -> int:
    """The exit code that a look calls for."""
    codes = {_CODES[one.verdict] for one in seen}
    return next((code for code in _WORST_FIRST if code in codes), FINE)
