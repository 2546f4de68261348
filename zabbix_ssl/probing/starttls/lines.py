"""Protocols of lines: SMTP and its kin, IMAP, ManageSieve, IRC."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .conversation import Conversation, Refused, Steps, told

# How we introduce ourselves to mail servers. An address literal (RFC 5321 section 4.1.3) needs no
# name of ours, and passes checks that look a name up.
_CLIENT = b"[127.0.0.1]"

_DIGITS = b"0123456789"
_TEXT = b"\r\n" + bytes(range(0x20, 0x100))

Speak = Callable[[Conversation, str], Steps[bytes]]
#: Reads one reply: its code and its lines.
Reply = Callable[[Conversation], Steps[tuple[bytes, list[bytes]]]]


class Turn(NamedTuple):
    """One exchange: what we say, and what must come back for the next turn."""

    name: str  # what people call it; "" to be greeted
    say: bytes  # without its line end
    codes: tuple[bytes, ...]  # replies that let us go on
    offer: bytes = b""  # keyword that the reply must list


def mail(hello: str) -> tuple[Turn, ...]:
    """The turns of SMTP and LMTP, which differ in how they say hello."""
    return (Turn("", b"", (b"220",)),
            Turn(hello, hello.encode() + b" " + _CLIENT, (b"250",), b"STARTTLS"),
            Turn("STARTTLS", b"STARTTLS", (b"220",)))


def script(read: Reply, *turns: Turn) -> Speak:
    """A dialogue of commands and replies."""

    def speak(talk: Conversation, host: str) -> Steps[bytes]:
        for turn in turns:
            if turn.name:
                yield from talk.ask(turn.name, turn.say + b"\r\n")
            code, lines = yield from read(talk)
            if code not in turn.codes:
                raise _negative(talk, turn, code, lines)
            if turn.offer:
                _check_offer(talk, turn.offer, lines)
        return b""

    return speak


def _negative(talk: Conversation, turn: Turn, code: bytes, lines: list[bytes]) -> Refused:
    words = b" ".join([lines[0], *(line[4:] for line in lines[1:])])
    if turn.offer and code in (b"500", b"502"):
        return talk.not_offered(f"it answers {talk.asked} with {told(words)}")
    return talk.refused(words) if code[:1] in (b"4", b"5", b"-") else talk.nonsense(lines[0])


def _check_offer(talk: Conversation, offer: bytes, lines: list[bytes]) -> None:
    keywords = [line[4:].split(b" ", 1)[0].upper() for line in lines[1:]]
    if offer in keywords:
        return
    # Cisco's "inspect esmtp" overwrites what it does not want the client to see.
    if any(word.startswith(b"XXXX") for word in keywords):
        raise talk.not_offered("a firewall on the way masks what it offers: turn its SMTP "
                               "inspection off")
    raise talk.not_offered()


def smtp_reply(talk: Conversation) -> Steps[tuple[bytes, list[bytes]]]:
    """A reply of RFC 5321 section 4.2.1: every line has the code."""
    line, code = yield from _coded_line(talk)
    lines = [line]
    while line[3:4] == b"-":
        line = yield from talk.line(_DIGITS)
        if line[:3] != code:
            raise talk.nonsense(line)
        lines.append(line)
    return code, lines


def ftp_reply(talk: Conversation) -> Steps[tuple[bytes, list[bytes]]]:
    """A reply of RFC 959 section 4.2: anything may stand between the first and the last line."""
    line, code = yield from _coded_line(talk)
    lines = [line]
    if line[3:4] == b"-":
        while line[:4] != code + b" ":
            line = yield from talk.line()
            lines.append(line)
    return code, lines


def _coded_line(talk: Conversation) -> Steps[tuple[bytes, bytes]]:
    line = yield from talk.line(_DIGITS)
    code = line[:3]
    if len(code) < 3 or not code.isdigit() or line[3:4] not in (b" ", b"-", b""):
        raise talk.nonsense(line)
    return line, code


def pop3_reply(talk: Conversation) -> Steps[tuple[bytes, list[bytes]]]:
    """A single-line reply of RFC 1939 section 3: +OK or -ERR."""
    line = yield from talk.line(b"+-")
    code = line.split(b" ", 1)[0].upper()
    if code not in (b"+OK", b"-ERR"):
        raise talk.nonsense(line)
    return code, [line]


def imap(talk: Conversation, host: str) -> Steps[bytes]:
    """RFC 9051 sections 6.2.1 and 7.1."""
    greeting = yield from talk.line(b"*")
    upper = greeting.upper()
    status = upper.split(None, 2)[1:2]
    if status == [b"BYE"]:
        raise talk.refused(greeting)
    if status == [b"PREAUTH"]:
        raise talk.fault("has us logged in from the start (PREAUTH), and then there is no STARTTLS")
    if status != [b"OK"]:
        raise talk.nonsense(greeting)
    _, listed, capabilities = upper.partition(b"[CAPABILITY ")
    if not listed:
        capabilities = yield from _imap_command(talk, b"a", b"CAPABILITY")
    if b"STARTTLS" not in capabilities.partition(b"]")[0].split():
        raise talk.not_offered()
    yield from _imap_command(talk, b"b", b"STARTTLS")
    return b""


def _imap_command(talk: Conversation, tag: bytes, command: bytes) -> Steps[bytes]:
    """Give a command; what the server says about CAPABILITY on the way to its OK."""
    yield from talk.ask(command.decode(), tag + b" " + command + b"\r\n")
    capabilities = b""
    while True:
        line = yield from talk.line(b"*" + tag)
        words = line.upper().split(None, 2)
        if line.startswith(tag + b" "):
            if words[1:2] == [b"OK"]:
                return capabilities
            raise talk.refused(line) if words[1:2] in ([b"NO"], [b"BAD"]) else talk.nonsense(line)
        if words[0] != b"*":
            raise talk.nonsense(line)
        if words[1:2] == [b"BYE"]:
            raise talk.refused(line)
        if words[1:2] == [b"CAPABILITY"]:
            capabilities = b" ".join(words[2:])


def sieve(talk: Conversation, host: str) -> Steps[bytes]:
    """ManageSieve (RFC 5804 sections 1.7 and 2.2): the server greets with its capabilities."""
    capabilities = yield from _sieve_response(talk)
    if b"STARTTLS" not in capabilities:
        raise talk.not_offered()
    yield from talk.ask("STARTTLS", b"STARTTLS\r\n")
    yield from _sieve_response(talk)
    return b""


def _sieve_response(talk: Conversation) -> Steps[list[bytes]]:
    """The names of the capabilities before OK."""
    names: list[bytes] = []
    while True:
        line, literals = yield from _sieve_line(talk)
        if line[:1] == b'"':
            names.append(line[1:].partition(b'"')[0].upper())
        elif line[:1] == b"{":
            names += [literal.upper() for literal in literals[:1]]
        else:
            status = line.replace(b"(", b" ").split(None, 1)[0].upper()
            if status == b"OK":
                return names
            words = b" ".join([line, *literals])
            raise talk.refused(words) if status in (b"NO", b"BYE") else talk.nonsense(line)


def _sieve_line(talk: Conversation) -> Steps[tuple[bytes, list[bytes]]]:
    """A line and the literals in it: ``{12}`` at a line's end is followed by twelve bytes."""
    line = yield from talk.line(b'"{OoNnBb')
    literals = []
    while (count := line[line.rfind(b"{") + 1:-1].rstrip(b"+")).isdigit() and line[-1:] == b"}":
        size = int(count[:9])
        literals.append((yield from talk.exactly(size)))
        # A literal may be the last thing of its line.
        rest = yield from talk.peek(1)
        if rest in b"\r\n":
            yield from _line_end(talk)
            break
        line += yield from talk.line()
    return line, literals


def _line_end(talk: Conversation) -> Steps[None]:
    end = yield from talk.exactly(1)
    if end == b"\r":
        end = yield from talk.exactly(1)
    if end != b"\n":
        raise talk.nonsense(end)


# CAP LS first, because there are servers that do not answer commands they do not know before a
# client has registered. Nothing may follow STARTTLS.
_IRC_REQUEST = b"CAP LS\r\nSTARTTLS\r\n"


def irc(talk: Conversation, host: str) -> Steps[bytes]:
    """IRCv3 "tls": 670 RPL_STARTTLS, 691 ERR_STARTTLS. Notices come before, as they like."""
    yield from talk.ask("STARTTLS", _IRC_REQUEST)
    while True:
        line = yield from talk.line(_TEXT)
        command, words = _irc_message(line)
        about_cap = b"CAP" in words.upper().split(b" :", 1)[0].split()
        if command == b"670":
            return b""
        if command == b"CAP" and b"tls" not in words.replace(b":", b" ").split():
            raise talk.not_offered()
        if command in (b"421", b"451") and not about_cap:
            raise talk.not_offered(told(words))
        if command in (b"691", b"ERROR"):
            raise talk.refused(words)
        if command == b"PING":
            talk.reply(b"PONG " + words + b"\r\n")
        elif not command.isdigit() and command not in (b"CAP", b"NOTICE", b""):
            raise talk.nonsense(line)


def _irc_message(line: bytes) -> tuple[bytes, bytes]:
    """Command and parameters, without tags and source (RFC 1459 section 2.3.1)."""
    words = line.strip()
    for mark in (b"@", b":"):
        if words[:1] == mark:
            words = words.partition(b" ")[2].lstrip()
    command, _, rest = words.partition(b" ")
    return command.upper(), rest
