"""The bounds of the exporter's HTTP: clients that are slow, greedy, many, or talk nonsense."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus

import pytest

from testbed.process import listener
from zabbix_ssl.exporter.server import Answer, Front, Limits, Request, Response, Server, text
from zabbix_ssl.exporter.threads import Busy, Threads

#: Small, so that they are soon reached.
LIMITS = Limits(connections=4, head_bytes=4096, path=200, parameters=4, head=0.5, idle=5, write=1,
                leave=1)


async def echo(request: Request) -> Response:
    """What was asked for."""
    if request.path == "/fault":
        raise RuntimeError("of our own")
    if request.path == "/slow":
        await asyncio.sleep(1)
    if request.path == "/big":
        return Response(HTTPStatus.OK, (b"x" * 100_000 for _ in range(200)), 20_000_000)
    return text(HTTPStatus.OK, f"{request.path} {request.query}")


@contextmanager
def serving(answer: Answer = echo, limits: Limits = LIMITS, said: list[str] | None = None
            ) -> Iterator[int]:
    """A server in a thread; gives its port. At the end it must have ended by itself."""
    listening = listener()
    port: int = listening.getsockname()[1]
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    server = Server(listening, answer, Front, (said if said is not None else []).append, limits)
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.run(stop)), daemon=True)
    thread.start()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        assert not thread.is_alive()
        loop.close()


def talk(port: int, data: bytes) -> bytes:
    """All that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(data)
        received = b""
        with suppress(ConnectionError):
            while more := connection.recv(65536):
                received += more
        return received


def ask(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_requests_follow_each_other_on_a_connection() -> None:
    """As Prometheus keeps it; also when they come all at once."""
    with serving() as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        for number in range(3):
            connection.request("GET", f"/a?n={number}")
            assert connection.getresponse().read() == f"/a {{'n': ['{number}']}}\n".encode()
        connection.close()
        once = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
        both = talk(port, once + once.replace(b"Host: a", b"Host: a\r\nConnection: close"))
        assert both.count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize(("data", "status"), [
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\n\r\n", b"400"),  # no Host
    (b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", b"400"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", b"400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", b"405"),
    (b"GET /" + b"a" * 300 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"414"),
    (b"GET /?a=1&b=2&c=3&d=4&e=5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000 + b"\r\n\r\n", b"431"),
    (b"GET //[ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"400"),
])
def test_nonsense_is_answered_in_one_line(data: bytes, status: bytes) -> None:
    """And what follows it on the connection is not taken for a request; nothing is logged."""
    said: list[str] = []
    with serving(said=said) as port:
        if status == b"414":
            data = data.replace(b"Host: a", b"Host: a\r\nConnection: close")
        answer = talk(port, data)
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert answer.count(b"HTTP/1.1") == 1
        assert ask(port, "/ok")[0] == 200
    assert not said


def test_a_fault_of_our_own_is_told_and_survived() -> None:
    """The client hears of it without the details, the log with them."""
    said: list[str] = []
    with serving(said=said) as port:
        status, body = ask(port, "/fault")
        assert status == 500
        assert b"of our own" not in body
        assert ask(port, "/ok")[0] == 200
    assert len(said) == 1
    assert "of our own" in said[0]


def test_a_head_that_never_ends_is_given_up() -> None:
    """A byte now and then does not keep a connection open; a whole request in time is answered."""
    with serving() as port, socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
        begun = time.monotonic()
        with suppress(ConnectionError):
            for byte in b"GET / HTTP/1.1\r\nHost: " + b"a" * 200:
                slow.sendall(bytes([byte]))
                time.sleep(0.05)
                if time.monotonic() - begun > 5:
                    break
            assert slow.recv(100) == b""
        assert time.monotonic() - begun < 5
        assert ask(port, "/ok")[0] == 200


def test_who_does_not_read_is_given_up() -> None:
    """A client that takes nothing of a big answer holds it for the time of writing, no longer; one
    that reads gets it whole."""
    with serving() as port, socket.socket() as greedy:
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        greedy.connect(("127.0.0.1", port))
        greedy.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        assert len(ask(port, "/big")[1]) == 20_000_000
        time.sleep(1.5)
        received = 0
        greedy.settimeout(5)
        with suppress(ConnectionError):
            while more := greedy.recv(1 << 20):
                received += len(more)
        assert received < 20_000_000


def test_idle_connections_make_room() -> None:
    """When all places are taken, the one that waits for longest goes, and who asks is answered."""
    with serving(limits=LIMITS._replace(head=5, grace=0.2)) as port:
        held = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(4)]
        assert ask(port, "/ok")[0] == 200
        assert held[0].recv(1) == b""
        held[3].sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        assert held[3].recv(100).startswith(b"HTTP/1.1 200")
        for connection in held:
            connection.close()


def test_connections_stay_while_there_is_room() -> None:
    """The twin of the test above: as many as there are places wait undisturbed."""
    with serving(limits=LIMITS._replace(head=5, grace=0.1)) as port:
        held = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(4)]
        time.sleep(0.5)
        for connection in held:
            connection.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
            connection.close()


def test_answers_under_way_keep_their_places() -> None:
    """When all are at work the next one waits, and then is answered; nobody is cut off."""
    with serving() as port:
        statuses: list[int] = []
        threads = [threading.Thread(target=lambda: statuses.append(ask(port, "/slow")[0]))
                   for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert statuses == [200] * 6


def test_the_end_waits_for_answers_but_not_for_ever() -> None:
    """What is soon done is done; what takes longer than it gets is cut off."""
    async def late(request: Request) -> Response:
        await asyncio.sleep(0.3 if request.path == "/soon" else 30)
        return text(HTTPStatus.OK, "done")

    outcomes: dict[str, object] = {}

    def client(port: int, path: str) -> None:
        try:
            outcomes[path] = ask(port, path)[0]
        except (OSError, http.client.HTTPException) as error:
            outcomes[path] = type(error)

    with serving(late) as port:
        threads = [threading.Thread(target=client, args=(port, path))
                   for path in ("/soon", "/never")]
        for thread in threads:
            thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join(10)
    assert outcomes["/soon"] == 200
    assert outcomes["/never"] != 200


# Threads beside the loop


def test_work_beside_the_loop_comes_back() -> None:
    """A value as a value, an exception as an exception."""
    def fail() -> None:
        raise ValueError("no")

    async def run() -> None:
        threads = Threads(2, 2, "test")
        assert await threads.run(divmod, 7, 2) == (3, 1)
        with pytest.raises(ValueError, match="no"):
            await threads.run(fail)
    asyncio.run(run())


def test_the_queue_has_an_end() -> None:
    """More than may wait are turned away; when there is room again, they are not."""
    release = threading.Event()

    async def run() -> list[object]:
        threads = Threads(1, 1, "test")
        outcomes: list[object] = await asyncio.gather(
            *(threads.run(release.wait, 5) for _ in range(2)),
            _turned_away(threads, release.set))
        assert await threads.run(int, "7") == 7
        return outcomes
    assert asyncio.run(run()) == [True, True, "busy"]


async def _turned_away(threads: Threads, then: Callable[[], None]) -> str:
    try:
        await threads.run(int, "1")
    except Busy:
        return "busy"
    finally:
        then()
    return "done"
