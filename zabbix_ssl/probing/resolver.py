"""Names to addresses, once a run for each name; none waits behind dead name servers."""

from __future__ import annotations

from .loop import EXPIRED, Loop, Signal, Steps, Task
from .network import Address, Failed, numeric_address, resolve


class Resolver:
    """Resolves through the system (files, DNS, whatever nsswitch.conf says), in threads."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._asked: dict[tuple[str, int], Signal[tuple[Address, ...] | Exception]] = {}

    def addresses(self, task: Task, host: str, port: int) -> Steps[tuple[Address, ...]]:
        """The addresses of a host name or literal; Failed (dns) when there are none in time."""
        literal = numeric_address(host, port)
        if literal:
            return (literal,)
        signal = self._asked.get((host, port))
        if signal is None:
            signal = self._asked[host, port] = self._loop.call(resolve, host, port)
        if (yield from signal.wait(task)) is EXPIRED:
            raise Failed("dns", f"the name server does not answer for {host}")
        if isinstance(signal.value, Failed):
            raise Failed(*signal.value.failure)
        if isinstance(signal.value, Exception) or not signal.value:
            raise Failed("dns", f"the name {host} cannot be looked up: {signal.value!r}")
        return signal.value
