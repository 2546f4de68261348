"""What the web configuration file says, as it is now.

It is looked at again while the exporter runs, and so are the certificates that it names, so that
renewed ones are served without a restart.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Iterable
from typing import Any

from ..mistakes import ConfigError
from . import web_config
from .login import Login
from .server import Front
from .web_config import Tls, WebConfig

_LOOK = 1.0  # seconds between two looks at the files


class Gate:
    """TLS, users and headers. Raises ConfigError when the file is wrong at the start; one that is
    broken later is told, and what was holds."""

    def __init__(self, path: str | None, say: Callable[[str], None],
                 loaded: Callable[[bool, float | None], None]) -> None:
        self._path = path
        self._say = say
        self._loaded = loaded
        self._stamp: tuple[object, ...] = ()
        self._look_at = time.monotonic() + _LOOK
        self.login = Login({})
        self._front = Front()
        if path:
            self._take(web_config.load(path))

    @property
    def encrypted(self) -> bool:
        """TLS is spoken."""
        return self._front.tls is not None

    @property
    def guarded(self) -> bool:
        """Not everybody who can connect may ask."""
        return self.login.guards or bool(
            self._front.tls and self._front.tls.verify_mode is ssl.CERT_REQUIRED)

    def front(self) -> Front:
        """As it is now."""
        if self._path and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _LOOK
            if self._stamp != self._state():
                self.reload()
        return self._front

    def reload(self) -> None:
        """Read the files again."""
        if self._path is None:
            return
        try:
            self._take(web_config.load(self._path))
        except ConfigError as error:
            self._stamp = self._state()
            self._say(f"{error} (going on as before)")
            self._loaded(False, None)

    def _take(self, config: WebConfig) -> None:
        tls = web_config.context(config.tls) if config.tls else None
        self._files = _files(config.tls)
        self._stamp = self._state()
        if not self.login.is_of(config.users):
            self.login = Login(dict(config.users))
        names = frozenset(config.tls.client_names) if config.tls else frozenset()
        self._front = Front(tls, lambda connection: _admits(connection, names), config.headers)
        self._loaded(True, time.time())

    def _state(self) -> tuple[object, ...]:
        return tuple(_stamp(path) for path in (self._path or "", *self._files))


def _files(tls: Tls | None) -> tuple[str, ...]:
    return tuple(filter(None, (tls.cert_file, tls.key_file, tls.client_ca_file))) if tls else ()


def _stamp(path: str) -> tuple[int, ...]:
    try:
        state = os.stat(path)
    except OSError:
        return ()
    return state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino


def _admits(connection: ssl.SSLObject, names: Iterable[str]) -> bool:
    """Has the client's certificate one of the names that are allowed? (client_allowed_sans)"""
    if not names:
        return True
    certificate = connection.getpeercert() or {}
    alternatives: Any = certificate.get("subjectAltName", ())
    return not {value for _, value in alternatives}.isdisjoint(names)
