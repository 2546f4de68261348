"""Small servers that speak another protocol until they are asked for TLS: dialogues around one of
tls.py. They need nothing installed; the real servers are in starttls.py.

    with serve(preludes.smtp("mx.example", tls.modern(leaf))) as port: ...
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import suppress

from .serving import Dialogue

_MOST_LINE = 512  # RFC 5321 section 4.5.3.1.4

_SSL_REQUEST, _GSS_REQUEST = 80877103, 80877104


def smtp(name: str, secure: Dialogue) -> Dialogue:
    """A mail server that offers STARTTLS and goes over to ``secure`` (RFC 5321, RFC 3207)."""
    extensions = (name, "PIPELINING", "SIZE 10240000", "STARTTLS", "8BITMIME")
    answers = {
        "EHLO": "".join(f"250{' ' if word == extensions[-1] else '-'}{word}\r\n"
                        for word in extensions),
        "HELO": f"250 {name}\r\n",
        "NOOP": "250 2.0.0 Ok\r\n",
        "STARTTLS": "220 2.0.0 Ready to start TLS\r\n",
        "QUIT": "221 2.0.0 Bye\r\n",
    }

    def dialogue(connection: socket.socket) -> None:
        connection.sendall(f"220 {name} ESMTP\r\n".encode())
        while line := _line(connection):
            verb = line.split(b" ")[0].strip().upper().decode(errors="replace")
            connection.sendall(answers.get(
                verb, "530 5.7.0 Must issue a STARTTLS command first\r\n").encode())
            if verb == "STARTTLS":
                secure(connection)
            if verb in ("STARTTLS", "QUIT"):
                return

    return dialogue


def postgres(secure: Dialogue) -> Dialogue:
    """A PostgreSQL that takes nobody without TLS: it goes over to ``secure`` after an SSLRequest
    (PostgreSQL manual, "Message Flow"; "Message Formats")."""
    def dialogue(connection: socket.socket) -> None:
        for _ in range(2):  # a client may ask for GSSAPI first
            head = _exactly(connection, 8)
            length, code = struct.unpack(">II", head) if len(head) == 8 else (0, 0)
            if (length, code) == (8, _SSL_REQUEST):
                connection.sendall(b"S")
                secure(connection)
                return
            if (length, code) != (8, _GSS_REQUEST):
                break
            connection.sendall(b"N")
        connection.sendall(_fatal("28000", "no pg_hba.conf entry for this host, no encryption"))

    return dialogue


def _fatal(code: str, words: str) -> bytes:
    """An ErrorResponse."""
    fields = b"".join(name + text.encode() + b"\0" for name, text in (
        (b"S", "FATAL"), (b"V", "FATAL"), (b"C", code), (b"M", words))) + b"\0"
    return b"E" + struct.pack(">I", 4 + len(fields)) + fields


def _line(connection: socket.socket) -> bytes:
    """A line with its end, or b"" when the client closes or goes on without end."""
    return _until(connection, lambda data: data.endswith(b"\n"), _MOST_LINE)


def _exactly(connection: socket.socket, count: int) -> bytes:
    return _until(connection, lambda data: len(data) == count, count)


def _until(connection: socket.socket, whole: Callable[[bytes], bool], most: int) -> bytes:
    """One byte after the other: what comes behind is not ours but of TLS."""
    data = b""
    with suppress(OSError):
        while not whole(data):
            byte = connection.recv(1)
            if not byte or len(data) >= most:
                return b""
            data += byte
    return data
