"""Name constraints: may the CAs of a path issue for the names below them? (RFC 5280 4.2.1.10)

Details are OpenSSL's (X509_verify_cert, NAME_CONSTRAINTS_check), measured: the anchor's constraints
count too, self-issued intermediates are exempt, a name of a form that is constrained in a way not
known here is refused, and the common name of a leaf that has no DNS name is taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

from ..model import Fault
from . import der, names
from .certificates import Decoded

MOST_COMPARISONS = 100_000

EMAIL, DNS, DIRECTORY, URI, ADDRESS = 0x81, 0x82, 0xA4, 0x86, 0x87

#: A name: the tag of its GeneralName and its contents.
Name = tuple[int, bytes]

_EMAIL_ATTRIBUTE = der.encoded_oid("1.2.840.113549.1.9.1")
_HOST = re.compile(rb"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")


def violations(path: tuple[Decoded, ...]) -> Iterator[Fault]:
    """One fault a CA whose constraints are broken. ``path``: leaf first."""
    for level, authority in enumerate(path):
        if level == 0 or authority.extensions.constraints is None:
            continue
        below = [certificate for depth, certificate in enumerate(path[:level])
                 if depth == 0 or not certificate.facts.self_issued]
        try:
            broken = _broken(authority.extensions.constraints,
                             [name for certificate in below for name in _names(certificate)])
        except (der.Malformed, IndexError):
            yield Fault("chain_other", {
                "why": f"the name constraints of {authority.facts.subject} are malformed"})
            continue
        if broken:
            yield Fault("chain_name_constraints", {"subject": authority.facts.subject,
                                                   "name": broken})


def _broken(constraints: bytes, below: list[Name]) -> str:
    """The first name that may not be, fit to be shown; "" when all may."""
    permitted: list[tuple[int, Any]] = []
    excluded: list[tuple[int, Any]] = []
    for tag, _, start, stop in der.inside(constraints, der.SEQUENCE):
        for _, _, at, end in der.children(constraints, start, stop):
            base, *bounds = der.children(constraints, at, end)
            if any(constraints[low:high].strip(b"\0") for _, _, low, high in bounds):
                return "anything: it has bounds that are not allowed"
            (permitted if tag == 0xA0 else excluded).append(
                (base[0], _form((base[0], constraints[base[2]:base[3]]))))
    if len(below) * (len(permitted) + len(excluded)) > MOST_COMPARISONS:
        return "as many names as these"
    for name in below:
        wanted = [base for kind, base in permitted if kind == name[0]]
        refused = [base for kind, base in excluded if kind == name[0]]
        matcher = _MATCHERS.get(name[0])
        if not (wanted or refused):
            continue
        form = _form(name)
        if (matcher is None or any(matcher(form, base) for base in refused)
                or (wanted and not any(matcher(form, base) for base in wanted))):
            return _shown(name)
    return ""


def _form(name: Name) -> Any:
    """What is compared: made once a name, for the comparisons are many."""
    return names.canonical(name[1]) if name[0] == DIRECTORY else name[1]


def _names(certificate: Decoded) -> Iterator[Name]:
    """Every name of a certificate that constraints may speak of."""
    subject = certificate.subject
    for _, _, start, stop in der.inside(subject, der.SEQUENCE):
        for _, at, _, end in der.children(subject, start, stop):
            kind, value = der.inside(subject, der.SEQUENCE, at, end)
            if subject[kind[2]:kind[3]] == _EMAIL_ATTRIBUTE:
                yield EMAIL, subject[value[2]:value[3]]
    if len(subject) > 2:
        yield DIRECTORY, subject
    alternatives = certificate.extensions.names
    if alternatives is not None:
        for tag, _, start, stop in der.inside(alternatives, der.SEQUENCE):
            yield tag, alternatives[start:stop]
    if not certificate.facts.dns_names and not certificate.facts.is_ca:
        common = names.common_name(subject).encode()
        if _HOST.fullmatch(common):
            yield DNS, common


def _dns(name: bytes, base: bytes) -> bool:
    """``base`` "example.com" speaks of it and of all below it, ".example.com" of all below it."""
    name, base = name.lower(), base.lower()
    return (not base or name == base
            or name.endswith(base if base[:1] == b"." else b"." + base))


def _address(name: bytes, base: bytes) -> bool:
    half = len(base) // 2
    return len(name) == half and all(
        there & mask == wanted & mask
        for there, wanted, mask in zip(name, base[:half], base[half:], strict=True))


def _directory(name: tuple[object, ...], base: tuple[object, ...]) -> bool:
    return name[:len(base)] == base


def _email(name: bytes, base: bytes) -> bool:
    """``base``: one mailbox, all of a host, or, with a dot in front, all of the hosts below it."""
    mailbox, at, host = name.rpartition(b"@")
    wanted_mailbox, wanted_at, wanted_host = base.rpartition(b"@")
    if not at:
        return False
    if wanted_at:
        return mailbox == wanted_mailbox and host.lower() == wanted_host.lower()
    return _host(host, base)


def _uri(name: bytes, base: bytes) -> bool:
    found = re.match(rb"[^:/?#]+://(?:[^/?#@]*@)?([^:/?#]+)", name)
    return _host(found[1], base) if found else False


def _host(host: bytes, base: bytes) -> bool:
    host, base = host.lower(), base.lower()
    return host.endswith(base) if base[:1] == b"." else host == base


_MATCHERS: dict[int, Callable[[Any, Any], bool]] = {
    DNS: _dns, ADDRESS: _address, DIRECTORY: _directory, EMAIL: _email, URI: _uri}


def _shown(name: Name) -> str:
    kind, content = name
    if kind == DIRECTORY:
        return names.shown(content)
    if kind == ADDRESS and len(content) in (4, 16):
        return str(ip_address(content))
    return names.text(content, "ascii") if kind in _MATCHERS else f"a name of kind {kind & 0x1F}"
