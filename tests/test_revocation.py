"""Revocation of a whole path, with real responders and CRLs over HTTP: whom to ask in which order,
and what it comes to."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509 import ocsp as library
from revocations import World, checked, codes, open_sources, said

from testbed import faults, process
from testbed.pki import Authority, self_signed
from testbed.revocation import (
    DAY,
    HOUR,
    Ledger,
    Served,
    openssl_crl,
    openssl_responder,
    pem_crl,
    publish,
    refuse,
)
from testbed.serving import serve
from zabbix_ssl.model import Failure
from zabbix_ssl.probing.revocation import Policy, addresses
from zabbix_ssl.probing.revocation.answers import REASONS, Request


@pytest.fixture
def world() -> Iterator[World]:
    with publish() as site:
        yield World(site)


# Order of asking


def test_ocsp_first(world: World) -> None:
    """OCSP is asked before the CRL, and a verified answer ends the search."""
    leaf = world.leaf("ocsp", "crl")
    world.publish()
    assert said(checked(world.path(leaf))) == ("good", "ocsp", "")
    assert world.asked() == ["/ocsp"]
    world.ledger.revoke(leaf, "keyCompromise")
    found = checked(world.path(leaf))
    assert said(found) == ("revoked", "ocsp", "keyCompromise")
    assert codes(found) == ["revoked"]
    assert found.subject == "CN=a.example"


def test_crl_when_ocsp_says_nothing(world: World) -> None:
    """The CRL is asked when the responder fails; it alone counts where there is no responder."""
    leaf = world.leaf("ocsp", "crl")
    world.ledger.revoke(leaf, "superseded")
    world.site.file("ca.crl", world.ledger.crl())
    assert said(checked(world.path(leaf))) == ("revoked", "crl", "superseded")
    assert world.asked()[-1] == "/ca.crl"
    assert said(checked(world.path(world.leaf("crl", serial=77)))) == ("good", "crl", "")
    assert world.asked() == ["/ca.crl"]


def test_staple_first(world: World) -> None:
    """A stapled answer that verifies is believed, and nobody is asked."""
    leaf = world.leaf("ocsp", "crl")
    world.publish()
    assert said(checked(world.path(leaf), stapled=world.ledger.staple(leaf))) == (
        "good", "stapled", "")
    world.ledger.revoke(leaf, "keyCompromise")
    assert said(checked(world.path(leaf), stapled=world.ledger.staple(leaf))) == (
        "revoked", "stapled", "keyCompromise")
    assert world.asked() == []


@pytest.mark.parametrize("fields", [
    {"tampered": True},
    {"this_update": int(time.time()) - 2 * DAY, "next_update": int(time.time()) - DAY},
    {"signer": Authority("Stranger")}])
def test_bad_staple_is_told_and_asked_past(world: World, fields: dict[str, Any]) -> None:
    """A stapled answer that does not verify is a finding, and the responder is asked."""
    leaf = world.leaf("ocsp")
    world.publish()
    found = checked(world.path(leaf), stapled=world.ledger.staple(leaf, **fields))
    assert said(found) == ("good", "ocsp", "")
    assert codes(found) == ["bad_staple"]
    assert world.asked() == ["/ocsp"]


def test_local_crls_before_the_network(world: World, tmp_path: Path) -> None:
    """--crl-dir is looked at before anything online; what it does not tell is asked online."""
    leaf = world.leaf("ocsp", "crl")
    world.publish()
    (tmp_path / "middle.crl").write_bytes(world.ledger.crl())
    (tmp_path / "unrelated.pem").write_bytes(pem_crl(Ledger(Authority("Stranger")).crl()))
    policy = Policy(str(tmp_path))
    assert said(checked(world.path(leaf), policy=policy)) == ("good", "crl_dir", "")
    assert world.asked() == []
    (tmp_path / "middle.crl").unlink()
    assert said(checked(world.path(leaf), policy=policy)) == ("good", "ocsp", "")


@pytest.mark.parametrize("form", ["pem", "der"])
def test_offline(world: World, tmp_path: Path, form: str) -> None:
    """Under --offline the directory alone speaks; without it that is told, not guessed."""
    leaf, other = world.leaf("ocsp", "crl"), world.leaf("ocsp")
    world.publish()
    world.ledger.revoke(leaf, "keyCompromise")
    crl = world.ledger.crl()
    (tmp_path / "x.any").write_bytes(crl if form == "der" else pem_crl(crl))
    policy = Policy(str(tmp_path), offline=True)
    assert said(checked(world.path(leaf), policy=policy)) == (
        "revoked", "crl_dir", "keyCompromise")
    assert said(checked(world.path(other), policy=policy)) == ("good", "crl_dir", "")
    assert said(checked(world.path(leaf), policy=Policy(offline=True))) == (
        "unknown", "", "offline")
    (tmp_path / "x.any").unlink()
    found = checked(world.path(leaf), policy=policy)
    assert said(found) == ("unknown", "", "no_local_crl")
    assert codes(found) == ["revocation_unknown"]
    assert world.asked() == []


def test_offline_does_not_use_what_was_learnt_online(world: World) -> None:
    """Under --offline an answer of the network from before does not count."""
    leaf, ours = world.leaf("ocsp"), open_sources()
    world.publish()
    assert checked(world.path(leaf), ours).status == "good"
    assert said(checked(world.path(leaf), ours, policy=Policy(offline=True))) == (
        "unknown", "", "offline")


def test_revoked_wins(world: World, tmp_path: Path) -> None:
    """Revoked by one verified source wins over good by another, whichever comes first."""
    leaf, ours = world.leaf("ocsp"), open_sources()
    good = world.ledger.staple(leaf)
    world.ledger.revoke(leaf, "keyCompromise")
    world.publish()
    (tmp_path / "x.crl").write_bytes(world.ledger.crl())
    assert said(checked(world.path(leaf), stapled=good)) == ("good", "stapled", "")
    local = Policy(str(tmp_path))
    assert said(checked(world.path(leaf), stapled=good, policy=local)) == (
        "revoked", "crl_dir", "keyCompromise")
    assert checked(world.path(leaf), ours).source == "ocsp"
    assert said(checked(world.path(leaf), ours, stapled=good)) == (
        "revoked", "ocsp", "keyCompromise")
    (tmp_path / "x.crl").write_bytes(Ledger(world.middle).crl())
    revoked = world.ledger.staple(leaf)
    assert said(checked(world.path(leaf), stapled=revoked, policy=local)) == (
        "revoked", "stapled", "keyCompromise")


# must-staple


def test_must_staple(world: World) -> None:
    """A certificate that demands a stapled answer is violated without one that verifies."""
    leaf = world.leaf("ocsp", must_staple=True)
    world.publish()
    found = checked(world.path(leaf))
    assert (found.status, found.must_staple_violated, codes(found)) == (
        "good", True, ["must_staple_violated"])
    found = checked(world.path(leaf), stapled=world.ledger.staple(leaf))
    assert (found.must_staple_violated, codes(found)) == (False, [])
    found = checked(world.path(leaf), stapled=world.ledger.staple(leaf, tampered=True))
    assert (found.must_staple_violated, codes(found)) == (True, ["must_staple_violated"])
    found = checked([leaf], stapled=world.ledger.staple(leaf), anchored=False)
    assert found.must_staple_violated is None
    assert checked([leaf], anchored=False).must_staple_violated is True
    assert checked(world.path(world.leaf("ocsp"))).must_staple_violated is False


# Intermediates


def test_revoked_intermediate_is_named(world: World) -> None:
    """The certificates above the leaf are asked for too, and the one that is revoked is named."""
    middle = world.root.authority("Revoked Intermediate", crl_url=world.site.url("root.crl"))
    world.above.revoke(middle, "cACompromise")
    world.site.file("root.crl", world.above.crl())
    leaf = middle.leaf("a.example", ocsp_url=world.site.url("ocsp"))
    world.site.responder("ocsp", Ledger(middle))
    found = checked(world.path(leaf, middle))
    assert said(found) == ("revoked", "crl", "cACompromise")
    assert found.subject == "CN=Revoked Intermediate"
    world.above.revoked.clear()
    world.site.file("root.crl", world.above.crl())
    assert said(checked(world.path(leaf, middle))) == ("good", "ocsp", "")


def test_unknown_intermediate_is_worse_than_a_good_leaf(world: World) -> None:
    """What could not be learnt about an intermediate is told, rather than the good of the leaf."""
    middle = world.root.authority("Lost Intermediate", crl_url=world.site.url("lost.crl"))
    leaf = middle.leaf("a.example", ocsp_url=world.site.url("ocsp"))
    world.site.responder("ocsp", Ledger(middle))
    found = checked(world.path(leaf, middle))
    assert said(found) == ("unknown", "", "http_status")
    assert found.subject == "CN=Lost Intermediate"
    assert world.site.url("lost.crl") in found.message


def test_root_is_not_asked_for(world: World) -> None:
    """Nobody can revoke a trust anchor but who trusts it: its pointers are left alone, also when it
    is no root."""
    root = Authority("Pointed Root", crl_url=world.site.url("root.crl"))
    leaf = root.leaf("a.example", ocsp_url=world.site.url("ocsp"))
    world.site.responder("ocsp", Ledger(root))
    assert checked([leaf, root]).status == "good"
    anchor = world.root.authority("Anchor", crl_url=world.site.url("anchor.crl"))
    leaf = anchor.leaf("a.example", ocsp_url=world.site.url("anchored"))
    world.site.responder("anchored", Ledger(anchor))
    assert checked([leaf, anchor]).status == "good"
    assert world.asked() == ["/ocsp", "/anchored"]
    assert said(checked([leaf, anchor], anchored=False)) == ("unknown", "", "no_issuer")


# Not applicable, and unknown


def test_no_pointer(world: World, tmp_path: Path) -> None:
    """A certificate without pointers is not applicable, unless a local CRL speaks for it."""
    leaf = world.leaf()
    found = checked(world.path(leaf))
    assert (*said(found), codes(found)) == ("not_applicable", "", "no_pointer", [])
    policy = Policy(str(tmp_path), offline=True)
    assert said(checked(world.path(leaf), policy=policy)) == ("not_applicable", "", "no_pointer")
    (tmp_path / "x.crl").write_bytes(world.ledger.crl())
    assert said(checked(world.path(leaf), policy=policy)) == ("good", "crl_dir", "")
    now = int(time.time())
    (tmp_path / "x.crl").write_bytes(world.ledger.crl(
        this_update=now - 2 * DAY, next_update=now - DAY))
    assert said(checked(world.path(leaf), policy=policy)) == ("unknown", "", "stale")


BEFORE, SINCE = 1772323200, 1774000000  # 2026-03-01, 2026-03-20


@pytest.mark.parametrize(("not_before", "days", "short"), [
    (SINCE, 7, True), (SINCE, 7 + 1 / 86400, False), (SINCE, 10, False),
    (BEFORE, 10, True), (BEFORE, 11, False), (1700000000, 6, False)])
def test_short_lived(world: World, not_before: int, days: float, short: bool) -> None:
    """Short-lived are seven days since March 2026, ten before, none before March 2024; the last
    second belongs to the validity."""
    leaf = world.leaf("crl", not_before=not_before,
                      not_after=not_before + round(days * DAY) - 1)
    world.publish()
    assert said(checked(world.path(leaf))) == (
        ("not_applicable", "", "short_lived") if short else ("good", "crl", ""))
    assert bool(world.asked()) != short


def test_short_lived_is_still_revoked_by_what_is_at_hand(world: World) -> None:
    """A stapled "revoked" counts for a short-lived certificate too."""
    leaf = world.leaf("ocsp", not_before=SINCE, not_after=SINCE + 5 * DAY)
    world.ledger.revoke(leaf)
    found = checked(world.path(leaf), stapled=world.ledger.staple(leaf))
    assert found.status == "revoked"


def test_self_signed_and_alone(world: World) -> None:
    """A self-signed certificate is its own issuer; one whose issuer is not there is unknown."""
    alone = self_signed("a.example", ocsp_url=world.site.url("ocsp"))
    assert said(checked([alone], anchored=False)) == ("not_applicable", "", "self_signed")
    found = checked([world.leaf("ocsp")], anchored=False)
    assert (*said(found), codes(found)) == ("unknown", "", "no_issuer", [])
    assert world.asked() == []


def test_ldap_pointer_is_skipped_with_a_word(world: World) -> None:
    """LDAP pointers are not followed; where there is nothing else that is told."""
    leaf = world.middle.leaf("a.example", crl_url="ldap://ldap.example/cn=CRL")
    found = checked(world.path(leaf))
    assert said(found) == ("unknown", "", "unsupported_pointer")
    assert "ldap://ldap.example" in found.message
    both = world.middle.leaf("b.example", extensions=[x509.CRLDistributionPoints([
        x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)
        for url in ("ldap://ldap.example/cn=CRL", world.site.url("ca.crl"))])])
    world.publish()
    assert said(checked(world.path(both))) == ("good", "crl", "")


@pytest.mark.parametrize(("answer", "reason"), [
    (lambda w, asked: Served(b"", 500), "http_status"),
    (lambda w, asked: Served(b"<html>"), "malformed"),
    (lambda w, asked: Served(b"x" * 100_000), "too_large"),
    (lambda w, asked: Served(refuse(library.OCSPResponseStatus.TRY_LATER)), "try_later"),
    (lambda w, asked: Served(refuse(library.OCSPResponseStatus.UNAUTHORIZED)), "unauthorized"),
    (lambda w, asked: Served(w.ledger.answer(asked, tampered=True)), "bad_signature"),
    (lambda w, asked: Served(w.ledger.answer(asked, signer=Authority("Stranger"))),
     "wrong_responder"),
    (lambda w, asked: Served(w.ledger.answer(asked, next_update=int(time.time()) - DAY,
                                             this_update=int(time.time()) - 2 * DAY)), "stale"),
    (lambda w, asked: Served(w.ledger.answer(asked, this_update=int(time.time()) + HOUR)),
     "not_yet_valid"),
    (lambda w, asked: Served(w.ledger.answer(asked, about=w.leaf())), "wrong_certificate"),
    (lambda w, asked: Served(w.ledger.answer(asked, nonce=b"another nonce")), "wrong_nonce"),
    (lambda w, asked: Served(b"", 302, (("Location", "ftp://x/"),)), "redirect"),
])
def test_each_failure_of_ocsp_is_told(
        world: World, answer: Callable[[World, bytes], Served], reason: str) -> None:
    """Each way in which a responder fails is unknown with its own reason: never good, never
    revoked."""
    leaf = world.leaf("ocsp")
    world.site.handle("ocsp", lambda method, path, asked, _: (
        answer(world, asked) if method == "POST" else Served(b"", 404)))
    found = checked(world.path(leaf))
    assert said(found) == ("unknown", "", reason)
    assert codes(found) == ["revocation_unknown"]
    assert world.site.url("ocsp") in found.message
    assert reason in REASONS


@pytest.mark.parametrize(("crl", "reason"), [
    (lambda w: w.ledger.crl(tampered=True), "bad_signature"),
    (lambda w: Ledger(Authority("Stranger")).crl(), "wrong_issuer"),
    (lambda w: w.ledger.crl(next_update=int(time.time()) - DAY,
                            this_update=int(time.time()) - 2 * DAY), "stale"),
    (lambda w: w.ledger.crl(this_update=int(time.time()) + HOUR), "not_yet_valid"),
    (lambda w: w.ledger.crl(extensions=[(x509.IssuingDistributionPoint(
        None, None, False, True, None, False, False), True)]), "wrong_scope"),
    (lambda w: b"garbage", "malformed"),
    (lambda w: b"", "malformed"),
])
def test_each_failure_of_a_crl_is_told(
        world: World, crl: Callable[[World], bytes], reason: str) -> None:
    """Each way in which a CRL is of no use is unknown with its own reason."""
    world.site.file("ca.crl", crl(world))
    assert said(checked(world.path(world.leaf("crl")))) == ("unknown", "", reason)


def test_failures_of_all_pointers_are_told(world: World) -> None:
    """When all fail the reason is that of the first, and the message names every one."""
    found = checked(world.path(world.leaf("ocsp", "crl")))
    assert found.reason == "http_status"
    assert world.site.url("ocsp") in found.message
    assert world.site.url("ca.crl") in found.message


def test_get_when_post_is_refused(world: World) -> None:
    """A responder that knows only GET is asked by GET, without a nonce."""
    leaf = world.leaf("ocsp")
    world.publish()
    by_get = world.site._handlers["ocsp"]
    world.site.handle("ocsp", lambda method, *rest: (
        Served(b"", 405) if method == "POST" else by_get(method, *rest)))
    assert said(checked(world.path(leaf))) == ("good", "ocsp", "")
    assert [method for method, _ in world.site.requests] == ["POST", "GET"]


def test_silent_responder_leaves_time_for_the_crl(world: World) -> None:
    """A responder that never answers does not use up the time of the CRL."""
    with serve(faults.silent) as port:
        leaf = world.middle.leaf("a.example", ocsp_url=f"http://127.0.0.1:{port}/",
                                 crl_url=world.site.url("ca.crl"))
        world.publish()
        assert said(checked(world.path(leaf), seconds=1)) == ("good", "crl", "")
        alone = world.middle.leaf("a.example", ocsp_url=f"http://127.0.0.1:{port}/")
        assert said(checked(world.path(alone), seconds=1)) == ("unknown", "", "timeout")


def test_private_addresses_take_a_word(world: World) -> None:
    """By default a pointer to this machine is refused, and told."""
    leaf = world.leaf("ocsp", "crl")
    world.publish()
    found = checked(world.path(leaf), open_sources(ways=addresses.Ways()))
    assert said(found) == ("unknown", "", "forbidden_address")
    assert "--allow-private-revocation" in found.message
    assert world.asked() == []


def test_indirect_crl_by_a_certificate_of_the_server(world: World) -> None:
    """The signer of an indirect CRL may be among what the server sends, if a CA of the path vouches
    for it; a stranger of that name may not."""
    signer = world.middle.authority("CRL Signer")
    named = x509.CRLDistributionPoints([x509.DistributionPoint(
        [x509.UniformResourceIdentifier(world.site.url("indirect.crl"))], None, None,
        [x509.DirectoryName(signer.certificate.subject)])])
    leaf = world.middle.leaf("a.example", extensions=[named])
    ledger = Ledger(signer)
    ledger.revoke(leaf, "superseded", issuer=world.middle.certificate.subject)
    indirect = x509.IssuingDistributionPoint(None, None, False, False, None, True, False)
    world.site.file("indirect.crl", ledger.crl(extensions=[(indirect, True)]))
    assert said(checked(world.path(leaf), extra=[signer.der])) == ("revoked", "crl", "superseded")
    assert said(checked(world.path(leaf))) == ("unknown", "", "wrong_issuer")
    stranger = Authority("CRL Signer")
    world.site.file("indirect.crl", Ledger(stranger).crl(extensions=[(indirect, True)]))
    assert said(checked(world.path(leaf), extra=[stranger.der])) == ("unknown", "", "wrong_issuer")


def test_delta_is_fetched(world: World) -> None:
    """A delta that the CRL points to counts; when it cannot be had the CRL counts alone."""
    leaf = world.leaf("crl")
    point = x509.FreshestCRL([x509.DistributionPoint(
        [x509.UniformResourceIdentifier(world.site.url("delta.crl"))], None, None, None)])
    world.site.file("ca.crl", world.ledger.crl(number=3, extensions=[(point, False)]))
    assert said(checked(world.path(leaf))) == ("good", "crl", "")
    world.ledger.revoke(leaf, "keyCompromise")
    world.site.file("delta.crl", world.ledger.crl(
        number=4, extensions=[(x509.DeltaCRLIndicator(3), True)]))
    assert said(checked(world.path(leaf))) == ("revoked", "crl", "keyCompromise")


def test_crl_in_pem(world: World) -> None:
    """A CRL that is served as PEM is taken."""
    leaf = world.leaf("crl")
    world.ledger.revoke(leaf)
    world.site.file("ca.crl", pem_crl(world.ledger.crl()))
    assert checked(world.path(leaf)).status == "revoked"


# OpenSSL's own responder, CRLs and verdicts


@pytest.mark.parametrize("delegated", [False, True], ids=["issuer", "delegated"])
def test_openssl_responder(needs: Callable[..., str], tmp_path: Path, delegated: bool) -> None:
    """A real responder, ``openssl ocsp``: good, revoked, and unknown to it."""
    needs("openssl")
    root = Authority("OpenSSL Root")
    ledger = Ledger(root)
    good, revoked, unknown = (root.leaf(f"{name}.example") for name in ("good", "revoked", "un"))
    ledger.revoke(revoked, "keyCompromise")
    signer = root.leaf("responder", purposes=("ocsp",), san=None) if delegated else root
    with openssl_responder(tmp_path, ledger, [good], signer) as url:
        outcomes = []
        for leaf in (good, revoked, unknown):
            request = Request("ocsp", url, leaf.der, (root.der,))
            outcomes.append(open_sources().ask(request, time.monotonic() + 5))
        assert [getattr(outcome, "status", "") for outcome in outcomes] == ["good", "revoked", ""]
        assert isinstance(outcomes[2], Failure)
        assert outcomes[2].reason == "unknown_to_responder"
        says = [subprocess.run(
            [process.program("openssl"), "ocsp", "-url", url, "-issuer", "ca.pem", "-CAfile",
             "ca.pem", "-serial", f"0x{leaf.certificate.serial_number:x}"], cwd=tmp_path,
            capture_output=True, text=True).stdout for leaf in (good, revoked, unknown)]
    for word, text in zip(("good", "revoked", "unknown"), says, strict=True):
        assert f": {word}" in text


def test_openssl_crl_and_verify(needs: Callable[..., str], world: World, tmp_path: Path) -> None:
    """CRLs by ``openssl ca -gencrl`` over HTTP and in a directory, and ``openssl verify
    -crl_check_all`` says the same of leaf and intermediate."""
    needs("openssl")
    folders = [tmp_path / name for name in ("middle", "root", "crls")]
    for folder in folders:
        folder.mkdir()
    middle = world.root.authority("OpenSSL Intermediate", crl_url=world.site.url("root.crl"))
    ledger = Ledger(middle)
    leaf = middle.leaf("a.example", crl_url=world.site.url("ca.crl"))
    for who, in_ledger in ((None, None), (leaf, ledger), (middle, world.above)):
        ledger.revoked.clear()
        if who and in_ledger:
            in_ledger.revoke(who, "superseded")
        crls = openssl_crl(folders[0], ledger), openssl_crl(folders[1], world.above)
        world.site.file("ca.crl", crls[0])
        world.site.file("root.crl", crls[1])
        (folders[2] / "all.pem").write_bytes(b"".join(crls))
        online = checked(world.path(leaf, middle))
        local = checked(world.path(leaf, middle),
                        policy=Policy(str(folders[2]), offline=True))
        for name, data in (("root.pem", world.root.pem), ("chain.pem", leaf.pem)):
            (tmp_path / name).write_bytes(data)
        verdict = subprocess.run(
            [process.program("openssl"), "verify", "-crl_check_all", "-CAfile", "root.pem",
             "-untrusted", "chain.pem", "-CRLfile", "crls/all.pem", "chain.pem"], cwd=tmp_path,
            capture_output=True, text=True)
        says = "revoked" if "certificate revoked" in verdict.stderr else (
            "good" if verdict.returncode == 0 else verdict.stderr)
        assert [online.status, local.status, says] == [("revoked" if who else "good")] * 3
        assert online.subject == ("CN=OpenSSL Intermediate" if who is middle else "CN=a.example")


def test_page_names_every_reason() -> None:
    """docs/revocation.md tells every reason, by the words of the table."""
    page = (Path(__file__).parent.parent / "docs" / "revocation.md").read_text()
    table = page.partition("\n## Reasons\n")[2].rstrip().split("\n| ")[1:]
    assert table[1:] == [f"`{reason}` | {meaning} |" for reason, meaning in REASONS.items()]
