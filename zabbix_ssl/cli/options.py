"""The options, and what a command line asks for.

OPTIONS has a row for each option that several commands share; a command adds rows of its own. Here,
and nowhere else, are argv and the environment read.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .. import cache as caching
from .. import entry
from ..cache import Cache, Freshness
from ..config import MAX_TIMEOUT
from ..mistakes import ConfigError
from ..model import PROTOCOL_NAMES, Settings
from ..names import (
    PRIVATE_NETWORKS,
    check_address,
    check_addresses,
    check_alpn,
    check_networks,
    check_proxy,
    check_proxy_protocol,
    check_server_name,
    check_starttls,
)
from ..plain import show
from .wrong import WrongUse, near, wrong

#: Seconds for a person or cron to wait for a target, and for Zabbix, whose default timeout is 3 s.
PATIENT, HURRIED = 10.0, 2.5

#: Variables of the environment that hold secrets of the audit itself.
PROXY_AUTH, KEY_PASSWORD = "ZABBIX_SSL_PROXY_AUTH", "ZABBIX_SSL_KEY_PASSWORD"

_YEAR = 366 * 86400
_MOST_CA_BYTES = 1 << 20  # that are looked at


class Call(NamedTuple):
    """A command line, and who was called."""

    program: str  # as it is told to people: "zabbix-ssl check"
    argv: tuple[str, ...]
    environ: Mapping[str, str]


class Asked(NamedTuple):
    """What a command line asks for."""

    call: Call
    words: tuple[str, ...]  # those that are not options
    settings: Settings
    config: str  # the configuration file, absolute; it need not exist
    config_named: bool  # somebody named it: then it must
    cache: Cache | None
    freshness: Freshness
    given: dict[str, Any]  # options that were given, by their names without dashes


class Option(NamedTuple):
    """A row. Where Settings has a field of that name (without dashes), it is that field."""

    name: str
    metavar: str  # "" for a flag
    read: Callable[[str], Any] | None  # word to value; raises WrongUse or ConfigError
    help: str


class Help(Exception):
    """Somebody asks how; holds the answer."""


def text(word: str) -> str:
    if not word:
        raise wrong("empty")
    return word


def _ca_file(word: str) -> str:
    path = os.path.abspath(text(word))
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST_CA_BYTES)
    except OSError as error:
        raise wrong("file", is_=show(word, 300), why=error.strerror) from None
    if b"-----BEGIN " not in data and data[:1] != b"\x30":  # neither PEM nor DER
        raise wrong("no_certificate", is_=show(word, 300))
    return path


def _folder(word: str) -> str:
    path = os.path.abspath(text(word))
    try:
        os.listdir(path)
    except OSError as error:
        raise wrong("folder", is_=show(word, 300), why=error.strerror) from None
    return path


def _address(word: str) -> str | None:
    return check_addresses(word) if word else None  # empty: a macro of Zabbix that is not set


def _starttls(word: str) -> str | None:
    return check_starttls(word) if word else None


def _sni(word: str) -> str | None:
    return check_server_name(word) if word else None


def _file(word: str) -> str:
    path = os.path.abspath(text(word))
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError as error:
        raise wrong("file", is_=show(word, 300), why=error.strerror) from None
    return path


def _path(word: str) -> str:
    return os.path.abspath(text(word))


def seconds(least: float, most: float) -> Callable[[str], float]:
    def read(word: str) -> float:
        plain = word.isascii() and word.replace(".", "", 1).isdigit() and len(word) < 20
        if not plain or not least <= float(word) <= most:
            raise wrong("seconds", is_=show(word), least=f"{least:g}", most=f"{most:g}")
        return float(word)
    return read


def count(most: int) -> Callable[[str], int]:
    def read(word: str) -> int:
        if not (word.isascii() and word.isdigit() and len(word) < 10 and 1 <= int(word) <= most):
            raise wrong("count", is_=show(word), least=1, most=most)
        return int(word)
    return read


OPTIONS = (
    Option("--config", "FILE", text, f"targets are configured there (${entry.CONFIG_VARIABLE}, "
           f"else {entry.CONFIG})"),
    Option("--address", "IP[,IP...]", _address, "connect there; the domain stays for the server "
           "name and the host name check; of several check each, and compare them"),
    Option("--starttls", "PROTOCOL", _starttls, "what is spoken before TLS, else what the port is "
           f"known for: {', '.join(PROTOCOL_NAMES)}, none"),
    Option("--all-addresses", "", None, "check every address that the domain has, and compare "
           "them"),
    Option("--sni", "NAME", _sni, "send that server name in place of the domain, or with \"none\" "
           "no name at all"),
    Option("--source-address", "IP", check_address, "connect from that address of this machine"),
    Option("--alpn", "NAMES", check_alpn, "application protocols to offer, with commas, or none "
           "(default: h2,http/1.1, none behind another protocol)"),
    Option("--cert", "FILE", _file, "client certificate, PEM with its intermediates, or PKCS#12"),
    Option("--key", "FILE", _file, "private key of that certificate, PEM, where it does not stand "
           "in the same file"),
    Option("--key-password", "FILE", _file, "file with the password of the key (or "
           f"${KEY_PASSWORD})"),
    Option("--password-file", "FILE", _file, "file with the password of the PKCS#12 and JKS files "
           "that are looked at (file:PATH)"),
    Option("--serves-file", "FILE", _path, "compare what the server serves with the certificate in "
           "that file: renewed, and not reloaded?"),
    Option("--proxy", "URL", check_proxy, "connect through it: http://HOST:PORT (CONNECT) or "
           "socks5://HOST:PORT"),
    Option("--proxy-auth", "FILE", _file, "file with user:password for the proxy (or "
           f"${PROXY_AUTH})"),
    Option("--proxy-protocol", "VERSION", check_proxy_protocol, "begin with a header of the PROXY "
           "protocol: v1 or v2"),
    Option("--ca-file", "FILE", _ca_file, "trust the certificates of this PEM file too"),
    Option("--ca-only", "", None, "trust them alone, not the system's"),
    Option("--crl-dir", "DIR", _folder, "look for revoked certificates in the CRLs of this "
           "directory first"),
    Option("--offline", "", None, "ask no OCSP responder, fetch no CRL and no issuer"),
    Option("--allow-private-revocation", "[NETWORK,...]", check_networks, "let certificates send "
           "us to responders at private addresses, or at addresses of these networks"),
    Option("--timeout", "SECONDS", seconds(0.1, MAX_TIMEOUT), "for the whole check of one target "
           f"(default: {PATIENT:g}, for --get {HURRIED:g})"),
    Option("--no-cache", "", None, "neither take answers from the cache nor keep any"),
    Option("--cache-dir", "DIR", text, f"keep answers there (${entry.DIRECTORY_VARIABLE}, else "
           f"{entry.DIRECTORY} where that may be written to)"),
    Option("--security-max-age", "SECONDS", seconds(0, _YEAR), "ask for old protocols and weak "
           f"ciphers again after that time (default: {caching.SECURITY_MAX_AGE})"),
    Option("--concurrency", "N", count(100_000), "targets under way at once in a process "
           f"(default: {Settings().concurrency})"),
    Option("--connections", "N", count(100), "connections open at once to a target "
           f"(default: {Settings().connections})"),
    Option("--workers", "N", count(256), f"processes (default: {Settings().workers})"),
)

#: For those who show metrics to Prometheus.
PER_ADDRESS = Option("--per-address", "", None, "of targets with several addresses show to "
                     "Prometheus each of them too, with the label address")

#: For the commands that may answer from the cache.
MAX_AGE = Option("--max-age", "SECONDS", seconds(0, _YEAR), "an answer of the cache is good for "
                 f"that long (default: {entry.MAX_AGE}, or longer where a service keeps it fresh)")


def read(call: Call, usage: str, about: str, own: Sequence[Option] = (),
         shared: Sequence[Option] = OPTIONS, timeout: float = PATIENT) -> Asked:
    """What the command line asks for. Raises WrongUse, ConfigError, or Help."""
    options = (*own, *shared)
    parser = _Parser(call, usage, about, options)
    end = call.argv.index("--") if "--" in call.argv else len(call.argv)
    known, rest = parser.parse_known_intermixed_args(_joined(call.argv[:end]))
    given = {name: value for name, value in vars(known).items() if value is not None}
    words = [*given.pop("words", ()), *call.argv[end + 1:]]
    if given.pop("help", None):
        raise Help(parser.format_help())
    if rest:
        names = [option.name for option in options]
        raise wrong("option", is_=show(rest[0]), near=near(
            rest[0].partition("=")[0], names, f"{call.program} --help"))
    environ = call.environ
    freshness = Freshness(given.get("max_age"))
    if "security_max_age" in given:
        freshness = freshness._replace(security_max_age=given["security_max_age"])
    cache = _cache(options, given, environ)
    settings = _settings(given, environ, timeout)._replace(
        answers_dir=cache.directory if cache else None)
    return Asked(
        call, tuple(words), settings,
        entry.config_path(given.get("config"), environ),
        "config" in given or bool(environ.get(entry.CONFIG_VARIABLE)),
        cache, freshness, given)


def _cache(options: Sequence[Option], given: dict[str, Any], environ: Mapping[str, str]
           ) -> Cache | None:
    """The cache of a command that has to do with one; its directory is made where it is absent."""
    if "no_cache" in given or not any(option.name == "--cache-dir" for option in options):
        return None
    return caching.open_cache(given.get("cache_dir"), environ)


def _settings(given: dict[str, Any], environ: Mapping[str, str], timeout: float) -> Settings:
    fields = {name: value for name, value in given.items() if name in Settings._fields}
    if "key" in fields and "cert" not in fields:
        raise wrong("key_alone")
    proxy = environ.get("http_proxy") or environ.get("HTTP_PROXY")
    exceptions = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    return Settings(**{
        "timeout": timeout, **fields,
        "system_ca_file": environ.get("SSL_CERT_FILE") or None,
        "system_ca_dir": environ.get("SSL_CERT_DIR") or None,
        "http_proxy": proxy or None,
        "proxy_secret": environ.get(PROXY_AUTH) or None,
        "key_secret": environ.get(KEY_PASSWORD) or None,
        "no_proxy": tuple(part.strip() for part in exceptions.split(",") if part.strip()),
    })


def _joined(argv: Sequence[str]) -> list[str]:
    """The words, with the networks of --allow-private-revocation, or what stands for none, joined
    to it: what follows it may well be a target instead."""
    joined: list[str] = []
    for word in argv:
        if joined and joined[-1] == "--allow-private-revocation" and _looks_like_networks(word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return [f"{word}={','.join(PRIVATE_NETWORKS)}" if word == "--allow-private-revocation" else word
            for word in joined]


def _looks_like_networks(word: str) -> bool:
    return ("/" in word or "," in word) and "://" not in word


class _Parser(argparse.ArgumentParser):
    """argparse, with our errors, and help that is an answer like others."""

    def __init__(self, call: Call, usage: str, about: str, options: Sequence[Option]) -> None:
        super().__init__(call.program, f"{call.program} {usage}", about, add_help=False,
                         allow_abbrev=False, argument_default=None,
                         formatter_class=argparse.RawDescriptionHelpFormatter)
        self.add_argument("-h", "--help", action="store_const", const=True, help="print this")
        for option in options:
            self._add(option)
        self.add_argument("words", nargs="*", help=argparse.SUPPRESS)

    def error(self, message: str) -> Any:
        raise wrong("argparse", message=message.removeprefix("argument "), program=self.prog)

    def _add(self, option: Option) -> None:
        if option.read is None:
            self.add_argument(option.name, action="store_const", const=True, help=option.help)
            return

        read_word = option.read

        def read(word: str) -> Any:
            try:
                return read_word(word)
            except (WrongUse, ConfigError) as error:
                raise _Told(f"{option.name}: {error}") from None

        self.add_argument(option.name, metavar=option.metavar, type=read,
                          help=option.help.replace("%", "%%"))


class _Told(WrongUse):
    """Passes through argparse, which catches only TypeError, ValueError and its own."""
