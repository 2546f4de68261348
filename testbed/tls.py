"""TLS servers in Python: pyOpenSSL for the living versions, tlslite-ng for the dead ones.

Both are dialogues for ``serve`` and need nothing but pip.
"""

from __future__ import annotations

import socket
import tempfile
import warnings
from contextlib import suppress

from OpenSSL import SSL
from OpenSSL.crypto import X509

from . import pki
from .serving import Dialogue

_VERSIONS = {"SSLv3": (3, 0), "TLSv1.0": (3, 1), "TLSv1.1": (3, 2), "TLSv1.2": (3, 3),
             "TLSv1.3": (3, 4)}
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def modern(issued: pki.Issued, *, chain: tuple[bytes, ...] | None = None, oldest: str = "TLSv1.2",
           newest: str = "TLSv1.3", ciphers: str = "DEFAULT", staple: bytes = b"",
           client_certificate: bool = False, clients: pki.Authority | None = None) -> Dialogue:
    """A server by pyOpenSSL: ``chain`` (DER, or what a good server sends), versions TLSv1.0 and
    later, ``ciphers`` for those before 1.3. ``client_certificate``: refuses clients without one.
    ``clients``: the root of those that are let in; without it nobody is."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_cipher_list(f"{ciphers}:@SECLEVEL=0".encode())
    context.set_min_proto_version(_number(oldest))
    context.set_max_proto_version(_number(newest))
    context.use_privatekey(issued.key)
    # By a file, because that loads certificates too which the package cryptography cannot read.
    with tempfile.NamedTemporaryFile() as file:
        file.write(pki.pem(*(issued.chain if chain is None else chain)))
        file.flush()
        context.use_certificate_chain_file(file.name)
    if staple:
        context.set_ocsp_server_callback(lambda connection, data: staple)
    if client_certificate:
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT,
                           lambda *verdict: bool(clients and verdict[-1]))
        if clients:
            store = context.get_cert_store()
            assert store
            store.add_cert(X509.from_cryptography(clients.certificate))
        context.set_session_id(b"testbed")

    def dialogue(connection: socket.socket) -> None:
        with suppress(SSL.Error):
            tls = SSL.Connection(context, connection)
            tls.set_accept_state()
            tls.do_handshake()
            if tls.recv(65536):
                tls.sendall(ANSWER)
            tls.shutdown()

    return dialogue


def old(issued: pki.Issued, *, oldest: str = "SSLv3", newest: str = "TLSv1.0",
        ciphers: tuple[str, ...] = ("3des",), exchanges: tuple[str, ...] = ("rsa",)) -> Dialogue:
    """A server by tlslite-ng: ``ciphers`` of rc4, 3des, null, aes128 ..., ``exchanges`` of rsa,
    dhe_rsa, ecdhe_rsa; the key must be RSA."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports asyncore, gone in 3.12
        from tlslite.api import (
            HandshakeSettings,
            TLSConnection,
            TLSError,
            X509CertChain,
            parsePEMKey,
        )

    served = X509CertChain()
    served.parsePemList(issued.pem.decode())
    key = parsePEMKey(issued.key_pem.decode(), private=True)
    settings = HandshakeSettings()
    settings.minVersion, settings.maxVersion = _VERSIONS[oldest], _VERSIONS[newest]
    # tlslite-ng reads the next only where a client sends supported_versions, as modern ones do
    settings.versions = [version for version in settings.versions
                         if settings.minVersion <= version <= settings.maxVersion]
    settings.cipherNames = list(ciphers)
    settings.keyExchangeNames = list(exchanges)
    settings.macNames = ["sha", "md5", "sha256", "aead"]

    def dialogue(connection: socket.socket) -> None:
        with suppress(TLSError):
            tls = TLSConnection(connection)
            tls.handshakeServer(certChain=served, privateKey=key, settings=settings)
            if tls.read(max=65536):
                tls.write(ANSWER)
            tls.close()

    return dialogue


def _number(version: str) -> int:
    major, minor = _VERSIONS[version]
    return major << 8 | minor
