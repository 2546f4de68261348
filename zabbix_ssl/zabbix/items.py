"""Items of the templates: one for each row of the metric table, and the few Zabbix needs beside.

What the metric table does not say, and only Zabbix asks for, follows from a row's kind and unit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..metrics import COUNT, FLAG, LEVEL, NUMERIC, TABLE, TIME, Metric
from .kinds import Kind

Node = dict[str, Any]

#: Metrics that make no item: another one says the same.
LEFT_OUT = ("revocation_status",)

#: Names where the metric's own, in words, would not read well.
NAMES = {
    "handshake_ok": "TLS handshake",
    "handshake_ms": "TLS handshake time",
    "connect_ms": "TCP connection time",
    "dns_ms": "Name resolution time",
    "alpn": "Application protocol",
    "error_reason": "Error in one word",
    "serves_file_match": "Certificate on disk is the one served",
    "is_valid": "Certificate is in its validity",
    "not_before": "Certificate valid from",
    "not_after": "Certificate valid until",
    "remain_days": "Certificate days left",
    "remain_percent": "Certificate lifetime left",
    "lifetime_days": "Certificate lifetime",
    "subject": "Certificate subject",
    "issuer": "Certificate issuer",
    "serial": "Certificate serial number",
    "fingerprint_sha256": "Certificate fingerprint, SHA-256",
    "san": "Certificate names",
    "has_weak_key": "Key is weak",
    "has_weak_signature": "Signature is weak",
    "chain_trusted": "Chain is trusted",
    "chain_complete": "Chain is complete",
    "hostname_match": "Certificate names the domain",
    "self_signed": "Certificate is self-signed",
    "chain_remain_days": "Chain days left",
    "chain_not_after": "Chain valid until",
    "is_revoked": "Revocation",
    "must_staple_violated": "Demanded OCSP staple is missing",
    "tls_version": "TLS version negotiated",
    "cipher": "Cipher suite negotiated",
    "key_exchange": "Key exchange group negotiated",
    "supported_tls_versions": "TLS versions accepted",
    "unknown_tls_versions": "TLS versions not learnt",
    "has_weak_tls": "Weak TLS version accepted",
    "weak_tls_versions": "Weak TLS versions accepted",
    "has_weak_cipher": "Weak cipher accepted",
    "nodes_total": "Nodes",
    "nodes_failed": "Nodes that cannot be checked",
    "nodes_disagree": "Nodes with another certificate",
    "nodes_weak": "Nodes that accept what is weak",
    "nodes": "Nodes, each",
    "risk_msg": "What to do",
    "check_time": "Last check",
}

#: Texts that are words of a vocabulary or otherwise short by nature; others may fill TEXT.
SHORT = ("address", "alpn", "error_reason", "serial", "fingerprint_sha256", "key_type",
         "signature_algorithm", "chain_error", "revocation_source", "tls_version", "cipher",
         "key_exchange", "supported_tls_versions", "weak_tls_versions")

#: Measured anew with each check, or counted by triggers check by check; of the others only a change
#: is worth a row of the history.
EVERY_CHECK = ("handshake_ok", "handshake_ms", "connect_ms", "dns_ms", "nodes_failed",
               "nodes_disagree", "check_time")
HEARTBEAT = "6h"

UNITS = {"ms": "ms", "%": "%", "days": "!d", "bits": "!bits"}

#: What is older than Unix time began then, which is as good.
SINCE_1970: Node = {"type": "IN_RANGE", "parameters": ["0", ""], "error_handler": "CUSTOM_VALUE",
                    "error_handler_params": "0"}

#: What the server says for a check that it had to end or could not start.
NO_ANSWER = ("no answer: the check took longer than the Timeout of this server or proxy, or the "
             "script could not be started")

FIRST_LINE_THAT_IS_NO_JSON = r"^[^{\s].*"

#: What belongs together, taken from one answer at once. Zabbix stores the values of an answer one
#: by one, and looks at triggers in between: an expression over two of its items would see half of a
#: renewal, and raise a false alarm. Who issued, and for which names, counts only of a certificate
#: that clients accept: while a wrong one is there, that is the problem.
TOGETHER = """\
var seen, accepted;
try {
    seen = JSON.parse(value);
} catch (error) {
    return '{}';
}
if (!('is_valid' in seen)) {
    return '{}';
}
accepted = seen.chain_trusted === 1 && seen.hostname_match === 1;
return JSON.stringify({
    verdict: ['is_valid', 'hostname_match', 'chain_trusted', 'chain_error', 'has_weak_key',
        'has_weak_signature', 'key_type', 'key_bits', 'signature_algorithm', 'san'
    ].map(function (name) {
        return name + '=' + (name in seen ? seen[name] : '?');
    }).join(' '),
    chain_first: seen.chain_not_after < seen.not_after ? seen.chain_not_after : 0,
    issuer: accepted ? seen.issuer : undefined,
    san: accepted ? seen.san : undefined
});"""

#: The issuing organisation, O= of the issuer (RFC 4514), or the whole issuer where it has none: a
#: CA issues from many intermediates in turn, and changing between them is nothing to report.
ORGANISATION = r"^(?:(?:\\.|[^\\])*?[,+])?O=((?:\\.|[^\\,+])*)|^(.*)$"

#: Eight digits for each name, sorted: fewer or as many digits as before, and not the same, means
#: that a name is missing. The order in which a CA writes the names says nothing.
DIGEST_OF_NAMES = """\
return value.toLowerCase().split(', ').map(function (name) {
    return sha256(name).substr(0, 8);
}).sort().join('');"""


class Extra(NamedTuple):
    """An item of a target beside the metrics."""

    name: str
    title: str
    component: str
    description: str
    of: str  # the item that it depends on, "" for the master item
    steps: tuple[Node, ...]
    type: Node  # value type, history ...


def jsonpath(path: str) -> Node:
    """What was not learnt is absent: then the item keeps the value it has."""
    return {"type": "JSONPATH", "parameters": [path], "error_handler": "DISCARD_VALUE"}


def discard() -> Node:
    """Keep a value only when it is another one, or the last is old."""
    return {"type": "DISCARD_UNCHANGED_HEARTBEAT", "parameters": [HEARTBEAT]}


TEXT: Node = {"history": "90d", "trends": "0", "value_type": "TEXT"}
CHAR: Node = {"history": "90d", "trends": "0", "value_type": "CHAR"}
PASSING: Node = {"history": "0", "trends": "0", "value_type": "TEXT"}

EXTRAS = (
    Extra("get_error", "Error of the check itself", "raw",
          "Why there is no result: what the check printed instead of one, or that the server gave "
          "it up. Empty when there is one.", "",
          ({"type": "REGEX", "parameters": [FIRST_LINE_THAT_IS_NO_JSON, r"\0"],
            "error_handler": "CUSTOM_VALUE", "error_handler_params": ""}, discard()), CHAR),
    Extra("together", "What belongs together", "raw",
          "Facts of one certificate, taken from one answer at once, so that triggers never see "
          "half of a renewal.", "",
          ({"type": "JAVASCRIPT", "parameters": [TOGETHER]}, discard()), PASSING),
    Extra("verdict", "Certificate as clients see it", "certificate",
          "What clients look at when they accept or refuse the certificate, by the names of the "
          "metrics.", "together", (jsonpath("$.verdict"),), TEXT),
    Extra("chain_first", "Chain ends before the certificate", "chain",
          "When the first certificate of the chain expires, if that is before the server's own.",
          "together", (jsonpath("$.chain_first"),),
          {"history": "90d", "trends": "0", "units": "unixtime"}),
    Extra("issuer_organization", "Certificate issuing organisation", "certificate",
          "The O of the issuer, or the whole issuer where it has none, of the last certificate "
          "that was trusted and for the right host. Changes when another CA issues, and not with a "
          "renewal.", "together",
          (jsonpath("$.issuer"), {"type": "REGEX", "parameters": [ORGANISATION, r"\1\2"]}), TEXT),
    Extra("names_digest", "Certificate names, digest", "certificate",
          "Eight digits for each name of the last certificate that was trusted and for the right "
          "host, sorted, so that a trigger can tell whether names were lost.", "together",
          (jsonpath("$.san"), {"type": "JAVASCRIPT", "parameters": [DIGEST_OF_NAMES]}), TEXT),
)


def valuemap(kind: Kind, name: str, names: tuple[str, ...]) -> Node:
    """A value map: ``names`` of 0, 1, 2 ..."""
    return {"uuid": kind.uuid("valuemap", name), "name": name,
            "mappings": [{"value": str(n), "newvalue": text} for n, text in enumerate(names)]}


def valuemaps(kind: Kind) -> list[Node]:
    enumerations = [valuemap(kind, map_name(m), tuple(map(_words, m.values)))
                    for m in metrics() if m.values]
    return sorted([valuemap(kind, "SSL flag", ("No", "Yes")), *enumerations],
                  key=lambda node: str(node["name"]))


def metrics() -> list[Metric]:
    """The rows that make an item."""
    return [metric for metric in TABLE.values() if metric.name not in LEFT_OUT]


def target_items(kind: Kind) -> list[Node]:
    """All items of one target, the master first."""
    made = [_metric_item(kind, metric) for metric in metrics()]
    return [_master(kind), *made, *(_extra_item(kind, extra) for extra in EXTRAS)]


def tags(component: str, kind: Kind | None = None) -> list[Node]:
    found = [{"tag": "component", "value": component}]
    if kind:
        found += [{"tag": "domain", "value": kind.domain}, {"tag": "port", "value": kind.port}]
    if kind and kind.discovered:
        found.append({"tag": "group", "value": "{#GROUP}"})
    return found


def _master(kind: Kind) -> Node:
    item: Node = {
        "uuid": kind.uuid("item", "master"),
        "name": kind.title("Get all"),
        "type": kind.source,
        "key": kind.master,
        "delay": kind.expand("{$SSL.INTERVAL}"),
        "history": "0",
        "trends": "0",
        "value_type": "TEXT",
        "description": "The whole answer of one check, JSON. Every other item of the target is "
                       "taken from it.",
        "tags": tags("raw", kind),
    }
    return as_trapper(item) if kind.source == "TRAP" else answered(item)


def answered(item: Node) -> Node:
    """Without this a check that times out would make all that depends on it unsupported on 7.0, and
    triggers on what is known would fall silent."""
    return item | {"preprocessing": [{
        "type": "CHECK_NOT_SUPPORTED", "parameters": [""],
        "error_handler": "CUSTOM_VALUE", "error_handler_params": NO_ANSWER}]}


def as_trapper(item: Node) -> Node:
    return {**item, "delay": "0", "allowed_hosts": "{$SSL.PUSH.HOSTS}"}


def _metric_item(kind: Kind, metric: Metric) -> Node:
    item = _dependent(kind, metric.name, NAMES.get(metric.name, _words(metric.name)),
                      f"{metric.help} (metric {metric.name})", metric.group or "check", kind.master)
    item |= _numeric(metric) if metric.kind in NUMERIC else CHAR if metric.name in SHORT else TEXT
    item["preprocessing"] = [jsonpath(f"$.{metric.name}")]
    if metric.kind == TIME:
        item["preprocessing"].append(SINCE_1970)
    if metric.name not in EVERY_CHECK:
        item["preprocessing"].append(discard())
    return item


def _extra_item(kind: Kind, extra: Extra) -> Node:
    master = kind.key(extra.of) if extra.of else kind.master
    item = _dependent(kind, extra.name, extra.title, extra.description, extra.component, master)
    return item | extra.type | {"preprocessing": list(extra.steps)}


def _dependent(kind: Kind, name: str, title: str, description: str, component: str,
               master: str) -> Node:
    return {
        "uuid": kind.uuid("item", name),
        "name": kind.title(title),
        "type": "DEPENDENT",
        "key": kind.key(name),
        "delay": "0",
        "description": description,
        "master_item": {"key": master},
        "tags": tags(component, kind),
    }


def _numeric(metric: Metric) -> Node:
    """Days may be negative, which an unsigned item refuses. So may be times, but only unsigned ones
    are shown as dates in the names of problems."""
    signed = metric.kind not in (FLAG, COUNT, LEVEL, TIME) or metric.unit == "days"
    found = _kept(metric)
    if signed:
        found["value_type"] = "FLOAT"
    units = "unixtime" if metric.kind == TIME else UNITS.get(metric.unit, metric.unit)
    if units:
        found["units"] = units
    if metric.kind == FLAG or metric.values:
        found["valuemap"] = {"name": map_name(metric)}
    return found


def _kept(metric: Metric) -> Node:
    """How long values are kept. What has one at every check makes nearly all of the database,
    288,000 rows a day and metric for 1,000 targets every five minutes: single ones are kept for as
    long as people look back at them, and the time of a check for a week."""
    if metric.name not in EVERY_CHECK and (metric.kind in (FLAG, TIME) or metric.values):
        return {"history": "90d", "trends": "0"}
    if metric.kind == TIME:
        return {"history": "7d", "trends": "0"}
    return {"history": "31d", "trends": "730d"}


def map_name(metric: Metric) -> str:
    return f"SSL {_words(metric.name).lower()}" if metric.values else "SSL flag"


def _words(name: str) -> str:
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]
