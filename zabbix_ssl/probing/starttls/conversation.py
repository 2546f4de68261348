"""What a server says before TLS: it comes in any pieces, is bounded, and is never trusted.

A step of a dialogue is a generator: it yields bytes to send (b"" to wait for more) and is sent the
bytes that arrived since, b"" when the peer closed. Steps are put together with ``yield from``.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from ...model import Failure

MAX_LINE = 4096  # bytes of a line, or of a binary message
MAX_LINES = 100  # of the whole dialogue; long greetings have some twenty
MAX_DIALOGUE = 65536  # bytes of the whole dialogue
_MAX_WORDS = 120  # characters of the server's own words in a sentence

T = TypeVar("T")
Steps = Generator[bytes, bytes, T]


class Refused(Exception):
    """The dialogue does not lead to TLS; ``failure`` tells why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Conversation:
    """What has arrived and was not read yet, and how to tell what goes wrong with it."""

    __slots__ = ("_bytes", "_lines", "_replies", "asked", "buffer", "command", "label")

    def __init__(self, label: str, command: str) -> None:
        self.label = label  # "SMTP"
        self.command = command  # what asks for TLS: "STARTTLS", "AUTH TLS"
        self.asked = ""  # what the server was asked last, "" while it is expected to greet
        self.buffer = bytearray()
        self._bytes = 0
        self._lines = 0
        self._replies = b""

    def ask(self, what: str, request: bytes) -> Steps[None]:
        """Send ``request``, which people know as ``what``, and take in what comes first."""
        self.asked = what
        yield from self.more(request)

    def more(self, send: bytes = b"") -> Steps[None]:
        """Take in what comes next, after sending ``send`` and the replies."""
        arrived = yield self._replies + send
        self._replies = b""
        if not arrived:
            when = f"after {self.asked}" if self.asked else "without a greeting"
            raise self.fault(f"closed the connection {when}", "closed")
        self._bytes += len(arrived)
        if self._bytes > MAX_DIALOGUE:
            raise self.fault(f"says more than {MAX_DIALOGUE // 1024} KiB without getting to TLS")
        self.buffer += arrived

    def reply(self, data: bytes) -> None:
        """Send ``data`` when there is nothing more to read: what we wait for may be there."""
        self._replies += data

    def line(self, first: bytes = b"") -> Steps[bytes]:
        """The next line, without its end; it must begin with one of the bytes of ``first``, if any.

        The first byte is looked at before the line is whole, so that a server that speaks some
        binary protocol, and no line ends, is told from a slow one.
        """
        buffer = self.buffer
        while True:
            if first and buffer and buffer[0] not in first:
                raise self.nonsense(bytes(buffer).split(b"\n", 1)[0])
            end = buffer.find(b"\n")
            if end > MAX_LINE or (end < 0 and len(buffer) > MAX_LINE):
                raise self.fault(f"sends a line of more than {MAX_LINE} bytes")
            if end >= 0:
                break
            yield from self.more()
        self._lines += 1
        if self._lines > MAX_LINES:
            raise self.fault(f"says more than {MAX_LINES} lines without getting to TLS")
        line = bytes(buffer[:end])
        del buffer[:end + 1]
        return line.rstrip(b"\r")

    def peek(self, count: int) -> Steps[bytes]:
        """The next ``count`` bytes, which stay to be read."""
        if count > MAX_LINE:
            raise self.fault(f"sends a message of more than {MAX_LINE} bytes")
        while len(self.buffer) < count:
            yield from self.more()
        return bytes(self.buffer[:count])

    def exactly(self, count: int) -> Steps[bytes]:
        """The next ``count`` bytes."""
        data = yield from self.peek(count)
        del self.buffer[:count]
        return data

    def end(self) -> None:
        """The next byte has to be TLS. What is there already was not sent under its protection."""
        if self.buffer:
            raise self.fault("sent bytes before the TLS handshake, behind its go-ahead: "
                             f"{told(bytes(self.buffer))} (somebody on the way may have put "
                             "them there)")

    def fault(self, what: str, reason: str = "starttls") -> Refused:
        """The server does something that leads nowhere; ``what`` goes on from its name."""
        return Refused(Failure(reason, f"the {self.label} server {what}"))

    def not_offered(self, why: str = "") -> Refused:
        """The server does not know how to start TLS."""
        return self.fault(f"does not offer {self.command}{why and f' ({why})'}: give it a "
                          "certificate and turn TLS on")

    def refused(self, words: bytes | str) -> Refused:
        """The server said no to what it was asked last, in its own words."""
        return self.fault(f"refused {self.asked or 'the connection'}: {told(words)}")

    def nonsense(self, said: bytes) -> Refused:
        """What the server said does not belong to the protocol."""
        if said[:1] in (b"\x15", b"\x16") and said[1:2] in (b"\x03", b""):
            why = 'it speaks TLS from the first byte: set starttls to "none"'
        else:
            why = f"it said {told(said)}: look at the port and at starttls"
        return Refused(Failure("starttls", f"this is no {self.label} server: {why}"))


def told(words: bytes | str) -> str:
    """A server's own words, made fit for a line of a log, a terminal or a web page."""
    if isinstance(words, bytes):
        text = words[:4 * _MAX_WORDS].decode("utf-8", "replace")
    else:
        text = words[:4 * _MAX_WORDS]
    text = " ".join("".join(c if c.isprintable() and c != "\ufffd" else " " for c in text).split())
    if not text and words:
        raw = words if isinstance(words, bytes) else words.encode("utf-8", "replace")
        return f"bytes {raw[:16].hex(' ')}"
    return text if len(text) <= _MAX_WORDS else text[:_MAX_WORDS - 3] + "..."
