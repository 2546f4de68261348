"""Fetching what certificates point to: hostile URLs, hostile servers, bounds for everything."""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from testbed import faults
from testbed.pki import Authority
from testbed.revocation import Served, Site, publish
from testbed.serving import Dialogue, serve
from zabbix_ssl.probing.network import Failed
from zabbix_ssl.probing.revocation import addresses, fetch
from zabbix_ssl.probing.revocation.addresses import Ways
from zabbix_ssl.probing.revocation.fetch import Reply

LOOPBACK = Ways(addresses.networks(("127.0.0.0/8",)))
SECONDS = 5.0


def got(url: str, ways: Ways = LOOPBACK, limit: int = 100_000, seconds: float = SECONDS,
        **more: Any) -> tuple[Reply, bytes]:
    into = io.BytesIO()
    reply = fetch.exchange(url, into, limit, time.monotonic() + seconds, ways, **more)
    return reply, into.getvalue()


def refused(url: str, ways: Ways = LOOPBACK, **more: Any) -> str:
    with pytest.raises(Failed) as failed:
        got(url, ways, **more)
    return failed.value.failure.reason


@pytest.fixture
def site() -> Iterator[Site]:
    with publish() as found:
        yield found


def saying(head: bytes, body: bytes = b"") -> Dialogue:
    """Reads a request and answers with these bytes."""

    def dialogue(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(head.replace(b"\n", b"\r\n") + body)

    return dialogue


@contextmanager
def at(dialogue: Dialogue) -> Iterator[str]:
    with serve(dialogue) as port:
        yield f"http://127.0.0.1:{port}/x"


# Good servers


def test_get_and_post(site: Site) -> None:
    """A body comes back whole, with what is needed to ask for changes; a POST carries its own."""
    site.file("ca.crl", b"x" * 50_000)
    reply, body = got(site.url("ca.crl"))
    assert (reply.status, body) == (200, b"x" * 50_000)
    assert reply.etag
    site.handle("echo", lambda method, path, asked, fields: Served(
        b"%s %s %s" % (method.encode(), fields["Content-Type"].encode(), asked)))
    assert got(site.url("echo"), body=b"abc", headers={"Content-Type": "a/b"})[1] == b"POST a/b abc"


def test_conditional_request(site: Site) -> None:
    """What did not change is not sent again."""
    site.file("ca.crl", b"x")
    reply, _ = got(site.url("ca.crl"))
    again, body = got(site.url("ca.crl"), headers={"If-None-Match": reply.etag})
    assert (again.status, body) == (304, b"")


def test_chunked() -> None:
    """A body in chunks is taken; one that ends before its last chunk is not."""
    head = b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n"
    with at(saying(head, b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")) as url:
        assert got(url)[1] == b"abcde"
    with at(saying(head, b"3\r\nabc\r\n")) as url:
        assert refused(url) == "malformed"


def test_path_and_query_arrive(site: Site) -> None:
    """Path and query are sent as they are written, an empty path as a slash."""
    site.handle("a", lambda *_: Served(b"a"))
    site.handle("", lambda *_: Served(b"root"))
    got(site.url("a/b%2Fc?d=e&f=%20"))
    assert got(f"http://127.0.0.1:{site.port}")[1] == b"root"
    assert site.requests == [("GET", "/a/b%2Fc?d=e&f=%20"), ("GET", "/")]


# Redirects


def redirecting(where: str, status: int = 302) -> Any:
    return lambda *_: Served(b"", status, (("Location", where),))


def test_few_redirects_are_followed(site: Site) -> None:
    """Three redirects are followed, relative ones too, and a POST stays one; a fourth is not."""
    site.handle("end", lambda method, path, body, fields: Served(method.encode() + body))
    for number, where in enumerate((site.url("end"), "/1", "2", site.url("3"))):
        site.handle(str(number + 1), redirecting(where, (301, 302, 307, 308)[number]))
    assert got(site.url("3"), body=b"!")[1] == b"POST!"
    assert refused(site.url("4")) == "redirect"


@pytest.mark.parametrize("where", ["https://127.0.0.1/", "file:///etc/passwd", "ftp://127.0.0.1/",
                                   "", "http://user@127.0.0.1/", "http://[/"])
def test_redirect_to_elsewhere(site: Site, where: str) -> None:
    """Never to another scheme, nor to what is no URL."""
    site.handle("x", redirecting(where))
    assert refused(site.url("x")) == "redirect"
    assert len(site.requests) == 1


@pytest.mark.parametrize("where", ["169.254.169.254", "10.0.0.1", "[::ffff:10.0.0.1]"])
def test_redirect_to_forbidden_address(site: Site, where: str) -> None:
    """An allowed server must not lead on to a forbidden address."""
    site.handle("x", redirecting(f"http://{where}/latest/meta-data"))
    ways = Ways(addresses.networks(("127.0.0.1",)))
    assert refused(site.url("x"), ways) == "forbidden_address"


# Faults


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503, 204, 206])
def test_http_status(site: Site, status: int) -> None:
    """Any status but 200 is told by its number."""
    site.handle("x", lambda *_: Served(b"", status))
    with pytest.raises(Failed, match=str(status)) as failed:
        got(site.url("x"))
    assert failed.value.failure.reason == "http_status"


@pytest.mark.parametrize(("dialogue", "wanted"), [
    (faults.ssh, "malformed"),
    (faults.garbage(1), "malformed"),
    (faults.closing, "malformed"),
    (faults.resetting, "unreachable"),
    (saying(b"HTTP/1.1 200 OK\nContent-Length: 10\n\n", b"short"), "malformed"),
    (saying(b"HTTP/1.1 200 OK\nContent-Length: -1\n\n", b"x" * 200_000), "too_large"),
    (saying(b"HTTP/1.1 200 OK\nContent-Encoding: gzip\n\n", b"x"), "malformed"),
    (saying(b"HTTP/1.1 200 OK\n\n", b"x" * 100_001), "too_large"),
    (saying(b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", b"zz\r\n"), "malformed"),
    (faults.endless(b"x" * 65536), "malformed"),
    (faults.endless(b"HTTP/1.1 200 OK\r\n\r\n"), "too_large"),
    (faults.endless(b"HTTP/1.1 200 OK\r\nA: b\r\n"), "malformed"),
    (faults.endless(b"HTTP/1.1 100 Continue\r\n\r\n"), "too_large"),
], ids=str)
def test_faulty_server(dialogue: Dialogue, wanted: str) -> None:
    """Each fault of a server has its reason, and none goes on for ever."""
    with at(dialogue) as url:
        assert refused(url) == wanted


@pytest.mark.parametrize("dialogue", [
    faults.silent,
    faults.slowly(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + b"x" * 20, 0.02),
    faults.slowly(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
                  0.02),
    faults.slowly(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: b\r\n\r\n", 0.02),
], ids=["silent", "body", "chunks", "head"])
def test_deadline_is_for_the_whole(dialogue: Dialogue) -> None:
    """A server that sends a byte now and then does not get more time than the others."""
    with at(dialogue) as url:
        assert refused(url, seconds=0.4) == "timeout"


def test_unreachable() -> None:
    """Nobody there, a name that does not exist, a host that drops everything: each is told."""
    with faults.refusing() as port:
        assert refused(f"http://127.0.0.1:{port}/") == "unreachable"
    assert refused("http://does-not-exist.invalid/") == "unreachable"
    with faults.unanswered() as port:
        assert refused(f"http://127.0.0.1:{port}/", seconds=0.3) == "timeout"


def test_next_address_is_tried(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the first address of a name refuses the next one is tried."""
    site.file("x", b"found")
    with faults.refusing("127.0.0.2") as port:
        monkeypatch.setattr(fetch, "resolve", lambda host, _: (
            (socket.AF_INET, ("127.0.0.2", port)), (socket.AF_INET, ("127.0.0.1", site.port))))
        assert got("http://two.example/x")[1] == b"found"


# URLs


@pytest.mark.parametrize("url", [
    "", "ldap://127.0.0.1/", "ftp://127.0.0.1/", "file:///etc/passwd", "http://", "http:///x",
    "http://user:word@127.0.0.1/", "http://127.0.0.1:0/", "http://127.0.0.1:70000/",
    "http://127.0.0.1:x/", "http://127.0.0.1/a b", "http://127.0.0.1/\r\nHost: x",
    "http://127.0.0.1/\0", "http://[::1/", "http://127.0.0.1\\@example.com/", "javascript:alert(1)",
    "http://127.0.0.1/" + "x" * 2000])
def test_urls_that_are_not_followed(url: str) -> None:
    """What is no plain HTTP URL is refused before anything is looked up or connected to."""
    assert refused(url) == "unsupported_pointer"


@pytest.mark.parametrize("host", [
    "127.0.0.1", "127.1", "2130706433", "0x7f.1", "localhost", "[::1]", "[::]", "0.0.0.0",
    "[::ffff:127.0.0.1]", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254",
    "[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1", "[ff02::1]",
    "100.100.100.200", "168.63.129.16", "255.255.255.255", "240.0.0.1", "[::127.0.0.1]",
    "192.0.2.1", "198.18.0.1", "[fec0::1]"])
def test_addresses_that_are_refused(host: str) -> None:
    """However it is written, no URL leads to this machine, its networks or the cloud's metadata."""
    assert refused(f"http://{host}:1/", Ways(), seconds=1) == "forbidden_address"


@pytest.mark.parametrize("address", [
    "1.1.1.1", "93.184.215.14", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1"])
def test_public_addresses_are_allowed(address: str) -> None:
    """What everybody may reach may be fetched from."""
    assert addresses.refusal(address, ()) == ""


@pytest.mark.parametrize(("words", "address", "allowed"), [
    (("127.0.0.0/8",), "127.0.0.1", True), (("10.0.0.0/8",), "::ffff:10.0.0.1", True),
    (("fc00::/7",), "fd00::1", True), (("fc00::/7",), "fd00:ec2::254", False),
    (("100.64.0.0/10",), "100.64.0.1", True), (("100.64.0.0/10",), "100.100.100.200", False),
    (("::ffff:0:0/96",), "10.0.0.1", False), (("10.0.0.0/8",), "64:ff9b::a00:1", True),
    (("10.0.0.0/8",), "10.255.0.1", True), (("10.0.0.0/8",), "11.0.0.1", True),
    (("10.1.0.0/16",), "10.2.0.1", False), (("10.0.0.0/8",), "192.168.0.1", False),
    (("10.0.0.0/8", "fd00::/8"), "fd12::1", True), (("0.0.0.0/0", "::/0"), "10.0.0.1", True),
    (("0.0.0.0/0", "::/0"), "169.254.169.254", False),
    (("169.254.169.254",), "169.254.169.254", True), (("10.0.0.1/8",), "10.2.3.4", True)])
def test_allowed_networks(words: tuple[str, ...], address: str, allowed: bool) -> None:
    """Networks that are named are allowed; the cloud's metadata only by its very address."""
    assert (addresses.refusal(address, addresses.networks(words)) == "") == allowed


@pytest.mark.parametrize("word", ["", "everything", "10.0.0.0/33", "1.2.3", "a.example"])
def test_words_that_name_no_network(word: str) -> None:
    """What is no network is told, not taken for none."""
    with pytest.raises(ValueError, match=r".*"):
        addresses.networks((word,))


def test_name_that_changes_its_mind(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that is connected to is the one that was found allowed: a name that resolves to a
    public address first and to this machine the second time gets nobody here."""
    answers = [((socket.AF_INET, ("192.0.2.1", 80)),),
               ((socket.AF_INET, ("127.0.0.1", site.port)),)]
    site.file("x", b"secret")
    resolved: list[str] = []

    def resolve(host: str, port: int) -> Any:
        resolved.append(host)
        return answers[min(len(resolved) - 1, 1)]

    monkeypatch.setattr(fetch, "resolve", resolve)
    ways = Ways(addresses.networks(("192.0.2.1",)))
    assert refused("http://rebinding.example/x", ways, seconds=0.3) in ("timeout", "unreachable")
    assert (resolved, site.requests) == (["rebinding.example"], [])


def test_forbidden_among_allowed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several addresses only allowed ones are tried."""
    site.file("x", b"secret")
    with faults.refusing("127.0.0.2") as port:
        monkeypatch.setattr(fetch, "resolve", lambda host, _: (
            (socket.AF_INET, ("127.0.0.1", site.port)), (socket.AF_INET, ("127.0.0.2", port))))
        assert refused("http://x.example/x", Ways(addresses.networks(("127.0.0.2",)))
                       ) == "unreachable"
    assert site.requests == []


# HTTPS


def sealed(folder: Path, name: str) -> Dialogue:
    """Answers "sealed" over TLS, by a certificate for ``name`` of the root in root.pem."""
    root = Authority("TLS Root")
    files = root.leaf(name).write(folder)
    (folder / "root.pem").write_bytes(root.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)

    def dialogue(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(65536)
            wrapped.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsealed")

    return dialogue


def test_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """https is followed where the pointer says so, with the server's certificate verified."""
    with serve(sealed(tmp_path, "127.0.0.1")) as port:
        assert refused(f"https://127.0.0.1:{port}/") == "unreachable"
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
        assert got(f"https://127.0.0.1:{port}/")[1] == b"sealed"
    with serve(sealed(tmp_path, "other.example")) as port:
        assert refused(f"https://127.0.0.1:{port}/") == "unreachable"
    with at(faults.silent) as url:
        assert refused(url.replace("http", "https"), seconds=0.3) == "timeout"
    with at(faults.http) as url:
        assert refused(url.replace("http", "https")) == "unreachable"


# Proxies


def test_http_proxy(site: Site) -> None:
    """A proxy is asked by the whole URL, with its credentials; the name is not looked up here."""
    seen: list[str] = []

    def proxy(method: str, path: str, body: bytes, fields: Any) -> Served:
        seen.append(f"{path} {fields['Proxy-Authorization']}")
        return Served(b"by proxy")

    site.handle("http:", proxy)
    ways = Ways(proxy=f"http://us%65r:word@127.0.0.1:{site.port}")
    assert got("http://crl.does-not-exist.invalid/x", ways)[1] == b"by proxy"
    assert seen == ["http://crl.does-not-exist.invalid/x Basic dXNlcjp3b3Jk"]


@pytest.mark.parametrize(("word", "host", "spared"), [
    ("*", "a.example", True), ("a.example", "a.example", True), ("example", "a.example", True),
    (".example", "a.example", True), ("b.example", "a.example", False),
    ("ample", "a.example", False), ("127.0.0.0/8", "127.0.0.1", True),
    ("127.0.0.1", "127.0.0.1", True), ("10.0.0.0/8", "127.0.0.1", False), ("", "a.example", False)])
def test_no_proxy(word: str, host: str, spared: bool) -> None:
    """Hosts, domains and networks can be spared the proxy."""
    ways = Ways(proxy="proxy.example:3128", no_proxy=(word,))
    assert (fetch._proxy_for(host, ways) is None) == spared


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "[::1]", "localhost", "a.localhost",
                                  "metadata.google.internal", "169.254.169.254"])
def test_proxy_is_not_led_astray(site: Site, host: str) -> None:
    """What the URL itself tells to be private is refused behind a proxy too."""
    site.handle("http:", lambda *_: Served(b"inside"))
    ways = Ways(proxy=f"http://127.0.0.1:{site.port}")
    assert refused(f"http://{host}/", ways) == "forbidden_address"
    assert site.requests == []


def test_https_through_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """https goes through a tunnel, and a proxy that opens none is told."""
    inside = sealed(tmp_path, "127.0.0.1")

    def tunnelling(connection: socket.socket) -> None:
        assert connection.recv(65536).startswith(b"CONNECT 127.0.0.1:4433 HTTP/1.1\r\n")
        connection.sendall(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")
        inside(connection)

    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    with serve(tunnelling) as port:
        ways = LOOPBACK._replace(proxy=f"http://127.0.0.1:{port}")
        assert got("https://127.0.0.1:4433/", ways)[1] == b"sealed"
    for fault in (saying(b"HTTP/1.1 403 Forbidden\n\n"), faults.closing,
                  faults.endless(b"x" * 1000)):
        with serve(fault) as port:
            ways = LOOPBACK._replace(proxy=f"http://127.0.0.1:{port}")
            assert refused("https://127.0.0.1:4433/", ways) == "unreachable"


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "https://127.0.0.1:1", "http://"])
def test_proxies_of_other_kinds(proxy: str) -> None:
    """A proxy that is no HTTP proxy is told, and nothing is fetched around it."""
    assert refused("http://1.1.1.1/", Ways(proxy=proxy)) == "unreachable"
