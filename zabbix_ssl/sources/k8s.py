"""Kubernetes: Ingress and Gateway manifests, as files or as ``kubectl get -A -o yaml`` prints them.

networking.k8s.io/v1 Ingress: the hosts under ``tls``. gateway.networking.k8s.io Gateway: listeners
with the protocol HTTPS or TLS; one without a host name, or with a pattern, has those of the routes
that name the Gateway as their parent. YAML and JSON.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from .files import MOST_FILES, at, matching
from .files import read as read_file
from .found import Found, SourceError

_ROUTES = ("HTTPRoute", "TLSRoute", "GRPCRoute")
_MOST_OBJECTS = 100_000
_MOST_DEPTH = 100

Object = dict[str, Any]


def read(path: str) -> Iterator[Found]:
    """The endpoints of a file, or of all .yaml, .yml and .json files of a folder."""
    paths = [path]
    if os.path.isdir(path):
        paths = sorted(one for kind in ("yaml", "yml", "json")
                       for one in matching(os.path.join(path, f"*.{kind}")))
        if not paths:
            raise SourceError(f"{path}: there is no .yaml, .yml or .json file in this directory")
    objects: list[tuple[Object, str]] = []
    for one in paths[:MOST_FILES]:
        try:
            objects += _objects(one)
        except SourceError as error:
            if len(paths) == 1:
                raise
            yield Found("", where=one, why=str(error))
    routes = [made for made, _ in objects if made.get("kind") in _ROUTES]
    for made, where in objects:
        if made.get("kind") == "Ingress":
            yield from _ingress(made, where)
        elif made.get("kind") == "Gateway" and "gateway.networking" in str(made.get("apiVersion")):
            yield from _gateway(made, routes, where)


def _ingress(made: Object, where: str) -> Iterator[Found]:
    spec = _dict(made.get("spec"))
    where = f"{where}: Ingress {_name(made)}"
    hosts = [host for one in _list(spec.get("tls")) for host in _list(_dict(one).get("hosts"))]
    if spec.get("tls") and not hosts:  # the certificate is for the hosts of the rules then
        hosts = [_dict(rule).get("host") for rule in _list(spec.get("rules"))]
    for host in dict.fromkeys(str(host or "") for host in hosts):
        yield Found(host, where=where)


def _gateway(made: Object, routes: list[Object], where: str) -> Iterator[Found]:
    for raw in _list(_dict(made.get("spec")).get("listeners")):
        listener = _dict(raw)
        if listener.get("protocol") not in ("HTTPS", "TLS"):
            continue
        here = f"{where}: Gateway {_name(made)}, listener {listener.get('name')}"
        port = listener.get("port")
        if not isinstance(port, int) or not 0 < port < 65536:
            yield Found("", where=here, why=f"its port is {str(port)[:20]}")
            continue
        asked = str(listener.get("hostname") or "")
        names = [asked] if asked and not asked.startswith("*.") else [
            host for host in _routed(made, listener, routes)
            if not asked or host.endswith(asked[1:])]
        for name in dict.fromkeys(names or [asked]):
            yield Found(name, port, where=here)


def _routed(gateway: Object, listener: Object, routes: list[Object]) -> Iterator[str]:
    """The host names of the routes that hang on this listener."""
    name, space = _name_and_space(gateway)
    for route in routes:
        spec = _dict(route.get("spec"))
        own = _name_and_space(route)[1]
        for raw in _list(spec.get("parentRefs")):
            parent = _dict(raw)
            if (parent.get("name"), parent.get("namespace") or own) == (name, space) \
                    and parent.get("sectionName") in (None, listener.get("name")):
                yield from (str(host) for host in _list(spec.get("hostnames")))


def _objects(path: str) -> Iterator[tuple[Object, str]]:
    import yaml  # on use

    text = read_file(path)
    try:
        documents = _documents(text, path)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "it cannot be read"
        hint = ("render the template first, with helm template" if "{{" in text else
                "correct it there")
        raise SourceError(f"{at(path, mark.line + 1 if mark else 1)}: this is not YAML: {what}: "
                          f"{hint}") from None
    except (RecursionError, ValueError) as error:
        raise SourceError(f"{path}: this cannot be read as YAML: {error}") from None
    for number, document in enumerate(documents[:_MOST_OBJECTS]):
        made = _dict(document)
        items = _list(made.get("items"))[:_MOST_OBJECTS] if str(made.get("kind")).endswith(
            "List") else [made]
        place = path if len(documents) == 1 else f"{path}, document {number + 1}"
        yield from ((_dict(item), place) for item in items)


def _documents(text: str, path: str) -> list[Any]:
    """YAML without what makes a small file a big value (merge keys), and no deeper than manifests
    are: libyaml's loader calls itself for each level, and would overflow its stack."""
    import yaml

    fast: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(fast):  # type: ignore[misc]
        def flatten_mapping(self, node: Any) -> None:
            """Leaves a merge key, which nothing can construct."""

    depth = 0
    for event in yaml.parse(text, Loader=fast):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _MOST_DEPTH:
            raise SourceError(f"{path}: values in over {_MOST_DEPTH} values: this is no manifest")
    return list(yaml.load_all(text, Loader=Loader))


def _name_and_space(made: Object) -> tuple[str, str]:
    about = _dict(made.get("metadata"))
    return str(about.get("name")), str(about.get("namespace") or "default")


def _name(made: Object) -> str:
    name, space = _name_and_space(made)
    return f"{space}/{name}"


def _dict(value: Any) -> Object:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
