"""NIST's PKITS (Public Key Interoperability Test Suite, 2011): the cases about revocation.

The suite's published outcome is in the name of each end entity: Valid... is to be accepted,
Invalid... is not. Accepting is ``good`` here; refusing is ``revoked`` where a CRL lists the
certificate or one above it, ``unknown`` where no CRL can be believed, and ``not_applicable`` where
nothing says that there should be a CRL at all. The CRLs lie in a directory, as with --offline
--crl-dir, because the certificates point to an X.500 directory that never was.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from testbed.revocation import drive
from zabbix_ssl.probing import algorithms, names
from zabbix_ssl.probing.certificates import Decoded, decode
from zabbix_ssl.probing.revocation import Policy, Sources, addresses, check
from zabbix_ssl.probing.revocation.store import Store

vectors = pytest.importorskip("cryptography_vectors", reason="needs cryptography-vectors")
SUITE = Path(str(vectors.__file__)).parent / "x509" / "PKITS_data"

#: Section and number, end entity, our status, and the CRL issuers that a server would have to send.
TABLE: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("4.1.1", "ValidCertificatePathTest1EE", "good", ()),
    # 4.4 Basic certificate revocation
    ("4.4.1", "InvalidMissingCRLTest1EE", "not_applicable", ()),
    ("4.4.2", "InvalidRevokedCATest2EE", "revoked", ()),
    ("4.4.3", "InvalidRevokedEETest3EE", "revoked", ()),
    ("4.4.4", "InvalidBadCRLSignatureTest4EE", "unknown", ()),
    ("4.4.5", "InvalidBadCRLIssuerNameTest5EE", "not_applicable", ()),
    ("4.4.6", "InvalidWrongCRLTest6EE", "not_applicable", ()),
    ("4.4.7", "ValidTwoCRLsTest7EE", "good", ()),
    ("4.4.8", "InvalidUnknownCRLEntryExtensionTest8EE", "revoked", ()),
    ("4.4.9", "InvalidUnknownCRLExtensionTest9EE", "unknown", ()),
    ("4.4.10", "InvalidUnknownCRLExtensionTest10EE", "unknown", ()),
    ("4.4.11", "InvalidOldCRLnextUpdateTest11EE", "unknown", ()),
    ("4.4.12", "Invalidpre2000CRLnextUpdateTest12EE", "unknown", ()),
    ("4.4.13", "ValidGeneralizedTimeCRLnextUpdateTest13EE", "good", ()),
    ("4.4.14", "ValidNegativeSerialNumberTest14EE", "good", ()),
    ("4.4.15", "InvalidNegativeSerialNumberTest15EE", "revoked", ()),
    ("4.4.16", "ValidLongSerialNumberTest16EE", "good", ()),
    ("4.4.17", "ValidLongSerialNumberTest17EE", "good", ()),
    ("4.4.18", "InvalidLongSerialNumberTest18EE", "revoked", ()),
    ("4.4.19", "ValidSeparateCertificateandCRLKeysTest19EE", "good",
     ("SeparateCertificateandCRLKeysCRLSigningCert",)),
    ("4.4.20", "InvalidSeparateCertificateandCRLKeysTest20EE", "revoked",
     ("SeparateCertificateandCRLKeysCRLSigningCert",)),
    ("4.4.21", "InvalidSeparateCertificateandCRLKeysTest21EE", "unknown",
     ("SeparateCertificateandCRLKeysCA2CRLSigningCert",)),
    # 4.5 Self-issued certificates: new keys of a CA
    ("4.5.1", "ValidBasicSelfIssuedOldWithNewTest1EE", "good", ()),
    ("4.5.2", "InvalidBasicSelfIssuedOldWithNewTest2EE", "revoked", ()),
    ("4.5.3", "ValidBasicSelfIssuedNewWithOldTest3EE", "good", ()),
    ("4.5.4", "ValidBasicSelfIssuedNewWithOldTest4EE", "good",
     ("BasicSelfIssuedOldKeyNewWithOldCACert",)),
    ("4.5.5", "InvalidBasicSelfIssuedNewWithOldTest5EE", "revoked",
     ("BasicSelfIssuedOldKeyNewWithOldCACert",)),
    ("4.5.6", "ValidBasicSelfIssuedCRLSigningKeyTest6EE", "good",
     ("BasicSelfIssuedCRLSigningKeyCRLCert",)),
    ("4.5.7", "InvalidBasicSelfIssuedCRLSigningKeyTest7EE", "revoked",
     ("BasicSelfIssuedCRLSigningKeyCRLCert",)),
    # 4.7 Key usage
    ("4.7.4", "InvalidkeyUsageCriticalcRLSignFalseTest4EE", "unknown", ()),
    ("4.7.5", "InvalidkeyUsageNotCriticalcRLSignFalseTest5EE", "unknown", ()),
    # 4.14 Distribution points
    ("4.14.1", "ValiddistributionPointTest1EE", "good", ()),
    ("4.14.2", "InvaliddistributionPointTest2EE", "revoked", ()),
    ("4.14.3", "InvaliddistributionPointTest3EE", "unknown", ()),
    ("4.14.4", "ValiddistributionPointTest4EE", "good", ()),
    ("4.14.5", "ValiddistributionPointTest5EE", "good", ()),
    ("4.14.6", "InvaliddistributionPointTest6EE", "revoked", ()),
    ("4.14.7", "ValiddistributionPointTest7EE", "good", ()),
    ("4.14.8", "InvaliddistributionPointTest8EE", "unknown", ()),
    ("4.14.9", "InvaliddistributionPointTest9EE", "unknown", ()),
    ("4.14.10", "ValidNoissuingDistributionPointTest10EE", "good", ()),
    ("4.14.11", "InvalidonlyContainsUserCertsTest11EE", "unknown", ()),
    ("4.14.12", "InvalidonlyContainsCACertsTest12EE", "unknown", ()),
    ("4.14.13", "ValidonlyContainsCACertsTest13EE", "good", ()),
    ("4.14.14", "InvalidonlyContainsAttributeCertsTest14EE", "unknown", ()),
    ("4.14.15", "InvalidonlySomeReasonsTest15EE", "revoked", ()),
    ("4.14.16", "InvalidonlySomeReasonsTest16EE", "revoked", ()),
    ("4.14.17", "InvalidonlySomeReasonsTest17EE", "unknown", ()),
    ("4.14.18", "ValidonlySomeReasonsTest18EE", "good", ()),
    ("4.14.19", "ValidonlySomeReasonsTest19EE", "good", ()),
    ("4.14.20", "InvalidonlySomeReasonsTest20EE", "revoked", ()),
    ("4.14.21", "InvalidonlySomeReasonsTest21EE", "revoked", ()),
    ("4.14.22", "ValidIDPwithindirectCRLTest22EE", "good", ()),
    ("4.14.23", "InvalidIDPwithindirectCRLTest23EE", "revoked", ()),
    ("4.14.24", "ValidIDPwithindirectCRLTest24EE", "good", ("indirectCRLCA1Cert",)),
    ("4.14.25", "ValidIDPwithindirectCRLTest25EE", "good", ("indirectCRLCA1Cert",)),
    ("4.14.26", "InvalidIDPwithindirectCRLTest26EE", "unknown", ("indirectCRLCA1Cert",)),
    ("4.14.27", "InvalidcRLIssuerTest27EE", "unknown", ("GoodCACert",)),
    ("4.14.28", "ValidcRLIssuerTest28EE", "good", ("indirectCRLCA3cRLIssuerCert",)),
    ("4.14.29", "ValidcRLIssuerTest29EE", "good", ("indirectCRLCA3cRLIssuerCert",)),
    ("4.14.31", "InvalidcRLIssuerTest31EE", "revoked", ("indirectCRLCA5Cert",)),
    ("4.14.32", "InvalidcRLIssuerTest32EE", "revoked", ("indirectCRLCA5Cert",)),
    ("4.14.33", "ValidcRLIssuerTest33EE", "good", ("indirectCRLCA5Cert",)),
    ("4.14.34", "InvalidcRLIssuerTest34EE", "revoked", ()),
    ("4.14.35", "InvalidcRLIssuerTest35EE", "unknown", ("indirectCRLCA6Cert",)),
    # 4.15 Delta CRLs
    ("4.15.1", "InvaliddeltaCRLIndicatorNoBaseTest1EE", "unknown", ()),
    ("4.15.2", "ValiddeltaCRLTest2EE", "good", ()),
    ("4.15.3", "InvaliddeltaCRLTest3EE", "revoked", ()),
    ("4.15.4", "InvaliddeltaCRLTest4EE", "revoked", ()),
    ("4.15.5", "ValiddeltaCRLTest5EE", "good", ()),
    ("4.15.6", "InvaliddeltaCRLTest6EE", "revoked", ()),
    ("4.15.7", "ValiddeltaCRLTest7EE", "good", ()),
    ("4.15.8", "ValiddeltaCRLTest8EE", "good", ()),
    ("4.15.9", "InvaliddeltaCRLTest9EE", "revoked", ()),
    ("4.15.10", "InvaliddeltaCRLTest10EE", "unknown", ()),
)

#: Cases of these sections that are not in the table, and why.
LEFT_OUT = {
    "InvalidBasicSelfIssuedCRLSigningKeyTest8EE":
        "refused by its chain: a key that is for CRLs alone has signed a certificate",
    "ValidcRLIssuerTest30EE":
        "its CRL is signed by one for whom only that CRL itself speaks; unknown here, as nobody "
        "else says that the signer is not revoked",
}


@cache
def certificate(name: str) -> Decoded:
    return decode((SUITE / "certs" / f"{name}.crt").read_bytes())


def paths(leaf: Decoded, above: int = 6) -> Iterator[list[Decoded]]:
    """Every way up to the trust anchor."""
    root = certificate("TrustAnchorRootCertificate")
    if leaf.facts.der == root.facts.der:
        yield [leaf]
    elif above:
        for file in (*sorted((SUITE / "certs").glob("*CA*.crt")),
                     SUITE / "certs" / "TrustAnchorRootCertificate.crt"):
            issuer = certificate(file.stem)
            if issuer.facts.der != leaf.facts.der and names.same(issuer.subject, leaf.issuer) and (
                    algorithms.verifies(issuer.spki, leaf.algorithm, leaf.signature, leaf.signed)):
                for path in paths(issuer, above - 1):
                    yield [leaf, *path]


@pytest.fixture(scope="module")
def sources() -> Sources:
    return Sources(Store(None), addresses.Ways())


@pytest.mark.parametrize(("number", "name", "status", "sent"), TABLE,
                         ids=[row[0] for row in TABLE])
def test_case(sources: Sources, number: str, name: str, status: str,
              sent: tuple[str, ...]) -> None:
    """The status is good exactly where the suite accepts the path."""
    path = min(paths(certificate(name)), key=len)
    extra = [certificate(other).facts.der for other in sent]
    found = drive(check([one.facts for one in path], True, None,
                        Policy(str(SUITE / "crls"), offline=True), sources.store,
                        int(time.time()), extra), sources)
    assert (found.status, name) == (status, name)
    assert name.startswith("Valid") == (status == "good")


def test_every_case_is_in_the_table_or_left_out() -> None:
    """What the suite has on these subjects is either run or named with its reason."""
    subjects = ("crl", "revoked", "distributionpoint", "onlysome", "onlycontains", "serialnumber",
                "selfissuednew", "selfissuedold")
    there = {file.stem for file in (SUITE / "certs").glob("*EE.crt")
             if any(subject in file.stem.lower() for subject in subjects)}
    assert len(there) > 70
    assert there - {row[1] for row in TABLE} == set(LEFT_OUT)
