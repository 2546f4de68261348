"""``zabbix-ssl overview`` and ``--overview``: all targets at a glance, for Zabbix."""

from __future__ import annotations

import time

from ..check import recall
from ..outputs.overview import glance, overview_json
from ..plain import show
from . import options
from .options import OPTIONS, Call
from .output import out
from .targets import load
from .wrong import wrong

USAGE = "[options]"
ABOUT = """\
Prints what expires first of all configured targets, and what is to be mended, as two texts in one
JSON object: one line. It is taken from the cache; nobody is asked."""

_SHARED = tuple(option for option in OPTIONS if option.name in ("--config", "--cache-dir"))
_MAX_AGE = 86400.0  # seconds: what was learnt longer ago is not shown
_SECONDS = 2.0  # for reading; Zabbix waits for 3


def run(call: Call) -> int:
    """The command; returns its exit code."""
    asked = options.read(call, USAGE, ABOUT, shared=_SHARED)
    if asked.words:
        raise wrong("words", is_=show(asked.words[0]), program=call.program)
    until = time.monotonic() + _SECONDS
    targets, stamp = load(asked)
    assert asked.cache
    seen = []
    for result in recall(targets, asked.settings, asked.cache, max_age=_MAX_AGE, stamp=stamp):
        seen.append(glance(result))
        if time.monotonic() > until:
            break
    out(overview_json(seen, len(targets) - len(seen), time.time()) + "\n")
    return 0
