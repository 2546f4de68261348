"""Basic authentication (RFC 7617) against bcrypt hashes.

A bcrypt hash takes tens of milliseconds by design, so an answer is remembered, yes and no alike, by
a digest of what was asked. Names that nobody has take as long as names that somebody has.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import os
import threading
from collections.abc import Mapping

_MOST_REMEMBERED = 1000
_MOST_PASSWORD = 72  # bytes that bcrypt looks at


class Login:
    """Who may enter. From many threads."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = dict(users)
        self._salt = os.urandom(32)  # what is remembered is of no use anywhere else
        self._known: dict[bytes, bool] = {}
        self._one_at_a_time = threading.Lock()  # guessing takes one core, not all

    def remembered(self, header: str) -> bool | None:
        """The answer for the value of an Authorization header, when it takes no time."""
        if not self._users:
            return True
        return self._known.get(self._digest(header)) if header else False

    def ask(self, header: str) -> bool:
        """The answer, however long it takes."""
        known = self.remembered(header)
        if known is not None:
            return known
        with self._one_at_a_time:
            known = self.remembered(header)
            if known is None:
                known = self._check(header)
                if len(self._known) >= _MOST_REMEMBERED:
                    self._known.clear()
                self._known[self._digest(header)] = known
        return known

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
