"""The CRLs of --crl-dir: files in PEM or DER, one or several CRLs in each, under any name.

A directory is read once, and again when something in it changed. Files are read and not mapped: who
writes one anew in place must not pull it from under us.
"""

from __future__ import annotations

import binascii
import os
import time
from collections.abc import Iterator
from threading import Lock
from typing import NamedTuple

from ...model import Failure
from .. import names
from ..certificates import decode
from . import crl
from .crl import Crl
from .encoding import UNREADABLE

_MOST_FILES = 10_000
_MOST_ANSWERS = 10_000
_LOOK_EVERY = 2.0  # seconds; more where looking takes long
_PEM_BYTES = crl.CRL_BYTES * 7 // 5  # base64 and line ends
_BEGIN, _END = b"-----BEGIN X509 CRL-----", b"-----END X509 CRL-----"

#: What tells one state of a file from another.
Stamp = tuple[str, int, int, int]


class Listing(NamedTuple):
    """A directory as it was read."""

    stamps: tuple[Stamp, ...]
    issuers: tuple[tuple[str, bytes], ...]  # path, and the issuer (Name, DER) of a CRL in it
    unreadable: tuple[str, ...]  # what could not be read, and why
    looked_at: float  # time.monotonic


class LocalCrls:
    """Directories of CRLs, and what was found in them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._listings: dict[str, Listing] = {}
        self._answers: dict[tuple[str, tuple[bytes, ...]], tuple[Crl, ...] | Failure] = {}

    def known(self, directory: str, signers: tuple[bytes, ...]) -> tuple[Crl, ...] | Failure | None:
        """The answer from before, where nothing in the directory has changed; else None."""
        listing = self._listings.get(directory)
        answer = self._answers.get((directory, signers))
        if listing is None or answer is None:
            return None
        now = time.monotonic()
        if now - listing.looked_at >= _LOOK_EVERY * (1 + len(listing.stamps) // 100):
            if _stamps(directory) != listing.stamps:
                return None
            self._listings[directory] = listing._replace(looked_at=now)
        return answer

    def read(self, directory: str, signers: tuple[bytes, ...]) -> tuple[Crl, ...] | Failure:
        """The CRLs in ``directory`` that one of ``signers`` (certificates, DER) signed. Slow."""
        with self._lock:  # one reads, the others find it read
            try:
                listing = self._listing(directory)
            except OSError as error:
                return Failure("no_local_crl", f"{directory} cannot be read: {error.strerror}")
            if len(self._answers) >= _MOST_ANSWERS:
                self._answers.clear()
            answer = self._answers[directory, signers] = self._signed(listing, signers)
            return answer

    def _listing(self, directory: str) -> Listing:
        stamps = _stamps(directory)
        if not stamps:
            os.listdir(directory)  # tells what is wrong with it, if anything is
        before = self._listings.get(directory)
        if before and before.stamps == stamps:
            return before
        issuers: list[tuple[str, bytes]] = []
        unreadable: list[str] = []
        for name, *_ in stamps:
            path = os.path.join(directory, name)
            try:
                issuers += {(path, crl.read(data)[1].issuer): None for data in _crls(path)}
            except OSError as error:
                unreadable.append(f"{name}: {error.strerror}")
            except UNREADABLE as error:
                unreadable.append(f"{name}: {error}")
        for key in [key for key in self._answers if key[0] == directory]:
            self._answers.pop(key, None)
        listing = Listing(stamps, tuple(issuers), tuple(unreadable), time.monotonic())
        self._listings[directory] = listing
        return listing

    def _signed(self, listing: Listing, signers: tuple[bytes, ...]) -> tuple[Crl, ...] | Failure:
        subjects = [decode(signer).subject for signer in signers]
        found: list[Crl] = []
        failure: Failure | None = None
        for path in dict.fromkeys(path for path, issuer in listing.issuers
                                  if any(names.same(issuer, subject) for subject in subjects)):
            try:
                for data in _crls(path):
                    one = verified(data, signers)
                    if isinstance(one, Crl):
                        found.append(one)
                    elif one.reason != "wrong_issuer" or failure is None:
                        failure = Failure(one.reason, f"{path}: {one.message}")
            except OSError as error:
                failure = Failure("no_local_crl", f"{path}: {error.strerror}")
        if not found and failure is None and listing.unreadable:
            return Failure("no_local_crl", "there is no CRL of its issuer, and these cannot be "
                           "read: " + "; ".join(listing.unreadable[:3]))
        return failure if failure and not found else tuple(found)


def verified(data: bytes, signers: tuple[bytes, ...]) -> Crl | Failure:
    """A CRL, DER, ready to be looked into, or why it is not to be believed."""
    try:
        layout, head = crl.read(data)
        return (crl.unbelieved(data, layout, head, signers)
                or Crl(head, layout, data, crl.make_index(data, layout)))
    except UNREADABLE as error:
        return Failure("malformed", f"the CRL cannot be read: {error}")


def decoded(data: bytes) -> Iterator[bytes]:
    """The CRLs, DER, in a file's contents, PEM or DER. ValueError when there is none."""
    if data[:1] == b"\x30":
        yield data
        return
    at = data.find(_BEGIN)
    if at < 0:
        raise ValueError("no CRL")
    while at >= 0:
        end = data.find(_END, at)
        if end < 0:
            raise ValueError("a CRL without an end")
        yield binascii.a2b_base64(data[at + len(_BEGIN):end])
        at = data.find(_BEGIN, end)


def _crls(path: str) -> list[bytes]:
    with open(path, "rb", opener=_opener) as file:
        data = file.read(_PEM_BYTES + 1)
    if len(data) > _PEM_BYTES:
        raise ValueError("larger than any CRL")
    return list(decoded(data))


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO would wait for a writer


def _stamps(directory: str) -> tuple[Stamp, ...]:
    """The regular files of a directory, without those that are another one under a second name (as
    c_rehash makes them); () when it cannot be read."""
    found: dict[tuple[int, int], tuple[bool, Stamp]] = {}
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                try:
                    state = entry.stat()
                    if entry.is_file() and len(found) < _MOST_FILES:
                        named = entry.is_symlink(), (
                            entry.name, state.st_ino, state.st_mtime_ns, state.st_size)
                        place = (state.st_dev, state.st_ino)
                        found[place] = min(named, found.get(place, named))
                except OSError:
                    continue  # a link to nothing
    except OSError:
        return ()
    return tuple(sorted(stamp for _, stamp in found.values()))
