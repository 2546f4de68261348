"""``/probe?target=HOST:PORT``: one target, when it is asked for.

Configured targets are answered from what the schedule keeps fresh, others from the cache while that
is fresh, else by an audit. Who may be probed is decided by what is configured and by
``--probe-allow``: an exporter that probes whatever it is told scans ports for strangers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import NamedTuple

from ..cache import Cache, Freshness
from ..check import Door
from ..check import get as get_result
from ..file_targets import file_domain
from ..mistakes import ConfigError, mistake
from ..model import FILE, Observation, Result, Security, Settings, Target
from ..names import check_addresses, parse_target
from ..outputs.prometheus import CONTENT_TYPE, exposition, samples
from ..plain import show
from . import own
from .allowed import Pattern, fits
from .explain import explain
from .own import Own
from .results import Results
from .server import Request, Response, text

#: Seconds by which an answer comes before the scrape that wants it is given up, as in
#: blackbox_exporter; and what is left at least.
_RESERVE, _LEAST = 0.5, 0.1
_HEADER = "x-prometheus-scrape-timeout-seconds"
_PARAMETERS = ("target", "address", "debug")
_FLAGS = {"true": True, "1": True, "false": False, "0": False, "": False}


class Wanted(NamedTuple):
    """What a request for /probe means."""

    target: Target
    configured: bool
    debug: bool
    settings: Settings


class Refused(Exception):
    """Holds the answer, and how it counts."""

    def __init__(self, status: HTTPStatus, line: str, counts: str) -> None:
        super().__init__(line)
        self.status, self.counts = status, counts


class Probes:
    """Answers them, from many threads."""

    def __init__(self, results: Results, allowed: Iterable[Pattern], settings: Settings,
                 cache: Cache | None, freshness: Freshness, stamp: Callable[[], bytes],
                 measured: Own, door: Door, per_address: bool = False) -> None:
        self._results = results
        self._allowed = tuple(allowed)
        self._settings = settings
        self._cache = cache
        self._freshness = freshness
        self._stamp = stamp
        self._own = measured
        self._per_address = per_address
        self._door = measured.measured(door, own.PROBE)

    def wanted(self, request: Request) -> Wanted:
        """What a request means. Raises Refused."""
        try:
            return self._wanted(request.query, request.headers)
        except Refused as refused:
            self._own.probed(refused.counts)
            raise

    def answer(self, wanted: Wanted, until: float) -> Response:
        """The answer. Takes its time. ``until``: when it is of no use any more, of the monotonic
        clock."""
        left = until - time.monotonic()
        if left < _LEAST:
            self._own.probed(own.BUSY)
            return text(HTTPStatus.SERVICE_UNAVAILABLE, "too many probes at once: this one had no "
                        "turn in time", ("Retry-After", "10"))
        wanted = wanted._replace(settings=wanted.settings._replace(timeout=left))
        if wanted.debug:
            return self._explained(wanted)
        audited: list[Observation] = []
        result = get_result(
            wanted.target, wanted.settings, self._cache, freshness=self._freshness,
            stamp=self._stamp(), door=self._watched(audited))
        self._own.probed(own.AUDIT if audited else own.CACHE)
        body = "".join(exposition([samples(result, self._per_address)])).encode(
            "utf-8", "backslashreplace")
        return Response(HTTPStatus.OK, (body,), len(body), CONTENT_TYPE)

    def _explained(self, wanted: Wanted) -> Response:
        begun = time.monotonic()
        audited: list[Observation] = []
        result: Result = get_result(wanted.target, wanted.settings, None,
                                    door=self._watched(audited))
        self._own.probed(own.DEBUG)
        seen = audited[0] if audited else Observation(wanted.target, result.check_time)
        return text(HTTPStatus.OK, explain(seen, result, wanted.configured,
                                           time.monotonic() - begun, self._per_address))

    def _watched(self, audited: list[Observation]) -> Door:
        """The door, with what it tells put into ``audited``."""
        def audit_all(targets: Iterable[tuple[Target, Security | None]], settings: Settings
                      ) -> Iterator[tuple[int, Observation]]:
            for index, seen in self._door(targets, settings):
                audited.append(seen)
                yield index, seen
        return audit_all

    def _wanted(self, query: Mapping[str, list[str]], headers: Mapping[str, str]) -> Wanted:
        for name, values in query.items():
            if name not in _PARAMETERS:
                raise _wrong(f"there is no parameter {show(name)}: there are "
                             f"{', '.join(_PARAMETERS)}")
            if len(values) > 1:
                raise _wrong(f"the parameter {name} stands there twice: give it once")
        given = {name: values[0] for name, values in query.items()}
        if not given.get("target"):
            raise _wrong("name a target: /probe?target=HOST:PORT")
        if given.get("debug", "") not in _FLAGS:
            raise _wrong(f"debug is {show(given['debug'])}: write true or false")
        try:
            named = _named(given["target"])
            if given.get("address"):
                if named.file:
                    raise mistake("file_key", key="address")
                named = named._replace(address=check_addresses(given["address"]))
        except ConfigError as error:
            raise _wrong(str(error)) from None
        target, settings = self._meant(named)
        timeout = _timeout(headers, settings.timeout)
        return Wanted(target or named, target is not None, _FLAGS[given.get("debug", "")],
                      settings._replace(timeout=timeout))

    def _meant(self, named: Target) -> tuple[Target | None, Settings]:
        """The configured target that is meant, None for one that is only allowed; and the settings
        by which its answer is found in the cache."""
        target = self._results.find(named)
        if target is None:
            if named.file:
                raise Refused(HTTPStatus.FORBIDDEN, f"{named} is not among the configured targets: "
                              "files are looked at for nobody else", own.REFUSED)
            if named.address or not fits(self._allowed, named):
                raise Refused(HTTPStatus.FORBIDDEN, f"{named}"
                              f"{f' at {named.address}' if named.address else ''} is not among the "
                              "configured targets: add it to domains.json, or allow it with "
                              "--probe-allow", own.REFUSED)
            return None, self._settings
        plain = self._results.find(named._replace(address=None))
        if plain and plain.address != target.address:
            return target, self._settings._replace(address=target.address)
        return target, self._settings


def _named(word: str) -> Target:
    """The target of a word; a file's is a name alone, and nothing looks at the disk for it. Raises
    ConfigError."""
    return Target(file_domain(word, "/"), 0) if word.startswith(FILE) else parse_target(word)


def _timeout(headers: Mapping[str, str], most: float) -> float:
    """Seconds for a probe: what is set, or what Prometheus waits if that is less."""
    try:
        asked = float(headers.get(_HEADER, "inf")) - _RESERVE
    except ValueError:
        raise _wrong(f"{_HEADER} is {show(headers[_HEADER])}: write seconds") from None
    return max(_LEAST, min(most, asked)) if asked == asked else most  # not NaN


def _wrong(line: str) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, line, own.WRONG)
