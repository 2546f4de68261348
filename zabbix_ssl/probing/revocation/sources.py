"""Where answers come from: what is kept, the directory of CRLs, and the network.

``known`` answers at once or not at all, and may be called where nothing must block; ``ask`` blocks
and belongs into a thread. Both take a Request and give an Answer (see ``path``). Whoever runs many
conversations should let equal requests under way share one ``ask``.

Politeness: one fetch at a time of one thing, between processes too, and few at a time from one
server; what failed is not tried again for a minute, and a responder that does not answer is not
asked for other certificates either; CRLs are asked for only if they changed.
"""

from __future__ import annotations

import base64
import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlsplit

from ... import locks
from ...model import Failure, Settings, Target
from ..network import Failed
from . import crl, ocsp
from .addresses import Ways, networks
from .answers import DAY, MINUTE, Request, Verdict, freshness, refresh_at, verdict_key
from .encoding import UNREADABLE
from .local import LocalCrls, decoded
from .path import Answer
from .store import Kept, Scratch, Store, remember

#: Seconds that a failure is remembered.
FAILURE_SECONDS = MINUTE

#: Failures of a server rather than of what was asked of it.
_DEAD = ("unreachable", "timeout")
_FAIR_TRY = 1.0  # seconds: who did not answer in less is not yet dead

#: After these an OCSP responder may still answer to GET, without a nonce.
_GET_MAY_HELP = ("http_status", "malformed", "unauthorized", "redirect", "wrong_nonce")

_SHARE = 0.6  # of the time that is left may go into one answer, as there may be another to ask
_MOST_SECONDS = 5.0
_CRL_SECONDS = 60.0  # tens of megabytes take longer than a target's time: the next check has it
_ISSUER_AGE = DAY
_CERTIFICATE_BYTES = 1 << 20
_AT_ONCE = 16  # connections of one process to one server
_MOST_SERVERS = 1000
_MOST_CRLS = 256  # open in one process


class Sources:
    """Answers to the requests of conversations, for any number of them."""

    def __init__(self, store: Store, ways: Ways, patience: float = _CRL_SECONDS) -> None:
        """``patience``: least seconds that a CRL may take, whatever the deadline."""
        self.store = store
        self._ways = ways
        self._patience = patience
        self._local = LocalCrls()
        self._crls: dict[Request, Kept] = {}
        self._places: dict[str, BoundedSemaphore] = {}
        self._askers: dict[str, Callable[[Request, float], Answer]] = {
            "ocsp": self._ocsp, "crl": self._crl, "issuer": self._issuer}

    def known(self, request: Request, now: float) -> Answer | None:
        """What can be answered without asking anybody; ``now``: Unix seconds."""
        if request.kind == "crl_dir":
            return self._local.known(request.url, request.signers)
        if request.kind == "crl":
            kept = self._kept_crl(request, now)
            if kept and now < _refresh_at(kept):
                return kept.crl
        if request.kind == "issuer":
            certificates, since = self._issuers(request)
            if certificates and now < since + _ISSUER_AGE:
                return certificates
        failure = self._failure(_key(request), now) or self._failure(_origin(request), now)
        if failure and request.kind == "crl" and kept and _is_fresh(kept, now):
            return kept.crl  # stands in for one that cannot be had
        return failure

    def ask(self, request: Request, deadline: float) -> Answer:
        """The answer, by ``deadline`` (of time.monotonic). Blocks, and raises nothing."""
        if request.kind == "crl_dir":
            return self._local.read(request.url, request.signers)
        begun = time.monotonic()
        until = begun + min(_MOST_SECONDS, _SHARE * max(0.0, deadline - begun))
        if request.kind == "crl":
            until = max(until, begun + self._patience)
        with self._place(request, until) as found, self.store.lock(_key(request), until) as state:
            if not found or state == locks.LATE:
                return Failure("timeout", "others are asking, and there is no answer yet")
            answer = self._known_meanwhile(request)
            if answer is None:
                try:
                    answer = self._askers[request.kind](request, until)
                except Failed as failed:
                    answer = failed.failure
                except OSError as error:
                    answer = Failure("no_space", f"the answer cannot be kept: {error.strerror}")
                if isinstance(answer, Failure):
                    self._remember(request, answer, time.monotonic() - begun)
            return answer

    @contextmanager
    def _place(self, request: Request, until: float) -> Iterator[bool]:
        """One of the places at the server; False when none became free in time."""
        if len(self._places) > _MOST_SERVERS:
            self._places.clear()
        places = self._places.setdefault(_origin(request), BoundedSemaphore(_AT_ONCE))
        found = places.acquire(timeout=max(0.0, until - time.monotonic()))
        try:
            yield found
        finally:
            if found:
                places.release()

    def _known_meanwhile(self, request: Request) -> Answer | None:
        """What others have learnt while this one waited."""
        if request.kind == "ocsp":
            verdict = self.store.verdict(verdict_key(request.certificate, *request.signers))
            if verdict and time.time() < verdict.refresh_at:
                return verdict
        return self.known(request, time.time())

    # Failures

    def _failure(self, key: str, now: float) -> Failure | None:
        value = self.store.value(f"failure {key}")
        if isinstance(value, list | tuple) and len(value) == 3:
            reason, message, since = value
            if isinstance(since, int | float) and 0 <= now - since < FAILURE_SECONDS:
                return Failure(str(reason), str(message))
        return None

    def _remember(self, request: Request, failure: Failure, seconds: float) -> None:
        if failure.reason == "forbidden_address":  # to this target, and perhaps not to another
            return
        value = (*failure, time.time())
        self.store.put(f"failure {_key(request)}", value)
        if failure.reason == "unreachable" or (failure.reason == "timeout" and seconds > _FAIR_TRY):
            self.store.put(f"failure {_origin(request)}", value)

    # OCSP

    def _ocsp(self, request: Request, until: float) -> Answer:
        from . import fetch  # on use: http.client and ssl cost 10 ms of CPU

        certificate, issuer = request.certificate, request.signers[0]
        try:
            nonce = os.urandom(ocsp.NONCE_BYTES)
            answer = self._posted(request, nonce, until)
            if isinstance(answer, Failure) and answer.reason in _GET_MAY_HELP:
                url = fetch.get_url(request.url, ocsp.request(certificate, issuer))
                second = self._answered(request, b"", url, until, None)
                answer = second if isinstance(second, Verdict) else answer
        except UNREADABLE as error:
            return Failure("malformed", f"nobody can be asked about such a certificate: {error}")
        if isinstance(answer, Verdict):
            self.store.learn(verdict_key(certificate, issuer), answer)
        return answer

    def _posted(self, request: Request, nonce: bytes, until: float) -> Verdict | Failure:
        body = ocsp.request(request.certificate, request.signers[0], nonce)
        return self._answered(request, nonce, request.url, until, body)

    def _answered(self, request: Request, nonce: bytes, url: str, until: float,
                  body: bytes | None) -> Verdict | Failure:
        from . import fetch

        received = io.BytesIO()
        headers = {"Content-Type": "application/ocsp-request"} if body else {}
        try:
            fetch.exchange(url, received, ocsp.OCSP_BYTES, until, self._ways, headers, body)
        except Failed as failed:
            return failed.failure
        return ocsp.judge(received.getvalue(), request.certificate, request.signers[0],
                          int(time.time()), nonce)

    # CRLs

    def _kept_crl(self, request: Request, now: float) -> Kept | None:
        kept = self._crls.get(request)
        if kept is None or now >= _refresh_at(kept):  # perhaps another process has a newer one
            kept = self.store.crl(_key(request)) or kept
        if kept:
            remember(self._crls, request, kept, _MOST_CRLS)
        return kept

    def _crl(self, request: Request, until: float) -> Answer:
        kept = self.store.crl(_key(request))
        begun = time.monotonic()
        try:
            newest = self._fetched_crl(request, kept, until)
        except Failed as failed:
            failure = failed.failure
        except UNREADABLE as error:
            failure = Failure("malformed", f"the CRL cannot be read: {error}")
        else:
            remember(self._crls, request, newest, _MOST_CRLS)
            return newest.crl
        if kept is None or not _is_fresh(kept, time.time()):
            return failure
        self._remember(request, failure, time.monotonic() - begun)
        return kept.crl

    def _fetched_crl(self, request: Request, kept: Kept | None, until: float) -> Kept:
        from . import fetch

        conditions = {"If-None-Match": kept.etag, "If-Modified-Since": kept.last_modified
                      } if kept else {}
        key = _key(request)
        with self.store.scratch() as scratch:
            reply = fetch.exchange(
                request.url, scratch.file, crl.CRL_BYTES, until, self._ways,
                {name: value for name, value in conditions.items() if value})
            if reply.status == 304 and kept:
                return self.store.confirm_crl(key, kept)
            _to_der(scratch)
            data: Any = scratch.mapped()
            layout, head = crl.read(data)
            if kept and head.this_update < kept.crl.head.this_update:
                return self.store.confirm_crl(key, kept)  # a cache on the way gave an older one
            refused = crl.unbelieved(data, layout, head, request.signers)
            if refused:
                raise Failed(*refused)
            return self.store.keep_crl(key, scratch, crl.make_index(data, layout), layout.end,
                                       reply.etag, reply.last_modified)

    # Issuers

    def _issuer(self, request: Request, until: float) -> Answer:
        from ..issuers import certificates_in
        from . import fetch

        received = io.BytesIO()
        fetch.exchange(request.url, received, _CERTIFICATE_BYTES, until, self._ways)
        found = certificates_in(received.getvalue())
        if not found:
            return Failure("malformed", "there is no certificate to be read")
        self.store.put(_key(request), [
            time.time(), *(base64.b64encode(one).decode() for one in found)])
        return found

    def _issuers(self, request: Request) -> tuple[tuple[bytes, ...], float]:
        value = self.store.value(_key(request))
        if not isinstance(value, list) or not value:
            return (), 0.0
        since, *encoded = value
        return tuple(base64.b64decode(one) for one in encoded), float(since)


def sources_of(settings: Settings, target: Target, store: Store) -> Sources:
    """The sources of the targets that allow what this one allows.

    Raises ValueError when ``allow_private_revocation`` names no network.
    """
    allowed = settings.allow_private_revocation + target.allow_private_revocation
    return Sources(store, Ways(networks(allowed), settings.http_proxy, settings.no_proxy))


def _key(request: Request) -> str:
    """By what an answer is kept: what it depends on."""
    if request.kind == "ocsp":
        who = verdict_key(request.certificate, *request.signers)
    else:
        who = verdict_key(*request.signers)
    return f"{request.kind} {request.url} {who}"


def _origin(request: Request) -> str:
    """The server that is asked."""
    return "server " + urlsplit(request.url).netloc.lower()


def _refresh_at(kept: Kept) -> int:
    return refresh_at(kept.crl.head.next_update, kept.checked_at)


def _is_fresh(kept: Kept, now: float) -> bool:
    head = kept.crl.head
    return freshness(head.this_update, head.next_update, int(now)) is None


def _to_der(scratch: Scratch) -> None:
    """A CRL that came as PEM, as some servers have it, to DER."""
    with scratch.mapped() as data:
        if data[:1] == b"\x30":
            return
        encoded = next(decoded(data[:]))
    scratch.file.seek(0)
    scratch.file.truncate()
    scratch.file.write(encoded)
