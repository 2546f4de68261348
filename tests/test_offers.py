"""What servers accept: every meaning of an answer, and real servers beside other judges."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from xml.etree import ElementTree

import openssl102
import pytest

from testbed import faults, pki, tls
from testbed.nginx import ANY_CIPHER, Site, nginx
from testbed.openssl import s_server
from testbed.serving import serve
from zabbix_ssl.model import TLS_VERSIONS, Failure, Offer
from zabbix_ssl.probing import hello, offers, suites
from zabbix_ssl.probing.flights import Flight, FlightReader
from zabbix_ssl.probing.offers import Answer, Conversation, Question, WeakCiphers
from zabbix_ssl.probing.replies import Reply

T = TypeVar("T")
Needs = Callable[[str], str]

ROOT = pki.Authority("Root", key="rsa2048")
LEAF = ROOT.leaf("a.example", key="rsa2048")
YES, NO = Offer(True), Offer(False)


# --- a driver with blocking sockets

def ask(port: int, question: Question, seconds: float = 5) -> Answer:
    """One question over one connection, with the failures that the network floor would tell."""
    received = b""
    try:
        with socket.create_connection(("127.0.0.1", port), seconds) as connection:
            connection.sendall(question.hello)
            while data := connection.recv(65536):
                received += data
                reply = question.read(received)
                if reply is not None:
                    return reply
    except ConnectionResetError:
        return Failure("reset", "the server reset the connection")
    except TimeoutError:
        return Failure("timeout", "the server did not answer in time")
    return Failure("handshake" if received else "closed", "the server closed the connection")


def hold(conversation: Conversation[T], answer: Callable[[Question], Answer]) -> tuple[T, int]:
    """The result of a conversation, and how many questions it took."""
    asked = 0
    try:
        question = next(conversation)
        while True:
            asked += 1
            question = conversation.send(answer(question))
    except StopIteration as end:
        return end.value, asked


def versions(port: int, seconds: float = 5) -> dict[str, Offer]:
    """All that is to be known of a server's versions."""
    found: dict[str, Offer] = {}
    for conversation in (offers.sslv2(), offers.old_versions("a.example"),
                         offers.tls12("a.example"), offers.tls13("a.example")):
        found |= hold(conversation, lambda question: ask(port, question, seconds))[0]
    assert sorted(found) == sorted(TLS_VERSIONS)
    return found


def accepted(port: int) -> set[str]:
    """The versions that a server accepts, nothing being unknown."""
    found = versions(port)
    assert {offer.accepted for offer in found.values()} <= {True, False}, found
    return {version for version, offer in found.items() if offer.accepted}


def weak(port: int, version: str = "TLSv1.2") -> WeakCiphers:
    return hold(offers.weak_ciphers("a.example", version), lambda question: ask(port, question))[0]


# --- what an answer means

def scripted(conversation: Conversation[T], *answers: Answer) -> T:
    """The result of a conversation in which these answers come, one after another, and no more are
    wanted."""
    left = list(answers)
    result, _ = hold(conversation, lambda _: left.pop(0))
    assert not left
    return result


def server_hello(version: str, cipher: int = 0x002F) -> Reply:
    return Reply("server_hello", version, cipher, detail=version)


def alert(name: str) -> Reply:
    return Reply("alert", alert=name, detail=f"the alert {name}")


CLOSED = Failure("closed", "closed without an answer")
RESET = Failure("reset", "the server reset the connection")
TIMEOUT = Failure("timeout", "the server did not answer in time")
GARBAGE = Reply("garbage", detail="a record of 20000 bytes")
PLAIN = Reply("not_tls", detail="an HTTP server")
NONSENSE = Reply("server_hello", "", 0x002F, detail="version 0x0305")

REFUSALS = ("protocol_version", "insufficient_security", "export_restriction", "internal_error",
            "inappropriate_fallback", "close_notify")
COMPLAINTS = ("decode_error", "illegal_parameter", "unexpected_message", "unsupported_extension",
              "missing_extension", "record_overflow", "bad_record_mac")
OTHER_MATTERS = ("unrecognized_name", "access_denied", "certificate_required", "unknown_ca",
                 "no_application_protocol", "alert_238")


@pytest.mark.parametrize("answer", [CLOSED, *map(alert, (*REFUSALS, *COMPLAINTS))])
def test_a_refusal_is_a_no(answer: Answer) -> None:
    """An alert about version, suites or the hello itself, and a close in good order."""
    assert scripted(offers.tls13("a"), answer) == {"TLSv1.3": NO}
    twice = answer == alert("insufficient_security")  # it may want the rare suites
    assert scripted(offers.tls12("a"), *[answer] * (1 + twice)) == {"TLSv1.2": NO}
    assert scripted(offers.sslv2(), answer) == {"SSLv2": NO}
    assert scripted(offers.weak_ciphers("a"), answer) == WeakCiphers((), "")


@pytest.mark.parametrize(("answer", "reason"), [
    (RESET, "the server reset the connection"), (TIMEOUT, "the server did not answer in time"),
    (Failure("handshake", "closed in the middle"), "closed in the middle"),
    (GARBAGE, "the server answered with a record of 20000 bytes"),
    (PLAIN, "an HTTP server answered"),
    (NONSENSE, "the server answered with version 0x0305"),
    *((alert(name), f"the server answered with the alert {name}") for name in OTHER_MATTERS)])
def test_what_says_nothing_of_the_question_is_unknown_and_says_why(answer: Answer, reason: str
                                                                  ) -> None:
    """The twin: never a no."""
    unknown = Offer(None, reason)
    assert scripted(offers.tls13("a"), answer) == {"TLSv1.3": unknown}
    assert scripted(offers.tls12("a"), answer) == {"TLSv1.2": unknown}
    assert scripted(offers.weak_ciphers("a"), answer) == WeakCiphers((), reason)
    if not (isinstance(answer, Reply) and answer.kind == "alert"):
        again = [answer] if answer == RESET else []  # see below
        assert scripted(offers.sslv2(), answer, *again) == {"SSLv2": unknown}


def test_a_reset_in_answer_to_sslv2_is_looked_into() -> None:
    """Who closes in good order when given the first bytes alone has reset because of the others."""
    assert scripted(offers.sslv2(), RESET, Failure("closed", "")) == {"SSLv2": NO}
    assert scripted(offers.sslv2(), RESET, TIMEOUT) == {"SSLv2": Offer(None, TIMEOUT.message)}
    hellos: list[bytes] = []

    def answer(question: Question) -> Answer:
        hellos.append(question.hello)
        return RESET

    hold(offers.sslv2(), answer)
    assert hellos[0].startswith(hellos[1]) and len(hellos[1]) == 5


@pytest.mark.parametrize("name", [*OTHER_MATTERS, "handshake_failure"])
def test_any_alert_is_a_no_to_sslv2(name: str) -> None:
    """Whoever sends one speaks TLS."""
    assert scripted(offers.sslv2(), alert(name)) == {"SSLv2": NO}


def test_sslv2_is_accepted_by_its_own_answer_alone() -> None:
    """Its SERVER-HELLO is a yes and its ERROR a no; a ServerHello of TLS tells nothing."""
    assert scripted(offers.sslv2(), Reply("sslv2_server_hello", "SSLv2")) == {"SSLv2": YES}
    assert scripted(offers.sslv2(), Reply("sslv2_error", "SSLv2")) == {"SSLv2": NO}
    found = scripted(offers.sslv2(), server_hello("TLSv1.0"))
    assert found == {"SSLv2": Offer(None, "the server answered with TLSv1.0")}


def test_tls13_is_accepted_by_hello_or_retry() -> None:
    """An older version in the answer is a no; a suite of another version is nonsense."""
    assert scripted(offers.tls13("a"), server_hello("TLSv1.3", 0x1301)) == {"TLSv1.3": YES}
    retry = Reply("hello_retry_request", "TLSv1.3", 0x1302, detail="TLSv1.3")
    assert scripted(offers.tls13("a"), retry) == {"TLSv1.3": YES}
    assert scripted(offers.tls13("a"), server_hello("TLSv1.2")) == {"TLSv1.3": NO}
    spoilt = scripted(offers.tls13("a"), server_hello("TLSv1.3", 0x002F))["TLSv1.3"]
    assert spoilt == Offer(None, "the server answered with a cipher that was not offered")


def test_tls12_is_asked_again_with_rare_suites_where_that_may_help() -> None:
    """After a handshake_failure, not after a refusal of the version."""
    failure = alert("handshake_failure")
    assert scripted(offers.tls12("a"), server_hello("TLSv1.2")) == {"TLSv1.2": YES}
    assert scripted(offers.tls12("a"), failure, server_hello("TLSv1.2", 0x00A6)) == {"TLSv1.2": YES}
    assert scripted(offers.tls12("a"), failure, failure) == {"TLSv1.2": NO}
    assert scripted(offers.tls12("a"), failure, TIMEOUT) == {
        "TLSv1.2": Offer(None, TIMEOUT.message)}
    assert scripted(offers.tls12("a"), server_hello("TLSv1.1")) == {"TLSv1.2": NO}
    newer = scripted(offers.tls12("a"), server_hello("TLSv1.3", 0x1301))["TLSv1.2"]
    assert newer == Offer(None, "the server answered with TLSv1.3, which was not offered")


@pytest.mark.parametrize(("to_old", "to_weak", "shown"), [
    (CLOSED, server_hello("TLSv1.2", 0x000A), True),
    (CLOSED, server_hello("TLSv1.1", 0x000A), False),
    (alert("protocol_version"), alert("handshake_failure"), True),
    (alert("protocol_version"), alert("insufficient_security"), True),
    (alert("protocol_version"), alert("protocol_version"), False),
    (alert("handshake_failure"), alert("handshake_failure"), False),
    (server_hello("TLSv1.1"), alert("handshake_failure"), False),
    (CLOSED, alert("handshake_failure"), False),
    (alert("protocol_version"), CLOSED, False),
    (RESET, TIMEOUT, False),
])
def test_two_answers_may_show_tls12(to_old: Answer, to_weak: Answer, shown: bool) -> None:
    """A server that refuses TLS 1.1 for its version and weak ciphers for themselves has TLS 1.2."""
    assert offers.shows_tls12(to_old, to_weak) is shown


@pytest.mark.parametrize(("answers", "tls11", "tls10", "sslv3"), [
    # one refusal speaks for all
    ((alert("protocol_version"),), NO, NO, NO),
    ((alert("handshake_failure"),), NO, NO, NO),
    ((alert("internal_error"),), NO, NO, NO),
    ((CLOSED,), NO, NO, NO),
    # an accepted version steps down
    ((server_hello("TLSv1.1"), alert("protocol_version")), YES, NO, NO),
    ((server_hello("TLSv1.1"), server_hello("TLSv1.0"), CLOSED), YES, YES, NO),
    ((server_hello("TLSv1.1"), server_hello("TLSv1.0"), server_hello("SSLv3")), YES, YES, YES),
    # an older version than asked leaves none between
    ((server_hello("TLSv1.0"), alert("handshake_failure")), NO, YES, NO),
    ((server_hello("SSLv3"),), NO, NO, YES),
    ((server_hello("TLSv1.1"), server_hello("SSLv3")), YES, NO, YES),
    # a server that cannot read a hello is asked with older ones
    ((alert("decode_error"), server_hello("TLSv1.0"), server_hello("SSLv3")), NO, YES, YES),
    ((alert("illegal_parameter"), alert("decode_error"), server_hello("SSLv3")), NO, NO, YES),
    ((alert("unexpected_message"),) * 3, NO, NO, NO),
    # what tells nothing leaves that one unknown
    ((RESET, server_hello("TLSv1.0"), CLOSED), Offer(None, RESET.message), YES, NO),
    ((RESET, RESET, RESET), *[Offer(None, RESET.message)] * 3),
    ((GARBAGE, alert("protocol_version")),
     Offer(None, f"the server answered with {GARBAGE.detail}"), NO, NO),
    ((server_hello("TLSv1.1"), NONSENSE, server_hello("SSLv3")), YES,
     Offer(None, f"the server answered with {NONSENSE.detail}"), YES),
    ((server_hello("TLSv1.2"), CLOSED),
     Offer(None, "the server answered with TLSv1.2, which was not offered"), NO, NO),
    ((server_hello("TLSv1.1", 0x1301), CLOSED),
     Offer(None, "the server answered with a cipher that was not offered"), NO, NO),
    ((server_hello("TLSv1.0", 0x1301), CLOSED),
     NO, Offer(None, "the server answered with a cipher that was not offered"), NO),
    # and what will most likely last leaves all that are left unknown, without asking
    ((TIMEOUT,), *[Offer(None, TIMEOUT.message)] * 3),
    ((server_hello("TLSv1.1"), TIMEOUT), YES, *[Offer(None, TIMEOUT.message)] * 2),
    ((PLAIN,), *[Offer(None, "an HTTP server answered")] * 3),
    ((alert("unrecognized_name"),),
     *[Offer(None, "the server answered with the alert unrecognized_name")] * 3),
])
def test_old_versions(answers: tuple[Answer, ...], tls11: Offer, tls10: Offer, sslv3: Offer
                      ) -> None:
    """Every way down the ladder."""
    assert scripted(offers.old_versions("a"), *answers) == {
        "TLSv1.1": tls11, "TLSv1.0": tls10, "SSLv3": sslv3}


def test_the_questions_ask_for_one_version_each() -> None:
    """The hellos go out with the version, the suites and the server name of their question."""
    sent: list[bytes] = []

    def answer(question: Question) -> Answer:
        sent.append(question.hello)
        return server_hello(("TLSv1.1", "TLSv1.0", "SSLv3")[len(sent) - 1])

    hold(offers.old_versions("a.example"), answer)
    assert [record[9:11] for record in sent] == [b"\3\2", b"\3\1", b"\3\0"]
    assert [b"a.example" in record for record in sent] == [True, True, False]
    for version in ("TLSv1.0", "TLSv1.2", "TLSv1.3"):
        question = offers.any_suite("a.example", version)
        assert question.hello[9:11] == min(
            hello.VERSION_CODES[version], 0x0303).to_bytes(2)
        assert question.read(faults.record(faults.ALERT, b"\2\x46")) == alert("protocol_version")


def test_weak_ciphers_are_taken_off_the_offer_one_by_one() -> None:
    """Each round offers what is left; the names come in the order of the server."""
    rounds: list[bytes] = []
    picks = iter((0x000A, 0x0005))

    def answer(question: Question) -> Answer:
        rounds.append(question.hello)
        pick = next(picks, None)
        return alert("handshake_failure") if pick is None else server_hello("TLSv1.0", pick)

    found, asked = hold(offers.weak_ciphers("a.example"), answer)
    assert found == WeakCiphers(("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_RC4_128_SHA"), "")
    assert asked == 3
    offered = [faults._offered(record) for record in rounds]
    assert offered[0] - offered[1] == {b"\0\x0a"}
    assert offered[1] - offered[2] == {b"\0\x05"}


@pytest.mark.parametrize(("answer", "why"), [
    (TIMEOUT, TIMEOUT.message), (RESET, RESET.message),
    (server_hello("TLSv1.2", 0x000A), "the server answered with what was not offered"),
    (server_hello("TLSv1.2", 0x002F), "the server answered with what was not offered"),
    (server_hello("TLSv1.3", 0x0005), "the server answered with what was not offered"),
    (NONSENSE, "the server answered with version 0x0305")])
def test_a_round_that_fails_keeps_the_names_before_it(answer: Answer, why: str) -> None:
    """With the reason why there may be more."""
    found = scripted(offers.weak_ciphers("a"), server_hello("TLSv1.2", 0x000A), answer)
    assert found == WeakCiphers(("TLS_RSA_WITH_3DES_EDE_CBC_SHA",), why)


@pytest.mark.parametrize("version", ["SSLv3", "TLSv1.0", "TLSv1.2"])
def test_a_server_that_accepts_everything_is_not_asked_for_ever(version: str) -> None:
    """As many rounds as there are weak suites."""
    everything = suites.weak_at(version)
    found, asked = hold(offers.weak_ciphers("a", version), lambda question: server_hello(
        version, int.from_bytes(min(faults._offered(question.hello) - {b"\0\xff"}))))
    assert asked == len(everything)
    assert found == WeakCiphers(tuple(suites.name_of(code) for code in sorted(everything)), "")


# --- real servers, and other judges of them

def nmap(needs: Needs, port: int) -> dict[str, set[str]]:
    """Version to suites, as nmap's ssl-enum-ciphers and sslv2 see a server."""
    done = subprocess.run(
        [needs("nmap"), "-Pn", "-n", "-p", str(port), "--script", "+ssl-enum-ciphers,+sslv2",
         "127.0.0.1"], capture_output=True, text=True, timeout=120, check=True)
    found: dict[str, set[str]] = {}
    version = ""
    for line in done.stdout.splitlines():
        if re.match(r"\|\s+SSLv2 supported", line):
            found["SSLv2"] = set()
        if match := re.match(r"\|\s+(SSLv3|TLSv1\.\d):\s*$", line):
            version = match[1]
            found[version] = set()
        elif match := re.match(r"\|\s+((?:TLS|SSL)_\w+) \(.*\) - [A-F]$|\|\s+(TLS_\w+) - [A-F]$",
                               line):
            found[version].add(match[1] or match[2])
    return found


def sslscan(needs: Needs, port: int) -> set[str]:
    """The versions that sslscan sees a server accept."""
    done = subprocess.run(
        [needs("sslscan"), "--xml=-", "--no-ciphersuites", "--no-heartbleed", "--no-groups",
         f"127.0.0.1:{port}"], capture_output=True, text=True, timeout=120, check=True)
    return {("SSLv" if one.get("type") == "ssl" else "TLSv") + str(one.get("version"))
            for one in ElementTree.fromstring(done.stdout).iter("protocol")
            if one.get("enabled") == "1"}


def weak_of(names: set[str]) -> set[str]:
    return {name for name in names if suites.weak_classes(name)}


@contextmanager
def old_openssl(folder: Path, ciphers: str, *without: str) -> Iterator[int]:
    """The server of ``openssl102``."""
    if openssl102.library() is None:
        pytest.skip("needs nassl 1")
    files = LEAF.write(folder)
    with subprocess.Popen(
            [sys.executable, openssl102.__file__, files.certificate, files.key, ciphers, *without],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


@pytest.mark.parametrize(("option", "version"), [
    ("-tls1", "TLSv1.0"), ("-tls1_1", "TLSv1.1"), ("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
def test_s_server_accepts_the_version_it_has_and_no_other(
        tmp_path: Path, needs: Needs, option: str, version: str) -> None:
    """OpenSSL 3 with one version at a time."""
    needs("openssl")
    with s_server(tmp_path, option, "-cipher", "ALL:@SECLEVEL=0", files=LEAF.write(tmp_path)
                  ) as port:
        assert accepted(port) == {version}


@pytest.mark.parametrize("groups", ["P-256", "P-384", "P-521", "X448", "ffdhe2048"])
def test_tls13_is_heard_with_any_group(tmp_path: Path, needs: Needs, groups: str) -> None:
    """A server that does not take our key share asks for another."""
    needs("openssl")
    with s_server(tmp_path, "-tls1_3", "-groups", groups, files=LEAF.write(tmp_path)) as port:
        reply = ask(port, offers.any_suite(None, "TLSv1.3"))
        assert isinstance(reply, Reply)
        assert (reply.kind, reply.version) == ("hello_retry_request", "TLSv1.3")
        assert accepted(port) == {"TLSv1.3"}


def test_nginx_beside_sslscan(tmp_path: Path, needs: Needs) -> None:
    """Versions in every combination, a hole among them."""
    needs("nginx")
    files = LEAF.write(tmp_path)
    combinations = ("TLSv1", "TLSv1 TLSv1.1", "TLSv1.1 TLSv1.2", "TLSv1.2 TLSv1.3", "TLSv1.3",
                    "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3", "TLSv1.1 TLSv1.3")
    with nginx(tmp_path, *(Site(files, versions=one, ciphers=ANY_CIPHER) for one in combinations)
               ) as server:
        for configured, port in zip(combinations, server.ports, strict=True):
            expected = {v + ".0" if v == "TLSv1" else v for v in configured.split()}
            assert accepted(port) == expected, configured
            assert sslscan(needs, port) == expected, configured


def test_a_healthy_nginx_costs_three_questions(tmp_path: Path, needs: Needs) -> None:
    """One for SSLv2, one for the old versions, one for the weak ciphers."""
    needs("nginx")
    with nginx(tmp_path, Site(LEAF.write(tmp_path))) as server:
        port, = server.ports
        for conversation in (offers.sslv2(), offers.old_versions("a.example"),
                             offers.weak_ciphers("a.example")):
            assert hold(conversation, lambda question: ask(port, question))[1] == 1
        assert accepted(port) == {"TLSv1.2", "TLSv1.3"}
        assert weak(port) == WeakCiphers((), "")


@pytest.mark.parametrize(("option", "ciphers", "kinds"), [
    ("-tls1_2", "eNULL:!aNULL", {"NULL", "MD5"}),
    ("-tls1_2", "aNULL:!eNULL", {"anonymous"}),
    ("-tls1_1", "eNULL:aNULL:AES128-SHA", {"NULL", "MD5", "anonymous"})])
def test_weak_ciphers_of_s_server_beside_nmap(tmp_path: Path, needs: Needs, option: str,
                                              ciphers: str, kinds: set[str]) -> None:
    """Suites without encryption and without authentication, and no other, as nmap finds them."""
    needs("openssl")
    version = option.replace("-tls", "TLSv").replace("_", ".")
    with s_server(tmp_path, option, "-cipher", f"{ciphers}:@SECLEVEL=0", "-dhparam",
                  str(dh_parameters(tmp_path)), files=LEAF.write(tmp_path)) as port:
        found = weak(port)
        assert accepted(port) == {version}
        judged = nmap(needs, port)
    assert set(judged) == {version}
    assert (set(found.names), found.unknown) == (weak_of(judged[version]), "")
    assert {kind for name in found.names for kind in suites.weak_classes(name)} == kinds


def dh_parameters(folder: Path) -> Path:
    """ffdhe2048 of RFC 7919."""
    path = folder / "dh.pem"
    subprocess.run(["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt",
                    "group:ffdhe2048", "-out", str(path)], check=True, capture_output=True)
    return path


def test_the_openssl_of_the_handshake_as_a_server() -> None:
    """It resets when it is sent a hello of SSLv2, which is a no all the same."""
    with serve(tls.modern(LEAF)) as port:
        assert accepted(port) == {"TLSv1.2", "TLSv1.3"}
        assert weak(port) == WeakCiphers((), "")
    with serve(tls.modern(LEAF, oldest="TLSv1.0", newest="TLSv1.1", ciphers="eNULL")) as port:
        assert accepted(port) == {"TLSv1.0", "TLSv1.1"}
        assert "TLS_ECDHE_RSA_WITH_NULL_SHA" in weak(port).names


@pytest.mark.parametrize(("ciphers", "exchanges", "names"), [
    (("rc4",), ("rsa",), {"TLS_RSA_WITH_RC4_128_MD5", "TLS_RSA_WITH_RC4_128_SHA"}),
    (("3des",), ("rsa", "dhe_rsa"), {"TLS_RSA_WITH_3DES_EDE_CBC_SHA",
                                     "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA"}),
    (("3des",), ("ecdhe_rsa",), {"TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"}),
    (("null",), ("rsa",), {"TLS_RSA_WITH_NULL_MD5", "TLS_RSA_WITH_NULL_SHA"}),
    (("aes128",), ("rsa", "ecdhe_rsa"), set()),
])
def test_tlslite_with_what_openssl_has_dropped(
        ciphers: tuple[str, ...], exchanges: tuple[str, ...], names: set[str]) -> None:
    """RC4, 3DES, NULL and MD5; the twin has none of them."""
    with serve(tls.old(LEAF, oldest="TLSv1.0", newest="TLSv1.1", ciphers=ciphers,
                       exchanges=exchanges)) as port:
        assert accepted(port) == {"TLSv1.0", "TLSv1.1"}
        found = weak(port)
    assert (set(found.names), found.unknown) == (names, "")


@pytest.mark.parametrize(("oldest", "newest", "expected"), [
    ("SSLv3", "SSLv3", {"SSLv3"}), ("SSLv3", "TLSv1.0", {"SSLv3", "TLSv1.0"}),
    ("SSLv3", "TLSv1.2", {"SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2"}),
    ("TLSv1.0", "TLSv1.0", {"TLSv1.0"}), ("TLSv1.1", "TLSv1.2", {"TLSv1.1", "TLSv1.2"})])
def test_tlslite_with_sslv3(oldest: str, newest: str, expected: set[str]) -> None:
    """SSLv3 where it is on, alone or beside others, and not where it is off."""
    with serve(tls.old(LEAF, oldest=oldest, newest=newest, ciphers=("aes128", "aes128gcm"),
                       exchanges=("rsa", "ecdhe_rsa"))) as port:
        assert accepted(port) == expected


@pytest.mark.parametrize(("without", "expected"), [
    ((), {"SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2"}),
    (("NO_SSLv2", "NO_TLSv1_2"), {"SSLv3", "TLSv1.0", "TLSv1.1"}),
    (("NO_TLSv1",), {"SSLv2", "SSLv3", "TLSv1.1", "TLSv1.2"}),
    (("NO_SSLv2", "NO_TLSv1_1"), {"SSLv3", "TLSv1.0", "TLSv1.2"}),
    (("NO_SSLv2", "NO_SSLv3", "NO_TLSv1"), {"TLSv1.1", "TLSv1.2"}),
    (("NO_SSLv3", "NO_TLSv1", "NO_TLSv1_1", "NO_TLSv1_2"), {"SSLv2"})])
def test_an_openssl_of_2015_beside_nmap(tmp_path: Path, needs: Needs, without: tuple[str, ...],
                                        expected: set[str]) -> None:
    """SSLv2 to TLS 1.2, with holes; every weak suite in each, EXPORT, DES and RC4 among them."""
    with old_openssl(tmp_path, "ALL:COMPLEMENTOFALL", *without) as port:
        assert accepted(port) == expected
        judged = nmap(needs, port)
        assert set(judged) == expected
        for version in expected - {"SSLv2"}:
            found = weak(port, version)
            assert found.unknown == ""
            assert set(found.names) == weak_of(judged[version]), version
            assert {"TLS_RSA_EXPORT_WITH_RC4_40_MD5", "TLS_RSA_WITH_DES_CBC_SHA",
                    "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_ECDH_anon_WITH_NULL_SHA"} <= set(
                        found.names)


def test_an_openssl_of_2015_can_be_set_up_well(tmp_path: Path) -> None:
    """The twin: nothing weak, and the two versions that were good then."""
    with old_openssl(tmp_path, "HIGH:!aNULL:!3DES", "NO_SSLv2", "NO_SSLv3") as port:
        assert accepted(port) == {"TLSv1.0", "TLSv1.1", "TLSv1.2"}
        assert weak(port) == weak(port, "TLSv1.0") == WeakCiphers((), "")


@pytest.mark.parametrize("ciphers", [b"\x01\0\x80\x07\0\xc0", b""])
def test_sslv2_without_ciphers_is_sslv2_still(ciphers: bytes) -> None:
    """DROWN: the scripted server answers with a cipher list that is empty."""
    with serve(faults.ssl2(LEAF.der, ciphers)) as port:
        assert versions(port)["SSLv2"] == YES
        assert versions(port)["TLSv1.3"] == NO  # it closes


@pytest.mark.parametrize(("dialogue", "offer"), [
    (faults.closing, NO),
    (faults.resetting, Offer(None, "the server reset the connection")),
    (faults.silent, Offer(None, "the server did not answer in time")),
    (faults.http, Offer(None, "an HTTP server answered")),
    (faults.ssh, Offer(None, "an SSH server answered")),
    (faults.smtp, Offer(None, "an SMTP server answered")),
    (faults.garbage(7), Offer(None, "something that is not TLS answered")),
    (faults.endless_message, Offer(None, "the server answered with a handshake message in the "
                                   "place of a ServerHello")),
    (faults.endless_handshake, Offer(None, "the server answered with an answer that does not come "
                                     "to an end")),
    (faults.endless_alerts, Offer(None, "the server answered with an answer that does not come to "
                                  "an end")),
    (faults.endless_empty, Offer(None, "the server answered with an answer that does not come to "
                                 "an end")),
])
def test_servers_that_do_not_answer_as_servers_should(dialogue: Callable[[socket.socket], None],
                                                      offer: Offer) -> None:
    """Over real connections: what each is taken for, in every version."""
    with serve(dialogue) as port:
        assert set(versions(port, 0.2).values()) == {offer}


# --- certificates of servers that no current library can shake hands with

def flight(port: int, version: str) -> Flight:
    reader, received = FlightReader(), b""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(offers.any_suite("a.example", version).hello)
        while data := connection.recv(65536):
            received += data
            found = reader(received)
            if found is not None:
                return found
    return reader.seen


@pytest.mark.parametrize(("server", "version", "cipher"), [
    (tls.old(LEAF, oldest="SSLv3", newest="SSLv3", ciphers=("3des",)), "SSLv3", 0x000A),
    (tls.old(LEAF, ciphers=("rc4",)), "TLSv1.0", 0x0004),
    (tls.old(LEAF, oldest="TLSv1.2", newest="TLSv1.2", ciphers=("3des",)), "TLSv1.2", 0x000A),
    (tls.modern(LEAF, oldest="TLSv1.0", newest="TLSv1.1", ciphers="AES128-SHA"), "TLSv1.1", 0x002F),
])
def test_certificates_are_read_in_clear_text(server: Callable[[socket.socket], None], version: str,
                                             cipher: int) -> None:
    """SSLv3 alone, RC4 alone, 3DES alone."""
    with serve(server) as port:
        found = flight(port, version)
    assert (found.version, found.certificates) == (version, LEAF.chain)
    assert found.cipher in (cipher, cipher + 1)
    assert (found.certificate_requested, found.done, found.error) == (False, True, "")


def test_a_wanted_client_certificate_is_seen() -> None:
    """The twin has True where the others have False."""
    with serve(tls.modern(LEAF, newest="TLSv1.2", client_certificate=True)) as port:
        found = flight(port, "TLSv1.2")
    assert found.certificate_requested
    assert found.certificates == LEAF.chain


def test_certificates_of_sm2_come_without_a_handshake() -> None:
    """A key that our OpenSSL does not take, in a flight that breaks off after the certificates."""
    leaf = ROOT.leaf("sm2.example", key="sm2")
    with serve(breaking_off(leaf.chain)) as port:
        found = flight(port, "TLSv1.2")
    assert found == Flight("TLSv1.2", 0xC02F, leaf.chain)


def breaking_off(chain: tuple[bytes, ...]) -> Callable[[socket.socket], None]:
    entries = b"".join(len(one).to_bytes(3) + one for one in chain)
    answer = faults.records(faults.server_hello() + faults.message(
        faults.CERTIFICATE, len(entries).to_bytes(3) + entries))

    def dialogue(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    return dialogue
