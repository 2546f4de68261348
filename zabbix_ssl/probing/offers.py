"""The questions to a server: which versions, which weak ciphers does it accept? No sockets.

A conversation is a generator. It yields a Question, which goes over a new connection, is sent the
Reply, or the Failure that came in its place, and returns what it has learnt in the end.

What an answer means is in the tables below, once for all conversations. A Failure "closed" means
that the server closed the connection in good order without having sent a byte. The handshake of
the audit has shown that it speaks TLS, and so that is a refusal: many servers turn away in this way
what they do not want. A reset or silence may as well come from a firewall or from an overloaded
machine: it says nothing of the server, and stays unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import NamedTuple, TypeVar

from ..model import TLS_VERSIONS, Failure, Offer
from .hello import sslv2_client_hello, tls_client_hello
from .replies import Reply, ReplyReader, read_sslv2_reply
from .suites import OLD, TLS12, TLS12_RARE, TLS13, name_of, weak_at


class Question(NamedTuple):
    """A hello to send over a connection of its own, and the reader of what comes back.

    ``read`` is given all bytes received so far, each time there are more, until it returns a Reply.
    """

    hello: bytes
    read: Callable[[bytes], Reply | None]


class WeakCiphers(NamedTuple):
    """The weak suites that a server accepts."""

    names: tuple[str, ...]  # IANA names, in the order of the server's preference
    unknown: str  # why some may be missing, "" when the list is whole


T = TypeVar("T")
Answer = Reply | Failure
Conversation = Generator[Question, Answer, T]

#: Alerts that say no to the version or to the suites offered.
_REFUSALS = frozenset((
    "handshake_failure",  # nothing in common: the usual no
    "protocol_version",
    "insufficient_security",
    "export_restriction",
    "inappropriate_fallback",  # to a hello below the newest version, though no fallback is claimed
    "internal_error",  # OpenSSL 3: the version is on, but no signature that is still allowed
    "close_notify",  # a farewell without a reason
))

#: Alerts of a server that cannot read the hello: it does not accept that version, but may accept an
#: older one, which it can read.
_COMPLAINTS = frozenset((
    "unexpected_message", "bad_record_mac", "record_overflow", "decode_error", "illegal_parameter",
    "missing_extension", "unsupported_extension",
))

#: After these the next question would most likely only wait and fail in the same way.
_LASTING = frozenset((
    "timeout", "refused", "unreachable", "dns", "starttls", "not_tls", "proxy", "internal"))


def _refuses(answer: Answer) -> bool:
    if isinstance(answer, Failure):
        return answer.reason == "closed"
    return answer.kind == "alert" and answer.alert in _REFUSALS | _COMPLAINTS


def _complains(answer: Answer) -> bool:
    return isinstance(answer, Reply) and answer.alert in _COMPLAINTS


def _lasts(answer: Answer) -> bool:
    """No use to ask this server further."""
    if isinstance(answer, Failure):
        return answer.reason in _LASTING
    return answer.kind in ("alert", "not_tls") and not _complains(answer)


def _accepts(answer: Answer) -> Reply | None:
    """The ServerHello, when the answer is one of a version that exists."""
    if isinstance(answer, Reply) and answer.version and answer.kind in (
            "server_hello", "hello_retry_request"):
        return answer
    return None


def _unknown(answer: Answer) -> str:
    """Why an answer tells nothing."""
    if isinstance(answer, Failure):
        return answer.message
    if answer.kind == "not_tls":
        return f"{answer.detail} answered"
    return f"the server answered with {answer.detail}"


def _offer(version: str, suites: tuple[int, ...], answer: Answer) -> Offer:
    """What the answer to a hello of ``version`` says of that version."""
    hello = _accepts(answer)
    if hello is None:
        return Offer(False) if _refuses(answer) else Offer(None, _unknown(answer))
    if _age(hello.version) > _age(version):
        return Offer(None, f"the server answered with {hello.version}, which was not offered")
    if hello.version != version:
        return Offer(False)
    if hello.cipher not in suites:
        return Offer(None, "the server answered with a cipher that was not offered")
    return Offer(True)


def _age(version: str) -> int:
    return TLS_VERSIONS.index(version)


def _question(version: str, suites: tuple[int, ...], server_name: str | None) -> Question:
    return Question(tls_client_hello(version, suites, server_name), ReplyReader())


def any_suite(server_name: str | None, version: str) -> Question:
    """The question with the suites that a server with a certificate is most likely to accept."""
    return _question(version, {"TLSv1.2": TLS12, "TLSv1.3": TLS13}.get(version, OLD), server_name)


def sslv2() -> Conversation[dict[str, Offer]]:
    """Is SSLv2 accepted? Any alert is a no here: whoever sends one speaks TLS instead.

    A reset is looked into. Who knows SSLv2 reads the whole hello. OpenSSL 4 and others read its
    first five bytes, the length of a TLS record header, find no TLS in them and close; the rest of
    the hello, unread, makes the kernel turn that into a reset. Given those bytes alone such a
    server closes in good order, and one that knows SSLv2 would wait for the rest.
    """
    hello = sslv2_client_hello()
    answer = yield Question(hello, read_sslv2_reply)
    if isinstance(answer, Failure) and answer.reason == "reset":
        answer = yield Question(hello[:5], read_sslv2_reply)
    if isinstance(answer, Reply):
        if answer.kind == "sslv2_server_hello":
            return {"SSLv2": Offer(True)}
        if answer.kind in ("sslv2_error", "alert"):
            return {"SSLv2": Offer(False)}
    return {"SSLv2": Offer(False) if _refuses(answer) else Offer(None, _unknown(answer))}


def old_versions(server_name: str | None) -> Conversation[dict[str, Offer]]:
    """Are TLSv1.1, TLSv1.0 and SSLv3 accepted?

    A server answers with the newest version that it has of those offered. So one refusal of TLS 1.1
    speaks for all three, and an answer with an older version for those between. Only a server that
    could not read the hello, or answered with nonsense or a reset, is asked for each.
    """
    offers: dict[str, Offer] = {}
    left = ["TLSv1.1", "TLSv1.0", "SSLv3"]
    while left:
        asked = left.pop(0)
        answer = yield _question(asked, OLD, server_name)
        offers[asked] = _offer(asked, OLD, answer)
        hello = _accepts(answer)
        if hello is not None and hello.version in left:
            while left[0] != hello.version:
                offers[left.pop(0)] = Offer(False)
            offers[left.pop(0)] = _offer(hello.version, OLD, answer)
        elif _lasts(answer) or (_refuses(answer) and not _complains(answer)):
            offers.update(dict.fromkeys(left, offers[asked]))
            break
    return offers


def shows_tls12(to_old: Answer, to_weak: Answer) -> bool:
    """Do the first answers of ``old_versions`` and ``weak_ciphers`` show that TLS 1.2 is accepted?

    They ask for TLS 1.1 with every suite, and for TLS 1.2 with weak ones only. A server that turns
    TLS 1.1 away with protocol_version and TLS 1.2 with handshake_failure knows the difference: it
    is the weak suites that it does not want, not the version (RFC 5246 sections 7.2.2 and E.1).
    """
    weak = _accepts(to_weak)
    if weak is not None:
        return weak.version == "TLSv1.2"
    return (isinstance(to_old, Reply) and to_old.alert == "protocol_version"
            and isinstance(to_weak, Reply)
            and to_weak.alert in ("handshake_failure", "insufficient_security"))


def tls12(server_name: str | None) -> Conversation[dict[str, Offer]]:
    """Is TLSv1.2 accepted? A server that wants other suites is asked with the rare ones."""
    offer = Offer(None)
    for suites in (TLS12, TLS12_RARE):
        answer = yield _question("TLSv1.2", suites, server_name)
        offer = _offer("TLSv1.2", suites, answer)
        if not (isinstance(answer, Reply) and answer.alert in (
                "handshake_failure", "insufficient_security")):
            break
    return {"TLSv1.2": offer}


def tls13(server_name: str | None) -> Conversation[dict[str, Offer]]:
    """Is TLSv1.3 accepted? A HelloRetryRequest is as good a yes as a ServerHello."""
    answer = yield _question("TLSv1.3", TLS13, server_name)
    return {"TLSv1.3": _offer("TLSv1.3", TLS13, answer)}


def weak_ciphers(server_name: str | None, version: str = "TLSv1.2") -> Conversation[WeakCiphers]:
    """Every weak suite that is accepted in answer to a hello of ``version``.

    Each round takes the suite that the server picked out of the offer, until it refuses what is
    left. A server that has TLS 1.2 does not pick there what ended with TLS 1.0 and 1.1 (EXPORT,
    DES): where old versions are accepted, ask again with the oldest and join the names.
    """
    left = list(weak_at(version))
    names: list[str] = []
    while left:
        answer = yield _question(version, tuple(left), server_name)
        hello = _accepts(answer)
        if hello is None:
            return WeakCiphers(tuple(names), "" if _refuses(answer) else _unknown(answer))
        if hello.cipher not in left or _age(hello.version) > _age(version):
            return WeakCiphers(tuple(names), "the server answered with what was not offered")
        left.remove(hello.cipher)
        names.append(name_of(hello.cipher))
    return WeakCiphers(tuple(names), "")
