"""Keys and signatures: what they are called, how strong they are, and whether one fits the other.

Adding an algorithm is one row of a table. The names of signatures are those that OpenSSL prints.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from . import der
from .remember import remembered

LEAST_RSA_BITS = 2048
LEAST_EC_BITS = 224


class Algorithm(NamedTuple):
    """A signature algorithm."""

    name: str
    scheme: str  # the kind of key: rsa, pss, ec, dsa, eddsa; "" for what cannot be checked here
    hash: str  # MD5, SHA1, SHA256 ...; "" where the scheme has its own

    @property
    def weak(self) -> str:
        """Why nobody should believe it any more; "" when one may."""
        name = {"MD2": "MD2", "MD4": "MD4", "MD5": "MD5", "SHA1": "SHA-1"}.get(self.hash, "")
        return f"{name}, {self.name}" if name else ""


_RSA = "1.2.840.113549.1.1."
_ECDSA = "1.2.840.10045.4."
_NIST = "2.16.840.1.101.3.4.3."

_ALGORITHMS = {der.encoded_oid(dotted): Algorithm(*row) for dotted, row in {
    _RSA + "2": ("md2WithRSAEncryption", "", "MD2"),
    _RSA + "3": ("md4WithRSAEncryption", "", "MD4"),
    _RSA + "4": ("md5WithRSAEncryption", "rsa", "MD5"),
    _RSA + "5": ("sha1WithRSAEncryption", "rsa", "SHA1"),
    "1.3.14.3.2.29": ("sha1WithRSA", "rsa", "SHA1"),
    "1.3.14.3.2.3": ("md5WithRSA", "rsa", "MD5"),
    _RSA + "14": ("sha224WithRSAEncryption", "rsa", "SHA224"),
    _RSA + "11": ("sha256WithRSAEncryption", "rsa", "SHA256"),
    _RSA + "12": ("sha384WithRSAEncryption", "rsa", "SHA384"),
    _RSA + "13": ("sha512WithRSAEncryption", "rsa", "SHA512"),
    _NIST + "14": ("RSA-SHA3-256", "rsa", "SHA3_256"),
    _NIST + "15": ("RSA-SHA3-384", "rsa", "SHA3_384"),
    _NIST + "16": ("RSA-SHA3-512", "rsa", "SHA3_512"),
    _ECDSA + "1": ("ecdsa-with-SHA1", "ec", "SHA1"),
    _ECDSA + "3.1": ("ecdsa-with-SHA224", "ec", "SHA224"),
    _ECDSA + "3.2": ("ecdsa-with-SHA256", "ec", "SHA256"),
    _ECDSA + "3.3": ("ecdsa-with-SHA384", "ec", "SHA384"),
    _ECDSA + "3.4": ("ecdsa-with-SHA512", "ec", "SHA512"),
    _NIST + "10": ("ecdsa_with_SHA3-256", "ec", "SHA3_256"),
    _NIST + "11": ("ecdsa_with_SHA3-384", "ec", "SHA3_384"),
    _NIST + "12": ("ecdsa_with_SHA3-512", "ec", "SHA3_512"),
    "1.2.840.10040.4.3": ("dsaWithSHA1", "dsa", "SHA1"),
    "1.3.14.3.2.27": ("dsaWithSHA1-old", "dsa", "SHA1"),
    _NIST + "1": ("dsa_with_SHA224", "dsa", "SHA224"),
    _NIST + "2": ("dsa_with_SHA256", "dsa", "SHA256"),
    _NIST + "3": ("dsa_with_SHA384", "dsa", "SHA384"),
    _NIST + "4": ("dsa_with_SHA512", "dsa", "SHA512"),
    "1.3.101.112": ("ED25519", "eddsa", ""),
    "1.3.101.113": ("ED448", "eddsa", ""),
    _NIST + "17": ("ML-DSA-44", "", ""),
    _NIST + "18": ("ML-DSA-65", "", ""),
    _NIST + "19": ("ML-DSA-87", "", ""),
    "1.2.156.10197.1.501": ("SM2-with-SM3", "", ""),
    "1.2.643.7.1.1.3.2": ("GOST R 34.10-2012 with GOST R 34.11-2012 (256 bit)", "", ""),
    "1.2.643.7.1.1.3.3": ("GOST R 34.10-2012 with GOST R 34.11-2012 (512 bit)", "", ""),
}.items()}

_PSS = der.encoded_oid(_RSA + "10")
_HASHES = {der.encoded_oid(dotted): name for dotted, name in {
    "1.3.14.3.2.26": "SHA1", "2.16.840.1.101.3.4.2.4": "SHA224",
    "2.16.840.1.101.3.4.2.1": "SHA256", "2.16.840.1.101.3.4.2.2": "SHA384",
    "2.16.840.1.101.3.4.2.3": "SHA512", "2.16.840.1.101.3.4.2.8": "SHA3_256",
    "2.16.840.1.101.3.4.2.9": "SHA3_384", "2.16.840.1.101.3.4.2.10": "SHA3_512"}.items()}


@remembered(256, 256)
def algorithm(identifier: bytes) -> Algorithm:
    """The AlgorithmIdentifier (DER) of a signature. Raises Malformed."""
    kind, parameters = _identifier(identifier)
    if kind == _PSS:
        digest = _pss_fields(parameters)[0]
        return Algorithm(f"RSASSA-PSS-{digest}", "pss", digest)
    return _ALGORITHMS.get(kind) or Algorithm(der.oid(kind), "", "")


def _identifier(encoded: bytes) -> tuple[bytes, bytes]:
    """The OID's contents and the parameters (DER, b"" when absent)."""
    parts = der.inside(encoded, der.SEQUENCE)
    if not parts or parts[0][0] != der.OID:
        raise der.Malformed("an algorithm is not named by an object identifier")
    kind = encoded[parts[0][2]:parts[0][3]]
    return kind, encoded[parts[1][1]:parts[1][3]] if len(parts) > 1 else b""


def _pss_fields(parameters: bytes) -> tuple[str, str, int]:
    """Hash, hash of the mask and salt length of RSASSA-PSS-params (RFC 4055 3.1: its defaults)."""
    digest = mask = "SHA1"
    salt = 20
    for tag, _, start, stop in der.inside(parameters, der.SEQUENCE) if parameters else ():
        if tag == 0xA0:
            digest = _hash(parameters[start:stop])
        elif tag == 0xA1:
            mask = _hash(_identifier(parameters[start:stop])[1])
        elif tag == 0xA2:
            number = der.element(parameters, start, stop)
            salt = der.integer(parameters[number[2]:number[3]])
    return digest, mask, salt


def _hash(identifier: bytes) -> str:
    kind = _identifier(identifier)[0]
    return _HASHES.get(kind) or der.oid(kind)


# Public keys


class Key(NamedTuple):
    """What is to be said of a public key."""

    type: str
    bits: int | None
    weak: str  # why, "" when it is not
    curve: str  # its name or OID; "explicit" when its parameters are spelt out; "" for other keys


_CURVES = {der.encoded_oid(dotted): row for dotted, row in {
    "1.2.840.10045.3.1.1": ("P-192", 192), "1.3.132.0.33": ("P-224", 224),
    "1.2.840.10045.3.1.7": ("P-256", 256), "1.3.132.0.34": ("P-384", 384),
    "1.3.132.0.35": ("P-521", 521), "1.3.132.0.8": ("secp160r1", 160),
    "1.3.132.0.9": ("secp160k1", 160), "1.3.132.0.31": ("secp192k1", 192),
    "1.3.132.0.32": ("secp224k1", 224), "1.3.132.0.10": ("secp256k1", 256),
    "1.3.132.0.1": ("sect163k1", 163), "1.3.132.0.15": ("sect163r2", 163),
    "1.3.132.0.26": ("sect233k1", 233), "1.3.132.0.27": ("sect233r1", 233),
    "1.3.132.0.16": ("sect283k1", 283), "1.3.132.0.17": ("sect283r1", 283),
    "1.3.132.0.36": ("sect409k1", 409), "1.3.132.0.37": ("sect409r1", 409),
    "1.3.132.0.38": ("sect571k1", 571), "1.3.132.0.39": ("sect571r1", 571),
    "1.3.36.3.3.2.8.1.1.7": ("brainpoolP256r1", 256),
    "1.3.36.3.3.2.8.1.1.11": ("brainpoolP384r1", 384),
    "1.3.36.3.3.2.8.1.1.13": ("brainpoolP512r1", 512),
    "1.2.156.10197.1.301": ("SM2", 256)}.items()}

_RSA_KEY, _EC_KEY, _DSA_KEY = (
    der.encoded_oid(dotted) for dotted in (_RSA + "1", "1.2.840.10045.2.1", "1.2.840.10040.4.1"))

#: Keys whose algorithm alone says it all.
_PLAIN_KEYS = {der.encoded_oid(dotted): Key(name, bits, "", "") for dotted, (name, bits) in {
    "1.3.101.112": ("Ed25519", 256), "1.3.101.113": ("Ed448", 456),
    _NIST + "17": ("ML-DSA-44", None), _NIST + "18": ("ML-DSA-65", None),
    _NIST + "19": ("ML-DSA-87", None)}.items()}


def key(spki: bytes) -> Key:
    """What a SubjectPublicKeyInfo (DER) holds. Raises Malformed."""
    parts = der.inside(spki, der.SEQUENCE)
    if len(parts) != 2 or parts[1][0] != der.BIT_STRING:
        raise der.Malformed("the public key is not an algorithm and its bits")
    kind, parameters = _identifier(spki[parts[0][1]:parts[0][3]])
    bits = spki[parts[1][2] + 1:parts[1][3]]
    if kind == _EC_KEY:
        return _ec_key(parameters, bits)
    if kind in (_RSA_KEY, _PSS):
        return _rsa_key("RSA" if kind == _RSA_KEY else "RSA-PSS", bits)
    if kind == _DSA_KEY:
        size = _first_integer(parameters).bit_length() if parameters[:1] == b"\x30" else None
        return Key("DSA", size, f"DSA, {size or 'unknown'} bits", "")
    return _PLAIN_KEYS.get(kind) or Key(der.oid(kind), None, "", "")


def _rsa_key(name: str, bits: bytes) -> Key:
    modulus, exponent, *_ = (der.integer(bits[start:stop])
                             for _, _, start, stop in der.inside(bits, der.SEQUENCE))
    size = modulus.bit_length()
    weak = ""
    if size < LEAST_RSA_BITS:
        weak = f"RSA, {size} bits"
    elif exponent < 3 or exponent % 2 == 0:
        weak = "RSA with an exponent that protects nothing"
    return Key(name, size, weak, "")


def _ec_key(parameters: bytes, bits: bytes) -> Key:
    if parameters[:1] != b"\x06":
        return Key("EC", None, "EC with its own curve", "explicit")
    kind = parameters[2:]
    known = _CURVES.get(kind)
    # of a curve that is not known: the size of an uncompressed point of two coordinates
    curve, size = known or (der.oid(kind), max(len(bits) - 1, 0) * 4)
    name = "EC" if known and curve != "SM2" else curve
    return Key(name, size, f"EC, {curve}, {size} bits" if size < LEAST_EC_BITS else "", curve)


def _first_integer(encoded: bytes) -> int:
    first = der.inside(encoded, der.SEQUENCE)[:1]
    return der.integer(encoded[first[0][2]:first[0][3]]) if first else 0


# Signatures


def verifies(spki: bytes, identifier: bytes, signature: bytes, signed: bytes) -> bool | None:
    """Does this key (DER) verify this signature? None when such a one cannot be checked here."""
    kind = algorithm(identifier)
    check = _CHECKS.get(kind.scheme)
    loaded = _loaded(spki) if check else None
    if check is None or loaded is None:
        return None
    try:
        return check(loaded, identifier, signature, signed)
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, ValueError, TypeError, AttributeError):
        return None


@remembered(1024, 8192)
def _loaded(spki: bytes) -> Any:
    try:
        return load_der_public_key(spki)
    except (UnsupportedAlgorithm, ValueError):
        return None


def _digest(name: str) -> Any:
    return getattr(hashes, name)()


def _check_rsa(loaded: Any, identifier: bytes, signature: bytes, signed: bytes) -> bool:
    if not isinstance(loaded, rsa.RSAPublicKey):
        return False
    loaded.verify(signature, signed, padding.PKCS1v15(), _digest(algorithm(identifier).hash))
    return True


def _check_pss(loaded: Any, identifier: bytes, signature: bytes, signed: bytes) -> bool:
    if not isinstance(loaded, rsa.RSAPublicKey):
        return False
    digest, mask, salt = _pss_fields(_identifier(identifier)[1])
    scheme = padding.PSS(padding.MGF1(_digest(mask)), salt)
    loaded.verify(signature, signed, scheme, _digest(digest))
    return True


def _check_ec(loaded: Any, identifier: bytes, signature: bytes, signed: bytes) -> bool:
    if not isinstance(loaded, ec.EllipticCurvePublicKey):
        return False
    loaded.verify(signature, signed, ec.ECDSA(_digest(algorithm(identifier).hash)))
    return True


def _check_dsa(loaded: Any, identifier: bytes, signature: bytes, signed: bytes) -> bool:
    if not isinstance(loaded, dsa.DSAPublicKey):
        return False
    loaded.verify(signature, signed, _digest(algorithm(identifier).hash))
    return True


def _check_eddsa(loaded: Any, identifier: bytes, signature: bytes, signed: bytes) -> bool:
    name = algorithm(identifier).name
    wanted = ed25519.Ed25519PublicKey if name == "ED25519" else ed448.Ed448PublicKey
    if not isinstance(loaded, wanted):
        return False
    loaded.verify(signature, signed)
    return True


_CHECKS: dict[str, Callable[[Any, bytes, bytes, bytes], bool]] = {
    "rsa": _check_rsa, "pss": _check_pss, "ec": _check_ec, "dsa": _check_dsa,
    "eddsa": _check_eddsa}
