"""``zabbix-ssl install``: the script where Zabbix looks for it, and does it run there?"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..mistakes import ConfigError
from ..plain import pad, printable
from . import options
from .options import OPTIONS, Asked, Call, Option, text
from .output import out
from .targets import load
from .wrong import WrongUse, wrong

if TYPE_CHECKING:
    from ..model import Target
    from ..zabbix.daemons import Daemon
    from ..zabbix.install import Line

USAGE = "[options]"
ABOUT = """\
Puts ssl_check_batch.py where the Zabbix server or proxy of this machine looks for external scripts,
makes the directory of the cache, and tries both as Zabbix does: as its user, within its Timeout,
with a real check. Run it as root. What it made it leaves as it is when started again.

Ends with 0 when all is fine, 1 when something must be mended, 3 when the words are wrong."""

FINE, PROBLEM = 0, 1

OWN = (
    Option("--zabbix-conf", "FILE", text, "the configuration of the server or proxy (default: "
           "those found in /etc/zabbix and /usr/local/etc)"),
    Option("--user", "NAME", text, "who runs external scripts (default: User of that file)"),
    Option("--dry-run", "", None, "only say what is to be done"),
)
_SHARED = tuple(o for o in OPTIONS if o.name in ("--config", "--cache-dir", "--no-cache"))


def run(call: Call) -> int:
    """The command; returns its exit code."""
    # without --no-cache reading the options would make the directory, and root's
    asked = options.read(call._replace(argv=("--no-cache", *call.argv)), USAGE, ABOUT, OWN, _SHARED)
    if asked.words:
        raise wrong("words", is_=asked.words[0], program=call.program)
    from ..entry import DIRECTORY
    from ..outputs.discovery import left_out
    from ..zabbix import install

    dry_run = bool(asked.given.get("dry_run"))
    directory = asked.given.get("cache_dir") or DIRECTORY
    fine = True
    for daemon in _daemons(asked):
        fine &= _tell("script", install.place(daemon, install.own_script(), dry_run))
        fine &= _tell("cache", install.prepare_cache(daemon.user, dry_run, directory))
        if not dry_run:
            for line in install.examine(daemon, _targets(asked), _environ(asked)):
                fine &= _tell("trial", line)
    for line in map(partial(install.Line, False), left_out(_targets(asked))):
        fine &= _tell("targets", line)
    return FINE if fine else PROBLEM


def _daemons(asked: Asked) -> list[Daemon]:
    from ..zabbix import daemons

    named = asked.given.get("zabbix_conf")
    try:
        found = daemons.find((named,) if named else daemons.CONFIGS)
    except OSError as error:
        raise WrongUse(f"{printable(str(error.filename))} cannot be read ({error.strerror}): run "
                       "this as root") from None
    if not found:
        raise WrongUse("no configuration of a Zabbix server or proxy is here: name it with "
                       "--zabbix-conf")
    user = asked.given.get("user")
    return [daemon._replace(user=user) if user else daemon for daemon in found]


def _targets(asked: Asked) -> tuple[Target, ...]:
    """Those that are configured; the trial tells what is wrong with the file."""
    try:
        return load(asked, ("absent",))[0]
    except ConfigError:
        return ()


def _environ(asked: Asked) -> dict[str, str]:
    """What was named here, for the trials: Zabbix itself will only see what its service has."""
    from ..entry import CONFIG_VARIABLE, DIRECTORY_VARIABLE

    found = {}
    if asked.config_named:
        found[CONFIG_VARIABLE] = asked.config
    directory = asked.given.get("cache_dir") or asked.call.environ.get(DIRECTORY_VARIABLE)
    if directory:
        found[DIRECTORY_VARIABLE] = directory
    return found


def _tell(subject: str, line: Line) -> bool:
    verdict = "ok" if line.ok else "PROBLEM"
    out(f"{pad(verdict, 7)}  {pad(subject, 9)}  {printable(line.text)}\n")
    return line.ok
