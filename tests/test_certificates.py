"""Facts of certificates, however odd: all of them, or a plain Unreadable, and nothing else."""

from __future__ import annotations

from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed import der
from testbed.pki import DAY, Authority, Fields, self_signed
from zabbix_ssl.probing import names
from zabbix_ssl.probing.certificates import MOST_NAMES, Unreadable, decode, read
from zabbix_ssl.probing.remember import remembered

ROOT = Authority("Test Root")
CA = ROOT.authority("Test Intermediate", path_length=0)
RSA = Authority("RSA Root", key="rsa2048")
NOON = 1_800_000_000


def leaf(*hosts: str, **fields: object) -> bytes:
    return CA.leaf(*(hosts or ("a.example",)), **fields).der  # type: ignore[arg-type]


def test_an_ordinary_leaf_gives_its_facts() -> None:
    """Every fact of a good certificate, as it was put in."""
    made = CA.leaf("a.example", "*.b.example", "192.0.2.1", "2001:DB8::1", not_before=NOON,
                   not_after=NOON + 90 * DAY, serial=0x0ABC, ocsp_url="http://ocsp.example/",
                   crl_url="http://crl.example/ca.crl", issuer_url="http://ca.example/ca.crt",
                   must_staple=True)
    facts = read(made.der)
    assert facts.der == made.der
    assert (facts.subject, facts.issuer) == ("CN=a.example", "CN=Test Intermediate")
    assert facts.serial == "0ABC"
    assert (facts.not_before, facts.not_after) == (NOON, NOON + 90 * DAY)
    assert facts.san == ("a.example", "*.b.example", "192.0.2.1", "2001:db8::1")
    assert facts.dns_names == ("a.example", "*.b.example")
    assert facts.ip_addresses == ("192.0.2.1", "2001:db8::1")
    assert (facts.key_type, facts.key_bits, facts.weak_key) == ("EC", 256, "")
    assert (facts.signature_algorithm, facts.weak_signature) == ("ecdsa-with-SHA256", "")
    assert not (facts.self_issued or facts.self_signed or facts.is_ca)
    assert facts.must_staple
    assert facts.ocsp_urls == ("http://ocsp.example/",)
    assert facts.crl_urls == ("http://crl.example/ca.crl",)
    assert facts.issuer_urls == ("http://ca.example/ca.crt",)
    assert decode(made.der).malformed == ()


def test_what_a_certificate_does_not_say_is_not_made_up() -> None:
    """The twin: no pointers, no must-staple, no CA where the certificate has none."""
    facts = read(leaf(san=None))
    assert facts.san == facts.dns_names == facts.ip_addresses == ()
    assert facts.ocsp_urls == facts.crl_urls == facts.issuer_urls == ()
    assert not facts.must_staple


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_facts_agree_with_the_package_cryptography() -> None:
    """On Mozilla's roots: the same names, dates, serials and fingerprints."""
    peers = x509.load_pem_x509_certificates(Path(certifi.where()).read_bytes())
    assert len(peers) > 50
    for peer in peers:
        encoded = peer.public_bytes(Encoding.DER)
        facts = read(encoded)
        short = {"organizationIdentifier": "2.5.4.97", "serialNumber": "2.5.4.5",
                 "emailAddress": "1.2.840.113549.1.9.1"}
        subject = facts.subject
        for name, dotted in short.items():
            subject = subject.replace(f"{name}=", f"{dotted}=")
        assert subject == peer.subject.rfc4514_string()
        assert int(facts.serial, 16) == peer.serial_number
        assert facts.not_before == int(peer.not_valid_before_utc.timestamp())
        assert facts.not_after == int(peer.not_valid_after_utc.timestamp())
        assert facts.fingerprint_sha256 == peer.fingerprint(hashes.SHA256()).hex().upper()
        assert facts.self_signed and facts.is_ca
        assert decode(encoded).malformed == ()


ODD: list[tuple[str, Fields, dict[str, object]]] = [
    ("no SAN", {"san": None}, {"san": (), "subject": "CN=a.example"}),
    ("empty subject", {"subject": ""}, {"subject": "", "san": ("a.example",)}),
    ("year 9999", {"not_after": der.tlv(0x18, b"99991231235959Z")}, {"not_after": 253402300799}),
    ("GeneralizedTime before 2050", {"not_after": der.tlv(0x18, b"20300101000000Z")},
     {"not_after": 1893456000}),
    ("year 0", {"not_before": der.tlv(0x18, b"00000101000000Z")}, {"not_before": -62167219200}),
    ("serial zero", {"serial": 0}, {"serial": "00"}),
    ("negative serial", {"serial": -300}, {"serial": "-012C"}),
    ("serial of 21 bytes", {"serial": 1 << 160}, {"serial": "01" + "00" * 20}),
    ("unknown critical extension", {"extensions": [("1.2.3.4", True, b"\5\0")]},
     {"san": ("a.example",)}),
    ("Ed25519", {"key": "ed25519"}, {"key_type": "Ed25519", "key_bits": 256, "weak_key": ""}),
    ("Ed448", {"key": "ed448"}, {"key_type": "Ed448", "key_bits": 456}),
    ("P-521", {"key": "p521"}, {"key_type": "EC", "key_bits": 521, "weak_key": ""}),
    ("SM2", {"key": "sm2"}, {"key_type": "SM2", "key_bits": 256, "weak_key": ""}),
    ("DSA", {"key": "dsa"}, {"key_type": "DSA", "key_bits": 1024, "weak_key": "DSA, 1024 bits"}),
    ("version 1", {"version": 1}, {"san": (), "is_ca": False, "subject": "CN=a.example"}),
    ("duplicate names", {"san": ["a.example", "b.example", "a.example", "192.0.2.1", "192.0.2.1"]},
     {"san": ("a.example", "b.example", "192.0.2.1"), "dns_names": ("a.example", "b.example")}),
    ("NUL in a name", {"san": [der.tlv(0x82, b"a.example\0.b.example")]},
     {"dns_names": ("a.example\\00.b.example",)}),
    ("UTF-8 in a name", {"san": [der.tlv(0x82, "ä.example".encode())]},
     {"dns_names": ("\\C3\\A4.example",)}),
    ("IP address of 5 bytes", {"san": [der.tlv(0x87, b"12345"), "a.example"]},
     {"san": ("a.example",), "ip_addresses": ()}),
    ("names of other kinds", {"san": [der.tlv(0x81, b"x@b.example"), der.tlv(0x86, b"urn:x")]},
     {"san": ()}),
]


@pytest.mark.parametrize(("fields", "facts"), [row[1:] for row in ODD], ids=[r[0] for r in ODD])
def test_an_odd_certificate_gives_its_facts(fields: Fields, facts: dict[str, object]) -> None:
    """Certificates that libraries refuse, or that nobody should make."""
    found = read(CA.leaf("a.example", **fields).der)
    assert {name: getattr(found, name) for name in facts} == facts
    assert found.issuer == "CN=Test Intermediate"
    assert len(found.fingerprint_sha256) == 64


@pytest.mark.parametrize(("extension", "told"), [
    ("2.5.29.17", "subjectAltName"), ("2.5.29.19", "basicConstraints"), ("2.5.29.15", "keyUsage"),
    ("2.5.29.37", "extendedKeyUsage"), ("2.5.29.14", "subjectKeyIdentifier"),
    ("2.5.29.35", "authorityKeyIdentifier"), ("2.5.29.31", "cRLDistributionPoints")])
@pytest.mark.parametrize("value", [b"", b"\x30\x05\x82", b"\xff\xff", b"\x30\x84\xff\xff\xff\xff"])
def test_a_malformed_extension_spoils_itself_alone(extension: str, told: str, value: bytes) -> None:
    """The other facts stand, and the fault is named."""
    bad = decode(leaf(extensions=[(extension, False, value)], not_after=NOON))
    assert (bad.facts.not_after, bad.facts.subject) == (NOON, "CN=a.example")
    assert [told in fault for fault in bad.malformed] == [True]


@pytest.mark.parametrize("extension", ["1.3.6.1.5.5.7.1.1", "2.5.29.32", "1.3.6.1.5.5.7.1.24"])
def test_clients_do_not_mind_malformed_pointers(extension: str) -> None:
    """OpenSSL accepts these (measured): no fault, and no pointers either."""
    found = decode(leaf(extensions=[(extension, False, b"\x30\x05\x82")]))
    assert found.malformed == () and found.facts.ocsp_urls == ()


def test_an_extension_that_stands_there_twice_is_a_fault() -> None:
    """RFC 5280 4.2; once is none."""
    twice = decode(leaf(twice=["2.5.29.17"]))
    assert twice.malformed == ("it has the extension 2.5.29.17 twice",)
    assert twice.facts.san == ("a.example",)
    assert decode(leaf()).malformed == ()


@pytest.mark.parametrize(("text", "seconds"), [
    (b"3001010000Z", 1893456000), (b"300101010000+0100", 1893456000),
    (b"291231230000-0100", 1893456000)])
def test_a_date_in_a_form_of_old_is_read_and_told(text: bytes, seconds: int) -> None:
    """Clients refuse these forms (RFC 5280 4.1.2.5.1), people want the date."""
    found = decode(leaf(not_after=der.tlv(0x17, text)))
    assert found.facts.not_after == seconds
    assert found.malformed == ("its validity is malformed",)


@pytest.mark.parametrize("text", [b"", b"never", b"301301000000Z", b"300101250000Z", b"3001320000Z",
                                  b"-10101000000Z", b"3_0101000000Z", b"30 101000000Z"])
def test_a_date_that_is_none_makes_the_certificate_unreadable(text: bytes) -> None:
    """There is no fact to give in its place; the reason says that it is the date."""
    with pytest.raises(Unreadable, match="date"):
        read(leaf(not_after=der.tlv(0x17, text)))


# Names


@pytest.mark.parametrize(("written", "shown"), [
    ("a\x1b[31mb", "CN=a\\1B[31mb"), ("a\nb\r\0", "CN=a\\0Ab\\0D\\00"),
    ("abc\u202edef", "CN=abc\\E2\\80\\AEdef"), ("a\u2028b", "CN=a\\E2\\80\\A8b"),
    ('a,b+c"d\\e<f>g;h', 'CN=a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h'), (" a ", "CN=\\ a\\ "),
    ("#a", "CN=\\#a"), ("Zürich 株式会社", "CN=Zürich 株式会社")])
def test_names_are_shown_without_control_characters(written: str, shown: str) -> None:
    """RFC 4514 escapes: nothing that a terminal, a log line or a table could trip over."""
    assert read(leaf(subject=written)).subject == shown
    assert shown.isprintable()


def test_a_name_shows_its_most_specific_part_first() -> None:
    """RFC 4514; attributes without a short name by their OID, several values of one with "+"."""
    name = der.sequence(
        der.tlv(der.SET, der.sequence(der.oid("2.5.4.6"), der.tlv(der.PRINTABLE, b"US"))),
        der.tlv(der.SET, der.sequence(der.oid("2.5.4.10"), der.tlv(der.TELETEX, b"Caf\xe9")),
                der.sequence(der.oid("1.2.3.4"), der.tlv(der.UTF8, b"x"))),
        der.tlv(der.SET, der.sequence(der.oid("2.5.4.3"),
                                      der.tlv(der.BMP, "é".encode("utf-16-be")))))
    assert names.shown(name) == "CN=é,O=Café+1.2.3.4=x,C=US"
    assert names.common_name(name) == "é"
    assert names.common_name(der.name()) == ""


def test_a_name_of_no_string_type_or_bad_utf8_is_shown_all_the_same() -> None:
    """An odd type as the hexadecimal of its DER, bad UTF-8 byte by byte."""
    odd = der.sequence(der.tlv(der.SET, der.sequence(der.oid("2.5.4.3"), der.integer(5))))
    bad = der.sequence(der.tlv(der.SET, der.sequence(der.oid("2.5.4.3"),
                                                     der.tlv(der.UTF8, b"a\xff"))))
    assert names.shown(odd) == "CN=#020105"
    assert names.shown(bad) == "CN=a\\FF"


def test_a_malformed_subject_spoils_itself_alone() -> None:
    """A name without a value: the certificate's other facts stand, and the fault is named."""
    found = decode(leaf(subject=der.sequence(der.tlv(der.SET, der.sequence()))))
    assert found.facts.subject == "" and found.facts.san == ("a.example",)
    assert found.malformed == ("its subject is malformed",)


@pytest.mark.parametrize(("other", "equal"), [
    (("2.5.4.3", "Test Name", der.PRINTABLE), True), (("2.5.4.3", "TEST  name ", der.UTF8), True),
    (("2.5.4.3", "test name", der.BMP), True), (("2.5.4.3", "TestName", der.UTF8), False),
    (("2.5.4.10", "Test Name", der.UTF8), False)])
def test_names_are_the_same_whatever_their_encoding(other: tuple[str, str, int], equal: bool
                                                    ) -> None:
    """RFC 5280 7.1: string type, letter case and white space do not count; all else does."""
    assert names.same(der.name(("2.5.4.3", "Test Name", der.UTF8)), der.name(other)) is equal


def test_a_self_issued_certificate_is_not_always_self_signed() -> None:
    """The same name is not the same key: a rollover certificate is issued by another."""
    plain = read(self_signed("a.example").der)
    assert plain.self_issued and plain.self_signed
    rollover = read(ROOT.authority("Test Root").der)
    assert rollover.self_issued and not rollover.self_signed
    tampered = read(self_signed("a.example", tampered=True).der)
    assert tampered.self_issued and not tampered.self_signed


# Strength


@pytest.mark.parametrize(("fields", "why"), [
    ({"key": "rsa1024"}, "RSA, 1024 bits"), ({"key": "rsa2048"}, ""),
    ({"key": "p192"}, "EC, P-192, 192 bits"), ({"key": "p224"}, ""), ({"key": "ec"}, "")])
def test_short_keys_are_weak(fields: Fields, why: str) -> None:
    """RSA under 2048 bits and EC under 224, with the curve."""
    assert read(CA.leaf("a.example", **fields).der).weak_key == why


@pytest.mark.parametrize(("fields", "name", "why"), [
    ({"hash": "md5"}, "md5WithRSAEncryption", "MD5, md5WithRSAEncryption"),
    ({"hash": "sha1"}, "sha1WithRSAEncryption", "SHA-1, sha1WithRSAEncryption"),
    ({"hash": "sha1", "pss": True}, "RSASSA-PSS-SHA1", "SHA-1, RSASSA-PSS-SHA1"),
    ({"hash": "sha512", "pss": True}, "RSASSA-PSS-SHA512", ""),
    ({"hash": "sha384"}, "sha384WithRSAEncryption", "")])
def test_old_hashes_make_a_signature_weak(fields: Fields, name: str, why: str) -> None:
    """MD5 and SHA-1, by whatever padding."""
    facts = read(RSA.leaf("a.example", **fields).der)
    assert (facts.signature_algorithm, facts.weak_signature) == (name, why)


def test_the_signature_of_a_root_is_never_weak() -> None:
    """Nobody checks it: it is trusted for being there."""
    root = read(Authority("Old Root", key="rsa2048", hash="sha1").der)
    assert root.self_signed and root.signature_algorithm == "sha1WithRSAEncryption"
    assert root.weak_signature == ""
    assert read(RSA.authority("I", hash="sha1").der).weak_signature


def test_an_unknown_curve_is_called_by_its_oid() -> None:
    """Its size is that of the point that is there."""
    curve = der.oid("1.2.3.4.5")
    spki = der.sequence(der.sequence(der.oid("1.2.840.10045.2.1"), curve),
                        der.bit_string(b"\4" + b"x" * 80))
    facts = read(leaf(spki=spki))
    assert (facts.key_type, facts.key_bits, facts.weak_key) == ("1.2.3.4.5", 320, "")


def test_a_malformed_key_spoils_itself_alone() -> None:
    """The facts beside it stand."""
    found = decode(leaf(spki=der.sequence(der.sequence(der.oid("1.2.840.113549.1.1.1")),
                                          der.bit_string(b"no key"))))
    assert found.facts.key_type == "unknown" and found.facts.san == ("a.example",)
    assert found.malformed == ("its public key is malformed",)


# Bounds, and bytes that are no certificate


@pytest.mark.parametrize("encoded", [
    b"", b"\x30", b"\x30\x00", b"garbage", b"\x30\x80\0\0", b"\x30\x84\xff\xff\xff\xff",
    der.sequence(der.sequence(), der.sequence(), der.bit_string(b"")), ROOT.key_pem, ROOT.pem])
def test_what_is_no_certificate_is_unreadable(encoded: bytes) -> None:
    """With a reason."""
    with pytest.raises(Unreadable, match=r"not a certificate: \w+"):
        read(encoded)


def test_a_certificate_that_is_cut_off_or_goes_on_is_unreadable() -> None:
    """At every byte; the whole one is not."""
    whole = leaf()
    for length in range(len(whole)):
        with pytest.raises(Unreadable):
            read(whole[:length])
    with pytest.raises(Unreadable):
        read(whole + b"\0")
    assert read(whole).san == ("a.example",)


def test_a_huge_certificate_is_unreadable() -> None:
    """Over 256 KiB nothing is looked at; just under it everything is."""
    filler = ("1.2.3.4", False, b"x" * (255 * 1024))
    assert read(leaf(extensions=[filler])).san == ("a.example",)
    with pytest.raises(Unreadable, match="too large"):
        read(leaf(extensions=[("1.2.3.4", False, b"x" * (257 * 1024))]))


def test_no_more_names_than_the_bound_are_read() -> None:
    """Of 12,000 names 10,000."""
    many = [der.tlv(0x82, b"h%d.example" % number) for number in range(MOST_NAMES + 2000)]
    assert len(read(leaf(san=many)).dns_names) == MOST_NAMES
    assert len(read(leaf(san=many[:100])).dns_names) == 100


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_turned_bytes_give_facts_or_unreadable(data: st.DataObject) -> None:
    """Nothing else may come out of a certificate that was tampered with."""
    whole = bytearray(FUZZED)
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        facts = read(bytes(whole))
    except Unreadable as error:
        assert str(error)
    else:
        shown = (facts.subject, facts.issuer, facts.serial, *facts.san, *facts.ocsp_urls)
        assert all(text.isprintable() for text in shown)


FUZZED = leaf("a.example", "*.b.example", "192.0.2.1", ocsp_url="http://o.example/",
              crl_url="http://c.example/", issuer_url="http://i.example/", must_staple=True)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_are_unreadable(encoded: bytes) -> None:
    """No exception but that one."""
    with pytest.raises(Unreadable):
        read(b"\x30" + encoded)


def test_only_short_bytes_are_remembered() -> None:
    """The memory that strangers can fill is bounded by the number and the length of answers."""
    calls = []

    @remembered(2, 4)
    def length(encoded: bytes) -> int:
        calls.append(encoded)
        return len(encoded)

    assert [length(b"abc"), length(b"abc"), length(b"abcde"), length(b"abcde")] == [3, 3, 5, 5]
    assert calls == [b"abc", b"abcde", b"abcde"]
