"""A listener that speaks the trapper protocol of Zabbix, for the faults that no real server commits
on demand: it takes what it is told to take, keeps all of it, and can answer badly or not at all.

https://www.zabbix.com/documentation/current/en/manual/appendix/protocols/zabbix_sender
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from .process import listener

_HEADER = struct.Struct("<4sBII")  # protocol, flags, length, length before compression
_COMPRESSED = 2

#: Answers a packet in place of the listener: is given the connection and the right answer.
Fault = Callable[[socket.socket, bytes], None]


class Sent(NamedTuple):
    """A row as it came; without a value it was a question."""

    host: str
    key: str
    value: str | None
    clock: int | None
    ns: int | None


class Trapper:
    """A running listener. Made by ``trapper``; everything may be changed while it runs."""

    def __init__(self, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.packets: list[list[Sent]] = []  # what was taken, values only, before it was answered
        self.refused: list[Sent] = []  # values that were not
        self.questions = 0  # packets without any value
        self.takes: Callable[[Sent], bool] = lambda row: True
        self.fault: Fault | None = None  # for packets with a value of a target
        self._address = address
        self._tls = tls
        self._socket = listener(address)
        self.port: int = self._socket.getsockname()[1]
        self._lock = threading.Lock()
        self._serve()

    @property
    def rows(self) -> list[Sent]:
        """All values that were taken, in order."""
        with self._lock:
            return [row for packet in self.packets for row in packet]

    def values(self, prefix: str = "ssl.push[") -> list[Sent]:
        """Those for keys that begin so."""
        return [row for row in self.rows if row.key.startswith(prefix)]

    def stop(self) -> None:
        """From now on connections are refused."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def start(self) -> None:
        """Listen again, at the same port."""
        self._socket = listener(self._address, self.port)
        self._serve()

    def _serve(self) -> None:
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()

    def _accept(self, accepting: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = accepting.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                packet = _read(connection)
                if packet is not None:
                    self._take(connection, packet)

    def _take(self, connection: socket.socket, packet: dict[str, Any]) -> None:
        rows = [Sent(row["host"], row["key"], row.get("value"), row.get("clock"), row.get("ns"))
                for row in packet["data"]]
        with self._lock:
            taken = [row for row in rows if self.takes(row)]
            values = [row for row in taken if row.value is not None]
            if values:
                self.packets.append(values)
            self.refused += [row for row in rows if row.value is not None and row not in values]
            self.questions += all(row.value is None for row in rows)
        right = answer(len(taken), len(rows) - len(taken))
        measured = any(row.value is not None and row.key.startswith("ssl.push[") for row in rows)
        if self.fault and measured:
            self.fault(connection, right)
        else:
            connection.sendall(right)


@contextmanager
def trapper(address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Trapper]:
    """A listener on a free port."""
    made = Trapper(address, tls)
    try:
        yield made
    finally:
        made.stop()


def answer(taken: int, refused: int) -> bytes:
    """What a server says of a packet."""
    return packed({"response": "success", "info": f"processed: {taken}; failed: {refused}; "
                   f"total: {taken + refused}; seconds spent: 0.000123"})


def packed(body: dict[str, Any]) -> bytes:
    """Any answer, in the frame of the protocol."""
    data = json.dumps(body).encode()
    return _HEADER.pack(b"ZBXD", 1, len(data), 0) + data


def _read(connection: socket.socket) -> dict[str, Any] | None:
    """A packet; None when the sender hangs up before it is whole."""
    head = _receive(connection, _HEADER.size)
    if len(head) < _HEADER.size:
        return None
    _, flags, length, _ = _HEADER.unpack(head)
    data = _receive(connection, length)
    if len(data) < length:
        return None
    body: dict[str, Any] = json.loads(zlib.decompress(data) if flags & _COMPRESSED else data)
    return body


def _receive(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length and (more := connection.recv(length - len(data))):
        data += more
    return data
