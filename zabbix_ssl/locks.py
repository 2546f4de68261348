"""One at a time, between processes and threads: a file that is locked with flock(2).

The kernel frees the lock of a process that dies. Who has the lock removes the file when done, so
none lie about; who comes to hold the lock of a removed file therefore tries again with the new one.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .entry import open_directory, trusted

#: What came of it. LATE: another has it and the time is up. UNABLE: there can be no lock here, for
#: want of a directory that can be written to.
HELD, LATE, UNABLE = "held", "late", "unable"

_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.05  # seconds


@contextmanager
def lock(path: str, until: float) -> Iterator[str]:
    """Holds the lock of a file in a directory, waiting until ``time.monotonic()`` is ``until``;
    gives one of HELD, LATE and UNABLE, and raises nothing."""
    name = os.path.basename(path)
    try:
        directory = open_directory(os.path.dirname(path))
    except OSError:
        yield UNABLE
        return
    file = None
    try:
        state, file = _acquire(directory, name, until)
        yield state
    finally:
        if file is not None:
            _remove(directory, name)
            os.close(file)
        os.close(directory)


def create(directory: int, name: str, mode: int) -> int:
    """A new file, open for writing. What root makes in the directory of another user becomes that
    user's, who is to read and replace it. Only ever done to a file that did not exist: one that
    does may be a link to something of root's."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(name, flags, 0o600, dir_fd=directory)
    try:
        os.fchmod(file, mode)
        owner = os.fstat(directory)
        if os.geteuid() == 0 != owner.st_uid:
            os.fchown(file, owner.st_uid, owner.st_gid)
    except OSError:
        os.close(file)
        _remove(directory, name)
        raise
    return file


def discard_unlocked(directory: int, name: str) -> None:
    """Removes a lock file that nobody holds, left behind by a process that was killed."""
    try:
        _, file = _acquire(directory, name, 0.0)
    except OSError:
        return
    if file is not None:
        _remove(directory, name)
        os.close(file)


def _acquire(directory: int, name: str, until: float) -> tuple[str, int | None]:
    pause = _FIRST_PAUSE
    while True:
        file = _open(directory, name)
        if file is None:
            return UNABLE, None
        try:
            while not _try(file):
                left = until - time.monotonic()
                if left <= 0:
                    os.close(file)
                    return LATE, None
                time.sleep(min(pause, left))
                pause = min(2 * pause, _LONGEST_PAUSE)
        except OSError:  # a file system without locks
            os.close(file)
            return UNABLE, None
        if _is_current(directory, name, file):
            return HELD, file
        os.close(file)


def _open(directory: int, name: str) -> int | None:
    """The lock file, made when there is none; None when that cannot be or it is not to be trusted.
    Nobody else may open it: whoever can, can hold it for ever."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    while True:
        try:
            return create(directory, name, 0o600)
        except FileExistsError:
            pass
        except OSError:
            return None
        try:
            file = os.open(name, flags, dir_fd=directory)
        except FileNotFoundError:
            continue
        except OSError:
            return None
        if trusted(os.fstat(file), os.fstat(directory)):
            return file
        os.close(file)
        return None


def _try(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EINTR):
            return False
        raise
    return True


def _is_current(directory: int, name: str, file: int) -> bool:
    try:
        there = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except OSError:
        return False
    return os.path.samestat(there, os.fstat(file))


def _remove(directory: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except OSError:
        pass
