"""Which targets a command line means: those it names, or all that are configured."""

from __future__ import annotations

import os
from typing import NamedTuple

from .. import config, entry
from ..file_targets import expand, file_domain
from ..mistakes import ConfigError
from ..model import FILE, Target
from ..names import identity, split_target
from .options import Asked
from .speech import tell
from .wrong import wrong


class Chosen(NamedTuple):
    """The targets to check, all that are configured, and the state of the configuration."""

    targets: tuple[Target, ...]
    configured: tuple[Target, ...]
    stamp: bytes


def choose(asked: Asked) -> Chosen:
    """The named targets, as they are configured where they are; without a name all of them.

    For a named target the configuration may be absent, unless somebody named that too; and a person
    who may not read it is told that it was left out. Raises ConfigError, WrongUse.
    """
    configured, stamp = load(asked, ("absent", "unreadable") if asked.words else ())
    targets = configured
    if asked.words:
        named = [target for word in asked.words
                 for target in _named(word, configured, asked.settings.address)]
        targets = tuple({identity(target): target for target in named}.values())
    if "timeout" in asked.given:  # the command line's word is stronger than the configuration's
        targets = tuple(target._replace(timeout=None) for target in targets)
    settings = asked.settings
    if settings.ca_only and not settings.ca_file and not all(t.ca_file for t in targets):
        raise wrong("ca_only")
    return Chosen(targets, configured, stamp)


def load(asked: Asked, tolerated: tuple[str, ...] = ()) -> tuple[tuple[Target, ...], bytes]:
    """The configured targets and the stamp of the file; none when the file has one of the
    ``tolerated`` mistakes and nobody has named it. Raises ConfigError."""
    stamp = entry.config_stamp(asked.config)  # before it is loaded: see there
    try:
        return config.load(asked.config), stamp
    except ConfigError as error:
        if asked.config_named or error.code not in tolerated:
            raise
        if error.code != "absent":
            tell(asked.call, f"going on without the configuration: {error}")
        return (), stamp


def _named(word: str, configured: tuple[Target, ...], address: str | None) -> list[Target]:
    if word.startswith(FILE):
        files = expand(Target(file_domain(word, os.getcwd()), 0))
        return [config.find(configured, file.domain, file.port, None) or file for file in files]
    domain, port = split_target(word)
    target = Target(domain) if port is None else Target(domain, port)
    return [config.find(configured, target.domain, target.port, address) or target]
