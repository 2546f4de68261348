"""``make demo-zabbix``: it comes up, says where to look, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testbed import demo_zabbix, zabbix_packages
from testbed.endpoints import ENDPOINTS
from testbed.process import stop

ROOT = Path(__file__).parent.parent
GONE = "All servers are stopped, and their files removed."


class Demo:
    """The command as a process, and what it has said."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.said = ""

    def until(self, text: str) -> None:
        """Reads on until a line holds that text. Skips where Zabbix's packages cannot be had."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.said += line.decode()
            if text.encode() in line:
                return
        if "needs zabbix" in self.said:
            pytest.skip(self.said.strip().removeprefix("make demo-zabbix: "))
        raise AssertionError(f"it ended without {text!r}: {self.said}")


@contextmanager
def started(*words: str, **environ: str) -> Iterator[Demo]:
    """Without anything to read from, as from cron."""
    with subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "testbed.demo_zabbix", *words], cwd=ROOT,
            env={**os.environ, **environ}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT) as process:
        try:
            yield Demo(process)
        finally:
            stop(process)


def test_it_comes_up_and_goes() -> None:
    """It installs and registers as a person would, tells the address that shows it, with the
    password, and each problem; SIGTERM ends it with all that it has started."""
    with started() as demo:
        for text in ("$ zabbix-ssl install", "$ zabbix-ssl register"):
            demo.until(text)
        demo.until("It stays until Ctrl-C.")
        (url,) = re.findall(r"dashboard +(http://127\.0\.0\.1:\d+/\S+hostid=\d+)$", demo.said,
                            re.MULTILINE)
        with urllib.request.urlopen(url, timeout=60) as answer:
            assert b"Zabbix" in answer.read()
        here = folders(demo.said)
        assert all(Path(folder).exists() and running_in(folder) for folder in here[:1])
        demo.process.send_signal(signal.SIGTERM)
        demo.until(GONE)
        assert demo.process.wait(30) == 0
    assert "User Admin, password zabbix" in demo.said
    for endpoint in ENDPOINTS:
        named = [line for line in demo.said.splitlines()
                 if re.match(rf"(high|average|warning) +SSL {re.escape(endpoint.domain)}:", line)]
        assert len(named) == bool(endpoint.codes), endpoint.name
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=10)
    for folder in here:
        assert not Path(folder).exists()
        assert not running_in(folder)


def folders(said: str) -> tuple[str, str]:
    """Those of Zabbix and of domains.json."""
    (zabbix,) = re.findall(r"script +(/\S+)/externalscripts/", said)
    (own,) = re.findall(r" is as (\S+)/domains\.json wants it", said)
    return zabbix, own


def running_in(folder: str) -> list[str]:
    """Command lines of processes that name the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if folder in line:
            found.append(line)
    return found


def test_it_can_be_broken_off() -> None:
    """Ctrl-C while it is coming up: it says that it ends, and ends with all that it has started. A
    proxy that leads to the world is no way to this machine."""
    with started("--for", "1", http_proxy="http://127.0.0.1:9", no_proxy="") as demo:
        demo.until("endpoints are up")
        children = descendants(demo.process.pid)
        assert len(children) > 3
        demo.process.send_signal(signal.SIGINT)
        demo.until(GONE)
        assert demo.process.wait(30) == 0
    deadline = time.monotonic() + 10
    while any(alive(child) for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def descendants(pid: int) -> list[int]:
    children = [int(word) for path in Path(f"/proc/{pid}/task").glob("*/children")
                for word in path.read_text().split()]
    return children + [one for child in children for one in descendants(child)]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_packages_that_cannot_be_had(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """One line that says what is missing, and exit code 1."""
    monkeypatch.setattr(zabbix_packages, "cache_folder", lambda: tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    handlers = [signal.getsignal(one) for one in demo_zabbix.SIGNALS]
    try:
        assert demo_zabbix.main([], "") == 1
    finally:
        for one, handler in zip(demo_zabbix.SIGNALS, handlers, strict=True):
            signal.signal(one, handler)
    assert capfd.readouterr().err == (
        "make demo-zabbix: needs zabbix 7.0 packages: no apt-get here\n")


@pytest.mark.parametrize(("words", "duration", "seconds"), [
    ((), "", None), ((), "90", 90), (("--for", "2.5"), "90", 2.5)])
def test_how_long_it_stays(words: tuple[str, ...], duration: str, seconds: float | None) -> None:
    """For ever, or as the environment or, stronger, the command line says."""
    assert demo_zabbix.lasting(words, duration) == seconds


@pytest.mark.parametrize(("words", "duration"), [
    ((), "soon"), ((), "-1"), ((), "nan"), ((), "9" * 30), (("--for",), ""), (("--for", "."), ""),
    (("--for", "1", "2"), ""), (("stay",), "")])
def test_wrong_words(words: tuple[str, ...], duration: str, capfd: pytest.CaptureFixture[str]
                     ) -> None:
    """One line, exit code 1, and nothing is started."""
    assert demo_zabbix.main(words, duration) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("make demo-zabbix: ")
    assert err.count("\n") == 1
