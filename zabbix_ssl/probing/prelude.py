"""What is said on a connection before TLS begins: the dialogues without sockets, over a stream."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

from .loop import Steps
from .network import Failed, Stream
from .proxy_protocol import Endpoint, header
from .starttls import PROTOCOLS, Refused, dialogue
from .tunnel import Proxy, tunnel

T = TypeVar("T")

#: Leads a connected stream to where TLS begins; raises Failed where it leads nowhere.
Prelude = Callable[[Stream], Steps[None]]


def through(proxy: Proxy, host: str, port: int) -> Prelude:
    """Through a proxy to ``host``, a name that goes on the wire or an IP address."""
    def speak(stream: Stream) -> Steps[None]:
        try:
            early = yield from _held(stream, tunnel(proxy, host, port))
        except Refused as refused:
            raise Failed(*refused.failure) from None
        except Failed as failed:
            reason, message = failed.failure
            if reason == "timeout":
                raise Failed(reason, f"the {proxy.label} did not answer in time: it, or the server "
                             "behind it, is down") from None
            raise Failed("proxy", f"the {proxy.label}: {message}") from None
        stream.put_back(early)

    return speak


def introduced(version: str, behind_proxy: bool) -> Prelude:
    """Who connects, in the header of a version of the PROXY protocol."""
    def speak(stream: Stream) -> Steps[None]:
        ends: tuple[Endpoint | None, Endpoint | None] = (
            (None, None) if behind_proxy else stream.ends())
        yield from stream.send(header(version, *ends))

    return speak


def starttls(name: str, host: str) -> Prelude:
    """The dialogue of a protocol, a key of starttls.PROTOCOLS."""
    row = PROTOCOLS[name]

    def speak(stream: Stream) -> Steps[None]:
        try:
            last = yield from _held(stream, dialogue(name, host))
            yield from stream.send(last)
        except Refused as refused:
            raise Failed(*refused.failure) from None
        except Failed as failed:
            reason, message = failed.failure
            raise Failed(reason, f"{message}, in {row.label} before TLS") from None
        if row.wrap and row.unwrapper:
            stream.frame(row.wrap, _failing(row.unwrapper().feed))

    return speak


def _held(stream: Stream, steps: Generator[bytes, bytes, T]) -> Steps[T]:
    """Hold a dialogue over a stream; its result."""
    try:
        words = next(steps)
        while True:
            yield from stream.send(words)
            words = steps.send((yield from stream.receive()))
    except StopIteration as end:
        result: T = end.value
        return result


def _failing(feed: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """``feed``, with its refusals as failures of the stream."""
    def fed(data: bytes) -> bytes:
        try:
            return feed(data)
        except Refused as refused:
            raise Failed(*refused.failure) from None
    return fed
