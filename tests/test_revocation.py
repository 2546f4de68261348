"""Revocation of a whole path, with real responders and CRLs over HTTP: the order of asking, what it
comes to, and that answers are shared."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Semaphore
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509 import ocsp as library

from testbed import faults, process
from testbed.pki import Authority, Issued, self_signed
from testbed.revocation import (
    DAY,
    HOUR,
    Ledger,
    Served,
    Site,
    drive,
    huge_crl,
    openssl_crl,
    openssl_responder,
    pem_crl,
    publish,
    refuse,
)
from testbed.serving import serve
from zabbix_ssl.model import Failure, Revocation, Settings
from zabbix_ssl.probing import revocation
from zabbix_ssl.probing.certificates import read
from zabbix_ssl.probing.revocation import Policy, Sources, addresses, check, fetch, sources
from zabbix_ssl.probing.revocation.answers import REASONS, Request, verdict_key
from zabbix_ssl.probing.revocation.store import Store

WAYS = fetch.Ways(addresses.networks(("127.0.0.0/8",)))


def open_sources(directory: Path | None = None, ways: fetch.Ways = WAYS) -> Sources:
    return Sources(Store(str(directory) if directory else None), ways, patience=0)


class World:
    """A root, an intermediate, and an HTTP server that speaks for both."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.root = Authority("Revocation Root")
        self.above = Ledger(self.root)
        self.middle = self.root.authority("Revocation Intermediate")
        self.ledger = Ledger(self.middle)

    def leaf(self, *pointers: str, **fields: Any) -> Issued:
        """A leaf with pointers of these kinds: ocsp, crl."""
        if "ocsp" in pointers:
            fields["ocsp_url"] = self.site.url("ocsp")
        if "crl" in pointers:
            fields["crl_url"] = self.site.url("ca.crl")
        return self.middle.leaf("a.example", **fields)

    def publish(self, **fields: Any) -> None:
        """Puts the responder and the CRL of the intermediate in place."""
        self.site.responder("ocsp", self.ledger, **fields)
        self.site.file("ca.crl", self.ledger.crl())

    def path(self, leaf: Issued, middle: Authority | None = None) -> list[Issued]:
        return [leaf, middle or self.middle, self.root]

    def asked(self) -> list[str]:
        """Paths that were asked for since the last time."""
        asked = [path for _, path in self.site.requests]
        self.site.requests.clear()
        return asked


@pytest.fixture
def world() -> Iterator[World]:
    with publish() as site:
        yield World(site)


def checked(path: Sequence[Issued], ours: Sources | None = None, *, stapled: bytes | None = None,
            policy: Policy | None = None, anchored: bool = True, seconds: float = 10,
            extra: Sequence[bytes] = ()) -> Revocation:
    ours = ours or open_sources()
    certificates = [read(issued.der) for issued in path]
    return drive(check(certificates, anchored, stapled, policy or Policy(), ours.store,
                       int(time.time()), extra), ours, seconds)


def said(revocation: Revocation) -> tuple[str, str, str]:
    return revocation.status, revocation.source, revocation.reason


def codes(revocation: Revocation) -> list[str]:
    return [fault.code for fault in revocation.faults]


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
    found = checked(world.path(leaf), open_sources(ways=fetch.Ways()))
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


# Shared and polite


def test_answers_are_shared(world: World, tmp_path: Path) -> None:
    """An answer is asked for once: in this process, and in the next one."""
    leaf = world.leaf("ocsp")
    world.publish()
    ours = open_sources(tmp_path / "kept")
    for one in (ours, ours, open_sources(tmp_path / "kept")):
        assert said(checked(world.path(leaf), one)) == ("good", "ocsp", "")
    assert world.asked() == ["/ocsp"]


def test_staple_serves_those_who_are_not_sent_one(world: World, tmp_path: Path) -> None:
    """What a stapled answer told is known when another node of the site sends none."""
    leaf, ours = world.leaf("ocsp"), open_sources(tmp_path / "kept")
    staple = world.ledger.staple(leaf)
    assert checked(world.path(leaf), ours, stapled=staple).source == "stapled"
    assert said(checked(world.path(leaf), ours)) == ("good", "ocsp", "")
    assert checked(world.path(leaf), ours, stapled=staple).source == "stapled"
    assert world.asked() == []


def age(ours: Sources, leaf: Issued, issuer: Issued, seconds: int, **fields: Any) -> None:
    """Lets the answer that is kept have been learnt so long ago."""
    key = verdict_key(leaf.der, issuer.der)
    kept = ours.store.verdict(key)
    assert kept is not None
    ours.store.learn(key, kept._replace(learnt_at=kept.learnt_at - seconds, **fields))


@pytest.mark.parametrize("directory", [True, False], ids=["disk", "memory"])
def test_answers_are_asked_for_again(world: World, tmp_path: Path, directory: bool) -> None:
    """An answer holds until its next update, for a day at most and five minutes at least."""
    leaf, now = world.leaf("ocsp"), int(time.time())
    for next_update, seconds, again in (
            (now + 9 * DAY, DAY - 60, False), (now + 9 * DAY, DAY + 60, True),
            (now + HOUR, 10, False), (now + 1, 4 * 60, False), (now - 60, 6 * 60, True)):
        ours = open_sources(tmp_path / f"{next_update}{seconds}" if directory else None)
        world.publish(next_update=next_update)
        checked(world.path(leaf), ours)
        world.asked()
        age(ours, leaf, world.middle, seconds)
        checked(world.path(leaf), ours)
        assert bool(world.asked()) == again


def test_last_valid_answer_stands_in(world: World, tmp_path: Path) -> None:
    """When the responder is down the last answer counts until its next update, and not beyond."""
    leaf, ours = world.leaf("ocsp"), open_sources(tmp_path / "kept")
    world.publish(next_update=int(time.time()) + 9 * DAY)
    checked(world.path(leaf), ours)
    world.site.handle("ocsp", lambda *_: Served(b"", 500))
    age(ours, leaf, world.middle, 2 * DAY)
    assert said(checked(world.path(leaf), ours)) == ("good", "ocsp", "")
    assert "/ocsp" in world.asked()
    age(ours, leaf, world.middle, 0, next_update=int(time.time()) - HOUR)
    assert said(checked(world.path(leaf), ours)) == ("unknown", "", "http_status")


def test_dead_responder_is_remembered(world: World, tmp_path: Path) -> None:
    """A responder that is not there is not tried for each certificate, nor by the next process."""
    with faults.refusing() as port:
        leaves = [world.middle.leaf(f"{n}.example", ocsp_url=f"http://127.0.0.1:{port}/")
                  for n in range(3)]
        first = checked(world.path(leaves[0]), open_sources(tmp_path / "kept"))
        assert said(first) == ("unknown", "", "unreachable")
        with process.listener(port=port) as listening:
            listening.settimeout(0.2)
            for leaf in leaves[1:]:
                later = checked(world.path(leaf), open_sources(tmp_path / "kept"))
                assert said(later) == ("unknown", "", "unreachable")
            with pytest.raises(TimeoutError):
                listening.accept()


def test_failure_is_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure is remembered for its time and no longer."""
    leaf, ours = world.leaf("crl"), open_sources()
    assert checked(world.path(leaf), ours).reason == "http_status"
    world.publish()
    world.asked()
    assert checked(world.path(leaf), ours).reason == "http_status"
    assert world.asked() == []
    monkeypatch.setattr(sources, "FAILURE_SECONDS", 0)
    assert checked(world.path(leaf), ours).status == "good"


def test_one_crl_for_many(world: World, tmp_path: Path) -> None:
    """A hundred certificates of an issuer take one CRL."""
    world.ledger.revoke(world.leaf("crl", serial=1050))
    world.publish()
    ours = open_sources(tmp_path / "kept")
    statuses = [checked(world.path(world.leaf("crl", serial=serial)), ours).status
                for serial in range(1000, 1100)]
    assert [at for at, status in enumerate(statuses) if status == "revoked"] == [50]
    assert world.asked() == ["/ca.crl"]


def test_crl_is_asked_for_by_condition(world: World, tmp_path: Path) -> None:
    """A CRL that is a day old is asked for again by its ETag, and not sent again."""
    kept, serials = tmp_path / "kept", iter(range(2000, 3000))
    world.site.file("ca.crl", world.ledger.crl(next_update=int(time.time()) + 9 * DAY))
    statuses = []
    handler = world.site._handlers["ca.crl"]

    def counted(*asked: Any) -> Served:
        served = handler(*asked)
        statuses.append(served.status)
        return served

    world.site.handle("ca.crl", counted)

    def again() -> str:
        leaf = world.leaf("crl", serial=next(serials))
        return checked(world.path(leaf), open_sources(kept)).status

    assert again() == "good"
    for file in kept.glob("*.entry"):
        os.utime(file, (time.time() - DAY - 60,) * 2)
    assert again() == again() == "good"
    assert statuses == [200, 304]


def test_crl_stands_in_for_its_successor(world: World, tmp_path: Path) -> None:
    """When a new CRL is broken, or older than the last one, the last one counts while fresh."""
    kept, serials = tmp_path / "kept", iter(range(3000, 4000))
    now = int(time.time())
    world.ledger.revoke(world.leaf(serial=3500))
    world.site.file("ca.crl", world.ledger.crl(next_update=now + 9 * DAY))

    def again(serial: int = 0) -> str:
        leaf = world.leaf("crl", serial=serial or next(serials))
        return checked(world.path(leaf), open_sources(kept)).status

    assert again() == "good"
    older = Ledger(world.middle).crl(this_update=now - 3 * DAY, next_update=now + DAY)
    for successor in (b"garbage", world.ledger.crl(tampered=True), older):
        for file in kept.glob("*.entry"):
            os.utime(file, (now - DAY - 60,) * 2)
        world.site.file("ca.crl", successor)
        assert again() == "good"
        assert again(3500) == "revoked"


def test_large_crl_is_mapped_not_read(world: World, tmp_path: Path) -> None:
    """A CRL of 100,000 entries is fetched, kept with its index, and looked into by the next."""
    listed = world.leaf("crl", serial=2 ** 100 + 77)
    world.site.file("ca.crl", huge_crl(world.middle, (2 ** 100 + n for n in range(100_000))))
    for _ in range(2):
        ours = open_sources(tmp_path / "kept")
        assert said(checked(world.path(listed), ours)) == ("revoked", "crl", "keyCompromise")
        assert checked(world.path(world.leaf("crl")), ours).status == "good"
    assert world.asked() == ["/ca.crl"]


_ASKING = """
import sys, time
from zabbix_ssl.probing.revocation import Sources, addresses, fetch
from zabbix_ssl.probing.revocation.answers import Request
from zabbix_ssl.probing.revocation.store import Store
directory, url, leaf, issuer = sys.argv[1:]
sources = Sources(Store(directory), fetch.Ways(addresses.networks(("127.0.0.0/8",))))
request = Request("ocsp", url, bytes.fromhex(leaf), (bytes.fromhex(issuer),))
print(sources.ask(request, time.monotonic() + 10).status)
"""


def test_one_fetch_between_processes(world: World, tmp_path: Path) -> None:
    """Of processes that want the same answer at once one asks, and all have it."""
    leaf = world.leaf("ocsp")
    world.publish()
    quick = world.site._handlers["ocsp"]

    def slow(*asked: Any) -> Served:
        time.sleep(1)
        return quick(*asked)

    world.site.handle("ocsp", slow)
    argv = [sys.executable, "-c", _ASKING, str(tmp_path / "kept"), world.site.url("ocsp"),
            leaf.der.hex(), world.middle.der.hex()]
    asking = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[0] for process in asking] == ["good\n"] * 3
    assert len(world.asked()) == 1


def test_few_connections_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many certificates are asked about at once, one server sees few connections."""
    monkeypatch.setattr(sources, "_AT_ONCE", 3)
    world.publish()
    quick, there = world.site._handlers["ocsp"], Semaphore(3)
    crowded: list[bool] = []

    def slow(*asked: Any) -> Served:
        crowded.append(not there.acquire(blocking=False))
        time.sleep(0.02)
        there.release()
        return quick(*asked)

    world.site.handle("ocsp", slow)
    ours = open_sources()
    with ThreadPoolExecutor(20) as many:
        found = list(many.map(
            lambda leaf: checked(world.path(leaf), ours).status,
            [world.leaf("ocsp") for _ in range(20)]))
    assert found == ["good"] * 20
    assert crowded == [False] * 20


# What is kept is not believed blindly


def test_damaged_files_are_misses(world: World, tmp_path: Path) -> None:
    """Files that are torn, exchanged or not ours are asked past, not believed."""
    kept = tmp_path / "kept"
    one, other = world.leaf("ocsp", "crl"), world.leaf("crl", serial=5)
    world.publish()
    for leaf in (one, other):
        checked(world.path(leaf), open_sources(kept))
    whole = {file: file.read_bytes() for file in kept.glob("*.entry")}
    swapped = dict(zip(whole, [*list(whole.values())[1:], next(iter(whole.values()))], strict=True))
    half = {file: data[len(data) // 2:] for file, data in whole.items()}
    for damaged in (dict.fromkeys(whole, b""), dict.fromkeys(whole, b"\0" * 100), half, swapped,
                    {file: data[:-1] for file, data in whole.items()}):
        for file, data in damaged.items():
            file.write_bytes(data)
        for leaf in (one, other):
            assert checked(world.path(leaf), open_sources(kept)).status == "good"


@pytest.mark.parametrize("fault", ["link", "writable", "file", "absent"])
def test_directories_that_are_not_trusted(world: World, tmp_path: Path, fault: str) -> None:
    """Where the directory may be somebody else's nothing is kept, and answers are had all the
    same."""
    kept = tmp_path / "kept"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if fault == "link":
        kept.symlink_to(elsewhere)
    elif fault == "writable":
        kept.mkdir()
        kept.chmod(0o777)
    elif fault == "file":
        kept.write_bytes(b"")
    else:
        kept = tmp_path / "no" / "such" / "parent"
    world.publish()
    ours = open_sources(kept)
    for leaf in (world.leaf("ocsp"), world.leaf("crl")):
        assert checked(world.path(leaf), ours).status == "good"
        assert checked(world.path(leaf), ours).status == "good"
    assert world.asked() == ["/ocsp", "/ca.crl"]
    assert not list(elsewhere.iterdir())
    assert not (kept.is_dir() and list(kept.iterdir()))


def test_planted_file_is_not_followed(world: World, tmp_path: Path) -> None:
    """A link in the place of an answer is neither read nor written through."""
    kept, leaf = tmp_path / "kept", world.leaf("ocsp")
    world.publish()
    checked(world.path(leaf), open_sources(kept))
    [file] = kept.glob("*.entry")
    victim = tmp_path / "victim"
    file.rename(victim)
    before = victim.read_bytes()
    file.symlink_to(victim)
    world.asked()
    assert checked(world.path(leaf), open_sources(kept)).status == "good"
    assert len(world.asked()) == 1
    assert victim.read_bytes() == before
    assert not file.is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_shares_with_the_owner_of_the_directory(world: World, tmp_path: Path) -> None:
    """What root keeps in the directory of another user becomes that user's, who uses it too."""
    settings = Settings(answers_dir=str(tmp_path), revocation_networks=("127.0.0.0/8",))
    os.chown(tmp_path, 12345, 12345)
    world.publish()
    ours = revocation.open_sources(settings, settings.answers_dir)
    for leaf in (world.leaf("ocsp"), world.leaf("crl")):
        assert checked(world.path(leaf), ours).status == "good"
    kept = [tmp_path / "answers", *(tmp_path / "answers").iterdir()]
    assert len(kept) > 3
    assert {path.stat().st_uid for path in kept} == {12345}


def test_disk_of_crls_is_bounded(world: World, tmp_path: Path,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """CRLs do not fill the disk: the ones used longest ago go."""
    monkeypatch.setattr("zabbix_ssl.probing.revocation.store._CRLS_BYTES", 30_000)
    ours = open_sources(tmp_path / "kept")
    world.publish()
    for number in range(20):
        world.site.file(f"{number}.crl", huge_crl(world.middle, range(1, 200)))
        leaf = world.middle.leaf("a.example", crl_url=world.site.url(f"{number}.crl"))
        assert checked(world.path(leaf), ours).status == "good"
    assert sum(file.stat().st_size for file in (tmp_path / "kept").iterdir()) < 40_000


# --crl-dir


def test_directory_that_changes(world: World, tmp_path: Path,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    """A CRL that is put in, replaced or taken away counts at the next check."""
    monkeypatch.setattr("zabbix_ssl.probing.revocation.local._LOOK_EVERY", 0)
    leaf, ours = world.leaf("crl"), open_sources()
    policy, file = Policy(str(tmp_path), offline=True), tmp_path / "x.crl"

    def status() -> str:
        return checked(world.path(leaf), ours, policy=policy).status

    assert status() == "unknown"
    file.write_bytes(world.ledger.crl())
    assert status() == status() == "good"
    world.ledger.revoke(leaf)
    file.write_bytes(world.ledger.crl())
    assert status() == "revoked"
    file.unlink()
    assert status() == "unknown"


def test_odd_files_in_the_directory(world: World, tmp_path: Path) -> None:
    """Links of c_rehash, FIFOs, folders, certificates and garbage do no harm."""
    (tmp_path / "x.crl").write_bytes(world.ledger.crl())
    (tmp_path / "0123abcd.r0").symlink_to("x.crl")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "ca.pem").write_bytes(world.middle.pem)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    policy = Policy(str(tmp_path), offline=True)
    assert said(checked(world.path(world.leaf("crl")), policy=policy)) == ("good", "crl_dir", "")
    (tmp_path / "x.crl").write_bytes(world.ledger.crl(tampered=True))
    found = checked(world.path(world.leaf("crl")), policy=policy)
    assert said(found) == ("unknown", "", "bad_signature")
    assert "x.crl" in found.message
    (tmp_path / "x.crl").unlink()
    assert "ca.pem" in checked(world.path(world.leaf("crl")), policy=policy).message


@pytest.mark.parametrize("path", ["absent", "file"])
def test_directory_that_cannot_be_read(world: World, tmp_path: Path, path: str) -> None:
    """A directory that is not there or is none is told."""
    (tmp_path / "file").write_bytes(b"")
    policy = Policy(str(tmp_path / path), offline=True)
    found = checked(world.path(world.leaf("crl")), policy=policy)
    assert said(found) == ("unknown", "", "no_local_crl")
    assert str(tmp_path / path) in found.message
