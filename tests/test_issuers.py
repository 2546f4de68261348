"""Intermediates that a server forgot: fetched by AIA, named, never more than untrusted links."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import AuthorityInformationAccessOID

from testbed import process
from testbed.pki import Authority, Issued, pem
from testbed.revocation import Site, drive, publish
from zabbix_ssl.model import Chain
from zabbix_ssl.probing import chain, issuers
from zabbix_ssl.probing.revocation import Sources, addresses
from zabbix_ssl.probing.revocation.store import Store
from zabbix_ssl.probing.trust import trusting

HOST = "a.example"


def open_sources(directory: Path | None = None) -> Sources:
    return Sources(Store(str(directory) if directory else None),
                   addresses.Ways(addresses.networks(("127.0.0.0/8",))))


@pytest.fixture
def site() -> Iterator[Site]:
    with publish() as found:
        yield found


def completed(served: Sequence[bytes], *anchors: Issued,
              ours: Sources | None = None) -> issuers.Completed:
    store, now = trusting(*(anchor.der for anchor in anchors)), int(time.time())

    def judge(fetched: Sequence[bytes]) -> Chain:
        return chain.judge(served, store, HOST, now, fetched)[1]

    return drive(issuers.complete(judge(()), judge), ours or open_sources())


class Ladder:
    """A root, and under it intermediates, each of which points to its issuer."""

    def __init__(self, site: Site, rungs: int) -> None:
        self.site = site
        self.root = Authority("Issuer Root")
        self.rungs: list[Authority] = []
        above = self.root
        for number in range(rungs):
            site.file(f"{number}.cer", above.der)
            above = above.authority(f"Intermediate {number}", issuer_url=site.url(f"{number}.cer"))
            self.rungs.append(above)
        site.file("leaf.cer", above.der)
        self.leaf = above.leaf(HOST, issuer_url=site.url("leaf.cer"))


@pytest.mark.parametrize("form", ["der", "pem", "pkcs7"])
def test_missing_intermediate_is_fetched_and_named(site: Site, form: str) -> None:
    """One missing intermediate, as DER, PEM or PKCS #7: the chain becomes trusted, stays
    incomplete, and what is missing is told with its subject, URL and PEM."""
    ladder = Ladder(site, 1)
    middle = ladder.rungs[0]
    site.file("leaf.cer", {"der": middle.der, "pem": b"# text\n" + middle.certificate_pem,
                           "pkcs7": pkcs7.serialize_certificates(
                               [ladder.root.certificate, middle.certificate], Encoding.DER)}[form])
    found = completed([ladder.leaf.der], ladder.root)
    assert (found.chain.trusted, found.chain.complete) == (True, False)
    assert found.chain.error == "missing_intermediate"
    [missing] = found.missing
    assert (missing.subject, missing.url) == ("CN=Intermediate 0", site.url("leaf.cer"))
    assert missing.pem.encode() == pem(middle.der)


def test_complete_chain_asks_nobody(site: Site) -> None:
    """Where nothing is missing nothing is fetched; nor where the root just is not trusted."""
    ladder = Ladder(site, 1)
    found = completed(ladder.leaf.chain, ladder.root)
    assert (found.chain.trusted, found.missing) == (True, ())
    stranger = Authority("Stranger")
    assert completed([*ladder.leaf.chain, ladder.root.der], stranger).chain.trusted is False
    assert site.requests == []


def test_several_hops_and_no_more(site: Site) -> None:
    """Four missing intermediates are fetched one after the other; a fifth is not."""
    ladder = Ladder(site, 4)
    found = completed([ladder.leaf.der], ladder.root)
    assert found.chain.trusted is True
    assert [one.subject for one in found.missing] == [f"CN=Intermediate {n}" for n in (3, 2, 1, 0)]
    higher = Ladder(site, 5)
    site.requests.clear()
    found = completed([higher.leaf.der], higher.root)
    assert found.chain.trusted is False
    assert len(site.requests) == issuers.HOPS


def test_a_circle_ends(site: Site) -> None:
    """Two CAs that point at each other are not walked for ever."""
    one, two = Authority("One"), Authority("Two")
    crossed = two.cross_sign(one, issuer_url=site.url("two.cer"))
    back = one.cross_sign(two, issuer_url=site.url("one.cer"))
    site.file("one.cer", crossed.der)
    site.file("two.cer", back.der)
    leaf = one.leaf(HOST, issuer_url=site.url("one.cer"))
    assert completed([leaf.der], Authority("Stranger")).chain.trusted is False
    assert len(site.requests) <= issuers.HOPS


def test_what_is_fetched_is_not_trusted(site: Site) -> None:
    """A self-signed certificate that AIA brings becomes no anchor, though it fits."""
    root = Authority("Private Root")
    site.file("root.cer", root.der)
    leaf = root.leaf(HOST, issuer_url=site.url("root.cer"))
    found = completed([leaf.der], Authority("Stranger"))
    assert found.chain.trusted is False
    assert found.chain.error == "untrusted_root"
    assert found.missing == ()
    assert completed([leaf.der], root).chain.trusted is True


@pytest.mark.parametrize(("content", "reason"), [
    (b"", "malformed"), (b"<html>", "malformed"), (b"\x30\x03\x02\x01\x05", "malformed"),
    (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "malformed"),
    (b"-----BEGIN CERTIFICATE-----", "malformed"),
    (b"\x30" * (1 << 20) + b"\x30", "too_large"),
    (Authority("Intermediate 0").der, "wrong_certificate"),
    (Authority("Somebody").der, "wrong_certificate"), (None, "http_status")])
def test_useless_answers(site: Site, content: bytes | None, reason: str) -> None:
    """Garbage, another CA's certificate, even one of the same name: told, and the chain is as it
    was."""
    ladder = Ladder(site, 1)
    site._handlers.pop("leaf.cer")
    if content is not None:
        site.file("leaf.cer", content)
    found = completed([ladder.leaf.der], ladder.root)
    assert [failure.reason for failure in found.failures] == [reason]
    assert site.url("leaf.cer") in found.failures[0].message
    assert (found.chain.trusted, found.chain.error, found.missing) == (
        False, "missing_intermediate", ())


def test_forbidden_address(site: Site) -> None:
    """AIA pointers are as hostile as others."""
    ladder = Ladder(site, 1)
    found = completed([ladder.leaf.der], ladder.root,
                      ours=Sources(Store(None), addresses.Ways()))
    assert [failure.reason for failure in found.failures] == ["forbidden_address"]
    assert site.requests == []


def test_second_pointer_and_ldap(site: Site) -> None:
    """LDAP pointers are passed over; the second one is followed when the first brings nothing."""
    ladder = Ladder(site, 1)
    access = x509.AuthorityInformationAccess([x509.AccessDescription(
        AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(url))
        for url in ("ldap://ldap.example/", site.url("nothing"), site.url("leaf.cer"))])
    leaf = ladder.rungs[0].leaf(HOST, extensions=[access])
    assert completed([leaf.der], ladder.root).chain.trusted is True


def test_issuers_are_shared(site: Site, tmp_path: Path) -> None:
    """A certificate is fetched once for all targets and processes."""
    ladder = Ladder(site, 2)
    for _ in range(3):
        found = completed([ladder.leaf.der], ladder.root, ours=open_sources(tmp_path / "kept"))
        assert len(found.missing) == 2
    assert len(site.requests) == 2


def test_openssl_makes_the_same_pkcs7(needs: Callable[..., str], site: Site,
                                      tmp_path: Path) -> None:
    """The PKCS #7 that OpenSSL makes is read, and its PEM form is what ``--show-fix`` gives."""
    needs("openssl")
    ladder = Ladder(site, 1)
    (tmp_path / "in.pem").write_bytes(ladder.rungs[0].certificate_pem + ladder.root.pem)
    subprocess.run([process.program("openssl"), "crl2pkcs7", "-nocrl", "-certfile", "in.pem",
                    "-outform", "DER", "-out", "out.p7c"], cwd=tmp_path, check=True)
    made = (tmp_path / "out.p7c").read_bytes()
    assert set(issuers.certificates_in(made)) == {ladder.rungs[0].der, ladder.root.der}
    site.file("leaf.cer", made)
    [missing] = completed([ladder.leaf.der], ladder.root).missing
    (tmp_path / "fix.pem").write_text(missing.pem)
    (tmp_path / "leaf.pem").write_bytes(ladder.leaf.certificate_pem)
    (tmp_path / "root.pem").write_bytes(ladder.root.pem)
    for options, works in ((["-untrusted", "fix.pem"], True), ([], False)):
        done = subprocess.run(
            [process.program("openssl"), "verify", "-CAfile", "root.pem", *options, "leaf.pem"],
            cwd=tmp_path, capture_output=True)
        assert (done.returncode == 0) == works
