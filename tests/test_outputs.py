"""Results as text: the JSON object, discovery, lines, Prometheus, the terminal."""

from __future__ import annotations

import json
import re

import pytest
from audits import DAY, answers, observed

from zabbix_ssl.config import parse
from zabbix_ssl.lines import flat
from zabbix_ssl.metrics import TABLE, judge
from zabbix_ssl.model import (
    Failure,
    Fault,
    Handshake,
    Observation,
    Offer,
    Result,
    Revocation,
    Target,
)
from zabbix_ssl.outputs import objects, people, prometheus
from zabbix_ssl.outputs.csv import zabbix_line
from zabbix_ssl.outputs.discovery import discovery_json, left_out, told_apart
from zabbix_ssl.plain import columns, pad, printable, show, wrap

NOW = 1795503600  # 2026-11-24T07:00:00Z
A = Target("a.example")
REFUSED = Failure("refused", "the connection was refused")

#: Ends a label, a line and a terminal's patience, and hides half of what it says.
EVIL = 'CN=a"b\\c\nd\x1b[31m\u202e\x00\ud800\U0001f600'


def healthy(target: Target = A) -> Result:
    return judge(observed(target, check_time=NOW))


def failed(target: Target = A) -> Result:
    return judge(observed(target, REFUSED, check_time=NOW))


def hostile() -> Observation:
    """A server that says EVIL wherever a server may say something."""
    seen = observed(Target("a.example"), check_time=NOW)
    assert seen.certificate
    assert seen.chain
    return seen._replace(
        certificate=seen.certificate._replace(
            subject=EVIL, issuer=EVIL, serial=EVIL, san=(EVIL, "x" * 100_000), key_type=EVIL,
            signature_algorithm=EVIL, weak_key=EVIL),
        chain=seen.chain._replace(error="other", trusted=False,
                                  faults=(Fault("chain_other", {"why": EVIL}),)),
        handshake=Handshake("127.0.0.1", 1, 1, 1, "TLSv1.3", EVIL, EVIL, EVIL),
        revocation=Revocation("unknown", "ocsp", EVIL, None, subject=EVIL))


class TestObject:
    """The JSON object of a target."""

    def test_values_stand_in_their_groups(self) -> None:
        """Flags are booleans, times are UTC, lists are lists, the order is fixed."""
        shown = objects.batch_object(healthy())
        assert list(shown) == [
            "domain", "port", "check_time", "status", "error", "error_reason", "validity",
            "certificate", "chain", "revocation", "tls_info", "handshake", "nodes", "risk_level",
            "risk_msg", "findings", "unknown"]
        assert (shown["domain"], shown["port"], shown["status"]) == ("a.example", 443, "success")
        assert shown["check_time"] == "2026-11-24T07:00:00Z"
        assert shown["validity"]["not_before"] == "2026-11-23T07:00:00Z"
        assert shown["validity"]["is_valid"] is True
        assert shown["validity"]["remain_days"] == 100
        assert shown["certificate"]["san"] == ["a.example", "b.example"]
        assert shown["tls_info"]["weak_tls_versions"] == []
        assert shown["error"] == shown["error_reason"] == shown["risk_msg"] == ""
        assert shown["risk_level"] == "low"
        assert shown["findings"] == []

    def test_every_metric_has_one_place(self) -> None:
        """What is known stands in the group of its row, what is not stands in unknown: nothing is
        lost, nothing is there twice."""
        for result in (healthy(), failed(), judge(hostile())):
            shown = objects.batch_object(result)
            for name, metric in TABLE.items():
                group = shown[metric.group] if metric.group else shown
                assert (name in group) != (name in shown["unknown"]), name
            assert set(shown["unknown"]) == set(result.unknown)

    def test_a_failure_says_why_and_keeps_the_form(self) -> None:
        """Every group is there, and every metric that is not known has its reason."""
        shown = objects.batch_object(failed())
        assert (shown["status"], shown["error_reason"]) == ("failed", "refused")
        assert shown["error"] == "the connection was refused"
        assert shown["handshake"] == {"handshake_ok": False}
        assert all(shown[group] == {} for group in objects.GROUPS if group != "handshake")
        assert shown["unknown"]["remain_days"] == "the connection was refused"
        assert shown["risk_level"] == "high"
        assert shown["findings"] == [{"code": "handshake_failed", "severity": "high", "message":
                                      "Cannot check: the connection was refused"}]

    def test_what_is_configured_is_shown_where_it_is_set(self) -> None:
        """Two targets that differ in their address alone can be told apart."""
        target = Target("a.example", 25, "192.0.2.1", "b.example", "smtp", group="mail",
                        tags=(("env", "production"),))
        shown = objects.batch_object(failed(target))
        assert {name: shown[name] for name in ("address", "sni", "starttls", "group", "tags")} == {
            "address": "192.0.2.1", "sni": "b.example", "starttls": "smtp", "group": "mail",
            "tags": {"env": "production"}}
        assert "address" not in objects.batch_object(failed())

    @pytest.mark.parametrize("result", [healthy(), failed(), judge(hostile()),
                                        healthy(Target("例子.测试"))])
    def test_the_json_reads_back(self, result: Result) -> None:
        """One line, valid as UTF-8 whatever the server said, letters as they are."""
        text = objects.batch_json(result)
        assert "\n" not in text
        data = text.encode("utf-8", "backslashreplace")
        shown = json.loads(data.decode())
        assert shown == json.loads(json.dumps(objects.batch_object(result)))
        assert result.target.domain.encode() in data

    @pytest.mark.parametrize(("seconds", "text"), [
        (0, "1970-01-01T00:00:00Z"), (253402300799, "9999-12-31T23:59:59Z"),
        (-62135596800, "0001-01-01T00:00:00Z"), (-62167219200, "0000-01-01T00:00:00Z")])
    def test_times_of_all_years_a_certificate_can_hold(self, seconds: int, text: str) -> None:
        """GeneralizedTime goes from the year 0 to 9999."""
        assert objects.utc(seconds) == text


class TestDiscovery:
    """Low-level discovery."""

    def test_every_row_has_every_macro(self) -> None:
        """All values are texts; what is not set is empty; a tag of one target is a macro of all."""
        targets = (Target("a.example"),
                   Target("::1", 8443, "192.0.2.1", "b.example", "smtp", group="mail",
                          tags=(("my-env", "pro\"d, [x] 'y' 数"),), warning_days=0))
        text = discovery_json(targets)
        assert "\n" not in text
        assert text.isascii()
        first, second = json.loads(text)["data"]
        assert first == {
            "{#DOMAIN}": "a.example", "{#PORT}": "443", "{#ADDRESS}": "", "{#SNI}": "",
            "{#STARTTLS}": "", "{#GROUP}": "", "{#WARNING_DAYS}": "", "{#TAG_MY_ENV}": ""}
        assert second == {
            "{#DOMAIN}": "::1", "{#PORT}": "8443", "{#ADDRESS}": "192.0.2.1",
            "{#SNI}": "b.example", "{#STARTTLS}": "smtp", "{#GROUP}": "mail",
            "{#WARNING_DAYS}": "0", "{#TAG_MY_ENV}": "pro\"d, [x] 'y' 数"}

    def test_no_targets_are_an_empty_list(self) -> None:
        """Still valid for Zabbix."""
        assert discovery_json(()) == '{"data":[]}'

    def test_what_zabbix_cannot_tell_apart_is_one_row(self) -> None:
        """Of those with the same domain and port the one without an address is given, else the
        first, as --get means it; others are all kept, in order."""
        a, one, two = (Target("a.example", address=address) for address in
                       (None, "192.0.2.1", "192.0.2.2"))
        other = Target("a.example", 8443, "192.0.2.1")
        upper = Target("A.example", address="192.0.2.3")
        file, capital = Target("file:/a.pem", 0), Target("file:/A.pem", 0)
        assert told_apart([one, a, two, other]) == (a, other)
        assert told_apart([one, two, upper, other]) == (one, other)
        assert told_apart([other, a, file, capital]) == (other, a, file, capital)
        rows = json.loads(discovery_json([one, two, other]))["data"]
        assert [(row["{#ADDRESS}"], row["{#PORT}"]) for row in rows] == [
            ("192.0.2.1", "443"), ("192.0.2.1", "8443")]

    def test_what_is_left_out_is_told(self) -> None:
        """One line for each domain and port, with all its addresses and what to do; of many the
        first five, and how many more there are; nothing where all can be told apart."""
        a, one, two = (Target("a.example", address=address) for address in
                       (None, "192.0.2.1", "2001:db8::2"))
        assert left_out([one, two, Target("b.example")]) == [
            "a.example:443 is configured 2 times, with 192.0.2.1, 2001:db8::2: Zabbix tells "
            "targets apart by domain and port, and gets the first of these alone: give the "
            'addresses in one entry, "address": "192.0.2.1,2001:db8::2", or each target a '
            "domains.json and a Zabbix host of its own"]
        (line,) = left_out([one, a])
        assert "with no address of its own, 192.0.2.1: " in line
        assert '"address": "IP,IP"' in line
        assert left_out([a, Target("a.example", 8443), Target("b.example")]) == []
        many = [Target(f"{n}.example", address=address) for n in range(7)
                for address in ("192.0.2.1", "192.0.2.2")]
        assert [line.partition(" ")[0] for line in left_out(many)] == [
            *(f"{n}.example:443" for n in range(5)), "2"]

    def test_macros_are_spelled_as_zabbix_wants_them(self) -> None:
        """Whatever tags the configuration allows: a macro may hold A-Z, 0-9, _ and . alone."""
        targets = parse(json.dumps([{"domain": "a.example", "tags": {
            "env": "1", "Owner.Team": "2", "x-y_z": "3"}}]).encode(), "/")
        (row,) = json.loads(discovery_json(targets))["data"]
        assert all(re.fullmatch(r"\{#[A-Z0-9_.]+\}", macro) for macro in row)
        assert row["{#TAG_OWNER_TEAM}"] == "2"


class TestLines:
    """domain,port,days."""

    def test_a_line_is_three_columns(self) -> None:
        """The third is empty when the days are not known, and never a number that stands for it."""
        assert zabbix_line(healthy()) == "a.example,443,100\n"
        assert zabbix_line(judge(observed(Target("::1", 8443), days=-3, check_time=NOW))
                           ) == "::1,8443,-3\n"
        assert zabbix_line(failed()) == "a.example,443,\n"


Sample = tuple[str, dict[str, str], float]

_SAMPLE = re.compile(r"([a-z_]+)\{(.*)\} (-?[0-9.e+-]+)")
_UNESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
_LABEL = re.compile(r'([a-z0-9_]+)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


def exposed(*results: Result) -> str:
    return "".join(prometheus.exposition([prometheus.samples(result) for result in results]))


def parsed(text: str) -> list[Sample]:
    """The samples of an exposition, by the grammar of the format; anything else fails."""
    samples: list[Sample] = []
    helped: list[str] = []
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped.append(line.split(" ", 3)[2])
        elif line.startswith("# TYPE "):
            assert line == f"# TYPE {helped[-1]} gauge"
        else:
            found = _SAMPLE.fullmatch(line)
            assert found, line
            name, labels, value = found.groups()
            assert name == helped[-1]  # each family stands together, under its HELP and TYPE
            assert _LABEL.sub("", labels) == "", labels
            pairs = {label: re.sub(r"\\.", lambda m: _UNESCAPED[m.group()], text)
                     for label, text in _LABEL.findall(labels)}
            samples.append((name, pairs, float(value)))
    assert len(helped) == len(set(helped))
    return samples


def value(samples: list[Sample], name: str, **labels: str) -> float | None:
    found = [v for n, ls, v in samples if n == name and labels.items() <= ls.items()]
    assert len(found) < 2
    return found[0] if found else None


class TestPrometheus:
    """The text exposition format."""

    def test_known_values(self) -> None:
        """Names of the table, seconds for milliseconds, 0 and 1 for flags."""
        samples = parsed(exposed(healthy()))
        for name, wanted in (
                ("ssl_probe_success", 1), ("ssl_cert_remain_days", 100), ("ssl_cert_is_valid", 1),
                ("ssl_cert_has_weak_tls", 0), ("ssl_cert_is_revoked", 0), ("ssl_risk_level", 0),
                ("ssl_cert_not_after_timestamp_seconds", NOW + 100 * DAY + 60),
                ("ssl_handshake_duration_seconds", 0.0125), ("ssl_cert_info", 1),
                ("ssl_check_timestamp_seconds", NOW), ("ssl_tls_info", 1)):
            assert value(samples, name, domain="a.example", port="443") == wanted, name
        assert value(samples, "ssl_cert_info", subject="CN=a.example", issuer="CN=CA",
                     serial="01", key_type="EC") == 1
        assert value(samples, "ssl_probe_failure_info") is None
        assert value(samples, "ssl_target_info") is None

    def test_every_metric_of_the_table_is_there_when_it_is_known(self) -> None:
        """A row that names a family has a sample, and the number that --get prints."""
        result = healthy()
        samples = parsed(exposed(result))
        for metric in TABLE.values():
            if metric.prometheus and metric.name in result.values:
                number = float(flat(result)[metric.name])
                scale = 0.001 if metric.unit == "ms" else 1
                assert value(samples, metric.prometheus) == pytest.approx(number * scale)

    def test_a_failure_is_minus_one_where_rules_expect_it_and_absent_elsewhere(self) -> None:
        """The four names of old; all others have no sample."""
        samples = parsed(exposed(failed()))
        assert {name for name, _, number in samples if number == -1} == {
            "ssl_cert_remain_days", "ssl_cert_is_valid", "ssl_cert_has_weak_tls",
            "ssl_cert_is_revoked"}
        assert value(samples, "ssl_probe_success") == 0
        assert value(samples, "ssl_probe_failure_info", error_reason="refused") == 1
        assert value(samples, "ssl_cert_not_after_timestamp_seconds") is None
        assert value(samples, "ssl_cert_info") is None

    def test_what_could_not_be_learnt_is_not_a_no(self) -> None:
        """One version that does not answer: -1, not 0; a known weak one: 1 all the same."""
        unknown = answers(NOW, "reset")
        seen = observed(Target("a.example"), check_time=NOW)._replace(security=unknown)
        assert value(parsed(exposed(judge(seen))), "ssl_cert_has_weak_tls") == -1
        weak = unknown._replace(versions={**unknown.versions, "TLSv1.0": Offer(True)})
        seen = seen._replace(security=weak)
        assert value(parsed(exposed(judge(seen))), "ssl_cert_has_weak_tls") == 1

    def test_families_stand_together_in_a_fixed_order(self) -> None:
        """Whatever the results, the order is that of the table, then of the targets."""
        results = (failed(Target("b.example")), healthy(), healthy(Target("a.example", 8443)))
        text = exposed(*results)
        assert text == exposed(*results)
        names = list(dict.fromkeys(name for name, _, _ in parsed(text)))
        order = [family.name for family in prometheus.FAMILIES]
        assert names == [name for name in order if name in names]
        assert [(labels["domain"], labels["port"]) for name, labels, _ in parsed(text)
                if name == "ssl_probe_success"] == [
                    ("b.example", "443"), ("a.example", "443"), ("a.example", "8443")]

    def test_targets_that_share_a_name_have_an_address_label(self) -> None:
        """No two samples of a family have the same labels."""
        samples = parsed(exposed(healthy(), healthy(Target("a.example", address="192.0.2.1"))))
        keys = [(name, tuple(sorted(labels.items()))) for name, labels, _ in samples]
        assert len(keys) == len(set(keys))
        assert value(samples, "ssl_probe_success", address="192.0.2.1") == 1

    def test_hostile_names_stay_inside_their_labels(self) -> None:
        """Quotes, backslashes, line ends and terminal codes of a certificate; long ones are cut."""
        text = exposed(judge(hostile()))
        assert text.replace("\n", "").isprintable()
        labels = next(ls for name, ls, _ in parsed(text) if name == "ssl_cert_info")
        assert labels["subject"] == printable(EVIL)
        assert max(map(len, text.splitlines())) < 10_000

    def test_group_and_tags_are_labels_to_join_with(self) -> None:
        """Of one family, so that they do not change the labels of the others."""
        target = Target("a.example", group="web", tags=(("my-env", "production"),))
        samples = parsed(exposed(healthy(target)))
        assert value(samples, "ssl_target_info", group="web", tag_my_env="production") == 1
        assert value(samples, "ssl_probe_success") == 1

    def test_nothing_checked_is_nothing(self) -> None:
        """No targets, no text."""
        assert exposed() == ""


HEALTHY_REPORT = """\
OK      a.example:443 at 127.0.0.1

  Validity     100 days left of 101 (99.0 %), 2026-11-23 to 2027-03-04
  Certificate  CN=a.example
               issued by CN=CA
               valid for a.example, b.example
               EC 256 bits, signed with ecdsa-with-SHA256
               serial 01
               SHA-256 ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB
  Chain        trusted, complete as sent, valid for this host
  TLS          TLSv1.3, TLS_AES, key exchange x25519
               accepts no version that was asked for
               accepts no weak cipher
  Revocation   good (asked: ocsp)
  Handshake    12 ms, connection 0 ms, name resolution 0 ms
"""

FAILED_REPORT = """\
FAILED  a.example:443
  high    Cannot check: the connection was refused
"""

EXPIRED_REPORT_HEAD = """\
HIGH    a.example:443 at 127.0.0.1
  high    The certificate expired 2 days ago, on 2026-11-21: renew it now

  Validity     expired 2 days ago, 2026-08-01 to 2026-11-21
"""


class TestPeople:
    """The terminal."""

    def test_the_report_of_a_healthy_target(self) -> None:
        """Verdict, then the facts, in words."""
        assert people.report(healthy()) == HEALTHY_REPORT

    def test_a_failure_is_told_once(self) -> None:
        """What it hides is not told again in every row."""
        assert people.report(failed()) == FAILED_REPORT

    def test_the_worst_finding_comes_first(self) -> None:
        """With what to do, before any fact; and the facts of a bad certificate are there."""
        seen = observed(Target("a.example"), days=-3, check_time=NOW)
        assert seen.certificate
        old = seen.certificate._replace(not_before=NOW - 115 * DAY)
        report = people.report(judge(seen._replace(certificate=old)))
        assert report.startswith(EXPIRED_REPORT_HEAD)

    def test_what_is_not_known_says_why(self) -> None:
        """A version that did not answer, and a revocation that was not learnt."""
        seen = observed(Target("a.example"), check_time=NOW)._replace(
            security=answers(NOW, "the server reset the connection"), revocation=None,
            reasons={"revocation": "the responder is down"})
        report = people.report(judge(seen))
        assert "not known: SSLv2: the server reset the connection\n" in report
        assert "Revocation   not known: the responder is down\n" in report

    @pytest.mark.parametrize(("revocation", "line"), [
        (Revocation("not_applicable", "", "no_pointer", None), "not applicable: the certificate "
         "names nobody to ask"),
        (Revocation("revoked", "crl", "keyCompromise", None), "revoked (asked: crl): "
         "keyCompromise"),
        (Revocation("unknown", "", "timeout", None), "unknown: timeout"),
        (Revocation("good", "stapled", "", False), "good (asked: stapled)"),
    ])
    def test_revocation_is_told_with_its_reason(self, revocation: Revocation, line: str) -> None:
        """Four answers, each its own words."""
        seen = observed(A, check_time=NOW)._replace(revocation=revocation)
        assert f"  Revocation   {line}\n" in people.report(judge(seen))

    def test_colour_only_when_asked(self) -> None:
        """And the words are the same without it."""
        plain, painted = people.report(failed()), people.report(failed(), colour=True)
        assert "\x1b" not in plain
        assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain
        assert painted != plain

    @pytest.mark.parametrize("width", [None, 20, 80, 200])
    def test_nothing_from_the_network_reaches_the_terminal_raw(self, width: int | None) -> None:
        """No control character, no bidirectional override, no endless line."""
        result = judge(hostile())
        for text in (people.report(result, width=width),
                     people.table_line(result, 20, width=width)):
            assert text.endswith("\n")
            assert text.replace("\n", "").isprintable()
            assert max(map(len, text.split("\n"))) < 1000

    @pytest.mark.parametrize("width", [60, 80, 120])
    def test_lines_keep_to_the_width_of_the_terminal(self, width: int) -> None:
        """Broken at spaces, under the first line; a pipe gets whole sentences."""
        result = judge(observed(Target("a.example"), Failure("dns", "word " * 60), check_time=NOW))
        for narrow, wide in ((people.report(result, width=width), people.report(result)),
                             (people.table_line(result, 15, width=width),
                              people.table_line(result, 15))):
            assert max(map(columns, narrow.splitlines())) <= width
            assert narrow.split() == wide.split()
            assert len(narrow.splitlines()) > len(wide.splitlines())

    def test_a_table_lines_up(self) -> None:
        """Targets of any script take the same columns; more findings are counted."""
        targets = (Target("a.example"), Target("例子.测试", 8443), Target("bücher.example"))
        width = people.table_columns(targets)
        assert width == columns("bücher.example:443")
        lines = [people.table_line(healthy(target), width).rstrip("\n") for target in targets]
        assert [columns(line) for line in lines] == [columns(lines[0])] * 3
        assert lines[0] == "OK      a.example:443        100 days"
        assert people.table_line(failed(), 14) == (
            "FAILED  a.example:443              Cannot check: the connection was refused\n")
        seen = hostile()
        assert "(and 1 more)" in people.table_line(judge(seen), 14)

    def test_totals(self) -> None:
        """How many of each, and nothing of what there is none of."""
        assert people.totals(["ok", "failed", "ok", "high"]) == (
            "4 targets: 2 fine, 1 high, 1 could not be checked\n")
        assert people.totals(["medium"]) == "1 target: 1 medium\n"
        assert people.totals([]) == "0 targets\n"


class TestPlain:
    """Text made safe to print, and measured."""

    @pytest.mark.parametrize(("text", "safe"), [
        ("plain", "plain"), ("数据 é", "数据 é"), ("a\nb", "a\\u000ab"), ("\x1b[0m", "\\u001b[0m"),
        ("\u202e", "\\u202e"), ("\ud800", "\\ud800"), ("\u200b", "\\u200b")])
    def test_printable(self, text: str, safe: str) -> None:
        """What prints stays, everything else is escaped."""
        assert printable(text) == safe
        assert safe.isprintable()

    def test_show(self) -> None:
        """As JSON, cut; containers by their kind."""
        assert show("a\"b") == '"a\\"b"'
        assert show("x" * 100) == '"' + "x" * 59 + '..."'
        assert show(True) == "true"
        assert show(10 ** 80) == "1" + "0" * 59 + "..."
        assert (show([1]), show({})) == ("a list", "an object")

    def test_columns(self) -> None:
        """Wide characters take two, combining marks none."""
        assert [columns(text) for text in ("abc", "数据", "e\u0301", "")] == [3, 4, 1, 0]
        assert pad("数", 4) == "数  "

    def test_wrap(self) -> None:
        """At spaces; what is longer than a line stays whole."""
        assert wrap("aa bb cc", 5) == ["aa bb", "cc"]
        assert wrap("aa " + "b" * 9 + " cc", 5) == ["aa", "b" * 9, "cc"]
        assert wrap("数数 数数", 5) == ["数数", "数数"]
        assert wrap("", 5) == [""]
