"""Where cache and probing meet: an answer from the cache while it is fresh, else from the server.

``get`` answers for one target inside a deadline, and of many who ask at once one probes. ``run``
audits many targets and puts what it learns into the cache, where ``get`` finds it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from . import cache as caching
from . import entry as entries
from .cache import Cache, Freshness
from .entry import Entry
from .locks import LATE
from .metrics import judge
from .model import WAYS, Failure, Observation, Result, Security, Settings, Target

#: ``zabbix_ssl.probing.audit_all``, or what stands in for it.
Door = Callable[[Iterable[tuple[Target, Security | None]], Settings],
                Iterator[tuple[int, Observation]]]

#: Seconds of a check's time that are left for judging, keeping and printing. Those who wait for
#: another's probe give up that much later than it does, and so get its answer.
_RESERVE = 0.15
_SHARE_OF_RESERVE = 0.2  # and never more than this much of the whole time

_DEFAULT = Freshness()


def get(target: Target, settings: Settings, cache: Cache | None, *,
        freshness: Freshness = _DEFAULT, stamp: bytes = b"none", asked: str = "",
        door: Door | None = None) -> Result:
    """The result of one target, inside ``settings.timeout`` seconds, waiting included (a longer
    timeout of the target's own is cut to that).

    ``stamp`` is the state of the configuration that the target was resolved under
    (``entry.config_stamp``, taken before it was loaded), ``asked`` the spelling of the domain that
    was asked for where it is not that of the target, ``settings`` what was given on the command
    line: by these the next ``--get`` finds the entry without loading anything.
    """
    until = time.monotonic() + settings.timeout
    if cache is None:
        return _probe(target, settings, None, until, door)[0]
    key = entries.key(asked or target.domain, target.port, caching.options(settings))
    kept = _kept(cache, key, target, freshness, stamp)
    if kept:
        return kept
    with cache.lock(key, until - _reserve(settings) / 4) as state:
        kept = _kept(cache, key, target, freshness, stamp)
        if kept:
            return kept
        if state == LATE:
            return judge(Observation(target, int(time.time()), Failure(
                "timeout", f"no answer in {settings.timeout:g} s: another check of {target} was "
                           "under way all the time")))
        reached = _reached(target, settings)
        known = _known(cache.read(key), reached, freshness)
        result, security = _probe(target, settings, known, until, door)
        cache.write(key, caching.make_entry(result, security or known, stamp, reached))
    if time.monotonic() < until - 1:  # what is left of the time is not to go into tidying up
        caching.sweep(cache)
    return result


def run(targets: Sequence[Target], settings: Settings, cache: Cache | None, *,
        freshness: Freshness = _DEFAULT, stamp: bytes = b"none",
        configured: Sequence[Target] = (), keep: float = 0, door: Door | None = None
        ) -> Iterator[tuple[int, Result]]:
    """Audits all targets; yields (index, result), each index once, as they are done.

    Every target is asked anew, but for the old protocols and weak ciphers, which are taken from the
    cache while fresh. What is learnt is kept for ``get``.

    ``configured``: all targets of the configuration, where ``targets`` are but some of them; it
    says which one a domain and port mean that several have. ``keep``: seconds for which the caller
    means to keep the entries fresh by running again.

    A fault of our own is a result like any other, error_reason internal. Raises ImportError when a
    dependency is missing.
    """
    door = door or _door()
    items = list(zip(targets, _keys(targets, configured or targets, settings), strict=True))
    share = partial(_share, settings=settings, cache=cache, freshness=freshness, stamp=stamp,
                    keep=keep, door=door)
    answered = bytearray(len(items))
    try:
        for index, result in _spread(share, items, settings.workers):
            answered[index] = True
            yield index, result
        fault: Exception = RuntimeError("no answer")
    except ImportError:
        raise
    except Exception as error:
        fault = error
    for index, target in enumerate(targets):
        if not answered[index]:
            yield index, judge(_internal(target, fault))
    if cache:
        caching.sweep(cache)


def recall(targets: Sequence[Target], settings: Settings, cache: Cache, *, max_age: float,
           stamp: bytes = b"none") -> Iterator[Result]:
    """What is kept of all configured targets and is not older than ``max_age`` seconds; nobody is
    asked. For services that begin."""
    freshness = Freshness(max_age, max_age)
    for target, key in zip(targets, _keys(targets, targets, settings), strict=True):
        kept = _kept(cache, key, target, freshness, stamp)
        if kept:
            yield kept


Item = tuple[Target, bytes]  # the key under which its entry is kept


def _spread(share: Callable[[Sequence[Item]], Iterator[tuple[int, Result]]], items: list[Item],
            workers: int) -> Iterator[tuple[int, Result]]:
    if workers <= 1:
        return share(items)
    from .workers import spread  # on use: multiprocessing is for those who ask for it

    return spread(share, items, workers)


def _share(items: Sequence[Item], *, settings: Settings, cache: Cache | None, freshness: Freshness,
           stamp: bytes, keep: float, door: Door) -> Iterator[tuple[int, Result]]:
    """Audit, judge and keep; what was known before is remembered only while a target is under way,
    so that a failure does not lose it."""
    known: dict[int, Security] = {}

    def feed() -> Iterator[tuple[Target, Security | None]]:
        for index, (target, key) in enumerate(items):
            seen = cache and _known(cache.read(key), _reached(target, settings), freshness)
            if seen:
                known[index] = seen
            yield target, seen or None

    for index, observation in door(feed(), settings):
        target, key = items[index]
        result = _judge(observation)._replace(target=target)
        security = observation.security or known.pop(index, None)
        known.pop(index, None)
        if cache:
            reached = _reached(target, settings)
            cache.write(key, caching.make_entry(result, security, stamp, reached, keep))
        yield index, result


def _keys(targets: Sequence[Target], configured: Sequence[Target], settings: Settings
          ) -> list[bytes]:
    """The keys of the targets: the domain and port, where it is this target that ``--get`` means by
    them (the one without an address, else the first), else with the address."""
    meant: dict[bytes, Target] = {}
    given = caching.options(settings)

    def plain(target: Target) -> bytes:
        return entries.key(target.domain, target.port, given)

    for target in configured:
        key = plain(target)
        if key not in meant or (meant[key].address and not target.address):
            meant[key] = target
    return [plain(t) if not t.address or meant.get(plain(t), t).address == t.address
            else entries.key(t.domain, t.port, {**given, "address": t.address}) for t in targets]


def _kept(cache: Cache, key: bytes, target: Target, freshness: Freshness, stamp: bytes
          ) -> Result | None:
    """The result in the cache, when it is fresh and of this very target. One that was made under
    another state of the configuration is marked as good for this one too."""
    entry = cache.read(key)
    if not entry or not entry.fresh(time.time(), freshness.max_age, freshness.failure_max_age):
        return None
    try:
        result = caching.result(entry)
    except ValueError:
        return None
    if _essence(result.target) != _essence(target):
        return None
    if entry.stamp != stamp:
        entry.stamp = stamp
        cache.write(key, entry)
    return result._replace(target=target)


def _essence(target: Target) -> Target:
    """What of a target bears on facts and findings."""
    return target._replace(timeout=None, group="", tags=())


def _known(entry: Entry | None, reached: bytes, freshness: Freshness) -> Security | None:
    """What an earlier check learnt of old protocols and weak ciphers, if it is still believed and
    of the same server."""
    if entry is None or entry.reached != reached:
        return None
    security = caching.security(entry)
    fresh = security and caching.security_fresh(security, time.time(), freshness)
    return security if fresh else None


def _reached(target: Target, settings: Settings) -> bytes:
    return entries.reached({name: getattr(settings, name) or getattr(target, name)
                            for name in WAYS})


def _probe(target: Target, settings: Settings, known: Security | None, until: float,
           door: Door | None) -> tuple[Result, Security | None]:
    """One audit, in what is left of the time."""
    def feed() -> Iterator[tuple[Target, Security | None]]:
        """Read when the audit begins: importing what it needs takes time of its own."""
        left = max(0.01, until - time.monotonic() - _reserve(settings))
        yield target._replace(timeout=min(left, target.timeout or left)), known

    try:
        audits = list((door or _door())(feed(), settings))
        seen = audits[0][1]
    except ImportError:
        raise
    except Exception as error:
        seen = _internal(target, error)
    return _judge(seen)._replace(target=target), seen.security


def _judge(seen: Observation) -> Result:
    try:
        return judge(seen)
    except Exception as error:
        return judge(_internal(seen.target, error))


def _internal(target: Target, error: Exception) -> Observation:
    what = f"a fault in zabbix-ssl, please report it: {type(error).__name__}: {error}"
    return Observation(target, int(time.time()), Failure("internal", what))


def _reserve(settings: Settings) -> float:
    return min(_RESERVE, _SHARE_OF_RESERVE * settings.timeout)


def _door() -> Door:
    from .probing import audit_all  # on use: a fresh answer does without

    return audit_all
