"""Each address of a name in Prometheus: real servers on several loopback addresses."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command import SCRIPT, Site
from exporters import Exporter, exporter
from prometheus_client.parser import text_string_to_metric_families
from test_nodes import GOOD, NAME, NOW, OLD, ROOT, serving

from testbed import tls
from testbed.serving import serve
from zabbix_ssl import cache as caching
from zabbix_ssl.exporter.compressed import text_of
from zabbix_ssl.exporter.results import Results
from zabbix_ssl.metrics import judge
from zabbix_ssl.model import Failure, Node, Nodes, Observation, Result, Target
from zabbix_ssl.outputs.prometheus import FAMILIES, FAMILIES_OF_NODES, exposition, samples

SIX = tuple(f"127.0.0.{n}" for n in range(21, 27))
OLD_ONES, DOWN = SIX[3:5], SIX[5]
PLAIN = "plain.example"
PAGE = (Path(__file__).parent.parent / "docs" / "nodes.md").read_text(encoding="utf-8")

Sample = tuple[str, dict[str, str], float]


@contextmanager
def six_nodes(folder: Path) -> Iterator[Site]:
    """One target with six nodes, of which two serve the old certificate and one is down; another of
    the same name with two of these; and one that has but one address."""
    (folder / "ca.pem").write_bytes(ROOT.pem)
    old = tls.modern(OLD)
    servers = {address: old if address in OLD_ONES else GOOD for address in SIX if address != DOWN}
    with serving(servers) as port:
        (folder / "domains.json").write_text(json.dumps({
            "defaults": {"ca_file": str(folder / "ca.pem"), "port": port},
            "targets": [{"domain": NAME, "address": list(SIX)},
                        {"domain": NAME, "address": list(SIX[:2])},
                        {"domain": PLAIN, "address": SIX[0]}]}))
        yield Site(folder, {})


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with six_nodes(tmp_path_factory.mktemp("nodes")) as up:
        yield up


@pytest.fixture(scope="module")
def running(nodes: Site) -> Iterator[Exporter]:
    """One that has checked all of them, and shows each address."""
    with exporter(nodes, "--per-address") as up:
        up.await_(lambda: up.ask("/metrics").text.count("\nssl_probe_success{") == 3)
        yield up


def parsed(text: str) -> list[Sample]:
    return [(sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(text) for sample in family.samples]


def by_address(found: list[Sample], name: str, of: str = ",".join(SIX)) -> dict[str, float]:
    """Address to value, of the target with these addresses."""
    return {labels["address"]: value for one, labels, value in found
            if one == name and labels.get("addresses") == of}


def test_each_address_is_shown_on_demand(running: Exporter) -> None:
    """With what it has of its own: whether it answers and why not, its certificate and whether that
    is the right one. Of what is not known of an address there is nothing, -1 neither."""
    found = parsed(running.ask("/metrics").text)
    up = dict.fromkeys(SIX[:5], 1.0)
    assert by_address(found, "ssl_node_probe_success") == up | {DOWN: 0}
    assert by_address(found, "ssl_node_disagrees") == dict.fromkeys(SIX[:3], 0.0) | dict.fromkeys(
        OLD_ONES, 1.0)
    days = by_address(found, "ssl_node_cert_remain_days")
    assert {address for address in days if days[address] > 80} == {*SIX[:3]}
    assert {days[address] for address in OLD_ONES} == {9}
    for name in ("chain_trusted", "hostname_match", "is_valid"):
        assert by_address(found, f"ssl_node_cert_{name}") == up
    assert by_address(found, "ssl_node_cert_has_weak_tls") == dict.fromkeys(SIX[:5], 0.0)
    reasons = {labels["address"]: labels["error_reason"] for name, labels, _ in found
               if name == "ssl_node_probe_failure_info"}
    assert reasons == {DOWN: "refused"}
    serials = {labels["address"]: labels["serial"] for name, labels, _ in found
               if name == "ssl_node_cert_info"}
    assert len({serials[address] for address in OLD_ONES}) == 1
    assert serials[SIX[0]] != serials[SIX[3]]


def test_targets_are_counted_once(running: Exporter, nodes: Site) -> None:
    """Beside its addresses a target is what it is without them, in families of its own: a sum over
    those of targets has none of an address in it. One that has but one address has no more."""
    found = parsed(running.ask("/metrics").text)
    targets = [labels for name, labels, _ in found if name == "ssl_probe_success"]
    assert [labels["address"] for labels in targets] == [",".join(SIX), ",".join(SIX[:2]), SIX[0]]
    assert not [labels for name, labels, _ in found
                if name.startswith("ssl_node_") and labels["domain"] == PLAIN]
    assert {name for name, labels, _ in found if "addresses" in labels} == {
        name for name, _, _ in found if name.startswith("ssl_node_")}


def test_labels_follow_the_rules(running: Exporter) -> None:
    """No two series are the same, though two targets have addresses in common; all of a family of
    addresses have the same labels."""
    found = parsed(running.ask("/metrics").text)
    series = [(name, *sorted(labels.items())) for name, labels, _ in found]
    assert len(series) == len(set(series))
    names: dict[str, set[tuple[str, ...]]] = {}
    for name, labels, _ in found:
        if name.startswith("ssl_node_"):
            names.setdefault(name, set()).add(tuple(sorted(labels)))
    assert len(names) > 12
    assert all(len(one) == 1 for one in names.values())
    shared = by_address(found, "ssl_node_probe_success", ",".join(SIX[:2]))
    assert shared == dict.fromkeys(SIX[:2], 1.0)
    bare = [(name, *sorted(labels.items())) for name, labels, _ in [
        (name, {label: text for label, text in labels.items() if label != "addresses"}, value)
        for name, labels, value in found]]
    assert len(bare) > len(set(bare))  # that is what the label is for


def test_promtool_finds_no_fault_with_addresses(running: Exporter, needs: Callable[[str], str]
                                                ) -> None:
    """Its only wish beside those for targets is the unit of the same metric."""
    done = subprocess.run([needs("promtool"), "check", "metrics"], input=running.ask(
        "/metrics").text, capture_output=True, text=True, check=False, timeout=20)
    wishes = done.stderr.splitlines() + done.stdout.splitlines()
    assert {line.split()[0] for line in wishes if line.startswith("ssl_node_")} == {
        "ssl_node_cert_remain_days"}
    assert all("use base unit" in line for line in wishes)


def test_a_probe_shows_them_too(running: Exporter, nodes: Site) -> None:
    """As /metrics does; step by step they stand among the metrics."""
    path = f"/probe?target={NAME}:{port_of(nodes)}&address={','.join(SIX)}"
    found = parsed(running.ask(path).text)
    assert by_address(found, "ssl_node_disagrees") == by_address(
        parsed(running.ask("/metrics").text), "ssl_node_disagrees") != {}
    told = running.ask(path + "&debug=true").text
    assert f'address="{DOWN}",addresses="{",".join(SIX)}",error_reason="refused"}} 1\n' in told


def port_of(site: Site) -> int:
    port: int = json.loads(site.config.read_text())["defaults"]["port"]
    return port


def test_a_restart_shows_them_at_once(running: Exporter, nodes: Site) -> None:
    """From the cache; and without the option there are none, also from what was kept with it."""
    with exporter(nodes, "--per-address", "--interval", "3600") as up:
        up.await_(lambda: up.samples().get("ssl_exporter_recalled_results") == {"": 3})
        text = up.ask("/metrics").text
        assert len(by_address(parsed(text), "ssl_node_probe_success")) == 6
    with exporter(nodes, "--interval", "3600") as up:
        up.await_(lambda: up.samples().get("ssl_exporter_recalled_results") == {"": 3})
        text = up.ask("/metrics").text
    assert "\nssl_nodes_disagree{" in text
    assert "ssl_node_" not in text


def test_batch_prints_them_once(nodes: Site) -> None:
    """With --prometheus; alone the option has nothing to work on."""
    done = nodes.run("--prometheus", "--per-address", program=SCRIPT)
    assert (done.returncode, done.stderr) == (0, "")
    assert by_address(parsed(done.stdout), "ssl_node_probe_success") == dict.fromkeys(
        SIX[:5], 1.0) | {DOWN: 0}
    assert "ssl_node_" not in nodes.run("batch", "--prometheus").stdout
    done = nodes.run("batch", "--per-address")
    assert (done.returncode, done.stdout) == (3, "")
    assert "--prometheus" in done.stderr


def test_addresses_from_the_dns(nodes: Site) -> None:
    """Have no label but their own beside the domain and the port."""
    here = {row[4][0] for row in socket.getaddrinfo("localhost", 1, type=socket.SOCK_STREAM)}
    with serve(GOOD) as port:
        done = nodes.run("batch", "--prometheus", "--per-address", "--all-addresses", "--no-cache",
                         f"localhost:{port}")
    labels = [one for name, one, _ in parsed(done.stdout) if name == "ssl_node_probe_success"]
    assert {one["address"] for one in labels} == here
    assert all(set(one) == {"domain", "port", "address"} for one in labels)


# By itself


def result(*addresses: str) -> Result:
    """Of a target with these addresses, and one that this machine has no way to."""
    every = (*map(Node, addresses),
             Node("2001:db8::1", Failure("unreachable", "no route"), "no route"))
    seen = Observation(Target("a.example", all_addresses=True), NOW)
    return judge(seen._replace(nodes=Nodes(every, (), (), {node.address: seen for node in every})))


def test_without_the_option_nothing_is_added() -> None:
    """The text is that of a target which was not asked for each address; what the option adds comes
    after it."""
    one = result("10.0.0.1", "10.0.0.2")
    without = samples(one)
    assert without == samples(one._replace(nodes=())) == samples(one, True)[:len(FAMILIES)]
    text = "".join(exposition([without]))
    assert "ssl_node_" not in text
    assert "".join(exposition([samples(one, True)])).startswith(text)
    assert "ssl_node_" in "".join(exposition([samples(one, True)]))


def test_an_address_that_was_not_looked_at_has_no_series() -> None:
    """It is neither up nor down; it counts among the addresses of the name."""
    text = "".join(exposition([samples(result("10.0.0.1"), True)]))
    assert 'ssl_nodes{domain="a.example",port="443"} 2\n' in text
    assert 'address="10.0.0.1"} 1\n' in text
    assert "2001:db8::1" not in text


def test_the_cache_keeps_what_each_has_of_its_own() -> None:
    """And a result that was kept by an earlier state of this package is a miss."""
    one = result("10.0.0.1", "10.0.0.2")
    entry = caching.make_entry(one, None, b"none", b"at")
    assert caching.result(entry) == one
    assert one.nodes[0].values["handshake_ok"] is True
    entry.kept = b"null\n" + json.dumps(one[:5]).encode()
    with pytest.raises(ValueError, match="to unpack"):
        caching.result(entry)


def test_an_address_that_is_gone_is_not_shown_any_more() -> None:
    """Nor are those of a target whose last check was too long ago."""
    results = Results(100, per_address=True)
    now = int(time.time())
    results.configure([result().target])

    def shown() -> set[str]:
        text = b"".join(map(text_of, results.pieces()[0])).decode()
        return {labels["address"] for name, labels, _ in parsed(text)
                if name == "ssl_node_probe_success"}

    results.add(result("10.0.0.1", "10.0.0.2")._replace(check_time=now))
    assert shown() == {"10.0.0.1", "10.0.0.2"}
    results.add(result("10.0.0.2", "10.0.0.3")._replace(check_time=now))
    assert shown() == {"10.0.0.2", "10.0.0.3"}
    results.add(result("10.0.0.2")._replace(check_time=now - 101))
    assert shown() == set()


def test_the_page_names_every_family() -> None:
    """And none that there is not."""
    section = PAGE.partition("## In Prometheus\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
    named = {name for families, _ in rows for name in re.findall(r"`(ssl_node_[a-z_]+)`", families)}
    named |= {f"ssl_node_cert_{rest}" for families, text in rows if "..." in families
              for rest in re.findall(r"`([a-z_]+)`", text)}
    assert named == {family.name for family in FAMILIES_OF_NODES}
