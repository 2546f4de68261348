"""``zabbix-ssl targets``: a domains.json from what is configured elsewhere, to be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..names import check_domain
from ..plain import printable, show
from ..sources import SOURCES, SourceError, reader
from . import options
from .options import OPTIONS, Asked, Call, Option, text
from .output import note, out
from .register import OWN as OF_THE_API
from .register import credentials, url
from .speech import LANG, language
from .targets import load
from .wrong import near, wrong

if TYPE_CHECKING:
    from ..sources import Found

USAGE = "--from SOURCE [options] [PATH]"
ABOUT = """\
Prints a domains.json with the endpoints that a configuration speaks of, for a person to look at:
nothing is written anywhere. What cannot be known from it, such as the hosts that a wildcard stands
for, is told on stderr in lines that begin with #.

""" + "\n".join(f"  --from {name:8} {source.path:13} {source.summary}"
                for name, source in SOURCES.items()) + """

--from hosts reads the Zabbix API: $ZABBIX_URL or --url, and credentials as zabbix-ssl register
takes them.

Ends with 0 when it was read (with --diff: and nothing differs), 2 when --diff shows a difference,
1 when it could not be read, 3 when the words are wrong."""

SAME, FAILED, DIFFERS = 0, 1, 2
_SECONDS = 60.0  # for one answer of the API


def _source(word: str) -> str:
    if word not in SOURCES:
        raise wrong("source", is_=show(word), near=near(
            word, list(SOURCES), "zabbix-ssl targets --help"))
    return word


OWN = (
    Option("--from", "SOURCE", _source, f"what to read: {', '.join(SOURCES)}"),
    Option("--diff", "", None, "print how that differs from the configured targets instead"),
    Option("--domain", "NAME", check_domain, "the name of servers whose configuration has none"),
    *(option for option in OF_THE_API if option.name in ("--url", "--token-file",
                                                          "--password-file", "--ca-file")),
    LANG,
)
_SHARED = tuple(option for option in OPTIONS if option.name in ("--config", "--timeout"))


def run(call: Call) -> int:
    """The command; returns its exit code."""
    asked = options.read(call, USAGE, ABOUT, OWN, _SHARED, timeout=_SECONDS)
    name = asked.given.get("from")
    if name is None:
        raise wrong("no_source", known=", ".join(SOURCES))
    _check_words(asked, name)
    from ..sources.targets import collect, difference, document
    from ..zabbix.api import WRONG

    speech = language(asked, "targets", api=WRONG)
    configured = load(asked, ("absent",))[0] if "diff" in asked.given else ()
    try:
        found = collect(_found(asked, name), asked.given.get("domain", ""))
    except SourceError as error:
        note(f"{call.program}: {printable(speech.say(str(error)))}")
        return FAILED
    for line in found.notes:
        note(f"# {speech.say(line)}")
    if "diff" not in asked.given:
        out(document(found.entries))
        return SAME
    lines = difference(found, configured)
    out("".join(speech.say(line) + "\n" for line in lines))
    return DIFFERS if lines else SAME


def _check_words(asked: Asked, name: str) -> None:
    wanted = 1 if SOURCES[name].path else 0
    if len(asked.words) > wanted:
        raise wrong("words", is_=show(asked.words[wanted]), program=asked.call.program)
    if len(asked.words) < wanted:
        raise wrong("what_to_read", name=name, path=SOURCES[name].path)
    if wanted:
        text(asked.words[0])


def _found(asked: Asked, name: str) -> Iterator[Found]:
    if SOURCES[name].path:
        yield from reader(name)(asked.words[0])
        return
    from ..zabbix.api import ApiError, connected

    try:
        with connected(url(asked), credentials(asked), asked.settings.ca_file,
                       asked.settings.timeout) as api:
            yield from reader(name)(api)
    except ApiError as error:
        raise SourceError(str(error)) from None
