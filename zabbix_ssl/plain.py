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
