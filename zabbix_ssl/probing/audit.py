"""One target through all checks, under one deadline.

The full handshake and, beside it, the raw hellos run at once, so that an audit takes about the
round trips of its own handshake. What fails is told with its reason and never costs the facts of
the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from ..model import Failure, Handshake, Observation, Security, Settings, Target
from .handshake import Outcome, shake
from .loop import EXPIRED, Loop, Signal, Steps, Task, clock
from .network import Address, Failed, address_text, connect, has_route, numeric_address
from .resolver import Resolver
from .survey import Survey
from .verdict import Judge
from .way import Contexts, server_name, way_of

#: The share of a target's time that the raw hellos may take, so that the answer is out by its end.
_SURVEY_SHARE = 0.8

#: Failures of a handshake after which raw hellos would only fail in the same way.
_NOTHING_TO_ASK = ("refused", "unreachable", "timeout", "not_tls", "starttls", "proxy", "internal")

#: Addresses that a name is taken to have until it is resolved, where each is to be audited.
USUAL_NODES = 4


class Shared:
    """What the audits of one run have in common."""

    def __init__(self, loop: Loop, settings: Settings) -> None:
        self.loop = loop
        self.settings = settings
        self.contexts = Contexts(settings)
        self.resolver = Resolver(loop)
        self.judge = Judge(loop, settings)
        self.more_nodes = 0  # audits under way beside one a target: see _every_node

    def wants_every_node(self, target: Target, where: str | None) -> bool:
        """Whether each of several addresses is to be audited: those given, or else all that the
        target's name has."""
        return "," in where if where else target.all_addresses or self.settings.all_addresses


def start(shared: Shared, target: Target, known: Security | None,
          done: Callable[[Observation], None], node: str | None = None) -> None:
    """Begin to audit ``target``; ``done`` is called with the observation, in the loop's thread.

    ``known``: answers to the raw hellos from an earlier audit, to be taken over instead of asked.
    ``node``: the one of its addresses that this is about.
    """
    where = node or shared.settings.address or target.address
    compared = shared.settings.serves_file or target.serves_file
    if compared:  # the target as a whole, and not each of its nodes
        target = target._replace(serves_file=None if node or target.file else compared)

    def guarded(task: Task) -> Steps[None]:
        try:
            reading = None
            if target.serves_file or target.file:
                from . import disk  # on use
            if target.serves_file:
                until = clock() + (target.timeout or shared.settings.timeout)
                reading = disk.begin(shared, target, target.serves_file)
            if target.file:
                observation = yield from disk.audit(task, shared, target)
            elif node is None and shared.wants_every_node(target, where):
                observation = yield from _every_node(task, shared, target, where, known)
            else:
                observation = yield from _Audit(task, shared, target, where).steps(known)
            if reading:
                observation = yield from disk.compare(task, target, reading, observation, until)
        except Failed as failed:
            observation = _failed(target, failed.failure)
        except Exception as error:
            observation = _failed(target, Failure(
                "internal", f"a fault in zabbix-ssl, please report it: {error!r}"))
        done(observation)

    shared.loop.start(str(target), guarded)


def _failed(target: Target, failure: Failure, handshake: Handshake | None = None) -> Observation:
    return Observation(target, int(time.time()), failure, handshake)


def _every_node(task: Task, shared: Shared, target: Target, where: str | None,
                known: Security | None) -> Steps[Observation]:
    """Each address of ``where``, or else of the target's name, as a target of its own, side by
    side, and then joined."""
    from .nodes import MOST, join  # on use

    begun = clock()
    deadline = begun + (target.timeout or shared.settings.timeout)
    task.set_timer(deadline)
    every = where.split(",") if where else (yield from _addresses_of(task, shared, target))
    dns_ms = 1000 * (clock() - begun)
    texts = tuple(dict.fromkeys(every[:MOST]))
    seen: dict[str, Observation] = {}
    whole: Signal[None] = Signal()

    def done(text: str, observation: Observation) -> None:
        shared.more_nodes -= 1
        seen[text] = observation
        if len(seen) == len(texts):
            whole.set(None)

    shared.more_nodes += len(texts)
    for text in texts:
        node = target._replace(timeout=max(0.01, deadline - clock()))
        start(shared, node, known and known.nodes.get(text), partial(done, text), text)
    while (yield from whole.wait(task)) is EXPIRED:
        pass  # the same deadline ends the nodes, too
    lost = frozenset(text for text, one in seen.items() if one.failure
                     and one.failure.reason == "unreachable" and _no_way(text))
    joined = join(target, {text: seen[text] for text in texts}, lost, len(every))
    if joined.handshake:
        joined = joined._replace(handshake=joined.handshake._replace(dns_ms=dns_ms))
    return joined


def _addresses_of(task: Task, shared: Shared, target: Target) -> Steps[list[str]]:
    shared.more_nodes += USUAL_NODES
    try:
        found = yield from shared.resolver.addresses(task, target.host, target.port)
    finally:
        shared.more_nodes -= USUAL_NODES
    return [address_text(address) for address in found]


def _no_way(text: str) -> bool:
    """Whether this machine has no way to an address; one that names an interface which is not here
    is a mistake instead."""
    try:
        address = numeric_address(text, 9)
    except Failed:
        return False
    return address is not None and not has_route(address)


class _Audit:
    """One target while it is audited."""

    def __init__(self, task: Task, shared: Shared, target: Target, where: str | None) -> None:
        self._task = task
        self._shared = shared
        self._target = target
        self._host = target.host
        self._begun = clock()
        timeout = target.timeout or shared.settings.timeout
        self._deadline = self._begun + timeout
        self._askers = max(1, shared.settings.connections - 1)
        self._server_name = server_name(target, shared.settings, self._host)
        self._address = where
        self._way = way_of(target, shared.settings, where)
        self._context, self._shows_us = shared.contexts.of(target, bool(
            self._way and self._way.spoken))
        self._survey = Survey(shared.loop, self._server_name, self._begun + _SURVEY_SHARE * timeout,
                              self._way)
        task.set_timer(self._deadline)

    def steps(self, known: Security | None) -> Steps[Observation]:
        """The whole audit."""
        try:
            return (yield from self._steps(known))
        finally:
            self._survey.stop()

    def _steps(self, known: Security | None) -> Steps[Observation]:
        addresses = yield from self._addresses()
        dns_ms = 1000 * (clock() - self._begun)
        if not known and len(addresses) == 1 and self._shared.settings.connections > 1:
            self._survey.begin(addresses[0], self._askers)  # beside the handshake, not after it
        peer, outcome = yield from self._shake(addresses)
        handshake, failure = outcome.handshake._replace(dns_ms=dns_ms), outcome.failure
        if failure and failure.reason in _NOTHING_TO_ASK:
            judged = yield from self._judge(handshake)  # of what was sent before it stopped
            return judged._replace(failure=failure)
        if not known or failure or not known.versions[handshake.version].accepted:
            known = None  # what was known no longer holds, where the handshake says otherwise
            self._survey.begin(peer, self._askers)
        if failure:
            handshake = yield from self._look_in_clear(handshake)
        judged = yield from self._judge(handshake)
        if not known:
            self._task.set_timer(self._deadline)
            yield from self._survey.finish(self._task)
        return judged._replace(failure=failure, security=known or self._survey.security(
            handshake.version))

    def _addresses(self) -> Steps[tuple[Address, ...]]:
        """Where to connect: the server, or the proxy on the way."""
        resolver, way = self._shared.resolver, self._way
        if way is None or way.proxy is None:
            return (yield from resolver.addresses(
                self._task, self._address or self._host, self._target.port))
        try:
            return (yield from resolver.addresses(self._task, way.proxy.host, way.proxy.port))
        except Failed as failed:
            raise way.told(failed) from None

    def _judge(self, handshake: Handshake) -> Steps[Observation]:
        return (yield from self._shared.judge.judge(
            self._task, self._target, self._host, handshake, self._deadline))

    def _shake(self, addresses: tuple[Address, ...]) -> Steps[tuple[Address, Outcome]]:
        way = self._way
        stream = yield from (way.open(self._task, addresses, self._deadline) if way else
                             connect(self._task, addresses, self._deadline))
        try:
            outcome = yield from shake(stream, self._context, self._server_name, self._shows_us)
        finally:
            stream.close()
        return stream.peer, way.seen(outcome) if way else outcome

    def _look_in_clear(self, handshake: Handshake) -> Steps[Handshake]:
        """The certificates of a server that we cannot shake hands with, from a raw hello."""
        self._survey.ask_for_tls13()
        yield from self._survey.finish(self._task)
        version = self._survey.accepted_in_clear()
        if handshake.served or not version:
            return handshake
        self._task.set_timer(self._deadline)
        flight = yield from self._survey.flight(self._task, version)
        if flight is None:
            return handshake
        return handshake._replace(
            served=flight.certificates,
            client_certificate_requested=flight.certificate_requested)
