"""The full handshake of a modern client, with verification off: facts, no verdict.

OpenSSL works on memory and not on the socket, so that every byte passes through here and is
counted: left alone with a socket it would read an endless handshake for ever.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from OpenSSL import SSL, crypto

from ..model import Failure, Handshake
from .loop import Steps, clock
from .network import Failed, Stream
from .plaintext import describe_plaintext
from .records import HANDSHAKE
from .suites import iana_name

#: How long a server may take to refuse our certificate, seconds; silence then stands for a yes.
_VERDICT_SECONDS = 1.0

#: What a server may send before the handshake is done; of certificates OpenSSL takes 100 KB.
_MOST_BYTES = 512 * 1024

_VERSIONS = {"SSLv3": "SSLv3", "TLSv1": "TLSv1.0", "TLSv1.1": "TLSv1.1", "TLSv1.2": "TLSv1.2",
             "TLSv1.3": "TLSv1.3"}

_TLS_CONTENT = (0x15, 0x16)  # alert, handshake: what a server may begin with
_APPLICATION_DATA = 0x17
_CERTIFICATE = 11  # a type of handshake messages

_FLIGHT_BYTES = 4096  # that are taken from OpenSSL at once; few flights have more

_LEGACY_SERVER_CONNECT = 0x4  # SSL_OP_LEGACY_SERVER_CONNECT: servers from before RFC 5746

#: How OpenSSL's words begin where they repeat an alert of the server.
_ALERT = re.compile(r"(?:sslv3|tlsv1|tlsv13|ssl/tls)(?: alert)? ")

#: OpenSSL's words for what a person can act on; the rest is told in its own words.
_SAYINGS = {
    "excessive message size": "the server sends more certificates than a client accepts",
    "unsupported protocol": "the server has no protocol version in common with modern clients",
    "wrong version number": "the server answers with a protocol version that no client knows",
}


class Outcome(NamedTuple):
    """How far a handshake came. ``failure`` is None when it was completed."""

    handshake: Handshake
    failure: Failure | None


class _Seen:
    """What is seen during one handshake, beside what OpenSSL keeps."""

    __slots__ = ("certificate_requested", "stapled")

    def __init__(self) -> None:
        self.certificate_requested = False  # and our last flight, with Finished, is made
        self.stapled: bytes | None = None


def _on_staple(connection: SSL.Connection, answer: bytes, _: object) -> bool:
    connection.get_app_data().stapled = answer or None
    return True


def client_context(alpn: tuple[bytes, ...]) -> SSL.Context:
    """What a modern client offers, and what old servers need beside it. One serves many handshakes.

    ``alpn``: application protocols to offer; none but those of the web are known to every server
    that knows ALPN, and one that has nothing in common refuses (RFC 7301 section 3.2).
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    # Level 0 lets weak keys, signatures and TLS 1.0 pass: they are to be seen, not refused.
    context.set_cipher_list(b"DEFAULT:ALL:!aNULL:!eNULL:@SECLEVEL=0")
    # AES-128 first, as browsers ask for it; a choice only for servers that leave it to the client.
    context.set_tls13_ciphersuites(
        b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256")
    context.set_options(SSL.OP_ALL | _LEGACY_SERVER_CONNECT)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    if alpn:
        context.set_alpn_protos(list(alpn))
    context.set_ocsp_client_callback(_on_staple)
    return context


def shake(stream: Stream, context: SSL.Context, server_name: str | None, shows_us: bool = False
          ) -> Steps[Outcome]:
    """The handshake over a connected stream. Raises no Failed: the outcome carries it.

    ``shows_us``: the context has a client certificate; then a server that refuses it is a failure.
    """
    seen = _Seen()
    connection = SSL.Connection(context, None)
    connection.set_app_data(seen)
    connection.set_connect_state()
    connection.request_ocsp()
    if server_name is not None:
        connection.set_tlsext_host_name(server_name.encode())
    failure = None
    started = clock()
    ended = 0.0
    unsent = b""
    try:
        unsent = yield from _converse(stream, connection, seen)
        ended = clock()
        if shows_us and seen.certificate_requested and unsent:
            unsent = yield from _verdict_on_us(stream, connection, unsent)
    except Failed as failed:
        # One that asked for a certificate of ours and then refused us did its whole part: up to
        # TLS 1.2 before the handshake is done, in TLS 1.3 after (RFC 8446 section 4.4.2.4).
        if not seen.certificate_requested:
            failure = failed.failure
        elif shows_us:
            failure = _of_our_certificate(failed)
    took = None if failure else 1000 * ((ended or clock()) - started)
    handshake = _read(connection, seen, stream, took)
    if failure is None:
        _farewell(stream, connection, unsent)
    return Outcome(handshake, failure)


def _converse(stream: Stream, connection: SSL.Connection, seen: _Seen) -> Steps[bytes]:
    """Until the handshake is done for us; what is then still to be sent."""
    received = 0
    while True:
        try:
            connection.do_handshake()
            done = True
        except SSL.WantReadError:
            done = False
        except SSL.Error as error:
            raise _failed(error) from None
        flight = _outgoing(connection)
        if flight and received and _holds_certificate(flight):
            seen.certificate_requested = True
        if done:
            return flight
        yield from stream.send(flight)
        data = yield from stream.receive()
        if not data:
            raise Failed("closed", "the server closed the connection during the handshake"
                         if received else "the server closed the connection without an answer")
        if not received and data[0] not in _TLS_CONTENT:
            raise Failed("not_tls",
                         f"the port is open, but {describe_plaintext(data)} answers, not TLS")
        received += len(data)
        if received > _MOST_BYTES:
            raise Failed("handshake", "the server does not come to an end with its handshake")
        connection.bio_write(data)


def _holds_certificate(flight: bytes) -> bool:
    """Whether a flight of ours, after the hello, holds a Certificate message: a client sends one,
    be it empty, if and only if the server asked for it (RFC 8446 section 4.4.2, RFC 5246 section
    7.4.6), and OpenSSL has no other way to tell that a server did, but callbacks for every step.

    Up to TLS 1.2 it comes first and in clear text. In TLS 1.3 it is encrypted: OpenSSL sends each
    message in a record of its own, and without it there is but one, for Finished.
    """
    if flight[0] == HANDSHAKE:
        return flight[5] == _CERTIFICATE
    at = encrypted = 0
    while at < len(flight):
        encrypted += flight[at] == _APPLICATION_DATA
        at += 5 + int.from_bytes(flight[at + 3:at + 5])
    return encrypted > 1


def _verdict_on_us(stream: Stream, connection: SSL.Connection, flight: bytes) -> Steps[bytes]:
    """In TLS 1.3 a server looks at our certificate only when the handshake is done for us and our
    last flight is sent, and says no by an alert, yes by whatever comes next (mostly a ticket) or by
    silence. Nothing is left to be sent then."""
    task, deadline = stream.task, stream.task.timer
    yield from stream.send(flight)
    task.set_timer(min(deadline, clock() + _VERDICT_SECONDS))
    try:
        data = yield from stream.receive()
        if not data:
            raise Failed("closed", "the server closed the connection")
        connection.bio_write(data)
        connection.recv(1)
    except SSL.WantReadError:
        pass  # a ticket and the like
    except (SSL.ZeroReturnError, SSL.SysCallError):
        raise Failed("closed", "the server closed the connection") from None
    except SSL.Error as error:
        raise _failed(error) from None
    except Failed as failed:
        if failed.failure.reason != "timeout":
            raise
    finally:
        task.set_timer(deadline)
    return b""


def _of_our_certificate(failed: Failed) -> Failure:
    reason, message = failed.failure
    return Failure(reason, f"{message} (after our client certificate: does the server trust who "
                   "issued it?)")


def _outgoing(connection: SSL.Connection) -> bytes:
    flight = b""
    try:
        while len(part := connection.bio_read(_FLIGHT_BYTES)) == _FLIGHT_BYTES:
            flight += part
        return flight + part
    except SSL.WantReadError:
        return flight  # nothing more to say yet


def _read(connection: SSL.Connection, seen: _Seen, stream: Stream, took: float | None) -> Handshake:
    """The facts, which are there as far as the handshake came."""
    served = connection.get_peer_cert_chain() or []
    negotiated = took is not None
    return Handshake(
        address=str(stream.peer[1][0]),
        dns_ms=0.0,
        connect_ms=1000 * (stream.connected_at - stream.started_at),
        handshake_ms=took,
        version=_VERSIONS.get(connection.get_protocol_version_name(), "") if negotiated else "",
        cipher=iana_name(connection.get_cipher_name() or "") if negotiated else "",
        group=(connection.get_group_name() or "") if negotiated else "",
        alpn=connection.get_alpn_proto_negotiated().decode("ascii", "replace"),
        client_certificate_requested=seen.certificate_requested,
        stapled=seen.stapled,
        served=tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, x) for x in served),
    )


def _farewell(stream: Stream, connection: SSL.Connection, unsent: bytes) -> None:
    """Our Finished and a close_notify, so that the server logs no broken handshake."""
    try:
        connection.shutdown()
        stream.send_last(unsent + _outgoing(connection))
    except SSL.Error:
        pass  # a handshake refused for want of a client certificate has nothing left to say


def _failed(error: SSL.Error) -> Failed:
    """The reason in OpenSSL's words, which differ between its versions only in the prefix."""
    records = error.args[0] if error.args and isinstance(error.args[0], list) else []
    words = str(records[-1][2]) if records else ""
    alert = _ALERT.match(words)
    if alert:
        return Failed("alert", f"the server refuses the handshake: {words[alert.end():]}")
    return Failed("handshake", "the handshake failed: "
                  + _SAYINGS.get(words, words or "no reason given"))
