"""What a CA says of its certificates, and servers that say it: OCSP responders, CRLs, issuers.

    with publish() as site:                                # an HTTP server of this process
        root = Authority("Test Root")
        ledger = Ledger(root)
        leaf = root.leaf("a.example", ocsp_url=site.url("ocsp"), crl_url=site.url("ca.crl"))
        ledger.revoke(leaf, "keyCompromise")
        site.responder("ocsp", ledger)                      # answers by the ledger
        site.file("ca.crl", ledger.crl())
        ...
        site.requests                                       # what was asked, ("POST", "/ocsp") ...

``openssl_responder`` and ``openssl_crl`` say the same by OpenSSL's own programs.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import subprocess
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from zabbix_ssl.probing.revocation.answers import Request
from zabbix_ssl.probing.revocation.path import Answer
from zabbix_ssl.probing.revocation.sources import Sources

from . import der
from .pki import Authority, Issued
from .process import child, program

T = TypeVar("T")

HOUR, DAY = 3600, 86400

Extension = tuple[x509.ExtensionType, bool]  # and whether it is critical


class Revoked(NamedTuple):
    """A line of a ledger. Times are Unix seconds."""

    serial: int
    reason: str  # as RFC 5280 writes it: keyCompromise ...
    at: int
    expires: int
    issuer: x509.Name | None = None  # in an indirect CRL, whose certificate it is


class Ledger:
    """What one CA has revoked, and what it says about that."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.revoked: dict[int, Revoked] = {}
        self.unknown: set[int] = set()  # serial numbers that the responder knows nothing of

    def revoke(self, issued: Issued, reason: str = "unspecified", at: int | None = None,
               issuer: x509.Name | None = None) -> None:
        """Enters a certificate."""
        certificate = issued.certificate
        serial = certificate.serial_number
        self.revoked[serial] = Revoked(serial, reason, int(time.time()) - DAY if at is None else at,
                                       int(certificate.not_valid_after_utc.timestamp()), issuer)

    # CRLs

    def crl(self, *, this_update: int | None = None, next_update: int | None = None,
            extensions: Iterable[Extension] = (), number: int = 1, signer: Authority | None = None,
            hash: hashes.HashAlgorithm | None = None, by_hand: str = "", tampered: bool = False,
            entry_extensions: Iterable[Extension] = ()) -> bytes:
        """A CRL, DER, signed by the CA or by ``signer``; ``by_hand``: a row of SCHEMES."""
        signer = signer or self.authority
        now = int(time.time())
        builder = x509.CertificateRevocationListBuilder(
            signer.certificate.subject, _moment(now - HOUR if this_update is None else this_update),
            _moment(now + DAY if next_update is None else next_update))
        builder = builder.add_extension(x509.CRLNumber(number), False)
        for value, critical in extensions:
            builder = builder.add_extension(value, critical)
        for line in self.revoked.values():
            builder = builder.add_revoked_certificate(_entry(line, entry_extensions))
        made = builder.sign(signer.key, _hash(signer, hash))
        encoded = made.public_bytes(Encoding.DER)
        if by_hand:
            encoded = der.sequence(*_signed(made.tbs_certlist_bytes, signer.key, by_hand))
        return _turned(encoded) if tampered else encoded

    # OCSP

    def answer(self, request: bytes, *, this_update: int | None = None,
               next_update: int | None = 0, signer: Issued | None = None, by_key: bool = False,
               chain: Iterable[Issued] = (), hash: hashes.HashAlgorithm | None = None,
               by_hand: str = "", nonce: bytes | None = None, tampered: bool = False,
               about: Issued | None = None, extensions: Iterable[Extension] = ()) -> bytes:
        """An OCSPResponse, DER, to an OCSPRequest, DER.

        ``next_update``: 0 for in a day, None for none; ``nonce``: that one in place of the one in
        the request; ``about``: another certificate of the CA than the one that was asked for.
        """
        asked = ocsp.load_der_ocsp_request(request)
        serial = about.certificate.serial_number if about else asked.serial_number
        if serial in self.unknown:
            return refuse(ocsp.OCSPResponseStatus.UNAUTHORIZED)
        signer = signer or self.authority
        now = int(time.time())
        line = self.revoked.get(serial)
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            asked.issuer_name_hash, asked.issuer_key_hash, serial, asked.hash_algorithm,
            ocsp.OCSPCertStatus.REVOKED if line else ocsp.OCSPCertStatus.GOOD,
            _moment(now - HOUR if this_update is None else this_update),
            None if next_update is None else _moment(next_update or now + DAY),
            _moment(line.at) if line else None,
            x509.ReasonFlags(line.reason) if line and line.reason != "unspecified" else None)
        builder = builder.responder_id(
            ocsp.OCSPResponderEncoding.HASH if by_key else ocsp.OCSPResponderEncoding.NAME,
            signer.certificate)
        certificates = [issued.certificate for issued in chain]
        if certificates:
            builder = builder.certificates(certificates)
        sent = nonce if nonce is not None else _nonce(asked)
        if sent:
            builder = builder.add_extension(x509.OCSPNonce(sent), False)
        for value, critical in extensions:
            builder = builder.add_extension(value, critical)
        made = builder.sign(signer.key, _hash(signer, hash))
        encoded = made.public_bytes(Encoding.DER)
        if by_hand:
            basic = der.sequence(*_signed(made.tbs_response_bytes, signer.key, by_hand))
            encoded = der.sequence(der.tlv(0x0A, b"\0"), der.explicit(0, der.sequence(
                der.oid("1.3.6.1.5.5.7.48.1.1"), der.octet_string(basic))))
        return _turned(encoded) if tampered else encoded

    def staple(self, leaf: Issued, **fields: Any) -> bytes:
        """An OCSPResponse, DER, about ``leaf``, for its server to staple."""
        request = ocsp.OCSPRequestBuilder().add_certificate(
            leaf.certificate, self.authority.certificate, hashes.SHA1()).build()
        return self.answer(request.public_bytes(Encoding.DER), **fields)

    # For OpenSSL's programs

    def index(self, *known: Issued) -> str:
        """The text of ``index.txt``, with ``known`` as the certificates that are not revoked."""
        lines = [f"R\t{_short(line.expires)}\t{_short(line.at)}{_comma(line.reason)}\t"
                 f"{_hex(line.serial)}\tunknown\t/CN=x\n" for line in self.revoked.values()]
        for issued in known:
            certificate = issued.certificate
            if certificate.serial_number not in self.revoked:
                expires = int(certificate.not_valid_after_utc.timestamp())
                lines.append(f"V\t{_short(expires)}\t\t{_hex(certificate.serial_number)}\tunknown\t"
                             f"/CN=x\n")
        return "".join(lines)


def refuse(status: ocsp.OCSPResponseStatus) -> bytes:
    """An OCSPResponse, DER, that is no success."""
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


def huge_crl(authority: Authority, serials: Iterable[int], revoked: int = 1) -> bytes:
    """A CRL, DER, of hundreds of thousands of entries: made by hand, as builders take minutes."""
    now = datetime.now(UTC)
    rest = der.time(now) + der.sequence(der.sequence(
        der.oid("2.5.29.21"), der.octet_string(der.tlv(0x0A, bytes((revoked,))))))
    entries = b"".join(der.sequence(der.integer(serial), rest) for serial in serials)
    empty = Ledger(authority).crl(next_update=int(time.time()) + 7 * DAY)
    small = x509.load_der_x509_crl(empty).tbs_certlist_bytes
    head = small.rindex(b"\xa0")  # [0] extensions
    begin = 2 if small[1] < 0x80 else 2 + (small[1] & 0x7F)
    body = der.sequence(small[begin:head], der.sequence(entries), small[head:])
    algorithm = der.sequence(der.oid("1.2.840.10045.4.3.2"))
    signature = authority.key.sign(body, ec.ECDSA(hashes.SHA256()))
    return der.sequence(body, algorithm, der.bit_string(signature))


def pem_crl(*crls: bytes) -> bytes:
    """CRLs, DER, as one PEM file."""
    return b"".join(x509.load_der_x509_crl(crl).public_bytes(Encoding.PEM) for crl in crls)


def _signed(body: bytes, key: Any, scheme: str) -> tuple[bytes, bytes, bytes]:
    """What is signed, its AlgorithmIdentifier (in a CRL it stands inside too) and the signature."""
    kind, pad, digest = SCHEMES[scheme]
    algorithm = der.sequence(kind)
    usual = der.sequence(der.oid("1.2.840.113549.1.1.11"), der.tlv(5))
    if usual in body:
        content = body[2 + (body[1] & 0x7F if body[1] > 0x7F else 0):]
        body = der.sequence(content.replace(usual, algorithm, 1))
    return body, algorithm, der.bit_string(key.sign(body, pad, digest))


def _pss(digest: str, salt: int) -> bytes:
    hashed = der.sequence(der.oid(digest), der.tlv(5))
    mask = der.sequence(der.oid("1.2.840.113549.1.1.8"), hashed)
    return der.oid("1.2.840.113549.1.1.10") + der.sequence(
        der.explicit(0, hashed), der.explicit(1, mask), der.explicit(2, der.integer(salt)))


#: Signatures of RSA keys that cryptography makes neither for CRLs nor for OCSP answers: what is in
#: the AlgorithmIdentifier, and how to sign.
SCHEMES: dict[str, tuple[bytes, padding.AsymmetricPadding, hashes.HashAlgorithm]] = {
    "md5": (der.oid("1.2.840.113549.1.1.4") + der.tlv(5), padding.PKCS1v15(), hashes.MD5()),
    "sha1": (der.oid("1.2.840.113549.1.1.5") + der.tlv(5), padding.PKCS1v15(), hashes.SHA1()),
    "pss": (_pss("2.16.840.1.101.3.4.2.1", 32), padding.PSS(padding.MGF1(hashes.SHA256()), 32),
            hashes.SHA256()),
}


def _entry(line: Revoked, extensions: Iterable[Extension]) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder(line.serial, _moment(line.at))
    if line.reason != "unspecified":
        builder = builder.add_extension(x509.CRLReason(x509.ReasonFlags(line.reason)), False)
    if line.issuer:
        builder = builder.add_extension(
            x509.CertificateIssuer([x509.DirectoryName(line.issuer)]), True)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.build()


def _hash(signer: Issued, wanted: hashes.HashAlgorithm | None) -> Any:
    if isinstance(signer.key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return None
    return wanted or hashes.SHA256()


def _nonce(request: ocsp.OCSPRequest) -> bytes:
    return next((e.value.nonce for e in request.extensions
                 if isinstance(e.value, x509.OCSPNonce)), b"")


def _turned(encoded: bytes) -> bytes:
    """A bit of the end turned: of the signature, where nothing follows it."""
    return encoded[:-1] + bytes((encoded[-1] ^ 1,))


def _moment(seconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def _short(seconds: int) -> str:
    return f"{_moment(seconds):%y%m%d%H%M%SZ}"


def _comma(reason: str) -> str:
    return "" if reason == "unspecified" else f",{reason}"


def _hex(serial: int) -> str:
    text = f"{serial:X}"
    return text if len(text) % 2 == 0 else f"0{text}"


# Conversations


def drive(conversation: Generator[Request, Answer, T], sources: Sources,
          seconds: float = 10) -> T:
    """Carries a conversation to its end, one request after the other."""
    deadline = time.monotonic() + seconds
    try:
        request = next(conversation)
        while True:
            answer = sources.known(request, time.time())
            request = conversation.send(
                sources.ask(request, deadline) if answer is None else answer)
    except StopIteration as end:
        value: T = end.value
        return value


# A server of this process


class Served(NamedTuple):
    """What a server answers."""

    body: bytes
    status: int = 200
    fields: tuple[tuple[str, str], ...] = ()


#: Method, path, body and header fields of a request to its answer.
Handler = Callable[[str, str, bytes, Any], Served]


class Site:
    """An HTTP server: files, responders, anything. ``requests``: what was asked of it."""

    def __init__(self, port: int, address: str) -> None:
        self.requests: list[tuple[str, str]] = []
        self._handlers: dict[str, Handler] = {}
        self._lock = Lock()
        self.port = port
        self.address = address

    def url(self, path: str) -> str:
        return f"http://{self.address}:{self.port}/{path}"

    def handle(self, path: str, handler: Handler) -> None:
        """Serves ``path`` and what lies under it."""
        self._handlers[path] = handler

    def file(self, path: str, body: bytes) -> None:
        """Serves ``body``, with an ETag and by its condition."""
        tag = f'"{hash(body):x}"'

        def answer(method: str, path: str, asked: bytes, fields: Any) -> Served:
            if fields.get("If-None-Match") == tag:
                return Served(b"", 304)
            return Served(body, fields=(("ETag", tag),))

        self.handle(path, answer)

    def responder(self, path: str, ledger: Ledger, **fields: Any) -> None:
        """Answers OCSP by ``ledger``, POST and GET; ``fields``: of ``Ledger.answer``."""

        def answer(method: str, path: str, asked: bytes, _: Any) -> Served:
            if method == "GET":
                asked = base64.b64decode(unquote(path.rpartition("/")[2]))
            return Served(ledger.answer(asked, **fields),
                          fields=(("Content-Type", "application/ocsp-response"),))

        self.handle(path, answer)

    def serve(self, method: str, path: str, body: bytes, fields: Any) -> Served:
        with self._lock:
            self.requests.append((method, path))
        name = path.lstrip("/")
        for prefix in sorted(self._handlers, key=len, reverse=True):
            if name == prefix or name.startswith(f"{prefix}/"):
                return self._handlers[prefix](method, path, body, fields)
        return Served(b"not here", 404)


@contextmanager
def publish(address: str = "127.0.0.1", port: int = 0) -> Iterator[Site]:
    """An HTTP server in a thread of this process."""
    server = ThreadingHTTPServer((address, port), _Handler)
    server.daemon_threads = True
    site = Site(server.server_address[1], address)
    server.site = site  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, body: bytes) -> None:
        served = self.server.site.serve(self.command, self.path, body, self.headers)  # type: ignore[attr-defined]
        with contextlib.suppress(OSError):  # the client may have had enough
            self.send_response(served.status)
            for name, value in served.fields:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(served.body)))
            self.end_headers()
            self.wfile.write(served.body)

    def log_message(self, *arguments: Any) -> None:
        pass


# OpenSSL's own


@contextmanager
def openssl_responder(folder: Path, ledger: Ledger, known: Iterable[Issued] = (),
                      signer: Issued | None = None, *options: str) -> Iterator[str]:
    """``openssl ocsp -index`` for the ledger; gives its URL. Raises NotInstalled, DidNotStart."""
    folder = Path(folder)
    signer = signer or ledger.authority
    (folder / "index.txt").write_text(ledger.index(*known))
    (folder / "ca.pem").write_bytes(ledger.authority.certificate_pem)
    (folder / "signer.pem").write_bytes(signer.certificate_pem)
    (folder / "signer.key").write_bytes(signer.key_pem)
    log = folder / f"ocsp-{time.monotonic_ns()}.log"
    log.touch()

    def port() -> re.Match[bytes] | None:
        return re.search(rb"ACCEPT \S*:(\d+)", log.read_bytes())

    argv = [program("openssl"), "ocsp", "-index", str(folder / "index.txt"), "-CA",
            str(folder / "ca.pem"), "-rsigner", str(folder / "signer.pem"), "-rkey",
            str(folder / "signer.key"), "-port", "0", *(options or ("-nmin", "60"))]
    with child(argv, log, ready=lambda: port() is not None):
        found = port()
        assert found is not None
        yield f"http://127.0.0.1:{int(found[1])}"


def openssl_crl(folder: Path, ledger: Ledger, *options: str) -> bytes:
    """The PEM that ``openssl ca -gencrl`` makes of the ledger. Raises NotInstalled."""
    folder = Path(folder)
    (folder / "index.txt").write_text(ledger.index())
    (folder / "crlnumber").write_text("01\n")
    (folder / "ca.pem").write_bytes(ledger.authority.certificate_pem)
    (folder / "ca.key").write_bytes(ledger.authority.key_pem)
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca = this\n[this]\ndatabase = index.txt\ncrlnumber = crlnumber\n"
        "default_md = sha256\ndefault_crl_days = 7\n")
    subprocess.run(
        [program("openssl"), "ca", "-gencrl", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile",
         "ca.key", "-out", "out.crl", *options], cwd=folder, check=True, capture_output=True,
        env={**os.environ, "OPENSSL_CONF": str(folder / "ca.cnf")})
    return (folder / "out.crl").read_bytes()
