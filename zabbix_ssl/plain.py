"""Text from strangers, made safe to print: file contents, certificate names, server answers.

A terminal obeys control characters, and a reader is misled by characters that reorder or hide.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """``text`` with everything that does not print (controls, bidi, half characters) as \\uXXXX."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def show(value: object, most: int = 60) -> str:
    """A value as JSON would write it, cut and safe to print; a list or object by its kind."""
    import json  # on use: only a mistake pays for it

    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > most:
        text = text[:most] + ('..."' if isinstance(value, str) else "...")
    return printable(text)


def columns(text: str) -> int:
    """How many columns of a terminal ``text`` takes: East Asian wide characters take two, combining
    marks none (UAX 11)."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def pad(text: str, width: int) -> str:
    """``text`` and spaces up to ``width`` columns."""
    return text + " " * (width - columns(text))


def wrap(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` columns, broken at spaces and beside East Asian wide
    characters; a longer word is left whole, so that it can be copied."""
    lines, line = [], ""
    for number, word in enumerate(text.split(" ")):
        for place, piece in enumerate(_pieces(word)):
            between = " " if number and not place else ""
            if line and columns(line) + len(between) + columns(piece) > width:
                lines.append(line)
                line = piece
            else:
                line += between + piece
    return [*lines, line]


#: No line ends with the first of these, and none begins with the others.
_OPENING, _CLOSING = "（“", "，。：；）、！？”"  # noqa: RUF001


def _pieces(word: str) -> list[str]:
    """A word in the parts between which a line may be broken."""
    if word.isascii():
        return [word]
    pieces = [""]
    for before, character in zip(" " + word, word, strict=False):
        wide = columns(character) == 2 or columns(before) == 2
        if wide and pieces[-1] and character not in _CLOSING and before not in _OPENING:
            pieces.append("")
        pieces[-1] += character
    return pieces
