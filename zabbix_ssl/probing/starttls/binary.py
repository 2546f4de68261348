"""Protocols of binary messages: LDAP, PostgreSQL, MySQL, RDP, telnet."""

from __future__ import annotations

from struct import pack, unpack

from .conversation import MAX_LINE, Conversation, Steps, told

# ExtendedRequest with the OID of StartTLS, as message 1.
_LDAP_REQUEST = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
_LDAP_RESULTS = {1: "operationsError", 2: "protocolError", 8: "strongerAuthRequired",
                 13: "confidentialityRequired", 51: "busy", 52: "unavailable",
                 53: "unwillingToPerform", 80: "other"}
_SEQUENCE, _INTEGER, _ENUMERATED, _STRING, _EXTENDED_RESPONSE = 0x30, 0x02, 0x0A, 0x04, 0x78


def ldap(talk: Conversation, host: str) -> Steps[bytes]:
    """RFC 4511 sections 4.12 and 4.14."""
    yield from talk.ask("StartTLS", _LDAP_REQUEST)
    header = yield from talk.peek(2)
    if header[0] != _SEQUENCE:
        raise talk.nonsense(bytes(talk.buffer))
    if header[1] & 0x80:  # Active Directory writes every length in the long form
        header = yield from talk.peek(2 + min(header[1] & 0x7F, 4))
    message = yield from talk.exactly(_ber_end(header, 0)[1])
    try:
        body, _ = _ber(message, 0, _SEQUENCE)
        _, at = _ber(body, 0, _INTEGER)
        response, _ = _ber(body, at, _EXTENDED_RESPONSE)
        code, at = _ber(response, 0, _ENUMERATED)
        _, at = _ber(response, at, _STRING)  # matchedDN
        text, _ = _ber(response, at, _STRING)
    except (IndexError, ValueError):
        raise talk.nonsense(message) from None
    result = int.from_bytes(code, "big")
    if result:
        words = f"{_LDAP_RESULTS.get(result, 'result')} ({result}) {told(text)}"
        # RFC 4511 section 4.14.2: a server without TLS says protocolError.
        raise talk.not_offered(words) if result == 2 else talk.refused(words)
    return b""


def _ber(data: bytes, at: int, tag: int) -> tuple[bytes, int]:
    """The content of the element at ``at``, and where it ends.

    Raises ValueError or IndexError when it is not a whole element of that tag.
    """
    start, end = _ber_end(data, at)
    if data[at] != tag or end > len(data):
        raise ValueError("another element, or a part of one")
    return data[start:end], end


def _ber_end(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at ``at`` starts and ends."""
    length, start = data[at + 1], at + 2
    if length & 0x80:
        count = min(length & 0x7F, 4)
        length, start = int.from_bytes(data[start:start + count], "big"), start + count
    return start, start + length


_SSL_REQUEST = pack(">II", 8, 80877103)


def postgres(talk: Conversation, host: str) -> Steps[bytes]:
    """SSLRequest: PostgreSQL manual, "Message Flow", "SSL Session Encryption"."""
    yield from talk.ask("SSLRequest", _SSL_REQUEST)
    answer = yield from talk.peek(1)
    if answer == b"N":
        raise talk.not_offered()
    if answer == b"E":
        raise talk.refused((yield from _postgres_error(talk)))
    if answer != b"S":
        raise talk.nonsense(bytes(talk.buffer))
    yield from talk.exactly(1)
    return b""


def _postgres_error(talk: Conversation) -> Steps[bytes]:
    """The message of an ErrorResponse; from before protocol 3.0 it is plain text."""
    header = yield from talk.peek(5)
    length = int.from_bytes(header[1:], "big")
    if not 4 < length <= MAX_LINE:
        return bytes(talk.buffer[1:])
    message = yield from talk.peek(1 + length)
    fields = {field[:1]: field[1:] for field in message[5:].split(b"\0")}
    return fields.get(b"M", b"an error without a message")


# CLIENT_LONG_PASSWORD, CLIENT_LONG_FLAG, CLIENT_PROTOCOL_41, CLIENT_SSL, CLIENT_TRANSACTIONS,
# CLIENT_SECURE_CONNECTION, CLIENT_PLUGIN_AUTH; packets of 16 MiB; utf8.
_CLIENT_SSL = 0x800
_MYSQL_REQUEST = pack("<IIIB23x", 32 | 1 << 24, 0x8AA05 | _CLIENT_SSL, 1 << 24, 33)


def mysql(talk: Conversation, host: str) -> Steps[bytes]:
    """Protocol::HandshakeV10 and Protocol::SSLRequest, which has no reply: it is returned."""
    header = yield from talk.peek(4)
    length = int.from_bytes(header[:3], "little")
    if header[3] != 0 or not 1 <= length <= MAX_LINE - 4:
        raise talk.nonsense(bytes(talk.buffer))
    packet = (yield from talk.exactly(4 + length))[4:]
    if packet[0] == 0xFF:
        code, words = int.from_bytes(packet[1:3], "little"), packet[3:]
        if words[:1] == b"#":  # SQL state
            words = words[6:]
        raise talk.refused(f"{code} {told(words)}")
    # version, NUL, thread (4), salt (8), filler (1), capabilities (2)
    at = packet.find(b"\0") + 14
    if packet[0] != 10 or at == 13 or len(packet) < at + 2:
        raise talk.nonsense(packet)
    if not int.from_bytes(packet[at:at + 2], "little") & _CLIENT_SSL:
        raise talk.not_offered()
    return _MYSQL_REQUEST


# RDP_NEG_REQ offers TLS, CredSSP and CredSSP with early authorisation; the last two run in TLS.
_RDP_TLS = (1, 2, 8)
_RDP_REQUEST = b"\x03\x00\x00\x13\x0e\xe0\0\0\0\0\0" + pack("<BBHI", 1, 0, 8, sum(_RDP_TLS))
_RDP_FAILURES = {1: "SSL_REQUIRED_BY_SERVER", 2: "SSL_NOT_ALLOWED_BY_SERVER",
                 3: "SSL_CERT_NOT_ON_SERVER", 4: "INCONSISTENT_FLAGS",
                 5: "HYBRID_REQUIRED_BY_SERVER", 6: "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER"}


def rdp(talk: Conversation, host: str) -> Steps[bytes]:
    """MS-RDPBCGR sections 2.2.1.1 and 2.2.1.2: X.224 connection request in a TPKT."""
    yield from talk.ask("a TLS connection", _RDP_REQUEST)
    header = yield from talk.peek(4)
    length = int.from_bytes(header[2:], "big")
    if header[:2] != b"\x03\0" or not 11 <= length <= MAX_LINE:
        raise talk.nonsense(bytes(talk.buffer))
    confirm = (yield from talk.exactly(length))[4:]
    if confirm[1] & 0xF0 != 0xD0:
        raise talk.nonsense(confirm)
    negotiation = confirm[7:15]
    if not negotiation:
        raise talk.not_offered("it knows RDP's own security only")
    if len(negotiation) < 8:
        raise talk.nonsense(confirm)
    kind, _, _, value = unpack("<BBHI", negotiation)
    if kind == 3:
        raise talk.refused(f"{_RDP_FAILURES.get(value, 'failure')} ({value})")
    if kind != 2 or value not in (0, *_RDP_TLS):
        raise talk.nonsense(confirm)
    if value == 0:
        raise talk.not_offered("it chose RDP's own security")
    return b""


_IAC, _DONT, _DO, _WONT, _WILL, _SB, _SE = 255, 254, 253, 252, 251, 250, 240
_START_TLS, _FOLLOWS = 46, 1
_TELNET_WILL = bytes([_IAC, _WILL, _START_TLS])
_TELNET_FOLLOWS = bytes([_IAC, _SB, _START_TLS, _FOLLOWS, _IAC, _SE])


def telnet(talk: Conversation, host: str) -> Steps[bytes]:
    """draft-altman-telnet-starttls: DO, WILL, FOLLOWS from us, FOLLOWS from the server.

    A server that says something else first is asked with WILL; every other option is turned down.
    """
    offered = agreed = False
    turned_down = set()
    while True:
        yield from talk.more()
        while command := _telnet_command(talk):
            verb, option = command[1], command[2:3]
            if verb == _SB and command[2:4] == _TELNET_FOLLOWS[2:4] and agreed:
                return b""
            if option != _TELNET_WILL[2:]:
                if verb in (_DO, _WILL) and command not in turned_down:
                    turned_down.add(command)
                    talk.reply(bytes([_IAC, _WONT if verb == _DO else _DONT]) + option)
            elif verb == _DO and not agreed:
                talk.asked = "START_TLS"
                talk.reply(_TELNET_FOLLOWS if offered else _TELNET_WILL + _TELNET_FOLLOWS)
                offered = agreed = True
            elif verb == _DONT:
                raise talk.not_offered()
        if not offered and not talk.buffer:  # all that came is whole, and it is something else
            offered, talk.asked = True, "START_TLS"
            talk.reply(_TELNET_WILL)


def _telnet_command(talk: Conversation) -> bytes:
    """Take the next whole command (RFC 854); text is dropped. b"" when there is none yet."""
    buffer = talk.buffer
    at = buffer.find(_IAC)
    del buffer[:at if at >= 0 else len(buffer)]
    if len(buffer) < 2:
        return b""
    if buffer[1] == _SB:
        end = buffer.find(_TELNET_FOLLOWS[-2:], 2) + 2
        if end < 2:
            if len(buffer) > MAX_LINE:
                raise talk.fault(f"sends an option of more than {MAX_LINE} bytes")
            return b""
    else:
        end = 3 if _WILL <= buffer[1] <= _DONT else 2
    if len(buffer) < end:
        return b""
    command = bytes(buffer[:end])
    del buffer[:end]
    return command
