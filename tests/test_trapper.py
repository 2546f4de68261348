"""The sender protocol against a listener that behaves well, badly, and not at all."""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from testbed.pki import Authority, self_signed
from testbed.process import reserved
from testbed.trapper import Sent, answer, packed, trapper
from testbed.trapper import Trapper as Listener
from zabbix_ssl.config import ConfigError
from zabbix_ssl.zabbix.encryption import by_certificate, by_psk
from zabbix_ssl.zabbix.trapper import Away, Counts, Node, Row, Trapper, name_of, read_servers

VALUE = Row("ssl.push[a.example,443]", '{"x": "ü"}', 1_700_000_000, 7)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with trapper() as made:
        yield made


def sender(*listeners: Listener, seconds: float = 5, **more: ssl.SSLContext) -> Trapper:
    return Trapper([Node("127.0.0.1", one.port) for one in listeners], "the host",
                   seconds=seconds, **more)


def test_rows_arrive_as_they_are(listener: Listener) -> None:
    """Key, text, clock and nanoseconds, for the host; what the server did not take is counted."""
    listener.takes = lambda row: "b.example" not in row.key
    counts = sender(listener).send([VALUE, Row("ssl.push[b.example,443]", "{}", 1, 2)])
    assert counts == Counts(1, 1)
    assert listener.rows == [Sent("the host", *VALUE)]


def test_a_question_carries_no_value(listener: Listener) -> None:
    """A row without a text has no value on the wire either."""
    assert sender(listener).send([Row("key", None)]) == Counts(1, 0)
    assert listener.rows == [] and listener.questions == 1


def test_many_rows_are_one_packet(listener: Listener) -> None:
    """However many: so that what is counted is all of them."""
    rows = [VALUE._replace(ns=n) for n in range(3000)]
    assert sender(listener).send(rows) == Counts(3000, 0)
    assert [[row.ns for row in packet] for packet in listener.packets] == [list(range(3000))]


def hang_up(connection: socket.socket, right: bytes) -> None:
    """Close without a word."""


def half(connection: socket.socket, right: bytes) -> None:
    connection.sendall(right[:20])


def reset(connection: socket.socket, right: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silence(connection: socket.socket, right: bytes) -> None:
    connection.settimeout(5)
    connection.recv(1)  # until the sender hangs up


def trickle(connection: socket.socket, right: bytes) -> None:
    for byte in right:
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


def flood(connection: socket.socket, right: bytes) -> None:
    connection.sendall(b"ZBXD\x01" + struct.pack("<II", 1 << 30, 0))
    for _ in range(10_000):
        connection.sendall(b" " * 65536)


def bomb(connection: socket.socket, right: bytes) -> None:
    data = zlib.compress(b" " * (8 << 20))
    connection.sendall(b"ZBXD\x03" + struct.pack("<II", len(data), 8 << 20) + data)


def saying(data: bytes) -> Callable[[socket.socket, bytes], None]:
    return lambda connection, right: connection.sendall(data)


NONSENSE = "gives an answer that makes no sense: is it the trapper port of a server or proxy?"


@pytest.mark.parametrize(("fault", "told"), [
    (hang_up, "closes the connection without an answer"),
    (half, "closes the connection without an answer"),
    (reset, "breaks the connection: Connection reset by peer"),
    (silence, "does not answer in time"),
    (trickle, "does not answer in time"),
    (flood, NONSENSE),
    (bomb, NONSENSE),
    (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), NONSENSE),
    (saying(b"ZBXD\x00" + bytes(8)), NONSENSE),
    (saying(b"ZBXD\x01" + struct.pack("<II", 4, 0) + b"\xff\xfe{}"), NONSENSE),
    (saying(packed({"response": "success", "info": "fine"})), NONSENSE),
    (saying(packed({"response": "success", "info": 7})), NONSENSE),
    (saying(packed({"response": "success"})), NONSENSE),
    (saying(answer(2, 0)), NONSENSE),
    (saying(answer(0, 0)), NONSENSE),
    (saying(packed({"response": "failed", "info": "no such\x1b thing"})),
     "refuses the packet: no such\\u001b thing"),
    (saying(b"ZBXD\x01" + struct.pack("<II", 2, 0) + b"[]"), NONSENSE),
    (saying(b"ZBXD\x01" + struct.pack("<II", 40_000, 0) + b"[" * 40_000), NONSENSE),
])
def test_what_comes_back_is_no_answer(listener: Listener, told: str,
                                      fault: Callable[[socket.socket, bytes], None]) -> None:
    """Each is one line that says what is wrong, in bounded time and memory; a good answer from the
    same listener is taken."""
    listener.fault = fault
    trapper = sender(listener, seconds=0.7)
    begun = time.monotonic()
    with pytest.raises(Away) as caught:
        trapper.send([VALUE])
    assert str(caught.value).startswith(told), caught.value
    assert time.monotonic() - begun < 5
    listener.fault = None
    assert trapper.send([VALUE]) == Counts(1, 0)


def test_nobody_is_there() -> None:
    """A refused connection and a name that does not exist, each with its reason."""
    with reserved() as held:
        nobody = Trapper([Node("127.0.0.1", held.getsockname()[1])], "h")
        with pytest.raises(Away, match=r"^refuses the connection: nothing listens there$"):
            nobody.send([VALUE])
    with pytest.raises(Away, match=r"^cannot be found: the name none\.invalid has no address$"):
        Trapper([Node("none.invalid")], "h").send([VALUE])


def test_the_next_node_takes_over(listener: Listener) -> None:
    """Of a cluster one node gets the values: the first that can be reached, and that one as long as
    it can be, also when the others are back."""
    with trapper() as second:
        both = sender(listener, second)
        both.send([VALUE._replace(ns=1)])
        listener.stop()
        both.send([VALUE._replace(ns=2)])
        listener.start()
        both.send([VALUE._replace(ns=3)])
        second.stop()
        both.send([VALUE._replace(ns=4)])
        assert [row.ns for row in listener.rows] == [1, 4]
        assert [row.ns for row in second.rows] == [2, 3]
        listener.stop()
        with pytest.raises(Away, match=f"127.0.0.1:{listener.port} refuses .*; "
                                       f"127.0.0.1:{second.port} refuses "):
            both.send([VALUE])


def test_what_was_sent_is_not_given_to_another_node_at_once(listener: Listener) -> None:
    """The first may have taken it. The other is asked with the next attempt."""
    with trapper() as second:
        listener.fault = hang_up
        both = sender(listener, second)
        with pytest.raises(Away, match="closes the connection"):
            both.send([VALUE])
        assert second.rows == []
        assert both.send([VALUE]) == Counts(1, 0)
        assert len(second.rows) == 1


def test_a_proxy_of_a_group_sends_us_on(listener: Listener) -> None:
    """Zabbix 7.0: the proxy that the host does not belong to names the one that it does. That one
    is asked from then on, and the first again when it is gone."""
    with trapper() as right:
        asked = []

        def elsewhere(connection: socket.socket, _: bytes) -> None:
            asked.append(1)
            connection.sendall(packed({"response": "failed", "redirect": {
                "revision": 3, "address": f"127.0.0.1:{right.port}"}}))

        listener.fault = elsewhere
        group = sender(listener)
        for _ in range(3):
            assert group.send([VALUE]) == Counts(1, 0)
        assert len(right.rows) == 3 and len(asked) == 1
        right.stop()
        listener.fault = None
        assert group.send([VALUE]) == Counts(1, 0)


def test_proxies_that_send_us_in_circles(listener: Listener) -> None:
    """End after a few connections."""
    asked = []

    def again(connection: socket.socket, _: bytes) -> None:
        asked.append(1)
        connection.sendall(packed({"response": "failed", "redirect": {
            "revision": 3, "address": f"127.0.0.1:{listener.port}"}}))

    listener.fault = again
    with pytest.raises(Away, match="send us in circles"):
        sender(listener).send([VALUE])
    assert len(asked) < 10


def test_ipv6() -> None:
    """A server that has only an IPv6 address."""
    try:
        with trapper("::1") as six:
            (cluster,) = read_servers([f"[::1]:{six.port}"])
            assert Trapper(cluster, "h").send([VALUE]) == Counts(1, 0)
    except OSError:
        pytest.skip("needs IPv6 on the loopback interface")


def test_a_name_with_several_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them is tried until one can be reached."""
    with trapper("127.0.0.2") as second:
        asked = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, second.port))
                 for address in ("127.0.0.3", "127.0.0.2")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: asked)
        assert Trapper([Node("two.example", second.port)], "h").send([VALUE]) == Counts(1, 0)
        del asked[1]
        with pytest.raises(Away, match="refuses the connection"):
            Trapper([Node("two.example", second.port)], "h").send([VALUE])


@pytest.mark.parametrize(("words", "names"), [
    (["zabbix"], ["zabbix:10051"]),
    (["a:1,b;c:3", "192.0.2.1", "[2001:db8::1]:5"],
     ["a:1", "b:10051;c:3", "192.0.2.1:10051", "[2001:db8::1]:5"]),
    ([" a ; b , ", "2001:db8::1"], ["a:10051;b:10051", "[2001:db8::1]:10051"]),
    (["a,a:10051;a"], ["a:10051"]),
    (["", ",;"], []),
])
def test_servers_are_read_as_agent_2_reads_them(words: list[str], names: list[str]) -> None:
    """Commas between clusters, semicolons between the nodes of one; doubles count once."""
    assert [name_of(cluster) for cluster in read_servers(words)] == names


@pytest.mark.parametrize("word", ["a:0", "a:65536", "a b", "[::1", "a:1:2:zz", "*"])
def test_servers_that_are_none(word: str) -> None:
    """One line that says what is wrong."""
    with pytest.raises(ConfigError):
        read_servers([word])


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Zabbix CA")


def server_context(folder: Path, authority: Authority) -> ssl.SSLContext:
    """Of a server that demands a certificate of the same authority, as Zabbix does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.leaf("server.example").write(folder, "server"))
    context.load_verify_locations(cadata=authority.pem.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def files_of(folder: Path, authority: Authority, trusted: Authority) -> tuple[str, str, str]:
    """A CA file, and a client's certificate and key."""
    (folder / "ca.pem").write_bytes(trusted.pem)
    mine = authority.leaf("push.example").write(folder, "push")
    return str(folder / "ca.pem"), str(mine.certificate), str(mine.key)


def test_tls_by_certificate(tmp_path: Path, authority: Authority) -> None:
    """Rows go over TLS to a server whose certificate is of the CA, whatever its name."""
    tls = by_certificate(*files_of(tmp_path, authority, authority))
    with trapper(tls=server_context(tmp_path, authority)) as listener:
        assert sender(listener, tls=tls).send([VALUE]) == Counts(1, 0)
        assert listener.rows == [Sent("the host", *VALUE)]


def test_tls_that_does_not_fit(tmp_path: Path, authority: Authority) -> None:
    """A server of another CA gets nothing, one that does not know ours takes nothing, and neither
    does one that speaks TLS only, or not at all, when we do not do the same."""
    other = Authority("Another CA")
    with trapper(tls=server_context(tmp_path, authority)) as listener:
        for of, trusted, told in ((authority, other, "does not agree on TLS: CERTIFICATE_VERIFY"),
                                  (other, authority, "does not agree on TLS: (TLSV1|EOF)")):
            tls = by_certificate(*files_of(tmp_path, of, trusted))
            with pytest.raises(Away, match=told):
                sender(listener, tls=tls).send([VALUE])
        with pytest.raises(Away, match=r"closes the connection|breaks the connection"):
            sender(listener).send([VALUE])
        assert listener.rows == []
    with trapper() as plain, pytest.raises(Away, match=r"does not agree on TLS|does not answer"):
        tls = by_certificate(*files_of(tmp_path, authority, authority))
        sender(plain, seconds=1, tls=tls).send([VALUE])


def test_tls_files_that_are_none(tmp_path: Path, authority: Authority) -> None:
    """One line that names the file; a key of another certificate, and one with a password that
    nobody is asked for."""
    ca, certificate, key = files_of(tmp_path, authority, authority)
    absent, empty = str(tmp_path / "absent"), tmp_path / "empty"
    empty.touch()
    locked = tmp_path / "locked"
    locked.write_bytes(encrypted(authority.leaf("x").key))
    foreign = self_signed("x").write(tmp_path, "foreign").key
    for files in ((absent, certificate, key), (str(empty), certificate, key),
                  (ca, absent, key), (ca, certificate, str(empty)), (ca, certificate, str(foreign)),
                  (ca, certificate, str(locked))):
        with pytest.raises(ValueError, match=f"^{tmp_path}/[^\n]+: [^\n]+$"):
            by_certificate(*files)
    by_certificate(ca, certificate, key)


def encrypted(key: Any) -> bytes:
    return bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret")))


PSK = "0123456789abcdef" * 4


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="for Python before 3.13")
def test_a_preshared_key_takes_a_newer_python(tmp_path: Path) -> None:
    """Said before anything begins, with what to do instead."""
    (tmp_path / "psk").write_text(PSK)
    with pytest.raises(ValueError, match=r"takes Python 3\.13 or later: use certificates"):
        by_psk("identity", str(tmp_path / "psk"))


@pytest.mark.skipif(sys.version_info < (3, 13), reason="pre-shared keys are new in Python 3.13")
def test_tls_by_preshared_key(tmp_path: Path) -> None:
    """The right key is taken, a wrong one is not, and a file without one is refused."""
    (tmp_path / "psk").write_text(PSK + "\n")
    context: Any = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("PSK")
    keys = {"me": bytes.fromhex(PSK)}
    context.set_psk_server_callback(lambda identity: keys.get(identity, b""))
    with trapper(tls=context) as listener:
        tls = by_psk("me", str(tmp_path / "psk"))
        assert sender(listener, tls=tls).send([VALUE]) == Counts(1, 0)
        (tmp_path / "wrong").write_text("00" * 32)
        for identity, file in (("me", "wrong"), ("you", "psk")):
            with pytest.raises(Away, match=r"does not agree on TLS|connection"):
                sender(listener, tls=by_psk(identity, str(tmp_path / file))).send([VALUE])
    (tmp_path / "short").write_text("0123")
    (tmp_path / "text").write_text("my secret key, which is long enough")
    for file in ("short", "text", "absent"):
        with pytest.raises(ValueError, match=f"^{tmp_path}/{file} "):
            by_psk("me", str(tmp_path / file))
