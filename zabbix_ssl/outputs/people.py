"""Results for a person at a terminal: the report of one target, and one line each of many.

Rules
- First what is wrong, the worst first, and what to do. Then the facts.
- A fact that is not known says so, with why; it is never left out in silence and never a "no".
- Everything that came from the network is made printable, and cut where it has no end.
- Colour is decoration: the words say the same without it.
- ``width`` is the terminal's; None (a pipe, a file) breaks no lines, so that grep finds sentences.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..findings import LEVELS
from ..model import Result, Target
from ..plain import columns, pad, printable, wrap

#: Everything that is said here. {...} are filled with facts.
WORDS = {
    # verdicts
    "ok": "OK", "low": "REMARK", "medium": "MEDIUM", "high": "HIGH", "failed": "FAILED",
    # rows
    "validity": "Validity", "certificate": "Certificate", "chain": "Chain", "tls": "TLS",
    "revocation": "Revocation", "handshake": "Handshake",
    # facts
    "not_known": "not known: {why}",
    "days_left": "{days} days left of {lifetime} ({percent} %), {start} to {end}",
    "days_over": "expired {days} days ago, {start} to {end}",
    "not_yet": "not valid yet, {start} to {end}",
    "issuer": "issued by {issuer}",
    "empty_subject": "(empty subject)",
    "key": "{kind} {bits} bits, signed with {algorithm}",
    "key_fixed": "{kind}, signed with {algorithm}",
    "serial": "serial {serial}",
    "fingerprint": "SHA-256 {fingerprint}",
    "names": "valid for {names}",
    "no_names": "valid for no name at all",
    "more": "{names} and {count} more",
    "trusted": "trusted", "not_trusted": "not trusted ({error})",
    "trust_unknown": "trust not known",
    "complete": "complete as sent", "incomplete": "not complete as sent",
    "match": "valid for this host", "no_match": "not valid for this host",
    "negotiated": "{version}, {cipher}", "group": "key exchange {group}",
    "accepts": "accepts {versions}", "accepts_none": "accepts no version that was asked for",
    "weak_ciphers": "accepts weak ciphers: {ciphers}",
    "no_weak_ciphers": "accepts no weak cipher",
    "good": "good", "revoked": "revoked", "unknown": "unknown", "not_applicable": "not applicable",
    "source": " (asked: {source})", "because": ": {reason}",
    "no_pointer": "the certificate names nobody to ask",
    "short_lived": "the certificate lives too briefly to need it",
    "self_signed": "the certificate is its own issuer",
    "staple_missing": "the certificate demands a stapled answer, and the server sent none",
    "times": "{handshake} ms, connection {connect} ms, name resolution {dns} ms",
    "client_certificate": "asks for a client certificate",
    "connected": " at {address}",
    "more_findings": "(and {count} more)",
    # the lines of a table, and the one under it
    "days": "{days} days",
    "targets": "{count} targets", "target": "1 target", "fine": "{count} fine",
    "count_low": "{count} with remarks", "count_medium": "{count} medium",
    "count_high": "{count} high", "count_failed": "{count} could not be checked",
}

VERDICTS = ("ok", "low", "medium", "high", "failed")
_COLOURS = {"ok": "32", "low": "32", "medium": "33", "high": "31", "failed": "35"}  # SGR, ECMA-48
_VERDICT_COLUMNS = max(columns(WORDS[verdict]) for verdict in VERDICTS)
_INDENT = "  "
_LABEL_COLUMNS = 13
_DAYS_COLUMNS = 9
_LEAST_COLUMNS = 30
_MOST_TEXT = 200  # characters of a name in a certificate
_MOST_NAMES = 6
_MOST_TARGET_COLUMNS = 48


def verdict(result: Result) -> str:
    """One of VERDICTS: could not be checked, or the severity of the worst finding, or ok."""
    if result.failed:
        return "failed"
    return result.findings[0].severity if result.findings else "ok"


def report(result: Result, colour: bool = False, width: int | None = None) -> str:
    """The whole of one target, many lines, with a line end."""
    name = verdict(result)
    address = result.values.get("address", "")
    told = address in ("", result.target.address, result.target.domain)
    where = "" if told else WORDS["connected"].format(address=printable(str(address)))
    lines = [f"{_painted(pad(WORDS[name], _VERDICT_COLUMNS), name, colour)}{_INDENT}"
             f"{_target(result.target)}{where}"]
    for finding in result.findings:
        lines += _hanging(WORDS[finding.severity].lower(), _VERDICT_COLUMNS + 2,
                          printable(finding.message), width)
    facts = _facts(result, width)
    if facts:
        lines += ["", *facts]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _facts(result: Result, width: int | None) -> list[str]:
    """The rows; what a failure has hidden is not said again in each."""
    lines = []
    hidden = WORDS["not_known"].format(why=result.values["error"])
    for label, tell in _ROWS:
        for number, text in enumerate(text for text in tell(result) if text != hidden):
            text = printable(text)
            lines += _hanging("" if number else WORDS[label], _LABEL_COLUMNS, text, width)
    return lines


def table_line(result: Result, target_columns: int, colour: bool = False,
               width: int | None = None) -> str:
    """One target of many: verdict, target, days left, the worst finding; with a line end."""
    name = verdict(result)
    days = result.values.get("remain_days")
    days_left = "" if days is None else WORDS["days"].format(days=days)
    first = result.findings[0].message if result.findings else ""
    if len(result.findings) > 1:
        first += " " + WORDS["more_findings"].format(count=len(result.findings) - 1)
    rest = f"  {pad(_target(result.target), target_columns)}  {days_left:>{_DAYS_COLUMNS}}"
    head = _painted(pad(WORDS[name], _VERDICT_COLUMNS), name, colour) + rest
    left = _VERDICT_COLUMNS + columns(rest) + 2
    if first and width and width - left < _LEAST_COLUMNS:  # too narrow: below, not beside
        left = _VERDICT_COLUMNS + 2
        texts = ["", *_wrapped(printable(first), left, width)]
    else:
        texts = _wrapped(printable(first), left, width)
    lines = [f"{head}  {texts[0]}", *(" " * left + text for text in texts[1:])]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def table_columns(targets: Iterable[Target]) -> int:
    """How wide the column of the targets has to be."""
    widest = max((columns(_target(target)) for target in targets), default=0)
    return min(widest, _MOST_TARGET_COLUMNS)


def totals(verdicts: Sequence[str]) -> str:
    """How many of each verdict, one line with its end: ``12 targets: 3 fine, 1 medium``."""
    count = len(verdicts)
    head = WORDS["target"] if count == 1 else WORDS["targets"].format(count=count)
    words = {"ok": "fine", **{name: f"count_{name}" for name in VERDICTS[1:]}}
    parts = [WORDS[word].format(count=verdicts.count(name)) for name, word in words.items()
             if name in verdicts]
    return f"{head}: {', '.join(parts)}\n" if parts else f"{head}\n"


# The rows of a report: each gives its lines.

def _validity(result: Result) -> list[str]:
    v = result.values
    if "not_after" not in v:
        return [_not_known(result, "not_after")]
    span = {"start": _date(v["not_before"]), "end": _date(v["not_after"])}
    if result.check_time < _number(v["not_before"]):
        return [WORDS["not_yet"].format(**span)]
    days = _number(v["remain_days"])
    if result.check_time > _number(v["not_after"]):
        return [WORDS["days_over"].format(days=-days - 1, **span)]
    return [WORDS["days_left"].format(days=days, lifetime=v["lifetime_days"],
                                      percent=v.get("remain_percent", "?"), **span)]


def _certificate(result: Result) -> list[str]:
    v = result.values
    if "subject" not in v:
        return [_not_known(result, "subject")]
    names = [_cut(name) for name in _list(v["san"])]
    key = {"kind": _cut(v["key_type"]), "bits": v.get("key_bits"),
           "algorithm": _cut(v["signature_algorithm"])}
    return [
        _cut(v["subject"]) or WORDS["empty_subject"],
        WORDS["issuer"].format(issuer=_cut(v["issuer"]) or WORDS["empty_subject"]),
        WORDS["names"].format(names=_some(names)) if names else WORDS["no_names"],
        WORDS["key_fixed" if key["bits"] is None else "key"].format(**key),
        WORDS["serial"].format(serial=_cut(v["serial"])),
        WORDS["fingerprint"].format(fingerprint=v["fingerprint_sha256"]),
    ]


def _chain(result: Result) -> list[str]:
    v = result.values
    if "hostname_match" not in v:
        return [_not_known(result, "chain_trusted")]
    if "chain_trusted" not in v:
        trust = f"{WORDS['trust_unknown']}: {result.unknown.get('chain_trusted', '')}"
    elif v["chain_trusted"]:
        trust = WORDS["trusted"]
    else:
        trust = WORDS["not_trusted"].format(error=v["chain_error"])
    parts = [trust]
    if "chain_complete" in v:
        parts.append(WORDS["complete" if v["chain_complete"] else "incomplete"])
    parts.append(WORDS["match" if v["hostname_match"] else "no_match"])
    return [", ".join(parts)]


def _tls(result: Result) -> list[str]:
    v = result.values
    lines = []
    if "tls_version" in v:
        line = WORDS["negotiated"].format(version=v["tls_version"], cipher=v.get("cipher", "?"))
        if v.get("key_exchange"):
            line += ", " + WORDS["group"].format(group=v["key_exchange"])
        lines.append(line)
    if "supported_tls_versions" not in v:
        return [*lines, _not_known(result, "supported_tls_versions")]
    versions = _list(v["supported_tls_versions"])
    lines.append(WORDS["accepts"].format(versions=", ".join(versions)) if versions else
                 WORDS["accepts_none"])
    if v.get("unknown_tls_versions"):
        lines.append(WORDS["not_known"].format(why=v["unknown_tls_versions"]))
    if v.get("weak_ciphers"):
        lines.append(WORDS["weak_ciphers"].format(ciphers=_some(_list(v["weak_ciphers"]))))
    elif "has_weak_cipher" in v:
        lines.append(WORDS["no_weak_ciphers"])
    else:
        lines.append(WORDS["weak_ciphers"].format(ciphers=_not_known(result, "has_weak_cipher")))
    return lines


def _revocation(result: Result) -> list[str]:
    v = result.values
    if "revocation_status" not in v:
        return [_not_known(result, "revocation_status")]
    line = WORDS[str(v["revocation_status"])]
    if v.get("revocation_source"):
        line += WORDS["source"].format(source=v["revocation_source"])
    if v.get("revocation_reason"):
        reason = _cut(v["revocation_reason"])
        line += WORDS["because"].format(reason=WORDS.get(reason, reason))
    return [line, WORDS["staple_missing"]] if v.get("must_staple_violated") else [line]


def _handshake(result: Result) -> list[str]:
    v = result.values
    if "handshake_ms" not in v:
        return [_not_known(result, "handshake_ms")]
    line = WORDS["times"].format(**{
        name: f"{_number(v.get(f'{name}_ms', 0)):.0f}" for name in ("handshake", "connect", "dns")})
    if v.get("client_certificate_requested"):
        return [line, WORDS["client_certificate"]]
    return [line]


_ROWS: tuple[tuple[str, Callable[[Result], list[str]]], ...] = (
    ("validity", _validity), ("certificate", _certificate), ("chain", _chain), ("tls", _tls),
    ("revocation", _revocation), ("handshake", _handshake),
)


def _not_known(result: Result, name: str) -> str:
    return WORDS["not_known"].format(why=result.unknown.get(name, "?"))


def _target(target: Target) -> str:
    text = printable(str(target))
    return f"{text} ({target.address})" if target.address else text


def _painted(text: str, name: str, colour: bool) -> str:
    return f"\x1b[1;{_COLOURS[name]}m{text}\x1b[0m" if colour else text


def _hanging(label: str, label_columns: int, text: str, width: int | None) -> list[str]:
    """A label and a text beside it, whose further lines stand under its first."""
    left = len(_INDENT) + label_columns
    texts = _wrapped(text, left, width)
    return [f"{_INDENT}{pad(label, label_columns)}{texts[0]}",
            *(" " * left + line for line in texts[1:])]


def _wrapped(text: str, left: int, width: int | None) -> list[str]:
    """``text`` in the columns right of ``left``; in one line where they are too few to be read."""
    return wrap(text, width - left) if width and width - left >= _LEAST_COLUMNS else [text]


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _MOST_TEXT else text[:_MOST_TEXT] + "..."


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    if len(names) <= _MOST_NAMES:
        return shown
    return WORDS["more"].format(names=shown, count=len(names) - _MOST_NAMES)


def _date(seconds: Any) -> str:
    t = time.gmtime(seconds)
    return f"{t.tm_year:04}-{t.tm_mon:02}-{t.tm_mday:02}"


def _number(value: Any) -> int | float:
    assert isinstance(value, int | float)
    return value


def _list(value: Any) -> tuple[str, ...]:
    assert isinstance(value, tuple)
    return value


assert set(LEVELS) <= set(VERDICTS)
