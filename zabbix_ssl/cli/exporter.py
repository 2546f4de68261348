"""``zabbix-ssl exporter``: the service that audits all targets and shows them to Prometheus."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from .. import entry
from ..mistakes import ConfigError
from ..model import Target
from ..names import check_domain, check_port
from ..plain import show
from ..systemd import notify, watchdog_seconds
from . import options
from .options import MAX_AGE, PER_ADDRESS, Asked, Call, Option, text
from .push import Log
from .targets import load
from .wrong import WrongUse, wrong

if TYPE_CHECKING:
    from ..exporter.gate import Gate
    from ..exporter.service import Exporter

USAGE = "[options]"
ABOUT = """\
Audits all configured targets, each at its own time of the interval, and shows what it found to
Prometheus: /metrics all of them, /probe?target=HOST:PORT one. A changed domains.json is taken over
by itself, and with SIGHUP at once.

Runs until SIGTERM or SIGINT, and ends with 0 then; with 1 when it could not go on, with 3 when the
words or the configuration are wrong."""

LISTEN, INTERVAL, STALE_AFTER = "127.0.0.1:9292", 300, 3

OWN = (
    Option("--listen", "ADDRESS:PORT", text, "where to be asked; without an address at all that "
           f"this machine has (default: {LISTEN})"),
    Option("--web-config", "FILE", text, "TLS and users, by the web configuration file that "
           "Prometheus and its exporters share"),
    Option("--interval", "SECONDS", options.seconds(10, 86400), "between two checks of a target "
           f"(default: {INTERVAL})"),
    Option("--stale-after", "N", options.count(1000), "show a result no more after that many "
           f"intervals without another (default: {STALE_AFTER})"),
    Option("--probe-allow", "PATTERN[,...]", text, "let /probe look at other targets than those "
           "that are configured too: *.example.com:443, 10.0.0.0/8:*"),
    PER_ADDRESS,
    MAX_AGE,
)
#: Options of checking that make no sense for all targets at once, or for a service.
_LEFT_OUT = ("--address", "--starttls", "--sni", "--workers")

DONE, FAILED = 0, 1
_BACKLOG = 1024
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Unlistening(Exception):
    """The port cannot be had, and why: one line."""


def run(call: Call) -> int:
    """The command; returns its exit code."""
    shared = [option for option in options.OPTIONS if option.name not in _LEFT_OUT]
    asked = options.read(call, USAGE, ABOUT, OWN, shared)
    if asked.words:
        raise wrong("words", is_=show(asked.words[0]), program=call.program)
    with tempfile.TemporaryDirectory(prefix="zabbix-ssl-answers-") as folder:
        if asked.cache is None:  # a service that forgot them would ask anew with each check
            asked = asked._replace(settings=asked.settings._replace(answers_dir=folder))
        return _serve(asked)


def _serve(asked: Asked) -> int:
    call, log = asked.call, Log(asked.call)
    address, port = listen_words(asked.given.get("listen", LISTEN))
    exporter, gate = _made(asked, log.say)
    try:
        listener = _listening(address, port)
    except Unlistening as error:
        log.say(str(error))
        return FAILED
    with listener:
        log.say(_begins(asked, gate, listener))
        notify(call.environ, "READY=1")
        try:
            exporter.run(listener, asked.settings, asked.cache, _stale_after(asked))
        except ImportError:
            raise
        except Exception as error:
            log.say(f"cannot go on: {type(error).__name__}: {error}")
            return FAILED
        finally:
            notify(call.environ, "STOPPING=1")
    log.say("stopped")
    return DONE


def _made(asked: Asked, say: Callable[[str], None]) -> tuple[Exporter, Gate]:
    """The service, ready to run. Raises ConfigError."""
    from ..exporter import allowed  # on use, as all of this
    from ..exporter.gate import Gate
    from ..exporter.own import SCHEDULE, Own
    from ..exporter.probe import Probes
    from ..exporter.results import Results
    from ..exporter.service import Exporter
    from ..probing import audit_all, resident
    from ..resident import Audits, Source

    words = asked.given.get("probe_allow")
    patterns = allowed.parse(words) if words else ()
    measured = Own(_interval(asked))
    gate = Gate(asked.given.get("web_config"), say, partial(measured.loaded, "web"))
    stamp = partial(entry.config_stamp, asked.config)
    source = Source(partial(_load, asked, ("absent",) if patterns else ()), stamp)
    audits = Audits(source, asked.settings, asked.cache, interval=_interval(asked), say=say,
                    freshness=asked.freshness, door=measured.measured(audit_all, SCHEDULE))
    per_address = "per_address" in asked.given
    results = Results(_stale_after(asked), per_address)
    probes = Probes(results, patterns, asked.settings, asked.cache, asked.freshness, stamp,
                    measured, resident(), per_address)
    turn = _Turn(asked.call.environ)
    return Exporter(audits, results, probes, measured, gate, say, turn), gate


def _load(asked: Asked, tolerated: tuple[str, ...]) -> tuple[tuple[Target, ...], bytes]:
    """All configured targets; none are needed where /probe may look at others."""
    targets, stamp = load(asked, tolerated)
    if "timeout" in asked.given:  # the command line's word is stronger than the configuration's
        targets = tuple(target._replace(timeout=None) for target in targets)
    settings = asked.settings
    if settings.ca_only and not settings.ca_file and not all(t.ca_file for t in targets):
        raise wrong("ca_only")
    return targets, stamp


def listen_words(word: str) -> tuple[str, int]:
    """Address ("" for all) and port of ADDRESS:PORT, [IPv6]:PORT or :PORT."""
    address, colon, port = word.rpartition(":")
    try:
        if not colon or (":" in address and not address.startswith("[")):
            raise WrongUse(f"--listen: {wrong('listen', is_=show(word))}")
        return check_domain(address) if address else "", check_port(port)
    except ConfigError as error:
        raise WrongUse(f"--listen: {error}") from None


def _listening(address: str, port: int) -> socket.socket:
    """The socket; without an address for IPv4 and IPv6 alike. Raises Unlistening."""
    both = not address and socket.has_dualstack_ipv6()
    try:
        family, _, _, _, place = socket.getaddrinfo(
            address or ("::" if both else "0.0.0.0"), port, type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE)[0]
        return socket.create_server((str(place[0]), port), family=family, backlog=_BACKLOG,
                                    dualstack_ipv6=both)
    except OSError as error:
        where = f"{address or '*'}:{port}"
        raise Unlistening(
            f"cannot listen on {where} ({error.strerror}): ss -ltnp 'sport = :{port}' tells who "
            "does; choose another place with --listen") from None


def _begins(asked: Asked, gate: Gate, listener: socket.socket) -> str:
    """What is said when it begins."""
    host, port = listener.getsockname()[:2]
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    scheme = "https" if gate.encrypted else "http"
    open_door = "" if gate.guarded or host in _LOOPBACK else (
        "; whoever reaches it may ask, see --web-config")
    return f"{scheme}://{place}/metrics, every {_interval(asked):g} s{open_door}"


def _interval(asked: Asked) -> float:
    return float(asked.given.get("interval", INTERVAL))


def _stale_after(asked: Asked) -> float:
    """Seconds: so many intervals, and the time that a check may take."""
    return float(asked.given.get("stale_after", STALE_AFTER)) * _interval(asked) + (
        asked.settings.timeout)


class _Turn:
    """Signs of life for systemd, several times a second while the service runs."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._beat = watchdog_seconds(environ, os.getpid())
        self._beat_at = 0.0

    def __call__(self) -> None:
        now = time.monotonic()
        if self._beat and now >= self._beat_at:
            self._beat_at = now + self._beat
            notify(self._environ, "WATCHDOG=1")
