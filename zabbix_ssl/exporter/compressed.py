"""One gzip file (RFC 1952) out of pieces that were compressed on their own.

Between two scrapes most families of metrics stay as they are. So each is compressed by itself, kept
while it does not change, and only put together again: the pieces are runs of deflate blocks
(RFC 1951) that refer to nothing outside of them, and the checksum of the whole comes from those of
the pieces. Several gzip files one after the other would do as well by the RFC, but curl reads only
the first.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

#: ID1 ID2, deflate, no flags, no time, no extra flags, unknown system.
_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK = b"\x03\x00"  # empty, fixed codes, final
_POLYNOMIAL = 0xEDB88320  # CRC-32, the lowest bit for the highest power
_LEVEL = 1  # the text repeats itself so much that more hardly helps


class Piece(NamedTuple):
    """A part of the text, compressed."""

    data: bytes  # deflate blocks, none of them final, to a whole byte
    crc: int  # of the text
    length: int  # of the text, bytes


def compress(texts: Iterable[bytes]) -> Piece:
    """A piece of these texts, one after the other."""
    compressor = zlib.compressobj(_LEVEL, wbits=-15)
    data, crc, length = [], 0, 0
    for text in texts:
        data.append(compressor.compress(text))
        crc = zlib.crc32(text, crc)
        length += len(text)
    data.append(compressor.flush(zlib.Z_FULL_FLUSH))
    return Piece(b"".join(data), crc, length)


def text_of(piece: Piece) -> bytes:
    """The text of a piece."""
    return zlib.decompressobj(-15).decompress(piece.data)


def gzip_file(pieces: Sequence[Piece]) -> list[bytes]:
    """The file, in parts to be written one after the other."""
    crc, length = 0, 0
    for piece in pieces:
        crc = combine(crc, piece.crc, piece.length)
        length += piece.length
    tail = struct.pack("<II", crc, length & 0xFFFFFFFF)
    return [_HEAD, *(piece.data for piece in pieces), _LAST_BLOCK + tail]


def combine(first: int, second: int, length: int) -> int:
    """The CRC-32 of two texts one after the other, from that of each and the length of the second
    in bytes: the first is shifted by so many zero bits, that is multiplied by x^(8 length)."""
    shift, power, count = 0x80000000, 0x00800000, length  # x^0 and x^8
    while count:
        if count & 1:
            shift = _multiply(power, shift)
        power = _multiply(power, power)
        count >>= 1
    return _multiply(shift, first) ^ second


def _multiply(one: int, other: int) -> int:
    """Two polynomials over GF(2), modulo that of CRC-32."""
    product = 0
    while one:
        if one & 0x80000000:
            product ^= other
        one = one << 1 & 0xFFFFFFFF
        other = other >> 1 ^ _POLYNOMIAL if other & 1 else other >> 1
    return product
