"""One file of the cache, as ``--get`` reads it: where it lies, what it is called, whether it holds.

This module and external.py are all that runs when an external check finds a fresh answer. A whole
such process may take twice the CPU of a Python that does nothing, so these two import only what
every Python has loaded already (os) or has built in: no json, re, typing, collections or hashlib.
And they stay small: an unprivileged user cannot write bytecode into a checkout and compiles them
anew each time.

An entry is text in three parts with an empty line between them:

    zabbix-ssl entry 1 0.1.0              format and package version: another one is a miss
    example.com<TAB>443                   the key: what the answer is an answer to
    1795503600 ok 0                       the second its age counts from, ok or failed, and for how
                                          long its writer means to keep it fresh
    /etc/zabbix/ssl/domains.json<TAB>...  the state of the configuration it was made under
    at<TAB>starttls=smtp                  how the target was reached, where not the plain way

    all={"handshake_ok": 1, ...}          what --get prints: a known metric
    remain_days!connection refused        one that is not known, and why

    ...                                   what cache.py restores Result and Security from
    end 1a2b3c4d                          CRC-32 of all above

The last line makes a miss of a file that was cut off or damaged, at whatever place.
"""

from __future__ import annotations

import errno
import os
import stat
import zlib

from . import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DIRECTORY = "/var/cache/zabbix-ssl"
DIRECTORY_VARIABLE = "ZABBIX_SSL_CACHE"
CONFIG = "/etc/zabbix/ssl/domains.json"
CONFIG_VARIABLE = "ZABBIX_SSL_CONFIG"

#: Seconds that an answer is fresh. Checks of a 5-minute item whose start wavers by a minute are at
#: least 240 s apart, and a check may last 10 s: each of them finds the answer of the one before too
#: old, while the many items of one target that are asked within a cycle share one probe.
MAX_AGE = 230
#: Seconds that a failure is fresh: enough for twenty pollers, and the recovery is soon seen.
FAILURE_MAX_AGE = 30

MAX_BYTES = 1 << 20
_HEADER = f"zabbix-ssl entry 1 {__version__}".encode()
_MOST_NAME = 180  # bytes of a file name; the most that file systems take is 255
_PLAIN = b"abcdefghijklmnopqrstuvwxyz0123456789.-_=:\t"
_PATHS = ("ca_file", "crl_dir", "system_ca_file", "system_ca_dir", "cert", "key", "key_password",
          "proxy_auth", "password_file", "serves_file")


class Entry:
    """An entry that is whole and an answer to what was asked; how old it may be is not its own to
    say. ``kept`` is the part that only cache.py can read."""

    __slots__ = ("failed", "keep", "kept", "lines", "reached", "since", "stamp")

    def __init__(self, since: int, failed: bool, keep: int, stamp: bytes, reached: bytes,
                 lines: bytes, kept: bytes) -> None:
        self.since = since
        self.failed = failed
        self.keep = keep
        self.stamp = stamp
        self.reached = reached
        self.lines = lines
        self.kept = kept

    def fresh(self, now: float, max_age: float | None = None,
              failure_max_age: float = FAILURE_MAX_AGE) -> bool:
        """Without ``max_age`` the default, or longer where the writer means to keep it fresh."""
        limit = max(MAX_AGE, self.keep) if max_age is None else max_age
        if self.failed:
            limit = min(limit, failure_max_age)
        return 0 <= now - self.since < limit  # younger than now: the clock was set back

    def was_reached(self, options: Mapping[str, str | None]) -> bool:
        """Was the target reached in this way, by all of these options?"""
        return not set(reached(options).split(b"\t")) - set(self.reached.split(b"\t"))

    def line(self, metric: str) -> tuple[bool, bytes] | None:
        """Is the metric known, and what is printed for it; None when there is no such metric."""
        if not metric.isidentifier() or not metric.isascii():
            return None
        lines = b"\n" + self.lines + b"\n"
        for known, mark in ((True, b"="), (False, b"!")):
            start = lines.find(b"\n" + metric.encode() + mark)
            if start >= 0:
                start += len(metric) + 2
                return known, lines[start:lines.index(b"\n", start)]
        return None


def key(domain: str, port: int, options: Mapping[str, str]) -> bytes:
    """What an entry answers: the target and the options given with it, by the names of the fields
    of Settings, one line. File names are made absolute: Zabbix runs its checks in /."""
    rows = [f"{name}={os.path.abspath(value) if name in _PATHS else value}"
            for name, value in sorted(options.items())]
    if not domain.startswith("file:"):
        name, mark, interface = domain.partition("%")  # of an IPv6 address: case counts there
        domain = name.rstrip(".").lower() + mark + interface
    return _line(domain, str(port), *rows)


def file_name(key: bytes) -> str:
    """A readable name for the key's entry. Two keys may share one: the entry holds its key."""
    if key.translate(None, _PLAIN):  # something is left
        name = "".join(chr(c) if c in _PLAIN else f"%{c:02X}" for c in key)
    else:
        name = key.decode()
    name = name.replace("\t", ",")
    if len(name) > _MOST_NAME:
        name = f"{name[:_MOST_NAME]}~{zlib.crc32(key):08x}"
    return name


def reached(options: Mapping[str, str | None]) -> bytes:
    """The line that says how a target was reached: address, starttls ..., where there is one."""
    return _line("at", *(f"{name}={value}" for name, value in sorted(options.items()) if value))


def config_path(option: str | None, environ: Mapping[str, str]) -> str:
    """The configuration file that a run means, absolute; it need not exist."""
    return os.path.abspath(option or environ.get(CONFIG_VARIABLE) or CONFIG)


def config_stamp(path: str) -> bytes:
    """The state of a configuration file. Take it before the file is loaded, not after: then a
    change in between makes entries that are looked at again, and not entries that are wrong."""
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return _line(path, "none")
    return _line(path, str(state.st_mtime_ns), str(state.st_size), str(state.st_ino))


def locate(option: str | None, environ: Mapping[str, str]) -> str:
    """The directory of the cache, absolute; it need not exist.

    Without one named, the system's if this user may write in it, else one of this user's own under
    the directory for temporary files: the user zabbix has no home.
    """
    named = option or environ.get(DIRECTORY_VARIABLE)
    if named:
        return os.path.abspath(named)
    try:
        os.close(open_directory(DIRECTORY))
        if os.access(DIRECTORY, os.W_OK | os.X_OK):
            return DIRECTORY
    except OSError:
        pass
    return own_directory(environ)


def own_directory(environ: Mapping[str, str]) -> str:
    """This user's own directory, where anybody may plant things: it is used only if it is his."""
    return os.path.abspath(f"{environ.get('TMPDIR') or '/tmp'}/zabbix-ssl-{os.geteuid()}")


def open_directory(path: str) -> int:
    """A file descriptor of the directory, through which everything in it is reached, so that
    nobody can exchange it meanwhile. Raises OSError: absent, a symbolic link, not to be trusted."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        why = _distrust(os.fstat(directory), path)
        if why:
            raise PermissionError(errno.EPERM, why, path)
    except OSError:
        os.close(directory)
        raise
    return directory


def _distrust(state: os.stat_result, path: str) -> str:
    """Why a directory is not to be trusted, or "". Root shares the directory of another user, as
    batch does with the pollers, unless that user may have put it where it lies (in /tmp)."""
    if state.st_mode & stat.S_IWOTH:
        return "everybody may write to it"
    if state.st_uid in (0, os.geteuid()):
        return ""
    if os.geteuid() == 0 and not os.stat(os.path.dirname(path)).st_mode & stat.S_IWOTH:
        return ""
    return "it belongs to another user"


def trusted(state: os.stat_result, directory: os.stat_result) -> bool:
    """May this file be believed? A regular one that only we, root or, for root, the directory's
    owner can have written."""
    owners = (0, directory.st_uid) if os.geteuid() == 0 else (0, os.geteuid())
    return (stat.S_ISREG(state.st_mode) and state.st_uid in owners
            and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def read(directory: int, key: bytes) -> Entry | None:
    """The entry of the key in an open directory; None when there is none that can be believed."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        file = os.open(file_name(key) + ".entry", flags, dir_fd=directory)
    except OSError:
        return None
    try:
        state = os.fstat(file)
        if not trusted(state, os.fstat(directory)) or state.st_size > MAX_BYTES:
            return None
        return parse(os.read(file, state.st_size), key)
    except OSError:
        return None
    finally:
        os.close(file)


def write_out(entry: Entry, key: bytes) -> bytes:
    """The bytes of an entry's file, which ``parse`` reads."""
    outcome = "failed" if entry.failed else "ok"
    dates = f"{entry.since} {outcome} {entry.keep}".encode()
    head = b"\n".join((_HEADER, key, dates, entry.stamp, entry.reached))
    body = b"\n\n".join((head, entry.lines, entry.kept))
    return b"%b\nend %08x\n" % (body, zlib.crc32(body))


def parse(data: bytes, key: bytes) -> Entry | None:
    """The entry in the bytes of a file; None when they are damaged or answer something else."""
    body, mark, end = data.rpartition(b"\nend ")
    if not mark or end != b"%08x\n" % zlib.crc32(body):
        return None
    parts = body.split(b"\n\n")
    head = parts[0].split(b"\n")
    if len(parts) != 3 or len(head) != 5 or head[0] != _HEADER or head[1] != key:
        return None
    since, outcome, keep = head[2].split(b" ")
    return Entry(int(since), outcome != b"ok", int(keep), head[3], head[4], parts[1], parts[2])


def _line(*fields: str) -> bytes:
    """Fields as one line that no character in them can break."""
    text = "\t".join(f.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
                     for f in fields)
    return text.encode("utf-8", "backslashreplace")
