"""The pages for people: where one begins, and what Prometheus can ask for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from http import HTTPStatus
from urllib.parse import urlencode

from .. import __version__
from ..model import Target
from .results import Ages
from .server import Response

_START = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>zabbix-ssl exporter</title></head>
<body>
<h1>zabbix-ssl exporter {version}</h1>
<p>{count} configured targets: {fresh} fresh, {stale} stale, {waiting} waiting for their first
check.</p>
<ul>
<li><a href="metrics">/metrics</a>: all of them</li>
<li>/probe?target=HOST:PORT: one of them{probe}</li>
<li><a href="targets">/targets</a>: their list, for http_sd_configs of Prometheus</li>
<li><a href="-/healthy">/-/healthy</a>, <a href="-/ready">/-/ready</a></li>
</ul>
</body>
</html>
"""
_PROBE = (', such as <a href="probe?{query}">{target}</a>, and <a href="probe?{query}&amp;debug='
          'true">step by step</a>')
_POLICY = ("Content-Security-Policy", "default-src 'none'")


def start(targets: tuple[Target, ...], ages: Ages) -> Response:
    """Where one begins."""
    probe = ""
    if targets:
        query = urlencode(_parameters(targets[0]))
        probe = _PROBE.format(query=escape(query), target=escape(str(targets[0])))
    page = _START.format(version=escape(__version__), count=len(targets), probe=probe,
                         **ages._asdict())
    return _response(page, "text/html; charset=utf-8", _POLICY)


def targets_json(targets: Iterable[Target]) -> Response:
    """The targets as http_sd_configs takes them; an address goes on as a parameter of /probe."""
    return _response(json.dumps([
        {"targets": [str(target)], "labels": _labels(target)} for target in targets
    ]), "application/json")


def _labels(target: Target) -> dict[str, str]:
    labels = {"__param_address": target.address} if target.address else {}
    return {**labels, "__meta_ssl_group": target.group,
            **{"__meta_ssl_tag_" + name.replace("-", "_").replace(".", "_"): value
               for name, value in target.tags}}


def _parameters(target: Target) -> dict[str, str]:
    address = {"address": target.address} if target.address else {}
    return {"target": str(target), **address}


def _response(text: str, content_type: str, *headers: tuple[str, str]) -> Response:
    body = text.encode("utf-8", "backslashreplace")
    return Response(HTTPStatus.OK, (body,), len(body), content_type, headers)
