"""Shared by all tests: real servers, and an account of what was skipped for want of one."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from testbed import packaging
from testbed.process import NotInstalled, program, reach_directly

os.environ["LC_ALL"] = "C.UTF-8"  # whatever the locale, what is started here speaks English
reach_directly()

#: Set: a test that would be skipped because something is not installed fails instead.
REQUIRE_SERVERS = bool(os.environ.get("REQUIRE_SERVERS"))

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

_NEEDS = re.compile(r"needs (?P<what>.+)", re.DOTALL)


@pytest.fixture(scope="session")
def needs() -> Callable[[str], str]:
    """``needs("nginx")`` is the path of that program, or skips the test by saying "needs nginx"."""
    return program


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As pip builds it of a clean checkout, in a folder with a space in its name."""
    checkout = packaging.copy_checkout(tmp_path_factory.mktemp("checkout") / "zabbix ssl")
    return packaging.build_wheel(checkout, tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user can read, and write to as in /tmp."""
    with tempfile.TemporaryDirectory(prefix="zabbix-ssl-test-", dir="/var/tmp") as name:
        Path(name).chmod(0o1777)
        yield Path(name)


@pytest.fixture(scope="session")
def public_python(wheel: Path) -> Iterator[Path]:
    """The folder bin of an environment with the wheel in it that every user can run."""
    with tempfile.TemporaryDirectory(prefix="zabbix-ssl-python-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield packaging.public_environment(wheel, Path(name))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, object, object]:
    try:
        return (yield)
    except NotInstalled as missing:
        pytest.skip(str(missing))


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Generator[None, object, object]:
    try:
        return (yield)
    except NotInstalled as missing:
        pytest.skip(str(missing))


def _missing(report: pytest.TestReport | pytest.CollectReport) -> str | None:
    """What a skipped test says it needs; None for a test skipped for another reason."""
    if not report.skipped or not isinstance(report.longrepr, tuple):
        return None
    found = _NEEDS.match(report.longrepr[2].removeprefix("Skipped: "))
    return found["what"] if found else None


def _demand(report: Report) -> Report:
    """A skip for want of something as a failure, where all is meant to be there."""
    missing = _missing(report) if REQUIRE_SERVERS else None
    if missing is not None:
        report.outcome = "failed"
        report.longrepr = f"needs {missing}, and REQUIRE_SERVERS is set: see tests/servers.txt"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _demand((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _demand((yield))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Counts and names what was skipped, by what was missing."""
    skipped: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("skipped", ()):
        missing = _missing(report)
        why = f"needs {missing}" if missing else str(report.longrepr[2]).removeprefix("Skipped: ")
        skipped.setdefault(why, []).append(report.nodeid)
    if not skipped:
        return
    terminalreporter.section("skipped")
    for why, tests in sorted(skipped.items()):
        files = sorted({test.split("::")[0] for test in tests})
        terminalreporter.line(f"{len(tests):4} {why}: {', '.join(files)}")
