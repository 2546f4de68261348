"""How the commands behave as processes: pipes, terminals, signals, full disks."""

from __future__ import annotations

import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from audits import observed
from command import SCRIPT, ZABBIX_SSL, Site, site

from zabbix_ssl import cli
from zabbix_ssl.cli.output import Progress
from zabbix_ssl.cli.stream import in_order
from zabbix_ssl.metrics import judge
from zabbix_ssl.model import Result, Settings, Target

NAMES = ("healthy", "expired", "silent")  # the last one never answers


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site"), *NAMES) as up:
        yield up


def first_two(demo: Site) -> str:
    """The configuration without the target that never answers."""
    return str(demo.configure("two.json", demo.targets[:2],
                              defaults={"ca_file": str(demo.folder / "ca.pem")}))


# Order and memory

def results(*indexes: int) -> Iterator[tuple[int, Result]]:
    """Results as they come from checks that overtake each other."""
    for index in indexes:
        yield index, judge(observed(Target(f"{index}.example")))


def test_results_are_delivered_in_order_as_their_turn_comes() -> None:
    """None waits longer than for those before it, and no result is kept once it is rendered."""
    log: list[str] = []

    def noted() -> Iterator[tuple[int, Result]]:
        for one in results(1, 0, 3, 2, 4):
            log.append(f"done {one[0]}")
            yield one

    outcome = in_order(noted(), lambda r: r.target.domain[0], log.append, Progress(5, {}))
    assert log == ["done 1", "done 0", "0", "1", "done 3", "done 2", "2", "3", "done 4", "4"]
    assert outcome == (5, 0)


def test_a_signal_delivers_what_is_done() -> None:
    """What overtook an unfinished one too; the source of the results is closed."""
    log: list[str] = []

    def stopped() -> Iterator[tuple[int, Result]]:
        try:
            yield from results(0, 2)
            os.kill(os.getpid(), signal.SIGTERM)
            yield from results(1)  # never seen: the signal breaks in before
        finally:
            log.append("closed")

    before = signal.getsignal(signal.SIGTERM)
    outcome = in_order(stopped(), lambda r: r.target.domain[0], log.append, Progress(3, {}))
    assert log == ["0", "closed", "2"]
    assert outcome == (2, signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_failing_delivery_closes_the_source() -> None:
    """Checks do not go on for nobody."""
    log: list[str] = []

    def watched() -> Iterator[tuple[int, Result]]:
        try:
            yield from results(0, 1)
        finally:
            log.append("closed")

    def broken(_: Any) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        in_order(watched(), str, broken, Progress(2, {}))
    assert log == ["closed"]


# Signals

def read_until(process: subprocess.Popen[str], text: str) -> str:
    """What the process prints, until ``text`` is in it."""
    assert process.stdout
    seen = ""
    while text not in seen:
        data = os.read(process.stdout.fileno(), 65536)
        assert data, seen
        seen += data.decode()
    return seen


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_batch_that_is_stopped_reports_what_is_done(
        demo: Site, tmp_path: Path, number: signal.Signals, code: int, workers: str) -> None:
    """The array is whole, one line says how many are missing, nothing half is saved, no process is
    left behind."""
    process = demo.start("batch", "--timeout", "60", "--workers", workers, "--save", str(tmp_path),
                         process_group=0)
    seen = read_until(process, "expired.demo.example")
    os.killpg(process.pid, number)  # as the terminal does
    rest, err = process.communicate(timeout=30)
    assert [one["domain"] for one in json.loads(seen + rest)] == [
        "healthy.demo.example", "expired.demo.example"]
    assert err == (f"zabbix-ssl batch: stopped by {number.name}: 1 of 3 targets were not checked, "
                   "and nothing was saved\n")
    assert process.returncode == code
    assert not list(tmp_path.iterdir())
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_check_that_is_stopped_says_so(demo: Site) -> None:
    """The list ends with what was checked."""
    process = demo.start("check", "--timeout", "60")
    seen = read_until(process, "expired.demo.example")
    process.send_signal(signal.SIGINT)
    rest, err = process.communicate(timeout=30)
    assert (seen + rest).splitlines()[-1] == "2 targets: 1 fine, 1 high"
    assert err == "zabbix-ssl check: stopped by SIGINT: 1 of 3 targets were not checked\n"
    assert process.returncode == 130


def test_an_ignored_signal_stays_ignored(demo: Site) -> None:
    """As under nohup: SIGINT does not stop it, SIGTERM does."""
    code = ("import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
            "os.execv(sys.executable, [sys.executable, '-m', 'zabbix_ssl', *sys.argv[1:]])")
    with subprocess.Popen([sys.executable, "-c", code, "batch", "--timeout", "60"], text=True,
                          env=demo.environ, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        read_until(process, "expired.demo.example")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert "stopped by SIGTERM" in err


# Pipes and disks

@pytest.mark.parametrize("command", [
    ("batch",), ("batch", "--zabbix"), ("batch", "--prometheus"), ("check",), ("check", "--json"),
    ("discover",), ("--help",)])
def test_a_reader_that_goes_away_is_no_error(demo: Site, command: tuple[str, ...]) -> None:
    """Quiet, with the exit code that the shell shows for SIGPIPE."""
    reader, writer = os.pipe()
    os.close(reader)
    words = [*command, "--config", first_two(demo)] if command[0] != "--help" else command
    try:
        done = demo.run(*words, stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_reader_that_goes_away_does_not_stop_saving(demo: Site, tmp_path: Path) -> None:
    """The file is whole; without --save the same run ends early."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = demo.run("batch", "--config", first_two(demo), "--save", str(tmp_path),
                        stdout=writer)
    finally:
        os.close(writer)
    (saved,) = tmp_path.iterdir()
    assert len(json.loads(saved.read_text())) == 2
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("words", [
    ("batch",), ("batch", "--prometheus"), ("check",), ("discover",)])
def test_a_full_disk_behind_stdout_is_told(demo: Site, words: tuple[str, ...]) -> None:
    """In one line on stderr, with exit code 3."""
    with open("/dev/full", "w", encoding="ascii") as full:
        done = demo.run(*words, "--config", first_two(demo), stdout=full)
    assert done.stderr == (f"zabbix-ssl {words[0]}: cannot write to standard output: No space left "
                           "on device\n")
    assert done.returncode == 3


@pytest.mark.parametrize("closed", ["0<&- 1>&-", "0<&- 1>&- 2>&-", "1>&-"])
def test_a_closed_stdout_is_told_and_no_socket_takes_its_place(demo: Site, closed: str) -> None:
    """The first connection would get its number, and the report would go to the server."""
    command = " ".join(ZABBIX_SSL)
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec {command} check {demo.target('healthy')} {closed}"],
        env=demo.environ, text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr == ("" if "2>&-" in closed else
                           "zabbix-ssl check: cannot write to standard output: it is closed\n")


def test_a_full_disk_behind_save_loses_nothing_on_stdout(demo: Site, tmp_path: Path) -> None:
    """One line, exit code 3, no half file; with room for it the same run succeeds."""
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    words = ("batch", "--no-cache", "--config", first_two(demo), "--save", str(tmp_path))
    done = demo.run(*words, preexec_fn=small_files)
    assert len(json.loads(done.stdout)) == 2
    assert done.stderr == (f'zabbix-ssl batch: cannot save to "{tmp_path}": File too large: '
                           "nothing was saved there, make room\n")
    assert done.returncode == 3
    assert not list(tmp_path.iterdir())
    assert demo.run(*words).returncode == 0
    assert len(list(tmp_path.iterdir())) == 1


def test_a_directory_that_may_not_be_written_to_stops_at_once(demo: Site) -> None:
    """Before anything is checked."""
    done = demo.run("batch", "--save", "/proc/self")
    assert (done.returncode, done.stdout) == (3, "")
    assert re.fullmatch(r'zabbix-ssl batch: "/proc/self" cannot be (written to|used) \(.*\): .*\n',
                        done.stderr)


def test_a_non_blocking_stdout_gets_all(demo: Site) -> None:
    """As some parents leave their pipes: what does not fit at once is written when there is
    room."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    many = demo.configure("many.json", [f"a{n}.example" for n in range(5000)])
    with demo.start("discover", "--config", str(many), stdout=writer) as process:
        os.close(writer)
        with open(reader, encoding="utf-8") as pipe:
            data = json.load(pipe)["data"]
        assert process.wait(30) == 0
    assert len(data) == 5000


# Terminals

def run_on_terminal(demo: Site, *words: str, environ: dict[str, str] | None = None,
                    stdout: bool = False) -> tuple[str, str]:
    """What a run prints on its pipe, and on the terminal that its stderr (and stdout) is."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        [*ZABBIX_SSL, *words], env={**demo.environ, "TERM": "xterm", **(environ or {})},
        stdin=subprocess.DEVNULL, stdout=side if stdout else subprocess.PIPE, stderr=side)
    os.close(side)
    piped = b"" if stdout else process.communicate(timeout=30)[0]
    shown = b""
    try:
        while data := os.read(main, 65536):
            shown += data
    except OSError:  # the other side is closed
        pass
    os.close(main)
    process.wait(30)
    return piped.decode(), shown.decode()


def test_progress_is_shown_on_a_terminal_alone(demo: Site) -> None:
    """A line that is erased at the end; a pipe and a dumb terminal get none."""
    words = ("batch", "--config", first_two(demo))
    piped, shown = run_on_terminal(demo, *words)
    assert len(json.loads(piped)) == 2
    assert re.search(r"\r\x1b\[K\d of 2 checked", shown)
    assert shown.endswith("\r\x1b[K")
    assert run_on_terminal(demo, *words, environ={"TERM": "dumb"})[1] == ""
    assert demo.run(*words).stderr == ""


def test_a_terminal_gets_colour_and_its_width(demo: Site) -> None:
    """NO_COLOR and pipes get none; the words are the same."""
    words = ("check", demo.target("expired"))
    _, painted = run_on_terminal(demo, *words, stdout=True)
    _, plain = run_on_terminal(demo, *words, stdout=True, environ={"NO_COLOR": "1"})
    assert painted.startswith("\x1b[1;31mHIGH")
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted).split("\r\n")[:2] == plain.split("\r\n")[:2]
    assert "\x1b" not in demo.run(*words).stdout


# External checks

def test_get_answers_inside_its_time_for_a_server_that_is_silent(demo: Site) -> None:
    """One line that says why, on the pipe that Zabbix reads, and no process is left."""
    words = ("--get", demo.domain("silent"), demo.port("silent"))
    done = demo.run(*words, "remain_days", "--timeout", "0.5", program=SCRIPT,
                    stderr=subprocess.STDOUT)
    assert done.returncode == 1
    assert done.stdout == "the server did not answer in time\n"
    done = demo.run(*words, "all", "--timeout", "0.5", program=SCRIPT, stderr=subprocess.STDOUT)
    assert json.loads(done.stdout)["error_reason"] == "timeout"


def test_the_default_time_suits_zabbix(demo: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an option get ends well before a server gives up, after 3 seconds; the others are
    for people, who wait."""
    asked: list[float] = []

    def noted(targets: Any, settings: Settings, *_: Any, **__: Any) -> Any:
        asked.append(settings.timeout)
        return judge(observed(targets)) if isinstance(targets, Target) else iter(())

    monkeypatch.setattr("zabbix_ssl.cli.get.get_result", noted)
    monkeypatch.setattr("zabbix_ssl.cli.batch.run_checks", noted)
    for words in (["--get", "a.example", "443", "error"], ["a.example"],
                  ["--get", "a.example", "443", "error", "--timeout", "20"]):
        cli.batch_script(words, demo.environ)
    assert asked == [2.5, 10, 20]


@pytest.mark.parametrize("metric", ["remain_days", "risk_msg", "all"])
def test_output_is_utf8_whatever_the_locale(demo: Site, metric: str) -> None:
    """Zabbix starts its checks with the server's environment, which may have none."""
    words = ("--get", demo.domain("expired"), demo.port("expired"), metric)
    assert (demo.run(*words, program=SCRIPT, environ={"LC_ALL": "C", "PYTHONUTF8": "0"}).stdout
            == demo.run(*words, program=SCRIPT, environ={"LC_ALL": "C.UTF-8"}).stdout)


WITHOUT = """
import sys
from zabbix_ssl.cli import main
code = main(sys.argv[1:])
slow = {"cryptography", "OpenSSL", "requests", "asyncio", "ssl", "multiprocessing"}
print(code, *sorted(slow & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize(("words", "loaded"), [
    (("discover",), "0\n"), (("check", "--help"), "0\n"), (("--help",), "0\n"),
    (("get", "a.example", "0", "all"), "1\n"), (("batch", "--frob"), None)])
def test_a_command_imports_what_it_needs(
        demo: Site, words: tuple[str, ...], loaded: str | None) -> None:
    """What is answered without a connection loads nothing that makes one."""
    done = demo.run(*words, program=(sys.executable, "-c", WITHOUT))
    assert done.stderr.splitlines(keepends=True)[-1] == (loaded or "3\n")


def test_a_check_imports_what_it_needs(demo: Site) -> None:
    """The twin of the test above: a connection loads OpenSSL."""
    done = demo.run("check", demo.target("healthy"), program=(sys.executable, "-c", WITHOUT))
    assert "OpenSSL" in done.stderr.split()


def test_our_own_fault_is_one_line(demo: Site) -> None:
    """No traceback; where it is shows with ZABBIX_SSL_DEBUG."""
    broken = ("import sys; from zabbix_ssl import cli; from zabbix_ssl.cli import discover\n"
              "discover.discovery_json = lambda targets: targets[999]\n"
              "sys.exit(cli.main(['discover']))")
    done = demo.run(program=(sys.executable, "-c", broken))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == ("a fault in zabbix-ssl, please report it: IndexError: tuple index out "
                           "of range (ZABBIX_SSL_DEBUG=1 shows where)\n")
    done = demo.run(program=(sys.executable, "-c", broken), environ={"ZABBIX_SSL_DEBUG": "1"})
    assert "Traceback" in done.stderr
