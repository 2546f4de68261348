"""The web configuration file that Prometheus and its exporters share: TLS, users, headers.

    tls_server_config:
      cert_file: exporter.crt      # relative names are looked for beside this file
      key_file: exporter.key
      min_version: TLS12
    basic_auth_users:
      prometheus: $2y$10$...       # htpasswd -nBC 10 prometheus

https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md. What is there
and cannot be done here is refused, with what to do instead; nothing of such a file is left out in
silence. HTTP/2 alone is not offered, whatever ``http2`` says: Prometheus does without.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple

import yaml

from ..mistakes import ConfigError, user_name
from ..plain import printable, show

MOST_BYTES = 1 << 20
_MOST_COST = 16  # of bcrypt, a power of two: 16 takes seconds a request already

_HASH = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")

WRONG = {
    "file": "cannot be read ({why}): name a readable file",
    "size": "is over 1 MiB: this is no web configuration",
    "yaml": "is not YAML: {why}",
    "object": "{where} is {is_}: write keys and values",
    "empty": "{where} is empty: fill it, or take it out",
    "key": "there is no key {is_} in {where}: the keys are {known}",
    "unsupported": "{key} cannot be used here: {instead}",
    "missing": "tls_server_config lacks {key}: name the file",
    "text": "{key} is {is_}: write a text",
    "texts": "{key} is {is_}: write a list of texts",
    "flag": "{key} is {is_}: write true or false",
    "choice": "{key} is {is_}: write one of {known}",
    "versions": "min_version is above max_version: exchange them",
    "ciphers": "cipher_suites has {is_}: write names like TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "header": "the value of the header {key} is {is_}: write one line of text",
    "user": "the user name {is_} does not fit: write one without a colon",
    "hash": "what stands for the user {user} is no bcrypt hash: make one with htpasswd -nBC 10 "
            "{user}",
    "cost": "the hash of the user {user} has cost {cost}, over {most}: every login would take "
            "seconds; make one with htpasswd -nBC 10 {user}",
    "bcrypt": "basic_auth_users needs the package bcrypt: pip install 'zabbix-ssl[exporter]'",
    "client_ca": "client_auth_type {is_} needs client_ca_file: name the file of the CA",
    "client_auth": "client_ca_file is of no use without client_auth_type: add client_auth_type: "
                   "RequireAndVerifyClientCert",
    "pair": "the certificate and the key cannot be used ({why}): cert_file holds the certificate "
            "and its chain, key_file the key of that certificate without a password, both as PEM",
    "ca": "client_ca_file cannot be used ({why}): name a PEM file of certificates",
}

VERSIONS = {"TLS10": ssl.TLSVersion.TLSv1, "TLS11": ssl.TLSVersion.TLSv1_1,
            "TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

#: client_auth_type, as far as OpenSSL through Python can: what is shown is always verified.
CLIENT_AUTH = {"NoClientCert": ssl.CERT_NONE, "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
               "RequireAndVerifyClientCert": ssl.CERT_REQUIRED}

_CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1",
           "X25519": "X25519"}

#: Go's names of what it offers up to TLS 1.2 (crypto/tls.CipherSuites), and OpenSSL's. The suites
#: of TLS 1.3 are not to be chosen, there as here.
_CIPHERS = {
    **{f"TLS_ECDHE_{key}_WITH_{go}": f"ECDHE-{key}-{openssl}" for key in ("ECDSA", "RSA")
       for go, openssl in (
           ("AES_128_CBC_SHA", "AES128-SHA"), ("AES_256_CBC_SHA", "AES256-SHA"),
           ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"), ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
           ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
           ("CHACHA20_POLY1305", "CHACHA20-POLY1305"))},
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA", "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
}
_OF_TLS13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


class Tls(NamedTuple):
    """tls_server_config. File names are absolute."""

    cert_file: str
    key_file: str
    client_ca_file: str | None
    client_auth: ssl.VerifyMode
    client_names: tuple[str, ...]  # of which a client's certificate must have one, when any
    min_version: ssl.TLSVersion
    max_version: ssl.TLSVersion
    ciphers: str  # in OpenSSL's notation, "" for its own choice
    curve: str  # likewise


class WebConfig(NamedTuple):
    """What a file says; the default is plain HTTP for everybody who gets there."""

    tls: Tls | None = None
    users: tuple[tuple[str, str], ...] = ()  # names and bcrypt hashes
    headers: tuple[tuple[str, str], ...] = ()  # of every answer


def load(path: str) -> WebConfig:
    """The configuration in a file. Raises ConfigError, one line with the file's name in front."""
    try:
        return parse(_read(path), os.path.dirname(os.path.abspath(path)))
    except ConfigError as error:
        raise error.within(printable(path)) from None


def parse(data: bytes, folder: str) -> WebConfig:
    """The configuration in a file's content."""
    try:
        document = yaml.load(data, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _wrong("yaml", why=_one_line(error)) from None
    top = _object(document, "the file")
    for section in top:  # half a file must not open the door
        if not top[section]:
            raise _wrong("empty", where=show(section))
    _keys(top, "the file", ("tls_server_config", "http_server_config", "basic_auth_users",
                            "rate_limit"))
    if "rate_limit" in top:
        raise _wrong("unsupported", key="rate_limit", instead="leave it out, and let a firewall or "
                     "a proxy in front limit who asks how often")
    tls = top.get("tls_server_config")
    return WebConfig(None if tls is None else _tls(tls, folder),
                     _users(top.get("basic_auth_users", {})),
                     _headers(top.get("http_server_config")))


def context(tls: Tls) -> ssl.SSLContext:
    """A server's context, its files read now. Raises ConfigError."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version, made.maximum_version = tls.min_version, tls.max_version
    made.options |= ssl.OP_NO_RENEGOTIATION
    made.set_alpn_protocols(["http/1.1"])
    made.verify_mode = tls.client_auth
    try:
        made.load_cert_chain(tls.cert_file, tls.key_file, password=_no_password)
    except (OSError, ValueError) as error:
        raise _wrong("pair", why=_why(error)) from None
    if tls.client_ca_file:
        try:
            made.load_verify_locations(tls.client_ca_file)
        except (OSError, ValueError) as error:
            raise _wrong("ca", why=_why(error)) from None
    if tls.ciphers:
        made.set_ciphers(tls.ciphers)
    if tls.curve:
        made.set_ecdh_curve(tls.curve)
    return made


def _no_password() -> str:
    raise ValueError("the key has a password")


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"{error.reason or error}".lower().replace("_", " ")
    return getattr(error, "strerror", None) or str(error)


# The sections


def _tls(raw: object, folder: str) -> Tls:
    keys = _keys(raw, "tls_server_config", (*_TLS_KEYS, *_UNSUPPORTED))
    for key in keys:
        if key in _UNSUPPORTED:
            raise _wrong("unsupported", key=key, instead=_UNSUPPORTED[key])
    given = {key: read(key, keys[key]) for key, read in _TLS_KEYS.items() if keys.get(key)}
    for key in ("cert_file", "key_file"):
        if key not in given:
            raise _wrong("missing", key=key)
    oldest, newest = (given.get("min_version", ssl.TLSVersion.TLSv1_2),
                      given.get("max_version", ssl.TLSVersion.TLSv1_3))
    if oldest > newest:
        raise _wrong("versions")
    auth, ca = given.get("client_auth_type", ssl.CERT_NONE), given.get("client_ca_file")
    if auth is not ssl.CERT_NONE and not ca:
        raise _wrong("client_ca", is_=keys["client_auth_type"])
    if auth is ssl.CERT_NONE and ca:
        raise _wrong("client_auth")
    made = Tls(os.path.join(folder, given["cert_file"]), os.path.join(folder, given["key_file"]),
               ca and os.path.join(folder, ca), auth, given.get("client_allowed_sans", ()),
               oldest, newest, given.get("cipher_suites", ""), given.get("curve_preferences", ""))
    context(made)  # what is wrong with the files is told now
    return made


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise _wrong("text", key=key, is_=show(value))
    return value


def _texts(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise _wrong("texts", key=key, is_=show(value))
    return tuple(value)


def _choice(known: dict[str, Any]) -> Callable[[str, object], Any]:
    def read(key: str, value: object) -> Any:
        if not isinstance(value, str) or value not in known:
            raise _wrong("choice", key=key, is_=show(value), known=", ".join(known))
        return known[value]
    return read


def _ciphers(key: str, value: object) -> str:
    names = _texts(key, value)
    for name in names:
        if name not in _CIPHERS and name not in _OF_TLS13:
            raise _wrong("ciphers", is_=show(name))
    return ":".join(_CIPHERS[name] for name in names if name in _CIPHERS)


def _curve(key: str, value: object) -> str:
    names = _texts(key, value)
    if len(names) > 1:
        raise _wrong("unsupported", key="a list of several curve_preferences",
                     instead="name one, or leave it out")
    read = _choice(_CURVES)
    return str(read(key, names[0])) if names else ""


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong("flag", key=key, is_=show(value))
    return value


_TLS_KEYS: dict[str, Callable[[str, object], Any]] = {
    "cert_file": _text, "key_file": _text, "client_ca_file": _text,
    "client_auth_type": _choice(CLIENT_AUTH), "client_allowed_sans": _texts,
    "min_version": _choice(VERSIONS), "max_version": _choice(VERSIONS),
    "cipher_suites": _ciphers, "curve_preferences": _curve,
    "prefer_server_cipher_suites": _flag,  # has no effect any more, there as here
}
_UNSUPPORTED = {
    "cert": "put the certificate into a file, and name that as cert_file",
    "key": "put the key into a file, and name that as key_file",
    "client_ca": "put the CA into a file, and name that as client_ca_file",
}


def _users(raw: object) -> tuple[tuple[str, str], ...]:
    users = _object(raw, "basic_auth_users")
    if not users:
        return ()
    for name, hashed in users.items():
        if ":" in name or not name.isprintable():
            raise _wrong("user", is_=show(name))
        found = _HASH.fullmatch(hashed) if isinstance(hashed, str) else None
        if not found:
            raise _wrong("hash", user=printable(name))
        if int(found[1]) > _MOST_COST:
            raise _wrong("cost", user=printable(name), cost=int(found[1]), most=_MOST_COST)
    try:
        import bcrypt  # noqa: F401  # here: who has no users needs no such package
    except ImportError:
        raise _wrong("bcrypt") from None
    return tuple(users.items())


_HEADERS = ("Content-Security-Policy", "Strict-Transport-Security", "X-Content-Type-Options",
            "X-Frame-Options", "X-XSS-Protection")


def _headers(raw: object) -> tuple[tuple[str, str], ...]:
    if not raw:
        return ()
    keys = _keys(raw, "http_server_config", ("http2", "headers"))
    if "http2" in keys:
        _flag("http2", keys["http2"])
    headers = _keys(keys["headers"], "headers", _HEADERS) if keys.get("headers") else {}
    for name, value in headers.items():
        if not isinstance(value, str) or not value.isprintable() or not value.isascii():
            raise _wrong("header", key=name, is_=show(value))
    return tuple(headers.items())


# From bytes to a document


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
            data = file.read(MOST_BYTES + 1) or b""
    except PermissionError:
        raise _wrong("file", why=f"user {user_name()} may not") from None
    except (OSError, ValueError) as error:
        raise _wrong("file", why=_why(error)) from None
    if len(data) > MOST_BYTES:
        raise _wrong("size")
    return data


class _Loader(yaml.SafeLoader):
    """YAML without aliases, which can make a huge document of a small file, and without a key that
    stands twice: PyYAML would keep the last user of a name in silence."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("it has an alias (*name): write the value itself")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(made) < len(node.value):
            raise ValueError(f"line {node.start_mark.line + 1} begins an object in which a key "
                             "stands twice: keep one")
        return made


def _object(raw: object, where: str) -> dict[str, Any]:
    if raw is None:
        raise _wrong("empty", where=where)
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        raise _wrong("object", where=where, is_=show(raw))
    return raw


def _keys(raw: object, where: str, known: tuple[str, ...]) -> dict[str, Any]:
    """The keys that have a value; none for an empty section."""
    made = {} if raw is None else _object(raw, where)
    for key in made:
        if key not in known:
            raise _wrong("key", is_=show(key), where=where, known=", ".join(known))
    return {key: value for key, value in made.items() if value is not None}


def _one_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None)
    if problem and mark:
        return printable(f"{problem} at line {mark.line + 1}, column {mark.column + 1}")
    return printable(" ".join(str(error).split())[:200]) or type(error).__name__


def _wrong(code: str, **detail: object) -> ConfigError:
    return ConfigError(code, WRONG[code].format(**detail))
