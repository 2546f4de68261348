"""ClientHello bytes out; ServerHello, alert or certificates in. No sockets.

A hand-made hello can ask for what no current TLS library speaks any more (SSLv2, SSLv3, RC4,
EXPORT), and the answer tells in one round trip, without any cryptography.

Rules:

- Reading never raises. What a server sends is a Reply or a Flight, whatever it is.
- None means: more bytes are needed.
- A reader is called with all that has arrived so far, each time it grows. It remembers how far it
  has read, so that a byte at a time costs no more than everything at once. One reader a connection.
- Every length is bounded before it is believed.
- Nothing that a server sent is repeated to people: they get names from the tables below.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from os import urandom
from struct import error as StructError
from struct import pack, unpack_from
from typing import NamedTuple

from .plaintext import describe_plaintext as describe_plaintext
from .records import ALERT, HANDSHAKE, Data, Garbage, Messages
from .suites import SSLV2_KINDS

#: The code of each version in a hello.
VERSION_CODES = {"SSLv3": 0x0300, "TLSv1.0": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303,
                 "TLSv1.3": 0x0304}

_VERSION_NAMES = {code: name for name, code in VERSION_CODES.items()}

_CONTENT_TYPES = range(20, 25)

_MOST_HELLO_BYTES = 64 * 1024
_MOST_REPLY_BYTES = 128 * 1024  # with a record header for each of very few bytes
_MOST_MESSAGE_BYTES = 256 * 1024
_MOST_FLIGHT_BYTES = 1024 * 1024
_MOST_CERTIFICATES = 32


# --- ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2, RFC 6101 section 5.6.1.2)

def _vector(size: int, *codes: int) -> bytes:
    """Two-byte codes behind their length, which takes ``size`` bytes."""
    return (2 * len(codes)).to_bytes(size) + pack(f"!{len(codes)}H", *codes)


def _extension(kind: int, data: bytes) -> bytes:
    return pack("!HH", kind, len(data)) + data


#: Elliptic curves, usual ones in front: x25519, P-256, P-384, P-521, x448, secp256k1, Brainpool
#: (RFC 7027), SM2, P-224, P-192. No ffdhe groups up to TLS 1.2: a server that knows RFC 7919 and
#: has other parameters would then refuse the DHE suites that it accepts from other clients.
_CURVES = (0x1D, 0x17, 0x18, 0x19, 0x1E, 0x16, 0x1A, 0x1B, 0x1C, 0x29, 0x15, 0x13)

#: TLS 1.3: the post-quantum hybrids and ML-KEM alone after the usual curves, Brainpool (RFC 8734),
#: SM2 and the ffdhe groups.
_GROUPS_TLS13 = (0x1D, 0x17, 0x18, 0x19, 0x1E, 0x11EC, 0x11EB, 0x11ED, 0x0200, 0x0201, 0x0202,
                 0x1F, 0x20, 0x21, 0x29, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104)

#: ECDSA, EdDSA, RSA-PSS, RSA PKCS#1, ML-DSA, Brainpool, SM2, then SHA-224, SHA-1 and DSA: a server
#: is to be heard whatever key its certificate has.
_SIGNATURE_ALGORITHMS = (
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B,
    0x0401, 0x0501, 0x0601, 0x0904, 0x0905, 0x0906, 0x081A, 0x081B, 0x081C, 0x0708,
    0x0303, 0x0301, 0x0203, 0x0201, 0x0402, 0x0302, 0x0202)

_EXTENDED_MASTER_SECRET = _extension(23, b"")
_RENEGOTIATION_INFO = _extension(0xFF01, b"\0")
_EC_POINT_FORMATS = _extension(11, b"\1\0")
_SIGNATURES = _extension(13, _vector(2, *_SIGNATURE_ALGORITHMS))
_PSK_MODES = _extension(45, b"\1\1")
_ONLY_TLS13 = _extension(43, b"\2\3\4")
_X25519_SHARE = pack("!HHHHH", 51, 38, 36, 0x1D, 32)  # any 32 bytes that follow are a public key

_RENEGOTIATION_SCSV = 0x00FF  # says in SSLv3, without extensions, what _RENEGOTIATION_INFO does


class _Form(NamedTuple):
    """What two hellos of one version and list of suites have in common."""

    record: bytes  # content type and record version
    version: bytes
    session_id: bytes  # its length
    offer: bytes  # suites and compression methods
    extensions: bytes | None  # all but server name, key share and padding; None: no extensions
    key_share: bytes  # up to the key
    length: int  # of the message with its header, without server name and padding


@lru_cache(maxsize=256)
def _form(version: str, suites: tuple[int, ...], alpn: tuple[str, ...]) -> _Form:
    code = VERSION_CODES[version]
    newest, plain = version == "TLSv1.3", version == "SSLv3"
    codes = (*suites, _RENEGOTIATION_SCSV) if plain else suites
    offer = _vector(2, *codes) + b"\1\0"
    extensions = None if plain else _extensions(version, alpn)
    rest = 0 if extensions is None else 2 + len(extensions) + (42 if newest else 0)
    return _Form(
        record=pack("!BH", HANDSHAKE, 0x0300 if plain else 0x0301),
        version=pack("!H", min(code, 0x0303)),
        session_id=b"\x20" if newest else b"\0",  # RFC 8446 appendix D.4
        offer=offer,
        extensions=extensions,
        key_share=_X25519_SHARE if newest else b"",
        length=4 + 2 + 32 + 1 + (32 if newest else 0) + len(offer) + rest,
    )


def _extensions(version: str, alpn: tuple[str, ...]) -> bytes:
    # An empty extension never stands last: there are servers that fail over it.
    names = b"".join(len(name).to_bytes(1) + name.encode("ascii") for name in alpn)
    protocols = _extension(16, len(names).to_bytes(2) + names) if alpn else b""
    if version == "TLSv1.3":
        return (protocols + _ONLY_TLS13 + _PSK_MODES + _SIGNATURES
                + _extension(10, _vector(2, *_GROUPS_TLS13)))
    signatures = _SIGNATURES if version == "TLSv1.2" else b""
    return (_EXTENDED_MASTER_SECRET + _RENEGOTIATION_INFO + protocols + _EC_POINT_FORMATS
            + signatures + _extension(10, _vector(2, *_CURVES)))


def _server_name(name: str | None) -> bytes:
    """RFC 6066 section 3: a DNS name, never an address."""
    if not name or ":" in name or name.rpartition(".")[2].isdigit():
        return b""
    host = name.encode("ascii")
    if len(host) > 255:
        raise ValueError("a server name is longer than 255 characters")
    return pack("!HHHBH", 0, len(host) + 5, len(host) + 3, 0, len(host)) + host


def _padding(length: int) -> bytes:
    """RFC 7685: some servers hang when a hello has 256 to 511 bytes; some when its length leaves 10
    or 14 after division by 256 (testssl.sh pull request 1113)."""
    if 255 < length < 512:
        return _extension(21, bytes(max(508 - length, 1)))
    return _extension(21, b"\0") if length > 511 and length % 256 in (10, 14) else b""


def tls_client_hello(version: str, suites: tuple[int, ...], server_name: str | None, *,
                     random: bytes | None = None, alpn: tuple[str, ...] = ()) -> bytes:
    """A record with a ClientHello that offers ``version`` as the newest (TLSv1.3: as the only one).

    ``version`` is one of VERSION_CODES, ``suites`` codes in order of preference. ``server_name``
    is a DNS name in ASCII; None, or an IP address, sends none, nor does SSLv3, which has no
    extensions. ``random``: 32 bytes in place of fresh ones. Raises ValueError for a name that is
    not ASCII or too long.
    """
    form = _form(version, suites, alpn)
    noise = urandom(96) if random is None else 3 * random
    if form.extensions is None:
        return b"".join((form.record, form.length.to_bytes(2), b"\1", (form.length - 4).to_bytes(3),
                         form.version, noise[:32], form.session_id, form.offer))
    name = _server_name(server_name)
    length = form.length + len(name)
    padding = _padding(length)
    length += len(padding)
    newest = bool(form.key_share)
    return b"".join((
        form.record, length.to_bytes(2), b"\1", (length - 4).to_bytes(3),
        form.version, noise[:32], form.session_id, noise[32:64] if newest else b"", form.offer,
        (len(form.extensions) + len(name) + len(padding) + (42 if newest else 0)).to_bytes(2),
        name, form.extensions, form.key_share, noise[64:96] if newest else b"", padding))


_SSLV2_OFFER = b"".join(code.to_bytes(3) for code, _ in SSLV2_KINDS)


def sslv2_client_hello() -> bytes:
    """A CLIENT-HELLO of SSLv2 with every cipher kind (draft-hickman-netscape-ssl-00)."""
    body = pack("!BHHHH", 1, 2, len(_SSLV2_OFFER), 0, 16) + _SSLV2_OFFER + urandom(16)
    return pack("!H", 0x8000 | len(body)) + body


# --- ServerHello or alert

class Reply(NamedTuple):
    """What a server answered to a hello.

    ``kind`` is server_hello, hello_retry_request, alert, sslv2_server_hello, sslv2_error, not_tls
    or garbage.
    """

    kind: str
    version: str = ""  # of model.TLS_VERSIONS; "" for one that does not exist
    cipher: int | None = None  # the code of the suite chosen
    alert: str = ""  # its name (RFC 8446 section 6)
    detail: str = ""  # for people: what came; of not_tls, who answered


#: RFC 8446 appendix B.2, with those of older versions.
ALERTS = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed",
    22: "record_overflow", 30: "decompression_failure", 40: "handshake_failure",
    41: "no_certificate", 42: "bad_certificate", 43: "unsupported_certificate",
    44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown",
    47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error",
    51: "decrypt_error", 52: "too_many_cids_requested", 60: "export_restriction",
    70: "protocol_version", 71: "insufficient_security", 80: "internal_error",
    86: "inappropriate_fallback", 90: "user_canceled", 100: "no_renegotiation",
    109: "missing_extension", 110: "unsupported_extension", 111: "certificate_unobtainable",
    112: "unrecognized_name", 113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value", 115: "unknown_psk_identity", 116: "certificate_required",
    117: "general_error", 120: "no_application_protocol", 121: "ech_required",
}

#: The random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3).
_RETRY_RANDOM = bytes.fromhex("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C")


def _may_be_tls(data: Data) -> bool:
    return not data or (data[0] in _CONTENT_TYPES and (len(data) == 1 or data[1] == 3))


def _foreign_reply(data: Data) -> Reply | None:
    """What is not TLS by its first bytes; None while more of them may yet tell what it is."""
    start = bytes(data[:32])
    if 0x20 <= start[0] < 0x7F and b"\n" not in start:
        text = start.isascii() and start.strip().decode().isprintable()
        if len(start) < (32 if text else 8):
            return None
    return Reply("not_tls", detail=describe_plaintext(data))


@lru_cache(maxsize=256)
def _alert_reply(code: int) -> Reply:
    name = ALERTS.get(code) or f"alert_{code}"
    return Reply("alert", alert=name, detail=f"the alert {name}")


class ReplyReader:
    """Reads the answer to a hello of SSLv3 to TLS 1.3, up to its ServerHello or alert."""

    __slots__ = ("_messages",)

    def __init__(self) -> None:
        self._messages = Messages(_MOST_HELLO_BYTES, _MOST_REPLY_BYTES)

    def __call__(self, data: Data) -> Reply | None:
        if len(data) == 7 and data[:2] == b"\x15\x03" and data[3:6] == b"\0\2\2":
            return _alert_reply(data[6])  # one fatal alert: what a good server answers most
        if not _may_be_tls(data):
            return _foreign_reply(data)
        try:
            for event in self._messages.read(data):
                if event.content == ALERT:
                    return _alert_reply(event.kind)
                if event.kind == 2:
                    return _server_hello(event.body)
                if event.kind != 0:  # HelloRequest: ignored (RFC 5246 section 7.4.1.1)
                    raise Garbage("a handshake message in the place of a ServerHello")
        except Garbage as garbage:
            return Reply("garbage", detail=str(garbage))
        return None


def read_reply(data: Data) -> Reply | None:
    """The answer to a hello of SSLv3 to TLS 1.3; None when more bytes are needed."""
    return ReplyReader()(data)


def _server_hello(body: bytes) -> Reply:
    """RFC 8446 section 4.1.3, RFC 5246 section 7.4.1.3."""
    session_id_end = 35 + body[34] if len(body) > 34 else 0
    at = session_id_end + 3
    if not 35 <= session_id_end <= 67 or len(body) < at:
        raise Garbage("a ServerHello with fields that do not fit into it")
    code = _selected_version(body, at) or int.from_bytes(body[:2])
    cipher = int.from_bytes(body[session_id_end:at - 1])
    version = _VERSION_NAMES.get(code, "")
    if not version:
        return Reply("server_hello", "", cipher, detail=f"version 0x{code:04X}, which nobody knows")
    retry = version == "TLSv1.3" and body[2:34] == _RETRY_RANDOM
    kind = "hello_retry_request" if retry else "server_hello"
    return Reply(kind, version, cipher, detail=version)


def _selected_version(body: bytes, at: int) -> int | None:
    """The code in the extension supported_versions (RFC 8446 section 4.2.1), None without it."""
    found, end = None, len(body)
    if at == end:
        return None
    try:
        whole = at + 2 + unpack_from("!H", body, at)[0] == end
        at += 2
        while whole and at < end:
            kind, length = unpack_from("!HH", body, at)
            if kind == 43 and length == 2:
                found = int(unpack_from("!H", body, at + 4)[0])
            at += 4 + length
    except StructError:
        whole = False
    if not whole or at != end:
        raise Garbage("a ServerHello with extensions that do not fit into it")
    return found


# --- SSLv2 (draft-hickman-netscape-ssl-00)

_SSLV2_ERRORS = {1: "no cipher in common", 2: "no certificate", 4: "bad certificate",
                 6: "unsupported certificate type"}


def read_sslv2_reply(data: Data) -> Reply | None:
    """The answer to the CLIENT-HELLO of SSLv2; None when more bytes are needed.

    A SERVER-HELLO is believed as soon as its lengths agree with its record, before certificate and
    ciphers are there. That it offers no cipher makes no difference (CVE-2016-0800, DROWN: such a
    server accepts SSLv2 nevertheless).
    """
    if not data:
        return None
    if data[0] < 0x80:
        return read_reply(data)
    if len(data) < 3:
        return None
    length = (data[0] & 0x7F) << 8 | data[1]
    if data[2] == 0 and length == 3:
        if len(data) < 5:
            return None
        what = _SSLV2_ERRORS.get(data[3] << 8 | data[4], "unknown")
        return Reply("sslv2_error", "SSLv2", detail=f"an SSLv2 error: {what}")
    if data[2] != 4 or length < 11:
        return _foreign_reply(data)
    if len(data) < 13:
        return None
    version, certificate, ciphers, connection = (
        int.from_bytes(data[i:i + 2]) for i in range(5, 13, 2))
    if version != 2 or ciphers % 3 or 11 + certificate + ciphers + connection != length:
        return Reply("garbage", detail="an SSLv2 SERVER-HELLO with fields that do not fit into it")
    return Reply("sslv2_server_hello", "SSLv2", detail=f"SSLv2 and {ciphers // 3} cipher kinds")


# --- the first flight of SSLv3 to TLS 1.2, which is in clear text (RFC 5246 section 7.3)

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
            if not _may_be_tls(data):
                foreign = _foreign_reply(data)
                if foreign is None:
                    return None
                raise Garbage(foreign.detail)
            for event in self._messages.read(data):
                if event.content == ALERT:
                    raise Garbage(_alert_reply(event.kind).detail)
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
    reply = _server_hello(body)
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
