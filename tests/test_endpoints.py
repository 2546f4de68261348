"""End to end: real endpoints, good and bad, through the script that Zabbix calls."""

from __future__ import annotations

import hashlib
import json
import os
import re
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from testbed import faults, packaging, pki, proxies, tls
from testbed.demo import difference
from testbed.endpoints import ENDPOINTS, Endpoint, Running, running
from testbed.external import Answer, ExternalCheck
from testbed.openssl import s_server
from testbed.process import program
from testbed.serving import Dialogue, serve
from zabbix_ssl.model import ERROR_REASONS

TIMEOUT = 3.0  # of a target, seconds; silence takes all of it
AUTHORITY = pki.Authority("Endpoint Root")
LEAF = AUTHORITY.leaf("a.example")


def results(answer: Answer) -> list[dict[str, Any]]:
    """What batch printed; a traceback or any other word beside it fails here."""
    assert not answer.left
    assert answer.text.startswith("["), answer.text
    found: list[dict[str, Any]] = json.loads(answer.text)
    return found


#: Endpoints of another protocol than HTTPS: the option of sslscan, and those of openssl s_client.
SPOKEN_FIRST = {"smtp": ("--starttls-smtp", "-starttls", "smtp"),
                "postgres": ("--starttls-psql", "-starttls", "postgres")}


# The table of the demo


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Running, Any]]]:
    """Each endpoint of the demo with what batch says of it, by name."""
    folder = tmp_path_factory.mktemp("table")
    with running(ENDPOINTS, folder) as endpoints:
        check = ExternalCheck(folder / "domains.json", folder / "cache")
        said = results(check())
        assert [one["domain"] for one in said] == [one.endpoint.domain for one in endpoints]
        yield {one.endpoint.name: (one, result)
               for one, result in zip(endpoints, said, strict=True)}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_verdict(endpoint: Endpoint, table: dict[str, tuple[Running, Any]]) -> None:
    """Exactly the findings that the endpoint was made for, no more; each sentence is complete."""
    one, result = table[endpoint.name]
    assert not difference(one, result)
    for finding in result["findings"]:
        assert "{" not in finding["message"]
        assert finding["message"] in result["risk_msg"]


def test_a_wrong_verdict_is_seen(table: dict[str, tuple[Running, Any]]) -> None:
    """The twin of the test above: no endpoint passes for one that was made for another verdict."""
    def wanted(name: str) -> tuple[object, ...]:
        made = table[name][0].endpoint
        return made.risk, made.codes, made.error_reason, made.remarks

    for name, (_, result) in table.items():
        for other, (one, _) in table.items():
            assert bool(difference(one, result)) == (wanted(name) != wanted(other))


def test_facts_do_not_depend_on_trust(table: dict[str, tuple[Running, Any]]) -> None:
    """A certificate that nobody trusts shows its dates, names and chain like a good one."""
    good = table["healthy"][1]
    for name in ("expired", "early", "wrong-host", "self-signed", "untrusted", "incomplete",
                 "weak-key", "mutual", "client-cert", "smtp", "postgres", "two-nodes"):
        bad = table[name][1]
        assert bad["status"] == "success", name
        for group in ("validity", "certificate", "chain", "tls_info"):
            assert set(bad[group]) == set(good[group]), name


def test_what_was_not_learnt_is_absent_with_its_reason(
        table: dict[str, tuple[Running, Any]]) -> None:
    """An endpoint that is down has no days left, not even -1, and says why it has none."""
    for name, reason in (("down", "refused"), ("silent", "timeout"), ("plain-http", "not_tls")):
        result = table[name][1]
        assert result["status"] == "failed"
        assert result["error_reason"] == reason
        assert result["validity"] == {}
        assert result["tls_info"] == {}
        assert result["unknown"]["remain_days"] == result["error"] != ""


def test_demo() -> None:
    """make demo shows every endpoint with its verdict and ends with 0."""
    said = packaging.run(sys.executable, "-m", "testbed.demo", cwd=packaging.ROOT)
    rows = [line.split()[:2] for line in said.splitlines()]
    for endpoint in ENDPOINTS:
        assert [endpoint.name, endpoint.risk] in rows
    assert f"{len(ENDPOINTS)} of {len(ENDPOINTS)} verdicts are as they must be." in said
    for words in ('"starttls": "smtp"', '"starttls": "postgres"', ",127.0.1.", '"client.pem"'):
        assert words in said


# The same endpoints seen by others


def test_verdicts_are_those_of_curl(table: dict[str, tuple[Running, Any]]) -> None:
    """What we call trusted curl connects to, and nothing else; where clients differ, the finding
    names it. Who wants a client certificate takes only those who show the right one."""
    curl = program("curl")
    accepted = {}
    for name, (one, result) in table.items():
        if result["status"] == "failed" or not one.endpoint.is_https:
            continue
        where = f"{one.endpoint.domain}:{one.port}"
        shown = [word for key in ("cert", "key") if key in one.endpoint.more
                 for word in (f"--{key}", str(one.folder / one.endpoint.more[key]))]
        seen = subprocess.run(
            [curl, "--silent", "--noproxy", "*", "--cacert", str(one.folder / "ca.pem"), *shown,
             "--resolve", f"{where}:{one.address}", f"https://{where}/"],
            capture_output=True, check=False, timeout=30)
        wanted = result["handshake"]["client_certificate_requested"]
        differs = any(finding["code"] == "client_difference" and "curl" in finding["message"]
                      for finding in result["findings"])
        chain = result["chain"]  # curl fetches no intermediate that is missing
        ours = (chain["chain_trusted"] and chain["chain_complete"] and chain["hostname_match"]
                and result["validity"]["is_valid"] and not differs and wanted == bool(shown))
        accepted[name] = seen.returncode == 0
        assert accepted[name] == ours, (name, seen.returncode)
    assert set(accepted.values()) == {True, False}


def test_versions_are_those_of_sslscan(table: dict[str, tuple[Running, Any]]) -> None:
    """sslscan finds the versions that we find."""
    sslscan = program("sslscan")
    for name in ("healthy", "old-tls", "weak-cipher", *SPOKEN_FIRST):
        one, result = table[name]
        seen = subprocess.run(
            [sslscan, "--no-colour", f"--sni-name={one.endpoint.domain}",
             *SPOKEN_FIRST.get(name, ("",))[:1], f"{one.address}:{one.port}"],
            capture_output=True, text=True, check=True, timeout=60)
        versions = re.findall(r"^((?:SSL|TLS)v[\d.]+) +enabled", seen.stdout, re.MULTILINE)
        assert result["tls_info"]["supported_tls_versions"] == versions, name


@pytest.mark.parametrize("name", SPOKEN_FIRST)
def test_protocols_are_those_of_openssl(name: str, table: dict[str, tuple[Running, Any]]) -> None:
    """s_client finds the same certificate and trusts it, by the same protocol; without it neither
    sees TLS."""
    one, result = table[name]
    verified, found = s_client(one, *SPOKEN_FIRST[name][1:])
    assert verified and found == result["certificate"]["fingerprint_sha256"]
    assert s_client(one) == (False, "")
    check = ExternalCheck(one.folder / "domains.json", one.folder / "plain")
    said = check("--get", one.endpoint.domain, str(one.port), "error_reason", "--starttls", "none")
    assert said.text in ("not_tls", "closed")


def s_client(one: Running, *words: str) -> tuple[bool, str]:
    """Whether openssl s_client trusts it, and the SHA-256 of its certificate."""
    seen = subprocess.run(
        [program("openssl"), "s_client", "-connect", f"{one.address}:{one.port}", "-servername",
         one.endpoint.domain, "-CAfile", str(one.folder / "ca.pem"), "-verify_hostname",
         one.endpoint.domain, "-verify_return_error", *words], input="", capture_output=True,
        text=True, check=False, timeout=30)
    found = re.search("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", seen.stdout,
                      re.DOTALL)
    return seen.returncode == 0, fingerprint(found[0]) if found else ""


def fingerprint(pem: str) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()


def test_mail_server_is_one_for_smtplib(table: dict[str, tuple[Running, Any]]) -> None:
    """It takes no mail before STARTTLS, after which the standard library's client trusts it, but
    does not take it for its address, which is not its name."""
    one, _ = table["smtp"]
    context = ssl.create_default_context(cafile=one.folder / "ca.pem")
    with smtplib.SMTP(one.address, one.port, timeout=10) as client:
        assert client.noop()[0] == 250 and client.mail("a@a.example")[0] == 530
        with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
            client.starttls(context=context)
        client.close()
        context.check_hostname = False
        client.connect(one.address, one.port)
        assert client.starttls(context=context)[0] == 220
        client.close()  # there is no mail server behind the TLS


def test_nodes_are_those_of_another_client(table: dict[str, tuple[Running, Any]]) -> None:
    """At each address the certificate is the one that another client gets there."""
    one, result = table["two-nodes"]
    served = {address: fingerprint(ssl.get_server_certificate((address, one.port), timeout=10))
              for address in one.entry["address"].split(",")}
    assert len({*served.values()}) == result["nodes"]["nodes_total"] == 2
    assert [text.split()[:2] for text in result["nodes"]["nodes"]] == [
        [address, found[:16]] for address, found in served.items()]
    assert result["nodes"]["nodes_disagree"] == 1
    assert table["healthy"][1]["nodes"] == {}


def test_another_client_is_not_let_in(table: dict[str, tuple[Running, Any]], tmp_path: Path
                                      ) -> None:
    """The twin of the client certificate's verdict: with one of another CA the handshake fails."""
    one, result = table["client-cert"]
    assert result["handshake"]["client_certificate_requested"]
    files = AUTHORITY.leaf("stranger", san=None).write(tmp_path, "stranger")
    check = ExternalCheck(one.folder / "domains.json", tmp_path / "cache")
    said = check("--get", one.endpoint.domain, str(one.port), "error_reason", "--cert",
                 str(files.certificate), "--key", str(files.key))
    assert said.text == "alert"


# Servers that do what no server should


@contextmanager
def trickled(seconds: float) -> Iterator[int]:
    """A good server whose answer comes one byte at a time."""
    with serve(tls.modern(LEAF)) as port, serve(proxies.trickling(port, seconds)) as slow:
        yield slow


Start = Callable[[], AbstractContextManager[int]]


def row(dialogue: Dialogue, *reasons: str) -> tuple[Start, tuple[str, ...]]:
    return lambda: serve(dialogue), reasons


#: What a server does: how it is started, and the error_reason; more than one where it is a race
#: that is not ours. No reason: the handshake is completed all the same.
BROKEN: dict[str, tuple[Start, tuple[str, ...]]] = {
    "refuses": (faults.refusing, ("refused",)),
    "drops every SYN": (faults.unanswered, ("timeout",)),
    "never answers": row(faults.silent, "timeout"),
    "closes when spoken to": row(faults.closing, "closed"),
    "closes at once": row(faults.hanging_up, "closed", "reset"),
    "resets": row(faults.resetting, "reset"),
    "speaks HTTP": row(faults.http, "not_tls"),
    "speaks SSH": row(faults.ssh, "not_tls"),
    "speaks SMTP": row(faults.smtp, "not_tls"),
    "speaks SSH one byte at a time": row(faults.slowly(b"SSH-2.0-OpenSSH_9.2p1\r\n", 0.01),
                                         "not_tls"),
    "garbles": row(faults.garbage(3), "not_tls"),
    "sends a TLS header and garbage": row(
        faults.answering(b"\x16\x03\x03\x10\0" + bytes(range(256)) * 16), "handshake"),
    "sends half a record": row(faults.answering(b"\x16\x03\x03\x10\0\x02"), "timeout"),
    "sends an empty alert": row(faults.answering(b"\x15\x03\x03\0\0"), "handshake", "timeout"),
    "sends a handshake message without end": row(faults.endless_message, "handshake"),
    "sends HelloRequests without end": row(faults.endless_handshake, "handshake", "timeout"),
    "sends warnings without end": row(faults.endless_alerts, "handshake", "timeout"),
    "sends empty records without end": row(faults.endless_empty, "handshake"),
    "sends a certificate of 1 MB": row(faults.huge_certificate(), "handshake"),
    "sends a certificate of 90 kB that is none": row(faults.huge_certificate(90_000), "handshake"),
    "sends its certificate and stops": row(faults.certificates(*LEAF.chain), "timeout"),
    "has EXPORT ciphers alone": row(faults.choosing(0x0003), "alert", "handshake"),
    "has SSLv2 alone": row(faults.ssl2(LEAF.der), "closed", "reset"),
    "answers one byte at a time": (lambda: trickled(0.0005), ()),
    "answers one byte at a time, too slowly": (lambda: trickled(0.1), ("timeout",)),
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What batch says of each of BROKEN, all of them asked in one call."""
    yield from audited(tmp_path_factory.mktemp("broken"),
                       {name: start for name, (start, _) in BROKEN.items()})


def audited(folder: Path, servers: dict[str, Start]) -> Iterator[dict[str, Any]]:
    (folder / "ca.pem").write_bytes(AUTHORITY.certificate_pem)
    with ExitStack() as stack:
        ports = {name: stack.enter_context(start()) for name, start in servers.items()}
        config = folder / "domains.json"
        config.write_text(json.dumps({
            "defaults": {"ca_file": str(folder / "ca.pem")},
            "targets": [{"domain": "a.example", "address": "127.0.0.1", "port": port}
                        for port in ports.values()]}))
        said = results(ExternalCheck(config, folder / "cache")("--timeout", str(TIMEOUT)))
        assert [one["port"] for one in said] == list(ports.values())
        yield dict(zip(ports, said, strict=True))


@pytest.mark.parametrize("name", BROKEN)
def test_broken_server(name: str, broken: dict[str, Any]) -> None:
    """The reason is the right one and its sentence says something; nothing else is claimed."""
    result, reasons = broken[name], BROKEN[name][1]
    if not reasons:
        assert result["status"] == "success"
        assert {finding["code"] for finding in result["findings"]} <= {"slow_handshake"}
        return
    assert result["status"] == "failed"
    assert result["error_reason"] in reasons, result["error"]
    assert len(result["error"].split()) > 2
    assert "handshake_failed" in [finding["code"] for finding in result["findings"]]
    assert "handshake_ms" not in result["handshake"]


def test_certificate_of_a_broken_handshake_is_seen(broken: dict[str, Any]) -> None:
    """What the server sent before it went silent is told, and its twin sent nothing."""
    assert broken["sends its certificate and stops"]["certificate"]["san"] == ["a.example"]
    assert broken["sends a certificate of 90 kB that is none"]["certificate"] == {}


def test_old_protocol_of_a_broken_handshake_is_seen(broken: dict[str, Any]) -> None:
    """A server that has only what our TLS library lacks is still caught with it."""
    found = broken["has SSLv2 alone"]
    assert found["tls_info"]["weak_tls_versions"] == ["SSLv2"]
    assert {finding["code"] for finding in found["findings"]} >= {"weak_tls", "handshake_failed"}
    ciphers = broken["has EXPORT ciphers alone"]["tls_info"]["weak_ciphers"]
    assert ciphers == ["TLS_RSA_EXPORT_WITH_RC4_40_MD5"]
    assert "weak_tls_versions" not in broken["never answers"]["tls_info"]


def spoilt(port: int, at: int) -> Start:
    """The server on ``port``, with the byte ``at`` of its first answer turned around."""
    return lambda: serve(proxies.spoiling(
        port, lambda flight: flight[:at] + bytes(byte ^ 0xFF for byte in flight[at:at + 1])
        + flight[at + 1:]))


@pytest.mark.parametrize("newest", ["TLSv1.2", "TLSv1.3"])
def test_garbage_in_every_field(newest: str, tmp_path: Path) -> None:
    """Whatever byte of its first answer a server spoils, the audit ends with a reason that is not
    our own fault, or with the facts."""
    with serve(tls.modern(LEAF, newest=newest)) as port:
        positions = [*range(130), *range(130, 900, 11)]
        for said in audited(tmp_path, {str(at): spoilt(port, at) for at in positions}):
            reasons = {result["error_reason"] for result in said.values()}
    assert reasons <= {"", *ERROR_REASONS} - {"internal", "dns", "refused", "unreachable"}
    assert reasons & {"handshake", "alert", "timeout", "not_tls"}


# Certificates that are hard to read


def _odd(**fields: Any) -> pki.Issued:
    return AUTHORITY.leaf("a.example", **fields)


#: Certificate: the codes that must be found. All are served by a real OpenSSL.
ODD: dict[str, tuple[pki.Issued, set[str]]] = {
    "plain": (LEAF, set()),
    "no SAN": (_odd(san=None), {"wrong_host"}),
    "empty subject": (_odd(subject=""), set()),
    "year 9999": (_odd(not_after=253402300799), set()),
    "serial of zero": (_odd(serial=0), set()),
    "negative serial": (_odd(serial=-5), {"client_difference"}),
    "unknown critical extension": (
        _odd(extensions=[("1.2.3.4.5", True, b"\x05\x00")]), {"chain_critical_extension"}),
    "Ed25519": (_odd(key="ed25519"), {"client_difference"}),
    "P-521": (_odd(key="p521"), {"client_difference"}),
    "version 1": (_odd(version=1), {"wrong_host"}),
}


@pytest.mark.parametrize("newest", ["TLSv1.2", "TLSv1.3"])
def test_odd_certificates(newest: str, tmp_path: Path) -> None:
    """Each is audited to the end; what is wrong with it is found, and what is merely odd is not."""
    for said in audited(tmp_path, {name: partial(serve, tls.modern(issued, newest=newest))
                                   for name, (issued, _) in ODD.items()}):
        for name, (issued, codes) in ODD.items():
            found = {one["code"] for one in said[name]["findings"] if one["severity"] != "low"}
            assert said[name]["status"] == "success", (name, said[name]["error"])
            assert found >= codes, name
            assert bool(found) == bool(codes), (name, found)
            sha = hashlib.sha256(issued.der).hexdigest().upper()
            assert said[name]["certificate"]["fingerprint_sha256"] == sha


# As an external check


def test_get_of_a_dead_server_ends_in_time(tmp_path: Path) -> None:
    """--get answers inside its own deadline, with valid JSON for all and one line for a number."""
    with serve(faults.silent) as silent, faults.unanswered() as dropping:
        for port in (silent, dropping):
            config = configured(tmp_path, port)
            check = ExternalCheck(config, tmp_path / "cache")
            answer = check("--get", "a.example", str(port), "all", "--timeout", "1", timeout=20)
            told = json.loads(answer.text)
            assert (told["handshake_ok"], told["error_reason"]) == (0, "timeout")
            answer = check("--get", "a.example", str(port), "remain_days", timeout=20)
            assert answer.text == told["error"]
            assert not answer.left


def configured(folder: Path, port: int) -> Path:
    (folder / "ca.pem").write_bytes(AUTHORITY.certificate_pem)
    config = folder / "domains.json"
    config.write_text(json.dumps([{
        "domain": "a.example", "address": "127.0.0.1", "port": port,
        "ca_file": str(folder / "ca.pem")}]))
    return config


def test_killed_in_the_middle(tmp_path: Path) -> None:
    """Zabbix kills what is late: the script is gone with all its children."""
    with serve(faults.silent) as port:
        check = ExternalCheck(configured(tmp_path, port), tmp_path / "cache")
        with pytest.raises(subprocess.TimeoutExpired):
            check("--timeout", "60", "--get", "a.example", str(port), "all", timeout=1.5)
    mark = os.fsencode(check.cache)
    assert not [path for path in Path("/proc").glob("[0-9]*/environ") if mark in read(path)]


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_server_of_one_connection_at_a_time(tmp_path: Path) -> None:
    """openssl s_server serves one client after the other, and is audited whole all the same."""
    with s_server(tmp_path, "-tls1_2", files=LEAF.write(tmp_path)) as port:
        result, = results(ExternalCheck(configured(tmp_path, port), tmp_path / "cache")())
    assert result["error"] == ""
    assert result["tls_info"]["supported_tls_versions"] == ["TLSv1.2"]
    assert result["tls_info"]["unknown_tls_versions"] == ""
    assert result["tls_info"]["has_weak_cipher"] is False


def test_as_another_user_through_a_link(public_python: Path, public_folder: Path) -> None:
    """Installed in a place that all can read, linked into ExternalScripts, run by a user without a
    home: discovery, values and the cache work."""
    scripts = public_folder / "externalscripts"
    scripts.mkdir()
    script = scripts / "ssl_check_batch.py"
    script.symlink_to(public_python / "ssl_check_batch.py")
    user = "nobody" if os.getuid() == 0 else None
    with serve(tls.modern(LEAF)) as port:
        check = ExternalCheck(configured(public_folder, port), public_folder / "nothing",
                              script, user, Path("/usr/bin"))
        discovered = json.loads(check("--discover").text)
        assert [one["{#PORT}"] for one in discovered["data"]] == [str(port)]
        first = check("--get", "a.example", str(port), "check_time")
        assert first.text.isdigit()
        assert check("--get", "a.example", str(port), "handshake_ok").text == "1"
        assert not first.left
