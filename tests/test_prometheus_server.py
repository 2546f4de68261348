"""A real Prometheus scrapes the exporter, with the shipped rules, dashboard and configuration."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from command import Site
from exporters import Exporter, exporter
from test_exporter_nodes import DOWN, OLD_ONES, port_of, six_nodes
from test_exporter_parts import hashed, write_config
from test_nodes import NAME

from testbed.endpoints import ENDPOINTS, Endpoint, running
from testbed.pki import Authority
from testbed.process import child, program, reserved

CONTRIB = Path(__file__).resolve().parent.parent / "contrib"
ALERTS = CONTRIB / "prometheus" / "alerts.yml"
CASES = CONTRIB / "prometheus" / "alerts_test.yml"
SCRAPE = CONTRIB / "prometheus" / "prometheus.yml"
DASHBOARD = CONTRIB / "grafana" / "zabbix-ssl.json"


class Prometheus(NamedTuple):
    """One that runs."""

    port: int

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The vector that an instant query gives. Raises HTTPError for one that is wrong."""
        words = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/api/v1/query?{words}", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def await_(self, expression: str, seconds: float = 30) -> list[dict[str, Any]]:
        """Until a query gives something."""
        until = time.monotonic() + seconds
        while not (found := self.query(expression)):
            assert time.monotonic() < until, expression
            time.sleep(0.1)
        return found


@contextmanager
def prometheus(folder: Path, jobs: list[dict[str, Any]]) -> Iterator[Prometheus]:
    """With these scrape jobs, every second, and the shipped rules."""
    folder.mkdir()
    (folder / "zabbix-ssl-alerts.yml").write_text(ALERTS.read_text())
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["zabbix-ssl-alerts.yml"], "scrape_configs": jobs}))
    binary = program("prometheus")
    with reserved() as held:
        port = held.getsockname()[1]

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=1):
                return True
        except OSError:
            return False

    with child([binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}"], folder / "log", ready=ready,
               seconds=20):
        yield Prometheus(port)


def static(job: str, port: int, **more: Any) -> dict[str, Any]:
    return {"job_name": job, "static_configs": [{"targets": [f"localhost:{port}"]}], **more}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Exporter]]:
    """All endpoints of the demo, the exporter that has checked them, and a Prometheus that has
    scraped that several times."""
    folder = tmp_path_factory.mktemp("prometheus")
    with running(ENDPOINTS, folder):
        site = Site(folder, {})
        with exporter(site, "--ca-file", str(folder / "ca.pem")) as exporting:
            exporting.await_(lambda: len(
                exporting.samples().get("ssl_probe_success", ())) == len(ENDPOINTS))
            with prometheus(folder / "server", [static("zabbix-ssl", exporting.port)]) as server:
                server.await_("count_over_time(ssl_exporter_interval_seconds[1m]) >= 4")
                yield server, exporting


# Scraping


def test_prometheus_scrapes_all(up: tuple[Prometheus, Exporter]) -> None:
    """The scrape succeeds, and every endpoint is there with its facts."""
    server, _ = up
    assert server.query('up{job="zabbix-ssl"}')[0]["value"][1] == "1"
    found = {one["metric"]["domain"]: one["value"][1] for one in server.query("ssl_probe_success")}
    assert found == {one.domain: "0" if one.error_reason else "1" for one in ENDPOINTS}
    risks = {one["metric"]["domain"]: int(one["value"][1])
             for one in server.query("ssl_risk_level")}
    assert risks == {one.domain: ("low", "medium", "high").index(one.risk) for one in ENDPOINTS}


def test_a_scrape_over_tls_as_a_user(tmp_path: Path) -> None:
    """With the password of the web configuration Prometheus gets in; with another it does not."""
    root = Authority("Root")
    (tmp_path / "domains.json").write_text('{"targets": []}')
    (tmp_path / "root.pem").write_bytes(root.certificate_pem)
    web = write_config(tmp_path, root.leaf("localhost"), "basic_auth_users:",
                       f"  prometheus: {hashed('secret')}")
    secure = {"scheme": "https", "tls_config": {"ca_file": str(tmp_path / "root.pem")}}
    with exporter(Site(tmp_path, {}), "--web-config", str(web)) as exporting, prometheus(
            tmp_path / "server",
            [static(job, exporting.port, **secure,
                    basic_auth={"username": "prometheus", "password": password})
             for job, password in (("right", "secret"), ("wrong", "guess"))]) as server:
        server.await_('up{job="right"} == 1')
        server.await_('up{job="wrong"} == 0')
        assert not server.query('up{job="wrong"} == 1')


def test_the_shipped_scrape_configuration(needs: Callable[[str], str], tmp_path: Path) -> None:
    """promtool takes it as it is, and with the job that is commented out; a broken one it does
    not."""
    (tmp_path / "zabbix-ssl-alerts.yml").write_text(ALERTS.read_text())

    def check(text: str) -> int:
        (tmp_path / "prometheus.yml").write_text(text)
        return subprocess.run([needs("promtool"), "check", "config", tmp_path / "prometheus.yml"],
                              capture_output=True, check=False, timeout=20).returncode
    assert check(SCRAPE.read_text()) == 0
    assert check(probe_job_too()) == 0
    assert check(SCRAPE.read_text().replace("scrape_interval: 1m", "scrape_interval: soon")) != 0


def probe_job_too() -> str:
    """The shipped configuration with its second job."""
    head, mark, job = SCRAPE.read_text().partition("  # - job_name: zabbix-ssl-probe")
    assert mark
    return head + re.sub(r"^  # ", "  ", mark + job, flags=re.MULTILINE)


def test_a_probe_a_target(up: tuple[Prometheus, Exporter], tmp_path: Path) -> None:
    """The shipped job for /probe, with only places and times changed: the exporter lists its
    targets, each is probed, and is told apart by its instance."""
    _, exporting = up
    text = probe_job_too().replace("127.0.0.1:9292", f"127.0.0.1:{exporting.port}")
    job = next(one for one in yaml.safe_load(text)["scrape_configs"]
               if one["job_name"] == "zabbix-ssl-probe")
    job.update(scrape_interval="2s", scrape_timeout="2s")
    with prometheus(tmp_path / "server", [job]) as server:
        server.await_(f"count(ssl_probe_success) == {len(ENDPOINTS)}")
        instances = {one["metric"]["instance"] for one in server.query("ssl_probe_success")}
        assert len(instances) == len(ENDPOINTS)
        assert all(re.fullmatch(r"[a-z-]+\.demo\.example:\d+ 127\.0\.0\.[\d.,]+", one)
                   for one in instances)


# Rules


def rules() -> dict[str, str]:
    """Alert to its expression."""
    return {rule["alert"]: rule["expr"]
            for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]}


def promtool_test(promtool: str, folder: Path, alerts: str, only: set[str] | None = None
                  ) -> subprocess.CompletedProcess[str]:
    """The cases, or those of some alerts."""
    cases = yaml.safe_load(CASES.read_text())
    cases["tests"] = [case for case in cases["tests"] if only is None or only & {
        tested["alertname"] for tested in case["alert_rule_test"]}]
    (folder / "alerts.yml").write_text(alerts)
    (folder / "alerts_test.yml").write_text(yaml.safe_dump(cases))
    return subprocess.run([promtool, "test", "rules", "alerts_test.yml"], cwd=folder, text=True,
                          capture_output=True, check=False, timeout=60)


def test_the_cases_of_the_rules_pass(needs: Callable[[str], str], tmp_path: Path) -> None:
    """Each alert fires where it must, and not where it must not."""
    done = promtool_test(needs("promtool"), tmp_path, ALERTS.read_text())
    assert done.returncode == 0, done.stderr + done.stdout


BROKEN = [
    ("/ 3, 30)", "/ 3, 31)"), ("/ 3, 30)", "/ 2, 30)"), ("ssl_target_warning_days or ", ""),
    ("* 7 / 90, 7)", "* 7 / 90, 8)"), ("* 7 / 90, 7)", "* 7, 7)"),
    ("and ssl_cert_not_after_timestamp_seconds >= time()", ""), ("ssl_cert_is_revoked == 1",
                                                                  "ssl_cert_is_revoked > 0"),
    (" and ssl_cert_chain_trusted == 1", ""),
    ("unless ssl_cert_not_after_timestamp_seconds < time()", ""),
    ("unless ssl_cert_not_before_timestamp_seconds > time()", ""),
    ("ssl_cert_hostname_match == 0", "ssl_cert_hostname_match >= 0"),
    ("ssl_cert_has_weak_tls == 1", "ssl_cert_has_weak_tls != 0"),
    ("ssl_cert_has_weak_cipher == 1", "ssl_cert_has_weak_cipher == 0"),
    (" or ssl_cert_has_weak_signature == 1", ""), ("ssl_cert_has_weak_key == 1 or ", ""),
    ("ssl_nodes_disagree > 0", "ssl_nodes_disagree >= 0"),
    ("ssl_nodes_disagree > 0", "max_over_time(ssl_nodes_disagree[1h]) > 0"),
    ("ssl_nodes_failed > 0", "ssl_nodes_failed >= 0"), (" unless ssl_probe_success == 0", ""),
    ("ssl_nodes_failed > 0", "max_over_time(ssl_nodes_failed[15m]) > 0"),
    ("ssl_probe_success == 0", "min_over_time(ssl_probe_success[1h]) == 0"),
    ("avg_over_time(ssl_handshake", "max_over_time(ssl_handshake"), (" unless ssl_data_stale", ""),
    ("ssl_data_stale == 1 or ", ""), (" or absent(up", " or vector(0) > absent(up"),
]


@pytest.mark.parametrize(("right", "wrong"), BROKEN)
def test_a_broken_rule_fails_its_cases(needs: Callable[[str], str], tmp_path: Path, right: str,
                                       wrong: str) -> None:
    """The twin of the test above: no case passes whatever the rules say."""
    alerts = ALERTS.read_text()
    of = {alert for alert, expression in rules().items() if right in expression}
    assert of
    done = promtool_test(needs("promtool"), tmp_path, alerts.replace(right, wrong), of)
    assert "FAILED" in done.stdout + done.stderr


def test_every_alert_has_its_cases() -> None:
    """A target for which it fires, and one beside it that is only just good."""
    fires: dict[str, bool] = {}
    quiet: dict[str, bool] = {}
    for case in yaml.safe_load(CASES.read_text())["tests"]:
        for tested in case["alert_rule_test"]:
            name = tested["alertname"]
            fires[name] = fires.get(name, False) or bool(tested["exp_alerts"])
            quiet[name] = quiet.get(name, False) or any(
                "good" in one["series"] for one in case["input_series"])
    assert set(fires) == set(quiet) == set(rules())
    assert all(fires.values())
    assert all(quiet.values())


#: Findings (testbed.endpoints) that are the business of an alert.
OF_FINDINGS = {
    "expiring": "SSLCertificateExpiresSoon", "expired": "SSLCertificateExpired",
    "not_yet_valid": "SSLCertificateNotYetValid", "wrong_host": "SSLHostnameMismatch",
    "chain_self_signed": "SSLChainUntrusted", "chain_untrusted_root": "SSLChainUntrusted",
    "chain_missing_intermediate": "SSLChainIncomplete", "weak_tls": "SSLWeakTLS",
    "weak_cipher": "SSLWeakCipher", "weak_key": "SSLWeakCertificate",
    "revoked": "SSLCertificateRevoked", "must_staple_violated": "SSLMustStapleViolated",
    "handshake_failed": "SSLHandshakeFailing", "client_difference": "",
    "nodes_older": "SSLNodesDisagree", "nodes_other": "SSLNodesDisagree",
    "nodes_failed": "SSLNodesFailing", "nodes_family": "SSLNodesFailing",
}


def expected(endpoint: Endpoint) -> set[str]:
    return {OF_FINDINGS[code] for code in endpoint.codes} - {""}


def test_each_endpoint_has_exactly_its_alerts(up: tuple[Prometheus, Exporter]) -> None:
    """The rules find of real endpoints what the audit finds, and cry no wolf: not one alert more.
    (That an alert waits before it fires is for the cases above.)"""
    server, _ = up
    found: dict[str, set[str]] = {one.domain: set() for one in ENDPOINTS}
    for alert, expression in rules().items():
        for one in server.query(expression):
            found[one["metric"]["domain"]].add(alert)
    assert found == {one.domain: expected(one) for one in ENDPOINTS}


def test_nodes_have_an_alert_a_cause(tmp_path: Path) -> None:
    """Of a name with six nodes, two with the old certificate and one that is down: one alert each,
    of the name and not of each node, and their texts name the nodes. No other rule takes a node for
    a target."""
    with six_nodes(tmp_path) as site, exporter(site, "--per-address") as exporting:
        exporting.await_(lambda: exporting.ask("/metrics").text.count("\nssl_probe_success{") == 3)
        with prometheus(tmp_path / "server", [static("zabbix-ssl", exporting.port)]) as server:
            server.await_('ALERTS{alertname="SSLNodesFailing"}')
            found = [alert for alert, expression in rules().items()
                     for one in server.query(expression) if one["metric"].get("domain") == NAME]
            assert found == ["SSLCertificateExpiresSoon", "SSLNodesDisagree", "SSLNodesFailing"]
            assert len(server.query("ssl_node_probe_success")) == 8
            texts = {alert: texts_of(server, alert) for alert in found}
    assert texts["SSLNodesDisagree"] == [(
        f"2 of 6 nodes of {NAME}:{port_of(site)} still serve another certificate",
        f"Install the new one there too, and reload them: {OLD_ONES[0]}, {OLD_ONES[1]}.")]
    assert texts["SSLNodesFailing"] == [(
        f"1 of 6 nodes of {NAME}:{port_of(site)} cannot be checked",
        f"Mend them, or take them out of the DNS: {DOWN} (refused).")]


def texts_of(server: Prometheus, alert: str) -> list[tuple[str, str]]:
    """Summary and description of each that is pending or fires."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/api/v1/alerts",
                                timeout=10) as answer:
        alerts = json.load(answer)["data"]["alerts"]
    return [(one["annotations"]["summary"], one["annotations"]["description"]) for one in alerts
            if one["labels"]["alertname"] == alert]


def test_an_alert_names_the_reason(up: tuple[Prometheus, Exporter]) -> None:
    """Prometheus itself has begun to count down for the endpoint that is down, and its text says
    why."""
    server, _ = up
    server.await_('ALERTS{alertname="SSLHandshakeFailing",domain="down.demo.example"}')
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/api/v1/alerts",
                                timeout=10) as answer:
        alerts = json.load(answer)["data"]["alerts"]
    texts = {one["labels"]["domain"]: one["annotations"]["summary"] for one in alerts
             if one["labels"]["alertname"] == "SSLHandshakeFailing"}
    assert texts["down.demo.example"].endswith("cannot be checked (refused)")
    assert texts["silent.demo.example"].endswith("cannot be checked (timeout)")
    assert "healthy.demo.example" not in texts


# Dashboard


def filled(expression: str) -> str:
    """A query with Grafana's variables as they are when all is chosen."""
    made = expression.replace("$__rate_interval", "1m").replace("$job", "zabbix-ssl.*").replace(
        "$domain", ".*")
    assert "$" not in made
    return made


def queries() -> list[tuple[str, str]]:
    """Panel and query, of all panels."""
    return [(panel["title"], target["expr"])
            for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel["targets"]]


def test_every_query_of_the_dashboard_has_data(up: tuple[Prometheus, Exporter]) -> None:
    """None is empty on the endpoints of the demo, which have everything."""
    server, _ = up
    asked = queries()
    assert len(asked) > 20
    empty = [(title, expression) for title, expression in asked
             if not server.query(filled(expression))]
    assert not empty


def test_a_query_without_data_is_noticed(up: tuple[Prometheus, Exporter]) -> None:
    """The twin of the test above: a name that nobody exports gives nothing."""
    server, _ = up
    assert not server.query(filled('ssl_no_such_metric{job=~"$job"}'))


def test_the_numbers_of_the_dashboard_are_right(up: tuple[Prometheus, Exporter]) -> None:
    """What the first row counts is what the endpoints were made for."""
    server, _ = up
    shown = {title: float(server.query(filled(expression))[0]["value"][1])
             for title, expression in queries()[:6]}
    codes = [one.codes for one in ENDPOINTS]
    assert shown == {
        "Targets": len(ENDPOINTS),
        "Expire within 30 days": sum(bool(one & {"expiring", "expired"}) for one in codes),
        "Expired": sum("expired" in one for one in codes),
        "Cannot be checked": sum("handshake_failed" in one for one in codes),
        "High risk": sum(one.risk == "high" for one in ENDPOINTS),
        "Stale": 0}


def test_the_table_has_domain_port_days_issuer_and_risk(up: tuple[Prometheus, Exporter]) -> None:
    """Of every endpoint with a certificate."""
    server, _ = up
    days, risk = (server.query(filled(expression)) for title, expression in queries()
                  if title == "Certificates")
    reached = {one.domain for one in ENDPOINTS if not one.error_reason}
    assert {one["metric"]["domain"] for one in days} == reached
    assert {one["metric"]["domain"] for one in risk} == reached
    assert all(one["metric"]["issuer"] and one["metric"]["port"] for one in (*days, *risk))


def test_variables_of_the_dashboard_have_values(up: tuple[Prometheus, Exporter]) -> None:
    """Each list to choose from is filled by a metric that has the label."""
    server, _ = up
    variables = [one for one in json.loads(DASHBOARD.read_text())["templating"]["list"]
                 if one["type"] == "query"]
    assert len(variables) == 2
    for variable in variables:
        metric, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"]
                                     ).groups()  # type: ignore[union-attr]
        assert all(one["metric"][label] for one in server.query(filled(metric)))
        assert server.query(filled(metric))


def test_the_dashboard_is_well_made() -> None:
    """Panels have numbers of their own and do not lie on each other; all ask the chosen source."""
    dashboard = json.loads(DASHBOARD.read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert not overlapping(panels)
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    moved = copy.deepcopy(panels)
    moved[1]["gridPos"]["x"] = 2
    assert overlapping(moved)


def overlapping(panels: list[dict[str, Any]]) -> bool:
    places = [(x, y) for panel in panels for place in [panel["gridPos"]]
              for x in range(place["x"], place["x"] + place["w"])
              for y in range(place["y"], place["y"] + place["h"])]
    return len(set(places)) < len(places)
