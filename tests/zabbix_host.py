"""A host on a real Zabbix with one of our templates, and what its problems are."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from testbed.zabbix import Zabbix
from zabbix_ssl.zabbix import triggers
from zabbix_ssl.zabbix.kinds import Kind
from zabbix_ssl.zabbix.template import export, to_yaml

DAY = 86400
SECONDS = 60  # to wait for what must come

#: For checks every second instead of every five minutes, and sums at once.
FAST = {"{$SSL.INTERVAL}": "1s", "{$SSL.DISCOVERY.INTERVAL}": "1s", "{$SSL.SUMMARY.INTERVAL}": "1s"}

_OBJECTS = ("templates", "items", "discoveryRules", "triggers", "graphs", "templateDashboards",
            "valueMaps")
_NAMES = {trigger.name: trigger.code for trigger in (*triggers.TARGET, triggers.LIST,
                                                     triggers.HEARTBEAT)}

T = TypeVar("T")


def import_templates(api: Any, version: str) -> None:
    """The generated file, as a person would import it."""
    groups = ("groups",) if version == "6.0" else ("template_groups", "host_groups")
    rules = {name: {"createMissing": True} for name in groups}
    rules |= {name: {"createMissing": True, "updateExisting": True} for name in _OBJECTS}
    getattr(api.configuration, "import")(format="yaml", source=to_yaml(export()), rules=rules)


def create_host(api: Any, kind: Kind | None, name: str, macros: dict[str, str]) -> str:
    """A host with the template of ``kind``, or with none; its id."""
    groups = api.hostgroup.get(filter={"name": "Linux servers"}, output=["groupid"])
    template = kind and api.template.get(filter={"host": kind.name}, output=["templateid"])
    interface = {"type": 1, "main": 1, "useip": 1, "ip": "127.0.0.1", "dns": "", "port": "10050"}
    made = api.host.create(
        host=name, groups=groups, templates=template or [], interfaces=[interface],
        macros=[{"macro": macro, "value": value} for macro, value in (FAST | macros).items()])
    return str(made["hostids"][0])


def together(zabbixes: list[Zabbix], *tests: Callable[[Zabbix], None]) -> None:
    """Each test on each server, all at once: most of it is waiting."""
    with ThreadPoolExecutor(max_workers=16) as pool:
        running = {(test, zabbix): pool.submit(test, zabbix) for test in tests
                   for zabbix in zabbixes}
        for (test, zabbix), future in running.items():
            try:
                future.result()
            except BaseException as error:
                error.add_note(f"{test.__name__} on Zabbix {zabbix.version}")
                raise


def wait_for(look: Callable[[], T | None], what: str, seconds: float = SECONDS) -> T:
    """The first result that is true. Raises AssertionError with ``what`` when none comes."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"in vain for {seconds:g} s: {what}"
        time.sleep(0.3)
    return found


class Scripted:
    """An external script that prints what a file says, in place of a real check."""

    def __init__(self, scripts: Path, answers: Path) -> None:
        self._answers = answers
        answers.mkdir(exist_ok=True)
        answers.chmod(0o755)
        script = scripts / "ssl_check_batch.py"
        script.write_text(f'#!/bin/sh\ncd "{answers}"\ncase $1 in\n--discover) cat discover ;;\n'
                          '--get) cat "$2,$3" ;;\nesac\n')
        script.chmod(0o755)

    def discover(self, *domains: str) -> None:
        rows = [{"{#DOMAIN}": domain, "{#PORT}": "443", "{#GROUP}": ""} for domain in domains]
        self.write("discover", json.dumps({"data": rows}))

    def answer(self, domain: str, values: dict[str, object], port: int = 443) -> None:
        self.write(f"{domain},{port}", json.dumps(values))

    def write(self, name: str, text: str) -> None:
        new = self._answers / ".new"
        new.write_text(text + "\n")
        new.rename(self._answers / name)


class Problems:
    """The problems of a host, as the API tells them, and all that ever began."""

    def __init__(self, api: Any, hostid: str) -> None:
        self._api = api
        self._hostid = hostid
        self._triggers: dict[str, tuple[str, str]] = {}

    def now(self) -> set[tuple[str, str]]:
        """(target, code) of each open problem; the target of one that concerns all is ""."""
        found = self._api.problem.get(hostids=self._hostid, output=["objectid"])
        return {self._named(problem["objectid"]) for problem in found}

    def begun(self) -> list[tuple[str, str]]:
        """(target, code) of every problem that ever began, oldest first."""
        events = self._api.event.get(hostids=self._hostid, output=["objectid"], source=0, object=0,
                                     value=1, sortfield=["eventid"])
        return [self._named(event["objectid"]) for event in events]

    def names(self) -> dict[tuple[str, str], str]:
        """What each open problem says."""
        found = self._api.problem.get(hostids=self._hostid, output=["objectid", "name"])
        return {self._named(problem["objectid"]): problem["name"] for problem in found}

    def await_(self, expected: set[tuple[str, str]], seconds: float = SECONDS) -> None:
        """Waits until exactly the expected problems are open."""
        found: set[tuple[str, str]] = set()

        def same() -> bool:
            nonlocal found
            found = self.now()
            return found == expected

        try:
            wait_for(same, "problems", seconds)
        except AssertionError as error:
            raise AssertionError(
                f"missing: {sorted(expected - found)}; too many: {sorted(found - expected)}, "
                f"{self.names()}") from error

    def _named(self, triggerid: str) -> tuple[str, str]:
        if triggerid not in self._triggers:
            (trigger,) = self._api.trigger.get(triggerids=triggerid, output=["description"],
                                               expandDescription=True)
            self._triggers[triggerid] = _split(trigger["description"])
        return self._triggers[triggerid]


def _split(name: str) -> tuple[str, str]:
    """Target and code of a trigger's name, "SSL example.com:443: certificate has expired"."""
    if name in _NAMES:
        return "", _NAMES[name]
    target, _, text = name.removeprefix("SSL ").removeprefix("SSL").partition(": ")
    return target.removesuffix(":443"), _NAMES[text]


def values(api: Any, hostid: str) -> dict[str, str]:
    """The last value of each item by key; items without one are left out."""
    items = api.item.get(hostids=hostid, output=["key_", "lastvalue", "lastclock"])
    return {item["key_"]: item["lastvalue"] for item in items if item["lastclock"] != "0"}


@contextmanager
def monitored(zabbix: Zabbix, kind: Kind, name: str, macros: dict[str, str],
              ) -> Iterator[tuple[Any, str]]:
    """An API session, and the id of a host of its own for a test."""
    api = zabbix.api()
    hostid = create_host(api, kind, name, macros)
    try:
        yield api, hostid
    finally:
        api.host.delete(hostid)


def send(port: int, host: str, **found: str) -> dict[str, str]:
    """Sends values of trapper items, by the sender protocol. What the server says of them."""
    data = [{"host": host, "key": key, "value": value} for key, value in found.items()]
    body = json.dumps({"request": "sender data", "data": data}).encode()
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b"ZBXD\x01" + struct.pack("<II", len(body), 0) + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return dict(part.split(": ") for part in json.loads(answer[13:])["info"].split("; "))
