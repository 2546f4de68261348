"""Which certificate is for which host."""

from __future__ import annotations

import pytest

from testbed import der
from testbed.pki import Authority
from zabbix_ssl.model import ascii_host
from zabbix_ssl.probing.certificates import read
from zabbix_ssl.probing.hostname import matches

ROOT = Authority("Test Root")


def judged(host: str, *names: str | bytes) -> bool:
    return matches(read(ROOT.leaf(san=names, subject=host).der), ascii_host(host))


@pytest.mark.parametrize(("host", "name", "valid"), [
    # plain names
    ("a.example", "a.example", True),
    ("a.example", "b.example", False),
    ("a.example", "example", False),
    ("a.example", "x.a.example", False),
    ("A.Example", "a.EXAMPLE", True),
    ("a.example.", "a.example", True),
    ("a.example", "a.example.", True),
    ("localhost", "localhost", True),
    ("a_b.example", "a_b.example", True),
    # wildcards
    ("a.b.example", "*.b.example", True),
    ("a_b.b.example", "*.b.example", True),
    ("b.example", "*.b.example", False),
    ("x.a.b.example", "*.b.example", False),
    (".b.example", "*.b.example", False),
    ("b.example", "*.example", False),
    ("example", "*", False),
    ("a.b.example", "*.*.example", False),
    ("a.b.example", "a.*.example", False),
    ("a.b.example", "*.*", False),
    ("foo.b.example", "f*.b.example", False),
    ("foo.b.example", "*o.b.example", False),
    ("foo.b.example", "f*o.b.example", False),
    ("f*.b.example", "f*.b.example", True),
    ("*.b.example", "*.b.example", True),
    # international names: either spelling of the host, xn-- in the certificate
    ("bücher.example", "xn--bcher-kva.example", True),
    ("xn--bcher-kva.example", "xn--bcher-kva.example", True),
    ("bücher.shop.example", "*.shop.example", True),
    ("bücher.shop.example", "xn--*.shop.example", False),
    ("bücher.example", "xn--bcher-kvb.example", False),
    # IP addresses, in any spelling
    ("192.0.2.1", "192.0.2.1", True),
    ("192.0.2.1", "192.0.2.2", False),
    ("2001:db8::1", "2001:0DB8:0:0:0:0:0:1", True),
    ("2001:0db8:0000::0001", "2001:db8::1", True),
    ("2001:db8::1", "2001:db8::2", False),
    ("fe80::1%eth0", "fe80::1", True),
    ("::ffff:192.0.2.1", "192.0.2.1", False),
])
def test_a_host_is_matched_by_its_name(host: str, name: str, valid: bool) -> None:
    """RFC 9525, and what curl and browsers make of it; each success beside its twin."""
    assert judged(host, name) is valid
    assert judged(host, "other.example", name, "192.0.2.77") is valid
    assert not judged(host)


@pytest.mark.parametrize("name", [b"192.0.2.1", b"*.0.2.1", b"192.0.2.*"])
def test_an_ip_address_is_never_matched_by_a_dns_name(name: bytes) -> None:
    """Only by an iPAddress."""
    assert not judged("192.0.2.1", der.tlv(0x82, name))


@pytest.mark.parametrize("host", ["192.0.2.1.5", "1", "192.0.2", "256.0.0.1"])
def test_a_name_that_ends_in_a_number_is_never_matched(host: str) -> None:
    """It is an address gone wrong, not a name (WHATWG URL 3.5)."""
    assert not judged(host, der.tlv(0x82, host.encode()))


@pytest.mark.parametrize("host", ["", ".", "..", " ", "a.example\0", "a.example\0.b.example",
                                  "a.example\\00"])
def test_no_host_that_is_none_is_matched(host: str) -> None:
    """Whatever stands in the certificate, a NUL least of all."""
    certificate = read(ROOT.leaf(san=[der.tlv(0x82, text) for text in (
        b"a.example\0.b.example", b"", b".", b"*", b"*.")]).der)
    assert not matches(certificate, host)


def test_a_nul_does_not_end_a_name() -> None:
    """The attack on the C libraries of 2009; the plain name beside it does match."""
    assert not judged("a.example", der.tlv(0x82, b"a.example\0.evil.example"))
    assert judged("a.example", der.tlv(0x82, b"a.example"))


def test_the_common_name_does_not_count() -> None:
    """With or without a SAN (RFC 9525 2)."""
    assert not matches(read(ROOT.leaf("a.example", san=None).der), "a.example")
    assert not matches(read(ROOT.leaf("a.example", san=["b.example"]).der), "a.example")
