"""``zabbix-ssl push`` as a process: what it sends, how it ends, and kill -9."""

# ruff: noqa: RUF001

from __future__ import annotations

import json
import os
import pty
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from testbed.pki import Authority
from testbed.process import listener as listening
from testbed.process import reserved, stop
from testbed.trapper import Trapper as Listener
from testbed.trapper import trapper
from zabbix_ssl.cli.push import spool_folder
from zabbix_ssl.model import Target
from zabbix_ssl.zabbix.delivery import DISCOVERY_KEY, HEARTBEAT_KEY, OVERVIEW_KEY
from zabbix_ssl.zabbix.kinds import PUSH
from zabbix_ssl.zabbix.push import key_of
from zabbix_ssl.zabbix.summaries import list_items

ROOT = Path(__file__).parent.parent
ZABBIX_SSL = (sys.executable, "-W", "error", "-m", "zabbix_ssl")


class Service:
    """The command in a folder of its own, with targets that refuse at once."""

    def __init__(self, folder: Path, ports: list[int]) -> None:
        self.folder = folder
        self.config = folder / "domains.json"
        self.log = folder / "log"
        self.environ = {**{name: value for name, value in os.environ.items()
                           if name not in ("NOTIFY_SOCKET", "STATE_DIRECTORY", "JOURNAL_STREAM")},
                        "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
        self.write([f"127.0.0.1:{port}" for port in ports])

    def write(self, targets: object) -> None:
        self.config.write_text(json.dumps(targets))

    def words(self, *more: str) -> list[str]:
        return [*ZABBIX_SSL, "push", "--config", str(self.config), "--spool-dir",
                str(self.folder / "spool"), "--cache-dir", str(self.folder / "cache"),
                "--interval", "10", "--offline", *more]

    @contextmanager
    def running(self, *more: str, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(self.words(*more), stdout=log, stderr=log, cwd="/",
                                       env=self.environ | environ)
        try:
            yield process
        finally:
            stop(process)

    def said(self) -> list[str]:
        """The lines of the log, without date and program."""
        return [line.partition("zabbix-ssl push: ")[2] for line in
                self.log.read_text().splitlines()]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    held = [reserved() for _ in range(6)]
    yield Service(tmp_path, [one.getsockname()[1] for one in held])
    for one in held:
        one.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with trapper() as made:
        yield made


def wait_for(look: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.05)


def server(listener: Listener) -> str:
    return f"127.0.0.1:{listener.port}"


def test_the_keys_are_those_of_the_template() -> None:
    """Whoever renames an item there notices here."""
    keys = {item["key"] for item in list_items(PUSH)}
    assert HEARTBEAT_KEY in keys
    assert DISCOVERY_KEY == "ssl.push.discovery"
    assert key_of(Target("2001:db8::1", 8443)) == "ssl.push[2001:db8::1,8443]"
    odd = 'file:/a [b], "c"'
    assert key_of(Target(odd, 0)) == 'ssl.push["file:/a [b], \\"c\\"",0]'


def test_targets_that_zabbix_cannot_tell_apart(service: Service, listener: Listener) -> None:
    """Of those with the same domain and port the first is pushed, and the log says which are not,
    at the start and after each change of the configuration; while all can be told apart it says
    nothing."""
    def said(text: str) -> int:
        return sum(text in line for line in service.said())

    def listed() -> list[list[str]]:
        return [[row["{#ADDRESS}"] for row in json.loads(row.value or "")["data"]]
                for row in listener.rows if row.key == DISCOVERY_KEY]

    pair: list[object] = [{"domain": "127.0.0.1", "port": 9, "address": f"127.0.0.{n}"}
                          for n in (1, 2)]
    service.config.write_text(json.dumps(pair))
    with service.running("--server", server(listener)) as process:
        wait_for(lambda: listener.values())
        assert said("127.0.0.1:9 is configured 2 times, with 127.0.0.1, 127.0.0.2: ") == 1
        service.config.write_text(json.dumps([*pair, "127.0.0.1:10"]))
        wait_for(lambda: said("is configured 2 times") == 2)
        service.config.write_text(json.dumps([pair[1], "127.0.0.1:10"]))
        wait_for(lambda: listed()[-1] == ["127.0.0.2", ""])
        process.terminate()
        assert process.wait(10) == 0
    assert said("is configured 2 times") == 2
    assert listed()[0] == ["127.0.0.1"]
    assert ["127.0.0.1", ""] in listed()


def test_all_targets_at_a_glance(service: Service, listener: Listener) -> None:
    """Soon after the start, and not before there is something to tell: every target that is down is
    to be mended, and one that has left the configuration is not shown."""
    ports = [entry.rpartition(":")[2] for entry in json.loads(service.config.read_text())]
    with service.running("--server", server(listener)):
        wait_for(lambda: len(listener.values()) >= 6)
        assert not listener.values(OVERVIEW_KEY)
        service.write([f"127.0.0.1:{port}" for port in ports[1:]])
        wait_for(lambda: listener.values(OVERVIEW_KEY), 30)
    (row,) = listener.values(OVERVIEW_KEY)
    shown = json.loads(row.value or "")
    assert [line for line in shown["to_mend"].splitlines() if not line.startswith(" ")] == [
        f"high    127.0.0.1:{port}" for port in sorted(ports[1:])]


def test_values_of_all_targets(service: Service, listener: Listener) -> None:
    """The list names every target, and each has a value with all of its metrics and the time of
    its check. --get has the same from the cache, without a check of its own."""
    with service.running("--server", server(listener), "--host", "here") as process:
        wait_for(lambda: len(listener.values()) >= 6)
        process.terminate()
        assert process.wait(10) == 0
    rows = [row for row in listener.rows if row.key == DISCOVERY_KEY]
    listed = json.loads(rows[0].value or "")["data"]
    domains = json.loads(service.config.read_text())
    assert [f"{row['{#DOMAIN}']}:{row['{#PORT}']}" for row in listed] == domains
    assert {row.host for row in listener.rows} == {"here"}
    keys = {f"ssl.push[{d.replace(':', ',')}]" for d in domains}
    assert {row.key for row in listener.values()} == keys
    for row in listener.values():
        value = json.loads(row.value or "")
        assert value["error_reason"] == "refused" and value["check_time"] == row.clock
    last = listener.values()[-1]
    port = last.key[:-1].split(",")[1]
    got = subprocess.run(
        [*ZABBIX_SSL, "get", "127.0.0.1", port, "check_time", "--config", str(service.config),
         "--cache-dir", str(service.folder / "cache"), "--offline"],
        capture_output=True, text=True, env=service.environ)
    assert got.stdout.strip() == str(last.clock)
    assert service.said()[0] == f"6 targets every 10 s, to {server(listener)}"
    assert service.said()[-1].startswith("stopped after ")
    assert service.said()[-1].endswith("; 0 values are kept for the next start")


def test_the_log_in_chinese(service: Service, listener: Listener) -> None:
    """In the language of the service's locale, every line: the beginning, a server that goes away
    and comes back, a changed configuration, the end."""
    han = re.compile("[\u4e00-\u9fff]")
    with service.running("--server", server(listener), LC_ALL="zh_CN.UTF-8") as process:
        wait_for(lambda: listener.values())
        listener.stop()
        wait_for(lambda: any("拒绝连接：那里没有服务在监听。数据会保留到它恢复为止" in line
                             for line in service.said()))
        listener.start()
        wait_for(lambda: any("秒后恢复；有" in line for line in service.said()))
        service.write(["127.0.0.1:9"])
        wait_for(lambda: any("配置已更改：共 1 个目标" in line for line in service.said()))
        service.config.write_text("[")
        wait_for(lambda: any("继续使用之前的 1 个目标" in line for line in service.said()))
        process.terminate()
        assert process.wait(10) == 0
    assert all(han.search(line) for line in service.said())
    assert service.said()[0].startswith("6 个目标，每 10 秒一次，发往 ")
    assert service.said()[-1].startswith("已停止，共检查 ")


def test_files_are_pushed_like_servers(service: Service, listener: Listener) -> None:
    """One that is there with what it holds, one that is not with the reason; both in the list."""
    leaf = Authority("Push Root").leaf("a.example")
    (service.folder / "a, b.pem").write_bytes(leaf.pem)
    service.write(["file:a, b.pem", "file:gone.pem"])
    good, gone = (f"file:{service.folder}/{name}.pem" for name in ("a, b", "gone"))
    with service.running("--server", server(listener)):
        wait_for(lambda: len({row.key for row in listener.values()}) == 2)
    found = {row.key: json.loads(row.value or "") for row in listener.values()}
    assert set(found) == {f'ssl.push["{good}",0]', f"ssl.push[{gone},0]"}
    assert found[f'ssl.push["{good}",0]']["subject"] == "CN=a.example"
    assert found[f"ssl.push[{gone},0]"]["error_reason"] == "config"
    listed = next(row.value for row in listener.rows if row.key == DISCOVERY_KEY)
    assert [row["{#DOMAIN}"] for row in json.loads(listed or "")["data"]] == [good, gone]


def test_values_wait_for_the_server_across_a_restart(service: Service, listener: Listener) -> None:
    """What one process measured while the server was away the next one sends, each once."""
    listener.stop()
    with service.running("--server", server(listener)) as process:
        wait_for(lambda: "Values are kept" in service.log.read_text())
        time.sleep(1.5)
        process.terminate()
        assert process.wait(10) == 0
    kept = int(service.said()[-1].split("; ")[1].split()[0])
    assert kept >= 6
    before = int(time.time())
    listener.start()
    with service.running("--server", server(listener)) as process:
        wait_for(lambda: len(listener.values()) >= kept)
    sent = Counter((row.key, row.clock, row.ns) for row in listener.values())
    assert set(sent.values()) == {1}
    assert sum(1 for _, clock, _ in sent if clock is not None and clock <= before) >= kept


def test_the_end_is_prompt(service: Service) -> None:
    """SIGTERM and SIGINT end it with 0 inside of some seconds, although a target does not answer
    and neither does the server; what was not delivered is kept."""
    with listening() as target, listening() as mute:
        service.write([f"127.0.0.1:{target.getsockname()[1]}"])
        for number in (signal.SIGTERM, signal.SIGINT):
            with service.running("--server", f"127.0.0.1:{mute.getsockname()[1]}") as process:
                wait_for(lambda: "targets every" in service.log.read_text())
                time.sleep(1)
                begun = time.monotonic()
                process.send_signal(number)
                assert process.wait(15) == 0
                assert time.monotonic() - begun < 8
            service.log.unlink()


def test_a_changed_list(service: Service, listener: Listener) -> None:
    """A running service takes a changed domains.json over, list and values; a broken one is told in
    one line, and the targets stay."""
    with reserved() as held, service.running("--server", server(listener)):
        port = held.getsockname()[1]
        old = json.loads(service.config.read_text())
        wait_for(lambda: len(listener.values()) >= 6)
        service.config.write_text("{")
        wait_for(lambda: "going on with the 6 targets of before" in service.log.read_text())
        service.write([*old[1:], f"127.0.0.1:{port}"])
        wait_for(lambda: f"ssl.push[127.0.0.1,{port}]" in {r.key for r in listener.values()})
        lists = [row.value or "" for row in listener.rows if row.key == DISCOVERY_KEY]
        assert str(port) in lists[-1] and old[0].split(":")[1] not in lists[-1]
        assert len([line for line in service.said() if "this is not JSON" in line]) == 1


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told(service: Service, listener: Listener, tmp_path: Path, abstract: bool
                         ) -> None:
    """READY, signs of life as often as the watchdog wants, and STOPPING, by sd_notify(3)."""
    name = f"zabbix-ssl-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind("\0" + name if abstract else name)
        notified.settimeout(20)
        heard: list[str] = []
        address = f"@{name}" if abstract else name
        with service.running("--server", server(listener), NOTIFY_SOCKET=address,
                             WATCHDOG_USEC="1000000") as process:
            while heard.count("WATCHDOG=1") < 3:
                heard.append(notified.recv(4096).decode())
            process.terminate()
            while "STOPPING=1" not in heard:
                heard.append(notified.recv(4096).decode())
            assert process.wait(10) == 0
    assert heard[0] == "READY=1"
    assert any(line.startswith("STATUS=6 targets, ") for line in heard)


@pytest.mark.parametrize(("words", "told"), [
    (["example.com"], "is one word too many"),
    (["--server", "a b"], "contains"),
    (["--server", ","], "names no server"),
    (["--interval", "5"], "from 10 to 86400"),
    (["--spool-size", "0"], "whole number from 1"),
    (["--tls-ca-file", "/ca.pem"], "--tls-cert-file is missing: TLS takes it beside --tls-ca-file"),
    (["--tls-psk-file", "/psk"], "--tls-psk-identity is missing"),
    (["--tls-ca-file", "/no", "--tls-cert-file", "/no", "--tls-key-file", "/no"],
     "/no holds no CA certificates"),
    (["--spool-dir", "/dev/null/x"], "nothing can be kept there"),
    (["--config", "/no/such.json"], "does not exist"),
])
def test_wrong_words(service: Service, words: list[str], told: str) -> None:
    """One line and 3, before anything begins."""
    ended = subprocess.run([*service.words(), *words], capture_output=True, text=True, timeout=30,
                           env=service.environ)
    assert ended.returncode == 3, ended
    assert told in ended.stderr and ended.stderr.count("\n") == 1 and ended.stdout == ""


def test_a_second_service(service: Service, listener: Listener) -> None:
    """In the folder of one that runs it does not start."""
    with service.running("--server", server(listener)):
        wait_for(lambda: "targets every" in service.log.read_text())
        second = subprocess.run(service.words(), capture_output=True, text=True, timeout=30,
                                env=service.environ)
    assert second.returncode == 3
    assert "another zabbix-ssl push works there: stop it" in second.stderr


@pytest.mark.parametrize(("option", "environ", "folder"), [
    ("/a", {"STATE_DIRECTORY": "/b"}, "/a"),
    (None, {"STATE_DIRECTORY": "/b:/c"}, "/b"),
])
def test_where_the_spool_is(option: str | None, environ: dict[str, str], folder: str) -> None:
    """The option, or else what systemd made."""
    assert spool_folder(option, environ) == folder


DRIVER = """
import os, sys, threading, time
from zabbix_ssl.zabbix.delivery import Delivery
from zabbix_ssl.zabbix.spool import Spool, Value
from zabbix_ssl.zabbix.trapper import Node, Trapper
folder, run, *ports = sys.argv[1:]
names = [f"server-{n}" for n in range(len(ports))]
spool = Spool(folder, names, 1 << 30, print)
def deliver(name, port):
    delivery = Delivery(name, Trapper([Node("127.0.0.1", int(port))], "h"), spool, "h", print,
                        rate=1000000)
    delivery.announce("list", ["ssl.push[a,443]"])
    while True:
        time.sleep(min(0.01, delivery.turn(True)))
for name, port in zip(names, ports):
    threading.Thread(target=deliver, args=(name, port), daemon=True).start()
n = 0
while run != "rest" or any(map(spool.waiting, names)):
    if run != "rest":
        spool.add([Value("ssl.push[a,443]", "{}", int(run), n + i) for i in range(20)])
        n += 20
        os.write(1, b"%d\\n" % n)
    time.sleep(0.01)
os._exit(0)
"""


def test_kill_9_in_a_loop(tmp_path: Path) -> None:
    """A process that measures and delivers to two servers is killed ten times, at any moment; then
    one delivers the rest. Each server has every value that was measured, in order. None is there
    twice but those of the packet that was under way at a kill, with the same time."""
    dice = random.Random(4)
    with trapper() as one, trapper() as two:
        command = [sys.executable, "-c", DRIVER, str(tmp_path / "spool")]
        ports = [str(one.port), str(two.port)]
        measured: dict[int, int] = {}
        last: dict[int, set[tuple[int | None, int | None]]] = {one.port: set(), two.port: set()}
        for run in range(10):
            process = subprocess.Popen([*command, str(run), *ports], stdout=subprocess.PIPE,
                                       cwd=ROOT)
            assert process.stdout
            first = process.stdout.readline()
            time.sleep(dice.uniform(0.1, 0.6))
            process.kill()
            lines = [first, *process.stdout.read().splitlines(True)]
            process.wait()
            process.stdout.close()
            time.sleep(0.05)  # for what is still on its way
            measured[run] = max(int(line) for line in lines
                                if line.endswith(b"\n") and line.strip().isdigit())
            for server in (one, two):
                if server.packets:
                    last[server.port] |= {(row.clock, row.ns) for row in server.packets[-1]}
        rest = subprocess.run([*command, "rest", *ports], cwd=ROOT, timeout=60,
                              stdout=subprocess.DEVNULL)
        assert rest.returncode == 0
        for server in (one, two):
            check_exactly(server, measured, last[server.port])


def check_exactly(server: Listener, measured: dict[int, int],
                  last: set[tuple[int | None, int | None]]) -> None:
    counts = Counter((row.clock, row.ns) for row in server.values())
    for run, count in measured.items():
        mine = sorted(ns for clock, ns in counts if clock == run and ns is not None)
        assert mine == list(range(len(mine)))
        assert len(mine) in (count, count + 20)  # those of a kill before it could be told
    twice = {row for row, count in counts.items() if count > 1}
    assert twice <= last
    firsts = list(dict.fromkeys((row.clock, row.ns) for row in server.values()))
    assert firsts == sorted(firsts, key=lambda row: (row[0] or 0, row[1] or 0))


UNIT = ROOT / "contrib" / "systemd" / "zabbix-ssl-push.service"


def test_the_unit_is_one(tmp_path: Path, needs: Callable[[str], str]) -> None:
    """systemd understands every line of it; of one that it does not it complains."""
    verify = [needs("systemd-analyze"), "verify"]
    copy = tmp_path / UNIT.name
    text = UNIT.read_text().replace("/usr/local/bin/zabbix-ssl", "/bin/true")
    for unit, complaint in ((text, ""), (text.replace("Watchdog", "Watchcat"), "WatchcatSec")):
        copy.write_text(unit)
        said = subprocess.run([*verify, str(copy)], capture_output=True, text=True, timeout=30)
        mine = [line for line in said.stderr.splitlines() if UNIT.name in line]
        assert complaint in "".join(mine) and bool(mine) == bool(complaint), said.stderr


def test_the_unit_starts_the_command(service: Service, listener: Listener) -> None:
    """With the words of ExecStart, in the folders that systemd makes for it."""
    (start,) = [line.removeprefix("ExecStart=/usr/local/bin/zabbix-ssl ").split()
                for line in UNIT.read_text().splitlines() if line.startswith("ExecStart=")]
    words = [word.replace("${SERVER}", server(listener)) for word in start if word != "$OPTIONS"]
    state = service.folder / "state"
    state.mkdir(0o700)
    environ = service.environ | {"ZABBIX_SSL_CONFIG": str(service.config), "STATE_DIRECTORY":
                                 str(state), "ZABBIX_SSL_CACHE": str(service.folder / "cache")}
    with service.log.open("ab") as log:
        process = subprocess.Popen([*ZABBIX_SSL, *words], stderr=log, env=environ)
    try:
        wait_for(lambda: listener.values())
    finally:
        stop(process)
    assert process.returncode == 0 and (state / "push.db").exists()


def test_a_terminal_shows_how_it_goes(service: Service, listener: Listener) -> None:
    """A last line that is drawn anew, beside the lines that stay; a dumb terminal has none."""
    shown = b"\r\x1b[K6 targets, 6 checks, 0 values wait; 127.0.0.1:"
    for term, until in (("xterm", shown), ("dumb", b"takes values of host")):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(service.words("--server", server(listener)), stderr=theirs,
                                   env=service.environ | {"TERM": term})
        os.close(theirs)
        seen, asked = b"", False
        with suppress(OSError):  # raised when all is read and the other end is closed
            while more := os.read(ours, 65536):
                seen += more
                if until in seen and not asked:  # a second signal would kill it
                    process.terminate()
                    asked = True
        os.close(ours)
        assert process.wait(10) == 0
        assert b"6 targets every 10 s" in seen and b"stopped after" in seen
        assert (shown in seen) == (term == "xterm")
