"""Ways to a server: proxies, the PROXY protocol, source address, SNI, ALPN, client certificate."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed import faults, tls, ways
from testbed.nginx import Site, nginx
from testbed.openssl import s_server
from testbed.pki import Authority
from testbed.process import program
from testbed.serving import Dialogue, serve
from testbed.starttls import SERVERS
from zabbix_ssl import config, names
from zabbix_ssl.mistakes import ConfigError
from zabbix_ssl.model import Observation, Settings, Target
from zabbix_ssl.probing import audit_all
from zabbix_ssl.probing.proxy_protocol import header
from zabbix_ssl.probing.starttls import Refused
from zabbix_ssl.probing.tunnel import Proxy, tunnel, with_credentials

ROOT = Authority("Ways Root")
LEAF = ROOT.leaf("localhost")
SETTINGS = Settings(timeout=5)
HERE = Path(__file__).resolve().parent.parent


def audit(port: int, *, domain: str = "localhost", address: str | None = "127.0.0.1",
          settings: Settings = SETTINGS, **way: Any) -> Observation:
    """One audit through the door."""
    [(_, seen)] = audit_all([(Target(domain, port, address, **way), None)], settings)
    return seen


def failure(seen: Observation) -> tuple[str, str]:
    """Why it failed."""
    assert seen.failure is not None
    return seen.failure.reason, seen.failure.message


def accepted(seen: Observation) -> list[str]:
    """The versions, of which none may be unknown."""
    assert seen.security
    assert all(offer.accepted is not None for offer in seen.security.versions.values())
    return [version for version, offer in seen.security.versions.items() if offer.accepted]


@contextmanager
def noting(dialogue: Dialogue) -> Iterator[tuple[int, set[str]]]:
    """A server, and the addresses that connected to it."""
    peers: set[str] = set()

    def noted(connection: socket.socket) -> None:
        peers.add(connection.getpeername()[0])
        dialogue(connection)

    with serve(noted) as port:
        yield port, peers


# Proxies

PROXIES: dict[str, Callable[..., Any]] = {
    "http": ways.http_proxy, "socks5": ways.socks_proxy, "socks5h": ways.socks_proxy}
each_proxy = pytest.mark.parametrize("scheme", PROXIES)


@each_proxy
def test_the_whole_audit_goes_through_a_proxy(tmp_path: Path, scheme: str) -> None:
    """The handshake and every raw hello: the server sees the proxy's address alone. The proxy
    resolves the name, and so the server's address is not told."""
    with PROXIES[scheme](tmp_path, outgoing="127.0.0.9") as proxy, \
            noting(tls.modern(LEAF)) as (port, peers):
        seen = audit(port, address=None, proxy=f"{scheme}://127.0.0.1:{proxy}")
    assert seen.failure is None and seen.handshake and seen.chain
    assert seen.handshake.served == LEAF.chain and seen.handshake.address == ""
    assert accepted(seen) == ["TLSv1.2", "TLSv1.3"]
    assert peers == {"127.0.0.9"}


@each_proxy
def test_without_a_proxy_the_server_sees_us(scheme: str) -> None:
    """The twin of the above."""
    with noting(tls.modern(LEAF)) as (port, peers):
        assert audit(port).failure is None
    assert peers == {"127.0.0.1"}


@each_proxy
def test_the_address_of_a_target_is_where_the_proxy_connects(tmp_path: Path, scheme: str) -> None:
    """Then the name need not resolve anywhere, and the address is told."""
    with PROXIES[scheme](tmp_path) as proxy, serve(tls.modern(LEAF)) as port:
        url = f"{scheme}://localhost:{proxy}"
        seen = audit(port, domain="a.invalid", proxy=url)
        lost = audit(port, domain="a.invalid", address=None, proxy=url)
    assert seen.failure is None and seen.handshake and seen.handshake.address == "127.0.0.1"
    assert failure(lost)[0] == "proxy"


@each_proxy
def test_user_and_password_come_from_a_file_or_the_environment(tmp_path: Path, scheme: str) -> None:
    """Right ones lead through; wrong ones and none are told, and never repeated."""
    (tmp_path / "right").write_text("ann:secret\r\n")
    (tmp_path / "wrong").write_text("ann:guess\n")
    with PROXIES[scheme](tmp_path, user="ann", password="secret") as proxy, \
            serve(tls.modern(LEAF)) as port:
        url = f"{scheme}://127.0.0.1:{proxy}"
        assert audit(port, proxy=url, proxy_auth=str(tmp_path / "right")).failure is None
        secret = SETTINGS._replace(proxy_secret="ann:secret")
        assert audit(port, proxy=url, settings=secret).failure is None
        reason, message = failure(audit(port, proxy=url, proxy_auth=str(tmp_path / "wrong")))
        assert reason == "proxy" and "refuses our user name and password" in message
        assert "guess" not in message
        reason, message = failure(audit(port, proxy=url))
        assert reason == "proxy" and "--proxy-auth FILE" in message


def test_a_password_goes_to_its_own_proxy_alone(tmp_path: Path) -> None:
    """Not to another one that the command line names in place of the configured one."""
    (tmp_path / "auth").write_text("ann:secret")
    auth = str(tmp_path / "auth")

    def signs_in(url: str, settings: Settings) -> set[bool]:
        """Whether the proxy that listens is given a password; ``{}`` in ``url`` is its port."""
        heard: set[bool] = set()

        def proxy(connection: socket.socket) -> None:
            words = connection.recv(65536)
            heard.update([b"Proxy-Authorization" in words] if words else [])
            connection.sendall(b"HTTP/1.1 403 No\r\n\r\n")

        with serve(proxy) as port:
            listening = f"http://127.0.0.1:{port}"
            audit(1, proxy=url.format(port), proxy_auth=auth,
                  settings=settings._replace(proxy=settings.proxy and listening))
        return heard

    assert signs_in("http://127.0.0.1:{}", SETTINGS) == {True}
    assert signs_in("http://other.example:1", SETTINGS._replace(proxy="here")) == {False}
    assert signs_in("http://other.example:1", SETTINGS._replace(proxy="here", proxy_auth=auth)) == {
        True}


def test_a_file_of_credentials_that_is_wrong_is_told(tmp_path: Path) -> None:
    """By its name, never by what stands in it."""
    for content in (b"hidden", b":hidden", b"a\0:hidden", b"a:" + b"hidden" * 50, b"\xff:hidden"):
        (tmp_path / "auth").write_bytes(content)
        reason, message = failure(audit(1, proxy="http://127.0.0.1:1",
                                        proxy_auth=str(tmp_path / "auth")))
        assert reason == "config" and str(tmp_path / "auth") in message
        assert "hidden" not in message
    assert failure(audit(1, proxy="http://127.0.0.1:1", proxy_auth=str(tmp_path / "none")))[0] == (
        "config")


def test_what_a_proxy_cannot_or_will_not_do_is_told(tmp_path: Path) -> None:
    """Nothing behind it, a port that it does not allow, nothing where it should be, and a server
    that is no proxy: each in words of its own."""
    with ways.http_proxy(tmp_path, ports=(443,)) as strict, ways.http_proxy(tmp_path) as http, \
            ways.socks_proxy(tmp_path) as socks, faults.refusing() as refused, \
            serve(faults.closing) as closing:
        def told(proxy: str) -> tuple[str, str]:
            return failure(audit(refused, proxy=proxy))

        assert told(f"http://127.0.0.1:{strict}") == (
            "proxy", f"the HTTP proxy 127.0.0.1:{strict} does not allow connections to "
            f"127.0.0.1:{refused}: have them allowed there (403 Access violation)")
        assert told(f"http://127.0.0.1:{http}") == (
            "proxy", f"the HTTP proxy 127.0.0.1:{http} cannot connect to 127.0.0.1:{refused} (500 "
            "Unable to connect)")
        assert told(f"socks5://127.0.0.1:{socks}") == (
            "refused", f"the SOCKS5 proxy 127.0.0.1:{socks} was refused by 127.0.0.1:{refused}: "
            "nothing listens there")
        assert told(f"http://127.0.0.1:{refused}") == (
            "proxy", f"the HTTP proxy 127.0.0.1:{refused}: the connection was refused: nothing "
            "listens on this port, or a firewall rejects it")
        reason, message = told("http://proxy.invalid:3128")
        assert reason == "proxy" and "proxy.invalid does not exist" in message
        reason, message = told(f"http://127.0.0.1:{socks}")
        assert reason == "proxy" and "is none: it said bytes 05 ff" in message
        assert told(f"socks5://127.0.0.1:{closing}") == (
            "proxy", f"the SOCKS5 proxy 127.0.0.1:{closing} closed the connection after its "
            "methods")


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_silent_proxy_ends_in_time(scheme: str) -> None:
    """It, or the server behind it: nobody can tell which."""
    with serve(faults.silent) as port:
        seen = audit(1, proxy=f"{scheme}://127.0.0.1:{port}", settings=Settings(timeout=0.4))
    reason, message = failure(seen)
    assert reason == "timeout" and "it, or the server behind it, is down" in message


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_starttls_behind_a_proxy(tmp_path: Path, scheme: str) -> None:
    """The server's greeting, which may come with the proxy's go-ahead, is not lost."""
    with tempfile.TemporaryDirectory() as short, \
            SERVERS["dovecot"](Path(short), LEAF.write(tmp_path)) as ports, \
            PROXIES[scheme](tmp_path) as proxy:
        seen = audit(ports["imap"], starttls="imap", proxy=f"{scheme}://127.0.0.1:{proxy}")
    assert seen.failure is None and seen.handshake and seen.handshake.served == LEAF.chain
    assert "TLSv1.2" in accepted(seen)


def test_a_greeting_that_comes_with_the_go_ahead_is_the_servers() -> None:
    """In one packet, which no real proxy can be made to do at will; and where no protocol is
    spoken before TLS, it is told that the server speaks something else."""
    def proxy(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n* OK IMAP4rev1 ready\r\n")
        faults.silent(connection)

    with serve(proxy) as port:
        url = f"http://127.0.0.1:{port}"
        short = Settings(timeout=0.5)
        assert failure(audit(143, starttls="imap", proxy=url, settings=short)) == (
            "timeout", "the server did not answer in time, in IMAP before TLS")
        assert failure(audit(143, starttls="smtp", proxy=url))[0] == "starttls"
        assert failure(audit(1, proxy=url))[0] == "not_tls"


# Their dialogues, without sockets

def play(proxy: Proxy, *answers: bytes, size: int = 65536) -> tuple[bytes, bytes]:
    """What is said to a proxy that answers so, in pieces of ``size``, and what is returned."""
    pieces = [answer[at:at + size] for answer in answers for at in range(0, len(answer), size)]
    steps = tunnel(proxy, "a.example", 443)
    said = next(steps)
    for piece in (*pieces, b""):
        try:
            said += steps.send(piece)
        except StopIteration as end:
            return said, end.value
    raise AssertionError("goes on after the end")


HTTP, SOCKS = Proxy("http", "p", 1), Proxy("socks5", "p", 1)
HTTP_ASKS = b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n"
SOCKS_ASKS = b"\5\1\0\5\1\0\3\x09a.example\1\xbb"
SOCKS_USER_ASKS = b"\5\2\0\2\1\1a\1b\5\1\0\3\x09a.example\1\xbb"

#: proxy, answers, what is said
GOOD = [
    (HTTP, (b"HTTP/1.1 200 Connection established\r\n\r\n",), HTTP_ASKS + b"\r\n"),
    (HTTP, (b"HTTP/1.0 200\nX: y\n\n",), HTTP_ASKS + b"\r\n"),
    (HTTP, (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 Fine\r\n\r\n",), HTTP_ASKS + b"\r\n"),
    (with_credentials(HTTP, "a:b"), (b"HTTP/1.1 200 OK\r\n\r\n",),
     HTTP_ASKS + b"Proxy-Authorization: Basic YTpi\r\n\r\n"),
    (SOCKS, (b"\5\0", b"\5\0\0\1\x7f\0\0\1\1\2"), SOCKS_ASKS),
    (SOCKS, (b"\5\0", b"\5\0\0\3\2ab\1\2"), SOCKS_ASKS),
    (SOCKS, (b"\5\0", b"\5\0\0\4" + bytes(18)), SOCKS_ASKS),
    (with_credentials(SOCKS, "a:b"), (b"\5\2", b"\1\0", b"\5\0\0\1" + bytes(6)), SOCKS_USER_ASKS),
]


@pytest.mark.parametrize(("proxy", "answers", "asks"), GOOD)
@pytest.mark.parametrize("size", [65536, 1])
def test_a_dialogue_ends_at_the_servers_first_byte(
        proxy: Proxy, answers: tuple[bytes, ...], asks: bytes, size: int) -> None:
    """Whole and byte by byte; what comes behind is handed on."""
    assert play(proxy, *answers, size=size) == (asks, b"")
    assert play(proxy, *answers[:-1], answers[-1] + b"early") == (asks, b"early")


@pytest.mark.parametrize(("proxy", "answers", "asks"), GOOD)
def test_a_dialogue_that_is_cut_short_is_refused(
        proxy: Proxy, answers: tuple[bytes, ...], asks: bytes) -> None:
    """After each byte."""
    whole = b"".join(answers)
    for end in range(len(whole)):
        with pytest.raises(Refused) as caught:
            play(proxy, *([whole[:end]] if end else []), size=1)
        assert caught.value.failure.reason == "proxy"


@pytest.mark.parametrize("proxy", [HTTP, SOCKS, with_credentials(SOCKS, "a:b")])
@given(answer=st.binary(min_size=1, max_size=300))
def test_nonsense_is_refused_or_handed_on(proxy: Proxy, answer: bytes) -> None:
    """Nothing but Refused is raised, whatever a proxy says."""
    for start in (b"", b"HTTP/1.1 ", b"\5\0\5\0\0", b"\5\2\1\0\5\0\0"):
        try:
            play(proxy, start + answer, size=7)
        except Refused as refused:
            assert refused.failure.reason in ("proxy", "refused", "unreachable", "timeout")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200,
                                    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 9000, b"H" * 9000])
def test_an_answer_without_end_is_refused(answer: bytes) -> None:
    """By lines and by bytes."""
    with pytest.raises(Refused, match=r"says more than|line of more than"):
        play(HTTP, answer)


@pytest.mark.parametrize(("code", "reason"), [
    (1, "proxy"), (2, "proxy"), (3, "unreachable"), (4, "unreachable"), (5, "refused"),
    (6, "timeout"), (7, "proxy"), (8, "proxy"), (99, "proxy")])
def test_the_replies_of_socks(code: int, reason: str) -> None:
    """RFC 1928 section 6, and one that it does not have."""
    with pytest.raises(Refused) as caught:
        play(SOCKS, b"\5\0", bytes((5, code, 0, 1)) + bytes(6))
    assert caught.value.failure.reason == reason


# The PROXY protocol

each_version = pytest.mark.parametrize("version", ["v1", "v2"])

#: As the specification shows them (sections 2.1 and 2.2).
HEADERS = [
    ("v1", ("192.0.2.1", 65535), ("198.51.100.2", 443),
     b"PROXY TCP4 192.0.2.1 198.51.100.2 65535 443\r\n"),
    ("v1", ("2001:db8::1", 1), ("::1", 2), b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n"),
    ("v1", None, None, b"PROXY UNKNOWN\r\n"),
    ("v2", ("192.0.2.1", 65535), ("198.51.100.2", 443), bytes.fromhex(
        "0d0a0d0a000d0a515549540a 21 11 000c c0000201 c6336402 ffff 01bb")),
    ("v2", ("2001:db8::1", 1), ("::1", 2), bytes.fromhex(
        "0d0a0d0a000d0a515549540a 21 21 0024 20010db8000000000000000000000001"
        "00000000000000000000000000000001 0001 0002")),
    ("v2", None, None, bytes.fromhex("0d0a0d0a000d0a515549540a 20 00 0000")),
]


@pytest.mark.parametrize(("version", "source", "destination", "expected"), HEADERS)
def test_a_header_is_as_specified(version: str, source: tuple[str, int] | None,
                                  destination: tuple[str, int] | None, expected: bytes) -> None:
    """Byte by byte."""
    assert header(version, source, destination) == expected


@each_version
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_nginx_and_haproxy_take_the_header(tmp_path: Path, version: str, address: str) -> None:
    """Of both versions and families, before the handshake and before each raw hello."""
    files = LEAF.write(tmp_path)
    with nginx(tmp_path, Site(files, address=address, listen="proxy_protocol")) as server, \
            ways.haproxy(tmp_path, files) as haproxy:
        seen = [audit(server.ports[0], address=address, proxy_protocol=version)]
        seen += [audit(haproxy, proxy_protocol=version)] if address == "127.0.0.1" else []
        bare = [audit(server.ports[0], address=address), audit(haproxy)]
    for one in seen:
        assert one.failure is None and one.handshake and one.handshake.served == LEAF.chain
        assert accepted(one) == ["TLSv1.2", "TLSv1.3"]
    assert {failure(one)[0] for one in bare} <= {"reset", "closed"}


@each_version
def test_the_header_comes_behind_the_proxy_and_before_starttls(tmp_path: Path, version: str
                                                               ) -> None:
    """Through a real proxy to a real server that wants it."""
    with nginx(tmp_path, Site(LEAF.write(tmp_path), listen="proxy_protocol")) as server, \
            ways.http_proxy(tmp_path) as proxy:
        seen = audit(server.ports[0], proxy_protocol=version, proxy=f"http://127.0.0.1:{proxy}")
    assert seen.failure is None and accepted(seen) == ["TLSv1.2", "TLSv1.3"]


@each_version
def test_a_server_that_expects_no_header_is_told_apart(tmp_path: Path, version: str) -> None:
    """The twin: its answer alone would lead astray."""
    with nginx(tmp_path, Site(LEAF.write(tmp_path))) as server:
        reason, message = failure(audit(server.ports[0], proxy_protocol=version))
    assert reason == "not_tls"
    assert message.endswith("(we began with a PROXY protocol header: does the server expect one?)")


# Source address

def test_connections_come_from_the_source_address() -> None:
    """All of them."""
    with noting(tls.modern(LEAF)) as (port, peers):
        seen = audit(port, source_address="127.0.0.77")
    assert seen.failure is None and accepted(seen) == ["TLSv1.2", "TLSv1.3"]
    assert peers == {"127.0.0.77"}


@pytest.mark.parametrize(("source", "message"), [
    ("192.0.2.77", "cannot connect from 192.0.2.77: it is no address of this machine"),
    ("::1", "cannot connect from ::1: there is no address of the same kind to connect to, but "
     "127.0.0.1"),
])
def test_a_source_address_that_cannot_be_is_told(source: str, message: str) -> None:
    """Not of this machine, or of the other family."""
    with serve(tls.modern(LEAF)) as port:
        assert failure(audit(port, source_address=source)) == ("unreachable", message)


def test_the_source_address_picks_the_family(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a name with both, only addresses of its own are tried."""
    def both(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET6, 1, 6, "", ("::1", port, 0, 0)),
                (socket.AF_INET, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with serve(tls.modern(LEAF)) as port:
        seen = audit(port, domain="both.example", address=None, source_address="127.0.0.5")
    assert seen.failure is None and seen.handshake and seen.handshake.address == "127.0.0.1"


# SNI, ALPN

def test_the_server_name_decides_who_answers(tmp_path: Path) -> None:
    """The domain by default, another name, an international one, or none; the host name check
    stays with the domain."""
    one, other, first = (ROOT.leaf(name) for name in ("one.example", "xn--bcher-kva.example",
                                                      "first.example"))
    sites = [Site(leaf.write(tmp_path), (name,)) for leaf, name in (
        (first, "first.example"), (one, "one.example"), (other, "xn--bcher-kva.example"))]
    with nginx(tmp_path, sites) as server:
        def answers(**way: Any) -> tuple[bytes, bool | None]:
            seen = audit(server.ports[0], domain="one.example", **way)
            assert seen.handshake and seen.chain
            return seen.handshake.served[0], seen.chain.hostname_match

        assert answers() == (one.der, True)
        assert answers(sni="Bücher.example") == (other.der, False)
        assert answers(sni="none") == (first.der, False)
        assert answers(sni="none", settings=SETTINGS._replace(sni="one.example")) == (one.der, True)


@pytest.mark.parametrize(("alpn", "chosen"), [
    (None, "h2"), ("none", ""), ("foo", "foo"), ("bar,foo", "foo"), ("bar", None)])
def test_application_protocols_are_offered_as_asked(tmp_path: Path, alpn: str | None,
                                                    chosen: str | None) -> None:
    """A server that knows none of them refuses, as it does to every client (RFC 7301)."""
    with s_server(tmp_path, "-alpn", "foo,h2", files=LEAF.write(tmp_path)) as port:
        seen = audit(port, alpn=alpn)
    if chosen is None:
        assert failure(seen) == ("alert", "the server refuses the handshake: no application "
                                 "protocol")
    else:
        assert seen.failure is None and seen.handshake and seen.handshake.alpn == chosen


# Client certificates

CLIENTS = Authority("Client Root")
CLIENT = CLIENTS.authority("Client CA").leaf("client")
STRANGER = Authority("Other Root").leaf("stranger")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """me.pem, me.key, both.pem, other.pem, other.key, me.p12, open.p12, enc.key, password."""
    folder = tmp_path_factory.mktemp("client")
    CLIENT.write(folder, "me")
    STRANGER.write(folder, "other")
    (folder / "ca.pem").write_bytes(CLIENTS.pem)
    (folder / "password").write_text("secret\n")
    (folder / "both.pem").write_bytes(CLIENT.pem + CLIENT.key_pem)
    export = ("pkcs12", "-export", "-in", "me.pem", "-inkey", "me.key")
    for words in ((*export, "-out", "me.p12", "-passout", "pass:secret"),
                  (*export, "-out", "open.p12", "-passout", "pass:"),
                  ("pkey", "-in", "me.key", "-aes256", "-passout", "pass:secret", "-out",
                   "enc.key")):
        subprocess.run([program("openssl"), *words], cwd=folder, check=True, capture_output=True)
    return folder


@contextmanager
def demanding(folder: Path, files: Path, version: str) -> Iterator[tuple[int, Callable[[], str]]]:
    """openssl s_server that wants a certificate of CLIENTS; its port, and what it has logged."""
    with s_server(folder, "-Verify", "3", "-verify_return_error", "-CAfile", str(files / "ca.pem"),
                  version, files=LEAF.write(folder)) as port:
        yield port, lambda: next(folder.glob("s_server-*.log")).read_text(errors="replace")


def paths(folder: Path, shown: dict[str, str]) -> dict[str, Any]:
    """Fields of a target that name files of the folder."""
    return {field: str(folder / name) for field, name in shown.items()}


SHOWN = [{"cert": "me.pem", "key": "me.key"}, {"cert": "both.pem"},
         {"cert": "me.p12", "key_password": "password"}, {"cert": "open.p12"},
         {"cert": "me.pem", "key": "enc.key", "key_password": "password"},
         {"cert": "both.pem", "key_password": "password"}]  # not needed, and no harm
each_tls = pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])


@each_tls
@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: "+".join(shown.values()))
def test_a_client_certificate_is_shown(tmp_path: Path, files: Path, version: str,
                                       shown: dict[str, str]) -> None:
    """In each kind of file, with its intermediate: the server verifies the whole chain."""
    with demanding(tmp_path, files, version) as (port, log):
        seen = audit(port, **paths(files, shown))
        assert seen.failure is None and seen.handshake
        assert seen.handshake.client_certificate_requested
        assert "depth=0 CN = client\nverify return:1" in log()


@each_tls
def test_a_client_certificate_that_is_refused_is_a_failure(
        tmp_path: Path, files: Path, version: str) -> None:
    """Also in TLS 1.3, where the no comes behind the handshake; the facts are there."""
    with demanding(tmp_path, files, version) as (port, log):
        seen = audit(port, cert=str(files / "other.pem"), key=str(files / "other.key"))
        assert failure(seen) == (
            "alert", "the server refuses the handshake: unknown ca (after our client certificate: "
            "does the server trust who issued it?)")
        assert seen.certificate and seen.certificate.der == LEAF.der
        bare = audit(port)
        assert bare.failure is None and "depth=0 CN = client" not in log()


def test_nginx_asks_and_is_content(tmp_path: Path, files: Path) -> None:
    """It lets every handshake pass and refuses in HTTP; no second is lost with waiting for it."""
    site = Site(LEAF.write(tmp_path), directives=(
        f"ssl_verify_client on; ssl_client_certificate {files / 'ca.pem'}; ssl_verify_depth 3;"))
    with nginx(tmp_path, site) as server:
        seen = audit(server.ports[0], cert=str(files / "both.pem"))
    assert seen.failure is None and seen.handshake
    assert seen.handshake.client_certificate_requested


def test_the_password_of_a_key_may_come_from_the_environment(tmp_path: Path, files: Path) -> None:
    """As Settings.key_secret; another one is told."""
    with serve(tls.modern(LEAF)) as port:
        right, wrong = (SETTINGS._replace(key_secret=word) for word in ("secret", "guess"))
        assert audit(port, cert=str(files / "me.p12"), settings=right).failure is None
        named = SETTINGS._replace(key_password=str(files / "password"))
        assert audit(port, cert=str(files / "me.p12"), settings=named).failure is None
        reason, message = failure(audit(port, cert=str(files / "me.p12"), settings=wrong))
    assert reason == "config" and "opens with this password" in message and "guess" not in message


@pytest.mark.parametrize(("shown", "told"), [
    ({"cert": "me.p12"}, "--key-password FILE"),
    ({"cert": "me.pem", "key": "enc.key"}, "the key is encrypted"),
    ({"cert": "me.pem", "key": "other.key"}, "does not belong to the certificate"),
    ({"cert": "me.pem"}, "name its file with --key"),
    ({"cert": "me.key"}, "holds no certificate"),
    ({"cert": "none.pem"}, "No such file"),
    ({"cert": "."}, "cannot be read"),
    ({"cert": "me.pem", "key": "enc.key", "key_password": "none"}, "No such file"),
])
def test_files_of_a_client_that_cannot_be_used_are_told(files: Path, shown: dict[str, str],
                                                        told: str) -> None:
    """With the file and what to do; nothing connects."""
    with noting(tls.modern(LEAF)) as (port, peers):
        reason, message = failure(audit(port, **paths(files, shown)))
    assert reason == "config" and told in message and str(files) in message
    assert not peers


# Through domains.json, the command line, --get and its cache

def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """ssl_check_batch.py."""
    return subprocess.run(
        [sys.executable, HERE / "externalscripts" / "ssl_check_batch.py", *words], cwd="/",
        capture_output=True, text=True, timeout=30,
        env={"PATH": os.environ.get("PATH", ""), **environ})


def test_every_way_through_domains_json_and_get(tmp_path: Path, files: Path) -> None:
    """As configured, and the same on the command line without a configuration; the second time
    from the cache, in which no secret stands."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (tmp_path / "auth").write_text("ann:s3cret")
    with ways.http_proxy(tmp_path, user="ann", password="s3cret") as proxy, \
            demanding(tmp_path, files, "-tls1_3") as (port, log):
        way = {"address": "127.0.0.1", "sni": "none", "alpn": "none", "cert": str(files / "me.p12"),
               "proxy": f"http://127.0.0.1:{proxy}"}
        secrets = {"key_password": str(files / "password"), "proxy_auth": "auth"}
        configured = tmp_path / "domains.json"
        configured.write_text(json.dumps([{"domain": "localhost", "port": port, **way, **secrets}]))
        get = ("--get", "localhost", str(port), "error_reason", "--cache-dir", str(cache))
        done = run(*get, "--config", str(configured))
        assert (done.stdout, done.stderr) == ("\n", "")
        assert "depth=0 CN = client" in log()
        words = [word for name, value in way.items() for word in (f"--{name}", value)]
        environ = {"ZABBIX_SSL_PROXY_AUTH": "ann:s3cret", "ZABBIX_SSL_KEY_PASSWORD": "secret"}
        for _ in range(2):
            assert run(*get, *words, **environ).stdout == "\n"
    assert run(*get, *words).stdout == "\n"  # the servers are gone: from the cache
    assert run(*get, *words[:-2]).stdout != "\n"  # without the proxy it is another answer
    for entry in cache.glob("*.entry"):
        assert b"s3cret" not in entry.read_bytes()


@pytest.mark.parametrize(("words", "told"), [
    (("--proxy", "http://ann:s3cret@proxy:3128"), "holds a user name"),
    (("--proxy", "https://proxy:3128"), "write http://HOST:PORT or socks5://HOST:PORT"),
    (("--proxy", "http://proxy"), "write http://HOST:PORT or socks5://HOST:PORT"),
    (("--proxy", "http://a b:1"), "a space"),
    (("--proxy-protocol", "v3"), "write v1 or v2"),
    (("--alpn", "h2,,x"), "with commas"),
    (("--source-address", "eth0"), "write an IP address"),
    (("--sni", "192.0.2.1"), "or none to send none"),
    (("--key", __file__), "name the certificate's file too"),
    (("--cert", "/nonexistent"), "cannot be read"),
])
def test_wrong_words_are_told(words: tuple[str, ...], told: str) -> None:
    """In one line, which repeats no secret."""
    done = run("a.example", *words)
    assert done.returncode == 3 and told in done.stderr and done.stderr.count("\n") == 1
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize(("key", "value", "code"), [
    ("proxy", "ftp://x:1", "proxy"), ("proxy", 3128, "proxy"),
    ("proxy", "http://a@b:1", "proxy_userinfo"), ("proxy_protocol", 2, "proxy_protocol"),
    ("alpn", "", "alpn"), ("alpn", ["h2"], "alpn"), ("alpn", ",".join("a" * 17), "alpn"),
    ("cert", "", "own_file"), ("key_password", 1, "own_file"), ("proxy_auth", "a\nb", "own_file"),
    ("key", "me.key", "key_alone"), ("source_address", "here", "address"), ("sni", "", "sni"),
])
def test_wrong_entries_are_told(key: str, value: object, code: str) -> None:
    """By the row of the mistakes."""
    with pytest.raises(ConfigError) as caught:
        config.parse(json.dumps([{"domain": "a.example", key: value}]).encode(), "/etc")
    assert caught.value.code == code


def test_entries_are_taken() -> None:
    """Files are looked for beside domains.json; names of proxies are put in order."""
    entry = {"domain": "a.example", "proxy": "SOCKS5://[::1]:1080/", "cert": "me.pem",
             "key": "/k/me.key", "alpn": "h2,foo", "proxy_protocol": "v2", "sni": "none",
             "source_address": "fe80::1%eth0"}
    [target] = config.parse(json.dumps([entry]).encode(), "/etc")
    assert target == Target("a.example", sni="none", source_address="fe80::1%eth0", alpn="h2,foo",
                            cert="/etc/me.pem", key="/k/me.key", proxy="socks5://[::1]:1080",
                            proxy_protocol="v2")


def test_the_scope_of_an_address_keeps_its_case() -> None:
    """An interface Eth0 is not eth0; the digits of the address may be written either way."""
    assert Target("FE80::A%Eth0").host == "fe80::a%Eth0"
    assert names.identity(Target("FE80::A%Eth0")) == names.identity(Target("fe80:0::a%Eth0"))
    assert names.identity(Target("fe80::a%Eth0")) != names.identity(Target("fe80::a%eth0"))
    assert Target("EXAMPLE.com.").host == "example.com"


def test_a_link_local_address_is_reached_by_its_scope() -> None:
    """The loopback interface, by name; an interface that is not there is told."""
    with serve(tls.modern(LEAF), "::1") as port:
        assert audit(port, address="::1%lo").failure is None
        reason, message = failure(audit(port, address="fe80::1%Nope0"))
    assert reason == "unreachable" and "Nope0" in message


