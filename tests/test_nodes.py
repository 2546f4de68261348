"""Every address of a name, audited and told as one: real servers on several loopback addresses.

The resolver alone is scripted: no system resolves one name to these addresses.
"""

# ruff: noqa: RUF001

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from command import SCRIPT, Site
from exporters import exporter

from testbed import faults, tls, ways
from testbed import nginx as web
from testbed.pki import DAY, Authority
from testbed.process import reserved
from testbed.serving import Dialogue, serve
from testbed.trapper import trapper
from zabbix_ssl import cache as caching
from zabbix_ssl import config
from zabbix_ssl.cache import Cache
from zabbix_ssl.external import kept_answer
from zabbix_ssl.findings import TABLE
from zabbix_ssl.languages import speak
from zabbix_ssl.metrics import judge
from zabbix_ssl.mistakes import ConfigError
from zabbix_ssl.model import Observation, Result, Security, Settings, Target
from zabbix_ssl.outputs import people, prometheus
from zabbix_ssl.outputs.objects import batch_object
from zabbix_ssl.probing import audit_all
from zabbix_ssl.zabbix.delivery import DISCOVERY_KEY

NAME = "many.example"
ROOT = Authority("Nodes Root")
NOW = int(time.time())
NEW = ROOT.leaf(NAME, not_before=NOW - DAY)
OLD = ROOT.leaf(NAME, not_before=NOW - 80 * DAY, not_after=NOW + 19 * DAY // 2)
STRANGE = Authority("Strange Root").leaf(NAME, "x.example", not_before=NOW - 60)
GOOD = tls.modern(NEW)
HERE = Path(__file__).resolve().parent.parent


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``resolves(a, b)``: NAME has these addresses."""
    def to(*addresses: str) -> None:
        def found(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
            assert host == NAME
            return [(socket.AF_INET6, 1, 6, "", (address, port, 0, 0)) if ":" in address else
                    (socket.AF_INET, 1, 6, "", (address, port)) for address in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", found)
    return to


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_bytes(ROOT.pem)
    return str(path)


@contextmanager
def serving(servers: dict[str, Dialogue]) -> Iterator[int]:
    """Each dialogue at its address, all on one port; at 127.0.0.1 and ::1 nobody else is there."""
    with reserved() as held, ExitStack() as stack:
        port = held.getsockname()[1]
        for address, dialogue in servers.items():
            stack.enter_context(serve(dialogue, address, port))
        yield port


def audit(port: int, settings: Settings, known: Security | None = None, **fields: Any
          ) -> Observation:
    """One audit of every address."""
    target = Target(NAME, port, **{"all_addresses": True, **fields})
    [(_, seen)] = audit_all([(target, known)], settings)
    return seen


@pytest.fixture
def nodes(resolves: Callable[..., None], ca_file: str) -> Callable[..., Result]:
    """``nodes({address: dialogue}, more addresses...)``: the result of auditing all of them."""
    def audited(servers: dict[str, Dialogue], *more: str, timeout: float = 5) -> Result:
        resolves(*servers, *more)
        with serving(servers) as port:
            return judge(audit(port, Settings(timeout=timeout, ca_file=ca_file)))
    return audited


def codes(result: Result) -> list[str]:
    return [finding.code for finding in result.findings]


def message(result: Result, code: str) -> str:
    """Of the one finding of that code."""
    [found] = [finding.message for finding in result.findings if finding.code == code]
    return found


def counts(result: Result) -> tuple[object, object, object]:
    return tuple(result.values[f"nodes_{name}"] for name in (  # type: ignore[return-value]
        "total", "failed", "disagree"))


def test_nodes_that_are_alike_are_fine(nodes: Callable[..., Result]) -> None:
    """IPv4 and IPv6: counted, and nothing found."""
    result = nodes({"127.0.0.1": GOOD, "127.0.0.2": GOOD, "::1": GOOD})
    assert counts(result) == (3, 0, 0)
    assert codes(result) == [] and result.values["nodes_weak"] == ()
    fingerprint = result.values["fingerprint_sha256"]
    assert isinstance(fingerprint, str)
    assert [str(text).split()[:2] for text in result.values["nodes"]] == [  # type: ignore[union-attr]
        [address, fingerprint[:16]] for address in ("127.0.0.1", "127.0.0.2", "::1")]


def test_every_node_gets_the_same_server_name(tmp_path: Path, resolves: Callable[..., None],
                                              ca_file: str) -> None:
    """The name's own certificate comes from each, not the default one."""
    sites = [web.Site(leaf.write(tmp_path), (name,), address="0.0.0.0") for leaf, name in (
        (ROOT.leaf("first.example"), "first.example"), (NEW, NAME))]
    with web.nginx(tmp_path, sites) as server:
        resolves("127.0.0.1", "127.0.0.5")
        result = judge(audit(server.ports[0], Settings(timeout=5, ca_file=ca_file)))
    assert counts(result) == (2, 0, 0) and codes(result) == []


def test_an_old_certificate_on_some_nodes(nodes: Callable[..., Result]) -> None:
    """Is counted and named, and its end is that of the whole name, so that its alarm comes."""
    old = tls.modern(OLD)
    result = nodes({"127.0.0.1": GOOD, "127.0.0.2": old, "127.0.0.3": GOOD, "127.0.0.4": old})
    assert counts(result) == (4, 0, 2)
    assert result.values["remain_days"] == 9
    assert codes(result) == ["expiring", "nodes_older"]
    told = message(result, "nodes_older")
    assert told.startswith("2 of 4 nodes still serve an older certificate (until ")
    assert "): 127.0.0.2, 127.0.0.4: install" in told


def test_a_certificate_of_another_kind_on_a_node(nodes: Callable[..., Result]) -> None:
    """Newer, but not trusted: it is the odd one, and its own fault is found."""
    result = nodes({"127.0.0.1": tls.modern(STRANGE), "127.0.0.2": GOOD, "127.0.0.3": GOOD})
    assert counts(result) == (3, 0, 1)
    assert codes(result)[0] == "chain_untrusted_root"
    assert message(result, "nodes_other").startswith(
        "1 of 3 nodes serve another certificate (issued by CN=Strange Root and not CN=Nodes Root, "
        "for many.example, x.example and not many.example): 127.0.0.1")


def test_what_only_other_nodes_have_is_told_with_their_addresses(
        nodes: Callable[..., Result]) -> None:
    """Beside the worst, which stands for all."""
    result = nodes({"127.0.0.1": tls.modern(OLD), "127.0.0.2": tls.modern(STRANGE)})
    assert "expiring" not in codes(result) and result.failed is False
    assert message(result, "nodes_medium").startswith(
        "At 127.0.0.1: The certificate expires in 9 days")


def test_a_node_that_fails_does_not_hide_the_others(nodes: Callable[..., Result]) -> None:
    """Of the same family: so many nodes, and why."""
    result = nodes({"127.0.0.1": GOOD, "127.0.0.2": faults.silent, "127.0.0.4": GOOD},
                   "127.0.0.3", timeout=1.5)
    assert counts(result) == (4, 2, 0) and not result.failed
    assert codes(result) == ["nodes_failed"]
    told = message(result, "nodes_failed")
    assert told.startswith("2 of 4 nodes cannot be checked: 127.0.0.2: the server did not answer "
                           "in time; 127.0.0.3: the connection was refused")


@pytest.mark.parametrize(("up", "down", "words"), [
    ("127.0.0.1", "::1", "IPv6 is broken, IPv4 is fine: ::1: "),
    ("::1", "127.0.0.1", "IPv4 is broken, IPv6 is fine: 127.0.0.1: ")])
def test_a_family_that_is_broken_is_told_as_such(nodes: Callable[..., Result], up: str, down: str,
                                                 words: str) -> None:
    """What browsers paper over; with the records that would have to go."""
    result = nodes({up: GOOD}, down)
    assert counts(result) == (2, 1, 0) and codes(result) == ["nodes_family"]
    told = message(result, "nodes_family")
    assert told.startswith(words) and f"the {'AAAA' if ':' in down else 'A'} records" in told


def test_both_families_with_a_failed_node_are_no_broken_family(nodes: Callable[..., Result]
                                                               ) -> None:
    """The twin: the other node of that family works."""
    assert codes(nodes({"127.0.0.1": GOOD, "127.0.0.2": GOOD}, "::1")) == ["nodes_family"]
    assert codes(nodes({"127.0.0.1": GOOD, "::1": GOOD}, "127.0.0.2")) == ["nodes_failed"]


def test_a_name_of_which_no_node_works_has_failed(nodes: Callable[..., Result]) -> None:
    """With each reason; counted, and told once."""
    result = nodes({"127.0.0.2": faults.http}, "127.0.0.1", "::1")
    assert result.failed and counts(result) == (3, 3, 0)
    assert codes(result) == ["handshake_failed"]
    assert str(result.values["error"]).startswith("none of 3 nodes: 127.0.0.2: the port is open, "
                                                  "but an HTTP server answers, not TLS; 127.0.0.1,")


def test_a_node_that_this_machine_has_no_way_to_is_not_called_broken(
        nodes: Callable[..., Result]) -> None:
    """It is said that it was not looked at. (A link-local address without its interface is one on
    every machine.)"""
    result = nodes({"127.0.0.1": GOOD}, "fe80::1")
    assert counts(result) == (2, 0, 0) and codes(result) == ["nodes_skipped"]
    assert "1 of 2 nodes were not looked at" in message(result, "nodes_skipped")
    assert "with IPv6 too" in message(result, "nodes_skipped")
    assert result.values["nodes"][1] == "fe80::1 not looked at"  # type: ignore[index]


def test_weak_versions_of_any_node_are_those_of_the_name(nodes: Callable[..., Result]) -> None:
    """And which nodes they are; where all are alike, that is not worth a word."""
    weak = tls.modern(NEW, oldest="TLSv1.0")
    result = nodes({"127.0.0.1": GOOD, "127.0.0.2": weak})
    assert result.values["weak_tls_versions"] == ("TLSv1.0", "TLSv1.1")
    assert result.values["nodes_weak"] == ("127.0.0.2",)
    assert codes(result) == ["weak_tls", "nodes_weak"]
    result = nodes({"127.0.0.1": weak, "127.0.0.2": weak})
    assert result.values["nodes_weak"] == ("127.0.0.1", "127.0.0.2")
    assert codes(result) == ["weak_tls"]


def test_what_is_known_of_each_node_is_not_asked_again(
        resolves: Callable[..., None], ca_file: str, tmp_path: Path) -> None:
    """Through the cache too: then a node costs one connection; a new one is asked all."""
    settings = Settings(timeout=5, ca_file=ca_file)
    connections: list[str] = []

    def counted(dialogue: Dialogue, address: str) -> Dialogue:
        def noted(connection: socket.socket) -> None:
            connections.append(address)
            dialogue(connection)
        return noted

    weak = tls.modern(NEW, oldest="TLSv1.0")
    servers = {"127.0.0.1": counted(GOOD, "one"), "127.0.0.2": counted(weak, "two"),
               "127.0.0.3": counted(GOOD, "three")}
    with serving(servers) as port:
        resolves("127.0.0.1", "127.0.0.2")
        first = audit(port, settings)
        assert connections.count("one") > 2 and first.security
        Cache(str(tmp_path)).write(b"key", caching.make_entry(
            judge(first), first.security, b"none", b"at"))
        entry = Cache(str(tmp_path)).read(b"key")
        known = entry and caching.security(entry)
        assert known == first.security
        connections.clear()
        resolves("127.0.0.1", "127.0.0.2", "127.0.0.3")
        again = judge(audit(port, settings, known))
    assert (connections.count("one"), connections.count("two")) == (1, 1)
    assert connections.count("three") > 2
    assert again.values["nodes_weak"] == ("127.0.0.2",) and counts(again) == (3, 0, 0)


def test_more_addresses_than_any_name_should_have(tmp_path: Path, resolves: Callable[..., None],
                                                  ca_file: str) -> None:
    """Are cut, and that is told."""
    with web.nginx(tmp_path, web.Site(NEW.write(tmp_path), address="0.0.0.0")) as server:
        resolves(*(f"127.0.1.{n}" for n in range(1, 41)))
        result = judge(audit(server.ports[0], Settings(timeout=10, ca_file=ca_file)))
    assert counts(result) == (32, 0, 0) and codes(result) == ["nodes_many"]
    assert message(result, "nodes_many").startswith("The name has 40 addresses, and only the first "
                                                    "32 were looked at")


def test_an_address_of_its_own_is_stronger(resolves: Callable[..., None]) -> None:
    """Then there is but one node, and the metrics say why they are not known."""
    with serve(GOOD, "127.0.0.9") as port:
        result = judge(audit(port, Settings(timeout=5), address="127.0.0.9"))
    assert not result.failed and "nodes_total" not in result.values
    assert result.unknown["nodes_total"] == (
        "not every address was looked at: all_addresses was not asked for")


# Addresses that are given

@pytest.fixture
def no_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody may ask for an address."""
    def asked(*_: object, **__: object) -> None:
        raise AssertionError("the name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", asked)


@pytest.mark.usefixtures("no_dns")
def test_several_addresses_are_the_nodes(ca_file: str) -> None:
    """Nobody asks DNS for them; the option is stronger than the target, and one is no node."""
    servers = {"127.0.0.1": GOOD, "127.0.0.2": tls.modern(OLD), "::1": GOOD}
    settings = Settings(timeout=5, ca_file=ca_file)
    with serving(servers) as port:
        result = judge(audit(port, settings, all_addresses=False, address=",".join(servers)))
        assert counts(result) == (3, 0, 1)
        assert codes(result) == ["expiring", "nodes_older"]
        assert [str(text).split()[0] for text in result.values["nodes"]] == [  # type: ignore[union-attr]
            *servers]
        fine = judge(audit(port, settings._replace(address="127.0.0.1,::1"), address="127.0.0.2"))
        assert counts(fine) == (2, 0, 0) and codes(fine) == []
        one = judge(audit(port, settings._replace(address="127.0.0.1"), address=",".join(servers)))
        assert codes(one) == [] and "nodes_total" not in one.values


@pytest.mark.usefixtures("no_dns")
def test_a_given_address_that_cannot_be_reached(ca_file: str) -> None:
    """A closed port and an interface that is not here are told; what this machine has no way to
    was not looked at."""
    with serving({"127.0.0.1": GOOD}) as port:
        result = judge(audit(port, Settings(timeout=5, ca_file=ca_file),
                             address="127.0.0.1,127.0.0.2,fe80::1%nosuch0,fe80::2"))
    assert counts(result) == (4, 2, 0) and codes(result) == ["nodes_failed", "nodes_skipped"]
    assert "no network interface nosuch0 here" in message(result, "nodes_failed")
    assert "1 of 4 nodes were not looked at" in message(result, "nodes_skipped")


@pytest.mark.usefixtures("no_dns")
def test_given_addresses_go_through_the_proxy(tmp_path: Path, ca_file: str) -> None:
    """It is asked for each of them."""
    with serving({"127.0.0.2": GOOD}) as port, ways.socks_proxy(tmp_path) as proxy:
        result = judge(audit(port, Settings(timeout=5, ca_file=ca_file),
                             address="127.0.0.2,127.0.0.4", proxy=f"socks5://127.0.0.1:{proxy}"))
    assert counts(result) == (2, 1, 0) and "was refused by 127.0.0.4" in message(
        result, "nodes_failed")


GIVEN = "127.0.0.1,127.0.0.2"


@contextmanager
def configured(folder: Path) -> Iterator[Site]:
    """A target with two addresses, one of which serves the old certificate."""
    (folder / "ca.pem").write_bytes(ROOT.pem)
    with serving({"127.0.0.1": GOOD, "127.0.0.2": tls.modern(OLD)}) as port:
        (folder / "domains.json").write_text(json.dumps({"targets": [
            {"domain": NAME, "port": port, "address": GIVEN.split(","), "ca_file": "ca.pem"}]}))
        yield Site(folder, {NAME: port})


def test_given_addresses_reach_every_command(tmp_path: Path) -> None:
    """Discovery hands them on in one text, by which --get finds what batch has kept, also when the
    server is gone; by hand they may stand in another order."""
    with configured(tmp_path) as site:
        [row] = json.loads(site.run("--discover", program=SCRIPT).stdout)["data"]
        assert row["{#ADDRESS}"] == GIVEN
        asked = ("--get", NAME, site.port(NAME), "nodes_disagree")
        other_way = site.run(*asked, "--address", "127.0.0.2, 127.0.0.1", program=SCRIPT)
        assert other_way.stdout == "1\n"
        check = ("check", f"{NAME}:{asked[2]}", "--ca-file", str(tmp_path / "ca.pem"), "--address")
        assert "2 of 3 nodes cannot" in site.run(*check, "127.0.0.1,127.0.0.3,127.0.0.4").stdout
        assert site.run(*check, "127.0.0.1").returncode == 0
        [told] = json.loads(site.run(program=SCRIPT).stdout)
        assert told["nodes"]["nodes_total"] == 2 and told["address"] == GIVEN
    for words in ((), ("--address", GIVEN)):
        assert site.run(*asked, *words, program=SCRIPT).stdout == "1\n"
        assert kept_answer((*asked, *words), site.environ) == (True, b"1")
    assert kept_answer((*asked, "--address", "127.0.0.1"), site.environ) is None


def test_given_addresses_in_the_exporter(tmp_path: Path) -> None:
    """/probe takes them as one parameter, and its index leads there; other ones are not probed."""
    with configured(tmp_path) as site, exporter(site) as running:
        target = f"/probe?target={NAME}:{site.port(NAME)}&address="
        for words in ("", GIVEN, "127.0.0.2,%20127.0.0.1"):
            samples = running.samples(target + words)
            assert samples["ssl_nodes_disagree"] == {NAME: 1}, words
        assert f'address="{GIVEN}"' in running.ask(target).text
        assert running.ask(f"{target}127.0.0.1").status == 403
        assert running.ask(f"{target}{GIVEN},").status == 400
        [listed] = json.loads(running.ask("/targets").text)
        assert listed["labels"]["__param_address"] == GIVEN


def test_given_addresses_are_pushed(tmp_path: Path) -> None:
    """As one target, listed with all of its addresses."""
    with configured(tmp_path) as site, trapper() as listener:
        process = site.start("push", "--server", f"127.0.0.1:{listener.port}", "--interval", "10",
                             "--spool-dir", str(tmp_path / "spool"))
        with process:
            until = time.monotonic() + 20
            while not listener.values() and time.monotonic() < until:
                time.sleep(0.05)
            process.terminate()
    [value, *_] = listener.values()
    told = json.loads(value.value or "")
    assert (told["nodes_total"], told["nodes_failed"], told["nodes_disagree"]) == (2, 0, 1)
    [listed] = [row.value for row in listener.rows if row.key == DISCOVERY_KEY][:1]
    assert [row["{#ADDRESS}"] for row in json.loads(listed or "")["data"]] == [GIVEN]


def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails as ever, and the nodes are unknown for that reason."""
    def absent(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no")

    monkeypatch.setattr(socket, "getaddrinfo", absent)
    result = judge(audit(443, Settings(timeout=2)))
    assert result.values["error_reason"] == "dns"
    assert result.unknown["nodes_total"] == "the name many.example does not exist"


def test_each_address_goes_through_the_proxy(tmp_path: Path, resolves: Callable[..., None],
                                             ca_file: str) -> None:
    """The name is resolved here then; a node behind that is down is told by the proxy."""
    with serving({"127.0.0.2": GOOD, "127.0.0.3": GOOD}) as port, \
            ways.socks_proxy(tmp_path) as proxy:
        resolves("127.0.0.2", "127.0.0.3", "127.0.0.4")
        result = judge(audit(port, Settings(timeout=5, ca_file=ca_file),
                             proxy=f"socks5://127.0.0.1:{proxy}"))
    assert counts(result) == (3, 1, 0) and "was refused by 127.0.0.4" in message(
        result, "nodes_failed")


MANY = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
from zabbix_ssl.model import Settings, Target
from zabbix_ssl.probing import audit_all
socket.getaddrinfo = lambda host, port, **_: [
    (socket.AF_INET, 1, 6, "", (f"127.0.0.{n}", port)) for n in range(1, 7)]
given = ",".join(f"127.0.0.{n}" for n in range(1, 7)) if sys.argv[2:] else None
targets = [(Target(f"t{n}.example", int(sys.argv[1]), given, all_addresses=not given), None)
           for n in range(40)]
for _, seen in audit_all(targets, Settings(timeout=20)):
    print(len(seen.nodes.every), len(seen.nodes.failed))
"""


@pytest.mark.parametrize("given", [(), ("given",)])
def test_many_names_with_many_nodes_do_not_run_out_of_files(given: tuple[str, ...], tmp_path: Path
                                                            ) -> None:
    """Nodes count among what is under way at once."""
    with web.nginx(tmp_path, web.Site(NEW.write(tmp_path), address="0.0.0.0")) as server:
        done = subprocess.run([sys.executable, "-c", MANY, str(server.ports[0]), *given],
                              cwd=HERE, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("6 0\n" * 40, "")


# What is made of it

def test_outputs_have_the_nodes(nodes: Callable[..., Result]) -> None:
    """A group of the JSON object, empty for other targets, and samples for Prometheus."""
    result = nodes({"127.0.0.1": GOOD, "127.0.0.2": tls.modern(OLD)}, "127.0.0.3")
    shown = batch_object(result)["nodes"]
    assert (shown["nodes_total"], shown["nodes_failed"], shown["nodes_disagree"]) == (3, 1, 1)
    assert shown["nodes"][2] == "127.0.0.3 refused"
    text = "".join(prometheus.samples(result))
    assert f'ssl_nodes_disagree{{domain="{NAME}",port="{result.target.port}"}} 1\n' in text
    lines = people.report(result).splitlines()
    assert any(line.startswith("  Nodes        127.0.0.1 ") for line in lines)
    assert lines[-1] == " " * 15 + "127.0.0.3 refused"
    plain = judge(Observation(Target(NAME), NOW))
    assert "Nodes" not in people.report(plain)
    assert batch_object(plain)["nodes"] == {}
    assert "ssl_nodes" not in "".join(prometheus.samples(plain))


def test_nodes_are_told_in_chinese(nodes: Callable[..., Result]) -> None:
    """Findings about nodes, and the finding of another node inside one of them."""
    servers = {"127.0.0.1": tls.modern(OLD), "127.0.0.2": tls.modern(STRANGE), "127.0.0.3": GOOD}
    result = nodes(servers, "127.0.0.4")
    told = speak("zh", findings={code: row[1] for code, row in TABLE.items()}).result(result)
    assert message(told, "nodes_medium").startswith("在 127.0.0.1：证书将在 9 天后")
    assert message(told, "nodes_failed").startswith(
        "4 个节点中有 1 个无法检查：127.0.0.4：连接被拒绝")
    assert message(told, "nodes_older").startswith("4 个节点中有 1 个仍在使用旧证书")


def test_domains_json_and_the_command_line_ask_for_it(tmp_path: Path) -> None:
    """Each for itself, also from the cache; without either it is not done."""
    here = len({row[4] for row in socket.getaddrinfo("localhost", 1, type=socket.SOCK_STREAM)})
    with serve(GOOD) as port:
        (tmp_path / "domains.json").write_text(json.dumps(
            [{"domain": "localhost", "port": port, "all_addresses": True}]))

        def get(*words: str) -> str:
            return subprocess.run(
                [sys.executable, HERE / "externalscripts" / "ssl_check_batch.py", "--get",
                 "localhost", str(port), "nodes_total", "--cache-dir", str(tmp_path), *words],
                capture_output=True, text=True, timeout=30, cwd="/").stdout

        assert get("--all-addresses") == f"{here}\n"
        assert get().startswith("not every address")
        assert get("--config", str(tmp_path / "domains.json")) == f"{here}\n"
    assert get("--all-addresses") == f"{here}\n"  # from the cache


def test_it_is_asked_for_by_true_or_false() -> None:
    """A default may be taken back; a word is a mistake."""
    one, two = config.parse(json.dumps({"defaults": {"all_addresses": True}, "targets": [
        "a.example", {"domain": "b.example", "all_addresses": False}]}).encode(), "/etc")
    assert (one.all_addresses, two.all_addresses) == (True, False)
    with pytest.raises(ConfigError, match="write true or false"):
        config.parse(b'[{"domain": "a.example", "all_addresses": "yes"}]', "/etc")
