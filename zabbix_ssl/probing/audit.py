"""One target through all checks, under one deadline.

The full handshake and, beside it, the raw hellos run at once, so that an audit takes about the
round trips of its own handshake. What fails is told with its reason and never costs the facts of
the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..model import Failure, Handshake, Observation, Security, Settings, Target
from .handshake import Outcome, client_context, shake
from .loop import Loop, Steps, Task, clock
from .network import Address, Failed, connect, is_address
from .prelude import prelude_of
from .resolver import Resolver
from .survey import Survey
from .verdict import Judge

#: The share of a target's time that the raw hellos may take, so that the answer is out by its end.
_SURVEY_SHARE = 0.8

#: Failures of a handshake after which raw hellos would only fail in the same way.
_NOTHING_TO_ASK = ("refused", "unreachable", "timeout", "not_tls", "starttls", "internal")


class Shared:
    """What the audits of one run have in common."""

    def __init__(self, loop: Loop, settings: Settings) -> None:
        self.loop = loop
        self.settings = settings
        self.web_context = client_context((b"h2", b"http/1.1"))
        self.other_context = client_context(())  # for what is not the web
        self.resolver = Resolver(loop)
        self.judge = Judge(loop, settings)


def start(shared: Shared, target: Target, known: Security | None,
          done: Callable[[Observation], None]) -> None:
    """Begin to audit ``target``; ``done`` is called with the observation, in the loop's thread.

    ``known``: answers to the raw hellos from an earlier audit, to be taken over instead of asked.
    """
    def guarded(task: Task) -> Steps[None]:
        try:
            observation = yield from _Audit(task, shared, target).steps(known)
        except Failed as failed:
            observation = _failed(target, failed.failure)
        except Exception as error:
            observation = _failed(target, Failure(
                "internal", f"a fault in zabbix-ssl, please report it: {error!r}"))
        done(observation)

    shared.loop.start(str(target), guarded)


def _failed(target: Target, failure: Failure, handshake: Handshake | None = None) -> Observation:
    return Observation(target, int(time.time()), failure, handshake)


class _Audit:
    """One target while it is audited."""

    def __init__(self, task: Task, shared: Shared, target: Target) -> None:
        self._task = task
        self._shared = shared
        self._target = target
        self._host = target.host
        self._begun = clock()
        timeout = target.timeout or shared.settings.timeout
        self._deadline = self._begun + timeout
        self._askers = max(1, shared.settings.connections - 1)
        self._server_name = target.sni or (None if is_address(self._host) else self._host)
        self._prelude = prelude_of(target, shared.settings)
        self._context = shared.other_context if self._prelude else shared.web_context
        self._survey = Survey(shared.loop, self._server_name, self._begun + _SURVEY_SHARE * timeout,
                              self._prelude)
        task.set_timer(self._deadline)

    def steps(self, known: Security | None) -> Steps[Observation]:
        """The whole audit."""
        try:
            return (yield from self._steps(known))
        finally:
            self._survey.stop()

    def _steps(self, known: Security | None) -> Steps[Observation]:
        where = self._shared.settings.address or self._target.address or self._host
        addresses = yield from self._shared.resolver.addresses(self._task, where, self._target.port)
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

    def _judge(self, handshake: Handshake) -> Steps[Observation]:
        return (yield from self._shared.judge.judge(
            self._task, self._target, self._host, handshake, self._deadline))

    def _shake(self, addresses: tuple[Address, ...]) -> Steps[tuple[Address, Outcome]]:
        stream = yield from connect(self._task, addresses, self._deadline)
        try:
            if self._prelude:
                yield from self._prelude(stream)
            outcome = yield from shake(stream, self._context, self._server_name)
            return stream.peer, outcome
        finally:
            stream.close()

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
