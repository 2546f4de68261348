"""``zabbix-ssl template``: the templates for Zabbix, as a file to import."""

from __future__ import annotations

from . import options
from .options import Call
from .output import out
from .wrong import wrong

USAGE = ""
ABOUT = """\
Prints the templates for Zabbix 6.0 and later, YAML, to be imported under Data collection (6.0:
Configuration), Templates; zabbix-ssl register does that through the API."""


def run(call: Call) -> int:
    """The command; returns its exit code."""
    asked = options.read(call, USAGE, ABOUT, shared=())
    if asked.words:
        raise wrong("words", is_=asked.words[0], program=call.program)
    from ..zabbix.template import export, to_yaml

    out(to_yaml(export()))
    return 0
