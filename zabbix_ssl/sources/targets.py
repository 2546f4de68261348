"""From what was found to the entries of a domains.json, and to how they differ from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ..config import parse
from ..mistakes import ConfigError
from ..model import Target, protocol_for
from ..names import identity
from ..plain import printable
from .found import Found

MOST_TARGETS = 100_000
_MOST_TOLD = 300  # characters of a line

Entry = str | dict[str, Any]


class Collected(NamedTuple):
    """Entries of a domains.json, the targets that they are, and what a person has to decide."""

    entries: tuple[Entry, ...]
    targets: tuple[Target, ...]
    notes: tuple[str, ...]




def collect(found: Iterable[Found], domain: str = "") -> Collected:
    """Each endpoint once, in the order of the configuration; ``domain`` is the name of servers that
    are not told theirs."""
    entries: dict[tuple[str, int, str | None], tuple[Entry, Target]] = {}
    notes: dict[str, None] = {}
    for one in found:
        name = one.name or domain
        why = one.why
        if not why and not name:
            why = f"port {one.port}: no host name is written there: give it with --domain NAME"
        if not why:
            entry = _entry(one._replace(name=name))
            try:
                target = _target(entry)
            except ConfigError as error:
                why = str(error)
            else:
                if len(entries) < MOST_TARGETS:
                    entries.setdefault(identity(target), (entry, target))
                    continue
                why = f"over {MOST_TARGETS} targets: this one is left out"
        notes[printable(f"{one.where}: {why}")[:_MOST_TOLD]] = None
    return Collected(tuple(entry for entry, _ in entries.values()),
                     tuple(target for _, target in entries.values()), tuple(notes))


def document(entries: Sequence[Entry]) -> str:
    """A domains.json: a list with an entry a line."""
    rows = ",\n".join("  " + json.dumps(entry, ensure_ascii=False) for entry in entries)
    return f"[\n{rows}\n]\n" if rows else "[]\n"


def difference(collected: Collected, configured: Sequence[Target]) -> tuple[str, ...]:
    """``+`` what is not configured, ``~`` what is reached otherwise, ``-`` what is configured and
    was not found; a line each."""
    there = {identity(target): target for target in configured}
    without_address = {key[:2]: target for key, target in there.items()}
    lines = []
    seen = set()
    for entry, target in zip(collected.entries, collected.targets, strict=True):
        key = identity(target)
        other = there.get(key) or without_address.get(key[:2])
        text = json.dumps(entry, ensure_ascii=False)
        if other is None:
            lines.append(f"+ {text}")
            continue
        seen.add(identity(other))
        changed = list(_changed(target, other))
        if changed:
            lines.append(f"~ {text}  ({'; '.join(changed)})")
    lines += [f"- {printable(str(target))}" for key, target in there.items() if key not in seen]
    return tuple(lines)


def _changed(target: Target, configured: Target) -> Iterator[str]:
    """What is said otherwise of how it is reached; what the source does not say stays."""
    ours = protocol_for(target.port, target.starttls) or "none"
    theirs = protocol_for(configured.port, configured.starttls) or "none"
    if ours.replace("submission", "smtp") != theirs.replace("submission", "smtp"):
        yield f"starttls is {theirs} there"
    if target.address and target.address != configured.address:
        yield f"address is {configured.address or 'not set'} there"


def _entry(found: Found) -> Entry:
    entry: dict[str, Any] = {"domain": found.name}
    if found.port != 443:
        entry["port"] = found.port
    if found.starttls:
        entry["starttls"] = found.starttls
    elif protocol_for(found.port, None):  # another would be spoken there
        entry["starttls"] = "none"
    if found.address:
        entry["address"] = found.address
    entry.update(found.more)
    return entry if len(entry) > 1 or ":" in found.name else found.name


def _target(entry: Entry) -> Target:
    """The entry as a configuration file would mean it. Raises ConfigError."""
    try:
        return parse(json.dumps([entry]).encode("utf-8", "backslashreplace"), "/")[0]
    except ConfigError as error:
        _, _, bare = str(error).partition(": ") if str(error).startswith("entry 1") else (
            "", "", str(error))
        raise ConfigError(error.code, bare) from None
