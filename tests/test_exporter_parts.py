"""The parts of the exporter by themselves: patterns, gzip, what is shown, who may enter."""

from __future__ import annotations

import base64
import gzip
import ssl
import time
from pathlib import Path

import bcrypt
import pytest
from audits import observed
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from testbed.pki import Authority, Issued
from zabbix_ssl.exporter import allowed, web_config
from zabbix_ssl.exporter.compressed import combine, compress, gzip_file, text_of
from zabbix_ssl.exporter.explain import explain
from zabbix_ssl.exporter.gate import Gate
from zabbix_ssl.exporter.login import Login
from zabbix_ssl.exporter.results import TIMELESS, Results
from zabbix_ssl.metrics import judge
from zabbix_ssl.mistakes import ConfigError
from zabbix_ssl.model import Failure, Result, Target
from zabbix_ssl.names import parse_target

# Patterns

FITS = [
    ("shop.example.com", "shop.example.com"),
    ("SHOP.example.com", "shop.EXAMPLE.com:443"),
    ("*.example.com", "a.b.example.com"),
    ("*.example.com:8443", "a.example.com:8443"),
    ("web*.example.com", "web12.example.com"),
    ("*.example.com:*", "a.example.com:25"),
    ("10.0.0.0/8:*", "10.1.2.3:22"),
    ("192.0.2.1", "192.0.2.1"),
    ("[2001:db8::/32]:443", "[2001:db8::1]:443"),
    ("2001:db8::1", "[2001:db8::1]:443"),
    ("b\u00fccher.example", "xn--bcher-kva.example"),
    ("*.b\u00fccher.example", "a.xn--bcher-kva.example"),
    ("a.example,*.b.example", "c.b.example"),
    ("*:*", "anything.example:1"),
]
DOES_NOT = [
    ("shop.example.com", "shop.example.com:8443"),
    ("*.example.com", "example.com"),
    ("*.example.com", "a.example.com.evil.example"),
    ("*.example.com", "aexample.com"),
    ("*.example.com", "a.example.com:22"),
    ("web*.example.com", "web.evil.example.com"),
    ("web*", "web.evil.example"),
    ("10.0.0.0/8:*", "11.1.2.3:22"),
    ("10.0.0.0/8:*", "10.example.com"),
    ("*.0.0.1", "evil.example"),
    ("[2001:db8::/32]:443", "[2001:db9::1]:443"),
    ("*:443", "anything.example:22"),
]


@pytest.mark.parametrize(("patterns", "target"), FITS)
def test_a_pattern_fits(patterns: str, target: str) -> None:
    """These targets may be probed."""
    assert allowed.fits(allowed.parse(patterns), parse_target(target))


@pytest.mark.parametrize(("patterns", "target"), DOES_NOT)
def test_a_pattern_does_not_fit(patterns: str, target: str) -> None:
    """And these may not, however much alike they look."""
    assert not allowed.fits(allowed.parse(patterns), parse_target(target))


@pytest.mark.parametrize("text", [
    "", ",", "a.example,", ":443", "a.example:", "*.example.com:0", "*.example.com:x", "10.0.0.1/8",
    "[2001:db8::/32", "*.exa mple", "*..example", "a/b/c", "**.example.com:99999"])
def test_a_wrong_pattern_is_told(text: str) -> None:
    """A pattern that makes no sense allows nothing: it is refused."""
    with pytest.raises(ConfigError):
        allowed.parse(text)


# Pieces


@given(st.lists(st.lists(st.binary(max_size=300), max_size=3), max_size=8))
def test_pieces_make_one_gzip_file(pieces: list[list[bytes]]) -> None:
    """What is put together of pieces is one gzip file with the text of all."""
    made = [compress(texts) for texts in pieces]
    plain = b"".join(b"".join(texts) for texts in pieces)
    assert gzip.decompress(b"".join(gzip_file(made))) == plain
    assert b"".join(map(text_of, made)) == plain


def test_a_wrong_checksum_is_noticed() -> None:
    """The twin of the test above: the checksum is of the whole."""
    one, other = compress([b"one"]), compress([b"other"])
    wrong = [one, other._replace(crc=other.crc ^ 1)]
    with pytest.raises(gzip.BadGzipFile, match="CRC"):
        gzip.decompress(b"".join(gzip_file(wrong)))
    assert combine(one.crc, other.crc, 5) != combine(one.crc, other.crc, 6)


# What is shown


def shown(results: Results) -> dict[str, dict[str, float]]:
    """Family to domain to value, by the parser of prometheus_client."""
    text = b"".join(map(text_of, results.pieces()[0])).decode()
    return {family.name: {sample.labels["domain"]: sample.value for sample in family.samples}
            for family in text_string_to_metric_families(text)}


def result_of(domain: str, *, age: int = 0, failure: Failure | None = None) -> Result:
    return judge(observed(Target(domain), failure, check_time=int(time.time()) - age))


def configured(*domains: str, stale_after: float = 100) -> Results:
    results = Results(stale_after)
    results.configure(map(Target, domains))
    return results


def test_nothing_is_said_before_the_first_check() -> None:
    """A target that waits for its first check has no metrics, and is counted."""
    results = configured("a.example", "b.example")
    results.add(result_of("a.example"))
    assert shown(results)["ssl_probe_success"] == {"a.example": 1}
    assert shown(results)["ssl_data_stale"] == {"a.example": 0}
    ages = results.ages()
    assert (ages.fresh, ages.stale, ages.waiting) == (1, 0, 1)


def test_a_stale_result_is_not_shown_as_current() -> None:
    """In place of old metrics stand that they are stale and when the last check was; the result of
    another target is not touched."""
    results = configured("old.example", "new.example")
    results.add(result_of("old.example", age=101))
    results.add(result_of("new.example", age=50))
    families = shown(results)
    assert families["ssl_data_stale"] == {"old.example": 1, "new.example": 0}
    assert {name for name, values in families.items() if "old.example" in values} <= {
        "ssl_data_stale", *TIMELESS}
    assert families["ssl_check_timestamp_seconds"]["old.example"] < time.time() - 100
    assert families["ssl_cert_remain_days"] == {"new.example": 100}
    assert results.ages().stale == 1


def test_a_target_that_was_never_checked_becomes_stale() -> None:
    """When it should have been checked by now, that is said."""
    results = configured("a.example", stale_after=0.05)
    assert "ssl_data_stale" not in shown(results)
    time.sleep(0.1)
    assert shown(results) == {"ssl_data_stale": {"a.example": 1}}


def test_a_stale_target_recovers() -> None:
    """With a new result all is shown again."""
    results = configured("a.example")
    results.add(result_of("a.example", age=1000))
    assert "ssl_probe_success" not in shown(results)
    results.add(result_of("a.example"))
    assert shown(results)["ssl_probe_success"] == {"a.example": 1}
    assert shown(results)["ssl_data_stale"] == {"a.example": 0}


def test_removed_targets_vanish() -> None:
    """A target that is not configured any more is gone at once, and its results are dropped; those
    that stay keep theirs, in the new order."""
    results = configured("a.example", "b.example", "c.example")
    for domain in ("a.example", "b.example", "c.example"):
        results.add(result_of(domain))
    results.configure([Target("c.example"), Target("a.example"), Target("d.example")])
    assert list(shown(results)["ssl_probe_success"]) == ["c.example", "a.example"]
    results.add(result_of("b.example"))
    assert "b.example" not in shown(results)["ssl_probe_success"]
    results.configure([])
    assert shown(results) == {}


def test_a_failure_takes_back_what_was_known() -> None:
    """When a target can no longer be checked, the old certificate is not shown."""
    results = configured("a.example")
    results.add(result_of("a.example"))
    assert "a.example" in shown(results)["ssl_cert_not_after_timestamp_seconds"]
    results.add(result_of("a.example", failure=Failure("refused", "no")))
    families = shown(results)
    assert families["ssl_probe_success"] == {"a.example": 0}
    assert families["ssl_cert_remain_days"] == {"a.example": -1}
    assert "ssl_cert_not_after_timestamp_seconds" not in families


def test_labels_survive_whatever_stands_in_them() -> None:
    """Quotes, backslashes and line breaks of strangers come out of the parser as they went in, or
    made visible."""
    seen = observed(Target("a.example", group='a "quoted" \\ group', tags=(("a-b", "x"),)))
    assert seen.certificate
    nasty = seen._replace(certificate=seen.certificate._replace(subject='CN=a"\\\n} 1\u202e'))
    results = configured("a.example")
    results.add(judge(nasty))
    text = b"".join(map(text_of, results.pieces()[0])).decode()
    samples = {family.name: family.samples for family in text_string_to_metric_families(text)}
    assert samples["ssl_cert_info"][0].labels["subject"] == 'CN=a"\\\\u000a} 1\\u202e'
    assert samples["ssl_target_info"][0].labels["group"] == 'a "quoted" \\ group'
    assert samples["ssl_target_info"][0].labels["tag_a_b"] == "x"


def test_targets_are_found_as_they_are_meant() -> None:
    """By domain and port the one without an address is meant, else the first; by address that."""
    one, two = Target("a.example", 443, "192.0.2.1"), Target("a.example", 443, "192.0.2.2")
    results = Results(100)
    results.configure([one, two])
    assert results.find(Target("A.example.")) == one
    assert results.find(two) == two
    assert results.find(Target("a.example", 444)) is None
    assert results.find(Target("a.example", 443, "192.0.2.3")) is None


# One audit step by step


def test_an_audit_is_explained() -> None:
    """Every step has its outcome, a failed one its reason, and the metrics stand below."""
    seen = observed(Target("a.example"))
    told = explain(seen, judge(seen), True, 0.05)
    for words in ("Probe of       a.example:443", "as configured", "TLSv1.3, TLS_AES", "trusted",
                  "SSLv2 refused", "Revocation     good", "Findings       none", "Took",
                  'ssl_probe_success{domain="a.example",port="443"} 1'):
        assert words in told
    failed = observed(Target("a.example"), Failure("refused", "nothing listens"))
    told = explain(failed, judge(failed), False, 0.05)
    assert "refused: nothing listens" in told
    assert "allowed by --probe-allow" in told
    assert "SSLv2 refused" not in told


# Web configuration


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


WRONG = [
    (b"", "the file is empty"),
    (b"[", "not YAML"),
    (b"- 1", "the file is a list"),
    (b"a: &x 1\nb: *x", "alias"),
    (b"basic_auth_users: {a: b}\nbasic_auth_users: {a: c}", "stands twice"),
    (b"basic_auth_user: {}", "is empty"),
    (b"basic_auth_user: {a: b}", "there is no key"),
    (b"basic_auth_users:\n", '"basic_auth_users" is empty'),
    (b"basic_auth_users: [a]", "basic_auth_users is a list"),
    (b"basic_auth_users: {a: secret}", "the user a is no bcrypt hash"),
    (b"basic_auth_users: {'a:b': x}", "the user name"),
    (b"basic_auth_users: {a: $2y$31$" + b"a" * 53 + b"}", "cost 31"),
    (b"tls_server_config: {key_file: k}", "lacks cert_file"),
    (b"tls_server_config: {cert_file: c}", "lacks key_file"),
    (b"tls_server_config: {cert_file: c, key_file: k}", "cannot be used"),
    (b"tls_server_config: {cert_file: 1, key_file: k}", "cert_file is 1: write a text"),
    (b"tls_server_config: {cert: c}", "cert cannot be used here"),
    (b"tls_server_config: {min_version: TLS9}", "write one of TLS10"),
    (b"tls_server_config: {cert_file: c, key_file: k, min_version: TLS13, max_version: TLS12}",
     "above max_version"),
    (b"tls_server_config: {cipher_suites: [RC4]}", "cipher_suites has"),
    (b"tls_server_config: {curve_preferences: [X25519, CurveP256]}", "name one"),
    (b"tls_server_config: {client_auth_type: RequireAnyClientCert}", "client_auth_type is"),
    (b"tls_server_config: {cert_file: c, key_file: k, client_auth_type: "
     b"RequireAndVerifyClientCert}", "needs client_ca_file"),
    (b"tls_server_config: {cert_file: c, key_file: k, client_ca_file: x}", "add client_auth_type"),
    (b"http_server_config: {headers: {X-Mine: a}}", "there is no key"),
    (b"http_server_config: {headers: {X-Frame-Options: \"a\\nb\"}}", "one line of text"),
    (b"http_server_config: {http2: maybe}", "write true or false"),
    (b"rate_limit: {interval: 1s}", "rate_limit cannot be used here"),
]


@pytest.mark.parametrize(("content", "words"), WRONG)
def test_a_wrong_web_configuration_is_told(content: bytes, words: str, tmp_path: Path) -> None:
    """One line that names the file, the fault and what to do; never a configuration without what
    was asked for."""
    path = tmp_path / "web.yml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as fault:
        web_config.load(str(path))
    line = str(fault.value)
    assert line.startswith(f"{path}: ")
    assert words in line
    assert "\n" not in line


def write_config(folder: Path, leaf: Issued, *lines: str) -> Path:
    """A web configuration with TLS by this certificate, and these lines below."""
    files = leaf.write(folder, "exporter")
    path = folder / "web.yml"
    path.write_text("\n".join((
        "tls_server_config:", f"  cert_file: {files.certificate.name}",
        f"  key_file: {files.key}", *lines)) + "\n")
    return path


def test_a_web_configuration_is_read(tmp_path: Path) -> None:
    """All that the exporters share and that can be done here; names are relative to the file."""
    leaf = Authority("Root").leaf("localhost")
    path = write_config(
        tmp_path, leaf, "  min_version: TLS13", "  cipher_suites: "
        "[TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]",
        "  curve_preferences: [X25519]", "  prefer_server_cipher_suites: true",
        "http_server_config:", "  http2: true", "  headers: {X-Frame-Options: deny}",
        "basic_auth_users:", f"  prometheus: {hashed('secret')}")
    config = web_config.load(str(path))
    assert config.tls
    assert config.tls.cert_file.startswith(str(tmp_path))
    assert config.tls.min_version is ssl.TLSVersion.TLSv1_3
    assert config.tls.ciphers == "ECDHE-ECDSA-AES128-GCM-SHA256"
    assert config.headers == (("X-Frame-Options", "deny"),)
    assert [name for name, _ in config.users] == ["prometheus"]
    context = web_config.context(config.tls)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3


def test_a_key_of_another_certificate_is_told(tmp_path: Path) -> None:
    """A pair that does not fit is refused at the start."""
    root = Authority("Root")
    path = write_config(tmp_path, root.leaf("localhost"))
    tls = web_config.load(str(path)).tls
    assert tls
    Path(tls.key_file).write_bytes(root.leaf("localhost").key_pem)
    with pytest.raises(ConfigError, match="key values mismatch"):
        web_config.load(str(path))


def test_a_changed_web_configuration_is_taken_over(tmp_path: Path) -> None:
    """A broken one is told once and changes nothing; a mended one holds."""
    path = tmp_path / "web.yml"
    path.write_text(f"basic_auth_users: {{a: {hashed('one')}}}")
    said: list[str] = []
    outcomes: list[bool] = []
    gate = Gate(str(path), said.append, lambda good, at: outcomes.append(good))
    assert gate.guarded
    assert not gate.encrypted
    path.write_text("basic_auth_users: {a: b}")
    gate.reload()
    assert gate.login.ask(basic("a", "one"))
    assert len(said) == 1
    assert "no bcrypt hash" in said[0]
    path.write_text(f"basic_auth_users: {{a: {hashed('two')}}}")
    gate.reload()
    assert gate.login.ask(basic("a", "two"))
    assert not gate.login.ask(basic("a", "one"))
    assert outcomes == [True, False, True]


# Login


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_users_enter_and_others_do_not() -> None:
    """Only a user's own password opens; both answers are remembered."""
    login = Login({"a": hashed("one"), "b": hashed("two")})
    for header, welcome in ((basic("a", "one"), True), (basic("b", "two"), True),
                            (basic("a", "two"), False), (basic("c", "one"), False),
                            (basic("a", ""), False), (basic("", "one"), False)):
        assert login.remembered(header) is None
        assert login.ask(header) is welcome
        assert login.remembered(header) is welcome


@pytest.mark.parametrize("header", [
    "Bearer x", "Basic", "Basic !", "Basic " + "A" * 5, basic("a", "one")[:-2],
    "Basic " + base64.b64encode(b"a").decode(), "basic\x00"])
def test_what_is_no_login_does_not_enter(header: str) -> None:
    """Nonsense is a no, not a fault."""
    assert not Login({"a": hashed("one")}).ask(header)


def test_nothing_is_a_no_and_without_users_all_may_enter() -> None:
    """The two answers that need no hash."""
    assert Login({"a": hashed("one")}).remembered("") is False
    assert Login({}).remembered("") is True


def test_guesses_do_not_push_out_who_belongs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are refused, who was welcome is still known."""
    monkeypatch.setattr("zabbix_ssl.exporter.login._MOST_REMEMBERED", 3)
    login = Login({"a": hashed("one")})
    assert login.ask(basic("a", "one"))
    for number in range(5):
        assert not login.ask(basic("a", str(number)))
    assert login.remembered(basic("a", "one")) is True
    assert login.remembered(basic("a", "0")) is None


