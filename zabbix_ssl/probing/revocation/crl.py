"""A CRL (RFC 5280 section 5): what it says of itself, who signed it, and whether it lists a serial.

CRLs run to tens of megabytes and hundreds of thousands of entries, so the entries are never made
into objects. They are walked once, which also proves that they are whole, into an index: a sorted
array of a checksum of the serial number and 26 bits of where the entry lies. A lookup is a
bisection; what it finds is compared exactly, and read by cryptography as the only entry of a small
CRL cut out around it. The same cut without entries tells what the CRL says of itself.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

from cryptography import x509

from ...model import Failure
from .. import der, names
from ..certificates import decode
from .encoding import seconds, wrap
from .signature import FORGEABLE, refusal

_PLACE_BITS = 26
_PLACE = (1 << _PLACE_BITS) - 1
CRL_BYTES = _PLACE  # 64 MiB, as much as an index can point into
_MOST_ALIKE = 1000  # entries of one checksum: honest ones are a handful

_CRL_SIGN = 1 << 6  # keyUsage cRLSign
_TIMES = (der.UTC_TIME, der.GENERALIZED_TIME)
_CERTIFICATE_ISSUER = der.encoded_oid("2.5.29.29")  # in the entries of indirect CRLs

_UNDERSTOOD = (x509.IssuingDistributionPoint, x509.DeltaCRLIndicator, x509.CRLNumber,
               x509.AuthorityKeyIdentifier, x509.FreshestCRL)


ALL_REASONS = frozenset(
    flag.value for flag in x509.ReasonFlags if flag.value not in ("unspecified", "removeFromCRL"))

#: A name of a distribution point so that equal ones are equal: its kind and itself.
Place = tuple[str, object]


class Layout(NamedTuple):
    """Where the parts of a CertificateList lie."""

    body: tuple[int, int]  # tbsCertList, its tag included
    entries: tuple[int, int]  # revokedCertificates, its tag included; empty where there is none
    algorithm: bytes  # AlgorithmIdentifier, DER
    signature: bytes
    end: int


class Scope(NamedTuple):
    """What a CRL covers (RFC 5280 section 5.2.5); all of its issuer's, as it stands."""

    names: frozenset[Place] = frozenset()  # of its distribution point
    only_user: bool = False
    only_ca: bool = False
    only_attribute: bool = False
    reasons: frozenset[str] = ALL_REASONS
    indirect: bool = False  # it lists certificates of other issuers too


class Head(NamedTuple):
    """What a CRL says of itself. Times are Unix seconds."""

    issuer: bytes  # Name, DER
    this_update: int
    next_update: int  # 0 when not given
    number: int  # 0 when not given
    base_number: int | None  # a delta CRL: of the CRL that it adds to; None: a complete CRL
    scope: Scope
    freshest: tuple[str, ...]  # URLs of its deltas
    unknown_critical: str  # OID of a critical extension that is not known, "" when there is none


class Crl(NamedTuple):
    """A CRL whose signature was verified, ready to be looked into."""

    head: Head
    layout: Layout
    data: bytes  # DER: bytes, or a file mapped into memory
    serials: Sequence[int]  # what make_index made


class Entry(NamedTuple):
    """What a CRL says of a certificate that it lists."""

    reason: str  # keyCompromise ..., removeFromCRL; unspecified when none is given
    revoked_at: int


# What it says of itself


def read(data: bytes) -> tuple[Layout, Head]:
    """Reads all but the entries, which ``make_index`` walks. ValueError when it is no CRL."""
    layout = _layout(data)
    small = _cut(data, layout, b"")
    said = {type(extension.value): extension.value for extension in small.extensions}
    number, base = said.get(x509.CRLNumber), said.get(x509.DeltaCRLIndicator)
    return layout, Head(
        small.issuer.public_bytes(), seconds(small.last_update_utc), seconds(small.next_update_utc),
        number.crl_number if isinstance(number, x509.CRLNumber) else 0,
        base.crl_number if isinstance(base, x509.DeltaCRLIndicator) else None,
        _scope(said.get(x509.IssuingDistributionPoint), small.issuer),
        tuple(_freshest(said.get(x509.FreshestCRL))),
        next((extension.oid.dotted_string for extension in small.extensions
              if extension.critical and not isinstance(extension.value, _UNDERSTOOD)), ""))


def _layout(data: bytes) -> Layout:
    tag, _, start, end = der.element(data, 0, len(data))
    if tag != der.SEQUENCE:
        raise der.Malformed("it is no CRL")
    body, algorithm, bits, *_ = der.children(data, start, end)
    parts = der.children(data, body[2], body[3], most=7)
    if len(parts) < 4:
        raise der.Malformed("it lacks what every CRL has")
    entries = (body[3], body[3])
    for before, part in pairwise(parts):
        if before[0] in _TIMES and part[0] not in _TIMES:
            entries = (part[1], part[3] if part[0] == der.SEQUENCE else part[1])
    inner = parts[1 if parts[0][0] == der.INTEGER else 0]  # the version comes first, if at all
    identifier = data[algorithm[1]:algorithm[3]]
    if data[inner[1]:inner[3]] != identifier:
        raise der.Malformed("it names two signature algorithms")
    return Layout((body[1], body[3]), entries, identifier, data[bits[2] + 1:bits[3]], end)


def _cut(data: bytes, layout: Layout, entries: bytes) -> x509.CertificateRevocationList:
    """The CRL with ``entries`` in place of its own."""
    (begin, stop), (entries_begin, entries_end) = layout.body, layout.entries
    start = der.element(data, begin, stop)[2]
    body = wrap(der.SEQUENCE, data[start:entries_begin], entries, data[entries_end:stop])
    return x509.load_der_x509_crl(wrap(der.SEQUENCE, body, data[stop:layout.end]))


def _scope(said: object, issuer: x509.Name) -> Scope:
    if not isinstance(said, x509.IssuingDistributionPoint):
        return Scope()
    some = said.only_some_reasons
    return Scope(place_names(said.full_name, said.relative_name, issuer),
                 said.only_contains_user_certs, said.only_contains_ca_certs,
                 said.only_contains_attribute_certs,
                 frozenset(flag.value for flag in some) if some else ALL_REASONS, said.indirect_crl)


def place_names(full: Iterable[x509.GeneralName] | None,
                relative: x509.RelativeDistinguishedName | None,
                issuer: x509.Name) -> frozenset[Place]:
    """The names of a distribution point, as a certificate or a CRL gives them."""
    if relative:
        full = (x509.DirectoryName(x509.Name([*issuer.rdns, relative])),)
    return frozenset(_place(name) for name in full or ())


def _place(name: x509.GeneralName) -> Place:
    if isinstance(name, x509.DirectoryName):
        return "name", names.canonical(name.value.public_bytes())
    return ("uri" if isinstance(name, x509.UniformResourceIdentifier) else repr(type(name)),
            name.value)


def _freshest(points: object) -> Iterator[str]:
    for point in points if isinstance(points, x509.FreshestCRL) else ():
        yield from (name.value for name in point.full_name or ()
                    if isinstance(name, x509.UniformResourceIdentifier))


# Its signature


def unbelieved(data: bytes, layout: Layout, head: Head, signers: Sequence[bytes]) -> Failure | None:
    """Why the CRL is not believed to be of one of ``signers`` (certificates, DER)."""
    failure = Failure("wrong_issuer", f"the CRL is of another issuer: {names.shown(head.issuer)}")
    for signer in map(decode, signers):
        if not names.same(signer.subject, head.issuer):
            continue
        usage = signer.extensions.usage
        if usage is not None and not usage & _CRL_SIGN:  # RFC 5280 section 6.3.3 (f)
            failure = Failure("wrong_issuer", f"{signer.facts.subject} may not sign CRLs")
            continue
        with memoryview(data) as whole, whole[slice(*layout.body)] as body:
            # a view, as the body can be tens of megabytes; what signs takes any buffer
            refused = refusal(signer, layout.algorithm, layout.signature, body,  # type: ignore[arg-type]
                              FORGEABLE)
        if not refused:
            return None
        failure = Failure(refused.reason, f"the CRL is not believed: {refused.message}")
    return failure


# Its entries


def make_index(data: bytes, layout: Layout) -> array[int]:
    """The index over the entries. Malformed when they are not what they should be."""
    found: list[int] = []
    begin, end = layout.entries
    at = der.element(data, begin, end)[2] if begin < end else end
    add = found.append
    try:
        while at < end:
            length, size = data[at + 1], data[at + 3]
            if length < 0x80 and size < 0x80:  # the short form: all of them, in practice
                serial, stop = at + 4 + size, at + 2 + length
                if data[at] != der.SEQUENCE or data[at + 2] != der.INTEGER or serial > stop:
                    raise der.Malformed("an entry does not begin with a serial number")
                mark = crc32(data[at + 4:serial].lstrip(b"\0"))
            else:
                digits, stop = _serial(data, at, end)
                mark = _mark(digits)
            add(mark << _PLACE_BITS | at - begin)
            at = stop
    except IndexError:
        at = end + 1
    if at != end:
        raise der.Malformed("an entry is longer than what it stands in")
    found.sort()
    return array("Q", found)


def _serial(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """Contents of the serial number of the entry at ``at``, and where the entry ends."""
    _, _, start, stop = der.element(data, at, end)
    tag, _, digits, digits_end = der.element(data, start, stop)
    if tag != der.INTEGER:
        raise der.Malformed("an entry does not begin with a serial number")
    return data[digits:digits_end], stop


def _mark(serial: bytes) -> int:
    """What a serial number is found by."""
    return crc32(serial.lstrip(b"\0"))


def find(crl: Crl, serial: int, issuer: bytes) -> Entry | None:
    """What the CRL says of the certificate of that serial number and issuer (Name, DER).

    None when it does not list it; ValueError when that cannot be told.
    """
    if crl.head.scope.indirect:
        return _find_indirect(crl, serial, issuer)
    size = (serial + (serial < 0)).bit_length() // 8 + 1
    mark = _mark(serial.to_bytes(size, "big", signed=True))
    first = bisect_left(crl.serials, mark << _PLACE_BITS)
    last = bisect_left(crl.serials, mark + 1 << _PLACE_BITS, first)
    if last - first > _MOST_ALIKE:
        raise der.Malformed("its serial numbers are made to collide")
    begin, end = crl.layout.entries
    for found in crl.serials[first:last]:
        at = begin + (found & _PLACE)
        digits, stop = _serial(crl.data, at, end)
        if der.integer(digits) == serial and names.same(crl.head.issuer, issuer):
            return _entry(crl, at, stop)
    return None


def _find_indirect(crl: Crl, serial: int, issuer: bytes) -> Entry | None:
    """In an indirect CRL an entry is of the issuer that was named last (RFC 5280 section 5.3.3), so
    that they are walked. ``scope`` sees to it that they are few."""
    begin, end = crl.layout.entries
    at = der.element(crl.data, begin, end)[2] if begin < end else end
    named = crl.head.issuer
    while at < end:
        digits, stop = _serial(crl.data, at, end)
        if _CERTIFICATE_ISSUER in crl.data[at:stop]:
            for extension in _one(crl, at, stop).extensions:
                if isinstance(extension.value, x509.CertificateIssuer):
                    directory = extension.value.get_values_for_type(x509.DirectoryName)
                    named = directory[0].public_bytes() if directory else b""
        if der.integer(digits) == serial and names.same(named, issuer):
            return _entry(crl, at, stop)
        at = stop
    return None


def _entry(crl: Crl, begin: int, stop: int) -> Entry:
    revoked = _one(crl, begin, stop)
    reason = next((extension.value.reason.value for extension in revoked.extensions
                   if isinstance(extension.value, x509.CRLReason)), "unspecified")
    return Entry(reason, seconds(revoked.revocation_date_utc))


def _one(crl: Crl, begin: int, stop: int) -> x509.RevokedCertificate:
    return _cut(crl.data, crl.layout, wrap(der.SEQUENCE, crl.data[begin:stop]))[0]
