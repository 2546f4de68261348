"""The raw hellos of one target: which versions and weak ciphers does the server accept?

Conversations (see ``offers``) are held by a few askers at once, as many as connections to one
target are allowed; each question goes over a connection of its own. A question that fails makes its
answer unknown, with the reason, and nothing else.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from ..model import TLS_VERSIONS, Failure, Offer, Security
from . import offers
from .flights import Flight, FlightReader
from .loop import EXPIRED, Loop, Signal, Steps, Task, clock
from .network import Address, Failed, connect
from .offers import Answer, Conversation, Question, WeakCiphers
from .way import Way

T = TypeVar("T")

#: How long one question may wait for its answer, seconds: a firewall that swallows SSLv2 hellos
#: must not make every audit of a healthy server last to its deadline.
_PATIENCE = 3.0

#: The most bytes of an answer, and of a whole clear-text flight with its certificates.
_MOST_BYTES = 24 * 1024
_MOST_FLIGHT_BYTES = 512 * 1024

#: Where EXPORT and other old ciphers are asked for, when the server has it: the likeliest in front.
_OLD_CIPHER_VERSIONS = ("TLSv1.0", "SSLv3", "TLSv1.1")

_NOT_ASKED = Offer(None, "not asked: the time was up")


class Survey:
    """The questions to one target, while they are asked; ``way`` is how it is reached."""

    def __init__(self, loop: Loop, server_name: str | None, deadline: float,
                 way: Way | None) -> None:
        self._loop = loop
        self._server_name = server_name
        self._deadline = deadline
        self._way = way
        self._address: Address | None = None
        self._left: deque[Callable[[Task], Steps[None]]] = deque()
        self._askers: list[Task] = []
        self._busy = 0
        self._idle: Signal[None] = Signal()
        self._versions: dict[str, Offer] = {}
        self._weak: list[WeakCiphers] = []
        self._to_old: Answer | None = None  # the first answers to these two
        self._to_weak: Answer | None = None

    def begin(self, address: Address, askers: int) -> None:
        """Start to ask what is asked of every server, over at most ``askers`` connections at once.

        Beginning again does nothing.
        """
        if self._address is not None:
            return
        self._address = address
        name = self._server_name
        self._left.extend((
            self._holding(lambda: offers.old_versions(name), self._take_old_versions),
            self._holding(lambda: offers.weak_ciphers(name), self._take_weak_ciphers),
            self._holding(offers.sslv2, lambda answers, _: self._versions.update(answers)),
        ))
        self.go_on(askers)

    def go_on(self, askers: int) -> None:
        """Have up to ``askers`` at work on what is left."""
        while self._left and self._busy < askers:
            self._busy += 1
            self._askers.append(self._loop.start("asker", self._ask))

    def ask_for_tls13(self) -> None:
        """Ask for TLS 1.3 too: the handshake, which tells otherwise, came to nothing."""
        self._add_version(offers.tls13)
        self.go_on(self._busy + 1)

    def finish(self, task: Task) -> Steps[None]:
        """Until everything is answered or the task's timer runs out."""
        while self._busy:
            self._idle = Signal()
            if (yield from self._idle.wait(task)) is EXPIRED:
                break
        self.stop()

    def stop(self) -> None:
        """Ask nothing more; connections are closed."""
        for asker in self._askers:
            self._loop.stop(asker)
        self._left.clear()

    def security(self, negotiated: str) -> Security:
        """The answers. ``negotiated``: the version of the full handshake, "" when it came to
        nothing; it offered TLS 1.3, so an older version says that the server does not have it."""
        known = dict(self._versions)
        if negotiated:
            known[negotiated] = Offer(True)
            if negotiated != "TLSv1.3":
                known["TLSv1.3"] = Offer(False)
        names = dict.fromkeys(name for weak in self._weak for name in weak.names)
        unknown = next((weak.unknown for weak in self._weak if weak.unknown), "")
        return Security(
            versions={version: known.get(version, _NOT_ASKED) for version in TLS_VERSIONS},
            weak_ciphers=tuple(names),
            weak_unknown=unknown if self._weak else _NOT_ASKED.reason,
            checked_at=int(time.time()),
        )

    def accepted_in_clear(self) -> str:
        """The newest version accepted whose certificates come in clear text, or ""."""
        return next((v for v in ("TLSv1.2", "TLSv1.1", "TLSv1.0", "SSLv3")
                     if self._versions.get(v, _NOT_ASKED).accepted), "")

    def flight(self, task: Task, version: str) -> Steps[Flight | None]:
        """The server's first flight at ``version``, certificates included; None when it fails."""
        assert self._address is not None
        question = offers.any_suite(self._server_name, version)
        try:
            flight: Flight | None = yield from self._exchange(
                task, question.hello, FlightReader(), _MOST_FLIGHT_BYTES)
            return flight
        except Failed:
            return None

    def _take_old_versions(self, answers: dict[str, Offer], first: Answer) -> None:
        self._versions.update(answers)
        self._to_old = first
        old = next((v for v in _OLD_CIPHER_VERSIONS if answers.get(v, _NOT_ASKED).accepted), None)
        if old:
            name = self._server_name
            self._left.append(self._holding(
                lambda: offers.weak_ciphers(name, old), lambda weak, _: self._weak.append(weak)))
        self._look_for_tls12()

    def _take_weak_ciphers(self, weak: WeakCiphers, first: Answer) -> None:
        self._weak.append(weak)
        self._to_weak = first
        self._look_for_tls12()

    def _look_for_tls12(self) -> None:
        """TLS 1.2 costs a connection of its own only where the other answers do not show it."""
        if self._to_old is None or self._to_weak is None:
            return
        if offers.shows_tls12(self._to_old, self._to_weak):
            self._versions["TLSv1.2"] = Offer(True)
        else:
            self._add_version(offers.tls12)

    def _add_version(self, ask: Callable[[str | None], Conversation[dict[str, Offer]]]) -> None:
        self._left.append(self._holding(
            lambda: ask(self._server_name), lambda answers, _: self._versions.update(answers)))

    def _ask(self, task: Task) -> Steps[None]:
        try:
            while self._left:
                yield from self._left.popleft()(task)
        finally:
            self._busy -= 1
            if not self._busy:
                self._idle.set(None)

    def _holding(self, begin: Callable[[], Conversation[T]], take: Callable[[T, Answer], None]
                 ) -> Callable[[Task], Steps[None]]:
        """A conversation to be held; its result, and the first answer, go to ``take``."""
        def hold(task: Task) -> Steps[None]:
            conversation = begin()
            question = next(conversation)
            first = answer = yield from self._answer(task, question)
            while True:
                try:
                    question = conversation.send(answer)
                except StopIteration as end:
                    take(end.value, first)
                    return
                answer = yield from self._answer(task, question)
        return hold

    def _answer(self, task: Task, question: Question) -> Steps[Answer]:
        try:
            return (yield from self._exchange(task, question.hello, question.read, _MOST_BYTES))
        except Failed as failed:
            return failed.failure
        except Exception as error:
            return Failure("internal", f"a fault in zabbix-ssl, please report it: {error!r}")

    def _exchange(self, task: Task, hello: bytes, read: Callable[[bytes], T | None], most: int
                  ) -> Steps[T]:
        """Send a hello over a connection of its own; the answer as ``read`` makes it out."""
        assert self._address is not None
        until = min(self._deadline, clock() + _PATIENCE)
        task.set_timer(until)
        way = self._way
        if way:  # mail servers have those wait who connect, some for longer than that
            stream = yield from way.open(task, (self._address,), self._deadline)
            task.set_timer(min(self._deadline, clock() + _PATIENCE))
        else:
            stream = yield from connect(task, (self._address,), until)
        try:
            yield from stream.send(hello)
            received = b""
            while len(received) <= most:
                data = yield from stream.receive()
                if not data:
                    raise Failed("handshake", "closed in the middle of its answer") if received \
                        else Failed("closed", "closed without an answer")
                received += data
                answer = read(received)
                if answer is not None:
                    return answer
            raise Failed("handshake", "does not come to an end with its answer")
        finally:
            stream.close()
