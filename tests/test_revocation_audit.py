"""Revocation and missing intermediates through the engine: real servers, responders and CRLs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from testbed import faults
from testbed.nginx import Site as Server
from testbed.nginx import nginx
from testbed.pki import Authority, Issued
from testbed.revocation import Ledger, Site, publish
from testbed.serving import serve
from zabbix_ssl.metrics import judge
from zabbix_ssl.model import Observation, Settings, Target
from zabbix_ssl.probing import audit_all

HOST = "a.example"
LOOPBACK = ("127.0.0.0/8",)


class World(NamedTuple):
    folder: Path
    site: Site
    root: Authority
    middle: Authority
    ledger: Ledger

    def settings(self, **more: object) -> Settings:
        (self.folder / "root.pem").write_bytes(self.root.pem)
        return Settings(ca_file=str(self.folder / "root.pem"), ca_only=True,
                        allow_private_revocation=LOOPBACK, answers_dir=str(self.folder / "kept"),
                        )._replace(**more)  # type: ignore[arg-type]

    def server(self, leaf: Issued, name: str = HOST, staple: bytes = b"",
               chain: tuple[bytes, ...] | None = None) -> Server:
        directives = ""
        if staple:
            file = self.folder / f"{name}.ocsp"
            file.write_bytes(staple)
            directives = f"ssl_stapling on; ssl_stapling_file {file};"
        return Server(leaf.write(self.folder, name, chain), (name,), directives=directives)

    def audited(self, *servers: Server, settings: Settings | None = None,
                asked: Sequence[Target] = ()) -> list[Observation]:
        """Audits these servers at once, in their order; ``asked``: with more fields of targets."""
        with nginx(self.folder, servers) as running:
            targets = [(target._replace(domain=server.names[0], port=running.ports[0],
                                        address="127.0.0.1"), None)
                       for server, target in zip(servers, asked or [Target("")] * len(servers),
                                                 strict=True)]
            seen = dict(audit_all(targets, settings or self.settings()))
        return [seen[at] for at in range(len(servers))]


@pytest.fixture
def world(needs: Callable[..., str], tmp_path: Path) -> Iterator[World]:
    needs("nginx")
    tmp_path.chmod(0o755)
    (tmp_path / "kept").mkdir()
    root = Authority("Audit Root")
    middle = root.authority("Audit Intermediate")
    with publish() as site:
        yield World(tmp_path, site, root, middle, Ledger(middle))


def statuses(seen: list[Observation]) -> list[tuple[object, ...]]:
    return [tuple(judge(one).values[name] for name in
                  ("revocation_status", "revocation_source", "is_revoked")) for one in seen]


def test_by_staple_ocsp_and_crl(world: World) -> None:
    """Good and revoked by each source, for servers audited at once; every one is a high risk that
    names its certificate."""
    servers = []
    for source, pointers in (("stapled", {}), ("ocsp", {"ocsp_url": world.site.url("ocsp")}),
                             ("crl", {"crl_url": world.site.url("ca.crl")})):
        for bad in (False, True):
            name = f"{source}{int(bad)}.example"
            leaf = world.middle.leaf(name, **pointers)  # type: ignore[arg-type]
            if bad:
                world.ledger.revoke(leaf, "keyCompromise")
            servers.append(world.server(
                leaf, name, world.ledger.staple(leaf) if source == "stapled" else b""))
    world.site.responder("ocsp", world.ledger)
    world.site.file("ca.crl", world.ledger.crl())
    seen = world.audited(*servers)
    assert statuses(seen) == [
        (status, source, number) for source in ("stapled", "ocsp", "crl")
        for status, number in (("good", 0), ("revoked", 1))]
    for one in seen:
        result = judge(one)
        revoked = result.values["is_revoked"] == 1
        assert result.values["risk_level"] == ("high" if revoked else "low")
        assert [f.code for f in result.findings] == (["revoked"] if revoked else [])
        assert result.values["chain_trusted"] is True


def test_many_targets_share_what_is_fetched(world: World) -> None:
    """Thirty targets of one issuer, all at once, cause one fetch of its CRL; one certificate on
    three names one OCSP request."""
    world.site.file("ca.crl", world.ledger.crl())
    world.site.responder("ocsp", world.ledger)
    key = world.middle.leaf("key.example").key
    crl_url = world.site.url("ca.crl")
    servers = [world.server(world.middle.leaf(name, key=key, crl_url=crl_url), name)
               for name in (f"{n}.example" for n in range(30))]
    names = [f"same{n}.example" for n in range(3)]
    same = world.middle.leaf(*names, ocsp_url=world.site.url("ocsp"))
    servers += [world.server(same, name) for name in names]
    seen = world.audited(*servers)
    assert {status for status, *_ in statuses(seen)} == {"good"}
    assert sorted(world.site.requests) == [("GET", "/ca.crl"), ("POST", "/ocsp")]
    world.site.requests.clear()
    assert statuses(world.audited(*servers)) == statuses(seen)
    assert world.site.requests == []


def test_responder_that_is_down_or_silent(world: World) -> None:
    """A responder that is down or never answers is unknown with its reason, inside the target's
    time; everything else about the target is known."""
    with faults.refusing() as closed, serve(faults.silent) as silent:
        down, mute = (world.middle.leaf(name, ocsp_url=f"http://127.0.0.1:{port}/") for name, port
                      in (("down.example", closed), ("mute.example", silent)))
        seen = world.audited(world.server(down, "down.example"), world.server(mute, "mute.example"),
                             settings=world.settings(timeout=2))
    assert [one.revocation and one.revocation.reason for one in seen] == ["unreachable", "timeout"]
    for one in seen:
        result = judge(one)
        assert result.values["is_revoked"] == 2
        assert result.values["chain_trusted"] is True
        assert result.values["risk_level"] == "low"
        assert [f.code for f in result.findings] == ["revocation_unknown"]


def test_must_staple_without_a_staple(world: World) -> None:
    """A server that does not staple for a certificate that demands it is told."""
    world.site.responder("ocsp", world.ledger)
    leaf = world.middle.leaf(HOST, ocsp_url=world.site.url("ocsp"), must_staple=True)
    without, stapling = world.audited(world.server(leaf)), world.audited(
        world.server(leaf, staple=world.ledger.staple(leaf)))
    assert [f.code for f in judge(without[0]).findings] == ["must_staple_violated"]
    assert judge(without[0]).values["must_staple_violated"] is True
    assert judge(stapling[0]).findings == ()
    assert judge(stapling[0]).values["must_staple_violated"] is False


def test_missing_intermediate(world: World) -> None:
    """A server that forgot its intermediate: what is missing is fetched and named, and revocation
    is judged by it; under --offline nothing is fetched."""
    world.site.file("middle.cer", world.middle.der)
    world.site.responder("ocsp", world.ledger)
    leaf = world.middle.leaf(HOST, ocsp_url=world.site.url("ocsp"),
                             issuer_url=world.site.url("middle.cer"))
    world.ledger.revoke(leaf, "superseded")
    server = world.server(leaf, chain=(leaf.der,))
    [seen] = world.audited(server)
    values = judge(seen).values
    assert (values["chain_trusted"], values["chain_complete"], values["chain_error"]) == (
        True, False, "missing_intermediate")
    assert values["revocation_status"] == "revoked"
    [missing] = seen.missing
    assert (missing.subject, missing.url) == (
        "CN=Audit Intermediate", world.site.url("middle.cer"))
    assert missing.pem.encode() == world.middle.certificate_pem
    [finding] = [f for f in judge(seen).findings if f.code == "chain_missing_intermediate"]
    assert "Audit Intermediate" in finding.message
    assert world.site.url("middle.cer") in finding.message
    world.site.requests.clear()
    [offline] = world.audited(server, settings=world.settings(offline=True))
    assert judge(offline).values["chain_trusted"] is False
    assert offline.missing == ()
    assert offline.revocation is not None
    assert offline.revocation.status == "unknown"
    assert world.site.requests == []


def test_offline_with_local_crls(world: World) -> None:
    """--offline --crl-dir shows what is revoked with the network cut."""
    leaf = world.middle.leaf(HOST, ocsp_url="http://127.0.0.1:1/", crl_url="http://127.0.0.1:1/")
    world.ledger.revoke(leaf, "keyCompromise")
    crls = world.folder / "crls"
    crls.mkdir()
    (crls / "middle.crl").write_bytes(world.ledger.crl())
    [seen] = world.audited(world.server(leaf), settings=world.settings(
        offline=True, crl_dir=str(crls)))
    assert statuses([seen]) == [("revoked", "crl_dir", 1)]


def test_private_pointers_are_refused_by_default(world: World) -> None:
    """Without a word from the user no certificate makes this machine ask a private address."""
    world.site.responder("ocsp", world.ledger)
    leaf = world.middle.leaf(HOST, ocsp_url=world.site.url("ocsp"))
    [seen] = world.audited(world.server(leaf), settings=world.settings(allow_private_revocation=()))
    assert seen.revocation is not None
    assert seen.revocation.reason == "forbidden_address"
    assert world.site.requests == []


def test_each_target_allows_for_itself(world: World) -> None:
    """What one target allows no other has, whoever is asked first, and a refusal is not remembered
    for the one that allows it."""
    world.site.responder("ocsp", world.ledger)
    servers = [world.server(world.middle.leaf(name, ocsp_url=world.site.url("ocsp")), name)
               for name in ("a.example", "b.example")]
    strict, open_ = Target(""), Target("", allow_private_revocation=LOOPBACK)
    for asked in ((strict, open_), (open_, strict)):
        settings = world.settings(allow_private_revocation=(), answers_dir=None)
        for target, seen in zip(asked, world.audited(*servers, settings=settings, asked=asked),
                                strict=True):
            assert seen.revocation is not None
            assert (seen.revocation.status, seen.revocation.reason) == (
                ("unknown", "forbidden_address") if target is strict else ("good", ""))
    [first] = world.audited(servers[0], settings=world.settings(allow_private_revocation=()))
    [second] = world.audited(servers[0])
    assert statuses([first, second]) == [("unknown", "", 2), ("good", "ocsp", 0)]


def test_each_target_has_its_own_crls(world: World) -> None:
    """The directory of one target says nothing of another; that of the command line is for all."""
    leaves = [world.middle.leaf(name, crl_url="http://127.0.0.1:1/")
              for name in ("a.example", "b.example")]
    world.ledger.revoke(leaves[0], "keyCompromise")
    world.ledger.revoke(leaves[1], "keyCompromise")
    crls = world.folder / "crls"
    crls.mkdir()
    (crls / "middle.crl").write_bytes(world.ledger.crl())
    servers = [world.server(leaf, name)
               for leaf, name in zip(leaves, ("a.example", "b.example"), strict=True)]
    asked = (Target("", crl_dir=str(crls)), Target(""))
    seen = world.audited(*servers, settings=world.settings(offline=True), asked=asked)
    assert statuses(seen) == [("revoked", "crl_dir", 1), ("unknown", "", 2)]
    everywhere = world.settings(offline=True, crl_dir=str(crls))
    seen = world.audited(*servers, settings=everywhere, asked=asked)
    assert statuses(seen) == [("revoked", "crl_dir", 1)] * 2
