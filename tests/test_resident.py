"""Auditing for as long as a service runs, against closed ports and servers that say nothing."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from testbed.process import listener, reserved
from zabbix_ssl import config, entry, resident
from zabbix_ssl.cache import Cache
from zabbix_ssl.model import Observation, Result, Security, Settings, Target
from zabbix_ssl.resident import Audits, Source

SETTINGS = Settings(timeout=5, offline=True)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticks are short, and each looks at the configuration."""
    monkeypatch.setattr(resident, "TICK", 0.02)
    monkeypatch.setattr(resident, "_LOOK", 0)


def fixed(*targets: Target) -> Source:
    return Source(lambda: (targets, b"stamp"), lambda: b"stamp")


def collect(audits: Audits, enough: Callable[[list[Result]], bool], seconds: float = 20
            ) -> list[Result]:
    """All results until there are ``enough``."""
    stop = threading.Event()
    found: list[Result] = []
    deadline = time.monotonic() + seconds
    for results in audits.rounds(stop):
        found += results
        if enough(found):
            stop.set()
        assert time.monotonic() < deadline, f"in vain: {found}"
    return found


@pytest.fixture
def closed() -> Iterator[list[Target]]:
    """Five targets that refuse at once."""
    held = [reserved() for _ in range(5)]
    yield [Target("127.0.0.1", one.getsockname()[1]) for one in held]
    for one in held:
        one.close()


@pytest.fixture
def silent() -> Iterator[Target]:
    """A target that takes connections and says nothing."""
    with listener() as held:
        yield Target("127.0.0.1", held.getsockname()[1])


def test_every_target_again_and_again(closed: list[Target], said: list[str]) -> None:
    """Each is audited in each interval; nothing needs to be said of it."""
    audits = Audits(fixed(*closed), SETTINGS, None, interval=0.5, say=said.append)
    found = collect(audits, lambda results: len(results) >= 20)
    for target in closed:
        assert 3 <= sum(result.target == target for result in found) <= 5
    assert {result.values["error_reason"] for result in found} == {"refused"}
    assert len(found) <= audits.checks
    assert said == []


def test_a_dead_server_holds_nobody_up(closed: list[Target], silent: Target) -> None:
    """While one waits for its timeout the others have been audited many times."""
    audits = Audits(fixed(silent, *closed), SETTINGS._replace(timeout=1), None, interval=0.2,
                    say=print)
    found = collect(audits, lambda results: any(r.target == silent for r in results))
    assert sum(result.target != silent for result in found) >= 10
    assert [r.values["error_reason"] for r in found if r.target == silent] == ["timeout"]
    assert audits.late < 1


def test_one_audit_of_a_target_at_a_time(silent: Target, closed: list[Target]) -> None:
    """A target whose audit takes longer than the interval is not audited twice at once."""
    audits = Audits(fixed(silent, closed[0]), SETTINGS._replace(timeout=0.7), None, interval=0.1,
                    say=print)
    found = collect(audits, lambda results: sum(r.target == silent for r in results) == 2)
    assert audits.checks <= 2 + 1 + sum(result.target == closed[0] for result in found) + 1


def test_the_end_does_not_wait_for_a_dead_server(silent: Target, closed: list[Target]) -> None:
    """Who stops the service has it stopped after a moment; what was done is handed over."""
    audits = Audits(fixed(silent, *closed), SETTINGS._replace(timeout=60), None, interval=10,
                    say=print)
    begun = time.monotonic()
    found = collect(audits, lambda results: len(results) == 5)
    assert time.monotonic() - begun < 10
    assert {result.target for result in found} == set(closed)


def test_what_is_learnt_stays_fresh_until_the_next_audit(tmp_path: Path, closed: list[Target]
                                                         ) -> None:
    """Entries of the cache are marked to be renewed, later than ever comes true."""
    cache = Cache(str(tmp_path))
    audits = Audits(fixed(closed[0]), SETTINGS, cache, interval=1000, say=print)
    (result,) = collect(audits, lambda results: len(results) == 1)
    kept = cache.read(entry.key("127.0.0.1", closed[0].port, {"offline": "1"}))
    assert kept and kept.keep >= 1500 + SETTINGS.timeout
    assert kept.stamp == b"stamp"
    assert result.target == closed[0]


class File:
    """A configuration that the test writes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, text: str) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(text)
        new.rename(self.path)

    def list(self, targets: Iterable[Target]) -> None:
        self.write(json.dumps([f"{target.domain}:{target.port}" for target in targets]))

    def source(self) -> Source:
        path = str(self.path)
        return Source(lambda: (config.load(path), entry.config_stamp(path)),
                      lambda: entry.config_stamp(path))


def test_a_changed_configuration(tmp_path: Path, closed: list[Target], said: list[str]) -> None:
    """New targets are audited soon, others no more, those that stay go on; it is told in a line."""
    file = File(tmp_path / "domains.json")
    file.list(closed[:3])
    audits = Audits(file.source(), SETTINGS, None, interval=0.2, say=said.append)
    changed = 0

    def enough(results: list[Result]) -> bool:
        nonlocal changed
        if len(results) >= 6 and not changed:
            file.list(closed[1:])
            changed = len(results) + 10  # of the old list, at most, for what is under way
        return bool(changed) and len(results) >= changed + 20

    found = collect(audits, enough)
    assert {result.target for result in found[:6]} == set(closed[:3])
    assert {result.target for result in found[changed:]} == set(closed[1:])
    assert audits.targets == tuple(closed[1:])
    assert said == ["the configuration has changed: 4 targets, 2 of them new or changed, 1 of "
                    "before gone or changed"]


def test_a_broken_configuration(tmp_path: Path, closed: list[Target], said: list[str]) -> None:
    """One line, once; the targets are those of before until it is mended."""
    file = File(tmp_path / "domains.json")
    file.list(closed[:2])
    audits = Audits(file.source(), SETTINGS, None, interval=0.2, say=said.append)
    steps = iter((lambda: file.write("[oops"), lambda: file.path.unlink(),
                  lambda: file.list(closed[:3])))
    after = [4, 12, 20]

    def enough(results: list[Result]) -> bool:
        if after and len(results) >= after[0]:
            after.pop(0)
            next(steps)()
        return not after and closed[2] in {result.target for result in results}

    found = collect(audits, enough)
    assert {result.target for result in found[:20]} == set(closed[:2])
    path = file.path
    assert said[0] == (f"{path}: this is not JSON: Expecting value at line 1, column 2: correct it "
                       "there (going on with the 2 targets of before)")
    assert said[1].startswith(f"{path}: the file does not exist")
    assert said[2].startswith("the configuration has changed: 3 targets, 1 of them new")
    assert len(said) == 3


def test_a_file_that_is_broken_from_the_start(tmp_path: Path) -> None:
    """There is nothing to go on with."""
    with pytest.raises(config.ConfigError, match="does not exist"):
        Audits(File(tmp_path / "absent.json").source(), SETTINGS, None, interval=1, say=print)


def test_a_missing_dependency_ends_the_service(closed: list[Target]) -> None:
    """It is not a property of the targets."""
    def door(targets: Iterable[tuple[Target, Security | None]], settings: Settings
             ) -> Iterator[tuple[int, Observation]]:
        raise ImportError("No module named 'OpenSSL'")
        yield

    audits = Audits(fixed(*closed), SETTINGS, None, interval=1, say=print, door=door)
    with pytest.raises(ImportError, match="OpenSSL"):
        collect(audits, lambda results: len(results) > 0)


def test_a_fault_of_ours_is_a_result(closed: list[Target]) -> None:
    """The service goes on, and the targets say what is wrong."""
    def door(targets: Iterable[tuple[Target, Security | None]], settings: Settings
             ) -> Iterator[tuple[int, Observation]]:
        raise ZeroDivisionError
        yield

    audits = Audits(fixed(*closed), SETTINGS, None, interval=0.5, say=print, door=door)
    found = collect(audits, lambda results: len(results) >= 10)
    assert {result.values["error_reason"] for result in found} == {"internal"}


def test_being_late_is_told(closed: list[Target], said: list[str],
                            monkeypatch: pytest.MonkeyPatch) -> None:
    """When checks begin late by more than a tenth of the interval, and when that is over."""
    shift = 0.0
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + shift, time=time.time)
    monkeypatch.setattr(resident, "time", clock)
    audits = Audits(fixed(*closed), SETTINGS, None, interval=50, say=said.append)
    stop = threading.Event()
    for count, _ in enumerate(audits.rounds(stop)):
        shift += 400 if count == 100 else 1  # seconds, in place of the tick
        if len(said) == 2 or count == 1000:
            stop.set()
    assert said[0].startswith("checks begin 3") and " s late: this machine was busy" in said[0]
    assert said[1:] == ["checks begin in time again"]
    assert audits.late > 300
