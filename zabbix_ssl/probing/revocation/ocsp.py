"""OCSP (RFC 6960, RFC 5019, RFC 9654): the request, and what an answer is worth. No sockets.

An answer is judged in this order: can it be read; who signed it, and may they; does the signature
verify; is it to this question, and about this certificate; is it of today; what does it say.
Whether the responder's own certificate is revoked is not asked: its CA answers for it with
id-pkix-ocsp-nocheck or a short life, and no client asks.
"""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Extensions, OCSPNonce, ocsp

from ...model import Failure
from .. import der, names
from ..certificates import Decoded, decode
from .answers import CLOCK_ALLOWANCE, Verdict, freshness
from .encoding import UNREADABLE, seconds
from .signature import FORGEABLE_BY_ASKING, refusal

OCSP_BYTES = 1 << 16  # an honest answer has less
_MOST_SIGNERS = 4  # of one name are tried
NONCE_BYTES = 32  # RFC 9654 section 2.1

_OCSP_SIGNING = der.encoded_oid("1.3.6.1.5.5.7.3.9")

#: The answer's status, when it is not a success (RFC 6960 section 4.2.1).
_REFUSALS = {
    ocsp.OCSPResponseStatus.MALFORMED_REQUEST: (
        "unauthorized", "the responder calls the request malformed"),
    ocsp.OCSPResponseStatus.INTERNAL_ERROR: (
        "try_later", "the responder has an internal error"),
    ocsp.OCSPResponseStatus.TRY_LATER: ("try_later", "the responder says to try later"),
    ocsp.OCSPResponseStatus.SIG_REQUIRED: (
        "unauthorized", "the responder answers only to signed requests"),
    ocsp.OCSPResponseStatus.UNAUTHORIZED: (
        "unauthorized", "the responder is not authorized to answer for this certificate"),
}


def request(certificate: bytes, issuer: bytes, nonce: bytes = b"") -> bytes:
    """An OCSPRequest, DER, for one certificate and its issuer, DER. ValueError when they are none.

    The certificate is named by SHA-1, the one hash that every responder knows (RFC 5019 section
    2.1.1); nothing hangs on its strength.
    """
    who, above, algorithm = decode(certificate), decode(issuer), hashes.SHA1()
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        _hash(who.issuer, algorithm), _key_hash(above, algorithm), _serial(who), algorithm)
    if nonce:
        builder = builder.add_extension(OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def judge(response: bytes, certificate: bytes, issuer: bytes, now: int, nonce: bytes = b"",
          source: str = "ocsp") -> Verdict | Failure:
    """What an OCSPResponse says of ``certificate`` at ``now``, or why it says nothing. All DER.

    An answer without a nonce is taken even when one was sent: most responders sign beforehand (RFC
    5019 section 4).
    """
    if len(response) > OCSP_BYTES:
        return Failure("too_large", f"the OCSP answer has over {OCSP_BYTES} bytes")
    try:
        answer = ocsp.load_der_ocsp_response(response)
        if answer.response_status in _REFUSALS:
            return Failure(*_REFUSALS[answer.response_status])
        unbelieved = (_signer_refusal(answer, _signed(response), decode(issuer), now)
                      or _wrong_nonce(answer, nonce) or _unknown_critical(answer.extensions))
        return unbelieved or _judge(answer, certificate, issuer, now)._replace(
            source=source, evidence=evidence(response))
    except _Silent as silent:
        return silent.failure
    except UnsupportedAlgorithm as error:
        return Failure("unknown_algorithm", f"the OCSP answer cannot be verified: {error}")
    except UNREADABLE as error:
        return Failure("malformed", f"the OCSP answer cannot be read: {error}")


class _Silent(Exception):
    """The answer says nothing about the certificate."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


def _judge(answer: ocsp.OCSPResponse, certificate: bytes, issuer: bytes, now: int) -> Verdict:
    who, above = decode(certificate), decode(issuer)
    single = next((s for s in answer.responses if _is_about(s, who, above)), None)
    if single is None:
        raise _Silent(Failure("wrong_certificate", "the OCSP answer is about another certificate"))
    this_update, next_update = seconds(single.this_update_utc), seconds(single.next_update_utc)
    if failure := freshness(this_update, next_update, now):
        raise _Silent(failure)
    if single.certificate_status is ocsp.OCSPCertStatus.UNKNOWN:
        raise _Silent(Failure(
            "unknown_to_responder", "the responder does not know the certificate"))
    if single.certificate_status is ocsp.OCSPCertStatus.GOOD:
        return Verdict("good", "", this_update=this_update, next_update=next_update, learnt_at=now)
    reason = single.revocation_reason.value if single.revocation_reason else "unspecified"
    return Verdict("revoked", "", reason, seconds(single.revocation_time_utc), this_update,
                   next_update, learnt_at=now)


def evidence(response: bytes) -> str:
    """By what a Verdict remembers the answer that it comes from."""
    return hashlib.sha256(response).hexdigest()


class _Signed(NamedTuple):
    """What of a BasicOCSPResponse, DER, is signed, how and with what."""

    body: bytes
    algorithm: bytes
    signature: bytes


def _signed(response: bytes) -> _Signed:
    """RFC 6960 section 4.2.1. cryptography has read ``response`` before and found it whole."""
    _, (_, _, start, stop) = der.inside(response, der.SEQUENCE)
    _, (_, _, start, stop) = der.inside(response, der.SEQUENCE, start, stop)
    body, algorithm, bits, *_ = der.inside(response, der.SEQUENCE, start, stop)
    return _Signed(response[body[1]:body[3]], response[algorithm[1]:algorithm[3]],
                   response[bits[2] + 1:bits[3]])


def _signer_refusal(answer: ocsp.OCSPResponse, signed: _Signed, issuer: Decoded,
                    now: int) -> Failure | None:
    """Why the answer's signer is not believed (RFC 6960 section 4.2.2.2)."""
    appointed = (decode(c.public_bytes(Encoding.DER)) for c in answer.certificates)
    refusals: list[Failure] = []
    for signer in chain((issuer,), appointed):
        if _is_named(answer, signer) and len(refusals) < _MOST_SIGNERS:
            refused = _refusal(signed, signer, issuer, now)
            if not refused:
                return None
            refusals.append(refused)
    return refusals[-1] if refusals else Failure(
        "wrong_responder", "the OCSP answer is signed neither by the issuer of the certificate nor "
        "by a responder that the issuer appointed")


def _refusal(signed: _Signed, signer: Decoded, issuer: Decoded, now: int) -> Failure | None:
    if signer is not issuer and (why := _not_appointed(signer, issuer, now)):
        return Failure("wrong_responder",
                       f"the OCSP answer is signed by {signer.facts.subject}, {why}")
    refused = refusal(signer, signed.algorithm, signed.signature, signed.body, FORGEABLE_BY_ASKING)
    return refused and Failure(
        refused.reason, f"the OCSP answer is not believed: {refused.message}")


def _is_named(answer: ocsp.OCSPResponse, signer: Decoded) -> bool:
    if answer.responder_name is not None:
        return names.same(answer.responder_name.public_bytes(), signer.subject)
    return answer.responder_key_hash == _key_hash(signer, hashes.SHA1())


def _not_appointed(responder: Decoded, issuer: Decoded, now: int) -> str:
    """Why the issuer did not appoint this responder, "" when it did."""
    refused = refusal(issuer, responder.algorithm, responder.signature, responder.signed,
                      FORGEABLE_BY_ASKING)
    if not names.same(responder.issuer, issuer.subject) or (
            refused and refused.reason == "bad_signature"):
        return "whose certificate is not issued by the issuer of the certificate"
    if refused:
        return f"whose certificate is not believed: {refused.message}"
    if _OCSP_SIGNING not in (responder.extensions.purposes or ()):
        return "whose certificate is not meant for OCSP signing"
    if now < responder.facts.not_before - CLOCK_ALLOWANCE:
        return "whose certificate is not yet valid"
    if now > responder.facts.not_after + CLOCK_ALLOWANCE:
        return "whose certificate has expired"
    return ""


def _wrong_nonce(answer: ocsp.OCSPResponse, nonce: bytes) -> Failure | None:
    if nonce:
        for extension in answer.extensions:
            if isinstance(extension.value, OCSPNonce) and extension.value.nonce != nonce:
                return Failure("wrong_nonce", "the OCSP answer is to another question: its nonce "
                               "is not the one that was sent")
    return None


def _unknown_critical(extensions: Extensions) -> Failure | None:
    for extension in extensions:
        if extension.critical and not isinstance(extension.value, OCSPNonce):
            return Failure("critical_extension", "the OCSP answer has a critical extension that is "
                           f"not known ({extension.oid.dotted_string})")
    return None


def _is_about(single: ocsp.OCSPSingleResponse, certificate: Decoded, issuer: Decoded) -> bool:
    """CertID: serial number, and the issuer by name and key (RFC 6960 section 4.1.1)."""
    try:
        algorithm = single.hash_algorithm
    except UnsupportedAlgorithm:
        return False
    return (single.serial_number == _serial(certificate)
            and single.issuer_name_hash == _hash(certificate.issuer, algorithm)
            and single.issuer_key_hash == _key_hash(issuer, algorithm))


def _serial(certificate: Decoded) -> int:
    return int(certificate.facts.serial, 16)


def _key_hash(certificate: Decoded, algorithm: hashes.HashAlgorithm) -> bytes:
    """Hash of the key's bits alone, without the algorithm in front of them."""
    _, (_, _, start, stop) = der.inside(certificate.spki, der.SEQUENCE)
    return _hash(certificate.spki[start + 1:stop], algorithm)


def _hash(data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()
