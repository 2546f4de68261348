"""The templates on real Zabbix servers, 6.0 and 7.0: what is imported, and when problems open and
close."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from zabbix_host import Problems, Scripted, create_host, import_templates
from zabbix_stories import MACROS, changes, stories

from testbed.zabbix import Zabbix, running
from testbed.zabbix_packages import VERSIONS
from zabbix_ssl.zabbix.kinds import EXTERNAL

Node = dict[str, Any]


@pytest.fixture(scope="module", params=VERSIONS)
def zabbix(request: pytest.FixtureRequest) -> Iterator[Zabbix]:
    """A server with the templates."""
    with running(request.param) as server:
        import_templates(server.api(), server.version)
        yield server


def test_problems_are_exactly_those_of_the_stories(zabbix: Zabbix) -> None:
    """Every target has the problems its story tells, phase by phase, and never any other: each
    begins once, and all of them end, at the latest by hand."""
    api = zabbix.api()
    checks = Scripted(zabbix.scripts, zabbix.folder / "answers")
    now = int(time.time())
    told = stories(now) | changes(now)
    domains = {name: f"{name}.example" for name in told}
    hostid, problems, begun = "", None, Counter[tuple[str, str]]()
    for number in range(max(map(len, told.values()))):
        expected = set()
        for name, story in told.items():
            phase = story[min(number, len(story) - 1)]
            said = phase.values if isinstance(phase.values, str) else json.dumps(phase.values)
            checks.write(f"{domains[name]},443", said)
            expected |= {(domains[name], code) for code in phase.problems}
        if problems is None:
            checks.discover(*domains.values())
            hostid = create_host(api, EXTERNAL, "stories", MACROS)
            problems = Problems(api, hostid)
            before: set[tuple[str, str]] = set()
        begun.update(expected - before)
        before = expected
        problems.await_(expected, 120)
        assert Counter(problems.begun()) == begun, number
    assert problems
    close(api, hostid)
    problems.await_(set())
    time.sleep(10)  # three checks
    assert problems.now() == set()
    assert Counter(problems.begun()) == begun
    api.host.delete(hostid)


def close(api: Any, hostid: str) -> None:
    """Closes by hand what may be closed so."""
    found = api.problem.get(hostids=hostid, output=["eventid"])
    api.event.acknowledge(eventids=[problem["eventid"] for problem in found], action=1)
