"""The verdict on chains."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from chains import CASES, HOST, INTERMEDIATE, NOW, ROOT, leaf, sub, under
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed import der
from testbed.pki import DAY, Authority, Issued, self_signed
from zabbix_ssl.findings import TABLE, tell
from zabbix_ssl.model import Chain
from zabbix_ssl.probing import algorithms
from zabbix_ssl.probing import der as reading
from zabbix_ssl.probing.certificates import Unreadable
from zabbix_ssl.probing.chain import judge
from zabbix_ssl.probing.paths import MOST_CHECKS
from zabbix_ssl.probing.trust import TrustStore, system_store, trusting

STORE = trusting(ROOT.der)


def judged(*served: bytes, store: TrustStore = STORE, now: int = NOW, host: str = HOST,
           fetched: tuple[bytes, ...] = ()) -> Chain:
    return judge(served, store, host, now, fetched)[1]


def codes(chain: Chain) -> list[str]:
    return [fault.code for fault in chain.faults]


def details(chain: Chain, code: str) -> list[dict[str, Any]]:
    return [fault.detail for fault in chain.faults if fault.code == code]


@pytest.mark.parametrize("name", CASES)
def test_a_chain_gets_its_verdict(name: str) -> None:
    """Each fault beside the chain that is good but for it."""
    case = CASES[name]
    certificate, chain = judge(case.served, trusting(*case.anchors), case.host, NOW)
    assert certificate.der == case.leaf.der
    found = (chain.trusted, chain.complete, chain.error, sorted(codes(chain)))
    assert found == (case.trusted, case.complete, case.error, sorted(case.codes))
    assert chain.hostname_match is ("wrong_host" not in case.codes)
    for fault in chain.faults:
        assert fault.code in TABLE and tell(fault).isprintable() and "{" not in tell(fault)


def test_facts_do_not_depend_on_trust() -> None:
    """The same leaf has the same facts and path under a store that trusts it and one that does
    not."""
    site = leaf()
    facts, trusted = judge(site.chain, STORE, HOST, NOW)
    other_facts, untrusted = judge(site.chain, trusting(Authority("X").der), HOST, NOW)
    assert facts == other_facts
    assert (trusted.trusted, untrusted.trusted) == (True, False)
    assert untrusted.path == trusted.path[:2]


def test_the_path_in_use_goes_up_to_the_anchor() -> None:
    """Leaf, intermediate, root; it expires when the first of them does."""
    site = leaf(not_after=NOW + 9 * DAY)
    chain = judged(*site.chain)
    assert [certificate.der for certificate in chain.path] == [*site.chain, ROOT.der]
    assert chain.expires == NOW + 9 * DAY
    short = ROOT.authority("Short", not_after=NOW + 40 * DAY)
    assert judged(*under(short).chain).expires == NOW + 40 * DAY


def test_self_signed_is_said_of_the_leaf() -> None:
    """Trusted or not; of a leaf under a CA it is not."""
    own = self_signed(HOST)
    assert judged(own.der).self_signed and not judged(own.der).trusted
    assert judged(own.der, store=trusting(own.der)).self_signed
    assert not judged(*leaf().chain).self_signed


@pytest.mark.parametrize(("now", "error"), [
    (NOW - 1, "not_yet_valid"), (NOW, ""), (NOW + DAY, ""), (NOW + DAY + 1, "expired")])
def test_a_certificate_is_valid_from_its_first_to_its_last_second(now: int, error: str) -> None:
    """RFC 5280 4.1.2.5: both ends belong to it. Its own findings tell of the leaf's dates, so there
    is no second one here."""
    chain = judged(*leaf(not_before=NOW, not_after=NOW + DAY).chain, now=now)
    assert (chain.trusted, chain.error, codes(chain)) == (not error, error, [])


@pytest.mark.parametrize(("now", "error"), [
    (NOW - 1, "not_yet_valid"), (NOW, ""), (NOW + DAY, ""), (NOW + DAY + 1, "expired")])
def test_so_is_an_intermediate(now: int, error: str) -> None:
    """With a finding that names it."""
    site = sub(not_before=NOW, not_after=NOW + DAY)
    chain = judged(*site.chain, now=now)
    assert (chain.trusted, chain.error) == (not error, error)
    if error:
        assert details(chain, f"chain_{error}")[0]["subject"] == "CN=Test Sub"


def test_the_error_is_the_one_to_mend_first_and_all_are_told() -> None:
    """Expired stands before untrusted, and both are findings."""
    far = Authority("X").authority("Old CA", not_after=NOW - 1)
    chain = judged(*under(far).chain)
    assert chain.error == "expired"
    assert sorted(codes(chain)) == ["chain_expired", "chain_untrusted_root"]


# Missing intermediates, and what AIA brings


def test_a_missing_intermediate_is_named_with_its_address() -> None:
    """So that a person can fetch it."""
    alone = leaf(issuer_url="http://ca.example/i.crt")
    chain = judged(alone.der)
    assert (chain.trusted, chain.complete, chain.error) == (False, False, "missing_intermediate")
    told = tell(chain.faults[0])
    assert "CN=Test Intermediate" in told and "http://ca.example/i.crt" in told
    assert chain.path[-1].issuer_urls == ("http://ca.example/i.crt",)


def test_what_was_fetched_makes_a_chain_trusted_but_not_complete() -> None:
    """As browsers see it; the finding stays. With the intermediate sent there is none."""
    alone = leaf(issuer_url="http://ca.example/i.crt")
    chain = judged(alone.der, fetched=(INTERMEDIATE.der,))
    assert (chain.trusted, chain.complete, chain.error) == (True, False, "missing_intermediate")
    assert [found.der for found in chain.path] == [alone.der, INTERMEDIATE.der, ROOT.der]
    whole = judged(*alone.chain, fetched=(INTERMEDIATE.der,))
    assert (whole.trusted, whole.complete, codes(whole)) == (True, True, [])


def test_every_intermediate_that_had_to_be_fetched_is_named() -> None:
    """Two are missing: two findings; the path so far says what to fetch next."""
    upper = ROOT.authority("Upper")
    lower = upper.authority("Lower", issuer_url="http://ca.example/upper.crt")
    alone = under(lower, issuer_url="http://ca.example/lower.crt")
    once = judged(alone.der, fetched=(lower.der,))
    assert not once.trusted and once.path[-1].issuer_urls == ("http://ca.example/upper.crt",)
    twice = judged(alone.der, fetched=(lower.der, upper.der))
    assert twice.trusted and not twice.complete
    assert [detail["issuer"] for detail in details(twice, "chain_missing_intermediate")] == [
        "CN=Lower", "CN=Upper"]


def test_what_was_fetched_is_never_an_anchor() -> None:
    """A root that AIA brings is not trusted for that; in the store it is."""
    other = Authority("Other Root")
    issuing = other.authority("Other Intermediate", issuer_url="http://ca.example/root.crt")
    alone = under(issuing, issuer_url="http://ca.example/i.crt")
    fetched = (issuing.der, other.der)
    chain = judged(alone.der, fetched=fetched)
    assert (chain.trusted, chain.complete, chain.error) == (False, False, "missing_intermediate")
    assert codes(chain) == ["chain_missing_intermediate", "chain_untrusted_root"]
    assert details(chain, "chain_untrusted_root")[0]["subject"] == "CN=Other Root"
    assert judged(alone.der, fetched=fetched, store=trusting(other.der)).trusted


def test_garbage_that_was_fetched_changes_nothing() -> None:
    """Nor does a certificate that belongs elsewhere."""
    alone = leaf(issuer_url="http://ca.example/i.crt")
    assert judged(alone.der, fetched=(b"<html>", ROOT.authority("Z").der)) == judged(alone.der)


# Several ways up


def test_the_way_that_lasts_longest_is_used() -> None:
    """An anchor or an intermediate that expires soon alarms nobody when there is another way."""
    soon = ROOT.authority("Twice", not_after=NOW + 5 * DAY)
    later = ROOT.cross_sign(soon)
    site = under(soon)
    chain = judged(site.der, soon.der, later.der)
    assert chain.path[1].der == later.der and chain.expires == chain.path[0].not_after
    assert "chain_expires_first" not in codes(chain)
    alone = judged(site.der, soon.der)
    assert alone.expires == NOW + 5 * DAY
    assert details(alone, "chain_expires_first")[0]["days"] == 5


def test_what_was_sent_is_preferred_to_what_was_fetched() -> None:
    """A chain that holds without fetching is complete."""
    twice = ROOT.authority("Twice")
    fetched = ROOT.cross_sign(twice)
    site = under(twice)
    assert judged(*site.chain, fetched=(fetched.der,)).complete


def test_a_fetched_way_mends_a_broken_one() -> None:
    """What was sent leads to a root by an expired intermediate, what was fetched by a good one."""
    expired = ROOT.authority("Twice", not_after=NOW - 1)
    good = ROOT.cross_sign(expired)
    site = under(expired)
    assert judged(*site.chain).error == "expired"
    mended = judged(*site.chain, fetched=(good.der,))
    assert (mended.trusted, mended.complete) == (True, False)


def test_certificates_that_sign_each_other_end_somewhere() -> None:
    """A circle of cross-signatures is not walked twice; with a root in it the way is found."""
    one, two = Authority("One"), Authority("Two")
    served = (under(one).der, two.cross_sign(one).der, one.cross_sign(two).der)
    chain = judged(*served)
    assert chain.error == "untrusted_root" and len(chain.path) <= 3
    assert judged(*served, store=trusting(two.der)).trusted


def test_a_chain_of_more_than_ten_is_not_followed() -> None:
    """Ten certificates are; nobody has more."""
    def site(depth: int) -> Issued:
        authority = Authority("Deep Root", key=ROOT.key)
        for level in range(depth - 2):
            authority = authority.authority(f"Level {level}")
        return under(authority)

    deep_root = Authority("Deep Root", key=ROOT.key)
    assert judged(*site(10).chain, store=trusting(deep_root.der)).trusted
    long = judged(*site(11).chain, store=trusting(deep_root.der))
    assert (long.trusted, long.error) == (False, "other")
    assert "longer than 10" in tell(long.faults[0])


def test_a_bomb_of_cross_signatures_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six levels of four namesakes that all sign each other: 4,096 ways, none to an anchor. The
    work is bounded, and what was not tried is not called untrusted."""
    checks = []
    verifies = algorithms.verifies

    def counted(*given: bytes) -> bool | None:
        checks.append(given)
        return verifies(*given)

    monkeypatch.setattr(algorithms, "verifies", counted)
    levels = [[Authority(f"Level {level}", without=["2.5.29.14"]) for _ in range(4)]
              for level in range(7)]
    sent = [upper.cross_sign(lower, without=["2.5.29.35", "2.5.29.14"]).der
            for below, above in pairwise(levels)
            for lower in below for upper in above]
    site = under(levels[0][0], without=["2.5.29.35"])
    checks.clear()
    chain = judged(site.der, *sent)
    assert len(checks) <= MOST_CHECKS + 8  # and the look for self-signed ones
    assert (chain.trusted, chain.complete, chain.error) == (None, None, "other")
    assert "more cross-signed certificates" in tell(
        next(fault for fault in chain.faults if fault.code == "chain_unknown"))


# What cannot be known


def test_without_a_store_nothing_is_called_untrusted() -> None:
    """Unknown is not no: no verdict, and the reason. A store beside it that helps is enough."""
    missing = system_store("/nonexistent/roots.pem")
    for served in (leaf().chain, (leaf().der,), self_signed(HOST).chain):
        chain = judged(*served, store=missing)
        assert (chain.trusted, chain.complete, chain.error) == (None, None, "other")
        assert codes(chain) == ["chain_unknown"]
        assert "/nonexistent/roots.pem" in tell(chain.faults[0])
    assert judged(*leaf().chain, store=missing.joined(STORE)).trusted
    assert judged(*leaf(not_after=NOW - 1).chain, store=missing).trusted is False


def test_a_signature_that_cannot_be_checked_is_neither_good_nor_bad() -> None:
    """SM2 under a trusted root: unknown, with the algorithm's name; a bad one of a kind that can be
    checked is bad."""
    sm2 = der.sequence(der.oid("1.2.156.10197.1.501"))
    chain = judged(*leaf(algorithm=sm2).chain)
    assert (chain.trusted, chain.complete, chain.error) == (None, None, "other")
    assert "SM2-with-SM3" in tell(chain.faults[0])
    assert judged(*leaf(tampered=True).chain).error == "bad_signature"


def test_an_unreadable_leaf_is_no_chain() -> None:
    """There are no facts to judge."""
    with pytest.raises(Unreadable):
        judged(b"garbage", INTERMEDIATE.der)


def test_an_unreadable_certificate_that_was_sent_is_told() -> None:
    """With its place; the rest is judged."""
    chain = judged(leaf().der, b"garbage", INTERMEDIATE.der)
    assert chain.trusted
    assert "certificate 2 of those sent" in details(chain, "client_difference")[0]["why"]


# Remarks, each with its twin


def test_an_intermediate_that_expires_first_is_told_a_month_before() -> None:
    """Not earlier, and not when the leaf expires before it."""
    def warned(days: int, **fields: Any) -> bool:
        issuing = ROOT.authority("Short", not_after=NOW + days * DAY)
        return "chain_expires_first" in codes(judged(*under(issuing, **fields).chain))

    assert warned(29) and warned(0)
    assert not warned(31)
    assert not warned(29, not_after=NOW + 28 * DAY)


def test_the_finding_of_another_host_names_what_there_is() -> None:
    """At most five names; the common name where there is no other."""
    many = INTERMEDIATE.leaf(*(f"h{number}.example" for number in range(9)))
    told = details(judged(*many.chain, host="b.example"), "wrong_host")[0]
    assert told == {"name": "b.example", "names": "h0.example, h1.example, h2.example, h3.example, "
                    "h4.example and 4 more"}
    nothing = details(judged(*leaf(san=None).chain), "wrong_host")[0]["names"]
    assert "no host" in nothing and "common name, a.example" in nothing


def test_extra_certificates_are_counted_and_named() -> None:
    """Some of them."""
    extra = [ROOT.authority(f"Extra {number}").der for number in range(5)]
    told = details(judged(*leaf().chain, *extra), "chain_extra")[0]
    assert told["count"] == 5 and "CN=Extra 0" in told["subject"] and "2 more" in told["subject"]


PUBLIC = ("2.5.29.32", False, der.sequence(der.sequence(der.oid("2.23.140.1.2.1"))))
LOGGED = ("1.3.6.1.4.1.11129.2.4.2", False, der.octet_string(b"\0\0"))


@pytest.mark.parametrize(("since", "days"), [
    (1598918400, 398), (1773532800, 200), (1805068800, 100), (1868227200, 47)])
@pytest.mark.parametrize("mark", [PUBLIC, LOGGED])
def test_a_public_certificate_that_lives_too_long_is_told(since: int, days: int, mark: Any) -> None:
    """By the limit of the day it was issued on; a private CA in the system's store has none, nor
    has an anchor that somebody named."""
    root = Authority("Public Root", not_before=since - 1000 * DAY, not_after=since + 1000 * DAY)

    def told(*marks: Any, length: int = days * DAY, system: bool = True) -> list[str]:
        site = under(root, not_before=since, not_after=since + length, extensions=marks)
        chain = judged(*site.chain, store=trusting(root.der, system=system), now=since + 1)
        return [tell(fault) for fault in chain.faults]

    assert len(told(mark)) == 1 and f"may be for {days}" in told(mark)[0]
    assert "Apple" in told(mark)[0]
    assert told(mark, length=days * DAY - 1) == []
    assert told() == [] and told(mark, system=False) == []


def test_limits_are_those_of_the_day_of_issue() -> None:
    """A certificate of 398 days from before March 2026 is fine."""
    since = 1773532800 - 1
    root = Authority("Public Root", not_before=since - DAY, not_after=since + 1000 * DAY)
    site = under(root, not_before=since, not_after=since + 398 * DAY - 1, extensions=[PUBLIC])
    assert codes(judged(*site.chain, store=trusting(root.der, system=True), now=since + 1)) == []


@pytest.mark.parametrize(("key", "clients"), [
    ("ed25519", "web browsers"), ("ed448", "web browsers"), ("p521", "Chrome"), ("sm2", "all"),
    ("p224", "OpenSSL"), ("ec", ""), ("p384", ""), ("rsa2048", "")])
def test_keys_that_not_all_clients_know_are_told(key: str, clients: str) -> None:
    """Common kinds are not."""
    found = details(judged(*leaf(key=key).chain), "client_difference")
    assert [clients in detail["clients"] for detail in found] == [True] * bool(clients)


def test_differences_are_not_told_of_a_chain_that_all_refuse() -> None:
    """There is something else to mend first."""
    assert codes(judged(*under(Authority("X"), key="ed25519").chain)) == ["chain_untrusted_root"]


# Whatever is sent


def test_a_signature_that_is_not_whole_bytes_is_refused() -> None:
    """Each number of unused bits but 0, though the bytes of the signature verify (as OpenSSL has
    it: invalid bit string bits left)."""
    site = leaf()
    bits = reading.inside(site.der, reading.SEQUENCE)[2][2]
    for unused in range(8):
        spoilt = site.der[:bits] + bytes((unused,)) + site.der[bits + 1:]
        assert judged(spoilt, *site.above).trusted is (unused == 0)


FUZZED = (*leaf().chain, ROOT.der)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_bytes_get_a_verdict(data: st.DataObject) -> None:
    """Turned bytes, other orders, repetitions: a verdict that can be told, or Unreadable."""
    order = data.draw(st.lists(st.integers(0, 2), max_size=5))
    served = [bytearray(FUZZED[number]) for number in (0, *order)]
    for _ in range(data.draw(st.integers(0, 4))):
        certificate = data.draw(st.sampled_from(served))
        certificate[data.draw(st.integers(0, len(certificate) - 1))] = data.draw(
            st.integers(0, 255))
    try:
        chain = judged(*map(bytes, served))
    except Unreadable:
        return
    assert all(tell(fault) for fault in chain.faults)
    assert (chain.error == "") is (chain.trusted is True and chain.complete is True)
    if chain.trusted:
        assert chain.path[-1].der == ROOT.der and bytes(served[0]) == FUZZED[0]
