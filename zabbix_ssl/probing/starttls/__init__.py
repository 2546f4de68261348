"""What is spoken before TLS, one row a protocol: bytes in, bytes out, no sockets.

    steps = dialogue("smtp", "mx.example")
    send = next(steps)                    # b"": wait for the server to speak
    while True:
        ... send it, receive something    # b"" when the peer closed
        send = steps.send(received)       # StopIteration: send its value, then speak TLS
                                          # Refused: its failure tells why there is no TLS

Rules
- Bytes come in any pieces. Lines, messages and the whole dialogue are bounded (see conversation).
- When a dialogue returns, the next byte from the server is the first of TLS. Bytes that are there
  already came without its protection: that is refused, never handed on (CVE-2011-0411 and its kin).
- Nothing but Refused is raised, whatever the server says.
- A protocol may put the TLS handshake into packets of its own: its row has ``wrap`` for bytes that
  go out and makes an ``unwrapper`` for those that come in. What a dialogue returns is not wrapped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ...model import DEFAULT_PORTS, PROTOCOL_NAMES, protocol_for
from .binary import ldap, mysql, postgres, rdp, telnet
from .conversation import Conversation, Refused, Steps
from .lines import (
    Speak,
    Turn,
    ftp_reply,
    imap,
    irc,
    mail,
    pop3_reply,
    script,
    sieve,
    smtp_reply,
)
from .tds import Unwrapper, mssql, wrap
from .xmpp import xmpp

__all__ = ["DEFAULT_PORTS", "PROTOCOLS", "PROTOCOL_NAMES", "Protocol", "Refused", "Unwrapper",
           "dialogue", "protocol_for"]


class Protocol(NamedTuple):
    """One row: how to get from a fresh connection to TLS."""

    label: str  # what people call it
    command: str  # what asks for TLS
    speak: Speak
    wrap: Callable[[bytes], bytes] | None = None  # TLS bytes to what goes out
    unwrapper: Callable[[], Unwrapper] | None = None  # made anew for each connection


_SMTP = Protocol("SMTP", "STARTTLS", script(smtp_reply, *mail("EHLO")))  # RFC 3207

PROTOCOLS: dict[str, Protocol] = {
    "smtp": _SMTP,
    "submission": _SMTP,  # RFC 6409
    "lmtp": Protocol("LMTP", "STARTTLS", script(smtp_reply, *mail("LHLO"))),  # RFC 2033
    "imap": Protocol("IMAP", "STARTTLS", imap),  # RFC 9051
    "pop3": Protocol("POP3", "STLS", script(  # RFC 2595 section 4
        pop3_reply, Turn("", b"", (b"+OK",)), Turn("STLS", b"STLS", (b"+OK",)))),
    "ftp": Protocol("FTP", "AUTH TLS", script(  # RFC 4217
        ftp_reply, Turn("", b"", (b"220",)), Turn("AUTH TLS", b"AUTH TLS", (b"234",)))),
    "ldap": Protocol("LDAP", "StartTLS", ldap),
    "xmpp": Protocol("XMPP", "STARTTLS", xmpp("jabber:client")),
    "xmpp-server": Protocol("XMPP", "STARTTLS", xmpp("jabber:server")),
    "nntp": Protocol("NNTP", "STARTTLS", script(  # RFC 4642
        smtp_reply, Turn("", b"", (b"200", b"201")), Turn("STARTTLS", b"STARTTLS", (b"382",)))),
    "sieve": Protocol("ManageSieve", "STARTTLS", sieve),
    "irc": Protocol("IRC", "STARTTLS", irc),
    "postgres": Protocol("PostgreSQL", "TLS", postgres),
    "mysql": Protocol("MySQL", "TLS", mysql),
    "mssql": Protocol("MSSQL", "TLS", mssql, wrap, Unwrapper),
    "rdp": Protocol("RDP", "TLS", rdp),
    "telnet": Protocol("telnet", "START_TLS", telnet),
}


def dialogue(protocol: str, host: str) -> Steps[bytes]:
    """Get to TLS with ``protocol``, a key of PROTOCOLS, for ``host``, a name that goes on the wire.

    Yields bytes to send (b"" to wait for more), is sent the bytes that arrived since (b"" when the
    peer closed). Returns bytes that have to be sent before the first of TLS, mostly none. Raises
    Refused with a failure of reason "starttls", or "closed" when the peer closed the connection.
    """
    row = PROTOCOLS[protocol]
    talk = Conversation(row.label, row.command)
    last = yield from row.speak(talk, host)
    talk.end()
    return last
