"""User macros of the templates: every threshold, period and switch."""

from __future__ import annotations

from typing import Any

from .kinds import EXTERNAL, HOST, KINDS, PUSH, Kind

_DISCOVERED = (EXTERNAL, PUSH)
_EXTERNALLY = (EXTERNAL, HOST)

#: macro: (default, description, templates that have it). The ones with "of a target" take the
#: domain as their context, {$SSL.EXPIRY.WARN:"example.com"}, also as a regular expression.
MACROS: dict[str, tuple[str, str, tuple[Kind, ...]]] = {
    "DOMAIN": ("", "Domain of the target: host name or IP address.", (HOST,)),
    "PORT": ("443", "Port of the target.", (HOST,)),
    "INTERVAL": ("5m", "Time between the checks of a target.", _EXTERNALLY),
    "DISCOVERY.INTERVAL": ("10m", "Time between two looks at the list of targets.", (EXTERNAL,)),
    "DOMAIN.MATCHES": (".*", "Regular expression: domains that are monitored here.", _DISCOVERED),
    "DOMAIN.NOT_MATCHES": ("CHANGE_IF_NEEDED", "Regular expression: domains that are not.",
                           _DISCOVERED),
    "GROUP.MATCHES": (".*", "Regular expression: groups of domains.json that are monitored here.",
                      _DISCOVERED),
    "GROUP.NOT_MATCHES": ("CHANGE_IF_NEEDED", "Regular expression: groups that are not.",
                          _DISCOVERED),
    "LIFETIME": ("0", "How long the items of a target are kept, and it is checked, after it has "
    "left "
                 "the list.", _DISCOVERED),
    "SUMMARY.INTERVAL": ("5m", "Time between the sums over all targets.", _DISCOVERED),
    "PUSH.HOSTS": ("0.0.0.0/0,::/0", "Addresses and networks that may push.", (PUSH,)),
    "PUSH.NODATA": ("10m", "Silence of the push service that raises a problem.", (PUSH,)),
    "FAILED.CHECKS": ("#2", "Failed checks of a target in a row that raise a problem: # and their "
                      "number, or a time.", KINDS),
    "NODATA": ("30m", "Time without any result for a target that raises a problem; several times "
               "its interval.", KINDS),
    "EXPIRY.WARN": ("30", "Days left of a target's certificate that raise a warning.", KINDS),
    "EXPIRY.WARN.PERCENT": ("25", "Share of the lifetime that must be undercut as well, so that "
                            "certificates that live 90 days or less and are renewed on time, with "
                            "a third left, raise nothing.", KINDS),
    "EXPIRY.HIGH": ("7", "Days left of a target's certificate that raise a problem of high "
                    "severity.", KINDS),
    "EXPIRY.HIGH.PERCENT": ("10", "Share of the lifetime that must be undercut as well.", KINDS),
    "HANDSHAKE.MAX": ("500", "Duration of a TLS handshake of a target, in ms, that is too long.",
                      KINDS),
    "HANDSHAKE.PERIOD": ("15m", "Time for which all handshakes must be too long.", KINDS),
    "NODES.GRACE": ("30m", "Time for which the nodes of a target may serve different certificates, "
                    "as while a new one is rolled out.", KINDS),
    "REVOCATION.UNKNOWN": ("1d", "Time of unknown revocation that raises a problem.", KINDS),
    "REVOCATION.CONTROL": ("1", "0: no problems about the revocation of a target.", KINDS),
    "TRUST.CONTROL": ("1", "0: no problems about the chain of a target.", KINDS),
    "HOSTNAME.CONTROL": ("1", "0: no problem when the certificate of a target is for another host.",
                         KINDS),
    "TLS.CONTROL": ("1", "0: no problem about weak TLS versions of a target.", KINDS),
    "CIPHER.CONTROL": ("1", "0: no problem about weak ciphers of a target.", KINDS),
    "KEY.CONTROL": ("1", "0: no problem about a weak key or signature of a target.", KINDS),
    "CHANGE.CONTROL": ("1", "0: no problems about another CA or lost names of a target.", KINDS),
}


def macros(kind: Kind) -> list[dict[str, Any]]:
    """The macros of a template, by name."""
    found = []
    for name, (default, description, kinds) in sorted(MACROS.items()):
        if kind in kinds:
            node = {"macro": f"{{$SSL.{name}}}"} | ({"value": default} if default else {})
            found.append(node | {"description": description})
    return found
