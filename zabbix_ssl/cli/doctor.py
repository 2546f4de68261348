"""``zabbix-ssl doctor``: is all here that checking needs? Each line says what mends a problem."""

from __future__ import annotations

import glob
import os
import platform
import re
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module, metadata
from typing import NamedTuple

from .. import __version__, entry
from ..check import get as get_result
from ..languages import Language
from ..mistakes import ConfigError, user_name
from ..model import Target
from ..outputs.discovery import left_out
from ..plain import pad, printable, show
from ..zabbix.daemons import CONFIGS
from . import options
from .options import HURRIED, OPTIONS, Asked, Call
from .output import out
from .speech import LANG, language
from .targets import load
from .wrong import wrong

USAGE = "[options]"
ABOUT = """\
Looks at what checking needs: Python and packages, configuration and the files it names, cache,
trusted roots, limits, name resolution, and one real check. Run it as the user who runs the checks:
  sudo -u zabbix zabbix-ssl doctor

Ends with 0 when all is fine, else with 1."""

FINE, PROBLEM = 0, 1

_SHARED = tuple(option for option in OPTIONS if option.name not in ("--address", "--starttls"))
_PACKAGES = {"cryptography": "cryptography", "pyOpenSSL": "OpenSSL", "idna": "idna",
             "certifi": "certifi"}
_ZABBIX_FILES = ("/etc/zabbix/zabbix_server.conf", "/etc/zabbix/zabbix_proxy.conf")
_ZABBIX_TIMEOUT = re.compile(r"^\s*Timeout\s*=\s*(\d+)\s*$", re.MULTILINE)
_ZABBIX_DEFAULT = 3  # seconds, of Timeout
_MARGIN = 0.3  # seconds for starting Python and handing the answer over
_OWN_FILES = ("cert", "key", "key_password", "proxy_auth", "password_file", "serves_file")
_TOLD = 10  # files that cannot be read, each in a line
_TRIED = 3  # targets that are looked up, and checked until one answers
_LOOKUP_SECONDS = 5.0

WORDS = {
    "ok": "ok", "note": "note", "problem": "PROBLEM", "told": "{why}",
    "python": "zabbix-ssl {version}, Python {python} ({executable}), as user {user}",
    "package": "{name} {version}",
    "no_package": "{name} is missing ({why}): {executable} -m pip install {name}",
    "config": "{path}: {count} targets",
    "config_empty": "{path} names no target: add some (docs/domains.md)",
    "named": "{count} files that it names can be read by user {user}",
    "unreadable": "{path} cannot be read by user {user} ({why}): allow it with chgrp, chmod or "
                  "setfacl, or name another file",
    "no_match": "{path} matches no file: look at the pattern",
    "unreadable_more": "{count} more files cannot be read by user {user}",
    "cache": "{path} can be used by user {user}",
    "cache_own": "{path} can be used by user {user} alone; for others too: install -d -o zabbix "
                 f"-m 755 {entry.DIRECTORY}",
    "no_cache": "{why}; name another directory with --cache-dir or ${variable}, or mend this one: "
                "install -d -o {user} -m 755 DIR",
    "cache_off": "not used, as asked",
    "trust": "{count} trusted roots",
    "trust_file": "{count} trusted roots, with {path}",
    "trust_wrong": "{count} trusted roots: {why}",
    "files": "{count} files may be open: enough for {targets} targets at once",
    "files_few": "only {count} files may be open, enough for {targets} targets at once: raise the "
                 "limit (ulimit -n, LimitNOFILE= of systemd), or lower --concurrency",
    "zabbix": "{path}: Timeout={timeout}, a check answers within {budget:g} s",
    "zabbix_short": "{path}: Timeout={timeout} is too short for {budget:g} s: set "
                    "Timeout={enough}, or give the checks a shorter --timeout",
    "resolved": "{name} is {addresses}",
    "unresolved": "{name} does not resolve ({why}): look at /etc/resolv.conf and at the name",
    "unresolved_late": "no answer for {name} within {seconds:g} s: look at /etc/resolv.conf",
    "checked": "{target} answered in {seconds:.2f} s: {days} days left",
    "not_checked": "{target} could not be checked ({reason}): {error}",
}


class Line(NamedTuple):
    """One line of the report: a row of WORDS, or a message of another."""

    ok: bool
    word: str
    detail: dict[str, object]
    note: bool = False  # something to know, where it is no problem

    def text(self, language: Language) -> str:
        """In that language."""
        detail = {name: language.say(value) if isinstance(value, str) else value
                  for name, value in self.detail.items()}
        return language.words("doctor", WORDS)[self.word].format_map(detail)


def run(call: Call) -> int:
    """The command; returns its exit code."""
    asked = options.read(call, USAGE, ABOUT, (LANG,), _SHARED)
    if asked.words:
        raise wrong("words", is_=show(asked.words[0]), program=call.program)
    from ..zabbix.install import WORDS as INSTALL

    speech = language(asked, install=INSTALL)
    words = speech.words("doctor", WORDS)
    fine = True
    for subject, examine in EXAMINATIONS:
        for line in examine(asked):
            verdict = words["problem" if not line.ok else "note" if line.note else "ok"]
            text = printable(line.text(speech))
            out(f"{pad(verdict, 7)}  {pad(subject, 9)}  {text}\n")
            fine = fine and line.ok
    return FINE if fine else PROBLEM


def _good(word: str, **detail: object) -> Line:
    return Line(True, word, detail)


def _bad(word: str, **detail: object) -> Line:
    return Line(False, word, detail)


def _python(asked: Asked) -> Iterator[Line]:
    yield _good("python", version=__version__, python=platform.python_version(),
                executable=sys.executable, user=user_name())
    for name, module in _PACKAGES.items():
        try:
            import_module(module)
            yield _good("package", name=name, version=metadata.version(name))
        except (ImportError, OSError) as error:
            yield _bad("no_package", name=name, why=str(error), executable=sys.executable)


def _config(asked: Asked) -> Iterator[Line]:
    try:
        targets, _ = load(asked)
    except ConfigError as error:
        yield _bad("told", why=str(error))
    else:
        yield (_good if targets else _bad)("config" if targets else "config_empty",
                                           path=asked.config, count=len(targets))
        zabbix = _zabbix_is_here()  # elsewhere nobody minds
        for line in left_out(targets):
            yield Line(not zabbix, "told", {"why": line}, note=True)


def _zabbix_is_here() -> bool:
    return any(os.path.exists(path) for path in CONFIGS)


def _files(asked: Asked) -> Iterator[Line]:
    """Those that the configuration names: certificates that are looked at, keys, passwords. Of
    roots _trust tells more."""
    user = user_name()
    paths = dict.fromkeys(path for target in _targets(asked) for path in (
        target.file, *(getattr(target, name) for name in _OWN_FILES)) if path)
    closed = [line for path in paths if (line := _closed(path, user))]
    yield from closed[:_TOLD]
    if closed[_TOLD:]:
        yield _bad("unreadable_more", count=len(closed) - _TOLD, user=user)
    if paths and not closed:
        yield _good("named", count=len(paths), user=user)


def _closed(path: str, user: str) -> Line | None:
    """What keeps the user from reading a file, None for one that can be read."""
    try:  # without waiting for who writes into a pipe
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except FileNotFoundError as error:
        if glob.has_magic(path):
            return _bad("no_match", path=path)
        return _bad("unreadable", path=path, user=user, why=error.strerror)
    except OSError as error:
        return _bad("unreadable", path=path, user=user, why=error.strerror)
    return None


def _cache(asked: Asked) -> Iterator[Line]:
    if asked.cache is None:
        yield _good("cache_off")
        return
    path, user = asked.cache.directory, user_name()
    failure = asked.cache.examine()
    if failure:
        yield _bad("no_cache", why=failure.message, user=user, variable=entry.DIRECTORY_VARIABLE)
    elif path == entry.own_directory(asked.call.environ):
        yield _good("cache_own", path=path, user=user)
    else:
        yield _good("cache", path=path, user=user)


def _trust(asked: Asked) -> Iterator[Line]:
    from ..probing import trust_anchors

    for file in dict.fromkeys(target.ca_file for target in _targets(asked)) or (None,):
        count, problem = trust_anchors(asked.settings, file)
        yield _bad("trust_wrong", count=count, why=problem) if problem else (
            _good("trust_file", count=count, path=file) if file else _good("trust", count=count))


def _limits(asked: Asked) -> Iterator[Line]:
    """Of open files, and of Zabbix's patience."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        files = 1 << 20
    at_once = max(1, files // asked.settings.connections)
    wanted = min(asked.settings.concurrency, len(_targets(asked)))
    yield (_good if at_once >= wanted else _bad)("files" if at_once >= wanted else "files_few",
                                                 count=files, targets=at_once)
    budget = asked.given.get("timeout", HURRIED)
    for path in _ZABBIX_FILES:
        timeout = _zabbix_timeout(path)
        if timeout is not None:
            enough = timeout >= budget + _MARGIN
            yield (_good if enough else _bad)(
                "zabbix" if enough else "zabbix_short", path=path, timeout=timeout, budget=budget,
                enough=int(budget + _MARGIN) + 1)


def _zabbix_timeout(path: str) -> int | None:
    """Timeout of a server's or proxy's configuration; None when there is none to be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            found = _ZABBIX_TIMEOUT.findall(file.read(1 << 20))
    except OSError:
        return None
    return int(found[-1]) if found else _ZABBIX_DEFAULT


def _names(asked: Asked) -> Iterator[Line]:
    for target in [t for t in _targets(asked) if not (t.address or t.file)][:_TRIED]:
        yield _lookup(target.host)


def _lookup(name: str) -> Line:
    answers: list[Line] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            addresses = dict.fromkeys(str(address[0]) for *_, address in found)
            answers.append(_good("resolved", name=name, addresses=", ".join(addresses)))
        except (OSError, UnicodeError) as error:
            why = str(getattr(error, "strerror", None) or error)
            answers.append(_bad("unresolved", name=name, why=why))

    thread = threading.Thread(target=ask, daemon=True)  # the resolver knows no deadline
    thread.start()
    thread.join(_LOOKUP_SECONDS)
    return answers[0] if answers else _bad("unresolved_late", name=name, seconds=_LOOKUP_SECONDS)


def _check(asked: Asked) -> Iterator[Line]:
    """One real check, as --get does it, past the cache: the first target that answers counts."""
    settings = asked.settings._replace(timeout=asked.given.get("timeout", HURRIED))
    failures = []
    for target in _targets(asked)[:_TRIED]:
        begun = time.monotonic()
        result = get_result(target, settings, None)
        if not result.failed:
            yield _good("checked", target=target, seconds=time.monotonic() - begun,
                        days=result.values.get("remain_days", "?"))
            return
        failures.append(_bad("not_checked", target=target, error=result.values["error"],
                             reason=result.values["error_reason"]))
    yield from failures


def _script(asked: Asked) -> Iterator[Line]:
    """Where a Zabbix server or proxy of this machine starts it, as it starts it."""
    from ..zabbix import daemons, install

    try:
        found = daemons.find()
    except OSError as error:
        yield _bad("told", why=f"{error.filename}: {error.strerror}")
        return
    environ = {entry.CONFIG_VARIABLE: asked.config} if asked.config_named else {}
    for daemon in found:
        for ok, text in install.examine(daemon, _targets(asked), environ):
            yield (_good if ok else _bad)("told", why=text)


def _targets(asked: Asked) -> tuple[Target, ...]:
    try:
        return load(asked)[0]
    except ConfigError:
        return ()  # told by _config


EXAMINATIONS: tuple[tuple[str, Callable[[Asked], Iterable[Line]]], ...] = (
    ("python", _python), ("config", _config), ("files", _files), ("cache", _cache),
    ("trust", _trust), ("limits", _limits), ("names", _names), ("check", _check),
    ("script", _script),
)
