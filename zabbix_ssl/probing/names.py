"""Distinguished names: how they are shown, and when two are the same.

Names come from strangers and go to terminals, to Zabbix and to HTML. Whatever is not a printable
character is shown as RFC 4514 writes it, ``\\0A``: no escape sequence, no line break, no NUL and no
right-to-left override gets through. (Escaping for HTML or JSON is the business of those outputs.)
"""

from __future__ import annotations

from . import der
from .remember import remembered

_SHORT = {der.encoded_oid(dotted): short for dotted, short in {
    "2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET",
    "2.5.4.10": "O", "2.5.4.11": "OU", "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID", "2.5.4.4": "SN", "2.5.4.42": "GN", "2.5.4.12": "title",
    "2.5.4.5": "serialNumber", "2.5.4.15": "businessCategory", "2.5.4.17": "postalCode",
    "2.5.4.97": "organizationIdentifier", "1.2.840.113549.1.9.1": "emailAddress",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL", "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC"}.items()}

_COMMON_NAME = der.encoded_oid("2.5.4.3")

#: String types by tag, and how they are encoded. TeletexString is read as everybody reads it.
_STRINGS = {0x0C: "utf-8", 0x12: "ascii", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii",
            0x1A: "ascii", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}

#: A longer name is cut: a certificate can hold 256 KiB of it.
LONGEST = 2000


def text(encoded: bytes, codec: str = "utf-8") -> str:
    """A string of a certificate, fit to be shown: what is not printable as ``\\XX``."""
    try:
        decoded = encoded.decode(codec)
    except UnicodeDecodeError:
        decoded = encoded.decode("ascii", "surrogateescape")
    if decoded.isprintable():
        return decoded
    return "".join(c if c.isprintable() else _hex(c) for c in decoded)


def _hex(character: str) -> str:
    return "".join(f"\\{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))


@remembered(2048, 1024)
def shown(name: bytes) -> str:
    """A Name (DER) as RFC 4514 writes it, the most specific part first; "" for an empty one.

    Raises Malformed.
    """
    parts = []
    for _, _, start, stop in reversed(der.inside(name, der.SEQUENCE)):
        parts.append("+".join(_attribute(name, at, end)
                              for _, at, _, end in der.children(name, start, stop)))
    whole = ",".join(parts)
    return whole if len(whole) <= LONGEST else whole[:LONGEST] + "..."


def _attribute(name: bytes, at: int, end: int) -> str:
    kind, value = _pair(name, at, end)
    label = _SHORT.get(name[kind[2]:kind[3]]) or der.oid(name[kind[2]:kind[3]])
    codec = _STRINGS.get(value[0])
    if codec is None:
        return f"{label}=#{name[value[1]:value[3]].hex().upper()}"
    return f"{label}={_escaped(name[value[2]:value[3]], codec)}"


def _pair(name: bytes, at: int, end: int) -> list[der.Element]:
    pair = der.inside(name, der.SEQUENCE, at, end)
    if len(pair) != 2 or pair[0][0] != der.OID:
        raise der.Malformed("a name is not made of pairs of type and value")
    return pair


_SPECIAL = str.maketrans({c: "\\" + c for c in '\\",+;<>'})


def _escaped(encoded: bytes, codec: str) -> str:
    """RFC 4514 2.4: the specials, a space at either end and a "#" in front get a backslash."""
    try:
        decoded = encoded.decode(codec)
    except UnicodeDecodeError:
        decoded = encoded.decode("ascii", "surrogateescape")
    if decoded.isalnum():
        return decoded
    plain = decoded.translate(_SPECIAL)
    if plain.startswith((" ", "#")):
        plain = "\\" + plain
    if plain.endswith(" ") and decoded != " ":
        plain = plain[:-1] + "\\ "
    return plain if plain.isprintable() else "".join(
        c if c.isprintable() else _hex(c) for c in plain)


@remembered(2048, 1024)
def common_name(name: bytes) -> str:
    """The last CN of a Name (DER), fit to be shown; "" when it has none. Raises Malformed."""
    for _, _, start, stop in reversed(der.inside(name, der.SEQUENCE)):
        for _, at, _, end in der.children(name, start, stop):
            kind, value = _pair(name, at, end)
            if name[kind[2]:kind[3]] == _COMMON_NAME and value[0] in _STRINGS:
                return text(name[value[2]:value[3]], _STRINGS[value[0]])
    return ""


@remembered(2048, 1024)
def canonical(name: bytes) -> tuple[tuple[tuple[bytes, bytes], ...], ...]:
    """A Name (DER) in a form in which two that RFC 5280 7.1 calls equal are equal.

    As OpenSSL does it (x509_name_canon): strings of whatever type as text, ASCII letters in lower
    case, white space at the ends gone and inside it one space. Raises Malformed.
    """
    return tuple(
        tuple(sorted(_canonical_pair(name, at, end)
                     for _, at, _, end in der.children(name, start, stop)))
        for _, _, start, stop in der.inside(name, der.SEQUENCE))


def _canonical_pair(name: bytes, at: int, end: int) -> tuple[bytes, bytes]:
    kind, value = _pair(name, at, end)
    content = name[value[2]:value[3]]
    codec = _STRINGS.get(value[0])
    if codec is None:
        return name[kind[2]:kind[3]], name[value[1]:value[3]]
    try:
        content = content.decode(codec).encode()
    except UnicodeError:
        return name[kind[2]:kind[3]], name[value[1]:value[3]]
    # bytes.lower() and bytes.split() know ASCII alone, which is what is wanted
    return name[kind[2]:kind[3]], b" ".join(content.lower().split())


def same(one: bytes, other: bytes) -> bool:
    """Are two Names (DER) the same? Malformed ones are only if they are the same bytes."""
    if one == other:
        return True
    try:
        return canonical(one) == canonical(other)
    except der.Malformed:
        return False
