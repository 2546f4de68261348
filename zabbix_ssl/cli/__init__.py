"""Words to work to text: ``zabbix-ssl COMMAND`` for people and services, and the modes of
``ssl_check_batch.py`` for Zabbix and cron.

Rules
- Results go to stdout, everything else is one line on stderr: what is wrong, where, and what to do.
- Zabbix reads one pipe: what answers it (get, discover) says everything on stdout, in one line, and
  ends with 0 or 1.
- A command is a module with ``run``, imported when it is called for.
- argv and the environment are read in options.py and passed down.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from .. import __version__
from ..mistakes import ConfigError
from ..plain import printable, show
from .options import Call, Help
from .output import CLOSED, UNWRITABLE, Closed, Unwritable, guard, out
from .wrong import WrongUse, near, wrong


class Command(NamedTuple):
    """A row: the module in this package, what it does, and whether Zabbix reads its one pipe."""

    module: str
    summary: str
    external: bool = False


COMMANDS = {
    "check": Command("check", "look at targets: what is wrong, and what to do"),
    "batch": Command("batch", "check all configured targets, for programs"),
    "discover": Command("discover", "the configured targets, for low-level discovery", True),
    "get": Command("get", "one value of one target", True),
    "overview": Command("overview", "all targets at a glance, for a dashboard of Zabbix", True),
    "nagios": Command("nagios", "one target, as a plugin of Nagios and Icinga"),
    "doctor": Command("doctor", "is all here that checking needs?"),
    "template": Command("template", "the templates for Zabbix, to be imported"),
    "targets": Command("sources", "a domains.json from what is configured elsewhere"),
    "install": Command("install", "the script where Zabbix looks for it, and tried there"),
    "register": Command("register", "the configured targets in Zabbix, through its API"),
    "push": Command("push", "check all targets again and again, and send to Zabbix"),
    "exporter": Command("exporter", "check all targets again and again, and show to Prometheus"),
}

WRONG_USE = 3  # of commands for people; argparse would say 2, which check has other use for
FAILED = 1
INTERRUPTED = 130

SCRIPT = "ssl_check_batch.py"
PLUGIN = "check_ssl_cert"  # a link of that name to zabbix-ssl is a plugin of Nagios


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """``zabbix-ssl``: the words after its name; returns its exit code."""
    words = tuple(_own_words() if argv is None else argv)
    environ = os.environ if environ is None else environ
    command = COMMANDS.get(words[0]) if words else None
    try:
        if command:
            call = Call(f"zabbix-ssl {words[0]}", words[1:], environ)
            return _run(call, _module(command.module).run, command.external)
        return _run(Call("zabbix-ssl", words, environ), _overview, external=False)
    except ImportError as missing:
        _module("speech").tell(
            Call("zabbix-ssl", words, environ), f"{missing}: install what is missing with pip "
            f"install zabbix-ssl ({sys.executable})")
        return FAILED


def _own_words() -> list[str]:
    plugin = os.path.basename(sys.argv[0]) == PLUGIN
    return ["nagios", *sys.argv[1:]] if plugin else sys.argv[1:]


def batch_script(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """``ssl_check_batch.py``; returns its exit code. Raises ImportError when a dependency is
    missing."""
    words = list(argv)
    if "--get" in words:
        place = words.index("--get")
        asked = words[place + 1:place + 4]
        del words[place:place + 4]
        call = Call(SCRIPT, tuple(words), environ)
        return _run(call, lambda call: _module("get").run_words(call, asked), external=True)
    for mode in ("discover", "overview"):
        if f"--{mode}" in words:
            words.remove(f"--{mode}")
            return _run(Call(SCRIPT, tuple(words), environ), _module(mode).run, external=True)
    return _run(Call(SCRIPT, tuple(words), environ), _module("batch").run_script, external=False)


def _module(name: str) -> Any:
    return import_module(f".{name}", __package__)


def _run(call: Call, run: Callable[[Call], int], external: bool) -> int:
    """A command, with every way to fail told in one line."""
    guard()
    try:
        return _told(call, run, external)
    except Closed:
        return CLOSED
    except Unwritable as error:
        _module("speech").tell(call, str(error))
        return UNWRITABLE
    except KeyboardInterrupt:
        return INTERRUPTED


def _told(call: Call, run: Callable[[Call], int], external: bool) -> int:
    try:
        return run(call)
    except Help as answer:
        out(str(answer))
        return 0
    except (WrongUse, ConfigError) as error:
        return _say(call, str(error), WRONG_USE, external)
    except (ImportError, Closed, Unwritable):
        raise
    except Exception as error:
        if call.environ.get("ZABBIX_SSL_DEBUG"):
            raise
        return _say(call, f"a fault in zabbix-ssl, please report it: {type(error).__name__}: "
                          f"{printable(str(error))} (ZABBIX_SSL_DEBUG=1 shows where)", FAILED,
                    external)


def _say(call: Call, line: str, code: int, external: bool) -> int:
    if external:
        out(line + "\n")
        return FAILED
    _module("speech").tell(call, line)
    return code


def _overview(call: Call) -> int:
    """What there is, or what is wrong with the first word."""
    first = call.argv[0] if call.argv else ""
    if first == "--version":
        out(f"zabbix-ssl {__version__}\n")
    elif first in ("-h", "--help", "help"):
        width = max(map(len, COMMANDS))
        rows = (f"  {name:{width}}  {command.summary}\n" for name, command in COMMANDS.items())
        out(f"usage: zabbix-ssl COMMAND ...\n\n{''.join(rows)}\n"
            "zabbix-ssl COMMAND --help tells more of each.\n")
    elif first:
        raise wrong("command", is_=show(first), near=near(
            first, list(COMMANDS), "zabbix-ssl --help"))
    else:
        raise wrong("no_command", commands=", ".join(COMMANDS))
    return 0
