"""Chains as servers send them, good and bad, with the verdict that each must get.

One table for two tests: test_chain.py holds our verdict against it, test_chain_against_peers.py the
verdicts of OpenSSL and curl. A row is good in all but what its name says.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from cryptography import x509

from testbed import der
from testbed.pki import DAY, Authority, Fields, Issued, self_signed

HOST = "a.example"
NOW = int(time.time())
OLD: Fields = {"not_before": NOW - 900 * DAY, "not_after": NOW - DAY}
FUTURE: Fields = {"not_before": NOW + DAY}

ROOT = Authority("Test Root")
INTERMEDIATE = ROOT.authority("Test Intermediate", path_length=0)


class Case(NamedTuple):
    """A chain and its verdict."""

    name: str
    leaf: Issued
    served: tuple[bytes, ...]  # DER as sent, leaf first
    anchors: tuple[bytes, ...]
    host: str = HOST
    error: str = ""
    trusted: bool = True
    complete: bool = True
    codes: tuple[str, ...] = ()  # of all faults, in any order
    openssl: bool | None = None  # does OpenSSL accept it (as curl uses it)? None: as we do
    curl: bool = True  # ask curl over a real connection too
    files: bool = True  # ask OpenSSL, by files of PEM

    @property
    def accepted(self) -> bool:
        """The chain and the name are good."""
        return self.trusted and "wrong_host" not in self.codes


def good(name: str, leaf: Issued, *codes: str, **changes: Any) -> Case:
    """A trusted chain: served as it should be, under the root, unless said otherwise."""
    return Case(name, leaf, leaf.chain, (ROOT.der,), codes=codes)._replace(**changes)


def bad(name: str, leaf: Issued, fault: str, *codes: str, **changes: Any) -> Case:
    """A chain with that chain_error, and with its fault and those of ``codes``."""
    return good(name, leaf, f"chain_{fault}", *codes,
                **{"error": fault, "trusted": False, **changes})


def cut(name: str, leaf: Issued, fault: str, *codes: str, **changes: Any) -> Case:
    """A chain that reaches no anchor."""
    return bad(name, leaf, fault, *codes, **{"complete": False, **changes})


def under(authority: Authority, **fields: Any) -> Issued:
    return authority.leaf(HOST, **fields)


def leaf(**fields: Any) -> Issued:
    return under(INTERMEDIATE, **fields)


def sub(**fields: Any) -> Issued:
    """A leaf under an intermediate of these fields."""
    return under(ROOT.authority("Test Sub", **fields))


def ends() -> Iterator[Case]:
    """Where chains end: anchors, missing links, broken ones."""
    yield good("good", leaf())
    yield good("directly under the root", under(ROOT))
    yield good("three intermediates", under(ROOT.authority("I").authority("J").authority("K")))
    own = self_signed(HOST)
    yield cut("self-signed", own, "self_signed")
    yield good("self-signed and trusted", own, anchors=(own.der,))
    mine = leaf()
    yield good("the leaf itself is trusted", mine, "client_difference", anchors=(mine.der,))
    yield good("the intermediate alone is trusted", leaf(), "client_difference",
               anchors=(INTERMEDIATE.der,))
    other = Authority("Other Root")
    yield cut("unknown root", under(other.authority("I")), "untrusted_root")
    far = under(other.authority("I"))
    yield cut("unknown root, sent along", far, "untrusted_root", served=(*far.chain, other.der))
    namesake = Authority("Test Root")
    yield cut("another root of the same name", under(namesake), "untrusted_root")
    yield cut("another root of the same name, without key identifiers",
              under(namesake, without=["2.5.29.35"]), "bad_signature")
    lonely = leaf(issuer_url="http://ca.example/i.crt")
    yield cut("missing intermediate", lonely, "missing_intermediate", served=(lonely.der,))
    silent = leaf()
    yield cut("missing intermediate, no pointer", silent, "untrusted_root", served=(silent.der,))
    yield cut("tampered leaf", leaf(tampered=True), "bad_signature")
    yield cut("tampered intermediate", sub(tampered=True), "bad_signature")
    claims = leaf(algorithm=der.sequence(der.oid("1.2.840.10045.4.3.3")))
    yield cut("signed with another algorithm than it says", claims, "bad_signature")


def dates() -> Iterator[Case]:
    yield bad("expired leaf", leaf(**OLD), "expired", codes=())
    yield bad("leaf of tomorrow", leaf(**FUTURE), "not_yet_valid", codes=())
    yield bad("expired intermediate", sub(**OLD), "expired")
    yield bad("intermediate of tomorrow", sub(**FUTURE), "not_yet_valid")
    old = Authority("Old Root", **OLD)
    yield bad("expired root", under(old.authority("I")), "expired", anchors=(old.der,))
    renewed = Authority("Old Root", key=old.key)
    once = under(renewed)
    yield good("expired root and its renewal trusted", once, anchors=(old.der, renewed.der))
    yield good("expired root sent, its renewal trusted", once, "chain_root_included",
               anchors=(renewed.der,), served=(once.der, old.der))
    yield cut("self-signed and expired", self_signed(HOST, **OLD), "self_signed", error="expired")


def cross_signed() -> Iterator[Case]:
    """Let's Encrypt's chains of 2021: the new root, cross-signed by one that has expired."""
    old = Authority("DST Root", **OLD)
    new = Authority("New Root")
    stale, fresh = old.cross_sign(new, **OLD), Authority("Third Root").cross_sign(new)
    issuing = new.authority("R3")
    site = under(issuing)
    stale_chain = (site.der, issuing.der, stale.der)
    yield good("stale cross-sign sent, new root trusted", site, "chain_stale_cross_sign",
               served=stale_chain, anchors=(new.der,))
    yield good("stale cross-sign sent, both roots trusted", site, "chain_stale_cross_sign",
               served=stale_chain, anchors=(old.der, new.der))
    yield bad("stale cross-sign sent, old root trusted", site, "expired", "chain_expired",
              served=stale_chain, anchors=(old.der,))
    yield good("valid cross-sign sent, new root trusted", site,
               served=(site.der, issuing.der, fresh.der), anchors=(new.der,))
    third = Authority("Third Root")
    bridge = third.cross_sign(new)
    yield good("over a cross-sign", site, served=(site.der, issuing.der, bridge.der),
               anchors=(third.der,))
    yield good("two cross-signs sent, one leads on", site, "chain_stale_cross_sign",
               served=(*stale_chain, bridge.der), anchors=(third.der,))


def order() -> Iterator[Case]:
    """What was sent beside the chain, and in what order."""
    upper = ROOT.authority("Upper")
    lower = upper.authority("Lower")
    site = under(lower)
    yield good("wrong order", site, "chain_order", served=(site.der, upper.der, lower.der))
    one = leaf()
    yield good("root included", one, "chain_root_included", served=(*one.chain, ROOT.der))
    yield good("intermediate sent twice", one, "chain_extra",
               served=(*one.chain, INTERMEDIATE.der))
    yield good("unrelated intermediate sent", one, "chain_extra",
               served=(*one.chain, ROOT.authority("Unrelated").der))
    fake = Authority("X").authority("Test Intermediate")
    yield good("a namesake of the intermediate in front of it", one,
               served=(one.der, fake.der, INTERMEDIATE.der))
    plain = leaf(without=["2.5.29.35"])
    yield good("a namesake in front, and no key identifier", plain, "client_difference",
               served=(plain.der, fake.der, INTERMEDIATE.der), openssl=False)
    broken = one.chain[1][:-5]
    yield good("an unreadable certificate sent", one, "client_difference",
               served=(*one.chain, broken), openssl=False, curl=False, files=False)
    respelt = Authority("Respelt Root")
    spelling = der.name(("2.5.4.3", "RESPELT  root", der.PRINTABLE))
    yield good("the issuer's name in another encoding",
               Authority(spelling, key=respelt.key).leaf(HOST), anchors=(respelt.der,))


def authorities() -> Iterator[Case]:
    """Who may issue."""
    yield bad("intermediate is no CA", sub(ca=False, key_usage=["digital_signature"]), "not_a_ca")
    yield bad("intermediate says it is no CA",
              sub(extensions=[x509.BasicConstraints(False, None)]), "not_a_ca")
    yield bad("intermediate may not sign certificates", sub(key_usage=["digital_signature"]),
              "not_a_ca")
    yield bad("intermediate of version 1", sub(version=1), "not_a_ca", curl=False)
    yield good("intermediate without key usage", sub(key_usage=None), curl=False)
    yield bad("intermediate with key usage alone", sub(without=["2.5.29.19"]), "not_a_ca",
              curl=False)
    roots: list[tuple[str, Fields, bool]] = [
        ("root of version 1", {"version": 1}, True),
        ("root with key usage alone", {"without": ["2.5.29.19"]}, True),
        ("root that says nothing", {"without": ["2.5.29.19"], "key_usage": None}, False),
        ("root that may not sign certificates", {"key_usage": ["digital_signature"]}, False),
        ("root that says it is no CA", {"extensions": [x509.BasicConstraints(False, None)]}, False)]
    for name, fields, fine in roots:
        root = Authority("R", **fields)
        make = good if fine else bad
        yield make(name, under(root), *(() if fine else ("not_a_ca",)), anchors=(root.der,),
                   curl=False)
    none_below = Authority("R", path_length=0)
    yield bad("path length of the root", under(none_below.authority("I")), "path_length",
              anchors=(none_below.der,), curl=False)
    yield bad("path length of an intermediate", under(INTERMEDIATE.authority("J")), "path_length")
    yield good("path length and a self-issued intermediate",
               under(INTERMEDIATE.authority("Test Intermediate")), curl=False)


def purposes() -> Iterator[Case]:
    """What a certificate is for."""
    for name, asked, fine in (
            ("nothing said", None, True), ("server", ["server"], True),
            ("client", ["client"], False), ("any purpose", ["any"], False),
            ("server gated", ["netscape_sgc"], True)):
        for who, made in (("leaf", leaf), ("intermediate", sub)):
            make = good if fine else bad
            yield make(f"{who} for {name}", made(purposes=asked), *(() if fine else ("purpose",)),
                       curl=asked == ["client"])
    root = Authority("R", purposes=["client"])
    yield bad("root for client", under(root), "purpose", anchors=(root.der,), curl=False)
    for usage, fine in (("digital_signature", True), ("key_encipherment", True),
                        ("key_agreement", True), ("key_cert_sign", False),
                        ("data_encipherment", False)):
        make = good if fine else bad
        yield make(f"leaf with key usage {usage}", leaf(key_usage=[usage]),
                   *(() if fine else ("purpose",)), curl=False)
    netscape = "2.16.840.1.113730.1.1"
    yield good("Netscape type server", leaf(extensions=[(netscape, False, b"\3\2\6\x40")]),
               curl=False)
    yield bad("Netscape type client", leaf(extensions=[(netscape, False, b"\3\2\7\x80")]),
              "purpose", curl=False)


def strength() -> Iterator[Case]:
    """Keys and signatures."""
    rsa = ROOT.authority("RSA", key="rsa2048")
    for digest in ("md5", "sha1"):
        yield bad(f"leaf signed with {digest}", under(rsa, hash=digest), "weak_signature")
        root = Authority("R", key=rsa.key, hash=digest)
        yield good(f"root signed with {digest}", under(root), anchors=(root.der,), curl=False)
    strong = Authority("R", key=rsa.key)
    yield bad("intermediate signed with sha1", under(strong.authority("I", hash="sha1")),
              "weak_signature", anchors=(strong.der,), curl=False)
    yield good("RSA-PSS", under(rsa, pss=True))
    yield bad("RSA-PSS with sha1", under(rsa, pss=True, hash="sha1"), "weak_signature", curl=False)
    yield good("leaf of RSA 1024", leaf(key="rsa1024"), "client_difference", openssl=False)
    yield good("intermediate of RSA 1024", sub(key="rsa1024"), "client_difference", openssl=False,
               curl=False)
    yield bad("leaf of P-192", leaf(key="p192"), "weak_key", curl=False)
    yield bad("intermediate of P-192", sub(key="p192"), "weak_key")
    yield good("leaf of Ed25519", leaf(key="ed25519"), "client_difference")
    yield good("leaf of P-521", leaf(key="p521"), "client_difference", curl=False)
    yield good("intermediate of Ed25519", sub(key="ed25519"), curl=False)


def encodings() -> Iterator[Case]:
    """Extensions that clients do not know, and what they call malformed."""
    for kind, value, fine in (
            ("1.2.3.4", b"\5\0", False), ("2.5.29.14", der.octet_string(b"x" * 20), False),
            ("2.5.29.18", der.sequence(der.tlv(0x82, b"x")), False),
            ("2.5.29.32", der.sequence(der.sequence(der.oid("1.2.3"))), True),
            ("2.5.29.36", der.sequence(der.tlv(0x80, b"\0")), True),
            ("2.5.29.54", der.integer(1), True), ("1.3.6.1.5.5.7.48.1.5", b"\5\0", True),
            ("1.3.6.1.5.5.7.1.24", der.sequence(der.integer(5)), False)):
        make = good if fine else bad
        yield make(f"critical extension {kind}", leaf(extensions=[(kind, True, value)]),
                   *(() if fine else ("critical_extension",)), curl=kind == "1.2.3.4")
    root = Authority("R", extensions=[("1.2.3.4", True, b"\5\0")])
    yield bad("critical extension of the root", under(root), "critical_extension",
              anchors=(root.der,), curl=False)
    yield good("not critical extension", leaf(extensions=[("1.2.3.4", False, b"\5\0")]), curl=False)
    for kind, fine in (("2.5.29.37", False), ("2.5.29.31", False), ("1.3.6.1.5.5.7.1.1", True)):
        make = good if fine else bad
        yield make(f"malformed extension {kind}", leaf(extensions=[(kind, False, b"\x30\5\x82")]),
                   *(() if fine else ("other",)), curl=False)
    yield bad("malformed date", leaf(not_after=der.tlv(0x17, b"3001010000Z")), "other")
    yield good("serial zero", leaf(serial=0), curl=False)
    yield good("negative serial", leaf(serial=-1), "client_difference", curl=False)
    stranger = der.sequence(der.tlv(0x80, b"x" * 20))
    yield good("wrong authority key identifier", leaf(extensions=[("2.5.29.35", False, stranger)]),
               "client_difference", openssl=False)


def hosts() -> Iterator[Case]:
    yield good("other host", leaf(), "wrong_host", host="b.example")
    yield good("wildcard", INTERMEDIATE.leaf("*.b.example"), host="a.b.example")
    yield good("wildcard of two labels", INTERMEDIATE.leaf("*.b.example"), "wrong_host",
               host="x.a.b.example")
    yield good("IP address", INTERMEDIATE.leaf("192.0.2.1"), host="192.0.2.1", curl=False)
    yield good("other IP address", INTERMEDIATE.leaf("192.0.2.1"), "wrong_host", host="192.0.2.2",
               curl=False)
    yield good("common name alone", leaf(san=None), "wrong_host", openssl=True)
    yield good("common name of another", leaf(subject="b.example", san=None), "wrong_host")


def _constrained(permitted: list[x509.GeneralName] | None, excluded: list[x509.GeneralName] | None,
                 **fields: Any) -> Issued:
    constraints = x509.NameConstraints(permitted, excluded)
    return under(ROOT.authority("Constrained", extensions=[constraints]), **fields)


def constraints() -> Iterator[Case]:
    """Name constraints: (permitted, excluded, changes to the leaf, accepted)."""
    dns, mail, uri = x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier

    def net(text: str) -> x509.IPAddress:
        return x509.IPAddress(ipaddress.ip_network(text))

    def directory(common: str) -> x509.DirectoryName:
        return x509.DirectoryName(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)]))

    def and_name(tag: int, content: bytes) -> dict[str, Any]:
        return {"san": [HOST, der.tlv(tag, content)]}

    registered = x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))
    rows: list[tuple[str, list[x509.GeneralName] | None, list[x509.GeneralName] | None,
                     dict[str, Any], bool]] = [
        ("permits the domain", [dns("example")], None, {}, True),
        ("permits the host", [dns("A.EXAMPLE")], None, {}, True),
        ("permits below the domain", [dns(".example")], None, {}, True),
        ("permits below the host", [dns(".a.example")], None, {}, False),
        ("permits everything", [dns("")], None, {}, True),
        ("permits another domain", [dns("other")], None, {}, False),
        ("permits one of two", [dns("other"), dns("example")], None, {}, True),
        ("excludes the domain", None, [dns("example")], {}, False),
        ("excludes another host", None, [dns("b.example")], {}, True),
        ("excludes an end of a label", None, [dns("xample")], {}, True),
        ("permits the domain and excludes the host", [dns("example")], [dns("a.example")], {},
         False),
        ("permits one domain, two names", [dns("example")], None, {"san": [HOST, "b.other"]},
         False),
        ("permits a network", [net("192.0.2.0/24")], None, {"san": [HOST, "192.0.2.1"]}, True),
        ("permits another network", [net("198.51.100.0/24")], None, {"san": [HOST, "192.0.2.1"]},
         False),
        ("permits networks alone", [net("192.0.2.0/24")], None, {}, True),
        ("excludes a v6 network", None, [net("2001:db8::/32")], {"san": [HOST, "2001:db8::1"]},
         False),
        ("excludes another v6 network", None, [net("2001:db9::/32")],
         {"san": [HOST, "2001:db8::1"]}, True),
        ("permits the subject", [directory("A.EXAMPLE ")], None, {}, True),
        ("permits another subject", [directory("b.example")], None, {}, False),
        ("permits another subject, there is none", [directory("b")], None, {"subject": ""}, True),
        ("excludes the subject", None, [directory("a.example")], {}, False),
        ("permits a mail host", [mail("b.example")], None, and_name(0x81, b"x@B.example"), True),
        ("permits another mail host", [mail("c.example")], None, and_name(0x81, b"x@b.example"),
         False),
        ("permits a mailbox", [mail("x@b.example")], None, and_name(0x81, b"x@b.example"), True),
        ("permits another mailbox", [mail("y@b.example")], None, and_name(0x81, b"x@b.example"),
         False),
        ("permits mail hosts below", [mail(".example")], None, and_name(0x81, b"x@b.example"),
         True),
        ("permits a URI's host", [uri("b.example")], None, and_name(0x86, b"http://b.example/x"),
         True),
        ("permits another URI's host", [uri("c.example")], None,
         and_name(0x86, b"http://b.example:1/x"), False),
        ("permits a form that is not there", [registered], None, {}, True),
        ("permits a form that nobody knows", [registered], None, and_name(0x88, b"\x2a\3"), False),
        ("permits another domain, common name alone", [dns("other")], None, {"san": None}, False)]
    for name, permitted, excluded, changes, fine in rows:
        hostless = ("wrong_host",) if changes.get("san", ()) is None else ()
        made = _constrained(permitted, excluded, **changes)
        yield (good(f"CA {name}", made, *hostless) if fine else
               bad(f"CA {name}", made, "name_constraints", *hostless))._replace(curl=False)
    root = Authority("R", extensions=[x509.NameConstraints([dns("other")], None)])
    yield bad("root permits another domain", under(root.authority("I")), "name_constraints",
              anchors=(root.der,))


CASES = {case.name: case for rows in (
    ends, dates, cross_signed, order, authorities, purposes, strength, encodings, hosts,
    constraints) for case in rows()}
