"""The text exposition format of Prometheus, version 0.0.4.

A family's HELP, TYPE and samples stand together, families in the order of the metric table, samples
in the order of the targets: two runs with the same results give the same text. A metric that is not
known has no sample, but for the four that existing rules expect to be -1 then.

Where each address of a name was audited, what one has of its own may be had too, on demand. It
stands in families of its own, so that rules and sums over those of the targets stay right; their
labels are domain, port and address, and ``addresses`` where the configuration names several.

An exporter keeps ``samples`` of each result and joins them with ``exposition`` at each scrape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..metrics import OF_NODES, TABLE, Metric, scalar
from ..model import NodeResult, Result, Target, Value
from ..plain import printable

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: -1 when the check failed or the value is not known.
MINUS_ONE = ("ssl_cert_remain_days", "ssl_cert_is_valid", "ssl_cert_has_weak_tls",
             "ssl_cert_is_revoked")

#: Texts travel as labels of a family whose value is always 1: family, help, metrics. A family is
#: left out for a target of which none of them is known, or all are empty.
LABELLED = (
    ("ssl_probe_failure_info", "Why the target could not be checked", ("error_reason",)),
    ("ssl_cert_info", "The certificate that the server sent", (
        "subject", "issuer", "serial", "fingerprint_sha256", "key_type", "signature_algorithm")),
    ("ssl_chain_failure_info", "What is wrong with the chain", ("chain_error",)),
    ("ssl_tls_info", "What the handshake negotiated, and what the server accepts", (
        "tls_version", "cipher", "key_exchange", "supported_tls_versions", "weak_ciphers")),
)
LABELLED_OF_NODES = (
    ("ssl_node_probe_failure_info", "Why the address could not be checked", ("error_reason",)),
    ("ssl_node_cert_info", "The certificate that the address sent", (
        "issuer", "serial", "fingerprint_sha256")),
)
DISAGREES = ("ssl_node_disagrees", "The address serves another certificate than the newest good "
             "one of the name")
TARGET_INFO = ("ssl_target_info", "The group and the tags of the target's configuration")
WARNING_DAYS = ("ssl_target_warning_days", "Days before its end that a certificate is called "
                "expiring, where the target's configuration says so")

MOST_LABEL = 1024  # characters of a label; longer ones exist only in certificates made to annoy


class Family(NamedTuple):
    """A metric of Prometheus: one row of the metric table, several texts of it, or neither."""

    name: str
    help: str
    metric: Metric | None = None
    labels: tuple[str, ...] = ()


FAMILIES: tuple[Family, ...] = (
    *(Family(m.prometheus, m.help, m) for m in TABLE.values() if m.prometheus),
    *(Family(name, text, None, labels) for name, text, labels in LABELLED),
    Family(*TARGET_INFO),
    Family(*WARNING_DAYS),
)

#: With ``ssl_node_`` in place of ``ssl_``.
FAMILIES_OF_NODES: tuple[Family, ...] = (
    *(Family(f"ssl_node_{m.prometheus.removeprefix('ssl_')}", f"Of each address: {m.help}", m)
      for m in map(TABLE.__getitem__, OF_NODES) if m.prometheus),
    *(Family(name, text, None, labels) for name, text, labels in LABELLED_OF_NODES),
    Family(*DISAGREES),
)


def families(per_address: bool) -> tuple[Family, ...]:
    """All that ``samples`` has something for."""
    return FAMILIES + FAMILIES_OF_NODES if per_address else FAMILIES


def samples(result: Result, per_address: bool = False) -> tuple[str, ...]:
    """A result's samples for each of ``families``, with their line ends; "" where there is none."""
    labels = labels_of(result.target)
    of_target = tuple(_sample(family, labels, result) for family in FAMILIES)
    if not per_address:
        return of_target
    nodes = [(_labels_of_node(result.target, node), node) for node in result.nodes]
    return (*of_target, *("".join(_of_node(family, *one) for one in nodes)
                          for family in FAMILIES_OF_NODES))


def labels_of(target: Target) -> str:
    """The labels that name a target, as they stand in a sample."""
    labels = f'domain="{_escaped(target.domain)}",port="{target.port}"'
    if target.address:  # several targets may differ in nothing else
        labels += f',address="{_escaped(target.address)}"'
    return labels


def _labels_of_node(target: Target, node: NodeResult) -> str:
    plain = labels_of(target._replace(address=node.address))
    if target.address:  # another target of the same name may have the same address among its own
        return f'{plain},addresses="{_escaped(target.address)}"'
    return plain


def exposition(results: Iterable[Sequence[str]]) -> Iterator[str]:
    """The text, a family at a time, from the ``samples`` of each result."""
    for family, column in zip(families(True), zip(*results, strict=True), strict=False):
        lines = "".join(column)
        if lines:
            yield head(family) + lines


def head(family: Family) -> str:
    """What stands in front of a family's samples."""
    return f"# HELP {family.name} {_help(family)}\n# TYPE {family.name} gauge\n"


def _help(family: Family) -> str:
    text = family.help
    if family.name in MINUS_ONE:
        text += "; -1 when that is not known"
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _sample(family: Family, labels: str, result: Result) -> str:
    if family.metric:
        return _line(family, labels, _value(family, family.metric, result.values))
    if family.name == WARNING_DAYS[0]:
        return _line(family, labels, result.target.warning_days)
    return _info(family, labels, _texts(family, result.values) if family.labels else
                 _configured(result))


def _of_node(family: Family, labels: str, node: NodeResult) -> str:
    if family.metric:
        return _line(family, labels, _value(family, family.metric, node.values))
    if family.labels:
        return _info(family, labels, _texts(family, node.values))
    return _line(family, labels, None if node.disagrees is None else int(node.disagrees))


def _line(family: Family, labels: str, value: int | float | None) -> str:
    return "" if value is None else f"{family.name}{{{labels}}} {value}\n"


def _info(family: Family, labels: str, texts: Mapping[str, str]) -> str:
    if not any(texts.values()):
        return ""
    labels += "".join(f',{name}="{_escaped(text)}"' for name, text in texts.items())
    return f"{family.name}{{{labels}}} 1\n"


def _value(family: Family, metric: Metric, values: Mapping[str, Value]) -> int | float | None:
    value = values.get(metric.name)
    if value is None:
        return -1 if family.name in MINUS_ONE else None
    number = scalar(metric, value)
    assert isinstance(number, int | float)
    return round(number / 1000, 6) if metric.unit == "ms" else number


def _texts(family: Family, values: Mapping[str, Value]) -> dict[str, str]:
    return {name: str(scalar(TABLE[name], values[name]))
            for name in family.labels if name in values}


def _configured(result: Result) -> dict[str, str]:
    target = result.target
    tags = {"tag_" + n.replace("-", "_").replace(".", "_").lower(): v for n, v in target.tags}
    return {"group": target.group, **tags}


def _escaped(text: str) -> str:
    if len(text) > MOST_LABEL:
        text = text[:MOST_LABEL] + "..."
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')
