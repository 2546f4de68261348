"""The script where Zabbix looks for it, and does it run there as Zabbix runs it?

Zabbix starts ``sh -c "/path/script 'a' 'b'"`` as its own user, in /, without a home; so do the
trials here. They need root, or to be that user.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import shlex
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..entry import DIRECTORY
from ..model import Target
from . import room
from .daemons import Daemon
from .kinds import SCRIPT

MOST_SHOWN = 200  # characters of what a script said
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # as of systemd
_FILES = 3  # targets on disk that are tried
_LAST = 60  # seconds that a trial may take, whatever Timeout says

WORDS = {
    "placed": "{link} leads to {source}",
    "to_place": "{link} is to lead to {source}",
    "not_there": "{link} is not there: run zabbix-ssl install as root",
    "foreign": "{link} is there and is not ours: move it away, then run this again",
    "no_right": "{path} cannot be made ({why}): run this as root",
    "no_user": "there is no user {user}: install Zabbix first, or name the user with --user",
    "not_that_user": "it is not tried as user {user}: run this as root",
    "closed": "{path} is closed to user {user}: install zabbix-ssl where everybody may read, for "
              "example with /usr/bin/python3 -m venv /opt/zabbix-ssl",
    "runs": "as user {user} it names {count} targets, after {seconds:.2f} s",
    "answers": "as user {user} it checked {target}, after {seconds:.2f} s",
    "late": "as user {user} it did not end within Timeout={timeout} of {config}: set a longer "
            "Timeout there, 30 at most",
    "wrong": "as user {user} it said: {text}",
    "room": "{config} leaves {size} MB for the configuration cache, too little for {count} "
            "targets: set CacheSize={wanted}M or more there and restart it, for it ends when the "
            "cache is full",
    "cache": "{path} belongs to user {user}",
    "cache_made": "{path} is made for user {user}",
    "cache_to_make": "{path} is to be made for user {user}",
    "cache_other": "{path} cannot be written to by user {user}: chown {user} {path}",
}


class Line(NamedTuple):
    """One line of a report."""

    ok: bool
    text: str


def _good(word: str, **detail: object) -> Line:
    return Line(True, WORDS[word].format(**detail))


def _bad(word: str, **detail: object) -> Line:
    return Line(False, WORDS[word].format(**detail))


def own_script() -> str:
    """The script of this installation: beside its Python, or in the checkout."""
    beside = os.path.join(os.path.dirname(sys.executable), SCRIPT)
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    checkout = os.path.join(root, "externalscripts", SCRIPT)
    return beside if os.path.exists(beside) else checkout


def place(daemon: Daemon, source: str, dry_run: bool) -> Line:
    """A link to the script in ExternalScripts, which an upgrade of the package need not renew."""
    link = os.path.join(daemon.scripts, SCRIPT)
    if os.path.lexists(link) and not os.path.islink(link):
        return _bad("foreign", link=link)
    if os.path.islink(link):
        leads = os.readlink(link)
        if leads == source:
            return _good("placed", link=link, source=source)
        if os.path.basename(leads) != SCRIPT:
            return _bad("foreign", link=link)
    if dry_run:
        return _good("to_place", link=link, source=source)
    new = f"{link}.{os.getpid()}"
    try:
        os.makedirs(daemon.scripts, mode=0o755, exist_ok=True)
        os.symlink(source, new)
        os.replace(new, link)
    except OSError as error:
        return _bad("no_right", path=link, why=error.strerror)
    return _good("placed", link=link, source=source)


def prepare_cache(user: str, dry_run: bool, path: str = DIRECTORY) -> Line:
    """The directory of the cache, for that user."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return _bad("no_user", user=user)
    try:
        state = os.lstat(path)
    except FileNotFoundError:
        if dry_run:
            return _good("cache_to_make", path=path, user=user)
        try:
            os.mkdir(path, 0o755)
            os.lchown(path, entry.pw_uid, entry.pw_gid)
        except OSError as error:
            return _bad("no_right", path=path, why=error.strerror)
        return _good("cache_made", path=path, user=user)
    if stat.S_ISDIR(state.st_mode) and state.st_uid == entry.pw_uid and state.st_mode & 0o200:
        return _good("cache", path=path, user=user)
    return _bad("cache_other", path=path, user=user)


def examine(daemon: Daemon, targets: Sequence[Target], environ: dict[str, str]) -> Iterator[Line]:
    """Has the daemon room for the targets? Is the script there, and does it answer in time: which
    targets, and real checks of one on a socket and of some in files, which that user must be able
    to read."""
    count = room.watched(targets)
    if not room.fits(count, daemon.cache):
        yield _bad("room", config=daemon.config, size=daemon.cache >> 20, count=count,
                   wanted=room.advice(count))
    link = os.path.join(daemon.scripts, SCRIPT)
    if not os.path.exists(link):
        yield _bad("not_there", link=link)
        return
    try:
        user = pwd.getpwnam(daemon.user)
    except KeyError:
        yield _bad("no_user", user=daemon.user)
        return
    if os.geteuid() not in (0, user.pw_uid):
        yield _bad("not_that_user", user=daemon.user)
        return
    if closed := closed_to(link, user):
        yield _bad("closed", path=closed, user=daemon.user)
        return
    first = _list(daemon, user, link, environ)
    yield first
    if first.ok:
        sockets = [target for target in targets if not target.file]
        files = [target for target in targets if target.file]
        for target in (*sockets[:1], *files[:_FILES]):
            yield _check(daemon, user, link, target, environ)


def _list(daemon: Daemon, user: pwd.struct_passwd, link: str, environ: dict[str, str]) -> Line:
    text, seconds = run_as(user, (link, "--discover"), daemon.timeout, environ)
    try:
        count = len(json.loads(text or "")["data"])
    except (ValueError, KeyError, TypeError):
        return _not_as_meant(daemon, text)
    return _good("runs", user=daemon.user, count=count, seconds=seconds)


def _check(daemon: Daemon, user: pwd.struct_passwd, link: str, target: Target,
           environ: dict[str, str]) -> Line:
    """Of a server an answer counts, whatever it is; of a file that it can be read now."""
    words = ("error", "--max-age", "0") if target.file else ("check_time",)
    text, seconds = run_as(user, (link, "--get", target.domain, str(target.port), *words),
                           daemon.timeout, environ)
    if text is None or (text if target.file else not text.isdigit()):
        return _not_as_meant(daemon, text)
    return _good("answers", user=daemon.user, target=target, seconds=seconds)


def _not_as_meant(daemon: Daemon, text: str | None) -> Line:
    if text is None:
        return _bad("late", user=daemon.user, timeout=daemon.timeout, config=daemon.config)
    return _bad("wrong", user=daemon.user,
                text=" ".join(text.split())[:MOST_SHOWN] or "nothing at all")


def run_as(user: pwd.struct_passwd, words: tuple[str, ...], timeout: float,
           environ: dict[str, str]) -> tuple[str | None, float]:
    """What the command says on its one pipe, None when it does not end in time; and the seconds."""
    command = " ".join([shlex.quote(words[0]), *map(shlex.quote, words[1:])])
    other = os.geteuid() != user.pw_uid
    started = time.monotonic()
    process = subprocess.Popen(
        ["/bin/sh", "-c", command], cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True, umask=0o002,
        env={"PATH": _PATH, **environ}, user=user.pw_uid if other else None,
        group=user.pw_gid if other else None, extra_groups=_groups(user) if other else None)
    try:
        output, _ = process.communicate(timeout=min(timeout, _LAST))
        return output.decode(errors="replace").rstrip(), time.monotonic() - started
    except subprocess.TimeoutExpired:
        return None, time.monotonic() - started
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        assert process.stdout
        process.stdout.close()


def _groups(user: pwd.struct_passwd) -> list[int]:
    return [group.gr_gid for group in grp.getgrall() if user.pw_name in group.gr_mem]


def closed_to(link: str, user: pwd.struct_passwd) -> str:
    """The first file or folder on the way to the script, or to its Python, that the user may not
    pass; "" when there is none. A Python under a private home is what it is most often."""
    groups = {user.pw_gid, *_groups(user)}
    ways = [os.path.realpath(link), *_interpreter(os.path.realpath(link))]
    for way in ways:
        for path in _down_to(way):
            try:
                state = os.stat(path)
            except OSError:
                return path
            if not _may(state, user.pw_uid, groups, 0o5 if path == way else 0o1):
                return path
    return ""


def _down_to(path: str) -> Iterator[str]:
    parts = path.split("/")
    for number in range(2, len(parts) + 1):
        yield "/".join(parts[:number])


def _interpreter(script: str) -> list[str]:
    """The Python that the script's first line names, and what its link leads to."""
    try:
        with open(script, "rb") as file:
            line = file.read(256).split(b"\n")[0].decode(errors="replace")
    except OSError:
        return []
    path = line.removeprefix("#!").split(" ")[0]
    if not line.startswith("#!/") or path == "/usr/bin/env" or not os.path.exists(path):
        return []
    return [path, os.path.realpath(path)]


def _may(state: os.stat_result, uid: int, groups: set[int], wanted: int) -> bool:
    """By the permission bits of path_resolution(7); 4 reads, 1 passes or runs."""
    if uid == 0:
        return True
    shift = 6 if state.st_uid == uid else 3 if state.st_gid in groups else 0
    return state.st_mode >> shift & wanted == wanted
