"""Every way from a certificate to a trust anchor (RFC 4158).

Certificates that the server sent, or that were fetched, are only ever links; trust comes from the
store alone. A link counts when the issuer's name is the right one and its key verifies the
signature; key identifiers only say what to try first. Strangers choose the certificates, so the
work is bounded: a hundred new signature checks and a thousand steps, a tenth of a second at worst.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from . import algorithms, names
from .certificates import Decoded, Unreadable, decode
from .der import Malformed
from .trust import TrustStore

MOST_DEPTH = 10
MOST_CHECKS = 100
MOST_STEPS = 1000
MOST_REMEMBERED = 8192

SERVED, FETCHED, ANCHOR = "served", "fetched", "anchor"


class Link(NamedTuple):
    """A certificate of a path, and where it came from."""

    certificate: Decoded
    origin: str  # SERVED, FETCHED or ANCHOR
    system: bool = False  # an anchor of the system's store


class Path(NamedTuple):
    """A way up from the leaf: every link verifies the one before it."""

    links: tuple[Link, ...]  # leaf first
    anchored: bool  # the last one is a trust anchor

    @property
    def expires(self) -> int:
        return min(link.certificate.facts.not_after for link in self.links)


#: Does the second certificate verify the first? By fingerprints; None where it cannot be checked.
_verdicts: dict[tuple[str, str], bool | None] = {}


class Search:
    """The search for paths in one chain, and what it has spent."""

    def __init__(self, store: TrustStore) -> None:
        self.store = store
        self.failed: dict[str, list[bool | None]] = {}  # fingerprint: checks by issuers of its name
        self.exhausted = False
        self._checks = self._steps = 0

    def paths(self, leaf: Decoded, pool: Iterable[Link], alike: bool = False) -> Iterator[Path]:
        """The paths from ``leaf`` over ``pool``, the shortest to an anchor first; also those that
        end before one. ``alike``: names need not be the same bytes (RFC 5280 7.1)."""
        by_subject: dict[object, list[Link]] = {}
        for link in pool:
            key = _name_key(link.certificate.subject, alike)
            by_subject.setdefault(key, []).append(link)
        yield from self._extended((Link(leaf, SERVED),), by_subject, alike)

    def _extended(self, links: tuple[Link, ...], pool: dict[object, list[Link]], alike: bool
                  ) -> Iterator[Path]:
        self._steps += 1
        if self._steps > MOST_STEPS:
            self.exhausted = True
            return
        tip = links[-1].certificate
        held = links[-1].origin == ANCHOR
        if not held:
            for anchor in self._anchors(tip.subject, alike):
                if anchor.certificate.facts.der == tip.facts.der:
                    held = True
                    yield Path((*links[:-1], anchor), True)
        elif len(links) > 1:
            yield Path(links, True)
        ended = not held
        if not tip.facts.self_signed and len(links) < MOST_DEPTH:
            for link in self._issuers(tip, pool, alike):
                if _again(link, links) or not self._verifies(tip, link.certificate):
                    continue
                ended = False
                yield from self._extended((*links, link), pool, alike)
        if ended:
            yield Path(links, False)

    def _issuers(self, tip: Decoded, pool: dict[object, list[Link]], alike: bool) -> list[Link]:
        """Certificates that bear the issuer's name; the likeliest first."""
        found = self._anchors(tip.issuer, alike)
        anchors = {link.certificate.facts.der for link in found}
        found += [link for link in pool.get(_name_key(tip.issuer, alike), ())
                  if link.certificate.facts.der not in anchors]
        wanted = tip.extensions.authority_key_id
        if wanted and len(found) > 1:
            found.sort(key=lambda link: link.certificate.extensions.key_id != wanted)
        return found

    def _anchors(self, name: bytes, alike: bool) -> list[Link]:
        found = []
        for encoded, system in self.store.issuers(name, alike):
            try:
                found.append(Link(decode(encoded), ANCHOR, system))
            except Unreadable:
                continue
        return found

    def _verifies(self, child: Decoded, issuer: Decoded) -> bool:
        pair = (child.facts.fingerprint_sha256, issuer.facts.fingerprint_sha256)
        if pair not in _verdicts:
            self._checks += 1
            if self._checks > MOST_CHECKS:
                self.exhausted = True
                return False
            if len(_verdicts) >= MOST_REMEMBERED:
                _verdicts.clear()
            _verdicts[pair] = _verified(child, issuer)
        answer = _verdicts[pair]
        if not answer and not contradicts(child, issuer):
            self.failed.setdefault(pair[0], []).append(answer)
        return bool(answer)


def contradicts(child: Decoded, issuer: Decoded) -> bool:
    """Do the key identifiers say that another key of that name has signed it?"""
    wanted, there = child.extensions.authority_key_id, issuer.extensions.key_id
    return bool(wanted and there and wanted != there)


def _verified(child: Decoded, issuer: Decoded) -> bool | None:
    try:
        return algorithms.verifies(issuer.spki, child.algorithm, child.signature, child.signed)
    except Malformed:
        return None


def _again(link: Link, links: tuple[Link, ...]) -> bool:
    """Is this name with this key on the path already? (Cross-signed roots go round in circles.)"""
    certificate = link.certificate
    return any(certificate.spki == other.certificate.spki
               and certificate.subject == other.certificate.subject for other in links)


def _name_key(name: bytes, alike: bool) -> object:
    if not alike:
        return name
    try:
        return names.canonical(name)
    except Malformed:
        return name
