"""Hellos as others read them, answers of a real OpenSSL, and every way to spoil an answer."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import example, given
from hypothesis import strategies as st
from OpenSSL import SSL

from testbed import faults, pki
from zabbix_ssl.probing import hello, suites
from zabbix_ssl.probing.flights import Flight, FlightReader, read_flight
from zabbix_ssl.probing.replies import Reply, ReplyReader, read_reply, read_sslv2_reply

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # asyncore
    from tlslite.constants import ExtensionType
    from tlslite.messages import ClientHello
    from tlslite.utils.codec import Parser

LEAF = pki.Authority("Root", key="rsa2048").authority("Intermediate", key="rsa2048").leaf(
    "a.example", key="rsa2048")
VERSIONS = ("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
OFFERS = {"SSLv3": suites.OLD, "TLSv1.0": suites.OLD, "TLSv1.1": suites.OLD,
          "TLSv1.2": suites.TLS12, "TLSv1.3": suites.TLS13}
NAMES = st.text("abcdefghijklmnopqrstuvwxyz-.", min_size=1, max_size=255)


def openssl_answer(version: str, *, ciphers: str = "ALL:COMPLEMENTOFALL", sent: bytes = b"",
                   client_certificate: bool = False,
                   curve: ec.EllipticCurve | None = None) -> bytes:
    """What OpenSSL, as a server with ``version`` alone, answers to our hello of that version."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_cipher_list(f"{ciphers}:@SECLEVEL=0".encode())
    context.set_min_proto_version(hello.VERSION_CODES[version])
    context.set_max_proto_version(hello.VERSION_CODES[version])
    context.use_privatekey(LEAF.key)
    context.use_certificate(LEAF.certificate)
    context.add_extra_chain_cert(x509.load_der_x509_certificate(LEAF.chain[1]))
    if client_certificate:
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    if curve is not None:
        context.set_tmp_ecdh(curve)
    server = SSL.Connection(context, None)
    server.set_accept_state()
    server.bio_write(sent or hello.tls_client_hello(version, OFFERS[version], "a.example"))
    with pytest.raises(SSL.Error):  # it waits for us, or has refused
        server.do_handshake()
    answer: bytes = server.bio_read(1 << 20)
    return answer


def parsed(record: bytes) -> ClientHello:
    """Our hello as tlslite-ng reads it."""
    assert struct.unpack("!H", record[3:5])[0] == len(record) - 5
    assert record[5] == 1
    assert int.from_bytes(record[6:9]) == len(record) - 9
    return ClientHello().parse(Parser(bytearray(record[6:])))


# --- hellos

@pytest.mark.parametrize("version", ["SSLv3", *VERSIONS])
def test_another_reads_what_we_offer(version: str) -> None:
    """Version, suites, server name and extensions arrive; only TLS 1.3 has a session id."""
    protocols = ("h2", "http/1.1")
    record = hello.tls_client_hello(version, OFFERS[version], "a.example", alpn=protocols)
    read = parsed(record)
    modern = version == "TLSv1.3"
    assert record[:3] == (b"\x16\x03\x00" if version == "SSLv3" else b"\x16\x03\x01")
    assert read.client_version == divmod(min(hello.VERSION_CODES[version], 0x0303), 256)
    assert len(read.random) == 32
    assert len(read.session_id) == (32 if modern else 0)
    assert read.compression_methods == [0]
    if version == "SSLv3":
        assert read.cipher_suites == [*suites.OLD, 0x00FF]
        assert read.extensions is None
        assert len(record) == 5 + 43 + 2 * len(read.cipher_suites)
        return
    assert read.cipher_suites == list(OFFERS[version])
    assert read.server_name == b"a.example"
    alpn = read.getExtension(ExtensionType.alpn)
    assert alpn.protocol_names == [b"h2", b"http/1.1"]
    kinds = {one.extType for one in read.extensions}
    assert (ExtensionType.renegotiation_info in kinds) is not modern
    assert (ExtensionType.extended_master_secret in kinds) is not modern
    assert (ExtensionType.ec_point_formats in kinds) is not modern
    assert (ExtensionType.signature_algorithms in kinds) is (version in ("TLSv1.2", "TLSv1.3"))
    if modern:
        assert read.getExtension(ExtensionType.supported_versions).versions == [(3, 4)]
        (share,) = read.getExtension(ExtensionType.key_share).client_shares
        assert (share.group, len(share.key_exchange)) == (0x1D, 32)
        assert len({bytes(share.key_exchange), bytes(read.random), bytes(read.session_id)}) == 3


def test_groups_and_signatures_cover_what_servers_have() -> None:
    """x25519, NIST curves and X448 in all; ffdhe and ML-KEM hybrids in TLS 1.3 alone, for a server
    that knows RFC 7919 refuses DHE with its own parameters to a client that names ffdhe groups."""
    for version in ("TLSv1.0", "TLSv1.2", "TLSv1.3"):
        read = parsed(hello.tls_client_hello(version, OFFERS[version], None))
        groups = set(read.getExtension(ExtensionType.supported_groups).groups)
        assert {0x1D, 0x17, 0x18, 0x19, 0x1E} <= groups
        assert ({0x0100, 0x0104, 0x11EC} <= groups) is (version == "TLSv1.3")
        assert any(0x0100 <= group < 0x0200 for group in groups) is (version == "TLSv1.3")
    signatures = {scheme[0] << 8 | scheme[1] for scheme in
                  read.getExtension(ExtensionType.signature_algorithms).sigalgs}
    assert {0x0403, 0x0804, 0x0809, 0x0401, 0x0201, 0x0807, 0x0808, 0x0904, 0x0905,
            0x0906} <= signatures


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "::1", "fe80::1%eth0", "", None])
@pytest.mark.parametrize("version", VERSIONS)
def test_addresses_are_no_server_names(version: str, address: str | None) -> None:
    """RFC 6066 section 3: only DNS names."""
    read = parsed(hello.tls_client_hello(version, OFFERS[version], address))
    assert read.getExtension(ExtensionType.server_name) is None


@pytest.mark.parametrize("name", ["host1", "a.example", "1.2.example", "xn--bcher-kva.example"])
def test_names_with_digits_are_server_names(name: str) -> None:
    """The twin: digits alone make no address."""
    read = parsed(hello.tls_client_hello("TLSv1.2", suites.TLS12, name))
    assert read.server_name == name.encode()


@pytest.mark.parametrize("name", ["bücher.example", "a" * 256])
def test_a_name_that_cannot_be_sent_is_an_error_of_the_caller(name: str) -> None:
    """Names come in ASCII and not longer than DNS allows."""
    with pytest.raises(ValueError, match=r"ascii|longer"):
        hello.tls_client_hello("TLSv1.2", suites.TLS12, name)


@pytest.mark.parametrize("version", VERSIONS)
def test_no_hello_has_a_length_that_some_servers_hang_on(version: str) -> None:
    """Not 256 to 511 bytes (RFC 7685), nor 10 or 14 over a multiple of 256, whatever the name and
    the offer; all lengths beside those occur."""
    lengths = {len(hello.tls_client_hello(version, suites.TLS12[:count], "a" * size)) - 5
               for count in range(1, 117, 6) for size in range(1, 256)}
    assert not lengths & set(range(256, 512))
    assert not {length for length in lengths if length > 511 and length % 256 in (10, 14)}
    assert {512, 521, 523, 524, 525, 527} <= lengths


@given(st.sampled_from(VERSIONS), NAMES, st.integers(1, 120), st.sampled_from([(), ("h2",)]))
def test_a_padded_hello_is_well_formed(version: str, name: str, count: int, alpn: tuple[str, ...]
                                       ) -> None:
    """As another reads it, with whatever padding it got."""
    record = hello.tls_client_hello(version, suites.TLS12[:count], name, alpn=alpn)
    read = parsed(record)
    assert read.server_name == name.encode()
    assert read.extensions[-1].extData  # an empty extension in the last place breaks some
    assert read.cipher_suites == list(suites.TLS12[:count])


@pytest.mark.parametrize("offer", [suites.OLD, suites.weak_at("SSLv3")])
def test_hellos_of_sslv3_are_short_because_they_cannot_be_padded(offer: tuple[int, ...]) -> None:
    """There are no extensions to pad with."""
    assert len(hello.tls_client_hello("SSLv3", offer, "a.example")) - 5 < 256


def test_random_bytes_are_fresh_unless_given() -> None:
    """Two hellos differ; with ``random`` they are the same."""
    def make(random: bytes | None) -> bytes:
        return hello.tls_client_hello("TLSv1.3", suites.TLS13, "a.example", random=random)

    assert make(None) != make(None)
    assert make(b"r" * 32) == make(b"r" * 32)
    assert parsed(make(b"r" * 32)).random == b"r" * 32


def test_another_reads_our_hello_of_sslv2() -> None:
    """tlslite-ng, which takes hellos in that format, sees version 0.2 and all kinds."""
    record = hello.sslv2_client_hello()
    assert struct.unpack("!H", record[:2])[0] == 0x8000 | (len(record) - 2)
    assert record[2] == 1
    read = ClientHello(ssl2=True).parse(Parser(bytearray(record[3:])))
    assert read.client_version == (0, 2)
    assert read.cipher_suites == [code for code, _ in suites.SSLV2_KINDS]
    assert len(read.session_id) == 0
    assert hello.sslv2_client_hello() != record


# --- answers of a real OpenSSL

def without_hybrids(record: bytes) -> bytes:
    """Our hello with GREASE for the groups that OpenSSL 3.5 wants another key share of."""
    hybrids = bytes.fromhex("11ec11eb11ed020002010202")
    assert hybrids in record
    return record.replace(hybrids, bytes.fromhex("0a0a1a1a2a2a3a3a4a4a5a5a"))


ANSWERS = {version: openssl_answer(version) for version in VERSIONS[:3]} | {
    "TLSv1.3": openssl_answer("TLSv1.3", sent=without_hybrids(
        hello.tls_client_hello("TLSv1.3", suites.TLS13, "a.example")))}
REFUSAL = openssl_answer("TLSv1.3", sent=hello.tls_client_hello("TLSv1.1", suites.OLD, None))


def cut(answer: bytes, size: int, version: bytes = b"\3\3") -> bytes:
    """The handshake messages of an answer in records of ``size`` bytes."""
    messages, at = b"", 0
    while at < len(answer) and answer[at] == faults.HANDSHAKE:
        length = int.from_bytes(answer[at + 3:at + 5])
        messages += answer[at + 5:at + 5 + length]
        at += 5 + length
    return b"".join(faults.record(faults.HANDSHAKE, messages[i:i + size], version)
                    for i in range(0, len(messages), size))


@pytest.mark.parametrize("version", VERSIONS)
def test_openssl_accepts_our_hello(version: str) -> None:
    """Each version is answered by a ServerHello with a suite that was offered."""
    reply = read_reply(ANSWERS[version])
    assert reply is not None
    assert reply.kind == "server_hello"
    assert reply.version == version
    assert reply.cipher in OFFERS[version]


def test_openssl_refuses_what_it_does_not_have() -> None:
    """The twin: a server of TLS 1.3 alone has an alert for a hello of TLS 1.1."""
    assert read_reply(REFUSAL) == Reply("alert", "", None, "protocol_version",
                                              "the alert protocol_version")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_a_server_hello_in_pieces_is_joined(version: str, size: int) -> None:
    """However few bytes a record has, and with empty ones between."""
    whole = read_reply(ANSWERS[version])
    pieces = cut(ANSWERS[version], size)
    assert read_reply(pieces) == whole
    assert read_reply(faults.record(faults.HANDSHAKE, b"") * 3 + pieces) == whole


@pytest.mark.parametrize("answer", [*ANSWERS.values(), REFUSAL])
def test_more_bytes_are_wanted_until_there_are_enough(answer: bytes) -> None:
    """Byte by byte and in every truncation there is no reply, then one that stays whatever
    follows."""
    whole = read_reply(answer)
    reader, grown = ReplyReader(), bytearray()
    replies = []
    for byte in answer:
        grown.append(byte)
        replies.append(reader(grown))
        assert read_reply(bytes(grown)) == replies[-1]
        if replies[-1] is not None:
            break
    assert replies == [None] * (len(replies) - 1) + [whole]
    assert read_reply(answer + b"\0HTTP/1.1 garbage" * 50) == whole


@pytest.mark.parametrize(("code", "name"), [(90, "user_canceled"), (112, "unrecognized_name"),
                                            (100, "no_renegotiation")])
def test_a_warning_before_the_server_hello_is_passed_over(code: int, name: str) -> None:
    """As a warning; the same alert is an answer when it is fatal."""
    answer = ANSWERS["TLSv1.2"]
    warning = faults.record(faults.ALERT, bytes((1, code)))
    split = faults.record(faults.ALERT, b"\1") + faults.record(faults.ALERT, bytes((code,)))
    assert read_reply(warning) is None
    assert read_reply(warning * 3 + answer) == read_reply(answer)
    assert read_reply(split + answer) == read_reply(answer)
    both = faults.record(faults.ALERT, bytes((1, code, 2, 40)))
    assert read_reply(both) == read_reply(faults.record(faults.ALERT, b"\2\x28"))
    fatal = read_reply(faults.record(faults.ALERT, bytes((2, code))))
    assert fatal == Reply("alert", alert=name, detail=f"the alert {name}")


@pytest.mark.parametrize(("body", "name"), [
    (b"\2\x28", "handshake_failure"), (b"\1\x28", "handshake_failure"), (b"\1\0", "close_notify"),
    (b"\2\x46", "protocol_version"), (b"\x77\x50", "internal_error"), (b"\2\xee", "alert_238")])
def test_alerts_have_names(body: bytes, name: str) -> None:
    """A refusal is one at any level; a number without a name keeps it."""
    reply = read_reply(faults.record(faults.ALERT, body))
    assert reply is not None
    assert (reply.kind, reply.alert) == ("alert", name)


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1()])
def test_openssl_asks_for_another_key_share(curve: ec.EllipticCurve) -> None:
    """A server that does not have x25519 is heard nevertheless."""
    reply = read_reply(openssl_answer("TLSv1.3", curve=curve))
    assert reply is not None
    assert (reply.kind, reply.version) == ("hello_retry_request", "TLSv1.3")
    assert reply.cipher in suites.TLS13


def test_a_retry_request_is_one_in_tls13_alone() -> None:
    """The twin: the same random in a ServerHello of TLS 1.2 is chance."""
    retry, old = openssl_answer("TLSv1.3", curve=ec.SECP384R1()), ANSWERS["TLSv1.2"]
    assert read_reply(old[:11] + retry[11:43] + old[43:]) == read_reply(old)


@pytest.mark.parametrize("code", [0x0000, 0x0002, 0x0101, 0x0305, 0x7F1C, 0xFFFF])
def test_a_version_that_does_not_exist_has_no_name(code: int) -> None:
    """In the old place, and in the extension that counts from TLS 1.3 on."""
    old = ANSWERS["TLSv1.2"]
    reply = read_reply(old[:9] + code.to_bytes(2) + old[11:])
    assert reply is not None
    assert (reply.kind, reply.version) == ("server_hello", "")
    assert f"0x{code:04X}" in reply.detail
    at = ANSWERS["TLSv1.3"].index(b"\0\x2b\0\2\3\4")
    new = ANSWERS["TLSv1.3"]
    if code:
        spoilt = read_reply(new[:at + 4] + code.to_bytes(2) + new[at + 6:])
        assert spoilt is not None
        assert (spoilt.kind, spoilt.version) == ("server_hello", "")


@pytest.mark.parametrize(("data", "detail"), [
    (b"\x16\3\3\x48\1", "a record of 18433 bytes, more than TLS allows"),
    (faults.record(22, b"\2\1\0\1"), "a handshake message of 65537 bytes"),
    (faults.record(22, faults.message(11, b"\0\0\0")),
     "a handshake message in the place of a ServerHello"),
    (faults.record(22, faults.message(2, b"\3\3")),
     "a ServerHello with fields that do not fit into it"),
    (faults.record(22, faults.message(2, b"\3\3" + b"r" * 32 + b"\x21" + b"i" * 50)),
     "a ServerHello with fields that do not fit into it"),
    (faults.record(22, faults.message(2, b"\3\3" + b"r" * 32 + b"\0\0\5")),
     "a ServerHello with fields that do not fit into it"),
    (faults.record(22, faults.message(2, b"\3\3" + b"r" * 32 + b"\0\0\5\0\0\7ext")),
     "a ServerHello with extensions that do not fit into it"),
    (faults.record(22, faults.message(2, b"\3\3" + b"r" * 32 + b"\0\0\5\0\0\x08\0\5\0\0")),
     "a ServerHello with extensions that do not fit into it"),
    (faults.record(22, faults.message(2, b"\3\3" + b"r" * 32 + b"\0\0\5\0\0\4\0\5\0\2")),
     "a ServerHello with extensions that do not fit into it"),
    (faults.record(22, faults.message(2, b"\3\3" + b"r" * 32 + b"\0\0\5\0\0\4\0\x2b\0\2")),
     "a ServerHello with extensions that do not fit into it"),
    (faults.record(20, b"\1"), "a record that has no place in a handshake"),
    (faults.record(23, b"data"), "a record that has no place in a handshake"),
    (b"\x16\3\3\0\1\2" + b"\x16\2\3\0\1\2",
     "a record that has no place in a handshake"),
    (faults.record(22, b"\0\0\0\0" * 4000) * 20, "an answer that does not come to an end"),
    (faults.record(21, b"\1\x5a" * 4000) * 20, "an answer that does not come to an end"),
])
def test_what_no_server_may_send_is_garbage(data: bytes, detail: str) -> None:
    """Each bound holds, and says which one it was."""
    assert read_reply(data) == Reply("garbage", detail=detail)


def test_a_version_of_the_wrong_size_does_not_count() -> None:
    """The extension supported_versions of a ServerHello has two bytes."""
    start = b"\3\3" + b"r" * 32 + b"\0\0\5\0"
    right = faults.message(2, start + b"\0\6\0\x2b\0\2\3\4")
    wrong = faults.message(2, start + b"\0\7\0\x2b\0\3\3\4\0")
    assert read_reply(faults.records(right)) == Reply(
        "server_hello", "TLSv1.3", 5, detail="TLSv1.3")
    assert read_reply(faults.records(wrong)) == Reply(
        "server_hello", "TLSv1.2", 5, detail="TLSv1.2")


def test_a_server_hello_of_the_longest_length_is_read() -> None:
    """The twin of the bound on messages: 64 KiB with a padding of extensions."""
    filler = b"\xfa\xfa" + struct.pack("!H", 65536 - 38 - 2 - 4) + bytes(65536 - 44)
    body = b"\3\3" + b"r" * 32 + b"\0\0\5\0" + struct.pack("!H", len(filler)) + filler
    assert len(body) == 65536
    reply = read_reply(faults.records(faults.message(2, body)))
    assert reply == Reply("server_hello", "TLSv1.2", 5, detail="TLSv1.2")


# --- SSLv2

def sslv2_hello(certificate: int = 300, ciphers: int = 6, connection: int = 16, *,
                version: int = 2, more: int = 0) -> bytes:
    body = b"\4\0\1" + struct.pack("!HHHH", version, certificate, ciphers, connection)
    body += bytes(certificate + ciphers + connection)
    return struct.pack("!H", 0x8000 | (len(body) + more)) + body


@pytest.mark.parametrize("answer", [
    sslv2_hello(), sslv2_hello(ciphers=0), sslv2_hello(certificate=0, ciphers=0),
    sslv2_hello(20000), sslv2_hello(0, 0, 0)])
def test_an_sslv2_server_hello_is_known_by_its_beginning(answer: bytes) -> None:
    """With ciphers or, as in DROWN, without; from 13 bytes on, as the lengths agree."""
    reply = read_sslv2_reply(answer)
    assert reply is not None
    assert (reply.kind, reply.version, reply.cipher) == ("sslv2_server_hello", "SSLv2", None)
    for length in range(len(answer)):
        early = read_sslv2_reply(answer[:length])
        assert early == (reply if length >= 13 else None)
        if length > 40:
            break
    assert read_sslv2_reply(answer + b"more") == reply


@pytest.mark.parametrize("answer", [
    sslv2_hello(version=0x0301), sslv2_hello(ciphers=5), sslv2_hello(more=1), sslv2_hello(more=-1)])
def test_an_sslv2_server_hello_that_contradicts_itself_is_garbage(answer: bytes) -> None:
    """The twin: one length or the version is off."""
    assert read_sslv2_reply(answer) == Reply(
        "garbage", detail="an SSLv2 SERVER-HELLO with fields that do not fit into it")


@pytest.mark.parametrize(("code", "what"), [(1, "no cipher in common"), (9, "unknown")])
def test_an_sslv2_error_is_told(code: int, what: str) -> None:
    """Three bytes in a record; fewer want more."""
    answer = b"\x80\3\0" + code.to_bytes(2)
    assert read_sslv2_reply(answer) == Reply(
        "sslv2_error", "SSLv2", detail=f"an SSLv2 error: {what}")
    assert [read_sslv2_reply(answer[:i]) for i in range(5)] == [None] * 5


def test_a_server_answers_an_sslv2_hello_in_its_own_way() -> None:
    """With an alert, or a ServerHello, of TLS; other bytes above 127 are not SSLv2."""
    for answer in (REFUSAL, ANSWERS["TLSv1.0"]):
        assert read_sslv2_reply(answer) == read_reply(answer)
        assert read_sslv2_reply(answer[:6]) is None
    assert read_sslv2_reply(b"\xff\xfd\x18\xff\xfd\x20") == Reply(
        "not_tls", detail="a telnet server")
    for other in (b"\x80\3\7", b"\x80\4\0\0\1\0", b"\x80\x0a\4"):
        assert read_sslv2_reply(other) == Reply(
            "not_tls", detail="something that is not TLS")


# --- flights

@pytest.mark.parametrize("version", VERSIONS[:3])
@pytest.mark.parametrize("ciphers", ["ECDHE", "DHE:kRSA", "NULL"])
@pytest.mark.parametrize("client_certificate", [False, True])
def test_a_flight_of_openssl_is_read(version: str, ciphers: str, client_certificate: bool) -> None:
    """Version, suite, both certificates, and whether one is wanted of us."""
    sent = hello.tls_client_hello(version, OFFERS[version], "a.example")
    answer = openssl_answer(version, ciphers=ciphers, sent=sent,
                            client_certificate=client_certificate)
    flight = read_flight(answer)
    reply = read_reply(answer)
    assert reply is not None
    assert flight == Flight(version, reply.cipher, LEAF.chain, client_certificate, True)
    assert read_flight(answer[:-1]) is None
    assert read_flight(cut(answer, 5)) == flight
    assert read_flight(answer + b"more") == flight


def test_a_flight_is_read_byte_by_byte() -> None:
    """What came so far is there when the connection breaks off."""
    answer = ANSWERS["TLSv1.2"]
    reader, grown = FlightReader(), bytearray()
    seen = [reader.seen]
    for byte in answer:
        grown.append(byte)
        flight = reader(grown)
        if reader.seen != seen[-1]:
            seen.append(reader.seen)
        assert (flight is None) is (len(grown) < len(answer))
    assert flight == seen[-1] == read_flight(answer)
    assert [bool(one.certificates) for one in seen[1:]] == [False, True, True]


def test_there_is_no_flight_in_tls13() -> None:
    """Its certificates are encrypted."""
    flight = read_flight(ANSWERS["TLSv1.3"])
    assert flight is not None
    assert (flight.certificates, flight.done) == ((), False)
    assert "do not come in clear text" in flight.error


def certificate_list(*certificates: bytes, more: int = 0) -> bytes:
    entries = b"".join(len(one).to_bytes(3) + one for one in certificates)
    return faults.message(11, (len(entries) + more).to_bytes(3) + entries)


@pytest.mark.parametrize(("messages", "error", "kept"), [
    (certificate_list(*[b"der"] * 33), "more than 32 certificates", 32),
    (certificate_list(b"der", b""), "a broken list of certificates", 1),
    (certificate_list(b"der", more=1), "a broken list of certificates", 0),
    (faults.message(11, b"\0\0\7\0\0\1d\0\0\1"), "a broken list of certificates", 1),
    (faults.message(11, b""), "a broken list of certificates", 0),
    (certificate_list(b"one") + certificate_list(b"two"), "certificates out of their place", 1),
    (faults.server_hello(), "two ServerHellos", 0),
    (faults.message(20, b"finished"), "a handshake message that has no place here", 0),
    (certificate_list(bytes(262138)), "a handshake message of 262144 bytes", 0),
])
def test_a_flight_that_goes_wrong_keeps_what_was_right(messages: bytes, error: str, kept: int
                                                       ) -> None:
    """Certificates before the fault are there, with the fault beside them."""
    flight = read_flight(faults.records(faults.server_hello() + messages))
    if error.endswith("bytes"):  # the longest message that is read
        assert flight is None
        messages = certificate_list(bytes(262139))
        flight = read_flight(faults.records(faults.server_hello() + messages))
        error = "a handshake message of 262145 bytes"
    assert flight == Flight("TLSv1.2", 0xC02F, flight.certificates if flight else (), error=error)
    assert len(flight.certificates) == kept


@pytest.mark.parametrize(("answer", "error"), [
    (faults.record(21, b"\2\x28"), "the alert handshake_failure"),
    (b"HTTP/1.1 400 Bad Request\r\n", "an HTTP server"),
    (faults.records(certificate_list(b"der")), "certificates out of their place"),
    (faults.record(23, b"x"), "a record that has no place in a handshake"),
    (faults.record(22, b"\0\0\0\0" * 4000) * 70, "an answer that does not come to an end"),
])
def test_no_flight_at_all(answer: bytes, error: str) -> None:
    """What came in its place."""
    assert read_flight(answer) == Flight(error=error)


class Counted(bytearray):
    """A buffer that counts how often it is looked into."""

    looks = 0

    def __getitem__(self, key):  # type: ignore[no-untyped-def]
        self.looks += 1
        return super().__getitem__(key)


@pytest.mark.parametrize("make", [ReplyReader, FlightReader])
def test_a_byte_at_a_time_is_not_read_over_and_over(
        make: Callable[[], Callable[[bytearray], Reply | Flight | None]]) -> None:
    """The looks into the buffer grow with its length, not with its square."""
    reader, buffer = make(), Counted()
    for byte in cut(faults.records(faults.message(2, bytes(2000))), 1)[:12000]:
        buffer.append(byte)
        assert reader(buffer) is None
    assert 0 < buffer.looks < 10 * len(buffer)


# --- every way to spoil an answer

REAL = [*ANSWERS.values(), REFUSAL, cut(ANSWERS["TLSv1.0"], 3), sslv2_hello(),
        openssl_answer("TLSv1.2", client_certificate=True), b"HTTP/1.1 400 Bad Request\r\n"]


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A real answer with bytes replaced, cut out, doubled and put in, mostly at the front."""
    data = bytearray(draw(st.sampled_from(REAL)))
    for _ in range(draw(st.integers(0, 6))):
        near = draw(st.sampled_from((16, 80, len(data))))
        at = draw(st.integers(0, max(0, min(near, len(data)) - 1)))
        kind = draw(st.integers(0, 3))
        if kind == 0 and data:
            data[at] = draw(st.sampled_from((0, 1, 2, 3, 0x15, 0x16, 0x7F, 0x80, 0xFF)) |
                            st.integers(0, 255))
        elif kind == 1:
            del data[at:at + draw(st.integers(1, 40))]
        elif kind == 2:
            data[at:at] = data[at:at + draw(st.integers(1, 40))]
        else:
            data[at:at] = draw(st.binary(max_size=20))
    return bytes(data)


def check(reply: Reply | None) -> None:
    if reply is None:
        return
    assert reply.kind in ("server_hello", "hello_retry_request", "alert", "sslv2_server_hello",
                          "sslv2_error", "not_tls", "garbage")
    assert reply.version in ("", "SSLv2", *hello.VERSION_CODES)
    assert bool(reply.alert) is (reply.kind == "alert")
    assert (reply.cipher is not None) is (reply.kind in ("server_hello", "hello_retry_request"))
    assert reply.detail
    assert reply.detail.isascii() and reply.detail.isprintable()


@given(spoilt() | st.binary(max_size=300))
@example(b"")
@example(b"\x80\x80\x04")
@example(b"\x16\x03\x01\x00\x00")
def test_any_answer_is_read_without_an_exception(data: bytes) -> None:
    """Whole, in every truncation, and byte by byte with the same end as whole."""
    check(read_reply(data))
    check(read_sslv2_reply(data))
    reader, flight_reader = ReplyReader(), FlightReader()
    reply: Reply | None = None
    flight: Flight | None = None
    grown = bytearray()
    for byte in data[:400]:
        grown.append(byte)
        check(read_sslv2_reply(grown))
        if reply is None:
            reply = reader(grown)
            check(reply)
        if flight is None:
            flight = flight_reader(grown)
    short = bytes(grown)
    whole = read_reply(short)
    assert (reply and reply.kind) == (whole and whole.kind)
    if whole is not None and whole.kind != "not_tls":  # text is named by as much as has come
        assert reply == whole
        assert flight == read_flight(short)


@given(spoilt(), st.lists(st.integers(1, 4000), max_size=8))
def test_a_flight_does_not_depend_on_how_it_arrives(data: bytes, cuts: list[int]) -> None:
    """In any pieces the end is that of the whole; certificates are bounded and never empty."""
    whole = read_flight(data)
    reader, flight = FlightReader(), None
    for end in [*sorted(cuts), len(data)]:
        if flight is None:
            flight = reader(data[:end])
    if whole is None or "server" not in whole.error:
        assert flight == whole
    if whole is not None:
        assert len(whole.certificates) <= 32 and all(whole.certificates)
        assert bool(whole.error) is not whole.done
