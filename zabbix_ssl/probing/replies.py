"""What a server answers to a hello: ServerHello, alert, something else. No sockets.

Rules of this file and of ``flights``:

- Reading never raises. What a server sends is a Reply or a Flight, whatever it is.
- None means: more bytes are needed.
- A reader is called with all that has arrived so far, each time it grows. It remembers how far it
  has read, so that a byte at a time costs no more than everything at once. One reader a connection.
- Every length is bounded before it is believed.
- Nothing that a server sent is repeated to people: they get names from the tables below.
"""

from __future__ import annotations

from functools import lru_cache
from struct import error as StructError
from struct import unpack_from
from typing import NamedTuple

from .hello import VERSION_CODES
from .plaintext import describe_plaintext
from .records import ALERT, Data, Garbage, Messages

_VERSION_NAMES = {code: name for name, code in VERSION_CODES.items()}

_CONTENT_TYPES = range(20, 25)

_MOST_HELLO_BYTES = 64 * 1024
_MOST_REPLY_BYTES = 128 * 1024  # with a record header for each of very few bytes


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


def may_be_tls(data: Data) -> bool:
    return not data or (data[0] in _CONTENT_TYPES and (len(data) == 1 or data[1] == 3))


def foreign_reply(data: Data) -> Reply | None:
    """What is not TLS by its first bytes; None while more of them may yet tell what it is."""
    start = bytes(data[:32])
    if 0x20 <= start[0] < 0x7F and b"\n" not in start:
        text = start.isascii() and start.strip().decode().isprintable()
        if len(start) < (32 if text else 8):
            return None
    return Reply("not_tls", detail=describe_plaintext(data))


@lru_cache(maxsize=256)
def alert_reply(code: int) -> Reply:
    name = ALERTS.get(code) or f"alert_{code}"
    return Reply("alert", alert=name, detail=f"the alert {name}")


class ReplyReader:
    """Reads the answer to a hello of SSLv3 to TLS 1.3, up to its ServerHello or alert."""

    __slots__ = ("_messages",)

    def __init__(self) -> None:
        self._messages = Messages(_MOST_HELLO_BYTES, _MOST_REPLY_BYTES)

    def __call__(self, data: Data) -> Reply | None:
        if len(data) == 7 and data[:2] == b"\x15\x03" and data[3:6] == b"\0\2\2":
            return alert_reply(data[6])  # one fatal alert: what a good server answers most
        if not may_be_tls(data):
            return foreign_reply(data)
        try:
            for event in self._messages.read(data):
                if event.content == ALERT:
                    return alert_reply(event.kind)
                if event.kind == 2:
                    return read_server_hello(event.body)
                if event.kind != 0:  # HelloRequest: ignored (RFC 5246 section 7.4.1.1)
                    raise Garbage("a handshake message in the place of a ServerHello")
        except Garbage as garbage:
            return Reply("garbage", detail=str(garbage))
        return None


def read_reply(data: Data) -> Reply | None:
    """The answer to a hello of SSLv3 to TLS 1.3; None when more bytes are needed."""
    return ReplyReader()(data)


def read_server_hello(body: bytes) -> Reply:
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
        return foreign_reply(data)
    if len(data) < 13:
        return None
    version, certificate, ciphers, connection = (
        int.from_bytes(data[i:i + 2]) for i in range(5, 13, 2))
    if version != 2 or ciphers % 3 or 11 + certificate + ciphers + connection != length:
        return Reply("garbage", detail="an SSLv2 SERVER-HELLO with fields that do not fit into it")
    return Reply("sslv2_server_hello", "SSLv2", detail=f"SSLv2 and {ciphers // 3} cipher kinds")
