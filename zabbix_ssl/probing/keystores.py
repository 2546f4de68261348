"""The certificates in a file, whatever holds them: PEM, DER, PKCS#7, PKCS#12, JKS; no keys.

No file is believed to be what its name says; its bytes tell. JKS is read here: a header, entries of
aliases, dates and certificates in clear, and a digest keyed by the password (OpenJDK,
sun.security.provider.JavaKeyStore; JCEKS begins with other bytes and is the same up to its secret
keys). Without a password the certificates are there all the same, and the digest is not looked at,
as with keytool.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
from binascii import Error as Base64Error
from binascii import a2b_base64

from ..mistakes import user_name
from ..plain import printable
from . import der
from .network import Failed

MOST_BYTES = 16 << 20
MOST_CERTIFICATES = 1000

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----")
_JKS, _JCEKS = b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce"
_WHITENER = b"Mighty Aphrodite"  # of the digest of a JKS
_KEY, _CERTIFICATE = 1, 2  # kinds of its entries
_SEQUENCE, _INTEGER, _OID, _CONTEXT_0 = 0x30, 0x02, 0x06, 0xA0


def read(path: str, password_file: str | None) -> tuple[bytes, ...]:
    """The certificates (DER) of a file, each once, in its order. Raises Failed (config)."""
    data = _bytes(path)
    try:
        found = tuple(dict.fromkeys(_certificates(data, _password(password_file))))
    except _Odd as error:
        raise _failed(path, str(error)) from None
    if not found:
        raise _failed(path, "holds no certificate: name a file with one")
    if len(found) > MOST_CERTIFICATES:
        raise _failed(path, f"holds over {MOST_CERTIFICATES} certificates: split it")
    return found


class _Odd(Exception):
    """Why a file's bytes cannot be read; the message goes on from its name."""


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _failed(path, "is no regular file: name the file with the certificate")
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise _failed(path, "matches no file: look at the pattern" if set(path) & set("*?[") else
                      "does not exist: look at the path") from None
    except IsADirectoryError:
        raise _failed(path, "is no regular file: name the file with the certificate") from None
    except PermissionError:
        raise _failed(path, f"may not be read by user {user_name()}: allow it with chmod or chgrp, "
                      "or name a file with the certificates alone") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise _failed(path, f"cannot be read ({why})") from None
    if len(data) > MOST_BYTES:
        raise _failed(path, f"is over {MOST_BYTES >> 20} MiB: this is no file of certificates")
    return data


def _password(path: str | None) -> bytes | None:
    """The first line of a file."""
    return None if path is None else _bytes(path).split(b"\n", 1)[0].rstrip(b"\r")


def _certificates(data: bytes, password: bytes | None) -> list[bytes]:
    if data[:4] in (_JKS, _JCEKS):
        return _jks(data, password)
    if b"-----BEGIN " in data:
        return _pem(data)
    if data[:1] != bytes((_SEQUENCE,)):
        raise _Odd("is neither PEM, DER, PKCS#7, PKCS#12 nor JKS: name a file of one of these")
    try:
        first = der.inside(data, _SEQUENCE)[0][0]
    except (der.Malformed, IndexError):
        raise _Odd("is damaged: write it again") from None
    if first == _OID:
        return _pkcs7(data)
    return _pkcs12(data, password) if first == _INTEGER else [data]


def _pem(data: bytes) -> list[bytes]:
    found: list[bytes] = []
    for label, text in _PEM.findall(data):
        if label not in (b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE", b"PKCS7"):
            continue  # a key, parameters, a request
        try:
            encoded = a2b_base64(text)
        except Base64Error:
            raise _Odd("holds a PEM block that is damaged: write it again") from None
        if label == b"PKCS7":
            found += _pkcs7(encoded)
        elif label == b"TRUSTED CERTIFICATE":  # OpenSSL's: what it is trusted for comes after it
            try:
                found.append(encoded[:der.element(encoded, 0, len(encoded))[3]])
            except der.Malformed:
                raise _Odd("holds a PEM block that is damaged: write it again") from None
        else:
            found.append(encoded)
    return found


def _pkcs7(data: bytes) -> list[bytes]:
    """The certificates of SignedData (RFC 2315 section 9.1). Not by the package cryptography: it
    warns of the order in which OpenSSL writes them."""
    try:
        _, content = der.inside(data, _SEQUENCE)
        (signed,) = der.children(data, content[2], content[3])
        for tag, _, start, stop in der.children(data, signed[2], signed[3]):
            if tag == _CONTEXT_0:
                return [data[at:end] for kind, at, _, end in
                        der.children(data, start, stop, MOST_CERTIFICATES + 1)
                        if kind == _SEQUENCE]
    except (der.Malformed, ValueError):
        pass  # not of the shape: told below
    raise _Odd("is PKCS#7 that holds no certificates, or is damaged")


def _pkcs12(data: bytes, password: bytes | None) -> list[bytes]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

    try:
        store = pkcs12.load_pkcs12(data, password)
    except UnsupportedAlgorithm as error:
        raise _Odd(f"is PKCS#12 in a way that cannot be read ({error}): write it anew with AES"
                   ) from None
    except (ValueError, TypeError):
        raise _Odd("is PKCS#12, and does not open with the password in password_file: look at its "
                   "first line" if password else "is PKCS#12, and does not open without a "
                   "password: name a file with it as password_file") from None
    held = ([store.cert] if store.cert else []) + store.additional_certs
    return [one.certificate.public_bytes(Encoding.DER) for one in held]


def _jks(data: bytes, password: bytes | None) -> list[bytes]:
    body, digest = data[:-20], data[-20:]
    if password is not None:
        wide = password.decode("utf-8", "replace").encode("utf-16-be")
        made = hashlib.sha1(wide + _WHITENER + body, usedforsecurity=False).digest()
        if not hmac.compare_digest(made, digest):
            raise _Odd("does not fit the password in password_file, or is damaged: look at its "
                       "first line")
    entries = _Entries(body)
    version, count = entries.number(4, skip=4), entries.number(4)
    if version not in (1, 2):
        raise _Odd(f"is a keystore of Java of version {version}, which is not known")
    found: list[bytes] = []
    for _ in range(count):
        kind = entries.number(4)
        if kind not in (_KEY, _CERTIFICATE):
            raise _Odd("holds a secret key, behind which nothing can be read: write it as PKCS#12")
        entries.block(2)  # alias
        entries.take(8)  # date
        if kind == _KEY:
            entries.block(4)
        for _ in range(entries.number(4) if kind == _KEY else 1):
            if version == 2:
                entries.block(2)  # "X.509"
            found.append(entries.block(4))
            if len(found) > MOST_CERTIFICATES:
                return found
    return found


class _Entries:
    """The fields of a JKS, one after the other: big-endian numbers, and blocks with their length in
    front (java.io.DataOutput)."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise _Odd("is a keystore of Java that ends too early: it was half written")
        taken, self._at = self._data[self._at:end], end
        return taken

    def number(self, length: int, skip: int = 0) -> int:
        self.take(skip)
        return int.from_bytes(self.take(length), "big")

    def block(self, length: int) -> bytes:
        return self.take(self.number(length))


def _failed(path: str, what: str) -> Failed:
    return Failed("config", f"the file {printable(path)} {what}")
