"""What was measured and not delivered yet, on disk: in order, once for each destination.

An SQLite database (sqlite.org) in a folder of one process. A value is in it as soon as ``add``
returns, and leaves it when every destination has taken it; whatever kills the process in between,
each value is there for exactly those that have not. Only the loss of power may cost the last
seconds, because not every value waits for the disk (WAL with synchronous=NORMAL).

The size is bounded: beyond it the oldest values go, and are counted. A file that is damaged is put
aside, and a new one begun.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ..entry import open_directory

FILE = "push.db"
_LOCK = "push.lock"
_FORMAT = 1  # of the tables, kept in user_version

_TABLES = """
CREATE TABLE value (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, text BLOB NOT NULL,
                    clock INTEGER NOT NULL, ns INTEGER NOT NULL);
CREATE TABLE pending (destination INTEGER NOT NULL, value INTEGER NOT NULL,
                      PRIMARY KEY (destination, value)) WITHOUT ROWID;
CREATE INDEX pending_value ON pending (value);
CREATE TABLE destination (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE sample (text BLOB NOT NULL);
"""
_SETTINGS = ("auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=NORMAL",
             "journal_size_limit=4194304", "cache_size=-2000", "temp_store=MEMORY")

_DROP_AT_ONCE = 500  # of the oldest values, when there is no room
_SPARE_PAGES = 256  # free pages that the file keeps for the next values
_MOST_SAMPLE = 32_768  # bytes that zlib looks back

#: SQLite's words for a file that is not what it should be.
_DAMAGED = ("malformed", "not a database", "file is encrypted")


class Value(NamedTuple):
    """What was measured: the text for an item, and when."""

    key: str
    text: str
    clock: int  # Unix seconds
    ns: int  # and nanoseconds


class Kept(NamedTuple):
    """A value that waits for a destination. Later ones have larger numbers."""

    id: int
    value: Value


class Unusable(Exception):
    """The folder cannot be used, and what to do: one line."""


class Spool:
    """The values that wait. Any thread may call."""

    def __init__(self, folder: str, destinations: Sequence[str], most_bytes: int,
                 say: Callable[[str], None]) -> None:
        """Open it for these destinations. What was kept for ones that are not named any more goes
        to those that are new; ``say`` is told of it, and of a damaged file.

        Raises Unusable.
        """
        self._lock = threading.RLock()
        self._folder = folder
        self._held = _held(folder)
        try:
            self._database, damaged = _opened(f"{folder}/{FILE}")
            if damaged:
                say(f"{folder}/{FILE} was damaged: what it held is lost, the file is kept as "
                    f"{damaged}")
            self._numbers = _settle(self._database, destinations, say)
            self._page = _number(self._database, "PRAGMA page_size")
            self._most_pages = most_bytes // self._page
            self._counts = {name: _number(
                self._database, "SELECT COUNT(*) FROM pending WHERE destination = ?", number)
                for name, number in self._numbers.items()}
            self._sample = _sample(self._database)
        except sqlite3.Error as error:
            self._held.close()
            raise Unusable(f"{folder}: the file {FILE} cannot be used ({error})") from None

    def add(self, values: Sequence[Value]) -> int:
        """Keep values for every destination; how many of the oldest had to go for them.

        Raises sqlite3.Error when they cannot be written; then none of them is kept.
        """
        if not values:
            return 0
        with self._lock:
            if self._sample is None:
                self._sample = _choose_sample(self._database, values[0].text)
            rows = [(v.key, _pack(v.text, self._sample), v.clock, v.ns) for v in values]
            with _transaction(self._database) as run:
                dropped = self._make_room(sum(len(row[1]) + len(row[0]) + 64 for row in rows))
                for row in rows:
                    number = run("INSERT INTO value (key, text, clock, ns) VALUES (?, ?, ?, ?)",
                                 row).lastrowid
                    for destination in self._numbers.values():
                        run("INSERT INTO pending VALUES (?, ?)", (destination, number))
            for name in self._counts:
                self._counts[name] += len(rows)
            if dropped:
                self._recount()
            return dropped

    def first(self, destination: str, most: int, after: int = 0) -> list[Kept]:
        """Up to ``most`` of the values that wait for a destination, oldest first, of those with a
        number above ``after``."""
        with self._lock:
            rows = self._database.execute(
                "SELECT id, key, text, clock, ns FROM pending JOIN value ON value.id = value "
                "WHERE destination = ? AND value > ? ORDER BY value LIMIT ?",
                (self._numbers[destination], after, most)).fetchall()
        return [Kept(number, Value(key, _unpack(text, self._sample or b""), clock, ns))
                for number, key, text, clock, ns in rows]

    def done(self, destination: str, numbers: Iterable[int]) -> None:
        """These values wait for the destination no more."""
        wanted = [(self._numbers[destination], number) for number in numbers]
        with self._lock:
            with _transaction(self._database) as run:
                gone = 0
                for pair in wanted:
                    gone += run("DELETE FROM pending WHERE destination = ? AND value = ?",
                                pair).rowcount
                    run("DELETE FROM value WHERE id = ? AND NOT EXISTS "
                        "(SELECT 1 FROM pending WHERE value = ?)", (pair[1], pair[1]))
            self._counts[destination] -= gone
            self._give_back()

    def waiting(self, destination: str) -> int:
        """How many values wait for a destination."""
        return self._counts[destination]

    def close(self) -> None:
        """Close the file. What waits stays in it."""
        with self._lock:
            self._database.close()
            self._held.close()

    def _make_room(self, size: int) -> int:
        """Drop the oldest values until ``size`` bytes fit; how many those were."""
        dropped = 0
        while (self._pages() + size // self._page) > self._most_pages:
            oldest = self._database.execute("SELECT id FROM value ORDER BY id LIMIT ?",
                                            (_DROP_AT_ONCE,)).fetchall()
            if not oldest:
                break
            self._database.executemany("DELETE FROM pending WHERE value = ?", oldest)
            self._database.executemany("DELETE FROM value WHERE id = ?", oldest)
            dropped += len(oldest)
        return dropped

    def _pages(self) -> int:
        return (_number(self._database, "PRAGMA page_count")
                - _number(self._database, "PRAGMA freelist_count"))

    def _recount(self) -> None:
        for name, number in self._numbers.items():
            self._counts[name] = _number(
                self._database, "SELECT COUNT(*) FROM pending WHERE destination = ?", number)

    def _give_back(self) -> None:
        """Shrink the file after a backlog, a little at a time."""
        if _number(self._database, "PRAGMA freelist_count") > 2 * _SPARE_PAGES:
            # as a script: execute() would end the statement after its first page
            self._database.executescript(f"PRAGMA incremental_vacuum({_SPARE_PAGES})")


def _held(folder: str) -> _File:
    """The folder, made where it is absent, and held for this process."""
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        os.close(open_directory(os.path.realpath(folder)))  # nobody else plants files there
        file = _File(os.open(f"{folder}/{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
                             | os.O_NOFOLLOW, 0o600))
    except OSError as error:
        raise Unusable(f"{folder}: nothing can be kept there ({error.strerror}): allow it, or name "
                       "another folder with --spool-dir") from None
    try:
        fcntl.flock(file.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise Unusable(f"{folder}: another zabbix-ssl push works there: stop it, or name another "
                       "folder with --spool-dir") from None
    return file


class _File:
    """An open descriptor."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _opened(path: str) -> tuple[sqlite3.Connection, str]:
    """The database, and under what name a damaged one was put aside ("" when none was)."""
    try:
        return _connect(path), ""
    except sqlite3.DatabaseError as error:
        if not any(word in str(error) for word in _DAMAGED):
            raise
    aside = f"{path}.damaged-{int(time.time())}"
    os.replace(path, aside)
    for end in ("-wal", "-shm"):
        if os.path.exists(path + end):
            os.remove(path + end)
    return _connect(path), os.path.basename(aside)


def _connect(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    try:
        for setting in _SETTINGS:
            database.execute(f"PRAGMA {setting}").fetchall()
        if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("database disk image is malformed")
        found = _number(database, "PRAGMA user_version")
        if not found:
            database.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {_FORMAT}; COMMIT")
        elif found != _FORMAT:
            raise sqlite3.OperationalError("it is of another version of zabbix-ssl: let that one "
                                           "send what it holds, or remove the file")
    except BaseException:
        database.close()
        raise
    return database


def _settle(database: sqlite3.Connection, names: Sequence[str], say: Callable[[str], None]
            ) -> dict[str, int]:
    """The destinations' numbers, when what waited for others has gone to the new ones."""
    known = dict(database.execute("SELECT name, id FROM destination").fetchall())
    gone = {name: number for name, number in known.items() if name not in names}
    new = [name for name in names if name not in known]
    with _transaction(database) as run:
        for name in new:
            known[name] = run("INSERT INTO destination (name) VALUES (?)", (name,)).lastrowid
        for old, number in gone.items():
            count = _number(database, "SELECT COUNT(*) FROM pending WHERE destination = ?", number)
            for name in new:
                run("INSERT OR IGNORE INTO pending SELECT ?, value FROM pending "
                    "WHERE destination = ?", (known[name], number))
            run("DELETE FROM pending WHERE destination = ?", (number,))
            run("DELETE FROM destination WHERE id = ?", (number,))
            if count:
                fate = f"go to {', '.join(new)}" if new else "are dropped"
                say(f"{old} is not named any more: {count} values that waited for it {fate}")
        run("DELETE FROM value WHERE NOT EXISTS "
            "(SELECT 1 FROM pending WHERE pending.value = value.id)")
    return {name: known[name] for name in names}


# Values are alike: each is packed as what differs from a sample, the first that came here.

def _sample(database: sqlite3.Connection) -> bytes | None:
    row = database.execute("SELECT text FROM sample").fetchone()
    return row and bytes(row[0])


def _choose_sample(database: sqlite3.Connection, text: str) -> bytes:
    sample = text.encode()[:_MOST_SAMPLE]
    with _transaction(database) as run:
        run("INSERT INTO sample VALUES (?)", (sample,))
    return sample


def _pack(text: str, sample: bytes) -> bytes:
    packer = zlib.compressobj(level=1, zdict=sample)
    return packer.compress(text.encode()) + packer.flush()


def _unpack(data: bytes, sample: bytes) -> str:
    unpacker = zlib.decompressobj(zdict=sample)
    return (unpacker.decompress(data) + unpacker.flush()).decode()


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[Callable[..., sqlite3.Cursor]]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database.execute
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _number(database: sqlite3.Connection, query: str, *arguments: int) -> int:
    found: int = database.execute(query, arguments).fetchone()[0]
    return found
