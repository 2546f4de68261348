"""Writing DER (X.690) by hand: what a library refuses to make, a tester must be able to send."""

from __future__ import annotations

from datetime import UTC, datetime

SEQUENCE, SET = 0x30, 0x31
UTF8, PRINTABLE, IA5, BMP, TELETEX = 0x0C, 0x13, 0x16, 0x1E, 0x14


def tlv(tag: int, *contents: bytes) -> bytes:
    """One element: its tag, its length in the fewest bytes, its contents."""
    body = b"".join(contents)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def sequence(*contents: bytes) -> bytes:
    return tlv(SEQUENCE, *contents)


def explicit(number: int, *contents: bytes) -> bytes:
    """``[number] EXPLICIT``."""
    return tlv(0xA0 | number, *contents)


def integer(value: int) -> bytes:
    size = (value + (value < 0)).bit_length() // 8 + 1
    return tlv(0x02, value.to_bytes(size, "big", signed=True))


def bit_string(value: bytes) -> bytes:
    return tlv(0x03, b"\0", value)


def octet_string(value: bytes) -> bytes:
    return tlv(0x04, value)


def boolean(value: bool) -> bytes:
    return tlv(0x01, b"\xff" if value else b"\0")


def oid(dotted: str) -> bytes:
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return tlv(0x06, *(_base128(arc) for arc in (first * 40 + second, *rest)))


def _base128(arc: int) -> bytes:
    groups = [arc & 0x7F]
    while arc := arc >> 7:
        groups.append(0x80 | arc & 0x7F)
    return bytes(reversed(groups))


def time(when: datetime) -> bytes:
    """UTCTime to the year 2049, GeneralizedTime after it (RFC 5280 4.1.2.5)."""
    when = when.astimezone(UTC)
    if 1950 <= when.year < 2050:
        return tlv(0x17, when.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(0x18, f"{when.year:04}{when:%m%d%H%M%SZ}".encode())


def name(*attributes: tuple[str, str, int]) -> bytes:
    """A Name of one attribute a level, root first: (OID, text, string type)."""
    return sequence(*(
        tlv(SET, sequence(oid(kind), tlv(string, text.encode(_CODECS.get(string, "utf-8")))))
        for kind, text, string in attributes))


_CODECS = {BMP: "utf-16-be", TELETEX: "latin-1"}
