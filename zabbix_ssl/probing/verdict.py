"""What the certificates of a handshake come to: facts, chain, hostname, revocation."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from typing import TypeVar

from ..model import Certificate, Chain, Failure, Handshake, Observation, Settings, Target
from . import chain as chains
from . import revocation
from .certificates import Unreadable
from .loop import EXPIRED, Loop, Signal, Steps, Task, clock
from .revocation.answers import Request
from .revocation.path import Answer
from .trust import TrustStore, of_settings

T = TypeVar("T")
Conversation = Generator[Request, Answer, T]
Networks = tuple[str, ...]

#: The share of what is left of a target's time that answers about its certificates may take.
_SHARE = 0.9

#: Seconds after which files of trust anchors are looked at again.
_STORE_SECONDS = 5.0


class Judge:
    """Judges the certificates of every target of a run."""

    def __init__(self, loop: Loop, settings: Settings) -> None:
        self._loop = loop
        self._settings = settings
        kept = settings.answers_dir
        self._answers = revocation.Store(f"{kept}/answers" if kept else None)
        self._sources: dict[Networks, revocation.Sources] = {}  # by what their targets allow
        self._under_way: dict[tuple[Networks, Request], Signal[Answer | Exception]] = {}
        self._stores: dict[str | None, tuple[TrustStore, float]] = {}  # by the target's own file

    def judge(self, task: Task, target: Target, host: str, handshake: Handshake, deadline: float
              ) -> Steps[Observation]:
        """An observation with certificate, chain and revocation, as far as they can be known."""
        now = int(time.time())
        seen = Observation(target, now, handshake=handshake)
        if not handshake.served:
            return seen
        store = self._store(target)

        def verdict(fetched: Sequence[bytes] = ()) -> tuple[Certificate, Chain]:
            return chains.judge(handshake.served, store, host, now, fetched)

        try:
            certificate, chain = verdict()
        except Unreadable as error:
            return seen._replace(
                reasons=dict.fromkeys(("certificate", "chain", "revocation"), str(error)))
        until = clock() + _SHARE * (deadline - clock())
        if chain.complete is False and not self._settings.offline and chain.path[-1].issuer_urls:
            from . import issuers  # on use: most chains are complete

            completed = yield from self._hold(
                task, target, issuers.complete(chain, lambda fetched: verdict(fetched)[1]), until)
            chain = completed.chain
            seen = seen._replace(missing=completed.missing)
        policy = revocation.policy_of(self._settings, target)
        revoked = yield from self._hold(task, target, revocation.check(
            chain.path, bool(chain.complete or chain.trusted), handshake.stapled, policy,
            self._answers, now, handshake.served[1:]), until)
        return seen._replace(certificate=certificate, chain=chain, revocation=revoked)

    def _hold(self, task: Task, target: Target, conversation: Conversation[T], until: float
              ) -> Steps[T]:
        """Bring what a conversation asks for, until it comes to its result."""
        try:
            request = next(conversation)
            sources = self._sources_of(target)
            while True:
                answer = sources.known(request, time.time())
                if answer is None:
                    key = target.allow_private_revocation, request
                    answer = yield from self._bring(task, sources, key, until)
                request = conversation.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    def _sources_of(self, target: Target) -> revocation.Sources:
        allowed = target.allow_private_revocation
        if allowed not in self._sources:
            self._sources[allowed] = revocation.sources_of(self._settings, target, self._answers)
        return self._sources[allowed]

    def _bring(self, task: Task, sources: revocation.Sources, key: tuple[Networks, Request],
               until: float) -> Steps[Answer]:
        """The answer to a request; one that is under way already is shared."""
        signal = self._under_way.get(key)
        if signal is None or signal.ready:  # ready: it came too late for those who asked
            signal = self._under_way[key] = self._loop.call(sources.ask, key[1], until)
        task.set_timer(until)
        if (yield from signal.wait(task)) is EXPIRED:
            return Failure("timeout", "the answer did not come in time")
        self._under_way.pop(key, None)
        if isinstance(signal.value, Exception):
            return Failure("internal", f"a fault in zabbix-ssl, please report it: {signal.value!r}")
        assert signal.value is not None
        return signal.value

    def _store(self, target: Target) -> TrustStore:
        """The trust anchors of a target, looked at anew after a while: the files may change."""
        kept = self._stores.get(target.ca_file)
        if kept and clock() < kept[1]:
            return kept[0]
        store = of_settings(self._settings, target.ca_file)
        self._stores[target.ca_file] = store, clock() + _STORE_SECONDS
        return store
