"""CRLs: who is listed, whom to believe, and for whom they speak."""

from __future__ import annotations

import random
import subprocess
import time
import zlib
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed import der as made
from testbed import process
from testbed.pki import Authority, Issued
from testbed.revocation import DAY, HOUR, Extension, Ledger, Revoked, huge_crl, pem_crl
from zabbix_ssl.model import Failure
from zabbix_ssl.probing.certificates import decode
from zabbix_ssl.probing.revocation import crl, local, scope
from zabbix_ssl.probing.revocation.answers import Verdict
from zabbix_ssl.probing.revocation.crl import Crl

ROOT = Authority("CRL Root")
RSA_ROOT = Authority("CRL RSA Root", key="rsa2048")


def loaded(data: bytes, *signers: Issued) -> Crl:
    found = local.verified(data, tuple(signer.der for signer in signers or (ROOT,)))
    assert isinstance(found, Crl), found
    return found


def refused(data: bytes, *signers: Issued) -> str:
    found = local.verified(data, tuple(signer.der for signer in signers or (ROOT,)))
    assert isinstance(found, Failure)
    return found.reason


def judged(leaf: Issued, *crls: Crl, now: int | None = None) -> Verdict | Failure:
    certificate = decode(leaf.der)
    return scope.judge(crls, scope.points(certificate), certificate, "crl",
                       int(time.time()) if now is None else now)


def told(leaf: Issued, *crls: Crl, now: int | None = None) -> str:
    outcome = judged(leaf, *crls, now=now)
    return outcome.reason if isinstance(outcome, Failure) else outcome.status


# Listed or not


def test_listed_with_reason_and_time() -> None:
    """A listed certificate is revoked, by the reason and time of the CRL; another one is good."""
    ledger, leaf, other = Ledger(ROOT), ROOT.leaf("a.example"), ROOT.leaf("b.example")
    at = int(time.time()) - 5 * DAY
    ledger.revoke(leaf, "keyCompromise", at)
    found = loaded(ledger.crl())
    verdict = judged(leaf, found)
    assert isinstance(verdict, Verdict)
    assert (verdict.status, verdict.reason, verdict.revoked_at) == ("revoked", "keyCompromise", at)
    assert told(other, found) == "good"


def test_empty_crl() -> None:
    """A CRL without entries makes every certificate of its issuer good."""
    assert told(ROOT.leaf("a.example"), loaded(Ledger(ROOT).crl())) == "good"


serials = st.integers(1, 2 ** 159 - 1) | st.integers(1, 300) | st.sampled_from(
    [0x7F, 0x80, 0xFF, 0x100, 2 ** 38, 2 ** 38 + 5, 2 ** 40 + 5, 5])


@settings(max_examples=150, deadline=None)
@given(listed=st.sets(serials, max_size=30), asked=st.lists(serials, max_size=20))
def test_lookup_agrees_with_cryptography(listed: set[int], asked: list[int]) -> None:
    """The index finds what cryptography finds, short and equally ending serials included."""
    data = huge_crl(ROOT, sorted(listed, reverse=True)) if listed else Ledger(ROOT).crl()
    ours, theirs = loaded(data), x509.load_der_x509_crl(data)
    for serial in (*listed, *asked):
        entry = crl.find(ours, serial, ours.head.issuer)
        assert (entry is None) == (theirs.get_revoked_certificate_by_serial_number(serial) is None)
        assert entry is None or entry.reason == "keyCompromise"


def test_negative_serial() -> None:
    """A negative serial number, as some appliances have it, is found too."""
    data = huge_crl(ROOT, [-5, -300, 7])
    found = loaded(data)
    for serial, listed in ((-5, True), (-300, True), (7, True), (5, False), (-7, False)):
        assert (crl.find(found, serial, found.head.issuer) is not None) == listed


def test_entries_in_the_long_form() -> None:
    """Entries of more than 127 bytes, by their extensions, are found like others."""
    ledger, leaf = Ledger(ROOT), ROOT.leaf("a.example")
    ledger.revoke(leaf, "superseded")
    ledger.revoke(ROOT.leaf("b.example"))
    long = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.2"), b"\x04\x7f" +
                                      bytes(127))
    found = loaded(ledger.crl(entry_extensions=[(long, False)]))
    assert told(leaf, found) == "revoked"
    assert told(ROOT.leaf("c.example"), found) == "good"


def test_half_a_million_entries() -> None:
    """A CRL of 24 MB: the first, a middle and the last entry are found, others are not."""
    some = random.Random(1)
    listed = [some.getrandbits(126) | 1 << 125 for _ in range(500_000)]
    found = loaded(huge_crl(ROOT, listed))
    assert len(found.data) > 20_000_000
    for serial in (listed[0], listed[250_000], listed[-1]):
        entry = crl.find(found, serial, found.head.issuer)
        assert entry is not None
        assert entry.reason == "keyCompromise"
    for _ in range(1000):
        assert crl.find(found, some.getrandbits(126), found.head.issuer) is None


def damaged_entries(*entries: bytes) -> bytes:
    """A CRL with these bytes as its entries, properly signed."""
    whole = huge_crl(ROOT, [1])
    body = x509.load_der_x509_crl(whole).tbs_certlist_bytes
    layout, _ = crl.read(whole)
    begin, end = (at - layout.body[0] for at in layout.entries)
    start = 2 if body[1] < 0x80 else 2 + (body[1] & 0x7F)
    body = made.sequence(body[start:begin], made.sequence(*entries), body[end:])
    return made.sequence(body, made.sequence(made.oid("1.2.840.10045.4.3.2")), made.bit_string(
        ROOT.key.sign(body, ec.ECDSA(hashes.SHA256()))))


_TIME = made.tlv(0x17, b"261101000000Z")


@pytest.mark.parametrize(("entries", "whole"), [
    ([made.sequence(made.integer(5), _TIME)], True),
    ([made.tlv(0x31, made.integer(5), _TIME)], False),
    ([made.sequence(_TIME)], False),
    ([made.sequence(made.integer(5), _TIME)[:-1]], False),
    ([b"\x30\x02\x02\x09"], False),
    ([b"\x30"], False),
    ([b"\x30\x80\x02\x01\x05\0\0"], False),
    ([made.sequence(made.integer(5), _TIME, made.sequence(bytes(130))), b"\x30\x05"], False),
])
def test_entries_are_whole_or_the_crl_is_refused(entries: list[bytes], whole: bool) -> None:
    """A CRL whose entries are not what they should be says nothing, though it is signed."""
    data = damaged_entries(*entries)
    if whole:
        assert crl.find(loaded(data), 5, loaded(data).head.issuer) is not None
    else:
        assert refused(data) == "malformed"


@pytest.mark.parametrize("garbage", [b"", b"\x30", b"0" * 1000, b"\x30\x00", ROOT.der,
                                     b"\x30\x84\xff\xff\xff\xff", made.sequence(made.sequence())])
def test_garbage(garbage: bytes) -> None:
    """What is no CRL is malformed."""
    assert refused(garbage) == "malformed"


_LISTED = ROOT.leaf("listed.example")
_LEDGER = Ledger(ROOT)
_LEDGER.revoke(_LISTED, "keyCompromise")
_CRL = _LEDGER.crl()


@settings(max_examples=300, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 8))
def test_damage_never_makes_a_certificate_good(share: float, bit: int) -> None:
    """A CRL that was cut or changed in one bit is refused, or says the same."""
    at = int(share * len(_CRL))
    changed = _CRL[:at] if bit == 8 else (
        _CRL[:at] + bytes((_CRL[at] ^ (1 << bit),)) + _CRL[at + 1:])
    found = local.verified(changed, (ROOT.der,))
    assert isinstance(found, Failure) or told(_LISTED, found) == "revoked"


# Whom to believe


def test_signature() -> None:
    """The signature must verify by the key of the issuer: of that name, and of no other."""
    data = Ledger(ROOT).crl()
    assert loaded(data, Authority("Other"), ROOT)
    assert refused(Ledger(ROOT).crl(tampered=True)) == "bad_signature"
    assert refused(data, Authority("CRL Root")) == "bad_signature"
    assert refused(data, Authority("Other")) == "wrong_issuer"


@pytest.mark.parametrize(("scheme", "believed"), [("pss", True), ("sha1", True), ("md5", False)])
def test_rsa_schemes(scheme: str, believed: bool) -> None:
    """RSA-PSS and SHA-1 are believed in a CRL, as OpenSSL does; MD5 is not."""
    data = Ledger(RSA_ROOT).crl(by_hand=scheme)
    assert loaded(data, RSA_ROOT) if believed else refused(data, RSA_ROOT) == "weak_signature"
    tampered = Ledger(RSA_ROOT).crl(by_hand=scheme, tampered=True)
    assert refused(tampered, RSA_ROOT) == ("bad_signature" if believed else "weak_signature")


@pytest.mark.parametrize("key", ["p384", "ed25519", "ed448"])
def test_other_keys(key: str) -> None:
    """CRLs signed by ECDSA and EdDSA keys are believed."""
    authority = Authority("Root", key=key)
    assert loaded(Ledger(authority).crl(), authority)
    assert refused(Ledger(authority).crl(tampered=True), authority) == "bad_signature"


def test_signer_without_the_key_usage() -> None:
    """A CA whose key usage leaves cRLSign out may not sign CRLs; one without any key usage may."""
    signer = Authority("No CRLs", key_usage=("key_cert_sign",))
    assert refused(Ledger(signer).crl(), signer) == "wrong_issuer"
    signer = Authority("No Usage", key_usage=None)
    assert loaded(Ledger(signer).crl(), signer)


@pytest.mark.parametrize(("this", "next", "wanted"), [
    (-HOUR, DAY, "good"), (-9 * DAY, -2 * DAY, "stale"), (HOUR, DAY, "not_yet_valid"),
    (-9 * DAY, -60, "good")])
def test_dates(this: int, next: int, wanted: str) -> None:
    """A CRL of the future or the past says nothing, with five minutes for the clocks."""
    now = int(time.time())
    found = loaded(Ledger(ROOT).crl(this_update=now + this, next_update=now + next))
    assert told(ROOT.leaf("a.example"), found) == wanted


def test_unknown_critical_extension() -> None:
    """A CRL with a critical extension that is not known says nothing."""
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\0")
    leaf = ROOT.leaf("a.example")
    for critical, wanted in ((True, "critical_extension"), (False, "good")):
        found = loaded(Ledger(ROOT).crl(extensions=[(unknown, critical)]))
        assert told(leaf, found) == wanted


def test_crl_of_another_issuer() -> None:
    """A CRL speaks only of the certificates of its issuer."""
    other = Authority("Other")
    assert told(ROOT.leaf("a.example"), loaded(Ledger(other).crl(), other)) == "wrong_issuer"


# For whom it speaks


def url_names(*urls: str) -> list[x509.GeneralName]:
    return [x509.UniformResourceIdentifier(url) for url in urls]


def idp(**fields: Any) -> Extension:
    """An issuing distribution point, critical."""
    usual: dict[str, Any] = {
        "full_name": None, "relative_name": None, "only_contains_user_certs": False,
        "only_contains_ca_certs": False, "only_some_reasons": None, "indirect_crl": False,
        "only_contains_attribute_certs": False}
    return x509.IssuingDistributionPoint(**{**usual, **fields}), True


def points(*given: x509.DistributionPoint) -> x509.CRLDistributionPoints:
    return x509.CRLDistributionPoints(given)


HERE, THERE = "http://crl.example/1.crl", "http://crl.example/2.crl"


@pytest.mark.parametrize(("fields", "leaf", "authority"), [
    ({"full_name": url_names(HERE)}, "good", "wrong_scope"),
    ({"full_name": url_names(THERE, HERE)}, "good", "wrong_scope"),
    ({"full_name": url_names(THERE)}, "wrong_scope", "wrong_scope"),
    ({"only_contains_user_certs": True}, "good", "wrong_scope"),
    ({"only_contains_ca_certs": True}, "wrong_scope", "good"),
    ({"only_contains_attribute_certs": True}, "wrong_scope", "wrong_scope"),
    ({"indirect_crl": True}, "good", "good"),
])
def test_issuing_distribution_point(fields: dict[str, Any], leaf: str, authority: str) -> None:
    """A CRL for another distribution point, or for another kind of certificates, says nothing: not
    to be listed there is not to be good."""
    found = loaded(Ledger(ROOT).crl(extensions=[idp(**fields)]))
    assert told(ROOT.leaf("a.example", crl_url=HERE), found) == leaf
    assert told(ROOT.authority("Intermediate"), found) == authority


def test_certificate_without_distribution_point() -> None:
    """It is covered by the CRL of its issuer that names no distribution point, and by no shard."""
    leaf = ROOT.leaf("a.example")
    assert told(leaf, loaded(Ledger(ROOT).crl())) == "good"
    shard = idp(full_name=url_names(HERE))
    assert told(leaf, loaded(Ledger(ROOT).crl(extensions=[shard]))) == "wrong_scope"


def test_listed_in_another_shard() -> None:
    """A serial that another shard lists is told neither as good nor as revoked."""
    ledger, leaf = Ledger(ROOT), ROOT.leaf("a.example", crl_url=HERE)
    ledger.revoke(leaf)
    other = loaded(ledger.crl(extensions=[idp(full_name=url_names(THERE))]))
    right = loaded(ledger.crl(extensions=[idp(full_name=url_names(HERE))]))
    assert told(leaf, other) == "wrong_scope"
    assert told(leaf, other, right) == "revoked"


def test_relative_name() -> None:
    """A distribution point named relative to the issuer is matched with its full name."""
    part = x509.RelativeDistinguishedName(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, "CRL 1")])
    whole = x509.Name([*ROOT.certificate.subject.rdns, part])
    leaf = ROOT.leaf("a.example", extensions=[points(x509.DistributionPoint(
        None, part, None, None))])
    for fields in ({"relative_name": part}, {"full_name": [x509.DirectoryName(whole)]}):
        assert told(leaf, loaded(Ledger(ROOT).crl(extensions=[idp(**fields)]))) == "good"
    other = {"full_name": [x509.DirectoryName(ROOT.certificate.subject)]}
    assert told(leaf, loaded(Ledger(ROOT).crl(extensions=[idp(**other)]))) == "wrong_scope"


def some(*words: str) -> frozenset[x509.ReasonFlags]:
    return frozenset(x509.ReasonFlags(word) for word in words)


def test_some_reasons() -> None:
    """Good takes CRLs that cover every reason between them; revoked takes one."""
    every = {flag.value for flag in x509.ReasonFlags} - {"unspecified", "removeFromCRL"}
    ledger, leaf = Ledger(ROOT), ROOT.leaf("a.example", crl_url=HERE)
    few = loaded(ledger.crl(extensions=[idp(only_some_reasons=some("keyCompromise"))]))
    rest = loaded(ledger.crl(
        extensions=[idp(only_some_reasons=some(*every - {"keyCompromise"}))]))
    assert told(leaf, few) == "wrong_scope"
    assert told(leaf, rest) == "wrong_scope"
    assert told(leaf, few, rest) == "good"
    ledger.revoke(leaf, "keyCompromise")
    few = loaded(ledger.crl(extensions=[idp(only_some_reasons=some("keyCompromise"))]))
    assert told(leaf, few) == "revoked"


def test_indirect_crl() -> None:
    """A CRL of another issuer, which the certificate names, lists certificates of several issuers:
    those that follow an entry with an issuer are that issuer's."""
    signer = ROOT.authority("CRL Issuer")
    other = Authority("Third CA")
    pointed = points(x509.DistributionPoint(
        url_names(HERE), None, None, [x509.DirectoryName(signer.certificate.subject)]))
    leaf, second, third = (ROOT.leaf(f"{n}.example", serial=serial, extensions=[pointed])
                           for n, serial in enumerate((1001, 1002, 1003)))
    ledger = Ledger(signer)
    ledger.revoke(other.leaf("x.example", serial=1003), issuer=other.certificate.subject)
    ledger.revoke(leaf, "superseded", issuer=ROOT.certificate.subject)
    ledger.revoke(second)  # no issuer of its own: ROOT's, as the entry before
    found = loaded(ledger.crl(extensions=[idp(indirect_crl=True)]), signer)
    assert [told(one, found) for one in (leaf, second, third)] == ["revoked", "revoked", "good"]
    direct = loaded(Ledger(signer).crl(), signer)
    assert told(leaf, direct) == "wrong_scope"
    assert told(ROOT.leaf("b.example", crl_url=HERE), found) == "wrong_issuer"


def test_large_indirect_crl() -> None:
    """An indirect CRL of very many entries, which would have to be walked each time, is refused."""
    signer = Authority("CRL Issuer")
    leaf = signer.leaf("a.example")
    ledger = Ledger(signer)
    for at, wanted in ((0, "good"), (10_000, "too_large")):
        ledger.revoked |= {n: Revoked(n, "unspecified", 0, 0) for n in range(1, at + 2)}
        found = loaded(ledger.crl(extensions=[idp(indirect_crl=True)]), signer)
        assert told(leaf, found) == wanted


def test_serials_that_collide() -> None:
    """Entries made to have one checksum do not cost a lookup the time of them all."""
    alike = _colliding(1001)
    found = loaded(huge_crl(ROOT, alike))
    with pytest.raises(ValueError, match="collide"):
        crl.find(found, alike[0], found.head.issuer)
    found = loaded(huge_crl(ROOT, alike[:1000]))
    assert crl.find(found, alike[0], found.head.issuer) is not None
    assert crl.find(found, alike[1000], found.head.issuer) is None


def _colliding(count: int) -> list[int]:
    """Serial numbers of one CRC: it is linear, so that four bytes mend what the others spoil."""
    basis = [(zlib.crc32((1 << bit).to_bytes(4, "big") + bytes(4)) ^ zlib.crc32(bytes(8)), bit)
             for bit in range(32)]
    ends = [(zlib.crc32(bytes(4) + (1 << bit).to_bytes(4, "big")) ^ zlib.crc32(bytes(8)), 1 << bit)
            for bit in range(32)]
    pivots: dict[int, tuple[int, int]] = {}
    for value, mask in ends:  # Gauss, over bits
        while value and value.bit_length() in pivots:
            other, other_mask = pivots[value.bit_length()]
            value, mask = value ^ other, mask ^ other_mask
        pivots[value.bit_length()] = value, mask
    made = []
    for head in range(1, count + 1):
        value, mask = 0, 0
        for difference, bit in basis:
            value ^= difference if head >> bit & 1 else 0
        while value:
            other, other_mask = pivots[value.bit_length()]
            value, mask = value ^ other, mask ^ other_mask
        made.append(0x7F << 64 | head << 32 | mask)
    return made


# Deltas


def delta(base: int) -> Extension:
    return x509.DeltaCRLIndicator(base), True


def test_delta_adds_and_removes() -> None:
    """A delta CRL revokes what its base does not, and lifts a hold."""
    ledger, held, fresh = Ledger(ROOT), ROOT.leaf("held.example"), ROOT.leaf("fresh.example")
    ledger.revoke(held, "certificateHold")
    base = loaded(ledger.crl(number=5))
    assert [told(one, base) for one in (held, fresh)] == ["revoked", "good"]
    changes = Ledger(ROOT)
    changes.revoke(held, "removeFromCRL")
    changes.revoke(fresh, "keyCompromise")
    change = loaded(changes.crl(number=6, extensions=[delta(5)]))
    assert [told(one, base, change) for one in (held, fresh)] == ["good", "revoked"]
    assert told(ROOT.leaf("c.example"), base, change) == "good"


def test_delta_that_does_not_fit() -> None:
    """A delta to a later base, an older one, one of another scope and a stale one change nothing;
    without a base a delta says nothing."""
    ledger, held = Ledger(ROOT), ROOT.leaf("held.example")
    ledger.revoke(held, "certificateHold")
    base = loaded(ledger.crl(number=5))
    changes = Ledger(ROOT)
    changes.revoke(held, "removeFromCRL")
    now = int(time.time())
    for fields in ({"number": 9, "extensions": [delta(7)]},
                   {"number": 4, "extensions": [delta(3)]},
                   {"number": 6, "extensions": [delta(5), idp(only_contains_user_certs=True)]},
                   {"number": 6, "extensions": [delta(5)], "this_update": now - 9 * DAY,
                    "next_update": now - DAY}):
        assert told(held, base, loaded(changes.crl(**fields))) == "revoked"  # type: ignore[arg-type]
    alone = loaded(changes.crl(number=6, extensions=[delta(5)]))
    assert told(held, alone) == "wrong_scope"


def test_freshest_is_read() -> None:
    """Where the deltas are is read from the CRL and from the certificate."""
    point = x509.DistributionPoint(url_names(THERE), None, None, None)
    found = loaded(Ledger(ROOT).crl(extensions=[(x509.FreshestCRL([point]), False)]))
    assert found.head.freshest == (THERE,)
    leaf = ROOT.leaf("a.example", extensions=[x509.FreshestCRL([point])])
    assert scope.delta_urls(decode(leaf.der)) == (THERE,)
    assert scope.delta_urls(decode(ROOT.leaf("b.example").der)) == ()


def test_newest_crl_counts() -> None:
    """Of two CRLs of the same scope the newer one counts, in whatever order they are found."""
    now, ledger, leaf = int(time.time()), Ledger(ROOT), ROOT.leaf("a.example")
    old = loaded(ledger.crl(this_update=now - 2 * DAY, number=1))
    ledger.revoke(leaf)
    new = loaded(ledger.crl(this_update=now - HOUR, number=2))
    assert told(leaf, old, new) == told(leaf, new, old) == "revoked"


# The same judged by OpenSSL


def openssl_says(folder: Path, leaf: Issued, root: Issued, crls: Sequence[bytes]) -> str:
    """good, revoked, or "" when ``openssl verify -crl_check`` can tell neither.

    Not -crl_check_all, which wants a CRL that speaks for the root as well.
    """
    (folder / "ca.pem").write_bytes(root.certificate_pem)
    (folder / "leaf.pem").write_bytes(leaf.certificate_pem)
    (folder / "crls.pem").write_bytes(pem_crl(*crls))
    done = subprocess.run(
        [process.program("openssl"), "verify", "-crl_check", "-extended_crl", "-use_deltas",
         "-CAfile", "ca.pem", "-CRLfile", "crls.pem", "leaf.pem"],
        cwd=folder, capture_output=True, text=True)
    output = done.stdout + done.stderr
    if "CRL has expired" in output or "CRL is not yet valid" in output:
        return ""  # it goes on after that, for want of somebody who decides
    if "leaf.pem: OK" in output:
        return "good"
    return "revoked" if "certificate revoked" in output else ""


def fresh() -> Extension:
    """A pointer to deltas, without which OpenSSL does not look at them."""
    return x509.FreshestCRL([x509.DistributionPoint(url_names(THERE), None, None, None)]), False


def _now(shift: int) -> int:
    return int(time.time()) + shift


_SAME: dict[str, Callable[[Ledger], list[bytes]]] = {
    "plain": lambda ours: [ours.crl()],
    "tampered": lambda ours: [ours.crl(tampered=True)],
    "stale": lambda ours: [ours.crl(this_update=_now(-9 * DAY), next_update=_now(-DAY))],
    "future": lambda ours: [ours.crl(this_update=_now(DAY), next_update=_now(2 * DAY))],
    "its point": lambda ours: [ours.crl(extensions=[idp(full_name=url_names(HERE))])],
    "other point": lambda ours: [ours.crl(extensions=[idp(full_name=url_names(THERE))])],
    "users": lambda ours: [ours.crl(extensions=[idp(only_contains_user_certs=True)])],
    "authorities": lambda ours: [ours.crl(extensions=[idp(only_contains_ca_certs=True)])],
    "attributes": lambda ours: [ours.crl(extensions=[idp(only_contains_attribute_certs=True)])],
    "indirect": lambda ours: [ours.crl(extensions=[idp(indirect_crl=True)])],
    "some reasons": lambda ours: [ours.crl(extensions=[idp(
        only_some_reasons=some("keyCompromise"))])],
    "unknown extension": lambda ours: [ours.crl(extensions=[(x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\0"), True)])],
    "of another": lambda ours: [Ledger(Authority("Other")).crl()],
    "of a twin": lambda ours: [Ledger(Authority("CRL Root")).crl()],
    "delta": lambda ours: [Ledger(ROOT).crl(number=5, extensions=[fresh()]),
                           ours.crl(number=6, extensions=[delta(5)])],
    "delta alone": lambda ours: [ours.crl(number=6, extensions=[delta(5)])],
}


@pytest.mark.parametrize("case", _SAME)
@pytest.mark.parametrize("revoked", [False, True], ids=["valid", "revoked"])
def test_openssl_says_the_same(needs: Callable[..., str], tmp_path: Path, case: str,
                               revoked: bool) -> None:
    """``openssl verify -crl_check`` makes the same of the same CRLs."""
    needs("openssl")
    ledger, leaf = Ledger(ROOT), ROOT.leaf("a.example", crl_url=HERE)
    if revoked:
        ledger.revoke(leaf, "keyCompromise")
    crls = _SAME[case](ledger)
    ours = [found for found in (local.verified(one, (ROOT.der,)) for one in crls)
            if isinstance(found, Crl)]
    outcome = judged(leaf, *ours)
    assert openssl_says(tmp_path, leaf, ROOT, crls) == (
        outcome.status if isinstance(outcome, Verdict) else "")


# Files


def test_pem_and_der(tmp_path: Path) -> None:
    """A file may hold one CRL in DER or several in PEM, among other things."""
    one, two = Ledger(ROOT).crl(number=1), Ledger(RSA_ROOT).crl(number=2)
    assert list(local.decoded(one)) == [one]
    assert list(local.decoded(b"# ours\n" + pem_crl(one) + ROOT.pem + pem_crl(two))) == [one, two]
    for nothing in (b"", b"text", ROOT.pem, pem_crl(one)[:-30]):
        with pytest.raises(ValueError, match="CRL"):
            list(local.decoded(nothing))


def test_index_is_sorted() -> None:
    """The index is what a bisection needs."""
    data = huge_crl(ROOT, random.Random(2).sample(range(1, 10 ** 6), 1000))
    index = crl.make_index(data, crl.read(data)[0])
    assert isinstance(index, array)
    assert list(index) == sorted(index)
    assert len(index) == 1000


def test_encoding_is_left_alone() -> None:
    """What is read of a CRL is what cryptography reads of it."""
    data = _LEDGER.crl(number=77)
    theirs = x509.load_der_x509_crl(data)
    _, head = crl.read(data)
    assert head.number == 77
    assert head.issuer == theirs.issuer.public_bytes()
    assert theirs.public_bytes(Encoding.DER) == data
