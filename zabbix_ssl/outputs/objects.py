"""The JSON object of one target, as batch and ``check --json`` print it.

The values stand in the groups that people think in, under the names of the metrics. Flags are true
and false, times are 2026-11-24T07:00:00Z, lists are lists. What is not known is absent there, and
``unknown`` says why.
"""

from __future__ import annotations

import json
import time
from typing import Any

from ..metrics import TABLE, TIME, Metric
from ..model import Result, Value
from ..plain import printable

#: Keys of the object in their order; those that are groups of metrics stand in GROUPS.
GROUPS = ("validity", "certificate", "chain", "revocation", "tls_info", "handshake", "nodes")

#: Fields of a target that are shown where they are set.
_CONFIGURED = ("address", "sni", "starttls", "source_address", "alpn", "cert", "proxy",
               "proxy_protocol", "hostname", "serves_file", "group")


def batch_object(result: Result) -> dict[str, Any]:
    """A result as the object of a target."""
    target = result.target
    shown: dict[str, Any] = {"domain": target.domain, "port": target.port}
    shown.update((name, value) for name in _CONFIGURED if (value := getattr(target, name)))
    if target.tags:
        shown["tags"] = dict(target.tags)
    shown["check_time"] = utc(result.check_time)
    shown["status"] = "failed" if result.failed else "success"
    groups: dict[str, dict[str, Any]] = {"": shown, **{name: {} for name in GROUPS}}
    for name, value in result.values.items():
        metric = TABLE[name]
        groups[metric.group][name] = _shown(metric, value)
    judged = {name: shown.pop(name) for name in ("risk_level", "risk_msg")}
    shown.update((name, groups[name]) for name in GROUPS)
    shown.update(judged)
    shown["findings"] = [finding._asdict() for finding in result.findings]
    shown["unknown"] = {name: printable(why) for name, why in result.unknown.items()}
    return shown


def batch_json(result: Result, indent: int | None = None) -> str:
    """The object as JSON; one line unless ``indent`` is given. Letters of all scripts stay as they
    are: write it as UTF-8, with what UTF-8 cannot hold escaped (``backslashreplace``)."""
    separators = (",", ":") if indent is None else None
    return json.dumps(batch_object(result), ensure_ascii=False, indent=indent,
                      separators=separators)


def utc(seconds: int) -> str:
    """Unix seconds in the form of RFC 3339; the years of certificates go from 0 to 9999."""
    t = time.gmtime(seconds)
    return (f"{t.tm_year:04}-{t.tm_mon:02}-{t.tm_mday:02}"
            f"T{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}Z")


def _shown(metric: Metric, value: Value) -> object:
    if metric.kind == TIME:
        assert isinstance(value, int)
        return utc(value)
    return list(value) if isinstance(value, tuple) else value
