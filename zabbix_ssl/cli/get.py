"""``zabbix-ssl get`` and ``--get``: one value of one target, or all of them, on one line.

The short way to a fresh answer in the cache is external.py; this is the long way.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from .. import config, lines
from ..check import get as get_result
from ..file_targets import expand, file_domain
from ..metrics import TABLE
from ..mistakes import mistake
from ..model import FILE, Settings, Target
from ..names import check_domain, check_port
from ..plain import printable, show
from . import options
from .options import HURRIED, MAX_AGE, OPTIONS, Asked, Call
from .output import out
from .speech import LANG, language
from .targets import load
from .wrong import near, wrong

USAGE = "[options] DOMAIN PORT METRIC"
ABOUT = """\
Prints the value of a metric (docs/reference.md), or with the metric "all" a JSON object of all that
are known, from the cache or from the server. A value that is not known prints why, and ends with 1.
"""

_NOT_HERE = ("--concurrency", "--workers")
_SHARED = tuple(option for option in OPTIONS if option.name not in _NOT_HERE)

KNOWN, NOT_KNOWN = 0, 1


def run(call: Call) -> int:
    """The command; returns its exit code."""
    asked = _read(call)
    return _answer(asked, asked.words)


def run_words(call: Call, words: Sequence[str]) -> int:
    """The same with the three words that stood behind ``--get``, whatever they look like."""
    asked = _read(call)
    return _answer(asked, (*words, *asked.words))


def _read(call: Call) -> Asked:
    return options.read(call, USAGE, ABOUT, (MAX_AGE, LANG), _SHARED, HURRIED)


def _answer(asked: Asked, words: Sequence[str]) -> int:
    if len(words) != 3:
        raise wrong("get_words", count=len(words))
    domain, port, metric = *_place(words[0], words[1]), words[2]
    if metric != lines.ALL and metric not in TABLE:
        raise wrong("metric", is_=show(metric), near=near(
            metric, [lines.ALL, *TABLE], "docs/reference.md"))
    configured, stamp = load(asked, ("absent",))
    target, settings = _meant(asked, configured, Target(domain, port))
    result = get_result(target, settings, asked.cache, freshness=asked.freshness, stamp=stamp,
                        asked=domain)
    known, line = lines.metric_line(language(asked, for_people=False).result(result), metric)
    out(line + "\n")
    return KNOWN if known else NOT_KNOWN


def _place(domain: str, port: str) -> tuple[str, int]:
    """Domain and port; a file has port 0."""
    if domain.startswith(FILE):
        named = Target(file_domain(domain, os.getcwd()), 0)
        found = expand(named)
        if found != (named,):
            raise mistake("file_pattern", is_=show(named.domain), file=printable(found[0].domain))
        return named.domain, check_port(port) if port != "0" else 0
    return check_domain(domain), check_port(port)


def _meant(asked: Asked, configured: Sequence[Target], named: Target) -> tuple[Target, Settings]:
    """The target as it is configured, and the settings without what they only repeat of it, as
    low-level discovery does: then the answer is kept where batch keeps it, too."""
    settings = asked.settings
    target = config.find(configured, named.domain, named.port, settings.address)
    if target is None:
        return named, settings
    if "timeout" in asked.given:
        target = target._replace(timeout=None)
    plain = config.find(configured, named.domain, named.port, None)
    if plain and plain.address == settings.address:
        settings = settings._replace(address=None)
    if target.starttls == settings.starttls:
        settings = settings._replace(starttls=None)
    if target.sni == settings.sni:
        settings = settings._replace(sni=None)
    return target, settings
