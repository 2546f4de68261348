"""Items that a template with discovery has once: the list of targets, and what sums them up."""

from __future__ import annotations

from ..metrics import TABLE
from .items import EXTRAS, Node, answered, as_trapper, discard, jsonpath, map_name, tags
from .kinds import SCRIPT, Kind


def list_items(kind: Kind) -> list[Node]:
    """The items that a template with discovery has once: the list of targets, and summaries."""
    source = _push_items(kind) if kind.source == "TRAP" else _list_items(kind)
    glance = [_overview(kind), *(_glance(kind, *row) for row in GLANCES)]
    return source + glance + [_summary(kind, *row) for row in SUMMARIES]


def _list_items(kind: Kind) -> list[Node]:
    """The list of targets, how many there are, and why it could not be read."""
    source = answered({
        "uuid": kind.uuid("item", "list"),
        "name": "SSL: Get list of targets",
        "type": "EXTERNAL",
        "key": f"{SCRIPT}[--discover]",
        "delay": "{$SSL.DISCOVERY.INTERVAL}",
        "history": "0",
        "trends": "0",
        "value_type": "TEXT",
        "description": "The targets of domains.json, JSON for low-level discovery.",
        "tags": tags("raw"),
    })
    error = {
        "uuid": kind.uuid("item", "list_error"),
        "name": "SSL: Error of the list of targets",
        "type": "DEPENDENT",
        "key": "ssl.list.error",
        "delay": "0",
        "history": "31d",
        "trends": "0",
        "value_type": "CHAR",
        "description": "Why the list of targets could not be read, empty when it could.",
        "master_item": {"key": kind.list},
        "preprocessing": list(EXTRAS[0].steps[:1]),
        "tags": tags("check"),
    }
    return [source, error]


def _push_items(kind: Kind) -> list[Node]:
    return [as_trapper({
        "uuid": kind.uuid("item", "heartbeat"),
        "name": "SSL: Heartbeat of the push service",
        "type": "TRAP",
        "key": "ssl.push.heartbeat",
        "history": "31d",
        "trends": "0",
        "units": "unixtime",
        "description": "The time of the service `zabbix-ssl push`, sent at least every minute.",
        "tags": tags("check"),
    })]


def _overview(kind: Kind) -> Node:
    """Two texts for the dashboard, which no calculation of Zabbix can make: it sorts no names."""
    item: Node = {
        "uuid": kind.uuid("item", "overview"),
        "name": "SSL: Get overview",
        "type": kind.source,
        "key": kind.overview,
        "delay": "{$SSL.SUMMARY.INTERVAL}",
        "history": "0",
        "trends": "0",
        "value_type": "TEXT",
        "description": "What expires first and what is to be mended, JSON.",
        "tags": tags("raw"),
    }
    return as_trapper(item) if kind.source == "TRAP" else answered(item)


#: name, title, field of the overview, description of the texts for the dashboard.
GLANCES = (
    ("soonest.list", "Soonest to expire", "soonest",
     "The certificates that end first: days left, date, target."),
    ("mend.list", "To be mended", "to_mend",
     "Targets with something to be mended, the worst first, and what to do."),
)


def _glance(kind: Kind, name: str, title: str, field: str, description: str) -> Node:
    return {
        "uuid": kind.uuid("item", name),
        "name": f"SSL: {title}",
        "type": "DEPENDENT",
        "key": f"ssl.{name}",
        "delay": "0",
        "history": "7d",
        "trends": "0",
        "value_type": "TEXT",
        "description": description,
        "master_item": {"key": kind.overview},
        "preprocessing": [jsonpath(f"$.{field}"), discard()],
        "tags": tags("summary"),
    }


#: name, title, formula, units, description of the items that sum all targets up.
SUMMARIES = (
    ("count", "Targets", "count(last_foreach(/{host}/ssl.check_time[*,*]))", "",
     "How many targets have been checked."),
    ("count.failed", "Targets that cannot be checked",
     "count(last_foreach(/{host}/ssl.handshake_ok[*,*]))"
     "-sum(last_foreach(/{host}/ssl.handshake_ok[*,*]))", "",
     "Of how many the last check failed."),
    ("soonest", "Soonest expiry of a certificate", "min(last_foreach(/{host}/ssl.not_after[*,*]))",
     "unixtime", "When the first of all certificates expires or has expired."),
    ("soonest.days", "Days until the soonest expiry",
     "(min(last_foreach(/{host}/ssl.not_after[*,*]))-now())/86400", "!d",
     "How many days that is from now, negative when it has."),
    ("soonest.chain", "Soonest expiry in a chain",
     "min(last_foreach(/{host}/ssl.chain_not_after[*,*]))", "unixtime",
     "When the first of all certificates in use in a chain expires or has expired."),
    ("risk", "Highest risk level", "max(last_foreach(/{host}/ssl.risk_level[*,*]))", "",
     "The worst finding of all targets: 0 low, 1 medium, 2 high."),
    ("handshake.slowest", "Slowest TLS handshake",
     "max(last_foreach(/{host}/ssl.handshake_ms[*,*]))", "ms",
     "The longest of the last handshakes of all targets."),
)


def _summary(kind: Kind, name: str, title: str, formula: str, units: str, description: str) -> Node:
    item: Node = {
        "uuid": kind.uuid("item", f"summary.{name}"),
        "name": f"SSL: {title}",
        "type": "CALCULATED",
        "key": f"ssl.{name}",
        "delay": "{$SSL.SUMMARY.INTERVAL}",
        "history": "31d",
        "trends": "0" if units == "unixtime" else "730d",
        "value_type": "FLOAT",
        "params": formula.replace("/{host}/", "//"),
        "description": description,
        # without targets there is nothing to sum up
        "preprocessing": [{"type": "CHECK_NOT_SUPPORTED", "parameters": [""],
                           "error_handler": "DISCARD_VALUE"}],
        "tags": tags("summary"),
    }
    if units:
        item["units"] = units
    if name == "risk":
        item["valuemap"] = {"name": map_name(TABLE["risk_level"])}
    return item
