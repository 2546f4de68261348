"""What is said on a connection before TLS begins: the dialogues of ``starttls``, over a stream."""

from __future__ import annotations

from collections.abc import Callable

from ..model import Settings, Target
from .loop import Steps
from .network import Failed, Stream
from .starttls import PROTOCOLS, Refused, dialogue, protocol_for

#: Leads a connected stream to where TLS begins; raises Failed (starttls) where there is none.
Prelude = Callable[[Stream], Steps[None]]


def prelude_of(target: Target, settings: Settings) -> Prelude | None:
    """The prelude that a target needs, by what it or the run asks for, else by its port; None where
    TLS begins at once."""
    name = protocol_for(target.port, settings.starttls or target.starttls)
    if name is None:
        return None
    row, host = PROTOCOLS[name], target.host

    def speak(stream: Stream) -> Steps[None]:
        steps = dialogue(name, host)
        try:
            words = next(steps)
            while True:
                yield from stream.send(words)
                words = steps.send((yield from stream.receive()))
        except StopIteration as end:
            yield from stream.send(end.value)
        except Refused as refused:
            raise Failed(*refused.failure) from None
        except Failed as failed:
            reason, message = failed.failure
            raise Failed(reason, f"{message}, in {row.label} before TLS") from None
        if row.wrap and row.unwrapper:
            stream.frame(row.wrap, _failing(row.unwrapper().feed))

    return speak


def _failing(feed: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """``feed``, with its refusals as failures of the stream."""
    def fed(data: bytes) -> bytes:
        try:
            return feed(data)
        except Refused as refused:
            raise Failed(*refused.failure) from None
    return fed
