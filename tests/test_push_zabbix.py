"""``zabbix-ssl push`` and real Zabbix servers, 6.0 and 7.0: problems, outages, proxies."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from zabbix_host import create_host, import_templates, send, values, wait_for

from testbed import endpoints
from testbed.process import stop
from testbed.trapper import Trapper as Listener
from testbed.trapper import trapper
from testbed.zabbix import Zabbix, running
from testbed.zabbix_packages import VERSIONS
from zabbix_ssl.zabbix.delivery import HEARTBEAT_KEY
from zabbix_ssl.zabbix.kinds import PUSH
from zabbix_ssl.zabbix.triggers import TARGET

ROOT = Path(__file__).parent.parent
HOST = "SSL certificates"
MACROS = {"{$SSL.FAILED.CHECKS}": "#1", "{$SSL.PUSH.NODATA}": "10m"}

#: Endpoint: the problems it must have.
PROBLEMS = {"healthy": set(), "expiring": {"expiring"}, "expired": {"expired"},
            "self-signed": {"untrusted"}, "wrong-host": {"wrong_host"},
            "revoked": {"revoked"}, "old-tls": {"weak_tls"}, "weak-cipher": {"weak_cipher"},
            "down": {"unreachable"}}


@pytest.fixture(scope="module", params=VERSIONS)
def zabbix(request: pytest.FixtureRequest) -> Iterator[Zabbix]:
    """A server with the templates."""
    with running(request.param) as server:
        import_templates(server.api(), server.version)
        yield server


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a domains.json of running endpoints, and a file whose name Zabbix has to put
    in quotes."""
    folder = tmp_path_factory.mktemp("sites")
    wanted = [one for one in endpoints.ENDPOINTS if one.name in PROBLEMS]
    with endpoints.running(wanted, folder):
        config = folder / "domains.json"
        odd = folder / 'odd [name], "quoted".pem'
        odd.write_bytes((folder / "ca.pem").read_bytes())
        listed = json.loads(config.read_text())
        listed["targets"].append({"domain": f"file:{odd}"})
        config.write_text(json.dumps(listed))
        yield folder


class Service:
    """The command, started and ended as the test wants."""

    def __init__(self, folder: Path, sites: Path, *words: str) -> None:
        self.log = folder / "log"
        self._words = [sys.executable, "-W", "error", "-m", "zabbix_ssl", "push", *words,
                       "--config", str(sites / "domains.json"), "--interval", "10",
                       "--spool-dir", str(folder / "spool"), "--cache-dir", str(folder / "cache"),
                       "--allow-private-revocation", "127.0.0.0/8"]
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._words, stdout=log, stderr=log, cwd=ROOT)

    def said(self, text: str) -> bool:
        return text in self.log.read_text()


@contextmanager
def pushing(folder: Path, sites: Path, *words: str) -> Iterator[Service]:
    service = Service(folder, sites, *words)
    try:
        yield service
    finally:
        stop(service.process)


def problems(api: Any, hostid: str) -> set[tuple[str, str]]:
    """(endpoint, code) of each open problem of a target."""
    codes = {trigger.name: trigger.code for trigger in TARGET}
    found = set()
    for problem in api.problem.get(hostids=hostid, output=["objectid"]):
        (trigger,) = api.trigger.get(triggerids=problem["objectid"], output=["description"],
                                     expandDescription=True)
        match = re.fullmatch(r"SSL ([\w-]+)\.demo\.example:\d+: (.*)", trigger["description"])
        if match:
            found.add((match[1], codes[match[2]]))
    return found


def history(api: Any, hostid: str) -> list[tuple[str, int, int]]:
    """Every check that the server has: target, second and nanosecond."""
    items = {item["itemid"]: item["key_"].removeprefix("ssl.check_time") for item in api.item.get(
        hostids=hostid, search={"key_": "ssl.check_time["}, output=["key_"])}
    rows = items and api.history.get(itemids=list(items), history=3, output="extend")
    return sorted((items[row["itemid"]], int(row["clock"]), int(row["ns"])) for row in rows)


def measured(listener: Listener) -> set[tuple[str, int, int]]:
    """The same as a listener has it that was always there; what was under way at a kill may be
    there twice."""
    return {(row.key.removeprefix("ssl.push"), row.clock or 0, row.ns or 0)
            for row in listener.values()}


def outside(checks: Iterable[tuple[str, int, int]], start: float, end: float
            ) -> set[tuple[str, int, int]]:
    """The checks before and after that time. What a server takes while it is being stopped it may
    acknowledge and lose (seen on 6.0), whoever sends it."""
    return {check for check in checks if not int(start) <= check[1] <= end}


def test_problems_and_an_outage(zabbix: Zabbix, sites: Path, tmp_path: Path) -> None:
    """A service that starts before its host is there, and a server that knows nothing: then items
    come by themselves, and the problems are exactly those of the endpoints. While the server is
    down the service is killed and started again; afterwards the server has each check that a
    second destination has had all along, once, with the time of the check."""
    api = zabbix.api()
    with trapper() as listener, pushing(
            tmp_path, sites, "--server", f"127.0.0.1:{zabbix.port},127.0.0.1:{listener.port}"
            ) as service:
        wait_for(lambda: service.said(f"takes no values of host {HOST!r}"), "the host is missed")
        hostid = create_host(api, PUSH, HOST, MACROS)
        expected = {(name, code) for name, codes in PROBLEMS.items() for code in codes}
        wait_for(lambda: problems(api, hostid) == expected, "the problems of the endpoints")
        wait_for(lambda: "expired.demo.example" in values(api, hostid).get("ssl.mend.list", ""),
                 "the overview for the dashboard", 90)
        stopping = time.time() - 2
        zabbix.stop_server()
        stopped = time.time()
        wait_for(lambda: service.said("Values are kept until it is back"), "the outage is told")
        before = len(measured(listener))
        wait_for(lambda: len(measured(listener)) >= before + 4, "checks go on")
        service.process.kill()
        service.process.wait()
        zabbix.start_server()
        service.start()
        wait_for(lambda: len(measured(listener)) >= before + 13, "checks after the kill")
        wait_for(lambda: outside(history(api, hostid), stopping, stopped)
                 == outside(measured(listener), stopping, stopped), "the same checks")
        seen = history(api, hostid)
        assert len(seen) == len(set(seen)) >= before + 10
        assert problems(api, hostid) == expected
    api.host.delete(hostid)


def test_through_a_proxy(zabbix: Zabbix, sites: Path, tmp_path: Path) -> None:
    """The host belongs to a proxy: values that are sent to it arrive at the server, while the
    server itself takes none."""
    api = zabbix.api()
    with zabbix.proxy("courier") as folder:
        (port,) = re.findall(r"ListenPort=(\d+)", (folder / "proxy.conf").read_text())
        if zabbix.version == "6.0":
            proxy = api.proxy.create(host="courier", status=5)["proxyids"][0]
            monitored = {"proxy_hostid": proxy}
        else:
            proxy = api.proxy.create(name="courier", operating_mode=0)["proxyids"][0]
            monitored = {"monitored_by": 1, "proxyid": proxy}
        hostid = create_host(api, PUSH, "behind", MACROS)
        api.host.update(hostid=hostid, **monitored)
        wait_for(lambda: send(int(port), "behind", **{HEARTBEAT_KEY: "1"})["failed"] == "0",
                 "the proxy knows the host")
        with pushing(tmp_path, sites, "--server", f"127.0.0.1:{port},127.0.0.1:{zabbix.port}",
                     "--host", "behind") as service:
            wait_for(lambda: len({key for key, *_ in history(api, hostid)}) == len(PROBLEMS) + 1,
                     "values through the proxy")
            assert service.said(f"127.0.0.1:{port} takes values of host 'behind'")
            assert service.said(f"127.0.0.1:{zabbix.port} takes no values of host 'behind'")
        api.host.delete(hostid)
        api.proxy.delete(proxy)
