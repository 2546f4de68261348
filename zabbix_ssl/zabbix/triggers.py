"""Triggers of the templates, one row each.

What a row must hold to: facts that are not known leave the trigger as it is (an operand without
value makes the expression unknown, and so no problem and no recovery); one cause raises one
problem, by expressions that exclude each other and by dependencies; whatever depends on a date
compares the date with now(), so that it comes true on stale data too; a problem's name says what to
do.

A dependency alone does not make one problem of two stages: a dependent problem that is open already
stays open. The expiry stages therefore exclude each other where they begin, and end together.

Zabbix looks at an expression between any two values of one answer. Where two facts must hold at
once, one item carries both: ``verdict``, "is_valid=1 hostname_match=1 chain_trusted=0
chain_error=self_signed ...".

Zabbix recalculates an expression when one of its items gets a value, and with now() or nodata()
every 30 seconds besides, which costs: it is left to where time alone makes things worse. An item
that keeps quiet while nothing changes has no trigger recalculated. Yet it must be, when low-level
discovery made the trigger after the item had its first value, when another problem that it depends
on has ended, and when a macro was changed: so expressions hold an item that has a value at every
check. Only those about a change do not: closed by hand they must not begin again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .kinds import Kind

Node = dict[str, Any]


class Trigger(NamedTuple):
    """One trigger. ``name`` is what distinguishes it in lists, ``event`` what a problem says."""

    code: str
    severity: str
    scope: str
    name: str
    event: str
    expression: str
    description: str
    opdata: str = ""
    recovery: str = ""
    depends: tuple[str, ...] = ()
    manual_close: bool = False


_LEFT = "(last(@not_after)-now())"
_LIFETIME = "(last(@not_after)-last(@not_before))"
#: Seconds left that call for an alarm: days, or a share of a short lifetime where that is less.
_SOON = f"{_LEFT}<{{$SSL.EXPIRY.WARN}}*1d and {_LEFT}<{_LIFETIME}*{{$SSL.EXPIRY.WARN.PERCENT}}/100"
_NOW = f"{_LEFT}<{{$SSL.EXPIRY.HIGH}}*1d and {_LEFT}<{_LIFETIME}*{{$SSL.EXPIRY.HIGH.PERCENT}}/100"
_DOWN = "max(@handshake_ok,{$SSL.FAILED.CHECKS})=0"
_HANDSHAKE = "alert|handshake"
#: Always true: has the expression recalculated at every check.
_EACH = "last(@check_time)>0"
#: Always true: makes a value one that the problem's name can show.
_WITH = "length(last(@{}))>=0"
_SLOW = "{$SSL.HANDSHAKE.MAX}"
#: A chain error that is neither said better by the leaf's own dates nor a missing intermediate.
_UNTRUSTED = ("is_valid=1 .*chain_trusted=0 chain_error=(?!missing_intermediate )[^ ]|is_valid=0 "
              ".*chain_trusted=0 chain_error=(?!missing_intermediate |expired |not_yet_valid )[^ ]")
_INCOMPLETE = "chain_error=missing_intermediate "
_WRONG_HOST = "hostname_match=0 "
_WEAK_KEY = "chain_error=(?!weak_).*(has_weak_key|has_weak_signature)=1 "


def _verdict(pattern: str) -> str:
    return f'find(@verdict,,"regexp","{pattern}")=1'


def _of_verdict(pattern: str) -> str:
    """The part of the verdict that the group of ``pattern`` holds, in the name of a problem."""
    return f'{{{{ITEM.VALUE1}}.regsub("{pattern}","\\1")}}'


#: As long as trust cannot be judged, what was known of it holds.
_JUDGED = f"not {_verdict('chain_trusted=[?] ')}"
#: A certificate for another host is the first thing to mend.
_RIGHT_HOST = f"(not {_verdict(_WRONG_HOST)} or {{$SSL.HOSTNAME.CONTROL}}=0)"

#: Triggers of one target, what others depend on first.
TARGET = (
    Trigger(
        "unreachable", "HIGH", "availability",
        "cannot be checked",
        "cannot be checked: {ITEM.VALUE3}",
        f'{_DOWN} and find(@error_reason,,"regexp","^(?!({_HANDSHAKE})$).")=1'
        f" and {_WITH.format('error')}",
        "Name resolution, connection or the start of TLS failed in each of the last checks "
        "({$SSL.FAILED.CHECKS}); the reason stands in the name. What is known of the certificate "
        "stays as it was, and its expiry is still watched.",
        "Reason: {ITEM.LASTVALUE2}"),
    Trigger(
        "handshake", "HIGH", "availability",
        "TLS handshake fails",
        "TLS handshake fails: {ITEM.VALUE3}",
        f'{_DOWN} and find(@error_reason,,"regexp","^({_HANDSHAKE})$")=1'
        f" and {_WITH.format('error')}",
        "The server answers and speaks TLS, but no handshake was completed in any of the last "
        "checks ({$SSL.FAILED.CHECKS}). Look at its certificate files, key, versions and ciphers.",
        "Reason: {ITEM.LASTVALUE2}"),
    Trigger(
        "slow", "WARNING", "performance",
        "TLS handshake is slow",
        f"TLS handshake takes over {_SLOW} ms: look at the load of the server and the way to it",
        f"min(@handshake_ms,#3)>{_SLOW} and (count(@handshake_ms,{{$SSL.HANDSHAKE.PERIOD}})=0"
        f" or min(@handshake_ms,{{$SSL.HANDSHAKE.PERIOD}})>{_SLOW})",
        "The last three handshakes and all in {$SSL.HANDSHAKE.PERIOD} took longer than "
        "{$SSL.HANDSHAKE.MAX} ms. Ends when three in a row did not.",
        "Now: {ITEM.LASTVALUE1}", f"max(@handshake_ms,#3)<={_SLOW}",
        ("unreachable", "handshake")),
    Trigger(
        "expired", "HIGH", "availability",
        "certificate has expired",
        "certificate expired on {ITEM.VALUE1}: renew it now",
        f"{_LEFT}<0",
        "Clients refuse the certificate. Renew it, install it, and reload the server: the check "
        "sees what is served, not what lies on disk.",
        "Valid until {ITEM.LASTVALUE1}"),
    Trigger(
        "expiring_high", "HIGH", "notice",
        "certificate expires very soon",
        "certificate expires on {ITEM.VALUE1}, in less than {$SSL.EXPIRY.HIGH} days: renew it now",
        f"{_LEFT}>=0 and {_NOW}",
        "Less than {$SSL.EXPIRY.HIGH} days and less than {$SSL.EXPIRY.HIGH.PERCENT} % of the "
        "lifetime are left. Renew the certificate, and look why it was not renewed by itself.",
        "Valid until {ITEM.LASTVALUE1}", f"not ({_NOW})", ("expired",)),
    Trigger(
        "expiring", "WARNING", "notice",
        "certificate expires soon",
        "certificate expires on {ITEM.VALUE1}, in less than {$SSL.EXPIRY.WARN} days: renew it",
        f"({_SOON}) and not ({_NOW})",
        "Less than {$SSL.EXPIRY.WARN} days and less than {$SSL.EXPIRY.WARN.PERCENT} % of the "
        "lifetime are left. A certificate that is renewed automatically is replaced before that: "
        "look why it was not.",
        "Valid until {ITEM.LASTVALUE1}", f"not ({_SOON})", ("expiring_high", "expired")),
    Trigger(
        "not_yet_valid", "HIGH", "availability",
        "certificate is not yet valid",
        "certificate is valid only from {ITEM.VALUE1}: install one that is valid now, or look at "
        "the clocks",
        "last(@not_before)>now()",
        "Clients refuse the certificate until its time has come. A wrong clock of the server or "
        "proxy that checks shows the same.",
        "Valid from {ITEM.LASTVALUE1}"),
    Trigger(
        "revoked", "HIGH", "security",
        "certificate is revoked",
        "certificate is revoked ({ITEM.VALUE2}): replace it now",
        f"{{$SSL.REVOCATION.CONTROL}}=1 and last(@is_revoked)=1"
        f" and {_WITH.format('revocation_reason')} and {_EACH}",
        "The CA has revoked the certificate or one above it. Have a new one issued, with a new key "
        "if the old one may be known.",
        "Revocation: {ITEM.LASTVALUE1}"),
    Trigger(
        "revocation_unknown", "INFO", "security",
        "revocation cannot be learnt",
        "revocation has been unknown for {$SSL.REVOCATION.UNKNOWN}: {ITEM.VALUE5}",
        "{$SSL.REVOCATION.CONTROL}=1 and last(@is_revoked)=2"
        " and last(@is_revoked,#1:now-{$SSL.REVOCATION.UNKNOWN})=2"
        ' and count(@is_revoked,{$SSL.REVOCATION.UNKNOWN},"ne","2")=0'
        f" and {_EACH} and {_WITH.format('revocation_reason')}",
        "Neither OCSP nor a CRL answered for {$SSL.REVOCATION.UNKNOWN}. Look whether the CA's "
        "responder can be reached from where the check runs; --crl-dir works without.",
        "Revocation: {ITEM.LASTVALUE1}"),
    Trigger(
        "wrong_host", "HIGH", "security",
        "certificate is for another host",
        f"certificate is for another host ({_of_verdict('san=(.*)')}): install the right one, or "
        "look at the SNI configuration",
        f"{{$SSL.HOSTNAME.CONTROL}}=1 and {_verdict(_WRONG_HOST)} and {_EACH}",
        "The certificate does not name the domain. The server sends the certificate of another "
        "site, or its default one.",
        "{ITEM.LASTVALUE1}"),
    Trigger(
        "untrusted", "HIGH", "security",
        "certificate is not trusted",
        f"certificate is not trusted ({_of_verdict('chain_error=([^ ]*)')}): install one from a CA "
        "that clients trust, or name its CA as ca_file",
        f"{{$SSL.TRUST.CONTROL}}=1 and {_verdict(_UNTRUSTED)} and {_RIGHT_HOST} and {_EACH}",
        "The chain does not lead to a trusted root; the reason stands in the name, and what to do "
        "in the item \"What to do\". Where this is meant to be so, name the CA in domains.json, or "
        "set {$SSL.TRUST.CONTROL} to 0.",
        "{ITEM.LASTVALUE1}", _JUDGED),
    Trigger(
        "incomplete", "HIGH", "security",
        "certificate chain is incomplete",
        "certificate chain is incomplete: add the intermediate certificate to the server's "
        "certificate file",
        f"{{$SSL.TRUST.CONTROL}}=1 and {_verdict(_INCOMPLETE)} and {_RIGHT_HOST} and {_EACH}",
        "The server does not send an intermediate certificate. Browsers may fetch it by "
        "themselves, other clients fail. The item \"What to do\" names it.",
        "{ITEM.LASTVALUE1}", _JUDGED),
    Trigger(
        "chain_expiring", "WARNING", "notice",
        "certificate in the chain expires first",
        "certificate in the chain expires on {ITEM.VALUE1}, before the server's own: install the "
        "new chain",
        "{$SSL.TRUST.CONTROL}=1 and last(@chain_first)>last(@check_time)"
        " and last(@chain_first)-last(@check_time)<{$SSL.EXPIRY.WARN}*1d",
        "An intermediate (or root) certificate expires within {$SSL.EXPIRY.WARN} days and before "
        "the server's own. Get the current chain from the CA.",
        "Chain valid until {ITEM.LASTVALUE1}"),
    Trigger(
        "staple_missing", "WARNING", "security",
        "demanded OCSP staple is missing",
        "certificate demands a stapled OCSP answer and the server sends none: turn stapling on",
        f"{{$SSL.REVOCATION.CONTROL}}=1 and last(@must_staple_violated)=1 and {_EACH}",
        "The certificate has the must-staple extension (RFC 7633): some clients refuse it without "
        "the staple.",
        "Missing: {ITEM.LASTVALUE1}"),
    Trigger(
        "weak_tls", "WARNING", "security",
        "weak TLS version is accepted",
        "weak TLS version is accepted ({ITEM.VALUE2}): turn it off",
        "{$SSL.TLS.CONTROL}=1 and last(@has_weak_tls)=1"
        f" and length(last(@weak_tls_versions))>0 and {_EACH}",
        "The server accepts TLS 1.1 or older (RFC 8996).",
        "Accepted: {ITEM.LASTVALUE2}"),
    Trigger(
        "weak_cipher", "WARNING", "security",
        "weak cipher is accepted",
        "weak cipher is accepted ({ITEM.VALUE2}): turn it off",
        "{$SSL.CIPHER.CONTROL}=1 and last(@has_weak_cipher)=1"
        f" and length(last(@weak_ciphers))>0 and {_EACH}",
        "The server accepts RC4, DES, 3DES, NULL, EXPORT, anonymous or MD5 suites.",
        "Accepted: {ITEM.LASTVALUE2}"),
    Trigger(
        "weak_key", "WARNING", "security",
        "key or signature is weak",
        f"key or signature of the certificate is weak ({_of_verdict('key_type=([^ ]+)')} "
        f"{_of_verdict('key_bits=([^ ]+)')} bits, {_of_verdict('signature_algorithm=([^ ]+)')}): "
        "have it reissued with RSA 2048 or EC P-256, and SHA-256",
        f"{{$SSL.KEY.CONTROL}}=1 and {_verdict(_WEAK_KEY)} and {_EACH}",
        "RSA under 2048 bits or the like, or a signature with SHA-1 or MD5.",
        "{ITEM.LASTVALUE1}"),
    Trigger(
        "issuer_changed", "WARNING", "security",
        "certificate comes from another CA",
        "certificate now comes from another CA, {ITEM.VALUE1}: make sure that this was meant",
        "{$SSL.CHANGE.CONTROL}=1 and count(@issuer_organization,#2)=2"
        " and last(@issuer_organization,#1)<>last(@issuer_organization,#2)",
        "Another organisation than before has issued the certificate. A renewal by the same CA, "
        "from whatever intermediate, raises nothing. Closes by itself within some hours.",
        "Issued by {ITEM.LASTVALUE1}", manual_close=True),
    Trigger(
        "names_lost", "WARNING", "notice",
        "certificate has lost names",
        "certificate has lost names: compare them with those before, and make sure that this was "
        "meant",
        "{$SSL.CHANGE.CONTROL}=1 and count(@names_digest,#2)=2"
        " and last(@names_digest,#1)<>last(@names_digest,#2)"
        " and length(last(@names_digest,#1))<=length(last(@names_digest,#2))"
        f" and {_WITH.format('san')}",
        "The certificate was replaced by one that lacks names the old one had. Clients that use "
        "them fail. Closes by itself within some hours.",
        "Names now: {ITEM.LASTVALUE6}", manual_close=True),
    Trigger(
        "nodes_failed", "WARNING", "availability",
        "some nodes cannot be checked",
        "{ITEM.VALUE1} of {ITEM.VALUE2} nodes cannot be checked: mend them, or take them out of "
        "the DNS",
        "min(@nodes_failed,{$SSL.FAILED.CHECKS})>0 and last(@nodes_total)>last(@nodes_failed)"
        f" and {_WITH.format('nodes')}",
        "Some addresses of the name do not answer while others do, in each of the last checks "
        "({$SSL.FAILED.CHECKS}). Only for targets with all_addresses.",
        "{ITEM.LASTVALUE4}", "", ("unreachable", "handshake")),
    Trigger(
        "nodes_disagree", "WARNING", "notice",
        "nodes serve different certificates",
        "{ITEM.VALUE1} of {ITEM.VALUE3} nodes serve another certificate: install the new one there "
        "too, and reload them",
        "min(@nodes_disagree,{$SSL.NODES.GRACE})>0"
        " and last(@nodes_disagree,#1:now-{$SSL.NODES.GRACE})>0"
        f" and last(@nodes_total)>0 and {_WITH.format('nodes')}",
        "Not all addresses of the name serve the newest certificate, for longer than a new one may "
        "take to be rolled out ({$SSL.NODES.GRACE}). Only for targets with all_addresses.",
        "{ITEM.LASTVALUE4}"),
    Trigger(
        "no_result", "AVERAGE", "availability",
        "no result of the check",
        "no result of the check for {$SSL.NODATA}: {ITEM.VALUE2}",
        f"nodata(@check_time,{{$SSL.NODATA}})=1 and ({_WITH.format('get_error')}"
        " or nodata(@get_error,{$SSL.NODATA})=1)",
        "The check itself does not work; this says nothing about the target. Run `zabbix-ssl "
        "doctor` on the Zabbix server or proxy that does it.",
        "Last check: {ITEM.LASTVALUE1}", depends=("list",)),
)

#: Of the templates with discovery, one each: nothing works.
LIST = Trigger(
    "list", "HIGH", "availability",
    "SSL: List of targets cannot be read",
    "SSL: List of targets cannot be read: {ITEM.VALUE1}",
    'count(@@list.error,#2,"regexp",".")=2',
    "The external script or its domains.json does not work. Run `zabbix-ssl doctor` on the Zabbix "
    "server or proxy that monitors this host.",
    "{ITEM.LASTVALUE1}")
HEARTBEAT = Trigger(
    "list", "HIGH", "availability",
    "SSL: Push service is silent",
    "SSL: Push service has been silent for {$SSL.PUSH.NODATA}: start zabbix-ssl push",
    "nodata(@@push.heartbeat,{$SSL.PUSH.NODATA})=1",
    "The service `zabbix-ssl push` does not run, or cannot reach this server. Look at its journal.",
    "Last heartbeat: {ITEM.LASTVALUE1}")

ALL = (LIST, HEARTBEAT)


def target_triggers(kind: Kind) -> list[Node]:
    """The triggers of one target."""
    return [_node(kind, trigger) for trigger in TARGET]


def list_trigger(kind: Kind) -> Node:
    """The trigger of a template with discovery that concerns all its targets."""
    return _node(kind, _of_all(kind))


def _of_all(kind: Kind) -> Trigger:
    return HEARTBEAT if kind.source == "TRAP" else LIST


def _node(kind: Kind, trigger: Trigger) -> Node:
    node: Node = {
        "uuid": kind.uuid("trigger", trigger.code),
        **_identity(kind, trigger),
        "recovery_mode": "RECOVERY_EXPRESSION" if trigger.recovery else "EXPRESSION",
        "event_name": kind.expand(trigger.event if trigger in ALL else kind.event(trigger.event)),
        "priority": trigger.severity,
        "description": kind.expand(trigger.description),
        "tags": [{"tag": "scope", "value": trigger.scope}],
    }
    if trigger.opdata:
        node["opdata"] = trigger.opdata
    if trigger.manual_close:
        node["manual_close"] = "YES"
    if depends := [t for code in trigger.depends for t in _named(kind, code)]:
        node["dependencies"] = [_identity(kind, other) for other in depends]
    return node


def _identity(kind: Kind, trigger: Trigger) -> Node:
    """What a dependency names another trigger by."""
    node: Node = {"expression": kind.expand(trigger.expression)}
    if trigger.recovery:
        node["recovery_expression"] = kind.expand(trigger.recovery)
    return node | {"name": trigger.name if trigger in ALL else kind.title(trigger.name)}


def _named(kind: Kind, code: str) -> list[Trigger]:
    if code == "list":
        return [_of_all(kind)] if kind.discovered else []
    return [next(trigger for trigger in TARGET if trigger.code == code)]
