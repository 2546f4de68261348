"""``zabbix-ssl register`` against real Zabbix 6.0 and 7.0, and frontends that fail."""

# ruff: noqa: RUF001

from __future__ import annotations

import json
import re
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from zabbix_frontend import Decide, Reply, frontend
from zabbix_host import (
    DAY,
    FAST,
    Problems,
    Scripted,
    create_host,
    import_templates,
    values,
    wait_for,
)
from zabbix_stories import healthy

from testbed import pki
from testbed.process import reserved
from testbed.zabbix import PASSWORD, USER, Zabbix, running
from testbed.zabbix_packages import VERSIONS
from zabbix_ssl.cli import main
from zabbix_ssl.model import Target
from zabbix_ssl.zabbix import wanted
from zabbix_ssl.zabbix.api import Credentials, connected
from zabbix_ssl.zabbix.kinds import EXTERNAL, HOST, PUSH

ADMIN = {"ZABBIX_USER": USER, "ZABBIX_PASSWORD": PASSWORD}
Said = tuple[int, str, str]  # exit code, stdout, stderr


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Zabbix]]:
    """One of each version, without our templates."""
    with ExitStack() as stack:
        yield {version: stack.enter_context(running(version)) for version in VERSIONS}


@pytest.fixture(params=VERSIONS)
def zabbix(request: pytest.FixtureRequest, servers: dict[str, Zabbix]) -> Zabbix:
    return servers[request.param]


@pytest.fixture
def newest(servers: dict[str, Zabbix]) -> Zabbix:
    """A 7.0 with the templates, where versions make no difference."""
    import_once(servers["7.0"])
    return servers["7.0"]


@cache
def import_once(zabbix: Zabbix) -> None:
    import_templates(zabbix.api(), zabbix.version)


class Register:
    """Calls the command with a domains.json of its own."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.config = folder / "domains.json"
        self._capfd = capfd

    def targets(self, *targets: object) -> None:
        self.config.write_text(json.dumps(targets))

    def __call__(self, url: str, *words: str, environ: dict[str, str] = ADMIN) -> Said:
        code = main(["register", "--config", str(self.config), *words],
                    {"ZABBIX_URL": url, **environ})
        printed, said = self._capfd.readouterr()
        return code, printed, said


@pytest.fixture
def register(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Register:
    made = Register(tmp_path, capfd)
    made.targets("a.example")
    return made


def hosts(api: Any, group: str) -> dict[str, dict[str, Any]]:
    """The hosts of a group by name, with templates, macros and tags."""
    groups = api.hostgroup.get(filter={"name": group}, output=["groupid"])
    found = api.host.get(groupids=[g["groupid"] for g in groups], output="extend",
                         selectParentTemplates=["host"], selectMacros=["macro", "value"],
                         selectTags=["tag", "value"]) if groups else []
    return {host["host"]: host for host in found}


def macros(host: dict[str, Any]) -> dict[str, str]:
    return {macro["macro"]: macro.get("value", "(secret)") for macro in host["macros"]}


# What it makes


def test_from_an_empty_server(zabbix: Zabbix, register: Register) -> None:
    """A dry run says what is missing and changes nothing; the run makes it; a second run finds
    nothing to do."""
    api = zabbix.api()
    group = ("--group", "From nothing")
    register.targets("a.example", {"domain": "b.example", "warning_days": 60})
    code, dry, said = register(zabbix.url, *group, "--dry-run")
    assert (code, said) == (0, "")
    assert "+ templates\n" in dry
    assert "+ host group 'From nothing'\n" in dry
    assert "macro {$SSL.EXPIRY.WARN:\"b.example\"} = 60\n" in dry
    assert dry.endswith("3 changes to be made at " + zabbix.url + "\n")
    assert api.template.get(filter={"host": EXTERNAL.name}) == []  # the first test of the module
    assert hosts(api, "From nothing") == {}

    code, printed, said = register(zabbix.url, *group)
    assert (code, said) == (0, "")
    assert printed.splitlines()[:-1] == dry.splitlines()[:-1]
    (host,) = hosts(api, "From nothing").values()
    assert [t["host"] for t in host["parentTemplates"]] == [EXTERNAL.name]
    assert macros(host) == {'{$SSL.EXPIRY.WARN:"b.example"}': "60"}

    code, printed, said = register(zabbix.url, *group)
    assert (code, said) == (0, "")
    assert printed == f"no change made; {zabbix.url} is as {register.config} wants it\n"


def test_changes_of_the_targets_reach_zabbix(zabbix: Zabbix, register: Register) -> None:
    """A host a site: hosts, macros, tags and groups follow domains.json, each difference told."""
    api = zabbix.api()
    words = ("--layout", "sites", "--group", "Sites")
    register.targets("a.example", {"domain": "bücher.example", "port": 8443, "group": "shop",
                                   "warning_days": 60, "tags": {"team": "web"}})
    assert register(zabbix.url, *words)[0] == 0
    found = hosts(api, "Sites")
    shop = found["xn--bcher-kva.example_8443"]
    assert shop["name"] == "bücher.example:8443"
    assert macros(shop) == {"{$SSL.DOMAIN}": "bücher.example", "{$SSL.PORT}": "8443",
                            "{$SSL.EXPIRY.WARN}": "60"}
    assert {"tag": "team", "value": "web"} in shop["tags"]
    assert list(hosts(api, "Sites/shop")) == ["xn--bcher-kva.example_8443"]

    register.targets("a.example", {"domain": "bücher.example", "port": 8443, "group": "shop",
                                   "tags": {"team": "ops"}})
    code, printed, _ = register(zabbix.url, *words)
    assert code == 0
    assert "    tag team: ops\n" in printed
    assert "    macro {$SSL.EXPIRY.WARN} = 60 removed\n" in printed
    shop = hosts(api, "Sites")["xn--bcher-kva.example_8443"]
    assert "{$SSL.EXPIRY.WARN}" not in macros(shop)
    assert [tag["value"] for tag in shop["tags"] if tag["tag"] == "team"] == ["ops"]


def test_prune_removes_only_what_was_made_here(zabbix: Zabbix, register: Register) -> None:
    """Hosts that somebody else made, or that another registration made, stay; without --prune all
    stay, and are told."""
    api = zabbix.api()
    words = ("--layout", "sites", "--group", "Pruned")
    register.targets("keep.example", "old.example")
    assert register(zabbix.url, *words)[0] == 0
    register.targets("other.example")
    assert register(zabbix.url, "--layout", "sites", "--group", "Not pruned")[0] == 0
    groups = api.hostgroup.get(filter={"name": "Pruned"}, output=["groupid"])
    api.host.create(host="by-hand.example", groups=groups)

    register.targets("keep.example")
    code, printed, _ = register(zabbix.url, *words)
    assert code == 0
    assert "! registered before and no longer configured: old.example: --prune" in printed
    assert "old.example" in hosts(api, "Pruned")
    code, printed, _ = register(zabbix.url, *words, "--prune", "--dry-run")
    assert printed.startswith("- host 'old.example'\n")
    assert "old.example" in hosts(api, "Pruned")
    code, printed, _ = register(zabbix.url, *words, "--prune")
    assert (code, printed.splitlines()[0]) == (0, "- host 'old.example'")
    assert sorted(hosts(api, "Pruned")) == ["by-hand.example", "keep.example"]
    assert list(hosts(api, "Not pruned")) == ["other.example"]


def test_what_was_set_by_hand_stays(newest: Zabbix, register: Register) -> None:
    """A macro that a person set keeps its value, and a host of that name its templates and tags."""
    api = newest.api()
    (group,) = api.hostgroup.get(filter={"name": "Linux servers"}, output=["groupid"])
    (linux,) = api.template.get(filter={"host": "ICMP Ping"}, output=["templateid"])
    api.host.create(host="hand.example", groups=[group], templates=[linux],
                    tags=[{"tag": "owner", "value": "me"}],
                    macros=[{"macro": "{$SSL.PORT}", "value": "9443"},
                            {"macro": "{$KEY}", "value": "secret", "type": 1}])
    register.targets("hand.example")
    words = ("--layout", "sites", "--group", "By hand")
    code, printed, _ = register(newest.url, *words)
    assert code == 0
    assert ("! host 'hand.example': macro {$SSL.PORT} was set by hand to '9443' and stays so; "
            "wanted is '443'\n") in printed
    host = hosts(api, "By hand")["hand.example"]
    assert {t["host"] for t in host["parentTemplates"]} == {"ICMP Ping", HOST.name}
    assert macros(host)["{$SSL.PORT}"] == "9443"
    assert host["tags"] == [{"tag": "owner", "value": "me"}]
    assert "hand.example" in hosts(api, "Linux servers")
    register.targets()
    assert register(newest.url, *words, "--prune")[0] == 0
    assert "hand.example" in hosts(api, "By hand")


def test_another_method_takes_the_place_of_the_first(zabbix: Zabbix, register: Register) -> None:
    """The templates by external check and by push exclude each other on one host."""
    words = ("--group", "Methods", "--host", "Methods")
    assert register(zabbix.url, *words)[0] == 0
    code, printed, _ = register(zabbix.url, *words, "--method", "push")
    assert code == 0
    assert f"    template {EXTERNAL.name} removed, with its items\n" in printed
    (host,) = hosts(zabbix.api(), "Methods").values()
    assert [t["host"] for t in host["parentTemplates"]] == [PUSH.name]
    assert "no change" in register(zabbix.url, *words, "--method", "push")[1]


def test_a_damaged_template_is_imported_again(newest: Zabbix, register: Register) -> None:
    """An item that is gone, and a description of another version, are seen and mended."""
    zabbix, api = newest, newest.api()
    assert register(zabbix.url)[0] == 0
    (template,) = api.template.get(filter={"host": HOST.name}, output=["templateid"])
    (item,) = api.item.get(templateids=template["templateid"], filter={"key_": "ssl.alpn"},
                           output=["itemid"])
    api.item.delete(item["itemid"])
    code, printed, _ = register(zabbix.url)
    assert code == 0
    assert f"template {HOST.name!r} lacks 1 of its parts" in printed
    assert api.item.get(templateids=template["templateid"], filter={"key_": "ssl.alpn"})
    api.template.update(templateid=template["templateid"], description="an old one")
    assert "is of another version" in register(zabbix.url)[1]
    assert "no change" in register(zabbix.url)[1]


# Files


@pytest.mark.parametrize("layout", wanted.LAYOUTS)
def test_files_reach_their_items_and_problems(
        zabbix: Zabbix, register: Register, layout: str, public_folder: Path, public_python: Path
        ) -> None:
    """By the installed script, as one host with discovery and as a host for each: a certificate on
    disk that is about to expire is a problem, one that is not is none; renewed, it ends."""
    now = int(time.time())
    ca = pki.Authority("Files Root", not_before=now - 900 * DAY)
    soon = ca.leaf("a.example", not_before=now - 190 * DAY, not_after=now + 10 * DAY)
    good = ca.leaf("a.example", not_before=now - 10 * DAY, not_after=now + 190 * DAY)
    (public_folder / "ca.pem").write_bytes(ca.certificate_pem)
    watched = public_folder / "so, on.pem"
    watched.write_bytes(soon.pem)
    (public_folder / "good.pem").write_bytes(good.pem)
    register.config = public_folder / "domains.json"
    register.targets(*({"file": name, "ca_file": "ca.pem"} for name in (watched.name, "good.pem")))
    installed(zabbix, public_python, register.config)
    api, group = zabbix.api(), f"Files {layout}"
    assert register(zabbix.url, "--layout", layout, "--group", group, *(
        ("--host", group) if layout == wanted.ONE else ()))[0] == 0
    ids = [host["hostid"] for host in hosts(api, group).values()]
    for hostid in ids:
        for macro, value in FAST.items():
            api.usermacro.create(hostid=hostid, macro=macro, value=value)
    everything = [Problems(api, hostid) for hostid in ids]

    def problems() -> list[str]:
        return [code for one in everything for _, code in one.now()]

    wait_for(lambda: problems() == ["expiring"], "the problem of the file")
    found = {key: value for hostid in ids for key, value in values(api, hostid).items()
             if key.startswith("ssl.not_after") and value == str(now + 10 * DAY)}
    assert list(found) == [f'ssl.not_after["file:{watched}",0]' if layout == wanted.ONE else
                           "ssl.not_after"]
    watched.write_bytes(good.pem)
    wait_for(lambda: not problems(), "its end")


def installed(zabbix: Zabbix, python: Path, config: Path) -> None:
    """The installed script as the server's, with that configuration."""
    script = zabbix.scripts / "ssl_check_batch.py"
    script.write_text(
        f"#!/bin/sh\nexport ZABBIX_SSL_CONFIG={config} ZABBIX_SSL_CACHE={zabbix.scratch}\n"
        f'[ "$1" = --discover ] && exec {python}/ssl_check_batch.py "$@"\n'
        f'exec {python}/ssl_check_batch.py "$@" --max-age 1\n')
    script.chmod(0o755)


def test_a_pair_does_not_make_discovery_fail(
        newest: Zabbix, register: Register, public_folder: Path, public_python: Path) -> None:
    """Two entries of one domain and port: discovery makes the items of the first and has nothing to
    complain of, where two rows of the same would be an error of the rule."""
    register.config = public_folder / "domains.json"
    register.targets(*({"domain": "a.example", "port": 9, "address": f"127.0.0.{n}"}
                       for n in (1, 2)), {"domain": "b.example", "address": "127.0.0.1", "port": 9})
    installed(newest, public_python, register.config)
    api = newest.api()
    listed = subprocess.run([newest.scripts / "ssl_check_batch.py", "--discover"],
                            capture_output=True, text=True, check=True).stdout
    hostid = create_host(api, EXTERNAL, "Pair", {})
    wait_for(lambda: len(discovered(api, hostid)) == 2, "the items")
    assert rule_error(api, hostid) == ""
    api.host.delete(hostid)

    rows = json.loads(listed)["data"]
    twice = json.dumps({"data": [*rows, rows[0] | {"{#ADDRESS}": "127.0.0.2"}]})
    Scripted(newest.scripts, newest.folder / "answers").write("discover", twice)
    other = create_host(api, EXTERNAL, "Doubled", {})
    wait_for(lambda: "same key" in rule_error(api, other), "the rule's error")
    assert len(discovered(api, other)) == 2
    api.host.delete(other)


def discovered(api: Any, hostid: str) -> list[str]:
    """The keys of the master items."""
    return [item["key_"] for item in api.item.get(
        hostids=hostid, output=["key_"], search={"key_": "[--get,"})]


def rule_error(api: Any, hostid: str) -> str:
    (rule,) = api.discoveryrule.get(hostids=hostid, output=["error"])
    return str(rule["error"])


# Proxies


def test_proxies_run_the_checks(servers: dict[str, Zabbix], register: Register) -> None:
    """A host that is given to a proxy, or on 7.0 to a group of proxies, is checked by the script
    there; given back it is checked by the server's. A proxy that is not there is told."""
    with ExitStack() as stack:
        checked = [
            given_away(servers["6.0"], register, stack, "--proxy", "edge"),
            given_away(servers["7.0"], register, stack, "--proxy", "edge"),
            given_away(servers["7.0"], register, stack, "--proxy-group", "edges")]
        for problems in checked:
            problems.await_({("", "revoked")}, 90)
    for zabbix in servers.values():
        give_back(zabbix, register)


def given_away(zabbix: Zabbix, register: Register, stack: ExitStack, *by: str) -> Problems:
    """A host that a running proxy is to check."""
    api = zabbix.api()
    name = f"by-{by[1]}"
    if zabbix.version == "6.0":
        api.proxy.create(host=name, status=5)
    elif by[0] == "--proxy":
        api.proxy.create(name=name, operating_mode=0)
    else:
        group = api.proxygroup.create(name=name, failover_delay="10s", min_online="1")
        api.proxy.create(name=f"{name}-1", operating_mode=0, local_address="127.0.0.1",
                         local_port="10051", proxy_groupid=group["proxy_groupids"][0])
    domain = f"{name}.example"
    register.targets(domain)
    words = ("--layout", "sites", "--group", name, by[0], name)
    assert register(zabbix.url, *words)[0] == 0
    assert "no change" in register(zabbix.url, *words)[1]
    (host,) = hosts(api, name).values()
    often(api, host["hostid"])
    proxy = stack.enter_context(zabbix.proxy(f"{name}-1" if by[0] != "--proxy" else name))
    checks = Scripted(proxy / "externalscripts", proxy / "answers")
    checks.answer(domain, healthy(int(time.time()), is_revoked=1))
    return Problems(api, host["hostid"])


def give_back(zabbix: Zabbix, register: Register) -> None:
    """The host of the proxy is the server's again."""
    api = zabbix.api()
    register.targets("by-edge.example")
    words = ("--layout", "sites", "--group", "by-edge")
    here = Scripted(zabbix.scripts, zabbix.folder / "answers")
    here.answer("by-edge.example", healthy(int(time.time()), alpn="server"))
    assert "    monitored by the server\n" in register(zabbix.url, *words, "--proxy", "")[1]
    (host,) = hosts(api, "by-edge").values()
    wait_for(lambda: values(api, host["hostid"]).get("ssl.alpn") == "server", "the server's check")
    code, _, said = register(zabbix.url, *words, "--proxy", "no-such")
    assert code == 1
    assert "has no proxy 'no-such': there are by-edge" in said


def often(api: Any, hostid: str) -> None:
    api.usermacro.create(hostid=hostid, macro="{$SSL.INTERVAL}", value="1s")


def test_proxy_groups_came_with_7_0(servers: dict[str, Zabbix], register: Register) -> None:
    """6.0 has none, and says so."""
    code, printed, said = register(servers["6.0"].url, "--proxy-group", "edges")
    assert (code, printed) == (1, "")
    assert "is Zabbix 6.0, and proxy groups came with 7.0: use --proxy" in said


# Runs that fail


def failing(method: str, reply: Reply, first: int = 0) -> Decide:
    """From the call number ``first`` of ``method`` on."""
    return lambda asked, before: reply if asked == method and before >= first else None


@pytest.mark.parametrize(("method", "first", "reached"), [
    ("configuration.import", 0, True), ("hostgroup.create", 0, False), ("host.create", 0, True),
    ("host.create", 1, False), ("host.create", 1, True), ("host.get", 2, False)])
def test_a_run_that_broke_off_is_started_again(
        newest: Zabbix, register: Register, method: str, first: int, reached: bool) -> None:
    """HTTP 500, whether the call was done or not: told in one line; the next run does what is left,
    and makes nothing twice."""
    api = newest.api()
    group = f"Broken {method} {first} {reached}"
    names = [f"{n}.{method}-{first}-{reached}.example".lower() for n in "ab"]
    register.targets(*names)
    if method == "configuration.import":
        (template,) = api.template.get(filter={"host": PUSH.name}, output=["templateid"])
        api.template.update(templateid=template["templateid"], description="another")
    words = ("--layout", "sites", "--group", group)
    fault = failing(method, Reply(500, pass_on=reached), first)
    with frontend(newest.url, fault) as url:
        code, _, said = register(url, *words)
    assert code == 1
    assert said == (f"zabbix-ssl register: {url} answered {method} with HTTP 500: look at the log "
                    "of the web server and of PHP, then run it again\n")
    code, _, said = register(newest.url, *words)
    assert (code, said) == (0, "")
    assert sorted(hosts(api, group)) == names
    assert "no change" in register(newest.url, *words)[1]


def test_an_answer_that_does_not_come(newest: Zabbix, register: Register) -> None:
    """--timeout bounds each answer."""
    slow = failing("hostgroup.create", Reply(seconds=30))
    started = time.monotonic()
    with frontend(newest.url, slow) as url:
        code, _, said = register(url, "--group", "Slow", "--timeout", "1")
    assert code == 1
    assert f"{url} did not answer hostgroup.create within 1 s: run it again" in said
    assert time.monotonic() - started < 25


def test_an_import_that_does_nothing_is_found_out(newest: Zabbix, register: Register) -> None:
    """A server that says yes to the import and imports nothing does not pass for one that did."""
    api = newest.api()
    (template,) = api.template.get(filter={"host": PUSH.name}, output=["templateid"])
    api.template.update(templateid=template["templateid"], description="another")
    yes = Reply(body=b'{"jsonrpc": "2.0", "result": true, "id": 1}')
    with frontend(newest.url, failing("configuration.import", yes)) as url:
        code, printed, said = register(url)
    assert code == 1
    assert "it said yes, but afterwards template 'SSL certificates by push' is of another" in said
    assert "made" not in printed
    assert register(newest.url)[0] == 0


@pytest.mark.parametrize(("reply", "told"), [
    (Reply(404), "has no API of Zabbix (HTTP 404): give the address that shows the login page"),
    (Reply(200, b"<html>hello</html>"), "answered apiinfo.version with something that is not JSON"),
    (Reply(200, b'{"jsonrpc": "2.0", "result": "x.y", "id": 0}'), "not JSON"),
    (Reply(200, b'{"jsonrpc": "2.0", "result": "5.4.12", "id": 0}'),
     "is Zabbix 5.4.12: 6.0 is the oldest that is supported"),
    (Reply(301, location="https://zabbix.example.com/api_jsonrpc.php"),
     "leads to https://zabbix.example.com: use that address"),
    (Reply(502), "answered apiinfo.version with HTTP 502"),
], ids=["404", "html", "no version", "old", "redirect", "502"])
def test_what_is_no_usable_api(register: Register, reply: Reply, told: str) -> None:
    """Each way not to be one has its own words."""
    with frontend("http://127.0.0.1:1", lambda method, before: reply) as url:
        code, printed, said = register(url)
    assert (code, printed) == (1, "")
    assert told in said
    assert said.count("\n") == 1


def test_nobody_there(register: Register) -> None:
    """A port where nothing listens, and a name that is none."""
    with reserved() as port:
        code, _, said = register(f"http://127.0.0.1:{port.getsockname()[1]}")
    assert code == 1
    assert "cannot be reached (Connection refused): look at the address" in said
    code, _, said = register("http://zabbix.invalid")
    assert code == 1
    assert "cannot be reached (" in said


def test_the_frontend_is_verified(newest: Zabbix, register: Register, tmp_path: Path) -> None:
    """A certificate of a CA that nobody trusts ends it before any credential is sent; --ca-file
    makes it trusted; another CA's file does not."""
    authority, other = pki.Authority("Intranet CA"), pki.Authority("Another CA")
    leaf = authority.leaf("127.0.0.1").write(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.certificate, leaf.key)
    for name, ca in (("right", authority), ("wrong", other)):
        (tmp_path / name).write_bytes(ca.certificate_pem)
    asked: list[str] = []

    def watch(method: str, before: int) -> None:
        asked.append(method)

    with frontend(newest.url, watch, context) as url:
        for words in ((), ("--ca-file", str(tmp_path / "wrong"))):
            code, _, said = register(url, *words)
            assert code == 1
            assert "the certificate is not trusted (" in said
            assert "name its CA with --ca-file" in said
        assert asked == []
        assert register(url, "--ca-file", str(tmp_path / "right"))[0] == 0
        assert "user.login" in asked
    (tmp_path / "nonsense").write_text("no certificate")
    code, _, said = register("https://127.0.0.1:1", "--ca-file", str(tmp_path / "nonsense"))
    assert code == 3
    assert "holds no certificate: name a PEM file" in said


# Credentials


def test_a_token_from_the_environment_or_a_file(
        zabbix: Zabbix, register: Register, tmp_path: Path) -> None:
    """A good token works; a bad one is told, and appears nowhere."""
    token = make_token(zabbix.api(), "Admin")
    file = tmp_path / "token"
    file.write_text(token + "\n")
    words = ("--group", "Tokens", "--dry-run")
    assert register(zabbix.url, *words, environ={"ZABBIX_TOKEN": token})[0] == 0
    assert register(zabbix.url, *words, "--token-file", str(file), environ={})[0] == 0
    bad = token[::-1]
    code, printed, said = register(zabbix.url, environ={"ZABBIX_TOKEN": bad})
    assert (code, printed) == (1, "")
    assert "refuses the token" in said
    assert bad not in said


def test_a_password_from_the_environment_or_a_file(
        zabbix: Zabbix, register: Register, tmp_path: Path) -> None:
    """A good one works, and the session is ended; a bad one is told, and appears nowhere."""
    ended: list[str] = []

    def watch(method: str, before: int) -> None:
        ended.append(method)

    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    with frontend(zabbix.url, watch) as url:
        code, _, said = register(url, "--dry-run", "--password-file", str(file),
                                 environ={"ZABBIX_USER": USER})
    assert (code, said) == (0, "")
    assert ended[-1] == "user.logout"
    code, printed, said = register(zabbix.url, environ={
        "ZABBIX_USER": USER, "ZABBIX_PASSWORD": "wr0ng-pass"})
    assert (code, printed) == (1, "")
    assert "refuses the user or password" in said
    assert "wr0ng-pass" not in said


def test_a_user_who_may_not(zabbix: Zabbix, register: Register) -> None:
    """The call that is not allowed is named; what was there stays as it was."""
    api = zabbix.api()
    assert register(zabbix.url)[0] == 0
    group = api.usergroup.create(name="Readers")["usrgrpids"][0]
    api.user.create(username="reader", passwd="Tr0ub4dor&3x", roleid="1",
                    usrgrps=[{"usrgrpid": group}])
    code, printed, said = register(zabbix.url, environ={
        "ZABBIX_USER": "reader", "ZABBIX_PASSWORD": "Tr0ub4dor&3x"})
    assert (code, printed) == (1, "")
    assert "does not allow this user to call configuration.import" in said


def make_token(api: Any, user: str) -> str:
    (found,) = api.user.get(filter={"username": user}, output=["userid"])
    made = api.token.create(name=f"test {time.monotonic_ns()}", userid=found["userid"])
    return str(api.token.generate(*made["tokenids"])[0]["token"])


@pytest.mark.parametrize(("words", "environ", "told"), [
    ((), {"ZABBIX_URL": ""}, "which Zabbix? Set ZABBIX_URL, or give --url"),
    ((), {}, "who are you? Set ZABBIX_TOKEN"),
    ((), {"ZABBIX_USER": "x"}, "who are you?"),
    (("--token-file", "/nonexistent"), {}, "cannot be read (No such file or directory)"),
    (("--token-file", "/dev/null"), {}, "the first line of '/dev/null' is empty"),
    (("--proxy", "a", "--proxy-group", "b"), ADMIN, "exclude each other"),
    (("--layout", "sites", "--method", "push"), ADMIN, "exclude each other"),
    (("--layout", "three"), ADMIN, "is none of one, sites"),
    (("more",), ADMIN, "one word too many"),
    (("--token", "abc"), ADMIN, "there is no option"),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_wrong_use(register: Register, words: tuple[str, ...], environ: dict[str, str], told: str
                   ) -> None:
    """One line, before anything is asked of anybody."""
    code, printed, said = register("http://127.0.0.1:1", *words, environ=environ)
    assert (code, printed) == (3, "")
    assert told in said.replace('"', "'")
    assert said.count("\n") == 1


@pytest.mark.parametrize("url", ["zabbix.example.com", "ftp://zabbix.example.com", "http://",
                                 "https://admin:hunter2@zabbix.example.com"])
def test_an_address_that_is_none(register: Register, url: str) -> None:
    """It is told, without the password that may be in it."""
    code, _, said = register(url)
    assert code == 1
    assert "is no address of a Zabbix frontend" in said
    assert "hunter2" not in said


def test_a_wrong_configuration_is_told_first(register: Register) -> None:
    """Nothing is half-loaded, and nobody asked."""
    register.targets("a.example", {"domain": "b.example", "port": 70000})
    code, _, said = register("http://127.0.0.1:1")
    assert code == 3
    assert "entry 2 (b.example)" in said


# In Chinese

HAN = re.compile("[\u4e00-\u9fff]")


def test_in_chinese(newest: Zabbix, register: Register) -> None:
    """By --lang or the locale, every line: what is to be made and is made, what is noted, and what
    goes wrong. Names and addresses stay."""
    pair = [{"domain": "a.example", "address": f"192.0.2.{n}", "warning_days": n} for n in (1, 2)]
    register.targets(*pair)
    words = ("--group", "Han", "--host", "Han")
    chinese = ADMIN | {"LANG": "zh_CN.UTF-8"}
    dry = register(newest.url, *words, "--dry-run", "--lang", "zh")
    made = register(newest.url, *words, environ=chinese)
    again = register(newest.url, *words, environ=chinese)
    register.targets({**pair[0], "warning_days": 9})
    changed = register(newest.url, *words, environ=chinese)
    sites = register(newest.url, "--group", "Han", "--layout", "sites", environ=chinese)
    for code, printed, said in (dry, made, again, changed, sites):
        assert code == 0
        for line in (printed + said).splitlines():
            assert HAN.search(line), line
    assert dry[1].splitlines()[:2] == ["+ 主机群组 'Han'", "+ 主机 'Han'"]
    assert made[1].endswith(f"已完成：2 项更改；{newest.url} 与 {register.config} 一致\n")
    assert "    宏 {$SSL.EXPIRY.WARN:\"a.example\"}：1 -> 9\n" in changed[1]
    assert "以前注册过、现在已不在配置中：Han：可用 --prune 移除" in sites[1]
    _, printed, said = register(newest.url, *words, "--lang", "en", environ=chinese)
    assert not HAN.search(printed + said)


@pytest.mark.parametrize(("url", "words", "environ", "told"), [
    ("http://127.0.0.1:1", (), ADMIN, "无法连接 http://127.0.0.1:1（连接被拒绝）：请检查地址"),
    ("ftp://x", (), ADMIN, "ftp://x 不是 Zabbix 前端的地址"),
    ("http://127.0.0.1:1", (), {}, "以谁的身份？请设置 ZABBIX_TOKEN"),
    ("http://127.0.0.1:1", ("--token-file", "/dev/null"), {}, "的第一行是空的"),
    ("http://127.0.0.1:1", ("--layout", "x"), ADMIN, "--layout：\"x\" 不是 one, sites 之一"),
])
def test_what_is_wrong_in_chinese(register: Register, url: str, words: tuple[str, ...],
                                  environ: dict[str, str], told: str) -> None:
    """Of the words, and of the API."""
    code, printed, said = register(url, *words, "--lang", "zh", environ=environ)
    assert (code in (1, 3), printed) == (True, "")
    assert told in said
    code, printed, said = register(url, *words, environ=environ)
    assert not HAN.search(said)


# What the targets want


def test_targets_that_zabbix_cannot_tell_apart(register: Register, newest: Zabbix) -> None:
    """Two addresses of one name and port: as hosts they are refused, as rows of a list told; in one
    entry there is nothing to tell."""
    pair = [{"domain": "a.example", "address": f"192.0.2.{n}", "warning_days": n} for n in (1, 2)]
    register.targets(*pair)
    told = "a.example:443 is configured 2 times, with 192.0.2.1, 192.0.2.2: Zabbix tells "
    code, printed, said = register(newest.url, "--dry-run")
    assert (code, said.count("\n")) == (0, 1)
    assert said.startswith(f"zabbix-ssl register: {told}")
    assert 'one entry, "address": "192.0.2.1,192.0.2.2", or ' in said
    code, printed, said = register(newest.url, "--group", "Pairs", "--host", "Pairs")
    assert (code, said.count(told)) == (0, 1)
    assert macros(hosts(newest.api(), "Pairs")["Pairs"]) == {
        '{$SSL.EXPIRY.WARN:"a.example"}': "1"}  # that of the one which is checked
    code, printed, said = register(newest.url, "--layout", "sites", "--dry-run")
    assert (code, printed) == (3, "")
    assert told in said
    register.targets({"domain": "a.example", "address": "192.0.2.1,192.0.2.2"})
    assert register(newest.url, "--dry-run")[2] == ""


def test_many_targets_want_a_larger_cache(register: Register, newest: Zabbix) -> None:
    """A server whose configuration cache is full ends, so that it is told before; a few targets
    have room."""
    for count, told in ((300, 1), (100, 0)):
        register.targets(*({"domain": f"{number}.example"} for number in range(count)))
        code, _, said = register(newest.url, "--group", "Many", "--host", "Many", "--dry-run")
        assert (code, said.count("see that its CacheSize is 64M or more")) == (0, told)


def test_warning_days_that_differ_by_port(register: Register, newest: Zabbix) -> None:
    """Zabbix knows one for a domain: the largest is taken and told; where all ports have the same,
    or each is a host, there is nothing to tell."""
    def ports(*days: int | None) -> list[dict[str, Any]]:
        return [{"domain": "a.example", "port": port, "warning_days": one}
                for port, one in enumerate(days, 443)]

    words = ("--group", "Days", "--host", "Days")
    macro = "macro {$SSL.EXPIRY.WARN:\"a.example\"} = 60\n"
    for days, told in (((60, 10), 1), ((60, None), 1), ((60, 60), 0)):
        register.targets(*ports(*days))
        code, printed, said = register(newest.url, *words, "--dry-run")
        assert (code, said.count("a.example has 2 ports, and not the same warning_days")) == (
            0, told)
        assert said.count("and gets the largest, 60") == told
        assert printed.count(macro) == 1
    register.targets(*ports(60, 10))
    code, printed, said = register(newest.url, "--group", "Days", "--layout", "sites", "--dry-run")
    assert (code, said) == (0, "")
    assert "macro {$SSL.EXPIRY.WARN} = 10\n" in printed
    register.targets(*ports(None, None))
    assert register(newest.url, *words, "--dry-run")[2] == ""


@pytest.mark.parametrize(("target", "name"), [
    (Target("A.example."), "a.example"),
    (Target("a.example", 8443), "a.example_8443"),
    (Target("2001:db8::1"), "2001-db8--1"),
    (Target("bücher.example"), "xn--bcher-kva.example"),
    (Target("file:/etc/ssl/Site.pem", 0), "file--etc-ssl-Site.pem_53032fe8"),
])
def test_technical_names(target: Target, name: str) -> None:
    """Letters, digits, dots and so on; what people see is the target."""
    (host,) = wanted.hosts([target], wanted.Wish(layout=wanted.SITES))
    assert host.name == name
    assert host.visible == str(target)


def test_names_that_are_too_long_or_look_alike() -> None:
    """At most 128 characters, which is what Zabbix takes; different targets have different names
    all the same."""
    long = "a" * 63 + "." + "b" * 63 + "." + "c" * 20
    targets = [Target(long, 10443), Target(long + "c", 10443),
               *(Target(f"file:/{path}.pem", 0) for path in ("a/b", "a-b", "A-b", "x" * 200))]
    made = wanted.hosts(targets, wanted.Wish(layout=wanted.SITES))
    for names in ({host.name for host in made}, {host.visible for host in made}):
        assert len(names) == len(targets)
        assert max(map(len, names)) <= 128
    assert made[0].name.startswith("a" * 63 + "." + "b" * 49 + "_10443_")


def test_nothing_is_sent_to_where_a_redirection_leads(
        newest: Zabbix, register: Register) -> None:
    """Credentials stay with the frontend that was named."""
    reached: list[str] = []

    def elsewhere(method: str, before: int) -> None:
        reached.append(method)

    with frontend(newest.url, elsewhere) as other:
        moved = Reply(307, location=f"{other}/api_jsonrpc.php")
        with frontend(newest.url, failing("user.login", moved)) as url:
            code, _, said = register(url)
    assert code == 1
    assert f"leads to {other}: use that address" in said
    assert reached == []


def test_the_api_takes_no_credentials_of_others(
        newest: Zabbix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ~/.netrc with an entry for the frontend's host must not replace the token, nor the CAs of
    the environment those of --ca-file."""
    token = make_token(newest.api(), "Admin")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    with connected(newest.url, Credentials(token=token)) as api:
        assert api.call("hostgroup.get", countOutput=True)
