"""Which CRLs speak for a certificate, and what they say together (RFC 5280 section 6.3.3).

A CRL may cover part of an issuer's certificates (a shard, only CAs, only some reasons) or those of
several issuers, and a delta CRL only what changed. So "not listed" means good only where the CRL's
scope takes the certificate in, and where all reasons are covered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from cryptography import x509

from ...model import Failure
from .. import der, names
from ..certificates import Decoded
from .answers import Verdict, freshness
from .crl import ALL_REASONS, Crl, Place, find, place_names
from .encoding import UNREADABLE

_POINTS = b"\x06\x03" + der.encoded_oid("2.5.29.31")  # cRLDistributionPoints
_MOST_POINTS = 8  # of a certificate are looked at
_MOST_INDIRECT = 10_000  # entries of an indirect CRL, which are walked for each lookup
_DELTA_POINTS = b"\x06\x03" + der.encoded_oid("2.5.29.46")  # freshestCRL


class Point(NamedTuple):
    """A CRL distribution point of a certificate (RFC 5280 section 4.2.1.13)."""

    urls: tuple[str, ...]
    names: frozenset[Place]
    reasons: frozenset[str] = ALL_REASONS
    issuers: tuple[bytes, ...] = ()  # cRLIssuer: Names, DER; () when it is the certificate's issuer


def points(certificate: Decoded) -> tuple[Point, ...]:
    """Where the CRLs of a certificate are; () when it does not say."""
    if _POINTS not in certificate.facts.der:
        return ()
    return _points(certificate.facts.der, x509.CRLDistributionPoints) or tuple(
        Point((url,), frozenset((("uri", url),))) for url in certificate.facts.crl_urls)


def delta_urls(certificate: Decoded) -> tuple[str, ...]:
    """Where a certificate says that the deltas to its CRLs are."""
    if _DELTA_POINTS not in certificate.facts.der:
        return ()
    return tuple(url for point in _points(certificate.facts.der, x509.FreshestCRL)
                 for url in point.urls)


@lru_cache(maxsize=1024)
def _points(encoded: bytes,
            kind: type[x509.CRLDistributionPoints] | type[x509.FreshestCRL]) -> tuple[Point, ...]:
    """As cryptography reads them; () when it cannot, or there are none."""
    try:
        certificate = x509.load_der_x509_certificate(encoded)
        said = certificate.extensions.get_extension_for_class(kind).value
    except (*UNREADABLE, x509.ExtensionNotFound):
        return ()
    return tuple(_point(point, certificate.issuer) for point in islice(said, _MOST_POINTS))


def _point(point: x509.DistributionPoint, issuer: x509.Name) -> Point:
    issuers = [name.value for name in point.crl_issuer or ()
               if isinstance(name, x509.DirectoryName)]
    places = place_names(point.full_name, point.relative_name, issuers[0] if issuers else issuer)
    urls = tuple(name.value for name in point.full_name or ()
                 if isinstance(name, x509.UniformResourceIdentifier))
    reasons = frozenset(flag.value for flag in point.reasons) if point.reasons else ALL_REASONS
    return Point(urls, places or place_names(point.crl_issuer, None, issuer), reasons,
                 tuple(name.public_bytes() for name in issuers))


def judge(crls: Sequence[Crl], where: Iterable[Point], certificate: Decoded, source: str,
          now: int) -> Verdict | Failure:
    """What ``crls`` say of ``certificate`` at its distribution points, or why they say nothing.

    Without a distribution point a CRL of the issuer speaks that names none either (the last
    paragraph of RFC 5280 section 6.3.3).
    """
    failures = [Failure("no_local_crl", "there is no CRL of its issuer")]
    covered: set[str] = set()
    good: Verdict | None = None
    for point in where or (Point((), frozenset((("name", names.canonical(certificate.issuer)),))),):
        usable: list[Crl] = []
        for crl in crls:
            if failed := _unusable(crl, point, certificate, now):
                failures.append(failed)
            else:
                usable.append(crl)
        if usable and all(crl.head.base_number is not None for crl in usable):
            failures.append(Failure("wrong_scope", "there are only delta CRLs, without their base"))
        for complete, delta in _pairs(usable):
            verdict = _verdict(complete, delta, certificate, source, now)
            if isinstance(verdict, Failure) or verdict.status == "revoked":
                return verdict
            covered |= point.reasons & complete.head.scope.reasons
            good = _sooner(good, verdict)
    if good and covered >= ALL_REASONS:
        return good
    if good:
        return Failure("wrong_scope", "only CRLs for some reasons were found, and they do not list "
                       "it; none for: " + ", ".join(sorted(ALL_REASONS - covered)))
    return max(failures, key=lambda failed: _CLOSENESS.index(failed.reason))


#: Why a CRL is of no use, the one that came closest last.
_CLOSENESS = ("no_local_crl", "wrong_issuer", "wrong_scope", "critical_extension", "too_large",
              "malformed", "not_yet_valid", "stale")


def _unusable(crl: Crl, point: Point, certificate: Decoded, now: int) -> Failure | None:
    head = crl.head
    if not any(names.same(head.issuer, name) for name in point.issuers or (certificate.issuer,)):
        return Failure("wrong_issuer", f"the CRL is of another issuer: {names.shown(head.issuer)}")
    if head.unknown_critical:
        return Failure("critical_extension", "the CRL has a critical extension that is not known "
                       f"({head.unknown_critical})")
    if head.scope.indirect and len(crl.serials) > _MOST_INDIRECT:
        return Failure("too_large", f"the CRL is an indirect one of over {_MOST_INDIRECT} entries")
    why = _beyond(crl, point, certificate)
    if why:
        return Failure("wrong_scope", f"the CRL does not speak for the certificate: {why}")
    return freshness(head.this_update, head.next_update, now)


def _beyond(crl: Crl, point: Point, certificate: Decoded) -> str:
    """Why the certificate is beyond the CRL's scope, "" when it is not."""
    scope = crl.head.scope
    if point.issuers and not names.same(crl.head.issuer, certificate.issuer) and not scope.indirect:
        return "it is of another issuer, and not an indirect one"
    if scope.names and not scope.names & point.names:
        return "it is for another distribution point"
    if scope.only_attribute:
        return "it lists attribute certificates alone"
    if scope.only_user and certificate.extensions.ca:
        return "it does not list CAs"
    if scope.only_ca and not certificate.extensions.ca:
        return "it lists CAs alone"
    return ""


def _pairs(crls: Sequence[Crl]) -> Iterator[tuple[Crl, Crl | None]]:
    """The newest complete CRL of each scope, with the newest delta CRL to it (5.2.4)."""
    completes: dict[object, Crl] = {}
    deltas: dict[object, Crl] = {}
    for crl in sorted(crls, key=lambda crl: (crl.head.this_update, crl.head.number)):
        kind = completes if crl.head.base_number is None else deltas
        kind[names.canonical(crl.head.issuer), crl.head.scope] = crl
    for what, crl in completes.items():
        delta = deltas.get(what)
        fits = delta and (delta.head.base_number or 0) <= crl.head.number < delta.head.number
        yield crl, delta if fits else None


def _verdict(complete: Crl, delta: Crl | None, certificate: Decoded, source: str,
             now: int) -> Verdict | Failure:
    serial, issuer = int(certificate.facts.serial, 16), certificate.issuer
    head = complete.head
    next_update = min(head.next_update, delta.head.next_update) if delta else head.next_update
    try:
        entry = (delta and find(delta, serial, issuer)) or find(complete, serial, issuer)
    except UNREADABLE as error:
        return Failure("malformed", f"the CRL's entry cannot be read: {error}")
    if entry and entry.reason != "removeFromCRL":
        return Verdict("revoked", source, entry.reason, entry.revoked_at, head.this_update,
                       next_update, learnt_at=now)
    return Verdict("good", source, this_update=head.this_update, next_update=next_update,
                   learnt_at=now)


def _sooner(one: Verdict | None, other: Verdict) -> Verdict:
    return other if one is None or other.expires < one.expires else one
