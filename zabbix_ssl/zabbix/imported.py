"""Is the template in Zabbix, whole, and as this version makes it? And its import, proven."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .api import Api, ApiError
from .kinds import KINDS, Kind
from .template import digest, export

Node = dict[str, Any]

_UPDATED = ("templates", "items", "discoveryRules", "triggers", "graphs", "templateDashboards",
            "valueMaps")
#: What is looked for: the API's object, and the field that says whose it is.
_OBJECTS = ("item", "itemprototype", "discoveryrule", "trigger", "triggerprototype", "graph",
            "graphprototype")


def missing(api: Api) -> str:
    """Why the templates are not there as they should be; "" when they are."""
    found = {t["host"]: t for t in api.call(
        "template.get", filter={"host": [kind.name for kind in KINDS]},
        output=["templateid", "host", "description"], selectValueMaps=["uuid"],
        selectDashboards=["uuid"])}
    for kind in KINDS:
        if kind.name not in found:
            return f"there is no template {kind.name!r}"
        if digest() not in found[kind.name]["description"]:
            return f"template {kind.name!r} is of another version"
    seen = _seen(api, list(found.values()))
    for kind in KINDS:
        if absent := _identities(kind) - seen:
            return f"template {kind.name!r} lacks {len(absent)} of its parts"
    return ""


def import_templates(api: Api) -> None:
    """Imports the templates, and looks whether they are there: with rules that the server does not
    take for enough it says yes and does nothing. Raises ApiError."""
    groups = ("template_groups", "host_groups") if api.version >= (6, 2) else ("groups",)
    rules: Node = {name: {"createMissing": True} for name in groups}
    rules |= {name: {"createMissing": True, "updateExisting": True} for name in _UPDATED}
    api.call("configuration.import", format="json", rules=rules, source=json.dumps(export()))
    why = missing(api)
    if why:
        raise ApiError("refused", url=api.url, method="configuration.import",
                       why=f"it said yes, but afterwards {why}: import the file of zabbix-ssl "
                           "template by hand")


def _identities(kind: Kind) -> set[str]:
    """Of all parts of a template, as its file has them."""
    tree = export()["zabbix_export"]
    (template,) = [t for t in tree["templates"] if t["template"] == kind.name]
    plain = [t for t in tree["triggers"] if f"/{kind.name}/" in t["expression"]]
    graphs = [g for g in tree["graphs"] if g["graph_items"][0]["item"]["host"] == kind.name]
    return set(_uuids([template, plain, graphs])) - {template["uuid"]}


def _uuids(tree: object) -> Iterator[str]:
    if isinstance(tree, dict):
        if "uuid" in tree:
            yield tree["uuid"]
        for value in tree.values():
            yield from _uuids(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _uuids(value)


def _seen(api: Api, templates: list[Node]) -> set[str]:
    """The identities of all parts of templates that the server has."""
    found = {part["uuid"] for template in templates for name in ("valuemaps", "dashboards")
             for part in template[name]}
    where = [template["templateid"] for template in templates]
    for name in _OBJECTS:
        found.update(part["uuid"] for part in
                     api.call(f"{name}.get", templateids=where, output=["uuid"]))
    return found
