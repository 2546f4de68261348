"""ClientHello bytes: RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2, RFC 6101 section 5.6.1.2.

A hand-made hello can ask for what no current TLS library speaks any more (SSLv2, SSLv3, RC4,
EXPORT), and the answer (see ``replies``) tells in one round trip, without any cryptography.
"""

from __future__ import annotations

from functools import lru_cache
from os import urandom
from struct import pack
from typing import NamedTuple

from .records import HANDSHAKE
from .suites import SSLV2_KINDS

#: The code of each version in a hello.
VERSION_CODES = {"SSLv3": 0x0300, "TLSv1.0": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303,
                 "TLSv1.3": 0x0304}


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
