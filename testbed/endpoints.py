"""A table of TLS endpoints, good and bad, and what must be found at each. Needs nothing but pip.

    with running(ENDPOINTS, folder) as endpoints: ...  # folder: domains.json and ca.pem
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from . import faults, preludes, tls
from .pki import DAY, Authority, Issued, self_signed
from .revocation import Ledger, Site, publish
from .serving import Dialogue, serve

DOMAIN = "demo.example"
#: The CAs publish there, where certificates may else not lead.
PUBLISHED = "127.0.0.0/8"
TIMEOUT = 3  # seconds of a check: what is silent takes all of it


class Authorities(NamedTuple):
    """The CAs of the table, and where they publish. Clients trust ``root`` alone."""

    root: Authority
    intermediate: Authority
    old_root: Authority  # expired; it once cross-signed root
    stranger: Authority  # trusted by nobody
    ledger: Ledger  # what intermediate has revoked
    site: Site  # its OCSP responder at "ocsp", its certificate at "issuing.crt"
    dead: str  # URL of an OCSP responder that is down
    client: Issued  # who we are to servers that want to know, by root

    def leaf(self, name: str, **fields: object) -> Issued:
        return self.intermediate.leaf(name, **fields)  # type: ignore[arg-type]


@contextmanager
def authorities() -> Iterator[Authorities]:
    root = Authority("Demo Root CA")
    intermediate = root.authority("Demo Issuing CA", path_length=0)
    old_root = Authority("Demo Root CA of 2010", not_after=_in_days(-200))
    ledger = Ledger(intermediate)
    with publish() as site, faults.refusing() as refused:
        site.responder("ocsp", ledger)
        site.file("issuing.crt", intermediate.der)
        yield Authorities(root, intermediate, old_root, Authority("Stranger CA"), ledger, site,
                          f"http://127.0.0.1:{refused}/", root.leaf("Demo Client", san=None))


#: Starts the endpoint on an address (and, with several nodes, on those of ``node``) under a domain
#: name; gives the port.
Start = Callable[[Authorities, str, str], AbstractContextManager[int]]


class Endpoint(NamedTuple):
    """One row: what it is, how it is served, what must be found. ``codes`` are all findings that
    are more than remarks; ``remarks`` the low ones. ``more``: what its entry in domains.json has
    beside domain, port and address."""

    name: str  # in front of DOMAIN
    what: str
    start: Start
    risk: str
    codes: frozenset[str] = frozenset()
    error_reason: str = ""
    remarks: frozenset[str] = frozenset()
    nodes: int = 1
    more: Mapping[str, str] = {}

    @property
    def domain(self) -> str:
        return f"{self.name}.{DOMAIN}"

    @property
    def is_https(self) -> bool:
        """Nothing but TLS is spoken before HTTP."""
        return "starttls" not in self.more


class Running(NamedTuple):
    """An endpoint and where it is to be reached."""

    endpoint: Endpoint
    address: str
    port: int
    folder: Path  # of domains.json and the files that it names

    @property
    def entry(self) -> dict[str, Any]:
        """Its entry in domains.json."""
        every = ",".join(node(self.address, number) for number in range(self.endpoint.nodes))
        return {"domain": self.endpoint.domain, "port": self.port, "address": every,
                **self.endpoint.more}


def node(address: str, number: int) -> str:
    """The address of a node, for the endpoint whose first one is at 127.0.0.x."""
    return address.replace("127.0.0.", f"127.0.{number}.")


@contextmanager
def running(endpoints: Sequence[Endpoint], folder: Path) -> Iterator[list[Running]]:
    """Starts the endpoints, each on a loopback address of its own and a free port. Writes
    ``domains.json``, which names them, ``ca.pem`` with the root that it trusts, ``client.pem`` and
    ``client.key`` for servers that want to know who we are, and the CRL of the issuing CA to the
    folder ``crls``."""
    with ExitStack() as stack:
        cas = stack.enter_context(authorities())
        (folder / "ca.pem").write_bytes(cas.root.certificate_pem)
        cas.client.write(folder, "client")
        started = []
        for number, endpoint in enumerate(endpoints, 10):
            address = f"127.0.0.{number}"
            port = stack.enter_context(endpoint.start(cas, endpoint.domain, address))
            started.append(Running(endpoint, address, port, folder))
        (folder / "crls").mkdir()
        (folder / "crls" / "issuing.crl").write_bytes(cas.ledger.crl())
        (folder / "domains.json").write_text(json.dumps({
            "defaults": {"ca_file": str(folder / "ca.pem"), "timeout": TIMEOUT,
                         "allow_private_revocation": PUBLISHED},
            "targets": [one.entry for one in started]}, indent=1) + "\n")
        yield started


# How endpoints are served


def _in_days(days: float) -> int:
    return int(time.time() + days * DAY)


def _modern(**fields: object) -> Start:
    """A good server with a certificate of these fields, by the issuing CA."""
    return lambda cas, name, address: serve(tls.modern(cas.leaf(name, **fields)), address)


def _served(make: Callable[[Authorities, str], Dialogue]) -> Start:
    return lambda cas, name, address: serve(make(cas, name), address)


@contextmanager
def _one_of_two_is_old(cas: Authorities, name: str, address: str) -> Iterator[int]:
    """Two nodes; the second has not got the new certificate yet."""
    old = cas.leaf(name, not_before=_in_days(-150), not_after=_in_days(50))
    new = cas.leaf(name, not_before=_in_days(-2), not_after=_in_days(198))
    with serve(tls.modern(new), address) as port, serve(tls.modern(old), node(address, 1), port):
        yield port


def _smtp(cas: Authorities, name: str) -> Dialogue:
    return preludes.smtp(name, tls.modern(cas.leaf(name)))


def _postgres(cas: Authorities, name: str) -> Dialogue:
    return preludes.postgres(tls.modern(cas.leaf(name, not_before=_in_days(-188),
                                                 not_after=_in_days(12.5))))


def _known_clients(cas: Authorities, name: str) -> Dialogue:
    return tls.modern(cas.leaf(name), client_certificate=True, clients=cas.root)


def _without_intermediate(cas: Authorities, name: str) -> Dialogue:
    leaf = cas.leaf(name, issuer_url=cas.site.url("issuing.crt"))
    return tls.modern(leaf, chain=leaf.chain[:1])


def _stale_cross_sign(cas: Authorities, name: str) -> Dialogue:
    leaf = cas.leaf(name)
    crossed = cas.old_root.cross_sign(cas.root, not_after=_in_days(-100))
    return tls.modern(leaf, chain=(*leaf.chain, crossed.der))


def _old_versions(cas: Authorities, name: str) -> Dialogue:
    return tls.modern(cas.leaf(name, key="rsa2048"), oldest="TLSv1.0")


def _weak_cipher(cas: Authorities, name: str) -> Dialogue:
    return tls.old(cas.leaf(name, key="rsa2048"), oldest="TLSv1.2", newest="TLSv1.2",
                   ciphers=("aes128gcm", "3des", "rc4"))


def _ocsp(cas: Authorities, name: str) -> Dialogue:
    return tls.modern(cas.leaf(name, ocsp_url=cas.site.url("ocsp")))


def _revoked_by_ocsp(cas: Authorities, name: str) -> Dialogue:
    leaf = cas.leaf(name, ocsp_url=cas.site.url("ocsp"))
    cas.ledger.revoke(leaf, "keyCompromise")
    return tls.modern(leaf)


def _revoked_by_crl(cas: Authorities, name: str) -> Dialogue:
    leaf = cas.leaf(name, crl_url=cas.site.url("issuing.crl"))
    cas.ledger.revoke(leaf, "cessationOfOperation")
    cas.site.file("issuing.crl", cas.ledger.crl())
    return tls.modern(leaf)


def _revoked_by_staple(cas: Authorities, name: str) -> Dialogue:
    leaf = cas.leaf(name, ocsp_url=cas.dead)
    cas.ledger.revoke(leaf, "superseded")
    return tls.modern(leaf, staple=cas.ledger.staple(leaf))


def _good_by_staple(cas: Authorities, name: str) -> Dialogue:
    leaf = cas.leaf(name, ocsp_url=cas.dead, must_staple=True)
    return tls.modern(leaf, staple=cas.ledger.staple(leaf))


def _must_staple(cas: Authorities, name: str) -> Dialogue:
    return tls.modern(cas.leaf(name, ocsp_url=cas.site.url("ocsp"), must_staple=True))


def _responder_down(cas: Authorities, name: str) -> Dialogue:
    return tls.modern(cas.leaf(name, ocsp_url=cas.dead))


def _codes(*codes: str) -> frozenset[str]:
    return frozenset(codes)


ENDPOINTS = (
    Endpoint("healthy", "all as it should be", _modern(), "low"),
    Endpoint("expiring", "expires in 10 days", _modern(not_before=_in_days(-190),
                                                         not_after=_in_days(10.5)), "medium",
             _codes("expiring")),
    Endpoint("expired", "expired 3 days ago", _modern(not_before=_in_days(-93),
                                                      not_after=_in_days(-2.5)), "high",
             _codes("expired")),
    Endpoint("early", "valid from tomorrow", _modern(not_before=_in_days(1)), "high",
             _codes("not_yet_valid")),
    Endpoint("wrong-host", "certificate of another host", _served(
        lambda cas, name: tls.modern(cas.leaf("other.demo.example"))), "high",
             _codes("wrong_host")),
    Endpoint("self-signed", "its own issuer", _served(
        lambda cas, name: tls.modern(self_signed(name))), "high", _codes("chain_self_signed")),
    Endpoint("untrusted", "issued by a CA nobody trusts", _served(
        lambda cas, name: tls.modern(cas.stranger.leaf(name))), "high",
             _codes("chain_untrusted_root")),
    Endpoint("incomplete", "intermediate not sent", _served(_without_intermediate), "high",
             _codes("chain_missing_intermediate")),
    Endpoint("cross-signed", "sends an expired cross-signed root too, which does not matter",
             _served(_stale_cross_sign), "low", remarks=_codes("chain_stale_cross_sign")),
    Endpoint("old-tls", "still speaks TLS 1.0 and 1.1", _served(_old_versions), "medium",
             _codes("weak_tls")),
    Endpoint("weak-cipher", "still has 3DES and RC4", _served(_weak_cipher), "medium",
             _codes("weak_cipher")),
    Endpoint("weak-key", "RSA key of 1024 bits", _modern(key="rsa1024"), "medium",
             _codes("weak_key", "client_difference")),
    Endpoint("ocsp", "not revoked, says the OCSP responder", _served(_ocsp), "low"),
    Endpoint("stapled", "not revoked, says the answer that the server staples", _served(
        _good_by_staple), "low"),
    Endpoint("revoked", "revoked, says OCSP", _served(_revoked_by_ocsp), "high",
             _codes("revoked")),
    Endpoint("revoked-crl", "revoked, says the CRL", _served(_revoked_by_crl), "high",
             _codes("revoked")),
    Endpoint("revoked-staple", "revoked, says the stapled answer", _served(_revoked_by_staple),
             "high", _codes("revoked")),
    Endpoint("must-staple", "demands a stapled answer and has none", _served(_must_staple),
             "medium", _codes("must_staple_violated")),
    Endpoint("responder-down", "nobody says whether it is revoked", _served(_responder_down),
             "low", remarks=_codes("revocation_unknown")),
    Endpoint("mutual", "wants a client certificate", _served(
        lambda cas, name: tls.modern(cas.leaf(name), client_certificate=True)), "low"),
    Endpoint("client-cert", "wants a client certificate, and is shown one", _served(
        _known_clients), "low", more={"cert": "client.pem", "key": "client.key"}),
    Endpoint("smtp", "mail server, TLS by STARTTLS", _served(_smtp), "low",
             more={"starttls": "smtp"}),
    Endpoint("postgres", "database, TLS by SSLRequest; expires in 12 days", _served(_postgres),
             "medium", _codes("expiring"), more={"starttls": "postgres"}),
    Endpoint("two-nodes", "one of its two nodes still serves the old certificate",
             _one_of_two_is_old, "medium", _codes("nodes_older"), nodes=2),
    Endpoint("down", "nothing listens", lambda cas, name, address: faults.refusing(address),
             "high", _codes("handshake_failed"), "refused"),
    Endpoint("silent", "accepts and never answers", lambda cas, name, address: serve(
        faults.silent, address), "high", _codes("handshake_failed"), "timeout"),
    Endpoint("plain-http", "HTTP without TLS", lambda cas, name, address: serve(
        faults.http, address), "high", _codes("handshake_failed"), "not_tls"),
)
