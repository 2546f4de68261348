"""Our verdict on the NIST Public Key Interoperability Test Suite (PKITS 1.0.1), whose certificates
PyPI's cryptography-vectors ships and whose file names say the published outcome.

Left out: what needs a CRL (sections 4.4, 4.14, 4.15 and parts of 4.5 and 4.7: see test_pkits.py);
certificate policies (4.8 to 4.12), which neither OpenSSL as curl uses it nor browsers look at for a
server; the signatures of 4.1 by DSA of 1024 bits with SHA-1, which clients refuse by now.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

from zabbix_ssl.probing import names
from zabbix_ssl.probing.certificates import Decoded, decode
from zabbix_ssl.probing.chain import judge
from zabbix_ssl.probing.trust import trusting

vectors = pytest.importorskip("cryptography_vectors", reason="needs cryptography-vectors")

FOLDER = Path(vectors.__path__[0]) / "x509" / "PKITS_data" / "certs"
ROOT = "TrustAnchorRootCertificate"
YEAR_2020 = 1577836800  # inside the validity of the suite

#: Sections by the names of their end entities.
JUDGED = re.compile(r"""
    (Valid|Invalid) (?:
        CertificatePath | CASignature | EESignature                               # 4.1
      | CAnot | EEnot | pre2000UTCEEnot | GeneralizedTimenot                      # 4.2
      | Name | RFC3280 | Rollover | UTF8String | UIDs                             # 4.3
      | BasicSelfIssued(?:OldWithNewTest1|NewWithOldTest[34])EE                   # 4.5
      | MissingbasicConstraints | cAFalse | cATrue | basicConstraints
      | pathLenConstraint | SelfIssuedpathLen                                     # 4.6
      | keyUsage(?!.*cRLSign)                                                     # 4.7
      | DNname | SelfIssuedDN | RFC822name | DNandRFC822name | DNSname | URIname  # 4.13
      | UnknownCritical | UnknownNotCritical                                      # 4.16
    )""", re.VERBOSE)


@functools.cache
def certificate(name: str) -> Decoded:
    return decode((FOLDER / f"{name}.crt").read_bytes())


@functools.cache
def authorities() -> tuple[Decoded, ...]:
    return tuple(certificate(path.stem) for path in sorted(FOLDER.glob("*.crt"))
                 if path.stem != ROOT and not path.stem.endswith("EE"))


def above(leaf: Decoded) -> list[bytes]:
    """The certificates of every CA that bears the name of an issuer, however far up."""
    found: list[Decoded] = []
    waiting = [leaf]
    while waiting:
        issuer = waiting.pop().issuer
        more = [authority for authority in authorities()
                if authority not in found and names.same(authority.subject, issuer)]
        found += more
        waiting += more
    return [authority.facts.der for authority in found]


CASES = sorted(path.stem for path in FOLDER.glob("*EE.crt") if JUDGED.match(path.stem))


@pytest.mark.parametrize("name", CASES)
def test_a_path_of_the_suite_gets_the_published_verdict(name: str) -> None:
    """Valid or invalid, by the name of the file."""
    leaf = certificate(name)
    chain = judge([leaf.facts.der, *above(leaf)], trusting(certificate(ROOT).facts.der), "x",
                  YEAR_2020)[1]
    assert chain.trusted is name.startswith("Valid"), chain.error


def test_enough_of_the_suite_is_judged() -> None:
    """Of each section; and as many valid ones as the suite has."""
    assert len(CASES) > 80
    assert sum(name.startswith("Valid") for name in CASES) > 30
