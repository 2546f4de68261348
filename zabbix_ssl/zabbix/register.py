"""Zabbix as domains.json wants it: what is to be changed, and the change.

``plan`` looks and changes nothing. It gives the changes in the order in which they are to be made;
each is done alone, so that a run that ends half-way leaves nothing that the next one could not go
on from: the next plan has what is left.

Only what carries the mark was made here: hosts by a tag, macros by their description. Nothing else
is ever taken away, and macros that somebody set by hand stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from . import imported
from .api import Api, ApiError
from .kinds import KINDS
from .wanted import MARK, Host, Wish

Node = dict[str, Any]

BY_US = "Set by zabbix-ssl register."  # description of our macros
ADD, CHANGE, REMOVE = "+", "~", "-"
_CALLED = {"proxy": "proxy", "proxygroup": "proxy group"}
_MONITORED_BY_SERVER, _BY_PROXY, _BY_PROXY_GROUP = "0", "1", "2"
_AGENT_PORT = "10050"  # of the interface that 6.0 wants for external checks; nothing listens there


class Change(NamedTuple):
    """One thing to do: how it reads, and how it is done."""

    sign: str
    what: str
    details: tuple[str, ...]
    do: Callable[[Api], object]


class Plan(NamedTuple):
    """What is to be done, and what a person should know beside it."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def plan(api: Api, hosts: Sequence[Host], wish: Wish, prune: bool) -> Plan:
    """What there is to do. Raises ApiError."""
    monitor = _monitor(api, wish)
    why = imported.missing(api)
    changes = [Change(ADD, "templates", (why, *(kind.name for kind in KINDS)),
                      imported.import_templates)] if why else []
    groups = sorted({group for host in hosts for group in host.groups})
    known = {group["name"] for group in api.call("hostgroup.get", filter={"name": groups},
                                                 output=["name"])}
    changes += [Change(ADD, f"host group {name!r}", (), _creation("hostgroup", name=name))
                for name in groups if name not in known]
    there = {host["host"]: host for host in _existing(api, filter={
        "host": [host.name for host in hosts]})}
    notes: list[str] = []
    for host in hosts:
        if host.name in there:
            changes += _updates(api, host, there[host.name], monitor, notes)
        else:
            changes.append(_new_host(api, host, monitor))
    changes += _superfluous(api, hosts, wish, prune, notes)
    return Plan(tuple(changes), tuple(notes))


def _creation(kind: str, **fields: object) -> Callable[[Api], object]:
    return lambda api: api.call(f"{kind}.create", **fields)


# What is there


def _existing(api: Api, **where: object) -> list[Node]:
    groups = "selectHostGroups" if api.version >= (6, 2) else "selectGroups"
    found: list[Node] = api.call(
        "host.get", output="extend", selectMacros="extend", selectTags=["tag", "value"],
        selectParentTemplates=["templateid", "host"], selectInterfaces=["interfaceid"],
        **{groups: ["groupid", "name"]}, **where)
    for host in found:
        host["groups"] = host.get("hostgroups", host.get("groups", []))
        host["templates"] = {t["host"]: t["templateid"] for t in host["parentTemplates"]}
    return found


def _group_ids(api: Api, names: Sequence[str]) -> list[Node]:
    found: list[Node] = api.call("hostgroup.get", filter={"name": list(names)}, output=["groupid"])
    return found


def _template_id(api: Api, name: str) -> str:
    (found,) = api.call("template.get", filter={"host": name}, output=["templateid"])
    return str(found["templateid"])


# Who monitors


class Monitor(NamedTuple):
    """Who runs the checks: how a person calls it, and the fields of a host that say so."""

    name: str
    fields: dict[str, str]


def _monitor(api: Api, wish: Wish) -> Monitor | None:
    """None: whoever does it now."""
    if wish.proxy_group is not None:
        return _proxy_group(api, wish.proxy_group)
    if wish.proxy is None:
        return None
    if not wish.proxy:
        return Monitor("the server", {"proxy_hostid": "0"} if api.version < (7, 0) else {
            "monitored_by": _MONITORED_BY_SERVER, "proxyid": "0", "proxy_groupid": "0"})
    field = "name" if api.version >= (7, 0) else "host"
    found = _one_of(api, "proxy", field, wish.proxy)
    name = f"proxy {wish.proxy!r}"
    if api.version < (7, 0):
        return Monitor(name, {"proxy_hostid": found})
    return Monitor(name, {"monitored_by": _BY_PROXY, "proxyid": found, "proxy_groupid": "0"})


def _proxy_group(api: Api, name: str) -> Monitor:
    if api.version < (7, 0):
        version = ".".join(map(str, api.version))
        raise ApiError("no_groups", url=api.url, version=version)
    found = _one_of(api, "proxygroup", "name", name)
    return Monitor(f"proxy group {name!r}", {"monitored_by": _BY_PROXY_GROUP, "proxyid": "0",
                                             "proxy_groupid": found})


def _one_of(api: Api, kind: str, field: str, name: str) -> str:
    """The id of a proxy or group; ApiError that names those there are when there is none."""
    found = api.call(f"{kind}.get", output="extend")
    for one in found:
        if one[field] == name:
            return str(one["proxy_groupid" if kind == "proxygroup" else "proxyid"])
    names = ", ".join(sorted(one[field] for one in found)) or "none that this user may see"
    raise ApiError("absent", url=api.url, what=f"{_CALLED[kind]} {name!r}", names=names)


# A host that is not there


def _new_host(api: Api, host: Host, monitor: Monitor | None) -> Change:
    def create(api: Api) -> object:
        interfaces = [_interface(host)] if api.version < (7, 0) else []
        return api.call(
            "host.create", host=host.name, name=host.visible, interfaces=interfaces,
            groups=_group_ids(api, host.groups),
            templates=[{"templateid": _template_id(api, host.kind.name)}],
            tags=[{"tag": tag, "value": value} for tag, value in host.tags],
            macros=[_macro(macro, value) for macro, value in host.macros],
            **(monitor.fields if monitor else {}))

    details = [f"template {host.kind.name}", f"groups {', '.join(host.groups)}"]
    details += [f"macro {macro} = {value}" for macro, value in host.macros]
    if monitor:
        details.append(f"monitored by {monitor.name}")
    return Change(ADD, f"host {host.name!r}", tuple(details), create)


def _macro(macro: str, value: str) -> Node:
    return {"macro": macro, "value": value, "description": BY_US}


def _interface(host: Host) -> Node:
    """External checks want one before 7.0."""
    by_ip = ":" in host.domain or host.domain.replace(".", "").isdigit()
    return {"type": 1, "main": 1, "useip": int(by_ip), "ip": host.domain if by_ip else "",
            "dns": "" if by_ip else host.domain, "port": _AGENT_PORT}


# A host that is there


def _updates(api: Api, host: Host, there: Node, monitor: Monitor | None,
             notes: list[str]) -> Iterator[Change]:
    """The changes of one host."""
    what, hostid = f"host {host.name!r}", there["hostid"]
    details, fields = _differences(api, host, there, monitor)
    if details:
        def update(api: Api) -> object:
            made = dict(fields)
            if "template" in made:
                made["templates"] = [{"templateid": _template_id(api, made.pop("template"))},
                                     *made.pop("others")]
            if "groups" in made:
                made["groups"] = [*made["groups"], *_group_ids(api, host.groups)]
            return api.call("host.update", hostid=hostid, **made)

        yield Change(CHANGE, what, tuple(details), update)
    yield from _macro_changes(host, there, notes)
    if api.version < (7, 0) and not there["interfaces"]:
        yield Change(CHANGE, what, ("an interface, which external checks want",),
                     _creation("hostinterface", hostid=hostid, **_interface(host)))


def _differences(api: Api, host: Host, there: Node, monitor: Monitor | None
                 ) -> tuple[list[str], Node]:
    """How a host differs, and the fields of its update; what must be looked up when it is made, for
    it may not be there yet, stands in them by name."""
    details: list[str] = []
    fields: Node = {}
    if host.kind.name not in there["templates"]:
        ours = {kind.name for kind in KINDS}
        clear = {name: id_ for name, id_ in there["templates"].items() if name in ours}
        fields |= {"template": host.kind.name, "templates_clear": _ids("templateid", clear),
                   "others": _ids("templateid", {name: id_ for name, id_ in
                                                 there["templates"].items() if name not in ours})}
        details += [f"template {name} removed, with its items" for name in clear]
        details.append(f"template {host.kind.name} added")
    absent = set(host.groups) - {group["name"] for group in there["groups"]}
    if absent:
        fields["groups"] = [{"groupid": group["groupid"]} for group in there["groups"]
                            if group["name"] not in host.groups]
        details += [f"group {name} added" for name in sorted(absent)]
    if _made_here(there):
        tags = [(tag["tag"], tag["value"]) for tag in there["tags"]]
        others = [tag for tag in tags if tag[0] not in dict(host.tags)]
        if sorted((*others, *host.tags)) != sorted(tags):
            fields["tags"] = [{"tag": tag, "value": value} for tag, value in (*others, *host.tags)]
            details += [f"tag {tag}: {value}" for tag, value in host.tags
                        if (tag, value) not in tags]
    if monitor and any(str(there.get(name, "0")) != value for name, value in
                       monitor.fields.items()):
        fields |= monitor.fields
        details.append(f"monitored by {monitor.name}")
    return details, fields


def _ids(field: str, named: dict[str, str]) -> list[Node]:
    return [{field: id_} for id_ in named.values()]


def _macro_changes(host: Host, there: Node, notes: list[str]) -> Iterator[Change]:
    """Ours as the targets want them; those that others have set are told and left."""
    known = {macro["macro"]: macro for macro in there["macros"]}
    what = f"host {host.name!r}"
    for name, value in host.macros:
        macro = known.pop(name, None)
        if macro is None:
            yield Change(CHANGE, what, (f"macro {name} = {value}",),
                         _creation("usermacro", hostid=there["hostid"], **_macro(name, value)))
        elif macro.get("value") != value and macro["description"] != BY_US:
            notes.append(f"{what}: macro {name} was set by hand to "
                         f"{macro.get('value', '***')!r} and stays so; wanted is {value!r}")
        elif macro.get("value") != value:
            yield Change(CHANGE, what, (f"macro {name}: {macro.get('value')} -> {value}",),
                         _update_of_macro(macro["hostmacroid"], value))
    for name, macro in known.items():
        if macro["description"] == BY_US:
            yield Change(CHANGE, what, (f"macro {name} = {macro.get('value')} removed",),
                         _deletion("usermacro", macro["hostmacroid"]))


def _update_of_macro(hostmacroid: str, value: str) -> Callable[[Api], object]:
    return lambda api: api.call("usermacro.update", hostmacroid=hostmacroid, value=value)


def _deletion(kind: str, id_: str) -> Callable[[Api], object]:
    return lambda api: api.call(f"{kind}.delete", [id_])


# Hosts that nobody wants any more


def _superfluous(api: Api, hosts: Sequence[Host], wish: Wish, prune: bool, notes: list[str]
                 ) -> list[Change]:
    """Hosts made here, under this group's name, that the targets do not want."""
    wanted = {host.name for host in hosts}
    mark = {"tag": MARK, "value": wish.group, "operator": 1}
    made = [host for host in _existing(api, tags=[mark]) if host["host"] not in wanted]
    if made and not prune:
        names = ", ".join(host["host"] for host in made[:5]) + (", ..." if made[5:] else "")
        notes.append(f"registered before and no longer configured: {names}: --prune removes them")
        return []
    return [Change(REMOVE, f"host {host['host']!r}", (), _deletion("host", host["hostid"]))
            for host in made]


def _made_here(host: Node) -> bool:
    return any(tag["tag"] == MARK for tag in host["tags"])
