"""The verdict on what a server sent: facts of its certificate, and whether the chain holds.

Every way up to a trust anchor is tried, over what was sent (and fetched) in whatever order, and
each is judged (rules.py). A path that nothing forbids wins, whatever else was sent: a stale
cross-signed root must not spoil a good chain. Among several the one that lasts longest is used.

What a browser or curl accepts is trusted; a ``client_difference`` says who does not accept it.

When no path reaches an anchor there are three things to tell a person, and nobody can know for sure
which it is, for the certificate that would tell is the one that is not there:

- The leaf stands alone, its issuer is unknown, and it says where its issuer's certificate can be
  had (AIA caIssuers): ``missing_intermediate``. Public CAs never issue from a root and always say
  that, so what is missing is nearly always an intermediate that was not installed.
- The path ends in a self-signed certificate: ``self_signed`` when it is the leaf, else
  ``untrusted_root``.
- It ends in an intermediate, or in a leaf without AIA: ``untrusted_root``, naming the issuer that
  is neither sent nor trusted. A server that sends one intermediate nearly always sends all; and
  private CAs, whose root just is not trusted here, point by AIA to that root.

What AIA brings (``fetched``) settles it: a path that reaches an anchor with its help makes the
chain trusted, because browsers do the same, and incomplete, because nobody else does: there is a
``missing_intermediate`` for each certificate that had to be fetched. Such certificates are links,
never anchors.

``expires`` counts the anchor too: OpenSSL and Go refuse an expired root.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..findings import CHAIN_ERRORS
from ..model import Certificate, Chain, Fault
from . import hostname, names, rules
from .certificates import Decoded, Unreadable, decode
from .der import Malformed
from .paths import FETCHED, MOST_DEPTH, SERVED, Link, Path, Search
from .remarks import Scene, differences, missing, missing_issuer, remarks
from .trust import TrustStore

MOST_CERTIFICATES = 100  # looked at; OpenSSL's clients refuse a chain of over 100 KiB anyway


def judge(served: Sequence[bytes], store: TrustStore, host: str, now: int,
          fetched: Sequence[bytes] = ()) -> tuple[Certificate, Chain]:
    """The facts of the leaf and the verdict on its chain.

    ``served``: certificates (DER) as sent, leaf first; ``fetched``: what AIA has brought (DER);
    ``host``: IP address or ASCII name; ``now``: Unix seconds. When the chain is incomplete,
    ``Chain.path`` ends with the certificate whose issuer is not known: the next one to fetch for.

    Raises Unreadable when the leaf is no certificate.
    """
    leaf = decode(served[0])
    others, unreadable = _decoded(served[1:MOST_CERTIFICATES])
    readable = (leaf, *others)
    pool = [Link(certificate, SERVED) for certificate in others]
    search = Search(store)
    path, broken = _best(search, leaf, pool, now)
    if fetched and (broken or not path.anchored):
        more = [Link(certificate, FETCHED) for certificate in
                _decoded(fetched[:MOST_CERTIFICATES])[0] if certificate not in readable]
        other, other_broken = _best(search, leaf, pool + more, now)
        if _rank(other, other_broken) > _rank(path, broken):
            path, broken = other, other_broken
    return leaf.facts, _verdict(search, readable, unreadable, path, broken, host, now)


def _decoded(encoded: Sequence[bytes]) -> tuple[tuple[Decoded, ...], tuple[tuple[int, str], ...]]:
    """The certificates above the leaf that can be read; the place (the leaf's is 1) and the fault
    of those that cannot."""
    readable = []
    unreadable = []
    for place, certificate in enumerate(encoded, 2):
        try:
            readable.append(decode(certificate))
        except Unreadable as error:
            unreadable.append((place, str(error)))
    return tuple(readable), tuple(unreadable)


def _best(search: Search, leaf: Decoded, pool: list[Link], now: int) -> tuple[Path, list[Fault]]:
    """The path to use and what breaks it; names that are equal in other bytes only at need."""
    best: tuple[Path, list[Fault]] | None = None
    for alike in (False, True):
        for path in search.paths(leaf, pool, alike):
            certificates = tuple(link.certificate for link in path.links)
            found = path, rules.broken(certificates, path.anchored, now)
            if best is None or _rank(*found) > _rank(*best):
                best = found
            if path.anchored and not found[1] and path.expires >= leaf.facts.not_after:
                return found  # none can be better
        if best and best[0].anchored and not best[1]:
            return best
    return best or (Path((Link(leaf, SERVED),), False), [])


def _rank(path: Path, broken: list[Fault]) -> tuple[int, ...]:
    """The higher the better: anchored, unbroken, from what was sent; then the longest-lived of
    those that hold, and the furthest of those that reach no anchor."""
    fetched = sum(link.origin == FETCHED for link in path.links)
    if not path.anchored:
        return 0, len(path.links), -len(broken)
    return 1, not broken, -fetched, -len(broken), path.expires


def _verdict(search: Search, served: tuple[Decoded, ...], unreadable: tuple[tuple[int, str], ...],
             path: Path, broken: list[Fault], host: str, now: int) -> Chain:
    leaf = served[0].facts
    in_date = leaf.not_before <= now <= leaf.not_after
    ends, unknown = _end(search, path)
    faults = [*broken, *missing(path), *ends]
    error = _first(faults, leaf, now) or ("other" if unknown else "")
    if unknown:
        faults.append(Fault("chain_unknown", {"why": unknown}))
    scene = Scene(served, unreadable, path, path.anchored and not broken and in_date, now)
    matches = hostname.matches(leaf, host)
    if not matches:
        faults.append(_wrong_host(served[0], host))
    whole = path.anchored and not any(link.origin == FETCHED for link in path.links)
    return Chain(
        trusted=None if unknown and in_date else scene.trusted,
        complete=None if unknown else whole, error=error,
        faults=(*faults, *differences(scene), *remarks(scene)), hostname_match=matches,
        self_signed=leaf.self_signed,
        path=tuple(link.certificate.facts for link in path.links), expires=path.expires)


def _end(search: Search, path: Path) -> tuple[list[Fault], str]:
    """Why a path reaches no anchor: faults, or the reason why that cannot be told."""
    if path.anchored:
        return [], ""
    tip = path.links[-1].certificate
    answers = search.failed.get(tip.facts.fingerprint_sha256, [])
    subject = rules.shown(tip.facts)
    if False in answers:
        return [Fault("chain_bad_signature", {"subject": subject, "issuer": tip.facts.issuer})], ""
    if answers:
        return [], (f"the signature on {subject} ({tip.facts.signature_algorithm}) cannot be "
                    "checked here")
    if search.exhausted:
        return [], "the server sends more cross-signed certificates than are tried: remove some"
    if search.store.problem:
        return [], search.store.problem
    if tip.facts.self_signed:
        if len(path.links) == 1:
            return [Fault("chain_self_signed")], ""
        return [Fault("chain_untrusted_root", {"subject": subject, "how": "not trusted here"})], ""
    if len(path.links) >= MOST_DEPTH:
        return [Fault("chain_other", {"why": f"it is longer than {MOST_DEPTH} certificates"})], ""
    if len(path.links) == 1 and tip.facts.issuer_urls:
        return [missing_issuer(tip)], ""
    return [Fault("chain_untrusted_root", {"subject": tip.facts.issuer,
                                           "how": "neither sent nor trusted here"})], ""


def _first(faults: list[Fault], leaf: Certificate, now: int) -> str:
    """The chain_error to mend first, "" when there is none. The dates of the leaf have findings of
    their own, so that no fault is told twice."""
    errors = {fault.code.removeprefix("chain_") for fault in faults}
    if now > leaf.not_after:
        errors.add("expired")
    if now < leaf.not_before:
        errors.add("not_yet_valid")
    return next((error for error in CHAIN_ERRORS if error in errors), "")


def _wrong_host(leaf: Decoded, host: str) -> Fault:
    found = leaf.facts.san
    named = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
    if not found:
        named = "no host in its subjectAltName"
        try:
            common = names.common_name(leaf.subject)
        except Malformed:
            common = ""
        if common:
            named += f" (the common name, {common}, does not count for browsers)"
    return Fault("wrong_host", {"name": host, "names": named})
