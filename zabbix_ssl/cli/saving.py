"""``--save DIR``: a file that is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import time

from ..plain import show
from .output import Unwritable, encoded, write
from .wrong import wrong


class SavedFile:
    """``ssl_batch_check_<unix time>.json`` in a directory, under another name until ``commit``.

    Raises WrongUse at once when nothing can be put there, Unwritable when the disk is full.
    """

    def __init__(self, folder: str) -> None:
        name = f"ssl_batch_check_{int(time.time())}.json"
        self._folder = os.path.abspath(folder)
        self._path = os.path.join(self._folder, name)
        self._temporary = os.path.join(self._folder, f".{name}.{os.getpid()}")
        try:
            self._file = open(self._temporary, "xb", 0)  # noqa: SIM115
        except OSError as error:
            absent = isinstance(error, FileNotFoundError | NotADirectoryError)
            raise wrong("folder" if absent else "folder_write", is_=show(folder, 300),
                        why=error.strerror) from None

    def write(self, text: str) -> None:
        """Add to it."""
        try:
            write(self._file.fileno(), encoded(text))
        except OSError as error:
            raise self._failed(error) from None

    def commit(self) -> None:
        """Give it its name: from now on it is there, also after a power cut. Does nothing when a
        write has failed."""
        if self._file.closed:
            return
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            os.rename(self._temporary, self._path)
        except OSError as error:
            raise self._failed(error) from None

    def abandon(self) -> None:
        """Leave nothing behind but what was committed."""
        self._file.close()
        with contextlib.suppress(OSError):
            os.unlink(self._temporary)

    def _failed(self, error: OSError) -> Unwritable:
        self.abandon()
        return Unwritable(f"cannot save to {show(self._folder, 300)}: {error.strerror}: nothing "
                          "was saved there, make room")
