"""Results for a person at a terminal: the report of one target, and one line each of many.

Rules
- First what is wrong, the worst first, and what to do. Then the facts.
- A fact that is not known says so, with why; it is never left out in silence and never a "no".
- Everything that came from the network is made printable, and cut where it has no end.
- Colour is decoration: the words say the same without it.
- ``words`` are WORDS or those of another language; the sentences of a result are in that language
  already (``Language.result``).
- ``width`` is the terminal's; None (a pipe, a file) breaks no lines, so that grep finds sentences.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    "revocation": "Revocation", "handshake": "Handshake", "nodes": "Nodes",
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
    "trust_unknown": "trust not known: {why}",
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
    "more_findings": " (and {count} more)",
    # the lines of a table, and the one under it
    "days": "{days} days",
    "targets": "{count} targets", "target": "1 target", "fine": "{count} fine",
    "count_low": "{count} with remarks", "count_medium": "{count} medium",
    "count_high": "{count} high", "count_failed": "{count} could not be checked",
    "total": "{head}: {parts}", "comma": ", ",
    # --show-fix and --watch
    "fix": "{target} should also send {subject}, which {url} has:",
    "fix_not_found": "What {target} should also send could not be fetched: ask the CA for it",
    "fix_none": "{target} sends all that it should",
    "watching": "{time}, every {every} s, Ctrl-C ends",
    "new_certificate": "another certificate",
}

Words = Mapping[str, str]

VERDICTS = ("ok", "low", "medium", "high", "failed")
_COLOURS = {"ok": "32", "low": "32", "medium": "33", "high": "31", "failed": "35"}  # SGR, ECMA-48
_VERDICT_COLUMNS = max(columns(WORDS[verdict]) for verdict in VERDICTS)  # in all languages
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


def report(result: Result, colour: bool = False, width: int | None = None, words: Words = WORDS
           ) -> str:
    """The whole of one target, many lines, with a line end."""
    name = verdict(result)
    address = result.values.get("address", "")
    told = address in ("", result.target.address, result.target.domain)
    where = "" if told else words["connected"].format(address=printable(str(address)))
    lines = [f"{_painted(pad(words[name], _VERDICT_COLUMNS), name, colour)}{_INDENT}"
             f"{target_text(result.target)}{where}"]
    for finding in result.findings:
        lines += _hanging(words[finding.severity].lower(), _VERDICT_COLUMNS + 2,
                          printable(finding.message), width)
    told_facts = facts(result, words)
    if told_facts:
        lines.append("")
    for label, texts in told_facts:
        for number, text in enumerate(texts):
            lines += _hanging("" if number else label, _LABEL_COLUMNS, text, width)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def facts(result: Result, words: Words = WORDS) -> list[tuple[str, list[str]]]:
    """The rows of facts, each a label and its lines, safe to print; what a failure has hidden is
    not said again in each."""
    hidden = words["not_known"].format(why=result.values["error"])
    rows = ((words[label], [printable(text) for text in tell(result, words) if text != hidden])
            for label, tell in _ROWS)
    return [(label, texts) for label, texts in rows if texts]


def table_line(result: Result, target_columns: int, colour: bool = False,
               width: int | None = None, words: Words = WORDS) -> str:
    """One target of many: verdict, target, days left, the worst finding; with a line end."""
    name = verdict(result)
    days = result.values.get("remain_days")
    days_left = "" if days is None else words["days"].format(days=days)
    first = result.findings[0].message if result.findings else ""
    if len(result.findings) > 1:
        first += words["more_findings"].format(count=len(result.findings) - 1)
    days_left = " " * (_DAYS_COLUMNS - columns(days_left)) + days_left
    rest = f"  {pad(target_text(result.target), target_columns)}  {days_left}"
    head = _painted(pad(words[name], _VERDICT_COLUMNS), name, colour) + rest
    left = _VERDICT_COLUMNS + columns(rest) + 2
    if first and width and width - left < _LEAST_COLUMNS:  # too narrow: below, not beside
        left = _VERDICT_COLUMNS + 2
        texts = ["", *_wrapped(printable(first), left, width)]
    else:
        texts = _wrapped(printable(first), left, width)
    lines = [f"{head}  {texts[0]}", *(" " * left + text for text in texts[1:])]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def fix(result: Result, words: Words = WORDS) -> str:
    """The certificates that the server should send beside what it sends, PEM, each below a line
    that says what it is. Programs that read PEM skip such lines."""
    target = target_text(result.target)
    if result.missing:
        return "".join("\n" + words["fix"].format(
            target=target, subject=printable(_cut(one.subject)), url=printable(one.url))
            + f"\n{one.pem}" for one in result.missing)
    if result.failed:
        return ""
    code = "chain_missing_intermediate"
    unknown = any(finding.code == code for finding in result.findings)
    return "\n" + words["fix_not_found" if unknown else "fix_none"].format(target=target) + "\n"


def table_columns(targets: Iterable[Target]) -> int:
    """How wide the column of the targets has to be."""
    widest = max((columns(target_text(target)) for target in targets), default=0)
    return min(widest, _MOST_TARGET_COLUMNS)


def totals(verdicts: Sequence[str], words: Words = WORDS) -> str:
    """How many of each verdict, one line with its end: ``12 targets: 3 fine, 1 medium``."""
    count = len(verdicts)
    head = words["target"] if count == 1 else words["targets"].format(count=count)
    names = {"ok": "fine", **{name: f"count_{name}" for name in VERDICTS[1:]}}
    parts = [words[word].format(count=verdicts.count(name)) for name, word in names.items()
             if name in verdicts]
    return words["total"].format(head=head, parts=words["comma"].join(parts)) + "\n" if parts \
        else f"{head}\n"


# The rows of a report: each gives its lines.

def _validity(result: Result, words: Words) -> list[str]:
    v = result.values
    if "not_after" not in v:
        return [_not_known(result, words, "not_after")]
    span = {"start": _date(v["not_before"]), "end": _date(v["not_after"])}
    if result.check_time < _number(v["not_before"]):
        return [words["not_yet"].format(**span)]
    days = _number(v["remain_days"])
    if result.check_time > _number(v["not_after"]):
        return [words["days_over"].format(days=-days - 1, **span)]
    return [words["days_left"].format(days=days, lifetime=v["lifetime_days"],
                                      percent=v.get("remain_percent", "?"), **span)]


def _certificate(result: Result, words: Words) -> list[str]:
    v = result.values
    if "subject" not in v:
        return [_not_known(result, words, "subject")]
    names = [_cut(name) for name in _list(v["san"])]
    key = {"kind": _cut(v["key_type"]), "bits": v.get("key_bits"),
           "algorithm": _cut(v["signature_algorithm"])}
    return [
        _cut(v["subject"]) or words["empty_subject"],
        words["issuer"].format(issuer=_cut(v["issuer"]) or words["empty_subject"]),
        words["names"].format(names=_some(names, words)) if names else words["no_names"],
        words["key_fixed" if key["bits"] is None else "key"].format(**key),
        words["serial"].format(serial=_cut(v["serial"])),
        words["fingerprint"].format(fingerprint=v["fingerprint_sha256"]),
    ]


def _chain(result: Result, words: Words) -> list[str]:
    v = result.values
    if "self_signed" not in v:
        return [_not_known(result, words, "chain_trusted")]
    if "chain_trusted" not in v:
        trust = words["trust_unknown"].format(why=result.unknown.get("chain_trusted", ""))
    elif v["chain_trusted"]:
        trust = words["trusted"]
    else:
        trust = words["not_trusted"].format(error=v["chain_error"])
    parts = [trust]
    if "chain_complete" in v:
        parts.append(words["complete" if v["chain_complete"] else "incomplete"])
    if "hostname_match" in v:
        parts.append(words["match" if v["hostname_match"] else "no_match"])
    return [words["comma"].join(parts)]


def _tls(result: Result, words: Words) -> list[str]:
    v = result.values
    lines = []
    if "tls_version" in v:
        line = words["negotiated"].format(version=v["tls_version"], cipher=v.get("cipher", "?"))
        if v.get("key_exchange"):
            line += words["comma"] + words["group"].format(group=v["key_exchange"])
        lines.append(line)
    if "supported_tls_versions" not in v:
        return [*lines, _not_known(result, words, "supported_tls_versions")]
    versions = _list(v["supported_tls_versions"])
    lines.append(words["accepts"].format(versions=", ".join(versions)) if versions else
                 words["accepts_none"])
    if v.get("unknown_tls_versions"):
        lines.append(words["not_known"].format(why=v["unknown_tls_versions"]))
    if v.get("weak_ciphers"):
        lines.append(words["weak_ciphers"].format(ciphers=_some(_list(v["weak_ciphers"]), words)))
    elif "has_weak_cipher" in v:
        lines.append(words["no_weak_ciphers"])
    else:
        lines.append(words["weak_ciphers"].format(
            ciphers=_not_known(result, words, "has_weak_cipher")))
    return lines


def _revocation(result: Result, words: Words) -> list[str]:
    v = result.values
    if "revocation_status" not in v:
        return [_not_known(result, words, "revocation_status")]
    line = words[str(v["revocation_status"])]
    if v.get("revocation_source"):
        line += words["source"].format(source=v["revocation_source"])
    if v.get("revocation_reason"):
        reason = _cut(v["revocation_reason"])
        line += words["because"].format(reason=words.get(reason, reason))
    return [line, words["staple_missing"]] if v.get("must_staple_violated") else [line]


def _handshake(result: Result, words: Words) -> list[str]:
    v = result.values
    if "handshake_ms" not in v:
        return [_not_known(result, words, "handshake_ms")]
    line = words["times"].format(**{
        name: f"{_number(v.get(f'{name}_ms', 0)):.0f}" for name in ("handshake", "connect", "dns")})
    if v.get("client_certificate_requested"):
        return [line, words["client_certificate"]]
    return [line]


def _nodes(result: Result, words: Words) -> list[str]:
    """Only where every address was looked at: it was not asked for elsewhere."""
    nodes = result.values.get("nodes")
    return [] if nodes is None else [_cut(node) for node in _list(nodes)]


_ROWS: tuple[tuple[str, Callable[[Result, Words], list[str]]], ...] = (
    ("validity", _validity), ("certificate", _certificate), ("chain", _chain), ("tls", _tls),
    ("revocation", _revocation), ("handshake", _handshake), ("nodes", _nodes),
)


def _not_known(result: Result, words: Words, name: str) -> str:
    return words["not_known"].format(why=result.unknown.get(name, "?"))


def target_text(target: Target) -> str:
    """A target as it is called in reports: with the address, where it has one of its own."""
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


def _some(names: Sequence[str], words: Words) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    if len(names) <= _MOST_NAMES:
        return shown
    return words["more"].format(names=shown, count=len(names) - _MOST_NAMES)


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
