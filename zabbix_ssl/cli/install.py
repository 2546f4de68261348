"""``zabbix-ssl install``: the script where Zabbix looks for it, and does it run there?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..mistakes import ConfigError
from ..plain import pad, printable
from . import options
from .options import OPTIONS, Asked, Call, Option, text
from .output import out
from .speech import LANG, language
from .targets import load
from .wrong import wrong

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
    LANG,
)
_SHARED = tuple(o for o in OPTIONS if o.name in ("--config", "--cache-dir", "--no-cache"))


def run(call: Call) -> int:
    """The command; returns its exit code."""
    # without --no-cache reading the options would make the directory, and root's
    asked = options.read(call._replace(argv=("--no-cache", *call.argv)), USAGE, ABOUT, OWN, _SHARED)
    if asked.words:
        raise wrong("words", is_=asked.words[0], program=call.program)
    from ..entry import DIRECTORY
    from ..zabbix import install
    from . import doctor

    dry_run = bool(asked.given.get("dry_run"))
    directory = asked.given.get("cache_dir") or DIRECTORY
    speech = language(asked, install=install.WORDS)
    fine = True
    for subject, line in _lines(asked, dry_run, directory):
        verdict = speech.words("doctor", doctor.WORDS)["ok" if line.ok else "problem"]
        text = printable(speech.say(line.text))
        out(f"{pad(verdict, 7)}  {pad(subject, 9)}  {text}\n")
        fine = fine and line.ok
    return FINE if fine else PROBLEM


def _lines(asked: Asked, dry_run: bool, directory: str) -> Iterator[tuple[str, Line]]:
    from ..outputs.discovery import left_out
    from ..zabbix import install

    for daemon in _daemons(asked):
        yield "script", install.place(daemon, install.own_script(), dry_run)
        yield "cache", install.prepare_cache(daemon.user, dry_run, directory)
        if not dry_run:
            for line in install.examine(daemon, _targets(asked), _environ(asked)):
                yield "trial", line
    for told in left_out(_targets(asked)):
        yield "targets", install.Line(False, told)


def _daemons(asked: Asked) -> list[Daemon]:
    from ..zabbix import daemons

    named = asked.given.get("zabbix_conf")
    try:
        found = daemons.find((named,) if named else daemons.CONFIGS)
    except OSError as error:
        raise wrong("as_root", path=printable(str(error.filename)), why=error.strerror) from None
    if not found:
        raise wrong("no_daemon")
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
