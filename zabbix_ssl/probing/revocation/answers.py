"""What is asked about a certificate, and what may come back: values and the words for failures."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

from ...model import Failure

MINUTE, DAY = 60, 86400

#: Seconds that our clock and a responder's may differ (openssl ocsp allows the same by default).
CLOCK_ALLOWANCE = 5 * MINUTE

#: How soon and how late an answer is asked for again, in seconds. Not sooner, because a thousand
#: targets may share it, and some answers name the next second as their next update. Not later,
#: because next updates lie up to ten days ahead, while a CA publishes a revocation within a day.
REFRESH_SOONEST, REFRESH_LATEST = 5 * MINUTE, DAY

#: How long an answer that does not name its next update is believed, in seconds.
UNDATED_LIFETIME = DAY

#: Every reason of a revocation status that is not good and not revoked, and what it means.
REASONS = {
    # not applicable
    "no_pointer": "the certificate names neither an OCSP responder nor a CRL",
    "self_signed": "the certificate is its own issuer: nobody else could revoke it",
    "short_lived": "the certificate lives so briefly that it needs no revocation (CA/B Forum)",
    # nothing could be asked
    "no_issuer": "the issuer's certificate is not known, so that no answer could be verified",
    "offline": "nothing is fetched under --offline, and no local CRL speaks for the certificate",
    "no_local_crl": "no usable CRL of the issuer in --crl-dir",
    "unsupported_pointer": "the pointers are of a kind that is not followed, as LDAP",
    # nothing was brought
    "forbidden_address": "the pointer leads to an address that is refused by default",
    "unreachable": "the name or the server does not answer, or refuses the connection",
    "timeout": "the answer did not come in time",
    "http_status": "the server answered with an HTTP error",
    "redirect": "the server redirects too often, or to another scheme",
    "too_large": "the answer is larger than any honest one",
    "no_space": "the answer cannot be kept, as the disk is full",
    # the answer says nothing
    "malformed": "the answer cannot be read",
    "try_later": "the responder says to try later, or has an internal error",
    "unauthorized": "the responder refuses to answer for the certificate",
    "unknown_to_responder": "the responder does not know the certificate",
    # the answer is not believed
    "bad_signature": "the signature of the answer does not verify",
    "weak_signature": "the answer is signed with an algorithm that can be forged",
    "unknown_algorithm": "the answer is signed with an algorithm that cannot be verified here",
    "wrong_responder": "the answer is signed by one who may not answer for the issuer",
    "wrong_certificate": "the answer is about another certificate",
    "wrong_nonce": "the answer is to another question",
    "wrong_issuer": "the CRL is of another issuer, or its signer may not sign CRLs",
    "wrong_scope": "the CRL does not speak for the certificate, or not for every reason",
    "critical_extension": "the answer has a critical extension that is not known",
    "stale": "the answer is out of date",
    "not_yet_valid": "the answer is dated in the future",
}


class Request(NamedTuple):
    """One thing to bring. Equal requests have equal answers: one fetch serves all who ask.

    kind     url        certificate  signers              is answered by
    ocsp     responder  DER          (issuer,)            Verdict
    crl      CRL        b""          who may have signed  Crl
    crl_dir  directory  b""          who may have signed  tuple of Crl
    issuer   caIssuers  b""          ()                   tuple of DER certificates

    and each by a Failure, whose reason is one of REASONS. Certificates are DER.
    """

    kind: str
    url: str
    certificate: bytes = b""
    signers: tuple[bytes, ...] = ()


class Verdict(NamedTuple):
    """What a verified answer says of one certificate. Times are Unix seconds, 0 when not given."""

    status: str  # good, revoked
    source: str  # stapled, ocsp, crl, crl_dir
    reason: str = ""  # why it was revoked: keyCompromise ...
    revoked_at: int = 0
    this_update: int = 0
    next_update: int = 0  # 0: the answer does not say
    evidence: str = ""  # SHA-256 of the OCSP answer, hexadecimal
    learnt_at: int = 0

    @property
    def expires(self) -> int:
        """The last second at which it may be believed."""
        return (self.next_update or self.this_update + UNDATED_LIFETIME) + CLOCK_ALLOWANCE

    @property
    def refresh_at(self) -> int:
        """From when on it is asked for anew, see ``refresh_at``."""
        return refresh_at(self.next_update, self.learnt_at)


def verdict_key(*certificates: bytes) -> str:
    """By what verdicts are kept: a certificate and its issuer, DER."""
    return "-".join(sha256(certificate).hexdigest().upper() for certificate in certificates)


def refresh_at(next_update: int, learnt_at: int) -> int:
    """From when on an answer is asked for anew, Unix seconds. It goes on being believed until its
    next update, where nothing newer can be had."""
    latest = learnt_at + REFRESH_LATEST
    return max(learnt_at + REFRESH_SOONEST, min(next_update or latest, latest))


def freshness(this_update: int, next_update: int, now: int) -> Failure | None:
    """Why an answer of that date is not to be believed now (RFC 6960 section 3.2, 5 and 6)."""
    from ...findings import date

    if next_update and next_update < this_update:
        return Failure("malformed", "the answer ends before it begins")
    if this_update > now + CLOCK_ALLOWANCE:
        return Failure("not_yet_valid", f"the answer is valid only from {date(this_update)}")
    if (next_update or this_update + UNDATED_LIFETIME) + CLOCK_ALLOWANCE < now:
        what = f"was due to be replaced on {date(next_update)}" if next_update else (
            f"is of {date(this_update)} and does not say how long it holds")
        return Failure("stale", f"the answer {what}")
    return None
