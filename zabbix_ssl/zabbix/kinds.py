"""The three templates, and how what they share is spelled in each.

Items and triggers are written once. ``Kind`` says what differs: where values come from, and whether
the target is a pair of low-level discovery macros or of user macros of the host.

In the tables ``@name`` stands for the item of a metric, ``@@name`` for an item that the template
has once, and ``{$SSL.X}`` for a user macro that takes the domain as its context.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import NamedTuple

SCRIPT = "ssl_check_batch.py"


class Kind(NamedTuple):
    """One template."""

    name: str
    description: str
    source: str  # EXTERNAL or TRAP: the type of the master items
    discovered: bool
    domain: str  # the macro that holds the target's domain
    port: str

    @property
    def target(self) -> str:
        """The target as names show it."""
        return f"{self.domain}:{self.port}"

    @property
    def master(self) -> str:
        """The key of the item that everything about a target depends on."""
        if self.source == "TRAP":
            return f"ssl.push[{self.domain},{self.port}]"
        return f"{SCRIPT}[--get,{self.domain},{self.port},all]"

    @property
    def list(self) -> str:
        """The key of the item that brings the list of targets."""
        return "ssl.push.discovery" if self.source == "TRAP" else f"{SCRIPT}[--discover]"

    @property
    def overview(self) -> str:
        """The key of the item that brings all targets at a glance."""
        return "ssl.push.overview" if self.source == "TRAP" else f"{SCRIPT}[--overview]"

    def key(self, name: str) -> str:
        """The key of a metric's item."""
        return f"ssl.{name}[{self.domain},{self.port}]" if self.discovered else f"ssl.{name}"

    def title(self, text: str) -> str:
        """The name of an item or trigger of a target."""
        return self.event(text) if self.discovered else f"SSL: {text}"

    def event(self, text: str) -> str:
        """The name of a problem of a target."""
        return f"SSL {self.target}: {text}"

    def expand(self, text: str) -> str:
        """``text`` of a table, as it reads in this template."""
        text = re.sub(r"@@([\w.]+)", lambda m: f"/{self.name}/ssl.{m[1]}", text)
        text = re.sub(r"@(\w+)", lambda m: f"/{self.name}/{self.key(m[1])}", text)
        if self.discovered:
            text = re.sub(r"\{(\$SSL\.[A-Z.]+)\}", rf'{{\1:"{self.domain}"}}', text)
        return text

    def uuid(self, *path: str) -> str:
        """The identity of a part of this template: always the same for the same path, in the form
        of version 4, which the import demands."""
        digest = hashlib.sha256("\0".join(("zabbix-ssl", self.name, *path)).encode()).digest()
        return uuid.UUID(bytes=digest[:16], version=4).hex


EXTERNAL = Kind(
    "SSL certificates by external check",
    "TLS certificates and endpoints, audited by the external script ssl_check_batch.py. Low-level "
    "discovery makes the items of each target in domains.json; one process a target and interval, "
    "everything else comes from its answer.",
    "EXTERNAL", True, "{#DOMAIN}", "{#PORT}")
PUSH = Kind(
    "SSL certificates by push",
    "TLS certificates and endpoints, audited by the service `zabbix-ssl push`, which sends the "
    "list of targets and their values to trapper items. No process is started for a check.",
    "TRAP", True, "{#DOMAIN}", "{#PORT}")
HOST = Kind(
    "SSL certificate of a host",
    "The TLS certificate and endpoint that {$SSL.DOMAIN} and {$SSL.PORT} of a host name, audited "
    "by the external script ssl_check_batch.py: for one host a site, without discovery.",
    "EXTERNAL", False, "{$SSL.DOMAIN}", "{$SSL.PORT}")

KINDS = (EXTERNAL, PUSH, HOST)
