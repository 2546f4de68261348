"""Servers that speak something else than TLS, told by their first bytes. No sockets."""

from __future__ import annotations

#: What a server begins with, a word in lower case that must be there too, and what it is then. The
#: first row that fits counts.
_PLAINTEXT: tuple[tuple[tuple[bytes, ...], bytes, str], ...] = (
    ((b"HTTP/", b"<html", b"<HTML", b"<!DOCTYPE", b"<!doctype"), b"", "an HTTP server"),
    ((b"SSH-",), b"", "an SSH server"),
    ((b"220", b"421", b"530"), b"ftp", "an FTP server"),
    ((b"220", b"421", b"530"), b"filezilla", "an FTP server"),
    ((b"220", b"421", b"554", b"500", b"501", b"502", b"503"), b"", "an SMTP server"),
    ((b"200 ", b"201 ", b"400 "), b"", "an NNTP server"),
    ((b"* OK", b"* PREAUTH", b"* BYE", b"* BAD"), b"", "an IMAP server"),
    ((b"-ERR",), b"protocol error", "a Redis server"),
    ((b"+OK", b"-ERR"), b"", "a POP3 server"),
    ((b'"IMPLEMENTATION"',), b"", "a ManageSieve server"),
    ((b"<?xml", b"<stream"), b"stream", "an XMPP server"),
    ((b"RFB ",), b"", "a VNC server"),
    ((b"AMQP",), b"", "an AMQP server"),
    ((b"EFATAL", b"EERROR", b"E\0\0\0", b"E\0\0\1"), b"", "a PostgreSQL error"),
    ((b"\x03\x00\x00",), b"", "a Remote Desktop server"),
    ((b"\xff\xfb", b"\xff\xfc", b"\xff\xfd", b"\xff\xfe"), b"", "a telnet server"),
)


def describe_plaintext(data: bytes | bytearray) -> str:
    """Who sent these first bytes in place of TLS: "an HTTP server".

    Nothing of the bytes is in the answer, so that it may be shown to people and written to logs.
    """
    start = bytes(data[:512])
    if _is_mysql(start):
        return "a MySQL server"
    lower = start.lower()
    for beginnings, word, name in _PLAINTEXT:
        if start.startswith(beginnings) and word in lower:
            return name
    return "something that is not TLS"


def _is_mysql(start: bytes) -> bool:
    """A packet (three bytes length, then number 0) with protocol version 10, or with an error."""
    if len(start) < 6 or start[2:4] != b"\0\0":
        return False
    return start[4] == 10 or (start[4] == 0xFF and start[5:6] != b"S")  # "S": PostgreSQL
