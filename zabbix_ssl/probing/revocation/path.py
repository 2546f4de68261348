"""The revocation of a whole path: whom to ask, in which order, and what it comes to. No sockets.

``check`` is a conversation: a generator that yields a Request and is sent what came of it. Every
certificate below the trust anchor is asked for, in this order: the stapled answer (of the leaf),
the CRLs of --crl-dir, what is known from before, OCSP, CRLs online. The first verified answer ends
the search, but "revoked" wins over "good" wherever both are at hand.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple, Protocol

from ...findings import date
from ...model import Certificate, Failure, Fault, Revocation
from .. import algorithms, names
from ..certificates import Decoded, decode
from . import ocsp, scope
from .answers import DAY, Request, Verdict
from .crl import Crl

#: What a conversation is sent: the answer to the kind of request, see Request.
Answer = Verdict | Crl | tuple[Crl, ...] | tuple[bytes, ...] | Failure

#: Reasons for which there is nothing to ask; all others leave a question open.
NOT_APPLICABLE = ("no_pointer", "short_lived", "self_signed")

#: Reasons that need no finding: another one says it, or it was asked for.
_UNREMARKABLE = ("no_issuer", "offline")

_OCSP_URLS, _CRL_URLS, _EXTRA = 3, 4, 16  # as many are looked at, of a certificate and of a server

#: Lifetimes, in seconds, up to which a certificate issued from then on is short-lived (CA/Browser
#: Forum, Baseline Requirements 1.6.1, "Short-lived Subscriber Certificate"); latest first.
_SHORT_LIVED = ((1773532800, 7 * DAY), (1710460800, 10 * DAY))  # 2026-03-15, 2024-03-15


class Known(Protocol):
    """Verified answers from before."""

    def verdict(self, key: str) -> Verdict | None:
        """The last one of that key, however old."""

    def learn(self, key: str, verdict: Verdict) -> None:
        """Keep it in place of the last one."""


class Policy(NamedTuple):
    """What may be asked."""

    crl_dir: str | None = None
    offline: bool = False


def check(path: Sequence[Certificate], anchored: bool, stapled: bytes | None, policy: Policy,
          known: Known, now: int, extra: Sequence[bytes] = ()
          ) -> Generator[Request, Answer, Revocation]:
    """The revocation of ``path``, leaf first; ``anchored``: its last certificate is a trust anchor.

    ``extra``: more certificates that the server sent, DER, among which the signer of an indirect
    CRL may be. ``now``: Unix seconds.
    """
    search = _Search(path, policy, known, now, extra)
    staple = search.staple(stapled)
    outcomes: list[tuple[Certificate, Verdict | Failure]] = []
    for place, certificate in enumerate(path):
        if place and place == len(path) - 1 and (anchored or certificate.self_signed):
            break
        outcome = yield from search.outcome(place, staple if place == 0 else None)
        outcomes.append((certificate, outcome))
        if isinstance(outcome, Verdict) and outcome.status == "revoked":
            break
    return _told(outcomes, path[0], staple)


class _Search:
    """The search for answers about the certificates of one path."""

    def __init__(self, path: Sequence[Certificate], policy: Policy, known: Known, now: int,
                 extra: Sequence[bytes]) -> None:
        self._path = path
        self._policy = policy
        self._known = known
        self._now = now
        self._extra = extra

    def staple(self, stapled: bytes | None) -> Verdict | Failure | None:
        """What the stapled answer says of the leaf; None when there is none."""
        if not stapled:
            return None
        if len(self._path) < 2:
            return Failure("no_issuer", "the issuer's certificate is not known")
        leaf, issuer = self._path[:2]
        key = _key(leaf, issuer)
        kept = self._known.verdict(key)
        if kept and kept.evidence == ocsp.evidence(stapled) and self._now <= kept.expires:
            return kept._replace(source="stapled")
        found = ocsp.judge(stapled, leaf.der, issuer.der, self._now, source="stapled")
        if isinstance(found, Verdict) and not (
                kept and kept.status == "revoked" and self._now <= kept.expires):
            self._known.learn(key, found._replace(source="ocsp"))  # others may not be sent it
        return found

    def outcome(self, place: int, staple: Verdict | Failure | None
                ) -> Generator[Request, Answer, Verdict | Failure]:
        """What is learnt about the certificate at ``place``, or why nothing is."""
        certificate = self._path[place]
        if certificate.self_signed:
            return Failure("self_signed", "it is its own issuer")
        if place + 1 == len(self._path):
            return Failure("no_issuer", "the certificate of its issuer is not known")
        local = yield from self._by_local_crl(place)
        kept = None if self._policy.offline else self._kept(place)
        revoked = kept is not None and kept.status == "revoked"
        for verdict in (local, staple):
            if isinstance(verdict, Verdict) and (verdict.status == "revoked" or not revoked):
                return verdict
        if kept and self._now < kept.refresh_at:
            return kept
        found: Verdict | Failure | None = self._nothing_to_ask(place, local)
        if found is None:
            found = yield from self._online(place)
        return kept if kept and isinstance(found, Failure) else found

    def _kept(self, place: int) -> Verdict | None:
        kept = self._known.verdict(_key(self._path[place], self._path[place + 1]))
        return kept if kept and self._now <= kept.expires else None

    def _nothing_to_ask(self, place: int, local: Verdict | Failure | None) -> Failure | None:
        """Why nobody is asked online; None when somebody is."""
        certificate = self._path[place]
        if place == 0 and _is_short_lived(certificate):
            return Failure("short_lived", "it lives so briefly that it needs no revocation")
        found = local if isinstance(local, Failure) else None
        if not certificate.ocsp_urls and not scope.points(decode(certificate.der)):
            if found and found.reason != "no_local_crl":
                return found
            return Failure("no_pointer", "it names neither an OCSP responder nor a CRL" + (
                f", and {found.message}" if found else ""))
        if self._policy.offline:
            return found or Failure("offline", "nothing is fetched under --offline")
        return None

    def _by_local_crl(self, place: int) -> Generator[Request, Answer, Verdict | Failure | None]:
        """What --crl-dir says; None when none is given."""
        directory = self._policy.crl_dir
        if not directory:
            return None
        certificate = decode(self._path[place].der)
        where = scope.points(certificate)
        signers: dict[bytes, None] = {}
        for point in where or (scope.Point((), frozenset()),):
            signers |= dict.fromkeys((yield from self._signers(place, point)))
        found = yield Request("crl_dir", directory, b"", tuple(signers))
        if isinstance(found, Failure):
            return found
        assert isinstance(found, tuple)
        crls = [crl for crl in found if isinstance(crl, Crl)]
        return scope.judge(crls, where, certificate, "crl_dir", self._now)

    def _online(self, place: int) -> Generator[Request, Answer, Verdict | Failure]:
        """OCSP, then CRLs; or every failure in one, with the reason of the first."""
        failures: list[Failure] = []
        for search in (self._by_ocsp, self._by_crl):
            found = yield from search(place, failures)
            if found:
                return found
        told = dict.fromkeys(failure.message for failure in failures)
        return Failure(failures[0].reason, "; ".join(told))

    def _by_ocsp(self, place: int, failures: list[Failure]
                 ) -> Generator[Request, Answer, Verdict | None]:
        certificate, issuer = self._path[place], self._path[place + 1]
        for url in _followed(certificate.ocsp_urls, failures)[:_OCSP_URLS]:
            found = yield Request("ocsp", url, certificate.der, (issuer.der,))
            if isinstance(found, Verdict):
                return found
            failures.append(_about(f"OCSP at {url}", found))
        return None

    def _by_crl(self, place: int, failures: list[Failure]
                ) -> Generator[Request, Answer, Verdict | None]:
        certificate = decode(self._path[place].der)
        where = scope.points(certificate)
        crls: list[Crl] = []
        asked: set[str] = set()
        for point in where:
            signers = yield from self._signers(place, point)
            for url in _followed(point.urls, failures):
                if url in asked or len(asked) == _CRL_URLS:
                    continue
                asked.add(url)
                found = yield Request("crl", url, b"", signers)
                if not isinstance(found, Crl):
                    failures.append(_about(f"CRL at {url}", found))
                    continue
                crls.append(found)
                for delta in (scope.delta_urls(certificate) or found.head.freshest)[:1]:
                    changed = yield Request("crl", delta, b"", signers)
                    crls += [changed] if isinstance(changed, Crl) else []
                verdict = scope.judge(crls, where, certificate, "crl", self._now)
                if isinstance(verdict, Verdict):
                    self._known.learn(_key(self._path[place], self._path[place + 1]), verdict)
                    return verdict
                failures.append(_about(f"CRL at {url}", verdict))
        return None

    def _signers(self, place: int, point: scope.Point
                 ) -> Generator[Request, Answer, tuple[bytes, ...]]:
        """Who may have signed the CRLs at ``point``: the issuer by any of its keys in the path, and
        those among the certificates of the server that bear the right name, that a CA of the path
        vouches for, and that are not revoked themselves (RFC 5280 section 6.3.3 (f))."""
        above_it = [decode(certificate.der) for certificate in self._path[place + 1:]]
        wanted = point.issuers or (above_it[0].subject,)
        found = [one.facts.der for one in above_it if _named(one, wanted)]
        for encoded in self._extra[:_EXTRA]:
            other = _decoded(encoded)
            above = self._voucher(other) if other and _named(other, wanted) else None
            if other and above:
                path = (other.facts, *self._path[above:])
                own = _Search(path, self._policy, self._known, self._now, ())
                outcome = yield from own.outcome(0, None)
                if _rank(outcome) == _HARMLESS:
                    found.append(encoded)
        return tuple(dict.fromkeys(found))

    def _voucher(self, other: Decoded) -> int | None:
        """Where in the path the CA is that issued ``other``."""
        if not other.facts.not_before <= self._now <= other.facts.not_after:
            return None
        for place, certificate in enumerate(self._path[1:], 1):
            above = decode(certificate.der)
            if names.same(above.subject, other.issuer) and algorithms.verifies(
                    above.spki, other.algorithm, other.signature, other.signed):
                return place
        return None


def _key(certificate: Certificate, issuer: Certificate) -> str:
    """``answers.verdict_key``, without hashing."""
    return f"{certificate.fingerprint_sha256}-{issuer.fingerprint_sha256}"


def _is_short_lived(certificate: Certificate) -> bool:
    lifetime = certificate.not_after - certificate.not_before + 1
    most = next((most for since, most in _SHORT_LIVED if certificate.not_before >= since), 0)
    return lifetime <= most


def _followed(urls: Sequence[str], failures: list[Failure]) -> list[str]:
    """Those that are of a kind that is followed; of the others a word in ``failures``."""
    http = [url for url in urls if url.lower().startswith(("http://", "https://"))]
    failures += [Failure("unsupported_pointer", f"{url} is not followed: only HTTP is")
                 for url in urls if url not in http]
    return http


def _about(what: str, answer: Answer) -> Failure:
    assert isinstance(answer, Failure)
    return Failure(answer.reason, f"{what}: {answer.message}")


def _named(certificate: Decoded, wanted: Sequence[bytes]) -> bool:
    return any(names.same(certificate.subject, name) for name in wanted)


def _decoded(encoded: bytes) -> Decoded | None:
    try:
        return decode(encoded)
    except ValueError:
        return None


# What it comes to


def _told(outcomes: Sequence[tuple[Certificate, Verdict | Failure]], leaf: Certificate,
          staple: Verdict | Failure | None) -> Revocation:
    """The worst outcome: revoked, then unknown; where there is neither, that of the leaf."""
    certificate, outcome = min(outcomes, key=lambda pair: _rank(pair[1]))
    violated = _must_staple_violated(leaf, staple)
    faults = (*_revocation_faults(certificate, outcome), *_staple_faults(violated, staple))
    if isinstance(outcome, Failure):
        status = "not_applicable" if outcome.reason in NOT_APPLICABLE else "unknown"
        return Revocation(status, "", outcome.reason, violated, faults,
                          certificate.subject, outcome.message)
    return Revocation(outcome.status, outcome.source, outcome.reason, violated, faults,
                      certificate.subject, "", outcome.this_update, outcome.next_update,
                      outcome.revoked_at)


_REVOKED, _OPEN, _HARMLESS = range(3)


def _rank(outcome: Verdict | Failure) -> int:
    if isinstance(outcome, Verdict):
        return _REVOKED if outcome.status == "revoked" else _HARMLESS
    return _HARMLESS if outcome.reason in NOT_APPLICABLE else _OPEN


def _must_staple_violated(leaf: Certificate, staple: Verdict | Failure | None) -> bool | None:
    """RFC 7633. None: there is a stapled answer, but nobody to verify it by."""
    if not leaf.must_staple or isinstance(staple, Verdict):
        return False
    return None if staple and staple.reason == "no_issuer" else True


def _revocation_faults(certificate: Certificate, outcome: Verdict | Failure) -> Iterator[Fault]:
    if isinstance(outcome, Failure):
        if outcome.reason not in (*NOT_APPLICABLE, *_UNREMARKABLE):
            yield Fault("revocation_unknown", {
                "subject": certificate.subject, "why": outcome.message})
    elif outcome.status == "revoked":
        yield Fault("revoked", {
            "subject": certificate.subject, "date": date(outcome.revoked_at),
            "reason": outcome.reason, "source": outcome.source})


def _staple_faults(violated: bool | None, staple: Verdict | Failure | None) -> Iterator[Fault]:
    why = staple.message if isinstance(staple, Failure) else "none was sent"
    if violated:
        yield Fault("must_staple_violated", {"why": why})
    elif isinstance(staple, Failure) and staple.reason != "no_issuer":
        yield Fault("bad_staple", {"why": why})
