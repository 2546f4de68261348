"""HTTP/1.1 over asyncio, bounded on all sides. h11 reads and writes the protocol.

Rules
- Nothing waits without a deadline: for the TLS handshake, for the whole head of a request, for the
  client to take the answer, for the next request on a connection that is kept.
- The number of connections has an end. When it is reached, the one that has been idle for longest
  is closed; when all are at work, the next waits in the kernel's queue.
- GET and HEAD, no bodies. Heads have an end, and so has the path.
- A client's mistake is answered in one line of text, and is never a line in our log.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import h11

from .. import __version__

TEXT = "text/plain; charset=utf-8"

_CLOSING = 2.0  # seconds to say goodbye
_LAST = ("Connection", "close")
_PLAINLY = ("X-Content-Type-Options", "nosniff")


class Limits(NamedTuple):
    """Bounds; times in seconds."""

    connections: int = 512
    head_bytes: int = 16 * 1024
    path: int = 2048  # characters, the query included
    parameters: int = 16
    handshake: float = 10
    head: float = 10
    grace: float = 0.5  # for a request, before its connection may have to make room
    idle: float = 300  # until the next request; Prometheus keeps connections between scrapes
    write: float = 60
    leave: float = 5  # for answers that are under way when the service ends


_LIMITS = Limits()


class Request(NamedTuple):
    """What is asked. Names of headers are in lower case; of one given twice the last counts."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


class Response(NamedTuple):
    """What is answered."""

    status: HTTPStatus
    body: Iterable[bytes]  # may be made as it is sent
    length: int
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()


def text(status: HTTPStatus, line: str, *headers: tuple[str, str]) -> Response:
    """Text of a line, or of several."""
    body = line.encode("utf-8", "backslashreplace") + b"\n"
    return Response(status, (body,), len(body), TEXT, headers)


#: Answers a request; what it raises is answered with 500 and told.
Answer = Callable[[Request], Awaitable[Response]]


class Front(NamedTuple):
    """What stands between a connection and the answers, as it is at this moment."""

    tls: ssl.SSLContext | None = None
    admits: Callable[[ssl.SSLObject], bool] = lambda connection: True  # after the TLS handshake
    headers: tuple[tuple[str, str], ...] = ()


class _Connection:
    """A client."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self.task = task
        self.waiting_since = time.monotonic()  # for a request to be complete
        self.answering = False
        self.method = ""
        self.protocol: h11.Connection
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter


class Server:
    """Serves what listens on a socket until it is told to stop."""

    def __init__(self, listener: socket.socket, answer: Answer, front: Callable[[], Front],
                 say: Callable[[str], None], limits: Limits = _LIMITS) -> None:
        self._listener = listener
        self._answer = answer
        self._front = front
        self._say = say
        self._limits = limits
        self._open: dict[asyncio.Task[None], _Connection] = {}
        self._closed = asyncio.Event()  # a connection, since it was looked at
        self._stopping = False

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop``; then answers under way get a moment to be finished."""
        self._listener.setblocking(False)
        accepting = asyncio.create_task(self._accept())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({accepting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        self._stopping = True
        for task in (accepting, stopped):
            task.cancel()
        self._listener.close()
        for connection in self._open.values():
            if not connection.answering:
                connection.task.cancel()
        if self._open:
            await asyncio.wait(self._open, timeout=self._limits.leave)
        for task in self._open:
            task.cancel()
        if self._open:
            await asyncio.wait(self._open, timeout=_CLOSING)
        with contextlib.suppress(asyncio.CancelledError):
            await accepting  # a fault of our own in there is one of the service

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        short = False
        while True:
            try:
                accepted, _ = await loop.sock_accept(self._listener)
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    if not short:
                        self._say(f"cannot accept connections ({error.strerror}): raise the limit "
                                  "of open files (LimitNOFILE= of systemd)")
                    short = True
                    await asyncio.sleep(0.2)
                continue  # else the client has gone already (accept(2))
            short = False
            try:
                await self._make_room()
            except asyncio.CancelledError:
                accepted.close()
                raise
            task = asyncio.create_task(self._serve(accepted))
            self._open[task] = _Connection(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._open.pop(task)
        self._closed.set()
        if not task.cancelled() and task.exception():
            self._say(f"a fault in zabbix-ssl, please report it: {task.exception()!r}")

    async def _make_room(self) -> None:
        """Wait until another connection may be opened. Who is slow with a request makes room."""
        while len(self._open) >= self._limits.connections:
            self._closed.clear()
            waiting = min((one for one in self._open.values() if not one.answering),
                          key=lambda one: one.waiting_since, default=None)
            patience = None
            if waiting:
                patience = waiting.waiting_since + self._limits.grace - time.monotonic()
                if patience <= 0:
                    waiting.task.cancel()
                    patience = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._closed.wait()

    async def _serve(self, accepted: socket.socket) -> None:
        """One connection from beginning to end."""
        task = asyncio.current_task()
        assert task
        connection, front = self._open[task], self._front()
        try:
            await self._begin(connection, accepted, front.tls)
        except (OSError, TimeoutError):  # no TLS, or none that fits: the client is told by TLS
            return
        finally:
            if not hasattr(connection, "writer"):
                accepted.close()
        transport = connection.writer.transport
        try:
            if front.tls is None or front.admits(transport.get_extra_info("ssl_object")):
                await self._converse(connection)
            await _close(connection.writer)
        except (OSError, TimeoutError, h11.LocalProtocolError):
            pass  # the client has gone, or is too slow
        finally:
            transport.abort()

    async def _begin(self, connection: _Connection, accepted: socket.socket,
                     tls: ssl.SSLContext | None) -> None:
        """TLS, where it is spoken, and the streams."""
        loop, limits = asyncio.get_running_loop(), self._limits
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = asyncio.StreamReader(limit=limits.head_bytes, loop=loop)
        transport, protocol = await loop.connect_accepted_socket(
            lambda: asyncio.StreamReaderProtocol(reader, loop=loop), accepted, ssl=tls,
            ssl_handshake_timeout=limits.handshake if tls else None,
            ssl_shutdown_timeout=_CLOSING if tls else None)
        connection.reader = reader
        connection.writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        connection.protocol = h11.Connection(
            h11.SERVER, max_incomplete_event_size=limits.head_bytes)

    async def _converse(self, connection: _Connection) -> None:
        """Requests and answers, one after the other."""
        patience = self._limits.head
        while not self._stopping:
            try:
                head = await self._head(connection, patience)
            except h11.RemoteProtocolError as error:
                await self._send(connection, text(
                    HTTPStatus(error.error_status_hint), f"not understood: {error}", _LAST))
                return
            if head is None:
                return
            connection.answering = True
            await self._send(connection, await self._response(head))
            if connection.protocol.our_state is not h11.DONE:
                return
            connection.protocol.start_next_cycle()
            connection.answering, connection.waiting_since = False, time.monotonic()
            patience = self._limits.idle

    async def _head(self, connection: _Connection, patience: float) -> h11.Request | None:
        """The next request, without a body; None when there is none. ``patience``: seconds until
        it begins."""
        protocol, deadline, begun = connection.protocol, time.monotonic() + patience, False
        connection.method = ""
        while (event := protocol.next_event()) is h11.NEED_DATA:
            async with asyncio.timeout(deadline - time.monotonic()):
                data = await connection.reader.read(self._limits.head_bytes)
            if not begun:
                begun, deadline = True, time.monotonic() + self._limits.head
            protocol.receive_data(data)
        if not isinstance(event, h11.Request):
            return None
        if not isinstance(protocol.next_event(), h11.EndOfMessage):
            raise h11.RemoteProtocolError("a request here has no body")
        connection.method = event.method.decode()
        return event

    async def _response(self, head: h11.Request) -> Response:
        request = _request(head, self._limits)
        if isinstance(request, Response):
            return request
        try:
            return await self._answer(request)
        except Exception as error:
            self._say(f"a fault in zabbix-ssl, please report it: {error!r}")
            return text(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault in zabbix-ssl: its log tells")

    async def _send(self, connection: _Connection, response: Response) -> None:
        protocol, writer = connection.protocol, connection.writer
        headers = [("Date", formatdate(usegmt=True)), ("Server", f"zabbix-ssl/{__version__}"),
                   ("Content-Type", response.content_type),
                   ("Content-Length", str(response.length)), *response.headers]
        names = {name for name, _ in headers}
        headers += [one for one in (*self._front().headers, _PLAINLY) if one[0] not in names]
        if self._stopping and "Connection" not in names:
            headers.append(_LAST)
        data = protocol.send(h11.Response(status_code=response.status, headers=headers,
                                          reason=response.status.phrase.encode())) or b""
        async with asyncio.timeout(self._limits.write):
            for part in response.body if connection.method != "HEAD" else ():
                writer.write(data + (protocol.send(h11.Data(data=part)) or b""))
                data = b""
                await writer.drain()
            protocol.send(h11.EndOfMessage())
            writer.write(data)
            await writer.drain()


def _request(head: h11.Request, limits: Limits) -> Request | Response:
    """The request, or what is wrong with it."""
    method = head.method.decode()
    if method not in ("GET", "HEAD"):
        return text(HTTPStatus.METHOD_NOT_ALLOWED, f"{method} is not for here: use GET",
                    ("Allow", "GET, HEAD"), _LAST)
    target = head.target.decode("ascii", "replace")
    if len(target) > limits.path:
        return text(HTTPStatus.REQUEST_URI_TOO_LONG,
                    f"the path is over {limits.path} characters")
    try:
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=limits.parameters)
    except ValueError as error:
        return text(HTTPStatus.BAD_REQUEST, f"the path cannot be read: {error}")
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
    return Request(method, parts.path, query, headers)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    async with asyncio.timeout(_CLOSING):
        await writer.wait_closed()
