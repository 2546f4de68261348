"""TLS records and the messages in them, cut up or joined (RFC 8446 section 5.1). No sockets.

What is encrypted has no place here: only alerts and handshake messages in clear text are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

Data = bytes | bytearray

ALERT, HANDSHAKE = 21, 22  # content types

_MOST_RECORD_BYTES = 16384 + 2048  # RFC 5246 section 6.2.3


class Garbage(Exception):
    """The server sent what no server may send; the text says what.

    For the readers alone: they turn it into a value.
    """


class Event(NamedTuple):
    """An alert or a whole handshake message."""

    content: int  # ALERT or HANDSHAKE
    kind: int  # the alert's code, or the message's type
    body: bytes  # of a message


#: Warnings that say nothing of what the server will do next. Any other alert ends the connection,
#: whatever level it claims to have.
_REMARKS = (90, 100, 111, 112, 114)  # user_canceled, no_renegotiation, unobtainable, name, status


class Messages:
    """The messages in a growing buffer. Remembers how far it has read.

    ``most_message`` bounds one message, ``most`` everything together, in bytes.
    """

    __slots__ = ("_alert", "_at", "_joined", "_most", "_most_message")

    def __init__(self, most_message: int, most: int) -> None:
        self._most_message = most_message
        self._most = most
        self._at = 0  # where the next record begins
        self._joined = bytearray()  # of a handshake message that is not whole yet
        self._alert = b""

    def read(self, data: Data) -> Iterator[Event]:
        """What has become whole since the last call. Raises Garbage."""
        while True:
            event = self._whole_alert() or self._whole_message()
            if event is not None:
                yield event
            elif not self._take_record(data):
                return

    def _whole_alert(self) -> Event | None:
        while len(self._alert) >= 2:
            level, code = self._alert[:2]
            self._alert = self._alert[2:]
            if level != 1 or code not in _REMARKS:
                return Event(ALERT, code, b"")
        return None

    def _whole_message(self) -> Event | None:
        joined = self._joined
        if len(joined) < 4:
            return None
        end = 4 + int.from_bytes(joined[1:4])
        if end - 4 > self._most_message:
            raise Garbage(f"a handshake message of {end - 4} bytes")
        if len(joined) < end:
            return None
        event = Event(HANDSHAKE, joined[0], bytes(joined[4:end]))
        del joined[:end]
        return event

    def _take_record(self, data: Data) -> bool:
        """Take in the next record; False when it has not arrived whole yet."""
        at = self._at
        if len(data) < at + 5:
            return False
        content, major, length = data[at], data[at + 1], data[at + 3] << 8 | data[at + 4]
        if content not in (ALERT, HANDSHAKE) or major != 3:
            raise Garbage("a record that has no place in a handshake")
        if length > _MOST_RECORD_BYTES:
            raise Garbage(f"a record of {length} bytes, more than TLS allows")
        end = at + 5 + length
        if end > self._most:
            raise Garbage("an answer that does not come to an end")
        if len(data) < end:
            return False
        payload = data[at + 5:end]
        if content == ALERT:
            self._alert += payload
        else:
            self._joined += payload
        self._at = end
        return True
