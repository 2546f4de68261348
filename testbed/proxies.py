"""Between a client and a real server: delay it, slow it down, spoil its bytes."""

from __future__ import annotations

import heapq
import itertools
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import NamedTuple

from .process import listener
from .serving import Dialogue


def trickling(port: int, seconds: float, size: int = 1) -> Dialogue:
    """The server on ``port``, its answer cut into pieces of ``size`` bytes, ``seconds`` apart."""

    def relay(answer: bytes, to: socket.socket) -> None:
        for at in range(0, len(answer), size):
            to.sendall(answer[at:at + size])
            time.sleep(seconds)

    return _relaying(port, relay)


def spoiling(port: int, spoil: Callable[[bytes], bytes]) -> Dialogue:
    """The server on ``port``, with ``spoil`` applied to the first bytes it sends."""

    def relay(answer: bytes, to: socket.socket) -> None:
        to.sendall(spoil(answer))

    return _relaying(port, relay, first_only=True)


def _relaying(port: int, relay: Callable[[bytes, socket.socket], None],
              first_only: bool = False) -> Dialogue:
    def dialogue(client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port)) as server:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            upward = threading.Thread(target=_pump, args=(client, server), daemon=True)
            upward.start()
            try:
                first = True
                while answer := server.recv(65536):
                    if first or not first_only:
                        relay(answer, client)
                    else:
                        client.sendall(answer)
                    first = False
            finally:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
                upward.join()

    return dialogue


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class _Due(NamedTuple):
    """Bytes (or the end, b"") that are on their way."""

    time: float
    order: int
    sink: socket.socket
    data: bytes


@contextmanager
def delayed(port: int, seconds: float, address: str = "127.0.0.1") -> Iterator[int]:
    """The server on ``port``, as if it were ``seconds`` away (one way); gives the proxy's port.

    The connection itself is set up at once, as a proxy cannot delay it; the round trip that it
    would have cost is added to the client's first bytes instead.
    """
    with listener(address) as listening:
        stop, stopped = socket.socketpair()
        thread = threading.Thread(target=_delay, args=(listening, stopped, port, seconds))
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            stop.close()
            thread.join()


def _delay(listening: socket.socket, stopped: socket.socket, port: int, seconds: float) -> None:
    peers: dict[socket.socket, socket.socket] = {}
    late: dict[socket.socket, float] = {}  # client: the delay of its next bytes
    due: list[_Due] = []
    order = itertools.count()
    with selectors.DefaultSelector() as selector, closing(stopped):
        selector.register(listening, selectors.EVENT_READ)
        selector.register(stopped, selectors.EVENT_READ)
        while True:
            wait = due[0].time - time.monotonic() if due else None
            ready = [key.fileobj for key, _ in selector.select(wait)]
            for source in ready:
                assert isinstance(source, socket.socket)
                if source is stopped:
                    for one in peers:
                        one.close()
                    return
                if source is listening:
                    _join(source, port, peers, late, selector, seconds)
                    continue
                data = b""
                with suppress(OSError):
                    data = source.recv(65536)
                if not data:
                    selector.unregister(source)
                heapq.heappush(due, _Due(time.monotonic() + late.get(source, seconds), next(order),
                                         peers[source], data))
                late.pop(source, None)
            while due and due[0].time <= time.monotonic():
                _deliver(heapq.heappop(due))


def _join(listening: socket.socket, port: int, peers: dict[socket.socket, socket.socket],
          late: dict[socket.socket, float], selector: selectors.BaseSelector,
          seconds: float) -> None:
    client = listening.accept()[0]
    try:
        server = socket.create_connection(("127.0.0.1", port))
    except OSError:
        client.close()
        return
    for one, other in ((client, server), (server, client)):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peers[one] = other
        selector.register(one, selectors.EVENT_READ)
    late[client] = 3 * seconds


def _deliver(parcel: _Due) -> None:
    with suppress(OSError):
        if parcel.data:
            parcel.sink.sendall(parcel.data)
        else:
            parcel.sink.shutdown(socket.SHUT_WR)
