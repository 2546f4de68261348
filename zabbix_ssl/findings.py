"""From facts to findings: the one place that says how bad a thing is and what to do about it.

TABLE has a row for every code. A row is a severity and a sentence; the sentence names the thing and
the remedy, and is filled with the detail of a ``Fault``. The risk level is the worst finding.
"""

from __future__ import annotations

from collections.abc import Iterator

from .model import WEAK_TLS_VERSIONS, Certificate, Fault, Finding, Observation

LEVELS = ("low", "medium", "high")

DAY = 86400
EXPIRY_WARNING_DAYS = 30
SHORT_LIFETIME_DAYS = 90  # below this a third of the lifetime takes the place of 30 days
SLOW_HANDSHAKE_MS = 500

#: code: (severity, sentence). Rows of one idea stand together, the worst first.
TABLE: dict[str, tuple[str, str]] = {
    # availability
    "handshake_failed": ("high", "Cannot check: {message}"),
    "slow_handshake": ("medium", "The TLS handshake took {handshake_ms:.0f} ms (over {limit} ms): "
                       "look at the load of the server and the way to it"),
    # nodes
    "nodes_failed": ("medium", "{count} of {total} nodes cannot be checked: {why}: mend them, or "
                     "take them out of the DNS"),
    "nodes_family": ("medium", "{broken} is broken, {fine} is fine: {why}: mend it, or take the "
                     "{records} records out of the DNS"),
    "nodes_older": ("medium", "{count} of {total} nodes still serve an older certificate ({how}): "
                    "{addresses}: install the new one there too, and reload the server"),
    "nodes_other": ("medium", "{count} of {total} nodes serve another certificate ({how}): "
                    "{addresses}: install the same one everywhere"),
    "nodes_high": ("high", "At {addresses}: {message}"),
    "nodes_medium": ("medium", "At {addresses}: {message}"),
    "nodes_low": ("low", "At {addresses}: {message}"),
    "nodes_weak": ("low", "Only {count} of {total} nodes accept what is weak: {addresses}: give "
                   "them the configuration of the others"),
    "nodes_skipped": ("low", "{count} of {total} nodes were not looked at, for this machine has no "
                      "way to them: {addresses}: check from a machine with {family} too"),
    "nodes_many": ("low", "The name has {total} addresses, and only the first {most} were looked "
                   "at: check the others with --address"),
    # validity
    "expired": ("high", "The certificate expired {days} days ago, on {date}: renew it now"),
    "not_yet_valid": ("high", "The certificate is valid only from {date}: look at the clocks, or "
                      "install the certificate that is valid now"),
    "expiring": ("medium", "The certificate expires in {days} days, on {date}: renew it"),
    # chain: the codes of chain_error
    "chain_self_signed": ("high", "The certificate is self-signed: install one from a CA that the "
                          "clients trust, or give its file as --ca-file"),
    "chain_untrusted_root": ("high", "The chain ends at {subject}, which is {how}: install a "
                             "certificate from a trusted CA, or give the root as --ca-file"),
    "chain_missing_intermediate": ("high", "The server does not send the intermediate certificate "
                                   "{issuer}{where}: add it to the server's certificate file; "
                                   "browsers may find it by themselves, other clients do not"),
    "chain_expired": ("high", "The certificate {subject} in the chain expired on {date}: replace "
                      "it"),
    "chain_not_yet_valid": ("high", "The certificate {subject} in the chain is valid only from "
                            "{date}: look at the clocks"),
    "chain_name_constraints": ("high", "{subject} may not issue for {name} (name constraints): get "
                               "the certificate from another CA"),
    "chain_path_length": ("high", "{subject} allows fewer intermediates below it than there are: "
                          "get the certificate from the right CA"),
    "chain_purpose": ("high", "The certificate {subject} is not meant for TLS servers (extended "
                      "key usage or key usage): get one that is"),
    "chain_not_a_ca": ("high", "{subject} has issued a certificate in the chain but is not a CA: "
                       "replace the certificate"),
    "chain_bad_signature": ("high", "The signature on {subject} is not by the certificate that "
                            "stands for its issuer, {issuer}: install both again from the CA"),
    "chain_weak_signature": ("high", "Clients refuse the chain: {subject} is signed with "
                             "{algorithm}: have it reissued with SHA-256 or better"),
    "chain_weak_key": ("high", "Clients refuse the chain: the key of {subject} is weak ({why}): "
                       "have it reissued with a stronger key"),
    "chain_critical_extension": ("high", "{subject} has a critical extension that clients do not "
                                 "know ({oid}): have it reissued without"),
    "chain_other": ("high", "The chain is not trusted: {why}"),
    "chain_unknown": ("medium", "Whether the chain is trusted is not known: {why}"),
    # chain: remarks
    "wrong_host": ("high", "The certificate is not valid for {name}; it names {names}: install the "
                   "right certificate, or look at the server's SNI configuration"),
    "chain_order": ("low", "The certificates are sent in the wrong order: put the server's "
                    "certificate first and each issuer after what it issued"),
    "chain_extra": ("low", "The server sends {count} certificates that are not needed ({subject}): "
                    "remove them"),
    "chain_root_included": ("low", "The server sends the root {subject}, which clients have or do "
                            "not trust: remove it"),
    "chain_stale_cross_sign": ("low", "The server sends {subject} as cross-signed by {issuer}, a "
                               "certificate that expired on {date}: remove it, for old clients "
                               "(OpenSSL 1.0) fail on it"),
    "chain_expires_first": ("medium", "{subject} in the chain expires in {days} days, on {date}, "
                            "before the certificate itself: install the new chain"),
    "client_difference": ("medium", "Accepted by some clients, refused by {clients}: {why}"),
    # files
    "file_missing_intermediate": ("medium", "The file does not hold the intermediate certificate "
                                  "{issuer}{where}: add it, if this is the file that a server "
                                  "sends"),
    "file_several": ("low", "The file holds {count} certificates: this is about {subject}, which "
                     "needs looking at most"),
    "serves_file_older": ("medium", "Renewed on disk, the daemon was not reloaded: {file} holds a "
                          "certificate that is valid until {disk}, the server still serves the one "
                          "until {served}: reload it"),
    "serves_file_other": ("medium", "The server serves another certificate (valid until {served}) "
                          "than {file} holds (valid until {disk}): look at which file it is "
                          "configured with"),
    "serves_file_unknown": ("low", "What the server serves could not be compared with its file: "
                            "{why}"),
    # security
    "weak_tls": ("medium", "The server still accepts {versions}: turn them off"),
    "weak_cipher": ("medium", "The server still accepts weak ciphers ({ciphers}): turn them off"),
    "weak_key": ("medium", "The certificate's key is weak ({why}): have it reissued with RSA 2048 "
                 "bits or more, or with EC P-256"),
    "weak_signature": ("medium", "The certificate's signature is weak ({why}): have it reissued "
                       "with SHA-256 or better"),
    # revocation
    "revoked": ("high", "{subject} was revoked on {date} ({reason}; told by {source}): replace it "
                "now, with a new key"),
    "must_staple_violated": ("medium", "The certificate demands a stapled OCSP answer, on which "
                             "browsers insist ({why}): turn OCSP stapling on in the server, or get "
                             "a certificate without must-staple"),
    "bad_staple": ("medium", "The server staples an OCSP answer that clients refuse ({why}): see "
                   "whether the server can reach the OCSP responder, and restart it"),
    "revocation_unknown": ("low", "Whether {subject} is revoked could not be learnt: {why}"),
}

#: chain_error values, the one to mend first in front. Their findings are "chain_" + value.
CHAIN_ERRORS = (
    "bad_signature", "not_a_ca", "expired", "not_yet_valid", "self_signed", "missing_intermediate",
    "untrusted_root", "name_constraints", "path_length", "purpose", "weak_signature", "weak_key",
    "critical_extension", "other",
)


def find(observation: Observation) -> tuple[Finding, ...]:
    """Every finding of an observation, worst first."""
    faults = dict.fromkeys((f.code, tell(f)) for f in _faults(observation))
    findings = [Finding(code, TABLE[code][0], message) for code, message in faults]
    return tuple(sorted(findings, key=lambda f: -LEVELS.index(f.severity)))


def tell(fault: Fault) -> str:
    """The sentence of a fault."""
    return TABLE[fault.code][1].format_map(fault.detail)


def expiry_warning_days(lifetime_days: float, configured: int | None = None) -> float:
    """How many days before its end a certificate is called expiring."""
    if configured is not None:
        return configured
    return EXPIRY_WARNING_DAYS if lifetime_days >= SHORT_LIFETIME_DAYS else lifetime_days / 3


def date(seconds: int) -> str:
    """Unix seconds as a date, ``2026-11-24``; years past 9999 do not fit a certificate."""
    import time

    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def _faults(seen: Observation) -> Iterator[Fault]:
    if seen.failure:
        yield Fault("handshake_failed", {"message": seen.failure.message})
    if seen.certificate:
        yield from _validity(seen.certificate, seen.check_time, seen.target.warning_days)
        yield from _strength(seen.certificate)
    if seen.chain:
        yield from seen.chain.faults
    if seen.nodes:
        yield from seen.nodes.faults
    if seen.disk:
        yield from seen.disk.faults
    if seen.security:
        weak = [v for v in WEAK_TLS_VERSIONS if seen.security.versions[v].accepted]
        if weak:
            yield Fault("weak_tls", {"versions": ", ".join(weak)})
        if seen.security.weak_ciphers:
            yield Fault("weak_cipher", {"ciphers": _some(seen.security.weak_ciphers)})
    if seen.revocation:
        yield from seen.revocation.faults
    if seen.handshake and (seen.handshake.handshake_ms or 0) > SLOW_HANDSHAKE_MS:
        yield Fault("slow_handshake", {"handshake_ms": seen.handshake.handshake_ms or 0,
                                       "limit": SLOW_HANDSHAKE_MS})


def _validity(certificate: Certificate, now: int, warning_days: int | None) -> Iterator[Fault]:
    left = certificate.not_after - now
    lifetime = (certificate.not_after - certificate.not_before) / DAY
    if left < 0:
        yield Fault("expired", {"days": -left // DAY, "date": date(certificate.not_after)})
    elif now < certificate.not_before:
        yield Fault("not_yet_valid", {"date": date(certificate.not_before)})
    elif left <= expiry_warning_days(lifetime, warning_days) * DAY:
        yield Fault("expiring", {"days": left // DAY, "date": date(certificate.not_after)})


def _strength(certificate: Certificate) -> Iterator[Fault]:
    if certificate.weak_key:
        yield Fault("weak_key", {"why": certificate.weak_key})
    if certificate.weak_signature:
        yield Fault("weak_signature", {"why": certificate.weak_signature})


def _some(names: tuple[str, ...], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
