"""Without a monitoring system: looking again and again, what to add to a chain, saved reports,
tables, and what cron, systemd and containers are given."""

from __future__ import annotations

import configparser
import csv
import io
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from audits import DAY, observed
from command import ZABBIX_SSL, Site, site

from testbed import packaging, tls
from testbed.pki import Authority
from testbed.process import program
from testbed.serving import Dialogue, serve
from zabbix_ssl import cli
from zabbix_ssl.cli import COMMANDS, saving
from zabbix_ssl.metrics import TABLE, judge
from zabbix_ssl.model import Failure, Observation, Target
from zabbix_ssl.outputs import csv as tables

ROOT = Path(__file__).parent.parent
CONTRIB = ROOT / "contrib"
NOW = 1795503600  # 2026-11-24T07:00:00Z


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site"), "healthy", "expiring", "incomplete", "down") as up:
        yield up


# A missing intermediate


def pem(text: str) -> list[str]:
    return re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", text, re.DOTALL)


def test_show_fix_prints_what_the_server_should_send(demo: Site) -> None:
    """Below the report, as one PEM block that openssl takes out by itself; nothing without the
    option."""
    target = demo.target("incomplete")
    done = demo.run("check", "--show-fix", target)
    assert (done.returncode, done.stderr) == (2, "")
    (block,) = pem(done.stdout)
    assert re.search(r"\nincomplete\.demo\.example:\d+ \(127\.0\.0\.\d+\) should also send CN=Demo "
                     r"Issuing CA, which http://127\.0\.0\.1:\d+/issuing\.crt has:\n-----BEGIN",
                     done.stdout)
    subject = subprocess.run([program("openssl"), "x509", "-noout", "-subject"], check=True,
                             input=done.stdout, capture_output=True, text=True).stdout
    assert "Demo Issuing CA" in subject
    assert not pem(demo.run("check", target).stdout)
    assert block.count("\n") > 5


def test_the_fix_mends_the_server(demo: Site, tmp_path: Path) -> None:
    """With the certificate that it prints openssl verifies the chain, which it does not without."""
    (block,) = pem(demo.run("check", "--show-fix", demo.target("incomplete")).stdout)
    (tmp_path / "fix.pem").write_text(block)
    address = next(target["address"] for target in demo.targets
                   if target["domain"] == demo.domain("incomplete"))
    leaf = subprocess.run(
        [program("openssl"), "s_client", "-connect", f"{address}:{demo.port('incomplete')}",
         "-servername", demo.domain("incomplete")], input="", capture_output=True, text=True,
        timeout=30, check=False).stdout
    (tmp_path / "leaf.pem").write_text(pem(leaf)[0])
    verify = [program("openssl"), "verify", "-CAfile", str(demo.folder / "ca.pem")]
    for more, code in (((), False), (("-untrusted", str(tmp_path / "fix.pem")), True)):
        done = subprocess.run([*verify, *more, str(tmp_path / "leaf.pem")], capture_output=True,
                              check=False)
        assert (done.returncode == 0) is code


def test_show_fix_says_when_there_is_nothing_to_add(demo: Site) -> None:
    """Of a whole chain; when the missing one cannot be had; and nothing of what failed."""
    assert " sends all that it should\n" in demo.run(
        "check", "--show-fix", demo.target("healthy")).stdout
    assert "could not be fetched: ask the CA for it\n" in demo.run(
        "check", "--show-fix", demo.target("incomplete"), "--offline").stdout
    assert "send" not in demo.run("check", "--show-fix", demo.target("down")).stdout


def test_show_fix_of_several(demo: Site) -> None:
    """Each in the list has it below its line."""
    names = ("healthy", "incomplete")
    done = demo.run("check", "--show-fix", *map(demo.target, names))
    assert len(pem(done.stdout)) == 1
    places = [done.stdout.index(text) for text in ("healthy", "sends all", "incomplete", "BEGIN")]
    assert places == sorted(places)


# Looking again and again


class Replaced:
    """A server whose certificate is replaced while it runs."""

    def __init__(self, name: str) -> None:
        self._root = Authority("Watched Root CA")
        self._name = name
        self.pem = self._root.certificate_pem
        self._dialogue: Dialogue
        self.replace(10)

    def replace(self, days: int) -> None:
        now = int(time.time())
        self._dialogue = tls.modern(self._root.leaf(
            self._name, not_before=now - 100 * DAY, not_after=now + days * DAY + DAY // 2))

    def __call__(self, connection: object) -> None:
        self._dialogue(connection)  # type: ignore[arg-type]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[Replaced, list[str], dict[str, str]]]:
    """A server, the words that watch it, and the environment for them."""
    server = Replaced("watched.example")
    with serve(server) as port:
        (tmp_path / "ca.pem").write_bytes(server.pem)
        config = tmp_path / "domains.json"
        config.write_text(json.dumps([{"domain": "watched.example", "port": port,
                                       "address": "127.0.0.1", "ca_file": "ca.pem"}]))
        yield server, [*ZABBIX_SSL, "check", "--watch", "--every", "1", "--no-cache"], {
            **os.environ, "PYTHONPATH": str(ROOT), "ZABBIX_SSL_CONFIG": str(config),
            "PYTHONUNBUFFERED": "1", "LC_ALL": "C", "NO_COLOR": "1"}


def read_until(descriptor: int, done: Callable[[str], object]) -> str:
    """What can be read until ``done`` of it holds; fails after a while."""
    text, deadline = "", time.monotonic() + 30
    while not done(text):
        assert time.monotonic() < deadline, text
        data = os.read(descriptor, 65536)
        assert data, text
        text += data.decode()
    return text


Watched = tuple[Replaced, list[str], dict[str, str]]


def test_watch_on_a_pipe_tells_what_changes(watched: Watched) -> None:
    """The report once, then a line for each change; Ctrl-C ends it with the code of the last look.
    """
    server, argv, environ = watched
    with subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          cwd="/") as process:
        assert process.stdout
        assert process.stderr
        first = read_until(process.stdout.fileno(), lambda text: "Handshake" in text)
        assert first.startswith("MEDIUM  watched.example:")
        server.replace(80)
        line = read_until(process.stdout.fileno(), lambda text: text.endswith("\n"))
        assert re.fullmatch(r"\d\d:\d\d:\d\d  watched\.example:\d+ \(127\.0\.0\.1\)  "
                            r"MEDIUM -> OK, another certificate\n", line)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stdout.read() == b""
        assert process.stderr.read() == b""


def test_watch_on_a_terminal_draws_the_screen_anew(watched: Watched) -> None:
    """The last look, when it was, and below it the changes."""
    server, argv, environ = watched
    ours, theirs = pty.openpty()
    with subprocess.Popen(argv, env={**environ, "TERM": "xterm"}, stdin=theirs, stdout=theirs,
                          stderr=theirs, cwd="/") as process:
        os.close(theirs)
        read_until(ours, lambda text: "every 1 s, Ctrl-C ends" in text)
        server.replace(80)
        text = read_until(ours, lambda text: "another certificate" in text)
        screen = text.split("\x1b[H\x1b[2J")[-1]
        assert screen.startswith("OK      watched.example:")
        assert "MEDIUM -> OK" in screen
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    os.close(ours)


@pytest.mark.parametrize(("words", "line"), [
    ("check --json --watch a.example", "--json and --watch exclude each other: leave one out"),
    ("check --json --show-fix a.example", "--json and --show-fix exclude each other: leave one "
                                          "out"),
    ("check --every 5 a.example", "--every has nothing to work on: add --watch"),
    ("check --watch --every 0.5 a.example", '--every: "0.5" is not a time: write seconds, from 1 '
                                            "to 86400"),
    ("batch --keep 5 a.example", "--keep has nothing to work on: add --save DIR"),
    ("batch --save . --keep 0 a.example", '--keep: "0" is not a number: write a whole number from '
                                          "1 to 100000"),
    ("batch --csv --html a.example", "--csv and --html exclude each other: leave one out"),
    ("batch --zabbix --html a.example", "--zabbix and --html exclude each other: leave one out"),
])
def test_wrong_use(words: str, line: str, capfd: pytest.CaptureFixture[str]) -> None:
    """What makes no sense together is refused before anything is checked."""
    command, *argv = shlex.split(words)
    assert cli.main([command, *argv], {}) == 3
    assert capfd.readouterr() == ("", f"zabbix-ssl {command}: {line}\n")


# Saved reports


def old_reports(folder: Path) -> set[str]:
    """Reports of earlier runs, and files that are none."""
    kept = {f"ssl_batch_check_{1700000000 + n}.{kind}" for n in range(5)
            for kind in ("json", "html")}
    others = {"ssl_batch_check_1700000009.json.gz", "ssl_batch_check_.json", "notes.json",
              "ssl_batch_check_1700000001.txt", "xssl_batch_check_1700000001.json",
              ".ssl_batch_check_9999999999.json.1"}  # of a run that is under way
    for name in kept | others | {".ssl_batch_check_1700000001.json.4711"}:  # of a killed one
        (folder / name).write_text(name)
    return others


def test_keep_leaves_the_newest(demo: Site, tmp_path: Path) -> None:
    """Of each kind so many; what bears another name stays, whatever it is."""
    others = old_reports(tmp_path)
    done = demo.run("batch", "--html", "--save", str(tmp_path), "--keep", "3")
    assert (done.returncode, done.stderr) == (0, "")
    names = {path.name for path in tmp_path.iterdir()}
    assert others < names
    left = sorted(names - others)
    assert [name for name in left if "json" in name][:2] == [
        "ssl_batch_check_1700000003.json", "ssl_batch_check_1700000004.json"]
    assert len([name for name in left if name.endswith(".json")]) == 3
    assert len([name for name in left if name.endswith(".html")]) == 3
    assert len(left) == 6


def test_without_keep_nothing_is_removed(demo: Site, tmp_path: Path) -> None:
    """The twin of the test above."""
    old_reports(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    assert demo.run("batch", "--save", str(tmp_path)).returncode == 0
    assert before < {path.name for path in tmp_path.iterdir()}


def test_a_run_that_fails_removes_nothing(demo: Site, tmp_path: Path) -> None:
    """What there is, is all there is: a full disk must not cost the last good report."""
    old_reports(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    argv = [*ZABBIX_SSL, "batch", "--save", str(tmp_path), "--keep", "1"]
    limited = f"ulimit -f 1; trap '' XFSZ; exec {shlex.join(argv)} | cat >/dev/null"
    subprocess.run(["/bin/bash", "-c", f"set -o pipefail; {limited}"], env=demo.environ, cwd="/",
                   capture_output=True, timeout=60, check=False)
    assert before <= {path.name for path in tmp_path.iterdir()}


def test_what_cannot_be_removed_is_told(tmp_path: Path) -> None:
    """A directory of such a name is not removed, and the disk must not fill up in silence."""
    (tmp_path / "ssl_batch_check_1700000000.json").mkdir()
    with saving.Saved(str(tmp_path), ("json",)) as saved:
        saved.files["json"].write("[]\n")
        (fault,) = saved.commit(1)
    assert str(fault).startswith('cannot remove "')
    assert str(fault).endswith("remove it, or the disk fills up")
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_saved_kinds_are_what_is_printed(demo: Site, tmp_path: Path) -> None:
    """JSON always, and the page or the table beside it; metrics and lines are not saved."""
    for mode, kinds in (("--csv", {"json", "csv"}), ("--html", {"json", "html"}),
                        ("--zabbix", {"json"}), ("--prometheus", {"json"})):
        folder = tmp_path / mode
        folder.mkdir()
        done = demo.run("batch", mode, demo.target("healthy"), f"--save={folder}")
        files = {path.suffix[1:]: path for path in folder.iterdir()}
        assert set(files) == kinds
        assert json.loads(files["json"].read_text())[0]["domain"] == demo.domain("healthy")
        for kind in kinds - {"json"}:
            assert files[kind].read_bytes() == done.stdout.encode() or (
                files[kind].read_text() == done.stdout)


# The table


class TestTable:
    """CSV for spreadsheets."""

    def test_a_column_for_each_metric(self) -> None:
        """Under its name; what is not known is empty."""
        seen = observed(Target("a.example", address="192.0.2.1", group="web"), check_time=NOW)
        text = tables.header() + tables.row(judge(seen)) + tables.row(
            judge(Observation(Target("b.example"), NOW, Failure("dns", "no, \"never\""))))
        good, bad = csv.DictReader(io.StringIO(text))
        assert set(good) == {*TABLE, "domain", "port", "configured_address", "group", "status"}
        assert (good["domain"], good["configured_address"], good["group"], good["status"]) == (
            "a.example", "192.0.2.1", "web", "success")
        assert (good["is_valid"], good["remain_days"], good["san"]) == (
            "true", "100", "a.example, b.example")
        assert good["check_time"] == "2026-11-24T07:00:00Z"
        assert (bad["error"], bad["remain_days"], bad["risk_level"]) == ('no, "never"', "", "high")
        assert text.count("\r\n") == 3

    @pytest.mark.parametrize("evil", [
        "=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(1)", " =1", "\t=1", "\n=1", "=\u202e1"])
    def test_no_cell_is_a_formula(self, evil: str) -> None:
        """Whatever a certificate says, a spreadsheet shows it and does not run it."""
        seen = observed(Target("a.example", group=evil), check_time=NOW)
        assert seen.certificate
        result = judge(seen._replace(certificate=seen.certificate._replace(
            subject=evil, issuer=evil, san=(evil,))))
        (row,) = csv.DictReader(io.StringIO(tables.header() + tables.row(result)))
        for name in ("subject", "issuer", "san", "group"):
            assert not re.match(r"\s*[=+@-]", row[name]), name
        assert all(cell.isprintable() for cell in row.values())

    def test_negative_days_stay_a_number(self) -> None:
        """Only texts are guarded."""
        result = judge(observed(Target("a.example"), days=-3, check_time=NOW))
        (row,) = csv.DictReader(io.StringIO(tables.header() + tables.row(result)))
        assert row["remain_days"] == "-3"


# What cron, systemd and containers are given


def run_command(words: list[str], demo: Site, reports: Path) -> subprocess.CompletedProcess[str]:
    """The words of a shipped file, in our Python and with folders of the test's own."""
    place = words.index("/opt/zabbix-ssl/bin/zabbix-ssl")
    ours = [str(reports) if word == "/var/lib/zabbix-ssl/reports" else word for word in words]
    return subprocess.run([*ours[:place], *ZABBIX_SSL, *ours[place + 1:]], env=demo.environ,
                          cwd="/", capture_output=True, text=True, timeout=60, check=False)


def cron_words() -> list[str]:
    (line,) = [line for line in (CONTRIB / "cron" / "zabbix-ssl").read_text().splitlines()
               if line[:1].isdigit()]
    assert re.match(r"(\S+ ){5}zabbix ", line)  # five fields of time and a user: crontab(5)
    command = line.split(" ", 6)[6]
    assert "%" not in command  # which cron would take for a line break
    assert command.endswith(" >/dev/null")
    return shlex.split(command.removesuffix(" >/dev/null"))


def unit() -> configparser.RawConfigParser:
    parsed = configparser.RawConfigParser(strict=False)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read(CONTRIB / "systemd" / "zabbix-ssl-batch.service")
    return parsed


@pytest.mark.parametrize("words", [
    pytest.param(cron_words, id="cron"),
    pytest.param(lambda: shlex.split(unit()["Service"]["ExecStart"]), id="systemd")])
def test_shipped_commands_save_reports_and_are_silent(
        words: Callable[[], list[str]], demo: Site, tmp_path: Path) -> None:
    """All went well: nothing on stderr, which cron mails, and the reports are there. A wrong
    configuration: one line, and a code that systemd takes for a failure."""
    done = run_command(words(), demo, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".html"}
    wrong = demo.configure("wrong.json", ["a b"])
    demo.environ["ZABBIX_SSL_CONFIG"], before = str(wrong), demo.environ["ZABBIX_SSL_CONFIG"]
    try:
        done = run_command(words(), demo, tmp_path)
    finally:
        demo.environ["ZABBIX_SSL_CONFIG"] = before
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "contains a space" in done.stderr


def test_cron_does_not_start_a_second_run(demo: Site, tmp_path: Path) -> None:
    """While one is under way the next one ends at once, silently."""
    with subprocess.Popen([program("flock"), str(tmp_path), "sleep", "60"]) as running:
        while subprocess.run([program("flock"), "-n", str(tmp_path), "true"],
                             check=False).returncode == 0:
            time.sleep(0.01)
        done = run_command(cron_words(), demo, tmp_path)
        running.terminate()
        running.wait()
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    assert not list(tmp_path.iterdir())


def test_units_are_taken_by_systemd(tmp_path: Path) -> None:
    """``systemd-analyze verify`` finds nothing wrong with the timer and its service; with a key
    that does not exist it does."""
    analyze = program("systemd-analyze")
    for path in (CONTRIB / "systemd").glob("zabbix-ssl-batch.*"):
        text = path.read_text().replace("/opt/zabbix-ssl/bin/zabbix-ssl", "/bin/true")
        (tmp_path / path.name).write_text(text)
    units = sorted(str(path) for path in tmp_path.iterdir())
    assert len(units) == 2

    def complaints() -> list[str]:
        done = subprocess.run([analyze, "verify", *units], capture_output=True, text=True,
                              timeout=60, check=False)
        return [line for line in (done.stdout + done.stderr).splitlines()
                if "zabbix-ssl-batch" in line]

    assert complaints() == []
    service = tmp_path / "zabbix-ssl-batch.service"
    service.write_text(service.read_text().replace("Nice=5", "Nicely=5"))
    assert complaints()


def container_lines() -> list[list[str]]:
    text = (CONTRIB / "Containerfile").read_text().replace("\\\n", " ")
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def copied(lines: list[list[str]]) -> set[str]:
    """The files that the COPY lines put where pip builds, by their names there."""
    found: set[str] = set()
    for line in lines:
        if line[0] == "COPY" and not line[1].startswith("--"):
            *sources, into = line[1:]
            for source in sources:
                base = Path(into).relative_to("/src")
                files = [one for one in packaging.tracked()
                         if one == source or one.startswith(f"{source}/")]
                assert files, source
                found.update(str(base / Path(one).relative_to(source)) if one != source
                             else str(base / source) for one in files)
    return found


def test_container_is_given_all_that_it_needs(wheel: Path) -> None:
    """All that the wheel is made of is copied to where pip builds it; without one of the lines
    something is missing."""
    lines = container_lines()
    needed = {re.sub(r"^zabbix_ssl-[^/]+\.data/scripts", "externalscripts", name)
              for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name} | {
                  "setup.cfg", "pyproject.toml", "README.md", "LICENSE"}
    assert needed <= copied(lines)
    for line in lines:
        if line[0] == "COPY" and not line[1].startswith("--"):
            assert not needed <= copied([one for one in lines if one is not line])


def test_container_does_not_run_as_root() -> None:
    """The last USER before the ENTRYPOINT is zabbix, whom the image has made."""
    lines = container_lines()
    entry = [line[0] for line in lines].index("ENTRYPOINT")
    assert [line[1] for line in lines[:entry] if line[0] == "USER"] == ["zabbix"]
    assert any("useradd" in line for line in lines[:entry])


def test_pages_name_commands_and_options_that_exist() -> None:
    """Those of zabbix-ssl in the pages on working alone, on Nagios and on operations."""
    helped: dict[str, str] = {}
    for name in ("alone.md", "nagios.md", "operations.md"):
        text = (ROOT / "docs" / name).read_text()
        for code in (*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^    .+$", text, re.M)):
            for command, words in re.findall(r"(?<![\w/.-])zabbix-ssl ([a-z]+)\b([^|#)]*)", code):
                assert command in COMMANDS, code
                if command not in helped:
                    helped[command] = subprocess.run(
                        [*ZABBIX_SSL, command, "--help"], capture_output=True, text=True,
                        check=True, cwd=ROOT).stdout
                for option in re.findall(r"--[a-z-]+", words):
                    assert re.search(rf"{option}\b", helped[command]), code
    assert {"check", "batch", "get", "doctor", "nagios"} <= set(helped)
