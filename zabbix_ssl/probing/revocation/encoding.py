"""What is common to reading OCSP answers and CRLs through cryptography."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

#: What cryptography raises at what it cannot read; KeyError at a type of string in a name that it
#: does not know.
UNREADABLE = (ValueError, TypeError, OverflowError, KeyError, UnsupportedAlgorithm,
              x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType)


def seconds(moment: datetime | None) -> int:
    """Unix seconds, 0 for no moment."""
    return int(moment.timestamp()) if moment else 0


def wrap(tag: int, *contents: bytes) -> bytes:
    """One DER element around ``contents``."""
    size = sum(map(len, contents))
    if size < 0x80:
        return b"".join((bytes((tag, size)), *contents))
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return b"".join((bytes((tag, 0x80 | len(length))), length, *contents))
