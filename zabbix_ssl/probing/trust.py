"""Trust anchors: the system's, and those of files.

A store is an index from the bytes of a subject to certificates, made by base64 and a few steps of
DER: 140 roots take about a millisecond, and a root is parsed only when a path ends at it. A store
that cannot be had is a value too, with its ``problem``: whom nobody could be asked about is not
untrusted.
"""

from __future__ import annotations

import os
import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterable, Iterator
from stat import S_ISDIR
from typing import NamedTuple

from ..model import Settings
from . import der, names

MOST_BYTES = 16 << 20
MOST_FILES = 2000  # in a directory of anchors

#: Where systems keep the bundle that their TLS clients use; the first that is there counts.
SYSTEM_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Gentoo, Alpine
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # RHEL, Fedora
    "/etc/pki/tls/certs/ca-bundle.crt",  # older RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, FreeBSD, OpenBSD, macOS
    "/usr/local/etc/ssl/cert.pem",  # FreeBSD
    "/usr/local/share/certs/ca-root-nss.crt",  # FreeBSD's ca_root_nss
    "/opt/homebrew/etc/ca-certificates/cert.pem",  # macOS, Homebrew
    "/opt/homebrew/etc/openssl@3/cert.pem",
    "/usr/local/etc/openssl@3/cert.pem",
)
SYSTEM_DIRECTORIES = ("/etc/ssl/certs", "/etc/pki/tls/certs")

_SERVER_AUTH, _ANY_PURPOSE = der.encoded_oid("1.3.6.1.5.5.7.3.1"), der.encoded_oid("2.5.29.37.0")


class Bundle:
    """The anchors of one file or directory."""

    def __init__(self, certificates: Iterable[bytes], system: bool, problem: str = "") -> None:
        self.system = system  # the platform's, not one that somebody named
        self.problem = problem  # why it could not be read, "" when it was
        self._by_subject: dict[bytes, tuple[bytes, ...]] = {}
        self._by_canonical: dict[object, tuple[bytes, ...]] | None = None
        for certificate in certificates:
            subject = _subject(certificate)
            known = self._by_subject.get(subject, ())
            if certificate not in known:
                self._by_subject[subject] = (*known, certificate)

    def __len__(self) -> int:
        return sum(map(len, self._by_subject.values()))

    def named(self, name: bytes) -> tuple[bytes, ...]:
        """Anchors (DER) whose subject is these bytes."""
        return self._by_subject.get(name, ())

    def named_alike(self, name: bytes) -> tuple[bytes, ...]:
        """Anchors (DER) whose subject is the same name, however it is encoded."""
        if self._by_canonical is None:
            self._by_canonical = {}
            for subject, certificates in self._by_subject.items():
                key = _canonical(subject)
                self._by_canonical[key] = (*self._by_canonical.get(key, ()), *certificates)
        return self._by_canonical.get(_canonical(name), ())


class TrustStore(NamedTuple):
    """Trust anchors of one or several origins."""

    bundles: tuple[Bundle, ...]

    @property
    def problem(self) -> str:
        """Why some anchors could not be had, "" when all were."""
        return "; ".join(bundle.problem for bundle in self.bundles if bundle.problem)

    def joined(self, other: TrustStore) -> TrustStore:
        """The anchors of both."""
        return TrustStore(self.bundles + other.bundles)

    def issuers(self, name: bytes, alike: bool = False) -> Iterator[tuple[bytes, bool]]:
        """Anchors (DER) of this subject, and whether each is the system's."""
        for bundle in self.bundles:
            for certificate in bundle.named_alike(name) if alike else bundle.named(name):
                yield certificate, bundle.system

    @property
    def size(self) -> int:
        """How many anchors there are."""
        return sum(map(len, self.bundles))


def trusting(*certificates: bytes, system: bool = False) -> TrustStore:
    """A store of these certificates (DER)."""
    return TrustStore((Bundle(certificates, system),))


def load(path: str | os.PathLike[str]) -> TrustStore:
    """The anchors of a file: PEM (any number, also OpenSSL's TRUSTED CERTIFICATE) or DER (one).

    Raises ValueError that names the file, what is wrong with it and what to do.
    """
    path = os.fspath(path)
    try:
        return _remembered(path, system=False)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}: give a readable file of "
                         "certificates") from None


def of_settings(settings: Settings, ca_file: str | None = None) -> TrustStore:
    """The anchors that a run's settings and a target's own ``ca_file`` ask for. Never raises: what
    cannot be read is told by ``problem``."""
    files = [file for file in (settings.ca_file, ca_file) if file]
    bundles = () if settings.ca_only and files else system_store(
        settings.system_ca_file, settings.system_ca_dir).bundles
    for file in files:
        try:
            bundles += load(file).bundles
        except ValueError as error:
            bundles += (Bundle((), False, str(error)),)
    return TrustStore(bundles)


def system_store(file: str | None = None, directory: str | None = None) -> TrustStore:
    """The system's anchors: of ``file`` and ``directory`` (SSL_CERT_FILE and SSL_CERT_DIR, which
    OpenSSL looks at too) where given, else of the usual places, else of the package certifi.

    Never raises: a store that cannot be had has a ``problem``.
    """
    if file or directory:
        places = [file] if file else []
        places += directory.split(os.pathsep) if directory else []
        return TrustStore(tuple(bundle for place in places for bundle in _system(place).bundles))
    for place in SYSTEM_FILES + SYSTEM_DIRECTORIES:
        store = _system(place)
        if store.size:
            return store
    try:
        from certifi import where
    except ImportError:
        return TrustStore((Bundle((), True, "this system has no trusted root certificates: install "
                                  "its package ca-certificates, or give a file of roots"),))
    return _system(where())


def _system(place: str) -> TrustStore:
    try:
        return _remembered(place, system=True)
    except OSError as error:
        problem = f"the trusted roots in {place} cannot be read: {error.strerror}"
    except ValueError as error:
        problem = str(error)
    return TrustStore((Bundle((), True, problem),))


#: Path and whether it is the system's: what its stat said, and the store.
_stores: dict[tuple[str, bool], tuple[tuple[int, ...], TrustStore]] = {}


def _remembered(path: str, system: bool) -> TrustStore:
    """The store of a path, read again when the file has changed."""
    status = os.stat(path)
    version = (status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev)
    known = _stores.get((path, system))
    if known and known[0] == version:
        return known[1]
    if S_ISDIR(status.st_mode):
        if not system:
            raise ValueError(f"{path}: is a directory: give one file of certificates")
        bundle = Bundle(_of_directory(path), system)
        if not len(bundle):
            bundle.problem = f"{path}: no trusted roots in it: run openssl rehash on it"
    else:
        bundle = Bundle(_of_file(path, lenient=system), system)
    store = TrustStore((bundle,))
    if len(_stores) >= 1000:
        _stores.clear()
    _stores[path, system] = version, store
    return store


_HASH_NAME = re.compile(r"[0-9a-f]{8}\.\d+")


def _of_directory(path: str) -> Iterator[bytes]:
    """The certificates of the files that ``openssl rehash`` has named: OpenSSL reads no others."""
    for name in sorted(filter(_HASH_NAME.fullmatch, os.listdir(path)))[:MOST_FILES]:
        try:
            yield from _of_file(os.path.join(path, name), lenient=True)
        except (OSError, ValueError):
            continue  # one bad file does not spoil the others


def _of_file(path: str, lenient: bool) -> list[bytes]:
    with open(path, "rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"{path}: is larger than {MOST_BYTES >> 20} MiB: give a file of "
                         "certificates")
    if content[:1] == b"\x30":
        return [_checked(content, f"{path}: is neither PEM nor one certificate as DER: convert it "
                         "with openssl x509 or openssl pkcs12")]
    found = []
    blocks = _PEM.findall(content)
    for number, (label, text) in enumerate(blocks, 1):
        try:
            certificate = _anchor(label, text)
        except ValueError:
            if lenient:
                continue
            raise ValueError(f"{path}: certificate {number} of {len(blocks)} is damaged: copy it "
                             "again") from None
        if certificate is not None:
            found.append(certificate)
    if not blocks:
        key = b"PRIVATE KEY-----" in content
        raise ValueError(f"{path}: holds {'a private key and ' if key else ''}no certificate: give "
                         "a file with -----BEGIN CERTIFICATE----- in it")
    return found


_PEM = re.compile(rb"-----BEGIN (TRUSTED |X509 |)CERTIFICATE-----([^-]*)"
                  rb"-----END (?:TRUSTED |X509 |)CERTIFICATE-----")


def _anchor(label: bytes, text: bytes) -> bytes | None:
    """The certificate of a PEM block; None when the block says it is not for TLS servers."""
    try:
        content = a2b_base64(text)
    except Base64Error as error:
        raise ValueError(str(error)) from None
    if label != b"TRUSTED ":
        return _checked(content, "damaged")
    _, start, _, stop = der.element(content, 0, len(content))
    certificate = _checked(content[start:stop], "damaged")
    return certificate if _for_servers(content[stop:]) else None


def _checked(certificate: bytes, otherwise: str) -> bytes:
    try:
        _subject(certificate)
    except der.Malformed:
        raise ValueError(otherwise) from None
    return certificate


def _for_servers(auxiliary: bytes) -> bool:
    """OpenSSL's X509_CERT_AUX: purposes that the certificate is trusted for, and refused for."""
    if not auxiliary:
        return True
    for tag, _, start, stop in der.inside(auxiliary, der.SEQUENCE):
        purposes = {auxiliary[at:end] for kind, _, at, end in der.children(auxiliary, start, stop)
                    if kind == der.OID} if tag in (der.SEQUENCE, 0xA0) else set()
        named = not purposes.isdisjoint((_SERVER_AUTH, _ANY_PURPOSE))
        if (tag == der.SEQUENCE and not named) or (tag == 0xA0 and named):
            return False
    return True


def _subject(certificate: bytes) -> bytes:
    """The subject of a certificate, as its bytes. Raises Malformed."""
    body = der.inside(certificate, der.SEQUENCE)[0]
    parts = der.children(certificate, body[2], body[3], 7)
    try:
        subject = parts[5 if parts[0][0] == 0xA0 else 4]
    except IndexError:
        raise der.Malformed("it has no subject") from None
    return certificate[subject[1]:subject[3]]


def _canonical(name: bytes) -> object:
    try:
        return names.canonical(name)
    except der.Malformed:
        return name
