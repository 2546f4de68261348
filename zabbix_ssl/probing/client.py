"""A client's certificate and key, for servers that demand one: files to values.

PEM: the certificate first, then its intermediates; the key in the same file or in one of its own.
PKCS#12 (RFC 7292) holds all of them. What is wrong raises Failed (config) in words for people.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from cryptography import x509
from OpenSSL import SSL

from .network import Failed

_MOST_BYTES = 1 << 20
_PEM = b"-----BEGIN "


class ClientCertificate(NamedTuple):
    """What a context shows of us."""

    certificate: x509.Certificate
    key: Any  # a private key of cryptography
    above: tuple[x509.Certificate, ...]  # intermediates

    def show_in(self, context: SSL.Context) -> None:
        """Have the handshakes of ``context`` answer a server's request."""
        context.use_certificate(self.certificate)
        for one in self.above:
            context.add_extra_chain_cert(one)
        context.use_privatekey(self.key)


def load(cert: str, key: str | None, password: str | None) -> ClientCertificate:
    """The client certificate in the files ``cert`` and ``key``."""
    data = read(cert)
    secret = password.encode() if password else None
    if _PEM in data:
        made = _pem(cert, data, key or cert, read(key) if key else data, secret)
    else:
        made = _pkcs12(cert, data, secret)
    if made.key.public_key() != made.certificate.public_key():
        raise _wrong(key or cert, f"the key does not belong to the certificate in {cert}")
    return made


def read(path: str) -> bytes:
    """A small file, whole."""
    try:
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
            data = file.read(_MOST_BYTES + 1) or b""
    except OSError as error:
        raise _wrong(path, f"cannot be read ({error.strerror})") from None
    if len(data) > _MOST_BYTES:
        raise _wrong(path, "is over 1 MiB")
    return data


def secret(path: str) -> str:
    """The first line of a file that holds a password."""
    try:
        return read(path).split(b"\n", 1)[0].rstrip(b"\r").decode()
    except UnicodeDecodeError:
        raise _wrong(path, "is not UTF-8") from None


def state(*paths: str | None) -> tuple[object, ...]:
    """What changes when one of the files does."""
    found: list[object] = []
    for path in paths:
        try:
            seen = os.stat(path) if path else None
        except OSError:
            seen = None
        found.append(seen and (seen.st_mtime_ns, seen.st_size, seen.st_ino))
    return tuple(found)


def _pem(cert: str, data: bytes, key: str, key_data: bytes, secret: bytes | None
         ) -> ClientCertificate:
    from cryptography.hazmat.primitives import serialization

    try:
        leaf, *above = x509.load_pem_x509_certificates(data)
    except ValueError:
        raise _wrong(cert, "holds no certificate that can be read") from None
    try:
        private = serialization.load_pem_private_key(key_data, secret)
    except TypeError:
        if secret is None:
            raise _wrong(key, "the key is encrypted: give its password with --key-password "
                         "FILE") from None
        private = serialization.load_pem_private_key(key_data, None)
    except ValueError:
        raise _wrong(key, "holds no private key that can be read with this password" if secret else
                     "holds no private key that can be read: name its file with --key") from None
    return ClientCertificate(leaf, private, tuple(above))


def _pkcs12(cert: str, data: bytes, secret: bytes | None) -> ClientCertificate:
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        private, leaf, above = pkcs12.load_key_and_certificates(data, secret)
    except ValueError:
        raise _wrong(cert, "is neither PEM nor a PKCS#12 file that opens with this password"
                     if secret else "is neither PEM nor a PKCS#12 file that opens without a "
                     "password: give it with --key-password FILE") from None
    if private is None or leaf is None:
        raise _wrong(cert, "holds no certificate with its private key")
    return ClientCertificate(leaf, private, tuple(above))


def _wrong(path: str, what: str) -> Failed:
    return Failed("config", f"client certificate or password, {path}: {what}")
