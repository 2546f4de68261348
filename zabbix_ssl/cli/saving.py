"""``--save DIR``: files that are there whole or not at all, and ``--keep N``: no more than so many.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Sequence

from ..plain import show
from .output import Unwritable, encoded, write
from .wrong import wrong

#: What is saved, by the end of its name.
KINDS = ("json", "csv", "html")

_NAME = re.compile(rf"ssl_batch_check_(\d{{1,12}})\.({'|'.join(KINDS)})")
_TEMPORARY = re.compile(rf"\.{_NAME.pattern}\.\d+")
_LITTER_SECONDS = 86400  # after that a temporary file belongs to a run that was killed


class SavedFile:
    """``ssl_batch_check_<unix time>.<kind>`` in a directory, under another name until ``commit``.

    Raises WrongUse at once when nothing can be put there, Unwritable when the disk is full.
    """

    def __init__(self, folder: str, kind: str, now: int) -> None:
        name = f"ssl_batch_check_{now}.{kind}"
        self._folder = os.path.abspath(folder)
        self._path = os.path.join(self._folder, name)
        self._temporary = os.path.join(self._folder, f".{name}.{os.getpid()}")
        self.saved = False
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
            self.saved = True
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


class Saved:
    """What a run saves: a file of each kind, all of one time. As a context it leaves nothing behind
    but what was committed."""

    def __init__(self, folder: str, kinds: Sequence[str]) -> None:
        self._folder = folder
        self.files: dict[str, SavedFile] = {}
        now = int(time.time())
        with contextlib.ExitStack() as stack:
            for kind in kinds:
                self.files[kind] = SavedFile(folder, kind, now)
                stack.callback(self.files[kind].abandon)
            self._stack = stack.pop_all()

    def __enter__(self) -> Saved:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def commit(self, keep: int | None) -> list[Unwritable]:
        """Give all their names, and remove older ones down to ``keep`` of each kind; what failed.
        Where one of them is not saved nothing is removed."""
        faults = []
        for file in self.files.values():
            try:
                file.commit()
            except Unwritable as fault:
                faults.append(fault)
        whole = all(file.saved for file in self.files.values())
        return _prune(self._folder, keep) if whole and keep is not None else faults


def _prune(folder: str, keep: int) -> list[Unwritable]:
    """Removes all but the newest ``keep`` of each kind, by the time in their names, and what killed
    runs have left. Only what bears such a name is touched."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        return [_not_removed(folder, error)]
    saved = sorted((int(found[1]), name) for name in names if (found := _NAME.fullmatch(name)))
    faults = []
    for name in (*_beyond(saved, keep), *_litter(names)):
        try:
            os.unlink(os.path.join(folder, name))
        except FileNotFoundError:
            continue  # another run was faster
        except OSError as error:
            faults.append(_not_removed(os.path.join(folder, name), error))
    return faults[:1]  # the others fail alike


def _beyond(saved: list[tuple[int, str]], keep: int) -> list[str]:
    beyond = []
    for kind in KINDS:
        names = [name for _, name in saved if name.endswith(f".{kind}")]
        beyond += names[:-keep]
    return beyond


def _litter(names: list[str]) -> list[str]:
    old = time.time() - _LITTER_SECONDS
    return [name for name in names
            if (found := _TEMPORARY.fullmatch(name)) and int(found[1]) < old]


def _not_removed(path: str, error: OSError) -> Unwritable:
    return Unwritable(f"cannot remove {show(path, 300)}: {error.strerror}: remove it, or the disk "
                      "fills up")
