"""Basic authentication (RFC 7617) against bcrypt hashes.

A bcrypt hash takes tens of milliseconds by design, so an answer is remembered, yes and no alike, by
a digest of what was asked. Names that nobody has take as long as names that somebody has.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping

_MOST_REMEMBERED = 1000
_MOST_PASSWORD = 72  # bytes that bcrypt looks at


class Login:
    """Who may enter. ``ask`` takes its time: call it in a thread of its own, so that guessing takes
    one core and not all."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = dict(users)
        self._salt = os.urandom(32)  # what is remembered is of no use anywhere else
        self._welcome: set[bytes] = set()
        self._refused: set[bytes] = set()  # apart: guesses are not to push out who belongs here

    @property
    def guards(self) -> bool:
        """There are users, and only they may enter."""
        return bool(self._users)

    def is_of(self, users: Iterable[tuple[str, str]]) -> bool:
        """Are these its users?"""
        return self._users == dict(users)

    def remembered(self, header: str) -> bool | None:
        """The answer for the value of an Authorization header, where it takes no time."""
        if not self._users:
            return True
        if not header:
            return False
        digest = self._digest(header)
        return True if digest in self._welcome else False if digest in self._refused else None

    def ask(self, header: str) -> bool:
        """The answer, however long it takes."""
        known = self.remembered(header)
        if known is not None:
            return known
        fits = self._check(header)
        remember = self._welcome if fits else self._refused
        if len(remember) >= _MOST_REMEMBERED:
            remember.clear()
        remember.add(self._digest(header))
        return fits

    def _digest(self, header: str) -> bytes:
        return hmac.digest(self._salt, header.encode("utf-8", "surrogateescape"), hashlib.sha256)

    def _check(self, header: str) -> bool:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            pair = binascii.a2b_base64(token.strip(), strict_mode=True)
        except ValueError:
            return False
        name, colon, password = pair.partition(b":")
        hashed = self._users.get(name.decode("utf-8", "replace"))
        fits = _fits(password, hashed or next(iter(self._users.values())))
        return bool(colon and hashed and fits)


def _fits(password: bytes, hashed: str) -> bool:
    import bcrypt

    return bcrypt.checkpw(password[:_MOST_PASSWORD], hashed.encode())
