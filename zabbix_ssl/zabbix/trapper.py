"""The sender protocol, by zabbix_utils: rows to a server, a proxy or a cluster of nodes, and how
many of them were taken.

A cluster is nodes of which any may take the rows (Zabbix in high availability). The one that took
the last is asked first; when it cannot be reached, the next. Whatever goes wrong is one exception
with a reason for people, and every exchange is bounded in time and size.
"""

from __future__ import annotations

import errno
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from ..names import split_target
from ..plain import printable

PORT = 10051

_CONNECT_SECONDS = 10
_EXCHANGE_SECONDS = 30.0  # from the first address to the answer
_MOST_ANSWER = 16_384  # bytes; an answer has about 100
_MOST_CONNECTIONS = 4  # of one exchange: a proxy of a group may send us to another


class Node(NamedTuple):
    """A server or proxy; the host without brackets."""

    host: str
    port: int = PORT

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Row(NamedTuple):
    """A value as it is sent. Without a text it only asks whether the item would take one: the
    server counts the row and does nothing else (measured on 6.0 and 7.0)."""

    key: str
    text: str | None
    clock: int | None = None
    ns: int | None = None


class Counts(NamedTuple):
    """How many rows the server took, and how many it did not. It does not say which."""

    taken: int
    refused: int


class Away(Exception):
    """Nothing is known to have been taken, and why: one line. What was sent may have been taken all
    the same where the connection broke before the answer."""


class _Unreachable(Exception):
    """Certainly nothing was sent."""


def read_servers(words: Sequence[str]) -> list[tuple[Node, ...]]:
    """Clusters: ``;`` stands between nodes of one, ``,`` between clusters, as in ServerActive of
    Zabbix agent 2. Raises ConfigError."""
    clusters = [tuple(dict.fromkeys(_node(node) for node in cluster.split(";") if node.strip()))
                for word in words for cluster in word.split(",")]
    return list(dict.fromkeys(cluster for cluster in clusters if cluster))


def name_of(cluster: Sequence[Node]) -> str:
    """A cluster as it is written."""
    return ";".join(map(str, cluster))


def _node(word: str) -> Node:
    host, port = split_target(word.strip())
    return Node(host, port or PORT)


class Trapper:
    """One cluster. For one thread."""

    def __init__(self, cluster: Sequence[Node], host: str, tls: ssl.SSLContext | None = None,
                 seconds: float = _EXCHANGE_SECONDS) -> None:
        """``host``: the Zabbix host that the items belong to. ``seconds``: for one exchange."""
        self._nodes = list(cluster)
        self._host = host
        self._tls = tls
        self._seconds = seconds
        self._sent_on: Node | None = None  # where a proxy of a group has sent us

    def send(self, rows: Sequence[Row]) -> Counts:
        """Send rows in one packet. Raises Away."""
        if self._sent_on:
            with suppress(_Unreachable):
                return self._exchange(self._sent_on, rows)
            self._sent_on = None
        reasons = []
        for _ in self._nodes:
            try:
                return self._exchange(self._nodes[0], rows)
            except _Unreachable as error:
                reasons.append(f"{self._nodes[0]} {error}" if len(self._nodes) > 1 else str(error))
                self._next_node()
            except Away:
                self._next_node()
                raise
        raise Away("; ".join(reasons))

    def _next_node(self) -> None:
        self._nodes.append(self._nodes.pop(0))

    def _exchange(self, node: Node, rows: Sequence[Row]) -> Counts:
        until = time.monotonic() + self._seconds
        for family, address in _addresses(node):
            try:
                return self._attempt(family, Node(address, node.port), rows, until)
            except _Unreachable as error:
                reason = error
        raise reason

    def _attempt(self, family: int, node: Node, rows: Sequence[Row], until: float) -> Counts:
        from zabbix_utils import ItemValue, Sender  # on use
        from zabbix_utils.types import Cluster
        from zabbix_utils.types import Node as TheirNode

        links = _Links(self._tls, until)
        cluster = Cluster([])
        cluster.nodes = [TheirNode(*node)]
        sender = Sender(timeout=_CONNECT_SECONDS, use_ipv6=family == socket.AF_INET6,
                        chunk_size=len(rows), compression=True, socket_wrapper=links.wrap)
        sender.clusters = [cluster]
        items = [ItemValue(self._host, row.key, "", row.clock, row.ns) for row in rows]
        for item, row in zip(items, rows, strict=True):
            item.value = row.text
        begun = time.monotonic()
        try:
            counts = _counts(sender.send(items), len(rows))
        except Exception as error:
            if links.sent:
                raise Away(_broken(error)) from None
            raise _Unreachable(_unreachable(error, time.monotonic() - begun)) from None
        finally:
            links.close()
        if links.opened > 1:
            self._sent_on = Node(cluster.nodes[0].address, cluster.nodes[0].port)
        return counts


class _Links:
    """The connections of one exchange."""

    def __init__(self, tls: ssl.SSLContext | None, until: float) -> None:
        self.opened = 0
        self.sent = False  # anything, so that it may have been taken
        self._tls = tls
        self._until = until
        self._left = _MOST_ANSWER
        self._sockets: list[socket.socket] = []

    def wrap(self, connection: socket.socket, _: object) -> _Link:
        """What zabbix_utils is to use in place of a connection it has made."""
        self._sockets.append(connection)
        self.opened += 1
        if self.opened > _MOST_CONNECTIONS:
            raise OSError(errno.ELOOP, "proxies of a group send us in circles")
        self.bound(connection)
        if self._tls:
            connection = self._tls.wrap_socket(connection)
            self._sockets.append(connection)
        return _Link(self, connection)

    def bound(self, connection: socket.socket) -> None:
        """What is left of the time is for the next operation. Raises TimeoutError."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)

    def count(self, received: int) -> None:
        """Raises ValueError when the answers are longer than answers are."""
        self._left -= received
        if self._left < 0:
            raise ValueError("too long")

    def close(self) -> None:
        for connection in self._sockets:
            with suppress(OSError):
                connection.close()


class _Link:
    """A connection, as far as zabbix_utils uses one."""

    def __init__(self, links: _Links, connection: socket.socket) -> None:
        self._links = links
        self._connection = connection

    def sendall(self, data: bytes) -> None:
        self._links.bound(self._connection)
        self._links.sent = True
        self._connection.sendall(data)

    def recv(self, most: int) -> bytes:
        self._links.bound(self._connection)
        data = self._connection.recv(min(most, _MOST_ANSWER))
        if not data:
            raise EOFError
        self._links.count(len(data))
        return data

    def close(self) -> None:
        self._connection.close()


def _addresses(node: Node) -> list[tuple[int, str]]:
    try:
        found = socket.getaddrinfo(node.host, node.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _Unreachable(f"cannot be found: the name {node.host} has no address") from None
    return list(dict.fromkeys((int(family), str(address[0])) for family, *_, address in found
                              if family in (socket.AF_INET, socket.AF_INET6)))


def _counts(answer: Any, sent: int) -> Counts:
    """Raises ValueError when the numbers make no sense."""
    counts = Counts(int(answer.processed), int(answer.failed))
    if sum(counts) != sent:
        raise ValueError("counts that are not ours")
    return counts


def _unreachable(error: Exception, seconds: float) -> str:
    """Why nothing could be sent, after that many seconds."""
    if isinstance(error, ssl.SSLError):
        return f"does not agree on TLS: {printable(error.reason or str(error))}"
    if isinstance(error, OSError) and error.errno:
        return f"cannot be reached: {error.strerror}"
    # the library keeps to itself why it could not connect: these two are all it could be
    late = isinstance(error, TimeoutError) or seconds >= _CONNECT_SECONDS
    return "does not answer" if late else "refuses the connection: nothing listens there"


def _broken(error: Exception) -> str:
    """Why there was no answer to what was sent."""
    if isinstance(error, TimeoutError):
        return "does not answer in time"
    if isinstance(error, EOFError):
        return "closes the connection without an answer: does it take what comes from here, and " \
               "as it comes (TLS or not)?"
    if isinstance(error, ssl.SSLError):
        return f"does not agree on TLS: {printable(error.reason or str(error))}"
    if isinstance(error, OSError) and error.args and isinstance(error.args[0], dict):
        return f"refuses the packet: {printable(str(error.args[0].get('info'))[:200])}"
    if isinstance(error, OSError) and error.errno:
        return f"breaks the connection: {error.strerror}"
    return "gives an answer that makes no sense: is it the trapper port of a server or proxy?"
