"""The templates as a file that Zabbix imports: format 6.0, YAML.

    zabbix-ssl template > zbx_ssl_template.yaml

Made from the metric table, so that an item is there for each metric. The same tables give the same
file, byte for byte, on every machine: identities come from names, and the date is fixed.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

from .dashboard import dashboard, summary_graphs, target_graphs
from .items import target_items, valuemaps
from .kinds import EXTERNAL, KINDS, PUSH, Kind
from .macros import macros
from .summaries import list_items
from .triggers import list_trigger, target_triggers

Node = dict[str, Any]

VERSION = "6.0"  # every later Zabbix imports it
#: Zabbix's own group of that name.
GROUP = {"uuid": "a571c0d144b14fd4a87a9d9b2aa9fcd6", "name": "Templates/Applications"}
DATE = "2026-11-24T00:00:00Z"


def export() -> Node:
    """The whole file as the tree that Zabbix calls ``zabbix_export``."""
    tree = _export()
    for template in tree["zabbix_export"]["templates"]:
        template["description"] += f" Made by zabbix-ssl template, {digest()}."
    return tree


@cache
def digest() -> str:
    """What tells this file from those of other versions; it stands in the descriptions."""
    return hashlib.sha256(json.dumps(_export()).encode()).hexdigest()[:16]


def _export() -> Node:
    kinds = [kind for kind in KINDS if not kind.discovered]
    return {"zabbix_export": {
        "version": VERSION,
        "date": DATE,
        "groups": [GROUP],
        "templates": [_template(kind) for kind in KINDS],
        "triggers": [t for kind in KINDS for t in _plain_triggers(kind)],
        "graphs": [graph for kind in KINDS for graph in
                   (target_graphs(kind) if kind in kinds else summary_graphs(kind))],
    }}


def to_yaml(tree: Node) -> str:
    """``tree`` as YAML."""
    import yaml  # on use

    text: str = yaml.dump(tree, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=100)
    return text


def _template(kind: Kind) -> Node:
    node: Node = {
        "uuid": kind.uuid("template"),
        "template": kind.name,
        "name": kind.name,
        "description": kind.description,
        "groups": [{"name": GROUP["name"]}],
        "items": list_items(kind) if kind.discovered else target_items(kind),
    }
    if kind.discovered:
        node["discovery_rules"] = [_discovery(kind)]
    return node | {
        "tags": [{"tag": "class", "value": "network"}, {"tag": "target", "value": "certificate"}],
        "macros": macros(kind),
        "dashboards": [dashboard(kind)],
        "valuemaps": valuemaps(kind),
    }


def _discovery(kind: Kind) -> Node:
    rule: Node = {
        "uuid": kind.uuid("discovery"),
        "name": "SSL: Discovery of targets",
        "type": "DEPENDENT",
        "key": "ssl.discovery",
        "delay": "0",
        "filter": {"evaltype": "AND", "conditions": [
            {"macro": "{#DOMAIN}", "value": "{$SSL.DOMAIN.MATCHES}", "formulaid": "A"},
            {"macro": "{#DOMAIN}", "value": "{$SSL.DOMAIN.NOT_MATCHES}",
             "operator": "NOT_MATCHES_REGEX", "formulaid": "B"},
            {"macro": "{#GROUP}", "value": "{$SSL.GROUP.MATCHES}", "formulaid": "C"},
            {"macro": "{#GROUP}", "value": "{$SSL.GROUP.NOT_MATCHES}",
             "operator": "NOT_MATCHES_REGEX", "formulaid": "D"}]},
        "lifetime": "{$SSL.LIFETIME}",
        "description": "Makes the items of each target, and removes those of targets that have "
                       "left the list.",
        "item_prototypes": target_items(kind),
        "trigger_prototypes": target_triggers(kind),
        "graph_prototypes": target_graphs(kind),
    }
    if kind is PUSH:
        return rule | {"type": "TRAP", "key": kind.list, "allowed_hosts": "{$SSL.PUSH.HOSTS}"}
    return rule | {"master_item": {"key": kind.list}, "preprocessing": [
        {"type": "DISCARD_UNCHANGED_HEARTBEAT", "parameters": ["1h"]}]}


def _plain_triggers(kind: Kind) -> list[Node]:
    return [list_trigger(kind)] if kind.discovered else target_triggers(kind)


def _dumper() -> Any:
    """Blocks for texts of several lines, and no aliases, which Zabbix's reader need not know."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper


__all__ = ["EXTERNAL", "KINDS", "PUSH", "export", "to_yaml"]
