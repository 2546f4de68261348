"""Everything that touches TLS. This is the one door; what lies behind is imported when it is used,
because cryptography and OpenSSL cost 80 ms of CPU that a cached answer does not need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..model import Observation, Security, Settings, Target


def audit_all(targets: Iterable[tuple[Target, Security | None]], settings: Settings
              ) -> Iterator[tuple[int, Observation]]:
    """Audit targets side by side; yields (index, observation) in the order of completion.

    A Security given beside a target is an earlier answer to the raw hellos, taken over instead of
    asking anew. ``targets`` is read as places become free. No target's fault raises; closing the
    iterator abandons what is under way.
    """
    from .run import audit_all as run

    return run(targets, settings)


def resident() -> Callable[[Iterable[tuple[Target, Security | None]], Settings],
                           Iterator[tuple[int, Observation]]]:
    """An ``audit_all`` for a service that is asked by many threads for one target each: all that
    are under way share one loop. To be had once, and kept."""
    from .engine import Engine

    return Engine().audit_all


def trust_anchors(settings: Settings, ca_file: str | None = None) -> tuple[int, str]:
    """How many certificates are trusted, those of a target's own ``ca_file`` included, and what
    stands against reading some of them ("" when nothing does)."""
    from .trust import of_settings

    store = of_settings(settings, ca_file)
    return store.size, store.problem
