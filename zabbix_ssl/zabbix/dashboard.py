"""Graphs and dashboards of the templates, with the widgets that 6.0 has for them."""

from __future__ import annotations

from typing import Any

from .kinds import Kind

Node = dict[str, Any]

WIDTH = 24  # columns of a dashboard
GREEN, BLUE, ORANGE, RED = "1A7C11", "2774A4", "F7941D", "F63100"

#: Graphs of a target: code, name, type, (metric, colour) of each line.
TARGET_GRAPHS = (
    ("days", "Days left", "NORMAL", (("remain_days", GREEN), ("chain_remain_days", BLUE))),
    ("times", "Time to an encrypted connection", "STACKED",
     (("dns_ms", ORANGE), ("connect_ms", BLUE), ("handshake_ms", GREEN))),
)
#: Graphs of all targets: code, name, (key, colour) of each line.
SUMMARY_GRAPHS = (
    ("soonest", "Days until the soonest expiry", (("ssl.soonest.days", GREEN),)),
    ("failed", "Targets that cannot be checked", (("ssl.count", BLUE), ("ssl.count.failed", RED))),
    ("slowest", "Slowest TLS handshake", (("ssl.handshake.slowest", ORANGE),)),
)


def target_graphs(kind: Kind) -> list[Node]:
    """Graphs, or graph prototypes, of one target."""
    return [_graph(kind, code, kind.title(name), [(kind.key(m), colour) for m, colour in lines],
                   shape) for code, name, shape, lines in TARGET_GRAPHS]


def summary_graphs(kind: Kind) -> list[Node]:
    """Graphs of all targets of a template with discovery."""
    return [_graph(kind, code, f"SSL: {name}", list(lines), "NORMAL")
            for code, name, lines in SUMMARY_GRAPHS]


def dashboard(kind: Kind) -> Node:
    """The template's dashboard: what expires first, what is wrong, how fast it is."""
    one = [_page("Certificate", _widgets_of_one(kind))]
    pages = _pages_of_all(kind) if kind.discovered else one
    return {"uuid": kind.uuid("dashboard"), "name": "SSL certificates", "pages": pages}


def _graph(kind: Kind, code: str, name: str, lines: list[tuple[str, str]], shape: str) -> Node:
    items = [{"sortorder": str(n), "color": colour, "item": {"host": kind.name, "key": key}}
             for n, (key, colour) in enumerate(lines)]
    node: Node = {"uuid": kind.uuid("graph", code), "name": name}
    if shape != "NORMAL":
        node["type"] = shape
    return node | {"graph_items": items}


def _pages_of_all(kind: Kind) -> list[Node]:
    numbers = [("ssl.soonest.days", "Days until the soonest expiry"),
               ("ssl.soonest", "Soonest expiry"),
               ("ssl.soonest.chain", "Soonest expiry in a chain"),
               ("ssl.risk", "Highest risk level"),
               ("ssl.count.failed", "Targets that cannot be checked"),
               ("ssl.count", "Targets")]
    graphs = [_classic(kind, f"SSL: {name}", 8 * n, 4, 8) for n, (_, name, _) in
              enumerate(SUMMARY_GRAPHS)]
    return [_page("Overview", _values(kind, numbers) + graphs),
            _page("Days left", [_prototypes(kind, kind.title("Days left"))]),
            _page("Handshake times",
                  [_prototypes(kind, kind.title("Time to an encrypted connection"))])]


def _widgets_of_one(kind: Kind) -> list[Node]:
    numbers = [(kind.key("remain_days"), "Days left"), (kind.key("not_after"), "Valid until"),
               (kind.key("risk_level"), "Risk level"), (kind.key("is_revoked"), "Revocation"),
               (kind.key("chain_trusted"), "Chain is trusted"),
               (kind.key("tls_version"), "TLS version")]
    text = {"type": "PLAIN_TEXT", "name": "What to do", "x": "0", "y": "4", "width": str(WIDTH),
            "height": "4", "fields": [_integer("show_lines", 5),
                                      _item(kind, "itemids", kind.key("risk_msg"))]}
    graphs = [_classic(kind, kind.title(name), 12 * n, 8, 12)
              for n, (_, name, _, _) in enumerate(TARGET_GRAPHS)]
    return [*_values(kind, numbers), text, *graphs]


def _page(name: str, widgets: list[Node]) -> Node:
    return {"name": name, "widgets": widgets}


def _values(kind: Kind, numbers: list[tuple[str, str]]) -> list[Node]:
    """A row of widgets that show one value each."""
    width = WIDTH // len(numbers)
    return [{"type": "ITEM", "name": name, "x": str(width * n), "y": "0", "width": str(width),
             "height": "4", "fields": [
                 *(_integer("show", part) for part in (2, 3)),  # the value and its time
                 {"type": "STRING", "name": "description", "value": name},
                 _item(kind, "itemid", key)]}
            for n, (key, name) in enumerate(numbers)]


def _classic(kind: Kind, graph: str, x: int, y: int, width: int) -> Node:
    return {"type": "GRAPH_CLASSIC", "x": str(x), "y": str(y), "width": str(width), "height": "6",
            "fields": [_integer("source_type", 0), _reference(kind, "GRAPH", graph)]}


def _prototypes(kind: Kind, graph: str) -> Node:
    return {"type": "GRAPH_PROTOTYPE", "x": "0", "y": "0", "width": str(WIDTH), "height": "20",
            "fields": [_integer("source_type", 2), _integer("columns", 3), _integer("rows", 5),
                       _reference(kind, "GRAPH_PROTOTYPE", graph)]}


def _integer(name: str, value: int) -> Node:
    return {"type": "INTEGER", "name": name, "value": str(value)}


def _item(kind: Kind, name: str, key: str) -> Node:
    return {"type": "ITEM", "name": name, "value": {"host": kind.name, "key": key}}


def _reference(kind: Kind, what: str, name: str) -> Node:
    return {"type": what, "name": "graphid", "value": {"host": kind.name, "name": name}}
