"""Remembering what was read from bytes, with a bound on the memory that strangers can fill."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

Read = TypeVar("Read")


def remembered(most: int, longest: int) -> Callable[[Callable[[bytes], Read]],
                                                    Callable[[bytes], Read]]:
    """functools.lru_cache for a reader of bytes: ``most`` answers, none of over ``longest`` bytes.

    Longer ones are read each time: what real certificates share is short, and what is long comes
    from somebody who wants the memory filled.
    """
    def decorate(reader: Callable[[bytes], Read]) -> Callable[[bytes], Read]:
        cached = lru_cache(most)(reader)

        def read(encoded: bytes) -> Read:
            return cached(encoded) if len(encoded) <= longest else reader(encoded)

        read.__doc__ = reader.__doc__
        read.__name__ = reader.__name__
        read.cache_clear = cached.cache_clear  # type: ignore[attr-defined]
        return read

    return decorate
