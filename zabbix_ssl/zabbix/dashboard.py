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
    ("times", "Connection times", "STACKED",
     (("dns_ms", ORANGE), ("connect_ms", BLUE), ("handshake_ms", GREEN))),
)
#: Graphs of all targets: code, name, (key, colour) of each line.
SUMMARY_GRAPHS = (
    ("slowest", "Slowest TLS handshake", (("ssl.handshake.slowest", ORANGE),)),
    ("failed", "Targets that cannot be checked", (("ssl.count", BLUE), ("ssl.count.failed", RED))),
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
    return {"uuid": kind.uuid("dashboard"), "name": "SSL certificates", "auto_start": "NO",
            "pages": pages}  # nobody wants it to turn over while reading


def _graph(kind: Kind, code: str, name: str, lines: list[tuple[str, str]], shape: str) -> Node:
    items = [{"sortorder": str(n), "color": colour, "item": {"host": kind.name, "key": key}}
             for n, (key, colour) in enumerate(lines)]
    node: Node = {"uuid": kind.uuid("graph", code), "name": name}
    if shape != "NORMAL":
        node["type"] = shape
    return node | {"graph_items": items}


def _pages_of_all(kind: Kind) -> list[Node]:
    numbers = [("ssl.count", "Targets", 0),
               ("ssl.count.failed", "Cannot be checked", 0),
               ("ssl.risk", "Highest risk level", 0),
               ("ssl.soonest.days", "Until the soonest expiry", 1)]
    lists = [_text(kind, "ssl.soonest.list", "Soonest to expire", 0, 2, 12, 8),
             _text(kind, "ssl.mend.list", "To be mended", 12, 2, 12, 8)]
    graphs = [_classic(kind, f"SSL: {name}", 12 * n, 10, 12)
              for n, (_, name, _) in enumerate(SUMMARY_GRAPHS)]
    return [_page("Overview", _values(kind, numbers) + lists + graphs),
            _page("Handshake times", [_prototypes(kind, kind.title("Connection times"))])]


def _widgets_of_one(kind: Kind) -> list[Node]:
    numbers = [(kind.key("remain_days"), "Days left", 0),
               (kind.key("risk_level"), "Risk level", 0),
               (kind.key("chain_trusted"), "Chain is trusted", 0),
               (kind.key("is_revoked"), "Revocation", 0)]
    text = _text(kind, kind.key("risk_msg"), "What to do", 0, 2, WIDTH, 3)
    return [*_values(kind, numbers), text,
            _classic(kind, kind.title("Connection times"), 0, 5, WIDTH)]


def _page(name: str, widgets: list[Node]) -> Node:
    return {"name": name, "widgets": widgets}


def _values(kind: Kind, numbers: list[tuple[str, str, int]]) -> list[Node]:
    """A row of widgets that show one value each: key, name, decimal places."""
    width = WIDTH // len(numbers)
    return [{"type": "ITEM", "name": name, "x": str(width * n), "y": "0", "width": str(width),
             "height": "2", "fields": [
                 _integer("show", 2),  # the value alone
                 _integer("value_size", 40),  # per cent of the height: words fit as well
                 _integer("decimal_size", 40), _integer("units_size", 40),
                 _integer("decimal_places", places), _item(kind, "itemid", key)]}
            for n, (key, name, places) in enumerate(numbers)]


def _text(kind: Kind, key: str, name: str, x: int, y: int, width: int, height: int) -> Node:
    """The last value of a text, its lines as they are."""
    return {"type": "PLAIN_TEXT", "name": name, "x": str(x), "y": str(y), "width": str(width),
            "height": str(height), "fields": [
                _integer("show_lines", 1),
                _integer("style", 1),  # the text below its name and not beside it
                _integer("show_column_header", 0),  # for 7.0, which has it; 6.0 passes over it
                _item(kind, "itemids", key)]}


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
