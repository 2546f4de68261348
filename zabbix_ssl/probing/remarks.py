"""What is to be said of a chain beside whether it is trusted: low and medium findings.

A remark must not cry wolf. A cross-signed root that is still valid is not called extra, for older
clients need it; the limits of public certificates are not held against a private CA that somebody
has put into the system's store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from ..findings import DAY, EXPIRY_WARNING_DAYS, date
from ..model import Fault
from .certificates import Decoded
from .paths import ANCHOR, FETCHED, Path, contradicts
from .rules import accepted_by_some, shown


class Scene(NamedTuple):
    """What a remark may look at."""

    served: tuple[Decoded, ...]  # as sent, without those that cannot be read
    unreadable: tuple[tuple[int, str], ...]  # the place (1: the leaf) and why, of those
    path: Path  # the path in use
    trusted: bool
    now: int


def remarks(scene: Scene) -> list[Fault]:
    """Everything that is to be said."""
    return [fault for row in _REMARKS for fault in row(scene)]


def _order(scene: Scene) -> Iterator[Fault]:
    """RFC 8446 4.4.2 lets TLS 1.3 clients take any order; RFC 5246 7.4.2 demands this one."""
    first = {certificate.facts.der: place
             for place, certificate in reversed(list(enumerate(scene.served)))}
    places = [first[link.certificate.facts.der] for link in scene.path.links
              if link.certificate.facts.der in first]
    if places != sorted(places):
        yield Fault("chain_order")


def _extra(scene: Scene) -> Iterator[Fault]:
    """Sent twice, or above nothing that was sent; and cross-signed ones that have expired."""
    used = {link.certificate.facts.der for link in scene.path.links}
    above = _names_above(scene.served)
    extra = []
    seen: set[bytes] = set()
    for certificate in scene.served:
        facts = certificate.facts
        needed = facts.der in used or certificate.subject in above
        if facts.der in seen or not (needed or facts.self_signed):
            extra.append(shown(facts))
        elif facts.der not in used and not facts.self_signed and facts.not_after < scene.now:
            yield Fault("chain_stale_cross_sign", {"subject": shown(facts), "issuer": facts.issuer,
                                                   "date": date(facts.not_after)})
        seen.add(facts.der)
    if extra:
        more = f" and {len(extra) - 3} more" if len(extra) > 3 else ""
        yield Fault("chain_extra", {"count": len(extra), "subject": "; ".join(extra[:3]) + more})


def _names_above(served: tuple[Decoded, ...]) -> set[bytes]:
    """The names of the issuers, and theirs in turn, of the leaf."""
    above = {served[0].subject}
    waiting = [served[0]]
    while waiting:
        name = waiting.pop().issuer
        if name not in above:
            above.add(name)
            waiting += [certificate for certificate in served if certificate.subject == name]
    return above


def _root_included(scene: Scene) -> Iterator[Fault]:
    for certificate in dict.fromkeys(scene.served[1:]):
        ends_it = not scene.path.anchored and certificate == scene.path.links[-1].certificate
        if certificate.facts.self_signed and not ends_it:
            yield Fault("chain_root_included", {"subject": shown(certificate.facts)})


def _expires_first(scene: Scene) -> Iterator[Fault]:
    leaf = scene.path.links[0].certificate.facts
    for link in scene.path.links[1:]:
        facts = link.certificate.facts
        left = facts.not_after - scene.now
        if 0 <= left <= EXPIRY_WARNING_DAYS * DAY and facts.not_after < leaf.not_after:
            yield Fault("chain_expires_first", {"subject": shown(facts), "days": left // DAY,
                                                "date": date(facts.not_after)})


# Differences between clients: who does not accept what others do


def _differs(clients: str, why: str) -> Fault:
    return Fault("client_difference", {"clients": clients, "why": why})


def _unreadable(scene: Scene) -> Iterator[Fault]:
    for place, why in scene.unreadable[:3]:
        yield _differs("programs that use OpenSSL, and those written in Go",
                       f"certificate {place} of those sent is unreadable ({why}): remove it")


def _key_identifiers(scene: Scene) -> Iterator[Fault]:
    links = scene.path.links
    for child, issuer in pairwise(links):
        if contradicts(child.certificate, issuer.certificate):
            yield _differs("programs that use OpenSSL (curl, Python, PHP)",
                           f"{shown(child.certificate.facts)} names another key of its issuer "
                           "than the one that signed it: have it reissued")


def _twins(scene: Scene) -> Iterator[Fault]:
    """OpenSSL takes the first certificate of the issuer's name, and does not try another."""
    order = [certificate.facts.der for certificate in scene.served]
    for child, issuer in pairwise(scene.path.links):
        if issuer.origin == ANCHOR or issuer.certificate.facts.der not in order:
            continue
        before = scene.served[1:order.index(issuer.certificate.facts.der)]
        if any(other.subject == issuer.certificate.subject
               and other.spki != issuer.certificate.spki
               and not contradicts(child.certificate, other) for other in before):
            yield _differs("programs that use OpenSSL (curl, Python, PHP)",
                           f"another {shown(issuer.certificate.facts)}, with another key, is sent "
                           "in front of the right one: remove it")


def _short_keys(scene: Scene) -> Iterator[Fault]:
    for link in scene.path.links:
        key = link.certificate.key
        if key.weak and accepted_by_some(key):
            yield _differs("web browsers" if key.type == "DSA" else
                           "programs that use a current OpenSSL (curl, Python, PHP), and Apple's",
                           f"the key of {shown(link.certificate.facts)} is weak ({key.weak}): have "
                           "it reissued with a stronger one")


#: Keys of leaves by type, and by curve: who does not know them.
_RARE_KEYS = {
    "Ed25519": "web browsers",
    "Ed448": "web browsers",
    "RSA-PSS": "Chrome and Edge",
    "SM2": "all clients but those made for it",
    "ML-DSA-44": "most clients", "ML-DSA-65": "most clients",
    "ML-DSA-87": "most clients",
    "P-224": "web browsers and programs that use OpenSSL",
    "P-521": "Chrome and Edge",
}
_COMMON_CURVES = ("", "P-256", "P-384")


def _rare_keys(scene: Scene) -> Iterator[Fault]:
    key = scene.path.links[0].certificate.key
    clients = _RARE_KEYS.get(key.type) or _RARE_KEYS.get(key.curve)
    if not clients and key.curve not in _COMMON_CURVES:
        clients = "web browsers"
    if clients:
        what = key.curve if key.type == "EC" else key.type
        yield _differs(clients, f"its key is {what}: give the server a second certificate, with "
                       "EC P-256 or RSA, if such clients are to connect")


def _partial_anchor(scene: Scene) -> Iterator[Fault]:
    anchor = scene.path.links[-1].certificate.facts
    if scene.path.anchored and not anchor.self_signed:
        yield _differs("programs with OpenSSL's defaults (wget, Ruby, Python before 3.13)",
                       f"what is trusted here, {shown(anchor)}, is no root: trust its root")


def _negative_serial(scene: Scene) -> Iterator[Fault]:
    for link in scene.path.links:
        if link.certificate.facts.serial.startswith("-") and link.origin != ANCHOR:
            yield _differs("programs written in Go",
                           f"the serial number of {shown(link.certificate.facts)} is negative: "
                           "have it reissued")


#: From this day on (not before, Unix seconds) a public certificate may live so many days: ballots
#: SC31 and SC081 of the CA/Browser Forum, which Apple and Chrome hold certificates against.
_LIFETIMES = (
    (1868227200, 47),  # 2029-03-15
    (1805068800, 100),  # 2027-03-15
    (1773532800, 200),  # 2026-03-15
    (1598918400, 398),  # 2020-09-01
)


def _lifetime(scene: Scene) -> Iterator[Fault]:
    leaf = scene.path.links[0].certificate
    if not (scene.path.links[-1].system and leaf.extensions.public):
        return  # a private CA, which has no such limit
    facts = leaf.facts
    limit = next((days for since, days in _LIFETIMES if facts.not_before >= since), None)
    if limit and facts.not_after - facts.not_before + 1 > limit * DAY:
        lifetime = (facts.not_after - facts.not_before + 1) / DAY
        yield _differs("Apple's clients and Chrome",
                       f"it is valid for {lifetime:.0f} days, and a public certificate of its "
                       f"date may be for {limit}: have it reissued")


def missing(path: Path) -> Iterator[Fault]:
    """The intermediates of a path that had to be fetched."""
    for child, link in pairwise(path.links):
        if link.origin == FETCHED and not link.certificate.facts.self_signed:
            yield missing_issuer(child.certificate)


def missing_issuer(child: Decoded) -> Fault:
    """The server does not send the certificate that issued ``child``."""
    urls = child.facts.issuer_urls
    return Fault("chain_missing_intermediate", {
        "issuer": child.facts.issuer, "where": f" ({urls[0]})" if urls else ""})


_REMARKS: tuple[Callable[[Scene], Iterator[Fault]], ...] = (
    _order, _extra, _root_included, _expires_first, _unreadable)

#: Only of a chain that is trusted: differences are beside the point where all refuse.
_DIFFERENCES: tuple[Callable[[Scene], Iterator[Fault]], ...] = (
    _key_identifiers, _twins, _short_keys, _rare_keys, _partial_anchor, _negative_serial, _lifetime)


def differences(scene: Scene) -> list[Fault]:
    """Which clients do not accept what others do."""
    return [fault for row in _DIFFERENCES for fault in row(scene)] if scene.trusted else []
