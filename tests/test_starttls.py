"""The dialogues before TLS, played from a script: whole, byte by byte, cut short, and garbled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starttls_dialogues import (
    BAD,
    GOOD,
    HOST,
    INJECTED,
    TELNET_FOLLOWS,
    TELNET_WILL,
    Talk,
)

from zabbix_ssl import model
from zabbix_ssl.probing.starttls import (
    PROTOCOLS,
    Refused,
    Unwrapper,
    dialogue,
    protocol_for,
)
from zabbix_ssl.probing.starttls.conversation import MAX_DIALOGUE, MAX_LINE, MAX_LINES, told


class Waiting(Exception):
    """The dialogue wants more than the script has."""


def play(talk: Talk, piece: int | None = None) -> bytes:
    """Plays the server's part in pieces of so many bytes; what the dialogue returns.

    Raises what the dialogue raises, and Waiting.
    """
    steps = dialogue(talk.protocol, HOST)
    said = next(steps)
    for expected, words in talk.turns:
        # How telnet's answers are ordered depends on how the options came, and does not matter.
        assert said == expected or (piece and talk.protocol == "telnet"
                                    and sorted(said) == sorted(expected))
        said = b""
        size = piece or len(words)
        for at in range(0, len(words), size):
            try:
                said += steps.send(words[at:at + size])
            except StopIteration as end:
                assert (expected, words) == talk.turns[-1]
                assert at + size >= len(words)
                assert isinstance(end.value, bytes)
                return end.value
    raise Waiting


def names(talks: Iterable[Talk]) -> list[str]:
    return [f"{talk.protocol}: {talk.name}" for talk in talks]


good = pytest.mark.parametrize("talk", GOOD, ids=names(GOOD))
bad = pytest.mark.parametrize("talk", BAD, ids=names(BAD))


@good
def test_a_good_dialogue_leads_to_tls(talk: Talk) -> None:
    """We say what the protocol wants, and end where the next byte is TLS."""
    assert play(talk) == talk.returns


@good
def test_a_good_dialogue_may_come_byte_by_byte(talk: Talk) -> None:
    """How the bytes are cut makes no difference."""
    assert play(talk, piece=1) == talk.returns


@good
def test_a_good_dialogue_cut_short_anywhere_does_not_lead_to_tls(talk: Talk) -> None:
    """When the server closes before its go-ahead is whole, that is told as such."""
    words = [(turn, words[:end]) for turn, (_, words) in enumerate(talk.turns)
             for end in range(len(words))]
    for turn, cut in words:
        steps = dialogue(talk.protocol, HOST)
        next(steps)
        for _, whole in talk.turns[:turn]:
            steps.send(whole)
        if cut:
            steps.send(cut)
        with pytest.raises(Refused, match="closed the connection") as refused:
            steps.send(b"")
        assert refused.value.failure.reason == "closed"


@bad
def test_a_bad_dialogue_is_refused_and_says_why(talk: Talk) -> None:
    """Not offered, refused and nonsense are told apart, with the server's own words."""
    with pytest.raises(Refused) as refused:
        play(talk)
    assert talk.failure in refused.value.failure.message
    assert refused.value.failure.reason == talk.reason
    assert refused.value.failure.message.isprintable()


@bad
def test_a_bad_dialogue_is_refused_byte_by_byte_too(talk: Talk) -> None:
    """Nonsense is refused at its first byte; all else as when it comes whole."""
    with pytest.raises(Refused) as refused:
        play(talk, piece=1)
    assert refused.value.failure.reason == talk.reason
    early = "this is no " + PROTOCOLS[talk.protocol].label
    if early not in refused.value.failure.message and "old error" not in talk.name:
        assert talk.failure in refused.value.failure.message


@pytest.mark.parametrize("talk", INJECTED, ids=names(INJECTED))
def test_bytes_behind_the_go_ahead_are_never_taken_for_tls(talk: Talk) -> None:
    """They were not sent under the protection of TLS (CVE-2011-0411, CVE-2021-23222)."""
    with pytest.raises(Refused, match=talk.failure) as refused:
        play(talk)
    assert refused.value.failure.reason == "starttls"


def endless(protocol: str, turns: Iterable[bytes], flood: bytes) -> tuple[Refused, int]:
    """Sends ``flood`` after ``turns`` until the dialogue has enough; how many bytes that took."""
    steps = dialogue(protocol, HOST)
    next(steps)
    for words in turns:
        steps.send(words)
    taken = 0
    with pytest.raises(Refused) as refused:
        while taken < 10 * MAX_DIALOGUE:
            taken += len(flood)
            steps.send(flood)
    return refused.value, taken


ENDLESS = (
    ("smtp", (), b"220-welcome\r\n", "more than 100 lines"),
    ("smtp", (b"220 x\r\n",), b"250-KEYWORD\r\n", "more than 100 lines"),
    ("smtp", (), b"2", "a line of more than 4096 bytes"),
    ("smtp", (), b"220 " + b"x" * 5000 + b"\r\n", "a line of more than 4096 bytes"),
    ("smtp", (), b"220-" + b"x" * 4000 + b"\r\n", "more than 64 KiB"),
    ("ftp", (b"220-x\r\n",), b"\r\n", "more than 100 lines"),
    ("imap", (b"* OK hello\r\n",), b"* OK wait\r\n", "more than 100 lines"),
    ("sieve", (), b'"X" "Y"\r\n', "more than 100 lines"),
    ("sieve", (b'"X" {1}\r\n',), b"x {1}\r\n", "more than 100 lines"),
    ("irc", (), b"NOTICE * :wait\r\n", "more than 100 lines"),
    ("irc", (), b"PING :x\r\n", "more than 100 lines"),
    ("xmpp", (), b"<stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
                 b"version='1.0'>" + b"<stream:features>" * 1000, "more than 64 KiB"),
    ("xmpp", (), b" ", "more than 64 KiB"),
    ("telnet", (), b"Welcome!\r\n", "more than 64 KiB"),
    ("telnet", (), b"\xff\xfd\x18", "more than 64 KiB"),
    ("mssql", (), bytes.fromhex("0400000800000100"), "more than 64 KiB"),
)


@pytest.mark.parametrize(("protocol", "turns", "flood", "why"), ENDLESS)
def test_a_server_that_never_comes_to_the_point_is_left(
        protocol: str, turns: tuple[bytes, ...], flood: bytes, why: str) -> None:
    """Lines, messages and the whole dialogue are bounded."""
    refused, taken = endless(protocol, turns, flood)
    assert why in refused.failure.message
    assert refused.failure.reason == "starttls"
    assert taken <= MAX_DIALOGUE + len(flood)


def test_a_greeting_at_the_bounds_is_still_taken() -> None:
    """The twin of the endless ones: as many lines, and as long, as are allowed."""
    long = b"220-" + b"x" * (MAX_LINE - 5) + b"\r\n"
    greeting = long + b"220-x\r\n" * (MAX_LINES - 5) + b"220 x\r\n"
    assert play(Talk("smtp", "", ((b"", greeting), (b"EHLO [127.0.0.1]\r\n",
                                                    b"250-x\r\n250 STARTTLS\r\n"),
                                  (b"STARTTLS\r\n", b"220 go\r\n")))) == b""


def test_replies_wait_until_there_is_nothing_to_read() -> None:
    """A ping that comes together with the go-ahead must not make us wait for more."""
    steps = dialogue("irc", HOST)
    next(steps)
    with pytest.raises(StopIteration):
        steps.send(b"PING :x\r\n:irc.example 670 * :go\r\n")


def test_telnet_does_not_ask_while_the_server_may_be_asking() -> None:
    """The first byte of DO START_TLS is no reason to say WILL; something else that is whole is."""
    steps = dialogue("telnet", HOST)
    next(steps)
    assert steps.send(b"\xff\xfd") == b""
    assert steps.send(b"\x18") == b"\xff\xfc\x18" + TELNET_WILL


def test_telnet_takes_no_go_ahead_before_it_was_agreed_on() -> None:
    """FOLLOWS out of the blue does not lead to TLS."""
    steps = dialogue("telnet", HOST)
    next(steps)
    assert steps.send(TELNET_FOLLOWS) == TELNET_WILL


def test_the_domain_cannot_break_out_of_its_attribute() -> None:
    """What stands in the configuration is quoted as XML wants it."""
    assert b"to='a&apos; &lt;&amp;' version" in next(dialogue("xmpp", "a' <&"))


def test_words_of_the_server_are_fit_to_print() -> None:
    """Short, on one line, nothing that steers a terminal; what is not text is shown as bytes."""
    assert told(b"550 no\r\n\x1b[31m\xe2\x80\xaeway") == "550 no [31m way"
    assert told(b"\x16\x03\x01\0") == "bytes 16 03 01 00"
    assert told(b"") == ""
    assert len(told("ä" * 5000)) == 120


# The table


def test_the_table_is_in_step_with_the_names_of_the_contract() -> None:
    """Configuration accepts exactly the words that can be spoken."""
    assert tuple(sorted(PROTOCOLS)) == tuple(sorted(model.PROTOCOL_NAMES))
    assert set(model.DEFAULT_PORTS.values()) <= set(PROTOCOLS)
    assert {talk.protocol for talk in GOOD} == set(PROTOCOLS)
    assert {talk.protocol for talk in BAD} == set(PROTOCOLS) - {"submission", "xmpp-server"}


@pytest.mark.parametrize(("port", "asked", "protocol"), [
    (25, None, "smtp"), (587, None, "smtp"), (110, None, "pop3"), (143, None, "imap"),
    (21, None, "ftp"), (389, None, "ldap"), (5222, None, "xmpp"), (5269, None, "xmpp-server"),
    (119, None, "nntp"), (4190, None, "sieve"), (6667, None, "irc"), (5432, None, "postgres"),
    (3306, None, "mysql"), (1433, None, "mssql"), (3389, None, "rdp"),
    (443, None, None), (465, None, None), (993, None, None), (23, None, None),
    (25, "none", None), (443, "none", None), (443, "imap", "imap"), (25, "lmtp", "lmtp"),
])
def test_the_port_chooses_the_protocol_unless_one_is_asked_for(
        port: int, asked: str | None, protocol: str | None) -> None:
    """The well-known ports, and "none" to turn that off."""
    assert protocol_for(port, asked) == protocol


def test_only_mssql_wraps_the_handshake() -> None:
    """Every other row leaves the bytes of TLS alone."""
    wrapping = [name for name, row in PROTOCOLS.items() if row.wrap or row.unwrapper]
    assert wrapping == ["mssql"]


# TLS in the packets of TDS


def wrap(data: bytes) -> bytes:
    row = PROTOCOLS["mssql"]
    assert row.wrap is not None
    return row.wrap(data)


def test_a_short_flight_is_one_packet() -> None:
    """Type PRELOGIN, end of message, length with the header."""
    assert wrap(b"\x16\x03\x01") == bytes.fromhex("1201000b00000100") + b"\x16\x03\x01"
    assert wrap(b"") == b""


def test_a_long_flight_is_cut_into_packets_of_4096_bytes() -> None:
    """Only the last one ends the message."""
    packets = wrap(b"x" * 5000)
    assert packets[:8] == bytes.fromhex("1200100000000100")
    assert packets[4096:4104] == bytes.fromhex("1201039800000200")
    assert len(packets) == 5016


def test_behind_the_handshake_the_bytes_are_bare() -> None:
    """A TLS record where a packet should start ends the wrapping for good."""
    unwrapper = Unwrapper()
    assert unwrapper.feed(wrap(b"hello") + b"\x17\x03\x03") == b"hello\x17\x03\x03"
    assert unwrapper.feed(b"\x12\x01") == b"\x12\x01"


@pytest.mark.parametrize("data", [b"HTTP/1.1", b"\x12\x01\0\x07\0\0\0\0", b"\x04\x01\0\0\0\0\0\0"])
def test_what_is_neither_tds_nor_tls_is_refused(data: bytes) -> None:
    """Another protocol, and packets shorter than their header."""
    with pytest.raises(Refused, match="neither TLS nor TDS"):
        Unwrapper().feed(data)


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=9000), max_size=4), st.data())
def test_unwrapping_undoes_wrapping_however_it_is_cut(flights: list[bytes], data: st.DataObject
                                                      ) -> None:
    """For all flights and all cuts."""
    stream = b"".join(wrap(flight) for flight in flights)
    unwrapper = Unwrapper()
    seen = b"".join(unwrapper.feed(piece) for piece in cut(stream, data))
    assert seen == b"".join(flights)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=64), max_size=8))
def test_unwrapping_raises_nothing_but_refused(pieces: list[bytes]) -> None:
    """For all bytes."""
    unwrapper = Unwrapper()
    try:
        seen = b"".join(unwrapper.feed(piece) for piece in pieces)
    except Refused:
        return
    assert len(seen) <= sum(map(len, pieces))


# Garbled


def cut(stream: bytes, data: st.DataObject) -> Iterator[bytes]:
    """The stream in pieces."""
    ends = sorted(data.draw(st.sets(st.integers(1, max(1, len(stream))), max_size=6)))
    for start, end in zip([0, *ends], [*ends, len(stream)], strict=True):
        if stream[start:end]:
            yield stream[start:end]


def listen(protocol: str, pieces: Iterable[bytes]) -> None:
    """Sends the pieces and closes. The dialogue must end, by TLS or by Refused."""
    steps = dialogue(protocol, HOST)
    next(steps)
    try:
        for piece in pieces:
            steps.send(piece)
        steps.send(b"")
    except StopIteration as end:
        assert isinstance(end.value, bytes)
    except Refused as refused:
        assert refused.failure.reason in ("starttls", "closed")
        assert refused.failure.message.isprintable()
        assert len(refused.failure.message) < 400
    else:
        pytest.fail("the dialogue goes on after the server closed")


@given(st.sampled_from(sorted(PROTOCOLS)), st.lists(st.binary(min_size=1, max_size=64), max_size=8))
@settings(max_examples=500, deadline=None)
def test_any_bytes_end_in_tls_or_refused(protocol: str, pieces: list[bytes]) -> None:
    """Nothing else is raised, whatever the server says."""
    listen(protocol, pieces)


@given(st.sampled_from([*GOOD, *BAD]), st.data())
@settings(max_examples=1000, deadline=None)
def test_garbled_dialogues_end_in_tls_or_refused(talk: Talk, data: st.DataObject) -> None:
    """The same from nearer: real dialogues with bytes changed, left out, put in or said twice."""
    stream = bytearray(b"".join(words for _, words in talk.turns))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(stream) - 1))
        end = data.draw(st.integers(at, min(at + 8, len(stream))))
        stream[at:end] = data.draw(st.one_of(
            st.binary(max_size=4), st.just(bytes(stream[at:end]) * 2)))
        if not stream:
            return
    listen(talk.protocol, cut(bytes(stream), data))


@settings(deadline=None)
@given(st.sampled_from(sorted(PROTOCOLS)), st.sampled_from([*GOOD, *BAD]), st.data())
def test_servers_of_another_protocol_end_in_tls_or_refused(
        protocol: str, talk: Talk, data: st.DataObject) -> None:
    """Every protocol, spoken to every server."""
    listen(protocol, cut(b"".join(words for _, words in talk.turns), data))


def test_the_documentation_has_every_protocol_and_its_ports() -> None:
    """docs/starttls.md is in step with the table."""
    page = (Path(__file__).parent.parent / "docs" / "starttls.md").read_text()
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `")][1:]
    documented = {name.strip(" `"): {int(port) for port in row[2].split(",") if port.strip()}
                  for row in rows for name in row[1].split(",")}
    wanted: dict[str, set[int]] = {name: set() for name in PROTOCOLS}
    for port, name in model.DEFAULT_PORTS.items():
        wanted[name].add(port)
    wanted["submission"] = wanted["smtp"]
    assert documented == wanted
