"""DER to facts: what one certificate says (RFC 5280), however odd it is.

``read`` gives the facts that people see, ``decode`` these and what the judgement of a chain needs.
What is not a certificate at all is Unreadable; a certificate with a malformed part gives the facts
of its other parts, and ``Decoded.malformed`` names that part where clients refuse it for that.

Bounds: 256 KiB a certificate, 10,000 names, 20 pointers of a kind. (OpenSSL's clients take at most
100 KiB for a whole chain.) Certificates are remembered, for a few hundred intermediates stand over
millions of leaves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, NamedTuple

from ..model import Certificate
from . import algorithms, der, names
from .remember import remembered

MOST_BYTES = 256 * 1024
MOST_NAMES = 10_000
MOST_POINTERS = 20
LONGEST_POINTER = 2000


class Unreadable(ValueError):
    """The bytes are no certificate."""


class Extensions(NamedTuple):
    """What the extensions say. None: that extension is absent."""

    san: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    names: bytes | None = None  # GeneralNames, DER: subjectAltName whole
    ca: bool | None = None  # basicConstraints cA
    path_length: int | None = None
    usage: int | None = None  # keyUsage, bit 0 (digitalSignature) first
    purposes: frozenset[bytes] | None = None  # extendedKeyUsage, contents of the OIDs
    netscape_type: int | None = None  # Netscape certificate type, as usage
    constraints: bytes | None = None  # NameConstraints, DER
    key_id: bytes = b""
    authority_key_id: bytes = b""
    must_staple: bool = False
    ocsp_urls: tuple[str, ...] = ()
    crl_urls: tuple[str, ...] = ()
    issuer_urls: tuple[str, ...] = ()
    public: bool = False  # it says that it follows the rules of the CA/Browser Forum


class Decoded(NamedTuple):
    """A certificate as the judgement of a chain needs it."""

    facts: Certificate
    version: int
    issuer: bytes  # Name, DER
    subject: bytes
    spki: bytes  # SubjectPublicKeyInfo, DER
    key: algorithms.Key
    algorithm: bytes  # AlgorithmIdentifier of the signature, DER
    signature: bytes
    signed: bytes  # TBSCertificate, DER
    extensions: Extensions
    critical: frozenset[bytes]  # contents of the OIDs of the critical extensions
    malformed: tuple[str, ...]  # what in its encoding makes OpenSSL refuse it


def read(encoded: bytes) -> Certificate:
    """The facts of a certificate (DER). Raises Unreadable when it is none."""
    return decode(encoded).facts


@remembered(4096, 8192)
def decode(encoded: bytes) -> Decoded:
    """A certificate (DER). Raises Unreadable when it is none."""
    if len(encoded) > MOST_BYTES:
        raise Unreadable(f"a certificate of {len(encoded)} bytes is too large")
    try:
        return _decode(encoded)
    except der.Malformed as error:
        raise Unreadable(f"not a certificate: {error}") from None


class _Body(NamedTuple):
    """The elements of a TBSCertificate, after the version."""

    serial: der.Element
    algorithm: der.Element
    issuer: der.Element
    validity: der.Element
    subject: der.Element
    spki: der.Element


def _decode(data: bytes) -> Decoded:
    try:
        body, algorithm, signature = der.inside(data, der.SEQUENCE)
        if (body[0], algorithm[0], signature[0]) != (der.SEQUENCE, der.SEQUENCE, der.BIT_STRING):
            raise der.Malformed("it is not a body, an algorithm and a signature")
        parts = der.children(data, body[2], body[3])
        version = 1
        if parts[0][0] == 0xA0:
            number = der.element(data, parts[0][2], parts[0][3])
            version = der.integer(data[number[2]:number[3]]) + 1
            parts = parts[1:]
        fields = _Body(*parts[:6])
    except (ValueError, TypeError, IndexError) as error:
        raise der.Malformed(str(error) if isinstance(error, der.Malformed)
                            else "its parts are not those of a certificate") from None
    malformed: list[str] = []
    extensions, critical = _extensions(data, parts[6:], malformed)
    identifier = data[algorithm[1]:algorithm[3]]
    if data[fields.algorithm[1]:fields.algorithm[3]] != identifier:
        malformed.append("it names two signature algorithms")
    if data[signature[2]:signature[2] + 1] != b"\0":
        malformed.append("its signature is not made of whole bytes")  # as OpenSSL says, too
    issuer, subject, spki = (
        data[at[1]:at[3]] for at in (fields.issuer, fields.subject, fields.spki))
    key = _tried(algorithms.key, spki, algorithms.Key("unknown", None, "", ""),
                 "public key", malformed)
    signed, bits = data[body[1]:body[3]], data[signature[2] + 1:signature[3]]
    signing = _tried(algorithms.algorithm, identifier,
                     algorithms.Algorithm("unknown", "", ""), "signature algorithm", malformed)
    self_issued = names.same(issuer, subject)
    self_signed = self_issued and _own_key_verifies(spki, identifier, bits, signed, extensions)
    not_before, not_after = _validity(data, fields.validity, malformed)
    facts = Certificate(
        der=data,
        subject=_tried(names.shown, subject, "", "subject", malformed),
        issuer=_tried(names.shown, issuer, "", "issuer", malformed),
        serial=_serial(data[fields.serial[2]:fields.serial[3]]),
        fingerprint_sha256=hashlib.sha256(data).hexdigest().upper(),
        not_before=not_before, not_after=not_after,
        san=extensions.san, dns_names=extensions.dns_names, ip_addresses=extensions.ip_addresses,
        key_type=key.type, key_bits=key.bits, signature_algorithm=signing.name,
        weak_key=key.weak,
        # nobody checks the signature that a certificate puts under itself
        weak_signature="" if self_signed else signing.weak,
        self_issued=self_issued, self_signed=self_signed, is_ca=bool(extensions.ca),
        must_staple=extensions.must_staple, ocsp_urls=extensions.ocsp_urls,
        crl_urls=extensions.crl_urls, issuer_urls=extensions.issuer_urls)
    return Decoded(facts, version, issuer, subject, spki, key, identifier, bits, signed,
                   extensions, critical, tuple(malformed))


def _tried(reader: Callable[[bytes], Any], encoded: bytes, otherwise: Any, what: str,
           malformed: list[str]) -> Any:
    """What ``reader`` makes of it; ``otherwise``, and a note, when it is malformed."""
    try:
        return reader(encoded)
    except ValueError:
        malformed.append(f"its {what} is malformed")
        return otherwise


def _own_key_verifies(spki: bytes, identifier: bytes, signature: bytes, signed: bytes,
                      extensions: Extensions) -> bool:
    """Of a self-issued certificate: is it self-signed too?

    Where the signature cannot be checked here the key identifiers decide, as they do in OpenSSL.
    """
    try:
        answer = algorithms.verifies(spki, identifier, signature, signed)
    except der.Malformed:
        answer = None
    if answer is None:
        return extensions.authority_key_id in (b"", extensions.key_id)
    return answer


def _validity(data: bytes, at: der.Element, malformed: list[str]) -> tuple[int, int]:
    moments = []
    for tag, _, start, stop in der.children(data, at[2], at[3])[:2]:
        moment, exact = der.seconds(tag, data[start:stop])
        moments.append(moment)
        if not exact and "its validity is malformed" not in malformed:
            malformed.append("its validity is malformed")
    if len(moments) != 2:
        raise der.Malformed("it has no validity")
    return moments[0], moments[1]


def _serial(content: bytes) -> str:
    """Hexadecimal in pairs of digits, as OpenSSL and browsers write it."""
    number = der.integer(content[:64])
    digits = f"{abs(number):X}"
    return ("-" if number < 0 else "") + "0" * (len(digits) % 2) + digits


# Extensions: one row of _READERS each


def _extensions(data: bytes, parts: list[der.Element], malformed: list[str]
                ) -> tuple[Extensions, frozenset[bytes]]:
    """What the extensions say, and which of them are critical."""
    told: dict[str, Any] = {}
    critical: set[bytes] = set()
    seen: set[bytes] = set()
    for part in parts:
        if part[0] != 0xA3:
            continue  # the unique identifiers of X.509 version 2
        try:
            for _, _, start, stop in der.inside(data, der.SEQUENCE, part[2], part[3]):
                _extension(data, start, stop, told, critical, seen, malformed)
        except der.Malformed:
            malformed.append("its extensions are malformed")
    return Extensions(**told), frozenset(critical)


def _extension(data: bytes, start: int, stop: int, told: dict[str, Any], critical: set[bytes],
               seen: set[bytes], malformed: list[str]) -> None:
    parts = der.children(data, start, stop)
    if len(parts) < 2 or parts[0][0] != der.OID or parts[-1][0] != der.OCTET_STRING:
        raise der.Malformed("an extension is not a name and a value")
    kind = data[parts[0][2]:parts[0][3]]
    if kind in seen:
        malformed.append(f"it has the extension {der.oid(kind)} twice")
    seen.add(kind)
    if parts[1][0] == der.BOOLEAN and data[parts[1][2]:parts[1][3]] != b"\0":
        critical.add(kind)
    reader = _READERS.get(kind)
    if reader:
        name, read_value = reader
        try:
            told |= read_value(data[parts[-1][2]:parts[-1][3]])
        except (der.Malformed, IndexError, ValueError):
            if name:
                malformed.append(f"its {name} is malformed")


def _names(value: bytes) -> dict[str, Any]:
    dns: dict[str, None] = {}
    addresses: dict[str, None] = {}
    every: dict[str, None] = {}
    tag, _, first, last = der.element(value, 0, len(value))
    if tag != der.SEQUENCE or last != len(value):
        raise der.Malformed("not a sequence")
    for tag, _, at, end in der.children(value, first, last, MOST_NAMES):
        if tag == 0x82:
            every[shown := names.text(value[at:end], "ascii")] = None
            dns[shown] = None
        elif tag == 0x87 and end - at in (4, 16):
            every[shown := str(ip_address(value[at:end]))] = None
            addresses[shown] = None
    return {"san": tuple(every), "dns_names": tuple(dns), "ip_addresses": tuple(addresses),
            "names": value}


def _basic_constraints(value: bytes) -> dict[str, Any]:
    said: dict[str, Any] = {"ca": False}
    for tag, _, at, end in der.inside(value, der.SEQUENCE):
        if tag == der.BOOLEAN:
            said["ca"] = value[at:end] != b"\0"
        elif tag == der.INTEGER:
            said["path_length"] = der.integer(value[at:end])
    return said


def _bits(value: bytes) -> int:
    """A BIT STRING of names: bit 0 of the answer is the first of them."""
    tag, _, at, end = der.element(value, 0, len(value))
    if tag != der.BIT_STRING:
        raise der.Malformed("not a bit string")
    return sum(1 << number for number in range(min(end - at - 1, 2) * 8)
               if value[at + 1 + number // 8] << number % 8 & 0x80)


def _usage(value: bytes) -> dict[str, Any]:
    return {"usage": _bits(value)}


def _netscape_type(value: bytes) -> dict[str, Any]:
    return {"netscape_type": _bits(value)}


def _purposes(value: bytes) -> dict[str, Any]:
    return {"purposes": frozenset(
        value[at:end] for _, _, at, end in der.inside(value, der.SEQUENCE))}


def _constraints(value: bytes) -> dict[str, Any]:
    return {"constraints": value}


def _key_id(value: bytes) -> dict[str, Any]:
    tag, _, at, end = der.element(value, 0, len(value))
    if tag != der.OCTET_STRING:
        raise der.Malformed("not an octet string")
    return {"key_id": value[at:end]}


def _authority_key_id(value: bytes) -> dict[str, Any]:
    for tag, _, at, end in der.inside(value, der.SEQUENCE):
        if tag == 0x80:
            return {"authority_key_id": value[at:end]}
    return {}


_OCSP, _CA_ISSUERS = der.encoded_oid("1.3.6.1.5.5.7.48.1"), der.encoded_oid("1.3.6.1.5.5.7.48.2")
_URI = 0x86


def _access(value: bytes) -> dict[str, Any]:
    urls: dict[bytes, list[str]] = {_OCSP: [], _CA_ISSUERS: []}
    for tag, _, at, end in der.inside(value, der.SEQUENCE):
        method, place = der.children(value, at, end)
        wanted = urls.get(value[method[2]:method[3]])
        if tag == der.SEQUENCE and place[0] == _URI and wanted is not None:
            _add_pointer(wanted, value[place[2]:place[3]])
    return {"ocsp_urls": tuple(urls[_OCSP]), "issuer_urls": tuple(urls[_CA_ISSUERS])}


def _crl_points(value: bytes) -> dict[str, Any]:
    urls: list[str] = []
    for _, _, at, end in der.inside(value, der.SEQUENCE):
        for tag, _, name, name_end in der.children(value, at, end):  # DistributionPoint
            if tag != 0xA0:
                continue
            for kind, _, full, full_end in der.children(value, name, name_end):
                for place in der.children(value, full, full_end) if kind == 0xA0 else ():
                    if place[0] == _URI:
                        _add_pointer(urls, value[place[2]:place[3]])
    return {"crl_urls": tuple(urls)}


def _add_pointer(urls: list[str], encoded: bytes) -> None:
    url = names.text(encoded, "ascii")
    if len(urls) < MOST_POINTERS and len(url) <= LONGEST_POINTER and url not in urls:
        urls.append(url)


def _features(value: bytes) -> dict[str, Any]:
    """RFC 7633: status_request (5) or status_request_v2 (17)."""
    return {"must_staple": any(der.integer(value[at:end]) in (5, 17) for _, _, at, end
                               in der.inside(value, der.SEQUENCE))}


#: 2.23.140.1: what the CA/Browser Forum's rules have every publicly trusted certificate say.
_FORUM = der.encoded_oid("2.23.140.1")


def _policies(value: bytes) -> dict[str, Any]:
    for _, _, at, end in der.inside(value, der.SEQUENCE):
        _, _, kind, kind_end = der.element(value, at, end)
        if value[kind:kind_end].startswith(_FORUM):
            return {"public": True}
    return {}


def _timestamps(value: bytes) -> dict[str, Any]:
    return {"public": True}  # in the public logs (RFC 6962), where private CAs have no place


# Most certificates share most of their extensions with others of their CA, byte for byte.
_shared = remembered(512, 1024)

#: Extension: what to call it when it is malformed ("" where OpenSSL does not mind that), and its
#: reader.
_READERS: dict[bytes, tuple[str, Callable[[bytes], dict[str, Any]]]] = {
    der.encoded_oid(dotted): row for dotted, row in {
        "2.5.29.17": ("list of names (subjectAltName)", _names),
        "2.5.29.19": ("basicConstraints", _shared(_basic_constraints)),
        "2.5.29.15": ("keyUsage", _shared(_usage)),
        "2.5.29.37": ("extendedKeyUsage", _shared(_purposes)),
        "2.5.29.30": ("nameConstraints", _constraints),
        "2.5.29.14": ("subjectKeyIdentifier", _key_id),
        "2.5.29.35": ("authorityKeyIdentifier", _shared(_authority_key_id)),
        "2.5.29.31": ("list of CRLs (cRLDistributionPoints)", _shared(_crl_points)),
        "2.5.29.32": ("", _shared(_policies)),
        "1.3.6.1.5.5.7.1.1": ("", _shared(_access)),
        "1.3.6.1.5.5.7.1.24": ("", _shared(_features)),
        "1.3.6.1.4.1.11129.2.4.2": ("", _timestamps),
        "2.16.840.1.113730.1.1": ("Netscape certificate type", _shared(_netscape_type)),
    }.items()}
