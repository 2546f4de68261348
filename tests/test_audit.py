"""The engine against real servers: what one audit learns, and what it costs the server."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from testbed import faults, preludes, proxies, tls
from testbed.nginx import ANY_CIPHER, Site, nginx
from testbed.openssl import s_server
from testbed.pki import Authority
from testbed.serving import Dialogue, serve
from zabbix_ssl.model import TLS_VERSIONS, Observation, Offer, Security, Settings, Target
from zabbix_ssl.probing import audit_all, network, survey, way
from zabbix_ssl.probing.loop import Task

ROOT = Authority("Audit Root")
LEAF = ROOT.authority("Audit CA").leaf("a.example")
RSA = ROOT.leaf("a.example", key="rsa2048")

SETTINGS = Settings(timeout=5)
MODERN = Security({version: Offer(version >= "TLSv1.2") for version in TLS_VERSIONS}, (), "", 1)


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_bytes(ROOT.pem)
    return str(path)


def audit(port: int, *, domain: str = "a.example", address: str | None = "127.0.0.1",
          known: Security | None = None, settings: Settings = SETTINGS) -> Observation:
    """One audit through the door."""
    [(_, seen)] = audit_all([(Target(domain, port, address), known)], settings)
    return seen


def accepted(seen: Observation) -> dict[str, bool | None]:
    """The answer for each version."""
    assert seen.security
    return {version: offer.accepted for version, offer in seen.security.versions.items()}


def reasons(seen: Observation) -> dict[str, str]:
    """Why a version is unknown, for those that are."""
    assert seen.security
    return {v: o.reason for v, o in seen.security.versions.items() if o.accepted is None}


def test_a_healthy_server_is_known_whole(tmp_path: Path, ca_file: str) -> None:
    """Handshake, certificate, chain and every version: nothing is left unknown."""
    with nginx(tmp_path, Site(LEAF.write(tmp_path))) as server:
        seen = audit(server.ports[0], settings=Settings(ca_file=ca_file))
    assert seen.failure is None
    assert seen.handshake and seen.certificate and seen.chain and seen.security
    assert seen.handshake.version == "TLSv1.3"
    assert seen.handshake.cipher.startswith("TLS_AES")
    assert seen.handshake.group.lower() in ("x25519", "x25519mlkem768")
    assert seen.handshake.address == "127.0.0.1"
    assert seen.handshake.served == LEAF.chain
    assert not seen.handshake.client_certificate_requested
    assert (seen.handshake.handshake_ms or 0) > 0
    assert seen.certificate.dns_names == ("a.example",)
    assert (seen.chain.trusted, seen.chain.complete, seen.chain.hostname_match) == (True,) * 3
    assert accepted(seen) == {"SSLv2": False, "SSLv3": False, "TLSv1.0": False, "TLSv1.1": False,
                              "TLSv1.2": True, "TLSv1.3": True}
    assert (seen.security.weak_ciphers, seen.security.weak_unknown) == ((), "")


def test_facts_do_not_depend_on_trust(tmp_path: Path) -> None:
    """The twin: the same server to one who does not trust its root."""
    with nginx(tmp_path, Site(LEAF.write(tmp_path))) as server:
        seen = audit(server.ports[0])
    assert seen.failure is None and seen.chain and not seen.chain.trusted
    assert seen.certificate and seen.certificate.dns_names == ("a.example",)


@pytest.mark.parametrize("versions", [
    ("TLSv1.2",), ("TLSv1.3",), ("TLSv1.0",), ("TLSv1.1", "TLSv1.2"),
    ("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")])
def test_exactly_the_versions_that_are_on(tmp_path: Path, versions: tuple[str, ...]) -> None:
    """TLS 1.2 is told from the other answers where they show it, and asked for where not."""
    site = Site(RSA.write(tmp_path), ciphers=ANY_CIPHER,
                versions=" ".join(versions).replace("TLSv1.0", "TLSv1"))
    with nginx(tmp_path, site) as server:
        seen = audit(server.ports[0])
    assert seen.failure is None
    assert [v for v, on in accepted(seen).items() if on] == list(versions)
    assert reasons(seen) == {}


def test_every_weak_cipher_is_listed_also_those_of_old_versions_only() -> None:
    """RC4, 3DES and NULL of tlslite-ng, and MD5, which a first answer does not show."""
    server = tls.old(RSA, oldest="SSLv3", newest="TLSv1.2",
                     ciphers=("aes128", "rc4", "3des", "null"))
    with serve(server) as port:
        seen = audit(port)
    assert seen.security and seen.security.weak_unknown == ""
    assert set(seen.security.weak_ciphers) >= {
        "TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_RC4_128_MD5", "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_RSA_WITH_NULL_SHA", "TLS_RSA_WITH_NULL_MD5", "TLS_RSA_WITH_NULL_SHA256"}
    assert accepted(seen)["SSLv3"] and accepted(seen)["TLSv1.2"]


@pytest.mark.parametrize("server", [
    tls.old(RSA, oldest="SSLv3", newest="SSLv3", ciphers=("aes128",)),
    tls.old(RSA, oldest="TLSv1.0", newest="TLSv1.2", ciphers=("rc4",)),
    tls.old(RSA, oldest="TLSv1.0", newest="TLSv1.2", ciphers=("3des",)),
], ids=["SSLv3", "RC4", "3DES"])
def test_a_server_too_old_for_our_handshake_still_shows_its_certificate(server: Dialogue) -> None:
    """The handshake fails, as it does for every modern client; the facts are read in clear text."""
    with serve(server) as port:
        seen = audit(port)
    assert seen.failure and seen.failure.reason in ("alert", "handshake")
    assert seen.handshake and seen.handshake.served == RSA.chain
    assert seen.certificate and seen.certificate.dns_names == ("a.example",)
    assert seen.chain and seen.chain.hostname_match
    assert seen.security and any(accepted(seen).values())


@pytest.mark.parametrize("late", ["greeting", "TLS"])
def test_a_late_greeting_costs_no_question_its_answer(
        late: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mail servers that let everybody wait are audited whole in the time that the target has; what
    is late with TLS itself, as behind a firewall that swallows old hellos, is waited for less."""
    monkeypatch.setattr(survey, "_PATIENCE", 0.4)
    modern = tls.modern(LEAF)

    def after_a_while(dialogue: Dialogue) -> Dialogue:
        def wait(connection: socket.socket) -> None:
            time.sleep(0.8)
            dialogue(connection)
        return wait

    server = after_a_while(preludes.smtp("a.example", modern)) if late == "greeting" else \
        preludes.smtp("a.example", after_a_while(modern))
    with serve(server) as port:
        seen = audit(port, settings=SETTINGS._replace(starttls="smtp"))
    assert seen.failure is None and seen.security
    assert bool(seen.security.weak_unknown) == (late == "TLS")
    assert (accepted(seen)["TLSv1.0"] is None) == (late == "TLS")


@pytest.mark.parametrize("newest", ["TLSv1.2", "TLSv1.3"])
def test_a_server_that_demands_a_client_certificate_is_audited(newest: str) -> None:
    """It has done its part of the handshake: it is up, and says what it wants."""
    with serve(tls.modern(LEAF, newest=newest, client_certificate=True)) as port:
        seen = audit(port)
    assert seen.failure is None
    assert seen.handshake and seen.handshake.client_certificate_requested
    assert seen.certificate and accepted(seen)["TLSv1.2"]


@pytest.mark.parametrize("options", [
    ("-tls1", "-cipher", "ALL:@SECLEVEL=0"), ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
    ("-tls1_2",), ("-tls1_2", "-cipher", "AES256-SHA"), ("-tls1_3",),
    ("-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"), ("-tls1_3", "-groups", "P-521"),
], ids=" ".join)
def test_who_asks_for_a_client_certificate_is_told_from_who_does_not(
        tmp_path: Path, options: tuple[str, ...]) -> None:
    """In every version, with every kind of first flight of ours, a second hello among them; a
    server that asks and lets us in without counts too."""
    for asks in (("-verify", "1"), ()):
        with s_server(tmp_path, *options, *asks, files=RSA.write(tmp_path)) as port:
            seen = audit(port)
        assert seen.failure is None
        assert seen.handshake and seen.handshake.client_certificate_requested == bool(asks)


class Counting:
    """A dialogue that counts its connections."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self.count = 0

    def __call__(self, connection: socket.socket) -> None:
        self.count += 1
        self._dialogue(connection)


@pytest.mark.parametrize("most", [1, 2, 4])
def test_a_target_sees_no_more_connections_at_once_than_are_allowed(
        most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some sites ban whoever comes with a burst. The answers are the same.

    Counted on our side: a server sees an old connection end after a new one has begun.
    """
    open_now: set[int] = set()
    counts: list[int] = []

    class Counted(network.Stream):
        def __init__(self, task: Task, peer: network.Address) -> None:
            super().__init__(task, peer)
            open_now.add(id(self))
            counts.append(len(open_now))

        def close(self) -> None:
            super().close()
            open_now.discard(id(self))

    monkeypatch.setattr(network, "Stream", Counted)
    with serve(tls.modern(LEAF)) as port:
        seen = audit(port, settings=Settings(timeout=5, connections=most))
    assert seen.failure is None and reasons(seen) == {}
    assert max(counts) <= most and len(counts) >= 4


def test_what_is_known_already_is_not_asked_again() -> None:
    """Versions and weak ciphers from an earlier audit cost no connection."""
    server = Counting(tls.modern(LEAF))
    with serve(server) as port:
        seen = audit(port, known=MODERN)
    assert (server.count, seen.security) == (1, MODERN)


def test_what_was_known_is_asked_again_when_the_handshake_contradicts_it() -> None:
    """The twin: a server that has come down to TLS 1.1 since."""
    with serve(tls.modern(RSA, oldest="TLSv1.1", newest="TLSv1.1", ciphers="ALL")) as port:
        seen = audit(port, known=MODERN)
    assert accepted(seen)["TLSv1.1"] and not accepted(seen)["TLSv1.2"]


def raw_hello_only(answer: Dialogue, otherwise: Dialogue) -> Dialogue:
    """``answer`` for hand-made hellos, which offer at most TLS 1.2; else ``otherwise``."""
    def dialogue(connection: socket.socket) -> None:
        hello = connection.recv(4096, socket.MSG_PEEK)
        (otherwise if b"\x03\x04\x03\x03" in hello else answer)(connection)  # supported_versions
    return dialogue


@pytest.mark.parametrize(("answer", "reason"), [
    (faults.resetting, "reset"), (faults.silent, "in time"), (faults.http, "HTTP"),
    (faults.garbage(1), ""),
    (faults.answering(faults.records(faults.server_hello(0x1301, b"\x03\x02"))),
     "not offered"),
], ids=["reset", "silence", "HTTP", "garbage", "wrong cipher"])
def test_a_question_that_fails_is_unknown_and_costs_nothing_else(answer: Dialogue, reason: str
                                                                 ) -> None:
    """Unknown is not no, the reason stands beside it, and the facts of the handshake are there."""
    with serve(raw_hello_only(answer, tls.modern(LEAF))) as port:
        seen = audit(port, settings=Settings(timeout=2))
    assert seen.failure is None and seen.certificate
    answers = accepted(seen)
    assert answers["TLSv1.3"] is True
    assert answers["TLSv1.1"] is None and reason in reasons(seen)["TLSv1.1"]
    assert seen.security and seen.security.weak_unknown


def test_closing_without_a_word_is_a_refusal() -> None:
    """The twin: many servers turn away in this way what they do not want."""
    with serve(raw_hello_only(faults.closing, tls.modern(LEAF))) as port:
        seen = audit(port, settings=Settings(timeout=2))
    assert accepted(seen) == dict.fromkeys(TLS_VERSIONS, False) | {"TLSv1.3": True}


@pytest.mark.parametrize(("server", "reason", "words"), [
    (faults.silent, "timeout", "did not answer"),
    (faults.closing, "closed", "without an answer"),
    (faults.resetting, "reset", "reset"),
    (faults.http, "not_tls", "HTTP"),
    (faults.speaking(b"SSH-2.0-OpenSSH_9.2\r\n"), "not_tls", "SSH"),
    (faults.endless(faults.record(22, faults.message(0, b""))), "handshake", ""),
    (faults.huge_certificate(), "handshake", "more certificates than"),
    (faults.answering(b"\x15\x03\x03\x00\x02\x02\x70"), "alert", "unrecognized name"),
], ids=["silent", "closing", "resetting", "http", "ssh", "endless", "huge", "alert"])
def test_every_failure_has_its_reason_inside_the_deadline(server: Dialogue, reason: str, words: str
                                                          ) -> None:
    """One word for machines, a sentence for people, and no second more than was given."""
    started = time.monotonic()
    with serve(server) as port:
        seen = audit(port, settings=Settings(timeout=1))
        took = time.monotonic() - started
    assert seen.failure and seen.failure.reason == reason
    assert words in seen.failure.message
    assert took < 2


def test_refused_and_unresolvable() -> None:
    """Failures before there is a connection."""
    with faults.refusing() as port:
        seen = audit(port)
    assert seen.failure and seen.failure.reason == "refused"
    seen = audit(443, domain="no.such.name.invalid", address=None)
    assert seen.failure and seen.failure.reason == "dns"
    assert "no.such.name.invalid" in seen.failure.message


def test_a_byte_at_a_time_is_slow_but_read(tmp_path: Path) -> None:
    """Nothing depends on how the bytes come."""
    with nginx(tmp_path, Site(LEAF.write(tmp_path))) as server, \
            serve(proxies.trickling(server.ports[0], 0.0002)) as port:
        seen = audit(port, settings=Settings(timeout=10))
    assert seen.failure is None and seen.certificate and reasons(seen) == {}


def test_a_dead_first_address_does_not_cost_the_audit() -> None:
    """localhost is ::1 first on most systems, where nothing listens here."""
    families = {family for family, *_ in socket.getaddrinfo("localhost", 1)}
    with serve(tls.modern(LEAF)) as port:
        seen = audit(port, domain="localhost", address=None)
    assert seen.failure is None and seen.handshake and seen.handshake.address == "127.0.0.1"
    assert socket.AF_INET in families


def test_two_hundred_silent_servers_take_one_timeout(tmp_path: Path) -> None:
    """Nobody stands in line behind the dead; the living among them are known at once."""
    with nginx(tmp_path, Site(LEAF.write(tmp_path))) as server, faults.unanswered() as dead:
        targets = [(Target("a.example", dead if n % 2 else server.ports[0], "127.0.0.1"), None)
                   for n in range(200)]
        started = time.monotonic()
        order = [(index, seen.failure) for index, seen in audit_all(targets, Settings(timeout=3))]
        took = time.monotonic() - started
    assert sorted(index for index, _ in order) == list(range(200))
    assert {index % 2 for index, failure in order[:100]} == {0}
    assert all(failure and failure.reason == "timeout" for _, failure in order[100:])
    assert took < 2 * 3


def test_an_audit_that_is_given_up_leaves_nothing_open(tmp_path: Path) -> None:
    """Closing the iterator closes its connections, whatever they wait for."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    with serve(faults.silent) as silent, nginx(tmp_path, Site(LEAF.write(tmp_path))) as server:
        ports = [server.ports[0], *[silent] * 20]
        audits = audit_all([(Target("a.example", port, "127.0.0.1"), None) for port in ports],
                           Settings(timeout=30))
        assert next(audits)[0] == 0
        audits.close()  # type: ignore[attr-defined]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_fault_of_our_own_is_told_and_spares_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong inside, the other targets have their results."""
    def broken(target: Target, settings: Settings, address: str | None) -> way.Way | None:
        if target.domain == "broken.example":
            raise ZeroDivisionError("inside")
        return original(target, settings, address)

    original = way.way_of
    monkeypatch.setattr("zabbix_ssl.probing.audit.way_of", broken)
    with ExitStack() as stack:
        port = stack.enter_context(serve(tls.modern(LEAF)))
        seen = dict(audit_all([(Target(domain, port, "127.0.0.1"), None)
                               for domain in ("broken.example", "a.example")], Settings(timeout=5)))
    failure = seen[0].failure
    assert failure and failure.reason == "internal" and "ZeroDivisionError" in failure.message
    assert seen[1].failure is None
