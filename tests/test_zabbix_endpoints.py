"""From end to end: real endpoints, checked by the installed script as another user, on real Zabbix
servers of both versions, until the problems are there and gone again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from zabbix_host import Problems, create_host, import_templates, monitored, values, wait_for

from testbed import tls
from testbed.endpoints import ENDPOINTS, PUBLISHED, Authorities, authorities
from testbed.pki import Authority
from testbed.serving import serve
from testbed.zabbix import Zabbix, running
from testbed.zabbix_packages import VERSIONS
from zabbix_ssl.zabbix.kinds import EXTERNAL

#: Endpoint: the problems it must have.
PROBLEMS = {
    "healthy": (), "expiring": ("expiring",), "expired": ("expired",),
    "self-signed": ("untrusted",), "wrong-host": ("wrong_host",), "incomplete": ("incomplete",),
    "revoked": ("revoked",), "old-tls": ("weak_tls",), "weak-cipher": ("weak_cipher",),
    "down": ("unreachable",), "plain-http": ("unreachable",), "early": ("not_yet_valid",),
}
#: What is mended must be seen at once.
OPTIONS = "--max-age 1 --security-max-age 1"


class Site:
    """Endpoints that can be mended one by one while they are watched."""

    def __init__(self, cas: Authorities, folder: Path, extra_root: Authority) -> None:
        self._cas = cas
        self._folder = folder
        self._running: dict[str, ExitStack] = {}
        self._where: dict[str, tuple[str, int]] = {}
        roots = cas.root.certificate_pem + extra_root.certificate_pem
        (folder / "ca.pem").write_bytes(roots)

    def start(self, name: str) -> None:
        endpoint = next(one for one in ENDPOINTS if one.name == name)
        address = f"127.0.0.{len(self._where) + 30}"
        self._running[name] = ExitStack()
        port = self._running[name].enter_context(endpoint.start(self._cas, self.domain(name),
                                                                address))
        self._where[name] = (address, port)

    def replace(self, name: str, authority: Authority) -> None:
        """A good server with a new certificate by that CA, at the same place."""
        self._running[name].close()
        served = tls.modern(authority.leaf(self.domain(name)))
        self._running[name] = ExitStack()
        self._running[name].enter_context(serve(served, *self._where[name]))

    def configure(self, *names: str) -> None:
        """domains.json names these."""
        (self._folder / "domains.new").write_text(json.dumps({
            "defaults": {"ca_file": str(self._folder / "ca.pem"),
                         "allow_private_revocation": PUBLISHED},
            "targets": [{"domain": self.domain(name), "address": self._where[name][0],
                         "port": self._where[name][1]} for name in names]}))
        (self._folder / "domains.new").rename(self._folder / "domains.json")

    def stop(self) -> None:
        for stack in self._running.values():
            stack.close()

    def domain(self, name: str) -> str:
        return f"{name}.example"

    def target(self, name: str) -> str:
        return f"{self.domain(name)}:{self._where[name][1]}"


@pytest.fixture(scope="module", params=VERSIONS)
def zabbix(request: pytest.FixtureRequest, public_python: Path) -> Iterator[Zabbix]:
    """A server whose ExternalScripts has the installed script."""
    with running(request.param) as server:
        script = server.scripts / "ssl_check_batch.py"
        script.write_text(
            "#!/bin/sh\n"
            f"export ZABBIX_SSL_CONFIG={server.folder}/domains.json\n"
            f"export ZABBIX_SSL_CACHE={server.scratch}\n"
            f'[ "$1" = --discover ] && exec {public_python}/ssl_check_batch.py "$@"\n'
            f'exec {public_python}/ssl_check_batch.py "$@" {OPTIONS}\n')
        script.chmod(0o755)
        import_templates(server.api(), server.version)
        yield server


@pytest.fixture
def site(zabbix: Zabbix) -> Iterator[Site]:
    """All endpoints of PROBLEMS, and domains.json with them."""
    with authorities() as cas:
        made = Site(cas, zabbix.folder, OTHER)
        for name in PROBLEMS:
            made.start(name)
        made.configure(*PROBLEMS)
        yield made
        made.stop()


OTHER = Authority("Another Root CA")


def test_from_an_empty_server_to_problems_and_back(zabbix: Zabbix, site: Site) -> None:
    """Discovery makes the items, each endpoint has exactly the problem it was made for, mending it
    ends it; a renewed certificate raises nothing, one of another CA does; a target that leaves
    domains.json leaves Zabbix."""
    with monitored(zabbix, EXTERNAL, "endpoints", {"{$SSL.INTERVAL}": "4s"}) as (api, hostid):
        problems = Problems(api, hostid)
        expected = {(site.target(name), code) for name, codes in PROBLEMS.items() for code in codes}
        problems.await_(expected, 120)
        assert sorted(problems.begun()) == sorted(expected)
        check_values(api, hostid, site)

        for name in PROBLEMS:
            site.replace(name, site._cas.intermediate)
        problems.await_(set(), 120)

        site.replace("healthy", site._cas.intermediate)
        site.replace("expired", OTHER)
        changed = {(site.target("expired"), "issuer_changed")}
        problems.await_(changed, 60)
        assert sorted(problems.begun()) == sorted(expected | changed)

        site.configure(*[name for name in PROBLEMS if name != "expired"])
        problems.await_(set())
        assert not [key for key in values(api, hostid) if "expired.example" in key]


def check_values(api: Any, hostid: str, site: Site) -> None:
    """Facts that only a real audit tells, in Zabbix."""
    def seen(metric: str, name: str) -> str:
        domain, _, port = site.target(name).partition(":")
        return values(api, hostid).get(f"ssl.{metric}[{domain},{port}]", "")

    assert seen("tls_version", "healthy") == "TLSv1.3"
    assert seen("remain_days", "expiring") == "10"
    assert seen("remain_days", "expired") == "-3"
    assert seen("self_signed", "self-signed") == "1"
    assert "Demo Issuing CA" in seen("issuer", "revoked")
    assert seen("weak_tls_versions", "old-tls") == "TLSv1.0, TLSv1.1"
    assert seen("error_reason", "down") == "refused"
    assert seen("error_reason", "plain-http") == "not_tls"
    assert seen("get_error", "healthy") == ""
    assert float(seen("handshake_ms", "healthy")) > 0


def test_single_values_as_items_of_their_own(zabbix: Zabbix, site: Site) -> None:
    """A plain template as tutorials have it: an external item a value, without a master item. What
    is not known makes its item unsupported, and the reason is the item's error."""
    api = zabbix.api()
    hostid = create_host(api, None, "tutorial", {})
    interface = api.hostinterface.get(hostids=hostid, output=["interfaceid"])[0]["interfaceid"]
    rule = api.discoveryrule.create(
        hostid=hostid, name="TLS targets", key_="ssl_check_batch.py[--discover]", type=10,
        delay="1s", interfaceid=interface)["itemids"][0]
    for metric, value_type in (("remain_days", 0), ("has_weak_tls", 3)):
        api.itemprototype.create(
            hostid=hostid, ruleid=rule, name=f"{{#DOMAIN}} {metric}", type=10, delay="3s",
            key_=f"ssl_check_batch.py[--get,{{#DOMAIN}},{{#PORT}},{metric}]",
            value_type=value_type, interfaceid=interface)

    def key(name: str, metric: str) -> str:
        domain, _, port = site.target(name).partition(":")
        return f"ssl_check_batch.py[--get,{domain},{port},{metric}]"

    expected = {key("expiring", "remain_days"): "10", key("expired", "remain_days"): "-3",
                key("healthy", "has_weak_tls"): "0", key("old-tls", "has_weak_tls"): "1"}
    wait_for(lambda: expected.items() <= values(api, hostid).items(), "values", 90)

    def error() -> str:
        (item,) = api.item.get(hostids=hostid, filter={"key_": key("down", "remain_days")},
                               output=["error"])
        return str(item["error"])

    assert "refused" in wait_for(error, "an unsupported item")
    api.host.delete(hostid)
