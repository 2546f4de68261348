"""What is said on a connection before TLS begins: the dialogues of ``starttls``, over a stream."""

from __future__ import annotations

from collections.abc import Callable

from ..model import Settings, Target
from .loop import Steps
from .network import Failed, Stream
from .starttls import PROTOCOLS, Refused, dialogue, protocol_for

#: Leads a connected stream to where TLS begins; raises Failed (starttls) where that is not possible.
Prelude = Callable[[Stream], Steps[None]]


def prelude_of(target: Target, settings: Settings) -> Prelude:
    """The prelude that a target needs, by what it or the run asks for, else by its port."""
    name = protocol_for(target.port, settings.starttls or target.starttls)
    if name is None:
        return _nothing
    host = target.host

    def speak(stream: Stream) -> Steps[None]:
        steps = dialogue(name, host)
        try:
            words = next(steps)
            while True:
                if words:
                    yield from stream.send(words)
                words = steps.send((yield from stream.receive()))
        except StopIteration as end:
            yield from stream.send(end.value)
            row = PROTOCOLS[name]
            if row.wrap and row.unwrapper:
                stream.frame(row.wrap, row.unwrapper().feed)
        except Refused as refused:
            raise Failed(*refused.failure) from None

    return speak


def _nothing(_: Stream) -> Steps[None]:
    return
    yield  # a generator that ends at once
