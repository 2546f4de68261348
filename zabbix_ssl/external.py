"""An external check of Zabbix: ``ssl_check_batch.py``, and the short way to an answer in the cache.

Zabbix starts a process for each check and reads stdout and stderr as one text. A fresh answer is
printed straight from its file, at the cost of hardly more than starting Python; what this module
does not understand at once, or finds nothing fresh for, goes to the whole command line.

Like entry.py it imports nothing that costs.
"""

from __future__ import annotations

import os
import time

from . import entry as entries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The options of the short way: the name behind each, of a field of Settings where it has one.
#: Valued ones are read as ``--option value`` and ``--option=value``.
VALUED = {
    "--address": "address", "--starttls": "starttls", "--ca-file": "ca_file",
    "--crl-dir": "crl_dir", "--config": "config", "--cache-dir": "cache_dir",
    "--max-age": "max_age", "--security-max-age": "security_max_age", "--timeout": "timeout",
    "--connections": "connections", "--sni": "sni", "--source-address": "source_address",
    "--alpn": "alpn", "--cert": "cert", "--key": "key", "--key-password": "key_password",
    "--password-file": "password_file", "--serves-file": "serves_file",
    "--proxy": "proxy", "--proxy-auth": "proxy_auth", "--proxy-protocol": "proxy_protocol",
}
FLAGS = {"--offline": "offline", "--ca-only": "ca_only", "--all-addresses": "all_addresses"}
#: What in the environment changes an answer.
ENVIRONMENT = {"SSL_CERT_FILE": "system_ca_file", "SSL_CERT_DIR": "system_ca_dir"}

_NUMBERS = ("max_age", "security_max_age", "timeout", "connections")
_NOT_KEYED = ("config", "cache_dir", *_NUMBERS)
#: Options that may say what the configuration says of the target anyway, as when low-level
#: discovery hands them over: then the entry made without them is the answer as well.
_REPEATABLE = ("address", "starttls", "sni")


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs ``ssl_check_batch.py`` with the words after its name; returns its exit code.

    Raises ImportError when a dependency is missing and the answer is not in the cache.
    """
    answer = kept_answer(argv, environ)
    if answer is None:
        from .cli import batch_script

        return batch_script(argv, environ)
    known, line = answer
    _print(line + b"\n")
    return 0 if known else 1


def kept_answer(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[bool, bytes] | None:
    """Whether the metric is known and the line to print, from the cache; None when there is nothing
    fresh in it, or the words are not plainly those of ``--get``."""
    asked = _parse(argv)
    if asked is None:
        return None
    domain, port, metric, given = asked
    stamp = entries.config_stamp(entries.config_path(given.get("config"), environ))
    max_age = float(given["max_age"]) if "max_age" in given else None
    options = {name: value for name, value in given.items() if name not in _NOT_KEYED}
    options.update((name, environ[variable]) for variable, name in ENVIRONMENT.items()
                   if environ.get(variable))
    try:
        directory = entries.open_directory(entries.locate(given.get("cache_dir"), environ))
    except (OSError, ValueError):
        return None
    try:
        for keyed, repeated in _ways(options):
            entry = entries.read(directory, entries.key(domain, port, keyed))
            if (entry and entry.stamp == stamp and entry.was_reached(repeated)
                    and entry.fresh(time.time(), max_age)):
                return entry.line(metric)
    finally:
        os.close(directory)
    return None


def _ways(options: dict[str, str]) -> list[tuple[dict[str, str], dict[str, str]]]:
    """The options by which an entry may be kept, and those that it must have been reached by."""
    repeated = {name: options[name] for name in _REPEATABLE if name in options}
    others = {name: value for name, value in options.items() if name not in repeated}
    return [(others, repeated), (options, {})] if repeated else [(options, {})]


def _parse(argv: Sequence[str]) -> tuple[str, int, str, dict[str, str]] | None:
    """Domain, port, metric and options, or None for words that the short way does not know or that
    are better refused by the command line, which says why."""
    words = iter(argv)
    asked: list[str] = []
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--get" and not asked:
            asked = [next(words, ""), next(words, ""), next(words, "")]
        elif word in FLAGS:
            given[FLAGS[word]] = "1"
        elif name in VALUED:
            given[VALUED[name]] = value if equals else next(words, "-")
        else:
            return None
    if not asked or not all(asked) or not _is_plain(given):
        return None
    domain, port, metric = asked
    if domain.startswith("[") and domain.endswith("]"):
        domain = domain[1:-1]
    if domain.startswith("-") or not (port.isascii() and port.isdigit() and len(port) <= 5):
        return None
    return domain, int(port), metric, {name: value for name, value in given.items() if value}


def _is_plain(given: dict[str, str]) -> bool:
    for name, value in given.items():
        if value.startswith("-") or not (value or name in _REPEATABLE):
            return False
        if name in _NUMBERS and not (value.isascii() and value.replace(".", "", 1).isdigit()):
            return False
    return True


def _print(line: bytes) -> None:
    """To stdout as it is: no locale can spoil it."""
    while line:
        try:
            line = line[os.write(1, line):]
        except BlockingIOError:  # another process has made the pipe so
            import select

            select.select((), (1,), ())
        except OSError:
            return  # nobody reads it
