"""The first flight of SSLv3 to TLS 1.2, which is in clear text (RFC 5246 section 7.3): certificates
of a server that no current TLS library can shake hands with. The rules of ``replies`` hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .records import ALERT, Data, Garbage, Messages
from .replies import alert_reply, foreign_reply, may_be_tls, read_server_hello

_MOST_MESSAGE_BYTES = 256 * 1024
_MOST_FLIGHT_BYTES = 1024 * 1024
_MOST_CERTIFICATES = 32


class Flight(NamedTuple):
    """What a server sent in clear text before the client's turn."""

    version: str = ""  # of model.TLS_VERSIONS
    cipher: int | None = None
    certificates: tuple[bytes, ...] = ()  # DER, as sent
    certificate_requested: bool = False
    done: bool = False  # ServerHelloDone was seen: the flight is whole
    error: str = ""  # what came in place of the rest


class FlightReader:
    """Reads a flight, up to its end or to what makes it worthless."""

    __slots__ = ("_messages", "seen")

    def __init__(self) -> None:
        self._messages = Messages(_MOST_MESSAGE_BYTES, _MOST_FLIGHT_BYTES)
        self.seen = Flight()  #: as far as it came: what there is when a connection breaks off

    def __call__(self, data: Data) -> Flight | None:
        try:
            if not may_be_tls(data):
                foreign = foreign_reply(data)
                if foreign is None:
                    return None
                raise Garbage(foreign.detail)
            for event in self._messages.read(data):
                if event.content == ALERT:
                    raise Garbage(alert_reply(event.kind).detail)
                take = _FLIGHT.get(event.kind)
                if take is None:
                    raise Garbage("a handshake message that has no place here")
                self.seen = take(self.seen, event.body)
                if self.seen.done or self.seen.error:
                    return self.seen
        except Garbage as garbage:
            self.seen = self.seen._replace(error=str(garbage))
            return self.seen
        return None


def read_flight(data: Data) -> Flight | None:
    """The first flight of a server of SSLv3 to TLS 1.2; None when more bytes are needed."""
    return FlightReader()(data)


def _take_server_hello(flight: Flight, body: bytes) -> Flight:
    reply = read_server_hello(body)
    if reply.version == "TLSv1.3" or not reply.version or flight.version:
        raise Garbage(f"{reply.detail}, whose certificates do not come in clear text"
                       if not flight.version else "two ServerHellos")
    return flight._replace(version=reply.version, cipher=reply.cipher)


def _take_certificates(flight: Flight, body: bytes) -> Flight:
    """RFC 5246 section 7.4.2. What comes before a fault in the list is kept."""
    if not flight.version or flight.certificates:
        raise Garbage("certificates out of their place")
    certificates: list[bytes] = []
    error = "" if int.from_bytes(body[:3]) == len(body) - 3 else "a broken list of certificates"
    at = 3
    while at < len(body) and not error:
        end = at + 3 + int.from_bytes(body[at:at + 3])
        if end > len(body) or end == at + 3:
            error = "a broken list of certificates"
        elif len(certificates) == _MOST_CERTIFICATES:
            error = f"more than {_MOST_CERTIFICATES} certificates"
        else:
            certificates.append(body[at + 3:end])
            at = end
    return flight._replace(certificates=tuple(certificates), error=error)


def _pass(flight: Flight, _: bytes) -> Flight:
    return flight


_FLIGHT: dict[int, Callable[[Flight, bytes], Flight]] = {
    0: _pass,  # HelloRequest
    2: _take_server_hello,
    11: _take_certificates,
    12: _pass,  # ServerKeyExchange
    13: lambda flight, _: flight._replace(certificate_requested=True),
    14: lambda flight, _: flight._replace(done=True),
    22: _pass,  # CertificateStatus
    23: _pass,  # SupplementalData
}
