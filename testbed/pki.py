"""A PKI of our own: every certificate, good or bad, that a server might send.

    root = Authority("Test Root")
    intermediate = root.authority("Test Intermediate", path_length=0)
    leaf = intermediate.leaf("a.example", "*.a.example", "192.0.2.1")

    leaf.pem             # what a good server sends: the leaf and its intermediates
    leaf.chain           # the same as DER, leaf first
    leaf.key_pem
    leaf.write(folder)   # -> Files(certificate=..., key=...): what nginx wants
    root.pem             # what a client trusts

Every field can be set (see ``Fields``). The DER is written by hand and signed with keys of the
package cryptography, because that package refuses to build what servers do send: a serial of zero,
a version 1 certificate, an unknown curve, an MD5 signature. Keys are EC P-256 unless asked
otherwise: a leaf takes a tenth of a millisecond.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, Unpack

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa

from . import der

DAY = 86400

_KEYS: dict[str, Callable[[], Any]] = {
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p192": lambda: ec.generate_private_key(ec.SECP192R1()),
    "p224": lambda: ec.generate_private_key(ec.SECP224R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "sm2": lambda: ec.generate_private_key(ec.SECP256R1()),  # published as a point of curve SM2
    "rsa1024": lambda: rsa.generate_private_key(65537, 1024),
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa3072": lambda: rsa.generate_private_key(65537, 3072),
    "rsa4096": lambda: rsa.generate_private_key(65537, 4096),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ed448": ed448.Ed448PrivateKey.generate,
    "dsa": lambda: dsa.generate_private_key(1024),
}

_PKCS1 = {"md5": "4", "sha1": "5", "sha224": "14", "sha256": "11", "sha384": "12", "sha512": "13"}
_ECDSA = {"sha224": "3.1", "sha256": "3.2", "sha384": "3.3", "sha512": "3.4", "sha1": "1"}
_DIGESTS = {"sha1": "1.3.14.3.2.26", "sha256": "2.16.840.1.101.3.4.2.1",
            "sha384": "2.16.840.1.101.3.4.2.2", "sha512": "2.16.840.1.101.3.4.2.3"}
_P256, _SM2 = der.oid("1.2.840.10045.3.1.7"), der.oid("1.2.156.10197.1.301")

_PURPOSES = {"server": "1.3.6.1.5.5.7.3.1", "client": "1.3.6.1.5.5.7.3.2",
             "code": "1.3.6.1.5.5.7.3.3", "email": "1.3.6.1.5.5.7.3.4",
             "ocsp": "1.3.6.1.5.5.7.3.9", "any": "2.5.29.37.0",
             "netscape_sgc": "2.16.840.1.113730.4.1"}

#: A moment: Unix seconds, a datetime, or the DER of a Time.
Moment = int | datetime | bytes
#: An extension: a value of cryptography (critical as RFC 5280 wants it), the same and critical, or
#: (dotted OID, critical, DER).
Extension = x509.ExtensionType | tuple[x509.ExtensionType, bool] | tuple[str, bool, bytes]


class Fields(TypedDict, total=False):
    """What can be set in a certificate; what is not set is as a good CA sets it."""

    subject: str | bytes  # common name, or the DER of a Name; "" for an empty subject
    not_before: Moment
    not_after: Moment
    key: str | Any  # a name of _KEYS, or a private key of cryptography
    spki: bytes  # a SubjectPublicKeyInfo (DER) to publish in place of that of the key
    hash: str  # md5, sha1, sha224, sha256, sha384, sha512
    pss: bool  # sign with RSA-PSS
    algorithm: bytes  # an AlgorithmIdentifier (DER) to claim in place of the signature's own
    serial: int
    version: int  # 1: no extensions
    san: Iterable[str | bytes] | None  # DNS names, IP addresses, DER GeneralNames; None: no SAN
    ca: bool
    path_length: int | None
    key_usage: Iterable[str] | None  # attributes of x509.KeyUsage that are set; None: no extension
    purposes: Iterable[str] | None  # extended key usage: names of _PURPOSES or OIDs; None: none
    ocsp_url: str
    crl_url: str
    issuer_url: str  # AIA caIssuers
    must_staple: bool
    extensions: Iterable[Extension]  # beside the others, or in place of the one of the same OID
    without: Iterable[str]  # dotted OIDs of extensions to leave out
    twice: Iterable[str]  # dotted OIDs of extensions to put in twice
    tampered: bool  # a bit of the signature is turned


class Files(NamedTuple):
    """Where a certificate with its intermediates, and its key, were written."""

    certificate: Path
    key: Path


class Issued:
    """A certificate and its private key."""

    def __init__(self, encoded: bytes, key: Any, above: tuple[bytes, ...]) -> None:
        self.der = encoded
        self.key = key
        self.above = above  # the certificates over it, DER, without the self-signed root

    @property
    def chain(self) -> tuple[bytes, ...]:
        """What a good server sends: DER, leaf first, without the root."""
        return (self.der, *self.above)

    @property
    def pem(self) -> bytes:
        return pem(*self.chain)

    @property
    def certificate_pem(self) -> bytes:
        """The certificate alone."""
        return pem(self.der)

    @property
    def certificate(self) -> x509.Certificate:
        """As cryptography reads it, where it can."""
        return x509.load_der_x509_certificate(self.der)

    @property
    def key_pem(self) -> bytes:
        return bytes(self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))

    def write(self, folder: str | os.PathLike[str], name: str = "",
              chain: Iterable[bytes] | None = None) -> Files:
        """``chain`` (or what a good server sends) to ``name``.pem and the key to ``name``.key."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        name = name or hashlib.sha256(self.der).hexdigest()[:16]
        files = Files(folder / f"{name}.pem", folder / f"{name}.key")
        files.certificate.write_bytes(pem(*(self.chain if chain is None else chain)))
        files.key.touch(mode=0o600)
        files.key.write_bytes(self.key_pem)
        return files


class Authority(Issued):
    """A CA: self-signed by ``Authority(name)``, under another one by ``authority(name)``."""

    def __init__(self, name: str | bytes, **fields: Unpack[Fields]) -> None:
        fields.setdefault("subject", name)
        fields = _authority_fields(fields, years=20)
        key = _private_key(fields.get("key", "ec"))
        self.name = _name(fields.get("subject", name))
        self.is_root = True
        super().__init__(_certificate(self.name, key, key, fields), key, ())

    @classmethod
    def _of(cls, issued: Issued, name: bytes) -> Authority:
        made = cls.__new__(cls)
        Issued.__init__(made, issued.der, issued.key, issued.above)
        made.name = name
        made.is_root = False
        return made

    def authority(self, name: str | bytes, **fields: Unpack[Fields]) -> Authority:
        """An intermediate CA under this one."""
        fields.setdefault("subject", name)
        fields = _authority_fields(fields, years=10)
        return Authority._of(self._issue(fields), _name(fields.get("subject", name)))

    def cross_sign(self, other: Authority, **fields: Unpack[Fields]) -> Authority:
        """``other``, the same name and key, issued by this CA too."""
        fields.setdefault("key", other.key)
        return self.authority(other.name, **fields)

    def leaf(self, *names: str, **fields: Unpack[Fields]) -> Issued:
        """A server's certificate for ``names``: host names and IP addresses."""
        fields.setdefault("subject", names[0] if names else "")
        fields.setdefault("san", names or None)
        fields.setdefault("key_usage", ("digital_signature", "key_encipherment"))
        fields.setdefault("purposes", ("server", "client"))
        return self._issue(fields)

    def _issue(self, fields: Fields) -> Issued:
        key = _private_key(fields.get("key", "ec"))
        encoded = _certificate(self.name, self.key, key, fields)
        return Issued(encoded, key, () if self.is_root else self.chain)


def self_signed(*names: str, **fields: Unpack[Fields]) -> Issued:
    """A server's certificate that is its own issuer, as appliances make them."""
    fields.setdefault("subject", names[0] if names else "")
    fields.setdefault("san", names or None)
    key = _private_key(fields.get("key", "ec"))
    return Issued(_certificate(_name(fields.get("subject", "")), key, key, fields), key, ())


def pem(*certificates: bytes) -> bytes:
    """DER certificates as one PEM file."""
    return b"".join(_pem_block(base64.b64encode(encoded)) for encoded in certificates)


def _pem_block(text: bytes) -> bytes:
    lines = b"\n".join(re.findall(rb".{1,64}", text))
    return b"-----BEGIN CERTIFICATE-----\n" + lines + b"\n-----END CERTIFICATE-----\n"


def _authority_fields(fields: Fields, years: int) -> Fields:
    now = int(time.time())
    defaults: Fields = {
        "ca": True, "key_usage": ("key_cert_sign", "crl_sign", "digital_signature"),
        "not_before": now - years * 73 * DAY, "not_after": now + years * 365 * DAY}
    return {**defaults, **fields}


def _certificate(issuer: bytes, issuer_key: Any, key: Any, fields: Fields) -> bytes:
    now = int(time.time())
    algorithm = _algorithm(issuer_key, fields)
    version = fields.get("version", 3)
    spki = _spki(key, fields)
    tbs = der.sequence(
        der.explicit(0, der.integer(version - 1)) if version > 1 else b"",
        der.integer(fields.get("serial", secrets.randbits(127) | 1)),
        algorithm, issuer,
        der.sequence(_moment(fields.get("not_before", now - DAY)),
                     _moment(fields.get("not_after", now + 90 * DAY))),
        _name(fields.get("subject", "")), spki,
        _extensions(spki, issuer_key, fields) if version > 2 else b"")
    signature = _sign(issuer_key, tbs, fields)
    if fields.get("tampered"):
        signature = signature[:-1] + bytes((signature[-1] ^ 1,))
    return der.sequence(tbs, algorithm, der.bit_string(signature))


def _private_key(key: Any) -> Any:
    return _KEYS[key]() if isinstance(key, str) else key


def _spki(key: Any, fields: Fields) -> bytes:
    if "spki" in fields:
        return fields["spki"]
    encoded = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if fields.get("key") == "sm2":
        encoded = encoded[:2] + encoded[2:].replace(_P256, _SM2)
        return der.sequence(encoded[2:])
    return bytes(encoded)


def _moment(when: Moment) -> bytes:
    if isinstance(when, bytes):
        return when
    if isinstance(when, int):
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=when)
    return der.time(when if when.tzinfo else when.replace(tzinfo=UTC))


def _name(subject: str | bytes) -> bytes:
    if isinstance(subject, bytes):
        return subject
    return der.name(("2.5.4.3", subject, der.UTF8)) if subject else der.name()


# Extensions


def _extensions(spki: bytes, issuer_key: Any, fields: Fields) -> bytes:
    wanted = {kind: (critical, value) for kind, critical, value in _usual(spki, issuer_key, fields)}
    for extension in fields.get("extensions", ()):
        kind, critical, value = _plain(extension)
        wanted[kind] = (critical, value)
    for kind in fields.get("without", ()):
        wanted.pop(kind, None)
    if not wanted:
        return b""
    twice = tuple(fields.get("twice", ()))
    return der.explicit(3, der.sequence(*(
        der.sequence(der.oid(kind), der.boolean(True) if critical else b"",
                     der.octet_string(value)) * (2 if kind in twice else 1)
        for kind, (critical, value) in wanted.items())))


def _usual(spki: bytes, issuer_key: Any, fields: Fields) -> Iterable[tuple[str, bool, bytes]]:
    yield "2.5.29.14", False, der.octet_string(hashlib.sha1(spki).digest())
    issuer_spki = issuer_key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    yield "2.5.29.35", False, der.sequence(der.tlv(0x80, hashlib.sha1(issuer_spki).digest()))
    if fields.get("ca"):
        yield _plain(x509.BasicConstraints(True, fields.get("path_length")))
    usage = fields.get("key_usage")
    if usage is not None:
        yield _plain(x509.KeyUsage(**{name: name in usage for name in _USAGES}))
    purposes = fields.get("purposes")
    if purposes is not None:
        yield _plain(x509.ExtendedKeyUsage(
            [x509.ObjectIdentifier(_PURPOSES.get(purpose, purpose)) for purpose in purposes]))
    san = fields.get("san")
    if san is not None:
        yield "2.5.29.17", not fields.get("subject"), der.sequence(*map(_general_name, san))
    yield from _pointers(fields)
    if fields.get("must_staple"):
        yield "1.3.6.1.5.5.7.1.24", False, der.sequence(der.integer(5))


_USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
           "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")

_CRITICAL = (x509.BasicConstraints, x509.KeyUsage, x509.NameConstraints)


def _plain(extension: Extension) -> tuple[str, bool, bytes]:
    if isinstance(extension, x509.ExtensionType):
        extension = (extension, isinstance(extension, _CRITICAL))
    if len(extension) == 3:
        return extension
    value, critical = extension
    return value.oid.dotted_string, critical, value.public_bytes()


def _general_name(name: str | bytes) -> bytes:
    if isinstance(name, bytes):
        return name
    try:
        return der.tlv(0x87, ipaddress.ip_address(name).packed)
    except ValueError:
        return der.tlv(0x82, name.encode("idna" if not name.isascii() else "ascii"))


def _pointers(fields: Fields) -> Iterable[tuple[str, bool, bytes]]:
    def url(text: str) -> bytes:
        return der.tlv(0x86, text.encode())

    access = (("1.3.6.1.5.5.7.48.1", fields.get("ocsp_url")),
              ("1.3.6.1.5.5.7.48.2", fields.get("issuer_url")))
    if any(text for _, text in access):
        yield "1.3.6.1.5.5.7.1.1", False, der.sequence(*(
            der.sequence(der.oid(method), url(text)) for method, text in access if text))
    if fields.get("crl_url"):
        yield "2.5.29.31", False, der.sequence(der.sequence(
            der.tlv(0xA0, der.tlv(0xA0, url(fields["crl_url"])))))


# Signatures


def _algorithm(key: Any, fields: Fields) -> bytes:
    """The AlgorithmIdentifier of what _sign makes, unless another is claimed."""
    if "algorithm" in fields:
        return fields["algorithm"]
    digest = fields.get("hash", "sha256")
    if isinstance(key, rsa.RSAPrivateKey):
        if fields.get("pss"):
            return _pss_algorithm(digest)
        return der.sequence(der.oid("1.2.840.113549.1.1." + _PKCS1[digest]), der.tlv(0x05))
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return der.sequence(der.oid("1.2.840.10045.4." + _ECDSA[digest]))
    if isinstance(key, dsa.DSAPrivateKey):
        return der.sequence(der.oid("2.16.840.1.101.3.4.3.2"))
    return der.sequence(der.oid(
        "1.3.101.112" if isinstance(key, ed25519.Ed25519PrivateKey) else "1.3.101.113"))


def _pss_algorithm(digest: str) -> bytes:
    hashed = der.sequence(der.oid(_DIGESTS[digest]), der.tlv(0x05))
    mask = der.sequence(der.oid("1.2.840.113549.1.1.8"), hashed)
    salt = der.integer(hashlib.new(digest).digest_size)
    return der.sequence(der.oid("1.2.840.113549.1.1.10"), der.sequence(
        der.explicit(0, hashed), der.explicit(1, mask), der.explicit(2, salt)))


def _sign(key: Any, tbs: bytes, fields: Fields) -> bytes:
    digest = getattr(hashes, fields.get("hash", "sha256").upper())()
    if isinstance(key, rsa.RSAPrivateKey):
        scheme: Any = padding.PKCS1v15()
        if fields.get("pss"):
            scheme = padding.PSS(padding.MGF1(digest), digest.digest_size)
        return bytes(key.sign(tbs, scheme, digest))
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return bytes(key.sign(tbs, ec.ECDSA(digest)))
    if isinstance(key, dsa.DSAPrivateKey):
        return bytes(key.sign(tbs, hashes.SHA256()))
    return bytes(key.sign(tbs))
