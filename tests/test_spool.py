"""The spool: what waits is there in order, once for each destination, whatever happens."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zabbix_ssl.zabbix.spool import FILE, Kept, Spool, Unusable, Value

ROOT = Path(__file__).parent.parent
MB = 1 << 20


def value(number: int, text: str = "") -> Value:
    return Value(f"ssl.push[t{number % 10}.example,443]", text or f'{{"n": {number}}}',
                 1_700_000_000 + number, number)


def numbers(kept: list[Kept]) -> list[int]:
    return [one.value.ns for one in kept]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def opened(tmp_path: Path, said: list[str]) -> Iterator[Callable[..., Spool]]:
    """Opens the spool of the test, closing it first where it is open."""
    folder = tmp_path / "spool"
    last: list[Spool] = []

    def open_it(*destinations: str, most: int = 100 * MB) -> Spool:
        while last:
            last.pop().close()
        last.append(Spool(str(folder), destinations or ("one",), most, said.append))
        return last[0]

    yield open_it
    while last:
        last.pop().close()


def test_values_come_out_as_they_went_in(opened: Callable[..., Spool]) -> None:
    """Oldest first, unchanged, as many as are asked for, from after a number on."""
    spool = opened()
    values = [value(n) for n in range(7)]
    spool.add(values[:3])
    spool.add(values[3:])
    kept = spool.first("one", 100)
    assert [one.value for one in kept] == values
    assert numbers(spool.first("one", 2)) == [0, 1]
    assert numbers(spool.first("one", 2, kept[3].id)) == [4, 5]
    assert spool.first("one", 100, kept[-1].id) == []
    assert spool.waiting("one") == 7


def test_each_destination_gets_each_value_once(opened: Callable[..., Spool]) -> None:
    """What one has taken still waits for the other, and is gone when both have it."""
    spool = opened("one", "two")
    spool.add([value(n) for n in range(4)])
    spool.done("one", [one.id for one in spool.first("one", 3)])
    assert numbers(spool.first("one", 9)) == [3] and spool.waiting("one") == 1
    assert numbers(spool.first("two", 9)) == [0, 1, 2, 3] and spool.waiting("two") == 4
    spool.done("two", [one.id for one in spool.first("two", 9)])
    spool = opened("one", "two")
    assert numbers(spool.first("one", 9)) == [3] and spool.first("two", 9) == []
    assert (spool.waiting("one"), spool.waiting("two")) == (1, 0)


def test_done_twice_counts_once(opened: Callable[..., Spool]) -> None:
    """Marking a value as delivered again, or one that never was, changes nothing."""
    spool = opened()
    spool.add([value(0), value(1)])
    first = spool.first("one", 1)[0].id
    for _ in range(2):
        spool.done("one", [first, 12345])
        assert spool.waiting("one") == 1
    assert numbers(spool.first("one", 9)) == [1]


def test_a_restart_changes_nothing(opened: Callable[..., Spool]) -> None:
    """What waits is there afterwards, in order, before what comes then."""
    spool = opened()
    spool.add([value(n) for n in range(5)])
    spool.done("one", [one.id for one in spool.first("one", 2)])
    spool = opened()
    spool.add([value(5)])
    assert numbers(spool.first("one", 9)) == [2, 3, 4, 5]
    assert spool.waiting("one") == 4


def test_numbers_are_not_used_again(opened: Callable[..., Spool]) -> None:
    """A value that comes when all others are gone has a larger number than they had, also after a
    restart: who remembers a number is not misled."""
    spool = opened()
    spool.add([value(0)])
    last = spool.first("one", 1)[0].id
    spool.done("one", [last])
    spool = opened()
    spool.add([value(1)])
    assert spool.first("one", 1)[0].id > last


def test_the_oldest_go_when_it_is_full(opened: Callable[..., Spool], tmp_path: Path) -> None:
    """The bound holds on disk; the newest values are there, without a gap; the number of those that
    went is told exactly. A spool with room drops none."""
    texts = [os.urandom(1000).hex() for _ in range(2000)]  # 1 KB each, and nothing to pack
    small, dropped = opened(most=MB), 0
    for number, text in enumerate(texts):
        dropped += small.add([value(number, text)])
    kept = numbers(small.first("one", 9999))
    assert kept == list(range(dropped, 2000))
    assert small.waiting("one") == len(kept) >= 300
    assert (tmp_path / "spool" / FILE).stat().st_size <= 1.1 * MB
    large = opened("other", most=100 * MB)
    assert sum(large.add([value(n, text)]) for n, text in enumerate(texts)) == 0


def test_a_value_larger_than_the_spool_is_kept_alone(opened: Callable[..., Spool]) -> None:
    """The bound makes room; it does not lose the newest."""
    spool = opened(most=100_000)
    spool.add([value(0), value(1)])
    assert spool.add([value(2, os.urandom(200_000).hex())]) == 2
    assert numbers(spool.first("one", 9)) == [2]


def test_the_file_shrinks_after_a_backlog(opened: Callable[..., Spool], tmp_path: Path) -> None:
    """Disk space that a long outage took is given back."""
    spool = opened()
    spool.add([value(n, os.urandom(1000).hex()) for n in range(5000)])
    while kept := spool.first("one", 250):
        spool.done("one", [one.id for one in kept])
    spool = opened()  # what was written ahead is in the file now
    assert (tmp_path / "spool" / FILE).stat().st_size < 3 * MB


def test_alike_values_take_little_room(opened: Callable[..., Spool], tmp_path: Path) -> None:
    """Under 400 bytes each of text like that of an audit: the default size holds five hours of
    10,000 targets."""
    spool = opened()
    for start in range(0, 5000, 250):
        spool.add([value(n, answer(n)) for n in range(start, start + 250)])
    opened().close()
    assert (tmp_path / "spool" / FILE).stat().st_size < 5000 * 400


def answer(number: int) -> str:
    """Text as long and as varied as that of an audit."""
    random_part = random.Random(number).randbytes(48).hex().upper()
    names = ("handshake_ok", "subject", "issuer", "serial", "key_type", "supported_tls_versions")
    return "{" + ", ".join(f'"{name}": "{name} of target"' for name in names * 6) + \
        f', "fingerprint_sha256": "{random_part}"}}'


@settings(max_examples=40, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_any_text_comes_back(opened: Callable[..., Spool], texts: list[str]) -> None:
    """Whatever a certificate makes of a value."""
    spool = opened("any")
    spool.done("any", [one.id for one in spool.first("any", 99)])
    spool.add([Value("key", text, 1, 2) for text in texts])
    assert [one.value.text for one in spool.first("any", 99)] == texts


def test_a_new_destination_gets_what_a_former_one_did_not(opened: Callable[..., Spool],
                                                          said: list[str]) -> None:
    """Who corrects the name of the server loses nothing; one that stays is not affected; and when
    none is new the values are dropped, and it is told."""
    spool = opened("old", "stays")
    spool.add([value(n) for n in range(3)])
    spool.done("stays", [spool.first("stays", 1)[0].id])
    spool = opened("new", "stays")
    assert numbers(spool.first("new", 9)) == [0, 1, 2]
    assert numbers(spool.first("stays", 9)) == [1, 2]
    assert said == ["old is not named any more: 3 values that waited for it go to new"]
    spool = opened("stays")
    assert numbers(spool.first("stays", 9)) == [1, 2]
    assert said[1:] == ["new is not named any more: 3 values that waited for it are dropped"]


def test_one_more_destination_gets_what_is_measured_from_then_on(opened: Callable[..., Spool],
                                                                 said: list[str]) -> None:
    """It is not given what was kept for another that is still there."""
    opened("one").add([value(0)])
    spool = opened("one", "two")
    spool.add([value(1)])
    assert numbers(spool.first("one", 9)) == [0, 1]
    assert numbers(spool.first("two", 9)) == [1]
    assert said == []


def test_one_process_at_a_time(opened: Callable[..., Spool], tmp_path: Path) -> None:
    """A second one is told so; when the first has ended it may."""
    spool = opened()
    with pytest.raises(Unusable, match="another zabbix-ssl push works there"):
        Spool(str(tmp_path / "spool"), ("one",), MB, print)
    spool.add([value(0)])
    opened()


@pytest.mark.parametrize("damage", [
    lambda data: b"not a database at all" * 500,
    lambda data: data[:4096] + os.urandom(len(data) - 4096),
    lambda data: data[:len(data) // 2 + 100],
], ids=["other", "random", "torn"])
def test_a_damaged_file_is_put_aside(opened: Callable[..., Spool], tmp_path: Path, said: list[str],
                                     damage: Callable[[bytes], bytes]) -> None:
    """A new one is begun, and it is told where the old one is; an undamaged one is not touched."""
    opened().add([value(n, os.urandom(500).hex()) for n in range(100)])
    opened().close()
    assert said == []
    path = tmp_path / "spool" / FILE
    broken = damage(path.read_bytes())
    path.write_bytes(broken)
    spool = opened()
    spool.add([value(1)])
    assert numbers(spool.first("one", 9)) == [1]
    (aside,) = path.parent.glob(f"{FILE}.damaged-*")
    assert aside.read_bytes()[4096:] == broken[4096:]
    assert said == [f"{path} was damaged: what it held is lost, the file is kept as {aside.name}"]


def test_a_file_of_another_version_is_left_alone(opened: Callable[..., Spool], tmp_path: Path
                                                 ) -> None:
    """It is neither read wrongly nor put aside."""
    opened().add([value(0)])
    opened().close()
    path = tmp_path / "spool" / FILE
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(Unusable, match="of another version of zabbix-ssl"):
        opened()
    assert os.listdir(path.parent).count(FILE) == 1


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    """A file in its place, a folder that everybody may write to: one line that says what to do."""
    (tmp_path / "file").touch()
    (tmp_path / "public").mkdir()
    (tmp_path / "public").chmod(0o777)
    for name in ("file", "file/below", "public"):
        with pytest.raises(Unusable, match="allow it, or name another folder with --spool-dir"):
            Spool(str(tmp_path / name), ("one",), MB, print)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real").mkdir(0o700)
    Spool(str(tmp_path / "link"), ("one",), MB, print).close()  # systemd's are links


@contextmanager
def disk_of(most: int) -> Iterator[None]:
    """Files of this process cannot grow beyond ``most`` bytes (RLIMIT_FSIZE)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk(opened: Callable[..., Spool], tmp_path: Path) -> None:
    """What cannot be written raises, and none of it is kept; what was there before stays, and with
    room again all goes on."""
    spool = opened()
    spool.add([value(0)])
    with disk_of(100_000), pytest.raises(sqlite3.Error):
        spool.add([value(n, os.urandom(1000).hex()) for n in range(1, 300)])
    assert numbers(spool.first("one", 9)) == [0] and spool.waiting("one") == 1
    spool.add([value(n) for n in range(1, 4)])
    assert numbers(opened().first("one", 9)) == [0, 1, 2, 3]


def test_threads_do_not_disturb_each_other(opened: Callable[..., Spool]) -> None:
    """One adds while two destinations take: each gets all, in order, once."""
    spool = opened("one", "two")
    got: dict[str, list[int]] = {"one": [], "two": []}

    def take(name: str) -> None:
        deadline = time.monotonic() + 30
        while len(got[name]) < 600 and time.monotonic() < deadline:
            kept = spool.first(name, 37)
            got[name] += numbers(kept)
            spool.done(name, [one.id for one in kept])

    threads = [threading.Thread(target=take, args=(name,)) for name in got]
    for thread in threads:
        thread.start()
    for start in range(0, 600, 6):
        spool.add([value(n) for n in range(start, start + 6)])
    for thread in threads:
        thread.join()
    assert got == {"one": list(range(600)), "two": list(range(600))}
    assert spool.waiting("one") == spool.waiting("two") == 0


WRITER = """
import os, sys
from zabbix_ssl.zabbix.spool import Spool, Value
spool = Spool(sys.argv[1], ("one",), 1 << 30, print)
run, n, taken = int(sys.argv[2]), 0, 0
while True:
    spool.add([Value("key", "x" * 400, run, n + i) for i in range(3)])
    n += 3
    os.write(1, b"added %d\\n" % n)
    if n % 9 == 0:
        kept = spool.first("one", 4)
        os.write(1, b"taking %d\\n" % kept[-1].id)
        spool.done("one", [one.id for one in kept])
        os.write(1, b"took %d\\n" % kept[-1].id)
"""


def test_kill_9_loses_nothing(tmp_path: Path, opened: Callable[..., Spool]) -> None:
    """A process is killed twelve times while it adds and takes, at random moments. What it had
    added is there, whole packets and no gaps, and what it had marked as taken is not."""
    dice = random.Random(9)
    expected_first = 1
    for run in range(12):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "spool"), str(run)],
                                  stdout=subprocess.PIPE, cwd=ROOT)
        assert writer.stdout
        first = writer.stdout.readline()  # it is under way
        time.sleep(dice.uniform(0, 0.15))
        writer.send_signal(signal.SIGKILL)
        lines = [line.split() for line in (first + writer.stdout.read()).splitlines(True)
                 if line.endswith(b"\n")]
        writer.stdout.close()
        writer.wait()
        kept = opened().first("one", 1_000_000)
        took = max((int(n) for word, n in lines if word == b"took"), default=expected_first - 1)
        taking = max((int(n) for word, n in lines if word == b"taking"), default=took)
        assert kept[0].id in (took + 1, taking + 1)
        assert [one.id for one in kept] == list(range(kept[0].id, kept[-1].id + 1))
        mine = [one.value.ns for one in kept if one.value.clock == run]
        added = max(int(n) for word, n in lines if word == b"added")
        assert mine[-1] + 1 in (added, added + 3)
        expected_first = kept[0].id
        opened().close()
