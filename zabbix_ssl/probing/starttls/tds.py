"""TDS, spoken by Microsoft SQL Server: its packets carry the TLS handshake (MS-TDS 2.2.6.5)."""

from __future__ import annotations

from struct import pack, unpack_from

from ...model import Failure
from .conversation import Conversation, Refused, Steps

_PRELOGIN, _RESPONSE = 0x12, 0x04
_LAST = 0x01  # status: the last packet of a message
_PACKET = 4096  # bytes, header included, before login
_HEADER = 8

_ENCRYPTION, _END = 1, 0xFF
_ENCRYPT_ON, _ENCRYPT_NOT_SUPPORTED = 1, 2


def wrap(data: bytes) -> bytes:
    """Bytes of the TLS handshake as PRELOGIN packets."""
    size = _PACKET - _HEADER
    parts = [data[at:at + size] for at in range(0, len(data), size)]
    return b"".join(
        pack(">BBHHBB", _PRELOGIN, _LAST if number == len(parts) else 0, _HEADER + len(part), 0,
             number & 0xFF, 0) + part
        for number, part in enumerate(parts, 1))


class Unwrapper:
    """Takes the packets off the server's half of the TLS handshake.

    Behind the handshake there are none: a byte that starts a TLS record where a packet should start
    ends the wrapping.
    """

    __slots__ = ("_bare", "_buffer", "_left")

    def __init__(self) -> None:
        self._buffer = bytearray()  # the part of a header that is there
        self._left = 0  # bytes of the packet that are to come
        self._bare = False

    def feed(self, data: bytes) -> bytes:
        """Bytes from the connection to bytes of TLS. Raises Refused for what is neither."""
        if self._bare:
            return data
        buffer, tls = self._buffer, bytearray()
        buffer += data
        while buffer:
            if self._left:
                tls += buffer[:self._left]
                taken = min(self._left, len(buffer))
                self._left -= taken
                del buffer[:taken]
            elif 0x14 <= buffer[0] <= 0x17:
                self._bare = True
                tls += buffer
                buffer.clear()
            elif buffer[0] not in (_PRELOGIN, _RESPONSE):
                raise _broken(bytes(buffer))
            elif len(buffer) < _HEADER:
                break
            else:
                length = int.from_bytes(buffer[2:4], "big")
                if length < _HEADER:
                    raise _broken(bytes(buffer))
                self._left = length - _HEADER
                del buffer[:_HEADER]
        return bytes(tls)


def _broken(data: bytes) -> Refused:
    return Refused(Failure("starttls", "the MSSQL server broke off the TLS handshake with bytes "
                           f"that are neither TLS nor TDS: {data[:16].hex(' ')}"))


def _prelogin(*options: bytes) -> bytes:
    """PRELOGIN with the options 0, 1, ... in this order, as FreeTDS sends it."""
    table, start = b"", 5 * len(options) + 1
    for token, option in enumerate(options):
        table += pack(">BHH", token, start, len(option))
        start += len(option)
    return wrap(table + bytes([_END]) + b"".join(options))


# VERSION (of SQL Server 2016), ENCRYPTION, INSTOPT (any instance), THREADID, MARS (no).
_REQUEST = _prelogin(pack(">BBHH", 13, 0, 0, 0), bytes([_ENCRYPT_ON]), b"\0", pack(">I", 1), b"\0")


def mssql(talk: Conversation, host: str) -> Steps[bytes]:
    """MS-TDS section 2.2.6.5. TDS 8.0 speaks TLS from the first byte: starttls "none"."""
    yield from talk.ask("PRELOGIN", _REQUEST)
    answer = yield from _message(talk)
    encryption = _option(answer, _ENCRYPTION)
    if encryption is None:
        raise talk.nonsense(answer)
    if encryption == _ENCRYPT_NOT_SUPPORTED:
        raise talk.not_offered("ENCRYPT_NOT_SUP")
    if encryption > 3:
        raise talk.nonsense(answer)
    return b""


def _message(talk: Conversation) -> Steps[bytes]:
    """The packets of one response, put together."""
    message = b""
    while True:
        header = yield from talk.peek(_HEADER)
        kind, status, length = unpack_from(">BBH", header)
        if kind != _RESPONSE or length < _HEADER:
            raise talk.nonsense(bytes(talk.buffer))
        message += (yield from talk.exactly(length))[_HEADER:]
        if status & _LAST:
            return message


def _option(message: bytes, wanted: int) -> int | None:
    """The first byte of an option of PRELOGIN; None when it is not there."""
    for at in range(0, len(message) - 4, 5):
        token, offset, length = unpack_from(">BHH", message, at)
        if token == _END:
            return None
        if token == wanted:
            return message[offset] if length >= 1 and offset < len(message) else None
    return None
