"""Intermediates that a server forgot to send, fetched by the pointers that certificates have to
their issuers (AIA caIssuers, RFC 5280 section 4.2.2.1). No sockets: a conversation, as in
``revocation.path``.

What comes is only ever an untrusted certificate that a path may lead over: it goes to
``chain.judge`` as ``fetched``, never among the trust anchors.
"""

from __future__ import annotations

import base64
import binascii
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from ..model import Certificate, Chain, Failure, Missing
from . import algorithms, names
from .certificates import decode
from .revocation.answers import Request
from .revocation.encoding import UNREADABLE
from .revocation.path import Answer

HOPS = 4  # issuers of issuers
_URLS = 2  # of each certificate are tried
_MOST = 16  # certificates are taken of a file
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


class Completed(NamedTuple):
    """A chain, judged with the help of what could be fetched."""

    chain: Chain
    missing: tuple[Missing, ...] = ()  # what the server should send beside what it sends
    failures: tuple[Failure, ...] = ()  # why something could not be fetched


def complete(chain: Chain, judge: Callable[[Sequence[bytes]], Chain]
             ) -> Generator[Request, Answer, Completed]:
    """Fetches the issuers that ``chain`` lacks; at once where it lacks none.

    ``judge``: the verdict on the same chain with the help of certificates (DER) that were fetched.
    """
    fetched: dict[bytes, str] = {}  # and from where
    failures: list[Failure] = []
    for _ in range(HOPS):
        tip = chain.path[-1]
        if chain.complete is not False or chain.trusted or tip.self_signed:
            break
        found = yield from _issuers_of(tip, failures)
        if not found or found.keys() <= fetched.keys():
            break
        fetched.update(found)
        chain = judge(tuple(fetched))
    missing = tuple(
        Missing(certificate.subject, fetched[certificate.der], pem(certificate.der))
        for certificate in chain.path
        if certificate.der in fetched and not certificate.self_signed)
    return Completed(chain, missing, tuple(failures))


def _issuers_of(certificate: Certificate, failures: list[Failure]
                ) -> Generator[Request, Answer, dict[bytes, str]]:
    """What the first pointer brings that leads to an issuer of ``certificate``."""
    for url in [url for url in certificate.issuer_urls if url.startswith("http")][:_URLS]:
        answer = yield Request("issuer", url)
        if isinstance(answer, Failure):
            failures.append(Failure(answer.reason, f"issuer at {url}: {answer.message}"))
            continue
        assert isinstance(answer, tuple)
        found = [one for one in answer if isinstance(one, bytes)]
        if any(_issued(one, certificate.der) for one in found):
            return dict.fromkeys(found, url)
        failures.append(Failure("wrong_certificate", f"issuer at {url}: it is another certificate"))
    return {}


def _issued(issuer: bytes, certificate: bytes) -> bool:
    above, below = decode(issuer), decode(certificate)
    return names.same(above.subject, below.issuer) and algorithms.verifies(
        above.spki, below.algorithm, below.signature, below.signed) is not False


def certificates_in(data: bytes) -> tuple[bytes, ...]:
    """The certificates (DER) in what a pointer leads to: one in DER, some in PEM, or PKCS #7 with
    nothing but certificates (RFC 5280 section 4.2.2.1). () when there are none to be read."""
    return tuple(one for one in _encoded(data) if _readable(one))[:_MOST]


def _encoded(data: bytes) -> Iterator[bytes]:
    if data[:1] != b"\x30":
        yield from _pem_blocks(data)
    elif _readable(data):
        yield data
    else:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that it is BER, which does not matter
                certificates = pkcs7.load_der_pkcs7_certificates(data)
        except UNREADABLE:
            return
        yield from (certificate.public_bytes(Encoding.DER) for certificate in certificates)


def _pem_blocks(data: bytes) -> Iterator[bytes]:
    at = data.find(_BEGIN)
    while at >= 0:
        end = data.find(_END, at)
        try:
            yield binascii.a2b_base64(data[at + len(_BEGIN):max(end, at)])
        except binascii.Error:
            return
        at = data.find(_BEGIN, at + 1)


def _readable(encoded: bytes) -> bool:
    try:
        decode(encoded)
    except ValueError:
        return False
    return True


def pem(certificate: bytes) -> str:
    """A certificate (DER) as the text that goes into a server's certificate file."""
    text = base64.encodebytes(certificate).decode().replace("\n", "")
    lines = (text[at:at + 64] for at in range(0, len(text), 64))
    return "\n".join((_BEGIN.decode(), *lines, _END.decode(), ""))
