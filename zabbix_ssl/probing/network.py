"""The sockets: connect, send, receive, and the one table that turns errors into reasons.

Everything is a step of a task (see ``loop``). A failure is raised as Failed, with a reason of
``model.ERROR_REASONS`` and a sentence for people.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress

from ..model import Failure
from .loop import EXPIRED, Steps, Task, clock

#: An address to connect to: family and what ``socket.connect`` takes.
Address = tuple[int, tuple[str, int] | tuple[str, int, int, int]]

RECEIVE_BYTES = 16384
_IP_BIND_ADDRESS_NO_PORT = 24  # ip(7)
_STAGGER = 0.25  # seconds before the next address is tried beside the first (RFC 8305 section 5)

_ERRORS: dict[int, tuple[str, str]] = {
    errno.ECONNREFUSED: ("refused", "the connection was refused: nothing listens on this port, or "
                         "a firewall rejects it"),
    errno.ECONNRESET: ("reset", "the server reset the connection"),
    errno.EPIPE: ("reset", "the server reset the connection"),
    errno.ECONNABORTED: ("reset", "the connection was aborted"),
    errno.EHOSTUNREACH: ("unreachable", "no route to the host: it is down, or a router rejects it"),
    errno.EHOSTDOWN: ("unreachable", "the host is down"),
    errno.ENETUNREACH: ("unreachable", "no route to the network from here"),
    errno.ENETDOWN: ("unreachable", "the network is down here"),
    errno.EADDRNOTAVAIL: ("unreachable", "no local address or port left to connect from"),
    errno.EAFNOSUPPORT: ("unreachable", "this address family is not available here"),
    errno.EINVAL: ("unreachable", "the address cannot be connected to"),
    errno.EACCES: ("unreachable", "a firewall on this machine forbids the connection"),
    errno.EPERM: ("unreachable", "a firewall on this machine forbids the connection"),
    errno.ETIMEDOUT: ("timeout", "the connection timed out"),
    errno.EMFILE: ("internal", "too many open files here: lower --concurrency, or raise ulimit -n"),
    errno.ENFILE: ("internal", "too many open files on this machine"),
}


class Failed(Exception):
    """This step came to nothing; ``failure`` says why."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(reason, message)


def os_failure(error: OSError | int) -> Failed:
    """The reason behind a failed system call."""
    number = error if isinstance(error, int) else error.errno or 0
    reason, message = _ERRORS.get(number, ("unreachable", os.strerror(number)))
    return Failed(reason, message)


class Stream:
    """One TCP connection, owned by one task."""

    __slots__ = ("_early", "_fd", "_socket", "_unwrap", "_wrap", "connected_at", "peer",
                 "started_at", "task")

    def __init__(self, task: Task, peer: Address) -> None:
        self.peer = peer
        self.task = task
        self._socket = socket.socket(peer[0], socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._fd = self._socket.fileno()
        task.loop.watch(self._fd, task)
        self.started_at = clock()
        self.connected_at = 0.0
        self._wrap: Callable[[bytes], bytes] | None = None
        self._unwrap: Callable[[bytes], bytes] | None = None
        self._early = b""

    def bind(self, source: Address) -> None:
        """Connect from that address of this machine. Before ``try_connect``; Failed."""
        with suppress(OSError):  # an old kernel: then the port is chosen now and not at connect
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        try:
            self._socket.bind(source[1])
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise Failed("unreachable", f"cannot connect from {source[1][0]}: it is no address "
                             "of this machine") from None
            raise os_failure(error) from None

    def ends(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Our address and port and those of the peer, without scope ids."""
        here, there = self._socket.getsockname(), self.peer[1]
        return ((here[0].partition("%")[0], here[1]), (there[0].partition("%")[0], there[1]))

    def put_back(self, data: bytes) -> None:
        """Have ``data`` received again, in front of what comes."""
        self._early = data + self._early

    def frame(self, wrap: Callable[[bytes], bytes], unwrap: Callable[[bytes], bytes]) -> None:
        """From now on ``wrap`` what is sent and ``unwrap`` what is received."""
        self._wrap, self._unwrap = wrap, unwrap

    def try_connect(self) -> int:
        """Begin to connect, or see how it goes: 0 when connected, else an errno."""
        error = self._socket.connect_ex(self.peer[1])
        if error in (0, errno.EISCONN):
            self.connected_at = clock()
            return 0
        return errno.EINPROGRESS if error == errno.EALREADY else error

    def send(self, data: bytes) -> Steps[None]:
        """Send all of ``data``."""
        if self._wrap and data:
            data = self._wrap(data)
        while data:
            try:
                data = data[self._socket.send(data):]
            except BlockingIOError:
                if (yield) is EXPIRED:
                    raise Failed("timeout", "the server does not take what is sent") from None
            except OSError as error:
                raise os_failure(error) from None

    def receive(self) -> Steps[bytes]:
        """What has arrived, after waiting for it; b"" when the server has closed."""
        if self._early:
            data, self._early = self._early, b""
            return data
        while True:
            try:
                data = self._socket.recv(RECEIVE_BYTES)
                if self._unwrap and data:
                    data = self._unwrap(data)
                    if not data:
                        continue  # a packet that is not whole yet
                return data
            except BlockingIOError:
                if (yield) is EXPIRED:
                    raise Failed("timeout", "the server did not answer in time") from None
            except OSError as error:
                raise os_failure(error) from None

    def send_last(self, data: bytes) -> None:
        """Send a farewell if there is room for it; nobody waits for its arrival."""
        try:
            # MSG_MORE: it goes out with the FIN of close(), in one packet.
            self._socket.send(self._wrap(data) if self._wrap and data else data, socket.MSG_MORE)
        except OSError:
            pass  # the audit has its facts; a server that has gone already does not matter

    def close(self) -> None:
        """Give the socket back."""
        self.task.loop.unwatch(self._fd)
        self._socket.close()


def open_stream(task: Task, address: Address, source: Address | None = None) -> Stream:
    """A stream that is not connected yet, to go out from ``source``; Failed when the machine has no
    sockets left, or no such address."""
    try:
        stream = Stream(task, address)
    except OSError as error:
        raise os_failure(error) from None
    if source:
        try:
            stream.bind(source)
        except Failed:
            stream.close()
            raise
    return stream


def connect(task: Task, addresses: tuple[Address, ...], deadline: float,
            source: Address | None = None) -> Steps[Stream]:
    """A connection to the first address that takes one, from ``source`` where that is given.

    The next address is tried when one fails, and beside it when it is slow (RFC 8305), so that a
    dead IPv6 does not cost a check its time. When all fail the first one's failure is raised.
    """
    waiting: list[Stream] = []
    failures: list[Failed] = []
    left = list(reversed(addresses))
    try:
        while True:
            for stream in tuple(waiting):
                error = stream.try_connect()
                if not error:
                    waiting.remove(stream)
                    task.set_timer(deadline)
                    return stream
                if error != errno.EINPROGRESS:
                    failures.append(os_failure(error))
                    waiting.remove(stream)
                    stream.close()
            if left and (not waiting or clock() >= waiting[-1].started_at + _STAGGER):
                stream = open_stream(task, left.pop(), source)
                waiting.append(stream)
                stream.try_connect()
                continue  # loopback is connected by now, without a turn of the loop
            if not waiting:
                raise failures[0]
            task.set_timer(min(deadline, clock() + _STAGGER) if left else deadline)
            if (yield) is EXPIRED and clock() >= deadline:
                raise failures[0] if failures and not waiting else Failed(
                    "timeout", "the connection was not answered: the host is down, or a firewall "
                    "drops the packets")
    finally:
        for stream in waiting:
            stream.close()


def numeric_address(text: str, port: int) -> Address | None:
    """The address that an IPv4 or IPv6 literal (with or without a scope id) stands for, or None."""
    if not is_address(text):
        return None
    if ":" not in text:
        return socket.AF_INET, (text, port)
    host, _, scope = text.partition("%")
    try:
        index = int(scope) if scope.isdigit() else socket.if_nametoindex(scope) if scope else 0
    except OSError:
        raise Failed("unreachable", f"there is no network interface {scope} here") from None
    return socket.AF_INET6, (host, port, 0, index)


def address_text(address: Address) -> str:
    """The literal that ``numeric_address`` reads as that address."""
    host = address[1][0].partition("%")[0]
    scope = address[1][3] if len(address[1]) == 4 else 0
    return f"{host}%{scope}" if scope else host


def has_route(address: Address) -> bool:
    """Whether this machine has any way to an address. Nothing is sent: of UDP, connect(2) only
    looks into the routes."""
    try:
        with socket.socket(address[0], socket.SOCK_DGRAM) as probe:
            probe.connect(address[1])
    except OSError:
        return False
    return True


def is_address(text: str) -> bool:
    """Whether ``text`` is an IPv4 or IPv6 literal, with or without a scope id."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        socket.inet_pton(family, text.partition("%")[0])
    except OSError:
        return False
    return True


def resolve(host: str, port: int) -> tuple[Address, ...]:
    """The addresses of a name, as the system resolves it. Blocks; Failed on failure."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise Failed("dns", _DNS_ERRORS.get(error.errno or 0, error.strerror or "no answer").format(
            host=host)) from None
    except (OSError, UnicodeError) as error:
        raise Failed("dns", f"the name {host} cannot be looked up: {error}") from None
    return tuple(dict.fromkeys(
        (int(family), address) for family, _, _, _, address in found
        if not isinstance(address[1], bytes)))  # bytes: an address family that Python does not know


_DNS_ERRORS = {
    socket.EAI_NONAME: "the name {host} does not exist",
    socket.EAI_NODATA: "the name {host} has no address",
    socket.EAI_AGAIN: "the name server does not answer for {host}",
    socket.EAI_FAIL: "the name server failed for {host}",
}
