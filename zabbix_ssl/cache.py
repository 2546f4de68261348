"""One file a target, shared by whoever checks: ``--get``, batch, exporter and push.

The cache may fail in every way a disk can, and then there is no cache: reading gives nothing,
writing gives a Failure that says why (doctor shows it), and checking goes on. Nothing is ever taken
from a file that another user may have written, and nothing is written through a link.

A file comes into being under another name and is renamed when whole, so that a process that is
killed leaves the old entry or the new one. There is no fsync: an entry that a power cut tears is a
miss, because its last line does not fit, and costs one probe.

Root and another user share a directory that belongs to that user: what root writes there becomes
his. Entries are no secrets (they hold what the server tells everybody): mode 0644, and the
directory says who gets at them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

from . import entry as entries
from . import lines, locks
from .entry import Entry
from .model import Failure, Finding, NodeResult, Offer, Result, Security, Settings, Target

#: Seconds that the old protocols and weak ciphers of a server are believed. Asking takes several
#: connections, and a server's configuration changes rarely.
SECURITY_MAX_AGE = 6 * 3600
#: The same when some of it could not be learnt: a server in trouble may answer soon, and one that
#: never answers an old hello is not to be asked with each check.
PARTIAL_SECURITY_MAX_AGE = 900

#: Fields of Settings that say how to check, not what; no part of the key. The last ones come from
#: the environment: OCSP and CRL fetches end in the same answer by a proxy, and a secret is to stand
#: in no file.
_NOT_KEYED = ("timeout", "answers_dir", "connections", "concurrency", "workers", "http_proxy",
              "no_proxy", "proxy_secret", "key_secret")

_DAY = 86400
_KEPT_SECONDS = 7 * _DAY  # of an entry that is not renewed
_LITTER_SECONDS = 3600  # after that a temporary file or lock belongs to a process that is gone
_SWEEP_EVERY = 3600
_SWEEP_SECONDS = 0.2
_SWEEP_MOST = 200_000  # names
_SWEPT = "swept"

_dump = json.JSONEncoder(separators=(",", ":")).encode  # a NamedTuple becomes a list


class Freshness(NamedTuple):
    """How old an answer may be, in seconds. None: entry.MAX_AGE, or longer where a resident writer
    keeps it fresh."""

    max_age: float | None = None
    failure_max_age: float = entries.FAILURE_MAX_AGE
    security_max_age: float = SECURITY_MAX_AGE


class Cache(NamedTuple):
    """A directory of entries."""

    directory: str

    def read(self, key: bytes) -> Entry | None:
        """The entry of a key, however old; None when there is none that can be believed."""
        try:
            with _opened(self.directory) as directory:
                return entries.read(directory, key)
        except OSError:
            return None

    def write(self, key: bytes, entry: Entry) -> Failure | None:
        """Puts the entry in place of an older one; None when that is done, else why it is not."""
        data = entries.write_out(entry, key)
        if len(data) > entries.MAX_BYTES:
            return Failure("size", f"the result has {len(data)} bytes, too many to be kept")
        try:
            with _opened(self.directory) as directory:
                _replace(directory, entries.file_name(key) + ".entry", data)
        except OSError as error:
            return _failure(self.directory, error)
        return None

    def lock(self, key: bytes, until: float) -> AbstractContextManager[str]:
        """The right to probe the key's target; as ``locks.lock``."""
        return locks.lock(f"{self.directory}/{entries.file_name(key)}.lock", until)

    def examine(self) -> Failure | None:
        """Can entries be written and read here? None, or why not."""
        key = entries.key("doctor", 0, {"trial": str(os.getpid())})
        trial = Entry(0, False, 0, b"none", b"at", b"all={}", b"null\nnull")
        failure = self.write(key, trial)
        if failure:
            return failure
        if self.read(key) is None:
            return Failure("cache", f"{self.directory}: what was written cannot be read again")
        with _opened(self.directory) as directory:
            os.unlink(entries.file_name(key) + ".entry", dir_fd=directory)
        return None


def open_cache(option: str | None, environ: Mapping[str, str]) -> Cache:
    """The cache at ``--cache-dir``, or where ``entry.locate`` finds it; the directory is made when
    it is absent. What stands against that shows at each use, and in ``examine``."""
    path = entries.locate(option, environ)
    own = path == entries.own_directory(environ)
    try:
        os.mkdir(path, 0o700 if own else 0o755)
    except OSError:
        pass  # there already, or the first use will tell
    return Cache(path)


def options(settings: Settings) -> dict[str, str]:
    """The settings that change what a check answers, where they differ from the defaults."""
    given = settings._asdict().items()
    return {name: _word(value) for name, value in given
            if name not in _NOT_KEYED and value and value != Settings._field_defaults[name]}


def make_entry(result: Result, security: Security | None, stamp: bytes, reached: bytes,
               keep: float = 0) -> Entry:
    """The entry that holds a result.

    ``keep``: seconds for which the writer means to keep it fresh by writing again. A failure's age
    counts from now: it may have taken longer to come about than it is to be believed.
    """
    since = int(time.time()) if result.failed else result.check_time
    rows = [f"{name}{'=' if known else '!'}{line}"
            for name, known, line in lines.every_line(result)]
    # Result.missing is for those who look at a server themselves: check --show-fix.
    kept = f"{_dump(security)}\n{_dump((*result[:5], result.nodes))}".encode()
    return Entry(since, result.failed, int(keep), stamp, reached,
                 "\n".join(rows).encode("utf-8", "backslashreplace"), kept)


def result(entry: Entry) -> Result:
    """The result in an entry. Raises ValueError when it is not as this version writes it."""
    try:
        target, check_time, values, unknown, findings, nodes = _load(entry.kept, 1)
        return Result(Target(*target), check_time, values, unknown,
                      tuple(Finding(*finding) for finding in findings),
                      nodes=tuple(NodeResult(*node) for node in nodes))
    except (TypeError, LookupError) as error:
        raise ValueError(f"not a result: {error}") from error


def security(entry: Entry) -> Security | None:
    """The old protocols and weak ciphers in an entry, however old; ``checked_at`` tells."""
    try:
        row = _load(entry.kept, 0)
        return None if row is None else _security(row)
    except (TypeError, LookupError, ValueError, AttributeError):
        return None


def _security(row: Any) -> Security:
    versions, weak_ciphers, weak_unknown, checked_at, nodes = row
    return Security({name: Offer(*offer) for name, offer in versions.items()}, weak_ciphers,
                    weak_unknown, checked_at,
                    {address: _security(node) for address, node in nodes.items()})


def security_fresh(seen: Security, now: float, freshness: Freshness) -> bool:
    """May this be taken over instead of asking the server again?"""
    whole = not seen.weak_unknown and all(o.accepted is not None for o in seen.versions.values())
    limit = freshness.security_max_age
    return 0 <= now - seen.checked_at < (limit if whole else min(limit, PARTIAL_SECURITY_MAX_AGE))


def sweep(cache: Cache) -> None:
    """Removes entries of a week ago and what killed processes left; at most once an hour, for a
    fifth of a second, and only files named as this package names them."""
    try:
        with _opened(cache.directory) as directory:
            if _sweep_due(directory):
                _sweep(directory)
    except OSError:
        pass


@contextmanager
def _opened(path: str) -> Iterator[int]:
    directory = entries.open_directory(path)
    try:
        yield directory
    finally:
        os.close(directory)


def _replace(directory: int, name: str, data: bytes) -> None:
    temporary = f"{os.getpid()}-{os.urandom(8).hex()}.temp"
    file = locks.create(directory, temporary, 0o644)
    try:
        try:
            while data:
                data = data[os.write(file, data):]
        finally:
            os.close(file)
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        try:
            os.unlink(temporary, dir_fd=directory)
        except OSError:
            pass
        raise


def _failure(path: str, error: OSError) -> Failure:
    return Failure("cache", f"{path}: {error.strerror or error}: nothing is kept there")


def _sweep_due(directory: int) -> bool:
    try:
        last = os.stat(_SWEPT, dir_fd=directory, follow_symlinks=False).st_mtime
        if 0 <= time.time() - last < _SWEEP_EVERY:
            return False
        os.utime(_SWEPT, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        os.close(locks.create(directory, _SWEPT, 0o644))
    return True


def _sweep(directory: int) -> None:
    """From another place in the list each time, so that each file's turn comes."""
    until = time.monotonic() + _SWEEP_SECONDS
    now = time.time()
    names = os.listdir(directory)[:_SWEEP_MOST]
    start = int(now) % len(names) if names else 0
    for name in names[start:] + names[:start]:
        if time.monotonic() > until:
            return
        kind = _kind(name)
        limit = _KEPT_SECONDS if kind == "entry" else _LITTER_SECONDS
        if not kind:
            continue
        try:
            if now - os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime < limit:
                continue
            if kind == "lock":
                locks.discard_unlocked(directory, name)
            else:
                os.unlink(name, dir_fd=directory)
        except OSError:
            continue


def _kind(name: str) -> str:
    """entry, lock or temp; "" for a file that is not named as this package names them."""
    stem, _, kind = name.rpartition(".")
    if kind in ("entry", "lock") and ("," in stem or "~" in stem):
        return kind
    process, _, random = stem.partition("-")
    return kind if kind == "temp" and process.isdigit() and len(random) == 16 else ""


def _word(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return "1" if value is True else str(value)


def _load(kept: bytes, part: int) -> Any:
    return _frozen(json.loads(kept.split(b"\n")[part]))


def _frozen(value: Any) -> Any:
    """Lists as tuples, all the way down: every sequence of the model is one."""
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {name: _frozen(item) for name, item in value.items()}
    return value
