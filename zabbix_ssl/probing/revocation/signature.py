"""Is a signature of an OCSP answer or a CRL to be believed?

MD5 and older are refused everywhere. SHA-1 is refused in OCSP, as browsers do and the CA/B Forum
demands since June 2022: who asks for an answer chooses bytes that go into it (the nonce), and that
is what a collision needs. In CRLs it is accepted, as OpenSSL does: an old private CA should rather
have its revocations seen.
"""

from __future__ import annotations

from ...model import Failure
from .. import algorithms
from ..certificates import Decoded

FORGEABLE = frozenset(("MD2", "MD4", "MD5"))
FORGEABLE_BY_ASKING = FORGEABLE | {"SHA1"}


def refusal(signer: Decoded, identifier: bytes, signature: bytes, signed: bytes,
            forgeable: frozenset[str]) -> Failure | None:
    """Why this signature by ``signer`` is not believed, None when it is.

    ``identifier`` is the AlgorithmIdentifier, DER; Malformed is raised when it is none.
    """
    algorithm = algorithms.algorithm(identifier)
    if algorithm.hash in forgeable:
        return Failure("weak_signature", f"it is signed with {algorithm.name}, which can be forged")
    verified = algorithms.verifies(signer.spki, identifier, signature, signed)
    if verified is None:
        return Failure("unknown_algorithm", f"a signature of {algorithm.name} by the key of "
                       f"{signer.facts.subject} cannot be verified here")
    return None if verified else Failure("bad_signature", "its signature does not verify")
