"""Entries on disk: what is kept comes back whole or not at all, whatever happens to the files."""

from __future__ import annotations

import os
import time
import zlib
from pathlib import Path

import pytest
from audits import answers, kept
from hypothesis import given
from hypothesis import strategies as st

from zabbix_ssl import cache as caching
from zabbix_ssl import entry as entries
from zabbix_ssl.cache import Cache
from zabbix_ssl.entry import Entry
from zabbix_ssl.metrics import TABLE
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

KEY = entries.key("a.example", 443, {})
FILE = "a.example,443.entry"


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
    st.lists(st.builds(Finding, texts, st.sampled_from(("low", "high")), texts)).map(tuple),
    st.just(()))  # Result.missing is not kept
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
        for entry in (kept(), kept(failure=Failure("refused", "connection refused"))):
            assert all(entry.line(name) is not None for name in TABLE)
            assert entry.line("no_such_metric") is None

    def test_lines_hold_values_and_reasons(self) -> None:
        """A known metric has its value as printed, an unknown one why it is not known."""
        assert kept().line("remain_days") == (True, b"100")
        assert kept().line("self_signed") == (True, b"0")
        assert kept().line("san") == (True, b"a.example, b.example")
        failed = kept(failure=Failure("refused", "connection\nrefused"))
        assert failed.line("remain_days") == (False, rb"connection\u000arefused")
        assert failed.line("handshake_ok") == (True, b"0")

    def test_a_metric_name_cannot_reach_into_other_lines(self) -> None:
        """Words that would match inside a line or across lines are no metric."""
        for word in ("", "all=", "remain_days=1", "x\nall", "ll", "remain_day", "\nall"):
            assert kept().line(word) is None


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
        given = caching.options(Settings(ca_file="/x", offline=True, system_ca_dir="/y",
                                         allow_private_revocation=("a", "b")))
        assert given == {"ca_file": "/x", "offline": "1", "allow_private_revocation": "a,b",
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
        cache.write(KEY, kept())
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
        assert kept(check_time=int(now)).fresh(now)

    @pytest.mark.parametrize(("age", "max_age", "fresh"), [
        (29, None, True), (31, None, False), (29, 600, True), (31, 600, False), (11, 10, False)])
    def test_a_failure_is_believed_more_briefly(
            self, age: float, max_age: float | None, fresh: bool) -> None:
        """Half a minute, or less where less is asked for."""
        assert Entry(1000, True, 900, b"", b"", b"", b"").fresh(1000 + age, max_age) is fresh

    def test_a_failure_ages_from_its_end(self) -> None:
        """A check that took a minute to fail still serves those who waited for it."""
        entry = kept(failure=Failure("timeout", "no answer"), check_time=int(time.time()) - 60)
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
        data = entries.write_out(kept(), KEY)
        assert entries.parse(data, KEY) is not None
        assert not [n for n in range(len(data)) if entries.parse(data[:n], KEY) is not None]
        assert entries.parse(data + b"\n", KEY) is None

    @pytest.mark.parametrize("damage", [
        lambda byte: byte ^ 1, lambda byte: byte ^ 0x80, lambda byte: 0,
        lambda byte: 10 if byte != 10 else 32])
    def test_a_file_damaged_anywhere_is_a_miss(self, damage: object) -> None:
        """Every byte, exchanged for another."""
        assert callable(damage)
        data = entries.write_out(kept(), KEY)
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
            cache.write(KEY, kept())
            assert cache.read(KEY) is not None
        assert cache.read(KEY) is None

    def test_a_huge_file_is_a_miss_and_is_not_written(self, cache: Cache) -> None:
        """Over 1 MiB nothing is read, and nothing of that size is kept."""
        entry = kept()
        entry.kept += b" " * entries.MAX_BYTES
        failure = cache.write(KEY, entry)
        assert failure is not None and failure.reason == "size"
        Path(cache.directory, FILE).write_bytes(entries.write_out(entry, KEY))
        assert cache.read(KEY) is None
