"""``zabbix-ssl check --watch``: look again and again, as while a certificate is being replaced.

On a terminal the screen shows the last look, and under it what has changed since the first. A pipe
or a file gets the first look, and then a line for each change.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from ..outputs import people
from .check import Seen, View, code_of, look
from .options import Asked
from .output import STDOUT, out
from .stream import Outcome, tell_stopped
from .targets import Chosen

_MOST_CHANGES = 10  # lines of them on the screen
_CLEAR = "\x1b[H\x1b[2J"  # ECMA-48: cursor home, erase the screen


def watch(asked: Asked, chosen: Chosen, view: View, every: float) -> int:
    """Goes on until Ctrl-C; the exit code of the last look."""
    last: list[Seen] = []
    try:
        for seen in _looks(asked, chosen, view, every):
            last = seen
    except KeyboardInterrupt:
        if not last:
            raise
    except _Stopped as stopped:
        if not last:
            return tell_stopped(asked.call, stopped.outcome, len(chosen.targets))
    return code_of(last)


class _Stopped(Exception):
    """A signal has ended a look."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


def _looks(asked: Asked, chosen: Chosen, view: View, every: float) -> Iterator[list[Seen]]:
    """Looks and shows for ever; what each look saw."""
    screen = os.isatty(STDOUT) and asked.call.environ.get("TERM", "dumb") != "dumb"
    changes: list[str] = []
    last: list[Seen] = []
    while True:
        begun = time.monotonic()
        text: list[str] = []
        seen, outcome = look(asked, chosen, view, text.append if screen or last else out)
        if outcome.signal:
            raise _Stopped(outcome)
        new = _changes(last, seen, view.words)
        changes = [*changes, *new][-_MOST_CHANGES:]
        last = seen
        yield seen  # before it is shown: who has seen it may end this with its code
        if screen:
            footer = view.words["watching"].format(time=_now(), every=f"{every:g}")
            out(f"{_CLEAR}{''.join(text)}\n{footer}\n{''.join(changes)}")
        else:
            out("".join(new))
        time.sleep(max(0.0, begun + every - time.monotonic()))


def _changes(before: list[Seen], after: list[Seen], words: people.Words) -> list[str]:
    """A line for each target that is not as it was."""
    lines = []
    for old, new in zip(before, after, strict=False):
        what = []
        if old.verdict != new.verdict:
            what.append(f"{words[old.verdict]} -> {words[new.verdict]}")
        if new.fingerprint and old.fingerprint not in ("", new.fingerprint):
            what.append(words["new_certificate"])
        if what:
            lines.append(f"{_now()}  {new.target}  {words['comma'].join(what)}\n")
    return lines


def _now() -> str:
    return time.strftime("%H:%M:%S")
