"""Words to names: host names, IP addresses, ports, and the TARGET of a command line.

The same checks stand behind domains.json, the command line and the words of ``--get``. What passes
here is safe to hand to a resolver and to write into Zabbix. What does not raises ConfigError with
one line that says what is wrong and what to do.
"""

from __future__ import annotations

import re
import socket

from .mistakes import ConfigError, mistake
from .model import PROTOCOL_NAMES, PROXY_PROTOCOLS, PROXY_SCHEMES, Target, ascii_host
from .plain import printable, show

# RFC 1123 section 2.1, and the underscore that many internal names have. No \d or \w: they take
# digits and letters of every script.
_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
# What ends in a number is an IPv4 address or nothing (inet_aton would read 127.1 and 0x7f.1).
_NUMERIC_END = re.compile(r"(?:^|\.)(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?\Z")
_INTERFACE = re.compile(r"[A-Za-z0-9_.-]{1,15}")  # IFNAMSIZ - 1
_FORBIDDEN = re.compile(r"[^A-Za-z0-9._\-\u00a1-\U0010ffff]")
MOST_ADDRESSES = 16  # of one target
_MOST_PROTOCOLS = 16
_MOST_NETWORKS = 64
_MOST_CHARACTERS = 1000  # that are looked at; a valid name is shorter in any script
_MOST_NAME, _MOST_LABEL = 253, 63  # RFC 1035 section 2.3.4, written with dots

#: Private addresses (RFC 1918, RFC 6598, RFC 4193). Neither loopback nor link-local, where cloud
#: metadata lives.
PRIVATE_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")


def parse_target(text: str) -> Target:
    """A target as people write it: DOMAIN, DOMAIN:PORT, [v6]:PORT, a bare IPv6 address, or the
    https:// URL of a browser. Raises ConfigError."""
    domain, port = split_target(text)
    return Target(domain) if port is None else Target(domain, port)


def split_target(text: str) -> tuple[str, int | None]:
    """The domain of a target and its port, None when it names none; both checked."""
    if not text:
        raise mistake("target_empty")
    scheme, separator, rest = text.partition("://")
    if separator:
        if scheme.lower() != "https":
            raise mistake("scheme", is_=show(text))
        text = re.split(r"[/?#]", rest, maxsplit=1)[0]
        if "@" in text:
            raise mistake("userinfo", is_=show(rest))
    elif "/" in text:
        raise mistake("path", is_=show(text))
    if text.startswith("["):
        host, closed, port = text[1:].partition("]")
        if not closed or (port and not port.startswith(":")):
            raise mistake("bracket", is_=show(text))
        return _ipv6(host), check_port(port[1:]) if port else None
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return check_domain(host), check_port(port)
    return check_domain(text), None


def check_domain(text: object) -> str:
    """A host name or an IP address (its brackets taken off), in the spelling it was given in."""
    if not isinstance(text, str):
        raise mistake("domain_type", is_=show(text))
    if not text:
        raise mistake("domain_empty")
    if ":" in text:
        return _ipv6(text)
    if text.isascii() and _NUMERIC_END.search(text):
        return _ipv4(text)
    if not _NAME.fullmatch(text) or len(text) > _MOST_NAME:
        _check_name(text)
    return text


def check_address(text: object) -> str:
    """An IP address; IPv6 with or without brackets and the scope id of RFC 4007."""
    if isinstance(text, str) and ":" in text:
        return _ipv6(text)
    if not isinstance(text, str) or not _is_address(socket.AF_INET, text):
        raise mistake("address", is_=show(text))
    return text


def check_addresses(value: object) -> str:
    """An IP address, or several with commas between them, which are nodes of one target. A list of
    them becomes that text."""
    several = value.replace(", ", ",").split(",") if isinstance(value, str) else value
    if not isinstance(several, list) or not several:
        raise mistake("address", is_=show(value))
    if len(several) > MOST_ADDRESSES:
        raise mistake("addresses_many", count=len(several), most=MOST_ADDRESSES)
    addresses = [check_address(one) for one in several]
    for number, one in enumerate(addresses):
        if _canonical(one) in map(_canonical, addresses[:number]):
            raise mistake("address_twice", is_=show(one))
    return ",".join(addresses)


def check_port(word: str) -> int:
    """A port as a word of a command line: ASCII digits, no sign, no space."""
    if word.isascii() and word.isdigit() and len(word) <= 5 and 1 <= int(word) <= 65535:
        return int(word)
    raise mistake("port", is_=show(word))


def check_server_name(text: object) -> str:
    """A name to send as SNI, which an IP address cannot be (RFC 6066 section 3), or "none"."""
    if not isinstance(text, str) or not text or ":" in text or _NUMERIC_END.search(text):
        raise mistake("sni", is_=show(text))
    return check_domain(text)


def check_starttls(text: object) -> str:
    """The name of a protocol that is spoken before TLS, or "none" for TLS from the first byte."""
    if not isinstance(text, str) or text not in (*PROTOCOL_NAMES, "none"):
        raise mistake("starttls", is_=show(text), known=", ".join(PROTOCOL_NAMES))
    return text


def check_alpn(text: object) -> str:
    """Application protocols with commas between them (RFC 7301), or "none"."""
    names = text.split(",") if isinstance(text, str) else [""]
    for name in names:
        if not (0 < len(name) <= 255 and name.isascii() and name.isprintable() and " " not in name):
            raise mistake("alpn", is_=show(text))
    if len(names) > _MOST_PROTOCOLS:
        raise mistake("alpn", is_=show(text))
    return ",".join(names)


def check_proxy(text: object) -> str:
    """The URL of a proxy; who we are there is no part of it."""
    scheme, _, place = text.partition("://") if isinstance(text, str) else ("", "", "")
    if "@" in place:
        raise mistake("proxy_userinfo", is_=show(f"{scheme}://...@{place.rpartition('@')[2]}"))
    if scheme.lower() not in PROXY_SCHEMES:
        raise mistake("proxy", is_=show(text))
    try:
        host, port = split_target(place.removesuffix("/"))
    except ConfigError as error:
        raise error.within("the proxy") from None
    if port is None:
        raise mistake("proxy", is_=show(text))
    return f"{scheme.lower()}://{f'[{host}]' if ':' in host else host}:{port}"


def check_proxy_protocol(text: object) -> str:
    """A version of the PROXY protocol."""
    if not isinstance(text, str) or text not in PROXY_PROTOCOLS:
        raise mistake("proxy_protocol", is_=show(text))
    return text


def check_networks(text: str) -> tuple[str, ...]:
    """Networks in CIDR notation, with commas between them."""
    import ipaddress  # on use: few need it

    parts = text.split(",", _MOST_NETWORKS)
    try:
        return tuple(str(ipaddress.ip_network(part.strip())) for part in parts)
    except ValueError:
        raise mistake("network", is_=show(text)) from None


def identity(target: Target) -> tuple[str, int, str | None]:
    """What makes two targets the same endpoint, whatever their spelling."""
    if target.file:
        return target.domain, target.port, None
    addresses = target.address and ",".join(sorted(map(_canonical, target.address.split(","))))
    return _canonical(target.host), target.port, addresses


def _canonical(host: str) -> str:
    if ":" not in host:
        return host
    address, separator, interface = host.partition("%")
    packed = socket.inet_pton(socket.AF_INET6, address)
    return socket.inet_ntop(socket.AF_INET6, packed) + separator + interface


def _is_address(family: int, text: str) -> bool:
    try:
        socket.inet_pton(family, text)
    except (OSError, ValueError):
        return False
    return True


def _ipv4(text: str) -> str:
    if not _is_address(socket.AF_INET, text):
        raise mistake("numbers", is_=show(text))
    return text


def _ipv6(text: str) -> str:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    host, separator, interface = bare.partition("%")
    if not _is_address(socket.AF_INET6, host):
        has_port = bare.count(":") == 1 or "]:" in bare
        raise mistake("with_port" if has_port else "ipv6", is_=show(text))
    if separator and not _INTERFACE.fullmatch(interface):
        raise mistake("scope", is_=show(text))
    return bare


def _check_name(text: str) -> None:
    """Raise what is wrong with a name that is not plain; an international one may be fine."""
    _check_characters(text)
    try:
        name = ascii_host(text)
    except ValueError as error:
        why = printable(str(error.__cause__ or error))
        raise mistake("idn", is_=show(text), why=why) from None
    if len(name) > _MOST_NAME:
        raise mistake("domain_long", is_=show(text), length=len(name))
    if ".." in text:
        raise mistake("label_empty", is_=show(text))
    for label in name.split("."):
        if not label:
            raise mistake("label_empty", is_=show(text))
        if len(label) > _MOST_LABEL:
            raise mistake("label_long", is_=show(text), length=len(label))
        if label.startswith("-") or label.endswith("-"):
            raise mistake("label_hyphen", is_=show(text))
    if _NUMERIC_END.search(name):
        raise mistake("numbers", is_=show(text))


def _check_characters(text: str) -> None:
    if text.startswith("-"):
        raise mistake("hyphen", is_=show(text))
    if text.startswith("{") and text.endswith("}"):
        raise mistake("macro", is_=show(text))
    if text.startswith("*."):
        raise mistake("wildcard", is_=show(text))
    if len(text) > _MOST_CHARACTERS:
        raise mistake("domain_long", is_=show(text), length=len(text))
    for character in text:
        if _FORBIDDEN.match(character) or not character.isprintable():
            raise mistake("character", is_=show(text), character=_described(character))


def _described(character: str) -> str:
    if character == " ":
        return "a space"
    if character.isprintable():
        return f"the character {character}"
    return f"the unprintable character U+{ord(character):04X}"
