"""What checks say one after the other, and the problems that must then be open: one story a target.

A story has a phase for each stage of the test; its last lasts to the end.
"""

from __future__ import annotations

from typing import NamedTuple

from zabbix_host import DAY

Values = dict[str, object]

SIX = tuple(f"192.0.2.{number}" for number in range(1, 7))
BOTH_FAMILIES = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2")


class Phase(NamedTuple):
    """What the check says, and the codes of the problems that must be open."""

    values: Values | str  # a text: what the script prints in place of JSON
    problems: frozenset[str]
    says: str = ""  # words that the name of one of them must have


def healthy(start: int, **changes: object) -> Values:
    """What ``--get ... all`` says of a healthy target, with changes; None takes a metric away."""
    found: Values = {
        "handshake_ok": 1, "handshake_ms": 31.2, "connect_ms": 1.0, "dns_ms": 0.5,
        "address": "192.0.2.1", "alpn": "", "client_certificate_requested": 0, "error": "",
        "error_reason": "", "is_valid": 1, "not_before": start - 30 * DAY,
        "not_after": start + 170 * DAY, "remain_days": 170, "remain_percent": 85.0,
        "lifetime_days": 200, "subject": "CN=a.example", "issuer": ISSUER, "serial": "01",
        "fingerprint_sha256": "AA", "san": "a.example, www.a.example", "key_type": "EC",
        "key_bits": 256, "signature_algorithm": "ecdsa-with-SHA256", "has_weak_key": 0,
        "has_weak_signature": 0, "chain_trusted": 1, "chain_complete": 1, "chain_error": "",
        "hostname_match": 1, "self_signed": 0, "chain_not_after": start + 170 * DAY,
        "chain_remain_days": 170, "is_revoked": 0, "revocation_status": "good",
        "revocation_source": "ocsp", "revocation_reason": "", "must_staple": 0,
        "must_staple_violated": 0, "tls_version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384",
        "key_exchange": "X25519", "supported_tls_versions": "TLSv1.2, TLSv1.3",
        "unknown_tls_versions": "", "has_weak_tls": 0, "weak_tls_versions": "",
        "has_weak_cipher": 0, "weak_ciphers": "", "check_time": start, "risk_level": 0,
        "risk_msg": ""}
    found |= changes
    return {name: value for name, value in found.items() if value is not None}


def nodes(failed: tuple[str, ...] = (), old: tuple[str, ...] = (), every: tuple[str, ...] = SIX
          ) -> Values:
    """The metrics of a target's nodes, of which some cannot be checked or serve the old
    certificate."""
    told = [f"{node} timeout" if node in failed else
            f"{node} {'A' * 16 if node in old else 'B' * 16} until 2027-05-13" for node in every]
    return {"nodes_total": len(every), "nodes_failed": len(failed), "nodes_disagree": len(old),
            "nodes_weak": "", "nodes": ", ".join(told)}


def _phase(values: Values | str, *problems: str, says: str = "") -> Phase:
    return Phase(values, frozenset(problems), says)


ISSUER = "CN=R10,O=Let's Encrypt,C=US"
WEAK_TLS = {"has_weak_tls": 1, "weak_tls_versions": "TLSv1.0, TLSv1.1"}
SECURITY = ("has_weak_tls", "weak_tls_versions", "has_weak_cipher", "weak_ciphers",
            "supported_tls_versions", "unknown_tls_versions")
SELF_SIGNED = {"chain_trusted": 0, "chain_complete": 0, "chain_error": "self_signed",
               "self_signed": 1}
EXPIRED = {"is_valid": 0, "chain_trusted": 0, "chain_error": "expired"}

def stories(start: int) -> dict[str, tuple[Phase, ...]]:
    """The stories, told at ``start`` (Unix seconds)."""
    def well(**changes: object) -> Values:
        return healthy(start, **changes)

    def valid(before: float, after: float, **changes: object) -> Values:
        """Healthy, valid for these days around now."""
        end = int(start + after * DAY)
        return well(**{"not_before": int(start + before * DAY), "not_after": end,
                       "chain_not_after": end} | changes)

    def failed(reason: str, message: str) -> Values:
        return {"handshake_ok": 0, "error": message, "error_reason": reason, "risk_level": 2,
                "check_time": start, "risk_msg": f"Cannot check: {message}"}

    fine = _phase(well())
    return {
        "healthy": (fine,),
        # expiry
        "ten-days": (_phase(valid(-190, 10), "expiring"),
                     _phase(valid(-197, 3), "expiring", "expiring_high"), fine),
        "three-days": (_phase(valid(-197, 3), "expiring_high"), fine),
        "expired": (_phase(valid(-93, -3, **EXPIRED), "expired"), fine),
        "expired-long-ago": (_phase(well(not_before=-9, not_after=-5, **EXPIRED), "expired"), fine),
        "early": (_phase(valid(1, 200, is_valid=0, chain_trusted=0, chain_error="not_yet_valid"),
                         "not_yet_valid"), fine),
        "ninety-days": (_phase(valid(-61, 29)),  # renewed on time: no word
                        _phase(valid(0, 90, serial="02", fingerprint_sha256="BB",
                                     issuer="CN=R11,O=Let's Encrypt,C=US",
                                     san="www.a.example, a.example")),
                        _phase(valid(-68, 22), "expiring"), fine),
        "six-days": (_phase(valid(-3, 3.5)), _phase(valid(-5, 1.5), "expiring"),
                     _phase(valid(-6, 0.5), "expiring", "expiring_high"), fine),
        "warned-early": (_phase(valid(-315, 50), "expiring"), fine),
        "warned-late": (_phase(valid(-345, 20)),),
        # chain
        "self-signed": (_phase(well(**SELF_SIGNED), "untrusted"), fine),
        "self-signed-as-meant": (_phase(well(**SELF_SIGNED)),),
        "unknown-root": (_phase(well(chain_trusted=0, chain_complete=0,
                                     chain_error="untrusted_root"), "untrusted"), fine),
        "trust-not-learnt": (fine, _phase(well(chain_trusted=None, chain_complete=None,
                                               chain_error="other"))),
        "trust-no-longer-learnt": (
            _phase(well(**SELF_SIGNED), "untrusted"),
            _phase(well(chain_trusted=None, chain_complete=None, chain_error="other"), "untrusted"),
            fine),
        "expired-intermediate": (_phase(well(**EXPIRED | {"is_valid": 1}), "untrusted"), fine),
        "incomplete": (_phase(well(chain_trusted=0, chain_complete=0,
                                   chain_error="missing_intermediate"), "incomplete"), fine),
        "incomplete-by-aia": (_phase(well(chain_complete=0, chain_error="missing_intermediate"),
                                     "incomplete"), fine),
        "chain-first": (_phase(well(chain_not_after=start + 10 * DAY), "chain_expiring"), fine),
        "wrong-host": (_phase(well(hostname_match=0, san="b.example"), "wrong_host"), fine),
        "default-certificate": (_phase(well(hostname_match=0, **SELF_SIGNED), "wrong_host"),
                                _phase(well(**SELF_SIGNED), "untrusted"), fine),
        # revocation
        "revoked": (_phase(well(is_revoked=1, revocation_reason="keyCompromise"), "revoked"), fine),
        "unknown-now": (_phase(well(is_revoked=2, revocation_reason="timeout")),),
        "unknown-long": (_phase(well(is_revoked=2, revocation_reason="timeout"),
                                "revocation_unknown"), fine),
        "not-applicable": (_phase(well(is_revoked=3, revocation_reason="short-lived")),),
        "no-staple": (_phase(well(must_staple=1, must_staple_violated=1), "staple_missing"), fine),
        # security
        "weak-tls": (_phase(well(**WEAK_TLS), "weak_tls"), fine),
        "weak-tls-not-learnt": (_phase(well(**WEAK_TLS), "weak_tls"),
                                _phase(well(**dict.fromkeys(SECURITY)), "weak_tls"), fine),
        "weak-cipher": (_phase(well(has_weak_cipher=1, weak_ciphers="TLS_RSA_WITH_RC4_128_SHA"),
                               "weak_cipher"), fine),
        "weak-key": (_phase(well(has_weak_key=1, key_type="RSA", key_bits=1024), "weak_key"), fine),
        "weak-signature": (_phase(well(has_weak_signature=1), "weak_key"), fine),
        "refused-for-weak-key": (_phase(well(has_weak_key=1, chain_trusted=0,
                                             chain_error="weak_key"), "untrusted"), fine),
        # availability
        "down": (_phase(failed("refused", "connection refused"), "unreachable"), fine),
        "not-tls": (_phase(failed("not_tls", "the server speaks HTTP"), "unreachable"), fine),
        "alert": (_phase(failed("alert", "handshake_failure"), "handshake"), fine),
        "down-and-weak": (_phase(well(**WEAK_TLS), "weak_tls"),
                          _phase(failed("timeout", "no answer"), "weak_tls", "unreachable"), fine),
        "slow": (_phase(well(handshake_ms=900), "slow"), fine),
        "slow-as-meant": (_phase(well(handshake_ms=900)),),
        "slow-at-times": (fine, _phase(well(handshake_ms=900))),
        # changes
        "renewed": (fine, _phase(well(serial="02", fingerprint_sha256="BB",
                                      not_after=start + 200 * DAY))),
        "more-names": (fine, _phase(well(san="a.example, shop.a.example, www.a.example"))),
        # nodes
        "nodes-alike": (_phase(well(**nodes())),),
        "nodes-rolled-out": (_phase(well(**nodes(old=SIX[:2]))), _phase(well(**nodes()))),
        "nodes-left-behind": (
            _phase(well(**nodes(old=SIX[:2])), "nodes_disagree",
                   says="2 of 6 nodes serve another certificate"),
            _phase(well(**nodes()))),
        "nodes-one-down": (
            _phase(well(**nodes(failed=SIX[:1])), "nodes_failed",
                   says="1 of 6 nodes cannot be checked"),
            _phase(well(**nodes()))),
        "nodes-without-ipv6": (
            _phase(well(**nodes(failed=BOTH_FAMILIES[2:], every=BOTH_FAMILIES)), "nodes_failed",
                   says="2 of 4 nodes cannot be checked"),
            _phase(well(**nodes(every=BOTH_FAMILIES)))),
        "nodes-all-down": (
            _phase(failed("timeout", "none of 6 nodes") | nodes(failed=SIX), "unreachable"),
            _phase(well(**nodes()))),
        "nodes-late-and-down": (
            _phase(well(**nodes(failed=SIX[:1], old=SIX[1:3])), "nodes_failed", "nodes_disagree"),
            _phase(failed("timeout", "none of 6 nodes") | nodes(failed=SIX), "unreachable",
                   says="none of 6 nodes"),
            _phase(well(**nodes()))),
        # the check itself
        "stale": (_phase(well(not_after=start + 30, chain_not_after=start + 30), "expiring_high"),
                  _phase("Traceback (most recent call last):", "expiring_high", "expired",
                         "no_result"), fine),
    }


def changes(start: int) -> dict[str, tuple[Phase, ...]]:
    """Stories of problems that stay open until they are closed by hand, or for some hours."""
    def well(**changes: object) -> Values:
        return healthy(start, **changes)

    fine = _phase(well())
    return {
        "other-ca": (fine, _phase(well(issuer="CN=Sub CA,O=Another CA,C=US"), "issuer_changed")),
        "lost-name": (fine, _phase(well(san="a.example"), "names_lost")),
        "other-name": (fine, _phase(well(san="a.example, shop.a.example"), "names_lost")),
    }


MACROS = {
    '{$SSL.EXPIRY.WARN:"warned-early.example"}': "60",
    '{$SSL.EXPIRY.WARN:regex:"^warned-late"}': "10",
    '{$SSL.TRUST.CONTROL:"self-signed-as-meant.example"}': "0",
    '{$SSL.REVOCATION.UNKNOWN:"unknown-long.example"}': "8s",
    '{$SSL.HANDSHAKE.MAX:"slow-as-meant.example"}': "1000",
    '{$SSL.NODES.GRACE:regex:"^nodes-l"}': "8s",
    '{$SSL.NODATA:"stale.example"}': "12s",
    "{$SSL.INTERVAL}": "3s",
}
