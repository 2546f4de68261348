"""The exporter as a process: what it shows of real endpoints, whom it answers, how it ends."""

from __future__ import annotations

import base64
import gzip
import json
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from command import Site, site
from exporters import Exporter, exporter
from test_exporter_parts import hashed, write_config

from testbed.pki import Authority
from zabbix_ssl.model import ERROR_REASONS
from zabbix_ssl.outputs.prometheus import FAMILIES

NAMES = ("healthy", "expired", "revoked", "old-tls", "self-signed", "down", "silent")


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("exporter"), *NAMES) as up:
        yield up


@pytest.fixture(scope="module")
def running(endpoints: Site) -> Iterator[Exporter]:
    """One that has checked all of them, and lets loopback be probed."""
    with exporter(endpoints, "--probe-allow", "127.0.0.0/8:*", "--ca-file",
                  str(endpoints.folder / "ca.pem")) as up:
        up.await_(lambda: len(up.samples().get("ssl_probe_success", ())) == len(NAMES))
        yield up


def domain(name: str) -> str:
    return f"{name}.demo.example"


def probe(endpoints: Site, name: str) -> str:
    """The path of /probe for a configured endpoint."""
    target = next(one for one in endpoints.targets if one["domain"] == domain(name))
    return f"/probe?target={quote(endpoints.target(name))}&address={target['address']}"


# /metrics


def test_every_target_is_shown(running: Exporter) -> None:
    """With its facts where it was reached, with its reason where it was not; -1 where existing
    rules expect it, and absent in all other families."""
    shown = running.samples()
    reached = {domain(name) for name in NAMES if name not in ("down", "silent")}
    assert {name for name, value in shown["ssl_probe_success"].items() if value} == reached
    assert set(shown["ssl_cert_not_after_timestamp_seconds"]) == reached
    assert {name for name, value in shown["ssl_cert_remain_days"].items() if value == -1} == {
        domain("down"), domain("silent")}
    assert shown["ssl_cert_remain_days"][domain("expired")] == -3
    assert shown["ssl_cert_is_revoked"][domain("revoked")] == 1
    assert shown["ssl_cert_has_weak_tls"] == {
        **dict.fromkeys(map(domain, NAMES), 0), domain("old-tls"): 1, domain("down"): -1,
        domain("silent"): -1}
    assert shown["ssl_cert_chain_trusted"][domain("self-signed")] == 0
    assert shown["ssl_probe_failure_info"] == {domain("down"): 1, domain("silent"): 1}


def test_compressed_and_plain_say_the_same(running: Exporter) -> None:
    """gzip is sent to who asks for it and to nobody else."""
    plain = running.ask("/metrics")
    zipped = running.ask("/metrics", Accept_Encoding="gzip")
    refused = running.ask("/metrics", Accept_Encoding="br, gzip;q=0")
    assert zipped.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers | refused.headers
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")

    def targets(text: str) -> str:
        return text.partition("# HELP process_")[0]
    assert targets(gzip.decompress(zipped.body).decode()) == targets(plain.text)
    assert len(zipped.body) < len(plain.body) / 2


def test_curl_reads_what_is_compressed(running: Exporter, needs: Callable[[str], str]) -> None:
    """A client that takes the first of several gzip files for all of them reads all of ours."""
    done = subprocess.run([needs("curl"), "-sS", "--compressed",
                           f"http://127.0.0.1:{running.port}/metrics"],
                          capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.count("\nssl_probe_success{") == len(NAMES)
    assert "\nssl_exporter_build_info{" in done.stdout


def test_promtool_finds_no_fault(running: Exporter, needs: Callable[[str], str]) -> None:
    """The format is right and every metric has its help; its only wishes are units of names that
    existing rules rely on."""
    done = subprocess.run([needs("promtool"), "check", "metrics"], input=running.ask(
        "/metrics").text, capture_output=True, text=True, check=False, timeout=20)
    wishes = done.stderr.splitlines() + done.stdout.splitlines()
    assert {line.split()[0] for line in wishes} == {
        "ssl_cert_remain_days", "ssl_cert_lifetime_days", "ssl_cert_chain_remain_days",
        "ssl_cert_key_bits"}
    assert all("use base unit" in line for line in wishes)


def test_promtool_would_find_a_fault(running: Exporter, needs: Callable[[str], str]) -> None:
    """The twin of the test above."""
    text = running.ask("/metrics").text.replace("# HELP ssl_probe_success", "# HELP broken", 1)
    done = subprocess.run([needs("promtool"), "check", "metrics"], input=text,
                          capture_output=True, text=True, check=False, timeout=20)
    assert "ssl_probe_success no help text" in done.stderr + done.stdout


def test_it_tells_of_itself(running: Exporter) -> None:
    """Audits by outcome, their durations, ages, the configuration: as many audits as there were."""
    shown = running.samples()
    audits = shown["ssl_exporter_audits_total"]
    assert audits["schedule,ok"] >= 5
    assert audits["schedule,refused"] >= 1
    assert audits["schedule,timeout"] >= 1
    assert {name.partition(",")[2] for name in audits} == {"ok", *ERROR_REASONS}
    assert shown["ssl_exporter_audit_duration_seconds_count"]["schedule"] >= len(NAMES)
    assert shown["ssl_exporter_targets"] == {"fresh": 7, "stale": 0, "waiting": 0}
    assert shown["ssl_exporter_config_last_reload_successful"]["targets"] == 1
    assert 0 < shown["ssl_exporter_oldest_result_age_seconds"][""] < 60
    assert shown["process_resident_memory_bytes"][""] > 1e6


# /probe


def test_a_configured_target_is_probed_from_what_is_fresh(running: Exporter, endpoints: Site
                                                          ) -> None:
    """The answer is that of /metrics, and no audit is made for it."""
    before = running.samples()
    shown = running.samples(probe(endpoints, "expired"))
    assert shown["ssl_cert_remain_days"] == {domain("expired"): -3}
    assert set(shown) <= {family.name for family in FAMILIES}
    after = running.samples()
    assert (after["ssl_exporter_probes_total"]["cache"]
            == before["ssl_exporter_probes_total"]["cache"] + 1)
    assert (after["ssl_exporter_audits_total"]["probe,ok"]
            == before["ssl_exporter_audits_total"]["probe,ok"])


def test_an_allowed_target_is_audited_when_asked(running: Exporter, endpoints: Site) -> None:
    """And the next one who asks gets the same from the cache."""
    before = running.samples()["ssl_exporter_probes_total"]
    address = next(one["address"] for one in endpoints.targets
                   if one["domain"] == domain("healthy"))
    path = f"/probe?target={address}:{endpoints.port('healthy')}"
    assert running.samples(path)["ssl_probe_success"] == {address: 1}
    assert running.samples(path)["ssl_cert_hostname_match"] == {address: 0}
    after = running.samples()["ssl_exporter_probes_total"]
    assert after["audit"] == before["audit"] + 1
    assert after["cache"] == before["cache"] + 1


def test_strangers_cannot_scan_with_it(running: Exporter) -> None:
    """What is neither configured nor allowed is refused before anything is looked up."""
    for target in ("example.org", "localhost:22", "10.0.0.1:443", "healthy.demo.example:1"):
        answer = running.ask(f"/probe?target={target}")
        assert answer.status == 403
        assert "not among the configured targets" in answer.text
    answer = running.ask("/probe?target=127.0.0.1:443&address=10.0.0.1")
    assert answer.status == 403


@pytest.mark.parametrize(("query", "words"), [
    ("", "name a target"), ("target=", "name a target"), ("target=a.example&target=b.example",
                                                          "twice"),
    ("target=a%20b", "a space"), ("target=ftp://a", "another protocol"),
    ("target=a.example:99999", "the port is"), ("target=a.example&module=tls",
                                                "no parameter \"module\""),
    ("target=a.example&debug=perhaps", "write true or false"),
    ("target=a.example&address=b.example", "the address is"),
    ("target=%0d%0aX:1", "U+000D")])
def test_a_wrong_probe_is_told(running: Exporter, query: str, words: str) -> None:
    """In one line, with what to do."""
    answer = running.ask(f"/probe?{query}")
    assert answer.status == 400
    assert words in answer.text
    assert answer.text.count("\n") == 1


def test_a_failed_probe_is_an_answer(running: Exporter, endpoints: Site) -> None:
    """A target that is down is 200 with ssl_probe_success 0 and the reason."""
    answer = running.ask(probe(endpoints, "down"))
    assert answer.status == 200
    assert 'error_reason="refused"' in answer.text
    assert running.samples(probe(endpoints, "down"))["ssl_probe_success"] == {domain("down"): 0}


def test_a_probe_ends_before_the_scrape_does(running: Exporter, endpoints: Site) -> None:
    """Prometheus says how long it waits; a server that never answers is given up before."""
    answer = running.ask(probe(endpoints, "silent") + "&debug=true",
                         X_Prometheus_Scrape_Timeout_Seconds="1.0")
    assert "timeout" in answer.text
    took = float(answer.text.partition("Took")[2].split()[0])
    assert took < 1000
    assert running.ask("/probe?target=127.0.0.1", X_Prometheus_Scrape_Timeout_Seconds="soon"
                       ).status == 400


def test_debug_explains_a_probe(running: Exporter, endpoints: Site) -> None:
    """Step by step, in an audit of its own; without debug nothing of it is said."""
    told = running.ask(probe(endpoints, "old-tls") + "&debug=true").text
    for words in ("as configured", "Connection", "TLSv1.3", "CN=Demo Issuing CA", "TLSv1.0 acc",
                  "SSLv3 refused", "medium weak_tls", "ssl_probe_success{"):
        assert words in told
    assert "Handshake" not in running.ask(probe(endpoints, "old-tls") + "&debug=false").text


# Pages


def test_there_is_a_start_page(running: Exporter) -> None:
    """It leads to all there is, and what it links is there."""
    page = running.ask("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "7 configured targets: 7 fresh" in page.text
    for path in ("metrics", "targets", "-/healthy", "-/ready"):
        assert f'href="{path}"' in page.text
        assert running.ask(f"/{path}").status == 200
    assert running.ask("/-/healthy").text == "healthy\n"
    assert running.ask("/nothing").status == 404


def test_targets_are_listed_for_prometheus(running: Exporter, endpoints: Site) -> None:
    """In the format of http_sd_configs, each as /probe takes it."""
    answer = running.ask("/targets")
    assert answer.headers["content-type"] == "application/json"
    listed = json.loads(answer.body)
    assert [one["targets"] for one in listed] == [
        [f"{one['domain']}:{one['port']}"] for one in endpoints.targets]
    assert listed[0]["labels"]["__param_address"] == endpoints.targets[0]["address"]


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS", "PUT"])
def test_only_reading_is_possible(running: Exporter, method: str) -> None:
    """Other methods are refused and change nothing; HEAD is GET without a body."""
    answer = running.ask("/metrics", method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    head = running.ask("/-/healthy", method="HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "8")


# Changes, restarts, the end


@pytest.fixture
def own(tmp_path: Path, endpoints: Site) -> Site:
    """The same endpoints with a configuration and a cache that a test may change."""
    made = Site(tmp_path, {})
    made.targets[:] = endpoints.targets[:1]
    return made


@pytest.fixture(autouse=True)
def _domains(tmp_path: Path) -> None:
    (tmp_path / "domains.json").write_text('{"targets": []}')


def configure(own: Site, endpoints: Site, *names: str) -> None:
    chosen = [one for one in endpoints.targets if one["domain"] in map(domain, names)]
    (own.folder / "new.json").write_text(json.dumps({
        "defaults": {"ca_file": str(endpoints.folder / "ca.pem"), "timeout": 3},
        "targets": chosen}))
    (own.folder / "new.json").replace(own.config)


def test_a_changed_configuration_is_taken_over(own: Site, endpoints: Site) -> None:
    """New targets come, old ones go with all their metrics; a broken file changes nothing, is told,
    and SIGHUP takes a mended one over at once."""
    configure(own, endpoints, "healthy")
    with exporter(own) as up:
        up.await_(lambda: up.samples().get("ssl_probe_success") == {domain("healthy"): 1})
        configure(own, endpoints, "expired")
        up.process.send_signal(signal.SIGHUP)
        up.await_(lambda: up.samples().get("ssl_probe_success") == {domain("expired"): 1})
        assert domain("healthy") not in up.ask("/metrics").text
        own.config.write_text("[")
        up.process.send_signal(signal.SIGHUP)
        up.await_(lambda: not up.samples()["ssl_exporter_config_last_reload_successful"]["targets"])
        assert up.samples()["ssl_probe_success"] == {domain("expired"): 1}
        assert "this is not JSON" in up.log.read_text()
        configure(own, endpoints, "healthy", "expired")
        up.await_(lambda: len(up.samples()["ssl_probe_success"]) == 2)
        assert up.samples()["ssl_exporter_config_last_reload_successful"]["targets"] == 1


def test_a_restart_leaves_no_gap(own: Site, endpoints: Site) -> None:
    """What the cache holds is shown before anything is audited; without a cache nothing is."""
    configure(own, endpoints, "healthy", "silent")
    with exporter(own) as up:
        up.await_(lambda: len(up.samples().get("ssl_probe_success", ())) == 2)
    with exporter(own) as up:
        up.await_(lambda: up.samples().get("ssl_exporter_recalled_results") == {"": 2})
        assert up.ask("/-/ready").status == 200
        assert set(up.samples()["ssl_probe_success"]) == {domain("healthy"), domain("silent")}
    with exporter(own, "--no-cache") as up:
        assert up.samples()["ssl_exporter_recalled_results"] == {"": 0}


def test_it_is_not_ready_before_it_knows_anything(own: Site, endpoints: Site) -> None:
    """While the first check is under way it is healthy and not ready."""
    configure(own, endpoints, "silent")
    with exporter(own) as up:
        assert up.ask("/-/ready").status == 503
        assert up.ask("/-/healthy").status == 200
        up.await_(lambda: up.ask("/-/ready").status == 200)


def test_it_ends_gracefully(own: Site, endpoints: Site) -> None:
    """An answer that is under way when SIGTERM comes is still given, then the exit code is 0; a
    connection that waits for nothing holds nothing up."""
    configure(own, endpoints, "silent")
    with exporter(own) as up, socket.create_connection(("127.0.0.1", up.port)):
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(
            up.ask(probe(endpoints, "silent") + "&debug=true").status))
        asking.start()
        time.sleep(0.5)
        up.process.terminate()
        asking.join(15)
        assert answers == [200]
        assert up.process.wait(15) == 0
        assert up.log.read_text().splitlines()[-1].endswith("stopped")


def test_a_port_in_use_is_told(own: Site, running: Exporter) -> None:
    """One line with the command that tells who has it; exit code 1."""
    done = own.run("exporter", "--listen", f"127.0.0.1:{running.port}")
    assert done.returncode == 1
    assert "Address already in use" in done.stderr
    assert "ss -ltnp" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("words", "line"), [
    (("--listen", "9292"), "lacks a port"), (("--listen", "::1:9292"), "lacks a port"),
    (("--listen", "127.0.0.1:0"), "the port is"), (("--listen", "a b:1"), "a space"),
    (("--interval", "1"), "from 10 to"), (("--probe-allow", "*.a b"), "is not a pattern"),
    (("a.example",), "one word too many"), (("--web-config", "/nowhere.yml"), "cannot be read"),
    (("--config", "/nowhere.json"), "does not exist"), (("--stale-after", "0"), "whole number")])
def test_wrong_words_are_told(own: Site, words: tuple[str, ...], line: str) -> None:
    """One line, exit code 3, and nothing listens."""
    done = own.run("exporter", *words)
    assert done.returncode == 3
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_targets_only_what_is_allowed_is_probed(own: Site, endpoints: Site) -> None:
    """No configuration is needed where --probe-allow says whom to look at; without it, it is."""
    environ = {"ZABBIX_SSL_CONFIG": ""}
    healthy = endpoints.targets[0]
    own.environ.update(environ)
    with exporter(own, "--probe-allow", f"{healthy['address']}:*") as up:
        shown = up.samples(f"/probe?target={healthy['address']}:{healthy['port']}")
        assert shown["ssl_probe_success"] == {healthy["address"]: 1}
        assert up.ask("/-/ready").status == 200
    if not Path("/etc/zabbix/ssl/domains.json").exists():
        assert own.run("exporter").returncode == 3


# Web configuration


def encoded(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_tls_and_users(own: Site) -> None:
    """Only a user with his password gets in, over TLS; a renewed certificate is served without a
    restart, and clients of the old CA notice."""
    old, new = Authority("Old Root"), Authority("New Root")
    path = write_config(own.folder, old.leaf("localhost"), "basic_auth_users:",
                        f"  prometheus: {hashed('secret')}", "http_server_config:",
                        "  headers: {X-Frame-Options: deny}")
    clients = [ssl.create_default_context(cadata=ca.certificate_pem.decode()) for ca in (old, new)]
    with exporter(own, "--web-config", str(path)) as up:
        assert "https://" in up.log.read_text()
        answer = up.ask("/metrics", tls=clients[0])
        assert (answer.status, answer.headers["www-authenticate"]) == (401,
                                                                       'Basic realm="zabbix-ssl"')
        assert "ssl_" not in answer.text
        assert up.ask("/-/healthy", tls=clients[0], Authorization=encoded(
            "prometheus", "guess")).status == 401
        welcome = encoded("prometheus", "secret")
        answer = up.ask("/metrics", tls=clients[0], Authorization=welcome)
        assert answer.status == 200
        assert answer.headers["x-frame-options"] == "deny"
        with pytest.raises(ssl.SSLCertVerificationError):
            up.ask("/metrics", tls=clients[1], Authorization=welcome)
        new.leaf("localhost").write(own.folder, "exporter")
        up.await_(lambda: _accepted(up, clients[1], welcome))
        with pytest.raises(ssl.SSLCertVerificationError):
            up.ask("/metrics", tls=clients[0], Authorization=welcome)
        assert up.ask("/metrics", tls=clients[1]).status == 401


def _accepted(up: Exporter, client: ssl.SSLContext, header: str) -> bool:
    try:
        return up.ask("/metrics", tls=client, Authorization=header).status == 200
    except ssl.SSLError:
        return False


def test_clients_with_certificates(own: Site) -> None:
    """Where one is demanded, who shows none, one of another CA or of another name is not let in."""
    root, stranger = Authority("Root"), Authority("Stranger")
    (own.folder / "ca.pem").write_bytes(root.certificate_pem)
    path = write_config(own.folder, root.leaf("localhost"), "  client_ca_file: ca.pem",
                        "  client_auth_type: RequireAndVerifyClientCert",
                        "  client_allowed_sans: [prometheus.example]")
    with exporter(own, "--web-config", str(path)) as up:
        for name, issuer, welcome in (("prometheus.example", root, True),
                                      ("other.example", root, False),
                                      ("prometheus.example", stranger, False), ("", root, False)):
            client = ssl.create_default_context(cadata=root.certificate_pem.decode())
            if name:
                files = issuer.leaf(name, purposes=("client",)).write(own.folder, "client")
                client.load_cert_chain(files.certificate, files.key)
            try:
                assert (up.ask("/-/healthy", tls=client).status == 200) is welcome
            except (OSError, ssl.SSLError):
                assert not welcome


def test_plain_http_is_not_answered_where_tls_is_spoken(own: Site) -> None:
    """Nor is a version that is too old."""
    path = write_config(own.folder, Authority("Root").leaf("localhost"), "  min_version: TLS13")
    with exporter(own, "--web-config", str(path)) as up:
        with pytest.raises(OSError):
            up.ask("/metrics")
        client = ssl.create_default_context()
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        assert up.ask("/-/healthy", tls=client).status == 200
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError):
            up.ask("/-/healthy", tls=client)


# As a service


def test_the_unit_is_well_made(needs: Callable[[str], str], tmp_path: Path) -> None:
    """systemd understands every line of it; one that it does not know it would tell."""
    unit = (Path(__file__).resolve().parent.parent / "contrib" / "systemd"
            / "zabbix-ssl-exporter.service").read_text()
    # The user and the program of an installation need not be there.
    unit = unit.replace("/usr/local/bin/zabbix-ssl", "/bin/true").replace("zabbix\n", "root\n")

    def said(text: str) -> str:
        (tmp_path / "zabbix-ssl-exporter.service").write_text(text)
        return subprocess.run(
            [needs("systemd-analyze"), "verify", "--man=no",
             str(tmp_path / "zabbix-ssl-exporter.service")],
            capture_output=True, text=True, check=False, timeout=30).stderr
    assert "zabbix-ssl-exporter" not in said(unit)
    assert "zabbix-ssl-exporter" in said(unit.replace("PrivateTmp=", "PrivatTmp="))


def test_systemd_is_told(own: Site, tmp_path: Path) -> None:
    """That it is ready, that it lives, and that it ends."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(10)
        own.environ.update(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1000000")
        with exporter(own) as up:
            assert listening.recv(100) == b"READY=1"
            assert listening.recv(100) == b"WATCHDOG=1"
            assert listening.recv(100) == b"WATCHDOG=1"
            up.process.terminate()
            while (word := listening.recv(100)) == b"WATCHDOG=1":
                pass
            assert word == b"STOPPING=1"
