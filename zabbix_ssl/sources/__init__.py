"""Where targets come from beside domains.json: the configurations of the servers themselves.

A reader takes a path (``hosts`` a session with the Zabbix API) and gives what it finds; a person
looks at the result before it becomes domains.json. What cannot be known from a configuration, such
as the hosts that a pattern stands for, is told and never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

from .found import Found, SourceError

__all__ = ["SOURCES", "Found", "Source", "SourceError", "reader"]


class Source(NamedTuple):
    """A row: what is read, and from where."""

    summary: str
    path: str  # what is named on the command line; "" for the API


#: Each is a module in this package with ``read``.
SOURCES = {
    "nginx": Source("server blocks of http, stream and mail", "nginx.conf"),
    "apache": Source("virtual hosts", "apache2.conf"),
    "haproxy": Source("frontends", "haproxy.cfg"),
    "caddy": Source("sites of a Caddyfile", "Caddyfile"),
    "postfix": Source("smtpd services", "/etc/postfix"),
    "dovecot": Source("imap, pop3, sieve, submission", "dovecot.conf"),
    "csv": Source("a table or a list", "FILE"),
    "k8s": Source("Ingress and Gateway manifests", "FILE"),
    "hosts": Source("web scenarios, items and macros of Zabbix", ""),
}


def reader(name: str) -> Callable[[Any], Iterator[Found]]:
    """The reader of a row."""
    read: Callable[[Any], Iterator[Found]] = import_module(f".{name}", __package__).read
    return read
