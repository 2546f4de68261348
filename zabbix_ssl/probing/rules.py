"""May this path be trusted? One row a rule; each yields what breaks it.

Where RFC 5280 leaves room, or clients leave RFC 5280, OpenSSL is followed as curl uses it, measured
with OpenSSL 3.0 and curl 7.88:

- The anchor is judged like the rest: OpenSSL, and Go with it, refuse a root that has expired, that
  is no CA, or whose extended key usage is for other things. (Android takes expired roots, and old
  Let's Encrypt chains lived from that.)
- An extended key usage without serverAuth (or the old "server gated cryptography") excludes TLS
  servers, in intermediates and roots too; anyExtendedKeyUsage does not help.
- A CA says so in basicConstraints. An anchor need not when it says so in keyUsage, or is of
  version 1 and self-signed.
- SHA-1 and MD5 are refused by every current client, in any signature but that of the anchor.
- Keys of RSA under 1024 bits and of EC under 224 are refused by all. RSA from 1024 to 2047 bits is
  refused by some: that is a difference between clients (see remarks.py), not an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..findings import date
from ..model import Certificate, Fault
from . import algorithms, constraints, der
from .certificates import Decoded

#: RSA keys that even lenient clients refuse are shorter than this.
LEAST_RSA_BITS_OF_ALL = 1024

_SERVER_PURPOSES = frozenset(der.encoded_oid(dotted) for dotted in (
    "1.3.6.1.5.5.7.3.1",  # serverAuth
    "2.16.840.1.113730.4.1", "1.3.6.1.4.1.311.10.3.3"))  # server gated: Netscape's, Microsoft's

# keyUsage and the Netscape type, bit 0 first
_DIGITAL_SIGNATURE, _KEY_ENCIPHERMENT, _KEY_AGREEMENT, _CERT_SIGN = 1, 1 << 2, 1 << 4, 1 << 5
_NETSCAPE_SERVER = 1 << 1

#: Critical extensions that OpenSSL knows (X509_supported_extension).
_KNOWN_CRITICAL = frozenset(der.encoded_oid(dotted) for dotted in (
    "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.32", "2.5.29.33",
    "2.5.29.36", "2.5.29.37", "2.5.29.54", "2.16.840.1.113730.1.1", "1.3.6.1.5.5.7.1.7",
    "1.3.6.1.5.5.7.1.8", "1.3.6.1.5.5.7.1.14", "1.3.6.1.5.5.7.48.1.5"))


def broken(path: tuple[Decoded, ...], anchored: bool, now: int) -> list[Fault]:
    """What forbids to trust a path (leaf first) at ``now``, in Unix seconds.

    The leaf's own dates are left out: they are the same on every path. Name constraints count only
    where an anchor stands behind them: anybody can make ones that take long to compare.
    """
    faults = [fault for rule in _RULES for fault in rule(path, now)]
    return faults + list(constraints.violations(path)) if anchored else faults


def shown(certificate: Certificate) -> str:
    """How to call a certificate in a sentence."""
    return certificate.subject or f"(no subject, serial {certificate.serial[:40]})"


def _subject(certificate: Decoded) -> dict[str, str | int | float]:
    return {"subject": shown(certificate.facts)}


def _dates(path: tuple[Decoded, ...], now: int) -> Iterator[Fault]:
    for certificate in path[1:]:
        facts = certificate.facts
        if now > facts.not_after:
            yield Fault("chain_expired", _subject(certificate) | {"date": date(facts.not_after)})
        elif now < facts.not_before:
            yield Fault("chain_not_yet_valid",
                        _subject(certificate) | {"date": date(facts.not_before)})


def _authorities(path: tuple[Decoded, ...], now: int) -> Iterator[Fault]:
    for certificate in path[1:]:
        said = certificate.extensions
        may_sign = said.usage is None or bool(said.usage & _CERT_SIGN)
        is_ca = bool(said.ca) or _old_root(certificate, last=certificate is path[-1])
        if not (is_ca and may_sign):
            yield Fault("chain_not_a_ca", _subject(certificate))


def _old_root(certificate: Decoded, last: bool) -> bool:
    """Of a certificate without basicConstraints: may it end a path all the same?"""
    said = certificate.extensions
    if said.ca is not None or not last:
        return False
    return said.usage is not None or (certificate.version == 1 and certificate.facts.self_signed)


def _purposes(path: tuple[Decoded, ...], now: int) -> Iterator[Fault]:
    for level, certificate in enumerate(path):
        said = certificate.extensions
        fits = said.purposes is None or not said.purposes.isdisjoint(_SERVER_PURPOSES)
        if level == 0:
            fits = fits and (said.usage is None or bool(
                said.usage & (_DIGITAL_SIGNATURE | _KEY_ENCIPHERMENT | _KEY_AGREEMENT)))
            fits = fits and (said.netscape_type is None
                             or bool(said.netscape_type & _NETSCAPE_SERVER))
        if not fits:
            yield Fault("chain_purpose", _subject(certificate))


def _path_length(path: tuple[Decoded, ...], now: int) -> Iterator[Fault]:
    below = 0  # intermediates that are not self-issued
    for certificate in path[1:]:
        most = certificate.extensions.path_length
        if most is not None and below > most:
            yield Fault("chain_path_length", _subject(certificate))
        below += not certificate.facts.self_issued


def _signatures(path: tuple[Decoded, ...], now: int) -> Iterator[Fault]:
    for certificate in path[:-1]:
        if certificate.facts.weak_signature:
            yield Fault("chain_weak_signature", _subject(certificate)
                        | {"algorithm": certificate.facts.signature_algorithm})


def _keys(path: tuple[Decoded, ...], now: int) -> Iterator[Fault]:
    for certificate in path:
        key = certificate.key
        if key.weak and not accepted_by_some(key):
            yield Fault("chain_weak_key", _subject(certificate) | {"why": key.weak})


def accepted_by_some(key: algorithms.Key) -> bool:
    """Is this weak key one that not all clients refuse?"""
    return (key.bits or 0) >= (LEAST_RSA_BITS_OF_ALL if key.type.startswith("RSA") else 2048)


def _critical(path: tuple[Decoded, ...], now: int) -> Iterator[Fault]:
    for certificate in path:
        for unknown in sorted(certificate.critical - _KNOWN_CRITICAL):
            yield Fault("chain_critical_extension",
                        _subject(certificate) | {"oid": der.oid(unknown)})


def _encoding(path: tuple[Decoded, ...], now: int) -> Iterator[Fault]:
    for certificate in path:
        for what in certificate.malformed:
            yield Fault("chain_other", {"why": f"{shown(certificate.facts)} cannot be used: {what}"
                                        ": have it reissued"})


_RULES: tuple[Callable[[tuple[Decoded, ...], int], Iterator[Fault]], ...] = (
    _authorities, _dates, _path_length, _purposes, _signatures, _keys, _critical, _encoding)
