"""``zabbix-ssl nagios``, also called as ``check_ssl_cert``: a plugin of Nagios and Icinga.

Its options are ours, and by other names those that check_ssl_cert and check_http -C made known.
Whatever goes wrong is said on stdout, in one line, with the exit code of UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .. import __version__, check
from ..cache import Freshness
from ..findings import CHAIN_ERRORS, TABLE
from ..mistakes import ConfigError, mistake
from ..model import DEFAULT_PORTS, FILE, PROTOCOL_NAMES, Result, Target
from ..names import check_port, check_starttls, split_target
from ..outputs import nagios
from ..outputs.nagios import Limits, Told
from ..plain import show
from . import options
from .options import MAX_AGE, OPTIONS, Asked, Call, Help, Option
from .output import Closed, Unwritable, out
from .speech import LANG, language, of_call
from .targets import Chosen, choose
from .wrong import WrongUse, near, wrong

USAGE = "-H HOST [options]"
ABOUT = """\
A plugin of Nagios and Icinga: one line with the state and performance data, more lines with all
that was found.

Ends with 0 (OK), 1 (WARNING), 2 (CRITICAL) or 3 (UNKNOWN). A finding of high severity is CRITICAL,
one of medium severity WARNING; a target that could not be checked is CRITICAL."""

_MOST_DAYS = 3650

#: Flags of check_ssl_cert that leave findings out: their codes.
IGNORING: dict[str, tuple[str, ...]] = {
    "--selfsigned": ("chain_self_signed",),
    "--noauth": (*(f"chain_{error}" for error in CHAIN_ERRORS), "chain_unknown",
                 "client_difference"),
    "--ignore-exp": ("expired", "expiring"),
    "--ignore-host-cn": ("wrong_host",),
    "--ignore-incomplete-chain": ("chain_missing_intermediate",),
    "--ignore-sig-alg": ("weak_signature", "chain_weak_signature"),
}

#: What is understood for an option of ours, or of check_ssl_cert and check_http.
ALIASES = {
    "-H": "--host", "--hostname": "--host", "-p": "--port", "-w": "--warning", "-c": "--critical",
    "-t": "--timeout", "-C": "--certificate", "-P": "--protocol", "-r": "--ca-file",
    "--rootcert": "--ca-file", "-I": "--address", "--IP-address": "--address",
    "--resolve": "--address", "-s": "--selfsigned", "-A": "--noauth", "-S": "--ssl",
    "-V": "--version", "-v": "--verbose",
}

#: Words of check_ssl_cert's --protocol that are not ours: what begins with TLS, on which port.
_TLS_FROM_THE_START = {"https": 443, "h2": 443, "imaps": 993, "pop3s": 995, "smtps": 465,
                       "ftps": 990, "ldaps": 636, "ircs": 6697, "dns": 853, "sips": 5061}
_OTHER_NAMES = {"tds": "mssql"}
_PORTS = {name: port for port, name in reversed(DEFAULT_PORTS.items())} | {
    "lmtp": 24, "submission": 587}


class Protocol(NamedTuple):
    """What ``--protocol`` means: what is spoken before TLS ("none"), and the port that it has."""

    starttls: str
    port: int


def _days(word: str) -> float:
    number = word.removesuffix(":")  # 14: is the range of the guidelines
    plain = number.isascii() and number.replace(".", "", 1).isdigit() and len(number) < 10
    if not plain or float(number) > _MOST_DAYS:
        raise wrong("days", is_=show(word), most=_MOST_DAYS)
    return float(number)


def _days_pair(word: str) -> tuple[float, ...]:
    return tuple(_days(part) for part in word.split(",", 1))


def _codes(word: str) -> tuple[str, ...]:
    codes = tuple(code.strip() for code in word.split(","))
    for code in codes:
        if code not in TABLE:
            raise wrong("finding", is_=show(code), near=near(code, list(TABLE),
                                                             "docs/reference.md"))
    return codes


def _protocol(word: str) -> Protocol:
    name = word.lower()
    if name in _TLS_FROM_THE_START:
        return Protocol("none", _TLS_FROM_THE_START[name])
    name = check_starttls(_OTHER_NAMES.get(name, name))
    return Protocol(name, _PORTS.get(name, Target("").port))


OWN = (
    Option("--host", "HOST", options.text, "host name or IP address, or file:PATH for a "
           "certificate on disk, also a pattern of them (-H)"),
    Option("--port", "PORT", check_port, "port (-p; default: that of --protocol, else 443)"),
    Option("--warning", "DAYS", _days, "WARNING when the certificate is valid for less (-w; "
           "default: 30 days, or a third of a lifetime under 90 days)"),
    Option("--critical", "DAYS", _days, "CRITICAL when it is valid for less (-c; default: "
           f"{nagios.CRITICAL_DAYS} days, or a tenth of the lifetime if that is less)"),
    Option("--certificate", "WARNING[,CRITICAL]", _days_pair, "both, as check_http takes them "
           "(-C)"),
    Option("--protocol", "PROTOCOL", _protocol, "as --starttls, also by check_ssl_cert's names: "
           f"https, {', '.join(PROTOCOL_NAMES)} (-P)"),
    Option("--ignore", "CODE[,...]", _codes, "leave out findings, by their codes in "
           "docs/reference.md"),
    *(Option(name, "", None, "leave out " + ", ".join(
        codes if len(codes) < 5 else ("all that is wrong with the chain",)))
      for name, codes in IGNORING.items()),
    MAX_AGE._replace(help="an answer of the cache is good for that long (default: 0, the server is "
                     "asked)"),
    Option("--ssl", "", None, "nothing: check_http wants it (-S)"),
    Option("--verbose", "", None, "nothing: all is told in any case (-v)"),
    Option("--version", "", None, "print the version (-V)"),
    LANG,
)

_NOT_HERE = ("--concurrency", "--workers")
_SHARED = tuple(option for option in OPTIONS if option.name not in _NOT_HERE)


def run(call: Call) -> int:
    """The command; returns its exit code."""
    try:
        told = _told(call)
    except (Help, Closed, Unwritable):
        raise
    except (WrongUse, ConfigError, ImportError) as error:
        told = nagios.unknown(of_call(call, for_people=False).say(str(error)))
    except Exception as error:
        if call.environ.get("ZABBIX_SSL_DEBUG"):
            raise
        told = nagios.unknown(f"a fault in zabbix-ssl, please report it: {error!r}")
    out(told.text)
    return told.state


def _told(call: Call) -> Told:
    asked = options.read(call._replace(argv=tuple(spelt(call.argv))), USAGE, ABOUT, OWN, _SHARED)
    if "version" in asked.given:
        return Told(nagios.OK, f"check_ssl_cert (zabbix-ssl) v{__version__}\n")
    limits = _limits(asked)
    asked = asked._replace(words=(_named(asked),))
    if "protocol" in asked.given:
        asked = asked._replace(settings=asked.settings._replace(
            starttls=asked.given["protocol"].starttls))
    chosen = choose(asked)
    freshness = asked.freshness._replace(max_age=asked.given.get("max_age", 0))
    speech = language(asked, for_people=False)
    if len(chosen.targets) > 1:  # a pattern of files
        return nagios.several(asked.words[0], _all(asked, chosen, freshness), limits, speech)
    target = chosen.targets[0]
    result = check.get(target, asked.settings, asked.cache, freshness=freshness,
                       stamp=chosen.stamp, asked=target.domain)
    return nagios.plugin(result, limits, speech)


def _all(asked: Asked, chosen: Chosen, freshness: Freshness) -> list[Result]:
    """The results of several targets, side by side; those that the cache has fresh from there."""
    kept = check.recall(chosen.targets, asked.settings, asked.cache, stamp=chosen.stamp,
                        max_age=freshness.max_age or 0) if asked.cache else ()
    found = {result.target: result for result in kept}
    asked_anew = [target for target in chosen.targets if target not in found]
    found |= {result.target: result for _, result in check.run(
        asked_anew, asked.settings, asked.cache, freshness=freshness, stamp=chosen.stamp,
        configured=chosen.configured)}
    return list(found.values())


def _named(asked: Asked) -> str:
    """The target, as a word of the command line."""
    host, words = asked.given.get("host"), list(asked.words)
    if host is not None:
        words.insert(0, host)
    if not words:
        raise wrong("host")
    if len(words) > 1:
        raise wrong("hosts", count=len(words))
    if words[0].startswith(FILE):
        for name in ("port", "protocol"):
            if name in asked.given:
                raise mistake("file_key", key=f"--{name}")
        return words[0]
    port = asked.given.get("port")
    if port is None and "protocol" in asked.given:
        port = asked.given["protocol"].port
    domain, named = split_target(words[0])
    return str(Target(domain, port or named or Target(domain).port))


def _limits(asked: Asked) -> Limits:
    warning, critical = asked.given.get("warning"), asked.given.get("critical")
    both = asked.given.get("certificate", ())
    if both:
        warning = both[0] if warning is None else warning
        critical = both[1] if critical is None and len(both) > 1 else critical
    if warning is not None and critical is not None and critical > warning:
        raise wrong("order", warning=f"{warning:g}", critical=f"{critical:g}")
    ignored = {code for name, codes in IGNORING.items()
               if name.removeprefix("--").replace("-", "_") in asked.given for code in codes}
    return Limits(warning, critical, frozenset({*ignored, *asked.given.get("ignore", ())}))


def spelt(argv: Sequence[str]) -> list[str]:
    """The words with our names for the options: ``-w14``, ``-w 14`` and ``--warning=14`` are one.
    """
    words: list[str] = []
    for number, word in enumerate(argv):
        if word == "--":
            return [*words, *argv[number:]]
        name, equals, value = word.partition("=")
        short = word[:2]
        if word.startswith("--") and equals and name in ALIASES:
            words.append(f"{ALIASES[name]}={value}")
        elif word in ALIASES:
            words.append(ALIASES[word])
        elif not word.startswith("--") and short in ALIASES and len(word) > 2:
            words.append(f"{ALIASES[short]}={word[2:].removeprefix('=')}")
        else:
            words.append(word)
    return words
