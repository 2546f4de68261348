"""The table of metrics: the only place that knows them.

``--get``, JSON, Prometheus, Nagios performance data, the Zabbix template and the documentation all
come from these rows. Adding a metric is one row, plus the code that learns the fact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .findings import DAY, LEVELS, date, find
from .model import (
    TLS_VERSIONS,
    WEAK_TLS_VERSIONS,
    Certificate,
    Node,
    NodeResult,
    Nodes,
    Observation,
    Result,
    Security,
    Value,
)

# Kinds of values. In JSON a flag is true or false and a time is 2026-11-24T07:00:00Z; as a metric
# they are 0 or 1 and Unix seconds. A level is a word in JSON and its number as a metric.
FLAG, COUNT, NUMBER, TIME, TEXT, LIST, LEVEL = (
    "flag", "count", "number", "time", "text", "list", "level")
NUMERIC = (FLAG, COUNT, NUMBER, TIME, LEVEL)

REVOKED_VALUES = ("good", "revoked", "unknown", "not_applicable")


class Metric(NamedTuple):
    """One row. ``read`` takes the part of the observation that ``part`` names (the observation
    itself for ""), and the time of the check; it returns None for what was not learnt."""

    name: str
    group: str  # the object of the JSON output it stands in; "" for the top
    kind: str
    unit: str  # "", "ms", "days", "%", "bits"
    help: str
    part: str
    read: Callable[[Any, int], Value | None]
    prometheus: str = ""  # metric name there; "" where it is a label of ssl_cert_info or left out
    values: tuple[str, ...] = ()  # names of the numbers 0, 1, 2 ... of an enumeration


def _days(seconds: int) -> int:
    return seconds // DAY  # floor: 23 hours left are 0 days, one second past is -1


def _rounded(milliseconds: float | None) -> float | None:
    """To the microsecond: more digits are noise."""
    return None if milliseconds is None else round(milliseconds, 3)


def _percent(certificate: Certificate, now: int) -> float | None:
    lifetime = certificate.not_after - certificate.not_before
    if lifetime <= 0:
        return None
    return round(min(100.0, max(0.0, 100 * (certificate.not_after - now) / lifetime)), 1)


def _accepted(security: Security, versions: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(v for v in versions if security.versions[v].accepted)


def _any_weak_version(security: Security) -> bool | None:
    answers = [security.versions[v].accepted for v in WEAK_TLS_VERSIONS]
    return True if True in answers else None if None in answers else False


def _any_weak_cipher(security: Security) -> bool | None:
    return True if security.weak_ciphers else None if security.weak_unknown else False


def _not_learnt(security: Security) -> str:
    return "; ".join(f"{v}: {o.reason}" for v, o in security.versions.items() if o.accepted is None)


def _node(node: Node) -> str:
    if node.skipped:
        return f"{node.address} not looked at"
    if node.failure:
        return f"{node.address} {node.failure.reason}"
    return f"{node.address} {node.fingerprint_sha256[:16]} until {date(node.not_after)}"


METRICS = (
    Metric("handshake_ok", "handshake", FLAG, "", "The TLS handshake was completed", "",
           lambda o, now: o.failure is None, "ssl_probe_success"),
    Metric("handshake_ms", "handshake", NUMBER, "ms",
           "Duration of the TLS handshake, without name resolution and TCP connection", "handshake",
           lambda h, now: _rounded(h.handshake_ms), "ssl_handshake_duration_seconds"),
    Metric("connect_ms", "handshake", NUMBER, "ms", "Duration of the TCP connection", "handshake",
           lambda h, now: _rounded(h.connect_ms), "ssl_connect_duration_seconds"),
    Metric("dns_ms", "handshake", NUMBER, "ms", "Duration of the name resolution", "handshake",
           lambda h, now: _rounded(h.dns_ms), "ssl_dns_duration_seconds"),
    Metric("address", "handshake", TEXT, "", "The IP address that was connected to", "handshake",
           lambda h, now: h.address or None),
    Metric("alpn", "handshake", TEXT, "", "Application protocol that the server chose", "handshake",
           lambda h, now: h.alpn),
    Metric("client_certificate_requested", "handshake", FLAG, "",
           "The server asks for a client certificate", "handshake",
           lambda h, now: h.client_certificate_requested, "ssl_client_certificate_requested"),
    Metric("error", "", TEXT, "", "Why the target could not be checked, empty when it could", "",
           lambda o, now: o.failure.message if o.failure else ""),
    Metric("error_reason", "", TEXT, "", "The same in one word: dns, refused, unreachable, "
           "timeout, reset, closed, not_tls, alert, handshake, starttls, proxy, config, internal; "
           "empty when it could", "",
           lambda o, now: o.failure.reason if o.failure else ""),

    Metric("is_valid", "validity", FLAG, "", "The time of the check lies within the certificate's "
           "validity", "certificate", lambda c, now: c.not_before <= now <= c.not_after,
           "ssl_cert_is_valid"),
    Metric("not_before", "validity", TIME, "", "Start of the certificate's validity", "certificate",
           lambda c, now: c.not_before, "ssl_cert_not_before_timestamp_seconds"),
    Metric("not_after", "validity", TIME, "", "End of the certificate's validity", "certificate",
           lambda c, now: c.not_after, "ssl_cert_not_after_timestamp_seconds"),
    Metric("remain_days", "validity", COUNT, "days", "Whole days until the certificate expires, "
           "negative when it has", "certificate", lambda c, now: _days(c.not_after - now),
           "ssl_cert_remain_days"),
    Metric("remain_percent", "validity", NUMBER, "%", "Share of the certificate's lifetime that is "
           "left", "certificate", _percent, "ssl_cert_remain_percent"),
    Metric("lifetime_days", "validity", COUNT, "days", "The certificate's lifetime", "certificate",
           lambda c, now: round((c.not_after - c.not_before) / DAY), "ssl_cert_lifetime_days"),

    Metric("subject", "certificate", TEXT, "", "Subject of the certificate (RFC 4514)",
           "certificate", lambda c, now: c.subject),
    Metric("issuer", "certificate", TEXT, "", "Issuer of the certificate (RFC 4514)", "certificate",
           lambda c, now: c.issuer),
    Metric("serial", "certificate", TEXT, "", "Serial number, hexadecimal", "certificate",
           lambda c, now: c.serial),
    Metric("fingerprint_sha256", "certificate", TEXT, "", "SHA-256 of the certificate, hexadecimal",
           "certificate", lambda c, now: c.fingerprint_sha256),
    Metric("san", "certificate", LIST, "", "Names and addresses the certificate is valid for",
           "certificate", lambda c, now: c.san),
    Metric("key_type", "certificate", TEXT, "", "Type of the public key", "certificate",
           lambda c, now: c.key_type),
    Metric("key_bits", "certificate", COUNT, "bits", "Size of the public key", "certificate",
           lambda c, now: c.key_bits, "ssl_cert_key_bits"),
    Metric("signature_algorithm", "certificate", TEXT, "", "Algorithm of the certificate's "
           "signature", "certificate", lambda c, now: c.signature_algorithm),
    Metric("has_weak_key", "certificate", FLAG, "", "The public key is too short or of a weak kind",
           "certificate", lambda c, now: bool(c.weak_key), "ssl_cert_has_weak_key"),
    Metric("has_weak_signature", "certificate", FLAG, "", "The signature uses SHA-1, MD5 or worse",
           "certificate", lambda c, now: bool(c.weak_signature), "ssl_cert_has_weak_signature"),
    Metric("serves_file_match", "certificate", FLAG, "", "The server serves the certificate of its "
           "file (serves_file)", "disk", lambda d, now: d.match, "ssl_cert_serves_file_match"),

    Metric("chain_trusted", "chain", FLAG, "", "The chain leads to a trusted root", "chain",
           lambda c, now: c.trusted, "ssl_cert_chain_trusted"),
    Metric("chain_complete", "chain", FLAG, "", "What the server sends reaches a trusted root "
           "without fetching anything", "chain", lambda c, now: c.complete,
           "ssl_cert_chain_complete"),
    Metric("chain_error", "chain", TEXT, "", "What is wrong with the chain, empty when nothing is",
           "chain", lambda c, now: c.error),
    Metric("hostname_match", "chain", FLAG, "", "The certificate is valid for the domain", "chain",
           lambda c, now: c.hostname_match, "ssl_cert_hostname_match"),
    Metric("self_signed", "chain", FLAG, "", "The certificate is its own issuer", "chain",
           lambda c, now: c.self_signed, "ssl_cert_self_signed"),
    Metric("chain_not_after", "chain", TIME, "", "When the first certificate of the chain in use "
           "expires", "chain", lambda c, now: c.expires,
           "ssl_cert_chain_not_after_timestamp_seconds"),
    Metric("chain_remain_days", "chain", COUNT, "days", "Whole days until the first certificate of "
           "the chain in use expires", "chain", lambda c, now: _days(c.expires - now),
           "ssl_cert_chain_remain_days"),

    Metric("is_revoked", "revocation", COUNT, "", "0 good, 1 revoked, 2 unknown (the query "
           "failed), 3 not applicable (nothing to ask)", "revocation",
           lambda r, now: REVOKED_VALUES.index(r.status), "ssl_cert_is_revoked", REVOKED_VALUES),
    Metric("revocation_status", "revocation", TEXT, "", "The same as a word", "revocation",
           lambda r, now: r.status),
    Metric("revocation_source", "revocation", TEXT, "", "Who told: stapled, ocsp, crl, crl_dir; "
           "empty when nobody did", "revocation", lambda r, now: r.source),
    Metric("revocation_reason", "revocation", TEXT, "", "Why it was revoked, is unknown or not "
           "applicable", "revocation", lambda r, now: r.reason),
    Metric("revocation_certificate", "revocation", TEXT, "", "Subject of the certificate that this "
           "is about: the server's, or one above it", "revocation", lambda r, now: r.subject),
    Metric("must_staple", "revocation", FLAG, "", "The certificate demands a stapled OCSP answer "
           "(RFC 7633)", "certificate", lambda c, now: c.must_staple, "ssl_cert_must_staple"),
    Metric("must_staple_violated", "revocation", FLAG, "", "It demands one and the server sent "
           "none that is valid", "revocation", lambda r, now: r.must_staple_violated,
           "ssl_cert_must_staple_violated"),

    Metric("tls_version", "tls_info", TEXT, "", "Version that the handshake negotiated",
           "handshake", lambda h, now: h.version or None),
    Metric("cipher", "tls_info", TEXT, "", "Cipher suite that the handshake negotiated (IANA name)",
           "handshake", lambda h, now: h.cipher or None),
    Metric("key_exchange", "tls_info", TEXT, "", "Key exchange group that the handshake negotiated",
           "handshake", lambda h, now: h.group or None),
    Metric("supported_tls_versions", "tls_info", LIST, "", "Versions that the server accepts",
           "security", lambda s, now: _accepted(s, TLS_VERSIONS)),
    Metric("unknown_tls_versions", "tls_info", TEXT, "", "Versions that it could not be asked for, "
           "and why; empty when all were", "security", lambda s, now: _not_learnt(s)),
    Metric("has_weak_tls", "tls_info", FLAG, "", "The server accepts TLS 1.1 or older", "security",
           lambda s, now: _any_weak_version(s), "ssl_cert_has_weak_tls"),
    Metric("weak_tls_versions", "tls_info", LIST, "", "Those of them that it accepts", "security",
           lambda s, now: _accepted(s, WEAK_TLS_VERSIONS)),
    Metric("has_weak_cipher", "tls_info", FLAG, "", "The server accepts a weak cipher (RC4, DES, "
           "3DES, NULL, EXPORT, anonymous, MD5)", "security", lambda s, now: _any_weak_cipher(s),
           "ssl_cert_has_weak_cipher"),
    Metric("weak_ciphers", "tls_info", LIST, "", "Those of them that it accepts (IANA names)",
           "security", lambda s, now: s.weak_ciphers),

    Metric("nodes_total", "nodes", COUNT, "", "Addresses that the target has, by its name or given",
           "nodes", lambda n, now: len(n.every), "ssl_nodes"),
    Metric("nodes_failed", "nodes", COUNT, "", "Those of them that could not be checked", "nodes",
           lambda n, now: len(n.failed), "ssl_nodes_failed"),
    Metric("nodes_disagree", "nodes", COUNT, "", "Those that serve another certificate than the "
           "newest good one", "nodes", lambda n, now: len(n.disagree), "ssl_nodes_disagree"),
    Metric("nodes_weak", "nodes", LIST, "", "Those that accept weak versions or ciphers", "nodes",
           lambda n, now: tuple(node.address for node in n.every if node.weak)),
    Metric("nodes", "nodes", LIST, "", "What each of them answers with", "nodes",
           lambda n, now: tuple(map(_node, n.every))),

    Metric("check_time", "", TIME, "", "When the target was checked", "",
           lambda o, now: o.check_time, "ssl_check_timestamp_seconds"),
)

#: What the judgement adds to the rows above; they are read from the findings.
JUDGED = (
    Metric("risk_level", "", LEVEL, "", "The worst finding: 0 low, 1 medium, 2 high", "findings",
           lambda f, now: f[0].severity if f else LEVELS[0], "ssl_risk_level", LEVELS),
    Metric("risk_msg", "", TEXT, "", "What was found and what to do, the worst first", "findings",
           lambda f, now: "; ".join(finding.message for finding in f)),
)

TABLE: dict[str, Metric] = {metric.name: metric for metric in METRICS + JUDGED}


#: What each address of a name has of its own, for those who want it apart.
OF_NODES = (
    "handshake_ok", "handshake_ms", "error_reason", "is_valid", "not_before", "not_after",
    "remain_days", "issuer", "serial", "fingerprint_sha256", "chain_trusted", "chain_complete",
    "hostname_match", "is_revoked", "has_weak_tls", "has_weak_cipher")

_MOST_OF_NODE = 1024  # characters of a text: there may be many addresses

_BY_PART = {part: [metric for metric in METRICS if metric.part == part]
            for part in dict.fromkeys(metric.part for metric in METRICS)}


_NO_NODES = {metric.name: "not every address was looked at: all_addresses was not asked for"
             for metric in _BY_PART["nodes"]}


def judge(observation: Observation) -> Result:
    """An observation as every output reads it: metrics, why others are absent, findings."""
    now = observation.check_time
    values: dict[str, Value] = {}
    unknown: dict[str, str] = {}
    for name, rows in _BY_PART.items():
        part = getattr(observation, name) if name else observation
        if part is None and name == "nodes" and not observation.failure:  # as almost always
            unknown.update(_NO_NODES)
            continue
        for metric in rows:
            value = None if part is None else metric.read(part, now)
            if value is None:
                unknown[metric.name] = _why(observation, metric)
            else:
                values[metric.name] = value
    findings = find(observation)
    for metric in JUDGED:
        judged = metric.read(findings, now)
        assert judged is not None
        values[metric.name] = judged
    nodes = tuple(_of_nodes(observation.nodes)) if observation.nodes else ()
    return Result(observation.target, now, values, unknown, findings, observation.missing, nodes)


def _of_nodes(nodes: Nodes) -> Iterator[NodeResult]:
    for node in nodes.every:
        seen = None if node.skipped else nodes.seen.get(node.address)
        disagrees = node.address in nodes.disagree if node.fingerprint_sha256 else None
        yield NodeResult(node.address, disagrees, dict(_of_node(seen)) if seen else {})


def _of_node(seen: Observation) -> Iterator[tuple[str, Value]]:
    for name in OF_NODES:
        metric = TABLE[name]
        part = getattr(seen, metric.part) if metric.part else seen
        value = None if part is None else metric.read(part, seen.check_time)
        if value is not None:
            yield name, value[:_MOST_OF_NODE] if isinstance(value, str) else value


def _why(observation: Observation, metric: Metric) -> str:
    """Why a metric is absent."""
    if metric.part == "security" and observation.security:
        if metric.name == "has_weak_cipher":
            return observation.security.weak_unknown
        return _not_learnt(observation.security)
    if metric.name == "address" and observation.handshake:
        return "the proxy connects to the server, and does not tell at which address"
    if metric.part in observation.reasons:
        return observation.reasons[metric.part]
    if metric.part == "disk" and not observation.target.serves_file:
        return "no serves_file is configured to compare with"
    if observation.failure:
        return observation.failure.message
    return "not told by the server"


def scalar(metric: Metric, value: Value) -> int | float | str:
    """A value as a metric: flags and levels as numbers, lists as text."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, tuple):
        return ", ".join(value)
    return LEVELS.index(str(value)) if metric.kind == LEVEL else value
