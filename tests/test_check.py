"""From cache or from the server: who asks, who waits, what is kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from audits import Door, answers, observed

from zabbix_ssl import cache as caching
from zabbix_ssl import check
from zabbix_ssl import entry as entries
from zabbix_ssl.cache import Cache, Freshness
from zabbix_ssl.model import Failure, Observation, Result, Security, Settings, Target

A = Target("a.example")
KEY = entries.key("a.example", 443, {})
SETTINGS = Settings(timeout=2.5)
REFUSED = Failure("refused", "connection refused")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(str(tmp_path))


def age(cache: Cache, seconds: int, key: bytes = KEY) -> None:
    """Makes an entry older."""
    entry = cache.read(key)
    assert entry is not None
    entry.since -= seconds
    assert cache.write(key, entry) is None


class TestGet:
    def test_a_second_question_is_answered_from_the_cache(self, cache: Cache) -> None:
        """One audit, and the same result, down to the types; too old it is asked anew."""
        door = Door()
        first = check.get(A, SETTINGS, cache, door=door)
        assert repr(check.get(A, SETTINGS, cache, door=door)) == repr(first)
        assert len(door.asked) == 1
        age(cache, entries.MAX_AGE + 1)
        check.get(A, SETTINGS, cache, door=door)
        assert len(door.asked) == 2

    def test_without_a_cache_each_question_is_asked(self) -> None:
        """--no-cache."""
        door = Door()
        for _ in range(2):
            assert not check.get(A, SETTINGS, None, door=door).failed
        assert len(door.asked) == 2

    def test_a_failure_is_kept_for_half_a_minute(self, cache: Cache) -> None:
        """However long successes are."""
        door, freshness = Door(REFUSED), Freshness(max_age=9999)
        for _ in range(2):
            result = check.get(A, SETTINGS, cache, freshness=freshness, door=door)
            assert result.values["error_reason"] == "refused"
        assert len(door.asked) == 1
        age(cache, 31)
        check.get(A, SETTINGS, cache, freshness=freshness, door=door)
        assert len(door.asked) == 2

    @pytest.mark.parametrize(("settings", "target", "audits"), [
        (SETTINGS._replace(address="192.0.2.1"), A, 2),
        (SETTINGS._replace(ca_file="/ca.pem"), A, 2),
        (SETTINGS._replace(timeout=60, concurrency=1), A, 1),
        (SETTINGS, A._replace(port=8443), 2),
        (SETTINGS, A._replace(warning_days=60), 2),
        (SETTINGS, A._replace(starttls="smtp"), 2),
        (SETTINGS, A._replace(timeout=60, group="web", tags=(("env", "test"),)), 1)])
    def test_what_changes_the_answer_makes_another_question(
            self, cache: Cache, settings: Settings, target: Target, audits: int) -> None:
        """On the command line or in the configuration; what does not is answered with the target
        as it is configured now."""
        door = Door()
        check.get(A, SETTINGS, cache, door=door)
        assert check.get(target, settings, cache, door=door).target == target
        assert len(door.asked) == audits

    def test_a_changed_configuration_that_leaves_the_target_as_it_was(self, cache: Cache) -> None:
        """Needs no audit, and the entry is marked so that the short way finds it again."""
        door = Door()
        check.get(A, SETTINGS, cache, stamp=b"before", door=door)
        check.get(A, SETTINGS, cache, stamp=b"after", door=door)
        entry = cache.read(KEY)
        assert entry is not None and entry.stamp == b"after" and len(door.asked) == 1
        check.get(A._replace(sni="b.example"), SETTINGS, cache, stamp=b"later", door=door)
        assert len(door.asked) == 2

    def test_the_spelling_that_was_asked_for_is_the_one_to_be_found(self, cache: Cache) -> None:
        """xn-- on the command line, Unicode in the configuration."""
        target = Target("bücher.example")
        check.get(target, SETTINGS, cache, asked="xn--bcher-kva.example", door=Door())
        assert cache.read(entries.key("xn--bcher-kva.example", 443, {})) is not None
        assert cache.read(entries.key("bücher.example", 443, {})) is None

    def test_a_directory_that_cannot_be_used_costs_no_answer(self, tmp_path: Path) -> None:
        """Only the cache."""
        tmp_path.chmod(0o777)
        for directory in (tmp_path, tmp_path / "missing", Path("/proc")):
            door = Door()
            for _ in range(2):
                assert not check.get(A, SETTINGS, Cache(str(directory)), door=door).failed
            assert len(door.asked) == 2

    def test_a_garbled_rest_of_an_entry_is_a_miss(self, cache: Cache) -> None:
        """Written whole, but with a result that this version cannot restore."""
        door = Door()
        check.get(A, SETTINGS, cache, door=door)
        for rest in (b"null\n[]", b"null\n[[], 1, {}, {}, []]", b"", b"x\ny", b"[1]\n[1,2,3,4,5]"):
            entry = cache.read(KEY)
            assert entry is not None
            entry.kept = rest
            cache.write(KEY, entry)
            asked = len(door.asked)
            check.get(A, SETTINGS, cache, door=door)
            assert len(door.asked) == asked + 1


class TestTime:
    def test_the_audit_gets_what_is_left(self, cache: Cache) -> None:
        """Less what judging, keeping and printing take; a shorter time of the target's own is
        kept, a longer one is not."""
        for own, most in ((None, 2.4), (1.0, 1.0), (60.0, 2.4)):
            door = Door()
            check.get(A._replace(timeout=own), SETTINGS, None, door=door)
            timeout = door.asked[0][0].timeout
            assert timeout is not None and most - 0.4 < timeout <= most

    def test_importing_the_audit_counts(self) -> None:
        """It takes a tenth of a second, and far more on a busy machine."""
        door = Door()

        def slow(targets: Iterable[tuple[Target, Security | None]], settings: Settings
                 ) -> Iterator[tuple[int, Observation]]:
            time.sleep(0.8)
            return door(targets, settings)

        check.get(A, SETTINGS, None, door=slow)
        timeout = door.asked[0][0].timeout
        assert timeout is not None and timeout < 1.7

    def test_waiting_counts(self, cache: Cache) -> None:
        """Who gets the lock late has only the rest of the time for its audit."""
        door = Door()
        with cache.lock(KEY, time.monotonic()):
            asking = threading.Thread(target=lambda: check.get(A, SETTINGS, cache, door=door))
            asking.start()
            time.sleep(0.8)
        asking.join()
        timeout = door.asked[0][0].timeout
        assert timeout is not None and timeout < 1.7

    def test_who_waits_in_vain_says_so_in_time(self, cache: Cache) -> None:
        """As a timeout that is not kept."""
        door, began = Door(), time.monotonic()
        with cache.lock(KEY, time.monotonic()):
            result = check.get(A, SETTINGS._replace(timeout=0.3), cache, door=door)
        assert time.monotonic() - began < 0.3 + 0.5
        assert result.values["error_reason"] == "timeout"
        assert "another check of a.example:443" in str(result.values["error"])
        assert not door.asked and cache.read(KEY) is None

    def test_of_twenty_at_once_one_audits(self, cache: Cache) -> None:
        """The others wait for its answer, also when it failed with the last of its time."""
        for failure, key in ((None, A), (REFUSED, Target("b.example"))):
            door = Door(failure, seconds=0.8)
            results: list[Result] = []
            settings = Settings(timeout=1)
            askers = [threading.Thread(
                target=lambda k=key, d=door, s=settings, r=results: r.append(
                    check.get(k, s, cache, door=d))) for _ in range(20)]
            for asker in askers:
                asker.start()
            for asker in askers:
                asker.join()
            assert len(door.asked) == 1
            assert len(results) == 20 and len({repr(result) for result in results}) == 1
            assert results[0].failed is (failure is not None)


class TestSecurity:
    def test_old_protocols_are_not_asked_for_again_with_each_check(self, cache: Cache) -> None:
        """For six hours, unless less is asked for."""
        now = int(time.time())
        door = Door(security=answers(now - 3600))
        for wanted in (None, answers(now - 3600)):
            check.get(A, SETTINGS, cache, door=door)
            assert door.asked[-1][1] == wanted
            age(cache, 300)
        check.get(A, SETTINGS, cache, freshness=Freshness(security_max_age=1800), door=door)
        assert door.asked[-1][1] is None

    def test_a_failure_in_between_does_not_lose_them(self, cache: Cache) -> None:
        """A server that was down for a minute is not knocked on six times when it is back."""
        known = answers(int(time.time()) - 3600)
        check.get(A, SETTINGS, cache, door=Door(security=known))
        age(cache, 300)
        check.get(A, SETTINGS, cache, door=Door(REFUSED))
        age(cache, 300)
        door = Door()
        check.get(A, SETTINGS, cache, door=door)
        assert door.asked == [(door.asked[0][0], known)]

    def test_they_are_those_of_one_server(self, cache: Cache) -> None:
        """A target that is reached another way from now on is asked."""
        for target in (A, A._replace(address="192.0.2.1"), A._replace(sni="b.example"),
                       A._replace(starttls="smtp")):
            door = Door(security=answers(int(time.time())))
            check.get(target, SETTINGS, cache, door=door)
            assert door.asked[0][1] is None


class TestRun:
    def test_every_target_is_audited_and_kept(self, cache: Cache) -> None:
        """Fresh entries or not; afterwards get finds them all."""
        targets = [Target(f"{name}.example") for name in "abc"]
        for days in (100, 50):
            results = dict(check.run(targets, SETTINGS, cache, door=Door(days=days)))
            assert [results[i].target for i in range(3)] == targets
            assert {result.values["remain_days"] for result in results.values()} == {days}
        for target in targets:
            assert check.get(target, SETTINGS, cache, door=never).values["remain_days"] == 50

    def test_old_protocols_are_taken_from_the_cache(self, cache: Cache) -> None:
        """And survive a failure there."""
        known = answers(int(time.time()) - 60)
        for door, wanted in ((Door(security=known), None), (Door(REFUSED), known), (Door(), known)):
            list(check.run([A], SETTINGS, cache, door=door))
            assert door.asked[0][1] == wanted

    def test_a_resident_writer_keeps_answers_fresh_until_its_next_run(self, cache: Cache) -> None:
        """Without that they get old as any."""
        list(check.run([A], SETTINGS, cache, keep=900, door=Door()))
        age(cache, 800)
        assert not check.get(A, SETTINGS, cache, door=never).failed
        list(check.run([A], SETTINGS, cache, door=Door()))
        age(cache, 800)
        door = Door()
        check.get(A, SETTINGS, cache, door=door)
        assert door.asked

    def test_targets_of_one_domain_and_port_are_kept_apart(self, cache: Cache) -> None:
        """The domain and port alone mean the one without an address; the others are found by
        their address, as --get DOMAIN PORT METRIC --address asks for them."""
        first, second = A._replace(address="192.0.2.1"), A._replace(address="192.0.2.2")

        def owner(**options: str) -> Target | None:
            entry = cache.read(entries.key("a.example", 443, options))
            return caching.result(entry).target if entry else None

        list(check.run([first, A, second], SETTINGS, cache, door=Door()))
        assert owner() == A
        assert owner(address="192.0.2.1") == first and owner(address="192.0.2.2") == second
        list(check.run([second], SETTINGS, cache, configured=[first, second], door=Door()))
        assert owner() == A
        list(check.run([first], SETTINGS, cache, configured=[first, second], door=Door()))
        assert owner() == first

    def test_a_fault_of_ours_is_a_result_like_any_other(self, cache: Cache) -> None:
        """Of those that the audit did not come to, and of one that cannot be judged."""
        def breaks(targets: Iterable[tuple[Target, Security | None]], settings: Settings
                   ) -> Iterator[tuple[int, Observation]]:
            for index, (target, _) in enumerate(targets):
                if index == 2:
                    raise RuntimeError("out of order")
                seen = observed(target)
                yield index, seen._replace(certificate="nonsense") if index else seen  # type: ignore[arg-type]

        results = dict(check.run([Target(f"{n}.example") for n in range(4)], SETTINGS, cache,
                                 door=breaks))
        assert [results[i].values["error_reason"] for i in range(4)] == ["", *["internal"] * 3]
        assert "out of order" in str(results[3].values["error"])
        assert "please report" in str(results[1].values["error"])

    def test_a_missing_dependency_is_not_a_result(self, cache: Cache) -> None:
        """But an error: nothing can be checked."""
        def broken(targets: object, settings: object) -> Iterator[tuple[int, Observation]]:
            raise ImportError("No module named 'OpenSSL'")

        with pytest.raises(ImportError):
            list(check.run([A], SETTINGS, cache, door=broken))
        with pytest.raises(ImportError):
            check.get(A, SETTINGS, cache, door=broken)

    def test_several_processes_share_the_work(self, cache: Cache) -> None:
        """Each target once, under its own index."""
        targets = [Target(f"{n}.example") for n in range(7)]
        results = list(check.run(targets, SETTINGS._replace(workers=3), cache, door=Door()))
        assert sorted(index for index, _ in results) == list(range(7))
        assert all(result.target == targets[index] for index, result in results)
        assert cache.read(entries.key("6.example", 443, {})) is not None

    def test_closing_it_ends_the_audits(self, cache: Cache) -> None:
        """Ctrl-C reports what is done and begins nothing more."""
        door = Door()
        running = check.run([Target(f"{n}.example") for n in range(9)], SETTINGS, cache, door=door)
        next(running)
        running.close()  # type: ignore[attr-defined]
        assert len(door.asked) <= 2

    def test_a_cache_that_cannot_be_used_costs_no_result(self) -> None:
        """Only that nothing is kept."""
        results = list(check.run([A], SETTINGS, Cache("/nonexistent"), door=Door()))
        assert len(results) == 1 and not results[0][1].failed


def never(targets: Iterable[tuple[Target, Security | None]], settings: Settings
          ) -> Iterator[tuple[int, Observation]]:
    raise AssertionError("nothing was to be audited")
