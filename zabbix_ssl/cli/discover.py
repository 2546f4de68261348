"""``zabbix-ssl discover`` and ``--discover``: low-level discovery for Zabbix."""

from __future__ import annotations

from ..outputs.discovery import discovery_json
from ..plain import show
from . import options
from .options import Call
from .output import out
from .targets import load
from .wrong import wrong

USAGE = "[--config FILE]"
ABOUT = "Prints the configured targets for low-level discovery: one JSON object, one line."


def run(call: Call) -> int:
    """The command; returns its exit code."""
    asked = options.read(call, USAGE, ABOUT, shared=[o for o in options.OPTIONS
                                                    if o.name == "--config"])
    if asked.words:
        raise wrong("words", is_=show(asked.words[0]), program=call.program)
    targets, _ = load(asked)
    out(discovery_json(targets) + "\n")
    return 0
