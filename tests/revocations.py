"""A small PKI with its responder and CRLs over HTTP, and a check of a path in it: what the tests of
revocation share."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from testbed.pki import Authority, Issued
from testbed.revocation import Ledger, Site, drive
from zabbix_ssl.model import Revocation
from zabbix_ssl.probing.certificates import read
from zabbix_ssl.probing.revocation import Policy, Sources, addresses, check
from zabbix_ssl.probing.revocation.store import Store

WAYS = addresses.Ways(addresses.networks(("127.0.0.0/8",)))


def open_sources(directory: Path | None = None, ways: addresses.Ways = WAYS) -> Sources:
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
