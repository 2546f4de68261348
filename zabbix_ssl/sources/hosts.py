"""Zabbix: what it watches already by TLS, through its API.

Web scenarios and HTTP agent items whose URL is https; items of agent 2 that look at a certificate
(web.certificate.get) and simple checks of https; macros that hold an https URL, and those of the
template "Website certificate by Zabbix agent 2". Hosts alone do not say whether they speak TLS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from ..zabbix.api import Api
from .found import Found

_MACRO = re.compile(r"\{\$[^}]*\}")
_KEY = re.compile(r"(?P<name>[a-z0-9_.]+)\[(?P<words>.*)\]$", re.DOTALL)
_HTTP_AGENT = "19"
_SECRET = ("1", "2")  # types of macros whose value is not shown
_WEBSITE = "{$CERT.WEBSITE.HOSTNAME}"
_MOST_ROUNDS = 4  # macros in the values of macros

Node = dict[str, Any]
Macros = dict[str, str]


def read(api: Api) -> Iterator[Found]:
    """The endpoints that the hosts of this Zabbix have to do with. Raises ApiError."""
    shared = _macros(api.call("usermacro.get", globalmacro=True, output="extend"))
    hosts = {host["hostid"]: host for host in api.call(
        "host.get", output=["hostid", "host"], selectMacros="extend", filter={"status": "0"},
        selectParentTemplates=["templateid"], selectInterfaces=["dns", "ip", "useip", "main"])}
    known = {number: {**shared, **_inherited(api, host), **_macros(host["macros"])}
             for number, host in hosts.items()}
    for test in api.call("httptest.get", output=["name", "hostid"], selectSteps=["name", "url"],
                         selectHosts=["hostid"], templated=False, filter={"status": "0"}):
        host = test["hosts"][0]["hostid"] if test.get("hosts") else test["hostid"]
        for step in test["steps"] if host in hosts else ():
            yield from _url(step["url"], known[host], f"host {hosts[host]['host']}, web scenario "
                            f"{test['name']}, step {step['name']}")
    for item in _items(api):
        if item["hostid"] in hosts:
            yield from _item(item, hosts[item["hostid"]], known[item["hostid"]])
    for number, host in hosts.items():
        yield from _of_macros(host, known[number])


def _items(api: Api) -> Iterator[Node]:
    fields = ["hostid", "key_", "url", "name", "type"]
    for where in ({"search": {"key_": ["web.certificate.get[", "net.tcp.service"]},
                   "searchByAny": True}, {"filter": {"type": _HTTP_AGENT}}):
        yield from api.call("item.get", output=fields, templated=False, monitored=True, **where)


def _item(item: Node, host: Node, macros: Macros) -> Iterator[Found]:
    where = f"host {host['host']}, item {item['name']}"
    if item["type"] == _HTTP_AGENT:
        yield from _url(item["url"], macros, where)
        return
    match = _KEY.match(item["key_"])
    if not match:
        return
    words = [word.strip().strip('"') for word in _filled(match["words"], macros).split(",")]
    words += [""] * 3
    if match["name"] == "web.certificate.get":
        name, port, address = words[:3]
        if "://" in name:
            yield from _url(name, macros, where)
        else:
            yield _found(name, port or "443", address, where)
    elif words[0] == "https":
        yield _found(words[1] or _interface(host), words[2] or "443", "", where)


def _of_macros(host: Node, macros: Macros) -> Iterator[Found]:
    own = _macros(host["macros"])
    for name, value in own.items():
        where = f"host {host['host']}, macro {name}"
        if value.lower().startswith("https://"):
            yield from _url(value, macros, where)
    if own.get(_WEBSITE):
        yield _found(_filled(own[_WEBSITE], macros), macros.get("{$CERT.WEBSITE.PORT}") or "443",
                     macros.get("{$CERT.WEBSITE.IP}") or "",
                     f"host {host['host']}, macro {_WEBSITE}")


def _url(url: str, macros: Macros, where: str) -> Iterator[Found]:
    url = _filled(url, macros)
    unfilled = _MACRO.search(url.partition("://")[2].partition("/")[0] or url)
    if unfilled and not url.lower().startswith("http://"):
        yield Found(url, where=where, why=f"{unfilled[0][:100]} is not known here: name the host")
        return
    if not url.lower().startswith("https://"):
        return
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
    except ValueError as error:
        yield Found(url, where=where, why=f"{url[:100]} is no URL: {error}")
        return
    yield Found(host, port, where=where)


def _found(name: str, port: str, address: str, where: str) -> Found:
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        return Found(name, where=where, why=f"the port of {name[:100]} is {port[:20]}")
    return Found(name.removeprefix("[").removesuffix("]"), int(port), address=address, where=where)


def _interface(host: Node) -> str:
    """Where simple checks go that do not say where."""
    for one in host["interfaces"]:
        if one["main"] == "1":
            return str(one["ip"] if one["useip"] == "1" else one["dns"])
    return ""


def _inherited(api: Api, host: Node) -> Macros:
    """The macros of the templates of a host; those of its own are stronger."""
    numbers = [template["templateid"] for template in host["parentTemplates"]]
    if not numbers:
        return {}
    return _macros(api.call("usermacro.get", hostids=numbers, output="extend"))


def _macros(found: list[Node]) -> Macros:
    return {one["macro"]: one["value"] for one in found
            if one.get("type", "0") not in _SECRET and one.get("value")}


def _filled(text: str, macros: Macros) -> str:
    for _ in range(_MOST_ROUNDS):
        filled = _MACRO.sub(lambda match: macros.get(match[0], match[0]), text)
        if filled == text or len(filled) > 10_000:
            break
        text = filled
    return text
