"""In which language a command line is answered: --lang, or for people the locale.

What programs read (JSON, lines, metrics, Zabbix) stays English unless --lang says otherwise: it
must not change with the environment that cron or a service happens to have.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from ..languages import LANGUAGES, Language, of_locale, speak
from ..mistakes import MISTAKES
from ..plain import show
from .options import Asked, Call, Option
from .output import note
from .wrong import WRONG, wrong


def _code(word: str) -> str:
    if word not in LANGUAGES:
        raise wrong("language", is_=show(word), known=", ".join(LANGUAGES))
    return word


LANG = Option("--lang", "LANGUAGE", _code, "speak English (en) or Simplified Chinese (zh); what "
              "people read is else in the language of the locale")


def language(asked: Asked, own: str = "", *, for_people: bool = True,
             **english: Mapping[str, str]) -> Language:
    """The language of the answer. ``own``: the command whose own sentences it is to recognise, and
    ``english`` tables of such, beside those of all commands."""
    given = asked.given.get("lang")
    return _speak(given or (of_locale(asked.call.environ) if for_people else "en"), own, **english)


def of_call(call: Call, for_people: bool = True) -> Language:
    """The language to say in what is wrong with a command line, before it is understood."""
    words = (*call.argv, "")
    given = [word.removeprefix("--lang=") for word in words if word.startswith("--lang=")]
    given += [after for word, after in pairwise(words) if word == "--lang"]
    known = [code for code in given if code in LANGUAGES]
    return _speak(known[-1] if known else of_locale(call.environ) if for_people else "en")


def tell(call: Call, line: str) -> None:
    """Say on stderr what a person should know, in one line."""
    note(f"{call.program}: {of_call(call).say(line)}")


def _speak(code: str, own: str = "", **english: Mapping[str, str]) -> Language:
    return speak(code, own, mistakes=MISTAKES, wrong=WRONG, **english)
