"""The dialogues before TLS with real servers, and the TLS behind them; beside openssl s_client."""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from OpenSSL import SSL
from starttls_dialogues import HOST, TELNET_DO, TELNET_FOLLOWS, TELNET_WILL

from testbed.pki import Authority, Files, Issued
from testbed.process import program
from testbed.serving import serve
from testbed.starttls import SERVERS, Ports
from zabbix_ssl.model import Settings, Target
from zabbix_ssl.probing import audit_all
from zabbix_ssl.probing.starttls import PROTOCOLS, Refused, dialogue

REAL = [
    ("postfix", "smtp"), ("postfix", "submission"), ("postscreen", "smtp"), ("nginx", "smtp"),
    ("dovecot", "lmtp"), ("dovecot", "imap"), ("nginx", "imap"), ("dovecot", "pop3"),
    ("nginx", "pop3"), ("dovecot", "sieve"), ("vsftpd", "ftp"), ("slapd", "ldap"),
    ("prosody", "xmpp"), ("prosody", "xmpp-server"), ("inspircd", "irc"),
    ("postgresql", "postgres"), ("mariadb", "mysql"), ("xrdp", "rdp"),
]
real = pytest.mark.parametrize(("server", "protocol"), REAL, ids=map("-".join, REAL))

#: What s_client speaks; without an answer to what it says to XMPP and IRC it waits for ever.
OPENSSL = [pair for pair in REAL if pair[1] not in ("submission", "rdp")]
OPENSSL_ENDS = [pair for pair in OPENSSL if pair[1] not in ("xmpp", "xmpp-server", "irc")]


# What talks to them


def handshake(protocol: str, port: int, host: str = HOST, *, version: int = SSL.TLS1_3_VERSION,
              piece: int = 65536, pause: float = 0) -> bytes:
    """Speaks the protocol and makes the TLS handshake; the leaf, DER. Blocks at most 10 s a step.

    ``piece``: bytes taken at once. ``pause``: seconds between what the dialogue has last and TLS.
    """
    row = PROTOCOLS[protocol]
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        steps = dialogue(protocol, host)
        try:
            say = next(steps)
            while True:
                connection.sendall(say)
                say = steps.send(connection.recv(piece))
        except StopIteration as end:
            connection.sendall(end.value)
            time.sleep(pause)
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_max_proto_version(version)
        tls = SSL.Connection(context)
        tls.set_connect_state()
        unwrapper = row.unwrapper() if row.unwrapper else None
        while True:
            done = _shake(tls)
            try:
                flight = tls.bio_read(65536)
            except SSL.WantReadError:
                flight = b""
            connection.sendall(row.wrap(flight) if row.wrap else flight)
            if done:
                leaf = tls.get_peer_certificate(as_cryptography=True)
                assert leaf is not None
                from cryptography.hazmat.primitives.serialization import Encoding

                return leaf.public_bytes(Encoding.DER)
            arrived = connection.recv(piece)
            assert arrived, "closed in the handshake"
            if unwrapper:
                arrived = unwrapper.feed(arrived)
            if arrived:
                tls.bio_write(arrived)


def _shake(tls: SSL.Connection) -> bool:
    try:
        tls.do_handshake()
    except SSL.WantReadError:
        return False
    return True


def s_client(protocol: str, port: int) -> bytes | None:
    """The leaf that ``openssl s_client -starttls`` gets, DER; None when it gets none."""
    extra = ["-xmpphost", HOST] if protocol.startswith("xmpp") else []
    done = subprocess.run(
        [program("openssl"), "s_client", "-starttls", protocol, "-connect", f"127.0.0.1:{port}",
         *extra], input=b"", capture_output=True, timeout=20)
    found = re.search(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", done.stdout,
                      re.DOTALL)
    return ssl.PEM_cert_to_DER_cert(found[0].decode()) if found else None


# The servers, started when a test first wants them


class Stand(NamedTuple):
    root: Path  # PEM of the CA
    leaf: Issued
    files: Files
    start: Callable[[str, bool], Ports]  # by name, with TLS or without


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("starttls")
    authority = Authority("Test Root")
    root = folder / "root.pem"
    root.write_bytes(authority.pem)
    leaf = authority.leaf(HOST)
    files = leaf.write(folder)
    running: dict[tuple[str, bool], Ports] = {}
    with ExitStack() as stack:
        def start(name: str, tls: bool) -> Ports:
            if (name, tls) not in running:
                server = SERVERS[name](folder, files if tls else None)
                running[name, tls] = stack.enter_context(server)
            return running[name, tls]

        yield Stand(root, leaf, files, start)


def _port(ports: Ports, protocol: str) -> int:
    return ports["smtp" if protocol == "submission" else protocol]


@real
def test_a_real_server_is_led_to_tls(stand: Stand, server: str, protocol: str) -> None:
    """The certificate behind the dialogue is the one that the server was given."""
    port = _port(stand.start(server, True), protocol)
    assert handshake(protocol, port) == stand.leaf.der


@real
def test_a_real_server_may_be_read_byte_by_byte(stand: Stand, server: str, protocol: str
                                                ) -> None:
    """How the network cuts what it says makes no difference."""
    port = _port(stand.start(server, True), protocol)
    assert handshake(protocol, port, piece=1) == stand.leaf.der


@real
def test_a_real_server_without_tls_is_refused(stand: Stand, server: str, protocol: str) -> None:
    """The twin that must fail: the same server, and no TLS configured."""
    port = _port(stand.start(server, False), protocol)
    with pytest.raises(Refused) as refused:
        handshake(protocol, port)
    assert refused.value.failure.reason == "starttls"
    label, command = PROTOCOLS[protocol].label, PROTOCOLS[protocol].command
    assert re.search(f"the {label} server (does not offer|refused) {command}",
                     refused.value.failure.message)


@pytest.mark.parametrize(("server", "protocol"), OPENSSL, ids=map("-".join, OPENSSL))
def test_openssl_comes_to_the_same(stand: Stand, server: str, protocol: str) -> None:
    """openssl s_client gets the same certificate."""
    assert s_client(protocol, stand.start(server, True)[protocol]) == stand.leaf.der


@pytest.mark.parametrize(("server", "protocol"), OPENSSL_ENDS, ids=map("-".join, OPENSSL_ENDS))
def test_openssl_gets_no_further_without_tls(stand: Stand, server: str, protocol: str) -> None:
    """The twin that must fail: where we are refused, openssl gets no certificate either."""
    assert s_client(protocol, stand.start(server, False)[protocol]) is None


# The whole audit, over the same servers

class Audited(NamedTuple):
    failure: str
    trusted: bool | None
    versions: dict[str, bool | None]


def audited(stand: Stand, server: str, protocol: str, tls: bool = True) -> Audited:
    target = Target(HOST, _port(stand.start(server, tls), protocol), "127.0.0.1", starttls=protocol)
    settings = Settings(ca_file=str(stand.root), offline=True)
    (_, seen), = audit_all([(target, None)], settings)
    return Audited(seen.failure.reason if seen.failure else "",
                   seen.chain.trusted if seen.chain else None,
                   {version: offer.accepted for version, offer in seen.security.versions.items()}
                   if seen.security else {})


@pytest.mark.parametrize(("server", "protocol"), REAL, ids=map("-".join, REAL))
def test_every_part_of_the_audit_speaks_the_protocol_first(stand: Stand, server: str, protocol: str
                                                           ) -> None:
    """The handshake and the raw hellos: no version is left unknown."""
    seen = audited(stand, server, protocol)
    assert seen.failure == ""
    assert seen.trusted is True
    assert None not in seen.versions.values()
    assert seen.versions["TLSv1.2"] is True


@real
def test_an_audit_without_tls_fails_for_a_reason_of_its_own(stand: Stand, server: str, protocol: str
                                                            ) -> None:
    """The twin that must fail."""
    assert audited(stand, server, protocol, tls=False) == ("starttls", None, {})


# sslscan is put off by a greeting of several lines (vsftpd) and by what slapd and Prosody say, and
# takes half a minute with IRC.
SSLSCAN = {"smtp": "--starttls-smtp", "imap": "--starttls-imap", "pop3": "--starttls-pop3",
           "postgres": "--starttls-psql", "mysql": "--starttls-mysql", "rdp": "--rdp"}
SCANNED = [pair for pair in REAL if pair[1] in SSLSCAN and pair[0] != "postscreen"]


@pytest.mark.parametrize(("server", "protocol"), SCANNED, ids=map("-".join, SCANNED))
def test_sslscan_finds_the_same_versions(stand: Stand, server: str, protocol: str) -> None:
    """Behind the same dialogue another tool sees the same TLS."""
    port = stand.start(server, True)[protocol]
    done = subprocess.run(
        [program("sslscan"), SSLSCAN[protocol], "--no-colour", "--no-ciphersuites", "--no-groups",
         "--no-fallback", "--no-renegotiation", "--no-compression", "--no-heartbleed",
         f"--sni-name={HOST}", f"127.0.0.1:{port}"], capture_output=True, text=True, timeout=60)
    found = re.findall(r"^(SSLv\d|TLSv1\.\d) +(enabled|disabled)$", done.stdout, re.MULTILINE)
    ours = audited(stand, server, protocol).versions
    assert dict(found) == {version: "enabled" if ours[version] else "disabled" for version in ours}


@pytest.mark.parametrize("pause", [0, 0.1])
def test_mysql_takes_its_request_with_the_client_hello_or_before_it(stand: Stand, pause: float
                                                                    ) -> None:
    """SSLRequest has no reply: whether it shares a segment with TLS must not matter."""
    port = stand.start("mariadb", True)["mysql"]
    assert handshake("mysql", port, pause=pause) == stand.leaf.der


# What real servers say when something is wrong with them


def test_postfix_with_a_broken_key_has_no_tls_for_now(stand: Stand, tmp_path: Path) -> None:
    """It offers STARTTLS, or does not, but is never led to TLS; its own words are told."""
    other = Authority("Other Root").leaf(HOST).write(tmp_path)
    broken = Files(stand.files.certificate, other.key)
    with SERVERS["postfix"](tmp_path, broken) as ports, pytest.raises(Refused) as refused:
        handshake("smtp", ports["smtp"])
    assert refused.value.failure.message == (
        "the SMTP server refused STARTTLS: 454 4.7.0 TLS not available due to local problem")


def test_mariadb_with_too_many_connections_says_so(stand: Stand) -> None:
    """An error packet in place of the greeting."""
    port = stand.start("mariadb", True)["mysql"]
    with ExitStack() as stack:
        for _ in range(11):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            connection.recv(1)
        with pytest.raises(Refused, match="refused the connection: 1040 Too many connections"):
            handshake("mysql", port)


def test_prosody_does_not_know_every_domain(stand: Stand) -> None:
    """A stream error names what is wrong."""
    port = stand.start("prosody", True)["xmpp"]
    with pytest.raises(Refused, match="refused the opening of a stream: error host-unknown"):
        handshake("xmpp", port, "b.example")


def test_a_server_that_greets_is_told_from_another_that_does(stand: Stand) -> None:
    """The wrong protocol for a port is a mistake of the configuration, and is called one."""
    port = stand.start("dovecot", True)["imap"]
    with pytest.raises(Refused, match=r"this is no SMTP server: it said \* OK .* look at the port"):
        handshake("smtp", port)


# Protocols without a server in Debian: small ones of our own, which others' clients understand


def _tls(files: Files, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    context.maximum_version = version
    return context


def nntp_server(files: Files) -> Callable[[socket.socket], None]:
    """RFC 4642: CAPABILITIES and STARTTLS."""
    replies = {b"CAPABILITIES": b"101 list:\r\nVERSION 2\r\nREADER\r\nSTARTTLS\r\n.\r\n",
               b"STARTTLS": b"382 Begin TLS negotiation now\r\n"}

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"200 news.example ready (posting ok)\r\n")
        command = b""
        while command != b"STARTTLS":
            command = _until(connection, b"\r\n").strip()
            connection.sendall(replies.get(command, b"500 What?\r\n"))
        with _tls(files).wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)

    return talk


def telnet_server(files: Files) -> Callable[[socket.socket], None]:
    """draft-altman-telnet-starttls."""
    def talk(connection: socket.socket) -> None:
        connection.sendall(TELNET_DO)
        _until(connection, TELNET_WILL + TELNET_FOLLOWS)
        connection.sendall(TELNET_FOLLOWS)
        with _tls(files).wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)

    return talk


def _until(connection: socket.socket, end: bytes) -> bytes:
    seen = b""
    while not seen.endswith(end):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionError(f"closed after {seen!r}")
        seen += byte
    return seen


class SqlServer:
    """MS-TDS: PRELOGIN, and the handshake in packets of ``size`` bytes. Keeps what came by TLS."""

    def __init__(self, files: Files, encryption: int = 1, size: int = 4096,
                 version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2) -> None:
        self.files, self.encryption, self.size, self.version = files, encryption, size, version
        self.said = b""

    def __call__(self, connection: socket.socket) -> None:
        self._packet(connection)
        connection.sendall(bytes.fromhex("0401002b0000010000001a000601002000010200210001"
                                         "03002200000400220001ff0f0007d00000")
                           + bytes([self.encryption]) + b"\0\0")
        comes, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = _tls(self.files, self.version).wrap_bio(comes, goes, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._send(connection, goes.read())
                comes.write(self._packet(connection))
        if self.version == ssl.TLSVersion.TLSv1_3:
            connection.sendall(goes.read())  # tickets, after the handshake
        else:
            self._send(connection, goes.read())
        while data := connection.recv(65536):
            comes.write(data)
            try:
                self.said += tls.read(65536)
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return

    def _packet(self, connection: socket.socket) -> bytes:
        header = connection.recv(8, socket.MSG_WAITALL)
        if len(header) < 8 or header[0] != 0x12:
            raise ConnectionError(f"no packet: {header!r}")
        return connection.recv(int.from_bytes(header[2:4], "big") - 8, socket.MSG_WAITALL)

    def _send(self, connection: socket.socket, flight: bytes) -> None:
        for at in range(0, len(flight), self.size):
            part = flight[at:at + self.size]
            last = at + self.size >= len(flight)
            connection.sendall(bytes([0x12, last]) + (len(part) + 8).to_bytes(2, "big")
                               + bytes(4) + part)


@pytest.mark.parametrize(("protocol", "make"), [("nntp", nntp_server), ("telnet", telnet_server)])
def test_openssl_and_we_come_to_the_same_with_a_server_of_our_own(
        stand: Stand, protocol: str, make: Callable[[Files], Callable[[socket.socket], None]]
        ) -> None:
    """That openssl understands the server shows that it is one."""
    with serve(make(stand.files)) as port:
        assert handshake(protocol, port) == stand.leaf.der
        assert handshake(protocol, port, piece=1) == stand.leaf.der
        assert s_client(protocol, port) == stand.leaf.der


@pytest.mark.parametrize("piece", [1, 65536])
@pytest.mark.parametrize("size", [100, 4088])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_handshake_goes_through_the_packets_of_sql_server(
        stand: Stand, version: ssl.TLSVersion, size: int, piece: int) -> None:
    """In packets large and small, cut anywhere, and with bare records behind TLS 1.3's."""
    with serve(SqlServer(stand.files, size=size, version=version)) as port:
        assert handshake("mssql", port, piece=piece) == stand.leaf.der


def test_sql_server_without_encryption_is_refused(stand: Stand) -> None:
    """ENCRYPT_NOT_SUP."""
    with serve(SqlServer(stand.files, encryption=2)) as port, \
            pytest.raises(Refused, match="the MSSQL server does not offer TLS"):
        handshake("mssql", port)


def test_freetds_takes_our_sql_server_for_one(stand: Stand, tmp_path: Path) -> None:
    """FreeTDS gets through the handshake and logs in: so the server that we are held to is real."""
    server = SqlServer(stand.files)
    configuration = tmp_path / "freetds.conf"
    with serve(server) as port:
        configuration.write_text(f"[test]\nhost = 127.0.0.1\nport = {port}\ntds version = 7.4\n"
                                 "encryption = require\n")
        with subprocess.Popen(
                [program("tsql"), "-S", "test", "-U", "someone", "-P", "secret"],
                env={**os.environ, "FREETDSCONF": str(configuration)}, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as tsql:
            deadline = time.monotonic() + 20
            while "someone".encode("utf-16-le") not in server.said and tsql.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            tsql.kill()
    assert "someone".encode("utf-16-le") in server.said
