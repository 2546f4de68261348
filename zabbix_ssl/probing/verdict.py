"""What the certificates of a handshake come to: facts, chain, hostname."""

from __future__ import annotations

import time

from ..model import Handshake, Observation, Settings, Target
from . import chain
from .certificates import Unreadable
from .loop import Loop, Steps, Task
from .trust import TrustStore, load, system_store


class Judge:
    """Judges the certificates of every target of a run."""

    def __init__(self, loop: Loop, settings: Settings) -> None:
        self._loop = loop
        self._settings = settings

    def judge(self, task: Task, target: Target, host: str, handshake: Handshake, deadline: float
              ) -> Steps[Observation]:
        """An observation with certificate, chain and revocation filled in, as far as they can be."""
        now = int(time.time())
        seen = Observation(target, now, handshake=handshake)
        if not handshake.served:
            return seen
        try:
            certificate, verdict = chain.judge(handshake.served, self._store(target), host, now)
        except Unreadable as error:
            return seen._replace(reasons={"certificate": str(error), "chain": str(error)})
        return seen._replace(certificate=certificate, chain=verdict)
        yield

    def _store(self, target: Target) -> TrustStore:
        """The system's trust anchors and those of --ca-file and the target's own."""
        settings = self._settings
        files = [file for file in (settings.ca_file, target.ca_file) if file]
        store = None if settings.ca_only and files else system_store(
            settings.system_ca_file, settings.system_ca_dir)
        for file in files:
            store = load(file) if store is None else store.joined(load(file))
        assert store is not None
        return store
