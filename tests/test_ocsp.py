"""OCSP answers: what is believed, and each way in which one is not."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as library
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed import process
from testbed.pki import Authority, Issued
from testbed.revocation import DAY, HOUR, Ledger, refuse
from zabbix_ssl.model import Failure
from zabbix_ssl.probing.revocation import ocsp
from zabbix_ssl.probing.revocation.answers import CLOCK_ALLOWANCE, Verdict

NONCE = b"n" * 32


class Scene(NamedTuple):
    authority: Authority
    ledger: Ledger
    leaf: Issued
    other: Issued

    def ask(self, nonce: bytes = NONCE) -> bytes:
        return ocsp.request(self.leaf.der, self.authority.der, nonce)

    def judge(self, response: bytes, nonce: bytes = NONCE) -> Verdict | Failure:
        return ocsp.judge(response, self.leaf.der, self.authority.der, int(time.time()), nonce)

    def told(self, **fields: Any) -> Verdict | Failure:
        return self.judge(self.ledger.answer(self.ask(), **fields))


def scene(**fields: Any) -> Scene:
    authority = Authority("OCSP Root", **fields)
    return Scene(authority, Ledger(authority), authority.leaf("a.example"),
                 authority.leaf("b.example"))


@pytest.fixture(scope="module")
def plain() -> Scene:
    return scene()


def reason(outcome: Verdict | Failure) -> str:
    return outcome.reason if isinstance(outcome, Failure) else outcome.status


# What is believed


def test_request_names_certificate_by_sha1_and_carries_the_nonce(plain: Scene) -> None:
    """The request is that which cryptography makes for the same certificate."""
    asked = library.load_der_ocsp_request(plain.ask())
    wanted = library.OCSPRequestBuilder().add_certificate(
        plain.leaf.certificate, plain.authority.certificate, hashes.SHA1()).build()
    assert (asked.issuer_name_hash, asked.issuer_key_hash, asked.serial_number) == (
        wanted.issuer_name_hash, wanted.issuer_key_hash, wanted.serial_number)
    assert asked.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == NONCE
    assert not library.load_der_ocsp_request(plain.ask(b"")).extensions


def test_good_by_the_issuer(plain: Scene) -> None:
    """An answer signed by the issuer is believed, and keeps its dates."""
    now = int(time.time())
    verdict = plain.told(this_update=now - HOUR, next_update=now + HOUR)
    assert isinstance(verdict, Verdict)
    assert (verdict.status, verdict.source) == ("good", "ocsp")
    assert (verdict.this_update, verdict.next_update) == (now - HOUR, now + HOUR)


@pytest.mark.parametrize("word", ["keyCompromise", "certificateHold", "superseded", "unspecified"])
def test_revoked_tells_reason_and_time(word: str) -> None:
    """A revoked certificate is told with the reason of the CA and the time."""
    ours = scene()
    at = int(time.time()) - 3 * DAY
    ours.ledger.revoke(ours.leaf, word, at)
    verdict = ours.told()
    assert isinstance(verdict, Verdict)
    assert (verdict.status, verdict.reason, verdict.revoked_at) == ("revoked", word, at)


@pytest.mark.parametrize("fields", [
    {"key": "rsa2048"}, {"key": "p384", "hash": "sha384"}, {"key": "ed25519"}, {"key": "ed448"},
], ids=lambda fields: fields["key"])
def test_keys_of_every_kind_verify(fields: dict[str, str]) -> None:
    """Signatures of RSA, ECDSA, Ed25519 and Ed448 verify, and a turned bit in them does not."""
    ours = scene(**fields)
    assert reason(ours.told()) == "good"
    assert reason(ours.told(tampered=True)) == "bad_signature"


def test_responder_named_by_key_hash(plain: Scene) -> None:
    """byKey is as good as byName."""
    assert reason(plain.told(by_key=True)) == "good"


def responder(scene: Scene, **fields: Any) -> Issued:
    fields = {"purposes": ("ocsp",), "san": None, "subject": "Responder", **fields}
    return scene.authority.leaf("responder", **fields)


def test_delegated_responder(plain: Scene) -> None:
    """A responder whom the issuer appointed is believed, by name and by key."""
    signer = responder(plain)
    for by_key in (False, True):
        assert reason(plain.told(signer=signer, chain=[signer], by_key=by_key)) == "good"


@pytest.mark.parametrize(("fields", "why"), [
    ({"purposes": ("server",)}, "not meant for OCSP signing"),
    ({"purposes": None}, "not meant for OCSP signing"),
    ({"not_after": int(time.time()) - DAY}, "has expired"),
    ({"not_before": int(time.time()) + DAY}, "not yet valid"),
    ({"tampered": True}, "not issued by the issuer"),
])
def test_responder_that_was_not_appointed(plain: Scene, fields: dict[str, Any], why: str) -> None:
    """A certificate of the CA without the purpose, out of date or tampered with appoints nobody."""
    signer = responder(plain, **fields)
    outcome = plain.told(signer=signer, chain=[signer])
    assert isinstance(outcome, Failure)
    assert outcome.reason == "wrong_responder"
    assert why in outcome.message


def test_responder_of_another_ca(plain: Scene) -> None:
    """A responder of another CA is not believed, though that CA bears the same name."""
    for name in ("OCSP Root", "Another Root"):
        other = Authority(name)
        signer = other.leaf("r", purposes=("ocsp",), subject="Responder")
        assert reason(plain.told(signer=signer, chain=[signer])) == "wrong_responder"


def test_another_ca_as_signer(plain: Scene) -> None:
    """An answer signed by another CA is refused: by name at once, else by its signature."""
    assert reason(plain.told(signer=Authority("Another Root"))) == "wrong_responder"
    assert reason(plain.told(signer=Authority("OCSP Root"))) == "bad_signature"


def test_leaf_cannot_answer_for_itself(plain: Scene) -> None:
    """The certificate that was asked about does not appoint itself."""
    assert reason(plain.told(signer=plain.leaf, chain=[plain.leaf])) == "wrong_responder"


@pytest.mark.parametrize("digest", [hashes.SHA384(), hashes.SHA512()], ids=lambda h: h.name)
def test_stronger_hashes(digest: hashes.HashAlgorithm, plain: Scene) -> None:
    """SHA-384 and SHA-512 signatures verify."""
    assert reason(plain.told(hash=digest)) == "good"


@pytest.mark.parametrize(("scheme", "wanted"), [
    ("pss", "good"), ("sha1", "weak_signature"), ("md5", "weak_signature")])
def test_rsa_schemes(scheme: str, wanted: str) -> None:
    """RSA-PSS verifies; SHA-1 and MD5 are refused, as browsers do."""
    ours = scene(key="rsa2048")
    assert reason(ours.told(by_hand=scheme)) == wanted
    if wanted == "good":
        assert reason(ours.told(by_hand=scheme, tampered=True)) == "bad_signature"


def test_issuer_with_a_key_that_cannot_be_verified() -> None:
    """That the issuer has an SM2 key is not the same as a bad signature."""
    authority, twin = Authority("SM2 Root", key="sm2"), Authority("SM2 Root")
    leaf = authority.leaf("a.example")
    response = Ledger(twin).answer(ocsp.request(leaf.der, authority.der))
    outcome = ocsp.judge(response, leaf.der, authority.der, int(time.time()))
    assert reason(outcome) == "unknown_algorithm"


# What it is about


def test_wrong_certificate(plain: Scene) -> None:
    """An answer about another certificate of the CA says nothing about this one."""
    assert reason(plain.told(about=plain.other)) == "wrong_certificate"


def test_same_serial_of_another_ca(plain: Scene) -> None:
    """The serial number alone does not identify: the answer is about a certificate of a CA of the
    same name and another key."""
    twin = Authority("OCSP Root")
    leaf = twin.leaf("a.example", serial=plain.leaf.certificate.serial_number)
    response = plain.ledger.answer(ocsp.request(leaf.der, twin.der))
    assert reason(plain.judge(response)) == "wrong_certificate"


def test_certid_by_sha256(plain: Scene) -> None:
    """A responder may name the certificate by another hash than was asked by."""
    request = library.OCSPRequestBuilder().add_certificate(
        plain.leaf.certificate, plain.authority.certificate, hashes.SHA256()).build()
    response = plain.ledger.answer(request.public_bytes(Encoding.DER))
    assert reason(plain.judge(response)) == "good"


def test_serial_of_zero_is_asked_for() -> None:
    """A certificate that libraries refuse to read can be asked for all the same."""
    authority = Authority("Old Root")
    leaf = authority.leaf("a.example", serial=0x7F)
    ledger = Ledger(authority)
    ledger.revoke(leaf, "superseded")
    outcome = ocsp.judge(ledger.answer(ocsp.request(leaf.der, authority.der)), leaf.der,
                         authority.der, int(time.time()))
    assert reason(outcome) == "revoked"


def test_nonce(plain: Scene) -> None:
    """The nonce may be absent from the answer, but must not be another one."""
    assert reason(plain.judge(plain.ledger.answer(plain.ask(b"")))) == "good"
    assert reason(plain.told(nonce=b"x" * 32)) == "wrong_nonce"


def test_unknown_critical_extension(plain: Scene) -> None:
    """A critical extension that is not known makes the answer useless; a harmless one does not."""
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\0")
    assert reason(plain.told(extensions=[(unknown, True)])) == "critical_extension"
    assert reason(plain.told(extensions=[(unknown, False)])) == "good"


# When


@pytest.mark.parametrize(("fields", "wanted"), [
    ({"this_update": 2 * HOUR}, "not_yet_valid"),
    ({"this_update": CLOCK_ALLOWANCE - 60}, "good"),
    ({"this_update": -8 * DAY, "next_update": -DAY}, "stale"),
    ({"this_update": -8 * DAY, "next_update": 60 - CLOCK_ALLOWANCE}, "good"),
    ({"this_update": -HOUR, "next_update": None}, "good"),
    ({"this_update": -2 * DAY, "next_update": None}, "stale"),
    ({"this_update": -HOUR, "next_update": -2 * HOUR}, "malformed"),
])
def test_dates(plain: Scene, fields: dict[str, int | None], wanted: str) -> None:
    """Answers of the future and of the past are refused, with five minutes for the clocks; one that
    does not say how long it holds is believed for a day."""
    now = int(time.time())
    told = plain.told(**{name: None if value is None else now + value
                         for name, value in fields.items()})
    assert reason(told) == wanted


# Refusals and garbage


@pytest.mark.parametrize(("status", "wanted"), [
    (library.OCSPResponseStatus.TRY_LATER, "try_later"),
    (library.OCSPResponseStatus.INTERNAL_ERROR, "try_later"),
    (library.OCSPResponseStatus.UNAUTHORIZED, "unauthorized"),
    (library.OCSPResponseStatus.SIG_REQUIRED, "unauthorized"),
    (library.OCSPResponseStatus.MALFORMED_REQUEST, "unauthorized"),
])
def test_refusals(plain: Scene, status: library.OCSPResponseStatus, wanted: str) -> None:
    """A responder that refuses is told by its reason."""
    assert reason(plain.judge(refuse(status))) == wanted


@pytest.mark.parametrize("garbage", [b"", b"\x30", b"<html>404</html>", b"\x30\x03\x0a\x01\x00",
                                     b"\x30\x84\xff\xff\xff\xff", b"\0" * 1000])
def test_garbage(plain: Scene, garbage: bytes) -> None:
    """What is no OCSP answer is malformed."""
    assert reason(plain.judge(garbage)) == "malformed"


def test_too_large(plain: Scene) -> None:
    """No honest answer has more than 64 KiB; one with many certificates in less is judged."""
    many = [plain.leaf] * (0x10000 // len(plain.leaf.der) + 1)
    assert reason(plain.told(chain=many)) == "too_large"
    assert reason(plain.told(chain=many[:40])) == "good"


@settings(max_examples=300, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 9))
def test_damage_never_makes_an_answer_good(share: float, bit: int) -> None:
    """An answer that was cut, extended or changed in one bit is refused, or says the same."""
    at = int(share * len(_ANSWER))
    changed = {8: _ANSWER[:at], 9: _ANSWER + b"\0"}.get(
        bit, _ANSWER[:at] + bytes((_ANSWER[at] ^ (1 << bit % 8),)) + _ANSWER[at + 1:])
    assert reason(_REVOKED.judge(changed)) != "good"


_REVOKED = scene()
_REVOKED.ledger.revoke(_REVOKED.leaf, "keyCompromise")
_ANSWER = _REVOKED.ledger.answer(_REVOKED.ask())


# The same judged by OpenSSL


def openssl_says(folder: Path, scene: Scene, response: bytes) -> str:
    """good, revoked, unknown, or "" when ``openssl ocsp`` believes nothing of it."""
    (folder / "response").write_bytes(response)
    (folder / "leaf.pem").write_bytes(scene.leaf.certificate_pem)
    (folder / "ca.pem").write_bytes(scene.authority.certificate_pem)
    done = subprocess.run(
        [process.program("openssl"), "ocsp", "-respin", "response", "-CAfile", "ca.pem", "-issuer",
         "ca.pem", "-cert", "leaf.pem", "-no_nonce"], cwd=folder, capture_output=True, text=True)
    if "Response verify OK" not in done.stderr or "WARNING: Status times invalid" in done.stdout:
        return ""
    return next((word for word in ("good", "revoked", "unknown")
                 if f"leaf.pem: {word}" in done.stdout), "")


_SAME: dict[str, Callable[[Scene], bytes]] = {
    "good": lambda s: s.ledger.answer(s.ask(b"")),
    "by key": lambda s: s.ledger.answer(s.ask(b""), by_key=True),
    "delegated": lambda s: s.ledger.answer(
        s.ask(b""), signer=_appointed(s), chain=[_appointed(s)]),
    "not appointed": lambda s: s.ledger.answer(
        s.ask(b""), signer=_server(s), chain=[_server(s)]),
    "tampered": lambda s: s.ledger.answer(s.ask(b""), tampered=True),
    "other signer": lambda s: s.ledger.answer(s.ask(b""), signer=Authority("Another Root")),
    "twin signer": lambda s: s.ledger.answer(s.ask(b""), signer=Authority("OCSP Root")),
    "other certificate": lambda s: s.ledger.answer(s.ask(b""), about=s.other),
    "stale": lambda s: s.ledger.answer(
        s.ask(b""), this_update=int(time.time()) - 8 * DAY, next_update=int(time.time()) - DAY),
    "future": lambda s: s.ledger.answer(
        s.ask(b""), this_update=int(time.time()) + DAY, next_update=int(time.time()) + 2 * DAY),
    "try later": lambda s: refuse(library.OCSPResponseStatus.TRY_LATER),
    "garbage": lambda s: b"garbage",
}
_made: dict[tuple[int, str], Issued] = {}


def _appointed(s: Scene) -> Issued:
    return _made.setdefault((id(s), "appointed"), responder(s))


def _server(s: Scene) -> Issued:
    return _made.setdefault((id(s), "server"), responder(s, purposes=("server",)))


@pytest.mark.parametrize("case", _SAME)
@pytest.mark.parametrize("revoked", [False, True], ids=["valid", "revoked"])
def test_openssl_says_the_same(needs: Callable[..., str], tmp_path: Path, case: str,
                               revoked: bool) -> None:
    """``openssl ocsp`` believes and refuses the same answers."""
    needs("openssl")
    ours = scene()
    if revoked:
        ours.ledger.revoke(ours.leaf, "keyCompromise")
    response = _SAME[case](ours)
    outcome = ours.judge(response, b"")
    assert openssl_says(tmp_path, ours, response) == (
        outcome.status if isinstance(outcome, Verdict) else "")
