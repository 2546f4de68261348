"""Fetching over HTTP what certificates point to: every size, time and count bounded.

By http.client over sockets of our own, because two things must hold that no client library gives:
the address that is connected to is the one that was found allowed, whatever the name resolves to
the next time; and the whole exchange ends by the deadline, though a server send a byte a second.
Blocking: runs in a thread. Name resolution is the one step that the deadline does not cut short.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from ... import __version__
from ...model import ascii_host
from ..network import Failed, os_failure, resolve
from . import addresses
from .addresses import Ways

_HEAD_BYTES = 1 << 16  # status line and header fields, each time
_CHUNK = 1 << 16
_REDIRECTS = 3
_ADDRESSES = 4  # of a name are tried
_URL_LENGTH = 2000
_PORTS = {"http": 80, "https": 443}
_MOVED = (301, 302, 303, 307, 308)


class Reply(NamedTuple):
    """What a server said beside the body."""

    status: int  # 200, or 304 to a conditional request
    etag: str
    last_modified: str


def exchange(url: str, into: BinaryIO, limit: int, deadline: float, ways: Ways,
             headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Reply:
    """GETs ``url``, or POSTs ``body`` to it; the answer's body goes to ``into``.

    ``limit``: most bytes of that body; ``deadline``: of time.monotonic. Raises Failed with one of
    the reasons forbidden_address, unreachable, timeout, http_status, redirect, too_large,
    malformed and unsupported_pointer.
    """
    parts = _parsed(url)
    for _ in range(_REDIRECTS + 1):
        with _failures(parts.hostname or ""):
            connection, response = _ask(parts, limit, deadline, ways, headers or {}, body)
            with contextlib.closing(connection), response:
                if response.status not in _MOVED:
                    return _received(response, into, limit)
                where = response.getheader("Location", "")
        parts = _redirected(parts, where)
    raise Failed("redirect", "it redirects again and again")


def get_url(url: str, request: bytes) -> str:
    """The URL that asks an OCSP responder by GET (RFC 6960 appendix A.1)."""
    return url.rstrip("/") + "/" + quote(base64.b64encode(request), safe="")


def _parsed(url: str) -> SplitResult:
    try:
        if len(url) > _URL_LENGTH or not url.isprintable() or " " in url or "\\" in url:
            raise ValueError
        parts = urlsplit(url)
        host = ascii_host(parts.hostname or "")
        if parts.scheme not in _PORTS or not host or parts.username or parts.port == 0:
            raise ValueError
        return parts._replace(path=quote(parts.path or "/", safe="/%:@!$&'()*+,;=~"),
                              query=quote(parts.query, safe="/%:@!$&'()*+,;=~?"), fragment="")
    except ValueError:
        raise Failed("unsupported_pointer", "it is no URL that can be followed") from None


def _redirected(parts: SplitResult, where: str) -> SplitResult:
    try:
        there = _parsed(urljoin(parts.geturl(), where)) if where else None
    except (Failed, ValueError):
        there = None
    if there is None or there.scheme != parts.scheme:
        raise Failed("redirect", "it redirects to another scheme, or to no URL")
    return there


@contextlib.contextmanager
def _failures(host: str) -> Iterator[None]:
    """What sockets and http.client raise, as Failed."""
    try:
        yield
    except TimeoutError:
        raise Failed("timeout", "no answer in time") from None
    except ssl.SSLCertVerificationError as error:
        raise Failed("unreachable", f"the certificate of {host} is not trusted: "
                     f"{error.verify_message}") from None
    except ssl.SSLError as error:
        raise Failed("unreachable", f"no TLS with {host}: {error.reason}") from None
    except (http.client.HTTPException, ValueError):
        raise Failed("malformed", "what it sends is not HTTP") from None
    except OSError as error:
        raise Failed("unreachable", str(os_failure(error))) from None


def _ask(parts: SplitResult, limit: int, deadline: float, ways: Ways, headers: Mapping[str, str],
         body: bytes | None) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    host = ascii_host(parts.hostname or "")
    port = parts.port or _PORTS[parts.scheme]
    proxy = _proxy_for(host, ways)
    target = parts._replace(scheme="", netloc="").geturl()
    sent = {"User-Agent": f"zabbix-ssl/{__version__}", "Accept": "*/*", "Connection": "close",
            **headers}
    sock: _Socket | _TlsSocket
    if proxy:
        sock = _through(proxy, host, port, parts.scheme, limit, deadline, ways)
        if parts.scheme == "http":
            target = parts.geturl()
            sent |= _proxy_credentials(proxy)
    else:
        sock = _direct(host, port, limit, deadline, ways)
    try:
        if parts.scheme == "https":
            sock = _tls(sock, host, deadline, limit)
        connection = http.client.HTTPConnection(host, port)
        connection.sock = sock
        connection.request("GET" if body is None else "POST", target, body, sent)
        return connection, connection.getresponse()
    except BaseException:
        sock.close()
        raise


def _received(response: http.client.HTTPResponse, into: BinaryIO, limit: int) -> Reply:
    if response.status not in (200, 304):
        raise Failed("http_status", f"it answers with HTTP status {response.status}")
    if response.getheader("Content-Encoding", "identity").lower() != "identity":
        raise Failed("malformed", "it sends a content encoding that was not asked for")
    received = 0
    while chunk := response.read(_CHUNK):
        received += len(chunk)
        if received > limit:
            raise Failed("too_large", f"it sends more than {limit} bytes")
        into.write(chunk)
    if response.length:
        raise Failed("malformed", "it sends less than it announces")
    return Reply(response.status, response.getheader("ETag", ""),
                 response.getheader("Last-Modified", ""))


# Sockets


class _Bounds:
    """A socket's receiving and sending under a deadline and a bound of bytes."""

    deadline: float
    left: int

    def _spend(self: Any) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)

    def recv_into(self: Any, *arguments: Any) -> int:
        self._spend()
        received: int = super().recv_into(*arguments)  # type: ignore[misc]
        self.left -= received
        if self.left < 0:
            raise Failed("too_large", "it sends more than any honest server")
        return received

    def sendall(self: Any, *arguments: Any) -> None:
        self._spend()
        super().sendall(*arguments)  # type: ignore[misc]


class _Socket(_Bounds, socket.socket):
    pass


class _TlsSocket(_Bounds, ssl.SSLSocket):
    pass


def _direct(host: str, port: int, limit: int, deadline: float, ways: Ways) -> _Socket:
    """A connection to the first address of ``host`` that is allowed and takes it."""
    found = _resolved(host, port)[:_ADDRESSES]
    allowed = [(family, address) for family, address in found
               if not addresses.refusal(str(address[0]), ways.allowed)]
    if not allowed:
        why = addresses.refusal(str(found[0][1][0]), ways.allowed)
        raise Failed("forbidden_address", f"{host} is {why} ({found[0][1][0]}), which is refused: "
                     "see --allow-private-revocation")
    return _connected(allowed, limit, deadline)


def _resolved(host: str, port: int) -> tuple[tuple[int, tuple[str | int, ...]], ...]:
    try:
        return resolve(host, port)
    except Failed as failed:
        raise Failed("unreachable", failed.failure.message) from None


def _connected(found: Any, limit: int, deadline: float) -> _Socket:
    last: Exception = TimeoutError()
    for place, (family, address) in enumerate(found):
        left = (deadline - time.monotonic()) / (len(found) - place)
        if left <= 0:
            raise TimeoutError
        sock = _Socket(family, socket.SOCK_STREAM)
        sock.deadline, sock.left = deadline, limit + _HEAD_BYTES
        try:
            sock.settimeout(left)
            sock.connect(address)
            return sock
        except OSError as error:
            last = error
            sock.close()
        except BaseException:
            sock.close()
            raise
    raise last


def _tls(sock: socket.socket, host: str, deadline: float, limit: int) -> _TlsSocket:
    context = ssl.create_default_context()
    context.sslsocket_class = _TlsSocket
    sock.settimeout(max(0.001, deadline - time.monotonic()))
    made = context.wrap_socket(sock, server_hostname=host)
    assert isinstance(made, _TlsSocket)
    made.deadline, made.left = deadline, limit + _HEAD_BYTES
    return made


# Proxies


def _proxy_for(host: str, ways: Ways) -> SplitResult | None:
    if not ways.proxy or any(_spares(word, host) for word in ways.no_proxy):
        return None
    proxy = urlsplit(ways.proxy if "://" in ways.proxy else f"http://{ways.proxy}")
    if proxy.scheme != "http" or not proxy.hostname:
        raise Failed("unreachable", "the proxy of the environment is not an HTTP proxy")
    return proxy


def _spares(word: str, host: str) -> bool:
    """Does a word of no_proxy (host, domain, network, ``*``) keep the proxy from ``host``?"""
    word = word.strip().lower().lstrip(".")
    if word == "*" or host == word or (word and host.endswith(f".{word}")):
        return True
    try:
        return ip_address(host) in ip_network(word, strict=False)
    except ValueError:
        return False


def _through(proxy: SplitResult, host: str, port: int, scheme: str, limit: int, deadline: float,
             ways: Ways) -> _Socket:
    """A connection to the proxy, and for https through it. It resolves the name, and so only what
    the name itself tells can be refused here."""
    try:
        why = addresses.refusal(host, ways.allowed)
    except ValueError:
        why = addresses.name_refusal(host)
    if why:
        raise Failed("forbidden_address", f"{host} is {why}, which is refused: see "
                     "--allow-private-revocation")
    assert proxy.hostname
    sock = _connected(_resolved(proxy.hostname, proxy.port or 80), limit, deadline)
    if scheme == "https":
        try:
            _tunnel(sock, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", proxy)
        except BaseException:
            sock.close()
            raise
    return sock


def _tunnel(sock: _Socket, where: str, proxy: SplitResult) -> None:
    fields = {"Host": where, **_proxy_credentials(proxy)}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    sock.sendall(f"CONNECT {where} HTTP/1.1\r\n{head}\r\n".encode())
    answer, byte = bytearray(), bytearray(1)
    while not answer.endswith(b"\r\n\r\n"):  # a byte at a time: what follows belongs to TLS
        if not sock.recv_into(byte) or len(answer) > _HEAD_BYTES:
            raise Failed("unreachable", "the proxy gives no tunnel")
        answer += byte
    status = bytes(answer[:64]).split(b" ")
    if len(status) < 2 or status[1] != b"200":
        raise Failed("unreachable", f"the proxy gives no tunnel to {where}")


def _proxy_credentials(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
