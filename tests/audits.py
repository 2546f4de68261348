"""Observations without a network, and processes of another user, for the tests around the cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from zabbix_ssl.cache import make_entry
from zabbix_ssl.entry import Entry
from zabbix_ssl.metrics import judge
from zabbix_ssl.model import (
    TLS_VERSIONS,
    Certificate,
    Chain,
    Failure,
    Handshake,
    Observation,
    Offer,
    Revocation,
    Security,
    Settings,
    Target,
)

ROOT = Path(__file__).resolve().parent.parent
NOBODY = 65534
DAY = 86400

#: Sets up an environment without what the machine of the tests may have set.
CLEAN = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}


def observed(target: Target, failure: Failure | None = None, *, days: int = 100,
             check_time: int | None = None, security: Security | None = None) -> Observation:
    """What an audit of a healthy server tells, or of one that fails."""
    now = int(time.time()) if check_time is None else check_time
    if failure:
        return Observation(target, now, failure)
    certificate = Certificate(
        der=b"0", subject="CN=a.example", issuer="CN=CA", serial="01", fingerprint_sha256="AB" * 32,
        not_before=now - DAY, not_after=now + days * DAY + 60, san=("a.example", "b.example"),
        dns_names=(), ip_addresses=(), key_type="EC", key_bits=256,
        signature_algorithm="ecdsa-with-SHA256", weak_key="", weak_signature="", self_issued=False,
        self_signed=False, is_ca=False, must_staple=False)
    return Observation(
        target, now, None, Handshake("127.0.0.1", 0.5, 0.25, 12.5, "TLSv1.3", "TLS_AES", "x25519"),
        certificate, Chain(True, True, "", (), True, False, (certificate,), certificate.not_after),
        security or answers(now), Revocation("good", "ocsp", "", False))


def answers(checked_at: int, unknown: str = "") -> Security:
    """Every version refused; ``unknown`` is why SSLv2 is not known."""
    versions = {version: Offer(False) for version in TLS_VERSIONS}
    if unknown:
        versions["SSLv2"] = Offer(None, unknown)
    return Security(versions, (), "", checked_at)


def kept(*, days: int = 100, failure: Failure | None = None, check_time: int | None = None,
         keep: float = 0) -> Entry:
    """The entry of an audit of a.example as ``observed``."""
    seen = observed(Target("a.example"), failure, days=days, check_time=check_time)
    return make_entry(judge(seen), answers(0), b"none", b"at", keep)


class Door:
    """Stands in for ``zabbix_ssl.probing.audit_all``: tells ``failure`` (or that all is well) of
    each target, and notes what it was asked."""

    def __init__(self, failure: Failure | None = None, *, days: int = 100,
                 security: Security | None = None, seconds: float = 0) -> None:
        self.failure, self.days, self.security, self.seconds = failure, days, security, seconds
        self.asked: list[tuple[Target, Security | None]] = []

    def __call__(self, targets: Iterable[tuple[Target, Security | None]], settings: Settings
                 ) -> Iterator[tuple[int, Observation]]:
        for index, (target, known) in enumerate(targets):
            self.asked.append((target, known))
            time.sleep(self.seconds)
            yield index, observed(target, self.failure, days=self.days,
                                  security=known or self.security)


@contextmanager
def public_copy() -> Iterator[Path]:
    """A folder that other users can look into, which pytest's are not, with a copy of the package
    in it: the checkout may lie where they cannot."""
    folder = Path(tempfile.mkdtemp(prefix="zabbix-ssl-test-"))
    try:
        folder.chmod(0o755)
        shutil.copytree(ROOT / "zabbix_ssl", folder / "zabbix_ssl",
                        ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "externalscripts", folder / "externalscripts")
        yield folder
    finally:
        shutil.rmtree(folder)


def public_python() -> str:
    """A Python that the user nobody can run; a skip when there is none."""
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            subprocess.run([python, "-c", "import sys; assert sys.version_info >= (3, 11)"],
                           user=_other_user(), check=True, capture_output=True, cwd="/")
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    pytest.skip("needs a Python that the user nobody can run")


def run_unprivileged(folder: Path, code: str, *, other_user: bool = False) -> str:
    """What ``code`` prints, run by a user whom permissions hold (not root), or by another user than
    the one of the tests (a skip when there can be none)."""
    if other_user and os.geteuid() != 0:
        pytest.skip("needs root")
    done = subprocess.run([public_python(), "-c", code], cwd=folder, text=True, user=_other_user(),
                          env={**CLEAN, "PYTHONPATH": str(folder)}, capture_output=True, timeout=60)
    assert not done.stderr, done.stderr
    return done.stdout


def _other_user() -> int | None:
    return NOBODY if os.geteuid() == 0 else None
