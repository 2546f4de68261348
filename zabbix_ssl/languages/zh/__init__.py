"""Simplified Chinese. What the product is called in Chinese texts on TLS is kept: OCSP, CRL, SNI.

CATALOGUE has a table for each English one, with the same keys and the same holes in its sentences.
MESSAGES are those that stand in no table, by their English words. OWN are sentences that are looked
for only where a command says them: they are so short that a server's own words may look like them.
"""
# ruff: noqa: RUF001

from __future__ import annotations

from . import certificates, commands, revocation, servers, sources, ways, zabbix
from .findings import FINDINGS
from .mistakes import MISTAKES, WRONG
from .people import DOCTOR, HTML, NAGIOS, PEOPLE

#: How several messages become one, and a message one of what it is about.
JOINED = {"and": "；", "about": "{subject}：{said}"}

CATALOGUE = {
    "": JOINED, "findings": FINDINGS, "mistakes": MISTAKES, "wrong": WRONG, "people": PEOPLE,
    "html": HTML, "nagios": NAGIOS, "doctor": DOCTOR, "api": zabbix.API, "install": zabbix.INSTALL,
}

MESSAGES = {**servers.MESSAGES, **ways.MESSAGES, **certificates.MESSAGES, **revocation.MESSAGES,
            **commands.MESSAGES, **zabbix.MESSAGES}

OWN = {"register": zabbix.REGISTER, "push": zabbix.PUSH, "targets": sources.SOURCES}
