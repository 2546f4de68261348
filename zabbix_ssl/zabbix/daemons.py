"""The configuration of a Zabbix server or proxy on this machine, as far as external checks care."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from glob import glob
from typing import NamedTuple

from . import room

CONFIGS = ("/etc/zabbix/zabbix_server.conf", "/etc/zabbix/zabbix_proxy.conf",
           "/usr/local/etc/zabbix_server.conf", "/usr/local/etc/zabbix_proxy.conf")
#: Where ExternalScripts leads when the file does not say: compiled in, Zabbix's own packages first,
#: then Debian's, then what is built from source.
FOLDERS = ("/usr/lib/zabbix/externalscripts", "/etc/zabbix/externalscripts",
           "/usr/local/share/zabbix/externalscripts")
TIMEOUT = 3  # seconds, compiled in
USER = "zabbix"

MOST_BYTES = 1 << 20
_MOST_FILES = 100  # that a configuration may include


class Daemon(NamedTuple):
    """A server or proxy. ``scripts``: its ExternalScripts; ``timeout`` in seconds; ``cache``: its
    CacheSize in bytes."""

    config: str
    scripts: str
    timeout: int
    user: str
    cache: int = room.DEFAULT


def find(configs: Sequence[str] = CONFIGS) -> list[Daemon]:
    """The daemons whose configuration is there. Raises OSError for one that cannot be read."""
    return [_read(path) for path in configs if os.path.exists(path)]


def _read(path: str) -> Daemon:
    said = dict(_settings(path, [0]))  # of several the last counts, as for Zabbix
    timeout = said.get("Timeout", "")
    return Daemon(path, said.get("ExternalScripts") or _default_folder(),
                  int(timeout) if timeout.isdigit() else TIMEOUT, said.get("User") or USER,
                  room.size(said.get("CacheSize", "")))


def _default_folder() -> str:
    return next((folder for folder in FOLDERS if os.path.isdir(folder)), FOLDERS[0])


def _settings(path: str, files: list[int]) -> Iterator[tuple[str, str]]:
    """Keys and values of a file and of those it includes, in order (manual: Include)."""
    files[0] += 1
    if files[0] > _MOST_FILES:
        return
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.read(MOST_BYTES).splitlines()
    for line in lines:
        key, equals, value = line.partition("=")
        key, value = key.strip(), value.strip()
        if not equals or key.startswith("#"):
            continue
        if key != "Include":
            yield key, value
            continue
        for included in _included(value):
            yield from _settings(included, files)


def _included(pattern: str) -> list[str]:
    if os.path.isdir(pattern):
        pattern = os.path.join(pattern, "*")
    return sorted(path for path in glob(pattern) if os.path.isfile(path))
