"""domains.json to targets.

    ["example.com", "mail.example.com:465", {"domain": "db.example.com", "port": 8443}]
    {"defaults": {"port": 8443}, "targets": [...]}

The file is taken whole or not at all: the first fault raises ConfigError with one line that names
the file, the entry (its number from 1, and its domain) and the fault, and says what to do.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterable
from typing import Any, TypeGuard

from .file_targets import FIELDS as FILE_FIELDS
from .file_targets import expand, file_domain
from .mistakes import ConfigError, mistake, user_name
from .model import FILE, Target
from .names import (
    PRIVATE_NETWORKS,
    check_address,
    check_addresses,
    check_alpn,
    check_domain,
    check_networks,
    check_proxy,
    check_proxy_protocol,
    check_server_name,
    check_starttls,
    identity,
    parse_target,
    split_target,
)
from .plain import printable, show

__all__ = ["ConfigError", "find", "load", "parse", "parse_target"]

MAX_BYTES = 16 * 1024 * 1024
MAX_TEXT = 255  # characters of a group, a tag or its value, as in Zabbix
MAX_TIMEOUT = 600  # seconds, the most that Zabbix waits for an item
MAX_WARNING_DAYS = 3650
MAX_PATH = 4095  # PATH_MAX - 1

_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def load(path: str) -> tuple[Target, ...]:
    """The targets of a file, in its order. Raises ConfigError with the file's name in front."""
    try:
        return parse(_read(path), _folder(path))
    except ConfigError as error:
        raise error.within(printable(path)) from None


def _folder(path: str) -> str:
    try:
        return os.path.dirname(os.path.abspath(path))
    except OSError:  # the current folder has been removed, or may not be seen
        return os.path.dirname(path)


def parse(data: bytes, folder: str) -> tuple[Target, ...]:
    """The targets of a file's content. A relative ca_file is looked for in ``folder``."""
    defaults, entries = _document(_json(_text(data)))
    base = _with_defaults(defaults, folder)
    targets: list[tuple[int, Target]] = []
    matched: dict[str, Target] = {}  # files that match a pattern, each once
    for number, raw in enumerate(entries, 1):
        try:
            target = _file(raw, base, folder) or _target(raw, base, folder)
            found = expand(target) if target.file else (target,)
        except ConfigError as error:
            raise error.within(f"entry {number}{_domain_of(raw)}") from None
        if found == (target,):
            targets.append((number, target))
            continue
        targets += [(number, one) for one in found if matched.setdefault(one.domain, one) is one]
    # A file that has an entry of its own is what that says, wherever a pattern matches it too.
    own = {target.domain for _, target in targets if matched.get(target.domain) is not target}
    targets = [(number, target) for number, target in targets
               if target.domain not in own or matched.get(target.domain) is not target]
    _refuse_duplicates(targets)
    return tuple(target for _, target in targets)


def find(targets: Iterable[Target], domain: str, port: int, address: str | None) -> Target | None:
    """The configured target that domain, port and address mean; without an address the one that has
    none, else the first of them. None when there is no such target."""
    wanted = identity(Target(domain, port, address))
    alike = [t for t in targets if t.port == port and identity(t)[0] == wanted[0]]
    exact = [t for t in alike if identity(t) == wanted]
    return next(iter(exact or (alike if address is None else ())), None)


# The keys of an entry. Each reader takes the value and the file's folder, and returns the field.

def _port(value: object, folder: str) -> int:
    if _is_whole(value, 1, 65535):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 5:
        raise mistake("port_text", is_=show(value), bare=value)
    raise mistake("port", is_=show(value))


def _path(code: str, **detail: str) -> Callable[[object, str], str]:
    """The name of a file or directory; ``code`` is the row of MISTAKES for what is none."""
    def read(value: object, folder: str) -> str:
        if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= MAX_PATH:
            raise mistake(code, is_=show(value), **detail)
        return os.path.join(folder, value)
    return read


def _own_file(name: str) -> Callable[[object, str], str]:
    """A file of the client's own: a certificate, a key, a password."""
    return _path("own_file", name=name)


def _timeout(value: object, folder: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= MAX_TIMEOUT:
        return float(value)
    raise mistake("timeout", is_=show(value))


def _group(value: object, folder: str) -> str:
    return _zabbix_text(value, "group")


def _tags(value: object, folder: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise mistake("tags", is_=show(value))
    for name, text in value.items():
        if not _TAG.fullmatch(name):
            raise mistake("tag_name", is_=show(name))
        _zabbix_text(text, "tag_value", name=name)
    return tuple(value.items())


def _warning_days(value: object, folder: str) -> int:
    if _is_whole(value, 0, MAX_WARNING_DAYS):
        return value
    raise mistake("warning_days", is_=show(value))


def _all_addresses(value: object, folder: str) -> bool:
    if isinstance(value, bool):
        return value
    raise mistake("all_addresses", is_=show(value))


def _networks(value: object, folder: str) -> tuple[str, ...]:
    """True for the private networks, a text with commas, or a list of texts."""
    if isinstance(value, bool):
        return PRIVATE_NETWORKS if value else ()
    words = value if isinstance(value, list) else [value]
    texts = [word for word in words if isinstance(word, str)]
    if not texts or len(texts) < len(words):
        raise mistake("allow_private_revocation", is_=show(value))
    return check_networks(",".join(texts))


#: Keys of an entry and of the defaults. A null takes back what the defaults set.
KEYS: dict[str, Callable[[object, str], Any]] = {
    "domain": lambda value, folder: check_domain(value),
    "port": _port,
    "address": lambda value, folder: check_addresses(value),
    "sni": lambda value, folder: check_server_name(value),
    "starttls": lambda value, folder: check_starttls(value),
    "ca_file": _path("ca_file"),
    "timeout": _timeout,
    "group": _group,
    "tags": _tags,
    "warning_days": _warning_days,
    "source_address": lambda value, folder: check_address(value),
    "alpn": lambda value, folder: check_alpn(value),
    "cert": _own_file("cert"),
    "key": _own_file("key"),
    "key_password": _own_file("key_password"),
    "proxy": lambda value, folder: check_proxy(value),
    "proxy_auth": _own_file("proxy_auth"),
    "proxy_protocol": lambda value, folder: check_proxy_protocol(value),
    "all_addresses": _all_addresses,
    "password_file": _own_file("password_file"),
    "serves_file": _own_file("serves_file"),
    "crl_dir": _path("crl_dir"),
    "allow_private_revocation": _networks,
}


def tag_macro(name: str) -> str:
    """The macro of low-level discovery that carries a tag."""
    return "{#TAG_" + name.upper().replace("-", "_").replace(".", "_") + "}"


def _is_whole(value: object, least: int, most: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _zabbix_text(value: object, code: str, **detail: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
        raise mistake(code, is_=show(value), **detail)
    if value.endswith("\\"):
        raise mistake("backslash", is_=show(value))
    return value


def _file(raw: object, base: Target, folder: str) -> Target | None:
    """The target of an entry that means a file; its domain is the name to look for then. None for
    one that means a server."""
    entry = {"domain": raw} if isinstance(raw, str) else raw
    if not isinstance(entry, dict):
        return None
    path, name = entry.get("file"), entry.get("domain")
    if path is None and isinstance(name, str) and name.startswith(FILE):
        path, name = name, None
    if path is None:
        return None
    rest = {key: value for key, value in entry.items() if key not in ("file", "domain")}
    for key in rest:
        if key in KEYS and (key not in FILE_FIELDS or key == "port"):
            raise mistake("file_key", key=key)
    own = {field: getattr(base, field) for field in FILE_FIELDS if field != "port"}
    plain = Target(**{**own, "domain": file_domain(path, folder), "port": 0,
                      "hostname": None if name is None else check_domain(name)})
    return _target({**rest, "domain": "a.invalid"}, plain, folder)._replace(domain=plain.domain)


def _target(raw: object, base: Target, folder: str) -> Target:
    if isinstance(raw, str):
        domain, port = split_target(raw)
        return base._replace(domain=domain, port=base.port if port is None else port)
    if not isinstance(raw, dict):
        raise mistake("entry", is_=show(raw))
    if raw.get("domain") is None:
        raise mistake("no_domain")
    fields = _fields(raw, folder)
    if fields.get("tags"):
        fields["tags"] = tuple({**dict(base.tags), **dict(fields["tags"])}.items())
        _refuse_same_macros(fields["tags"])
    target = base._replace(**fields)
    if target.key and not target.cert:
        raise mistake("key_alone")
    return target


def _with_defaults(raw: dict[str, Any], folder: str) -> Target:
    try:
        if "domain" in raw:
            raise mistake("default_domain")
        fields = _fields(raw, folder)
        _refuse_same_macros(fields.get("tags", ()))
        return Target("")._replace(**fields)
    except ConfigError as error:
        raise error.within("defaults") from None


def _fields(raw: dict[str, Any], folder: str) -> dict[str, Any]:
    fields = {}
    for key, value in raw.items():
        if key not in KEYS:
            raise _unknown_key(key, tuple(KEYS))
        fields[key] = Target._field_defaults.get(key) if value is None else KEYS[key](value, folder)
    return fields


def _refuse_same_macros(tags: tuple[tuple[str, str], ...]) -> None:
    macros: dict[str, str] = {}
    for name, _ in tags:
        macro = tag_macro(name)
        other = macros.setdefault(macro, name)
        if other != name:
            raise mistake("tag_twice", name=show(name), other=show(other), macro=macro)


def _refuse_duplicates(targets: list[tuple[int, Target]]) -> None:
    seen: dict[tuple[str, int, str | None], tuple[int, Target]] = {}
    for number, target in targets:
        other, before = seen.setdefault(identity(target), (number, target))
        if before is not target:
            first = f"{other} ({before.domain})"
            raise mistake("duplicate", other=first).within(f"entry {number} ({target.domain})")


def _unknown_key(key: str, known: tuple[str, ...]) -> ConfigError:
    import difflib  # on use: only a mistake pays for it

    near = difflib.get_close_matches(key, known, 1)
    advice = f"did you mean {show(near[0])}?" if near else "the keys are " + ", ".join(known)
    return mistake("unknown_key", is_=show(key), near=advice)


def _domain_of(raw: object) -> str:
    name = raw.get("domain") if isinstance(raw, dict) else raw
    return f" ({printable(name[:60])})" if isinstance(name, str) and name else ""


# From bytes to a document.

def _read(path: str) -> bytes:
    """At most MAX_BYTES. Opened without blocking: a pipe that nobody writes must not hang."""
    try:
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
            if stat.S_ISDIR(os.fstat(file.fileno()).st_mode):
                raise mistake("directory")
            os.set_blocking(file.fileno(), True)
            data = file.read(MAX_BYTES + 1)
    except ConfigError:
        raise
    except FileNotFoundError:
        raise mistake("absent") from None
    except IsADirectoryError:
        raise mistake("directory") from None
    except PermissionError:
        raise mistake("unreadable", user=user_name()) from None
    except (OSError, ValueError) as error:
        raise mistake("os", why=getattr(error, "strerror", None) or error) from None
    if len(data) > MAX_BYTES:
        raise mistake("too_big")
    return data


def _text(data: bytes) -> str:
    """UTF-8, with or without the byte order mark that Windows editors put in front."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise mistake("encoding", why="it is UTF-16")
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise mistake("encoding", why=f"byte 0x{data[error.start]:02X} in line {line}") from None


def _json(text: str) -> Any:
    if not text.strip():
        raise mistake("empty")
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            raise mistake("json_end", line=error.lineno) from None
        raise mistake("json", why=printable(error.msg), line=error.lineno,
                      column=error.colno) from None
    except RecursionError:
        raise mistake("nesting") from None
    except ConfigError:
        raise
    except ValueError as error:  # a number of over 4300 digits
        raise mistake("json_number", why=printable(str(error))) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen = set()
        for key, _ in pairs:
            if key in seen:
                break
            seen.add(key)
        domain = made.get("domain")
        entry = f"the entry of {show(domain)}" if isinstance(domain, str) else "one object"
        raise mistake("double_key", key=show(key), entry=entry)
    return made


def _constant(name: str) -> float:
    raise mistake("constant", is_=name)


def _document(document: Any) -> tuple[dict[str, Any], list[Any]]:
    """Defaults and entries."""
    if isinstance(document, list):
        return {}, document
    if not isinstance(document, dict):
        raise mistake("shape", is_=show(document))
    for key in document:
        if key not in ("defaults", "targets"):
            raise _unknown_key(key, ("defaults", "targets"))
    defaults, entries = document.get("defaults", {}), document.get("targets")
    if entries is None:
        raise mistake("no_targets")
    if not isinstance(entries, list):
        raise mistake("targets", is_=show(entries))
    if not isinstance(defaults, dict):
        raise mistake("defaults", is_=show(defaults))
    return defaults, entries
