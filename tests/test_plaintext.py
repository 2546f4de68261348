"""Servers that speak something else than TLS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zabbix_ssl.probing.plaintext import _PLAINTEXT, describe_plaintext
from zabbix_ssl.probing.replies import Reply, read_reply, read_sslv2_reply


@pytest.mark.parametrize(("banner", "name"), [
    (b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n", "an HTTP server"),
    (b"<!DOCTYPE html>\n<html>", "an HTTP server"),
    (b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", "an SSH server"),
    (b"220 mail.example.org ESMTP Postfix (Debian/GNU)\r\n", "an SMTP server"),
    (b"554 mail.example.org ESMTP not accepting messages\r\n", "an SMTP server"),
    (b"220 (vsFTPd 3.0.3)\r\n", "an FTP server"),
    (b"220-FileZilla Server 1.8.0\r\n220 Please visit\r\n", "an FTP server"),
    (b"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n", "an IMAP server"),
    (b"+OK Dovecot (Debian) ready.\r\n", "a POP3 server"),
    (b"-ERR Protocol error: unauthenticated\r\n", "a Redis server"),
    (b"200 news.example.org InterNetNews ready\r\n", "an NNTP server"),
    (b'"IMPLEMENTATION" "Dovecot Pigeonhole"\r\n', "a ManageSieve server"),
    (b"<?xml version='1.0'?><stream:stream xmlns='jabber:client'>", "an XMPP server"),
    (b"J\0\0\0\n8.0.36\0\x0b\0\0\0abcdefgh\0\xff\xff", "a MySQL server"),
    (b"E\0\0\0\n5.5.5-10.11.6-MariaDB-0+deb12u1\0", "a MySQL server"),
    (b"E\0\0\0\xff\x6a\x04Host '192.0.2.1' is not allowed", "a MySQL server"),
    (b"E\0\0\0\x8bSFATAL\0VFATAL\0C0A000\0Munsupported frontend proto", "a PostgreSQL error"),
    (b"E\0\0\0\xffSFATAL\0VFATAL\0C0A000\0Munsupported frontend proto", "a PostgreSQL error"),
    (b"EFATAL:  unsupported frontend protocol\n\0", "a PostgreSQL error"),
    (b"RFB 003.008\n", "a VNC server"),
    (b"AMQP\0\0\x09\x01", "an AMQP server"),
    (b"\x03\0\0\x13\x0e\xd0\0\0\x124\0\2\0\x08\0\2\0\0\0", "a Remote Desktop server"),
    (b"\xff\xfb\x01\xff\xfd\x03", "a telnet server"),
    (b"<?xml version='1.0'?><note/>\n", "something that is not TLS"),
    (b"ERROR\r\n", "something that is not TLS"),
    (b"\x1b[31mHello \x07\r\n", "something that is not TLS"),
    (b"\0\0\0\0\0\0", "something that is not TLS"),
    (b"\x16\x01\x01\0\x26\2\0\0\x22", "something that is not TLS"),
])
def test_a_server_that_speaks_something_else_is_named(banner: bytes, name: str) -> None:
    """By its first bytes, as an answer to each kind of hello."""
    assert describe_plaintext(banner) == name
    assert read_reply(banner) == Reply("not_tls", detail=name)
    assert read_sslv2_reply(banner) == Reply("not_tls", detail=name)


def test_a_line_of_text_is_awaited_before_it_is_named() -> None:
    """What comes byte by byte is named by the whole line, by 8 bytes when they are no text, and by
    32 at the latest."""
    banner = b"220 (vsFTPd 3.0.3)\r\n"
    assert [read_reply(banner[:i]) for i in range(len(banner))] == [None] * len(banner)
    greeting = b"AMQP\0\0\x09\x01"
    assert [read_reply(greeting[:i]) for i in range(len(greeting))] == [None] * len(greeting)
    assert read_reply(b"x" * 31) is None
    assert read_reply(b"x" * 32) == Reply("not_tls", detail="something that is not TLS")


@given(st.binary(max_size=100))
def test_nothing_of_an_answer_is_repeated_to_people(data: bytes) -> None:
    """Not one character of it reaches a terminal or a log: there are only so many sayings."""
    assert describe_plaintext(data) in {
        "something that is not TLS", "a MySQL server", *(name for _, _, name in _PLAINTEXT)}
