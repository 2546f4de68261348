"""Results as one page for a browser, to be mailed, archived or put on a web server.

Rules
- The page is one file: no script, no image, no font and no style from anywhere. Its content
  security policy forbids all of them, and so what a hostile certificate may bring in.
- Everything that came from outside goes through ``_text``.
- The worst comes first. Colour is decoration: the words say the same without it.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from html import escape
from typing import NamedTuple

from .. import __version__
from ..findings import LEVELS
from ..model import Result
from ..plain import printable
from . import people

#: What is said here beside the words of the terminal.
WORDS = {
    "language": "en",
    "title": "TLS certificates",
    "checked": "{targets}, checked {time} UTC by zabbix-ssl {version}",
    "checked_none": "No targets, zabbix-ssl {version}",
    "all": "All",
    "expiry": "What expires when",
    "expired": "expired", "within": "within {days} days", "later": "later",
    "days_unknown": "not known",
    "no_findings": "Nothing to mend",
    "of_group": "Group",
}
ENGLISH = {**people.WORDS, **WORDS}

_WITHIN = (7, 30, 90)  # days
#: What has a red or a yellow bar in place of a green one: HTML's ``meter`` is told that low values
#: are the good ones there, and how low.
_ALARMING = {"expired": 'low="0.1" high="0.2" optimum="0" ', 7: 'low="0.1" high="0.2" optimum="0" ',
             30: 'low="0.1" optimum="0" ', "days_unknown": 'low="0.1" optimum="0" '}
_SECTIONS = ("high", "medium", "failed", "low", "ok")  # in their order on the page

_STYLE = """\
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2126;--faint:#5c6670;--line:#d9dee3;
--shade:#f4f6f8;--high:#b3261e;--medium:#8a5300;--failed:#6a3fa0;--low:#1d6b3a;--ok:#1d6b3a}
@media (prefers-color-scheme:dark){:root{
--paper:#14181c;--ink:#e6e9ec;--faint:#9aa5b0;--line:#323a42;--shade:#1d2329;--high:#ff8a80;--medium:#ffb74d;--failed:#c9a6ff;--low:#81c995;--ok:#81c995}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem;max-width:75rem;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif}
h1{font-size:1.5rem;margin:0}h2{font-size:1rem;margin:1.5rem 0 .5rem}
header p{margin:.25rem 0 1rem;color:var(--faint)}
.show{position:absolute;opacity:0}
.show+label{display:inline-block;margin:0 .4rem .4rem 0;padding:.35rem .8rem;
border:1px solid var(--line);border-radius:1rem;cursor:pointer}
.show+label b{margin-left:.3rem}
.show:checked+label{background:var(--ink);color:var(--paper)}
.show:focus-visible+label{outline:2px solid var(--failed)}
.expiry{border-collapse:collapse;margin-bottom:1rem}
.expiry td,.expiry th{padding:.1rem .8rem .1rem 0;text-align:left;font-weight:400}
.expiry td{text-align:right;font-variant-numeric:tabular-nums}
.expiry meter{width:16rem;max-width:40vw}
details{border:1px solid var(--line);border-bottom-width:0}
main details:last-of-type{border-bottom-width:1px}
details[open]{background:var(--shade)}
summary{display:grid;grid-template-columns:6.5rem minmax(12rem,22rem) 7rem 1fr;gap:.75rem;
padding:.5rem .75rem;cursor:pointer;list-style:none}
summary:hover{background:var(--shade)}
.verdict{font-weight:700;border-left:.35rem solid;padding-left:.5rem}
.name,li,dd{overflow-wrap:anywhere}
.days{text-align:right;font-variant-numeric:tabular-nums}
.high>summary>.verdict,.high>b{color:var(--high)}
.medium>summary>.verdict,.medium>b{color:var(--medium)}
.failed>summary>.verdict{color:var(--failed)}.low>summary>.verdict,.low>b{color:var(--low)}
.ok>summary>.verdict{color:var(--ok)}
.body{padding:0 .75rem .75rem 1.6rem}
ul{margin:.25rem 0 .75rem;padding-left:1.2rem}
dl{display:grid;grid-template-columns:8rem 1fr;gap:0 .75rem;margin:0}
dt{color:var(--faint);grid-column:1}dd{margin:0;grid-column:2}
@media (max-width:45rem){summary{grid-template-columns:6.5rem 1fr auto}.what{grid-column:1/-1}}
@media print{.show,.show+label{display:none}}
"""
_STYLE += "".join(f"#show-{name}:checked~main .target:not(.{name}){{display:none}}\n"
                  for name in _SECTIONS)


class Entry(NamedTuple):
    """One target on the page: what orders and counts it, and its markup."""

    verdict: str
    days: int | None  # left
    check_time: int
    markup: str


def entry(result: Result, words: people.Words = ENGLISH) -> Entry:
    """A result as it will stand on the page."""
    name = people.verdict(result)
    days = result.values.get("remain_days")
    assert days is None or isinstance(days, int)
    left = "" if days is None else words["days"].format(days=days)
    first = result.findings[0].message if result.findings else words["no_findings"]
    if len(result.findings) > 1:
        first += words["more_findings"].format(count=len(result.findings) - 1)
    return Entry(name, days, result.check_time, (
        f'<details class="target {name}"><summary><span class="verdict">{_text(words[name])}</span>'
        f'<span class="name">{_text(people.target_text(result.target))}</span>'
        f'<span class="days">{_text(left)}</span><span class="what">{_text(first)}</span></summary>'
        f'<div class="body">{_findings(result, words)}{_facts(result, words)}</div></details>\n'))


def page(entries: Sequence[Entry], words: people.Words = ENGLISH) -> Iterator[str]:
    """The page, in parts: the worst first, then what expires first, then the order of the targets.
    """
    ordered = sorted(entries, key=lambda one: (
        _SECTIONS.index(one.verdict), one.days is None, one.days or 0))
    yield (f'<!DOCTYPE html>\n<html lang="{_text(words["language"])}"><head>'
           '<meta charset="utf-8">\n'
           f'<meta http-equiv="Content-Security-Policy" content="{_policy()}">\n'
           '<meta name="viewport" content="width=device-width">'
           '<meta name="referrer" content="no-referrer"><link rel="icon" href="data:,">\n'
           f'<title>{_text(words["title"])}</title>\n<style>{_STYLE}</style></head>\n<body>\n'
           f'<header><h1>{_text(words["title"])}</h1><p>{_text(_checked(entries, words))}</p>'
           '</header>\n')
    yield _expiry(entries, words)
    yield from _choice(entries, words)
    yield "<main>\n"
    for one in ordered:
        yield one.markup
    yield "</main>\n</body></html>\n"


def _checked(entries: Sequence[Entry], words: people.Words) -> str:
    if not entries:
        return words["checked_none"].format(version=__version__)
    count = len(entries)
    targets = words["target"] if count == 1 else words["targets"].format(count=count)
    moment = time.strftime("%Y-%m-%d %H:%M", time.gmtime(max(one.check_time for one in entries)))
    return words["checked"].format(targets=targets, time=moment, version=__version__)


def _choice(entries: Sequence[Entry], words: people.Words) -> Iterator[str]:
    """Which targets are shown: radio buttons that the style acts on."""
    counts = {name: sum(one.verdict == name for one in entries) for name in _SECTIONS}
    rows = [("all", words["all"], len(entries)),
            *((name, words[name], count) for name, count in counts.items() if count)]
    for name, label, count in rows:
        checked = " checked" if name == "all" else ""
        yield (f'<input class="show" type="radio" name="show" id="show-{name}"{checked}>'
               f'<label for="show-{name}">{_text(label)}<b>{count}</b></label>\n')


def _expiry(entries: Sequence[Entry], words: people.Words) -> str:
    """How many certificates expire when, as bars."""
    counts: dict[str | int, int] = dict.fromkeys(
        ("expired", *_WITHIN, "later", "days_unknown"), 0)
    for one in entries:
        counts[_span(one.days)] += 1
    rows = "".join(
        f'<tr><th scope="row">{_text(_span_text(span, words))}</th><td>{count}</td>'
        f'<td><meter min="0" max="{len(entries)}" {_ALARMING.get(span, "")}value="{count}">'
        f"{count}</meter></td></tr>\n"
        for span, count in counts.items() if count)
    return (f'<h2>{_text(words["expiry"])}</h2>\n<table class="expiry">\n{rows}</table>\n'
            if rows else "")


def _span(days: int | None) -> str | int:
    if days is None:
        return "days_unknown"
    if days < 0:
        return "expired"
    return next((limit for limit in _WITHIN if days <= limit), "later")


def _span_text(span: str | int, words: people.Words) -> str:
    return words["within"].format(days=span) if isinstance(span, int) else words[span]


def _findings(result: Result, words: people.Words) -> str:
    rows = "".join(
        f'<li class="{finding.severity}"><b>{_text(words[finding.severity])}</b> '
        f"{_text(finding.message)}</li>" for finding in result.findings)
    return f"<ul>{rows}</ul>" if rows else f'<p>{_text(words["no_findings"])}</p>'


def _facts(result: Result, words: people.Words) -> str:
    rows = people.facts(result, words)
    if result.target.group:
        rows.append((words["of_group"], [result.target.group]))
    rows += [(name, [value]) for name, value in result.target.tags]
    return "<dl>" + "".join(
        f"<dt>{_text(label)}</dt>" + "".join(f"<dd>{_text(text)}</dd>" for text in texts)
        for label, texts in rows) + "</dl>"


@cache
def _policy() -> str:
    """Nothing but the style of the page itself, known by its hash (CSP Level 3)."""
    digest = b64encode(sha256(_STYLE.encode()).digest()).decode()
    return (f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
            "form-action 'none'")


def _text(text: str) -> str:
    """Text from anywhere, fit to stand between tags and in attributes."""
    return escape(printable(text))


assert set(LEVELS) < set(_SECTIONS)
