"""Servers inside this process: a function that talks to one connection, served by threads.

    with serve(faults.silent) as port: ...
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from .process import listener

#: Talks to one client. May end by any OSError; the connection is closed after it.
Dialogue = Callable[[socket.socket], None]


@contextmanager
def serve(dialogue: Dialogue, address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Serves each connection by ``dialogue`` in a thread of its own; gives the port.

    At the end every connection is torn down and every thread has ended.
    """
    sockets: set[socket.socket] = set()
    threads: list[threading.Thread] = []

    def talk(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            dialogue(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            sockets.add(connection)
            thread = threading.Thread(target=talk, args=(connection,), daemon=True)
            threads.append(thread)
            thread.start()

    with listener(address, port) as listening:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() does not
            accepting.join()
            for connection in sockets:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)
