"""One audit told step by step: what ``/probe?debug=true`` answers."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

from .. import __version__
from ..model import Certificate, Observation, Result, protocol_for
from ..outputs.prometheus import exposition, samples
from ..plain import printable

_LABEL = 15  # columns
_MOST_TEXT = 300  # characters of one that a stranger wrote

Row = tuple[str, str]  # a label ("" for one more line) and a text


def explain(seen: Observation, result: Result, configured: bool, seconds: float,
            per_address: bool = False) -> str:
    """The text, many lines. ``seconds``: what the audit took. ``per_address``: among the metrics
    those of each address."""
    steps = ((label, text) for tell in _STEPS for label, text in tell(seen))
    rows = [*_head(seen, configured), *steps, *_nodes(result), *_findings(result),
            ("Took", f"{1000 * seconds:.0f} ms")]
    told = "\n".join(f"{label:<{_LABEL}}{printable(text)[:_MOST_TEXT]}".rstrip()
                     for label, text in rows)
    unknown = "\n".join(f"{name}: {printable(why)[:_MOST_TEXT]}"
                        for name, why in result.unknown.items())
    metrics = "".join(exposition([samples(result, per_address)]))
    return (f"{told}\n\nMetrics that are not known, and why\n\n{unknown or 'none'}\n\n"
            f"Metrics of this probe\n\n{metrics}")


def _head(seen: Observation, configured: bool) -> Iterator[Row]:
    target = seen.target
    yield "Probe of", f"{target} at {_date(seen.check_time)}, by zabbix-ssl {__version__}"
    yield "Target", "as configured" if configured else "not configured, allowed by --probe-allow"
    for name, default in target._field_defaults.items():
        value = getattr(target, name)
        if value != default and name not in ("port", "group", "tags", "timeout"):
            yield "", f"{name} {value}"
    if target.timeout:
        yield "", f"{target.timeout:.1f} s for all of it"
    protocol = protocol_for(target.port, target.starttls)
    if protocol:
        yield "Before TLS", f"{protocol} is spoken first"


def _network(seen: Observation) -> Iterator[Row]:
    shake = seen.handshake
    if shake is None:
        yield "Connection", f"failed: {_failure(seen)}"
        return
    if not seen.target.address:
        yield "Name", f"{seen.target.host} looked up in {shake.dns_ms:.1f} ms"
    yield "Connection", f"{shake.address or 'through the proxy'} in {shake.connect_ms:.1f} ms"


def _tls(seen: Observation) -> Iterator[Row]:
    shake = seen.handshake
    if shake is None:
        return
    if seen.failure:
        yield "Handshake", f"failed: {_failure(seen)}"
    else:
        yield "Handshake", f"{shake.version}, {shake.cipher}, done in {shake.handshake_ms:.1f} ms"
        yield "", f"key exchange {shake.group or 'RSA'}, application protocol {shake.alpn or '-'}"
    if shake.client_certificate_requested:
        yield "", "the server asks for a client certificate"
    if shake.stapled:
        yield "", f"the server staples an OCSP answer of {len(shake.stapled)} bytes"


def _served(seen: Observation) -> Iterator[Row]:
    if seen.handshake is None:
        return
    known = {certificate.der: certificate for certificate in (
        *(seen.chain.path if seen.chain else ()), *filter(None, [seen.certificate]))}
    for number, der in enumerate(seen.handshake.served):
        certificate = known.get(der)
        yield ("Certificates" if number == 0 else "",
               f"{number}: " + (_told(certificate) if certificate else
                                f"not used: {len(der)} bytes, SHA-256 "
                                f"{hashlib.sha256(der).hexdigest().upper()}"))
    if not seen.handshake.served:
        yield "Certificates", f"none seen{_because(seen, 'certificate')}"


def _told(certificate: Certificate) -> str:
    return (f"{certificate.subject or '(empty subject)'}, by {certificate.issuer}, "
            f"{_date(certificate.not_before)} to {_date(certificate.not_after)}, "
            f"{certificate.key_type} {certificate.key_bits or ''}")


def _chain(seen: Observation) -> Iterator[Row]:
    chain = seen.chain
    if chain is None:
        yield "Chain", f"not judged{_because(seen, 'chain')}"
        return
    verdict = {True: "trusted", False: f"not trusted: {chain.error}", None: "trust not known"}
    yield "Chain", verdict[chain.trusted]
    yield "", " < ".join(certificate.subject or "(empty subject)" for certificate in chain.path)
    yield "", "complete as sent" if chain.complete else "not complete as sent"
    yield "Host name", f"{'fits' if chain.hostname_match else 'does not fit'} {seen.target.host}"
    for missing in seen.missing:
        yield "", f"not sent: {missing.subject}, found at {missing.url}"


def _protocols(seen: Observation) -> Iterator[Row]:
    security = seen.security
    if security is None:
        yield "Protocols", f"not asked for{_because(seen, 'security')}"
        return
    age = seen.check_time - security.checked_at
    if age > 1:
        yield "Protocols", f"known from {age} s ago"
    for number, (version, offer) in enumerate(security.versions.items()):
        word = {True: "accepted", False: "refused", None: "not known"}[offer.accepted]
        reason = f": {offer.reason}" if offer.reason else ""
        yield "Protocols" if number == 0 and age <= 1 else "", f"{version} {word}{reason}"
    weak = ", ".join(security.weak_ciphers) or ("none" if not security.weak_unknown else "")
    unknown = f"not known: {security.weak_unknown}" if security.weak_unknown else ""
    yield "Weak ciphers", "; ".join(filter(None, (weak, unknown)))


def _revocation(seen: Observation) -> Iterator[Row]:
    answer = seen.revocation
    if answer is None:
        yield "Revocation", f"not asked for{_because(seen, 'revocation')}"
        return
    yield "Revocation", " ".join(filter(None, (
        answer.status, f"(told by {answer.source})" if answer.source else "", answer.reason)))
    if answer.message:
        yield "", answer.message
    if answer.this_update:
        until = f" to {_date(answer.next_update)}" if answer.next_update else ""
        yield "", f"the answer is of {_date(answer.this_update)}{until}"


def _nodes(result: Result) -> Iterator[Row]:
    nodes = result.values.get("nodes", ())
    assert isinstance(nodes, tuple)
    for number, node in enumerate(nodes):
        yield "Addresses" if number == 0 else "", node


def _findings(result: Result) -> Iterator[Row]:
    for number, finding in enumerate(result.findings):
        yield ("Findings" if number == 0 else "",
               f"{finding.severity} {finding.code}: {finding.message}")
    if not result.findings:
        yield "Findings", "none"


_STEPS = (_network, _tls, _served, _chain, _protocols, _revocation)


def _failure(seen: Observation) -> str:
    return f"{seen.failure.reason}: {seen.failure.message}" if seen.failure else "no reason told"


def _because(seen: Observation, part: str) -> str:
    why = seen.reasons.get(part) or (seen.failure.message if seen.failure else "")
    return f": {why}" if why else ""


def _date(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
