"""Entries on disk: what is kept comes back whole or not at all, whatever happens to the files."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from audits import (
    CLEAN,
    DAY,
    ROOT,
    answers,
    observed,
    public_folder,
    run_unprivileged,
)
from hypothesis import given
from hypothesis import strategies as st

from zabbix_ssl import cache as caching
from zabbix_ssl import entry as entries
from zabbix_ssl.cache import Cache
from zabbix_ssl.entry import Entry
from zabbix_ssl.metrics import TABLE, judge
from zabbix_ssl.model import (
    TLS_VERSIONS,
    Failure,
    Finding,
    Offer,
    Result,
    Security,
    Settings,
    Target,
)

A = Target("a.example")
KEY = entries.key("a.example", 443, {})
FILE = "a.example,443.entry"


def made(*, days: int = 100, failure: Failure | None = None, check_time: int | None = None,
         keep: float = 0) -> Entry:
    result = judge(observed(A, failure, days=days, check_time=check_time))
    return caching.make_entry(result, answers(0), b"none", entries.reached({}), keep)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(str(tmp_path))


texts = st.text(max_size=30)
maybe = st.none() | texts
targets = st.builds(
    Target, texts, st.integers(1, 65535), maybe, maybe, maybe, maybe,
    st.none() | st.floats(0.001, 600), texts, st.lists(st.tuples(texts, texts)).map(tuple),
    st.none() | st.integers(0, 3650))
values = (st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
          | texts | st.lists(texts, max_size=3).map(tuple))
results = st.builds(
    Result, targets, st.integers(0, 2**40),
    st.fixed_dictionaries({"handshake_ok": st.booleans(), "risk_level": st.just("low")},
                          optional={"san": st.lists(texts, max_size=3).map(tuple),
                                    "subject": texts, "key_bits": st.integers(),
                                    "remain_percent": values, "self_signed": values}),
    st.dictionaries(st.sampled_from(("issuer", "serial")), texts),
    st.lists(st.builds(Finding, texts, st.sampled_from(("low", "high")), texts)).map(tuple))
offers = st.builds(Offer, st.none() | st.booleans(), texts)
securities = st.none() | st.builds(
    Security, st.fixed_dictionaries(dict.fromkeys(TLS_VERSIONS, offers)),
    st.lists(texts, max_size=3).map(tuple), texts, st.integers(0, 2**40))


class TestRoundTrip:
    @given(results, securities)
    def test_what_is_kept_comes_back_equal(self, result: Result, security: Security | None) -> None:
        """Result and Security survive the way through the bytes of a file, types and all."""
        kept = caching.make_entry(result, security, b"stamp", b"at", keep=7)
        back = entries.parse(entries.write_out(kept, KEY), KEY)
        assert back is not None
        assert repr(caching.result(back)) == repr(result)
        assert repr(caching.security(back)) == repr(security)
        assert (back.failed, back.keep, back.stamp) == (result.failed, 7, b"stamp")

    @given(texts, st.integers(0, 65535), st.dictionaries(texts, texts))
    def test_a_key_is_one_line_and_its_file_name_fits(
            self, domain: str, port: int, options: dict[str, str]) -> None:
        """Whatever is asked for, nothing breaks out of the line or of the directory."""
        key = entries.key(domain, port, options)
        assert b"\n" not in key
        name = entries.file_name(key)
        assert "/" not in name and "\0" not in name
        assert len(os.fsencode(name + ".entry")) <= 255

    def test_all_metrics_of_the_table_have_a_line(self) -> None:
        """A healthy and a failed target both say something to every metric."""
        for entry in (made(), made(failure=Failure("refused", "connection refused"))):
            assert all(entry.line(name) is not None for name in TABLE)
            assert entry.line("no_such_metric") is None

    def test_lines_hold_values_and_reasons(self) -> None:
        """A known metric has its value as printed, an unknown one why it is not known."""
        assert made().line("remain_days") == (True, b"100")
        assert made().line("self_signed") == (True, b"0")
        assert made().line("san") == (True, b"a.example, b.example")
        failed = made(failure=Failure("refused", "connection\nrefused"))
        assert failed.line("remain_days") == (False, rb"connection\u000arefused")
        assert failed.line("handshake_ok") == (True, b"0")

    def test_a_metric_name_cannot_reach_into_other_lines(self) -> None:
        """Words that would match inside a line or across lines are no metric."""
        for word in ("", "all=", "remain_days=1", "x\nall", "ll", "remain_day", "\nall"):
            assert made().line(word) is None


class TestKeys:
    def test_different_questions_have_different_keys(self) -> None:
        """Each option that changes the answer makes another entry; capitals do not."""
        asked = [("a", 443, {}), ("a", 444, {}), ("b", 443, {}), ("a", 443, {"address": "::1"}),
                 ("a", 443, {"starttls": "smtp"}), ("a\t443", 443, {}), ("a\\t443", 443, {})]
        keys = [entries.key(*question) for question in asked]
        assert len(set(keys)) == len(keys)
        assert len({entries.file_name(key) for key in keys}) == len(keys)
        assert entries.key("A.Example.", 443, {}) == KEY

    def test_settings_that_say_what_to_check_are_keyed(self) -> None:
        """CA files and the like are part of the question; time and number of processes are not."""
        assert caching.options(Settings(timeout=1, workers=4, concurrency=3, connections=1)) == {}
        given = caching.options(Settings(ca_file="/x", offline=True, revocation_networks=("a", "b"),
                                         system_ca_dir="/y"))
        assert given == {"ca_file": "/x", "offline": "1", "revocation_networks": "a,b",
                         "system_ca_dir": "/y"}

    def test_a_relative_file_name_means_the_same_file_from_any_folder(
            self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A person in a folder and Zabbix in / who mean one file share the entry."""
        monkeypatch.chdir(tmp_path)
        assert (entries.key("a", 1, {"ca_file": "ca.pem"})
                == entries.key("a", 1, {"ca_file": f"{tmp_path}/ca.pem"})
                != entries.key("a", 1, {"ca_file": "/ca.pem"}))

    def test_two_keys_with_one_file_name_never_answer_for_each_other(self, cache: Cache) -> None:
        """The file holds its whole key, and another key's file is a miss."""
        cache.write(KEY, made())
        other = entries.key("other.example", 443, {})
        os.rename(f"{cache.directory}/{FILE}",
                  f"{cache.directory}/{entries.file_name(other)}.entry")
        assert cache.read(other) is None

    def test_the_stamp_tells_states_of_the_configuration_apart(self, tmp_path: Path) -> None:
        """An absent, a new, a changed and an exchanged file are four states."""
        path = tmp_path / "domains.json"
        stamps = [entries.config_stamp(str(path))]
        for text in ("[]", '["a.example"]'):
            path.write_text(text)
            stamps.append(entries.config_stamp(str(path)))
        (tmp_path / "new").write_text(path.read_text())
        os.utime(tmp_path / "new", ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
        os.rename(tmp_path / "new", path)
        stamps.append(entries.config_stamp(str(path)))
        assert len(set(stamps)) == 4
        assert entries.config_stamp(str(path)) == stamps[-1]


class TestFreshness:
    @pytest.mark.parametrize(("age", "max_age", "fresh"), [
        (0, None, True), (229, None, True), (231, None, False), (-5, None, False),
        (50, 60, True), (61, 60, False), (0.5, 0, False), (500, 600, True)])
    def test_a_success_by_its_age(self, age: float, max_age: float | None, fresh: bool) -> None:
        """Fresh while younger than allowed; never when it comes from the future."""
        now = time.time()
        assert Entry(1000, False, 0, b"", b"", b"", b"").fresh(1000 + age, max_age) is fresh
        assert made(check_time=int(now)).fresh(now)

    @pytest.mark.parametrize(("age", "max_age", "fresh"), [
        (29, None, True), (31, None, False), (29, 600, True), (31, 600, False), (11, 10, False)])
    def test_a_failure_is_believed_more_briefly(
            self, age: float, max_age: float | None, fresh: bool) -> None:
        """Half a minute, or less where less is asked for."""
        assert Entry(1000, True, 900, b"", b"", b"", b"").fresh(1000 + age, max_age) is fresh

    def test_a_failure_ages_from_its_end(self) -> None:
        """A check that took a minute to fail still serves those who waited for it."""
        entry = made(failure=Failure("timeout", "no answer"), check_time=int(time.time()) - 60)
        assert entry.fresh(time.time())

    def test_a_resident_writer_makes_it_fresh_for_longer(self) -> None:
        """Until its next run is due; who asks for something fresher gets it."""
        entry = Entry(1000, False, 900, b"", b"", b"", b"")
        assert entry.fresh(1800) and not entry.fresh(1901)
        assert not entry.fresh(1800, 230)

    def test_no_check_of_a_five_minute_item_meets_the_one_before(self) -> None:
        """Whose start wavers by a minute, with checks that last up to ten seconds."""
        assert 300 - 60 - 10 >= entries.MAX_AGE > 60

    def test_old_protocols_are_believed_for_hours_if_all_were_learnt(self) -> None:
        """What is only known in part is asked again after a quarter of an hour."""
        default = caching.Freshness()
        assert caching.security_fresh(answers(1000), 1000 + 6 * 3600 - 1, default)
        assert not caching.security_fresh(answers(1000), 1000 + 6 * 3600 + 1, default)
        assert caching.security_fresh(answers(1000, "reset"), 1000 + 899, default)
        assert not caching.security_fresh(answers(1000, "reset"), 1000 + 901, default)
        assert not caching.security_fresh(answers(1000), 999, default)
        assert not caching.security_fresh(answers(1000), 1060, default._replace(security_max_age=9))


class TestDamage:
    def test_a_file_cut_off_anywhere_is_a_miss(self) -> None:
        """Every prefix, as a power cut may leave it."""
        data = entries.write_out(made(), KEY)
        assert entries.parse(data, KEY) is not None
        assert not [n for n in range(len(data)) if entries.parse(data[:n], KEY) is not None]
        assert entries.parse(data + b"\n", KEY) is None

    @pytest.mark.parametrize("damage", [
        lambda byte: byte ^ 1, lambda byte: byte ^ 0x80, lambda byte: 0,
        lambda byte: 10 if byte != 10 else 32])
    def test_a_file_damaged_anywhere_is_a_miss(self, damage: object) -> None:
        """Every byte, exchanged for another."""
        assert callable(damage)
        data = entries.write_out(made(), KEY)
        for place, byte in enumerate(data):
            broken = data[:place] + bytes([damage(byte)]) + data[place + 1:]
            assert entries.parse(broken, KEY) is None, place

    @given(st.binary(max_size=300))
    def test_any_bytes_are_a_miss(self, data: bytes) -> None:
        """Never an error, whatever lies there; nor with a right checksum."""
        assert entries.parse(data, KEY) is None
        whole = b"%b\nend %08x\n" % (data, zlib.crc32(data))
        assert entries.parse(whole, KEY) is None

    def test_another_version_is_a_miss(self, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
        """What an older or newer package wrote may mean something else."""
        with monkeypatch.context() as other:
            other.setattr(entries, "_HEADER", b"zabbix-ssl entry 1 0.0.9")
            cache.write(KEY, made())
            assert cache.read(KEY) is not None
        assert cache.read(KEY) is None

    def test_a_huge_file_is_a_miss_and_is_not_written(self, cache: Cache) -> None:
        """Over 1 MiB nothing is read, and nothing of that size is kept."""
        entry = made()
        entry.kept += b" " * entries.MAX_BYTES
        failure = cache.write(KEY, entry)
        assert failure is not None and failure.reason == "size"
        Path(cache.directory, FILE).write_bytes(entries.write_out(entry, KEY))
        assert cache.read(KEY) is None


class TestPlanted:
    """In a directory where others may write, or once could."""

    def test_a_symbolic_link_is_not_followed_to_read(self, cache: Cache, tmp_path: Path) -> None:
        """Not even to a valid entry."""
        cache.write(KEY, made())
        os.rename(tmp_path / FILE, tmp_path / "real")
        (tmp_path / FILE).symlink_to(tmp_path / "real")
        assert cache.read(KEY) is None

    def test_a_symbolic_link_is_not_followed_to_write(self, cache: Cache, tmp_path: Path) -> None:
        """It is replaced, and what it pointed to stays as it was."""
        precious = tmp_path / "precious"
        precious.write_text("precious")
        (tmp_path / FILE).symlink_to(precious)
        assert cache.write(KEY, made()) is None
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
        assert isinstance(cache.write(KEY, made()), Failure)

    def test_a_file_that_others_may_write_is_not_believed(
            self, cache: Cache, tmp_path: Path) -> None:
        """Though we own it; the same file with its mode put right is."""
        cache.write(KEY, made())
        (tmp_path / FILE).chmod(0o666)
        assert cache.read(KEY) is None
        (tmp_path / FILE).chmod(0o644)
        assert cache.read(KEY) is not None

    def test_a_linked_directory_is_not_used(self, tmp_path: Path) -> None:
        """A link in /tmp could lead anywhere."""
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        assert isinstance(Cache(str(tmp_path / "link")).write(KEY, made()), Failure)
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
        with public_folder() as folder:
            (folder / "cache").mkdir()
            if os.geteuid() == 0:
                os.chown(folder / "cache", 12345, 12345)
            said = run_unprivileged(folder, self.WRITE, other_user=True)
            assert "it belongs to another user" in said
            os.chown(folder / "cache", 65534, 65534)
            assert run_unprivileged(folder, self.WRITE) == "None\n"

    def test_a_directory_that_cannot_be_written_to_is_told(self) -> None:
        """Nothing is kept, and the Failure says why. (Needs no root.)"""
        with public_folder() as folder:
            (folder / "cache").mkdir(mode=0o555)
            assert "Permission denied" in run_unprivileged(folder, self.WRITE)

    def test_root_and_another_user_share_a_directory_of_that_user(self) -> None:
        """What root writes the other can read, replace and remove."""
        with public_folder() as folder:
            (folder / "cache").mkdir(mode=0o755)
            if os.geteuid() == 0:
                os.chown(folder / "cache", 65534, 65534)
            assert Cache(str(folder / "cache")).write(KEY, made()) is None
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
        with public_folder() as folder:
            (folder / "cache").mkdir()
            os.chown(folder / "cache", 65534, 65534)
            folder.chmod(0o1777)
            failure = Cache(str(folder / "cache")).examine()
            assert failure is not None and "another user" in failure.message

    def test_an_entry_of_another_user_is_not_believed(self) -> None:
        """In a directory of root's that a group may write to."""
        with public_folder() as folder:
            (folder / "cache").mkdir()
            (folder / "cache").chmod(0o775)
            if os.geteuid() == 0:
                os.chown(folder / "cache", 0, 65534)
            assert Cache(str(folder / "cache")).write(KEY, made()) is None
            assert run_unprivileged(folder, self.READ, other_user=True) == "True\n"
            os.chown(folder / "cache" / FILE, 12345, 0)
            assert run_unprivileged(folder, self.READ) == "False\n"

    def test_an_unusual_umask_does_not_hide_entries(self, cache: Cache, tmp_path: Path) -> None:
        """Mode 0644 for those who may enter the directory. (Needs no root.)"""
        before = os.umask(0o077)
        try:
            cache.write(KEY, made())
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

    def test_a_named_directory_is_made(self, tmp_path: Path) -> None:
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
        cache.write(KEY, made(days=55))
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
            failure = cache.write(KEY, made())
            assert failure is not None and "No space left" in failure.message
            assert [f.name for f in tmp_path.iterdir()] == ["filler"]
            filler.unlink()
            assert cache.write(KEY, made()) is None
        finally:
            subprocess.run(["umount", str(tmp_path)], check=True)

    def test_no_descriptor_is_left_open(self, cache: Cache) -> None:
        """By hits, misses, failures and locks."""
        before = os.listdir("/proc/self/fd")
        for directory in (cache, Cache("/nonexistent"), Cache("/tmp")):
            directory.write(KEY, made())
            directory.read(KEY)
            directory.examine()
            caching.sweep(directory)
            with directory.lock(KEY, 0):
                pass
        assert os.listdir("/proc/self/fd") == before

    def test_too_many_open_files_is_no_cache(self, cache: Cache) -> None:
        """A failure like any other, and reading is a miss."""
        cache.write(KEY, made())
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        open_now = max(int(name) for name in os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_now - 1, limits[1]))
        try:
            spare = []
            with pytest.raises(OSError):
                while True:
                    spare.append(os.open("/", os.O_RDONLY))
            failure, entry = cache.write(KEY, made()), cache.read(KEY)
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
