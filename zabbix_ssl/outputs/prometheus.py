"""The text exposition format of Prometheus, version 0.0.4.

A family's HELP, TYPE and samples stand together, families in the order of the metric table, samples
in the order of the targets: two runs with the same results give the same text. A metric that is not
known has no sample, but for the four that existing rules expect to be -1 then.

An exporter keeps ``samples`` of each result and joins them with ``exposition`` at each scrape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ..metrics import TABLE, Metric, scalar
from ..model import Result, Target
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


def samples(result: Result) -> tuple[str, ...]:
    """A result's sample for each of FAMILIES, with its line end; "" where there is none."""
    labels = labels_of(result.target)
    return tuple(_sample(family, labels, result) for family in FAMILIES)


def labels_of(target: Target) -> str:
    """The labels that name a target, as they stand in a sample."""
    labels = f'domain="{_escaped(target.domain)}",port="{target.port}"'
    if target.address:  # several targets may differ in nothing else
        labels += f',address="{_escaped(target.address)}"'
    return labels


def exposition(results: Iterable[Sequence[str]]) -> Iterator[str]:
    """The text, a family at a time, from the ``samples`` of each result."""
    for family, column in zip(FAMILIES, zip(*results, strict=True), strict=False):
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
        value = _value(family, family.metric, result)
        return "" if value is None else f"{family.name}{{{labels}}} {value}\n"
    if family.name == WARNING_DAYS[0]:
        days = result.target.warning_days
        return "" if days is None else f"{family.name}{{{labels}}} {days}\n"
    more = _texts(family, result) if family.labels else _configured(result)
    if not any(more.values()):
        return ""
    labels += "".join(f',{name}="{_escaped(text)}"' for name, text in more.items())
    return f"{family.name}{{{labels}}} 1\n"


def _value(family: Family, metric: Metric, result: Result) -> int | float | None:
    value = result.values.get(metric.name)
    if value is None:
        return -1 if family.name in MINUS_ONE else None
    number = scalar(metric, value)
    assert isinstance(number, int | float)
    return round(number / 1000, 6) if metric.unit == "ms" else number


def _texts(family: Family, result: Result) -> dict[str, str]:
    return {name: str(scalar(TABLE[name], result.values[name]))
            for name in family.labels if name in result.values}


def _configured(result: Result) -> dict[str, str]:
    target = result.target
    tags = {"tag_" + n.replace("-", "_").replace(".", "_").lower(): v for n, v in target.tags}
    return {"group": target.group, **tags}


def _escaped(text: str) -> str:
    if len(text) > MOST_LABEL:
        text = text[:MOST_LABEL] + "..."
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')
