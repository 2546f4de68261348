"""``file:`` targets: certificates on a disk of this machine, in place of a server's.

    file:/etc/ssl/site.pem      one file
    file:/etc/ssl/site/*.pem    each file that matches, a target of its own

To the rest of the package such a target is one whose domain is ``file:`` and the path, with port 0:
so it has a name of its own in the cache, in ``--get``, in discovery and in labels. They come from
the configuration and the command line only, never from strangers who ask for a target.
"""

from __future__ import annotations

import glob
import itertools
import os

from .mistakes import mistake
from .model import FILE, Target
from .plain import show

MOST_PATH = 4095  # PATH_MAX - 1
MOST_FILES = 1000  # that one pattern may stand for
_MOST_KEY = 32 << 10  # bytes; RSA of 16384 bits has 13 KB

#: Fields of Target that mean something for a file.
FIELDS = ("domain", "port", "ca_file", "timeout", "group", "tags", "warning_days", "password_file",
          "hostname", "crl_dir", "allow_private_revocation")


def file_domain(text: object, folder: str) -> str:
    """The domain of a file's target; a relative path is looked for in ``folder``. Raises
    ConfigError."""
    if not isinstance(text, str):
        raise mistake("file", is_=show(text))
    path = text.removeprefix(FILE)
    path = path[2:] if path.startswith("///") else path  # file:///etc, as a URL
    if not path or path.startswith("//") or not path.isprintable() or len(path) > MOST_PATH \
            or path.endswith(("/", "\\")):
        raise mistake("file", is_=show(text))
    return FILE + os.path.normpath(os.path.join(folder, path))


def expand(target: Target) -> tuple[Target, ...]:
    """The targets of the files that match, in their order, without those that hold nothing but a
    private key; the target itself where it is one file, or nothing matches: its check says so then.
    Raises ConfigError."""
    path = target.file
    if not glob.has_magic(path) or os.path.exists(path):
        return (target,)
    found = list(itertools.islice(
        (one for one in glob.iglob(path) if os.path.isfile(one) and one.isprintable()),
        MOST_FILES + 1))
    if len(found) > MOST_FILES:
        raise mistake("file_many", is_=show(path), most=MOST_FILES)
    return tuple(target._replace(domain=FILE + one) for one in sorted(found)
                 if not _is_key(one)) or (target,)


def _is_key(path: str) -> bool:
    """Whether a file is a private key, PEM, and nothing else, as far as this user may look."""
    try:
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
            data = file.read(_MOST_KEY + 1) or b""
    except OSError:
        return False  # its check tells why it cannot be read
    return (len(data) <= _MOST_KEY and b"PRIVATE KEY-----" in data
            and b"CERTIFICATE-----" not in data and b"BEGIN PKCS7-----" not in data)
