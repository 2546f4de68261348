"""A table of TLS endpoints, good and bad, and what must be found at each. Needs nothing but pip.

    with running(ENDPOINTS, folder) as endpoints: ...  # folder: domains.json and ca.pem
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from . import faults, tls
from .pki import DAY, Authority, Issued, self_signed
from .serving import Dialogue, serve

DOMAIN = "demo.example"
TIMEOUT = 3  # seconds of a check: what is silent takes all of it


class Authorities(NamedTuple):
    """The CAs of the table. Clients trust ``root`` alone."""

    root: Authority
    intermediate: Authority
    old_root: Authority  # expired; it once cross-signed root
    stranger: Authority  # trusted by nobody

    def leaf(self, name: str, **fields: object) -> Issued:
        return self.intermediate.leaf(name, **fields)  # type: ignore[arg-type]


def authorities() -> Authorities:
    root = Authority("Demo Root CA")
    return Authorities(
        root, root.authority("Demo Issuing CA", path_length=0),
        Authority("Demo Root CA of 2010", not_after=_in_days(-200)), Authority("Stranger CA"))


#: Starts the endpoint on an address under a domain name; gives the port.
Start = Callable[[Authorities, str, str], AbstractContextManager[int]]


class Endpoint(NamedTuple):
    """One row: what it is, how it is served, what must be found. ``codes`` are all findings that
    are more than remarks; ``remarks`` the low ones."""

    name: str  # in front of DOMAIN
    what: str
    start: Start
    risk: str
    codes: frozenset[str] = frozenset()
    error_reason: str = ""
    remarks: frozenset[str] = frozenset()

    @property
    def domain(self) -> str:
        return f"{self.name}.{DOMAIN}"


class Running(NamedTuple):
    """An endpoint and where it is to be reached."""

    endpoint: Endpoint
    address: str
    port: int
    folder: Path  # of domains.json and ca.pem


@contextmanager
def running(endpoints: Sequence[Endpoint], folder: Path) -> Iterator[list[Running]]:
    """Starts the endpoints, each on a loopback address of its own and a free port. Writes
    ``domains.json``, which names them, and ``ca.pem`` with the root that it trusts."""
    cas = authorities()
    (folder / "ca.pem").write_bytes(cas.root.certificate_pem)
    with ExitStack() as stack:
        started = []
        for number, endpoint in enumerate(endpoints, 10):
            address = f"127.0.0.{number}"
            port = stack.enter_context(endpoint.start(cas, endpoint.domain, address))
            started.append(Running(endpoint, address, port, folder))
        (folder / "domains.json").write_text(json.dumps({
            "defaults": {"ca_file": str(folder / "ca.pem"), "timeout": TIMEOUT},
            "targets": [{"domain": one.endpoint.domain, "port": one.port, "address": one.address}
                        for one in started]}, indent=1) + "\n")
        yield started


# How endpoints are served


def _in_days(days: float) -> int:
    return int(time.time() + days * DAY)


def _modern(**fields: object) -> Start:
    """A good server with a certificate of these fields, by the issuing CA."""
    return lambda cas, name, address: serve(tls.modern(cas.leaf(name, **fields)), address)


def _served(make: Callable[[Authorities, str], Dialogue]) -> Start:
    return lambda cas, name, address: serve(make(cas, name), address)


def _without_intermediate(cas: Authorities, name: str) -> Dialogue:
    leaf = cas.leaf(name, issuer_url=f"http://ca.{DOMAIN}/issuing.crt")
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
    Endpoint("mutual", "wants a client certificate", _served(
        lambda cas, name: tls.modern(cas.leaf(name), client_certificate=True)), "low"),
    Endpoint("down", "nothing listens", lambda cas, name, address: faults.refusing(address),
             "high", _codes("handshake_failed"), "refused"),
    Endpoint("silent", "accepts and never answers", lambda cas, name, address: serve(
        faults.silent, address), "high", _codes("handshake_failed"), "timeout"),
    Endpoint("plain-http", "HTTP without TLS", lambda cas, name, address: serve(
        faults.http, address), "high", _codes("handshake_failed"), "not_tls"),
)
