"""A result as a plugin of Nagios says it (nagios-plugins.org, Development Guidelines).

One line: the state, what is to be done first, and behind a bar the performance data with their
thresholds. Lines below it say the rest, which Nagios shows on the page of the service.

    SSL WARNING - shop.example.com:443: The certificate expires in 10 days, on 2026-12-04: renew it
    | handshake_ok=1;;1:;0;1 remain_days=10;30:;7: ...

A finding of high severity is CRITICAL, one of medium severity WARNING, and a target that could not
be checked CRITICAL. UNKNOWN is left to what is wrong on this side.

Several results, those of a pattern of files, are one: the worst in the first line, all below it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from ..findings import CHAIN_ERRORS, DAY, SLOW_HANDSHAKE_MS, date, expiry_warning_days, tell
from ..languages import ENGLISH, Language
from ..metrics import FLAG, NUMERIC, TABLE, TIME, Metric, scalar
from ..model import Fault, Finding, Result
from ..plain import printable
from . import people

#: Exit codes of a plugin.
OK, WARNING, CRITICAL, UNKNOWN = range(4)
STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
#: Of several the worst is the last of these (max_state_alt of the Monitoring Plugins).
_WORST_LAST = (OK, UNKNOWN, WARNING, CRITICAL)
_OF_SEVERITY = {"low": OK, "medium": WARNING, "high": CRITICAL}

#: Values of error_reason that say something of this side, not of the server.
OUR_SIDE = ("internal", "config", "proxy")

#: A certificate is critical that many days before its end, or at that share of its lifetime where
#: this comes later: the thresholds of the Zabbix templates.
CRITICAL_DAYS, CRITICAL_SHARE = 7, 0.1

WORDS = {
    "valid": "{days} days left, until {date}",
    "nothing": "nothing to mend",
    "ignored": "ignored",
    "all_files": "{pattern}, {count} files, the first to expire is {file}",
    "some_files": "{pattern}, {wrong} of {count} files, the worst is {file}",
}
_MOST_BYTES = 8000  # Nagios reads 8 KiB


class Limits(NamedTuple):
    """What makes a state of a result, beside the findings."""

    warning_days: float | None = None  # None: when the findings call it expiring
    critical_days: float | None = None  # None: CRITICAL_DAYS, CRITICAL_SHARE
    ignored: Collection[str] = ()  # codes of findings


class Range(NamedTuple):
    """Thresholds of a metric in performance data, and the codes of the findings that speak of the
    same: where one of them is ignored there are no thresholds."""

    warning: str
    critical: str
    codes: tuple[str, ...]


_CHAIN = tuple(f"chain_{error}" for error in CHAIN_ERRORS)

#: Ranges are those that raise no alert: ``1:`` is 1 and more, ``0`` is 0 alone, ``@1:1`` is all but
#: 1.
_RANGES = {
    "handshake_ok": Range("", "1:", ("handshake_failed",)),
    "handshake_ms": Range(str(SLOW_HANDSHAKE_MS), "", ("slow_handshake",)),
    "is_valid": Range("", "1:", ("expired", "not_yet_valid")),
    "has_weak_key": Range("0", "", ("weak_key",)),
    "has_weak_signature": Range("0", "", ("weak_signature",)),
    "chain_trusted": Range("", "1:", _CHAIN),
    "chain_complete": Range("", "1:", _CHAIN),
    "hostname_match": Range("", "1:", ("wrong_host",)),
    "is_revoked": Range("", "@1:1", ("revoked",)),
    "must_staple_violated": Range("0", "", ("must_staple_violated",)),
    "has_weak_tls": Range("0", "", ("weak_tls",)),
    "has_weak_cipher": Range("0", "", ("weak_cipher",)),
}
_EXPIRY_CODES = ("expiring", "expired")


class Told(NamedTuple):
    """A state and the text that tells it."""

    state: int
    text: str


def plugin(result: Result, limits: Limits, language: Language = ENGLISH) -> Told:
    """The exit code, and all that is printed, with a line end."""
    words = _words(language)
    result, wrong, state = _judged(result, limits, language)
    head = f"SSL {STATES[state]} - {_plain(people.target_text(result.target))}: "
    head += _plain(_summary(result, wrong, words))
    return Told(state, _lines(f"{head} | {' '.join(performance(result, limits))}",
                              _more(result, limits, words)))


def several(pattern: str, results: Sequence[Result], limits: Limits, language: Language = ENGLISH
            ) -> Told:
    """The same of all files that a pattern means: the worst one, and a line for each."""
    words = _words(language)
    judged = sorted((_judged(result, limits, language) for result in results), key=_need)
    state = judged[0].state
    told = [(one.state, f"{_plain(people.target_text(one.result.target))}: "
             f"{_plain(_summary(one.result, one.wrong, words))}") for one in judged]
    head = words["some_files" if state else "all_files"].format(
        pattern=_plain(pattern), count=len(told), file=told[0][1],
        wrong=sum(one.state != OK for one in judged))
    counts = [f"{STATES[one].lower()}={sum(j.state == one for j in judged)};;;0"
              for one in (OK, WARNING, CRITICAL, UNKNOWN)]
    left = min((one.result for one in judged if "remain_days" in one.result.values),
               key=lambda result: _seconds(result, "not_after"), default=None)
    if left:
        counts += [word for word in performance(left, limits) if word.startswith("remain_days=")]
    return Told(state, _lines(f"SSL {STATES[state]} - {head} | files={len(told)};;;0 "
                              f"{' '.join(counts)}",
                              (f"[{STATES[state]}] {text}" for state, text in told)))


class _Judged(NamedTuple):
    """A result in the language of the answer, what is wrong with it, and the state that makes."""

    result: Result
    wrong: list[Finding]
    state: int


def _words(language: Language) -> people.Words:
    return {**language.words("people", people.WORDS), **language.words("nagios", WORDS)}


def _judged(result: Result, limits: Limits, language: Language) -> _Judged:
    result = language.result(_limited(result, limits))
    wrong = [finding for finding in result.findings if finding.code not in limits.ignored]
    state = UNKNOWN if result.values["error_reason"] in OUR_SIDE else max(
        (_OF_SEVERITY[finding.severity] for finding in wrong), default=OK)
    return _Judged(result, wrong, state)


def _need(judged: _Judged) -> tuple[int, int]:
    """Sorts what needs looking at most to the front: by the state, then by the end."""
    known = "not_after" in judged.result.values
    return (-_WORST_LAST.index(judged.state),
            _seconds(judged.result, "not_after") if known else 0)


def _lines(first: str, more: Iterable[str]) -> str:
    """The first line, and as many more as Nagios reads."""
    text = first + "\n"
    room = _MOST_BYTES - len(text.encode("utf-8", "replace"))
    for line in more:
        room -= len(line.encode("utf-8", "replace")) + 1
        if room < 0:
            break
        text += line + "\n"
    return text


def unknown(what: str) -> Told:
    """Something is wrong on this side."""
    return Told(UNKNOWN, f"SSL UNKNOWN - {_plain(what)}\n")


def performance(result: Result, limits: Limits) -> Iterator[str]:
    """``label=value[unit];warning;critical;least;most`` of every number that is known; moments are
    left out, which make no graph."""
    for name, value in result.values.items():
        metric = TABLE[name]
        if metric.kind in NUMERIC and metric.kind != TIME:
            low, high = _bounds(metric)
            warning, critical = _thresholds(result, metric, limits)
            unit = metric.unit if metric.unit in ("ms", "%") else ""
            yield f"{name}={scalar(metric, value)}{unit};{warning};{critical};{low};{high}".rstrip(
                ";")


def _bounds(metric: Metric) -> tuple[str, str]:
    if metric.kind == FLAG:
        return "0", "1"
    if metric.values:
        return "0", str(len(metric.values) - 1)
    return ("0", "100") if metric.unit == "%" else ("", "")


def _thresholds(result: Result, metric: Metric, limits: Limits) -> tuple[str, str]:
    if metric.name == "remain_days":
        if set(_EXPIRY_CODES) & set(limits.ignored):
            return "", ""
        warning, critical = expiry_days(result, limits)
        return f"{warning:.4g}:", f"{critical:.4g}:"
    row = _RANGES.get(metric.name)
    if row is None or set(row.codes) & set(limits.ignored):
        return "", ""
    return row.warning, row.critical


def expiry_days(result: Result, limits: Limits) -> tuple[float, float]:
    """The days left below which the state is WARNING, and CRITICAL."""
    lifetime = (_seconds(result, "not_after") - _seconds(result, "not_before")) / DAY
    warning = limits.warning_days
    if warning is None:
        warning = expiry_warning_days(lifetime, result.target.warning_days)
    critical = limits.critical_days
    if critical is None:
        critical = min(CRITICAL_DAYS, CRITICAL_SHARE * lifetime, warning)
    return warning, critical


def _limited(result: Result, limits: Limits) -> Result:
    """The result with what the limits say of the time left, in place of what the findings say. A
    certificate out of its dates has findings of its own."""
    if not result.values.get("is_valid"):
        return result
    found = [finding for finding in result.findings if finding.code == "expiring"]
    others = [finding for finding in result.findings if finding.code != "expiring"]
    end = _seconds(result, "not_after")
    left = end - result.check_time
    warning, critical = (days * DAY for days in expiry_days(result, limits))
    if left < critical:
        severity = "high"
    elif left < warning or (found and limits.warning_days is None):
        severity = "medium"
    else:
        return result._replace(findings=tuple(others))
    message = tell(Fault("expiring", {"days": left // DAY, "date": date(end)}))
    findings = [*others, Finding("expiring", severity, message)]
    return result._replace(
        findings=tuple(sorted(findings, key=lambda finding: -_OF_SEVERITY[finding.severity])))


def _summary(result: Result, wrong: Sequence[Finding], words: people.Words) -> str:
    if wrong:
        more = words["more_findings"].format(count=len(wrong) - 1) if len(wrong) > 1 else ""
        return wrong[0].message + more
    if "not_after" not in result.values:
        return words["nothing"]
    return words["valid"].format(days=result.values["remain_days"],
                                date=date(_seconds(result, "not_after")))


def _more(result: Result, limits: Limits, words: people.Words) -> Iterator[str]:
    """The lines under the first: every finding, where that has not said it all, then the facts."""
    alone = len(result.findings) == 1 and not limits.ignored
    for finding in () if alone else result.findings:
        ignored = finding.code in limits.ignored
        state = words["ignored"] if ignored else STATES[_OF_SEVERITY[finding.severity]]
        yield f"[{state}] {_plain(finding.message)}"
    for label, texts in people.facts(result, words):
        for text in texts:
            yield f"{label}: {_plain(text)}"


def _plain(text: str) -> str:
    """Fit for one line of a plugin, where a bar begins the performance data."""
    return printable(text).replace("|", "\\u007c")


def _seconds(result: Result, name: str) -> int:
    value = result.values[name]
    assert isinstance(value, int)
    return value
