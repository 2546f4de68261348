"""What was learnt, kept in a directory for all processes and in memory for this one.

The directory is distrusted as the cache of results is (see ``cache``): nothing is taken from a file
that another user may have written, files are renamed when whole, and where the disk fails there is
memory. In it lie, named so that ``cache.sweep`` clears them after a week:

- ``<hash>.entry``: small values as JSON with the key they are of: verdicts, failures, certificates;
- ``crl-<hash>.entry``: a CRL's DER, its index (see ``crl``), what the server said, and a footer
  that tells where each begins. It was verified before, and is mapped into memory, not read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import struct
import sys
import time
from array import array
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, NamedTuple, TypeVar

from ... import cache, locks
from ...entry import open_directory, trusted
from .answers import Verdict
from .crl import Crl, read
from .encoding import UNREADABLE

_MOST_VERDICTS, _MOST_CRLS = 50_000, 64  # in memory
_VALUE_BYTES = 1 << 21
_CRLS_BYTES = 1 << 30  # of CRLs in the directory; the ones used longest ago go first
_FOOTER = struct.Struct("<8sQQQ")  # magic, entries of the index, bytes of the rest, DER's bytes
_MAGIC = b"crl2" + sys.byteorder[:4].encode()  # the index is in the machine's own byte order


K = TypeVar("K")
V = TypeVar("V")


class Kept(NamedTuple):
    """A CRL as it was kept."""

    crl: Crl
    checked_at: int  # when the server last said that it is the current one, Unix seconds
    etag: str
    last_modified: str


class Scratch(NamedTuple):
    """A file that is being written."""

    file: BinaryIO
    directory: int | None  # None: it is in memory alone
    name: str

    def mapped(self) -> mmap.mmap:
        """What was written so far. ValueError when that is nothing."""
        self.file.flush()
        if self.directory is None:
            return mmap.mmap(self.file.fileno(), 0, prot=mmap.PROT_READ)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.name, flags, dir_fd=self.directory)
        try:
            return mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
        finally:
            os.close(descriptor)

    def rename(self, name: str) -> None:
        """Puts it in the place of ``name``."""
        self.file.flush()
        os.rename(self.name, name, src_dir_fd=self.directory, dst_dir_fd=self.directory)


class Store:
    """Keeps answers. Without a directory, or where it cannot be used, in memory alone."""

    def __init__(self, path: str | None = None) -> None:
        self._directory = _opened(path) if path else None  # kept open: a check reads two files
        self._path = path
        self._verdicts: dict[str, Verdict] = {}
        self._values: dict[str, Any] = {}
        self._crls: dict[str, Kept] = {}
        if path and self._directory is not None:
            self._state = os.fstat(self._directory)
            cache.sweep(cache.Cache(path))

    def __del__(self) -> None:
        if self._directory is not None:
            os.close(self._directory)

    def lock(self, key: str, until: float) -> AbstractContextManager[str]:
        """The right to fetch what ``key`` names, as ``locks.lock``; alone without a directory."""
        if self._directory is None:
            return contextlib.nullcontext(locks.UNABLE)
        return locks.lock(f"{self._path}/{_hash(key)}.lock", until)

    # Verdicts: the protocol ``path.Known``

    def verdict(self, key: str) -> Verdict | None:
        """The last verified verdict of that key, however old."""
        kept = self._verdicts.get(key)
        if kept and time.time() < kept.refresh_at:
            return kept
        value = self.value(f"verdict {key}")  # perhaps another process has asked anew
        with contextlib.suppress(TypeError):
            if isinstance(value, list):
                kept = self._verdicts[key] = Verdict(*value)
        return kept

    def learn(self, key: str, verdict: Verdict) -> None:
        """Keeps a verdict in place of the last one."""
        remember(self._verdicts, key, verdict, _MOST_VERDICTS)
        self.put(f"verdict {key}", verdict)

    # Values

    def value(self, key: str) -> Any:
        """The JSON value kept by that key; None when there is none."""
        if self._directory is None:
            return self._values.get(key)
        try:
            file, state = self._open(_name(key))
            try:
                data = os.read(file, min(state.st_size, _VALUE_BYTES))
            finally:
                os.close(file)
            name, value = json.loads(str(data, "ascii"))
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        return value if name == key else None

    def put(self, key: str, value: Any) -> None:
        """Keeps a JSON value."""
        if self._directory is None:
            remember(self._values, key, value, _MOST_VERDICTS)
            return
        data = json.dumps([key, value], separators=(",", ":")).encode()
        with contextlib.suppress(OSError), self.scratch() as scratch:
            scratch.file.write(data)
            scratch.rename(_name(key))

    # CRLs

    def crl(self, key: str) -> Kept | None:
        """The CRL kept by that key, however old."""
        if self._directory is None:
            return self._crls.get(key)
        try:
            file, state = self._open(_crl_name(key))
            try:
                data = mmap.mmap(file, 0, prot=mmap.PROT_READ)
            finally:
                os.close(file)
            return _kept(data, int(state.st_mtime))
        except (OSError, LookupError, struct.error, *UNREADABLE):
            return None

    def keep_crl(self, key: str, scratch: Scratch, serials: array[int], size: int, etag: str,
                 last_modified: str) -> Kept:
        """Keeps a verified CRL, ``size`` bytes of DER in ``scratch``. Raises OSError."""
        rest = json.dumps([etag, last_modified]).encode()
        file = scratch.file
        file.seek(size)
        file.write(bytes(-size % 8))
        file.write(serials)
        file.write(rest + _FOOTER.pack(_MAGIC, len(serials), len(rest), size))
        kept = _kept(scratch.mapped(), int(time.time()))
        if scratch.directory is None:
            remember(self._crls, key, kept, _MOST_CRLS)
        else:
            os.fsync(file.fileno())  # nothing else would tell a CRL torn by a power cut
            scratch.rename(_crl_name(key))
            _bound(scratch.directory)
        return kept

    def confirm_crl(self, key: str, kept: Kept) -> Kept:
        """The server says that this CRL is still the current one."""
        kept = kept._replace(checked_at=int(time.time()))
        if self._directory is None:
            remember(self._crls, key, kept, _MOST_CRLS)
            return kept
        with contextlib.suppress(OSError):
            os.utime(_crl_name(key), dir_fd=self._directory, follow_symlinks=False)
        return kept

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Scratch]:
        """A file to write to, which is gone in the end unless it was renamed. Raises OSError."""
        if self._directory is None:
            with os.fdopen(os.memfd_create("zabbix-ssl"), "w+b") as file:
                yield Scratch(file, None, "")
            return
        name = f"{os.getpid()}-{os.urandom(8).hex()}.temp"
        descriptor = locks.create(self._directory, name, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield Scratch(file, self._directory, name)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=self._directory)

    def _open(self, name: str) -> tuple[int, os.stat_result]:
        """The file of that name. Raises OSError when there is none that can be believed."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.open(name, flags, dir_fd=self._directory)
        state = os.fstat(file)
        if not trusted(state, self._state):
            os.close(file)
            raise PermissionError
        return file, state


def _opened(path: str) -> int | None:
    """A directory in which something can be kept, None where it cannot. It is made where it is
    absent; what root makes in the directory of another user becomes that user's, as
    ``locks.create`` has it."""
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
            owner = os.stat(os.path.dirname(path) or ".")
            if os.geteuid() == 0 != owner.st_uid:
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
        directory = open_directory(path)
    except OSError:
        return None
    if os.access(".", os.W_OK | os.X_OK, dir_fd=directory):
        return directory
    os.close(directory)
    return None


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:40]


def _name(key: str) -> str:
    return f"{_hash(key)}.entry"


def _crl_name(key: str) -> str:
    return f"crl-{_hash(key)}.entry"


def _kept(data: mmap.mmap, checked_at: int) -> Kept:
    """The CRL in a file that ``keep_crl`` wrote. ValueError or struct.error for another file."""
    magic, count, rest, size = _FOOTER.unpack_from(data, len(data) - _FOOTER.size)
    index = size + -size % 8
    if magic != _MAGIC or index + 8 * count + rest + _FOOTER.size != len(data):
        raise ValueError("no CRL")
    etag, last_modified = json.loads(data[index + 8 * count:-_FOOTER.size])
    encoded: Any = data  # a map does all that is asked of bytes here
    layout, head = read(encoded)
    serials = memoryview(data)[index:index + 8 * count].cast("Q")
    return Kept(Crl(head, layout, encoded, serials), checked_at, etag, last_modified)


def _bound(directory: int) -> None:
    """Whoever serves certificates of his own making could fill the disk with CRLs."""
    found = []
    for entry in os.scandir(directory):
        if entry.name.startswith("crl-"):
            state = entry.stat(follow_symlinks=False)
            found.append((state.st_mtime, state.st_size, entry.name))
    total = sum(size for _, size, _ in found)
    for _, size, name in sorted(found):
        if total <= _CRLS_BYTES:
            return
        os.unlink(name, dir_fd=directory)
        total -= size


def remember(kept: dict[K, V], key: K, value: V, most: int) -> None:
    """Into a dictionary that does not grow without end."""
    kept.pop(key, None)
    kept[key] = value
    while len(kept) > most:
        kept.pop(next(iter(kept)), None)
