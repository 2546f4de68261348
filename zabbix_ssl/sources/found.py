"""What a reader of a configuration finds, and how it tells what it did not understand."""

from __future__ import annotations

from typing import NamedTuple


class Found(NamedTuple):
    """An endpoint that speaks TLS, or (``why``) something that a person has to decide.

    ``name`` is as it is written, which need be no host name: ``targets.collect`` judges that. "" is
    a server that listens and is not told its name.
    """

    name: str
    port: int = 443
    starttls: str = ""  # of model.PROTOCOL_NAMES; "" for TLS from the first byte
    address: str = ""  # where it listens, when that is one IP address
    where: str = ""  # file and line, host and item: for people
    why: str = ""  # set: no target, and why not
    more: tuple[tuple[str, object], ...] = ()  # other keys of domains.json


class SourceError(Exception):
    """The source cannot be read at all, and what to do: one line."""
