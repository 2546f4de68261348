"""The templates on real Zabbix servers, 6.0 and 7.0: what is imported, and when problems open and
close."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from zabbix_host import (
    DAY,
    Problems,
    Scripted,
    create_host,
    import_templates,
    monitored,
    send,
    together,
    values,
    wait_for,
)
from zabbix_stories import MACROS, WEAK_TLS, changes, healthy, stories

from testbed.zabbix import Zabbix, running
from testbed.zabbix_packages import VERSIONS
from zabbix_ssl.zabbix.kinds import EXTERNAL, HOST, KINDS, PUSH, Kind
from zabbix_ssl.zabbix.template import export

Node = dict[str, Any]


@pytest.fixture(scope="module")
def zabbixes() -> Iterator[list[Zabbix]]:
    """A server of each version, with the templates."""
    with ExitStack() as stack:
        servers = [stack.enter_context(running(version)) for version in VERSIONS]
        together(servers, lambda zabbix: import_templates(zabbix.api(), zabbix.version))
        yield servers


def test_problems_are_exactly_those_of_the_stories(zabbixes: list[Zabbix]) -> None:
    """Every target has the problems its story tells, phase by phase, and never any other: each
    begins once, and all of them end, at the latest by hand. Meanwhile values that are pushed raise
    the same problems, and silence of the service that pushes is one problem."""
    together(zabbixes, tell_stories, push_values)


def tell_stories(zabbix: Zabbix) -> None:
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
        names = problems.names()
        for name, story in told.items():
            says = story[min(number, len(story) - 1)].says
            assert not says or says in "; ".join(
                text for (domain, _), text in names.items() if domain == domains[name]), names
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


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_imported_is_what_the_file_says(zabbixes: list[Zabbix], kind: Kind) -> None:
    """Items, triggers with their dependencies, graphs, value maps, macros and the dashboard are
    there, with the identities of the file, and a second import changes none of them."""
    together(zabbixes, lambda zabbix: look_at_the_import(zabbix, kind))


def look_at_the_import(zabbix: Zabbix, kind: Kind) -> None:
    api = zabbix.api()
    first = imported(api, kind)
    (template,) = [t for t in export()["zabbix_export"]["templates"] if t["name"] == kind.name]
    rules = template.get("discovery_rules", [])
    plain = [t for t in export()["zabbix_export"]["triggers"]
             if f"/{kind.name}/" in t["expression"]]
    made_items = [*template["items"], *(i for rule in rules for i in rule["item_prototypes"])]
    made_triggers = [*plain, *(t for rule in rules for t in rule["trigger_prototypes"])]
    assert first["items"] == {i["uuid"]: (i["name"], i["key"]) for i in made_items}
    assert first["triggers"] == {
        t["uuid"]: (t["name"], len(t.get("dependencies", ()))) for t in made_triggers}
    assert first["rules"] == {rule["uuid"]: (rule["name"], rule["key"]) for rule in rules}
    assert first["maps"] == {m["uuid"]: len(m["mappings"]) for m in template["valuemaps"]}
    assert first["macros"] == {m["macro"]: m.get("value", "") for m in template["macros"]}
    assert first["pages"] == [(page["name"], len(page["widgets"]))
                              for page in template["dashboards"][0]["pages"]]
    import_templates(api, zabbix.version)
    assert imported(api, kind) == first


def imported(api: Any, kind: Kind) -> Node:
    """What the server has of a template."""
    (template,) = api.template.get(
        filter={"host": kind.name}, selectMacros=["macro", "value"],
        selectValueMaps=["uuid", "mappings"], output=["templateid", "uuid"])
    assert template["uuid"] == kind.uuid("template")
    where = {"templateids": template["templateid"]}
    found_items = [*api.item.get(**where, output=["uuid", "name", "key_"]),
                   *api.itemprototype.get(**where, output=["uuid", "name", "key_"])]
    found_triggers = [
        *api.trigger.get(**where, output=["uuid", "description"], selectDependencies=["triggerid"]),
        *api.triggerprototype.get(**where, output=["uuid", "description"],
                                  selectDependencies=["triggerid"])]
    rules = api.discoveryrule.get(**where, output=["uuid", "name", "key_"])
    (dashboard,) = api.templatedashboard.get(**where, selectPages=["name", "widgets"])
    return {
        "ids": sorted(i.get("itemid") for i in found_items),
        "items": {i["uuid"]: (i["name"], i["key_"]) for i in found_items},
        "triggers": {t["uuid"]: (t["description"], len(t["dependencies"])) for t in found_triggers},
        "rules": {r["uuid"]: (r["name"], r["key_"]) for r in rules},
        "maps": {m["uuid"]: len(m["mappings"]) for m in template["valuemaps"]},
        "macros": {m["macro"]: m["value"] for m in template["macros"]},
        "pages": [(page["name"], len(page["widgets"])) for page in dashboard["pages"]],
    }


def test_a_host_a_site(zabbixes: list[Zabbix]) -> None:
    """The template without discovery takes its target from macros of the host."""
    together(zabbixes, watch_a_site)


def watch_a_site(zabbix: Zabbix) -> None:
    checks = Scripted(zabbix.scripts, zabbix.folder / "one")
    now = int(time.time())
    checks.answer("one.example", healthy(now, is_revoked=1, revocation_reason="superseded"), 8443)
    macros = {"{$SSL.DOMAIN}": "one.example", "{$SSL.PORT}": "8443"}
    with monitored(zabbix, HOST, "one", macros) as (api, hostid):
        problems = Problems(api, hostid)
        problems.await_({("", "revoked")})
        assert problems.names() == {("", "revoked"): "SSL one.example:8443: certificate is revoked "
                                    "(superseded): replace it now"}
        wait_for(lambda: "ssl.names_digest" in values(api, hostid), "digest of names")
        found = values(api, hostid)
        assert found["ssl.remain_days"] == "170"
        assert found["ssl.issuer_organization"] == "Let's Encrypt"
        checks.answer("one.example", healthy(now), 8443)
        problems.await_(set())


def push_values(zabbix: Zabbix) -> None:
    now = int(time.time())
    with monitored(zabbix, PUSH, "push", {"{$SSL.PUSH.NODATA}": "20s"}) as (api, hostid):
        problems = Problems(api, hostid)
        listed = json.dumps([{"{#DOMAIN}": "p.example", "{#PORT}": "443", "{#GROUP}": ""}])
        said = wait_for(lambda: accepted(zabbix, {"ssl.push.heartbeat": str(now),
                                                  "ssl.push.discovery": listed}), "the list")
        assert said == 2
        bad = json.dumps(healthy(now, has_weak_cipher=1, weak_ciphers="TLS_RSA_WITH_NULL_SHA"))
        wait_for(lambda: accepted(zabbix, {"ssl.push[p.example,443]": bad}), "a value")
        wait_for(lambda: values(api, hostid).get("ssl.has_weak_cipher[p.example,443]"), "weak")
        # triggers may come to the server after the items: the next check tells them
        wait_for(lambda: problems.now() == {("p.example", "weak_cipher")} or not accepted(
            zabbix, {"ssl.push[p.example,443]": bad, "ssl.push.heartbeat": str(now)}), "problem")
        accepted(zabbix, {"ssl.push[p.example,443]": json.dumps(healthy(now)),
                          "ssl.push.heartbeat": str(now)})
        problems.await_(set())
        problems.await_({("", "list")}, 90)


def accepted(zabbix: Zabbix, found: dict[str, str]) -> int:
    """How many of the values the server took; all must be, or none yet."""
    said = send(zabbix.port, "push", **found)
    return int(said["processed"]) if said["failed"] == "0" else 0


def test_the_list_of_targets(zabbixes: list[Zabbix]) -> None:
    """Targets come and go with the list, whatever their names look like; a list that cannot be read
    takes none away, and is one problem with what the script said."""
    together(zabbixes, change_the_list)


def change_the_list(zabbix: Zabbix) -> None:
    checks = Scripted(zabbix.scripts, zabbix.folder / "list")
    now = int(time.time())
    names = ["plain.example", "bücher.example", "::1", "odd [name], \"quoted\" $HOME;id",
             "left-out.example"]
    for name in names:
        checks.answer(name, healthy(now, is_revoked=1))
    checks.discover(*names)
    macros = {"{$SSL.DOMAIN.NOT_MATCHES}": "^left-out"}
    with monitored(zabbix, EXTERNAL, "list", macros) as (api, hostid):
        problems = Problems(api, hostid)
        revoked = {(name, "revoked") for name in names[:-1]}
        problems.await_(revoked)
        sums = {"ssl.count": "4", "ssl.count.failed": "0", "ssl.soonest": str(now + 170 * DAY)}
        wait_for(lambda: sums.items() <= values(api, hostid).items(), "sums over the targets")
        checks.write("discover", "domains.json: entry 3: the port is 70000: use 1 to 65535")
        problems.await_(revoked | {("", "list")})
        assert problems.names()["", "list"].endswith("entry 3: the port is 70000: use 1 to 65535")
        checks.discover(names[0])
        problems.await_({(names[0], "revoked")})
        wait_for(lambda: not [key for key in values(api, hostid) if "::1" in key], "items to go")
        (zabbix.scripts / "ssl_check_batch.py").unlink()
        problems.await_({(names[0], "revoked"), ("", "list")})
        assert problems.names()["", "list"]


def test_a_check_that_takes_too_long(zabbixes: list[Zabbix]) -> None:
    """A check that the server ends leaves what is known as it was, supported, and dates in force;
    the reason is told. A server that restarts goes on with all of it."""
    together(zabbixes, check_too_long)


def check_too_long(zabbix: Zabbix) -> None:
    checks = Scripted(zabbix.scripts, zabbix.folder / "late")
    now = int(time.time())
    checks.answer("late.example", healthy(now, **WEAK_TLS))
    checks.discover("late.example")
    script = zabbix.scripts / "ssl_check_batch.py"
    with monitored(zabbix, EXTERNAL, "late", {"{$SSL.NODATA}": "15s"}) as (api, hostid):
        problems = Problems(api, hostid)
        problems.await_({("late.example", "weak_tls")})
        quick = script.read_text()
        script.write_text(quick.replace("--get) cat", "--get) sleep 6; cat"))
        problems.await_({("late.example", "weak_tls"), ("late.example", "no_result")}, 90)
        assert "longer than the Timeout" in problems.names()["late.example", "no_result"]
        unsupported = api.item.get(hostids=hostid, filter={"state": 1}, output=["key_"])
        assert unsupported == []
        zabbix.stop_server()
        script.write_text(quick)
        zabbix.start_server()
        problems.await_({("late.example", "weak_tls")}, 90)
        assert Counter(problems.begun()) == {("late.example", "weak_tls"): 1,
                                             ("late.example", "no_result"): 1}
