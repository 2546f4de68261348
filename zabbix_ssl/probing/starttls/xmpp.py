"""XMPP (RFC 6120 section 5), between client and server and between servers."""

from __future__ import annotations

from typing import Any

from .conversation import Conversation, Steps
from .lines import Speak

_STREAMS = "http://etherx.jabber.org/streams"
_TLS = "urn:ietf:params:xml:ns:xmpp-tls"
_STARTTLS = f"<starttls xmlns='{_TLS}'/>".encode()


def xmpp(content: str) -> Speak:
    """The dialogue of a stream whose content namespace is ``content``."""

    def speak(talk: Conversation, host: str) -> Steps[bytes]:
        name = host.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&apos;")
        stream = _Stream(talk)
        yield from talk.ask("the opening of a stream", (
            f"<?xml version='1.0'?><stream:stream xmlns='{content}' xmlns:stream='{_STREAMS}' "
            f"to='{name}' version='1.0'>").encode())
        features = yield from stream.element(f"{_STREAMS} features")
        if f"{_TLS} starttls" not in features:
            raise talk.not_offered()
        yield from talk.ask("STARTTLS", _STARTTLS)
        yield from stream.element(f"{_TLS} proceed")
        return b""

    return speak


class _Stream:
    """The server's stream, cut into the elements at its first level.

    Expat reads it, namespaces resolved. It is fed up to each ">" and no further, so that what
    follows an element is still in the buffer when the element is whole. A document type, which XMPP
    forbids (RFC 6120 section 11.1) and which could define entities without end, is refused.
    """

    def __init__(self, talk: Conversation) -> None:
        from pyexpat import ParserCreate  # on use: no other protocol wants XML

        self._talk = talk
        self._begun = False
        self._depth = 0
        self._names: list[str] = []  # of the element being read, and of all in it
        self._whole = False
        self._parser: Any = ParserCreate("UTF-8", " ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._doctype
        if hasattr(self._parser, "SetReparseDeferralEnabled"):  # Python 3.11.9 with Expat 2.6
            self._parser.SetReparseDeferralEnabled(False)

    def element(self, wanted: str) -> Steps[list[str]]:
        """The next element at the first level, which must be ``wanted``: all names in it."""
        from pyexpat import ExpatError

        talk, buffer = self._talk, self._talk.buffer
        self._names, self._whole = [], False
        while not self._whole:
            while (end := buffer.find(b">")) < 0:
                if not (self._begun or b"<".startswith(buffer.lstrip()[:1])):
                    raise talk.nonsense(bytes(buffer))
                yield from talk.more()
            self._begun = True
            data = bytes(buffer[:end + 1])
            del buffer[:end + 1]
            try:
                self._parser.Parse(data, False)
            except ExpatError:
                raise talk.nonsense(data) from None
        if self._names[0] != wanted:
            # <stream:error> and <failure> have the condition as their first child.
            raise talk.refused(" ".join(name.split(" ")[-1] for name in self._names[:2]))
        return self._names

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > 1:
            self._names.append(name)
        elif name != f"{_STREAMS} stream":
            raise self._talk.nonsense(f"<{name}>".encode())
        elif not attributes.get("version"):
            raise self._talk.not_offered("it speaks XMPP from before version 1.0")

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._depth == 0:
            raise self._talk.fault(f"ended the stream after {self._talk.asked}")
        if self._depth == 1:
            self._whole = True

    def _doctype(self, *declaration: object) -> None:
        raise self._talk.fault("sends a document type, which XMPP forbids")
