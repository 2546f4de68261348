"""The files and locks of the cache, in a world of killed writers, full disks and other users."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from audits import CLEAN, DAY, ROOT, kept, public_copy, run_unprivileged

from zabbix_ssl import cache as caching
from zabbix_ssl import entry as entries
from zabbix_ssl.cache import Cache
from zabbix_ssl.model import Failure

KEY = entries.key("a.example", 443, {})
FILE = "a.example,443.entry"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(str(tmp_path))


class TestPlanted:
    """In a directory where others may write, or once could."""

    def test_a_symbolic_link_is_not_followed_to_read(self, cache: Cache, tmp_path: Path) -> None:
        """Not even to a valid entry."""
        cache.write(KEY, kept())
        os.rename(tmp_path / FILE, tmp_path / "real")
        (tmp_path / FILE).symlink_to(tmp_path / "real")
        assert cache.read(KEY) is None

    def test_a_symbolic_link_is_not_followed_to_write(self, cache: Cache, tmp_path: Path) -> None:
        """It is replaced, and what it pointed to stays as it was."""
        precious = tmp_path / "precious"
        precious.write_text("precious")
        (tmp_path / FILE).symlink_to(precious)
        assert cache.write(KEY, kept()) is None
        assert precious.read_text() == "precious"
        assert cache.read(KEY) is not None

    def test_a_link_as_lock_file_is_not_followed(self, cache: Cache, tmp_path: Path) -> None:
        """No lock then, and nothing made or removed where it points."""
        (tmp_path / "a.example,443.lock").symlink_to(tmp_path / "elsewhere")
        with cache.lock(KEY, time.monotonic() + 1) as state:
            assert state == "unable"
        assert not (tmp_path / "elsewhere").exists()

    def test_a_pipe_or_directory_in_place_of_a_file_does_not_hang(
            self, cache: Cache, tmp_path: Path) -> None:
        """A miss, at once."""
        os.mkfifo(tmp_path / FILE)
        assert cache.read(KEY) is None
        os.mkfifo(tmp_path / "a.example,443.lock")
        with cache.lock(KEY, time.monotonic() + 1) as state:
            assert state == "unable"
        (tmp_path / FILE).unlink()
        (tmp_path / FILE).mkdir()
        assert cache.read(KEY) is None
        assert isinstance(cache.write(KEY, kept()), Failure)

    def test_a_file_that_others_may_write_is_not_believed(
            self, cache: Cache, tmp_path: Path) -> None:
        """Though we own it; the same file with its mode put right is."""
        cache.write(KEY, kept())
        (tmp_path / FILE).chmod(0o666)
        assert cache.read(KEY) is None
        (tmp_path / FILE).chmod(0o644)
        assert cache.read(KEY) is not None

    def test_a_linked_directory_is_not_used(self, tmp_path: Path) -> None:
        """A link in /tmp could lead anywhere."""
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        assert isinstance(Cache(str(tmp_path / "link")).write(KEY, kept()), Failure)
        assert not list((tmp_path / "real").iterdir())

    def test_a_directory_that_everybody_may_write_is_not_used(self, tmp_path: Path) -> None:
        """Sticky or not; doctor tells why."""
        for mode in (0o777, 0o1777):
            tmp_path.chmod(mode)
            failure = Cache(str(tmp_path)).examine()
            assert failure is not None and "everybody may write" in failure.message
        tmp_path.chmod(0o755)
        assert Cache(str(tmp_path)).examine() is None
        assert not list(tmp_path.iterdir())


class TestOtherUsers:
    """Root is one party here: these need to be run as root, and skip where not said otherwise."""

    WRITE = ("from zabbix_ssl.cache import Cache; from zabbix_ssl.entry import *;"
             "e = Entry(5, False, 0, b'none', b'at', b'all=1', b'null');"
             "print(Cache('cache').write(key('a.example', 443, {}), e))")
    READ = ("from zabbix_ssl.cache import Cache; from zabbix_ssl.entry import key;"
            "print(Cache('cache').read(key('a.example', 443, {})) is not None)")

    def test_a_directory_of_another_user_is_not_used(self) -> None:
        """Who owns the directory could put anything into it."""
        with public_copy() as folder:
            (folder / "cache").mkdir()
            if os.geteuid() == 0:
                os.chown(folder / "cache", 12345, 12345)
            said = run_unprivileged(folder, self.WRITE, other_user=True)
            assert "it belongs to another user" in said
            os.chown(folder / "cache", 65534, 65534)
            assert run_unprivileged(folder, self.WRITE) == "None\n"

    def test_a_directory_that_cannot_be_written_to_is_told(self) -> None:
        """Nothing is kept, and the Failure says why. (Needs no root.)"""
        with public_copy() as folder:
            (folder / "cache").mkdir(mode=0o555)
            assert "Permission denied" in run_unprivileged(folder, self.WRITE)

    def test_root_and_another_user_share_a_directory_of_that_user(self) -> None:
        """What root writes the other can read, replace and remove."""
        with public_copy() as folder:
            (folder / "cache").mkdir(mode=0o755)
            if os.geteuid() == 0:
                os.chown(folder / "cache", 65534, 65534)
            assert Cache(str(folder / "cache")).write(KEY, kept()) is None
            assert run_unprivileged(folder, self.READ, other_user=True) == "True\n"
            state = (folder / "cache" / FILE).stat()
            assert (state.st_uid, stat.S_IMODE(state.st_mode)) == (65534, 0o644)
            assert run_unprivileged(folder, self.WRITE) == "None\n"
            replaced = Cache(str(folder / "cache")).read(KEY)
            assert replaced is not None and replaced.since == 5

    def test_root_does_not_share_what_another_user_put_into_tmp(self) -> None:
        """There the name alone says nothing of who made it."""
        if os.geteuid() != 0:
            pytest.skip("needs root")
        with public_copy() as folder:
            (folder / "cache").mkdir()
            os.chown(folder / "cache", 65534, 65534)
            folder.chmod(0o1777)
            failure = Cache(str(folder / "cache")).examine()
            assert failure is not None and "another user" in failure.message

    def test_an_entry_of_another_user_is_not_believed(self) -> None:
        """In a directory of root's that a group may write to."""
        with public_copy() as folder:
            (folder / "cache").mkdir()
            (folder / "cache").chmod(0o775)
            if os.geteuid() == 0:
                os.chown(folder / "cache", 0, 65534)
            assert Cache(str(folder / "cache")).write(KEY, kept()) is None
            assert run_unprivileged(folder, self.READ, other_user=True) == "True\n"
            os.chown(folder / "cache" / FILE, 12345, 0)
            assert run_unprivileged(folder, self.READ) == "False\n"

    def test_an_unusual_umask_does_not_hide_entries(self, cache: Cache, tmp_path: Path) -> None:
        """Mode 0644 for those who may enter the directory. (Needs no root.)"""
        before = os.umask(0o077)
        try:
            cache.write(KEY, kept())
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o644


class TestDirectory:
    def test_the_option_wins_over_the_environment_and_both_over_the_default(self) -> None:
        """And an empty one counts as none."""
        environ = {"ZABBIX_SSL_CACHE": "/from/environment"}
        assert entries.locate("/from/option", environ) == "/from/option"
        assert entries.locate(None, environ) == "/from/environment"
        assert entries.locate("", {"ZABBIX_SSL_CACHE": ""}) == entries.locate(None, {})

    def test_the_system_directory_is_taken_if_it_can_be_written_to(
            self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Else one of this user's own, made with mode 0700."""
        monkeypatch.setattr(entries, "DIRECTORY", str(tmp_path / "system"))
        environ = {"TMPDIR": str(tmp_path)}
        own = f"{tmp_path}/zabbix-ssl-{os.geteuid()}"
        opened = caching.open_cache(None, environ)
        assert opened.directory == own
        assert stat.S_IMODE(os.stat(own).st_mode) == 0o700
        (tmp_path / "system").mkdir()
        assert caching.open_cache(None, environ).directory == f"{tmp_path}/system"
        (tmp_path / "system").chmod(0o777)
        assert caching.open_cache(None, environ).directory == own

    def test_a_named_directory_is_kept(self, tmp_path: Path) -> None:
        """But not its parents: a slip of the pen is told."""
        assert caching.open_cache(str(tmp_path / "new"), {}).examine() is None
        failure = caching.open_cache(str(tmp_path / "no" / "new"), {}).examine()
        assert failure is not None and "No such file" in failure.message

    def test_a_missing_directory_is_a_miss(self, tmp_path: Path) -> None:
        """Reading gives nothing, sweeping does nothing, nothing raises."""
        missing = Cache(str(tmp_path / "missing"))
        assert missing.read(KEY) is None
        caching.sweep(missing)
        with missing.lock(KEY, time.monotonic() + 1) as state:
            assert state == "unable"


def start(code: str, folder: Path, stderr: int | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE,
                            env={**CLEAN, "PYTHONPATH": str(ROOT)}, stderr=stderr)


class TestDisk:
    def test_a_kill_in_the_middle_of_writing_leaves_a_whole_entry(self, tmp_path: Path) -> None:
        """The old one or the new one, thirty kills in a row; what lies about is swept later."""
        writer = ("from zabbix_ssl.cache import Cache; from zabbix_ssl.entry import *\n"
                  "n = 0\n"
                  "while True:\n"
                  "    n += 1\n"
                  "    text = b'all=%d ' % n + b'x' * 300_000\n"
                  "    e = Entry(n, False, 0, b'none', b'at', text, b'%d' % n)\n"
                  "    Cache('.').write(key('a.example', 443, {}), e)\n"
                  "    if n == 1: print(flush=True)\n")
        cache = Cache(str(tmp_path))
        for kill in range(30):
            process = start(writer, tmp_path)
            assert process.stdout is not None and process.stdout.readline() == b"\n"
            time.sleep(kill / 1000)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            entry = cache.read(KEY)
            assert entry is not None
            line = entry.line("all")
            assert line is not None and line[1].startswith(b"%d x" % entry.since)
        for file in tmp_path.glob("*.temp"):
            os.utime(file, (0, 0))
        caching.sweep(cache)
        assert {file.name for file in tmp_path.iterdir()} == {FILE, "swept"}

    def test_a_full_disk_keeps_the_old_entry(self, cache: Cache, tmp_path: Path) -> None:
        """By a limit on the size of files: the write fails in the middle, and is told."""
        cache.write(KEY, kept(days=55))
        code = ("import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
                "from zabbix_ssl.cache import Cache; from zabbix_ssl.entry import *\n"
                "e = Entry(5, False, 0, b'none', b'at', b'all=' + b'x' * 1000, b'null')\n"
                "print(Cache('.').write(key('a.example', 443, {}), e).message)\n"
                "print(Cache('.').read(key('a.example', 443, {})).line('remain_days'))\n")
        said, _ = start(code, tmp_path).communicate()
        assert said == f"{'.'}: File too large: nothing is kept there\n(True, b'55')\n".encode()
        assert [file.name for file in tmp_path.iterdir()] == [FILE]

    def test_a_disk_without_space_keeps_nothing_and_says_so(self, tmp_path: Path) -> None:
        """A real one of 64 KiB; with the space back it keeps again."""
        if os.geteuid() != 0:
            pytest.skip("needs root")
        mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "tmpfs", str(tmp_path)]
        if subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("needs the right to mount")
        try:
            cache = Cache(str(tmp_path))
            filler = tmp_path / "filler"
            with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
                while True:
                    file.write(b"x" * 4096)
            failure = cache.write(KEY, kept())
            assert failure is not None and "No space left" in failure.message
            assert [f.name for f in tmp_path.iterdir()] == ["filler"]
            filler.unlink()
            assert cache.write(KEY, kept()) is None
        finally:
            subprocess.run(["umount", str(tmp_path)], check=True)

    def test_no_descriptor_is_left_open(self, cache: Cache) -> None:
        """By hits, misses, failures and locks."""
        before = os.listdir("/proc/self/fd")
        for directory in (cache, Cache("/nonexistent"), Cache("/tmp")):
            directory.write(KEY, kept())
            directory.read(KEY)
            directory.examine()
            caching.sweep(directory)
            with directory.lock(KEY, 0):
                pass
        assert os.listdir("/proc/self/fd") == before

    def test_too_many_open_files_is_no_cache(self, cache: Cache) -> None:
        """A failure like any other, and reading is a miss."""
        cache.write(KEY, kept())
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        open_now = max(int(name) for name in os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_now - 1, limits[1]))
        try:
            spare = []
            with pytest.raises(OSError):
                while True:
                    spare.append(os.open("/", os.O_RDONLY))
            failure, entry = cache.write(KEY, kept()), cache.read(KEY)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            for descriptor in spare:
                os.close(descriptor)
        assert failure is not None and "Too many open files" in failure.message
        assert entry is None and cache.read(KEY) is not None


class TestSweep:
    def age(self, path: Path, seconds: float) -> None:
        path.touch()
        os.utime(path, (time.time() - seconds,) * 2)

    def test_only_old_files_of_ours_are_removed(self, cache: Cache, tmp_path: Path) -> None:
        """Entries after a week, temporary files and locks after an hour, others' files never."""
        stay = {"young,1.entry": 6 * DAY, f"2-{'0' * 16}.temp": 3000, "young,1.lock": 3000,
                "notes.txt": 900 * DAY, "entry": 900 * DAY, "apt.lock": DAY, "my-work.temp": DAY}
        go = {"old,1.entry": 8 * DAY, f"{'a' * 180}~0.entry": 8 * DAY, f"1-{'0' * 16}.temp": 4000,
              "old,1.lock": 4000}
        for name, seconds in {**stay, **go}.items():
            self.age(tmp_path / name, seconds)
        caching.sweep(cache)
        assert {file.name for file in tmp_path.iterdir()} == {*stay, "swept"}

    def test_a_lock_that_is_held_stays(self, cache: Cache, tmp_path: Path) -> None:
        """However old its file."""
        with cache.lock(KEY, time.monotonic() + 1) as state:
            assert state == "held"
            self.age(tmp_path / "a.example,443.lock", 9000)
            caching.sweep(cache)
            assert (tmp_path / "a.example,443.lock").exists()
        assert not (tmp_path / "a.example,443.lock").exists()

    def test_it_happens_once_an_hour(self, cache: Cache, tmp_path: Path) -> None:
        """Not with each check."""
        caching.sweep(cache)
        self.age(tmp_path / "old,1.entry", 8 * DAY)
        caching.sweep(cache)
        assert (tmp_path / "old,1.entry").exists()
        self.age(tmp_path / "swept", 3700)
        caching.sweep(cache)
        assert not (tmp_path / "old,1.entry").exists()


class TestLocks:
    def test_who_comes_second_waits_until_its_time_is_up(self, cache: Cache) -> None:
        """And is told that it is late; afterwards the lock is free."""
        with cache.lock(KEY, time.monotonic() + 1) as first:
            began = time.monotonic()
            with cache.lock(KEY, began + 0.2) as second:
                assert (first, second) == ("held", "late")
            assert time.monotonic() - began >= 0.2
            other = entries.key("b.example", 443, {})
            with cache.lock(other, time.monotonic() + 1) as third:
                assert third == "held"
        with cache.lock(KEY, time.monotonic()) as again:
            assert again == "held"

    def test_a_killed_holder_frees_it(self, cache: Cache, tmp_path: Path) -> None:
        """Whose file lies there still."""
        code = ("import time\n"
                "from zabbix_ssl.cache import Cache; from zabbix_ssl.entry import key\n"
                "with Cache('.').lock(key('a.example', 443, {}), time.monotonic() + 9) as state:\n"
                "    print(state, flush=True); time.sleep(60)\n")
        process = start(code, tmp_path)
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        with cache.lock(KEY, time.monotonic()) as state:
            assert state == "late"
        process.kill()
        process.communicate()
        assert (tmp_path / "a.example,443.lock").exists()
        with cache.lock(KEY, time.monotonic()) as state:
            assert state == "held"

    @pytest.mark.parametrize(("lock", "alone"), [
        ("Cache('.').lock(key('a', 1, {}), time.monotonic() + 60)", True),
        ("nullcontext()", False)])
    def test_only_one_at_a_time_holds_it(self, tmp_path: Path, lock: str, alone: bool) -> None:
        """Eight processes raise a number in a file: with the lock none gets lost, though its file
        comes and goes all the time. Without it the same work does lose some."""
        code = ("import time; from contextlib import nullcontext; from pathlib import Path\n"
                "from zabbix_ssl.cache import Cache; from zabbix_ssl.entry import key\n"
                "number = Path('number')\n"
                "for _ in range(25):\n"
                f"    with {lock}:\n"
                "        n = int(number.read_text() or 0); time.sleep(0.001)\n"
                "        number.write_text(str(n + 1))\n")
        (tmp_path / "number").write_text("0")
        processes = [start(code, tmp_path, stderr=subprocess.DEVNULL) for _ in range(8)]
        for process in processes:
            process.communicate(timeout=120)
        assert (int((tmp_path / "number").read_text() or 0) == 200) is alone
        assert not list(tmp_path.glob("*.lock"))
