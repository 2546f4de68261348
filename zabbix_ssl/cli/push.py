"""``zabbix-ssl push``: the service that audits all targets and sends what it finds to Zabbix."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import entry
from ..languages import ENGLISH, Language
from ..model import Settings, Target
from ..plain import columns, printable, show
from ..systemd import notify, watchdog_seconds
from . import options
from .options import Asked, Call, Option, text
from .output import STDERR, note, write
from .speech import LANG, language
from .targets import choose
from .wrong import WrongUse, wrong

if TYPE_CHECKING:
    import ssl

    from ..resident import Audits
    from ..zabbix.push import Push

USAGE = "--server HOST[:PORT] [options]"
ABOUT = """\
Audits all configured targets, each at its own time of the interval, and sends the list of targets
and the values to trapper items of Zabbix (template "SSL certificates by push"). While a server is
away its values are kept on disk. A changed domains.json is taken over by itself.

Runs until SIGTERM or SIGINT, and ends with 0 then; with 1 when it could not go on, with 3 when the
words or the configuration are wrong."""

INTERVAL, SPOOL_MB = 300, 256

OWN = (
    Option("--server", "HOST[:PORT]", text, "server or proxy to send to (default: 127.0.0.1). "
           "Several with commas get all values each; of nodes with semicolons between them, which "
           "are a cluster, one does"),
    Option("--host", "NAME", text, "the Zabbix host that the items belong to (default: "
           "SSL certificates)"),
    Option("--interval", "SECONDS", options.seconds(10, 86400), "between two checks of a target "
           f"(default: {INTERVAL})"),
    Option("--spool-dir", "DIR", text, "keep there what is not delivered yet ($STATE_DIRECTORY, "
           "else /var/lib/zabbix-ssl where that may be written to, else below your home)"),
    Option("--spool-size", "MB", options.count(1_000_000), "that it may take; then the oldest "
           f"values go (default: {SPOOL_MB})"),
    Option("--tls-ca-file", "FILE", text, "TLS to the server: its CA's certificates"),
    Option("--tls-cert-file", "FILE", text, "and our certificate"),
    Option("--tls-key-file", "FILE", text, "and its key"),
    Option("--tls-psk-identity", "NAME", text, "or TLS by a pre-shared key: its name"),
    Option("--tls-psk-file", "FILE", text, "and the file with its hexadecimal digits"),
    LANG,
)
#: Options of checking that make no sense for all targets at once, or for a service.
_LEFT_OUT = ("--address", "--starttls", "--sni", "--workers")

DONE = 0
SYSTEM_FOLDER = "/var/lib/zabbix-ssl"


def run(call: Call) -> int:
    """The command; returns its exit code."""
    shared = [option for option in options.OPTIONS if option.name not in _LEFT_OUT]
    asked = options.read(_one_server(call), USAGE, ABOUT, OWN, shared)
    if asked.words:
        raise wrong("words", is_=show(asked.words[0]), program=call.program)
    log = Log(call, language(asked, "push"))
    with _Stop() as stop:
        audits, push = _made(asked, log.say)
        log.say(f"{len(audits.targets)} targets every {_interval(asked):g} s, to "
                f"{', '.join(delivery.name for delivery in push.deliveries)}")
        notify(call.environ, "READY=1")
        push.run(stop.event, _Turn(call.environ, log, audits, push))
        notify(call.environ, "STOPPING=1")
    log.say(f"stopped after {audits.checks} checks, the latest of which began {audits.late:.1f} s "
            f"late; {push.waiting()} values are kept for the next start")
    return DONE


def _made(asked: Asked, say: Callable[[str], None]) -> tuple[Audits, Push]:
    """The service, ready to run."""
    from ..resident import Audits, Source  # on use, as all of this
    from ..zabbix.delivery import Delivery
    from ..zabbix.push import Push
    from ..zabbix.spool import Spool, Unusable
    from ..zabbix.trapper import Trapper, name_of, read_servers
    from ..zabbix.wanted import GROUP

    clusters = read_servers([asked.given.get("server", "127.0.0.1")])
    if not clusters:
        raise wrong("no_server")
    tls = _tls(asked.given)
    folder = spool_folder(asked.given.get("spool_dir"), asked.call.environ)
    source = Source(partial(_load, asked, say), partial(entry.config_stamp, asked.config))
    audits = Audits(source, _settings(asked, folder), asked.cache, interval=_interval(asked),
                    say=say, freshness=asked.freshness)
    try:
        spool = Spool(folder, [name_of(cluster) for cluster in clusters],
                      asked.given.get("spool_size", SPOOL_MB) << 20, say)
    except Unusable as error:
        raise WrongUse(str(error)) from None
    host = asked.given.get("host", GROUP)
    deliveries = [Delivery(name_of(cluster), Trapper(cluster, host, tls), spool, host, say)
                  for cluster in clusters]
    return audits, Push(audits, spool, deliveries, say)


def _load(asked: Asked, say: Callable[[str], None]) -> tuple[tuple[Target, ...], bytes]:
    """The targets that Zabbix can tell apart, and the stamp of their file."""
    from ..outputs.discovery import left_out, told_apart

    chosen = choose(asked)
    for line in left_out(chosen.targets):
        say(line)
    return told_apart(chosen.targets), chosen.stamp


def _settings(asked: Asked, folder: str) -> Settings:
    """Without a cache answers about revocation are kept beside the spool: a resident process that
    forgot them would ask anew with each check."""
    if asked.cache:
        return asked.settings
    answers = f"{folder}/answers"
    try:
        os.makedirs(answers, 0o700, exist_ok=True)
    except OSError:
        return asked.settings  # the spool will tell
    return asked.settings._replace(answers_dir=answers)


def _interval(asked: Asked) -> float:
    return float(asked.given.get("interval", INTERVAL))


def _tls(given: Mapping[str, Any]) -> ssl.SSLContext | None:
    from ..zabbix.encryption import by_certificate, by_psk

    certificate = [f"tls_{what}_file" for what in ("ca", "cert", "key")]
    psk = ["tls_psk_identity", "tls_psk_file"]
    for names, other in ((certificate, psk), (psk, certificate)):
        if not any(name in given for name in names):
            continue
        missing = [name for name in names if name not in given]
        if missing:
            raise wrong("tls_beside", option=_word(missing[0]), other=_word(
                next(name for name in names if name in given)))
        if any(name in given for name in other):
            raise wrong("modes", one=_word(names[0]), other=_word(other[0]))
        try:
            files = [given[name] for name in names]
            return by_psk(*files) if names is psk else by_certificate(*files)
        except ValueError as error:
            raise WrongUse(printable(str(error))) from None
    return None


def _word(name: str) -> str:
    return "--" + name.replace("_", "-")


def _one_server(call: Call) -> Call:
    """Several ``--server`` joined to one, with commas."""
    words: list[str] = []
    servers: list[str] = []
    rest = iter(call.argv)
    for word in rest:
        if word == "--server":
            servers += [next(rest, "")]
        elif word.startswith("--server="):
            servers.append(word.removeprefix("--server="))
        else:
            words.append(word)
    return call._replace(argv=(*(["--server=" + ",".join(servers)] if servers else []), *words))


def spool_folder(option: str | None, environ: Mapping[str, str]) -> str:
    """The folder of ``--spool-dir``, or else that of the service, the system or the user, absolute;
    it need not exist."""
    named = option or environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if named:
        return os.path.abspath(named)
    if os.access(SYSTEM_FOLDER, os.W_OK | os.X_OK) or os.geteuid() == 0:
        return SYSTEM_FOLDER
    state = environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.abspath(f"{state}/zabbix-ssl")


class _Stop:
    """SIGTERM and SIGINT as an event; a second one kills as ever."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _Stop:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        self.event.set()


class _Turn:
    """What is done several times a second while the service runs: signs of life."""

    _STATUS = 1.0  # seconds between two looks at how it goes
    _TOLD = 10.0  # and between two that systemd is told of

    def __init__(self, environ: Mapping[str, str], log: Log, audits: Audits, push: Push) -> None:
        self._environ = environ
        self._log = log
        self._audits = audits
        self._push = push
        self._beat = watchdog_seconds(environ, os.getpid())
        self._beat_at = self._status_at = self._told_at = 0.0

    def __call__(self) -> None:
        now = time.monotonic()
        if self._beat and now >= self._beat_at:
            self._beat_at = now + self._beat
            notify(self._environ, "WATCHDOG=1")
        if now >= self._status_at:
            self._status_at = now + self._STATUS
            self._status(now)

    def _status(self, now: float) -> None:
        where = "; ".join(f"{delivery.name}: {delivery.state or 'takes values'}"
                          for delivery in self._push.deliveries)
        line = (f"{len(self._audits.targets)} targets, {self._audits.checks} checks, "
                f"{self._push.waiting()} values wait; {where}")
        self._log.show(line)
        if now >= self._told_at:
            self._told_at = now + self._TOLD
            notify(self._environ, f"STATUS={line}")


class Log:
    """Lines on stderr, with the time unless the journal has its own; and on a terminal a last line
    that tells how it goes."""

    def __init__(self, call: Call, language: Language = ENGLISH) -> None:
        self._program = call.program
        self._language = language
        self._dated = "JOURNAL_STREAM" not in call.environ
        capable = call.environ.get("TERM", "dumb") != "dumb"
        self._terminal = capable and os.isatty(STDERR)
        self._lock = threading.Lock()  # deliveries say things too

    def say(self, line: str) -> None:
        with self._lock:
            self._draw("\r\x1b[K")
            date = time.strftime("%Y-%m-%d %H:%M:%S ") if self._dated else ""
            note(f"{date}{self._program}: {printable(self._language.say(line))}")

    def show(self, line: str) -> None:
        """In place of the last line of a terminal."""
        with self._lock:
            if self._terminal:
                width = os.get_terminal_size(STDERR).columns or 80
                shown = printable(self._language.say(line))[:width - 1]
                while columns(shown) >= width:
                    shown = shown[:-1]
                self._draw(f"\r\x1b[K{shown}")

    def _draw(self, text: str) -> None:
        if self._terminal:
            try:
                write(STDERR, text.encode("utf-8", "replace"))
            except OSError:
                self._terminal = False
