"""The engine of services: audits asked for by many threads, in one loop."""

from __future__ import annotations

import threading
import time

import pytest

from testbed import faults, tls
from testbed.pki import Authority
from testbed.serving import serve
from zabbix_ssl.model import Observation, Settings, Target
from zabbix_ssl.probing import resident
from zabbix_ssl.probing.engine import Engine
from zabbix_ssl.probing.loop import Loop


def test_many_threads_get_each_their_own_answer() -> None:
    """Good, refused and silent targets at once: nobody waits for another's sake, each is told of
    the target that it asked for, within its own time."""
    audit_all = resident()
    leaf = Authority("Root").leaf("127.0.0.1")
    answers: dict[str, tuple[Observation, float]] = {}

    def ask(name: str, target: Target) -> None:
        begun = time.monotonic()
        ((index, seen),) = audit_all([(target, None)], Settings(timeout=2))
        assert index == 0
        answers[name] = seen, time.monotonic() - begun

    with serve(tls.modern(leaf)) as good, faults.refusing() as refusing, \
            serve(faults.silent) as silent:
        asked = {**{f"good {n}": Target("127.0.0.1", good, timeout=1 + n) for n in range(6)},
                 "refused": Target("127.0.0.1", refusing),
                 "silent": Target("127.0.0.1", silent, timeout=0.5)}
        threads = [threading.Thread(target=ask, args=item) for item in asked.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert set(answers) == set(asked)
    for name, (seen, seconds) in answers.items():
        assert seen.target._replace(timeout=None) == asked[name]._replace(timeout=None)
        assert (seen.failure.reason if seen.failure else "good") == {
            "refused": "refused", "silent": "timeout"}.get(name, "good")
        assert seconds < 2
    assert answers["silent"][1] >= 0.5


def test_several_targets_of_one_call() -> None:
    """All are answered, each with its place."""
    with faults.refusing() as refusing:
        targets = [(Target(f"127.0.0.{n}", refusing), None) for n in range(1, 4)]
        answers = dict(resident()(targets, Settings(timeout=2)))
    assert {index: seen.target.domain for index, seen in answers.items()} == {
        0: "127.0.0.1", 1: "127.0.0.2", 2: "127.0.0.3"}


def test_a_fault_of_the_loop_is_told_and_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits hears of it, and the next who asks has an engine again."""
    engine = Engine()
    turn = Loop.turn

    def broken(self: Loop, wait: bool) -> bool:
        raise RuntimeError("broken loop")

    with serve(faults.silent) as silent, faults.refusing() as refusing:
        monkeypatch.setattr(Loop, "turn", broken)
        with pytest.raises(RuntimeError, match="broken loop"):
            list(engine.audit_all([(Target("127.0.0.1", silent), None)], Settings(timeout=2)))
        monkeypatch.setattr(Loop, "turn", turn)
        ((_, seen),) = engine.audit_all([(Target("127.0.0.1", refusing), None)],
                                        Settings(timeout=2))
    assert seen.failure
    assert seen.failure.reason == "refused"
