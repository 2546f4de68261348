"""Reading DER (X.690) as far as certificates need it: bytes in, positions and values out.

Certificates are read by hand and not by a library, because the facts of a bad certificate are
wanted too: libraries refuse a serial of zero, an unknown curve or a malformed name, and refuse more
with each release. Lengths are taken in any form but the indefinite one, as OpenSSL does; every
length is held against the end of what surrounds it.
"""

from __future__ import annotations

INTEGER, BIT_STRING, OCTET_STRING, OID, SEQUENCE, SET = 0x02, 0x03, 0x04, 0x06, 0x30, 0x31
BOOLEAN, UTC_TIME, GENERALIZED_TIME = 0x01, 0x17, 0x18


class Malformed(ValueError):
    """The bytes are not the DER they should be."""


#: One element inside the data: its tag, where it begins, where its contents begin and end. A plain
#: tuple: a certificate has a hundred of them, and a NamedTuple costs twice as much.
Element = tuple[int, int, int, int]


def element(data: bytes, at: int, end: int) -> Element:
    """The element at ``at``, which must end by ``end``."""
    try:
        tag = data[at]
        length = data[at + 1]
    except IndexError:
        raise Malformed("it ends in the middle of an element") from None
    start = at + 2
    if length >= 0x80:
        start += length & 0x7F
        if not 0x81 <= length <= 0x84:
            raise Malformed("a length is missing or absurd")
        length = int.from_bytes(data[at + 2:start], "big")
    stop = start + length
    if stop > end or tag & 0x1F == 0x1F:
        raise Malformed("an element is longer than what it stands in")
    return tag, at, start, stop


def children(data: bytes, start: int, stop: int, most: int = 1 << 18) -> list[Element]:
    """The elements that fill ``data[start:stop]``; only the first ``most`` of them."""
    found: list[Element] = []
    while start < stop and len(found) < most:
        try:
            length = data[start + 1]
        except IndexError:
            raise Malformed("it ends in the middle of an element") from None
        end = start + 2 + length
        if length < 0x80 and end <= stop:  # most are short: element() spelt out here
            part = (data[start], start, start + 2, end)
        else:
            part = element(data, start, stop)
        found.append(part)
        start = part[3]
    return found


def inside(data: bytes, tag: int, at: int = 0, end: int | None = None) -> list[Element]:
    """The children of the element at ``at``, which must have this tag and fill the space."""
    end = len(data) if end is None else end
    found, _, start, stop = element(data, at, end)
    if found != tag or stop != end:
        raise Malformed(f"an element of tag {tag:#x} was expected")
    return children(data, start, stop)


def integer(data: bytes) -> int:
    """The value of an INTEGER's contents."""
    return int.from_bytes(data, "big", signed=True)


def encoded_oid(dotted: str) -> bytes:
    """The contents of an OBJECT IDENTIFIER: what tables of known ones are keyed by."""
    first, second, *rest = map(int, dotted.split("."))
    out = bytearray()
    for arc in (first * 40 + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        out += bytes(reversed(groups))
    return bytes(out)


def oid(data: bytes) -> str:
    """The dotted form of an OBJECT IDENTIFIER's contents."""
    arcs: list[int] = []
    arc = 0
    for byte in data[:64]:
        arc = arc << 7 | byte & 0x7F
        if byte < 0x80:
            arcs.append(arc)
            arc = 0
    if not arcs:
        return ""
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def seconds(tag: int, text: bytes) -> tuple[int, bool]:
    """Unix seconds of a Time's contents, and whether it is written as RFC 5280 4.1.2.5 demands.

    What is written otherwise is read too where its meaning is clear: seconds left out, a fraction,
    an offset from UTC. Raises Malformed where it is not.
    """
    digits = 4 if tag == GENERALIZED_TIME else 2
    if not text[:digits + 8].isdigit():
        raise Malformed(f"a date cannot be read: {text[:24]!r}")
    try:
        year = int(text[:digits])
        if digits == 2:
            year += 1900 if year >= 50 else 2000
        month, day, hour, minute = (int(text[at:at + 2])
                                    for at in range(digits, digits + 8, 2))
        rest = text[digits + 8:]
        second = int(rest[:2]) if rest[:2].isdigit() else 0
        exact = len(rest) == 3 and rest[2] == 0x5A and tag in (UTC_TIME, GENERALIZED_TIME)
        away = 0 if exact else _offset(rest)
        if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
            raise Malformed("a date is impossible")
    except ValueError:
        raise Malformed(f"a date cannot be read: {text[:24]!r}") from None
    return _days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - away, exact


def _offset(rest: bytes) -> int:
    """Seconds east of UTC that the end of a Time says."""
    sign = max(rest.rfind(b"+"), rest.rfind(b"-"))
    if sign < 0:
        return 0
    hours, minutes = int(rest[sign + 1:sign + 3]), int(rest[sign + 3:sign + 5] or b"0")
    return (hours * 3600 + minutes * 60) * (1 if rest[sign:sign + 1] == b"+" else -1)


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 (Gregorian); any year, where datetime stops at 1 and 9999."""
    year -= month <= 2
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + of_year - 719468
