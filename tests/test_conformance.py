"""The same verdict everywhere: one audit of real endpoints, and what Zabbix, Prometheus, Nagios,
JSON, CSV, the terminal and the page say of it, metric by metric.

``--get all`` is the measure that the others are held against. What is compared exactly comes from
one audit, by way of the cache; outputs that audit by themselves are compared in all that does not
change from one second to the next.
"""

from __future__ import annotations

import csv
import io
import json
import re
import time
import urllib.request
from calendar import timegm
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from command import SCRIPT, ZABBIX_SSL, Site, site
from test_html import Page
from test_nagios import said
from test_outputs import Sample, parsed

from testbed.endpoints import ENDPOINTS
from testbed.process import child, listener
from zabbix_ssl import config
from zabbix_ssl.cache import Cache
from zabbix_ssl.check import recall
from zabbix_ssl.cli.options import PATIENT
from zabbix_ssl.metrics import FLAG, LEVEL, LIST, NUMERIC, TABLE, TEXT, TIME
from zabbix_ssl.model import Result, Settings
from zabbix_ssl.outputs import html, people, prometheus

Flat = dict[str, int | float | str]  # as --get all prints it

NAMES = tuple(endpoint.name for endpoint in ENDPOINTS)

#: What is another number in each audit; the days left are looked at by themselves.
VOLATILE = ("handshake_ms", "connect_ms", "dns_ms", "check_time", "remain_percent", "remain_days",
            "chain_remain_days")

#: Metrics that are known only where the configuration asks for more than these endpoints have.
NOT_ASKED = {"serves_file_match", *(m.name for m in TABLE.values() if m.group == "nodes")}


class Audited(NamedTuple):
    """One audit of all endpoints: what --get all says of each, the JSON of batch, the results."""

    site: Site
    flat: dict[str, Flat]  # by the names of the endpoints
    objects: dict[str, dict[str, Any]]
    results: dict[str, Result]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    with site(tmp_path_factory.mktemp("conformance"), *NAMES) as up:
        done = up.run("batch")
        assert (done.returncode, done.stderr) == (0, "")
        # A failure is believed for 30 s: these are read first.
        targets = config.load(str(up.config))
        settings = Settings(timeout=PATIENT)
        results = list(recall(targets, settings, Cache(f"{up.folder}/cache"), max_age=600))
        flat = {name: get_all(up, name) for name in sorted(NAMES, key=lambda name: name not in (
            "down", "silent", "plain-http"))}
        yield Audited(up, flat, by_name(json.loads(done.stdout), "domain"),
                      {result.target.domain.split(".")[0]: result for result in results})


def get_all(up: Site, name: str) -> Flat:
    done = up.run("--get", up.domain(name), up.port(name), "all", "--max-age", "600",
                  program=SCRIPT)
    assert (done.returncode, done.stderr) == (0, "")
    found: Flat = json.loads(done.stdout)
    return found


def by_name(rows: list[Any], column: str) -> dict[str, Any]:
    return {row[column].split(".")[0]: row for row in rows}


def different(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The metrics that two say differently of, what only one of them says included."""
    return sorted(name for name in {*one, *other}
                  if name not in one or name not in other or one[name] != other[name]
                  or isinstance(one[name], str) is not isinstance(other[name], str))


def test_a_difference_is_found() -> None:
    """The comparison of all tests below can fail: another value, another type, one that is not
    there."""
    one: Flat = {"a": 1, "b": "x", "c": 0, "d": 1}
    assert different(one, dict(one)) == []
    assert different(one, {"a": 2, "b": "x", "c": "0", "e": 1}) == ["a", "c", "d", "e"]


def test_all_endpoints_are_compared(audited: Audited) -> None:
    """Good ones and bad ones, each with the metrics that can be known of it."""
    assert set(audited.flat) == set(audited.objects) == set(audited.results) == set(NAMES)
    for endpoint in ENDPOINTS:
        flat = audited.flat[endpoint.name]
        assert flat["risk_level"] == ("low", "medium", "high").index(endpoint.risk), flat
        assert flat["error_reason"] == endpoint.error_reason
    assert set(audited.flat["healthy"]) == set(TABLE) - NOT_ASKED


# One audit, all outputs


def scalar(name: str, value: Any) -> Any:
    """A value of the JSON object, as a metric."""
    kind = TABLE[name].kind
    if kind == TIME:
        found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z", value)
        assert found, value
        return timegm(tuple(map(int, found.groups())))
    if kind == LIST:
        return ", ".join(value)
    if kind == LEVEL:
        return ("low", "medium", "high").index(value)
    assert isinstance(value, bool) is (kind == FLAG), name
    return int(value) if isinstance(value, bool) else value


@pytest.mark.parametrize("name", NAMES)
def test_json(audited: Audited, name: str) -> None:
    """Every metric stands in the object, in its group, and with the same value."""
    shown = audited.objects[name]
    groups = {metric.group for metric in TABLE.values() if metric.group}
    told = {metric: scalar(metric, value) for group in groups
            for metric, value in shown.get(group, {}).items()}
    told |= {metric: scalar(metric, shown[metric]) for metric in TABLE
             if metric in shown and not TABLE[metric].group}
    assert different(told, audited.flat[name]) == []
    assert shown["status"] == ("success" if audited.flat[name]["handshake_ok"] else "failed")
    assert shown["risk_msg"] == "; ".join(one["message"] for one in shown["findings"])
    assert set(shown["unknown"]) == set(TABLE) - set(audited.flat[name])


def exposed(samples: list[Sample], domain: str) -> Flat:
    """What samples say of a target, under the names and in the units of the metrics."""
    families = {family.name: family for family in prometheus.FAMILIES}
    told: Flat = {}
    for family, labels, value in samples:
        if labels["domain"] != domain:
            continue
        metric = families[family].metric
        if metric is None:
            told |= {label: text for label, text in labels.items() if label in TABLE}
        elif metric.unit == "ms":
            told[metric.name] = round(value * 1000, 3)
        else:
            told[metric.name] = int(value) if value == int(value) else value
    return told


def expected_of_prometheus(flat: Flat) -> Flat:
    """The numbers that have a family, the texts that have a label, and -1 where rules expect it."""
    labels = {name for _, _, names in prometheus.LABELLED for name in names}
    told = {name: value for name, value in flat.items()
            if TABLE[name].prometheus or (name in labels and value != "")}
    minus_one = {metric.name for metric in TABLE.values()
                 if metric.prometheus in prometheus.MINUS_ONE}
    return {**dict.fromkeys(minus_one, -1), **told}


def without_empty(told: Flat) -> Flat:
    return {name: value for name, value in told.items() if value != ""}


@pytest.mark.parametrize("name", NAMES)
def test_prometheus(audited: Audited, name: str) -> None:
    """Every number with a family and every text that is a label."""
    result = audited.results[name]
    text = "".join(prometheus.exposition([prometheus.samples(result)]))
    told = exposed(parsed(text), result.target.domain)
    told.pop("address", None)  # the label that tells targets of one name apart
    flat = dict(audited.flat[name])
    flat.pop("address", None)
    assert different(without_empty(told), expected_of_prometheus(flat)) == []


@pytest.mark.parametrize("name", NAMES)
def test_nagios(audited: Audited, name: str) -> None:
    """Every number but the moments, and the state that the risk level calls for."""
    up, flat = audited.site, audited.flat[name]
    done = up.run("nagios", "-H", up.domain(name), "-p", up.port(name), "--max-age", "600")
    if flat["handshake_ok"]:  # of the same audit
        told = {label: float(found["value"]) for label, found in
                said(done.stdout).performance.items()}
        wanted = {metric: float(value) for metric, value in flat.items()
                  if TABLE[metric].kind in NUMERIC and TABLE[metric].kind != TIME}
        assert different(told, wanted) == []
    assert done.returncode == flat["risk_level"]
    for message in audited.objects[name]["findings"]:
        assert message["message"] in done.stdout


def test_csv(audited: Audited) -> None:
    """A column for each metric, with the values of JSON; another audit, so without what changes."""
    text = audited.site.run("batch", "--csv").stdout
    rows = by_name(list(csv.DictReader(io.StringIO(text))), "domain")
    assert list(rows) == list(audited.objects)
    for name, row in rows.items():
        for metric, kind in ((metric.name, metric.kind) for metric in TABLE.values()):
            if metric in VOLATILE or metric.startswith("risk"):  # a handshake may be slow
                continue
            value = audited.flat[name].get(metric, "")
            assert of_csv(metric, kind, row[metric]) == str(value), (name, metric)


def of_csv(name: str, kind: str, cell: str) -> str:
    """A cell, as --get prints it; "" for what is not known."""
    if kind == FLAG and cell:
        return str(int(cell == "true"))
    if kind == TIME and cell:
        return str(scalar(name, cell))
    return cell.removeprefix("'")


#: What the terminal shows of a metric: the text that must stand in the report. None: it is shown
#: by another metric, which the comment names.
SHOWN: dict[str, Any] = {
    "handshake_ok": lambda value, flat: "" if value else "FAILED",
    "handshake_ms": lambda value, flat: f"{value:.0f} ms",
    "connect_ms": lambda value, flat: f"connection {value:.0f} ms" * flat["handshake_ok"],
    "dns_ms": lambda value, flat: f"name resolution {value:.0f} ms" * flat["handshake_ok"],
    "address": lambda value, flat: value,
    "alpn": None,  # of no interest to a person who asks about certificates
    "client_certificate_requested": lambda value, flat: "asks for a client certificate" * value,
    "error": lambda value, flat: value,
    "error_reason": None,  # error says it in words
    "is_valid": lambda value, flat: "" if value else ("expired" if flat["remain_days"] < 0 else
                                                      "not valid yet"),
    "not_before": lambda value, flat: date(value),
    "not_after": lambda value, flat: f" to {date(value)}",
    "remain_days": lambda value, flat: (
        f"{value} days left" if flat["is_valid"] else f"expired {-value - 1} days ago"
        if value < 0 else ""),
    "remain_percent": lambda value, flat: f"({value} %)" * flat["is_valid"],
    "lifetime_days": lambda value, flat: f"of {value} (" * flat["is_valid"],
    "subject": lambda value, flat: f"  Certificate  {value}\n",
    "issuer": lambda value, flat: f"issued by {value}\n",
    "serial": lambda value, flat: f"serial {value}\n",
    "fingerprint_sha256": lambda value, flat: f"SHA-256 {value}\n",
    "san": lambda value, flat: f"valid for {value}\n" if value else "valid for no name at all",
    "key_type": lambda value, flat: f"{value} {flat['key_bits']} bits",
    "key_bits": lambda value, flat: f"{value} bits",
    "signature_algorithm": lambda value, flat: f"signed with {value}",
    "has_weak_key": lambda value, flat: "key is weak" * value,
    "has_weak_signature": lambda value, flat: "signature is weak" * value,
    "chain_trusted": lambda value, flat: "  trusted," if value else "not trusted (",
    "chain_complete": lambda value, flat: ", complete as sent" if value else "not complete as sent",
    "chain_error": lambda value, flat: f"({value})" if value and not flat["chain_trusted"] else "",
    "hostname_match": lambda value, flat: (
        "valid for this host" if value else "not valid for this host"),
    "self_signed": None,  # chain_error
    "chain_not_after": None,  # a finding, where it is sooner than the certificate's
    "chain_remain_days": None,
    "is_revoked": None,  # revocation_status
    "revocation_status": lambda value, flat: f"Revocation   {value.replace('_', ' ')}",
    "revocation_source": lambda value, flat: f"(asked: {value})" if value else "",
    "revocation_reason": lambda value, flat: people.WORDS.get(value, value),
    "revocation_certificate": lambda value, flat: value,
    "must_staple": None,  # must_staple_violated, where it matters
    "must_staple_violated": lambda value, flat: "the server sent none" * value,
    "tls_version": lambda value, flat: f"TLS          {value},",
    "cipher": lambda value, flat: f", {value}",
    "key_exchange": lambda value, flat: f"key exchange {value}" if value else "",
    "supported_tls_versions": lambda value, flat: f"accepts {value}\n",
    "unknown_tls_versions": lambda value, flat: f"not known: {value}" if value else "",
    "has_weak_tls": lambda value, flat: "still accepts" if value else "",
    "weak_tls_versions": lambda value, flat: value,
    "has_weak_cipher": lambda value, flat: (
        "accepts weak ciphers:" if value else "accepts no weak cipher"),
    "weak_ciphers": lambda value, flat: value,
    "check_time": None,  # now
    "risk_level": lambda value, flat: ("", "MEDIUM", "HIGH")[value] if flat["handshake_ok"] else "",
    "risk_msg": None,  # test_terminal looks at each finding
}


def date(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def test_no_metric_is_forgotten() -> None:
    """A new one has to say how the terminal shows it."""
    assert set(SHOWN) == set(TABLE) - NOT_ASKED


@pytest.mark.parametrize("name", NAMES)
def test_terminal(audited: Audited, name: str) -> None:
    """Each metric that is known stands in the report, and each finding, word by word."""
    flat, report = audited.flat[name], people.report(audited.results[name])
    for metric, value in flat.items():
        show = SHOWN.get(metric)
        assert show is None or show(value, flat) in report, (metric, value, report)
    for finding in audited.objects[name]["findings"]:
        word = people.WORDS[finding["severity"]].lower()
        assert f"\n  {word:7} {finding['message']}\n" in report
    verdict = report.split(" ", 1)[0]
    assert verdict == people.WORDS[people.verdict(audited.results[name])]


@pytest.mark.parametrize("name", NAMES)
def test_page(audited: Audited, name: str) -> None:
    """The page says of a target what the terminal says."""
    result = audited.results[name]
    page = Page("".join(html.page([html.entry(result)])))
    assert page.targets() == [people.verdict(result)]
    for _, lines in people.facts(result):
        assert all(line in page.text for line in lines)
    for finding in result.findings:
        assert finding.message in page.text


# Other audits of the same endpoints, by commands and by a service


def stable(told: Flat) -> Flat:
    """What another audit must say too. A handshake may be slow in one of them."""
    return {name: value for name, value in told.items()
            if name not in (*VOLATILE, "address", "risk_level") and TABLE[name].kind != TEXT}


def days_left(told: Mapping[str, Any]) -> Flat:
    """The days, as they follow from the moments beside them."""
    return {name: (told[moment] - told["check_time"]) // 86400 for name, moment in (
        ("remain_days", "not_after"), ("chain_remain_days", "chain_not_after")) if moment in told}


def compare(audited: Audited, text: str) -> None:
    samples = parsed(text)
    for name, flat in audited.flat.items():
        told = exposed(samples, audited.site.domain(name))
        assert different(stable(without_empty(told)),
                         stable(expected_of_prometheus(flat))) == [], name
        assert days_left(told).items() <= told.items()
        assert told["check_time"] >= flat["check_time"]  # type: ignore[operator]


def test_prometheus_command(audited: Audited) -> None:
    """``ssl_check_batch.py --prometheus``."""
    done = audited.site.run("--prometheus", program=SCRIPT)
    assert (done.returncode, done.stderr) == (0, "")
    compare(audited, done.stdout)


def test_exporter(audited: Audited, tmp_path: Path) -> None:
    """``zabbix-ssl exporter``, which begins with what is in the cache."""
    with listener() as taken:
        port = taken.getsockname()[1]
    up, body = audited.site, b""
    families = {family.name for family in prometheus.FAMILIES}

    def ready() -> bool:
        nonlocal body
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                body = answer.read()
        except OSError:
            return False
        return len(re.findall(rb"^ssl_probe_success\{", body, re.MULTILINE)) == len(NAMES)

    argv = [*ZABBIX_SSL, "exporter", "--listen", f"127.0.0.1:{port}"]
    with child(argv, tmp_path / "exporter.log", env=up.environ, ready=ready, seconds=30):
        pass
    ours = [part for part in re.split(r"^(?=# HELP )", body.decode(), flags=re.MULTILINE)
            if part.split(" ")[2:3] and part.split(" ")[2] in families]
    compare(audited, "".join(ours))


def test_zabbix_lines(audited: Audited) -> None:
    """``--zabbix``: the days, and nothing where they are not known."""
    done = audited.site.run("--zabbix", program=SCRIPT)
    for line in done.stdout.splitlines():
        domain, port, days = line.split(",")
        known = audited.flat[domain.split(".")[0]].get("remain_days")
        # a day less, when it has just gone by
        assert days in ([""] if known is None else [str(known), str(int(known) - 1)])
        assert port == audited.site.port(domain.split(".")[0])


def test_exit_codes(audited: Audited) -> None:
    """``check`` ends with 1 for what could not be checked, 2 for medium and high, else 0."""
    for name in ("healthy", "expiring", "expired", "down"):
        flat = audited.flat[name]
        code = audited.site.run("check", audited.site.target(name)).returncode
        assert code == (1 if not flat["handshake_ok"] else 2 if flat["risk_level"] else 0), name
