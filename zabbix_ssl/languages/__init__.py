"""The languages that people are spoken to in.

English stands where it is thought of: in the tables of findings, mistakes and words, and in the
messages of what failed. Another language is one module here, its catalogue.

English is what passes between the floors and lies in the cache. Only where text goes to a person is
it said in other words: the row that made a sentence recognises it, takes it apart and puts it
together again. What no row has made, such as a server's own words, stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from string import Formatter
from typing import NamedTuple

from ..findings import TABLE
from ..model import Finding, Result

#: Codes of ``--lang``.
LANGUAGES = ("en", "zh")

#: Locales that read Simplified Chinese, as they begin: language, and territory or script.
_SIMPLIFIED = ("zh", "zh_cn", "zh_sg", "zh_my", "zh_hans")

_MOST_TEXT = 4000  # characters of a text that is taken apart
_MOST_PARTS = 8
_MOST_DEPTH = 4  # sentences in a sentence


class Template(NamedTuple):
    """A sentence with holes, ``the name {host} does not exist``: the text before the first hole,
    and of each hole its name and the text after it."""

    head: str
    holes: tuple[tuple[str, str], ...]

    def match(self, text: str) -> dict[str, str] | None:
        """What the holes hold, when the sentence made ``text``. In time that is linear, whatever
        stands there: a hole ends where the text after it begins for the first time."""
        if not text.startswith(self.head):
            return None
        at, detail = len(self.head), {}
        for number, (name, after) in enumerate(self.holes, 1):
            if number == len(self.holes):
                end = len(text) - len(after)
                if end < at or not text.endswith(after):
                    return None
            else:
                end = text.find(after, at)
                if end < 0:
                    return None
            detail[name] = text[at:end]
            at = end + len(after)
        return detail if at == len(text) else None


def template(sentence: str) -> Template:
    """A sentence of a table, as ``str.format`` reads it."""
    texts, names = [""], []
    for before, name, _, _ in Formatter().parse(sentence):
        texts[-1] += before
        if name is not None:
            names.append(name)
            texts.append("")
    return Template(texts[0], tuple(zip(names, texts[1:], strict=True)))


class Language:
    """English, or the words of a catalogue in place of it."""

    def __init__(self, code: str, catalogue: Mapping[str, Mapping[str, str]],
                 rows: Iterable[tuple[str, str]]) -> None:
        self.code = code
        self._catalogue = catalogue
        self._rows = sorted(
            ((_length(made_by := template(english)), made_by, other) for english, other in rows),
            key=lambda row: -row[0])  # what says more comes first

    def words(self, table: str, english: Mapping[str, str]) -> Mapping[str, str]:
        """The words of a table in this language; ``english`` are those that it has there."""
        return {**english, **self._catalogue.get(table, {})}

    def say(self, text: str) -> str:
        """A message in this language, as far as it is known there."""
        return self._say(text, 0) if self._rows and len(text) <= _MOST_TEXT else text

    def result(self, result: Result) -> Result:
        """A result whose sentences are in this language."""
        if not self._rows:
            return result
        findings = tuple(self._finding(finding) for finding in result.findings)
        values = {**result.values, "error": self.say(str(result.values["error"])),
                  "risk_msg": self._joined["and"].join(f.message for f in findings)}
        return result._replace(
            findings=findings, values=values,
            unknown={name: self.say(why) for name, why in result.unknown.items()})

    def _finding(self, finding: Finding) -> Finding:
        row, text = TABLE.get(finding.code), finding.message
        other = self._catalogue["findings"].get(finding.code)
        detail = template(row[1]).match(text) if row and len(text) <= _MOST_TEXT else None
        if detail is None or other is None:
            return finding
        return finding._replace(message=self._filled(other, detail, 0)[1])

    def _say(self, text: str, depth: int) -> str:
        return self._told(text, depth)[1]

    def _told(self, text: str, depth: int) -> Told:
        """The text as several messages, or as one about something, or as one row made it: what of
        these explains the most of it."""
        ways = [self._by_row(text, depth)]
        if depth < _MOST_DEPTH:
            ways = [self._several(text, depth + 1), self._about(text, depth + 1), *ways]
        best = max(ways, key=lambda way: way[0])
        return best if best[0] else (0, text)

    def _by_row(self, text: str, depth: int) -> Told:
        for length, made_by, other in self._rows:
            detail = made_by.match(text)
            if detail is not None:
                more, said = self._filled(other, detail, depth)
                return length + more, said
        return 0, text

    def _several(self, text: str, depth: int) -> Told:
        if "; " not in text:
            return 0, text
        told = [self._told(part, depth) for part in text.split("; ", _MOST_PARTS)]
        return sum(length for length, _ in told), self._joined["and"].join(said for _, said in told)

    def _about(self, text: str, depth: int) -> Told:
        best, at = (0, text), text.find(": ")
        for _ in range(_MOST_PARTS):
            if at < 0:
                break
            length, said = self._by_row(text[at + 2:], depth)
            if length:
                more, subject = self._told(text[:at], depth)
                told = self._joined["about"].format(subject=subject, said=said)
                best = max(best, (length + more, told), key=lambda way: way[0])
            at = text.find(": ", at + 1)
        return best

    def _filled(self, other: str, detail: Mapping[str, str], depth: int) -> Told:
        if depth >= _MOST_DEPTH:
            return 0, other.format_map(detail)
        told = {name: self._told(text, depth + 1) for name, text in detail.items()}
        return (sum(length for length, _ in told.values()),
                other.format_map({name: said for name, (_, said) in told.items()}))

    @property
    def _joined(self) -> Mapping[str, str]:
        return self._catalogue[""]


#: How many characters of a text are explained, and the text in other words.
Told = tuple[int, str]

ENGLISH = Language("en", {}, ())


def speak(code: str, own: str = "", **english: Mapping[str, str]) -> Language:
    """The language of that code. ``english``: more tables of sentences, by their names in the
    catalogue, that ``say`` is to recognise; ``own``: sentences of one command, by its name."""
    if code == "en":
        return ENGLISH
    from . import zh  # on use: most speak English

    rows = [(sentence, zh.CATALOGUE[name][key]) for name, table in english.items()
            for key, sentence in table.items() if key in zh.CATALOGUE[name]]
    mine = zh.OWN[own].items() if own else ()
    return Language(code, zh.CATALOGUE, [*zh.MESSAGES.items(), *mine, *rows])


def of_locale(environ: Mapping[str, str]) -> str:
    """The code of the language that the environment asks for (locale(7)), as far as it is there."""
    locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG")
                   if (value := environ.get(name))), "")
    name = locale.partition(".")[0].partition("@")[0].replace("-", "_").lower()
    return "zh" if name in _SIMPLIFIED or name.startswith("zh_hans_") else "en"


def _length(row: Template) -> int:
    """Of the text that is the same in all that the row makes."""
    return len(row.head) + sum(len(after) for _, after in row.holes)
