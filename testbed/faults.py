"""Servers that do what no server should: each a dialogue for ``serve``, or a context of its own.

Only what nothing real can be brought to do is scripted here, and it is real bytes.
"""

from __future__ import annotations

import random
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .process import listener, reserved
from .serving import Dialogue

HANDSHAKE, ALERT = 22, 21
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE = 1, 2, 11


# Without a dialogue


@contextmanager
def refusing(address: str = "127.0.0.1") -> Iterator[int]:
    """A port where nothing listens, and which nobody else gets."""
    with reserved(address) as bound:
        yield bound.getsockname()[1]


@contextmanager
def unanswered(address: str = "127.0.0.1") -> Iterator[int]:
    """A port that drops every SYN, as a firewall does: its queue is full and never emptied."""
    with listener(address, backlog=0) as full:
        waiting = []
        for _ in range(3):
            client = socket.socket(full.family)
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.connect(full.getsockname()[:2])
            waiting.append(client)
        try:
            yield full.getsockname()[1]
        finally:
            for client in waiting:
                client.close()


# Silence and rudeness


def silent(connection: socket.socket) -> None:
    """Reads all and never answers."""
    while connection.recv(65536):
        pass


def closing(connection: socket.socket) -> None:
    """Closes as soon as the client has said something."""
    connection.recv(65536)


def hanging_up(connection: socket.socket) -> None:
    """Closes without waiting for the client."""


def resetting(connection: socket.socket) -> None:
    """Resets as soon as the client has said something."""
    connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# Other protocols


def http(connection: socket.socket) -> None:
    """What a plain HTTP server says to a ClientHello."""
    connection.recv(65536)
    body = b"<html><body><h1>400 Bad Request</h1></body></html>"
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: "
                       b"%d\r\nConnection: close\r\n\r\n%s" % (len(body), body))


def speaking(banner: bytes) -> Dialogue:
    """Sends ``banner`` at once, as SSH and SMTP do, and then waits."""

    def dialogue(connection: socket.socket) -> None:
        connection.sendall(banner)
        silent(connection)

    return dialogue


ssh = speaking(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
smtp = speaking(b"220 mail.example.org ESMTP ready\r\n")


# TLS that goes wrong. The bytes are those of TLS 1.2 (RFC 5246).


def record(kind: int, body: bytes, version: bytes = b"\x03\x03") -> bytes:
    return bytes((kind,)) + version + struct.pack(">H", len(body)) + body


def message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def server_hello(cipher: int = 0xC02F, version: bytes = b"\x03\x03") -> bytes:
    """A ServerHello message: ECDHE-RSA-AES128-GCM-SHA256 by default, and the
    renegotiation_info (RFC 5746) that OpenSSL insists on."""
    return message(SERVER_HELLO, version + random.Random(1).randbytes(32) + b"\0" +
                   struct.pack(">HB", cipher, 0) + b"\0\x05\xff\x01\0\x01\0")


def records(body: bytes, size: int = 16384) -> bytes:
    """Handshake messages cut into records."""
    return b"".join(record(HANDSHAKE, body[at:at + size]) for at in range(0, len(body), size))


def answering(answer: bytes) -> Dialogue:
    """Sends the same bytes to everyone who has said something, and waits."""

    def dialogue(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)
        silent(connection)

    return dialogue


def huge_certificate(size: int = 1 << 20) -> Dialogue:
    """A ServerHello and a Certificate message of ``size`` bytes that are no certificate."""
    junk = random.Random(2).randbytes(size)
    entry = len(junk).to_bytes(3, "big") + junk
    return answering(records(server_hello() + message(
        CERTIFICATE, len(entry).to_bytes(3, "big") + entry)))


def certificates(*served: bytes, cipher: int = 0xC02B) -> Dialogue:
    """A ServerHello, these certificates (DER) and nothing more: what a client can learn from a
    server that it can then not finish with. ``cipher`` must suit the key: 0xC02F for RSA."""
    entries = b"".join(len(one).to_bytes(3, "big") + one for one in served)
    return answering(records(server_hello(cipher) + message(
        CERTIFICATE, len(entries).to_bytes(3, "big") + entries)))


def endless(piece: bytes) -> Dialogue:
    """Sends ``piece`` again and again for as long as somebody reads."""

    def dialogue(connection: socket.socket) -> None:
        connection.recv(65536)
        while True:
            connection.sendall(piece)

    return dialogue


#: A handshake message of 16 MB, of which the end never comes.
endless_message = endless(record(HANDSHAKE, message(CERTIFICATE, b"\0" * 16380)))
#: HelloRequests, which a client has to ignore (RFC 5246, 7.4.1.1).
endless_handshake = endless(record(HANDSHAKE, message(0, b"") * 1000))
#: Warnings, which a client may ignore: "user canceled".
endless_alerts = endless(record(ALERT, b"\x01\x5a") * 500)
#: Records without content, which OpenSSL allows 32 of.
endless_empty = endless(record(HANDSHAKE, b"") * 1000)


def garbage(seed: int, size: int = 4096) -> Dialogue:
    """Random bytes, the same for the same seed."""
    return answering(random.Random(seed).randbytes(size))


def choosing(cipher: int, version: bytes = b"\x03\x03") -> Dialogue:
    """Answers by a ServerHello that picks ``cipher`` where it is offered, else by the alert
    handshake_failure. For suites that no current software has any more (RFC 2246 EXPORT)."""

    def dialogue(connection: socket.socket) -> None:
        hello = connection.recv(65536)
        if struct.pack(">H", cipher) in _offered(hello):
            connection.sendall(record(HANDSHAKE, server_hello(cipher, version), version))
            silent(connection)
        else:
            connection.sendall(record(ALERT, b"\x02\x28", version))

    return dialogue


def _offered(hello: bytes) -> set[bytes]:
    """The cipher suites of a ClientHello that came as one record."""
    if len(hello) < 44 or hello[0] != HANDSHAKE or hello[5] != CLIENT_HELLO:
        return set()
    start = 44 + hello[43]
    end = start + 2 + int.from_bytes(hello[start:start + 2], "big")
    return {hello[at:at + 2] for at in range(start + 2, end, 2)}


def ssl2(certificate: bytes, ciphers: bytes = b"\x01\0\x80\x07\0\xc0") -> Dialogue:
    """A server of SSL 2.0 (the draft of 1995): certificate (DER) and ciphers (RC4, 3DES with MD5)
    in its SERVER-HELLO. To all else it closes."""

    def dialogue(connection: socket.socket) -> None:
        hello = connection.recv(65536)
        if len(hello) < 5 or not hello[0] & 0x80 or hello[2] != 1 or hello[3:5] != b"\0\x02":
            return
        body = b"\x04\0\x01\0\x02" + struct.pack(
            ">HHH", len(certificate), len(ciphers), 16) + certificate + ciphers + b"c" * 16
        connection.sendall(struct.pack(">H", 0x8000 | len(body)) + body)
        silent(connection)

    return dialogue


def slowly(banner: bytes, seconds: float) -> Dialogue:
    """Sends ``banner`` one byte at a time."""

    def dialogue(connection: socket.socket) -> None:
        for at in range(len(banner)):
            connection.sendall(banner[at:at + 1])
            time.sleep(seconds)

    return dialogue
