"""Through a proxy to a server, one row a kind of proxy: bytes in, bytes out, no sockets.

    steps = tunnel(Proxy("http", "proxy.example", 3128), "a.example", 443)
    send = next(steps)
    while True:
        ... send it, receive something    # b"" when the proxy closed
        send = steps.send(received)       # StopIteration: its value are bytes of the server already
                                          # Refused: its failure tells why there is no way through

Rules
- What a proxy says is bounded, as that of a server is (see starttls.conversation).
- The proxy resolves the name. Where its own failure cannot be told from that of the server behind
  it, the reason is "proxy".
- User name and password go to the proxy alone, in the clear: neither kind of proxy has better.
"""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable
from typing import NamedTuple

from ..model import Failure
from .starttls.conversation import Conversation, Refused, Steps, told

_MOST_CREDENTIAL = 255  # bytes of a user name or password (RFC 1929 section 2)


class Proxy(NamedTuple):
    """Where a proxy is, and who we are there ("" for nobody)."""

    scheme: str  # a key of TUNNELS
    host: str
    port: int
    user: str = ""
    password: str = ""

    @property
    def label(self) -> str:
        """The proxy as people know it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{TUNNELS[self.scheme].label} {host}:{self.port}"


class Tunnel(NamedTuple):
    """One row: what people call the kind of proxy, and how it is asked."""

    label: str
    speak: Callable[[Talk, Proxy, str, int], Steps[None]]


class Talk(Conversation):
    """A conversation with a proxy."""

    def fault(self, what: str, reason: str = "proxy") -> Refused:
        """The proxy does something that leads nowhere."""
        return Refused(Failure("proxy" if reason == "closed" else reason, f"the {self.label} "
                               f"{what}"))

    def nonsense(self, said: bytes) -> Refused:
        """What was said does not belong to the protocol."""
        return self.fault(f"is none: it said {told(said)}; look at its port and kind")

    def wants_credentials(self, proxy: Proxy) -> Refused:
        """It does not let us in as who we are."""
        return self.fault("refuses our user name and password: correct them" if proxy.user else
                          "wants a user name and password: give them with --proxy-auth FILE")


def tunnel(proxy: Proxy, host: str, port: int) -> Steps[bytes]:
    """Have ``proxy`` connect to ``host``, a name or an IP address.

    Yields bytes to send (b"" to wait for more), is sent the bytes that arrived since (b"" when the
    proxy closed). Returns what came behind the go-ahead, which is of the server. Raises Refused.
    """
    talk = Talk(proxy.label, "")
    yield from TUNNELS[proxy.scheme].speak(talk, proxy, host, port)
    return bytes(talk.buffer)


def _where(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# HTTP CONNECT (RFC 9110 section 9.3.6)

#: What a status means for a person; others are told in the proxy's words.
_STATUS = {
    "403": "does not allow connections to {where}: have them allowed there",
    "404": "does not find {where}",
    "405": "does not connect to other servers at all (CONNECT)",
    "501": "does not connect to other servers at all (CONNECT)",
}


def _http(talk: Talk, proxy: Proxy, host: str, port: int) -> Steps[None]:
    where = _where(host, port)
    rows = [f"CONNECT {where} HTTP/1.1", f"Host: {where}"]
    if proxy.user:
        pair = f"{proxy.user}:{proxy.password}".encode()
        rows.append(f"Proxy-Authorization: Basic {base64.b64encode(pair).decode()}")
    yield from talk.ask(f"CONNECT {where}", "\r\n".join((*rows, "", "")).encode())
    status = "1"
    while status.startswith("1"):  # interim answers (RFC 9110 section 15.2)
        line = yield from talk.line(b"H")
        version, _, rest = line.partition(b" ")
        status = rest[:3].decode("latin-1")
        if not version.startswith(b"HTTP/1.") or not (status.isascii() and status.isdigit()):
            raise talk.nonsense(line)
        while (yield from talk.line()):
            pass
    if status in ("401", "407"):  # tinyproxy says 401 to a wrong password
        raise talk.wants_credentials(proxy)
    if not status.startswith("2"):
        said = told(rest)
        why = _STATUS.get(status, "cannot connect to {where}").format(where=where)
        raise talk.fault(f"{why} ({said})")


# SOCKS5 (RFC 1928, RFC 1929)

_NO_AUTHENTICATION, _USER_PASSWORD, _NONE_ACCEPTED = 0, 2, 0xFF
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4

#: What a reply means: the reason of the failure and words for people (RFC 1928 section 6).
_REPLIES = {
    1: ("proxy", "cannot connect to {where} (general failure: the name does not resolve there, or "
        "the server does not answer)"),
    2: ("proxy", "does not allow connections to {where}: have them allowed there"),
    3: ("unreachable", "has no route to the network of {where}"),
    4: ("unreachable", "has no route to {where}, or cannot resolve it"),
    5: ("refused", "was refused by {where}: nothing listens there"),
    6: ("timeout", "has no answer from {where} in time"),
    7: ("proxy", "does not connect to other servers"),
    8: ("proxy", "does not know this kind of address, {where}"),
}


def _socks5(talk: Talk, proxy: Proxy, host: str, port: int) -> Steps[None]:
    methods = bytes((_NO_AUTHENTICATION, _USER_PASSWORD) if proxy.user else (_NO_AUTHENTICATION,))
    yield from talk.ask("its methods", bytes((5, len(methods))) + methods)
    version, method = yield from talk.exactly(2)
    if version != 5:
        raise talk.nonsense(bytes((version, method)) + bytes(talk.buffer))
    if method == _USER_PASSWORD and proxy.user:
        yield from _sign_in(talk, proxy)
    elif method == _NONE_ACCEPTED:
        raise talk.wants_credentials(proxy)
    elif method != _NO_AUTHENTICATION:
        raise talk.fault(f"chose a way to sign in that was not offered ({method})")
    where = _where(host, port)
    yield from talk.ask(f"CONNECT {where}", bytes((5, _CONNECT, 0)) + _encoded(host)
                        + port.to_bytes(2))
    version, reply, _, kind = yield from talk.exactly(4)
    if version != 5:
        raise talk.nonsense(bytes((version, reply)))
    if reply:
        reason, words = _REPLIES.get(reply, ("proxy", f"answers with code {reply} for {{where}}"))
        raise talk.fault(words.format(where=where), reason)
    sizes = {_IPV4: 4, _IPV6: 16}
    if kind != _NAME and kind not in sizes:
        raise talk.nonsense(bytes((version, reply, 0, kind)))
    size = sizes[kind] if kind in sizes else (yield from talk.exactly(1))[0]
    yield from talk.exactly(size + 2)  # the address and port that it connects from


def _sign_in(talk: Talk, proxy: Proxy) -> Steps[None]:
    words = b"".join(bytes((len(word),)) + word
                     for word in (proxy.user.encode(), proxy.password.encode()))
    yield from talk.ask("the password", b"\1" + words)
    _, status = yield from talk.exactly(2)
    if status:
        raise talk.wants_credentials(proxy)


def _encoded(host: str) -> bytes:
    """An address of RFC 1928 section 5."""
    for family, kind in ((socket.AF_INET, _IPV4), (socket.AF_INET6, _IPV6)):
        try:
            return bytes((kind,)) + socket.inet_pton(family, host.partition("%")[0])
        except OSError:
            pass
    name = host.encode("ascii")
    return bytes((_NAME, len(name))) + name


#: socks5h is how other programs say that the proxy resolves the name, which it does here always.
TUNNELS = {
    "http": Tunnel("HTTP proxy", _http),
    "socks5": Tunnel("SOCKS5 proxy", _socks5),
    "socks5h": Tunnel("SOCKS5 proxy", _socks5),
}


def with_credentials(proxy: Proxy, pair: str) -> Proxy:
    """``proxy`` with the user and password of ``user:password``. Raises ValueError, which never
    repeats them."""
    user, colon, password = pair.partition(":")
    if not colon or not user:
        raise ValueError("write user:password")
    for name, word in (("user name", user), ("password", password)):
        if not word.isprintable() or len(word.encode()) > _MOST_CREDENTIAL:
            raise ValueError(f"the {name} has characters that do not print, or over "
                             f"{_MOST_CREDENTIAL} bytes")
    return proxy._replace(user=user, password=password)
