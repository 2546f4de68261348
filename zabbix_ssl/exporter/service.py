"""The exporter: a schedule of audits in the background, and HTTP in front.

``/metrics`` never waits for a target: audits put what they find into ``Results``, and a scrape
takes out what is there.
"""

from __future__ import annotations

import asyncio
import gzip
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Any

from ..cache import Cache
from ..check import recall
from ..model import Settings
from ..outputs.prometheus import CONTENT_TYPE
from ..resident import Audits
from . import own, pages
from .compressed import Piece, compress, gzip_file, text_of
from .gate import Gate
from .own import Own
from .probe import Probes, Refused
from .results import Results
from .server import Request, Response, Server, text
from .threads import Busy, Threads

_PROBES, _PROBES_QUEUED = 64, 256
_LOGINS_QUEUED = 20
_LEAVE = 3.0  # seconds for the audits to end
_WORTH_COMPRESSING = 1000  # bytes

Handler = Callable[[Request], Awaitable[Response]]


class Exporter:
    """All of it. ``turn`` is called several times a second."""

    def __init__(self, audits: Audits, results: Results, probes: Probes, measured: Own, gate: Gate,
                 say: Callable[[str], None], turn: Callable[[], None]) -> None:
        self._audits = audits
        self._results = results
        self._probes = probes
        self._own = measured
        self._gate = gate
        self._say = say
        self._turn = turn
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._begun = not audits.targets  # results are there, or there is nothing to wait for
        self._probing = Threads(_PROBES, _PROBES_QUEUED, "probe")
        self._rendering = Threads(1, 1000, "metrics")
        self._asking = Threads(1, _LOGINS_QUEUED, "login")
        self._routes: dict[str, Handler] = {
            "/": self._start, "/metrics": self._metrics, "/probe": self._probe,
            "/targets": self._targets, "/-/healthy": self._healthy, "/-/ready": self._ready}

    def run(self, listener: socket.socket, settings: Settings, cache: Cache | None,
            stale_after: float) -> None:
        """Until SIGTERM or SIGINT. Raises what made the audits end before."""
        self._results.configure(self._audits.targets)

        def watch() -> Iterator[None]:
            if cache:
                self._recall(settings, cache, stale_after)
            for _ in self._watch():
                yield

        asyncio.run(self._serve(listener, watch))
        if self._failure:
            raise self._failure

    async def _serve(self, listener: socket.socket, watch: Callable[[], Iterator[None]]) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        loop.set_exception_handler(self._unexpected)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)

        def work() -> None:
            try:
                for _ in watch():
                    self._turn()
            except Exception as error:
                self._failure = error
            loop.call_soon_threadsafe(stop.set)

        watching = threading.Thread(target=work, daemon=True, name="watch")
        watching.start()
        await Server(listener, self._answer, self._gate.front, self._say).run(stop)
        self._stop.set()
        watching.join(_LEAVE)

    def _reload(self) -> None:
        self._say("told to reload (SIGHUP)")
        self._audits.reload()
        self._gate.reload()

    def _unexpected(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What asyncio could not hand to anybody. Of clients that go it is not worth a word."""
        error = context.get("exception")
        if error is not None and not isinstance(error, OSError | TimeoutError):
            self._say(f"a fault in zabbix-ssl, please report it: {context['message']}: {error!r}")

    # The audits, in a thread of their own

    def _recall(self, settings: Settings, cache: Cache, stale_after: float) -> None:
        """After a restart what is in the cache is shown at once."""
        count = 0
        for result in recall(self._audits.targets, settings, cache, max_age=stale_after):
            self._results.add(result)
            count += 1
        self._own.recalled(count)
        self._begun = self._begun or bool(count)

    def _watch(self) -> Iterator[None]:
        targets, loaded_at = self._audits.targets, 0.0
        for results in self._audits.rounds(self._stop):
            if self._audits.targets is not targets:
                targets = self._audits.targets
                self._results.configure(targets)
            if self._audits.loaded_at != loaded_at:
                loaded_at = self._audits.loaded_at
                self._own.loaded("targets", True, loaded_at)
            elif self._audits.reload_failed():
                self._own.loaded("targets", False)
            for result in results:
                self._results.add(result)
            self._begun = self._begun or bool(results) or not targets
            yield

    # Requests

    async def _answer(self, request: Request) -> Response:
        begun = time.monotonic()
        handler = self._routes.get(request.path)
        response = await self._admitted(handler or _not_found, request)
        self._own.answered(request.path if handler else "other", response.status,
                           time.monotonic() - begun)
        return response

    async def _admitted(self, handler: Handler, request: Request) -> Response:
        login, header = self._gate.login, request.headers.get("authorization", "")
        welcome = login.remembered(header)
        if welcome is None:
            try:
                welcome = await self._asking.run(login.ask, header)
            except Busy:
                return _busy("logins")
        if not welcome:
            return text(HTTPStatus.UNAUTHORIZED, "who are you? Log in with a user of the web "
                        "configuration", ("WWW-Authenticate", 'Basic realm="zabbix-ssl"'))
        return await handler(request)

    async def _start(self, request: Request) -> Response:
        return pages.start(self._results.targets(), self._results.ages())

    async def _targets(self, request: Request) -> Response:
        return _sent(pages.targets_json(self._results.targets()), request)

    async def _healthy(self, request: Request) -> Response:
        return text(HTTPStatus.OK, "healthy")

    async def _ready(self, request: Request) -> Response:
        if self._begun:
            return text(HTTPStatus.OK, "ready")
        return text(HTTPStatus.SERVICE_UNAVAILABLE, "no target has been checked yet")

    async def _metrics(self, request: Request) -> Response:
        try:
            pieces = await self._rendering.run(self._render)
        except Busy:
            return _busy("scrapes")
        if not _wants_gzip(request):
            return Response(HTTPStatus.OK, map(text_of, pieces),
                            sum(piece.length for piece in pieces), CONTENT_TYPE, _VARY)
        body = gzip_file(pieces)
        return Response(HTTPStatus.OK, body, sum(map(len, body)), CONTENT_TYPE, _ZIPPED)

    def _render(self) -> Sequence[Piece]:
        pieces, ages = self._results.pieces()
        mine = self._own.exposition(ages, self._audits.late)
        return [*pieces, compress((mine,))]

    async def _probe(self, request: Request) -> Response:
        try:
            wanted = self._probes.wanted(request)
        except Refused as refused:
            return text(refused.status, str(refused))
        until = time.monotonic() + wanted.settings.timeout
        try:
            response = await self._probing.run(self._probes.answer, wanted, until)
        except Busy:
            self._own.probed(own.BUSY)
            return _busy("probes")
        return _sent(response, request)


_VARY = (("Vary", "Accept-Encoding"),)
_ZIPPED = (("Content-Encoding", "gzip"), *_VARY)


def _sent(response: Response, request: Request) -> Response:
    """Compressed, where that is wanted and worth it."""
    if response.length < _WORTH_COMPRESSING or not _wants_gzip(request):
        return response
    body = gzip.compress(b"".join(response.body), 1)
    return response._replace(body=(body,), length=len(body),
                             headers=(*response.headers, *_ZIPPED))


def _wants_gzip(request: Request) -> bool:
    """Does Accept-Encoding name gzip, and not with q=0? (RFC 9110 section 12.5.3)"""
    for part in request.headers.get("accept-encoding", "").split(","):
        name, _, weight = part.partition(";")
        if name.strip().lower() in ("gzip", "x-gzip"):
            return weight.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _busy(what: str) -> Response:
    return text(HTTPStatus.SERVICE_UNAVAILABLE, f"too many {what} at once: try again",
                ("Retry-After", "10"))


async def _not_found(request: Request) -> Response:
    return text(HTTPStatus.NOT_FOUND, "there is nothing here: look at /")
